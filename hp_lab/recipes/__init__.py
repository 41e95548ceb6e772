"""Recipes: what is done to one substrate, step by step, and how a candidate becomes one."""
