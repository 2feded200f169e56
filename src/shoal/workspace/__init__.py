"""What a workspace is made of below agents: strict YAML, types, the store."""
