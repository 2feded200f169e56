"""The command agentctl."""
