"""When two texts say the same words: the comparison that every metric over text uses."""

from __future__ import annotations

import re
import string
import unicodedata

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
_WORD = rf"[^\W{_UNSPACED}]"


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
    wanted = normalise(wording)
    if not wanted:
        return None
    found = re.search(_edge(wanted[0], left=True) + re.escape(wanted) + _edge(wanted[-1]), normalise(text))
    return found.start() if found else None


def _edge(character: str, left: bool = False) -> str:
    if not re.match(_WORD, character):
        return ""
    if left:
        return rf"(?<!{_WORD})" + (r"(?<!\d[.,])" if character.isdigit() else "")
    return rf"(?!{_WORD})" + (r"(?![.,]\d)" if character.isdigit() else "")


def squad_tokens(text: str) -> list[str]:
    """Return the tokens that SQuAD compares: lower case, without ASCII punctuation and English articles."""
    plain = "".join(character for character in text.lower() if character not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()
