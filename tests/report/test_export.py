"""export: data come back digit by digit, journal tables read as printed, and no text becomes code of any kind."""

import csv
import re
import shutil
import stat
import subprocess
import zipfile
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import csi
from csi.errors import FileError, ReportError
from csi.report.export import export
from csi.report.grid import columns_of, raw

_WORDS = ("True", "False", "")
DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "=cmd|' /C calc'!A0"]
AWKWARD = '<script>alert(1)</script> & 50 % of $x_1^2$ {a} #b ~ \\end{table} | *c* `d` "e"\nf'


@pytest.fixture(scope="module")
def boot(ecsi_model, twin):
    return csi.bootstrap(csi.fit(ecsi_model, twin, scale=(-20, 40)), 200)


@pytest.fixture
def tidy_frame():
    return pd.DataFrame(
        {
            "term": ["Image -> Loyalty", "Value -> Loyalty", "A & B"],
            "estimate": [0.1 + 0.2, -1 / 3, np.nan],
            "std_error": [1e-17, 123456.789, np.nan],
            "ci_low": [0.12, -0.4, np.nan],
            "ci_high": [0.45, -0.0001, 0.9],
            "p_value": [0.0001, 0.0316, 1.0],
            "n": [250, 250, 250],
            "flag": [True, False, True],
            "empty": [np.nan] * 3,
        }
    )


class LaTeX:
    """The typesetter, where it is installed."""

    @staticmethod
    def compile(engine, body, folder):
        (folder / "main.tex").write_text(f"\\documentclass{{article}}{body}")
        subprocess.run([engine, "-interaction=batchmode", "-halt-on-error", "main"], cwd=folder, check=True)

    @staticmethod
    def has(package):
        return subprocess.run(["kpsewhich", f"{package}.sty"], capture_output=True, check=False).returncode == 0


def read_csv(path):
    """A CSV file cell by cell: Python reads a float exactly on any version, which not every pandas does."""

    def value(text):
        try:
            return {"True": True, "False": False, "": np.nan}[text] if text in _WORDS else float(text)
        except ValueError:
            return text

    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    return pd.DataFrame([[value(text) for text in row] for row in rows], columns=header)


class TestData:
    def test_csv_and_excel_give_every_digit_back(self, tmp_path, boot, tidy_frame):
        for frame in (boot.paths, boot.loadings, tidy_frame):
            for path in (export(frame, tmp_path / "t.csv"), export(frame, tmp_path / "t.xlsx")):
                back = read_csv(path) if path.suffix == ".csv" else pd.read_excel(path, engine="calamine")
                pd.testing.assert_frame_equal(back, frame, check_exact=True, check_dtype=False)

    def test_a_result_is_its_table(self, tmp_path, boot):
        pd.testing.assert_frame_equal(
            read_csv(export(boot, tmp_path / "b.csv")), boot.table(), check_exact=True, check_dtype=False
        )

    def test_a_matrix_keeps_its_rows_names(self, tmp_path, boot):
        matrix = boot.fit.construct_correlations
        back = read_csv(export(matrix, tmp_path / "m.csv")).set_index("").rename_axis(None)
        pd.testing.assert_frame_equal(back, matrix, check_exact=True)
        back = pd.read_excel(export(matrix, tmp_path / "m.xlsx"), engine="calamine", index_col=0)
        pd.testing.assert_frame_equal(back, matrix, check_exact=True, check_dtype=False)

    def test_a_series_is_a_matrix_of_one_column(self, tmp_path, boot):
        back = read_csv(export(boot.fit.r_squared, tmp_path / "r.csv")).set_index("")["estimate"]
        assert back.to_dict() == boot.fit.r_squared.to_dict()

    def test_rows_that_were_picked_leave_no_counter_behind(self, tidy_frame):
        assert [name for name, _ in columns_of(tidy_frame[tidy_frame["flag"]])] == list(tidy_frame)

    @given(st.floats(allow_nan=False))
    def test_a_float_is_the_float_it_was(self, value):
        assert float(raw(value)) == value
        assert float(raw(np.float64(value))) == value

    def test_numbers_beyond_excel_stay_texts(self, tmp_path):
        frame = pd.DataFrame({"id": [2**53 + 1, 1], "x": [np.inf, 0.5]})
        back = pd.read_excel(export(frame, tmp_path / "big.xlsx"), engine="calamine", dtype=object)
        assert back["id"].tolist() == ["9007199254740993", 1]
        assert back["x"].tolist() == ["inf", 0.5]

    def test_the_same_table_gives_the_same_bytes(self, tmp_path, tidy_frame):
        one, other = (export(tidy_frame, tmp_path / f"{name}.xlsx").read_bytes() for name in "ab")
        assert one == other


