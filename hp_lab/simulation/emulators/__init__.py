"""Instruments that answer bytes as the real ones do."""
