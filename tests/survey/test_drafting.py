"""Drafted codebooks: what a column seems to be, marked as a guess, in a file that reads at once; and what does not fit."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import csi
from csi.errors import SurveyError
from csi.survey.codebook_check import check_codebook
from csi.survey.draft import guesses_of
from csi.survey.drafting import draft_study
from csi.survey.readers.raw import Question, Texts, table_of_rows

N = 60
RNG = np.random.default_rng(1)


def guess(cells, name="q", side=None, **question):
    raw = table_of_rows(Path("a.csv"), [name], [[str(cell)] for cell in cells], range(2, len(cells) + 2), "test")
    said = {name: Question(**question)} if question else side
    return guesses_of(raw, said)[0]


def whole(low, high, n=N):
    return [*range(low, high + 1), *RNG.integers(low, high + 1, n)]


class TestScales:
    @pytest.mark.parametrize(("low", "high"), [(1, 5), (1, 7), (1, 10), (0, 10)])
    def test_ends_are_those_of_the_shortest_usual_scale(self, low, high):
        found = guess(whole(low, high))
        assert (found.role, found.scale["low"], found.scale["high"]) == ("item", low, high)

    @pytest.mark.parametrize(("cells", "codes"), [([98, 99], [98, 99]), ([9], [9]), ([-1], [-1])])
    def test_codes_beyond_the_scale_are_suspected(self, cells, codes):
        found = guess([*whole(1, 5), *cells])
        assert found.scale == {"low": 1, "high": 5, "missing": codes}
        assert "may mean no answer" in found.why

    def test_words_of_a_known_set(self):
        found = guess(["非常满意", "满意", "一般", "不满意", "非常不满意"] * 10)
        assert found.scale == {"low": 1, "high": 5, "anchors": "satisfaction"}
        assert guess(["Strongly agree", "Agree", "Disagree", "Agree"] * 10).scale["anchors"] == "agreement"

    def test_other_words_among_them_are_no_answers(self):
        found = guess([*["Satisfied", "Very satisfied", "Neutral"] * 20, "Prefer not to say"])
        assert found.scale["refused"] == ["Prefer not to say"]

    def test_numbers_with_words(self):
        found = guess([f"{n} - words" for n in whole(0, 10)])
        assert (found.scale["low"], found.scale["high"], found.scale["number_first"]) == (0, 10, True)

    def test_labels_that_run_from_good_to_bad_turn_the_item(self):
        labels = {
            "1": "Very satisfied",
            "2": "Satisfied",
            "3": "Neutral",
            "4": "Dissatisfied",
            "5": "Very dissatisfied",
        }
        assert guess(whole(1, 5), labels=labels).reverse
        assert not guess(whole(1, 5), labels=dict(zip(labels, reversed(labels.values()), strict=True))).reverse

    def test_what_the_file_declares_missing_is_not_on_the_scale(self):
        scale = guess([*whole(1, 5), 6], gaps={"6": "not_applicable"}).scale
        assert scale == {"low": 1, "high": 5, "not_applicable": [6]}

    def test_a_zero_beside_one_to_five_or_seven_may_mean_not_applicable(self):
        assert guess(whole(0, 5)).scale == {"low": 1, "high": 5, "not_applicable": [0]}
        assert guess(whole(0, 7)).scale == {"low": 1, "high": 7, "not_applicable": [0]}
        assert guess(whole(0, 4)).scale == {"low": 0, "high": 4}
        assert guess(whole(0, 10)).scale == {"low": 0, "high": 10}

    def test_labelled_ends_among_numbers(self):
        cells = ["1 - very dissatisfied", *map(str, range(2, 10)), "10 - very satisfied"] * 12
        assert guess(cells).scale == {"low": 1, "high": 10, "number_first": True}

    def test_a_few_cells_may_be_anything(self):
        found = guess([*(str(k) for k in range(1, 11))] * 12 + ["abc", "seven"])
        assert found.scale == {"low": 1, "high": 10}
        assert "2 cells are no numbers, such as 'abc'" in found.why

    def test_a_number_right_beyond_the_end_is_an_answer(self):
        assert guess(whole(1, 8)).scale == {"low": 1, "high": 9}

    def test_shares_some_of_which_are_written_with_an_exponent_are_no_scale(self):
        assert guess([*np.linspace(0, 1, 40), *["3.5E-05", "1.2E-06", "7.25e-07"]]).role != "item"

    def test_a_battery_has_one_scale(self):
        rows = [[str(a), str(b)] for a, b in zip(whole(0, 10), whole(3, 10, N + 3), strict=True)]
        raw = table_of_rows(Path("a.csv"), ["imag1", "imag2"], rows, range(2, len(rows) + 2), "test")
        assert [found.scale for found in guesses_of(raw)] == [{"low": 0, "high": 10}] * 2

    def test_percentages(self):
        assert guess(range(0, 101, 10)).scale["high"] == 100
        assert guess(whole(0, 90), name="share in percent").scale["high"] == 100
        assert guess(whole(0, 90)).role == "comment"  # counts, not answers


class TestRoles:
    def test_key_date_weight(self):
        assert guess(range(N), "respondent_id").role == "key"
        assert guess([1, 1, 2] * 20, "respondent_id").role != "key"  # repeats
        assert guess(pd.date_range("2026-01-01", periods=N).strftime("%Y-%m-%d"), "提交时间").role == "date"
        assert guess(RNG.random(N) + 0.5, "WEIGHT").role == "weight"

    def test_segments_comments_and_empty_columns(self):
        found = guess(["north", "south"] * 30, "region")
        assert (found.role, list(found.levels)) == ("segment", ["north", "south"])
        assert guess(whole(1, 5), "age group").role == "segment"
        assert guess([f"text {i}" for i in range(N)]).role == "comment"
        assert guess([""] * N).role == "unused"

    def test_several_answers(self):
        found = guess(["a┋b", "a", "b┋c", "c"] * 10)
        assert (found.role, found.separator) == ("choice", "┋")
        assert guess(["0", "1"] * 30, block="Q7").role == "choice"

    def test_personal_columns_are_left_out(self):
        raw = table_of_rows(Path("a.csv"), ["phone"], [["138"]], [2], "test")
        assert guesses_of(raw, None, {"phone": "a telephone number"})[0].role == "personal"

    @pytest.mark.parametrize(
        ("name", "construct"),
        [("Overall satisfaction", "Satisfaction"), ("总体满意度", "Satisfaction"), ("Would you recommend us?", "Loyalty"),
         ("资费合理", "Value"), ("营业厅人员服务态度", "Quality"), ("IMAG3", "Image"), ("zzz", "")],
    )  # fmt: skip
    def test_constructs_from_the_words_of_a_question(self, name, construct):
        assert guess(whole(1, 10), name).construct == construct


@pytest.fixture
def answers(tmp_path):
    quality = RNG.normal(size=300)
    frame = pd.DataFrame({"id": range(300)})
    for name, loading in (("Service quality", 1.0), ("Staff", 0.8), ("Overall satisfaction", 0.9), ("比较满意", 0.9)):
        frame[name] = np.clip(np.round(7 + 1.5 * loading * quality + RNG.normal(size=300)), 1, 10).astype(int)
    frame["Would recommend"] = np.clip(np.round(7 + quality + RNG.normal(size=300)), 1, 10).astype(int)
    frame.loc[0:9, "Staff"] = 99
    path = tmp_path / "answers 2026.csv"
    frame.to_csv(path, index=False)
    return path


def test_a_draft_reads_and_fits_at_once(answers, tmp_path):
    out = tmp_path / "study.toml"
    draft_study(answers, out)
    study = csi.read_study(out)
    assert study.waves[0].name == "2026"
    survey = study.read()
    assert len(survey) == 300
    assert survey.item_table().set_index("item")["skipped"].sum() == 10
    fit = csi.fit(study.model, survey)
    assert fit.paths.at["Quality", "Satisfaction"] > 0.5
    text = out.read_text("utf-8")
    assert text.count("GUESS") > 10
    assert 'zh = "比较满意"' in text


def test_a_draft_never_overwrites(answers, tmp_path):
    out = tmp_path / "study.toml"
    out.write_text("mine", "utf-8")
    with pytest.raises(SurveyError, match="never overwrites"):
        draft_study(answers, out)
    assert out.read_text("utf-8") == "mine"


def test_awkward_texts_stay_toml(tmp_path):
    path = tmp_path / "a.csv"
    header = ['say "yes"\\no', "a'b", "行\n二", "tab\there", "é%"]
    pd.DataFrame([[n % 5 + 1] * 5 for n in range(20)], columns=header).to_csv(path, index=False)
    draft_study(path, tmp_path / "s.toml")
    content = tomllib.loads((tmp_path / "s.toml").read_text("utf-8"))
    assert {item["column"] for item in content["codebook"]["items"]} == {cell.strip() for cell in header}


class TestCheck:
    def check(self, cells, scale, name="q", **more):
        book = csi.Codebook.from_dict({"items": [{"name": name, "construct": "Q", "scale": scale}], **more})
        raw = table_of_rows(
            Path("a.csv"), [name, "extra"], [[str(c), "x"] for c in cells], range(2, len(cells) + 2), "test"
        )
        return check_codebook(raw, book)

    def test_scales_that_the_answers_contradict(self):
        found = self.check([*whole(1, 10)], {"low": 1, "high": 5}).rows.iloc[0]
        assert (found["severity"], found["item"]) == ("doubt", "q")
        assert "not on the scale 1 to 5" in found["finding"]
        assert "'6'" in found["finding"] or "'10'" in found["finding"]

    def test_a_scale_longer_than_the_answers(self):
        assert "no answer lies above 5" in self.check(whole(1, 5), {"low": 1, "high": 10}).rows.iloc[0]["finding"]

    def test_a_code_taken_for_an_answer(self):
        assert (
            "99 looks like a code" in self.check([*whole(1, 10), 99], {"low": 0, "high": 100}).rows["finding"].str.cat()
        )

    def test_columns_that_are_absent_or_not_read(self):
        book = csi.Codebook.from_dict({"items": [{"name": "p", "scale": {"low": 1, "high": 5}}]})
        raw = table_of_rows(Path("a.csv"), ["q"], [["1"], ["2"]], [2, 3], "test")
        found = check_codebook(raw, book)
        assert found.errors == 1
        assert found.rows[["severity", "column"]].to_numpy().tolist() == [["error", "p"], ["note", "p"], ["note", "q"]]

    def test_a_codebook_that_fits_has_notes_only(self):
        assert set(self.check(whole(1, 10), {"low": 1, "high": 10}).rows["severity"]) == {"note"}


def test_texts_are_judged_once_each():
    assert Texts.of(["a", "b", "a"]).distinct == ("a", "b")