class TestJournal:
    def test_rows_read_as_printed(self, tmp_path, tidy_frame):
        lines = export(tidy_frame, tmp_path / "t.md", digits=2).read_text("utf-8").splitlines()
        cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
        assert cells[0] == ["Term", "Estimate", "SE", "CI", "p", "flag"]
        assert cells[2] == ["Brand image → Loyalty", "0.30", "0.00", "[0.12, 0.45]", "< .001", "yes"]
        assert cells[3] == ["Perceived value → Loyalty", "−0.33", "123456.79", "[−0.40, 0.00]", ".032", "no"]
        assert cells[4] == [r"A \& B", "", "", "≤ 0.90", "1.000", "yes"]
        assert lines[5:] == ["", "*Note. n = 250.*"]
        assert len({len(line) for line in lines[:5]}) == 1

    def test_chinese(self, tmp_path, tidy_frame):
        text = export(tidy_frame, tmp_path / "t.md", language="zh", title="表1").read_text("utf-8")
        assert all(
            word in text
            for word in ("**表1**", "估计值", "标准误", "置信区间", "注：n = 250。", "品牌形象 → 客户忠诚", "是")
        )

    def test_codes_of_an_assessment_become_words(self, tmp_path, boot):
        page = export(csi.assess(boot.fit, boot), tmp_path / "a.html", language="zh").read_text("utf-8")
        assert "异质-单质比 HTMT" in page
        assert "通过" in page
        assert "请谨慎解读" in page
        assert "hardly told apart" not in page

    def test_a_layout_may_be_chosen_for_any_format(self, tmp_path, tidy_frame):
        assert "0.30000000000000004" in export(tidy_frame, tmp_path / "t.md", layout="data").read_text("utf-8")
        journal = read_csv(export(tidy_frame, tmp_path / "t.csv", layout="journal"))
        assert journal["CI"].tolist() == ["[0.120, 0.450]", "[−0.400, 0.000]", "≤ 0.900"]
        sheet = pd.read_excel(export(tidy_frame, tmp_path / "t.xlsx", layout="journal"), engine="calamine", dtype=str)
        assert sheet["p"].tolist()[:3] == ["< .001", ".032", "1.000"]
        assert sheet["Term"].iloc[3] == "Note. n = 250."

    def test_latex_is_a_booktabs_table(self, tmp_path, tidy_frame):
        text = export(tidy_frame, tmp_path / "t.tex", title="Paths & more").read_text("utf-8")
        assert r"\begin{tabular}{lrrrrl}" in text
        assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
        assert r"\caption{Paths \& more}" in text
        assert r"A \& B &  &  & $\le$ 0.900 & 1.000 & yes \\" in text
        assert r"\parbox{\linewidth}{\footnotesize Note. n = 250.}" in text

    def test_latex_rows_do_not_begin_with_an_argument(self, tmp_path):
        frame = pd.DataFrame({"ci_low": [0.1], "ci_high": [0.2], "x": [3]})
        assert "{}[0.100, 0.200] & 3" in export(frame, tmp_path / "t.tex").read_text("utf-8")

    @pytest.mark.parametrize(("engine", "words"), [("pdflatex", "β λ ρ χ² Δ ≥ × ∞"), ("xelatex", "满意度 λ χ²")])
    def test_latex_compiles_with_the_packages_that_it_names(self, tmp_path, tidy_frame, engine, words):
        if shutil.which(engine) is None:
            pytest.skip(f"{engine} is not installed")
        sentences = pd.DataFrame({"term": [words] * 50, "advice": [AWKWARD] * 50, "estimate": np.arange(50) / 7})
        tables = {"One": tidy_frame, AWKWARD: pd.DataFrame({"t": [AWKWARD]}), "Long": sentences}
        text = export(tables, tmp_path / "t.tex").read_text("utf-8")
        asked = "".join(re.findall(r"^%.*?(\\usepackage{.*?})", text, re.M))
        if "ctex" in asked and not LaTeX.has("ctex"):
            pytest.skip("ctex is not installed")
        LaTeX.compile(engine, f"{asked}\\begin{{document}}\\input{{t.tex}}\\end{{document}}", tmp_path)
        assert "Missing character" not in (tmp_path / "main.log").read_text("utf-8", errors="replace")

    def test_latex_tables_fit_the_page(self, tmp_path):
        """Wide ones are made narrower, long ones run on over pages, sentences are broken into lines."""
        frame = pd.DataFrame({"term": ["a" * 200] * 41, "estimate": [0.5] * 41})
        long = export(frame, tmp_path / "t.tex", title="Long").read_text("utf-8")
        assert long.count(r"\toprule") == 2
        assert re.search(r"\\begin{longtable}{>{.*?}p{\d+em}r}", long)
        sentences = export(frame.head(20), tmp_path / "t.tex").read_text("utf-8")
        assert r"\begin{longtable}" in sentences  # few rows, but many lines
        short = export(frame.head(5), tmp_path / "t.tex").read_text("utf-8")
        assert r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}" in short

    def test_html_leaves_sentences_room(self, tmp_path):
        """The other columns are never broken, and would squeeze the sentences to a word a line."""
        frame = pd.DataFrame({"term": ["Image"], "advice": ["word " * 30], "estimate": [0.5]})
        page = export(frame, tmp_path / "t.html").read_text("utf-8")
        cells = dict(zip(["term", "advice", "estimate"], re.findall(r"<td style=\"(.*?)\"", page), strict=True))
        assert "min-width:16em" in cells["advice"]
        assert "nowrap" not in cells["advice"]
        assert "nowrap" in cells["estimate"]

    def test_html_has_three_rules_and_loads_nothing(self, tmp_path, tidy_frame):
        page = export(tidy_frame, tmp_path / "t.html", title="Paths").read_text("utf-8")
        rows = re.findall(r"<tr>.*?</tr>", page)
        assert all("border-top" in cell and "border-bottom" in cell for cell in re.findall(r"<th .*?>", rows[0]))
        assert [("border" in row) for row in rows[1:]] == [False, False, True]
        assert not re.search(r"<script|<link|<img|src=|href=|url\(|class=", page)


