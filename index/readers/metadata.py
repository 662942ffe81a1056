"""When, by whom and where: the header lines that articles begin with.

A header line (``By Jane Doe, AP``, ``Published: 3 March 2024``, ``date 2025-11-21 Published by Diane Hernández``) is
recognised by being made of labels, dates and names through and through; a sentence never is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice

from index.readers.dates import dates_in, parse_date
from index.readers.parsed import Parsed, clean

FIELDS: Mapping[str, str] = {
    alias: name
    for name, aliases in {
        "title": "title headline titel título titre",
        "published": "published date publishdate publish_date pubdate publication_date date_published posted created "
        "issued fecha publicado publicada datum veröffentlicht erschienen publié publiée",
        "modified": "modified updated lastmod last_modified last_updated date_modified actualizado aktualisiert stand "
        "modifié",
        "author": "author authors by byline creator writer autor autora autores autorin auteur auteurs por von par",
        "outlet": "outlet source publisher site sitename site_name publication newspaper medium fuente quelle",
        "language": "language lang locale idioma sprache langue",
    }.items()
    for alias in aliases.split()
}
"""What the people of four languages call a field -> its name in ``Document.metadata`` (or ``title``)."""

_HEADER_LINES = 6
_LONGEST_HEADER = 200
_LONGEST_VALUE = 1000
_MOST_VALUES = 50
_DEEPEST = 3
"""How far in each other values are read."""
_WOULD_PART = re.compile(r"[,;] | (?:and|y|e|und|et|&) ")
"""What parts a list that is written as a text."""
_NOBODY = frozenset("admin administrator anonymous author owner python-docx root unknown unspecified user".split())

_CAPITALS = "".join(filter(str.isupper, map(chr, range(0x530))))
_WORD = rf"[{_CAPITALS}][\w.'’-]*"
_PARTICLE = "(?:de|del|der|den|di|da|do|dos|das|du|la|le|las|los|van|von|zu|al|el|bin|ibn|ben|ter|ten)"
_NAME = rf"{_WORD}(?:\s(?:{_PARTICLE}\s){{0,3}}{_WORD}){{1,5}}"
_NAMES = rf"{_NAME}(?:(?:,\s{_NAME})*,?\s(?:and|y|e|und|et|&)\s{_NAME})?"
_OUTLET = rf"{_WORD}(?:\s{_WORD}){{0,4}}"
_PUBLISHED = "(?:first )?published|date|posted|fecha|publicad[oa]|veröffentlicht|erschienen|publiée?"
_MODIFIED = "(?:last )?(?:updated|modified)|actualizado|aktualisiert|stand|mis à jour|modifié"
_DATE = "\x00"
"""Stands for a date that was found already."""

_FACT = re.compile(
    rf"(?i:(?:published|written|posted|reported|story|escrito|publicado|geschrieben|écrit|publié)\s)?(?i:by|por|von|par)\s"
    rf"(?:(?P<author>{_NAMES})|(?P<agency>{_OUTLET}))"
    rf"(?:(?:\s?[,|•·–—(/-]\s?|\s(?:for|of|para|für|pour)\s)(?!(?i:{_PUBLISHED}|{_MODIFIED}|by)\b)"
    rf"(?:the\s)?(?P<outlet>{_OUTLET})\)?)?"
    rf"|(?i:(?P<modified>{_MODIFIED})|{_PUBLISHED})?\s?:?\s?(?i:(?:on|at|el|am|vom|le)\s)?(?P<date>{_DATE})"
    rf"|(?P<label>[^\W\d]+(?:\s[^\W\d]+)?)\s?[:：]\s?(?P<value>[^|•·{_DATE}]+)"
    r"|\d+[\s-](?i:min(?:ute)?s?(?:[\s-]read)?)\b"
)
_SEPARATORS = " ,;|·•–—/-"
_JOB = re.compile(
    r"correspondent|editor|reporter|writer|journalist|contributor|redact|redakt|correspons", re.IGNORECASE
)
_OUTLET_WORDS = frozenset(
    "afp ap ansa bbc bloomberg cnn dpa efe reuters tass upi xinhua agency agencia agentur associated broadcasting "
    "chronicle courier daily gazette globe guardian herald journal magazine media monde network news npr observer país "
    "post press presse prensa radio review spiegel standard staff sun telegraph times tribune tv weekly zeit "
    "zeitung".split()
)


def known_fields(values: Iterable[tuple[str, object]]) -> dict[str, str]:
    """Return what a file declares of itself under the names of ``FIELDS``; other names stay, dates become ISO 8601.

    What is nested goes by its way, as ``project.phase``, and by its ``name``, if it has one, alone. A value that is no
    text, number, date or flat list of these is left out, and so is a date that cannot be one. The items of a list stay
    apart, in no-break spaces where they hold commas.
    """
    facts: dict[str, str] = {}
    for key, value in (each for pair in values for each in _flat(*pair)):
        text = _as_text(value)
        name = FIELDS.get(key.strip().lower().replace("-", "_").replace(" ", "_"), key.strip().lower())
        if name in ("published", "modified"):
            text = parse_date(text)
        if name == "author" and text.strip("()").lower() in _NOBODY:
            continue
        if text and len(text) <= _LONGEST_VALUE:
            facts.setdefault(name, text)
    return facts


def _flat(key: str, value: object, depth: int = 0) -> Iterator[tuple[str, object]]:
    yield key, value
    if isinstance(value, Mapping) and depth < _DEEPEST:
        for inner, below in islice(value.items(), _MOST_VALUES):
            yield from _flat(f"{key}.{inner}", below, depth + 1)


def _as_text(value: object) -> str:
    if isinstance(value, list):
        texts = [_as_text(item) for item in value[:_MOST_VALUES] if not isinstance(item, list)]
        return ("; " if any("," in text for text in texts) else ", ").join(map(_whole, filter(None, texts)))
    if isinstance(value, Mapping):
        value = value.get("name")
    return clean(str(value)) if isinstance(value, (str, int, float)) or hasattr(value, "isoformat") else ""


def _whole(item: str) -> str:
    """Return an item of a list with spaces that nothing is parted at, if it holds what parts lists: ``Smith, Jane``."""
    return item.replace(" ", "\xa0") if _WOULD_PART.search(item) else item


def with_header_facts(parsed: Parsed) -> Parsed:
    """Return ``parsed`` with what its header lines say, where the file does not declare it otherwise.

    The lines stay as paragraphs, so that they can be quoted.
    """
    facts: dict[str, str] = {}
    for raw in parsed.blocks[:_HEADER_LINES]:
        if raw.kind in ("paragraph", "heading"):
            found = header_facts(raw.text)
            if not found and len(raw.text) > _LONGEST_HEADER:
                break
            facts = found | facts
    title = facts.pop("title", "")
    return replace(parsed, title=parsed.title or title, metadata={**facts, **parsed.metadata})


def header_facts(line: str) -> dict[str, str]:
    """Return the fields that ``line`` states, empty unless it is a header line through and through."""
    line = clean(line)
    if not 0 < len(line) <= _LONGEST_HEADER:
        return {}
    dates = dates_in(line)
    for start, end, _ in reversed(dates):
        line = line[:start] + _DATE + line[end:]
    coming = iter(date for _, _, date in dates)
    facts: dict[str, str] = {}
    while line := line.lstrip(_SEPARATORS):
        match = _FACT.match(line)
        found = _fields(match, coming) if match else None
        if match is None or found is None:
            return {}
        facts = found | facts
        line = line[match.end() :]
    return facts


def _fields(fact: re.Match[str], dates: Iterator[str]) -> dict[str, str] | None:
    """Return what a part of a header line states, ``None`` if it only looks like one."""
    if fact["date"]:
        return {"modified" if fact["modified"] else "published": next(dates)}
    if fact["label"]:
        name = FIELDS.get(fact["label"].lower().replace(" ", "_"), "")
        return (known_fields([(name, fact["value"].strip(_SEPARATORS))]) if name else {}) or None
    if author := fact["author"] or fact["agency"]:
        if any(word in _OUTLET_WORDS for word in author.lower().split()):
            return {"outlet": author}
        outlet = {"outlet": fact["outlet"]} if fact["outlet"] and not _JOB.search(fact["outlet"]) else {}
        return {"author": author, **outlet} if fact["author"] else None
    return {}
