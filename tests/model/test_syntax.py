"""Models as text: what lavaan and cSEM write is read, and what is written is read as the same model."""

import re

import numpy as np
import pandas as pd
import pytest
from conftest import model_of
from hypothesis import given
from hypothesis import strategies as st

import csi
from csi.errors import ModelError

PARTS = "Image <~ i1 + i2; Quality <~ q1 + q2; Satisfaction =~ s1 + s2\n"


def read(text, **options):
    return csi.Model.parse(text, **options)


def fails(text, message):
    with pytest.raises(ModelError, match=message):
        read(text)


def exactly(model):
    """All that two models can differ in, orders and all."""
    return (
        model.constructs,
        list(model.paths.items()),
        dict(model.controls),
        model.higher_order,
        model.interactions,
        model.order,
    )


class TestReads:
    def test_a_model_of_lavaan(self, reference):
        """The text that made the recorded results, in which an observed column has no definition, and only that is missing."""
        recorded = reference("lavaan_mobi_ecsi_ml")["model"]
        fails(recorded, r"line \d+: 'CUSCO' is no construct.*For an observed column write 'CUSCO <~ CUSCO'")
        model = read(recorded + "CUSCO <~ CUSCO")
        assert [c.kind for c in model.constructs] == ["factor"] * 6 + ["composite"]
        other = model_of(reference("mobi_ecsi_modeA_path")["model"])
        named = {"Complaints": "CUSCO"}
        assert {(named.get(c, c), named.get(e, e)) for c, es in other.paths.items() for e in es} == {
            (c, e) for c, es in model.paths.items() for e in es
        }

    def test_lines_go_on_where_one_ends_or_the_next_begins_with_an_operator_or_plus(self):
        """A model that is laid out with care is the one on a single line."""
        model = read(
            """
            Image <~ i1 +   # the first
                     i2
            Quality
              <~ q1   ! the rest of the items

               + q2
            Satisfaction =~
                s1 + s2; Satisfaction ~
              Image + Quality
            """
        )
        assert model == read(PARTS + "Satisfaction ~ Image + Quality")

    def test_windows_line_ends(self):
        assert read("A <~ a +\r\n b\r\nB <~ c\r\nB ~ A").construct("A").items == ("a", "b")

    def test_regressions_of_one_construct_add_up(self):
        model = read(PARTS + "Satisfaction ~ Image\nSatisfaction ~ Quality")
        assert model == read(PARTS + "Satisfaction ~ Image + Quality")

    def test_items_that_are_constructs(self):
        model = read("Core <~ c1 + c2; Service <~ v1 + v2; Quality <~ Core + Service; S <~ s; S ~ Quality")
        assert model.dimensions("Quality") == ("Core", "Service")

    @pytest.mark.parametrize(
        "term", ["Image:Quality", "Image : Quality", "Image*Quality", "Image * Quality", "Image.Quality"]
    )
    def test_interactions(self, term):
        model = read("Image <~ i; Quality <~ q; S <~ s; S ~ Image + Quality + " + term)
        assert dict(model.products) == {"Image*Quality": ("Image", "Quality")}
        assert model.paths["Image*Quality"] == ("S",)

    def test_a_dot_is_an_interaction_only_between_constructs(self):
        model = read("a <~ i; b.c <~ j; a.b.c <~ k; S <~ s; S ~ a + b.c + a.b.c")
        assert not model.products
        model = read("a <~ i; b.c <~ j; S <~ s; S ~ a + b.c + a.b.c")
        assert dict(model.products) == {"a*b.c": ("a", "b.c")}

    def test_a_square(self):
        assert read("A <~ a; S <~ s; S ~ A + A.A").products["A*A"] == ("A", "A")

    def test_an_observed_column(self):
        model = read("A <~ a; S <~ s; age <~ age; S ~ A + age")
        assert model.construct("age") == csi.Construct("age", ["age"])
        assert model.causes("S") == ("A", "age")

    def test_options_in_comments(self):
        model = read(
            """
            #! higher_order = embedded; interactions = product
            A <~ a1 + a2   #! mode = B
            B <~ b1 + b2   #! weights = 0.25, 3
            C =~ c         #! reliability = 0.8
            D <~ d1 + d2   # mode = B, but this is a remark
            age <~ years   #! kind = observed
            C ~ A + B +
                D + age + sex   #! controls = age, sex
            """
        )
        made = csi.Model(
            [
                csi.Construct("A", ["a1", "a2"], mode="B"),
                csi.Construct("B", ["b1", "b2"], weights=[0.25, 3]),
                csi.Construct("C", ["c"], kind="factor", reliability=0.8),
                csi.Construct("D", ["d1", "d2"]),
                csi.Construct("age", ["years"], kind="observed"),
            ],
            {"A": ["C"], "B": ["C"], "D": ["C"], "age": ["C"], "sex": ["C"]},
            controls={"C": ["age", "sex"]},
            higher_order="embedded",
            interactions="product",
        )
        assert exactly(model) == exactly(made)
        assert model.construct("sex").kind == "observed"

    def test_an_option_is_about_the_last_statement_of_its_line(self):
        model = read("A <~ a; B <~ b1 + b2;  #! mode = B\nB ~ A")
        assert [c.mode for c in model.constructs] == ["A", "B"]

    def test_lines_outrank_the_mode_of_all_composites(self):
        model = read("A <~ a #! mode = A\nB <~ b\nage <~ age #! kind = observed\nB ~ A + age", composite_mode="B")
        assert [c.mode for c in model.constructs] == ["A", "B", "A"]

    def test_covariances_of_causes_change_nothing(self):
        text = PARTS + "Satisfaction ~ Image + Quality"
        assert read(text + "\nImage ~~ Quality") == read(text)


