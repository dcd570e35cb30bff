"""What we believe: constructs, the items that measure them, and the paths between them. Needs no data."""
