"""From events to the scores of a whole base: features at the answers, a learnt risk, and a score for every customer.

Made-up customers with six events each (two hotline calls, four monthly bills), as Parquet; making them is not counted. The engine
is DuckDB with two threads and 2 GB. The whole chain is `link` (features of the respondents and of the base, its comparison),
`dissatisfaction_risk` and `scores_to`, which works the features out once more as it streams. In pandas: the features alone.
"""

# ruff: noqa: PLC0415 - see ecsi.py

from __future__ import annotations

import os
import tempfile
from datetime import date
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from measuring import Found, NotMeasuredError, fresh, peak, table, verdict

if TYPE_CHECKING:
    import pandas as pd

    import csi

TITLE = "Behaviour: features and scores of the base"
SIZES = [float(size) for size in os.environ.get("BENCHMARK_MILLIONS", "0.1 1 10").split()]
IN_PANDAS = 1.0  # millions of customers up to which pandas is tried
CALLS, BILLS, RESPONDENTS, DAYS = 2, 4, 2_000, 124
AS_OF = date(2026, 7, 1)
SECONDS, MEGABYTES, JUDGED = 240, 4_000, 10.0
TABLES = {
    "base": "select range as id, (hash(range) % 240)::int as tenure from range({n})",
    "calls": "select (hash(range) % {n})::bigint as id, timestamp '2026-02-27' + to_seconds((hash(range + 7) % {span})::bigint) "
    "as at, case when hash(range + 3) % 10 = 0 then 'complaint' else 'question' end as kind from range({calls})",
    "bills": "select (range // 4)::bigint as id, (date '2026-03-15' + to_months((range % 4)::int))::date as billed, "
    "20 + 0.01 * (hash(range) % 9000)::double as amount from range({bills})",
    # Dissatisfied is who called or who is new, but not who did both: trees learn it, which take longer to score.
    "answers": "select b.id, case when ((c.id is not null) <> (b.tenure < 120)) <> (hash(b.id + 11) % 5 = 0) then 2 else 9 end "
    "as q, '2026-06-28' as day from '{folder}/base.parquet' b left join (select distinct id from '{folder}/calls.parquet' "
    "where \"at\" > '2026-05-29') c on b.id = c.id order by hash(b.id + 5) limit {respondents}",
}


def make(folder: str, millions: float) -> Found:
    """Write the tables; how many rows of events."""
    import csi

    n = round(millions * 1e6)
    sizes = {"n": n, "calls": CALLS * n, "bills": BILLS * n, "span": DAYS * 86_400, "folder": folder}
    sizes["respondents"] = RESPONDENTS
    engine = csi.connect(threads=2, memory="2GB", temp_folder=Path(folder) / "spill")
    for name, query in TABLES.items():
        engine.backend.raw_sql(f"copy ({query.format(**sizes)}) to '{folder}/{name}.parquet' (format parquet)")
    return {"events": CALLS * n + BILLS * n}


def rules(folder: str) -> list[csi.EventFeatures]:
    """Eleven features of windows of 7 to 124 days."""
    import csi

    calls, bills = f"{folder}/calls.parquet", f"{folder}/bills.parquet"
    return [
        csi.EventFeatures("calls", calls, "at", ("count", "recency")),
        csi.EventFeatures("complaint", calls, "at", ("count", "share"), windows=(30, 90), where={"kind": "complaint"}),
        csi.EventFeatures("bill", bills, "billed", ("mean", "sum", "level_change"), windows=(31,), column="amount"),
    ]


def answers(folder: str) -> csi.Survey:
    """The made-up answers as a survey."""
    import pandas as pd

    import csi
    from csi.survey.reading import survey_from_frame

    book = {"scale": {"low": 1, "high": 10}, "items": [{"name": "q"}], "key": "id", "date": "day"}
    frame = pd.read_parquet(f"{folder}/answers.parquet").astype({"id": str})
    return survey_from_frame(frame, csi.Codebook.from_dict(book), source="answers")


def chain(folder: str) -> Found:
    """Seconds of each step of the whole chain."""
    import csi

    survey, learn, join = answers(folder), csi.dissatisfaction_risk, csi.link  # so that all libraries are loaded
    marks = [perf_counter()]
    engine = csi.connect(threads=2, memory="2GB", temp_folder=Path(folder) / "spill")
    linked = join(
        survey,
        engine.read(f"{folder}/base.parquet"),
        key="id",
        features=["tenure"],
        events=rules(folder),
        as_of=AS_OF,
    )
    marks.append(perf_counter())
    risk = learn(linked, survey.answers["q"] <= 3)
    marks.append(perf_counter())
    scored = risk.scores_to(Path(folder) / "scores.parquet")
    marks.append(perf_counter())
    steps = [b - a for a, b in pairwise(marks)]
    return {
        "link": steps[0],
        "learn": steps[1],
        "score": steps[2],
        "all": sum(steps),
        "scored": scored,
        "by": risk.classifier.name,
    }


