"""predict: the peers' errors from the peers' folds, repetitions that differ, units and order that change nothing."""

import numpy as np
import pandas as pd
import pytest
from conftest import model_of, square

import csi
from csi.errors import CsiWarning, EstimationError, ModelError
from csi.kernel.prediction import METHODS
from csi.structural.prediction import predict

RECORDED = {
    "pls_oos": ("", "rmse", "mae"),
    "pls_is": ("", "rmse_in_sample", "mae_in_sample"),
    "lm_all_other_items_oos": ("lm_other", "rmse", "mae"),
    "lm_all_other_items_is": ("lm_other", "rmse_in_sample", "mae_in_sample"),
    "lm_exogenous_items_oos": ("lm_exogenous", "rmse", "mae"),
}


@pytest.fixture(scope="module")
def fit(ecsi_model, twin):
    return csi.fit(ecsi_model, twin)


def simulated(n=120, seed=0):
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=(n, 1))
    value = 0.6 * quality + rng.normal(size=(n, 1))
    satisfaction = 0.5 * quality + 0.6 * value + rng.normal(size=(n, 1))
    X = np.hstack([np.repeat(each, 3, axis=1) for each in (quality, value, satisfaction)])
    return pd.DataFrame(X + 0.6 * rng.normal(size=X.shape), columns=[f"{c}{i}" for c in "qvs" for i in (1, 2, 3)])


def model(kind="<~"):
    return csi.Model.parse(
        f"Quality {kind} q1 + q2 + q3; Value {kind} v1 + v2 + v3; Satisfaction {kind} s1 + s2 + s3;"
        "Value ~ Quality; Satisfaction ~ Quality + Value"
    )


@pytest.mark.parametrize(
    ("name", "source"),
    [("mobi_ecsi_plspredict", "mobi_ecsi_modeA_path"), ("corp_rep_simple_plspredict", "corp_rep_simple")],
)
@pytest.mark.parametrize(("technique", "key"), [("direct", "reps_DA"), ("earliest", "reps_EA")])
def test_errors_equal_the_peers_from_their_recorded_folds(reference, shared, name, source, technique, key):
    frame = pd.read_csv(shared / "data" / reference(name)["dataset"]).replace(-99, np.nan)
    recorded = reference(name)[key]
    filled = frame.fillna(frame.mean())  # the peer's rule: item means of all cases, before the folds are dealt
    fit = csi.fit(model_of(reference(source)["model"]), filled, tolerance=1e-12)
    prediction = predict(fit, technique=technique, assignment=np.array([each["fold"] for each in recorded]))

    def ours(metric, method, repetition):
        values = getattr(prediction.errors, metric)[repetition, METHODS.index(method or technique)]
        return pd.Series(values[: len(prediction.items)], list(prediction.items))

    compared = 0
    for r, each in enumerate(recorded):
        for table, (method, rmse, mae) in RECORDED.items():
            if table in each:
                theirs = square(each[table])
                assert (ours(rmse, method, r) - theirs.loc["RMSE"]).abs().max() < 1e-8
                assert (ours(mae, method, r) - theirs.loc["MAE"]).abs().max() < 1e-8
                compared += 1
        assert (ours("q2", "", r) - pd.Series(each["q2_predict"])).abs().max() < 1e-8
    assert compared >= 4 * len(recorded)
    first = square(recorded[0]["pls_oos_pred_first5"])
    alone = predict(fit, technique=technique, assignment=np.array([recorded[0]["fold"]])).predictions()
    assert np.abs(alone[first.columns].to_numpy()[:5] - first.to_numpy()).max() < 1e-8


def test_tables_average_the_metric_over_the_repetitions_as_the_peer_does(reference, mobi):
    recorded = reference("mobi_ecsi_plspredict")
    fit = csi.fit(model_of(reference("mobi_ecsi_modeA_path")["model"]), mobi, tolerance=1e-12)
    prediction = predict(fit, assignment=np.array([each["fold"] for each in recorded["reps_DA"]]))
    theirs = square(recorded["mean_over_reps_DA"]["pls_oos"])
    table = prediction.table().set_index("term")
    assert (table["rmse"] - theirs.loc["RMSE"]).abs().max() < 1e-8
    assert (table["mae"] - theirs.loc["MAE"]).abs().max() < 1e-8


