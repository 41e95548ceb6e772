"""The spin coater."""
