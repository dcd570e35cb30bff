"""Notebooks: they run as they stand, in a fresh kernel, on real answers; they are short, and they hold no data."""

import os
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from conftest import SHARED
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "ecsi_mobile.ipynb"


@pytest.fixture(scope="module")
def cells():
    return nbformat.read(NOTEBOOK, as_version=4).cells


@pytest.fixture(scope="module")
def answers():
    """The folder with the published answers: CSI_DATA, as a reader of the notebook has it, else the shared data."""
    for folder in [Path(os.environ.get("CSI_DATA", SHARED / "data")).resolve(), SHARED / "data"]:
        if (folder / "mobi.csv").is_file():
            return folder
    pytest.skip("shared data absent: mobi.csv is not distributed with the package; CSI_DATA may name its folder")


@pytest.fixture(scope="module")
def executed(answers, tmp_path_factory):
    """The notebook after a run in a copy of its surroundings, and the folder it wrote its tables to."""
    top = tmp_path_factory.mktemp("checkout")
    for name in ("notebooks/ecsi_mobile.ipynb", "surveys/mobi/study.toml"):
        (top / name).parent.mkdir(parents=True)
        shutil.copyfile(ROOT / name, top / name)
    folder = top / "notebooks"
    notebook = nbformat.read(folder / NOTEBOOK.name, as_version=4)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(env=os.environ | {"CSI_DATA": str(answers), "IPYTHONDIR": str(top / "ipython")})
    return notebook, folder / "out"


def tables(folder, name):
    return pd.read_excel(folder / f"{name}.xlsx", sheet_name=None, engine="calamine")


def test_takes_less_than_thirty_lines_of_code(cells):
    lines = [line for cell in cells if cell.cell_type == "code" for line in cell.source.splitlines() if line.strip()]
    assert len(lines) < 30
    assert max(map(len, lines)) <= 120
    assert not any(";" in line for line in lines)


def test_is_kept_without_outputs(cells):
    for cell in cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
        assert not cell.get("attachments")


def test_every_code_cell_is_explained_before_it(cells):
    for before, cell in zip([None, *cells], cells, strict=False):
        if cell.cell_type == "code":
            assert before is not None
            assert before.cell_type == "markdown"


class TestARun:
    def test_warns_of_nothing(self, executed):
        notebook, _ = executed
        outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
        assert {o.name for o in outputs if o.output_type == "stream"} == {"stdout"}
        assert not [o for o in outputs if o.output_type == "error"]

    def test_shows_the_figure_and_every_table(self, executed):
        notebook, _ = executed
        shown = [o.data for c in notebook.cells if c.cell_type == "code" for o in c.outputs if "data" in o]
        assert sum("image/png" in data for data in shown) == 1
        assert sum("text/html" in data for data in shown) == 7  # the answers and six tables
        assert sum("text/latex" in data for data in shown) == 6

    def test_says_its_numbers_in_words(self, executed):
        """Names from the codebook, the level of the intervals, what every row rests on."""
        notebook, _ = executed
        shown = [
            o.data.get("text/html", "")
            for c in notebook.cells
            if c.cell_type == "code"
            for o in c.outputs
            if "data" in o
        ]
        measured = next(page for page in shown if "Measurement model" in page)
        for text in ("95 % CI", "Would recommend to friends", "n = 250; 10,000 draws; 95 % percentile intervals"):
            assert text in measured
        assert not any("rmse" in page or "std_error" in page for page in shown[1:])

    def test_writes_every_table_three_times(self, executed):
        _, out = executed
        names = ("measurement", "discriminant_validity", "structure", "index", "prediction", "assessment")
        wanted = {f"{name}.{suffix}" for name in names for suffix in ("xlsx", "tex", "html")}
        assert {path.name for path in out.iterdir()} == wanted
        for name in names:
            assert "\\toprule" in (out / f"{name}.tex").read_text("utf-8")
            assert "<table" in (out / f"{name}.html").read_text("utf-8")

    def test_the_tables_hold_the_peers_numbers(self, executed, golden):
        """Point estimates of seminr and the intervals around them."""
        case = golden["cases"]["mobi_ecsi_modeA_path"]
        structure = tables(executed[1], "structure")
        for sheet, peers in (("Paths", case["paths"]), ("Total effects", case["total_effects"])):
            theirs = {f"{e['from']} -> {e['to']}": e["value"] for e in peers if e["value"]}
            ours = structure[sheet].set_index("term")
            assert ours["estimate"].to_dict() == pytest.approx(theirs, abs=1e-6)
            assert (ours["ci_low"] < ours["estimate"]).all()
            assert (ours["estimate"] < ours["ci_high"]).all()
        assert structure["R squared"].set_index("term")["estimate"].to_dict() == pytest.approx(case["r2"], abs=1e-6)
        measured = tables(executed[1], "measurement")["Measurement model"].set_index("item")
        assert measured["loading"].to_dict() == pytest.approx(case["loadings"], abs=1e-6)

    def test_the_index_is_the_peers_performance(self, executed, golden):
        index = tables(executed[1], "index")["Satisfaction index"].set_index("term").loc["Satisfaction"]
        assert index["estimate"] == pytest.approx(golden["ipma"]["construct_performance"]["Satisfaction"], abs=1e-6)
        assert index["ci_low"] < index["estimate"] < index["ci_high"]

    def test_the_assessment_shows_what_does_not_pass(self, executed):
        verdicts = tables(executed[1], "assessment")["To be discussed"]["verdict"]
        assert set(verdicts) == {"fail", "note"}
