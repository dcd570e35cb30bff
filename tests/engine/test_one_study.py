"""A study file is pointed at another engine by its [engine] section alone, and says the same there."""

import datetime as dt

import pandas as pd
import pytest

import csi
from csi.behaviour.alerts import customer_alerts

pytest_plugins = ["engines"]

SPARK = '\n[engine]\nurl = "local[2]"\nsettings = { "spark.sql.shuffle.partitions" = "2" }\n'


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return csi.simulate_study(tmp_path_factory.mktemp("study"), customers=4_000, respondents=200)


def linked_and_warned(study):
    survey = study.read()
    engine = study.engine.connect()
    linked = study.link(survey, study.behaviour)
    as_of = survey.respondents["date"].max().date() + dt.timedelta(days=1)
    tables = study.tables([rule.table for rule in study.alerts], survey.wave)
    alerts = customer_alerts(tables, study.alerts, as_of=as_of, replay=True, engine=engine)
    assert {linked.source.backend.name, alerts.warnings.backend.name} == {engine.backend.name}
    return engine, linked, alerts


@pytest.mark.filterwarnings("ignore::csi.CsiWarning")  # some answers are refused
def test_only_the_section_of_the_engine_changes(spark, file):
    _, linked, alerts = linked_and_warned(csi.read_study(file))
    elsewhere = file.with_name("elsewhere.toml")
    elsewhere.write_text(file.read_text("utf-8") + SPARK, "utf-8")
    engine, there, alerts_there = linked_and_warned(csi.read_study(elsewhere))
    assert engine.backend.name == "pyspark"
    assert there.features == linked.features
    pd.testing.assert_frame_equal(there.frame, linked.frame, rtol=1e-9)
    for feature, summary in linked.base_summary.items():
        found = there.base_summary[feature]
        assert (found.n, found.mean, found.sd) == pytest.approx((summary.n, summary.mean, summary.sd), rel=1e-9)
    assert alerts_there.counts == alerts.counts
    assert sum(alerts.counts.values()) > 0
