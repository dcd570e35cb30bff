"""Customers under other names: keyed hashes instead of customer keys, and which columns say who somebody is.

A plain hash of a phone number is undone by hashing all phone numbers. The hash is therefore keyed (HMAC-SHA256, RFC 2104): who
does not have the key cannot repeat it. The key is taken from the environment alone and stands in no file.
"""

import csv
import hashlib
import hmac
import io
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from csi.display import is_gap
from csi.errors import SurveyError
from csi.files import write_whole

KEY_VARIABLE = "CSI_KEY"
_SHORTEST_KEY = 16  # characters
_HEADER = ("number", "pseudonym", "key")
_SOME = 0.05  # of a column's distinct texts that look personal make the column personal


def pseudonymise(keys: Iterable[object]) -> list[str]:
    """The keyed hash of every customer key, 32 hexadecimal digits (128 bits); empty where there is no key.

    The same key of a customer has the same hash wherever the same secret is used, so that waves and tables can still be joined.
    Space around a key does not count; 17, "17" and 17.0 are one customer.

    Raises
    ------
    SurveyError
        The environment variable CSI_KEY is not set, or shorter than 16 characters.

    >>> os.environ["CSI_KEY"] = "an example, not a secret"
    >>> first, second, none = pseudonymise([13800000000, "13800000000 ", None])
    >>> first == second, len(first), none
    (True, 32, '')
    >>> del os.environ["CSI_KEY"]
    """
    secret = _secret()
    known: dict[str, str] = {}
    hashes = []
    for key in keys:
        text = _text(key)
        if text not in known:
            known[text] = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()[:32] if text else ""
        hashes.append(known[text])
    return hashes


def _secret() -> bytes:
    secret = os.environ.get(KEY_VARIABLE, "")
    if len(secret) < _SHORTEST_KEY:
        state = "is not set" if not secret else f"has {len(secret)} characters, at least {_SHORTEST_KEY} are needed"
        raise SurveyError(
            f"the environment variable {KEY_VARIABLE} {state}. It is the secret behind the customers' pseudonyms. Make one with: "
            'python -c "import secrets; print(secrets.token_hex(32))", keep it where passwords are kept, and set it for this '
            "program; it belongs in no file of the study."
        )
    return secret.encode()


def _text(key: object) -> str:
    if is_gap(key):
        return ""
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    return str(key).strip()


def number_customers(keys: Iterable[object], path: str | Path) -> list[int]:
    """Each customer's number in a mapping table that only its owner can read; customers not in it are added at its end.

    The table (CSV: number, pseudonym, key; mode 0600) is what leads back from a number or a pseudonym to the customer.
    Numbers start at 1 and never change. An empty key has the number 0.

    Raises
    ------
    SurveyError
        CSI_KEY is not set, the table can be read by others, was made with another CSI_KEY or is no such table.
    FileError
        The table cannot be written.
    """
    path = Path(path)
    texts = [_text(key) for key in keys]
    numbers = _read_mapping(path)
    for text in texts:
        if text and text not in numbers:
            numbers[text] = len(numbers) + 1
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_HEADER)
    writer.writerows(zip(numbers.values(), pseudonymise(numbers), numbers, strict=True))
    write_whole(path, buffer.getvalue().encode(), private=True)
    return [numbers.get(text, 0) for text in texts]


def _read_mapping(path: Path) -> dict[str, int]:
    """Customer key -> number, of a table written before."""
    if not path.exists():
        return {}
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise SurveyError(f"{path}: others can read this table of customers. Take that right away: chmod 600 '{path}'.")
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8"))))
    if (
        not rows
        or tuple(rows[0]) != _HEADER
        or any(len(row) != 3 or row[0] != str(k) for k, row in enumerate(rows[1:], 1))
    ):
        raise SurveyError(
            f"{path}: this is no table of customers' numbers (number, pseudonym, key). Name another file."
        )
    keys = [row[2] for row in rows[1:]]
    if pseudonymise(keys) != [row[1] for row in rows[1:]]:
        raise SurveyError(
            f"{path}: this table was made with another {KEY_VARIABLE}, so its pseudonyms are not those of today. Set "
            "the same one, or name another file."
        )
    return {key: number for number, key in enumerate(keys, 1)}


