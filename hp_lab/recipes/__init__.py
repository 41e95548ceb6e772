"""Recipes: what is done to a substrate, step by step, and how candidates get there."""
