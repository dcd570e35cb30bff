"""A synthetic mobile operator's study whose truth is known, to test the estimators and to show a report without real customers.

Nothing here is shared with the estimators: the numbers below are the model, and the truth is read off the whole base.

How an answer comes about
    trouble       what happened to the customer: calls, complaints, faults, a bill that jumped, being new
    construct     level + paths (points per point) + trouble (points per unit) + residual; 0-100 points, 10 is the good end
    question      its construct + how hard the question is + trouble that it alone shows + noise, as an integer 1-10
Everybody in the base has answers; the survey sees those of the customers who were invited and willing, with gaps.
Within a quarter the customers, their behaviour and their answers hang together; between quarters the customers stay
(some leave, the dissatisfied more often; about as many join), their proneness to trouble stays, and what happened to them is
drawn afresh. New customers are less satisfied and answer far less often: answers as they come are too good.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from csi.errors import CsiError
from csi.files import write_whole
from csi.simulate_event_tables import bill_table, event_table
from csi.simulate_events import competitor_calls, later_quarters, later_truth
from csi.simulate_kpis import kpi_table

Array = NDArray[np.float64]

# What people believe and feel, in causal order: level (points, where nothing goes wrong) and residual SD (points).
CONSTRUCTS: Mapping[str, tuple[float, float]] = {
    "Image": (78.0, 13.5),
    "Expectation": (79.0, 9.5),
    "Quality": (83.0, 9.5),
    "Value": (79.0, 9.5),
    "Satisfaction": (83.0, 5.5),
    "Complaints": (82.0, 10.0),
    "Loyalty": (77.0, 9.0),
}
# Points of the effect for one point of the cause.
PATHS: Mapping[tuple[str, str], float] = {
    ("Image", "Expectation"): 0.62,
    ("Image", "Satisfaction"): 0.15,
    ("Image", "Loyalty"): 0.20,
    ("Expectation", "Quality"): 0.62,
    ("Expectation", "Value"): 0.15,
    ("Expectation", "Satisfaction"): 0.12,
    ("Quality", "Value"): 0.58,
    ("Quality", "Satisfaction"): 0.45,
    ("Value", "Satisfaction"): 0.30,
    ("Satisfaction", "Complaints"): 0.55,
    ("Satisfaction", "Loyalty"): 0.50,
    ("Complaints", "Loyalty"): 0.12,
}
# Points for one more call, complaint or fault; for a bill 100 % above its mean; for being new (1, falling to 0 after five years).
TROUBLE: Mapping[str, Mapping[str, float]] = {
    "Quality": {"hotline_calls_30d": -2.0, "complaints_90d": -4.0, "network_faults_30d": -2.5, "newness": -8.0},
    "Value": {"bill_rise": -30.0},
    "Satisfaction": {"hotline_calls_30d": -1.6, "complaints_90d": -5.0, "bill_rise": -8.0, "newness": -7.0},
    "Complaints": {"complaints_90d": -6.0},
    "QUAL2": {"network_faults_30d": -2.0},
    "QUAL3": {"hotline_calls_30d": -1.5, "complaints_90d": -3.0},
}
# Question: construct, offset (points: a hard question is below its construct), SD of the noise (points).
QUESTIONS: Mapping[str, tuple[str, float, float]] = {
    "IMAG1": ("Image", 1.0, 8.0),
    "IMAG2": ("Image", -1.0, 10.0),
    "EXPE1": ("Expectation", 0.0, 8.0),
    "QUAL1": ("Quality", 1.0, 9.5),
    "QUAL2": ("Quality", 2.0, 11.0),
    "QUAL3": ("Quality", -9.0, 6.5),
    "QUAL4": ("Quality", 3.0, 11.0),
    "QUAL5": ("Quality", -1.0, 12.0),
    "QUAL6": ("Quality", 4.0, 14.0),
    "VALU1": ("Value", -1.0, 9.0),
    "VALU2": ("Value", 1.0, 9.0),
    "SATI1": ("Satisfaction", 2.0, 7.5),
    "SATI2": ("Satisfaction", 0.5, 8.5),
    "SATI3": ("Satisfaction", -3.0, 9.5),
    "SATI4": ("Satisfaction", 0.5, 10.0),
    "COMP1": ("Complaints", 2.0, 9.0),
    "COMP2": ("Complaints", -2.0, 11.0),
    "LOYA1": ("Loyalty", 2.0, 8.0),
    "LOYA2": ("Loyalty", -4.0, 12.0),
    "LOYA3": ("Loyalty", 2.0, 10.0),
}
WEAK_QUESTION = "QUAL3"
DISSATISFIED_BELOW = 60.0
# Logit of answering an invitation: longer customers are more willing; years with us count up to ten.
WILLING = {"intercept": -2.4, "per_year": 0.3, "most_years": 10.0}


@dataclass(frozen=True, slots=True)
class Wave:
    """One quarter: first day of fieldwork, share of bills that jumped, rates of trouble and points of image by the first."""

    name: str
    begins: date
    jumps: float
    calls: float
    complaints: float
    faults: float
    image: float


# In 2026Q2 a new billing system charged wrongly; by 2026Q3 half of it was put right. The network gets better slowly.
WAVES = (
    Wave("2025Q4", date(2025, 12, 1), jumps=0.05, calls=1.0, complaints=1.0, faults=1.0, image=0.0),
    Wave("2026Q1", date(2026, 3, 1), jumps=0.05, calls=1.0, complaints=1.0, faults=0.95, image=0.3),
    Wave("2026Q2", date(2026, 6, 1), jumps=0.14, calls=1.4, complaints=1.6, faults=0.92, image=-2.5),
    Wave("2026Q3", date(2026, 9, 1), jumps=0.09, calls=1.2, complaints=1.3, faults=0.90, image=-1.4),
)
FIELD_DAYS = 28
# The quarter after each wave, and three more after the last.
LATER = (
    *(date(2026, 1, 1), date(2026, 4, 1), date(2026, 7, 1)),
    *(date(2026, 10, 1), date(2027, 1, 1), date(2027, 4, 1), date(2027, 7, 1)),
)
BRANDS = ("premium", "youth", "prepaid")
TIERS = ("ordinary", "vip", "silver", "gold", "diamond")
REGIONS = ("centre", "east", "south", "west", "north")
BANDS = ("under_1y", "1y_to_3y", "3y_to_5y", "over_5y")
CUSTOMERS_PER_RESPONDENT = 20
JOINING = 0.05  # customers who join in a quarter, as a share of the first base; about as many leave
GAPS = {"": 0.009, "98": 0.006, "99": 0.0025}  # share of cells: skipped, don't know, refused
IMPOSSIBLE = ("77", "n/a", "11", "0", "7?")  # one cell of each in every wave


def simulate_study(
    directory: str | Path, *, seed: int = 2026, customers: int = 60_000, respondents: int = 1_500
) -> Path:
    """Write a synthetic operator's study of four quarters and the truth behind it; return the path of its `study.toml`.

    Beside `study.toml` stand `truth.json` and `data/` with `kpis.csv` and files of every wave: `answers_<wave>.csv`;
    `customers_<wave>.parquet`, the base on the day before; `events_<wave>.parquet` and `bills_<wave>.parquet`, what its numbers
    are made of, and complaints that came after the answers; `later_<wave>.parquet`, the quarter after it (four after the last:
    left, spend, complaints). The last also has `leaving_<wave>.parquet` (day of leaving) and `calls_<wave>.parquet` (calls with
    competitors in the month before). Every file is replaced at once; the same arguments give the same bytes.

    Parameters
    ----------
    directory
        Where to write; made if it is not there.
    seed
        Seed of everything that is drawn.
    customers
        Customers in the base of each quarter.
    respondents
        Customers expected to answer in each quarter; the number who do varies around it.

    Raises
    ------
    CsiError
        Too few respondents for a study, or a base too small to invite them without asking anybody twice.
    """
    _require_sizes(seed, customers, respondents)
    root = Path(directory)
    definition = _definition().read_bytes()
    people = _people(np.random.default_rng([seed, 0]), customers)
    gone = np.zeros(len(people), dtype=bool)
    asked: set[str] = set()
    truths = {}
    for number, wave in enumerate(WAVES):
        rng = np.random.default_rng([seed, 1 + number])
        base = _base(people[(people["joins"] <= number) & ~gone], number, wave, rng)
        felt = _perceptions(base, wave, rng)
        answers = _answers(base, felt, rng)
        invited = _invited(base[~base["customer_id"].isin(asked)], respondents, rng)
        asked |= set(invited["customer_id"])
        answered = invited[rng.random(len(invited)) < invited["willingness"]]
        counts = {"invited": len(invited), "answered": len(answered)}
        truths[wave.name] = counts | _wave_truth(base, felt, answers)
        write_whole(root / "data" / f"customers_{wave.name}.parquet", _customer_file(base))
        write_whole(root / "data" / f"answers_{wave.name}.csv", _answer_file(answered, answers, wave, rng))
        _write_events(root, base, felt["Satisfaction"], wave, np.random.default_rng([seed, 200 + number]))
        later = _write_later(root, base, felt["Satisfaction"], number, np.random.default_rng([seed, 100 + number]))
        gone |= people["customer_id"].isin(later).to_numpy()
    kpis = kpi_table({wave.name: (wave.calls + wave.complaints) / 2 - 1 for wave in WAVES}, seed)
    write_whole(root / "data" / "kpis.csv", kpis.to_csv(index=False).encode())
    after = later_truth(base, felt["Satisfaction"])
    truth = json.dumps({"seed": seed, **_model_truth(), "waves": truths, "later": after}, indent=2) + "\n"
    write_whole(root / "truth.json", truth.encode())
    write_whole(root / "study.toml", definition)  # last: where it stands, its data stand
    return root / "study.toml"


def _require_sizes(seed: int, customers: int, respondents: int) -> None:
    if seed < 0:
        raise CsiError(f"seed must be 0 or more, not {seed}.")
    if respondents < 30:
        raise CsiError(f"respondents must be 30 or more, not {respondents:,}: fewer are not a survey.")
    if customers < CUSTOMERS_PER_RESPONDENT * respondents:
        raise CsiError(
            f"{customers:,} customers are too few for {respondents:,} respondents a quarter: most do not answer, and nobody "
            f"is asked twice in four quarters. Give at least {CUSTOMERS_PER_RESPONDENT * respondents:,} customers."
        )


def _definition() -> Path:
    """The study's definition: inside an installed package, or in the source tree beside it."""
    package = Path(__file__).resolve().parent
    places = (package / "studies/mobile/study.toml", package.parent / "surveys/mobile/study.toml")
    for place in places:
        if place.is_file():
            return place
    raise CsiError(f"the mobile study is not installed: neither {places[0]} nor {places[1]} exists. Reinstall csi.")


