"""Higher-order constructs and interactions: stages that follow from moments alone."""

import numpy as np
import pandas as pd
import pytest
from conftest import square

import csi
from csi.model.stages import stages_of

ORDERS = ("two_stage", "embedded", "repeated")


def matrix_of(case):
    names = [c["name"] for c in case["model"]["constructs"]]
    table = pd.DataFrame(0.0, names, names)
    for path in case["path_coef"]:
        table.loc[path["from"], path["to"]] = path["value"]
    return table


def asked(case, **options):
    """The model of a recorded case without the interaction constructs that the peer adds."""
    constructs = [csi.Construct(c["name"], c["items"]) for c in case["model"]["constructs"] if "*" not in c["name"]]
    paths = {}
    for path in case["model"]["paths"]:
        paths.setdefault(path["from"], []).append(path["to"])
    return csi.Model(constructs, paths, **options)


@pytest.fixture(scope="module")
def quality():
    """Two dimensions of quality, an image that moderates, and satisfaction, on 1-10."""
    rng = np.random.default_rng(4)
    n = 400
    image, core = rng.normal(size=n), rng.normal(size=n)
    service = 0.5 * core + rng.normal(size=n)
    satisfaction = 0.5 * core + 0.4 * service + 0.3 * image + 0.25 * image * core + rng.normal(size=n)
    named = {"i": image, "c": core, "v": service, "s": satisfaction}
    columns = {
        f"{k}{j}": np.clip(5.5 + 1.2 * x + 0.6 * rng.normal(size=n), 1, 10) for k, x in named.items() for j in (1, 2, 3)
    }
    return pd.DataFrame(columns).assign(age=rng.integers(18, 80, n).astype(float))


PARTS = [
    csi.Construct("Image", ["i1", "i2", "i3"]),
    csi.Construct("Core", ["c1", "c2", "c3"]),
    csi.Construct("Service", ["v1", "v2", "v3"]),
    csi.Construct("Satisfaction", ["s1", "s2", "s3"]),
]
WHOLE = [*PARTS, csi.Construct("Quality", ["Core", "Service"])]
PATHS = {"Image": ["Quality", "Satisfaction"], "Quality": ["Satisfaction"]}


