"""What moves the index: importance against performance."""
