"""Tables of a paper: intervals say their level, what every row says stands below, constructs have one row, pairs one order."""

import re

import numpy as np
import pandas as pd
import pytest

import csi
from csi.errors import ReportError
from csi.report.grid import journal_grid
from csi.report.labels import Labels
from csi.survey.codebook import wordings

BOOK = csi.Codebook.from_dict(
    {
        "scale": {"low": 1, "high": 10},
        "constructs": {"Price": {"en": "Fair price", "zh": "价格公道"}, "Care": {"en": "Care", "zh": "关怀"}},
        "items": [
            *({"name": n, "construct": "Price", "wording": {"en": f"Question {n}"}} for n in ("p1", "p2", "p3")),
            *({"name": n, "construct": "Care"} for n in ("c1", "c2")),
            {"name": "trust", "construct": "Trust"},
        ],
    }
)
MODEL = csi.Model.parse("Price <~ p1 + p2 + p3; Care <~ c1 + c2; Trust <~ trust; Care ~ Price; Trust ~ Care + Price")


@pytest.fixture(scope="module")
def boot():
    rng = np.random.default_rng(3)
    true = rng.normal(size=(200, 1)) * 1.5
    answers = np.clip(np.rint(6 + true + rng.normal(size=(200, 6))), 1, 10)
    frame = pd.DataFrame(answers, columns=["p1", "p2", "p3", "c1", "c2", "trust"])
    return csi.bootstrap(csi.fit(MODEL, csi.survey_from_frame(frame, BOOK)), 200, level=0.9)