class TestHigherOrder:
    def test_two_stages_equal_the_peer(self, reference, mobi):
        case = reference("mobi_ecsi_hoc_modeA")
        fit = csi.fit(asked(case), mobi, tolerance=1e-12)
        paths = matrix_of(case).loc[list(fit.model.names), list(fit.model.names)]
        assert np.abs(fit.paths - paths).max().max() < 1e-8
        for stage, recorded in ((fit, case), (fit.lower, case["stage1"])):
            weights = square(recorded["outer_weights"])
            own = stage.weights.reindex(weights.index).reindex(columns=weights.columns)
            assert np.nanmax(np.abs(own - weights)) < 1e-8
            assert own.notna().any(axis=1).sum() == len(stage.model.items)

    @pytest.mark.parametrize("order", ORDERS)
    def test_every_stage_stands_on_moments_alone(self, quality, order):
        """Scores of the cases have the very correlations that the moments implied, stage by stage."""
        fit = csi.fit(csi.Model(WHOLE, PATHS, higher_order=order), quality, scale=(1, 10))
        assert np.abs(fit.scores.corr() - fit.construct_correlations).max().max() < 1e-10
        assert set(PATHS) <= set(fit.model.names)

    @pytest.mark.parametrize("order", ORDERS)
    def test_the_index_of_a_construct_of_constructs_is_on_the_ruler_of_its_items(self, quality, order):
        fit = csi.fit(csi.Model(WHOLE, PATHS, higher_order=order), quality, scale=(1, 10))
        levels = fit.values("index")
        assert np.allclose(fit.index_scores.mean(), levels[list(fit.model.names)], atol=1e-10)
        shifted = csi.fit(csi.Model(WHOLE, PATHS, higher_order=order), quality + 0.9, scale=(1, 10))
        assert np.allclose(shifted.values("index") - levels, 10, atol=1e-9)  # 0.9 of 9 scale points are 10 in 100

    @pytest.mark.parametrize("order", ORDERS)
    def test_scores_where_answers_are_missing(self, quality, order):
        holed = quality.mask(np.random.default_rng(1).random(quality.shape) < 0.05)
        fit = csi.fit(csi.Model(WHOLE, PATHS, higher_order=order), holed, scale=(1, 10))
        whole = csi.fit(csi.Model(WHOLE, PATHS, higher_order=order), quality, scale=(1, 10))
        assert fit.scores.notna().all().all()
        assert np.corrcoef(fit.scores["Quality"], whole.scores["Quality"])[0, 1] > 0.97
        assert np.allclose(fit.index_scores.mean(), fit.values("index"), atol=0.3)

    def test_spaces_in_the_name_of_an_interaction_do_not_matter(self):
        paths = {"Image": ["Satisfaction"], "Core": ["Satisfaction"], "Image * Core": ["Satisfaction"]}
        assert list(csi.Model([PARTS[0], PARTS[1], PARTS[3]], paths).products) == ["Image*Core"]

    def test_replicates_repeat_every_stage(self, quality):
        """A replicate with a row drawn twice equals a fit of the data with that row twice."""
        from csi.structural.replication import replicate

        model = csi.Model(WHOLE, PATHS)
        fit = csi.fit(model, quality, tolerance=1e-12)
        W = np.ones((1, len(quality)))
        W[0, :5] = 2
        batch, problem = replicate(fit, W)
        again = csi.fit(model, pd.concat([quality, quality[:5]]), tolerance=1e-12)
        assert problem.tolist() == [""]
        assert np.abs(batch.estimates.paths[0] - again.estimates.paths[0]).max() < 1e-10

    def test_both_stages_have_intervals_from_the_same_resamples(self, quality):
        boot = csi.bootstrap(csi.fit(csi.Model(WHOLE, PATHS), quality), 300)
        assert boot.paths["std_error"].gt(0).all()
        assert boot.lower.loadings["term"].tolist()[:3] == ["i1", "i2", "i3"]
        assert len(boot.lower) == len(boot)

    def test_a_third_order(self, quality):
        constructs = [*WHOLE, csi.Construct("All", ["Quality", "Image"])]
        stages = stages_of(csi.Model(constructs, {"All": ["Satisfaction"]}))
        assert [stage.model.names for stage in stages] == [
            ("Image", "Core", "Service", "Satisfaction"),
            ("Image", "Satisfaction", "Quality"),
            ("Satisfaction", "All"),
        ]
        fit = csi.fit(csi.Model(constructs, {"All": ["Satisfaction"]}), quality)
        assert fit.paths.at["All", "Satisfaction"] > 0.5

    @pytest.mark.parametrize(
        ("constructs", "paths", "message"),
        [
            (WHOLE, {"Core": ["Satisfaction"], **PATHS}, "cannot have paths of its own"),
            ([*PARTS, csi.Construct("Quality", ["Core", "v9"])], PATHS, "mixes items"),
            (
                [*PARTS[:3], PARTS[3], csi.Construct("Quality", ["Core", "Service"], kind="factor")],
                PATHS,
                "common factor",
            ),
        ],
    )
    def test_faults(self, constructs, paths, message):
        with pytest.raises(csi.CsiError, match=message):
            csi.Model(constructs, paths)


