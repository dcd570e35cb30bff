"""The chart of a point's worth shows the levels that the result has, in both languages."""

import numpy as np
import pandas as pd
import pytest

from csi.behaviour.worth import worth_of_satisfaction
from csi.behaviour.worth_outcomes import WorthTable
from csi.errors import ReportError
from csi.report.charts.worth import plot_worth


@pytest.fixture(scope="module")
def worth():
    rng = np.random.default_rng(2)
    people = pd.DataFrame({"key": np.arange(300).astype(str), "date": "2026-06-30", "csi": rng.uniform(40, 100, 300)})
    later = people.assign(quarter="2026-07-01", paid=90 + 0.5 * people["csi"], moans=rng.poisson(1, 300))
    later["paid"] += rng.normal(0, 5, 300)
    columns = WorthTable(table="later.csv", key="key", begins="quarter", spend="paid", complaints="moans")
    return worth_of_satisfaction(people, later, columns, index="csi")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("outcome", ["spend", "complaints"])
def test_five_points_at_the_levels(worth, language, outcome):
    ax = plot_worth(worth, language=language, outcome=outcome)
    rows = worth.levels[worth.levels["outcome"] == outcome]
    assert ax.lines[0].get_ydata().tolist() == pytest.approx(rows["estimate"].tolist())
    assert ax.lines[0].get_xdata().tolist() == pytest.approx(rows["index"].tolist())
    value = worth.rows.set_index("term").at["value_year", "estimate"]
    assert f"{value:+,.2f}" in ax.get_title(loc="left")


def test_an_outcome_that_was_not_measured_is_refused(worth):
    with pytest.raises(ReportError, match=r"'churn' was not measured\. Measured were spend, complaints"):
        plot_worth(worth, outcome="churn")
