"""Agents: contracts, prompts, bases, adapters, and the engines that answer for them."""