def cells(table):
    """Header and rows of the first table in Markdown."""
    lines = [line for line in str(table).splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return rows[0], rows[2:]


def note(table):
    return str(table).splitlines()[-1].strip("*")


def frame_of(**columns):
    return pd.DataFrame(columns)


class TestHeadings:
    def test_say_the_level_where_it_is_known(self):
        frame = frame_of(ci_low=[0.1, 0.2], ci_high=[0.3, 0.4], change_low=[0.0, 1.0], change_high=[2.0, 3.0])
        assert cells(csi.journal_table(frame))[0] == ["CI", "Change, CI"]
        frame.attrs = {"level": 0.95}
        assert cells(csi.journal_table(frame))[0] == ["95 % CI", "Change, 95 % CI"]
        assert cells(csi.journal_table(frame, language="zh"))[0] == ["95%置信区间", "变化95%置信区间"]
        frame.attrs = {"level": 0.999}
        assert cells(csi.journal_table(frame))[0][0] == "99.9 % CI"

    def test_of_a_bootstrap_say_its_level(self, boot):
        assert "90 % CI" in cells(csi.journal_table(boot))[0]
        assert "90 % CI" in cells(csi.journal_table(csi.satisfaction_index(boot.fit, boot, construct="Care")))[0]

    def test_plspredict_estimates_q2(self):
        frame = frame_of(term=["q"], estimate=[0.2], rmse=[1.0], mae=[0.8], rmse_in_sample=[0.9], rmse_lm_direct=[1.1])
        assert cells(csi.journal_table(frame))[0] == ["Term", "Q²predict", "RMSE", "MAE", "RMSE in sample", "RMSE, LM"]
        assert cells(csi.journal_table(frame, language="zh"))[0][-1] == "线性模型 RMSE"

    def test_of_a_shift_of_missing_answers_are_words(self):
        names = ("quantity", "delta", "change", "tips", "mape", "mae_in_sample", "rmse_lm_exogenous", "rmse_lm_other")
        frame = pd.DataFrame([[1.5] * len(names)], columns=list(names))
        for language in ("en", "zh"):
            assert not set(cells(csi.journal_table(frame, language=language))[0]) & set(names)

    def test_cells_of_coefficient_and_quantity_are_words(self):
        frame = frame_of(
            coefficient=["alpha", "rho_a", "rho_c", "ave"], quantity=["paths", "index", "r_squared", "own"]
        )
        _, rows = cells(csi.journal_table(frame))
        assert [row[0] for row in rows] == ["Cronbach's α", r"rho\_A", r"rho\_C", "AVE"]
        assert [row[1] for row in rows] == ["Path coefficient", "Index, 0-100", "R²", "own"]


class TestNote:
    def test_holds_what_every_row_says(self):
        frame = frame_of(term=["a", "b"], ci_low=[0.1, 0.2], ci_high=[0.3, 0.4], n=[250, 250], draws=[10_000, 10_000])
        frame.attrs = {"level": 0.95, "interval": "percentile"}
        table = csi.journal_table(frame)
        assert note(table) == "Note. n = 250; 10,000 draws; 95 % percentile intervals."
        assert cells(table)[0] == ["Term", "95 % CI"]
        assert note(csi.journal_table(frame, language="zh")) == "注：n = 250；10,000次自助抽样；95%百分位数置信区间。"

    def test_leaves_columns_that_differ_where_they_are(self):
        table = csi.journal_table(frame_of(term=["a", "b"], n=[250, 249], draws=[100, 99]))
        assert cells(table)[0] == ["Term", "n", "Draws"]
        assert "Note" not in str(table)

    @pytest.mark.parametrize(
        ("interval", "word"),
        [("bc", "bias-corrected"), ("bca", "BCa"), ("studentised", "studentised"), ("new", "90 % int")],
    )
    def test_names_the_kind_of_interval(self, interval, word):
        frame = frame_of(ci_low=[0.1], ci_high=[0.3])
        frame.attrs = {"level": 0.9, "interval": interval}
        assert word in note(csi.journal_table(frame))

    def test_says_what_the_result_says_but_not_its_title_again(self, boot):
        index = csi.satisfaction_index(boot.fit, boot, construct="Care")
        assert note(csi.journal_table(index)).endswith("intervals. Care index, 0-100 points.")
        assert note(csi.journal_table(index, title="Care index, 0-100 points")).endswith("intervals.")
        assert "points" not in note(csi.journal_table(index, language="zh"))

    @pytest.mark.parametrize("suffix", [".md", ".tex", ".html"])
    def test_stands_in_every_format_of_the_journal_layout(self, tmp_path, boot, suffix):
        text = csi.export(boot, tmp_path / f"t{suffix}").read_text("utf-8")
        assert "n = 200; 200 draws; 90" in text
        assert "n = 200" not in csi.export(boot, tmp_path / f"d{suffix}", layout="data").read_text("utf-8")


class TestPoints:
    def test_have_one_decimal_and_no_idle_columns(self, boot):
        index = csi.satisfaction_index(boot.fit, boot, construct="Care")
        header, [row] = cells(csi.journal_table(index))
        assert header == ["Term", "Estimate", "SE", "90 % CI"]
        assert row[1] == f"{index.value:.1f}"
        assert re.fullmatch(r"\[\d+\.\d, \d+\.\d\]", row[3])
        assert cells(csi.journal_table(index, digits=4))[1][0][1] == f"{index.value:.4f}"

    def test_that_are_not_published_say_so(self, boot):
        table = csi.satisfaction_index(boot.fit, boot, construct="Care").table()
        table["published"], table["n_effective"] = False, 150.4
        header, [row] = cells(csi.journal_table(table))
        assert header[-2:] == ["Effective n", "Published"]
        assert row[-2:] == ["150", "no"]


class TestNames:
    def test_are_those_of_the_survey_of_the_fit(self, boot):
        assert cells(csi.journal_table(boot))[1][0][0] == "Fair price → Care"
        assert cells(csi.journal_table(boot, language="zh"))[1][0][0] == "价格公道 → 关怀"

    def test_that_one_table_knows_all_know(self, boot):
        both = str(csi.journal_table({"Paths": boot, "Loadings": boot.loadings}))
        assert "Question p1" in both
        assert "价格公道" in str(csi.journal_table({"Loadings": boot.loadings, "Paths": boot}, language="zh"))

    def test_travel_with_a_frame(self):
        frame = frame_of(term=["p1", "Price"])
        frame.attrs = wordings(BOOK, ["Price"], ["p1"])
        assert [row[0] for row in cells(csi.journal_table(frame))[1]] == ["Question p1", "Fair price"]

    def test_of_a_codebook_given_come_first(self):
        frame = frame_of(term=["Price"])
        frame.attrs = {"constructs": {"Price": {"en": "Cost", "zh": ""}}}
        assert cells(csi.journal_table(frame))[1] == [["Cost"]]
        assert cells(csi.journal_table(frame, codebook=BOOK))[1] == [["Fair price"]]

    def test_a_pair_has_one_name_in_every_table(self, boot):
        pairs = Labels("en", BOOK)
        assert pairs.term("Care ~ Price") == pairs.term("Price ~ Care") == "Fair price – Care"
        assert Labels().term("Quality ~ Image") == Labels().term("Image ~ Quality") == "Brand image – Perceived quality"
        assert Labels().term("b ~ a") == "b – a"
        ratios = csi.journal_table({"HTMT": boot.htmt}, codebook=BOOK)
        judged = csi.assess(boot.fit, boot).table().query("criterion == 'htmt'")
        names = {row[0] for row in cells(csi.journal_table(judged, codebook=BOOK))[1]}
        assert {row[0] for row in cells(ratios)[1]} == names


class TestMeasurement:
    def test_has_one_row_an_item_and_constructs_once(self, boot):
        header, rows = cells(csi.journal_table(csi.measurement_table(boot)))
        assert header == ["Construct", "Item", "Loading", "90 % CI", "Cronbach's α", r"rho\_A", r"rho\_C", "AVE"]
        assert [row[0] for row in rows] == ["Fair price", "", "", "Care", "", "Trust"]
        assert [row[1] for row in rows[:2]] == ["Question p1", "Question p2"]
        assert all(re.fullmatch(r"0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]", cell) for cell in rows[0][4:])
        assert rows[1][4:] == [""] * 4
        assert rows[5][2:] == ["1.000", "", "", "", "", ""]

    def test_keeps_numbers_apart_as_data(self, tmp_path, boot):
        path = csi.export(csi.measurement_table(boot), tmp_path / "m.xlsx")
        data = pd.read_excel(path, engine="calamine")
        alpha = boot.quantity("alpha").set_index("term")
        assert data["alpha_low"].to_numpy()[:3] == pytest.approx([alpha.at["Price", "ci_low"]] * 3)
        assert data["loading"].to_numpy() == pytest.approx(boot.loadings["estimate"].to_numpy())
        assert data["construct"].tolist() == ["Price"] * 3 + ["Care"] * 2 + ["Trust"]

    def test_of_a_fit_has_no_intervals(self, boot):
        table = csi.measurement_table(boot.fit)
        assert not [name for name in table.table() if name.endswith("_low")]
        assert note(csi.journal_table(table)) == "Note. n = 200."


class TestHtmt:
    def test_is_a_triangle_with_intervals(self, boot):
        header, rows = cells(csi.journal_table(csi.htmt_table(boot)))
        assert header == ["", "Fair price", "Care"]
        assert [row[0] for row in rows] == ["Care", "Trust"]
        assert rows[0][2] == ""
        one = boot.htmt.set_index("term").loc["Care ~ Price"]
        assert rows[0][1] == f"{one['estimate']:.3f} [{one['ci_low']:.3f}, {one['ci_high']:.3f}]"

    def test_keeps_numbers_apart_as_data(self, boot):
        table = csi.htmt_table(boot).table()
        assert list(table) == ["Price", "Price_low", "Price_high", "Care", "Care_low", "Care_high"]
        assert table.at["Trust", "Care"] == boot.fit.htmt.at["Trust", "Care"]

    def test_needs_two_constructs(self):
        frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=["a", "b", "c"])
        model = csi.Model.parse("A <~ a + b; B <~ c; B ~ A", composite_mode="B")
        with pytest.raises(ReportError, match="no HTMT ratio"):
            csi.htmt_table(csi.fit(model, frame))


