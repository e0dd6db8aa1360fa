"""What the day looks like: its month and its moon."""
