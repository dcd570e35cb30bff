"""Which encoding a text has: as told, else by byte-order mark, else strict UTF-8, else strict GB18030, else it is asked for.

Bytes of Korean, Japanese, traditional Chinese or western texts are often valid GB18030 all the same and would be read as other
signs without a word. What reads badly as Chinese and well as something else is therefore asked for too.
"""

import codecs
from collections.abc import Callable
from pathlib import Path

from csi.errors import SurveyError

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_BLOCK = 1 << 22
_SAMPLE = 1 << 18
_ENOUGH_SIGNS = 12  # so many different Chinese signs are never by chance all Korean syllables
_HINT = (
    "Say which encoding it has, e.g. 'gb18030' (Chinese), 'big5' (traditional Chinese), 'cp949' (Korean), 'latin-1' (western "
    "Europe) or 'mac-roman' (old Macs): in Python as encoding='big5', in a study file as encoding = \"big5\" under [[waves]]."
)


def decode(data: bytes, path: Path, encoding: str | None = None) -> tuple[str, str]:
    """Text and encoding: as told, else by byte-order mark, else strict UTF-8, else strict GB18030, else an error.

    >>> decode("满意".encode("gbk"), Path("a.csv"))
    ('满意', 'gb18030')

    Raises
    ------
    SurveyError
        The encoding has to be told, is not known, or is not that of the text; the message says which ones read well.
    """
    plain, used = as_utf8(data, path, encoding)
    return plain.decode("utf-8"), used


def as_utf8(data: bytes, path: Path, encoding: str | None = None) -> tuple[bytes, str]:
    """The same text as UTF-8 without a byte-order mark, and the encoding it had; block by block, so that little is held twice."""
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None) or _unmarked_utf16(data)
    tried = [encoding] if encoding else [marked] if marked else ["utf-8", "gb18030"]
    for candidate in tried:
        _require_known(candidate, path)
        try:
            plain = _recoded(data, candidate)
        except UnicodeError:
            continue
        likely = [] if encoding or candidate != "gb18030" else _likelier_than_chinese(data)
        if not likely:
            return plain, candidate
        raise SurveyError(
            f"{path}: the text can be read as gb18030, but not as sensible Chinese. {_shown(data, likely)} {_HINT}"
        )
    likely = [name for name, reads_well in _ALTERNATIVES if name not in tried and reads_well(_sample(data, name))]
    raise SurveyError(f"{path}: the text is not {' and not '.join(tried)}. {_shown(data, likely)} {_HINT}")


def _require_known(encoding: str, path: Path) -> None:
    try:
        b"".decode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError):
        raise SurveyError(f"{path}: there is no encoding called {encoding!r}. Try 'utf-8' or 'gb18030'.") from None


def _recoded(data: bytes, encoding: str) -> bytes:
    """Strictly; UTF-8 is only checked, for it stays what it is."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    unchanged = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
    blocks = []
    for start in range(0, len(data), _BLOCK):
        text = decoder.decode(data[start : start + _BLOCK], final=start + _BLOCK >= len(data))
        if not unchanged:
            blocks.append(text.encode("utf-8"))
    plain = data if unchanged else b"".join(blocks)
    return plain.removeprefix(b"\xef\xbb\xbf")


def _unmarked_utf16(data: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of its digits, commas and line ends is NUL, but hardly ever the byte beside it."""
    head = data[: _SAMPLE & ~1]
    even, odd = head[::2].count(0), head[1::2].count(0)
    share = max(even, odd) / max(len(head) / 2, 1)
    least = 0.04 if _sample(data, "utf-8") is None else 0.75  # a NUL or two in UTF-8 are damage
    if len(data) % 2 or share < least or max(even, odd) < 4 * min(even, odd):
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    text = head.decode(encoding, "replace")
    return encoding if "\0" not in text and "\n" in text.replace("\r", "\n") else None


def _sample(data: bytes, encoding: str) -> str | None:
    """The signs of the first part of the text that are not ASCII, or None if it does not have this encoding."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        text = decoder.decode(data[:_SAMPLE], final=len(data) <= _SAMPLE)
    except UnicodeError:
        return None
    return "".join(sign for sign in text if not sign.isascii())


def _share(text: str, belongs: Callable[[str], bool]) -> float:
    return sum(map(belongs, text)) / max(len(text), 1)


def _in_gb2312(sign: str) -> bool:
    try:
        sign.encode("gb2312")
    except UnicodeEncodeError:
        return not sign.isalpha() and sign.isprintable()  # newer punctuation
    return True


def _reads_korean(text: str | None) -> bool:
    syllables = {sign for sign in text or "" if "\uac00" <= sign <= "\ud7a3"}
    ideographs = {sign for sign in text or "" if "\u4e00" <= sign <= "\u9fff"}
    return len(syllables) >= _ENOUGH_SIGNS and len(ideographs) <= len(syllables) / 20


def _reads_japanese(text: str | None) -> bool:
    return bool(text) and _share(text or "", lambda sign: "\u3041" <= sign <= "\u30fc") > 0.25


def _reads_traditional(text: str | None) -> bool:
    """Signs of the first, frequent plane of Big5."""
    return bool(text) and _share(text or "", lambda sign: sign.encode("big5", "replace") < b"\xc6\x80") > 0.9


def _reads_western(text: str | None) -> bool:
    """Letters with accents, and the quotes and dashes of typesetters."""
    return bool(text) and _share(text or "", lambda sign: "À" <= sign <= "ž" or sign in "‘’“”–—…«»°€£®™ß¿¡") > 0.95


_ALTERNATIVES: tuple[tuple[str, Callable[[str | None], bool]], ...] = (
    ("cp949", _reads_korean),
    ("shift_jis", _reads_japanese),
    ("euc_jp", _reads_japanese),
    ("big5", _reads_traditional),
    ("cp1252", _reads_western),
    ("mac-roman", _reads_western),
)


def _likelier_than_chinese(data: bytes) -> list[str]:
    """Encodings in which a text reads well that as GB18030 is made of signs that Chinese hardly uses."""
    chinese = _sample(data, "gb18030") or ""
    if not chinese:
        return []
    rare = _share(chinese, _in_gb2312) < 0.75
    kana = _reads_japanese(chinese)
    return [
        name
        for name, reads_well in _ALTERNATIVES
        if (rare or kana or name == "cp949") and reads_well(_sample(data, name))
    ]


def _shown(data: bytes, likely: list[str]) -> str:
    """What the text would say in each encoding, for a person to choose."""
    shown = [f"{_words(data, name)!r} in {name!r}" for name in likely]
    return f"It would say {', '.join(shown)}." if shown else "No other encoding that is tried reads well."


def _words(data: bytes, encoding: str) -> str:
    """The first words that are not ASCII."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(data[:_SAMPLE])
    at = next(place for place, sign in enumerate(text) if not sign.isascii())
    start = max(text.rfind(mark, 0, at) for mark in '\n,;\t"') + 1
    return " ".join(text[max(start, at - 20) : at + 20].split())