class TestServqual:
    """Five dimensions of service quality (Parasuraman, Zeithaml & Berry 1988) that form it with weights of their own."""

    WEIGHTS = pd.Series(
        {"Tangibles": 0.1, "Reliability": 0.4, "Responsiveness": 0.25, "Assurance": 0.15, "Empathy": 0.3}
    )
    PATH = 0.6  # from service quality to satisfaction, both as composites

    @pytest.fixture
    def answers(self):
        """Four items a dimension; dimensions correlate 0.4; scores of unit variance are sums of the items, without error."""
        rng = np.random.default_rng(1988)
        n, names = 4000, list(self.WEIGHTS.index)
        shared = np.linalg.cholesky(0.4 + 0.6 * np.eye(5))
        items = (rng.normal(size=(n, 5)) @ shared.T)[:, :, None] + 0.8 * self.centred(rng.normal(size=(n, 5, 4)))
        dimensions = items.mean(axis=2)
        quality = dimensions @ self.WEIGHTS / np.sqrt(self.WEIGHTS @ shared @ shared.T @ self.WEIGHTS)
        satisfaction = self.PATH * quality + np.sqrt(1 - self.PATH**2) * rng.normal(size=n)
        asked = satisfaction[:, None] + 0.5 * self.centred(rng.normal(size=(n, 3)))
        columns = {f"{name}{j + 1}": items[:, k, j] for k, name in enumerate(names) for j in range(4)}
        frame = pd.DataFrame(columns | {f"s{j + 1}": asked[:, j] for j in range(3)})
        return 6 + frame  # on 1-10, about

    @staticmethod
    def centred(noise):
        """Noise of the items that cancels in their sum."""
        return noise - noise.mean(axis=-1, keepdims=True)

    @staticmethod
    def model(mode):
        dimensions = [csi.Construct(name, [f"{name}{j}" for j in (1, 2, 3, 4)]) for name in TestServqual.WEIGHTS.index]
        quality = csi.Construct("Quality", [c.name for c in dimensions], mode=mode)
        satisfaction = csi.Construct("Satisfaction", ["s1", "s2", "s3"])
        return csi.Model([*dimensions, quality, satisfaction], {"Quality": ["Satisfaction"]})

    def test_weights_of_the_dimensions_and_the_path_are_recovered(self, answers):
        fit = csi.fit(self.model("B"), answers, scale=(1, 10))
        boot = csi.bootstrap(fit, 200)
        table = boot.weights.set_index("term").loc[list(self.WEIGHTS.index)]
        truth = self.WEIGHTS / np.sqrt(self.WEIGHTS @ (0.4 + 0.6 * np.eye(5)) @ self.WEIGHTS)
        assert (np.abs(table["estimate"] - truth) < 4 * table["std_error"]).all()
        assert table["std_error"].max() < 0.05
        path = boot.paths.iloc[0]
        assert abs(path["estimate"] - self.PATH) < 4 * path["std_error"] < 0.06

    def test_the_dimensions_are_measured_by_their_own_items(self, answers):
        lower = csi.fit(self.model("B"), answers).lower
        assert lower.model.names == (*self.WEIGHTS.index, "Satisfaction")
        for name in self.WEIGHTS.index:
            own = answers[[f"{name}{j}" for j in (1, 2, 3, 4)]].mean(axis=1)
            assert np.corrcoef(own, lower.scores[name])[0, 1] > 0.98

    def test_the_index_of_quality_is_the_weighted_mean_of_its_dimensions(self, answers):
        fit = csi.fit(self.model("B"), answers, scale=(1, 10))
        u, _ = fit.unit_weights()
        of_dimensions = fit.lower.values("index")[list(self.WEIGHTS.index)]
        assert fit.values("index")["Quality"] == pytest.approx(u[:5] @ of_dimensions, abs=1e-8)
        assert np.abs(u[:5] - self.WEIGHTS / self.WEIGHTS.sum()).max() < 0.05

    def test_correlation_weights_order_the_dimensions_but_level_them(self, answers):
        """Mode A weights what each dimension shares with satisfaction, which correlated dimensions share alike."""
        weights = csi.fit(self.model("A"), answers).weights.loc[list(self.WEIGHTS.index), "Quality"]
        assert weights.rank().tolist() == self.WEIGHTS.rank().tolist()
        assert np.ptp(weights / weights.sum()) < np.ptp(self.WEIGHTS / self.WEIGHTS.sum())


