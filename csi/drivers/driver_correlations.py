"""Correlations of drivers with their outcome, in the sample and in every replicate: from answers, or of constructs of a model.

R is (1, k + 1, k + 1), the replicates' (B, k + 1, k + 1), drivers in the order asked and the outcome last. Weights, the sampling
design, raking and the treatment of gaps are repeated in every replicate.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from csi.errors import EstimationError, ModelError, known_names
from csi.kernel import dominance, relative_importance
from csi.kernel.dominance import Dominance
from csi.kernel.missing import completed
from csi.kernel.moments import CONDITIONAL, Missing, Moments, moments
from csi.structural.answers import Answers
from csi.structural.blas import one_thread
from csi.structural.cases import Array
from csi.structural.inference import Bootstrap
from csi.structural.quantities import Batch

OutcomeKind = Literal["linear", "binary", "ordinal"]
_MOST_CATEGORIES = 20
_WORKERS, _TOGETHER = 2, 128  # more at once would hold more resamples in memory
_ALIKE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Correlations:
    """R of the sample and of the replicates; of a model also effects, of an outcome in categories also dominance."""

    n: int
    R: Array
    drawn: Array
    effects: tuple[Array, Array] | None = None  # (1, k) and (B, k) standardised total effects
    dominance: Dominance | None = None
    added: Array | None = None  # (B, M', k) additions to McFadden's R2 in the replicates

    def part(self, replicates: NDArray[np.bool_]) -> "Correlations":
        """The same with some of the replicates."""
        return replace(
            self,
            drawn=self.drawn[replicates],
            effects=None if self.effects is None else (self.effects[0], self.effects[1][replicates]),
            added=None if self.added is None else self.added[replicates],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Rated:
    """The dominance of an outcome in categories, and the rows (n,) with the outcome and some driver, which it is of."""

    dominance: Dominance
    rows: NDArray[np.bool_]


def without_codes(answers: Answers, codes: Sequence[float]) -> Answers:
    """The same answers with gaps where a driver (all columns but the last) has one of the codes."""
    if not len(codes):
        return answers
    X = answers.X.copy()
    X[:, :-1][np.isin(X[:, :-1], list(codes))] = np.nan
    return replace(answers, X=X)


def require_varying(answers: Answers) -> None:
    """Raise where a driver or the outcome, the last column, is empty or constant."""
    for j, (name, x) in enumerate(zip(answers.names, answers.X.T, strict=True)):
        given, what = x[~np.isnan(x)], "outcome" if j == len(answers.names) - 1 else "driver"
        if not len(given) or np.ptp(given) == 0:
            how = f"is constant: all {len(given):,} answers are {given[0]:g}" if len(given) else "has no answer"
            remedy = "Leave it out of the drivers." if what == "driver" else "Choose an outcome that differs."
            raise EstimationError(f"{what} {name!r} {how}, so nothing goes with it. {remedy}")


def kind_of(answers: Answers, asked: OutcomeKind | None) -> OutcomeKind:
    """What the outcome is taken for: as asked, else "binary" for two different answers and "linear" for more."""
    x = answers.X[:, -1]
    values = len(np.unique(x[~np.isnan(x)]))
    if asked is None:
        return "binary" if values == 2 else "linear"
    limits = {"linear": (2, len(x)), "binary": (2, 2), "ordinal": (2, _MOST_CATEGORIES)}
    if asked not in limits:
        raise EstimationError(f"outcome_kind must be one of {', '.join(map(repr, limits))}, not {asked!r}.")
    if not limits[asked][0] <= values <= limits[asked][1]:
        most = "two" if asked == "binary" else f"at most {_MOST_CATEGORIES}"
        raise EstimationError(
            f"outcome {answers.names[-1]!r} has {values} different answers; a {asked} one has {most}. Use "
            "outcome_kind='linear', or group its answers."
        )
    return asked


@one_thread
def of_answers(
    answers: Answers, missing: Missing, orderings: NDArray[np.intp] | None, sampling: tuple[int, int, float]
) -> Correlations:
    """Correlations of the columns of the answers, the outcome last; with `orderings` also McFadden dominance.

    `sampling` is the number of draws, their seed, and the level of the intervals.
    """
    point = moments(answers.X, answers.weights[None], missing)
    R = point.correlation
    require_sound(R, answers.names, int(point.n[0]), missing)
    rated = None if orderings is None else _rated(answers, missing, orderings)
    found = list(_replicates(answers, missing, point, rated, answers.resamples(*sampling)))
    drawn = np.concatenate([part[0] for part in found])
    if rated is None:
        return Correlations(int(point.n[0]), R, drawn)
    added = np.concatenate([part[1] for part in found if part[1] is not None])
    return Correlations(int(point.n[0]), R, drawn, None, rated.dominance, added)


def _replicates(
    answers: Answers, missing: Missing, point: Moments, rated: Rated | None, pieces: Iterator[Array]
) -> Iterator[tuple[Array, Array | None]]:
    """Correlations and dominance of the replicates; the next are drawn while the last are being worked on."""

    def of(W: Array) -> tuple[Array, Array | None]:
        R = moments(answers.X, W, missing, point).correlation
        if rated is None:
            return R, None
        return R, rated.dominance.added_in(W if rated.rows.all() else W[:, rated.rows])

    with ThreadPoolExecutor(_WORKERS) as pool:
        waiting: deque[Future[tuple[Array, Array | None]]] = deque()
        for W in pieces:
            for first in range(0, len(W), _TOGETHER):
                waiting.append(pool.submit(of, W[first : first + _TOGETHER]))
                if len(waiting) > _WORKERS:
                    yield waiting.popleft().result()
        for future in waiting:
            yield future.result()


def _rated(answers: Answers, missing: Missing, orderings: NDArray[np.intp]) -> Rated:
    """Dominance of the outcome in categories; gaps of drivers are filled from the other drivers, never from the outcome."""
    X, y = answers.X[:, :-1], answers.X[:, -1]
    answered = ~np.isnan(X)
    rows = ~np.isnan(y) & (answered.all(axis=1) if missing == "listwise" else answered.any(axis=1))
    w = answers.weights[rows] / answers.weights[rows].mean()
    m = moments(X[rows], w[None], "em" if missing in CONDITIONAL else "pairwise")
    filled = completed(X[rows], m.mean[0], m.cov[0] if missing in CONDITIONAL else None)
    Z = np.ascontiguousarray(((filled - m.mean[0]) / m.sd[0]).T)
    codes = np.unique(y[rows], return_inverse=True)[1].astype(np.intp)
    return Rated(dominance.dominance(dominance.Answers(Z, codes, w), orderings), rows)


def of_model(boot: Bootstrap, outcome: str, drivers: Sequence[str]) -> Correlations:
    """Correlations of constructs, and of items with them, in a fitted model; disattenuated where a construct is a factor.

    Raises
    ------
    ModelError
        The outcome is no construct, a driver is neither construct nor item, or an item of the outcome itself.
    """
    fit = boot.fit
    model, block = fit.model, fit.layout.block
    target = fit.model.names.index(model.construct(outcome).name)
    for name in drivers:
        if name not in (*model.names, *model.items):
            known = known_names(name, [*model.names, *model.items], "Constructs and items are")
            raise ModelError(f"driver {name!r} is neither construct nor item of the model. {known}")
        if name not in model.names and block[model.items.index(name)] == target:
            raise ModelError(
                f"driver {name!r} is an item of the outcome {outcome!r}, and so a part of it; leave it out."
            )
    R, effects = _of_batch(fit.batch, target, drivers)
    require_sound(R, (*drivers, outcome), fit.n, fit.settings.missing)
    drawn, drawn_effects = _of_batch(boot.batch, target, drivers)
    lost = ~boot.usable
    drawn[lost], drawn_effects[lost] = np.nan, np.nan
    return Correlations(fit.n, R, drawn, (effects, drawn_effects))


def _of_batch(batch: Batch, target: int, drivers: Sequence[str]) -> tuple[Array, Array]:
    """Correlations (B, k + 1, k + 1) and standardised total effects (B, k); an item's is its weight times its construct's."""
    e, layout, names = batch.estimates, batch.layout, batch.model.names
    columns, attenuation, effects = [], [], []
    for name in (*drivers, names[target]):
        column = np.zeros_like(e.weights)
        if name in names:
            j = names.index(name)
            column[:, layout.slices[j]] = e.weights[:, layout.slices[j]]
            attenuation.append(e.attenuation[:, j])
            effects.append(e.total_effects[:, j, target])
        else:
            i = batch.model.items.index(name)
            column[:, i] = 1.0
            attenuation.append(np.ones(len(batch)))
            effects.append(e.weights[:, i] * e.total_effects[:, layout.block[i], target])
        columns.append(column)
    A, spread = np.stack(columns, axis=2), np.stack(attenuation, axis=1)
    R = np.swapaxes(A, 1, 2) @ batch.moments.correlation @ A
    R /= spread[:, :, None] * spread[:, None, :]
    diagonal = np.arange(R.shape[1])
    R[:, diagonal, diagonal] = 1.0
    return R, np.stack(effects[:-1], axis=1)


def require_sound(R: Array, names: Sequence[str], n: int, missing: Missing) -> None:
    """Raise, with names, unless the correlations (1, k + 1, k + 1) are defined and possible and no driver follows from others."""
    k, undefined = len(names) - 1, np.argwhere(np.isnan(R[0]))
    if len(undefined):
        one, other = (names[i] for i in undefined[0])
        raise EstimationError(
            f"too few answered both {one!r} and {other!r} for their correlation ({n:,} answers in all). Leave one of them out, "
            "or use missing='em'."
        )
    if n <= k + 1:
        raise EstimationError(f"{n} answers are too few for {k} drivers; at least {k + 2} are needed. Ask for fewer.")
    smallest = float(np.linalg.eigvalsh(R[0])[0])
    if smallest < -_ALIKE:
        remedy = "missing='em'" if missing == "pairwise" else "fewer drivers, or composites instead of factors"
        raise EstimationError(
            f"the correlations of {names[-1]!r} and its {k} drivers cannot all be true of one sample (smallest eigenvalue "
            f"{smallest:.4f}), so no variance can be shared out. Use {remedy}."
        )
    _require_independent(R[0], names)


def _require_independent(R: Array, names: Sequence[str]) -> None:
    """Raise where a driver is a copy of another or of the outcome, or follows exactly from several."""
    one, other = np.nonzero(np.triu(np.abs(R) > 1 - _ALIKE, 1))
    if len(one):
        first, second = names[one[0]], names[other[0]]
        what = f"is a copy of the outcome {second!r}" if other[0] == len(names) - 1 else f"and {second!r} are copies"
        how = "turned round" if R[one[0], other[0]] < 0 else "up to its scale"
        raise EstimationError(
            f"driver {first!r} {what} ({how}): what one explains, the other explains too. Leave one of them out."
        )
    if not relative_importance.sound(R[None])[0]:
        along = np.linalg.eigh(R[:-1, :-1])[1][:, 0]
        tied = [name for name, part in zip(names, along, strict=False) if abs(part) > 1e-6]
        raise EstimationError(
            f"driver {tied[-1]!r} follows exactly from {', '.join(map(repr, tied[:-1]))}, as a total from its parts: their "
            "shares cannot be told apart. Leave one of them out."
        )
