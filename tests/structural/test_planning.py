"""Planning: published numbers, known power recovered, and populations that cannot be are refused by name."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nct, norm
from scipy.stats import t as student

import csi
from csi.errors import CsiWarning, EstimationError, ModelError
from csi.structural.estimation import layout_of
from csi.structural.planning import planned_power, required_sample
from csi.structural.population import Population, true_values

PAIR = csi.Model.parse("Q <~ q; S <~ s; S ~ Q")
CHAIN = csi.Model.parse("A =~ a1 + a2 + a3; B =~ b1 + b2 + b3; C =~ c1 + c2 + c3; C ~ A + B")
COMPOSITES = csi.Model.parse("A <~ a1 + a2 + a3; B <~ b1 + b2 + b3; C <~ c1 + c2 + c3; C ~ A + B")
TWO = {("A", "C"): 0.4, ("B", "C"): 0.3}


def stated(paths=TWO, loadings=0.8, correlations=None):
    return Population(paths, dict.fromkeys("ABC", loadings), correlations or {})


class TestFormulas:
    def test_published_numbers(self):
        """Kock & Hadaya (2018): 155 for a path of 0.2; 160 and 146 for 0.197, the path not known in advance."""
        assert required_sample(0.2) == 155
        assert required_sample(0.197) == 160
        assert required_sample(0.197, method="gamma_exponential") == 146

    def test_the_sign_does_not_matter_and_harder_questions_need_more(self):
        assert required_sample(-0.2) == required_sample(0.2)
        assert required_sample(0.1) > required_sample(0.2)
        assert required_sample(0.2, power=0.9) > required_sample(0.2)
        assert required_sample(0.2, level=0.025) > required_sample(0.2)

    @pytest.mark.parametrize("path", [0.01, 0.1, 0.3, 0.5])
    @pytest.mark.parametrize("method", ["inverse_square_root", "gamma_exponential"])
    def test_it_is_the_least_number_that_suffices(self, path, method):
        def signal(n):
            correction = np.exp(np.e * path / np.sqrt(n)) if method == "gamma_exponential" else 1.0
            return path * np.sqrt(n) * correction

        n = required_sample(path, method=method)
        z = norm.ppf(0.95) + norm.ppf(0.8)
        assert signal(n) > z >= signal(n - 1)

    @pytest.mark.parametrize("options", [{"smallest_path": 0}, {"power": 1.0}, {"level": 0.7}, {"method": "guess"}])
    def test_impossible_questions(self, options):
        with pytest.raises(EstimationError):
            required_sample(**{"smallest_path": 0.2} | options)


class TestPower:
    @pytest.mark.parametrize(("draws", "replications", "within"), [(None, 4000, 0.045), (200, 600, 0.07)])
    def test_power_of_a_correlation_is_that_of_its_t_test(self, draws, replications, within):
        """Single items: the path is a correlation, whose power is known (noncentral t). `within` allows three Monte-Carlo errors
        and, without draws, for the missing tails of the t distribution."""
        population = Population({("Q", "S"): 0.2}, {})
        plan = planned_power(PAIR, population, (100, 200, 300), draws=draws, replications=replications)
        for n, power in zip(plan.rows["n"], plan.rows["power"], strict=True):
            cut, shift = student.ppf(0.975, n - 2), 0.2 * np.sqrt(n) / np.sqrt(1 - 0.2**2)
            exact = nct.sf(cut, n - 2, shift) + nct.cdf(-cut, n - 2, shift)
            assert power == pytest.approx(exact, abs=within)
        assert plan.rows["bias"].abs().max() < 0.1 / np.sqrt(replications) * 3
        assert plan.rows["required_n"].iloc[0] == pytest.approx((2.8016 / 0.2) ** 2, rel=0.12)

    def test_power_is_how_often_a_bootstrap_sees_the_path(self):
        """The point of the plan: the same share as fitting and bootstrapping sample after sample through the front door."""
        model = csi.Model.parse("Q <~ q1 + q2 + q3; S <~ s1 + s2 + s3; S ~ Q")
        population = Population({("Q", "S"): 0.2}, {"Q": 0.8, "S": 0.8})
        plan = planned_power(model, population, (100,), replications=200, draws=100)
        quick = planned_power(model, population, (100,), replications=2000, draws=None)
        _, R = true_values(model, population)
        rng, seen = np.random.default_rng(5), 0
        for _ in range(150):
            X = pd.DataFrame(rng.normal(size=(100, 6)) @ np.linalg.cholesky(R).T, columns=model.items)
            row = csi.bootstrap(csi.fit(model, X), 100).paths.iloc[0]
            seen += not row["ci_low"] <= 0 <= row["ci_high"]
        power = plan.rows["power"].iloc[0]
        assert power == pytest.approx(seen / 150, abs=0.15)  # three Monte-Carlo errors of a difference
        assert (
            quick.rows["power"].iloc[0] > power + 0.1
        )  # the quick rule promises too much here, as its description says

    def test_it_grows_with_the_answers_and_with_the_path(self):
        plan = planned_power(COMPOSITES, stated(), (40, 80, 160), draws=None)
        for _, rows in plan.rows.groupby("term"):
            assert rows["power"].is_monotonic_increasing
            assert rows["std_error"].is_monotonic_decreasing
        wide = plan.rows.pivot_table(index="n", columns="term", values="power")
        assert (wide["A -> C"] > wide["B -> C"]).all()

    def test_required_n_lies_where_the_power_wanted_is_crossed(self):
        plan = planned_power(COMPOSITES, stated(), (40, 80, 160), draws=None)
        n = int(plan.rows.loc[plan.rows["term"] == "B -> C", "required_n"].iloc[0])
        again = planned_power(COMPOSITES, stated(), (n,), draws=None, replications=3000).rows.set_index("term")
        assert again.at["B -> C", "power"] == pytest.approx(0.8, abs=0.05)

    def test_beyond_the_sizes_nothing_is_made_up(self):
        weak = stated({("A", "C"): 0.4, ("B", "C"): 0.02})
        plan = planned_power(COMPOSITES, weak, (100, 150), draws=None, replications=300)
        required = plan.rows.set_index("term")["required_n"]
        assert np.isnan(required["B -> C"]).all()
        assert (required["A -> C"] == 100).all()
        assert "more than 150 answers for B -> C" in str(plan)

    def test_a_path_of_zero_is_seen_at_about_the_level_and_needs_no_number(self):
        population = Population({("Q", "S"): 0.0}, {})
        plan = planned_power(PAIR, population, (100,), replications=400, draws=100)
        assert 0.02 < plan.rows["power"].iloc[0] < 0.11
        assert plan.rows["required_n"].isna().all()

    def test_scale_points_cost_power(self):
        fine = planned_power(COMPOSITES, stated(), (120,), draws=None).rows
        coarse = planned_power(COMPOSITES, stated(), (120,), points=2, draws=None).rows
        assert (coarse["estimate"] < fine["estimate"]).all()

    def test_a_seed_fixes_a_size_whatever_else_is_asked(self):
        one = planned_power(COMPOSITES, stated(), (80,), replications=30, draws=20).rows
        more = planned_power(COMPOSITES, stated(), (60, 80), replications=30, draws=20).rows
        columns = ["estimate", "std_error", "power"]
        assert (one[columns].to_numpy() == more.loc[more["n"] == 80, columns].to_numpy()).all()
        other = planned_power(COMPOSITES, stated(), (80,), replications=30, draws=20, seed=2).rows
        assert not np.array_equal(one["estimate"], other["estimate"])

    def test_samples_without_a_solution_are_counted(self):
        with pytest.warns(CsiWarning, match=r"only \d+ of 200 samples of n = 30"):
            plan = planned_power(CHAIN, stated(loadings=0.6), (30,), draws=None, replications=200)
        assert (plan.rows["used"] < 190).all()
        assert (plan.rows["power"] <= plan.rows["used"] / 200).all()  # nothing is seen where nothing could be estimated


class TestPopulation:
    def test_factors_and_composites_are_what_the_model_would_find(self):
        for model in (CHAIN, COMPOSITES):
            paths, R = true_values(model, stated(correlations={("A", "B"): 0.3}))
            layout = layout_of(model)
            found = csi.kernel.estimates.estimate(R[None], layout, tolerance=1e-12).paths[0]
            assert np.abs(found - paths).max() < 1e-8

    def test_a_fit_stands_for_itself(self, ecsi_model, twin):
        fit = csi.fit(ecsi_model, twin)
        paths, R = true_values(ecsi_model, fit)
        assert (paths == fit.paths.to_numpy()).all()
        found = csi.kernel.estimates.estimate(R[None], layout_of(ecsi_model)).paths[0]
        assert np.abs(found - paths).max() < 0.005  # the model's misfit alone

    def test_simulated_errors_match_the_bootstrap_of_the_fit(self, ecsi_model, twin):
        fit = csi.fit(ecsi_model, twin)
        plan = planned_power(ecsi_model, fit, (fit.n,), draws=None).rows.set_index("term")["std_error"]
        boot = csi.bootstrap(fit, 1000).paths.set_index("term")["std_error"]
        assert (plan / boot).between(0.75, 1.3).all()

    @pytest.mark.parametrize(
        ("population", "message"),
        [
            (stated({("A", "C"): 0.4}), "no coefficient for path B -> C"),
            (stated({**TWO, ("A", "B"): 0.1}), "path A -> B, which the model does not have"),
            (stated({("A", "C"): 0.8, ("B", "C"): 0.7}), "paths to 'C' explain 113% .* A, B"),
            (stated(loadings=[0.8, 0.7]), "construct 'A' has 3 items"),
            (stated(loadings=1.2), "construct 'A' has 3 items"),
            (Population(TWO, {"A": 0.8, "B": 0.8}), "no loadings for construct 'C'"),
            (stated(correlations={("A", "C"): 0.2}), "'C' is no construct without a cause"),
            (stated(correlations={("A", "B"): 1.0}), "A, B cannot hold together"),
        ],
    )
    def test_what_cannot_be_is_named(self, population, message):
        with pytest.raises(ModelError, match=message):
            true_values(CHAIN, population)

    def test_loadings_that_no_composite_has_are_named(self):
        with pytest.raises(ModelError, match=r"no composite 'A' has the loadings 0\.9, 0\.5, 0\.1"):
            true_values(COMPOSITES, stated(loadings=[0.9, 0.5, 0.1]))

    def test_a_fit_without_the_items_is_refused(self, ecsi_model, twin):
        with pytest.raises(ModelError, match="item 'q', which the fit"):
            true_values(PAIR, csi.fit(ecsi_model, twin))

    def test_interactions_are_refused(self):
        model = csi.Model.parse("A <~ a; B <~ b; C <~ c; C ~ A + B")
        model = csi.Model(model.constructs, {"A": ["C"], "B": ["C"], "A*B": ["C"]})
        with pytest.raises(ModelError, match=r"interaction 'A\*B'"):
            true_values(model, Population({}, {}))

    @pytest.mark.parametrize(
        "options", [{"sizes": (9,)}, {"sizes": ()}, {"replications": 1}, {"draws": 1}, {"power": 1}]
    )
    def test_impossible_requests(self, options):
        with pytest.raises(EstimationError, match="planned_power needs"):
            planned_power(CHAIN, stated(), **options)
