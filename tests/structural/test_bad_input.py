"""Input from which nothing sound can be estimated: what happens is defined, and the message says where and what to do.

Elsewhere: models that are none (model/test_model), covariance-based models that are not identified (test_cbsem), frames and
options (test_estimation), items constant in replicates (test_inference), groups (test_groups) and training samples
(test_prediction).
"""

import warnings

import numpy as np
import pandas as pd
import pytest

import csi
from csi.errors import CsiWarning, EstimationError, ModelError
from csi.kernel.pls import outer_weights
from csi.structural.estimability import require_estimable

SMALL = csi.Model.parse("Q <~ q1 + q2; S <~ s1 + s2; S ~ Q")


def answers(n=100, seed=0):
    rng = np.random.default_rng(seed)
    q = rng.normal(size=n)
    items = {name: q + 0.7 * rng.normal(size=n) for name in ("q1", "q2", "s1", "s2")}
    return pd.DataFrame(items).assign(copy=lambda d: d.q1, total=lambda d: d.q1 + d.q2)


def estimated(model, frame, **options):
    """A fit that must be one of numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        fit = csi.fit(model, frame, **options)
    require_estimable(fit)
    return fit


class TestCollinear:
    @pytest.mark.parametrize("scheme", ["path", "factorial", "centroid"])
    def test_predictors_that_are_copies(self, scheme):
        model = csi.Model.parse("Q <~ q1; P <~ copy; S <~ s1 + s2; S ~ Q + P")
        with pytest.raises(
            EstimationError,
            match=r"predictors 'Q', 'P' of 'S' are perfectly collinear.* Drop one of their paths to 'S'",
        ):
            estimated(model, answers(), scheme=scheme)

    def test_a_predictor_that_is_the_sum_of_others(self):
        model = csi.Model.parse("A <~ q1; B <~ q2; C <~ total; D <~ s2; S <~ s1; S ~ A + B + C + D")
        with pytest.raises(EstimationError, match="predictors 'A', 'B', 'C' of 'S' are perfectly collinear"):
            estimated(model, answers())

    def test_factors_of_the_same_answers(self):
        frame = answers().assign(copy2=lambda d: d.q2)
        model = csi.Model.parse("Q =~ q1 + q2; P =~ copy + copy2; S <~ s1; S ~ Q + P")
        with pytest.raises(EstimationError, match="predictors 'Q', 'P' of 'S'"):
            estimated(model, frame)

    def test_items_of_regression_weights_that_repeat_one_another(self):
        model = csi.Model.parse("Q <~ q1 + q2 + total; S <~ s1 + s2; S ~ Q", composite_mode="B")
        with pytest.raises(
            EstimationError,
            match=r"items 'q1', 'q2', 'total' of construct 'Q' \(Mode B\) repeat one another.*by Mode A",
        ):
            estimated(model, answers())

    def test_a_later_stage_is_named_too(self):
        constructs = [
            csi.Construct(n, items) for n, items in (("A", ["q1", "q2"]), ("B", ["copy", "copy2"]), ("S", ["s1"]))
        ]
        model = csi.Model([*constructs, csi.Construct("AB", ["A", "B"], mode="B")], {"S": ["AB"]})
        with pytest.raises(EstimationError, match="items 'A', 'B' of construct 'AB'"):
            estimated(model, answers().assign(copy2=lambda d: d.q2))

    def test_items_of_correlation_weights_may_repeat_one_another(self):
        model = csi.Model.parse("Q <~ q1 + q2 + total; S <~ s1 + s2; S ~ Q")
        assert estimated(model, answers()).converged

    def test_a_training_sample_says_which_predictors(self):
        frame = answers(40)
        frame.loc[:3, "copy"] += 1
        model = csi.Model.parse("Q <~ q1; P <~ copy; S <~ s1 + s2; S ~ Q + P")
        fold = np.repeat(np.arange(10), 4)[None]
        with pytest.raises(EstimationError, match=r"without fold 0 of repetition 0 .*predictors 'Q', 'P' of 'S'"):
            csi.predict(csi.fit(model, frame), assignment=fold)

    def test_nearly_collinear_predictors_have_no_finite_inflation(self):
        """Numbers come out; the assessment fails them."""
        rng = np.random.default_rng(1)
        frame = answers().assign(copy=lambda d: d.q1 + 1e-3 * rng.normal(size=100))
        fit = estimated(csi.Model.parse("Q <~ q1; P <~ copy; S <~ s1 + s2; S ~ Q + P"), frame)
        verdicts = {f.term: f.verdict for f in csi.assess(fit).findings if f.criterion == "inner_vif"}
        assert verdicts == {"Q -> S": "fail", "P -> S": "fail"}
        assert fit.inner_vif.at["Q", "S"] > 1e5


class TestNoNeighbours:
    def test_a_construct_without_a_path(self):
        with pytest.raises(
            ModelError, match=r"'C' has no path to or from any other, .* Give it a path, or leave it out"
        ):
            csi.Model([csi.Construct(n, [n.lower()]) for n in "ABC"], {"A": ["B"]})

    def test_a_construct_that_does_not_correlate_with_its_neighbours(self):
        cross = pd.DataFrame(np.repeat([[1, 1, 1, 1], [1, 1, -1, -1], [-1, -1, 1, 1], [-1, -1, -1, -1]], 5, axis=0))
        cross.columns = ["q1", "q2", "s1", "s2"]
        with pytest.raises(
            EstimationError, match=r"construct 'Q' does not correlate at all with its neighbours \('S'\)"
        ):
            estimated(SMALL, cross)


class TestInadmissible:
    def test_a_loading_above_one(self):
        """The first item shares more with the others of its block than one common factor can explain."""
        R = np.eye(5)
        R[np.triu_indices(5, 1)] = [0.7, 0.9, 0.6, 0.5, 0.6, 0.4, 0.2, 0.5, 0.3, 0.4]
        R += np.triu(R, 1).T
        Z = np.random.default_rng(1).normal(size=(200, 5))
        Z = np.linalg.qr(Z - Z.mean(axis=0))[0]
        frame = pd.DataFrame(Z @ np.linalg.cholesky(R).T, columns=["q1", "q2", "q3", "s1", "s2"])
        model = csi.Model.parse("Q =~ q1 + q2 + q3; S =~ s1 + s2; S ~ Q")
        with pytest.warns(
            CsiWarning, match=r"inadmissible: .*loading.* above 1.*model them as composites or join them"
        ):
            fit = csi.fit(model, frame)
        assert fit.loadings.max().max() > 1
        assert not fit.admissible
        assert "INADMISSIBLE" in str(fit)


class TestNoConvergence:
    @pytest.fixture
    def alternating(self):
        """Chance answers of a chain of three constructs, whose weights come back to themselves every second step."""
        X = np.random.default_rng(34).normal(size=(12, 6))
        return csi.Model.parse("A <~ a1 + a2; B <~ b1 + b2; C <~ c1 + c2; B ~ A; C ~ B"), X

    def test_two_solutions_that_take_turns_are_named(self, alternating):
        model, X = alternating
        frame = pd.DataFrame(X, columns=model.items)
        with pytest.warns(CsiWarning, match=r"weights oscillate between two solutions: after 300 .*another scheme"):
            fit = csi.fit(model, frame)
        assert not fit.converged
        assert csi.assess(fit).verdict == "fail"
        with pytest.warns(CsiWarning, match="oscillat"):
            steps = [csi.fit(model, frame, max_iterations=k).weights.to_numpy() for k in (300, 301, 302)]
        assert np.abs(steps[0] - steps[2]).max() < 1e-12
        assert np.abs(steps[0] - steps[1]).max() > 0.1

    def test_running_out_of_iterations_is_not_called_oscillation(self, alternating):
        model, _ = alternating
        fit = csi.fit(SMALL, answers())
        assert not outer_weights(fit.moments.correlation, fit.layout, max_iterations=2).oscillating.any()
        assert len(model.names) == 3

    def test_replicates_that_oscillate_are_counted_apart(self, alternating):
        model, X = alternating
        frame = pd.DataFrame(np.vstack([X, X, X + 0.01]), columns=model.items)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CsiWarning)
            boot = csi.bootstrap(csi.fit(model, frame), 300)
        assert boot.failed["oscillating"] > 0
        assert f"{boot.failed['oscillating']} oscillating" in str(boot)


class TestTooFewCases:
    def test_fewer_cases_than_the_largest_equation_has_predictors(self):
        model = csi.Model.parse("A <~ q1; B <~ q2; C <~ s2; S <~ s1; S ~ A + B + C")
        with pytest.raises(
            EstimationError, match=r"4 answers are fewer than the model needs: .* 3 predictors, so at least 5"
        ):
            csi.fit(model, answers(4))
        assert estimated(model, answers(5)).n == 5

    def test_fewer_cases_than_a_block_of_regression_weights_has_items(self):
        model = csi.Model.parse("Q <~ q1 + q2 + s2; S <~ s1; S ~ Q", composite_mode="B")
        with pytest.raises(EstimationError, match=r"4 answers are fewer than the model needs"):
            csi.fit(model, answers(4))


class TestWeights:
    @pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
    def test_must_be_numbers_above_zero(self, value):
        frame = answers().assign(w=np.where(np.arange(100) == 7, value, 1.0))
        with pytest.raises(EstimationError, match=rf"weight of case 7 is {value:g}; .* left out of the data"):
            csi.fit(SMALL, frame, weight="w")

    def test_must_be_there(self):
        with pytest.raises(EstimationError, match=r"no weight column 'weights'.*Did you mean 'weight'"):
            csi.fit(SMALL, answers().assign(weight=1.0), weight="weights")


class TestDesigns:
    def test_a_stratum_with_one_cluster(self):
        frame = answers().assign(
            region=["far"] * 4 + ["near"] * 96, branch=["x"] * 4 + [f"b{i % 8}" for i in range(96)]
        )
        design = csi.Design(strata="region", clusters="branch")
        with pytest.raises(
            EstimationError, match=r"stratum 'far' of 'region' has one cluster \('branch'\) only.*single_psu='collapse'"
        ):
            csi.fit(SMALL, frame, design=design)
        joined = csi.fit(SMALL, frame, design=csi.Design(strata="region", clusters="branch", single_psu="collapse"))
        assert csi.bootstrap(joined, 40).usable.all()

    def test_a_stratum_of_which_gaps_leave_one_case(self):
        frame = answers().assign(region=["far"] * 3 + ["near"] * 97)
        frame.loc[:1, ["q1", "q2", "s1", "s2"]] = np.nan
        fit = csi.fit(SMALL, frame, design=csi.Design(strata="region"))
        with pytest.raises(EstimationError, match=r"a stratum has one primary unit with answers.*[Jj]oin it with"):
            csi.bootstrap(fit, 40)

    def test_one_cluster_in_all(self):
        fit = csi.fit(SMALL, answers().assign(branch="only"), design=csi.Design(clusters="branch"))
        with pytest.raises(EstimationError, match="one primary unit"):
            csi.bootstrap(fit, 40)


class TestStages:
    """What needs the answers themselves says which part of the model is in the way, and what to fit instead."""

    @pytest.fixture
    def frame(self):
        rng = np.random.default_rng(2)
        q, v = rng.normal(size=(2, 150))
        s = 0.5 * q + 0.4 * v + 0.2 * q * v + 0.6 * rng.normal(size=150)
        scores = {"q": q, "v": v, "s": s}
        return pd.DataFrame({f"{k}{i}": x + 0.5 * rng.normal(size=150) for k, x in scores.items() for i in (1, 2)})

    @staticmethod
    def parts():
        return [csi.Construct(name, [f"{name.lower()}1", f"{name.lower()}2"]) for name in "QVS"]

    def asked(self, fit):
        groups = np.arange(150) % 2
        yield "prediction", lambda: csi.predict(fit, repetitions=1)
        yield "exact fit", lambda: csi.exact_fit(fit, 99)
        yield "measurement invariance", lambda: csi.invariance(fit, groups, permutations=19)
        yield "groups have one model", lambda: csi.equal_models(fit, groups, permutations=19)

    def refused(self, fit, remedy):
        for what, action in self.asked(fit):
            with pytest.raises(csi.CsiError, match=f"{what} needs a model whose items are the answers.*{remedy}"):
                action()

    def test_an_interaction(self, frame):
        model = csi.Model(self.parts(), {"Q": ["S"], "V": ["S"], "Q*V": ["S"]})
        fit = csi.fit(model, frame)
        self.refused(fit, r"the interaction 'Q\*V'. Fit the first stage \(Q, V, S\).*csi.fit\(fit.lower.model, data\)")
        self.refused(fit.lower, r"csi.fit\(fit.model, data\)")
        for _, action in self.asked(csi.fit(fit.lower.model, frame)):  # the advice can be taken
            action()

    def test_an_interaction_of_items(self, frame):
        model = csi.Model(self.parts(), {"Q": ["S"], "V": ["S"], "Q*V": ["S"]}, interactions="product")
        self.refused(csi.fit(model, frame), "Leave the interaction out")

    def test_a_higher_order_construct(self, frame):
        model = csi.Model([*self.parts(), csi.Construct("QV", ["Q", "V"])], {"QV": ["S"]})
        fit = csi.fit(model, frame)
        self.refused(fit, r"the higher-order construct 'QV'. Fit the first stage \(Q, V, S\)")
        for _, action in self.asked(csi.fit(fit.lower.model, frame)):
            action()

    @pytest.mark.parametrize("order", ["embedded", "repeated"])
    def test_repeated_items(self, frame, order):
        model = csi.Model([*self.parts(), csi.Construct("QV", ["Q", "V"])], {"QV": ["S"]}, higher_order=order)
        self.refused(csi.fit(model, frame), f"higher_order='{order}' items stand in two constructs; with 'two_stage'")


class TestWhatFitSays:
    """fit and bootstrap name what is wrong themselves; nobody has to ask."""

    def test_predictors_that_repeat_one_another(self):
        model = csi.Model.parse("Q <~ q1; P <~ copy; S <~ s1 + s2; S ~ Q + P")
        with pytest.raises(EstimationError, match="predictors 'Q', 'P' of 'S'"):
            csi.fit(model, answers())

    def test_answers_without_end(self):
        frame = answers().assign(q1=lambda d: np.where(np.arange(100) == 3, np.inf, d.q1))
        with pytest.raises(EstimationError, match="column 'q1' has the answer inf in case 3"):
            csi.fit(SMALL, frame)

    def test_weights_that_are_words(self):
        with pytest.raises(EstimationError, match="column 'w' holds no numbers"):
            csi.fit(SMALL, answers().assign(w="a"), weight="w")

    def test_no_complete_row(self):
        gappy = answers().mask(np.eye(4, 6)[np.arange(100) % 4] == 1)
        with pytest.raises(EstimationError, match=r"0 complete answers are fewer .* that of 'S', has 1 predictor, so"):
            csi.fit(SMALL, gappy, missing="listwise")

    def test_the_item_that_is_constant_in_replicates(self):
        frame = answers(20).assign(q2=np.r_[1, np.zeros(19)])
        with pytest.warns(CsiWarning, match="constant item: 'q2'"):
            csi.bootstrap(csi.fit(SMALL, frame), 200)

    def test_one_primary_unit(self):
        fit = csi.fit(SMALL, answers().assign(b="only"), design=csi.Design(clusters="b"))
        with pytest.raises(EstimationError, match="all answers come from one primary unit"):
            csi.bootstrap(fit, 40)


@pytest.mark.parametrize("kind", ["higher", "interaction"])
def test_a_lower_stage_is_a_fit_like_any_other(kind):
    rng = np.random.default_rng(1)
    frame = answers(150).assign(v1=rng.normal(size=150), v2=lambda d: d.v1 + 0.5 * rng.normal(size=150))
    parts = [csi.Construct(c.upper(), [f"{c}1", f"{c}2"]) for c in "qvs"]
    if kind == "higher":
        model = csi.Model([*parts, csi.Construct("QV", ["Q", "V"])], {"QV": ["S"]})
    else:
        model = csi.Model(parts, {"Q": ["S"], "V": ["S"], "Q*V": ["S"]})
    fit = csi.fit(model, frame)
    alone = csi.fit(fit.lower.model, frame)
    below = csi.bootstrap(fit.lower, 60)
    assert below.draws.paths == pytest.approx(csi.bootstrap(alone, 60).draws.paths, abs=1e-6)
    assert csi.bootstrap(fit, 60).lower.draws.paths == pytest.approx(below.draws.paths, abs=1e-9)
    assert len(csi.jackknife(fit.lower).strata) == 150
    groups = np.arange(150) % 2
    one, two = (csi.compare_groups(each, groups, draws=39).table() for each in (fit.lower, alone))
    assert one["estimate"].to_numpy() == pytest.approx(two["estimate"].to_numpy(), abs=1e-9)