def features(folder: str) -> Found:
    """Seconds until the features of the base are written."""
    import csi
    from csi.engine import write

    declared, make_features = rules(folder), csi.features_of_base  # so that all libraries are loaded
    start = perf_counter()
    engine = csi.connect(threads=2, memory="2GB", temp_folder=Path(folder) / "spill")
    base = engine.read(f"{folder}/base.parquet")
    found = make_features(base, declared, key="id", as_of=AS_OF, columns=["tenure"])
    write(found, Path(folder) / "features.parquet")
    return {"seconds": perf_counter() - start}


def in_pandas(folder: str) -> Found:
    """The same features in pandas, and the largest difference from those that the engine wrote."""
    import numpy as np
    import pandas as pd

    start = perf_counter()
    found = pandas_features(*(pd.read_parquet(f"{folder}/{name}.parquet") for name in ("base", "calls", "bills")))
    found.to_parquet(f"{folder}/features_pandas.parquet")
    seconds, most = perf_counter() - start, peak()
    written = pd.read_parquet(f"{folder}/features.parquet").set_index("id").sort_index()
    a, b = found.sort_index()[list(written)].to_numpy(float), written.to_numpy(float)
    if (np.isnan(a) != np.isnan(b)).any():
        raise NotMeasuredError("pandas and the engine have gaps in different places")
    return {"seconds": seconds, "most": most, "difference": float(np.nanmax(np.abs(a - b)))}


def pandas_features(base: pd.DataFrame, calls: pd.DataFrame, bills: pd.DataFrame) -> pd.DataFrame:
    """What the rules say, by hand."""
    import pandas as pd

    end = pd.Timestamp(AS_OF)
    day = pd.Timedelta(days=1)
    found = base.set_index("id")
    calls = calls.assign(at=calls["at"].dt.normalize())
    calls = calls[calls["at"] < end]

    def inside(events: pd.DataFrame, at: str, days: int, until: int = 0) -> Any:  # noqa: ANN401 - groups of a frame
        return events[(events[at] >= end - days * day) & (events[at] < end - until * day)].groupby("id")

    for days in (7, 30, 90):
        found[f"calls_count_{days}d"] = inside(calls, "at", days).size().reindex(found.index, fill_value=0)
    found["calls_recency"] = (end - inside(calls, "at", 90)["at"].max().reindex(found.index)) / day
    for days in (30, 90):
        complaints = inside(calls[calls["kind"] == "complaint"], "at", days).size().reindex(found.index, fill_value=0)
        found[f"complaint_count_{days}d"] = complaints
        total = found[f"calls_count_{days}d"]
        found[f"complaint_share_{days}d"] = (complaints / total).where(total > 0)
    bills = bills.assign(billed=pd.to_datetime(bills["billed"]))
    now, past = inside(bills, "billed", 31)["amount"], inside(bills, "billed", 124, 31)["amount"]
    found["bill_mean_31d"] = now.mean().reindex(found.index)
    found["bill_sum_31d"] = now.sum().reindex(found.index, fill_value=0.0)
    found["bill_level_change_31d"] = found["bill_mean_31d"] / past.mean().reindex(found.index) - 1
    return found


def measure() -> Found:
    """Every size; one run each."""
    found: Found = {}
    for millions in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            own = fresh("behaviour", "make", folder, millions)
            own["chain"] = fresh("behaviour", "chain", folder)
            own["features"] = fresh("behaviour", "features", folder)
            if millions <= IN_PANDAS:
                own["pandas"] = fresh("behaviour", "in_pandas", folder)
            found[f"{millions:g}"] = own
    return found


def written(found: Found) -> list[str]:
    """One row a size."""
    rows, least = [], []
    for millions, own in found.items():
        one, other, peer = own["chain"], own["features"], own.get("pandas")
        row = [f"{millions} million", f"{own['events'] / 1e6:g} million"]
        row += [f"{one[step]:.1f} s" for step in ("link", "learn", "score", "all")]
        judged = float(millions) == JUDGED
        row += [verdict(one["all"], SECONDS) if judged else "", f"{one['peak']:,.0f} MB"]
        row += [verdict(one["peak"], MEGABYTES) if judged else ""]
        row += [f"{other['seconds']:.1f} s", f"{other['peak']:,.0f} MB"]
        row += [f"{peer['seconds']:.1f} s", f"{peer['most']:,.0f} MB"] if peer else ["not tried", ""]
        rows.append(row)
        least += [peer["difference"]] if peer else []
    heads = [
        "customers",
        "events",
        "link",
        "learn",
        "score",
        "whole chain",
        f"{SECONDS} s",
        "peak",
        f"{MEGABYTES:,} MB",
    ]
    seconds = [(own["chain"]["link"] + own["chain"]["score"]) / float(millions) for millions, own in found.items()]
    each = ", ".join(f"{s:.1f} s" for s in seconds)
    learnt = sorted({own["chain"]["by"] for own in found.values()})
    return [
        *table([*heads, "features alone", "peak", "in pandas", "peak"], rows),
        f"- One run a size; {RESPONDENTS:,} respondents, {' and '.join(learnt)}; 11 features. A "
        f"million customers, linked and scored, take {each} from the smallest size to the "
        f"largest. Largest difference of a feature from pandas: {max(least, default=float('nan')):.1g}.",
    ]