class TestInteractions:
    @pytest.mark.parametrize(
        ("name", "how"),
        [("mobi_interaction_two_stage", "two_stage"), ("mobi_interaction_product_indicator", "product")],
    )
    def test_equal_to_the_peer(self, reference, mobi, name, how):
        """The peer's interaction scores are not standardised: its coefficients are ours per standard deviation of the product."""
        case = reference(name)
        fit = csi.fit(asked(case, interactions=how), mobi, tolerance=1e-12)
        paths = matrix_of(case)["Satisfaction"]
        for term in ("Image", "Expectation", "Value"):
            assert abs(fit.paths.at[term, "Satisfaction"] - paths[term]) < 1e-8
        assert abs(fit.r_squared["Satisfaction"] - case["r2"]["Satisfaction"]) < 1e-8
        for term in fit.origin.model.products:
            block = fit.layout.slices[fit.model.names.index(term)]
            # product indicator: the peer takes the mean of the products' SDs, weighted by their loadings
            weight = np.abs(fit.estimates.loadings[0, block])
            sd = (fit.moments.sd[0, block] * weight).sum() / weight.sum()
            assert abs(fit.paths.at[term, "Satisfaction"] / sd - paths[term]) < 1e-8

    def test_standard_deviations_of_products_equal_the_peer(self, reference, mobi):
        case = reference("mobi_interaction_two_stage")
        fit = csi.fit(asked(case), mobi, tolerance=1e-12)
        recorded = [case["interaction_item_sd"][f"{term}_intxn"] for term in fit.origin.model.products]
        assert np.abs(fit.moments.sd[0, -2:] - recorded).max() < 1e-8

    @pytest.mark.parametrize("how", ["two_stage", "product", "orthogonal"])
    def test_moments_and_cases_tell_the_same(self, quality, how):
        model = csi.Model(PARTS, {"Image": ["Satisfaction"], "Core": ["Satisfaction"], "Service": ["Satisfaction"],
                                  "Image*Core": ["Satisfaction"]}, interactions=how)  # fmt: skip
        fit = csi.fit(model, quality)
        assert np.abs(fit.scores.corr() - fit.construct_correlations).max().max() < 1e-10
        assert 0.1 < fit.paths.at["Image*Core", "Satisfaction"] < 0.3

    def test_the_product_of_scores_is_what_it_says(self, quality):
        paths = {"Image": ["Satisfaction"], "Core": ["Satisfaction"], "Image*Core": ["Satisfaction"]}
        fit = csi.fit(csi.Model([PARTS[0], PARTS[1], PARTS[3]], paths), quality)
        lower = fit.lower.scores
        product = lower["Image"] * lower["Core"]
        assert np.corrcoef(product, fit.scores["Image*Core"])[0, 1] == pytest.approx(1, abs=1e-12)
        assert product.std() == pytest.approx(fit.moments.sd[0, -1], abs=1e-10)

    def test_orthogonal_products_know_nothing_of_their_items(self, quality):
        paths = {"Image": ["Satisfaction"], "Core": ["Satisfaction"], "Image*Core": ["Satisfaction"]}
        fit = csi.fit(csi.Model([PARTS[0], PARTS[1], PARTS[3]], paths, interactions="orthogonal"), quality)
        assert np.abs(fit.construct_correlations.loc["Image*Core", ["Image", "Core"]]).max() < 1e-10

    def test_a_quadratic_term(self, quality):
        paths = {"Core": ["Satisfaction"], "Core*Core": ["Satisfaction"]}
        fit = csi.fit(csi.Model([PARTS[1], PARTS[3]], paths), quality)
        score = fit.lower.scores["Core"]
        assert np.corrcoef(score**2, fit.scores["Core*Core"])[0, 1] == pytest.approx(1, abs=1e-12)

    def test_a_quadratic_term_is_planted_and_found(self):
        rng = np.random.default_rng(2)
        x = rng.normal(size=3000)
        y = 0.4 * x + 0.3 * x**2 + rng.normal(size=3000)
        frame = pd.DataFrame({"x": x, "y": y})
        model = csi.Model([csi.Construct("X", ["x"]), csi.Construct("Y", ["y"])], {"X": ["Y"], "X*X": ["Y"]})
        fit = csi.fit(model, frame)
        raw = fit.paths.at["X*X", "Y"] / fit.moments.sd[0, -1] * frame["y"].std() / frame["x"].var()
        assert raw == pytest.approx(np.polyfit(x, y, 2)[0], abs=1e-10)

    def test_a_construct_of_constructs_may_moderate(self, quality):
        paths = {**PATHS, "Image*Quality": ["Satisfaction"]}
        fit = csi.fit(csi.Model(WHOLE, paths), quality, scale=(1, 10))
        assert len(fit.origin.stages) == 3
        assert np.abs(fit.scores.corr() - fit.construct_correlations).max().max() < 1e-10

    def test_gaps_in_products(self, quality):
        """A product is missing where either factor is; EM treats it as one more variable (von Hippel 2009)."""
        holed = quality.mask(np.random.default_rng(1).random(quality.shape) < 0.03)
        paths = {"Image": ["Satisfaction"], "Core": ["Satisfaction"], "Image*Core": ["Satisfaction"]}
        model = csi.Model([PARTS[0], PARTS[1], PARTS[3]], paths)
        whole, part = csi.fit(model, quality), csi.fit(model, holed)
        assert np.abs(whole.paths - part.paths).max().max() < 0.08

    @pytest.mark.parametrize(
        ("paths", "message"),
        [
            ({"Image": ["Satisfaction"], "Image*Core": ["Satisfaction"]}, "'Core' has no path to it"),
            ({"Image": ["Satisfaction"], "Image*Cor": ["Satisfaction"]}, "names 'Cor'"),
        ],
    )
    def test_faults(self, paths, message):
        with pytest.raises(csi.CsiError, match=message):
            csi.Model([PARTS[0], PARTS[1], PARTS[3]], {**paths, "Core": ["Image"]})


