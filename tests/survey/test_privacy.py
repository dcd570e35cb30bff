"""Customers under other names: pseudonyms that only the holder of the secret can make, and columns that name somebody."""

import csv
import hashlib
import hmac
import os
import stat

import pandas as pd
import pytest

from csi.errors import SurveyError
from csi.survey.privacy import number_customers, personal_columns, pseudonymise

SECRET = "a secret of the tests alone"


@pytest.fixture(autouse=True)
def _secret(monkeypatch):
    monkeypatch.setenv("CSI_KEY", SECRET)


class TestPseudonyms:
    def test_are_the_keyed_hash_of_the_standard(self):
        wanted = hmac.new(SECRET.encode(), b"13800000000", hashlib.sha256).hexdigest()[:32]
        assert pseudonymise(["13800000000"]) == [wanted]

    def test_a_customer_has_one_however_the_key_was_read(self):
        assert len(set(pseudonymise([17, "17", 17.0, " 17 "]))) == 1
        assert len(set(pseudonymise(range(1000)))) == 1000

    def test_nobody_has_none(self):
        assert pseudonymise(["", None, float("nan"), pd.NA, "  "]) == [""] * 5

    def test_another_secret_gives_others(self, monkeypatch):
        ours = pseudonymise(["c1"])
        monkeypatch.setenv("CSI_KEY", "another secret of the tests")
        assert pseudonymise(["c1"]) != ours

    def test_without_a_secret_nothing_is_made_and_the_remedy_is_named(self, monkeypatch):
        monkeypatch.delenv("CSI_KEY")
        with pytest.raises(SurveyError, match=r"CSI_KEY is not set.*secrets.token_hex"):
            pseudonymise(["c1"])
        monkeypatch.setenv("CSI_KEY", "short")
        with pytest.raises(SurveyError, match="has 5 characters, at least 16"):
            pseudonymise(["c1"])


class TestMappingTable:
    def test_numbers_customers_and_keeps_their_numbers(self, tmp_path):
        path = tmp_path / "private" / "customers.csv"
        assert number_customers(["b", "a", "b", ""], path) == [1, 2, 1, 0]
        assert number_customers(["c", "a"], path) == [3, 2]
        rows = list(csv.reader(path.read_text("utf-8").splitlines()))
        assert rows[0] == ["number", "pseudonym", "key"]
        assert rows[1:] == [
            [str(k), p, key] for k, (p, key) in enumerate(zip(pseudonymise("bac"), "bac", strict=True), 1)
        ]

    @pytest.mark.skipif(os.name != "posix", reason="rights of files are those of POSIX")
    def test_only_its_owner_can_read_it(self, tmp_path):
        path = tmp_path / "customers.csv"
        number_customers(["a"], path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o644)
        with pytest.raises(SurveyError, match=r"others can read this table of customers.*chmod 600"):
            number_customers(["a"], path)

    def test_of_another_secret_or_another_kind_is_refused_and_stays(self, tmp_path, monkeypatch):
        path = tmp_path / "customers.csv"
        number_customers(["a"], path)
        before = path.read_bytes()
        monkeypatch.setenv("CSI_KEY", "another secret of the tests")
        with pytest.raises(SurveyError, match="made with another CSI_KEY"):
            number_customers(["b"], path)
        assert path.read_bytes() == before
        path.write_text("name,age\nx,3\n", "utf-8")
        with pytest.raises(SurveyError, match="no table of customers' numbers"):
            number_customers(["b"], path)

    def test_the_secret_stands_in_no_file(self, tmp_path):
        number_customers(["a", "b"], tmp_path / "customers.csv")
        assert all(SECRET not in path.read_text("utf-8") for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("header", "what"),
    [
        *((h, "IP address") for h in ("来自IP", "IPAddress", "IP Address", "ipaddr")),
        *((h, "e-mail address") for h in ("RecipientEmail", "E-mail Address", "email", "3、您的电子邮箱")),
        *(
            (h, "phone number")
            for h in ("Q1_手机", "2、您的手机号：", "phone", "Mobile", "Contact number", "phonenumber")
        ),
        *(
            (h, "name")
            for h in ("姓名", "1、您的姓名：", "RecipientLastName", "first_name", "name_last", "What is your name?")
        ),
        *((h, "identity number") for h in ("身份证号", "ID card number", "Passport No")),
        *((h, "postal address") for h in ("联系地址", "address", "Home address")),
        *((h, "coordinates") for h in ("LocationLatitude", "经度")),
        ("微信号", "account"),
        ("dob", "birthday"),
    ],
)
def test_headers_that_name_somebody(header, what):
    assert personal_columns({header: ["x"]}) == {header: f"the header says {what!r}"}


@pytest.mark.parametrize(
    "header",
    [
        "brand name",
        "product_name",
        "phone_service",
        "手机品牌",
        "电话客服满意度",
        "您对手机号码归属地查询满意吗",
        "trip",
        "customer_id",
        "Q5",
    ],
)
def test_headers_that_do_not(header):
    assert personal_columns({header: ["5", "7"]}) == {}


@pytest.mark.parametrize(
    ("texts", "what"),
    [
        (["call me", "a.b@example.com"], "e-mail addresses (1 of 2 texts)"),
        (["192.168.1.1", "300.1.1.1"], "IP addresses (1 of 2 texts)"),
        (["2001:0db8:85a3:0000:0000:8a2e:0370:7334"], "IP addresses (1 of 1 texts)"),
        (["13812345678", "+86 139-1234-5678"], "phone numbers (2 of 2 texts)"),
        (["(555) 123-4567"], "phone numbers (1 of 1 texts)"),
        (["+44 20 7946 0958"], "phone numbers (1 of 1 texts)"),
        (["010-12345678"], "phone numbers (1 of 1 texts)"),
        (["11010519491231002X"], "identity card numbers (1 of 1 texts)"),
    ],
)
def test_contents_that_name_somebody(texts, what):
    assert personal_columns({"Q1": texts}) == {"Q1": f"holds {what}"}


@pytest.mark.parametrize(
    "texts",
    [
        ["110105194912310021"],  # the check digit is wrong
        ["2026-01-02 10:00:00", "12:30:45", "20240101123000", "1700000000000"],
        ["3.14", "1.2.3.4.5", "0.13812345678", "13812345678.5"],
        [*map(str, range(100)), "13812345678"],  # one in a hundred is chance
        [],
    ],
)
def test_contents_that_do_not(texts):
    assert personal_columns({"Q1": texts}) == {}


def test_real_exports(shared):
    from csi.survey.readers.formats import read_raw

    folder = shared / "data"
    exports = {
        "redcap_clinical-trial-1/data.csv": {"name_last", "name_first", "address", "phone", "dob", "email"},
        "wenjuanxing_parenting/wenjuanxing_format_sample.xlsx": {"来自IP"},
        "mobi.csv": set(),
        "telecom_cn_voice/voice_satisfaction.csv": set(),
    }
    for name, wanted in exports.items():
        raw = read_raw(folder / name)
        assert set(personal_columns({column: texts.distinct for column, texts in raw.columns.items()})) == wanted
