"""Bytes -> text, by byte order mark, declaration, UTF-8, and only then by guessing."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from index.readers.parsed import Unreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ALIASES = {"iso-8859-8-i": "iso8859-8", "iso-8859-8-e": "iso8859-8", "x-sjis": "cp932", "unicode-1-1-utf-7": "utf-7"}
_MEANT = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949"}
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]+")
_LETTERS = re.compile(rb"[A-Za-z]")
_ALONE = re.compile(rb"(?<=[A-Za-z])[\x80-\xff](?![\x80-\xff])|(?<![\x80-\xff])[\x80-\xff](?=[A-Za-z])")
_GUESS_FROM = 1 << 18
_BEFORE = 1000
"""Bytes that an encoding is guessed from, and how many of them stand before the first that is not ASCII."""
_AS_GOOD = 0.02
_ALPHABETS = (
    ("cp1252", "àâæçéèêëîïôœùûüÿ"),  # French
    ("cp1252", "äöüß"),  # German
    ("cp1252", "áéíñóúü¡¿ºª"),  # Spanish
    ("cp1252", "áâãàçéêíóôõúüºª"),  # Portuguese
    ("cp1252", "àèéìíîòóùú"),  # Italian
    ("cp1252", "åäöæøéüà"),  # Swedish, Danish, Norwegian, Finnish
    ("cp1252", "áàäâéèêëíîïóòöôúùüûçñß"),  # names from everywhere
    ("cp1250", "ąćęłńóśźż"),  # Polish, and so on for Czech and Slovak, Hungarian, Romanian, Croatian and Slovene
    ("iso8859-2", "ąćęłńóśźż"),
    ("cp1250", "áäčďéěíĺľňóôŕřšťúůýž"),
    ("iso8859-2", "áäčďéěíĺľňóôŕřšťúůýž"),
    ("cp1250", "áéíóöőúüű"),
    ("iso8859-2", "áéíóöőúüű"),
    ("cp1250", "ăâîşţ"),
    ("iso8859-2", "ăâîşţ"),
    ("cp1250", "čćđšž"),
    ("iso8859-2", "čćđšž"),
    ("cp1254", "çğıİöşüâîû"),  # Turkish
    ("cp1252", "áðéíóúýþæö"),  # Icelandic
    ("mac_roman", "àâäáçéèêëíîïñóôöòúùûüßåæøœ"),
)
"""Encodings and the letters of a language that they may hold, the commonest first."""

_CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўјљњћџђ№"
_GREEK = "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"
_OTHER_ALPHABETS = (
    *((encoding, _CYRILLIC) for encoding in ("cp1251", "koi8_r", "cp866", "iso8859-5", "mac_cyrillic", "koi8_u")),
    *((encoding, _GREEK) for encoding in ("cp1253", "iso8859-7")),
)
"""Encodings of alphabets that are not Latin. Of two that differ in case alone, only one has capitals inside words."""

_SIGNS = frozenset("–—…‘’‚“”„«»‹›•·€£§©®™°±×½¼¾²³µ\xa0\xad")
_EXPLAINED = 0.95
_ANY_BYTES = ("iso8859", "iso-8859", "latin", "cp125", "windows-125")
"""How the names begin of encodings in which nearly any bytes are text."""
_WESTERN_LANGUAGES = frozenset(
    "English French German Spanish Italian Portuguese Dutch Swedish Norwegian Danish Finnish".split()
)


def decode(data: bytes, declared: str | None = None) -> str:
    """Return the text that ``data`` holds in the encoding it is marked with, ``declared``, UTF-8 or a guessed one.

    What is UTF-8 throughout is declared to be Latin-1 by mistake: any bytes are. Raises ``Unreadable`` for binary data.
    """
    encoding = _marked(data) or declared or ""
    encodings = ("utf-8", encoding) if encoding.startswith(_ANY_BYTES) else (encoding, "utf-8")
    text = next(filter(None, (_strictly(data, each) for each in encodings)), None)
    text = text or _broken_utf8(data) or _guessed(data)
    if len(_CONTROLS.findall(text)) > len(text) // 200:
        raise _not_text()
    return text


def encoding_named(name: str) -> str | None:
    """Return Python's name of the encoding that a page or a letter declares, ``None`` for one that is not known.

    What is declared is often a part of what is meant: Latin-1 for Windows-1252, GB 2312 for GB 18030.
    """
    name = name.strip().lower()
    try:
        name = codecs.lookup(_ALIASES.get(name, name)).name
    except (LookupError, ValueError):
        return None
    return _MEANT.get(name, name)


def _marked(data: bytes) -> str | None:
    """Return the encoding that the first bytes give away: a byte order mark, or the zero bytes of UTF-16."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    sample = data[:2000]
    zeros = [sample[offset::2].count(0) / max(1, len(sample) // 2) for offset in (0, 1)]
    if zeros[1] > 0.4 and zeros[0] < 0.1:
        return "utf-16-le"
    if zeros[0] > 0.4 and zeros[1] < 0.1:
        return "utf-16-be"
    return None


def _strictly(data: bytes, encoding: str) -> str | None:
    """Return ``data`` decoded without a single error, or ``None``."""
    try:
        return data.decode(codecs.lookup(encoding).name) if encoding else None
    except (LookupError, UnicodeError):
        return None


def _broken_utf8(data: bytes) -> str | None:
    """Return text in UTF-8 with some bytes that are none, ``None`` unless more characters are whole than broken."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    return text if sum(character > "\x7f" for character in text) >= 2 * broken > 0 else None


def _guessed(data: bytes) -> str:
    from charset_normalizer import from_bytes

    telling = _BEYOND_ASCII.search(data)  # what stands before it is the same in any encoding
    begin = max(0, telling.start() - _BEFORE) // 4 * 4 if telling else 0
    sample = data[begin : begin + _GUESS_FROM]
    is_latin = _is_in_latin_words(sample)
    alphabets = _ALPHABETS if is_latin else _OTHER_ALPHABETS if _is_beyond_latin(sample) else ()
    if encoding := _by_alphabet(sample, alphabets):
        return data.decode(encoding, "replace")
    guesses = from_bytes(sample)
    best = guesses.best()
    if best is None:
        raise _not_text()
    if best.multi_byte_usage > 0 and is_latin:
        return data.decode("cp1252", "replace")
    # Of the encodings that could be meant, Windows-1252 is by far the commonest in the west.
    is_western = any(
        "cp1252" in guess.could_be_from_charset
        and (guess.chaos <= best.chaos + _AS_GOOD or best.language in _WESTERN_LANGUAGES)
        for guess in guesses
    )
    return data.decode("cp1252" if is_western else best.encoding, "replace")


def _by_alphabet(data: bytes, alphabets: Sequence[tuple[str, str]]) -> str:
    """Return the encoding in which nearly all bytes beyond ASCII are letters of one language, or the empty string."""
    best, encoding = 0.0, ""
    for name, alphabet in alphabets:
        letters = {*alphabet, *alphabet.upper(), *_SIGNS}
        text = data.decode(name, "replace")
        found = [
            # A capital inside a word is none: so a letter of another encoding looks.
            character in letters and not (character.isupper() and before.islower())
            for before, character in zip(" " + text, text, strict=False)
            if character > "\x7f"
        ]
        share = sum(found) / len(found)
        if share > best:
            best, encoding = share, name
    return encoding if best >= _EXPLAINED else ""


def _is_in_latin_words(data: bytes) -> bool:
    """Tell whether the bytes beyond ASCII are few, and most stand alone beside a letter: then they are no Chinese."""
    runs, letters = _BEYOND_ASCII.findall(data), len(_LETTERS.findall(data))
    return 2 * len(_ALONE.findall(data)) > len(runs) and 4 * sum(map(len, runs)) < letters


def _is_beyond_latin(data: bytes) -> bool:
    """Tell whether most letters are none of ASCII's, and several of them stand together."""
    runs = _BEYOND_ASCII.findall(data)
    beyond = sum(map(len, runs))
    return beyond > len(_LETTERS.findall(data)) and beyond > 2 * len(runs)


def _not_text() -> Unreadable:
    return Unreadable("is not text.", "Save it as a UTF-8 text file, or give it the suffix of what it is.")