class TestNothingRuns:
    @pytest.mark.parametrize("text", DANGEROUS)
    def test_spreadsheets_run_no_text(self, tmp_path, text):
        frame = pd.DataFrame({text: [text, "plain"], "x": [-1.5, 2.0]})
        for layout in ("data", "journal"):
            back = read_csv(export(frame, tmp_path / "t.csv", layout=layout))
            assert back.columns[0] == f"'{text}"
            assert back.iloc[0, 0] == f"'{text}"
            book = export(frame, tmp_path / "t.xlsx", layout=layout)
            with zipfile.ZipFile(book) as parts:
                assert "<f>" not in parts.read("xl/worksheets/sheet1.xml").decode()
            assert pd.read_excel(book, engine="calamine", header=None).iloc[1, 0] == text
        page = export(frame, tmp_path / "t.html").read_text("utf-8")
        assert page.count("mso-number-format:'\\@'") == 2

    def test_a_negative_number_stays_a_number(self, tmp_path):
        frame = pd.DataFrame({"x": [-1.5]})
        assert read_csv(export(frame, tmp_path / "t.csv"))["x"].tolist() == [-1.5]

    def test_awkward_texts_come_through_html_as_they_are(self, tmp_path):
        class Texts(HTMLParser):
            found, tags = "", set()

            def handle_starttag(self, tag, attrs):
                self.tags.add(tag)

            def handle_data(self, data):
                self.found += data

        parser = Texts()
        parser.feed(export({AWKWARD: pd.DataFrame({AWKWARD: [AWKWARD]})}, tmp_path / "t.html").read_text("utf-8"))
        assert parser.found.count(AWKWARD) == 4  # title, caption, header, cell
        assert parser.tags == {"html", "head", "meta", "title", "body", "p", "table", "tr", "th", "td"}

    def test_awkward_texts_break_no_row_of_markdown_or_latex(self, tmp_path):
        frame = pd.DataFrame({"t": [AWKWARD], "x": [1.0]})
        lines = export(frame, tmp_path / "t.md").read_text("utf-8").splitlines()
        assert len(lines) == 3
        assert len(re.findall(r"(?<!\\)\|", lines[2])) == 3
        assert "<script" not in lines[2].replace(r"\<", "")
        row = next(
            line for line in export(frame, tmp_path / "t.tex").read_text("utf-8").splitlines() if "alert" in line
        )
        assert len(re.findall(r"(?<!\\)&", row)) == 1
        assert not re.search(r"(?<!\\)[%#$_]|\\end\b", row)


