"""Evaluations for other eyes: a page for browsers, JUnit XML for build servers."""
