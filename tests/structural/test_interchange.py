"""A fit as text: what comes back is the same fit, bit by bit, and says what it lacks."""

import json
import warnings
from dataclasses import fields, is_dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import csi
from csi.errors import EstimationError
from csi.kernel.buckets import BucketMoments
from csi.structural.interchange import _packed, _restored, fit_from_json

PARTS = [
    csi.Construct("Image", ["i0", "i1"], mode="B"),
    csi.Construct("Core", ["c0", "c1", "c2"]),
    csi.Construct("Service", ["v0", "v1"], weights=[0.3, 1 / 3]),
    csi.Construct("S", ["s0", "s1"]),
]
FACTORS = [
    csi.Construct("Q", ["c0", "c1", "c2"], kind="factor"),
    csi.Construct("I", ["i0"], kind="factor", reliability=0.9),
    csi.Construct("S", ["s0", "s1"], kind="factor"),
]
TO_S = {"Image": ["S"], "Core": ["S"], "Service": ["S"]}
WHOLE = [*PARTS, csi.Construct("Quality", ["Core", "Service"])]
OF_WHOLE = {"Image": ["Quality", "S"], "Quality": ["S"]}
MODERATED = {**TO_S, "Image*Core": ["S"]}
MODELS = {
    "composites": csi.Model(PARTS, TO_S, controls={"S": ["age"]}),
    "factors": csi.Model(FACTORS, {"Q": ["S"], "I": ["Q", "S"]}),
    **{order: csi.Model(WHOLE, OF_WHOLE, higher_order=order) for order in ("two_stage", "embedded", "repeated")},
    **{f"moderated, {how}": csi.Model(PARTS, MODERATED, interactions=how) for how in ("two_stage", "product", "orthogonal")},
    "both": csi.Model(WHOLE, {**OF_WHOLE, "Image*Quality": ["S"]}, controls={"S": ["age"]}),
}  # fmt: skip
DESIGN = csi.Design(
    strata="region", clusters="branch", margins={"sex": {"f": 0.5, "m": 0.5}}, bounds=(0.3, 3.0)
)  # fmt: skip


@pytest.fixture(scope="module")
def frame():
    """Answers on 1-10 with gaps, a weight, strata, clusters and a margin."""
    rng = np.random.default_rng(7)
    n = 160
    core, image = rng.normal(size=(2, n))
    service = 0.5 * core + rng.normal(size=n)
    means = {"i": image, "c": core, "v": service, "s": 0.5 * core + 0.4 * service + 0.4 * image}
    columns = {
        f"{k}{j}": np.clip(5.5 + 1.3 * x + 0.6 * rng.normal(size=n), 1, 10) for k, x in means.items() for j in range(3)
    }
    answers = pd.DataFrame(columns).mask(rng.random((n, 12)) < 0.03)
    return answers.assign(
        age=rng.integers(18, 80, n).astype(float),
        w=rng.uniform(0.5, 2, n),
        region=np.where(np.arange(n) < 70, "north", "south"),
        branch=[f"b{k}" for k in rng.integers(0, 9, n)],
        sex=np.where(rng.random(n) < 0.4, "f", "m"),
    )


