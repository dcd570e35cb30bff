"""fit_groups: every group is a fit of its own rows, one batch is many singles, no group is dropped in silence."""

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, small_answers

import csi
from csi.errors import CsiWarning, EstimationError
from csi.kernel import estimates as kernel
from csi.structural import stages
from csi.structural.group_fits import fit_groups


@pytest.fixture(scope="module")
def branches():
    rng = np.random.default_rng(9)
    data = pd.concat([small_answers(rng, 40 + 3 * k, 0.2 + 0.05 * k) for k in range(12)], ignore_index=True)
    labels = pd.Series(np.repeat(np.arange(12), 40 + 3 * np.arange(12)), name="branch")
    return data, labels, csi.fit(SMALL, data, scale=(-6, 6))


def test_each_group_is_a_fit_of_its_own_rows(branches):
    data, labels, whole = branches
    found = fit_groups(whole, labels, draws=0, quantities=["paths", "weights", "index", "htmt"])
    for branch in range(12):
        own = csi.fit(SMALL, data[labels == branch], scale=(-6, 6))
        for quantity in ("paths", "weights", "index", "htmt"):
            assert np.abs(found.of(quantity).loc[str(branch)] - own.values(quantity)).max() < 1e-10, quantity
    assert (found.sizes == 40 + 3 * np.arange(12)).all()


def test_groups_with_gaps_are_fits_of_their_own_rows_too(branches):
    data, labels, _ = branches
    data = data.mask(np.random.default_rng(10).random(data.shape) < 0.05)
    found = fit_groups(csi.fit(SMALL, data), labels, draws=20).of("paths")
    for branch in (0, 5, 11):
        own = csi.fit(SMALL, data[labels == branch]).values("paths")
        assert np.abs(found.loc[str(branch)] - own).max() < 1e-10


def test_errors_and_limits_are_those_of_a_bootstrap_of_the_group(branches):
    data, labels, whole = branches
    found = fit_groups(whole, labels, draws=4000).table().set_index(["branch", "quantity", "term"]).sort_index()
    boot = csi.bootstrap(csi.fit(SMALL, data[labels == 11], scale=(-6, 6)), 4000, seed=99)
    for quantity in ("paths", "index"):
        own = boot.quantity(quantity).set_index("term")
        ours = found.loc[("11", quantity)]
        assert np.abs(ours["std_error"] / own["std_error"] - 1).max() < 0.06
        for limit in ("ci_low", "ci_high"):
            assert (np.abs(ours[limit] - own[limit]) < 0.15 * own["std_error"]).all()


def test_one_batch_is_many_singles(branches, monkeypatch):
    _, labels, whole = branches
    together = fit_groups(whole, labels, draws=60)
    calls = []

    def counted(R, *args):
        calls.append(len(R))
        return kernel.estimate(R, *args)

    monkeypatch.setattr(stages, "estimate", counted)
    fit_groups(whole, labels, draws=60)
    assert calls == [12, 12 * 60]
    alone = fit_groups(whole, labels.where(labels == 0), draws=60)  # the first to appear keeps its stream
    for name in ("estimate", "std_error", "ci_low", "ci_high"):
        assert np.abs(getattr(alone.values, name)[0] - getattr(together.values, name)[0]).max() < 1e-9, name


def test_naming_the_groups_anew_changes_their_names_only(branches):
    _, labels, whole = branches
    names = {k: f"{99 - k}" for k in range(12)}
    one, other = (fit_groups(whole, each, draws=30) for each in (labels, labels.map(names)))
    back = [other.keys["branch"].tolist().index(names[k]) for k in np.argsort(np.arange(12).astype(str))]
    order = [one.keys["branch"].tolist().index(str(k)) for k in np.argsort(np.arange(12).astype(str))]
    for name in ("estimate", "std_error", "ci_low", "ci_high"):
        a, b = getattr(one.values, name)[order], getattr(other.values, name)[back]
        assert np.abs(a - b).max() < 1e-9, name


def test_groups_by_several_columns(branches):
    _, labels, whole = branches
    month = pd.Series(np.where(np.arange(len(labels)) % 2, "05", "06"), name="month")
    found = fit_groups(whole, pd.concat([labels, month], axis=1), draws=0, minimum=20)
    assert len(found) == 24
    assert found.table().columns[7:9].tolist() == ["branch", "month"]
    assert found.of("paths").index.names == ["branch", "month"]
    alone = fit_groups(whole, labels.where(month == "05"), draws=0, minimum=20)
    assert np.abs(found.of("paths").xs("05", level="month") - alone.of("paths")).max(axis=None) < 1e-12


