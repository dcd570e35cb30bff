"""What customers do: answers joined to behaviour, and the risk of dissatisfaction that goes with it."""
