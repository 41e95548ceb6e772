"""The hotplate."""
