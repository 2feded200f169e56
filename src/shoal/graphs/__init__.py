"""Graphs: their language, its checker, and the runner."""
