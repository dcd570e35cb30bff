"""The probability that a customer is dissatisfied, learnt from those who answered and given to the whole base.

Unseen probabilities judge the model: each comes from a classifier that never saw the respondent's answers. Where there are
earlier waves it knew those alone, as it will when it is used. A model whose AUC is not clearly above 0.5 says so in its first
lines. What a risk goes with need not be its cause.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from csi.behaviour.accuracy import Accuracy, accuracy, share, top
from csi.behaviour.classifier import Classifier, Sample, cross_fit, encoding_of, forward_fit
from csi.behaviour.linkage import Linked
from csi.behaviour.lottery import tickets
from csi.behaviour.support import Support, support_of
from csi.display import Result, tidy
from csi.errors import LinkError, TooFewError
from csi.files import whole

Array = NDArray[np.float64]
Flags = NDArray[np.int8]

YES, NO, UNREADABLE = 1, 0, -1
_YES = ("1", "1.0", "true", "t", "yes", "y", "是")
_NO = ("0", "0.0", "false", "f", "no", "n", "否")
_FEWEST = 30
SCORES = pa.schema([("key", pa.string()), ("probability", pa.float64()), ("outside", pa.bool_())])


@dataclass(frozen=True, slots=True, eq=False)
class PastWave:
    """An earlier wave to learn from; waves stand in the order of time.

    `treated` are the keys of customers who had been cared for before they answered, `weights` as in `dissatisfaction_risk`.
    """

    linked: Linked
    dissatisfied: ArrayLike
    weights: ArrayLike | None = None
    treated: Collection[str] = ()


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
    """A calibrated probability of dissatisfaction and how good it is on answers that it has not seen.

    Attributes
    ----------
    linked
        The answers joined to behaviour of the wave that is scored.
    frame
        One row a respondent of that wave who was used: `row` (position in the survey), `key`, `dissatisfied` (0 or 1),
        `weight`, `probability` (from a classifier that has not seen this customer's answers).
    judged
        The rows that `accuracy` is of: `wave` (number, the last is the wave that is scored), key, dissatisfied, weight,
        probability. Of one wave it is out of fold; of several it is out of time, and the first wave is not in it.
    accuracy
        AUC with interval, Brier score, calibration error and lift in the top tenth of the judged rows.
    classifier
        Learnt from all rows of all waves, for customers who did not answer.
    support
        Where respondents were; who lies outside is flagged in the scores.
    treated_left_out
        Respondents left out because they had been cared for before they answered.
    """

    linked: Linked
    frame: pd.DataFrame
    judged: pd.DataFrame
    accuracy: Accuracy
    classifier: Classifier
    support: Support
    treated_left_out: int
    waves: int
    seed: int
    folds: int

    @property
    def no_better_than_chance(self) -> bool:
        """Whether the interval of the AUC includes 0.5."""
        return self.accuracy.no_better_than_chance

    def score_base(self, flags: Sequence[str] = (), *, size: int = 65_536) -> BaseScores:
        """Stream the base and keep each customer's key, probability and `flags`.

        A respondent who was used gets the probability that has not seen the answer.

        Raises
        ------
        LinkError
            A flag is not a column of the base.
        """
        self.linked.source.require(flags, "a flag")
        keys: list[pa.Array] = []
        parts: list[Array] = []
        read: dict[str, list[Flags]] = {flag: [] for flag in flags}
        for batch in self._batches(flags, size):
            found_keys, p = self._scored(batch)
            keys.append(found_keys)
            parts.append(p)
            for flag in flags:
                read[flag].append(read_flags(batch.column(flag)))
        return BaseScores(
            key=pa.chunked_array(keys, pa.string()),
            probability=np.concatenate(parts),
            flags={flag: np.concatenate(values) for flag, values in read.items()},
        )

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Key, probability and whether the customer lies outside what respondents were like, row by row.

        The batch has the key and the features, as `Table.batches` gives them.
        """
        keys, p = self._scored(batch)
        flags = self.support.outside({f: batch.column(f) for f in self.linked.features})
        outside = np.logical_or.reduce(list(flags.values()))
        return pa.record_batch([keys, pa.array(p), pa.array(outside)], schema=SCORES)

    def scores_to(self, path: str | Path, *, size: int = 65_536) -> int:
        """Write the scores of the whole base as Parquet, batch by batch and compressed; how many customers there were.

        The file can be read by its owner alone, and is complete or not there.

        Raises
        ------
        FileError
            The place cannot be written to.
        """
        from pyarrow import parquet  # loaded when scores are written

        rows = 0
        with (
            whole(Path(path), private=True) as temporary,
            parquet.ParquetWriter(temporary, SCORES, compression="zstd") as writer,
        ):
            for batch in self._batches((), size):
                writer.write_batch(self.score(batch))
                rows += batch.num_rows
        return rows

    def at_capacity(self, capacity: int) -> dict[str, float]:
        """What a list of the `capacity` riskiest of the base would hold, judged on unseen answers.

        `part` (share of the base), `observed` with `ci_low` and `ci_high` (share dissatisfied among them), `lift` (times the
        base rate), `gain` (share of all dissatisfied who are on the list), `n` (judged respondents that this rests on).
        """
        if capacity < 1:
            raise LinkError(f"capacity = {capacity}: a list has at least one customer.")
        part = min(capacity / self.linked.base_rows, 1.0)
        y, p, w = self.judged_columns()
        rows = top(p, w, part)
        found = share(y[rows], w[rows])
        gain = float((w * y)[rows].sum() / (w * y).sum())
        return {"part": part, **found, "lift": found["observed"] / self.accuracy.base_rate, "gain": gain}

    def ranking(self) -> pd.DataFrame:
        """Features by how far they move the respondents' log odds: estimate is the standard deviation of their contributions.

        Contributions are against a customer with median or most frequent values (see `Classifier.contributions`).
        """
        linked, encoding = self.linked, self.classifier.encoding
        X = encoding.matrix(feature_columns(linked.frame, linked))
        usual = [
            linked.frame[f].median() if f in linked.numeric_features else linked.frame[f].mode(dropna=False).iloc[0]
            for f in linked.features
        ]
        ordinary = pd.DataFrame([usual], columns=list(linked.features))
        moved = self.classifier.contributions(X, encoding.matrix(feature_columns(ordinary, linked))[0]).std(axis=0)
        rows = ({"term": f, "estimate": e, "n": len(X)} for f, e in zip(linked.features, moved, strict=True))
        return tidy(rows).sort_values("estimate", ascending=False, ignore_index=True)

    def judged_columns(self) -> tuple[Array, Array, Array]:
        """Outcome, probability and weight (n,) of the judged rows."""
        y, p, w = (self.judged[c].to_numpy(float) for c in ("dissatisfied", "probability", "weight"))
        return y, p, w

    def _batches(self, flags: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
        columns = list(dict.fromkeys([self.linked.key, *self.linked.features, *flags]))
        return self.linked.source.batches(columns, as_text=[self.linked.key, *flags], size=size)

    def _scored(self, batch: pa.RecordBatch) -> tuple[pa.Array, Array]:
        known = pa.array(self.frame["key"].tolist(), pa.string())
        unseen = self.frame["probability"].to_numpy(float)
        keys = batch.column(self.linked.key).cast(pa.string())
        p = self.classifier.probability({f: batch.column(f) for f in self.linked.features})
        place = pc.fill_null(pc.index_in(keys, value_set=known), -1).to_numpy(zero_copy_only=False)
        return keys, np.where(place >= 0, unseen[place], p)

    def headline(self) -> list[str]:
        """Who was used, how well the model tells customers apart, and a refusal to oversell where it does not."""
        a = self.accuracy
        how = f"{self.folds} folds" if self.waves == 1 else f"{self.waves} waves, each foreseen from those before it"
        lines = [
            f"RiskModel: {round(a.n * a.base_rate):,} of {a.n:,} linked respondents dissatisfied ({a.base_rate:.1%}); "
            f"{len(self.linked.features)} features, {how}; {self.classifier.name}"
        ]
        sample = "out-of-fold" if self.waves == 1 else "out-of-time"
        if self.no_better_than_chance:
            lines.append(
                f"NO BETTER THAN CHANCE: {sample} AUC {a.auc:.3f} [{a.auc_low:.3f}, {a.auc_high:.3f}]; do not choose "
                "customers by it"
            )
        else:
            lines.append(
                f"{sample} AUC {a.auc:.3f} [{a.auc_low:.3f}, {a.auc_high:.3f}]; the riskiest tenth holds {a.lift:.1f} times "
                "the average share of dissatisfied"
            )
        if self.treated_left_out:
            lines.append(f"{self.treated_left_out:,} left out: they had been cared for before they answered")
        return lines

    def table(self) -> pd.DataFrame:
        """Measures on unseen answers; `reference` is what giving everyone the base rate would reach."""
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


def dissatisfaction_risk(
    linked: Linked,
    dissatisfied: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    treated: Collection[str] = (),
    earlier: Sequence[PastWave] = (),
    seed: int = 1,
    folds: int = 5,
) -> RiskModel:
    """Learn who is dissatisfied from what customers do: boosted trees or a penalised logistic regression, by nested validation.

    Parameters
    ----------
    linked
        Answers joined to behaviour.
    dissatisfied
        (survey rows,) 1 or True for dissatisfied, 0 or False for not, NaN for unknown (left out). `dissatisfied_below` and
        `dissatisfied_at_most` make it.
    weights
        (survey rows,) weights of the respondents, such as `Transport.survey_weights`, which stand for those who did not answer;
        all count alike without them. Accuracy is then that for the base.
    treated
        Keys of customers who had been cared for before they answered: care changes what behaviour foretells, so they are left
        out.
    earlier
        Waves before, in the order of time. The model is then judged on waves that come after those it was learnt from, and its
        level is that of the latest.
    seed
        Of folds and trees. The result depends on it and on the answers, not on the order of rows or the number of threads.
    folds
        Parts of the cross-validation.

    Raises
    ------
    LinkError
        `dissatisfied` or `weights` has another length or other values; waves differ in their features; too few respondents of
        either kind to learn from.
    """
    if folds < 2:
        raise LinkError(f"folds = {folds}: at least 2 are needed to judge a model on respondents that it has not seen.")
    waves = [*earlier, PastWave(linked, dissatisfied, weights, treated)]
    used = [_used(wave, linked, folds, seed) for wave in waves]
    rows = pd.concat(used, keys=range(len(waves)), names=["wave"]).reset_index("wave")
    columns = feature_columns(rows, linked)
    encoding, number = encoding_of(columns), rows["wave"].to_numpy(np.intp)
    y, w = rows["dissatisfied"].to_numpy(float), rows["weight"].to_numpy(float)
    sample = Sample(encoding.matrix(columns), y, w, number, rows["key"].to_numpy(object))
    classifier, unseen = cross_fit(encoding, sample, folds, seed)
    rows = rows[["wave", "row", "key", "dissatisfied", "weight"]].assign(probability=unseen)
    last = rows[number == len(waves) - 1]
    judged = rows
    if earlier:
        judged = rows.assign(probability=forward_fit(encoding, sample, seed)).dropna(subset=["probability"])
    y, p, w = (judged[c].to_numpy(float) for c in ("dissatisfied", "probability", "weight"))
    return RiskModel(
        linked=linked,
        frame=last.drop(columns="wave").sort_values("row", ignore_index=True),
        judged=judged.reset_index(drop=True),
        accuracy=accuracy(y, p, w),
        classifier=classifier,
        support=support_of(*(wave.linked for wave in reversed(waves))),
        treated_left_out=sum(part.attrs["treated"] for part in used),
        waves=len(waves),
        seed=seed,
        folds=folds,
    )


def _used(wave: PastWave, last: Linked, folds: int, seed: int) -> pd.DataFrame:
    """The respondents of a wave to learn from, in an order drawn from their keys: row, key, features, dissatisfied, weight."""
    linked = wave.linked
    if linked.features != last.features or linked.numeric_features != last.numeric_features:
        raise LinkError(
            "the waves were linked to different features. Link every wave to the same ones, of the same kinds."
        )
    known, y = outcomes(linked, wave.dissatisfied)
    w = _weights(linked, wave.weights)[known]
    rows = linked.frame.loc[known].assign(dissatisfied=y, weight=w / w.mean())
    cared = rows["key"].isin(list(wave.treated))
    rows = rows[~cared]
    _require_both_kinds(rows["dissatisfied"].to_numpy(float), folds)
    rows = rows.iloc[np.argsort(tickets(rows["key"].tolist(), seed, "folds"), kind="stable")]
    rows.attrs = {"treated": int(cared.sum())}
    return rows


def outcomes(linked: Linked, dissatisfied: ArrayLike) -> tuple[NDArray[np.bool_], Array]:
    """Which linked respondents said whether they are dissatisfied, and the 0 or 1 of those."""
    values = linked.of_linked(dissatisfied, "dissatisfied")
    strange = values[~np.isnan(values) & (values != 0) & (values != 1)]
    if len(strange):
        raise LinkError(f"dissatisfied must be 1, 0 or NaN for unknown; it holds {strange[0]:g}.")
    known = ~np.isnan(values)
    return known, values[known]


def _weights(linked: Linked, weights: ArrayLike | None) -> Array:
    if weights is None:
        return np.ones(len(linked))
    values = linked.of_linked(weights, "weights")
    if not (np.isfinite(values) & (values > 0)).all():
        raise LinkError("weights must be above 0 for every linked respondent.")
    return values


def enough(wave: PastWave, folds: int = 5) -> bool:
    """Whether a wave has respondents enough of either kind to learn from, those who had been cared for left out."""
    known, y = outcomes(wave.linked, wave.dissatisfied)
    y = y[~wave.linked.frame.loc[known, "key"].isin(list(wave.treated)).to_numpy()]
    return bool(min(y.sum(), len(y) - y.sum()) >= _least(folds))


def _least(folds: int) -> int:
    return max(_FEWEST, 2 * folds)


def _require_both_kinds(y: Array, folds: int) -> None:
    least = _least(folds)
    for name, count in (("dissatisfied", int(y.sum())), ("not dissatisfied", int((1 - y).sum()))):
        if count < least:
            raise TooFewError(
                f"{count} of {len(y):,} linked respondents are {name}: at least {least} are needed to learn a risk and to "
                "judge it. Join more waves, or count more answers as dissatisfied."
            )


def feature_columns(frame: pd.DataFrame, linked: Linked) -> dict[str, pa.Array]:
    """The features of a frame as a classifier takes them."""
    return {f: _column(frame[f], f in linked.numeric_features) for f in linked.features}


def _column(values: "pd.Series[Any]", numeric: bool) -> pa.Array:
    return pa.array(values.to_numpy(), pa.float64() if numeric else pa.string(), from_pandas=True)


def read_flags(texts: pa.Array) -> Flags:
    """Yes, no or unreadable of texts as people write them."""
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(texts.cast(pa.string())))
    found = pc.fill_null(pc.index_in(plain, value_set=pa.array([*_YES, *_NO])), -1).to_numpy(zero_copy_only=False)
    return np.where(found < 0, UNREADABLE, np.where(found < len(_YES), YES, NO)).astype(np.int8)
