"""Readers of instrument file formats."""
