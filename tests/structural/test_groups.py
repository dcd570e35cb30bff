"""compare_groups: each group is a fit of its own, every test is the peers' and rejects as often as it says."""

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL, model_of, small_answers, square

import csi
from csi.errors import CsiWarning, EstimationError
from csi.kernel.group_tests import holm
from csi.structural.groups import compare_groups


@pytest.fixture(scope="module")
def mobi_fit(reference, mobi):
    """Fit and labels of the peers' split."""
    model = model_of(reference("mobi_ecsi_modeA_path")["model"])
    return csi.fit(model, mobi, tolerance=1e-12), np.where(mobi["CUEX1"] < 8, "1 low", "2 high")


@pytest.fixture(scope="module")
def compared(mobi_fit):
    return compare_groups(*mobi_fit, quantities=("paths", "weights", "loadings", "r_squared"))


@pytest.fixture(scope="module")
def three():
    rng = np.random.default_rng(1)
    data = pd.concat([small_answers(rng, 150, path) for path in (0.6, 0.6, 0.1)], ignore_index=True)
    return csi.fit(SMALL, data, scale=(-6, 6)), pd.Series(np.repeat(["n", "s", "w"], 150))


class TestAgainstThePeers:
    def test_estimates_of_each_group(self, reference, compared):
        case = reference("mobi_ecsi_mga_cuex1")
        table = compared.estimates.set_index(["group", "quantity", "term"])["estimate"].sort_index()
        for group, name in (("1 low", "group1"), ("2 high", "group2")):
            for path in case["paths"]:
                assert abs(table[group, "paths", f"{path['from']} -> {path['to']}"] - path[name]) < 1e-8
            for quantity, peer in (("weights", "outer_weights"), ("loadings", "outer_loadings")):
                expected = square(case[name][peer]).sum(axis=1)
                assert np.abs(table[group, quantity] - expected).max() < 1e-8
            assert np.abs(table[group, "r_squared"] - pd.Series(case[name]["r2"])).max() < 1e-8

    def test_p_values_of_every_test(self, reference, compared):
        case = reference("csem_mobi_ecsi_testMGD_cuex1")
        p = compared.p_values.set_index(["quantity", "term"])
        names = {"permutation": "chin", "parametric": "keil", "welch": "nitzl", "one_sided": "henseler"}
        for ours, peer in names.items():
            for term, expected in case[peer]["p"]["none"]["low_high"].items():
                if term.endswith("CUSCO"):
                    continue  # the weight of a single item is 1 in every group
                effect, _, cause = term.partition(" ~ ")
                found = p[ours]["paths", f"{cause} -> {effect}"] if cause else p[ours]["weights", term.split()[-1]]
                # 199 runs of the peer, whose two-sided p value is twice a tail
                tail = expected / 2
                assert abs(found - expected) < 4 * max(2 * np.sqrt(tail * (1 - tail) / 199), 0.01), (ours, term)

    def test_one_sided_p_values_of_the_second_peer(self, reference, compared):
        p = compared.p_values.set_index(["quantity", "term"])["one_sided"]
        for path in reference("mobi_ecsi_mga_cuex1")["paths"]:
            assert abs(p["paths", f"{path['from']} -> {path['to']}"] - path["pls_mga_p"]) < 0.04  # 2,000 draws each


