"""What citechat says to readers in its own words, in the language of the question: one catalogue, ``said.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources

from rag.query.language import LANGUAGES, Language
from rag.types import Remark

FILE = "said.json"


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """Return all sentences of a language by key; some have ``{places}``."""
    every: Mapping[Language, Mapping[str, str]] = json.loads(
        resources.files("rag.answer").joinpath(FILE).read_text("utf-8")
    )
    return every[language]


def said(key: str, language: Language | None, **values: str) -> str:
    """Return a sentence in a language, in English where it is not known, with its places filled in."""
    return catalogue(language or "en")[key].format_map(values)


def key_of(text: str) -> str | None:
    """Return the key of a sentence without places, in whichever language it is."""
    return next((key for language in LANGUAGES for key, own in catalogue(language).items() if own == text), None)


def for_readers(notice: str) -> str:
    """Return a notice without what is wrong, which names servers and settings: that is for whoever runs them."""
    lead = _of_failure(notice)
    return notice if lead is None else f"{lead.rstrip(' :')}."


def tells_of_failure(notice: str | None) -> bool:
    """Tell whether a notice says that the language model failed, not just that what it wrote was of no use."""
    return notice is not None and _of_failure(notice) is not None


def _of_failure(notice: str) -> str | None:
    """Return the beginning of a notice up to what is wrong with the language model, if it names that."""
    if key_of(notice) is not None:
        return None
    templates = (catalogue(language)[key] for language in LANGUAGES for key in ("broke_off", "fell_back"))
    leads = (template.partition("{problem}")[0] for template in templates)
    return next((lead for lead in leads if notice.startswith(lead)), None)


def may_become_own(beginning: str) -> bool:
    """Tell whether a text that is being written may become one of these sentences."""
    return any(own.startswith(beginning) for language in LANGUAGES for own in catalogue(language).values())


def remarked(remark: Remark, language: Language | None) -> str:
    """Return a remark in words."""
    quotes = " ".join(f"[{number}]" for number in remark.quotes)
    match remark.kind:
        case "differ":
            differ = said("remark.differ", language, quotes=quotes)
            return (
                f"{differ} {said('remark.newest', language, quote=f'[{remark.newest}]')}" if remark.newest else differ
            )
        case "missing":
            return said("remark.missing", language, about=remark.about)
        case "denied":
            return said("remark.denied", language, quotes=quotes)
        case "altered":
            return said("remark.altered", language, about=remark.about)
