"""read_study and run_quarter: one file says it all; what the data do not allow is left out and said."""

import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest

import csi
from csi.errors import CsiWarning, EstimationError, LinkError, ModelError, StudyError, SurveyError

SURVEYS = Path(__file__).resolve().parent.parent / "surveys"


@pytest.fixture(scope="module")
def simulated(small_study):
    return small_study


@pytest.fixture(scope="module")
def quarter(small_quarter):
    return small_quarter


def run(study, wave=None, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        return csi.run_quarter(study, wave, **options)


def edited(simulated, tmp_path, *changes):
    """A copy of the study file with some texts replaced; its data stay where they are."""
    text = simulated.read_text("utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = tmp_path / "study.toml"
    path.write_text(text, "utf-8")
    return path, simulated.parent / "data"


def without_margins(text):
    """The study file without its own [margins]."""
    return re.sub(r"\[margins\]\n.*?\n\n", "", text, flags=re.DOTALL)


class TestQuarter:
    def test_holds_every_noun_of_the_wave(self, quarter):
        assert quarter.survey.wave == "2026Q3"
        assert quarter.trend.rows["level"].tolist() == ["2025Q4", "2026Q1", "2026Q2", "2026Q3"]
        assert [index.by for index in quarter.segments] == ["brand", "tier", "tenure_band", "region"]
        assert quarter.care.treated > 0
        assert not quarter.absent
        assert quarter.overlap == 0  # nobody was asked twice

    def test_says_its_headline(self, quarter):
        low, high = quarter.index.interval
        assert f"Satisfaction index {quarter.index.value:.1f} ({low:.1f} to {high:.1f})" in str(quarter)
        assert f"{quarter.care.treated} customers on the care list" in str(quarter)

    def test_weights_to_the_customer_base_repair_who_answers(self, simulated, quarter):
        """Long-standing customers answer more often; the margins are counted on the base of each wave."""
        base = pd.read_parquet(simulated.parent / "data" / "customers_2026Q3.parquet")
        survey = quarter.survey
        for segment in ("brand", "tenure_band", "region"):
            share = base[segment].value_counts(normalize=True)
            weighted = (
                pd.Series(survey.weights).groupby(survey.respondents[segment].to_numpy()).sum() / survey.weights.sum()
            )
            assert (weighted - share).abs().max() < 1e-6
        assert survey.weights.std() > 0.05

    @pytest.mark.filterwarnings("ignore::csi.errors.CsiWarning")
    def test_margins_need_the_base_they_are_counted_on(self, simulated, tmp_path):
        path, data = edited(simulated, tmp_path, ('customers_{wave}.parquet"\nby', 'nobody_{wave}.parquet"\nby'))
        with pytest.raises(StudyError, match=r"counted on 'nobody_2026Q3.parquet' for wave '2026Q3', which is not in"):
            csi.read_study(path, data_dir=data).judged()
        path, data = edited(simulated, tmp_path, ('by = ["brand", "tenure_band", "region"]', "by = []"))
        with pytest.raises(StudyError, match="name at least one segment"):
            csi.read_study(path, data_dir=data)

    def test_an_earlier_wave_sees_no_later_one(self, simulated):
        quarter = run(csi.read_study(simulated), "2025Q4")
        assert quarter.survey.wave == "2025Q4"
        assert quarter.trend is None
        assert quarter.absent["trend"] == "absent.one_wave"

    def test_is_the_same_every_time(self, simulated, quarter):
        again = run(csi.read_study(simulated))
        assert again.index.rows.equals(quarter.index.rows)
        assert again.care.table().equals(quarter.care.table())

    def test_tells_its_steps(self, simulated):
        steps = []
        run(csi.read_study(simulated), "2025Q4", progress=steps.append)
        assert steps[0] == "read and fit 2025Q4"
        assert steps[-2:] == ["find who is dissatisfied without having been asked", "draw the care list"]
        assert len(steps) == len(set(steps))

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            (("[risk]\nbelow = 60", ""), "absent.no_risk"),
            (("[risk]\nbelow = 60", "[risk]\nbelow = 3"), "absent.too_few_dissatisfied"),
            (('key = "customer_id"\ndate = "answered_on"', 'date = "answered_on"'), "absent.no_key"),
        ],
    )
    def test_what_cannot_be_done_is_left_out_with_its_reason(self, simulated, tmp_path, change, code):
        path, data = edited(simulated, tmp_path, change)
        quarter = run(csi.read_study(path, data_dir=data), "2025Q4")
        assert quarter.absent["care"] == code
        assert quarter.care is None
        assert "no care list" in str(quarter)


