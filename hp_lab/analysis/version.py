"""The version that every observation carries."""

# Raised whenever a change could alter a published number, so that a reanalysis of old
# readings can be told from the first one.
ANALYSIS_VERSION = "hp_lab-analysis-1"