class TestFaults:
    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("Satisfaction ~ Imag", r"'Imag' is no construct\. .*Did you mean 'Image'\? .*write 'Imag <~ Imag'"),
            ("Satisfacton ~ Image", "'Satisfacton' is no construct"),
            ("Satisfaction ~ Image:Qual", "interaction 'Image:Qual' names 'Qual', which is no construct"),
            ("Satisfaction ~ b1*Image", "names 'b1', which is no construct. Labels and fixed values have no place"),
            ("Satisfaction ~ 0.5*Image", "Labels and fixed values have no place"),
            ("Satisfaction ~ Image:Quality:Image", "more than two constructs"),
            ("Satisfaction ~ Image.Quality.Image", "more than two constructs"),
            ("Satisfaction ~ 1", "equations have none"),
            ("i1 ~ 1", "equations have none"),
            ("Loyalty =~ 1*l1 + l2", r"'1\*l1' fixes or labels a loading"),
            ("Loyalty =~ NA*l1", "fixes or labels"),
            ("Loyalty <~ a*l1", "weights of a composite are held fixed by '#! weights"),
            ("Loyalty <~ ", "a name is missing"),
            ("Loyalty <~ l1 + 2nd", "'2nd' is not a name"),
            ("total := a*b", "indirect and total effects are computed of every fit"),
            ("b1 == b2", "without constraints"),
            ("b1 > 0", "without constraints"),
            ("i1 | t1", "no thresholds"),
            ("Image ~~ Satisfaction", "'Satisfaction' has causes"),
            ("Image ~~ Image", "unit variance"),
            ("Image ~~ 0*Quality", "neither fixed nor labelled"),
            ("i1 ~~ i2", "'i1' is no construct"),
            ("Image <- i3", "cannot read"),
            ("Image", "cannot read"),
            ("Satisfaction ~ Image ~ Quality", "two operators"),
            ("Loyalty <~ l1  #! mode B", "cannot read the option 'mode B'"),
            ("Loyalty <~ l1  #! mod = B", "no option 'mod' of a statement with '<~'. .*Did you mean 'mode'"),
            ("Loyalty <~ l1  #! mode = C", "construct 'Loyalty': mode must be"),
            ("Loyalty <~ l1  #! weights = one", "'one' is not a number"),
            ("Loyalty =~ l1  #! kind = observed", "the only one to add is 'kind = observed', after '<~'"),
            ("Satisfaction ~ Image  #! controls = age", "control 'age' is not among the causes"),
            ("#! higher = repeated", "no option 'higher' of a model"),
        ],
    )  # fmt: skip
    def test_name_the_line_and_the_reason(self, line, message):
        fails(f"{PARTS}Satisfaction ~ Image + Quality\n\n{line}", f"line 4: .*{message}")

    def test_a_statement_over_lines_is_named_by_its_first(self):
        fails("A <~ a\nB <~ b +\n  c +\n 2*d\nB ~ A", "line 2: ")
        fails("A <~ a\nB <~ b +\nB ~ A", "line 2: .*two operators.*goes on in the next")

    def test_choices_of_the_model_are_checked_by_it(self):
        fails("#! higher_order = best\nA <~ a; B <~ b; B ~ A", "higher_order must be one of")


NAMES = ["A", "b_2", "质量", "C.d", "Loyalty", "x"]


