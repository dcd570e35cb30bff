"""What customers said: codebook, answers, and every cell that could not be used, with its reason."""
