"""Charts: each takes a result and returns the matplotlib Axes."""