@st.composite
def models(draw, dialect="csi"):
    """Models with all that one can say, of up to six constructs, two of which may be dimensions of a third."""
    csi_only = dialect == "csi"
    names = draw(st.permutations([name for name in NAMES if csi_only or "." not in name]))
    names = names[: draw(st.integers(3, len(names)))]
    owner = names[-1] if draw(st.booleans()) else None
    constructs = []
    for j, name in enumerate(names):
        items = [f"{name}{k}" for k in range(draw(st.integers(1, 3)))]
        choice = draw(st.sampled_from(["A", "B", "unit", "factor", "observed", "weights"]))
        if name == owner:
            constructs.append(csi.Construct(name, names[:2], mode=draw(st.sampled_from(["A", "B"]))))
        elif choice == "factor" and (owner is None or j > 1):
            known = draw(st.none() | st.floats(0.1, 1)) if len(items) == 1 else None
            constructs.append(csi.Construct(name, items, kind="factor", reliability=known))
        elif choice == "observed" and (owner is None or j > 1):
            constructs.append(csi.Construct(name, [draw(st.sampled_from([name, items[0]]))], kind="observed"))
        elif choice == "weights" and csi_only:
            weights = draw(st.lists(st.floats(0.001, 1e6), min_size=len(items), max_size=len(items)))
            constructs.append(csi.Construct(name, items, weights=weights))
        else:
            constructs.append(csi.Construct(name, items, mode=choice if choice in ("A", "B", "unit") else "A"))
    tied = draw(st.permutations([name for name in names if owner is None or name not in names[:2]]))
    if len(tied) < 2:
        constructs, tied = [*constructs, csi.Construct("End", ["end"])], [*tied, "End"]
    pairs = [(a, b) for i, a in enumerate(tied) for b in tied[i + 1 :]]
    kept = [pair for pair in pairs if pair[1] == tied[-1] or draw(st.booleans())]
    paths = {}
    for cause, effect in draw(st.permutations(kept)):
        paths.setdefault(cause, []).append(effect)
    factors = {c.name for c in constructs if c.kind == "factor"}
    able = [name for name in tied[:-1] if name not in factors]
    for left, right in draw(st.lists(st.tuples(*[st.sampled_from(able)] * 2), max_size=2)) if able else []:
        paths[f"{left}*{right}"] = [tied[-1]]
    held = {
        tied[-1]: draw(st.permutations([c.name for c in constructs if c.kind == "observed" and c.name in tied[:-1]]))
    }
    return csi.Model(
        constructs,
        paths,
        controls=held if csi_only and draw(st.booleans()) else {},
        higher_order=draw(st.sampled_from(["two_stage", "embedded"] + ["repeated"] * csi_only)),
        interactions=draw(st.sampled_from(["two_stage", "product", "orthogonal"]))
        if csi_only and not owner
        else "two_stage",
    )


