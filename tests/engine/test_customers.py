"""Pseudonyms and base keys meet in the owner's mapping, inside the engine; only numbers come out."""

import pyarrow as pa
import pytest

import csi
from csi.engine import numbered, read_mapping, through_mapping
from csi.errors import LinkError

pytest_plugins = ["engines"]

PEOPLE = [f"1390000{k:04d}" for k in range(6)]


@pytest.fixture
def mapping_file(tmp_path, monkeypatch):
    monkeypatch.setenv("CSI_KEY", "a secret of the tests")
    path = tmp_path / "customers.csv"
    csi.number_customers(PEOPLE, path)
    return path


@pytest.fixture
def pseudonyms(mapping_file):
    return csi.pseudonymise(PEOPLE)


def test_answers_meet_the_base_and_everything_left_out_is_counted(engine, mapping_file, pseudonyms):
    mapping = read_mapping(engine, mapping_file)
    keys = [pseudonyms[0], pseudonyms[1], pseudonyms[1], pseudonyms[5], "", None, "0" * 32]
    answers = engine.hold(pa.table({"key": keys, "q1": [9, 5, 6, 7, 1, 2, 3]}), "answers")
    base = engine.hold(
        pa.table({"id": [*PEOPLE[:4], "1380", None], "bill": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]}), "base"
    )
    found = through_mapping(answers, base, mapping)
    rows = sorted(found.table.arrow(found.table.expression).to_pylist(), key=lambda row: row["q1"])
    assert rows == [
        {"customer": 2, "q1": 5, "bill": 20.0},
        {"customer": 2, "q1": 6, "bill": 20.0},
        {"customer": 1, "q1": 9, "bill": 10.0},
    ]
    one, other = found.answers, found.base
    assert (one.rows, one.without_key, one.unmatched, one.repeated, found.not_in_base) == (7, 2, 1, 1, 1)
    assert (other.rows, other.without_key, other.unmatched, other.repeated) == (6, 1, 1, 0)


def test_whole_number_keys_are_the_customers_of_the_same_text(engine, mapping_file):
    mapping = read_mapping(engine, mapping_file)
    calls = engine.hold(pa.table({"id": [int(PEOPLE[3]), int(PEOPLE[3]), 7], "minutes": [1, 2, 3]}), "calls")
    found = numbered(calls, mapping, "id", "key")
    assert found.table.columns == {"customer": "integer", "minutes": "integer"}
    assert (found.table.rows(), found.unmatched, found.repeated) == (2, 1, 1)


class TestWhatCannotBeJoinedIsNamed:
    def test_a_mapping_that_others_can_read(self, engine, mapping_file):
        mapping_file.chmod(0o644)
        with pytest.raises(LinkError, match=r"others can read this table of customers\. .*chmod 600"):
            read_mapping(engine, mapping_file)

    def test_a_mapping_that_does_not_say_who_is_who(self, engine, mapping_file):
        lines = mapping_file.read_text().splitlines()
        mapping_file.write_text("\n".join([*lines, lines[1].replace("1,", "7,", 1)]) + "\n")
        with pytest.raises(LinkError, match="a pseudonym stands in two rows"):
            read_mapping(engine, mapping_file)

    def test_no_mapping_at_all(self, engine, mapping_file):
        mapping_file.write_text("a,b\n1,2\n")
        with pytest.raises(LinkError, match="no column 'number', which is named as a column of the mapping table"):
            read_mapping(engine, mapping_file)

    def test_answers_of_another_secret_and_bases_of_other_people(self, engine, mapping_file, pseudonyms):
        mapping = read_mapping(engine, mapping_file)
        answers = engine.hold(pa.table({"key": ["f" * 32], "q1": [1]}), "answers")
        base = engine.hold(pa.table({"id": [PEOPLE[0], PEOPLE[0]]}), "base")
        with pytest.raises(
            LinkError, match=r"none of 1 rows has a pseudonym in column 'key' .* made with the same CSI_KEY"
        ):
            through_mapping(answers, base, mapping)
        answers = engine.hold(pa.table({"key": pseudonyms[1:2], "q1": [1]}), "answers")
        with pytest.raises(LinkError, match="1 customers stand in more than one row of column 'id'"):
            through_mapping(answers, base, mapping)
        with pytest.raises(LinkError, match="none of the customers who answered is in column 'id'"):
            through_mapping(answers, engine.hold(pa.table({"id": PEOPLE[:1]}), "base"), mapping)
        with pytest.raises(LinkError, match="must be text or whole numbers, but is a column of kind 'number'"):
            numbered(engine.hold(pa.table({"id": [1.5]}), "base"), mapping, "id", "key")
