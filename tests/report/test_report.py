"""The report: complete in both languages, safe against its own data, readable without any installed font."""

import re
import warnings

import pytest
from fontTools.ttLib import TTFont
from matplotlib.figure import Figure

import csi
from csi.display import signed
from csi.errors import CsiError, CsiWarning, ReportError
from csi.report.html import quarterly_report, render
from csi.report.labels import Labels
from csi.report.tables import finding_rows, indicator_rows, priority_rows
from csi.report.theme import font_path
from csi.report.webfont import embedded_font
from csi.words import WORDS, say


@pytest.fixture(scope="module")
def study(small_study):
    return csi.read_study(small_study)


@pytest.fixture(scope="module")
def quarter(small_quarter):
    return small_quarter


@pytest.fixture(scope="module", params=["en", "zh"])
def page(request, quarter):
    return request.param, render(quarter, request.param)


def characters():
    with TTFont(font_path()) as font:
        return set(font.getBestCmap())


def visible(page):
    return re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.S)


class TestPage:
    def test_every_section_is_there(self, page):
        language, html = page
        for section in (
            "trend",
            "change",
            "segments",
            "model",
            "priority",
            "indicators",
            "trust",
            "signature",
            "worth",
            "alerts",
            "care_section",
        ):
            assert f"<h2>{say(f'report.{section}', language)}</h2>" in html
        assert html.count("<img") == 8

    def test_says_synthetic(self, page):
        assert say("report.synthetic", page[0]) in page[1]

    def test_headline_numbers_are_those_of_the_quarter(self, page, quarter):
        text = visible(page[1])
        assert f"{quarter.index.value:.1f}" in text
        assert f"{quarter.care.treated:,}" in text
        weakest = quarter.priority.weakest["term"]
        assert quarter.study.codebook.item(weakest).wording.text(page[0], "") in text

    def test_holds_no_customer(self, page, quarter):
        assert not re.search(r"C\d{7}", page[1])
        assert not set(quarter.care.table()["key"]) & set(re.findall(r"\w+", visible(page[1])))

    def test_asks_for_nothing_but_itself(self, page):
        sources = re.findall(r'(?:src|srcset|href)="([^"]{0,30})|url\("([^"]{0,20})', page[1])
        assert sources
        assert all(next(filter(None, s)).startswith("data:") for s in sources)

    def test_its_font_has_every_character_it_shows(self, page):
        known = characters()
        assert not {c for c in visible(page[1]) if c.isprintable() and not c.isspace() and ord(c) not in known}

    def test_leaves_no_field_unfilled(self, page):
        assert not re.search(r"\{\w+\}|nan|None|@@", visible(page[1]))

    def test_pictures_are_described(self, page):
        assert all(alt.strip() for alt in re.findall(r'alt="([^"]*)"', page[1]))


def test_respondents_and_study_texts_cannot_write_html(quarter):
    from dataclasses import replace

    from csi.survey.codebook import Wording

    evil = "<script>alert(1)</script>"
    about = replace(quarter.study.about, title=Wording(en=evil, zh=evil))
    html = render(replace(quarter, study=replace(quarter.study, about=about)), "en")
    assert evil not in html
    assert "&lt;script&gt;" in html


