"""What is kept: the append-only journal, raw readings, reports."""