def _people(rng: np.random.Generator, customers: int) -> pd.DataFrame:
    """Everybody who is ever a customer: what does not change, and the quarter they join."""
    newcomers = round(JOINING * customers)
    n = customers + newcomers * (len(WAVES) - 1)
    joins = np.zeros(n, dtype=int)
    joins[customers:] = np.repeat(np.arange(1, len(WAVES)), newcomers)
    brand = rng.choice(len(BRANDS), n, p=(0.25, 0.30, 0.45))
    months = rng.gamma(1.1, np.array([68.0, 24.0, 46.0])[brand])
    months = np.where(joins > 0, rng.random(n) * 3 - 3 * joins, np.minimum(months, 300))
    bill = np.array([118.0, 62.0, 38.0])[brand] * rng.lognormal(0, 0.4, n)
    worth = np.log(bill) + 0.006 * np.maximum(months, 0) + rng.normal(0, 0.25, n)
    tier = np.searchsorted(np.quantile(worth, (0.68, 0.77, 0.91, 0.97)), worth)
    return pd.DataFrame(
        {
            "customer_id": [f"C{i:07d}" for i in range(1, n + 1)],
            "joins": joins,
            "brand": np.array(BRANDS)[brand],
            "tier": np.array(TIERS)[tier],
            "region": rng.choice(np.array(REGIONS), n, p=(0.30, 0.22, 0.20, 0.16, 0.12)),
            "corporate": rng.random(n) < np.array([0.25, 0.02, 0.06])[brand],
            "first_tenure": np.floor(months),
            "usual_bill": bill,
            "usual_gb": np.array([16.0, 22.0, 8.0])[brand] * (bill / 60) ** 0.3 * rng.lognormal(0, 0.5, n),
            "proneness": rng.gamma(1.25, 0.8, n),
            "do_not_disturb": rng.random(n) < 0.06,
            "consent": rng.random(n) < 0.93,
        }
    )


