"""Servers for agents; not part of this version, which answers in this process."""
