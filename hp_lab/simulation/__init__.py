"""The hidden world: films as they really are, and emulated instruments."""