def _base(people: pd.DataFrame, number: int, wave: Wave, rng: np.random.Generator) -> pd.DataFrame:
    """The customers of a quarter on the day before its fieldwork, with their behaviour up to that day."""
    n, prone = len(people), people["proneness"].to_numpy()
    tenure = people["first_tenure"].to_numpy() + 3 * number
    years = np.minimum(tenure / 12, WILLING["most_years"])
    jump = (rng.random(n) < wave.jumps) * rng.exponential(0.35, n)
    change = np.clip(rng.normal(0, 0.07, n) + jump, -0.9, 2.0)
    place = people["region"].map({"centre": 0.8, "east": 0.9, "south": 1.0, "west": 1.7, "north": 1.0}).to_numpy()
    faults = rng.poisson(0.5 * wave.faults * place * prone)
    calls = rng.poisson(0.5 * wave.calls * prone * (1 + 0.25 * faults + 2.0 * jump))
    complaints = rng.poisson(0.05 * wave.complaints * prone * (1 + 0.4 * calls + 2.0 * jump))
    visits = rng.poisson(people["brand"].map({"premium": 0.5, "youth": 0.3, "prepaid": 0.7}).to_numpy() + 0.1 * calls)
    return people.assign(
        snapshot_on=pd.Timestamp(wave.begins - timedelta(days=1)),
        tenure_months=tenure.astype(int),
        tenure_band=np.array(BANDS)[np.searchsorted((12, 36, 60), tenure, side="right")],
        monthly_bill=(people["usual_bill"] * (1 + change)).round(2),
        bill_change=change.round(3),
        data_gb=(people["usual_gb"] * rng.lognormal(0.03 * number, 0.25, n)).round(2),
        hotline_calls_30d=calls,
        complaints_90d=complaints,
        outlet_visits_90d=visits,
        network_faults_30d=faults,
        willingness=1 / (1 + np.exp(-WILLING["intercept"] - WILLING["per_year"] * years)),
    )


