"""The outer weights: schemes, modes and the batch."""

import numpy as np
import pytest
from conftest import square

import csi
from csi.kernel.estimates import estimate
from csi.kernel.pls import Layout, outer_weights
from csi.kernel.small_matrices import ldl, solve
from csi.structural.estimation import layout_of


def chain(sizes, mode_b=(), factor=()):
    """Constructs in a row, each the cause of the next."""
    J = len(sizes)
    return Layout(
        block=np.repeat(np.arange(J), sizes),
        mode_b=np.isin(np.arange(J), mode_b),
        factor=np.isin(np.arange(J), factor),
        adjacency=np.eye(J, k=1, dtype=bool),
    )


def correlations(B, p, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(B, 60, 1)) + rng.normal(size=(B, 60, p))
    return np.array([np.corrcoef(x.T) for x in X])


@pytest.mark.parametrize("scheme", ["path", "factorial", "centroid"])
@pytest.mark.parametrize("mode_b", [(), (1,), (0, 1, 2)])
def test_scores_have_unit_variance_and_agree_with_their_items(scheme, mode_b):
    layout, R = chain([3, 2, 4], mode_b), correlations(5, 9)
    w = outer_weights(R, layout, scheme).weights
    for block in layout.slices:
        assert np.allclose(np.einsum("bi,bij,bj->b", w[:, block], R[:, block, block], w[:, block]), 1)
        assert (np.einsum("bij,bj->bi", R[:, block, block], w[:, block]).sum(axis=1) > 0).all()


def test_the_mode_b_weights_of_two_blocks_are_canonical():
    """Two blocks in Mode B: the scores are the first canonical variates."""
    R = correlations(1, 5)
    e = estimate(R, chain([2, 3], (0, 1)), tolerance=1e-12)
    A, C, Q = R[0, :2, :2], R[0, 2:, 2:], R[0, :2, 2:]
    squared = np.linalg.eigvals(np.linalg.solve(A, Q) @ np.linalg.solve(C, Q.T)).real.max()
    assert e.correlations[0, 0, 1] == pytest.approx(np.sqrt(squared), abs=1e-9)


def test_the_centroid_scheme_weighs_neighbours_by_sign(twin, golden, ecsi_model):
    fit = csi.fit(ecsi_model, twin, scheme="centroid", tolerance=1e-12)
    w, R, layout = fit.weights, fit.moments.correlation[0], fit.layout
    tied = layout.adjacency | layout.adjacency.T
    inner = np.sign(fit.construct_correlations.to_numpy()) * tied
    proxy = R @ w.to_numpy() @ inner
    for j, block in enumerate(layout.slices):  # a fixed point: weights are proportional to covariances with the proxy
        ratio = w.to_numpy()[block, j] / proxy[block, j]
        assert np.allclose(ratio, ratio[0], atol=1e-9)


def test_a_batch_is_many_singles_and_a_broken_replicate_breaks_alone():
    layout, R = chain([3, 2, 4], (1,)), correlations(6, 9)
    R[2] = np.nan
    together = estimate(R, layout)
    assert together.converged.tolist() == [True, True, False, True, True, True]
    for b in (0, 1, 3, 4, 5):
        assert np.allclose(estimate(R[[b]], layout).weights[0], together.weights[b], rtol=0, atol=1e-13)


def test_replicates_keep_the_direction_of_the_reference():
    layout, R = chain([2, 2]), correlations(4, 4)
    first = estimate(R, layout).weights[0]
    turned = estimate(R, layout, reference=-first)
    assert np.allclose(turned.weights, -estimate(R, layout, reference=first).weights)


def test_iterations_that_run_out_are_not_called_converged():
    assert not outer_weights(correlations(3, 9), chain([3, 2, 4]), max_iterations=1).converged.any()


@pytest.mark.parametrize("name", ["csem_mobi_ecsi_plsc", "csem_threecommonfactors_plsc"])
def test_consistent_pls_equals_csem(reference, shared, name):
    import pandas as pd

    case = reference(name)
    weights = square(case["weights"])
    items, names = list(weights.columns), list(weights.index)
    paths = square(case["path_coef"])
    own = weights.abs().to_numpy().argmax(axis=0)
    layout = Layout(own, np.zeros(len(names), bool), np.bincount(own) > 1, paths.loc[names, names].to_numpy().T != 0)
    X = pd.read_csv(shared / "data" / case["dataset"])[items].to_numpy(float)
    e = estimate(np.corrcoef(X.T)[None], layout, tolerance=1e-12)
    assert np.abs(e.paths[0] - paths.loc[names, names].to_numpy().T).max() < 1e-8
    loadings = square(case["loadings"]).to_numpy()[own, np.arange(len(items))]
    assert np.abs(e.loadings[0] - loadings).max() < 1e-8


def test_small_solves_equal_lapack_also_for_indefinite_matrices():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(4, 4, 50))
    A = A + A.transpose(1, 0, 2)
    b = rng.normal(size=(4, 50))
    expected = np.linalg.solve(np.moveaxis(A, -1, 0), b.T[..., None])[..., 0].T
    assert np.allclose(solve(ldl(A), b), expected, rtol=1e-6)


def test_a_singular_matrix_gives_nan_in_its_own_column():
    A = np.stack([np.eye(2), np.ones((2, 2))], axis=-1)
    x = solve(ldl(A), np.ones((2, 2)))
    assert x[:, 0].tolist() == [1, 1]
    assert np.isnan(x[:, 1]).all()


def test_layout_of_a_model_puts_causes_before_effects(ecsi_model):
    layout = layout_of(ecsi_model)
    position = {k: i for i, k in enumerate(layout.order)}
    assert all(position[j] < position[k] for j, k in np.argwhere(layout.adjacency))
