"""Expressions: CEL, typed against contracts and null, and the values of YAML files that hold them."""
