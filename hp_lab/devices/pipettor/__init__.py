"""The pipetting robot."""