class TestCompareGroups:
    @pytest.mark.parametrize("method", ["permutation", "bootstrap", "parametric", "welch"])
    def test_a_real_difference_is_found_by_every_method(self, three, method):
        table = compare_groups(*three, method=method, draws=499).table().set_index(["group_1", "group_2"])
        assert (table["p_adjusted"][[("n", "w"), ("s", "w")]] < 0.05).all()
        assert table.loc[("n", "s"), "p_adjusted"] > 0.05
        assert (table["ci_low"] > 0).tolist() == [False, True, True]
        assert (table["estimate"] == table["estimate_1"] - table["estimate_2"]).all()
        assert (table["n"] == 300).all()

    def test_holm_goes_across_the_pairs_and_terms_of_a_quantity(self, three):
        found = compare_groups(*three, quantities=["loadings", "index"], method="welch", draws=99)
        table = found.table()
        for _, each in table.groupby("quantity"):
            assert (each["p_adjusted"] == holm(each["p_value"].to_numpy())).all()
        assert table["quantity"].value_counts().to_dict() == {"loadings": 12, "index": 6}
        raw = compare_groups(*three, quantities=["loadings", "index"], method="welch", draws=99, adjust="none").table()
        assert (raw["p_adjusted"] == table["p_value"]).all()

    def test_a_pair_among_three_groups_is_the_pair_alone(self, three):
        fit, labels = three
        both = compare_groups(fit, labels, draws=199)
        alone = compare_groups(fit, labels.where(labels != "w"), draws=199)
        one, two = (c.table().set_index(["group_1", "group_2"]).loc[("n", "s")] for c in (both, alone))
        assert (one.drop("p_adjusted") == two.drop("p_adjusted")).all()
        assert alone.groups.unlabelled == 150

    def test_naming_the_groups_anew_changes_nothing_but_names_and_signs(self, three):
        fit, labels = three
        one = compare_groups(fit, labels, draws=199).table().set_index(["group_1", "group_2"])
        other = compare_groups(fit, labels.map({"n": "3", "s": "2", "w": "1"}), draws=199).table()
        other = other.set_index(["group_1", "group_2"])
        assert one.loc[("n", "w"), "estimate"] == pytest.approx(-other.loc[("1", "3"), "estimate"], abs=1e-12)
        assert one.loc[("n", "w"), "std_error"] == pytest.approx(other.loc[("1", "3"), "std_error"], abs=1e-12)
        assert one.loc[("n", "w"), "p_value"] == other.loc[("1", "3"), "p_value"]

    def test_categories_keep_their_order(self, three):
        fit, labels = three
        found = compare_groups(fit, labels.astype(pd.CategoricalDtype(["w", "s", "n", "unused"])), draws=19)
        assert found.groups.names == ("w", "s", "n")

    def test_survey_weights_travel_with_their_cases(self):
        rng = np.random.default_rng(2)
        data = small_answers(rng, 160)
        copies = rng.integers(1, 4, 160)
        labels = np.arange(160) % 2
        weighted = csi.fit(SMALL, data.assign(w=copies.astype(float)), weight="w", tolerance=1e-12)
        repeated = csi.fit(SMALL, data.loc[data.index.repeat(copies)], tolerance=1e-12)
        one = compare_groups(weighted, labels, method="welch", draws=19)
        two = compare_groups(repeated, labels.repeat(copies), method="welch", draws=19)
        assert np.abs(one.estimates["estimate"] - two.estimates["estimate"]).max() < 1e-12

    def test_a_design_resamples_the_groups_together(self):
        """Groups share their branches: what a branch adds to both cancels in the difference and not in each group."""
        rng = np.random.default_rng(3)
        branch = np.repeat(np.arange(25), 16)
        data = small_answers(rng, 400) + rng.normal(0, 1, (25, 1))[branch]
        fit = csi.fit(SMALL, data.assign(branch=branch), design=csi.Design(clusters="branch"), scale=(-9, 9))
        found = compare_groups(fit, np.arange(400) % 2, quantities=["index"], method="bootstrap", draws=299)
        of_groups = found.estimates.groupby("term")["std_error"].apply(lambda each: np.sqrt((each**2).sum()))
        assert (found.table().set_index("term")["std_error"] < 0.6 * of_groups).all()

    def test_interactions_and_gaps(self):
        rng = np.random.default_rng(4)
        data = small_answers(rng, 240)
        data["b1"] += 0.4 * data["a1"] ** 2
        data = data.mask(rng.random(data.shape) < 0.03)
        model = csi.Model.parse("A <~ a1 + a2; B <~ b1 + b2; B ~ A + A:A")
        labels = np.arange(240) % 2
        found = compare_groups(csi.fit(model, data), labels, draws=19)
        for group in (0, 1):
            own = csi.fit(model, data[labels == group]).values("paths")
            ours = found.estimates[found.estimates["group"] == str(group)].set_index("term")["estimate"]
            assert np.abs(ours - own).max() < 1e-4  # EM's own tolerance, with products about another centre

    def test_false_positives_are_as_many_as_the_level_says(self):
        """200 data sets in which the groups do not differ: every test rejects about 5 %."""
        rng = np.random.default_rng(5)
        tests = ["permutation", "bootstrap", "parametric", "welch"]
        p = []
        for seed in range(200):
            fit = csi.fit(SMALL, small_answers(rng, 120))
            p.append(compare_groups(fit, np.arange(120) < 50, draws=199, seed=seed).p_values[tests].iloc[0])
        rejected = (np.array(p, dtype=float) <= 0.05).mean(axis=0)
        assert (np.abs(rejected - 0.05) < 3.3 * np.sqrt(0.05 * 0.95 / 200)).all()

    def test_other_means_and_spreads_do_not_pass_for_other_paths(self):
        """Exchanged as they are, answers of groups with other means make mixtures that vary less: 17 % would be rejected."""
        rng = np.random.default_rng(14)
        p = []
        for seed in range(100):
            data = small_answers(rng, 120, 0.3)
            data[:50] += 2
            fit = csi.fit(SMALL, data)
            p.append(compare_groups(fit, np.arange(120) < 50, draws=199, seed=seed).table()["p_value"].iloc[0])
        assert abs((np.array(p) <= 0.05).mean() - 0.05) < 3.3 * np.sqrt(0.05 * 0.95 / 100)

    def test_levels_are_compared_as_they_are(self, three):
        fit, labels = three
        shifted = pd.DataFrame(fit.origin.cases.X, columns=fit.origin.cases.items)
        shifted[labels == "s"] += 0.8
        found = compare_groups(
            csi.fit(SMALL, shifted, scale=(-6, 6)),
            labels.where(labels != "w"),
            quantities=["index", "paths"],
            draws=199,
        )
        table = found.table().set_index("quantity")
        assert (table.loc["index", "p_value"] == 2 / 200).all()
        assert table.loc["paths", "p_value"] > 0.05

    def test_levels_need_the_scale(self, three):
        fit, labels = three
        data = pd.DataFrame(fit.origin.cases.X, columns=fit.origin.cases.items)
        with pytest.raises(EstimationError, match="need the scale ends"):
            compare_groups(csi.fit(SMALL, data), labels, quantities=["index"])

    def test_many_lost_replicates_are_warned_of(self):
        rng = np.random.default_rng(15)
        model = csi.Model.parse("A =~ a1 + a2; B =~ b1 + b2; B ~ A")
        with pytest.warns(CsiWarning, match="of the replicates could not be used"):
            found = compare_groups(
                csi.fit(model, small_answers(rng, 160)), np.arange(160) % 2, method="welch", draws=199
            )
        assert 0.05 < found.lost / (2 * 199) < 0.6
        assert f"{found.lost} replicates could not be estimated" in str(found)

    def test_what_cannot_be_asked(self, three):
        fit, labels = three
        for options, said in (
            ({"quantities": "paths"}, "must be a list of names"),
            ({"quantities": []}, "must be a list of names"),
            ({"quantities": ["path"]}, "no quantity 'path'.*Did you mean 'paths'"),
            ({"method": "chin"}, "method must be one of 'permutation'"),
            ({"adjust": "fdr"}, "adjust must be one of 'holm', 'none'"),
            ({"draws": 1}, "draws >= 19"),
        ):
            with pytest.raises(EstimationError, match=said):
                compare_groups(fit, labels, **options)
        with pytest.raises(EstimationError, match="two groups"):
            compare_groups(fit, ["n"] * 450)

    def test_an_item_without_spread_in_a_group_is_named(self, three):
        fit, labels = three
        data = pd.DataFrame(fit.origin.cases.X, columns=fit.origin.cases.items)
        data.loc[labels == "s", "b2"] = 7.0
        with pytest.raises(EstimationError, match="group 's': item 'b2' is constant: all 150 answers are 7"):
            compare_groups(csi.fit(SMALL, data), labels)
        data.loc[labels == "s", "b2"] = np.nan
        with pytest.raises(EstimationError, match="group 's': item 'b2' has no answers"):
            compare_groups(csi.fit(SMALL, data), labels)

    def test_items_that_are_copies_in_a_group_are_reported(self, three):
        fit, labels = three
        data = pd.DataFrame(fit.origin.cases.X, columns=fit.origin.cases.items)
        data.loc[labels == "s", "b2"] = data["b1"]
        model = csi.Model.parse("A <~ a1 + a2; B <~ b1 + b2; B ~ A", composite_mode="B")
        with pytest.raises(
            EstimationError, match=r"group 's': .* items 'b1', 'b2' of construct 'B' .* repeat one another"
        ):
            compare_groups(csi.fit(model, data), labels)
