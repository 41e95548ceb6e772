"""The planner: proposes the next experiments from what was observed."""