class TestSeveral:
    def test_one_sheet_or_section_each(self, tmp_path, tidy_frame):
        tables = {"Paths": tidy_frame, "Loadings": tidy_frame.head(1)}
        sheets = pd.read_excel(export(tables, tmp_path / "all.xlsx"), engine="calamine", sheet_name=None)
        assert {name: len(sheet) for name, sheet in sheets.items()} == {"Paths": 3, "Loadings": 1}
        text = export(tables, tmp_path / "all.md", title="Everything").read_text("utf-8")
        assert re.findall(r"^#.*$", text, re.M) == ["# Everything", "## Paths", "## Loadings"]
        assert export(tables, tmp_path / "all.html").read_text("utf-8").count("<table") == 2
        assert export(tables, tmp_path / "all.tex").read_text("utf-8").count(r"\begin{table}") == 2

    def test_sheet_names_that_excel_refuses_are_mended(self, tmp_path, tidy_frame):
        names = ["a/b", "A?B", "x" * 40, "x" * 50, "History", "", "'q'"]
        path = export(dict.fromkeys(names, tidy_frame), tmp_path / "s.xlsx")
        mended = ["a_b", "A_B (2)", "x" * 31, "x" * 27 + " (2)", "_", "Table 6", "_q_"]
        assert list(pd.read_excel(path, engine="calamine", sheet_name=None)) == mended

    def test_a_folder_takes_one_csv_a_table(self, tmp_path, tidy_frame):
        folder = export({"Paths": tidy_frame, "../up": tidy_frame}, tmp_path / "tables")
        assert folder == tmp_path / "tables"
        assert sorted(path.name for path in folder.iterdir()) == ["Paths.csv", "_up.csv"]
        assert list(tmp_path.iterdir()) == [folder]

    def test_several_tables_in_one_csv_are_refused_with_the_remedy(self, tmp_path, tidy_frame):
        with pytest.raises(FileError, match=r"holds one table, not 2.*folder"):
            export({"a": tidy_frame, "b": tidy_frame}, tmp_path / "t.csv")


class TestRefusals:
    @pytest.mark.parametrize("name", ["t.docx", "t"])
    def test_unknown_suffixes_name_the_known(self, tmp_path, tidy_frame, name):
        with pytest.raises(FileError, match=r"\.csv, \.xlsx, \.md, \.tex, \.html"):
            export(tidy_frame, tmp_path / name)

    @pytest.mark.parametrize("options", [{"language": "fr"}, {"layout": "poster"}, {"digits": 99}])
    def test_unknown_choices(self, tmp_path, tidy_frame, options):
        with pytest.raises(ReportError):
            export(tidy_frame, tmp_path / "t.md", **options)

    @pytest.mark.parametrize("thing", [{}, 3.0, {"a": [1, 2]}])
    def test_things_without_a_table(self, tmp_path, thing):
        with pytest.raises(ReportError, match="table"):
            export(thing, tmp_path / "t.md")

    def test_customer_keys_are_for_their_owner_alone(self, tmp_path, tidy_frame):
        private = export(pd.DataFrame({"key": ["C1"]}), tmp_path / "k.csv")
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
        assert stat.S_IMODE(export(tidy_frame, tmp_path / "t.csv").stat().st_mode) == 0o644

    def test_the_table_exported_is_not_changed(self, tmp_path, tidy_frame):
        before = tidy_frame.copy()
        for suffix in (".csv", ".xlsx", ".md", ".tex", ".html"):
            export(tidy_frame, tmp_path / f"t{suffix}")
        pd.testing.assert_frame_equal(tidy_frame, before)
