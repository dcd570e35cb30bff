"""The numbers people watch: the 0-100 index and its parts, overall, by segment and by wave."""
