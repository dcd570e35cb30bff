"""The house rules: floors, names, sizes, words. A rule that is not tested here is only a wish."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import csi
from csi.words import LANGUAGES, WORDS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "csi"
FLOORS = {
    "errors": 0, "words": 0, "display": 0, "files": 0, "kernel": 1, "engine": 2, "survey": 2, "model": 3, "structural": 4,
    "index": 5, "drivers": 6, "behaviour": 7, "care": 8, "simulate_events": 8, "simulate_event_tables": 8, "simulate_kpis": 8,
    "study": 9, "simulate": 9, "quarter_behaviour": 10, "quarter": 11, "report": 12, "cli": 13, "__init__": 14, "__main__": 14,
}  # fmt: skip
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """Every module a file imports, however deep inside it; relative imports are not used in this house."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
class TestEveryFile:
    def test_imports_go_strictly_down(self, path):
        """The ground floor may use itself; elsewhere rooms on one floor are strangers."""
        room = room_of(path)
        assert room in FLOORS, f"{room} has no floor"
        for module in imports(path):
            if not module.startswith("csi.") or room == "__init__":
                continue
            other = module.split(".")[1]
            if other == room or other not in FLOORS or FLOORS[room] == FLOORS[other] == 0:
                continue
            assert FLOORS[other] < FLOORS[room], f"{path.name} ({room}) imports {module}"

    def test_kernel_knows_arrays_only(self, path):
        if room_of(path) == "kernel":
            outside = {m.split(".")[0] for m in imports(path)} - set(sys.stdlib_module_names)
            assert outside <= {"numpy", "scipy", "csi"}

    def test_only_the_engine_imports_ibis(self, path):
        if room_of(path) != "engine":
            assert not {m.split(".")[0] for m in imports(path)} & {"ibis", "duckdb"}

    def test_only_the_report_draws(self, path):
        if room_of(path) != "report":
            assert "matplotlib" not in {m.split(".")[0] for m in imports(path)}

    def test_names_are_nouns_of_the_field(self, path):
        assert not re.search(r"utils?|helpers?|misc|common|_old|deprecated", path.stem)

    def test_length(self, path):
        if path.name != "words.py":  # a dictionary is as long as the language
            assert len(path.read_text("utf-8").splitlines()) <= 450

    def test_has_a_docstring(self, path):
        assert ast.get_docstring(ast.parse(path.read_text("utf-8")))

    def test_functions_are_short_and_few_armed(self, path):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                assert lines <= 50, f"{path.name}:{node.lineno} {node.name} has {lines} lines"
                assert len(node.args.args) <= 7, f"{path.name}:{node.lineno} {node.name}"

    def test_no_validation_by_assert_and_no_swallowed_errors(self, path):
        text = path.read_text("utf-8")
        assert not re.search(r"^\s*(assert |except:|except Exception:\s*pass)", text, re.M)


def test_no_public_function_has_the_name_of_a_module_beside_it():
    stems = {p.stem for p in FILES if p.parent == PACKAGE} | {p.name for p in PACKAGE.iterdir() if p.is_dir()}
    assert not stems & set(csi.__all__)


def test_every_public_name_can_be_imported_and_explains_itself():
    for name in csi.__all__:
        assert getattr(csi, name).__doc__, name


def test_every_word_is_in_every_language():
    for code, texts in WORDS.items():
        assert len(texts) == len(LANGUAGES), code
        assert all(text.strip() for text in texts), code
        fields = [set(re.findall(r"{(\w+)", text)) for text in texts]
        assert fields[0] == fields[1], f"{code}: {fields}"


def test_every_word_that_code_names_exists():
    used = set()
    for path in FILES:
        used |= set(re.findall(r'\bsay\(\s*"([\w.]+)"', path.read_text("utf-8")))
    assert used <= set(WORDS)


def test_importing_csi_loads_nothing_heavy():
    code = "import sys, csi; print([m for m in ('pandas', 'sklearn', 'matplotlib', 'ibis') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_repository_speaks_of_the_product_alone():
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    # Written in pieces so that this file does not trip over itself.
    forbidden = re.compile(
        "|".join(["/wo" + "rk/", "/ro" + "ot/", r"\bissue " + r"\d", "DEVEL" + "OPERS", "pypi" + r"\.org"]), re.I
    )
    for name in filter(None, tracked.stdout.split("\0")):
        path = ROOT / name
        if (
            path.suffix in {".py", ".md", ".toml", ".html", ".j2", ".cfg", ".yml", ".sh", ".txt", ".ipynb"}
            and path.is_file()
        ):
            found = forbidden.search(path.read_text("utf-8"))
            assert not found, f"{name}: {found and found.group()}"