def test_repetitions_differ_and_a_seed_repeats_them(fit):
    """In seminr's `predict_pls(reps=)` every repetition has the same folds."""
    a, b, other = predict(fit, repetitions=3), predict(fit, repetitions=3), predict(fit, repetitions=3, seed=2)
    assert len(np.unique(a.errors.rmse[:, 0, 0])) == 3
    assert (a.assignment == b.assignment).all()
    assert np.array_equal(a.errors.rmse, b.errors.rmse, equal_nan=True)
    assert (a.errors.rmse[:, 0, 0] != other.errors.rmse[:, 0, 0]).all()
    assert (predict(fit, repetitions=1).assignment == a.assignment[:1]).all()


@pytest.mark.parametrize("kind", ["=~", "<~"])
def test_predictions_are_those_of_fits_without_the_fold(kind):
    frame, description = simulated(200), model(kind)
    if kind == "<~":
        description = csi.Model.parse(
            "Quality <~ q1 + q2 + q3; Value <~ v1 + v2 + v3; Satisfaction <~ s1 + s2 + s3;"
            "Value ~ Quality; Satisfaction ~ Quality + Value",
            composite_mode="B",
        )
    prediction = predict(csi.fit(description, frame, tolerance=1e-12), folds=4, repetitions=1)
    fold = prediction.assignment[0]
    for k in range(4):
        train, test = frame[fold != k], frame[fold == k]
        part = csi.fit(description, train, tolerance=1e-12)
        scores = ((test - train.mean()) / train.std()) @ part.weights
        predicted = (scores @ part.paths @ part.loadings.T) * train.std() + train.mean()
        got = prediction.predictions()[fold == k]
        assert np.abs(got - predicted[got.columns]).to_numpy().max() < 1e-8


def test_units_of_items_and_order_of_cases_change_nothing_else(fit, twin):
    rng = np.random.default_rng(1)
    order = rng.permutation(len(twin))
    slope, shift = rng.uniform(0.1, 10, twin.shape[1]), rng.normal(size=twin.shape[1])
    a = predict(fit, repetitions=2)
    moved = csi.fit(fit.model, (twin * slope + shift).iloc[order].reset_index(drop=True))
    b = predict(moved, assignment=a.assignment[:, order])
    assert np.abs(a.q2_predict - b.q2_predict).to_numpy().max() < 1e-7
    units = pd.Series(slope, twin.columns)[list(a.items)]
    assert np.abs(a.rmse.mul(units, axis=0) / b.rmse - 1).to_numpy().max() < 1e-7
    assert np.abs(a.scores["estimate"] - b.scores["estimate"]).max() < 1e-7


def test_the_scale_of_survey_weights_is_nothing_but_weights_count():
    frame = simulated().assign(w=np.random.default_rng(1).uniform(0.5, 2, 120))
    plain = predict(csi.fit(model(), frame), repetitions=2)
    weighted = predict(csi.fit(model(), frame, weight="w"), repetitions=2)
    scaled = predict(csi.fit(model(), frame.assign(w=3 * frame.w), weight="w"), repetitions=2)
    assert np.abs(weighted.rmse - scaled.rmse).to_numpy().max() < 1e-8
    assert np.abs(weighted.rmse - plain.rmse).to_numpy().max() > 1e-3


def test_a_good_model_is_better_than_the_means_and_worse_out_of_sample_than_in():
    prediction = predict(csi.fit(model(), simulated(400)))
    assert (prediction.q2_predict["direct"] > 0.1).all()
    assert (prediction.rmse["direct"] > prediction.rmse_in_sample["direct"]).all()
    assert prediction.scores["term"].tolist() == ["Value", "Satisfaction"]
    assert (prediction.scores["estimate"] > prediction.scores["q2_items"]).all()  # items carry their own error besides
    assert "for 6 of 6 items" in str(prediction)


def test_items_together_have_the_q2_of_their_summed_squares(fit):
    prediction = predict(fit, repetitions=2)
    for row in prediction.scores.to_dict("records"):
        items = list(fit.model.construct(row["term"]).items)
        loss, naive = (prediction.losses(m)[items].to_numpy().mean() for m in ("direct", "mean"))
        assert row["q2_items"] == pytest.approx(1 - loss / naive)