class TestWrites:
    @given(models())
    def test_what_is_written_is_read_as_the_same_model(self, model):
        assert exactly(read(model.to_syntax())) == exactly(model)
        assert read(model.to_syntax()) == model

    @given(models("cSEM"))
    def test_csem_says_constructs_and_paths(self, model):
        """All but the choices that are arguments there."""
        back = read(model.to_syntax("cSEM"))
        assert [(c.name, c.items, c.kind == "factor") for c in back.constructs] == [
            (c.name, c.items, c.kind == "factor") for c in model.constructs
        ]
        assert list(back.paths.items()) == list(model.paths.items())

    def test_an_effect_has_one_equation(self, ecsi_model):
        text = ecsi_model.to_syntax()
        assert text.splitlines()[-6:] == [
            "Expectation ~ Image",
            "Quality ~ Expectation",
            "Value ~ Expectation + Quality",
            "Satisfaction ~ Image + Expectation + Quality + Value",
            "Complaints ~ Satisfaction",
            "Loyalty ~ Image + Satisfaction + Complaints",
        ]
        assert len(text.splitlines()) == len(ecsi_model.names) + 6

    def test_an_order_of_paths_that_no_equations_have_takes_more_of_them(self):
        constructs = [csi.Construct(n, [n.lower()]) for n in "ABCD"]
        model = csi.Model(constructs, {"A": ["C", "D"], "B": ["D", "C"]})
        assert exactly(read(model.to_syntax())) == exactly(model)

    def test_the_three_dialects_of_one_model(self):
        model = read(
            """
            Image <~ i1 + i2       #! mode = B
            Quality <~ q1 + q2
            Loyalty =~ l           #! reliability = 0.8
            age <~ age             #! kind = observed
            Loyalty ~ Image + Quality + age + Image:Quality   #! controls = age
            """
        )
        assert model.to_syntax().splitlines() == [
            "Image <~ i1 + i2  #! mode = B",
            "Quality <~ q1 + q2",
            "Loyalty =~ l  #! reliability = 0.8",
            "age <~ age  #! kind = observed",
            "Loyalty ~ Image + Quality + age + Image:Quality  #! controls = age",
        ]
        assert model.to_syntax("cSEM").splitlines() == [
            '# csem(.data, .model, .PLS_modes = list("Image" = "modeB", "Quality" = "modeA", "age" = "modeA"), '
            '.reliabilities = c("Loyalty" = 0.8))',
            "Image <~ i1 + i2",
            "Quality <~ q1 + q2",
            "Loyalty =~ l",
            "age <~ age",
            "Loyalty ~ Image + Quality + age + Image.Quality",
        ]
        plain = read(
            "Image <~ i1 + i2; Complaints <~ c; Loyalty =~ l1 + l2; age <~ age; Loyalty ~ Image + Complaints + age"
        )
        assert plain.to_syntax("lavaan").splitlines()[1:] == [
            "Image <~ i1 + i2",
            "Complaints =~ c",
            "Loyalty =~ l1 + l2",
            "Loyalty ~ Image + Complaints + age",
        ]

    def test_csem_is_told_of_modes_only_where_they_are_not_its_own(self):
        text = "A <~ a1 + a2; B <~ b; B ~ A"
        assert "PLS_modes" not in read(text, composite_mode="B").to_syntax("cSEM")
        assert '.PLS_modes = "modeA"' in read(text).to_syntax("cSEM")

    def test_lavaan_reads_the_model_that_it_recorded(self, reference):
        recorded = reference("lavaan_mobi_acsi_ml")["model"]
        model = read(recorded)
        assert model.to_syntax("lavaan").replace(" ", "") == recorded.strip().replace(" ", "")

    @pytest.mark.parametrize(
        ("dialect", "text", "message"),
        [
            ("cSEM", "A <~ a1 + a2 #! weights = 1, 2\nS ~ A", "'A': cSEM holds weights of standardised items"),
            ("cSEM", "A.b <~ a\nS ~ A.b", r"'A.b': cSEM reads a '\.' as an interaction"),
            ("cSEM", "A <~ a; B <~ A; C <~ B\nS ~ C", "'C' is of the third order"),
            (
                "cSEM",
                "#! higher_order = repeated\nA <~ a; B <~ A\nS ~ B",
                "'B': cSEM does not .* repeated indicators alone",
            ),
            ("cSEM", "#! interactions = product\nA <~ a; S ~ A + A:A", r"'A\*A': cSEM multiplies scores"),
            ("lavaan", "A <~ a1 + a2 #! mode = unit\nS ~ A", "'A': lavaan estimates the weights"),
            ("lavaan", "A =~ a #! reliability = 0.8\nS ~ A", "'A': lavaan takes an error variance"),
            ("lavaan", "A <~ a; B <~ A\nS ~ B", "'B': lavaan has composites of observed items only"),
            ("lavaan", "A <~ a; S ~ A + A:A", r"'A\*A': lavaan does not multiply composites"),
            ("EQS", "A <~ a; S ~ A", "dialect must be one of 'csi', 'lavaan', 'cSEM'"),
        ],
    )
    def test_what_a_dialect_cannot_say_is_named(self, dialect, text, message):
        model = read(f"S <~ s\n{text}")
        with pytest.raises(ModelError, match=message):
            model.to_syntax(dialect)

    @pytest.mark.parametrize("name", ["perceived value", "1st", "a+b", ""])
    def test_names_that_no_syntax_can_say(self, name):
        model = csi.Model([csi.Construct("A", [name]), csi.Construct("B", ["b"])], {"A": ["B"]})
        with pytest.raises(ModelError, match=f"construct 'A': {re.escape(repr(name))} cannot be written"):
            model.to_syntax()

    def test_notes_become_remarks(self):
        book = csi.Codebook.from_dict(
            {
                "items": [
                    {"name": c, "construct": c, "scale": {"low": 1, "high": 10}} for c in ("Quality", "Satisfaction")
                ]
            }
        )
        model = csi.ecsi(book)
        assert model.to_syntax().startswith("# ")
        assert read(model.to_syntax()) == csi.Model(model.constructs, model.paths)


def test_a_model_read_from_text_estimates_as_the_one_it_was_written_from():
    """Controls, an interaction and a higher-order construct survive the text, down to the last digit."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(200, 8)).cumsum(axis=1), columns=[f"x{k}" for k in range(7)] + ["age"])
    constructs = [
        csi.Construct("Core", ["x0", "x1"]),
        csi.Construct("Service", ["x2", "x3"], mode="B"),
        csi.Construct("Image", ["x4"]),
        csi.Construct("Quality", ["Core", "Service"]),
        csi.Construct("S", ["x5", "x6"]),
    ]
    paths = {"Quality": ["S"], "Image": ["S"], "Quality*Image": ["S"]}
    model = csi.Model(constructs, paths, controls={"S": ["age"]})
    assert csi.fit(read(model.to_syntax()), frame).paths.equals(csi.fit(model, frame).paths)
