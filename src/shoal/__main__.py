"""`python -m shoal` is `agentctl`."""

from shoal.cli.main import main

main()
