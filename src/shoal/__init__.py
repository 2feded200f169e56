"""Shoal: many small models, moving as one."""

__version__ = "0.1.0"
