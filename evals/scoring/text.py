"""When two texts say the same words: the comparison that every metric over text uses; and what can be printed."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import lru_cache

_EQUIVALENT = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟«»″", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", None),
    }
)
_GROUPED = re.compile(r"(?<![\w.,])\d{1,3}([,\u00a0\u2009\u202f])\d{3}(?:\1\d{3})*(?!\w|,\d)")
# Scripts written without spaces between words: a wording may stand inside a run of letters.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WORD = re.compile(rf"[^\W{_UNSPACED}]")
_FRACTION_BEFORE, _FRACTION_AFTER = re.compile(r"\d[.,]$"), re.compile(r"[.,]\d")


def printable(text: str) -> str:
    """Replace the characters that neither HTML nor XML allows."""
    return _UNPRINTABLE.sub("\ufffd", text)


@lru_cache(maxsize=1024)
def normalise(text: str) -> str:
    """Return ``text`` with differences of typography removed.

    Compatibility forms (NFKC), case, runs of white space, typographic quotes and dashes, invisible characters and
    thousands separators (``1,200`` and ``1200`` with narrow spaces) no longer differ; words and their order do.
    """
    joined = _GROUPED.sub(lambda match: re.sub(r"\D", "", match[0]), text)
    return " ".join(unicodedata.normalize("NFKC", joined).translate(_EQUIVALENT).casefold().split())


def contains(text: str, wording: str) -> bool:
    """Tell whether ``wording`` occurs in ``text`` as whole words, typography aside.

    A number matches only a whole number: ``6`` is neither in ``16`` nor in ``6.5``. In scripts without spaces any
    occurrence counts.
    """
    return position(text, wording) is not None


def position(text: str, wording: str) -> int | None:
    """Return where in the normalised ``text`` the ``wording`` occurs first, as `contains` understands it."""
    whole, wanted = normalise(text), normalise(wording)
    at = whole.find(wanted) if wanted else -1
    while at >= 0:
        if _begins(whole, at) and _ends(whole, at + len(wanted)):
            return at
        at = whole.find(wanted, at + 1)
    return None


def _begins(text: str, at: int) -> bool:
    """Tell whether no word, and no number, goes on across the left edge ``at``."""
    if not _WORD.match(text, at) or at == 0:
        return True
    inside_number = text[at].isdigit() and _FRACTION_BEFORE.search(text, max(0, at - 2), at)
    return not (_WORD.match(text, at - 1) or inside_number)


def _ends(text: str, at: int) -> bool:
    """Tell whether no word, and no number, goes on across the right edge ``at``."""
    if not _WORD.match(text, at - 1) or at == len(text):
        return True
    inside_number = text[at - 1].isdigit() and _FRACTION_AFTER.match(text, at)
    return not (_WORD.match(text, at) or inside_number)


def squad_tokens(text: str) -> list[str]:
    """Return the tokens that SQuAD compares: lower case, without ASCII punctuation and English articles."""
    plain = "".join(character for character in text.lower() if character not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()


def shorten(text: str, length: int) -> str:
    """Return at most ``length`` characters of ``text``."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