class TestFaults:
    def fails(self, simulated, tmp_path, change, message, error=StudyError):
        path, data = edited(simulated, tmp_path, change)
        with pytest.raises(error, match=message) as caught:
            csi.read_study(path, data_dir=data)
        assert "study.toml" in str(caught.value)

    def test_unknown_section(self, simulated, tmp_path):
        self.fails(simulated, tmp_path, ("[care]", "[cares]"), r"unknown section \[cares\].*Did you mean 'care'")

    def test_unknown_field(self, simulated, tmp_path):
        self.fails(
            simulated,
            tmp_path,
            ("capacity =", "capasity ="),
            r"\[care\]: unknown field 'capasity'.*Did you mean 'capacity'",
        )

    def test_unknown_preset(self, simulated, tmp_path):
        self.fails(simulated, tmp_path, ('"mobile_csi"', '"mobil_csi"'), "Did you mean 'mobile_csi'", ModelError)

    def test_unknown_target(self, simulated, tmp_path):
        self.fails(simulated, tmp_path, ('target = "Satisfaction"', 'target = "Happiness"'), "is not in the model")

    def test_scale_end_missing(self, simulated, tmp_path):
        self.fails(simulated, tmp_path, ("high = 10\n", "\n"), "no high end of its scale", SurveyError)

    @pytest.mark.parametrize("field", ["do_not_disturb", "consent"])
    def test_protections_are_never_taken_for_granted(self, simulated, tmp_path, field):
        self.fails(simulated, tmp_path, (f'\n{field} = "{field}"', ""), f'{field}.*"not recorded"')

    def test_waves_of_one_name_or_of_a_path(self, simulated, tmp_path):
        self.fails(simulated, tmp_path, ('name = "2026Q1"', 'name = "2025Q4"'), "wave '2025Q4' is defined 2 times")
        self.fails(simulated, tmp_path, ('name = "2026Q1"', 'name = "../2026Q1"'), "cannot be a wave's name")

    def test_two_waves_of_one_file(self, simulated, tmp_path):
        path, data = edited(simulated, tmp_path, ("answers_2026Q1.csv", "answers_2025Q4.csv"))
        with pytest.raises(StudyError, match=r"waves '2025Q4' and '2026Q1' hold the same answers"):
            run(csi.read_study(path, data_dir=data), "2026Q1")

    def test_an_impossible_cut(self, simulated, tmp_path):
        self.fails(simulated, tmp_path, ("below = 60", "below = 600"), "above 0 and at most 100")

    def test_who_counts_as_dissatisfied_by_an_item_that_is_not_asked(self, simulated, tmp_path):
        said = r"\[risk\]: item = 'SATI9' is not in the codebook.*Did you mean 'SATI4'"
        self.fails(simulated, tmp_path, ("below = 60", 'item = "SATI9"\nat_most = 4'), said)

    @pytest.mark.filterwarnings("ignore::csi.errors.CsiWarning")
    def test_a_protection_that_is_not_recorded_is_found_before_anything_is_learnt(self, simulated, tmp_path):
        path, data = edited(simulated, tmp_path, ('consent = "consent"', 'consent = "permission"'))
        study = csi.read_study(path, data_dir=data)
        with pytest.raises(LinkError, match=r"no column 'permission', which is named as consent in \[behaviour\]"):
            study.link(study.read(), study.behaviour)

    def test_not_toml(self, tmp_path):
        (tmp_path / "study.toml").write_text("[study", "utf-8")
        with pytest.raises(StudyError, match="not a readable TOML file"):
            csi.read_study(tmp_path)

    def test_no_such_file(self, tmp_path):
        with pytest.raises(StudyError, match="no such study file"):
            csi.read_study(tmp_path / "gone.toml")

    def test_data_that_are_not_there_say_where_to_get_them(self, tmp_path):
        study = csi.read_study(SURVEYS / "mobi", data_dir=tmp_path)
        with pytest.raises(StudyError, match=r"mobi.csv.*--data-dir.*Where to get it.*semPLS"):
            csi.run_quarter(study)

    def test_unknown_wave(self, simulated):
        with pytest.raises(StudyError, match=r"no wave '2026Q4'. Its waves are 2025Q4.*Did you mean"):
            csi.run_quarter(csi.read_study(simulated), "2026Q4")

    def test_a_behaviour_table_that_is_not_there(self, simulated, tmp_path):
        path, data = edited(simulated, tmp_path, ('table = "customers_{wave}', 'table = "clients_{wave}'))
        with pytest.raises(
            StudyError, match=r"\[behaviour\] needs 'clients_2025Q4.parquet' for wave '2025Q4'.*--data-dir"
        ):
            run(csi.read_study(path, data_dir=data), "2025Q4")

    @pytest.mark.parametrize(
        ("syntax", "message"),
        [
            ("Quality <~ PERQ1; Satisfaction <~ CUSA1; Satisfaction ~ Quality; Quality ~ Satisfaction", "in a circle"),
            (
                "Quality <~ PERQ9; Satisfaction <~ CUSA1; Satisfaction ~ Quality",
                "names item 'PERQ9'.*Did you mean 'PERQ7'",
            ),
        ],
        ids=["circle", "item not asked"],
    )
    def test_a_model_that_cannot_be_names_the_file(self, tmp_path, syntax, message):
        text = (SURVEYS / "mobi" / "study.toml").read_text("utf-8")
        (tmp_path / "study.toml").write_text(text.replace('preset = "ecsi"', f"syntax = '{syntax}'"), "utf-8")
        with pytest.raises(ModelError, match=rf"study.toml, \[model\]: .*{message}"):
            csi.read_study(tmp_path)

    def test_a_constant_item_names_the_file(self, simulated, tmp_path):
        data = tmp_path / "data"
        data.mkdir()
        answers = pd.read_csv(simulated.parent / "data" / "answers_2025Q4.csv", dtype=str).assign(QUAL2="7")
        answers.to_csv(data / "answers_2025Q4.csv", index=False)
        shutil.copy(simulated.parent / "data" / "customers_2025Q4.parquet", data)
        with pytest.raises(
            EstimationError, match=r"answers_2025Q4.csv: item 'QUAL2' is constant: all \d+ answers are 7"
        ):
            run(csi.read_study(simulated, data_dir=data), "2025Q4")


