"""Several waves as one survey, and which of their questions can be compared."""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from csi.display import Result
from csi.errors import CsiWarning, SurveyError
from csi.survey.codebook import column_in
from csi.survey.coding import ANSWERED, GAP_KINDS
from csi.survey.survey import Source, Survey

SAME, RESCALED, RENAMED, PARTLY, ONCE = "same", "rescaled", "renamed", "partly", "once"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Comparability(Result):
    """Which items and constructs several waves share.

    `rows` has one row an item: item, construct, a column for each wave (n answers; NaN where it was not asked) and verdict:
    "same" in all waves, "renamed" (another column, the same question), "rescaled" (another scale, taken to the item's own),
    "partly" (not asked in every wave), or "once" (in one wave only, so that nothing can be compared).
    """

    waves: tuple[str, ...]
    rows: pd.DataFrame

    @property
    def constructs(self) -> pd.DataFrame:
        """One row a construct: its items, how many every wave asked, and whether its index can be compared.

        "yes" if every wave asked all its items, "by n common items" if only some, "no" if none.
        """
        rows = []
        for construct, items in self.rows.groupby("construct", sort=False):
            common = int(items["verdict"].isin([SAME, RENAMED, RESCALED]).sum())
            verdict = "yes" if common == len(items) else f"by {common} common items" if common else "no"
            rows.append({"construct": construct, "items": len(items), "common": common, "comparable": verdict})
        return pd.DataFrame(rows, columns=["construct", "items", "common", "comparable"])

    @property
    def common(self) -> tuple[str, ...]:
        """The items that every wave asked."""
        return tuple(self.rows.loc[self.rows["verdict"].isin([SAME, RENAMED, RESCALED]), "item"])

    def headline(self) -> list[str]:
        """How many items can be compared, and why the others cannot."""
        counts = self.rows["verdict"].value_counts()
        parts = ", ".join(
            f"{counts[verdict]} {verdict}" for verdict in (SAME, RENAMED, RESCALED, PARTLY, ONCE) if verdict in counts
        )
        return [f"Waves {', '.join(self.waves)}: {len(self.common)} of {len(self.rows)} items can be compared", parts]

    def table(self) -> pd.DataFrame:
        """A copy of `rows`."""
        return self.rows.copy()


def wave_comparability(surveys: Sequence[Survey]) -> Comparability:
    """Which items and constructs the waves share, by the codebook's wave map and by the answers that came.

    Raises
    ------
    SurveyError
        Fewer than two waves, waves without a name or of one name, or of different codebooks.
    """
    names = _require_waves(surveys)
    rows = []
    for item in surveys[0].codebook.items:
        counts = [_answers(survey, item.name) for survey in surveys]
        asked = [column_in(item, name) != "" and bool(n) for name, n in zip(names, counts, strict=True)]
        row: dict[str, object] = {"item": item.name, "construct": item.construct or ""}
        row |= {name: n if was else float("nan") for name, n, was in zip(names, counts, asked, strict=True)}
        scales = {(item.scale_in(name).low, item.scale_in(name).high) for name in names}
        columns = {column_in(item, name) for name in names}
        verdict = (
            ONCE if sum(asked) < 2 else PARTLY if not all(asked) else RESCALED if len(scales) > 1
            else RENAMED if len(columns) > 1 else SAME
        )  # fmt: skip
        rows.append({**row, "verdict": verdict})
    return Comparability(names, pd.DataFrame(rows, columns=["item", "construct", *names, "verdict"]))


def join_waves(surveys: Sequence[Survey]) -> Survey:
    """All waves as one survey whose respondents have a column `wave`; keys may repeat from wave to wave.

    Answers asked on another scale are already on the item's own (the codebook says which), and a question that a wave did not
    ask is a gap of the kind "not_asked". Where only some waves are weighted, the others have weight 1 and a warning says so.

    Raises
    ------
    SurveyError
        Fewer than two waves, waves without a name or of one name, of different codebooks, or of different designs.
    """
    names = _require_waves(surveys)
    weighted = ["weight" in survey.respondents for survey in surveys]
    if any(weighted) and not all(weighted):
        without = [name for name, has in zip(names, weighted, strict=True) if not has]
        warnings.warn(
            f"the waves {', '.join(without)} have no weights and the others have; their respondents get weight 1.",
            CsiWarning,
            stacklevel=2,
        )
    respondents = []
    for name, survey, has in zip(names, surveys, weighted, strict=True):
        frame = survey.respondents.copy()
        frame.insert(0, "wave", name)
        if any(weighted) and not has:
            frame["weight"] = 1.0
        respondents.append(frame)
    shas = hashlib.sha256("".join(survey.source.sha256 for survey in surveys).encode()).hexdigest()
    first = surveys[0]
    return Survey(
        answers=_stacked([survey.answers for survey in surveys]),
        gaps=_stacked([survey.gaps for survey in surveys]),
        respondents=_stacked(respondents),
        coded_cells=_stacked([survey.coded_cells.astype({"file": str}) for survey in surveys]),
        refused_rows=_stacked(
            [survey.refused_rows.assign(wave=name) for name, survey in zip(names, surveys, strict=True)]
        ),
        codebook=first.codebook,
        source=Source(" + ".join(Path(survey.source.path).name for survey in surveys), shas, f"{len(surveys)} waves"),
        design=first.design,
        choices=_stacked([survey.choices for survey in surveys]),
        comments=_stacked([survey.comments for survey in surveys]),
        excluded=_stacked([survey.excluded.assign(wave=name) for name, survey in zip(names, surveys, strict=True)]),
    )


def _require_waves(surveys: Sequence[Survey]) -> tuple[str, ...]:
    if len(surveys) < 2:
        raise SurveyError(f"two waves at least are needed, not {len(surveys)}.")
    names = [survey.wave or "" for survey in surveys]
    if not all(names):
        raise SurveyError(
            f"{surveys[names.index('')].source.path}: read it with wave='2026Q3', so that its answers can be told apart."
        )
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise SurveyError(
            f"{names.count(twice[0])} of the surveys are called wave {twice[0]!r}; every wave needs its own name."
        )
    first = surveys[0]
    for survey in surveys[1:]:
        if survey.codebook != first.codebook:
            raise SurveyError(
                f"{survey.source.path}: wave {survey.wave!r} was read by another codebook than wave {first.wave!r}. One codebook "
                "serves all waves: what changed stands at the item, as columns = {...} and scales = {...}."
            )
        if survey.design != first.design:
            raise SurveyError(
                f"{survey.source.path}: wave {survey.wave!r} has another sampling design than wave {first.wave!r}."
            )
    return tuple(names)


def _answers(survey: Survey, item: str) -> int:
    return int((survey.gaps[item].to_numpy() == GAP_KINDS.index(ANSWERED)).sum())


def _stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(list(frames), ignore_index=True)
