"""How carefully each respondent answered: signs, flags with their sources, and who is left out by rules written down before.

Every flag is a reason to look, not a verdict: the satisfied do give ten tens. Nobody is left out unless the rules name the flags
that exclude, and whoever is left out is kept with the reasons.
"""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from csi.display import Result, tidy
from csi.errors import CsiWarning, SurveyError, known_names
from csi.survey.durations import read_durations
from csi.survey.quality_rules import FLAGS, KINDS, Limits, QualityRules, raised
from csi.survey.response_signs import response_signs
from csi.survey.survey import Survey
from csi.words import say

Array = NDArray[np.float64]
_CONTEXT = ("duration", "batteries", "implausible")  # rules that decide what is computed, not only what is raised

_MISTAKEN = 0.25  # share of contradictory respondents that no survey of people who can read has


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Excluded(Result):
    """Who is left out, and why.

    Attributes
    ----------
    mask
        (n,) True for whoever is left out.
    respondents
        One row each who is left out: row (of the file), key (where there is one), reasons (names of flags joined by "; ").
    reasons
        One row a flag that excludes: flag, n (left out who have it; a respondent may have several).
    """

    mask: NDArray[np.bool_]
    respondents: pd.DataFrame
    reasons: pd.DataFrame
    min_flags: int
    rows: NDArray[np.intp]

    def __len__(self) -> int:
        return int(self.mask.sum())

    def sentence(self, language: str = "en") -> str:
        """How many and why, for a report."""
        share = len(self) / max(len(self.mask), 1)
        values = {"n": f"{len(self):,}", "all": f"{len(self.mask):,}", "share": f"{share:.1%}", "kinds": self.min_flags}
        if self.reasons.empty:
            return say("quality.no_rule", language, **values)
        between = "、" if language == "zh" else ", "
        reasons = between.join(f"{say(f'quality.{row.flag}', language)} {row.n:,}" for row in self.reasons.itertuples())
        return say(
            "quality.excluded" if self.min_flags == 1 else "quality.excluded_by_kinds",
            language,
            **values,
            reasons=reasons,
        )

    def headline(self) -> list[str]:
        """How many and why."""
        return [self.sentence()]

    def table(self) -> pd.DataFrame:
        """One row a flag that excludes: how many of those left out have it, as a share of all respondents; keys are not shown."""
        n = len(self.mask)
        return tidy(
            [
                {"term": flag, "estimate": count / max(n, 1), "n": n, "flagged": count}
                for flag, count in zip(self.reasons["flag"], self.reasons["n"], strict=True)
            ],
            ["flagged"],
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ResponseQuality(Result):
    """Signs of careless answering and the flags they raise, respondent by respondent.

    Attributes
    ----------
    respondents
        One row a respondent; NaN where a sign does not exist.

        row, key                   where the respondent stands in the file
        answered                   items answered
        seconds_per_item           seconds per item answered
        straightlined, batteries, battery_answers   batteries without variation, batteries seen, answers in them
        longest_run                most equal answers in a row
        variability                SD over items, as a share of the scale (IRV)
        spread_within_constructs   SD within constructs, as a share of the scale (ISD)
        person_total               correlation with the means of everyone else
        halves, even_odd           correlation of odd with even halves of constructs, and stepped up to full length
        outlier_chance             chance of a Mahalanobis distance as large
        contradictions             constructs whose straight and reversed items contradict one another
        implausible                answers to questions routed past, and patterns of the rules that cannot be true
        same_key_as, same_answers_as, equal_chance
                                   row of the first respondent with this key, with these answers; chance of the latter
        unanswered                 share of the items asked without an answer (skipped, refused, don't know, invalid)
        left_out_at_end, break_off_after   items asked after the last one that got any response, and that item
    flags
        (n x flags) True, False, or NA where a flag cannot be judged.
    """

    respondents: pd.DataFrame
    flags: pd.DataFrame
    rules: QualityRules
    source: str

    @property
    def limits(self) -> Limits:
        """The thresholds that depend on what is usual in this survey."""
        return Limits.of(self.respondents, self.rules)

    @property
    def kinds(self) -> "pd.Series[int]":
        """(n,) kinds of evidence against each respondent."""
        return _kinds_raised(self.flags, list(KINDS))

    def excluded(self, rules: QualityRules | None = None) -> Excluded:
        """Who is left out by the rules, those of this result unless others are given.

        Raises
        ------
        SurveyError
            Other rules have another duration, other batteries or other implausible patterns than those that were computed.
        """
        rules = rules or self.rules
        changed = [name for name in _CONTEXT if getattr(rules, name) != getattr(self.rules, name)]
        if changed:
            raise SurveyError(
                f"{self.source}: the quality of the answers was computed with another {changed[0]!r} than these rules have. "
                "Compute it with them: csi.response_quality(survey, rules).excluded()."
            )
        flags = (self.flags if rules == self.rules else raised(self.respondents, rules)).fillna(False).astype(bool)
        names = list(rules.exclude)
        mask = (
            (_kinds_raised(flags, names) >= rules.min_flags).to_numpy() if names else np.zeros(len(flags), dtype=bool)
        )
        out = flags.loc[mask, names]
        who = self.respondents.loc[mask, [name for name in ("row", "key") if name in self.respondents]]
        reasons = ["; ".join(name for name, yes in zip(names, row, strict=True) if yes) for row in out.to_numpy()]
        counts = pd.DataFrame({"flag": names, "n": out.sum().to_numpy(int)})
        return Excluded(
            mask=mask,
            respondents=who.assign(reasons=reasons).reset_index(drop=True),
            reasons=counts,
            min_flags=rules.min_flags,
            rows=self.respondents["row"].to_numpy(),
        )

    def explained(self, language: str = "en") -> pd.DataFrame:
        """One row a flag in words: flag, n (flagged), judged, share (of those judged), rule, why, source."""
        values = _texts(self.limits, self.rules)
        rows = []
        for flag in FLAGS:
            judged = self.flags[flag.name].notna()
            n = int(self.flags[flag.name].sum())
            rows.append(
                {
                    "flag": say(f"quality.{flag.name}", language),
                    "n": n,
                    "judged": int(judged.sum()),
                    "share": n / judged.sum() if judged.any() else np.nan,
                    "rule": say(f"quality.{flag.name}.rule", language, **values),
                    "why": say(f"quality.{flag.name}.why", language),
                    "source": flag.source,
                }
            )
        return pd.DataFrame(rows)

    def headline(self) -> list[str]:
        """How many have a flag, how many have flags of two kinds, how many are left out."""
        n, kinds = len(self.flags), self.kinds
        some, several = int((kinds > 0).sum()), int((kinds > 1).sum())
        unjudged = [str(name) for name in self.flags if self.flags[name].isna().all()]
        lines = [
            f"Response quality of {n:,} respondents: {some:,} ({some / max(n, 1):.1%}) with a flag, "
            f"{several:,} with flags of two kinds of evidence or more",
            self.excluded().sentence(),
        ]
        return [*lines, f"Not judged: {', '.join(unjudged)}"] if unjudged else lines

    def table(self) -> pd.DataFrame:
        """One row a flag: share of those judged who have it, how many, by which rule and source."""
        told = self.explained()
        rows = [
            {"term": flag.name, "estimate": row.share, "n": row.judged, "flagged": row.n, "kind": flag.kind,
             "rule": row.rule, "source": flag.source}
            for flag, row in zip(FLAGS, told.itertuples(), strict=True)
        ]  # fmt: skip
        return tidy(rows, ["flagged", "kind", "rule", "source"])

    def shown(self) -> pd.DataFrame:
        """The flags that were raised."""
        table = self.table()
        return table.loc[table["flagged"] > 0, ["term", "flagged", "n", "estimate", "rule"]]


def response_quality(
    survey: Survey, rules: QualityRules | None = None, *, duration: str | ArrayLike | None = None
) -> ResponseQuality:
    """Signs of careless answering of every respondent of one wave, and the flags they raise.

    Parameters
    ----------
    survey
        One wave; the items stand in the codebook in the order in which they were asked.
    rules
        Thresholds, batteries and what cannot be true together; the published defaults where None.
    duration
        How long each took over the whole questionnaire: (n,) seconds or texts such as "137秒", "2分17秒", "00:02:17"; or the
        name of a comment or a segment of the codebook that holds them. None: what the rules name, else time is not judged.

    Raises
    ------
    SurveyError
        Several waves at once; durations of another length or none of which is a time; a battery or pattern of unknown items.

    Warns
    -----
    CsiWarning
        Some durations are no time above 0; they count as unknown. So many contradict themselves on reversed items that the
        codebook seems wrong.

    Examples
    --------
    >>> from csi.survey.codebook import Codebook
    >>> from csi.survey.reading import survey_from_frame
    >>> items = [{"name": f"q{i}", "construct": "Value" if i < 5 else "Loyalty"} for i in range(1, 9)]
    >>> book = Codebook.from_dict({"scale": {"low": 1, "high": 10}, "items": items})
    >>> rows = [[7, 7, 7, 7, 7, 7, 7, 7], [9, 8, 9, 10, 8, 8, 8, 8], [6, 7, 5, 6, 9, 9, 10, 8]]
    >>> survey = survey_from_frame(pd.DataFrame(rows, columns=[item["name"] for item in items]), book)
    >>> quality = response_quality(survey, QualityRules(exclude=("speeder",)), duration=["9秒", "1分3秒", "00:01:20"])
    >>> quality.flags[["speeder", "straightliner"]].to_numpy().tolist()
    [[True, True], [False, False], [False, False]]
    >>> print(quality.excluded())
    1 of 3 respondents (33.3%) are left out. Reasons, of which one respondent may have several: Too fast 1.
       term  estimate  n  flagged
    speeder     0.333  3        1
    """
    rules = rules or QualityRules()
    if "wave" in survey.respondents:
        raise SurveyError(
            f"{survey.source.path}: the quality of answers is judged against what was usual in its wave. "
            "Judge each wave before csi.join_waves."
        )
    signs = response_signs(survey, rules, _seconds(survey, rules.duration if duration is None else duration))
    flags = raised(signs, rules)
    _warn_of_reversal(survey, flags)
    return ResponseQuality(signs, flags, rules, survey.source.path)


def without(survey: Survey, excluded: Excluded) -> Survey:
    """The survey without those left out; `excluded` keeps who they were and why.

    Raises
    ------
    SurveyError
        `excluded` is of another survey; nobody would be left; the survey is already weighted to margins, which it would miss.
    """
    if not np.array_equal(excluded.rows, survey.respondents["row"].to_numpy()):
        raise SurveyError(
            f"{survey.source.path}: these exclusions belong to another survey, or to this one before rows were taken out of it "
            f"({len(excluded.mask):,} rows judged, {len(survey):,} here)."
        )
    if excluded.mask.all():
        raise SurveyError(
            f"{survey.source.path}: the rules exclude all {len(survey):,} respondents. {excluded.sentence()}"
        )
    if "base_weight" in survey.respondents and excluded.mask.any():
        raise SurveyError(
            f"{survey.source.path}: the weights already meet margins and would miss them without the excluded. "
            "Exclude first, then rake: csi.rake(csi.without(survey, excluded), margins)."
        )
    parts = ("answers", "gaps", "respondents", "choices", "comments")
    kept = {name: getattr(survey, name) for name in parts}
    return replace(
        survey,
        excluded=pd.concat([survey.excluded, excluded.respondents], ignore_index=True),
        **{name: part[~excluded.mask].reset_index(drop=True) if part.shape[1] else part for name, part in kept.items()},
    )


def _kinds_raised(flags: pd.DataFrame, names: Sequence[str]) -> "pd.Series[int]":
    """(n,) kinds of evidence among the flags of these names."""
    yes = flags[list(names)].fillna(False).astype(bool)
    return yes.T.groupby([KINDS[name] for name in names]).any().T.sum(axis=1).astype(int)


def _warn_of_reversal(survey: Survey, flags: pd.DataFrame) -> None:
    judged = flags["contradictory"].dropna().astype(bool)
    if len(judged) and judged.mean() > _MISTAKEN:
        names = ", ".join(item.name for item in survey.codebook.items if item.reverse)
        warnings.warn(
            f"{survey.source.path}: {judged.sum():,} of {len(judged):,} respondents contradict themselves on reversed items "
            f"({names}). So many are not careless: check whether the codebook's `reverse = true` is right.",
            CsiWarning,
            stacklevel=3,
        )


def _seconds(survey: Survey, duration: str | ArrayLike | None) -> Array:
    """(n,) seconds that each took; NaN where they are not known."""
    n, path = len(survey), survey.source.path
    if duration is None:
        return np.full(n, np.nan)
    if isinstance(duration, str):
        columns = {str(name): part[name] for part in (survey.respondents, survey.comments) for name in part}
        if duration not in columns:
            raise SurveyError(
                f"{path}: there is no comment or segment {duration!r} that could hold durations. "
                f"{known_names(duration, columns, 'There are')} Name its column in the codebook as a comment."
            )
        duration = columns[duration]
    values = pd.Series(duration)
    if len(values) != n:
        raise SurveyError(
            f"{path}: {len(values):,} durations for {n:,} respondents. Give one for each row that was read; rows that were not "
            "are in .refused_rows."
        )
    seconds, wrong = read_durations(values)
    if wrong.any():
        at = int(wrong.argmax())
        first = f"the first is row {survey.respondents['row'].iloc[at]}: {str(values.iloc[at])[:40]!r}"
        if np.isnan(seconds).all():
            raise SurveyError(
                f"{path}: none of the durations is a time above 0; {first}. Write 137, '2分17秒' or '00:02:17'."
            )
        warnings.warn(
            f"{path}: {int(wrong.sum()):,} durations are no time above 0 and count as unknown; {first}.",
            CsiWarning,
            stacklevel=3,
        )
    return seconds


def _texts(limits: Limits, rules: QualityRules) -> dict[str, str]:
    """The thresholds as texts for the words of the rules."""
    shares = ("median_share", "straightlined", "longest_run", "unanswered")
    plain = ("deviations", "even_odd", "outlier", "duplicate", "break_off", "seconds_per_item")
    values = {name: f"{getattr(rules, name):.0%}" for name in shares} | {
        name: f"{getattr(rules, name):g}" for name in plain
    }
    return values | {
        f"limit_{name}": "–" if np.isnan(value) else f"{value:.2f}" for name, value in asdict(limits).items()
    }