class TestNotebook:
    def test_shows_html_and_latex(self, boot):
        table = csi.journal_table(boot, title="Paths <1>")
        shown = table._repr_html_()
        assert "Paths &lt;1&gt;" in shown
        assert "<html" not in shown
        assert "#000" not in shown  # black on black in a dark theme
        assert r"\toprule" in table._repr_latex_()

    def test_a_table_for_a_paper_shows_itself(self, boot):
        for table in (csi.measurement_table(boot), csi.htmt_table(boot)):
            assert "90" in table._repr_html_()
            assert r"\bottomrule" in table._repr_latex_()
            assert len(str(table).splitlines()) <= 12

    def test_wide_tables_stand_an_interval_below_its_estimate(self, tmp_path, boot):
        text = csi.export(csi.measurement_table(boot), tmp_path / "m.tex").read_text("utf-8")
        assert re.search(r"\\raggedleft\\arraybackslash}p{\dem}", text)
        assert re.search(r"& 0\.\d{3} \[0\.\d{3},~0\.\d{3}\]", text)

    def test_the_frame_shown_is_not_changed(self, boot):
        frame = pd.DataFrame({"term": ["p1"], "estimate": [0.5]})
        assert "Question p1" in str(csi.journal_table({"Paths": boot, "Loadings": frame}))
        assert frame.attrs == {}

    def test_unknown_choices(self, boot):
        with pytest.raises(ReportError, match="language"):
            csi.journal_table(boot, language="fr")
        with pytest.raises(ReportError, match="digits"):
            csi.journal_table(boot, digits=99)


def test_findings_that_count_have_no_decimals():
    frame = frame_of(term=["n", "model"], estimate=[120.0, 0.1], criterion=["sample", "srmr"])
    grid = journal_grid("", frame, Labels())
    assert [row[1] for row in grid.rows] == ["120", "0.100"]
