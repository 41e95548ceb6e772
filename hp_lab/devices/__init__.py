"""Instruments: what each can do (protocol), and how it is told (driver)."""
