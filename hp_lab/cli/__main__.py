"""``python -m hp_lab.cli``."""

from hp_lab.cli.main import main

main()
