"""Data of the tests: golden numbers ship with the tests, real surveys are used where a developer has them."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import csi

GOLDEN = Path(__file__).parent / "golden"
SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


@pytest.fixture(scope="session")
def shared():
    """Folder of real data and peers' results; the tests that need it say so when it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("shared data absent: real surveys and peers' results are not distributed with the package")
    return SHARED


@pytest.fixture(scope="session")
def reference(shared):
    """Load one file of the peers' results."""
    return lambda name: json.loads((shared / "reference" / f"{name}.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def mobi(shared):
    return pd.read_csv(shared / "data" / "mobi.csv")


@pytest.fixture(scope="session")
def golden():
    return json.loads((GOLDEN / "mobi.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def ecsi_model(golden):
    return model_of(golden["cases"]["mobi_ecsi_modeA_path"]["model"])


@pytest.fixture(scope="session")
def twin(golden):
    """250 answers that have exactly the means and covariances of the mobi data, so that parity needs no real answers."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(golden["n"], len(golden["items"])))
    Z -= Z.mean(axis=0)
    white = Z @ np.linalg.inv(np.linalg.cholesky(np.cov(Z.T))).T
    X = np.array(golden["mean"]) + white @ np.linalg.cholesky(np.array(golden["cov"])).T
    return pd.DataFrame(X, columns=golden["items"])


@pytest.fixture(scope="session")
def small_study(tmp_path_factory):
    """The study file of a small synthetic operator; its data lie beside it."""
    return csi.simulate_study(tmp_path_factory.mktemp("small"), customers=9000, respondents=400)


@pytest.fixture(scope="session")
def small_quarter(small_study):
    """Every noun of its last wave."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", csi.CsiWarning)
        return csi.run_quarter(csi.read_study(small_study))


def model_of(described):
    """A model from the description that every file of peers' results carries."""
    kinds = {"A": {}, "B": {"mode": "B"}, "C": {"kind": "factor"}}
    constructs = [csi.Construct(c["name"], c["items"], **kinds[c["seminr_type"]]) for c in described["constructs"]]
    paths = {}
    for path in described["paths"]:
        paths.setdefault(path["from"], []).append(path["to"])
    return csi.Model(constructs, paths)


def square(matrix):
    """A labelled matrix of the peers' results."""
    return pd.DataFrame(matrix["data"], matrix["index"], matrix["columns"], dtype=float)


SMALL = csi.Model.parse("A <~ a1 + a2; B <~ b1 + b2; B ~ A")


def small_answers(rng, n, path=0.6):
    """Answers to the items of SMALL in which A moves B by `path` standard deviations."""
    a = rng.normal(size=n)
    b = path * a + np.sqrt(1 - path**2) * rng.normal(size=n)
    return pd.DataFrame(np.column_stack([a, a, b, b]) + 0.5 * rng.normal(size=(n, 4)), columns=["a1", "a2", "b1", "b2"])