def _trouble(base: pd.DataFrame, target: str) -> Array:
    """Points that trouble takes from a construct or a question."""
    seen = base.assign(
        bill_rise=base["bill_change"].clip(lower=0), newness=(1 - base["tenure_months"] / 60).clip(lower=0)
    )
    points = np.zeros(len(base))
    for cause, per_unit in TROUBLE.get(target, {}).items():
        points += per_unit * seen[cause].to_numpy(float)
    return points


def _perceptions(base: pd.DataFrame, wave: Wave, rng: np.random.Generator) -> dict[str, Array]:
    """Construct -> points of every customer, not yet held within 0-100."""
    felt: dict[str, Array] = {}
    for name, (level, residual) in CONSTRUCTS.items():
        shift = wave.image if name == "Image" else 0.0
        felt[name] = level + shift + _trouble(base, name) + rng.normal(0, residual, len(base))
        for (cause, effect), slope in PATHS.items():
            if effect == name:
                felt[name] += slope * (felt[cause] - CONSTRUCTS[cause][0])
    return felt


def _answers(base: pd.DataFrame, felt: dict[str, Array], rng: np.random.Generator) -> pd.DataFrame:
    """Integers 1-10 that every customer would give, had all been asked and all answered."""
    answers = {}
    for name, (construct, offset, noise) in QUESTIONS.items():
        points = felt[construct] + offset + _trouble(base, name) + rng.normal(0, noise, len(base))
        answers[name] = np.clip(np.rint(1 + 9 * points / 100), 1, 10).astype(int)
    return pd.DataFrame(answers, index=base.index)


def _invited(rested: pd.DataFrame, respondents: int, rng: np.random.Generator) -> pd.DataFrame:
    """A random sample of the customers who were not invited before and may be disturbed."""
    eligible = rested[~rested["do_not_disturb"]]
    wanted = round(respondents / eligible["willingness"].mean())
    return eligible.loc[rng.choice(eligible.index.to_numpy(), wanted, replace=False)].sort_index()


def _write_events(root: Path, base: pd.DataFrame, points: Array, wave: Wave, rng: np.random.Generator) -> None:
    """Write the events and bills that a quarter's numbers are made of, and the complaints that the dissatisfied made later."""
    ends = wave.begins + timedelta(days=FIELD_DAYS)
    events = event_table(base, wave.begins, ends, points < DISSATISFIED_BELOW, rng)
    for name, table in {"events": events, "bills": bill_table(base, wave.begins)}.items():
        write_whole(root / "data" / f"{name}_{wave.name}.parquet", table.to_parquet(index=False))


