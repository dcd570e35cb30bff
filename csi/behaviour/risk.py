"""The probability that a customer is dissatisfied, learnt from those who answered and given to the whole base.

Out-of-fold probabilities judge the model: each comes from a classifier that never saw the respondent. A model whose AUC is
not clearly above 0.5 says so in its first lines. Answers count once each: probabilities are given the features, so survey
weights, which correct who answered, are not used. What a risk goes with need not be its cause.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from csi.behaviour.accuracy import Accuracy, accuracy
from csi.behaviour.classifier import Classifier, cross_fit, encoding_of
from csi.behaviour.linkage import Linked
from csi.behaviour.lottery import tickets
from csi.display import Result, tidy
from csi.errors import LinkError, TooFewError

Array = NDArray[np.float64]
Flags = NDArray[np.int8]

YES, NO, UNREADABLE = 1, 0, -1
_YES = ("1", "1.0", "true", "t", "yes", "y", "是")
_NO = ("0", "0.0", "false", "f", "no", "n", "否")
_FEWEST = 30


@dataclass(frozen=True, slots=True, eq=False)
class BaseScores:
    """Every customer of the base: key (text), probability of being dissatisfied, flags (1 yes, 0 no, -1 unreadable)."""

    key: pa.ChunkedArray
    probability: Array
    flags: dict[str, Flags]

    def __len__(self) -> int:
        return len(self.probability)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RiskModel(Result):
    """A calibrated probability of dissatisfaction and how good it is out of fold.

    Attributes
    ----------
    linked
        The answers joined to behaviour that it was learnt from.
    frame
        One row a respondent who was used: `row` (position in the survey), `key`, `dissatisfied` (0 or 1), `probability`
        (out of fold).
    accuracy
        Out-of-fold AUC with interval, Brier score, calibration error and lift in the top tenth.
    classifier
        Fitted on all of them, for customers who did not answer.
    """

    linked: Linked
    frame: pd.DataFrame
    accuracy: Accuracy
    classifier: Classifier
    seed: int
    folds: int

    @property
    def no_better_than_chance(self) -> bool:
        """Whether the interval of the AUC includes 0.5."""
        return self.accuracy.no_better_than_chance

    def score_base(self, flags: Sequence[str] = (), *, size: int = 65_536) -> BaseScores:
        """Stream the base and keep each customer's key, probability and `flags`.

        A respondent who was used gets the out-of-fold probability, not one that has seen the answer.

        Raises
        ------
        LinkError
            A flag is not a column of the base.
        """
        table, key = self.linked.source, self.linked.key
        table.require(flags, "a flag")
        columns = list(dict.fromkeys([key, *self.linked.features, *flags]))
        keys: list[pa.Array] = []
        parts: list[Array] = []
        read: dict[str, list[Flags]] = {flag: [] for flag in flags}
        batches = table.batches(columns, as_text=[key, *flags], size=size)
        for batch, batch_keys, p in self._scored(batches):
            keys.append(batch_keys)
            parts.append(p)
            for flag in flags:
                read[flag].append(_read_flags(batch.column(flag)))
        return BaseScores(
            key=pa.chunked_array(keys, pa.string()),
            probability=np.concatenate(parts),
            flags={flag: np.concatenate(values) for flag, values in read.items()},
        )

    def _scored(self, batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, pa.Array, Array]]:
        known = pa.array(self.frame["key"].tolist(), pa.string())
        unseen = self.frame["probability"].to_numpy(float)
        for batch in batches:
            keys = batch.column(self.linked.key).cast(pa.string())
            p = self.classifier.probability({f: batch.column(f) for f in self.linked.features})
            place = pc.fill_null(pc.index_in(keys, value_set=known), -1).to_numpy(zero_copy_only=False)
            yield batch, keys, np.where(place >= 0, unseen[place], p)

    def headline(self) -> list[str]:
        """Who was used, how well the model tells customers apart, and a refusal to oversell where it does not."""
        a = self.accuracy
        lines = [
            f"RiskModel: {round(a.n * a.base_rate):,} of {a.n:,} linked respondents dissatisfied ({a.base_rate:.1%}); "
            f"{len(self.linked.features)} features, {self.folds} folds"
        ]
        if self.no_better_than_chance:
            lines.append(
                f"NO BETTER THAN CHANCE: out-of-fold AUC {a.auc:.3f} [{a.auc_low:.3f}, {a.auc_high:.3f}]; do not choose "
                "customers by it"
            )
        else:
            lines.append(
                f"out-of-fold AUC {a.auc:.3f} [{a.auc_low:.3f}, {a.auc_high:.3f}]; the riskiest tenth holds {a.lift:.1f} times "
                "the average share of dissatisfied"
            )
        return lines

    def table(self) -> pd.DataFrame:
        """Out-of-fold measures; `reference` is what giving everyone the base rate would reach."""
        a = self.accuracy
        rows = [
            {"term": "auc", "estimate": a.auc, "std_error": a.auc_error, "ci_low": a.auc_low, "ci_high": a.auc_high},
            {"term": "brier", "estimate": a.brier},
            {"term": "calibration_error", "estimate": a.calibration_error},
            {"term": "top_tenth_lift", "estimate": a.lift},
        ]
        references = (0.5, a.brier_reference, 0.0, 1.0)
        rows = [row | {"n": a.n, "reference": ref} for row, ref in zip(rows, references, strict=True)]
        return tidy(rows, ["reference"])


def dissatisfaction_risk(linked: Linked, dissatisfied: ArrayLike, *, seed: int = 1, folds: int = 5) -> RiskModel:
    """Learn who is dissatisfied from what customers do.

    Parameters
    ----------
    linked
        Answers joined to behaviour.
    dissatisfied
        (survey rows,) 1 or True for dissatisfied, 0 or False for not, NaN for unknown (left out). `dissatisfied_below` and
        `dissatisfied_at_most` make it.
    seed
        Of folds and trees. The result depends on it and on the answers, not on the order of rows or the number of threads.
    folds
        Parts of the cross-validation.

    Raises
    ------
    LinkError
        `dissatisfied` has another length or other values; too few respondents of either kind to learn from.
    """
    if folds < 2:
        raise LinkError(f"folds = {folds}: at least 2 are needed to judge a model on respondents that it has not seen.")
    known, y = _outcomes(linked, dissatisfied)
    _require_both_kinds(y, folds)
    rows = linked.frame.loc[known]
    order = np.argsort(tickets(rows["key"].tolist(), seed, "folds"), kind="stable")
    rows, y = rows.iloc[order], y[order]
    columns = {f: _column(rows[f], f in linked.numeric_features) for f in linked.features}
    encoding = encoding_of(columns)
    classifier, p = cross_fit(encoding, encoding.matrix(columns), y, folds, seed)
    frame = rows[["row", "key"]].assign(dissatisfied=y, probability=p)
    return RiskModel(
        linked=linked,
        frame=frame.sort_values("row", ignore_index=True),
        accuracy=accuracy(y, p),
        classifier=classifier,
        seed=seed,
        folds=folds,
    )


def _outcomes(linked: Linked, dissatisfied: ArrayLike) -> tuple[NDArray[np.bool_], Array]:
    values = np.asarray(dissatisfied, dtype=float)
    if values.shape != (len(linked.survey),):
        raise LinkError(
            f"dissatisfied must have one value for each of the {len(linked.survey):,} respondents of the survey, linked or "
            f"not; it has shape {values.shape}."
        )
    strange = values[~np.isnan(values) & (values != 0) & (values != 1)]
    if len(strange):
        raise LinkError(f"dissatisfied must be 1, 0 or NaN for unknown; it holds {strange[0]:g}.")
    values = values[linked.frame["row"].to_numpy()]
    known = ~np.isnan(values)
    return known, values[known]


def _require_both_kinds(y: Array, folds: int) -> None:
    least = max(_FEWEST, 2 * folds)
    for name, count in (("dissatisfied", int(y.sum())), ("not dissatisfied", int((1 - y).sum()))):
        if count < least:
            raise TooFewError(
                f"{count} of {len(y):,} linked respondents are {name}: at least {least} are needed to learn a risk and to "
                "judge it. Join more waves, or count more answers as dissatisfied."
            )


def _column(values: "pd.Series[Any]", numeric: bool) -> pa.Array:
    return pa.array(values.to_numpy(), pa.float64() if numeric else pa.string(), from_pandas=True)


def _read_flags(texts: pa.Array) -> Flags:
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(texts.cast(pa.string())))
    found = pc.fill_null(pc.index_in(plain, value_set=pa.array([*_YES, *_NO])), -1).to_numpy(zero_copy_only=False)
    return np.where(found < 0, UNREADABLE, np.where(found < len(_YES), YES, NO)).astype(np.int8)
