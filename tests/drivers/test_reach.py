"""Reach: the cheapest plan there is, at the confidence that was asked, or a plain word why there is none."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from conftest import model_of, small_answers
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import csi
from csi.drivers.effects import effects_of_items
from csi.errors import CsiWarning, EstimationError, ModelError
from csi.kernel.improvement import Aim, Levers, cheapest, most

FREE = 1e9  # points of room: nothing ends


@pytest.fixture(scope="module")
def boot(golden, twin):
    fit = csi.fit(model_of(golden["cases"]["mobi_ecsi_modeA_path"]["model"]), twin, scale=(1, 10))
    return csi.bootstrap(fit, 500)


@pytest.fixture(scope="module")
def fit(boot):
    return boot.fit


def drawn(rng, draws, m, wild):
    """Gains of m indicators in draws, normal around their means or skewed."""
    mean = rng.uniform(0.3, 3, m)
    if wild:
        return mean * rng.lognormal(0, 0.5, (draws, m))
    return mean + rng.normal(size=(draws, m)) @ (0.4 * rng.normal(size=(m, m)))


def vertices(gain, cost, upper, target):
    """Lowest cost of a linear programme with one constraint: all but one indicator stand at an end."""
    best = np.inf
    for free in range(len(gain)):
        for ends in product((0.0, 1.0), repeat=len(gain) - 1):
            x = np.insert(np.array(ends), free, 0.0) * upper
            x[free] = np.clip((target - gain @ x) / gain[free], 0, upper[free])
            if gain @ x >= target - 1e-12:
                best = min(best, cost @ x)
    return best


class TestAgainstBruteForce:
    @given(seed=st.integers(0, 10_000), m=st.integers(1, 5), share=st.floats(0.1, 0.99))
    @settings(max_examples=40, deadline=None)
    def test_a_linear_plan_on_the_estimate(self, seed, m, share):
        rng = np.random.default_rng(seed)
        gain, cost, upper = rng.uniform(0.1, 3, m), rng.uniform(0.5, 3, m), rng.uniform(0.2, 2, m)
        target = share * float(gain @ upper)
        plan = cheapest(Aim(gain[None], np.array([FREE]), 0.5), Levers(cost, upper), target)
        assert cost @ plan == pytest.approx(vertices(gain, cost, upper, target), rel=1e-6)
        assert gain @ plan == pytest.approx(target, abs=1e-10)

    @given(seed=st.integers(0, 10_000), m=st.integers(1, 4), draws=st.sampled_from([1, 40, 300]), wild=st.booleans())
    @settings(max_examples=15, deadline=None)
    def test_a_plan_in_steps(self, seed, m, draws, wild):
        rng = np.random.default_rng(seed)
        gain, cost, upper = drawn(rng, draws, m, wild), rng.choice([1.0, 1.5, 2.0], m), rng.uniform(0.3, 1.3, m)
        aim, levers = Aim(gain, np.full(draws, FREE), 0.2), Levers(cost, upper, np.full(m, 0.25))
        grid = 0.25 * np.array(list(product(*(range(int(n) + 1) for n in levers.counts))))
        attained = aim.attained(grid)
        assert aim.attained(most(aim, levers, np.inf)) == pytest.approx(attained.max(), abs=1e-8)
        target = rng.uniform(0.3, 0.95) * attained.max()
        if target > 0:
            plan = cheapest(aim, levers, target)
            assert aim.attained(plan) >= target - 1e-9
            assert cost @ plan == pytest.approx((grid[attained >= target] @ cost).min())

    def test_steps_too_many_to_try_them_all(self):
        """7 indicators in up to 4 steps: 78,125 plans, of which no cheaper one attains the target."""
        rng = np.random.default_rng(7)
        gain, cost, upper = drawn(rng, 100, 7, wild=False), rng.choice([1.0, 1.5, 2.0], 7), np.ones(7)
        aim, levers = Aim(gain, np.full(100, FREE), 0.2), Levers(cost, upper, np.full(7, 0.25))
        assert not levers.are_few
        target = 0.5 * float(aim.attained(most(aim, levers, np.inf)))
        plan = cheapest(aim, levers, target)
        grid = 0.25 * np.indices([5] * 7).reshape(7, -1).T
        cheaper = grid[grid @ cost < cost @ plan - 1e-9]
        assert aim.attained(cheaper).max() < target <= aim.attained(plan)

    def test_a_linear_plan_with_confidence(self):
        """Of 11 draws, 2 may fail at 80 %: every choice of the 9 others is a linear programme."""
        found = []
        for seed in range(6):
            rng = np.random.default_rng(seed)
            gain, cost, upper = drawn(rng, 11, 3, wild=seed % 2), rng.uniform(0.5, 3, 3), rng.uniform(0.3, 2, 3)
            aim, levers = Aim(gain, np.full(11, FREE), 0.2), Levers(cost, upper)
            target = 0.6 * float(aim.attained(most(aim, levers, np.inf)))
            plan = cheapest(aim, levers, target)
            assert aim.attained(plan) == pytest.approx(target, abs=1e-10)
            held = [gain[list(rows)] for rows in combinations(range(11), 9)]
            ends = list(zip(np.zeros(3), upper, strict=True))
            runs = [linprog(cost, A_ub=-rows, b_ub=np.full(9, -target), bounds=ends) for rows in held]
            found.append(cost @ plan / min(run.fun for run in runs if run.status == 0))
        assert min(found) > 1 - 1e-9
        assert np.mean(np.array(found) < 1 + 1e-6) > 0.8  # what is left over is a search, and no proof
        assert max(found) < 1.1

    def test_room_ends_what_a_draw_can_reach(self):
        """In a tenth of the draws the target lies beyond 100, whatever is done: the other draws have to make up for them."""
        rng = np.random.default_rng(0)
        gain, room = drawn(rng, 300, 3, wild=False), np.where(np.arange(300) % 10, FREE, 0.5)
        levers = Levers(np.ones(3), np.full(3, 3.0))
        free, short = (Aim(gain, each, 0.2) for each in (np.full(300, FREE), room))
        costs = [levers.cost @ cheapest(aim, levers, 2.0) for aim in (free, short)]
        assert costs[1] > costs[0]
        assert short.attained(cheapest(short, levers, 2.0)) == pytest.approx(2.0, abs=1e-9)
        assert cheapest(Aim(gain, np.full(300, 1.9), 0.2), levers, 2.0) is None


class TestPlansFedToWhatIf:
    @pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95])
    @pytest.mark.parametrize("construct", ["Satisfaction", "Loyalty"])
    def test_a_linear_plan_hits_the_quantile(self, boot, fit, construct, confidence):
        bounds = dict.fromkeys(fit.model.items, 8.8)
        plan = csi.reach(fit, 2.0, construct, boot=boot, confidence=confidence, bounds=bounds, alternatives=1)
        for number in plan.plans["plan"]:
            scenario = csi.what_if(fit, plan.changes_of(number), boot=boot)
            assert scenario.at_least(construct, confidence) == pytest.approx(2.0, abs=1e-8)
        names = scenario.rows["term"].tolist()
        success = (plan.scenario.draws[:, names.index(construct)] >= 2.0 - 1e-9).mean()
        assert success == pytest.approx(confidence, abs=1 / len(boot))

    @pytest.mark.parametrize("confidence", [None, 0.8])
    def test_a_plan_in_steps_reaches_or_exceeds_it(self, boot, fit, confidence):
        plan = csi.reach(fit, 2.0, boot=boot, confidence=confidence, step=0.1, alternatives=0)
        steps = np.array(list(plan.changes.values())) / 0.1
        assert np.allclose(steps, np.round(steps), atol=1e-9)
        scenario = csi.what_if(fit, plan.changes, boot=boot)
        value = scenario.rows.set_index("term").at["Satisfaction", "estimate"]
        assert (value if confidence is None else scenario.at_least("Satisfaction", confidence)) >= 2.0 - 1e-9

    def test_a_plan_on_the_estimate_succeeds_about_half_the_time(self, boot, fit):
        plan = csi.reach(fit, 2.0, boot=boot, confidence=None)
        rows = plan.scenario.rows
        assert rows.set_index("term").at["Satisfaction", "estimate"] == pytest.approx(2.0, abs=1e-9)
        success = (plan.scenario.draws[:, rows["term"].tolist().index("Satisfaction")] >= 2.0).mean()
        assert 0.35 < success < 0.65

    def test_without_a_bootstrap_one_is_made(self, fit):
        plan = csi.reach(fit, 2.0, alternatives=0)
        again = csi.reach(fit, 2.0, boot=csi.bootstrap(fit), alternatives=0)
        assert plan.changes == again.changes


class TestPlans:
    def test_the_best_value_for_money_goes_first(self, fit):
        """On the estimate: points per cost in falling order, each to its bound, the last one as far as needed."""
        bounds = dict.fromkeys(fit.model.items, 8.3)
        cost = {item: 1.0 + 0.1 * i for i, item in enumerate(fit.model.items)}
        items = [item for name in ("Image", "Quality", "Expectation") for item in fit.model.construct(name).items]
        plan = csi.reach(fit, 3.0, items=items, bounds=bounds, cost={i: cost[i] for i in items}, confidence=None)
        gain = dict(zip(fit.origin.cases.items, effects_of_items(fit, "Satisfaction")[0], strict=True))
        means = dict(zip(fit.origin.cases.items, fit.moments.mean[0], strict=True))
        left, total = 3.0, 0.0
        for item in sorted(items, key=lambda i: -gain[i] / cost[i]):
            rise = min(max(8.3 - means[item], 0), left / gain[item])
            left, total = left - gain[item] * rise, total + cost[item] * rise
        assert left == pytest.approx(0, abs=1e-12)
        assert plan.plans.at[0, "total_cost"] == pytest.approx(total, abs=1e-7)
        assert plan.proven

    def test_more_confidence_costs_more(self, boot, fit):
        plans = [csi.reach(fit, 2.0, boot=boot, confidence=c, alternatives=0) for c in (None, 0.7, 0.9)]
        costs = [plan.plans.at[0, "total_cost"] for plan in plans]
        assert costs == sorted(costs)
        assert costs[0] < costs[-1]

    def test_alternatives_do_without_an_indicator_and_cost_a_little_more(self, boot, fit):
        plans = csi.reach(fit, 4.0, boot=boot, bounds=dict.fromkeys(fit.model.items, 8.6)).plans
        assert 2 <= len(plans) <= 4
        assert plans["items"].is_unique
        assert plans["total_cost"].is_monotonic_increasing
        assert plans["total_cost"].max() <= 1.25 * plans["total_cost"].min()
        assert np.allclose(plans["attained"], 4.0, atol=1e-8)

    def test_bounds_hold_and_the_targets_own_items_are_left_alone(self, boot, fit):
        plan = csi.reach(fit, 4.0, boot=boot, bounds=dict.fromkeys(fit.model.items, 8.6))
        assert (plan.rows["after"] <= 8.6 + 1e-9).all()
        assert not set(plan.rows["construct"]) & {"Satisfaction", "Loyalty", "Complaints"}
        assert csi.reach(fit, 1.0, boot=boot, items=["CUSA1"]).changes.keys() == {"CUSA1"}

    def test_what_the_rises_bring_adds_up(self, boot, fit):
        plan = csi.reach(fit, 4.0, boot=boot, bounds=dict.fromkeys(fit.model.items, 8.6))
        best = plan.rows[plan.rows["plan"] == 1]
        assert best["brings"].sum() == pytest.approx(plan.plans.at[0, "expected"])
        assert best["cost"].sum() == pytest.approx(plan.plans.at[0, "total_cost"])
        assert (best["brings_low"] < best["brings"]).all()

    def test_a_budget_that_does_not_suffice_buys_the_most_it_can(self, boot, fit):
        whole = csi.reach(fit, 2.0, boot=boot)
        plan = csi.reach(fit, 2.0, boot=boot, budget=whole.plans.at[0, "total_cost"] / 2)
        assert not plan.reached
        assert plan.plans.at[0, "attained"] == pytest.approx(1.0, rel=0.02)  # half the money, one cheapest indicator
        assert "beyond the budget" in str(plan)
        same = csi.reach(fit, boot=boot, budget=whole.plans.at[0, "total_cost"] / 2)
        assert same.reached
        assert same.changes == plan.changes
        assert csi.reach(fit, 2.0, boot=boot, budget=100.0).changes == whole.changes

    def test_an_indicator_that_brings_nothing_is_never_raised(self):
        rng = np.random.default_rng(1)
        frame = small_answers(rng, 300).assign(turned=lambda d: -0.4 * d["a1"] + rng.normal(size=300))
        model = csi.Model.parse("A <~ a1 + a2 + turned; B <~ b1 + b2; B ~ A")
        fit = csi.fit(model, frame, scale=(-10, 10))
        assert fit.weights.at["turned", "A"] < 0
        assert "turned" not in csi.reach(fit, 5.0, "B", confidence=None).changes


class TestBadInput:
    def test_a_target_below_today(self, fit):
        with pytest.raises(
            EstimationError, match=r"not above today's level: 'Satisfaction' has 72\.5 points.*To reach 80"
        ):
            csi.reach(fit, -1.0)

    def test_a_target_beyond_the_scale(self, fit):
        with pytest.raises(EstimationError, match=r"beyond the scale.*at most \+27\.5"):
            csi.reach(fit, 40.0)

    def test_a_target_beyond_the_bounds_says_the_most(self, boot, fit):
        bounds = dict.fromkeys(fit.model.items, 8.0)
        with pytest.raises(
            EstimationError, match=r"cannot be reached within these bounds with confidence 80%; the most is"
        ) as e:
            csi.reach(fit, 10.0, boot=boot, bounds=bounds)
        most_of = float(str(e.value).partition("the most is ")[2].split(". ")[0])
        plan = csi.reach(fit, most_of - 0.01, boot=boot, bounds=bounds, alternatives=0)
        assert plan.reached
        with pytest.raises(EstimationError, match="cannot be reached"):
            csi.reach(fit, most_of + 0.01, boot=boot, bounds=bounds)

    def test_nothing_can_rise(self, fit):
        with pytest.raises(EstimationError, match="no indicator that raises 'Satisfaction' can rise"):
            csi.reach(fit, budget=1.0, bounds=dict.fromkeys(fit.model.items, 2.0), confidence=None)

    def test_conditions_that_cannot_be(self, fit):
        refused = {
            "it is at least 0.5": {"confidence": 0.3},
            "buys nothing": {"budget": 0.0},
            "the cost of item 'IMAG1' is -1": {"cost": -1.0},
            "the step of item 'IMAG1' is 0": {"step": 0.0},
            "has no step": {"step": {"IMAG1": 0.1}},
            "its scale ends at 10": {"bounds": {"IMAG1": 11.0}},
        }
        for message, how in refused.items():
            with pytest.raises(EstimationError, match=message):
                csi.reach(fit, 1.0, **({"confidence": None} | how))
        with pytest.raises(EstimationError, match="a target, a budget, or both"):
            csi.reach(fit)

    def test_names_that_are_not_there(self, fit):
        for how in ({"items": ["IMAG"]}, {"bounds": {"IMAG": 9.0}}, {"cost": {"IMAG": 2.0}}):
            with pytest.raises(ModelError, match="'IMAG'"):
                csi.reach(fit, 1.0, confidence=None, **how)
        with pytest.raises(ModelError, match="Did you mean 'Satisfaction'"):
            csi.reach(fit, 1.0, "Satisfied")
        with pytest.raises(ModelError, match="nothing leads to 'Image'"):
            csi.reach(fit, 1.0, "Image", confidence=None)

    def test_one_cost_for_scales_of_different_lengths(self, twin, ecsi_model):
        ends = {item: (1, 10) for item in ecsi_model.items} | {"IMAG1": (0, 20)}
        fit = csi.fit(ecsi_model, twin, scale=ends)
        with pytest.warns(CsiWarning, match="scales of different lengths"):
            csi.reach(fit, 1.0, confidence=None)

    def test_a_bootstrap_of_another_fit(self, boot, twin, ecsi_model):
        with pytest.raises(EstimationError, match="another fit"):
            csi.reach(csi.fit(ecsi_model, twin, scale=(1, 10)), 1.0, boot=boot)


def test_the_table_is_tidy(boot, fit):
    plan = csi.reach(fit, 2.0, boot=boot)
    table = plan.table()
    assert table.columns[:7].tolist() == ["term", "estimate", "std_error", "ci_low", "ci_high", "p_value", "n"]
    assert isinstance(table, pd.DataFrame)
    assert table is not plan.rows
    assert len(str(plan).splitlines()) <= 12