def test_no_group_is_dropped_in_silence(branches):
    data, labels, _ = branches
    data, labels = data.copy(), labels.astype(str)
    data.loc[labels == "1", "b1"] = 4.0
    data.loc[labels == "2", "a2"] = np.nan
    labels[labels == "3"] = np.where(np.arange((labels == "3").sum()) < 10, "tiny", None)
    found = fit_groups(csi.fit(SMALL, data), labels, draws=20)
    notes = found.refused.set_index("branch")["note"]
    assert notes.to_dict() == {
        "1": "item 'b1' is constant: all 43 answers are 4.",
        "2": "item 'a2' has no answers.",
        "tiny": "10 answers, fewer than the minimum of 30",
    }
    table = found.table()
    assert len(table) == 12  # one path a group
    assert table.set_index("branch").loc[["1", "2", "tiny"], "estimate"].isna().all()
    assert table["draws"].sum() == 9 * 20
    assert found.unlabelled == 39
    assert "3 groups have no estimates" in str(found)


def test_a_group_that_does_not_settle_is_listed(branches):
    data, labels, _ = branches
    fit = csi.fit(SMALL, data, tolerance=1e-9, max_iterations=12)
    found = fit_groups(fit, labels, draws=0)
    slow = [g for g in range(12) if not settles(data[labels == int(found.keys["branch"][g])])]
    assert 0 < len(slow) < 12
    assert (found.notes[slow] == "not converged").all()
    assert set(found.refused["branch"]) == set(found.keys["branch"].iloc[slow])


def test_lost_draws_are_warned_of():
    rng = np.random.default_rng(11)
    data = small_answers(rng, 80)
    data["b2"] = 0.0
    data.loc[[0, 40], "b2"] = 1.0  # one case of each group: a third of the resamples lose it
    with pytest.warns(CsiWarning, match="2 of 2 groups lost more than 5 % of their draws"):
        found = fit_groups(csi.fit(SMALL, data), np.repeat([0, 1], 40), draws=200)
    assert found.table()["draws"].between(90, 160).all()


def test_a_design_that_cannot_be_resampled_within_a_group_leaves_the_estimates():
    data = small_answers(np.random.default_rng(12), 120).assign(region=np.repeat(["a", "b", "c"], 40))
    fit = csi.fit(SMALL, data, design=csi.Design(strata="region"))
    labels = np.repeat([0, 1], [41, 79])  # one case of stratum b is in group 0
    found = fit_groups(fit, labels, draws=20)
    assert np.isfinite(found.values.estimate).all()
    assert np.isnan(found.values.std_error).all(axis=1).tolist() == [True, False]
    assert "a stratum has one primary unit" in found.notes[0]


def test_columns_of_a_survey_by_name():
    data = small_answers(np.random.default_rng(13), 90)
    data = (5.5 + 2 * data).round().clip(1, 10).assign(branch=np.resize(["North", "South", ""], 90))
    items = [{"name": item, "column": item, "scale": {"low": 1, "high": 10}} for item in data.columns[:4]]
    book = csi.Codebook.from_dict({"items": items, "segments": [{"name": "branch", "column": "branch"}]})
    fit = csi.fit(SMALL, csi.survey_from_frame(data, book))
    found = fit_groups(fit, "branch", draws=0)
    assert found.keys["branch"].tolist() == ["North", "South"]
    assert found.sizes.tolist() == [30, 30]
    assert found.unlabelled == 30
    with pytest.raises(EstimationError, match=r"there is no column 'brunch' to group by\. .* Did you mean 'branch'"):
        fit_groups(fit, ["brunch"])


def test_what_cannot_be_asked(branches):
    _, labels, whole = branches
    for options, said in (
        ({"draws": 1}, "draws >= 2"),
        ({"minimum": 0}, "minimum >= 1"),
        ({"quantities": "paths"}, "must be a list of names"),
        ({"quantities": ["indexes"]}, "no quantity 'indexes'"),
    ):
        with pytest.raises(EstimationError, match=said):
            fit_groups(whole, labels, **options)
    with pytest.raises(EstimationError, match=r"'htmt' was not kept; .* kept paths, index"):
        fit_groups(whole, labels, draws=0).of("htmt")


def settles(data):
    return csi.fit(SMALL, data, tolerance=1e-9).iterations <= 12