class TestRealStudies:
    """Three real surveys run from committed study files; the data are the user's own."""

    def run(self, shared, name, folder=None):
        return run(csi.read_study(SURVEYS / name, data_dir=shared / "data" / (folder or name)))

    def test_acsi_index_per_industry_equals_the_mean_of_its_items_within_a_point(self, shared):
        quarter = self.run(shared, "acsi2015")
        rows = quarter.segments[0].rows.set_index("level")
        answers = (quarter.survey.answers[["SATIS", "CONFIRM", "IDEAL"]] - 1) / 9 * 100
        for industry, mean in {"1001": 77.2, "3003": 68.4, "3013": 60.9}.items():
            row = rows.loc[industry]
            assert abs(row["estimate"] - mean) < 1
            plain = answers[(quarter.survey.segment("industry") == industry).to_numpy()].mean(axis=1).dropna()
            width = 2 * 1.96 * plain.std() / len(plain) ** 0.5
            assert row["ci_high"] - row["ci_low"] == pytest.approx(width, rel=0.15)
        assert set(quarter.survey.refused_cells["value"]) == {"101.0"}  # the undocumented code

    def test_mobi(self, shared):
        quarter = self.run(shared, "mobi", ".")
        assert quarter.index.value == pytest.approx(72.4541179309094, abs=1e-4)
        assert quarter.absent.keys() == {"trend", "change", "segments", "care"}

    def test_a_score_that_leaks_is_followed_through_and_has_no_price(self, shared):
        quarter = self.run(shared, "telco_ibm_extended")
        assert quarter.linked.match_rate == 1
        assert quarter.signature.indicator == "Satisfaction"  # a single item has no drivers, so no weakest indicator
        assert quarter.risk.accuracy.base_rate == pytest.approx(0.2045, abs=5e-4)
        assert quarter.risk.accuracy.auc > 0.8
        assert set(quarter.leakage.rows["proof"]) == {"undated"}
        assert quarter.rules.rules
        assert quarter.care.treated == 300
        assert quarter.worth is None

    def test_telecom_answers_are_linked_and_cared_for(self, shared):
        quarter = self.run(shared, "telecom_cn_voice")
        assert quarter.linked.match_rate == 1
        assert quarter.risk.accuracy.base_rate == pytest.approx(0.1345, abs=5e-4)
        assert quarter.risk.accuracy.auc > 0.67
        assert quarter.care.treated == 200
        assert [note.code for note in quarter.care.notes] == [
            "care.do_not_disturb_not_recorded",
            "care.consent_not_recorded",
        ]
        assert quarter.fit.model.notes


class TestReading:
    @pytest.mark.filterwarnings("ignore::csi.CsiWarning")  # some answers are refused
    def test_a_wave_is_named_or_is_the_last(self, simulated):
        study = csi.read_study(simulated)
        assert study.read().wave == "2026Q3"
        for named in ("2026Q1", study.wave("2026Q1")):
            assert study.read(named).wave == "2026Q1"
        with pytest.raises(StudyError, match="no wave '2027'"):
            study.read("2027")

    def test_loads_no_engine_and_no_classifier_without_behaviour(self):
        """They take longer to import than a small survey takes to analyse."""
        code = (
            f"import sys, csi; csi.read_study({str(SURVEYS / 'mobi')!r}); "
            "print([m for m in ('ibis', 'sqlglot', 'duckdb', 'sklearn', 'matplotlib') if m in sys.modules])"
        )
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert out.stdout.strip() == "[]"


