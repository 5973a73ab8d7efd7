"""``python -m vigil_cli``."""

from vigil_cli.app import main

main()