def personal_columns(columns: Mapping[str, Iterable[object]]) -> dict[str, str]:
    """Columns that say who somebody is, with the reason: by their header (Chinese or English) or by what they hold.

    Looked for are IP and e-mail addresses, phone and identity card numbers and, by the header alone, names, birthdays, accounts,
    postal addresses and coordinates. By what it holds a column counts as soon as one text in twenty looks so; an e-mail address
    or an identity card number, whose check digit is verified, counts even once. What is found is a suspicion: nothing is changed.

    Parameters
    ----------
    columns
        Name -> its texts; distinct ones are enough.

    >>> personal_columns({"来自IP": ["1.2.3.4"], "Q1": ["5", "7"], "Q9": ["a.b@example.com", "no"]})
    {'来自IP': "the header says 'IP address'", 'Q9': 'holds e-mail addresses (1 of 2 texts)'}
    """
    found = {}
    for name, texts in columns.items():
        why = _by_header(name) or _by_content([text for text in map(_text, texts) if text])
        if why:
            found[name] = why
    return found


# Whole headers in English, without case and without what stands between the words; words within a header in Chinese.
_ENGLISH = {
    "IP address": r"(?:.*\b)?ip(?: ?addr(?:ess)?)?",
    "e-mail address": r"(?:.*\b)?e ?mail(?: address(?:es)?)?",
    "phone number": r"(?:.*\b)?(?:phone|telephone|mobile|cell|cellphone|msisdn|tel|contact)(?: (?:number|no|nr))"
    r"|(?:\w+ )?(?:phone|telephone|mobile|cellphone|tel|msisdn|phonenumber)",
    "identity number": r"(?:.*\b)?(?:id card|identity|national id|passport|ssn|social security)(?: (?:card|number|no|nr))*",
    "name": r"(?:.*\b)?(?:first|last|full|given|family|middle|customer|contact|respondent|user|your) ?name|(?:sur)?name"
    r"|name (?:first|last|middle|full)|username",
    "birthday": r"dob|birth ?day|(?:date of birth|birth date)",
    "postal address": r"(?:.*\b)?(?:postal|home|street|mailing) address|address(?: \d)?",
    "coordinates": r"(?:.*\b)?(?:latitude|longitude)|geolocation|gps(?: .*)?",
}
_CHINESE = {
    "IP address": r"来自ip|ip地址",
    "e-mail address": r"邮箱|电子邮件|邮件地址",
    "phone number": r"手机号|电话号|联系电话|联系方式|手机$|电话$",
    "identity number": r"身份证|证件号|护照号",
    "name": r"姓名|名字|联系人|客户名称|称呼",
    "account": r"微信号|qq号|qq$",
    "birthday": r"出生日期|生日",
    "postal address": r"住址|家庭地址|通讯地址|联系地址|详细地址|收货地址",
    "coordinates": r"经度|纬度|经纬度",
}
_OPINION = re.compile(
    "满意|评价|是否|如何|吗|怎么样"
)  # "您对手机号码归属地查询满意吗" asks about numbers and not for one


def _by_header(header: str) -> str:
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    words = " ".join(re.findall(r"[a-z0-9]+", split.lower()))
    compact = re.sub(r"[\s:：*]+", "", header.lower())
    for what, pattern in _ENGLISH.items():
        if re.fullmatch(pattern, words):
            return f"the header says {what!r}"
    for what, pattern in _CHINESE.items():
        if re.search(pattern, compact) and not _OPINION.search(compact):
            return f"the header says {what!r}"
    return ""


_CONTENT = {
    "e-mail addresses": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}"),
    "identity card numbers": re.compile(
        r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?![\dXx])"
    ),
    "IP addresses": re.compile(
        r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])"
        r"|(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![0-9A-Fa-f:])"
    ),
    "phone numbers": re.compile(
        r"(?<![\d.])(?:(?:\+|00)?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![\d.])"
        r"|(?<![\d+])\+[1-9]\d{0,2}[- ()]*(?:\d[- ()]*){7,11}(?!\d)"
        r"|(?<!\d)0\d{2,3}-\d{7,8}(?!\d)|(?<![\d-])\(?\d{3}\)?[- ]\d{3}-\d{4}(?![\d-])"
    ),
}


def _by_content(texts: list[str]) -> str:
    for what, pattern in _CONTENT.items():
        found = [m for m in (pattern.search(text) for text in texts) if m]
        if what == "identity card numbers":
            found = [m for m in found if _checks(m.group())]
        once = what in ("e-mail addresses", "identity card numbers")
        if found and (once or len(found) >= _SOME * len(texts)):
            return f"holds {what} ({len(found)} of {len(texts)} texts)"
    return ""


def _checks(number: str) -> bool:
    """Whether the check digit of a Chinese identity card number is right (GB 11643-1999)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    rest = sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False)) % 11
    return "10X98765432"[rest] == number[-1].upper()