@pytest.mark.parametrize("missing", ["em", "listwise", "mean"])
def test_gaps_leave_a_case_its_known_outcomes(missing):
    frame, rng = simulated(300), np.random.default_rng(3)
    gappy = frame.mask(rng.random(frame.shape) < 0.05)
    gappy.iloc[5] = np.nan
    prediction = predict(csi.fit(model(), gappy, missing=missing), repetitions=2)
    used = gappy.notna().all(axis=1) if missing == "listwise" else gappy.notna().any(axis=1)
    expected = gappy[list(prediction.items)].isna() | ~used.to_numpy()[:, None]
    assert (prediction.losses().isna() == expected).to_numpy().all()
    assert (prediction.predictions().isna().all(axis=1) == ~used).all()
    assert (prediction.table()["n"].to_numpy() == (~expected).sum().to_numpy()).all()
    whole = predict(csi.fit(model(), frame), repetitions=2).q2_predict["direct"]
    assert np.abs(prediction.q2_predict["direct"] - whole).max() < 0.12


def test_every_fold_may_be_one_case():
    frame = simulated(40)
    prediction = predict(csi.fit(model(), frame), folds=40, repetitions=1)
    assert np.isfinite(prediction.rmse.to_numpy()).all()
    y, n = frame["s1"], len(frame)
    assert prediction.rmse.at["s1", "mean"] == pytest.approx(y.std(ddof=0) * n / (n - 1))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"folds": 1}, "from 2 to the 120 cases"),
        ({"folds": 121}, "from 2 to the 120 cases"),
        ({"repetitions": 0}, "repetitions must be at least 1"),
        ({"technique": "later"}, "'direct' or 'earliest'"),
        ({"assignment": np.zeros(120, dtype=int)}, r"shape \(120,\); it must be \(repetitions, 120\)"),
        ({"assignment": np.zeros((2, 119), dtype=int)}, r"shape \(2, 119\)"),
        ({"assignment": np.zeros((1, 120), dtype=int)}, "there is only one fold"),
        ({"assignment": np.arange(120)[None] % 2 * 2}, "in repetition 0 fold 1 is empty"),
        ({"assignment": np.vstack([np.arange(120) % 3, np.arange(120) % 2])}, "in repetition 1 fold 2 is empty"),
        ({"assignment": np.arange(120)[None] % 2 - 1}, "whole fold numbers"),
        ({"assignment": np.arange(120.0)[None] % 2}, "whole fold numbers"),
        ({"assignment": (np.arange(120) > 1)[None].astype(int)}, "a training sample has 2 cases"),
    ],
)
def test_folds_that_cannot_be_are_named(arguments, named):
    with pytest.raises(EstimationError, match=named):
        predict(csi.fit(model(), simulated()), **arguments)


def test_an_item_that_is_constant_without_a_fold_is_named():
    frame = simulated()
    frame["s2"] = 0.0
    frame.loc[:9, "s2"] = np.arange(10.0)
    fold = np.repeat(np.arange(12), 10)[None]
    with pytest.raises(
        EstimationError, match="without fold 0 of repetition 0 cannot be estimated: item 's2' is constant"
    ):
        predict(csi.fit(model(), frame), assignment=fold)


def test_a_factor_without_a_common_part_is_named():
    rng = np.random.default_rng(1)
    common, apart = rng.normal(size=100), 2 * rng.normal(size=100)
    frame = pd.DataFrame({"q1": common + apart, "q2": common - apart, "s1": common + 9 * rng.normal(size=100)})
    frame.loc[:9, ["q1", "q2", "s1"]] += 15  # these ten alone make the two items agree
    description = csi.Model.parse("Quality =~ q1 + q2; Satisfaction <~ s1; Satisfaction ~ Quality")
    with pytest.raises(EstimationError, match="common factor 'Quality' have no common part"):
        predict(csi.fit(description, frame), assignment=np.repeat(np.arange(10), 10)[None])


def test_a_model_of_several_stages_is_refused():
    description = csi.Model(
        [
            csi.Construct("Core", ["q1", "q2"]),
            csi.Construct("Service", ["q3", "v1"]),
            csi.Construct("Quality", ["Core", "Service"]),
            csi.Construct("Satisfaction", ["s1", "s2"]),
        ],
        {"Quality": ["Satisfaction"]},
    )
    with pytest.raises(
        ModelError,
        match=r"the higher-order construct 'Quality'\. Fit the first stage \(.*csi.fit\(fit.lower.model, data\)",
    ):
        predict(csi.fit(description, simulated()))


def test_training_samples_that_do_not_settle_are_counted():
    with pytest.warns(CsiWarning, match="do not|not settle|still change"):
        fit = csi.fit(model(), simulated(), max_iterations=2)
    with pytest.warns(CsiWarning, match="in 20 of 20 training samples"):
        prediction = predict(fit, repetitions=2)
    assert prediction.failed["not converged"] == 20
    assert "20 not converged" in str(prediction)