def test_without_data_a_section_is_one_sentence(study):
    from dataclasses import replace

    bare = replace(study, behaviour=None, margins={}, codebook=replace(study.codebook, segments=()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CsiWarning)
        quarter = csi.run_quarter(bare, "2025Q4")
    for language in ("en", "zh"):
        html = render(quarter, language)
        for code in ("absent.no_behaviour", "absent.one_wave", "absent.no_segments"):
            assert say(code, language) in html.replace("&#39;", "'")
        assert html.count("<img") == 3


def test_files_and_their_protection(quarter, tmp_path):
    report = quarterly_report(quarter, tmp_path / "new" / "folder", language="zh")
    assert [path.name for path in report.paths] == [
        "report_zh.html",
        "care_list.csv",
        "warnings.csv",
        "refused_cells.csv",
    ]
    assert all(path.stat().st_mode & 0o077 == 0 for path in report.paths[1:])
    assert "report_zh.html" in str(report)


def test_unknown_language(quarter, tmp_path):
    with pytest.raises(ReportError, match="'en', 'zh'"):
        quarterly_report(quarter, tmp_path, language="de")
    assert not list(tmp_path.iterdir())
    with pytest.raises(CsiError, match="not for 'de'"):
        say("report.trend", "de")


class TestTables:
    def test_indicators_follow_their_construct_and_kpis_what_they_belong_to(self, quarter):
        rows = indicator_rows(quarter, Labels("en", quarter.study.codebook))
        assert [row.kind for row in rows[:3]] == ["index", "item", "item"]
        assert rows[0].name == "Customer satisfaction"
        assert rows[0].target == "78"
        names = [row.name for row in rows]
        place = names.index("Requests and problems are dealt with fast")
        assert names[place + 1 : place + 3] == ["Queueing in outlets", "Hotline answered within 20 s"]
        assert rows[place + 1].level.endswith(" min")
        assert len(rows) == 7 + 20 + 4

    def test_priorities_are_numbered_from_the_most_urgent(self, quarter):
        rows = priority_rows(quarter, Labels("zh", quarter.study.codebook))
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))
        assert [row.urgent for row in rows] == sorted((row.urgent for row in rows), reverse=True)

    def test_findings_show_only_what_did_not_pass(self, quarter):
        rows = finding_rows(quarter.assessment, Labels("zh", quarter.study.codebook))
        assert all(row.verdict in {"note", "fail"} and row.advice for row in rows)

    def test_differences_carry_a_real_minus(self):
        assert signed(-2.34) == "−2.3"


class TestCharts:
    """Any missing glyph is a warning of matplotlib, and warnings are errors here."""

    @pytest.mark.parametrize("language", ["en", "zh"])
    def test_draw_on_their_own_or_on_given_axes(self, quarter, language):
        book = quarter.study.codebook
        for own in (True, False):
            ax = (lambda: None) if own else (lambda: Figure().add_subplot())
            drawn = [
                csi.plot_index_trend(quarter.trend, ax(), language, codebook=book),
                csi.plot_segments(quarter.segments, ax(), language, codebook=book, whole=75.0),
                csi.plot_path_diagram(quarter.fit, ax(), language, boot=quarter.boot),
                csi.plot_path_diagram(quarter.fit, ax(), language, vertical=True),
                csi.plot_priority_map(quarter.priority, ax(), language, codebook=book),
                csi.plot_priority_map(quarter.priority, ax(), language, kind="construct", codebook=book),
            ]
            for axes in drawn:
                axes.get_figure().draw_without_rendering()

    def test_money_is_not_mathematics(self, quarter):
        from dataclasses import replace

        from csi.survey.codebook import Segment, Wording

        levels = {level: Wording(en="$50 to $100_{") for level in ("premium", "youth", "prepaid")}
        book = replace(quarter.study.codebook, segments=(Segment("brand", "brand", levels=levels),))
        ax = csi.plot_segments(quarter.segments[:1], codebook=book)
        ax.get_figure().draw_without_rendering()
        assert "$50 to $100_{" in ax.get_yticklabels()[0].get_text()

    def test_characters_that_would_be_boxes_are_named(self, quarter):
        from csi.report import theme

        with pytest.warns(CsiWarning, match="no font at hand can draw '鄠'"):
            theme._warn_of_boxes("满意 鄠")

    def test_names_stay_inside_the_picture(self, quarter):
        ax = csi.plot_index_trend(quarter.trend, None, "zh", codebook=quarter.study.codebook)
        figure = ax.get_figure()
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
        assert box.x0 >= -0.01
        assert box.x1 <= figure.get_figwidth() + 0.01


def test_the_embedded_font_holds_what_is_asked_and_little_more():
    uri = embedded_font("满意度 85%")
    assert uri.startswith("data:font/woff2;base64,")
    assert len(uri) < 10_000


def test_the_shipped_font_has_every_word_of_the_package():
    known = characters()
    for code, texts in WORDS.items():
        missing = {c for text in texts for c in text if c != "\n" and ord(c) not in known}
        assert not missing, f"{code}: {missing}"


def test_warnings_of_a_few_customers_are_not_counted(quarter):
    """A reader must not learn who is meant from a count of one."""
    from dataclasses import replace

    few = dict.fromkeys(quarter.alerts.counts, 3)
    html = render(replace(quarter, alerts=replace(quarter.alerts, counts=few)), "en")
    assert html.count('<td class="number">&lt; 5</td>') == len(few)