def _write_later(
    root: Path, base: pd.DataFrame, points: Array, number: int, rng: np.random.Generator
) -> "pd.Series[str]":
    """Write what the base of a quarter does after it, and whom that of the last calls before; return who left first."""
    last, wave = number == len(WAVES) - 1, WAVES[number].name
    quarters = LATER[number:] if last else LATER[number : number + 1]
    rows = later_quarters(base, points, quarters, rng)
    first = rows["customer_id"][(rows["quarter"] == pd.Timestamp(quarters[0])) & (rows["left"] == 1)]
    tables = {"later": rows.drop(columns="left_on")}
    if last:
        tables["calls"] = competitor_calls(base, base["customer_id"].isin(first).to_numpy(), quarters[0], rng)
        tables["leaving"] = rows.groupby("customer_id")[["left_on"]].max().reset_index()
    for name, table in tables.items():
        write_whole(root / "data" / f"{name}_{wave}.parquet", table.to_parquet(index=False))
    return first


def _customer_file(base: pd.DataFrame) -> bytes:
    hidden = ["joins", "first_tenure", "usual_gb", "proneness", "willingness"]
    data: bytes = base.drop(columns=hidden).round({"usual_bill": 2}).to_parquet(index=False)
    return data


def _answer_file(answered: pd.DataFrame, answers: pd.DataFrame, wave: Wave, rng: np.random.Generator) -> bytes:
    """The questionnaire's CSV: who, when, segments, answers with gaps and a few impossible cells."""
    texts = answers.loc[answered.index].astype(str).to_numpy(dtype=object)
    chance = rng.random(texts.shape)
    for text, share in GAPS.items():
        texts[(chance >= 0) & (chance < share)] = text
        chance -= share
    filled = np.flatnonzero(chance >= 0)
    texts.flat[rng.choice(filled, len(IMPOSSIBLE), replace=False)] = IMPOSSIBLE
    days = np.minimum(rng.exponential(9, len(answered)).astype(int), FIELD_DAYS - 1)
    who = answered[["customer_id", "brand", "tier", "tenure_band", "region"]].copy()
    who.insert(1, "answered_on", [str(wave.begins + timedelta(days=int(day))) for day in days])
    who[answers.columns] = texts
    return who.sort_values(["answered_on", "customer_id"]).to_csv(index=False).encode("utf-8-sig")


def _wave_truth(base: pd.DataFrame, felt: dict[str, Array], answers: pd.DataFrame) -> dict[str, Any]:
    """What the survey tries to find out, read off the whole base; indices in points, shares 0-1."""
    index = np.clip(felt["Satisfaction"], 0, 100)
    asked = (answers[[q for q, (c, _, _) in QUESTIONS.items() if c == "Satisfaction"]].mean(axis=1) - 1) / 9 * 100
    reached = (base["willingness"] * ~base["do_not_disturb"]).to_numpy()
    return {
        "index_of_base": float(index.mean()),
        "index_of_those_who_answer": float(np.average(index, weights=reached)),
        "dissatisfied_share_of_base": float((index < DISSATISFIED_BELOW).mean()),
        "asked_index_of_base": float(asked.mean()),
        "asked_index_of_those_who_answer": float(np.average(asked, weights=reached)),
        "asked_dissatisfied_share_of_base": float((asked < DISSATISFIED_BELOW).mean()),
        "mean_answer_of_base": {name: float(answers[name].mean()) for name in answers},
        "construct_sd_of_base": {name: float(points.std()) for name, points in felt.items()},
    }


def _model_truth() -> dict[str, Any]:
    """The generating numbers, and what follows from them by arithmetic."""
    causes = dict.fromkeys(cause for effects in TROUBLE.values() for cause in effects)
    return {
        "units": "points 0-100 for one point, or for one unit of behaviour; bill_rise = max(bill_change, 0)",
        "paths": {f"{cause} -> {effect}": slope for (cause, effect), slope in PATHS.items()},
        "total_effects_on_satisfaction": {name: _carried(name) for name in CONSTRUCTS if _carried(name)},
        "trouble": TROUBLE,
        "trouble_on_satisfaction": {
            cause: sum(TROUBLE[name].get(cause, 0.0) * _carried(name) for name in CONSTRUCTS if name in TROUBLE)
            for cause in causes
        },
        "weak_question": {"item": WEAK_QUESTION, "indicator": "responsiveness", "points": QUESTIONS[WEAK_QUESTION][1]},
        "dissatisfied_below": DISSATISFIED_BELOW,
        "willingness_logit": WILLING,
    }


def _carried(name: str) -> float:
    """Points of satisfaction that follow from one point of a construct, along every path.

    >>> round(_carried("Quality"), 3)
    0.624
    """
    if name == "Satisfaction":
        return 1.0
    return sum(slope * _carried(effect) for (cause, effect), slope in PATHS.items() if cause == name)
