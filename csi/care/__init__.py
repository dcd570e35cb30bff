"""What we do for customers: whom to care for first."""
