"""Graphs: their language and its checker."""
