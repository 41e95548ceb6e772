"""Orchestration: the laboratory's state as a fold over events, and what to do next."""
