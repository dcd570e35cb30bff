"""Models: data before data; every fault is found at birth and named."""

import pytest

import csi
from csi.errors import ModelError
from csi.model.presets import ACSI_PATHS, ECSI_PATHS, MOBILE_INDICATORS


def two(**paths):
    return csi.Model([csi.Construct("A", ["a1", "a2"]), csi.Construct("B", ["b1"])], paths or {"A": ["B"]})


class TestFaults:
    def fails(self, message, constructs, paths):
        with pytest.raises(ModelError, match=message):
            csi.Model(constructs, paths)

    def test_circle(self):
        with pytest.raises(ModelError, match=r"the paths run in a circle: (A -> B -> A|B -> A -> B)"):
            two(A=["B"], B=["A"])

    def test_path_to_itself(self):
        with pytest.raises(ModelError, match=r"circle: A -> A"):
            two(A=["A", "B"])

    def test_unknown_end(self):
        with pytest.raises(
            ModelError, match=r"'Bb', which is no construct. The model's constructs are A, B. Did you mean"
        ):
            two(A=["Bb"])

    def test_item_in_two_constructs(self):
        self.fails("item 'x' stands in construct 'A' and in 'B'", [csi.Construct(n, ["x"]) for n in "AB"], {"A": ["B"]})

    def test_construct_twice(self):
        self.fails("'A' is defined 2 times", [csi.Construct("A", [i]) for i in "xy"], {})

    def test_lonely_construct(self):
        self.fails("'C' has no path", [csi.Construct(n, [n.lower()]) for n in "ABC"], {"A": ["B"]})

    def test_path_twice(self):
        with pytest.raises(ModelError, match="same construct twice"):
            two(A=["B", "B"])

    @pytest.mark.parametrize(
        ("options", "message"),
        [({"items": []}, "has no items"), ({"items": "abc"}, "list of names"), ({"items": ["a", "a"]}, "more than once"),
         ({"items": ["a"], "mode": "C"}, "mode must be"), ({"items": ["a"], "kind": "latent"}, "kind must be"),
         ({"items": ["a"], "kind": "factor", "mode": "B"}, "no place for mode='B'")],
    )  # fmt: skip
    def test_constructs(self, options, message):
        with pytest.raises(ModelError, match=message):
            csi.Construct("A", **options)


class TestSyntax:
    def test_reads_composites_factors_and_paths(self):
        model = csi.Model.parse(
            """
            # measurement
            Image <~ i1 + i2
            Satisfaction =~ s1 + s2   # a common factor
            Satisfaction ~ Image
            """,
            composite_mode="B",
        )
        assert [(c.name, c.kind, c.mode) for c in model.constructs] == [
            ("Image", "composite", "B"),
            ("Satisfaction", "factor", "A"),
        ]
        assert model.causes("Satisfaction") == ("Image",)

    def test_names_may_be_chinese(self):
        assert csi.Model.parse("质量 <~ 可靠性; 满意 <~ 总体; 满意 ~ 质量").order == ("质量", "满意")

    @pytest.mark.parametrize("text", ["A <~ ", "A <- x", "A <~ 2*x", "A <~ x + ", "x"])
    def test_faults_name_the_line(self, text):
        with pytest.raises(ModelError, match="line 2"):
            csi.Model.parse("B <~ b\n" + text)

    def test_no_construct(self):
        with pytest.raises(ModelError, match="defines no construct"):
            csi.Model.parse("A ~ B")


def codebook(*constructs, **fields):
    items = [
        {"name": f"{c}{i}", "construct": c, "scale": {"low": 1, "high": 10}, **fields}
        for c in constructs
        for i in (1, 2)
    ]
    return csi.Codebook.from_dict({"items": items})


ALL = tuple(MOBILE_INDICATORS)


class TestPresets:
    def test_paths_are_the_published_ones(self, golden):
        for preset, case in ((csi.ecsi, "mobi_ecsi_modeA_path"), (csi.acsi, "mobi_acsi_modeA_path")):
            ours = {(c, e) for c, es in preset(codebook(*ALL)).paths.items() for e in es}
            assert ours == {(p["from"], p["to"]) for p in golden["cases"][case]["paths"]}

    def test_mobile_csi_has_the_paths_of_ecsi(self):
        assert dict(csi.mobile_csi(codebook(*ALL)).paths) == dict(csi.ecsi(codebook(*ALL)).paths)
        assert ECSI_PATHS.keys() - ACSI_PATHS.keys() == {"Image"}

    def test_what_nobody_asks_is_left_out_and_said(self):
        model = csi.ecsi(codebook("Quality", "Satisfaction", "Loyalty"))
        assert dict(model.paths) == {"Quality": ("Satisfaction",), "Satisfaction": ("Loyalty",)}
        assert "because no item asks them: Brand image, Expected quality, Perceived value, Complaints" in str(model)
        assert "品牌形象、预期质量" in model.notes[0].text("zh")

    def test_what_is_asked_but_cannot_be_connected_is_said_too(self):
        model = csi.acsi(codebook("Quality", "Satisfaction", "Image"))
        assert model.names == ("Quality", "Satisfaction")  # ACSI has no image
        model = csi.ecsi(codebook("Image", "Loyalty", "Value"))
        assert "nothing connects them: Perceived value" in str(model)

    def test_items_with_an_unknown_tag_are_named(self):
        model = csi.acsi(codebook("Quality", "Satisfaction", "Qualty"))
        assert "Qualty1 (Qualty), Qualty2 (Qualty)" in str(model)

    def test_a_construct_without_a_word_keeps_its_name(self):
        from csi.model.model import Note

        assert "Trust" in Note("model.not_asked", ("construct.Trust",)).text("zh")

    def test_no_two_connected_constructs(self):
        with pytest.raises(ModelError, match=r"no two connected constructs.*tagged Service"):
            csi.acsi(codebook("Service"))

    def test_mobile_indicators_are_checked_and_the_missing_named(self):
        with pytest.raises(
            ModelError, match=r"item 'Quality1' has the indicator 'realiability'.*Did you mean 'reliability'"
        ):
            csi.mobile_csi(codebook("Quality", "Satisfaction", indicator="realiability"))
        book = codebook("Quality", indicator="reliability").items + codebook("Satisfaction").items
        model = csi.mobile_csi(csi.Codebook(items=book))
        assert "responsiveness" in model.notes[-1].text()
        assert "可靠性" not in model.notes[-1].text("zh")