def fitted(name, frame, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", csi.CsiWarning)  # what may mislead is not what is tested here
        return csi.fit(MODELS[name], frame, scale=(1, 10), **options)


def back(fit, **options):
    return fit_from_json(fit.to_json(**options))


def same(a, b):
    """Whether two records hold the same down to the bits of every number."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def properties(fit):
    """Every public property of a fit that tells something of the result."""
    told = {name: getattr(fit, name) for name, p in vars(csi.Fit).items() if isinstance(p, property)}
    return {name: value for name, value in told.items() if not is_dataclass(value)}


class TestEverythingComesBack:
    @pytest.mark.parametrize("name", MODELS)
    def test_of_every_kind_of_model(self, name, frame):
        fit = fitted(name, frame)
        again = back(fit)
        assert same(again, fit)
        assert list(again.origin.model.paths.items()) == list(fit.origin.model.paths.items())
        told, retold = properties(fit), properties(again)
        assert {"scores", "index_scores", "paths", "htmt", "overall_fit", "n"} < set(told)
        for which, value in told.items():
            assert value.equals(retold[which]) if hasattr(value, "equals") else value == retold[which], which
        assert str(again) == str(fit)

    @pytest.mark.parametrize("name", ["factors", "embedded", "moderated, orthogonal", "both"])
    def test_the_same_seed_draws_the_same(self, name, frame):
        fit = fitted(name, frame, weight="w")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", csi.CsiWarning)
            one, other = (csi.bootstrap(each, 100, seed=5) for each in (fit, back(fit)))
        assert same(other.draws, one.draws)
        assert other.paths.equals(one.paths)
        if one.lower is not None:
            assert same(other.lower.draws, one.lower.draws)

    @pytest.mark.parametrize("missing", ["em", "listwise", "mean"])
    def test_of_every_treatment_and_scheme(self, missing, frame):
        fit = fitted("composites", frame, missing=missing, scheme="centroid", tolerance=1e-9, max_iterations=77)
        again = back(fit)
        assert again.settings == fit.settings
        assert same(csi.bootstrap(again, 60).draws, csi.bootstrap(fit, 60).draws)

    def test_with_the_sampling_design(self, frame):
        """Strata, clusters, base weights, margins and bounds, without which the draws would be others."""
        fit = fitted("composites", frame, weight="w", design=DESIGN)
        again = back(fit)
        assert same(again.origin.cases.sample, fit.origin.cases.sample)
        assert again.origin.cases.sample.bounds == (0.3, 3.0)
        assert same(csi.bootstrap(again, 60).draws, csi.bootstrap(fit, 60).draws)
        simple = csi.bootstrap(fitted("composites", frame, weight="w"), 60)
        assert not same(csi.bootstrap(again, 60).draws, simple.draws)

    def test_of_a_survey_but_for_the_survey(self, frame):
        items = [{"name": i, "scale": {"low": 1, "high": 10}} for i in ("c0", "c1", "s0", "s1")]
        whole = frame[[i["name"] for i in items]].round()
        survey = csi.survey_from_frame(whole, csi.Codebook.from_dict({"items": items}))
        fit = csi.fit(csi.Model.parse("C <~ c0 + c1; S <~ s0 + s1; S ~ C"), survey)
        again = back(fit)
        assert again.cases.survey is None
        assert again.index_scores.equals(fit.index_scores)
        index = csi.satisfaction_index(fit, construct="S").table()
        assert csi.satisfaction_index(again, construct="S").table().equals(index)

    def test_of_the_lower_stage_by_itself(self, frame):
        fit = fitted("two_stage", frame).lower
        assert same(back(fit), fit)

    def test_of_summed_moments(self, frame):
        """Labels of groups, buckets and units are what such a fit is resampled by."""
        model = csi.Model.parse("C <~ c0 + c1; S <~ s0 + s1; S ~ C")
        fit = csi.fit(model, buckets_of(frame[["s1", "c0", "c1", "s0"]].dropna()), scale=(1, 10))
        again = back(fit)
        assert same(again, fit)
        assert same(csi.bootstrap(again, 60).draws, csi.bootstrap(fit, 60).draws)

    def test_twice(self, frame):
        text = fitted("both", frame).to_json()
        assert fit_from_json(text).to_json() == text

    def test_notes_travel_in_every_language(self):
        rng = np.random.default_rng(1)
        asked = ("Quality", "Satisfaction")
        book = csi.Codebook.from_dict(
            {"items": [{"name": c, "construct": c, "scale": {"low": 0, "high": 9}} for c in asked]}
        )
        fit = csi.fit(
            csi.ecsi(book), csi.survey_from_frame(pd.DataFrame(rng.integers(0, 10, (30, 2)), columns=asked), book)
        )
        assert back(fit).origin.model.notes == fit.origin.model.notes != ()

    @given(
        arrays.arrays(
            st.sampled_from([np.float64, np.intp, np.bool_]),
            arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4),
        )
    )
    def test_any_array(self, array):
        text = json.dumps(_packed(array), allow_nan=False)
        found = _restored(json.loads(text))
        assert found.dtype == array.dtype
        assert found.shape == array.shape
        number = ~np.isnan(array) if array.dtype.kind == "f" else np.ones(array.shape, dtype=bool)
        assert found[number].tobytes() == array[number].tobytes()  # the sign of zero too
        assert (found[~number] != found[~number]).all()


def buckets_of(X):
    """Sums of answers over ten buckets, as an engine would give them."""
    bucket, centre = np.arange(len(X)) % 10, np.full(X.shape[1], 5.0)
    D = X.to_numpy() - centre
    cells = [D[bucket == k] for k in range(10)]
    counts = np.array([len(d) for d in cells])
    place = np.arange(10)
    return BucketMoments(
        items=tuple(X.columns),
        groups=(("north", 2026, None),),
        strata=((),),
        group=0 * place,
        stratum=0 * place,
        bucket=place,
        n=counts,
        weight=counts.astype(float),
        first=np.array([d.sum(axis=0) for d in cells]),
        second=np.array([d.T @ d for d in cells]),
        centre=centre,
        units=counts[None, :],
        n_missing=3,
    )


class TestWithoutTheCases:
    @pytest.mark.parametrize("name", ["composites", "both"])
    def test_it_says_what_follows_from_the_moments(self, name, frame):
        fit = fitted(name, frame)
        again = back(fit, cases=False)
        for which in (
            "paths",
            "weights",
            "loadings",
            "reliability",
            "htmt",
            "effects_in_points",
            "overall_fit",
            "f_squared",
        ):
            assert getattr(again, which).equals(getattr(fit, which)), which
        assert again.values("index").equals(fit.values("index"))
        assert again.n == fit.n
        assert "without cases" in str(again)
        if fit.lower is not None:
            assert again.lower.paths.equals(fit.lower.paths)

    @pytest.mark.parametrize(
        "wanted", [lambda f: f.scores, lambda f: f.index_scores, lambda f: csi.bootstrap(f, 20), csi.jackknife]
    )
    @pytest.mark.parametrize("name", ["composites", "both"])
    def test_it_says_what_it_lacks(self, wanted, name, frame):
        again = back(fitted(name, frame), cases=False)
        with pytest.raises(EstimationError, match=r"needs? the answers of the cases"):
            wanted(again)

    def test_points_of_new_answers_need_no_old_ones(self, frame):
        fit = fitted("composites", frame)
        X = frame[list(fit.model.items)].to_numpy()[:3]
        assert back(fit, cases=False).points_of(X).equals(fit.points_of(X))

    def test_nothing_of_a_respondent_is_written(self, frame):
        fit = fitted("both", frame, weight="w", design=DESIGN)
        table = json.loads(fit.to_json(cases=False))
        assert table["cases"]["rows"] is None
        assert table["buckets"] is None
        arrays_written = []

        def walk(value):
            if isinstance(value, dict) and "array" in value:
                arrays_written.append(value["shape"])
            elif isinstance(value, dict | list):
                for each in value.values() if isinstance(value, dict) else value:
                    walk(each)

        walk(table)
        assert len(arrays_written) > 20
        assert (
            max(max(shape, default=0) for shape in arrays_written) < len(frame) / 3
        )  # sides are items, products, constructs

    def test_nor_the_sums_of_small_groups(self, frame):
        model = csi.Model.parse("C <~ c0 + c1; S <~ s0 + s1; S ~ C")
        fit = csi.fit(model, buckets_of(frame[["c0", "c1", "s0", "s1"]].dropna()))
        again = back(fit, cases=False)
        assert again.origin.buckets is None
        assert again.paths.equals(fit.paths)
        with pytest.raises(EstimationError, match=r"needs? the answers of the cases"):
            csi.bootstrap(again, 20)


class TestTheText:
    def test_is_json_that_every_program_reads(self, frame):
        def refuse(constant):
            raise AssertionError(f"{constant} is not JSON")

        table = json.loads(fitted("factors", frame).to_json(), parse_constant=refuse)
        assert (table["format"], table["version"]) == ("csi.fit", 1)

    @pytest.mark.parametrize("text", ["", "{", "a fit", '{"format": "csi.fit", "version": 1'])
    def test_no_json(self, text):
        with pytest.raises(EstimationError, match=r"no JSON.*Fit\.to_json wrote, all of it"):
            fit_from_json(text)

    @pytest.mark.parametrize("text", ["{}", "[]", "3", '{"format": "other"}'])
    def test_json_of_something_else(self, text):
        with pytest.raises(EstimationError, match="is no fit"):
            fit_from_json(text)

    @pytest.mark.parametrize("version", [0, 2, None, "1"])
    def test_another_version(self, version):
        with pytest.raises(EstimationError, match=f"version {version!r} of its form, and this package reads version 1"):
            fit_from_json(json.dumps({"format": "csi.fit", "version": version}))

    @pytest.mark.parametrize(
        "damage",
        [
            lambda t: t.pop("moments"),
            lambda t: t["settings"].update(colour="red"),
            lambda t: t["stages"].clear(),
            lambda t: t["stages"].append(t["stages"][0]),
            lambda t: t["cases"]["items"].pop(),
            lambda t: t["cases"]["rows"]["X"]["values"].pop(),
            lambda t: t["cases"]["rows"]["weights"].update(shape=[3], values=[1, 1, 1]),
            lambda t: t["stages"][0]["estimates"]["weights"].update(shape=[1, 1], values=[1]),
            lambda t: t["stages"][0]["estimates"].pop("paths"),
            lambda t: t["moments"]["mean"].update(array="text"),
        ],
    )
    def test_damaged(self, damage, frame):
        table = json.loads(fitted("composites", frame).to_json())
        damage(table)
        with pytest.raises(EstimationError, match="the text is not as it was written"):
            fit_from_json(json.dumps(table))

    def test_labels_that_json_does_not_have(self, frame):
        import dataclasses

        sums = dataclasses.replace(buckets_of(frame[["c0", "c1", "s0", "s1"]].dropna()), groups=((pd.Timestamp(0),),))
        fit = csi.fit(csi.Model.parse("C <~ c0 + c1; S <~ s0 + s1; S ~ C"), sums)
        with pytest.raises(EstimationError, match=r"Timestamp.*must be texts or numbers"):
            fit.to_json()
