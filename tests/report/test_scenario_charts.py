"""Charts of scenarios and plans say what the tables say, in both languages."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import csi

BOOK = csi.Codebook.from_dict(
    {
        "scale": {"low": 1, "high": 10},
        "items": [
            {"name": "q1", "construct": "Quality",
             "wording": {"en": "Waiting time in the outlet", "zh": "营业厅等候时间可以接受"}},
            {"name": "q2", "construct": "Quality", "wording": {"en": "Questions are answered", "zh": "疑问得到解答"}},
            {"name": "s1", "construct": "Satisfaction", "wording": {"en": "Satisfied overall", "zh": "总体满意"}},
        ],
        "segments": [{"name": "shop", "column": "shop", "wording": {"en": "Shop", "zh": "门店"},
                      "levels": {"north": {"en": "North", "zh": "北区"}}}],
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def boot():
    rng = np.random.default_rng(0)
    true = rng.normal(size=(300, 1))
    answers = np.clip(np.rint(7 + 1.3 * true + rng.normal(size=(300, 3))), 1, 10)
    frame = pd.DataFrame(answers, columns=["q1", "q2", "s1"]).assign(shop="north")
    return csi.bootstrap(csi.fit(csi.ecsi(BOOK), csi.survey_from_frame(frame, BOOK, wave="now")), 200)


def words_of(ax):
    return " ".join(text.get_text().replace("\n", "") for text in ax.findobj(Text))


class TestScenario:
    @pytest.mark.parametrize(
        ("language", "name", "item"), [("en", "Perceived quality", "Questions"), ("zh", "感知质量", "疑问")]
    )
    def test_it_shows_every_construct_and_what_is_changed(self, boot, language, name, item):
        scenario = csi.what_if(boot.fit, {"q2": 9.0}, boot=boot)
        words = words_of(csi.plot_scenario(scenario, language=language))
        row = scenario.rows.set_index("term").loc["Quality"]
        for text in (name, item, f"{row['estimate']:+.1f} [{row['ci_low']:+.1f}, {row['ci_high']:+.1f}]", "+9.00"):
            assert text in words

    def test_the_marks_stand_at_the_levels(self, boot):
        scenario = csi.what_if(boot.fit, {"s1": 0.5}, boot=boot)
        ax = csi.plot_scenario(scenario)
        before, after = (container.lines[0] for container in ax.containers)
        assert before.get_xdata().tolist() == scenario.rows["before"].tolist()
        # Only satisfaction moves; quality stands once. Shapes differ, so that colour is not needed.
        assert after.get_xdata().tolist() == scenario.rows.loc[scenario.rows["estimate"] != 0, "after"].tolist()
        assert before.get_marker() != after.get_marker()

    def test_a_segment_is_named_and_no_interval_is_needed(self, boot):
        scenario = csi.what_if(boot.fit, {"q1": 0.5}, segment=("shop", "north"))
        words = words_of(csi.plot_scenario(scenario, language="zh", codebook=BOOK))
        assert "北区" in words
        assert "nan" not in words


class TestPlan:
    @pytest.mark.parametrize(("language", "promise"), [("en", "with 80 % confidence"), ("zh", "把握度80%")])
    def test_it_shows_rises_means_and_costs(self, boot, language, promise):
        plan = csi.reach(boot.fit, 3.0, boot=boot, step=0.1)
        words = words_of(csi.plot_plan(plan, language=language))
        assert promise in words
        for row in plan.rows.itertuples():
            assert f"{row.before:.2f} → {row.after:.2f}" in words

    def test_bars_are_as_long_as_the_rises(self, boot):
        plan = csi.reach(boot.fit, 3.0, boot=boot, step=0.1)
        bars = [bar.get_width() for bar in csi.plot_plan(plan).patches]
        assert np.allclose(sorted(bars), sorted([*plan.rows["estimate"], *(plan.rows["bound"] - plan.rows["before"])]))

    def test_the_end_of_the_budget_is_said(self, boot):
        plan = csi.reach(boot.fit, 3.0, boot=boot, budget=0.1)
        assert "The budget ends before 3 points" in words_of(csi.plot_plan(plan))

    def test_it_draws_into_the_axes_given(self, boot):
        own = Figure().add_subplot()
        assert csi.plot_plan(csi.reach(boot.fit, 3.0, boot=boot), own) is own
