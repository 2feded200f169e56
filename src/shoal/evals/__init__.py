"""Suites and gates; their runner is not part of this version, evals/ holds the cases."""
