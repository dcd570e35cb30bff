"""A list of warnings holds those who may be contacted, and nobody else."""

import csv
import datetime as dt
import stat

import pyarrow as pa
import pytest

from csi.behaviour.alert_rules import alert_rules
from csi.behaviour.alerts import customer_alerts
from csi.behaviour.table import BehaviourTable
from csi.care.warning_list import warning_list
from csi.engine import connect
from csi.errors import CareError, LinkError

DAY = dt.date(2026, 6, 30)
RULES = alert_rules([{"ready": "zero_bill"}])


@pytest.fixture
def engine():
    return connect(threads=1)


def warned(engine, ids):
    bills = pa.table({"customer_id": ids, "date": [dt.date(2026, 6, 1)] * len(ids), "amount": [0.0] * len(ids)})
    return customer_alerts({"bills": engine.hold(bills, "bills")}, RULES, as_of=DAY)


def behaviour(**protection):
    return BehaviourTable("base", "id", ("calls",), **{"do_not_disturb": "dnd", "consent": "ok"} | protection)


def base_of(engine, ids, dnd, ok):
    return engine.hold(pa.table({"id": ids, "dnd": dnd, "ok": ok, "level": [0] * len(ids)}), "base")


def listed(found, path):
    found.write_csv(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_flags_protect_and_so_does_what_nobody_can_read_or_know(engine, tmp_path):
    ids = ["K1", "K2", "K3", "K4", "K5", "=F()", "unknown"]
    base = base_of(
        engine, ids[:-1], ["no", "yes", "no", None, "perhaps", "否"], ["yes", "yes", "no", "yes", "yes", "是"]
    )
    found = warning_list(warned(engine, ids), base, behaviour())
    rows = listed(found, tmp_path / "warnings.csv")
    assert [row["customer"] for row in rows] == ["'=F()", "K1"]
    assert (found.contact, found.protected) == (2, 5)
    assert rows[1]["rule"] == "zero_bill"
    assert rows[1]["raised_on"] == "2026-06-30"
    assert rows[1]["value"] == "0"
    assert rows[1]["zh"]
    assert "K1" not in str(found)
    assert stat.S_IMODE((tmp_path / "warnings.csv").stat().st_mode) == 0o600


def test_flags_that_are_not_recorded_protect_nobody(engine, tmp_path):
    base = base_of(engine, ["A", "B"], ["yes", "yes"], ["no", "yes"])
    found = warning_list(warned(engine, ["A", "B"]), base, behaviour(do_not_disturb="not recorded"))
    assert [row["customer"] for row in listed(found, tmp_path / "w.csv")] == ["B"]


def test_keys_of_numbers_meet_keys_of_texts(engine):
    base = base_of(engine, [7, 8], ["no", "no"], ["yes", "no"])
    assert warning_list(warned(engine, ["7", "8"]), base, behaviour()).contact == 1


def test_a_base_with_customers_twice_is_refused(engine):
    base = base_of(engine, ["A", "A"], ["no", "yes"], ["yes", "yes"])
    with pytest.raises(CareError, match="1 customers have several rows, for example 'A'"):
        warning_list(warned(engine, ["A"]), base, behaviour())


def test_a_flag_that_is_not_there_is_named(engine):
    base = base_of(engine, ["A"], ["no"], ["yes"])
    with pytest.raises(LinkError, match="no column 'permission', which is named as a column that protects customers"):
        warning_list(warned(engine, ["A"]), base, behaviour(consent="permission"))
