"""Arrays in, arrays out, batched over a leading axis: no labels, no frames, no surveys."""
