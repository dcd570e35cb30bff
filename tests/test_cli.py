"""The command: what it prints, what it writes, how it exits."""

import subprocess
import sys
import warnings
from types import SimpleNamespace

import pytest

from csi.cli import main
from csi.errors import CsiWarning


@pytest.fixture(scope="module")
def simulated(small_study):
    return small_study


@pytest.fixture
def csi(capsys, monkeypatch):
    """Run the command in this process: what it printed and how it exited."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["csi", *map(str, words)])
        with warnings.catch_warnings(), pytest.raises(SystemExit) as left:
            warnings.simplefilter("default", CsiWarning)
            main()
        printed = capsys.readouterr()
        return SimpleNamespace(returncode=left.value.code or 0, stdout=printed.out, stderr=printed.err)

    return run


def test_report_writes_one_file_that_needs_no_other(csi, simulated, tmp_path):
    done = csi("report", simulated, "--wave", "2025Q4", "--language", "zh", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    lists = ["care_list.csv", "refused_cells.csv", "report_zh.html", "warnings.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == lists
    assert "Satisfaction index" in done.stdout
    assert str(tmp_path / "report_zh.html") in done.stdout.replace("\n", "")
    assert "warning:" in done.stderr  # refused cells are never silent
    page = (tmp_path / "report_zh.html").read_text("utf-8")
    assert 'lang="zh-CN"' in page
    assert "http" not in page.replace("http://www.w3.org", "")  # opens from an e-mail: nothing is fetched


def test_quiet_prints_nothing(csi, simulated, tmp_path):
    done = csi("report", simulated, "--wave", "2025Q4", "--out", tmp_path, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_running_again_changes_nothing(csi, simulated, tmp_path):
    runs = []
    for _ in range(2):
        csi("report", simulated, "--wave", "2025Q4", "--out", tmp_path, "--quiet")
        runs.append({path.name: path.read_bytes() for path in tmp_path.iterdir()})
    assert runs[0] == runs[1]


def test_check_names_every_wave(csi, simulated):
    done = csi("check", simulated)
    assert done.returncode == 0, done.stderr
    for wave in ("2025Q4", "2026Q1", "2026Q2", "2026Q3"):
        assert f"Survey {wave}" in done.stdout


def test_strict_turns_failing_findings_into_exit_code_1(csi, simulated, tmp_path):
    text = simulated.read_text("utf-8")
    weak = "Quality <~ QUAL1 + COMP1; Satisfaction <~ SATI1 + SATI2 + SATI3 + SATI4; Satisfaction ~ Quality"
    path = tmp_path / "study.toml"
    path.write_text(text.replace('preset = "mobile_csi"', f"syntax = '{weak}'"), "utf-8")
    options = ("--data-dir", simulated.parent / "data", "--quiet")
    assert csi("check", path, *options).returncode == 0
    assert csi("check", path, "--strict", *options).returncode == 1
    assert csi("check", simulated, "--strict", "--quiet").returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("report", "nowhere.toml"), "no such study file"),
        (("check", "nowhere.toml"), "no such study file"),
    ],
)
def test_bad_input_exits_with_2_and_one_line(csi, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = csi(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data.replace(b"QUAL1", b"QUAL_1"), "no column 'QUAL1'"),
        (lambda data: data[: data.index(b"\n") + 1], "no answers below it"),
        (lambda data: b"", "the file is empty"),
        (lambda data: data.replace(b"\xef\xbb\xbf", b"").replace(b"premium", b"\xff\xff"), "the text is not utf-8"),
        (lambda data: data + data.split(b"\n")[1] + b"\n", "stands in row 2"),
    ],
    ids=["column", "header only", "empty", "encoding", "duplicate"],
)
def test_spoilt_answers_leave_nothing_half_written(csi, simulated, tmp_path, spoil, message):
    data = tmp_path / "data"
    data.mkdir()
    source = simulated.parent / "data" / "answers_2025Q4.csv"
    (data / source.name).write_bytes(spoil(source.read_bytes()))
    done = csi("report", simulated, "--wave", "2025Q4", "--data-dir", data, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert message in done.stderr
    assert "answers_2025Q4.csv" in done.stderr
    assert not (tmp_path / "out").exists()


def test_check_shows_what_was_refused(csi, simulated):
    done = csi("check", simulated)
    assert done.stdout.count("refused: row") == 20  # five planted in each of four waves


def test_a_file_in_the_place_of_the_folder(csi, simulated, tmp_path):
    (tmp_path / "out").write_bytes(b"")
    done = csi("report", simulated, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "is a file; name a folder" in done.stderr


def test_unknown_language_and_option(csi, simulated, tmp_path):
    done = csi("report", simulated, "--language", "fr", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "--language must be one of en, zh" in done.stderr
    assert not (tmp_path / "out").exists()
    assert csi("report", simulated, "--langauge", "zh").returncode == 2


def test_simulate_says_synthetic(csi, tmp_path):
    done = csi("simulate", tmp_path / "s")
    assert done.returncode == 0
    assert "SYNTHETIC" in done.stdout
    assert (tmp_path / "s" / "study.toml").is_file()
    assert (tmp_path / "s" / "truth.json").is_file()


def test_the_installed_command_says_what_there_is():
    command = [sys.executable, "-c", "from csi.cli import main; main()", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for command in ("demo", "check", "report", "simulate"):
        assert command in done.stdout


class TestCodebook:
    """A new user's path: draft, edit, check, report, on a file that nobody has seen before."""

    @pytest.fixture
    def answers(self, tmp_path):
        lines = ["客户编号,总体满意度,营业厅服务态度,资费合理,性别"]
        lines += [
            f"{1000 + i},{1 + i % 10},{1 + (i + i // 7) % 10},{1 + (i + i // 3) % 10},{'男女'[i % 2]}"
            for i in range(200)
        ]
        path = tmp_path / "调查2026Q3.csv"
        path.write_text("\n".join(lines), "gb18030")
        return path

    def test_from_a_file_to_its_report(self, csi, answers, tmp_path):
        study = tmp_path / "s" / "study.toml"
        drafted = csi("codebook", "draft", answers, "--out", study)
        assert drafted.returncode == 0
        assert "3 item, 1 segment" in drafted.stdout or "1 key, 3 item" in drafted.stdout
        checked = csi("codebook", "check", study)
        assert checked.returncode == 0
        assert "0 errors, 0 doubts" in checked.stdout
        assert csi("check", study).returncode == 0
        written = csi("report", study, "--language", "zh", "--out", tmp_path / "r")
        assert written.returncode == 0
        assert "营业厅服务态度" in (tmp_path / "r" / "report_zh.html").read_text("utf-8")

    def test_a_draft_is_never_overwritten(self, csi, answers, tmp_path):
        study = tmp_path / "study.toml"
        assert csi("codebook", "draft", answers, "--out", study).returncode == 0
        before = study.read_bytes()
        again = csi("codebook", "draft", answers, "--out", study)
        assert again.returncode == 2
        assert "never overwrites" in again.stderr
        assert study.read_bytes() == before

    def test_what_does_not_fit_is_named_with_its_remedy(self, csi, answers, tmp_path):
        study = tmp_path / "study.toml"
        csi("codebook", "draft", answers, "--out", study)
        text = study.read_text("utf-8")
        study.write_text(text.replace('column = "资费合理"', 'column = "资费"'), "utf-8")
        wrong = csi("codebook", "check", study)
        assert wrong.returncode == 1
        assert "error: 资费" in wrong.stdout
        assert "correct the name of the column" in wrong.stdout

    def test_items_without_constructs_are_pointed_to(self, csi, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text("\n".join(["x1,x2", *(f"{1 + i % 5},{1 + i % 5}" for i in range(20))]), "utf-8")
        drafted = csi("codebook", "draft", path, "--out", tmp_path / "study.toml")
        assert "2 items have no construct yet: look for EDIT" in drafted.stdout
        missing = csi("check", tmp_path / "study.toml")
        assert missing.returncode == 2
        assert "see EDIT in the file" in missing.stderr
