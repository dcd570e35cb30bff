"""Eigenvalues of chance: drawn from their distribution, as if the answers themselves had been drawn."""

import numpy as np

from csi.kernel.parallel_analysis import chance_eigenvalues, dimensions_beyond_chance


def test_drawn_eigenvalues_are_those_of_independent_items():
    """Against correlations of 2,000 samples of 60 normal answers to 8 items each."""
    answers = np.random.default_rng(1).normal(size=(2000, 60, 8))
    answers -= answers.mean(axis=1, keepdims=True)
    S = np.swapaxes(answers, 1, 2) @ answers
    sd = np.sqrt(np.diagonal(S, axis1=1, axis2=2))
    brute = np.linalg.eigvalsh(S / sd[:, :, None] / sd[:, None, :])[:, ::-1]
    drawn = chance_eigenvalues(60, 8, draws=2000, seed=2)
    error = np.sqrt((brute.var(axis=0) + drawn.var(axis=0)) / 2000)
    assert np.all(np.abs(brute.mean(axis=0) - drawn.mean(axis=0)) < 4.5 * error)
    assert np.allclose(np.quantile(brute, 0.95, axis=0), np.quantile(drawn, 0.95, axis=0), atol=0.03)


def test_two_factors_are_counted_and_chance_alone_counts_none():
    chance = chance_eigenvalues(300, 8, draws=500)
    block = 0.5 * np.ones((4, 4)) + 0.5 * np.eye(4)
    two = np.kron(np.eye(2), block)
    assert dimensions_beyond_chance(np.linalg.eigvalsh(two)[::-1], chance)[0] == 2
    assert dimensions_beyond_chance(np.ones(8), chance)[0] == 0
