"""A model and a survey make a fit: weights, loadings, paths, scores, intervals, and whether to trust them."""
