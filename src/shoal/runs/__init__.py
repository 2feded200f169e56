"""Runs: executing checked graphs, journalled step by step."""