def test_study_files_hold_definitions_only():
    for path in SURVEYS.rglob("*"):
        assert path.is_dir() or path.suffix in {".toml", ".md"}, path


def test_the_data_folder_may_hold_one_folder_a_study(simulated, tmp_path):
    shutil.copytree(simulated.parent / "data", tmp_path / "mobile")
    study = csi.read_study(simulated, data_dir=tmp_path)
    assert study.table()["found"].all()


@pytest.mark.filterwarnings("ignore::csi.errors.CsiWarning")
class TestAnswersBeforeTheFit:
    """What a study file says of answer quality, margins and keys takes effect in every wave that is fitted."""

    def changed(self, simulated, tmp_path, **sections):
        text = without_margins(simulated.read_text("utf-8"))
        for name, lines in sections.items():
            text = (
                text.replace("[codebook]\n", f"[codebook]\n{lines}\n", 1)
                if name == "codebook"
                else f"{text}\n[{name}]\n{lines}\n"
            )
        path = tmp_path / "study.toml"
        path.write_text(text, "utf-8")
        return csi.read_study(path, data_dir=simulated.parent / "data")

    def test_nobody_is_left_out_unless_the_study_says_so(self, simulated):
        study = csi.read_study(simulated)
        survey, quality, excluded = study.judged()
        assert len(excluded) == 0
        assert len(survey) == len(quality.respondents)

    def test_those_whom_the_rules_exclude_are_left_out_and_kept_with_their_reasons(self, simulated, tmp_path):
        study = self.changed(simulated, tmp_path, quality='exclude = ["erratic", "outlier"]')
        survey, quality, excluded = study.judged()
        assert 0 < len(excluded) == len(quality.respondents) - len(survey)
        assert len(survey.excluded) == len(excluded)
        assert survey.excluded["reasons"].str.contains("erratic|outlier").all()

    def test_answers_are_weighted_to_margins(self, simulated, tmp_path):
        study = self.changed(
            simulated, tmp_path, margins='brand.premium = "50%"\nbrand.youth = "25%"\nbrand.prepaid = "25%"'
        )
        survey, _, _ = study.judged()
        shares = survey.respondents.groupby("brand")["weight"].sum() / survey.weights.sum()
        assert shares["premium"] == pytest.approx(0.5)
        assert survey.design.margins

    def test_margins_may_stand_in_a_file(self, simulated, tmp_path):
        (tmp_path / "m.csv").write_text(
            "margin,level,share\nbrand,premium,50%\nbrand,youth,25%\nbrand,prepaid,25%\n", "utf-8"
        )
        study = self.changed(simulated, tmp_path, margins='file = "m.csv"')
        assert study.margins["brand"]["premium"] == 0.5

    def test_the_report_says_what_was_weighted_rescaled_and_left_out(self, simulated, tmp_path):
        from csi.report.facts import facts
        from csi.report.labels import Labels

        other = 'scales = { "2026Q2" = { low = 0, high = 10 } }\n'
        path = tmp_path / "study.toml"
        text = without_margins(simulated.read_text("utf-8")).replace('name = "IMAG1"\n', f'name = "IMAG1"\n{other}')
        text += "\n[margins]\nbrand.premium = 1\nbrand.youth = 1\nbrand.prepaid = 1\n"
        text += '[quality]\nexclude = ["erratic", "outlier"]\n'
        path.write_text(text.replace("draws = 1000", "draws = 100"), "utf-8")
        quarter = run(csi.read_study(path, data_dir=simulated.parent / "data"))
        for language, words in (
            ("en", ("1 questions", "design effect", "left out")),
            ("zh", ("有1题", "设计效应", "剔除")),
        ):
            said = facts(quarter, Labels(language, quarter.study.codebook))
            sentences = (said["rescaled"], said["weighted"], said["excluded"])
            assert all(word in sentence for word, sentence in zip(words, sentences, strict=True)), sentences

    def test_keys_can_be_read_under_other_names(self, simulated, tmp_path, monkeypatch):
        monkeypatch.setenv("CSI_KEY", "a secret of sixteen characters or more")
        plain = csi.read_study(simulated).read().respondents["key"]
        hidden = self.changed(simulated, tmp_path, codebook="pseudonymise = true").read().respondents["key"]
        assert hidden.str.fullmatch("[0-9a-f]{32}").all()
        assert not set(hidden) & set(plain)
        assert hidden.is_unique
