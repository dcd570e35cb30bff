"""Margins of the population from tables and files: nothing is guessed, nothing is left out unnoticed."""

import pytest

from csi.errors import SurveyError
from csi.survey.margins import read_margins

SHARES = {"region": {"north": 0.4, "south": 0.6}, "sex": {"f": 0.51, "m": 0.49}}


def test_a_toml_file_with_or_without_its_heading(tmp_path):
    for prefix in ("", "margins."):
        path = tmp_path / "margins.toml"
        path.write_text(f"[{prefix}region]\nnorth = 0.4\nsouth = 0.6\n[{prefix}sex]\nf = 0.51\nm = 0.49\n", "utf-8")
        assert read_margins(path) == SHARES


@pytest.mark.parametrize("header", ["margin,level,share", "Variable,Category,Proportion", "变量,水平,占比"])
def test_a_csv_file_with_one_row_a_level(tmp_path, header):
    path = tmp_path / "margins.csv"
    path.write_text(f"{header}\nregion,north,40%\nregion,south,60%\n\nsex,f,0.51\nsex,m,0.49\n", "utf-8-sig")
    assert read_margins(path) == SHARES


def test_numbers_of_customers_are_taken_as_they_are(tmp_path):
    path = tmp_path / "margins.csv"
    path.write_text('margin,level,count\nregion,north,"1,200"\nregion,south,800\n', "utf-8")
    assert read_margins(path) == {"region": {"north": 1200, "south": 800}}


def test_published_shares_may_be_rounded():
    assert read_margins({"age": {"a": 0.33, "b": 0.33, "c": 0.33}})["age"]["a"] == 0.33


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "there are no margins"),
        ({"sex": 0.5}, "margin 'sex' must map"),
        ({"sex": {"f": 0.5, "m": 0.3}}, "'sex': the shares add up to 0.800 instead of 1"),
        ({"sex": {"f": "51%", "m": "39%"}}, "add up to 0.900"),
        ({"sex": {"f": "half", "m": 0.5}}, "level 'f': 'half' is no share"),
        ({"sex": {"f": 0, "m": 1}}, "level 'f': 0 is no share or number above 0"),
        ({"sex": {"f": True, "m": 1}}, "True is no share"),
    ],
)
def test_what_cannot_be_a_margin_is_refused(table, message):
    with pytest.raises(SurveyError, match=message):
        read_margins(table)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.csv", "margin,level\nsex,f\n", "no column 'share'"),
        ("m.csv", "", "no column 'margin'"),
        ("m.csv", "margin,level,share\nsex,f\n", "row 2 has 2 cells for 3 columns"),
        (
            "m.csv",
            "margin,level,share\nsex,f,0.5\nsex,f,0.5\n",
            "row 3 names the level 'f' of margin 'sex' a second time",
        ),
        ("m.toml", "sex = [", "not a TOML file"),
        ("m.toml", "margins = 3", "must be a table"),
    ],
)
def test_files_that_are_no_margins(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    with pytest.raises(SurveyError, match=f"{name}.*{message}"):
        read_margins(path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(SurveyError, match="cannot be read"):
        read_margins(tmp_path / "none.csv")
    (tmp_path / "old.csv").write_bytes("变量,水平,占比".encode("gb18030"))
    with pytest.raises(SurveyError, match="not UTF-8"):
        read_margins(tmp_path / "old.csv")
