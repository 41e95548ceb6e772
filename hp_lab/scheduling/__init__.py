"""Scheduling: tasks of many samples on the laboratory's stations."""
