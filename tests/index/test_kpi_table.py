"""The KPI table: read as it is written in an office, and every fault named with its remedy."""

import numpy as np
import pandas as pd
import pytest

import csi
from csi.errors import SurveyError


def rows(months=("2026-04", "2026-05", "2026-06", "2026-07", "2026-08", "2026-09"), **changed):
    described = {"node": "queue", "parent": "wait", "unit": "min", "direction": "lower", "target": 5, "red_line": 10}
    frame = pd.DataFrame({**described, "month": list(months), "value": np.arange(float(len(months)))})
    return frame.assign(**changed)


class TestReading:
    def test_what_stands_in_it(self):
        table = csi.read_kpis(rows())
        (kpi,) = table.kpis
        assert (kpi.parent, kpi.unit, kpi.sign, kpi.target, kpi.red_line) == ("wait", "min", -1, 5.0, 10.0)
        assert table.table()["estimate"].tolist() == [0, 1, 2, 3, 4, 5]
        assert "1 KPIs, 2026-04 to 2026-09" in str(table)

    def test_a_wave_is_the_mean_of_its_months(self):
        table = csi.read_kpis(rows().sample(frac=1, random_state=1))
        assert table.in_waves(table.kpis[0], "", ["2026Q2", "2026Q3"])[0].tolist() == [1.0, 4.0]

    def test_waves_may_be_named_instead(self):
        frame = rows(("before", "now")).rename(columns={"month": "wave"})
        table = csi.read_kpis(frame)
        assert not table.monthly
        assert table.in_waves(table.kpis[0], "", ["before", "now"])[0].tolist() == [0.0, 1.0]

    def test_chinese_headers_files_and_ways_to_write_a_month(self, tmp_path):
        path = tmp_path / "kpi.csv"
        path.write_text(
            "指标,上级指标,方向,月份,数值\n排队,等候,越低越好,2026年7月,8.3\n排队,等候,,2026/08,6.1\n", "utf-8"
        )
        table = csi.read_kpis(path)
        assert table.kpis[0].sign == -1
        assert table.values["period"].tolist() == ["2026-07", "2026-08"]

    def test_a_month_may_be_stated_as_not_known(self):
        frame = rows()
        frame.loc[4, "value"] = np.nan
        table = csi.read_kpis(frame)
        values = table.in_waves(table.kpis[0], "", ["2026Q2", "2026Q3"])[0]
        assert values[0] == 1.0
        assert np.isnan(values[1])

    def test_before_its_first_month_a_kpi_is_not_known(self):
        table = csi.read_kpis(rows())
        values = table.in_waves(table.kpis[0], "", ["2025Q3", "2026Q2", "2026Q3"])[0]
        assert np.isnan(values[0])
        assert values[1:].tolist() == [1.0, 4.0]


class TestFaults:
    @pytest.mark.parametrize(
        ("frame", "message"),
        [
            (rows().drop(columns="direction"), "there is no column 'direction'. Its columns are"),
            (rows().drop(columns="month"), "there is no column 'month' or 'wave'"),
            (
                rows().drop(index=2),
                "the KPI 'queue' has no row for 2026-06. Add the value, or a row with an empty value",
            ),
            (pd.concat([rows(), rows().tail(1)]), "rows 6 and 7 both give the KPI 'queue' for 2026-09. Keep one"),
            (rows(value=["1", "2", "n/a", "4", "5", "6"]), "row 3, KPI 'queue': value is 'n/a', not a number"),
            (rows(direction="sideways"), "direction of the KPI 'queue' is 'sideways'; write 'higher' or 'lower'"),
            (rows(target=[5, 5, 6, 5, 5, 5]), "two entries of 'target': '5' and '6'"),
            (rows(parent=""), "the KPI 'queue' has no parent"),
            (rows(node=["queue"] * 5 + [""]), "row 6 names no KPI"),
            (rows().head(0), "there is no row"),
        ],
    )
    def test_it_is_named(self, frame, message):
        with pytest.raises(SurveyError, match=r"^the KPI table") as error:
            csi.read_kpis(frame)
        assert message in str(error.value)

    def test_a_circle(self):
        two = pd.concat([rows(node="a", parent="b"), rows(node="b", parent="a")])
        with pytest.raises(SurveyError, match=r"in a circle: . -> . -> .*Hang one of them on an indicator"):
            csi.read_kpis(two)

    def test_a_wave_that_lacks_a_month(self):
        table = csi.read_kpis(rows())
        with pytest.raises(
            SurveyError, match="'queue' has no row for 2026-10, 2026-11, 2026-12, and wave '2026Q4' needs it"
        ):
            table.in_waves(table.kpis[0], "", ["2026Q3", "2026Q4"])
        with pytest.raises(SurveyError, match="the wave 'now' names no month, quarter or year"):
            table.in_waves(table.kpis[0], "", ["now"])

    def test_an_unknown_node(self):
        with pytest.raises(
            SurveyError, match=r"'queue' hangs on 'wait', which the tree does not have.*Did you mean 'waiting'"
        ):
            csi.read_kpis(rows()).require_tree(["waiting", "staff"])
        with pytest.raises(SurveyError, match="has the name of an indicator"):
            csi.read_kpis(rows()).require_tree(["wait", "queue"])
