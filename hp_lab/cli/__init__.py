"""The command hp-lab."""