class TestControlsAndFixedWeights:
    def test_a_control_is_held_constant(self, quality):
        with_age = quality.assign(s1=quality.s1 + 0.05 * quality.age)
        model = csi.Model([PARTS[1], PARTS[3]], {"Core": ["Satisfaction"]}, controls={"Satisfaction": ["age"]})
        fit = csi.fit(model, with_age, scale=(1, 10))
        assert fit.model.construct("age").kind == "observed"
        assert fit.paths.at["age", "Satisfaction"] > 0.1
        assert 0 < fit.values("index")["Satisfaction"] < 120  # a control needs no scale ends

    def test_sum_scores(self, quality):
        constructs = [csi.Construct("Core", ["c1", "c2", "c3"], mode="unit"), PARTS[3]]
        fit = csi.fit(csi.Model(constructs, {"Core": ["Satisfaction"]}), quality)
        total = ((quality - quality.mean()) / quality.std())[["c1", "c2", "c3"]].sum(axis=1)
        assert np.corrcoef(total, fit.scores["Core"])[0, 1] == pytest.approx(1, abs=1e-12)

    def test_anchored_weights_measure_another_wave_on_the_same_ruler(self, quality):
        model = csi.Model([PARTS[1], PARTS[3]], {"Core": ["Satisfaction"]})
        first = csi.fit(model, quality, scale=(1, 10))
        wave = quality[:200] * 1.1
        second = csi.fit(first.anchored(), wave, scale=(1, 10))
        u, _ = first.unit_weights()
        level = (u[:3] * 100 * (wave[["c1", "c2", "c3"]].mean() - 1) / 9).sum()
        assert second.values("index")["Core"] == pytest.approx(level, abs=1e-9)
        assert np.allclose(second.unit_weights()[0], u)
        boot = csi.bootstrap(second, 100)
        moved = boot.draws.weights[:, :3] / boot.moments.sd[:, :3]
        assert np.ptp(moved / moved[:, :1], axis=0).max() < 1e-10

    def test_a_known_reliability_of_a_single_item(self):
        rng = np.random.default_rng(3)
        x = rng.normal(size=4000)
        frame = pd.DataFrame({"x": x + 0.5 * rng.normal(size=4000), "y": 0.6 * x + 0.8 * rng.normal(size=4000)})
        constructs = [csi.Construct("X", ["x"], kind="factor", reliability=0.8), csi.Construct("Y", ["y"])]
        fit = csi.fit(csi.Model(constructs, {"X": ["Y"]}), frame)
        assert fit.paths.at["X", "Y"] == pytest.approx(frame.corr().at["x", "y"] / np.sqrt(0.8), abs=1e-12)
        assert fit.loadings.at["x", "X"] == pytest.approx(np.sqrt(0.8))
