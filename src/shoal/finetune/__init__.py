"""From recipes and generators to weights: the nano base and the adapters of agents."""
