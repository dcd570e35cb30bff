"""Every real file reads with a drafted codebook: all rows, every kind of gap, and cells known beforehand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import csi
from csi.survey.coding import GAP_KINDS
from csi.survey.drafting import draft_study, side_questions
from csi.survey.readers.formats import read_raw
from csi.survey.reading import code_table
from csi.survey.survey import Source

FILES = json.loads((Path(__file__).parents[1] / "golden" / "real_files.json").read_text("utf-8"))["files"]


@pytest.mark.filterwarnings("ignore::csi.errors.CsiWarning")
@pytest.mark.parametrize("name", FILES)
def test_a_drafted_codebook_reads_it(shared, tmp_path, name):
    path, known = shared / "data" / name, FILES[name]
    options = known["options"]
    questions = side_questions(shared / "data" / known["side"]) if known["side"] else None
    out = tmp_path / "study.toml"
    guesses = draft_study(path, out, side=questions, **options)
    raw = read_raw(path, options.get("sheet"), options.get("encoding"))
    assert len(raw) + len(raw.refused_rows) == known["rows"]
    assert {guess.column for guess in guesses} == set(raw.columns)
    survey = _coded(out, raw)
    assert len(survey) == len(raw)
    names = {item.column: item.name for item in survey.codebook.items}
    assert list(survey.answers.columns) == list(names.values())
    assert len(names) == known["items"]
    kinds = np.bincount(survey.gaps.to_numpy(int).ravel(), minlength=len(GAP_KINDS))
    assert {kind: n for kind, n in zip(GAP_KINDS, kinds, strict=True) if n} == known["cells"]
    for case, column, text, answer in known["known"]:
        assert raw.columns[column].cells()[case] == text
        if column in names:
            assert survey.answers.at[case, names[column]] == pytest.approx(
                answer if answer is not None else np.nan, nan_ok=True
            )
    for item in survey.codebook.items:  # every cell is an answer, a gap, or refused and kept
        texts = raw.columns[item.column].cells()
        gaps = survey.gaps[item.name].to_numpy()
        told = (gaps == 0) | (pd.Series(texts).str.strip() == "").to_numpy()
        kept = survey.coded_cells[survey.coded_cells["item"] == item.name]
        assert set(raw.rows[~told]) <= set(kept["row"])
        whole = [(float(text), value) for text, value in zip(texts, survey.answers[item.name], strict=True)
                 if pd.notna(value) and text.strip().isdigit() and not item.reverse]  # fmt: skip
        assert all(number == value for number, value in whole)


def _coded(study, raw):
    """The answers by a draft, whose model may be missing."""
    import tomllib

    content = tomllib.loads(study.read_text("utf-8"))
    book = csi.Codebook.from_dict(content["codebook"])
    return code_table(raw, book, Source(str(raw.path), "", raw.form))


@pytest.mark.filterwarnings("ignore::csi.errors.CsiWarning")
@pytest.mark.parametrize(
    ("name", "options", "item", "codes"),
    [
        ("acsi2015/acsi2015_food_air_isp.csv", {}, "SATIS", [98, 99]),
        ("corp_rep.csv", {}, "cusl_1", [-99]),
        ("sfo_airport/2013_SFO_Customer_Survey.csv", {}, "Q15_PROBLEMS", None),
    ],
)
def test_codes_that_are_no_answers_are_suspected(shared, tmp_path, name, options, item, codes):
    guesses = {g.column: g for g in draft_study(shared / "data" / name, tmp_path / "s.toml", **options)}
    if codes is None:
        assert guesses[item].role in ("item", "segment")
    else:
        assert guesses[item].scale["missing"] == codes


@pytest.mark.filterwarnings("ignore::csi.errors.CsiWarning")
def test_known_cells(shared, tmp_path):
    """Looked up in the files by eye and by another library."""
    data = shared / "data"
    mobi = pd.read_csv(data / "mobi.csv")
    study = csi.read_study("surveys/mobi", data_dir=data)
    answers = study.read().answers
    for row, item in ((0, "CUEX1"), (123, "PERQ4"), (249, "IMAG5")):
        assert answers.at[row, item] == mobi.at[row, item]
    acsi = pd.read_csv(data / "acsi2015" / "acsi2015_food_air_isp.csv", dtype=str, keep_default_na=False)
    survey = csi.read_study("surveys/acsi2015", data_dir=data).read()
    for row, item in ((0, "SATIS"), (17, "OVERALLX"), (5733, "IDEAL")):
        known = float(acsi.at[row, item])
        value = survey.answers.at[row, item]
        assert value == known if known <= 10 else GAP_KINDS[survey.gaps.at[row, item]] in ("dont_know", "refused")


@pytest.mark.filterwarnings("ignore::csi.errors.CsiWarning")
def test_servqual_arrives_as_two_batteries(shared, tmp_path):
    """22 expectations and 22 perceptions of the same statements, on scales from 1 to 7."""
    path = shared / "data" / "servqual_kiosk" / "kiosk_google_forms_responses.xlsx"
    guesses = draft_study(path, tmp_path / "s.toml", sheet="서브퀄_문항만")
    items = [g for g in guesses if g.role == "item"]
    assert len(items) == 44
    assert all((g.scale["low"], g.scale["high"]) == (1, 7) for g in items)
    halves = [[g.column for g in items if g.column.split(".")[0].strip().endswith(end)] for end in ("-1", "-2")]
    assert [len(half) for half in halves] == [22, 22], json.dumps([g.column[:12] for g in items], ensure_ascii=False)


def test_a_structure_file_tells_the_questions(shared):
    """LimeSurvey's own structure: one question with its answers, in two languages."""
    questions = side_questions(shared / "data" / "limesurvey_lss" / "survey-one-question-two-languages.lss")
    assert len(questions) == 1
