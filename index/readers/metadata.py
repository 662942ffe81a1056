"""When, by whom and where: the header lines that articles begin with.

A header line (``By Jane Doe, AP``, ``Published: 3 March 2024``, ``date 2025-11-21 Published by Diane Hernández``) is
recognised by being made of labels, dates and names through and through; a sentence never is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from index.readers.dates import date_at, parse_date
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
_NOBODY = frozenset("admin administrator anonymous author owner root unknown unspecified user".split())
_GAP = re.compile(r"[\s,;|·•–—/-]*")
_NOISE = re.compile(r"\d+[\s-]min(?:ute)?s?(?:[\s-]read)?\b", re.IGNORECASE)
_LABELLED = re.compile(r"(?P<label>[^\W\d]+(?:\s[^\W\d]+)?)\s*[:：]\s*(?P<value>[^|•·]+)")
_DATE_LABEL = re.compile(
    r"(?P<modified>(?:last\s+)?(?:updated|modified)|actualizado|aktualisiert|stand|mis à jour|modifié)|"
    r"date|(?:first\s+)?published|posted|fecha|publicad[oa]|veröffentlicht|erschienen|publiée?",
    re.IGNORECASE,
)
_DATE_PREPOSITION = re.compile(r"\s*:?\s*(?:(?:on|at|el|am|vom|le|il y a)\s+)?", re.IGNORECASE)
_BYLINE = re.compile(
    r"(?:(?:published|written|posted|reported|story|escrito|publicado|geschrieben|écrit|publié)\s+)?"
    r"(?:by|por|von|par)\s+",
    re.IGNORECASE,
)
_BEFORE_OUTLET = re.compile(r"\s*(?:[,|•·–—(/-]|(?:for|of|para|de|für|pour)\s)\s*(?:the\s+)?")
_JOB = re.compile(
    r"correspondent|editor|reporter|writer|journalist|contributor|redact|redakt|correspons", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_][\w.'’-]*")
_AND = frozenset({"and", "y", "e", "und", "et"})
_PARTICLES = frozenset("de del der den di da do dos das du la le las los van von zu al el bin ibn ben ter ten".split())
_OUTLET_WORDS = frozenset(
    "afp ap ansa bbc bloomberg cnn dpa efe reuters tass upi xinhua agency agencia agentur associated broadcasting "
    "chronicle courier daily gazette globe guardian herald journal magazine media monde network news npr observer país "
    "post press presse prensa radio review spiegel standard staff sun telegraph times tribune tv weekly zeit "
    "zeitung".split()
)


def known_fields(values: Iterable[tuple[str, object]]) -> dict[str, str]:
    """Return what a file declares of itself under the names of ``FIELDS``; other names stay, dates become ISO 8601.

    A value that is no text, number, date or flat list of these is left out, and so is a date that cannot be one.
    """
    facts: dict[str, str] = {}
    for key, value in values:
        text = _as_text(value)
        name = FIELDS.get(key.strip().lower().replace("-", "_").replace(" ", "_"), key.strip().lower())
        if name in ("published", "modified"):
            text = parse_date(text)
        if name == "author" and text.strip("()").lower() in _NOBODY:
            continue
        if text and len(text) <= _LONGEST_VALUE:
            facts.setdefault(name, text)
    return facts


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_as_text(item) for item in value[:_MOST_VALUES] if not isinstance(item, list))
    return clean(str(value)) if isinstance(value, (str, int, float)) or hasattr(value, "isoformat") else ""


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
    facts: dict[str, str] = {}
    if len(line) > _LONGEST_HEADER:
        return facts
    at = _skip(line, 0)
    while at < len(line):
        found, end = _next_fact(line, at)
        if end <= at:
            return {}
        facts = found | facts
        at = _skip(line, end)
    return facts


def _skip(line: str, at: int) -> int:
    gap = _GAP.match(line, at)
    return gap.end() if gap else at


def _next_fact(line: str, at: int) -> tuple[dict[str, str], int]:
    """Return the fields that start at ``at`` and where they end; an end at ``at`` says that there are none."""
    if noise := _NOISE.match(line, at):
        return {}, noise.end()
    if byline := _BYLINE.match(line, at):
        found, end = _names(line, byline.end())
        return (found, end) if found else ({}, at)
    if label := _DATE_LABEL.match(line, at):
        preposition = _DATE_PREPOSITION.match(line, label.end())
        found_date, length = date_at(line[preposition.end() if preposition else label.end() :])
        if found_date:
            name = "modified" if label["modified"] else "published"
            return {name: found_date}, (preposition.end() if preposition else label.end()) + length
    if labelled := _LABELLED.match(line, at):
        name = FIELDS.get(labelled["label"].lower().replace(" ", "_"), "")
        found = known_fields([(name, labelled["value"].strip(" ,;-–—"))]) if name else {}
        return (found, labelled.end()) if found else ({}, at)
    preposition = _DATE_PREPOSITION.match(line, at)
    at_date = preposition.end() if preposition else at
    found_date, length = date_at(line[at_date:])
    return ({"published": found_date}, at_date + length) if found_date else ({}, at)


def _names(line: str, at: int) -> tuple[dict[str, str], int]:
    """Read people's names and perhaps the outlet after them; nothing unless they look like names."""
    people, end = _name_list(line, at)
    if not people:
        return {}, at
    if _is_outlet(people):
        return {"outlet": people}, end
    if any(len(name.split()) < 2 for name in re.split(r",\s*|\s(?:and|y|e|und|et)\s", people)):
        return {}, at
    if after := _BEFORE_OUTLET.match(line, end):
        outlet, outlet_end = _name(line, after.end())
        if outlet and not _DATE_LABEL.match(line, after.end()):
            facts = {"author": people} if _JOB.search(outlet) else {"author": people, "outlet": outlet}
            return facts, outlet_end + line.startswith(")", outlet_end)
    return {"author": people}, end


def _name_list(line: str, at: int) -> tuple[str, int]:
    """Read ``A B``, ``A B and C D`` or ``A B, C D and E F``."""
    _, end = _name(line, at)
    while end > at:
        comma = re.compile(r",\s+").match(line, end)
        _, next_end = _name(line, comma.end()) if comma else ("", end)
        joined = _WORD.match(line, _skip_spaces(line, end))
        if joined and joined[0] in _AND:
            _, last_end = _name(line, _skip_spaces(line, joined.end()))
            return (line[at:last_end], last_end) if last_end > joined.end() + 1 else ("", at)
        more = _WORD.match(line, _skip_spaces(line, next_end)) if comma and next_end > comma.end() else None
        if not (more and (more[0] in _AND)):
            break
        end = next_end
    return line[at:end], end


def _skip_spaces(line: str, at: int) -> int:
    return at + len(line[at:]) - len(line[at:].lstrip())


def _name(line: str, at: int) -> tuple[str, int]:
    """Read one to six capitalised words with particles between them, stopping before a date."""
    end = at
    for _ in range(6):
        word = _WORD.match(line, _skip_spaces(line, end) if end > at else at)
        if word is None or date_at(line[word.start() :])[0] or not _is_name_word(word[0], first=end == at):
            break
        end = word.end()
    name = line[at:end]
    return (name, end) if name and name.split()[-1].lower() not in _PARTICLES else ("", at)


def _is_name_word(word: str, first: bool) -> bool:
    return word[0].isupper() or (not first and word.lower() in _PARTICLES)


def _is_outlet(name: str) -> bool:
    return any(word in _OUTLET_WORDS for word in name.lower().split())
