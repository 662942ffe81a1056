"""JSON and JSON Lines -> sections for records of prose, rows for records of values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from index.readers.decode import decode
from index.readers.html import plain_blocks
from index.readers.metadata import FIELDS, known_fields
from index.readers.parsed import Parsed, RawBlock, Unreadable, clean

_TEXTS = tuple(
    "text content body article article_body articlebody full_text fulltext main_text maintext markdown html abstract "
    "summary lead description answer message".split()
)
"""Names of fields that hold prose; the first that a record has is its text, the others go before it."""

_TITLES = tuple("title headline heading name subject question label".split())
_ALWAYS_PROSE = 200
"""Any value of so many characters is prose."""

_MOST_VALUES = 2_000_000
_DEEPEST = 100
_MOST_NAMED = 10
"""Damaged lines that are named one by one."""

_HTML = re.compile(r"</(?:p|div|h\d|ul|ol|table|a|b|em|strong)>|<br\s*/?>", re.IGNORECASE)
_PARAGRAPHS = re.compile(r"\n[ \t]*\n")


def parse(data: bytes) -> Parsed:
    """Read JSON; damaged lines of JSON Lines are left out, and named in ``unread``.

    Raises ``Unreadable`` for what is no JSON, with the place, and for absurd nesting.
    """
    value, unread = _read(data)
    parsed = value_blocks(value)
    return replace(parsed, metadata={**parsed.metadata, "unread": unread}) if unread else parsed


def loaded(data: bytes) -> object:
    """Return the value in ``data``, of JSON Lines the list of them; numbers are strings, as they are written."""
    return _read(data)[0]


def _read(data: bytes) -> tuple[object, str]:
    """Return the value, and what is to be said of lines that are none."""
    text = decode(data).lstrip("\ufeff")
    try:
        return _loads(text), ""
    except json.JSONDecodeError as error:
        whole = error
    except RecursionError:
        raise _too_deep() from None
    # Only these separate lines of JSON; a string may hold other separators.
    lines = [(number, line) for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1) if line.strip()]
    values: list[object] = []
    damaged: list[int] = []
    for number, line in lines:
        try:
            value = _loads(line)
        except (json.JSONDecodeError, RecursionError):
            damaged.append(number)
            continue
        if line.count("[") + line.count("{") > _DEEPEST and _is_deep(value):
            damaged.append(number)
        else:
            values.append(value)
    records = sum(isinstance(value, (dict, list)) for value in values)
    if damaged and records < max(1, len(damaged)):
        # Not lines of records, but one value with a fault in it.
        problem = f"is no valid JSON: line {whole.lineno}: {whole.msg}."
        raise Unreadable(problem, "Correct it, or export it again.")
    return values, _named(damaged, len(lines))


def _named(damaged: Sequence[int], lines: int) -> str:
    """Say which lines are left out; the empty string if none is."""
    if not damaged:
        return ""
    shown, more = ", ".join(map(str, damaged[:_MOST_NAMED])), len(damaged) - _MOST_NAMED
    which = f"{'line' if len(damaged) == 1 else 'lines'} {shown}" + (f" and {more} more" if more > 0 else "")
    return f"{len(damaged)} of {lines} lines are no valid JSON: {which}. Correct the file and add it again."


def _is_deep(value: object) -> bool:
    """Tell whether a value is nested more deeply than is read."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return bool(level)


def _loads(text: str) -> object:
    value: object = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    return value


def value_blocks(value: object) -> Parsed:
    """Return what a JSON value says."""
    walk = _Walk()
    title = ""
    fields: dict[str, str] = {}
    if isinstance(value, dict):
        fields = known_fields((str(key), each) for key, each in value.items() if _is_simple(each))
        fields = {name: fields[name] for name in FIELDS.values() if name in fields}
        fields.pop("title", None)
        key = _key(value, _TITLES)
        title = _shown(value[key]) if key else ""
        blocks = list(walk.record(value, 0))
    else:
        blocks = list(walk.value("", value, 1, 0))
    return Parsed(blocks, title, fields, labelled=True)


class _Walk:
    """Goes through a value, counting what it meets and telling one table from the next."""

    def __init__(self) -> None:
        self._group = 0
        self._left = _MOST_VALUES

    def record(self, record: Mapping[str, object], level: int, in_list: bool = False) -> Iterator[RawBlock]:
        """Yield a record: its title as a heading, its short values as one row, its prose, then what is nested."""
        self._count(len(record), level)
        title = _key(record, _TITLES)
        if title:
            yield RawBlock("heading", _shown(record[title]), level=min(level + 1, 6))
        rest = {key: each for key, each in record.items() if key != title}
        prose = {key: str(each) for key, each in rest.items() if _is_prose(key, each)}
        flat = {key: each for key, each in rest.items() if key not in prose and _is_fact(each, in_list)}
        facts = [fact for key, each in flat.items() if (fact := _flat({key: each}))]
        self._group += 1
        for row in facts if level == 0 else ["; ".join(facts)]:
            yield RawBlock("row", row, group=self._group)
        for key, text in prose.items():
            yield from _prose(key, text)
        for key in (key for key in rest if key not in prose and key not in flat):
            if in_list:
                yield from self._inside(_label(key), record[key], level)
            else:
                yield from self.value(_label(key), record[key], level + 1 + bool(title and level), level)

    def _inside(self, label: str, value: object, depth: int) -> Iterator[RawBlock]:
        """Yield what is nested in one of many records without headings, which would cover the next record too."""
        self._count(1, depth)
        if isinstance(value, dict):
            prose = {key: each for key, each in value.items() if _is_prose(key, each)}
            simple = {key: each for key, each in value.items() if key not in prose and _is_simple(each)}
            if facts := _flat(simple):
                yield RawBlock("row", f"{label}: {facts}", group=self._group)
            for key, each in prose.items():
                yield from _prose(key, str(each))
            for key, each in value.items():
                if not _is_simple(each):
                    yield from self._inside(f"{label} {_label(key)}", each, depth + 1)
        elif isinstance(value, list):
            for each in value:
                yield from self._inside(label, each, depth + 1)
        elif _is_prose("", value):
            yield from _prose(label, str(value))
        else:
            yield RawBlock("row", f"{label}: {_shown(value)}", group=self._group)

    def value(self, label: str, value: object, level: int, depth: int) -> Iterator[RawBlock]:
        """Yield a value under its name."""
        self._count(1, depth)
        if isinstance(value, dict) and _is_flat(value) and label:
            self._group += 1
            yield RawBlock("row", f"{label}: {_flat(value)}", group=self._group)
        elif isinstance(value, dict):
            if label:
                yield RawBlock("heading", label, level=min(level, 6))
            yield from self.record(value, level)
        elif isinstance(value, list):
            yield from self._list(label, value, level)
        elif label:
            yield RawBlock("row", f"{label}: {_shown(value)}")
        else:
            yield from _prose("", _shown(value))

    def _list(self, label: str, values: Sequence[object], level: int) -> Iterator[RawBlock]:
        self._count(len(values), level)
        records = [each for each in values if isinstance(each, dict)]
        if label:
            yield RawBlock("heading", label, level=min(level, 6))
        if records and len(records) == len(values) and all(map(_is_row, records)):
            self._group += 1
            group = self._group
            for record in records:
                yield RawBlock("row", _flat(record), group=group)
            return
        self._group += 1
        group = self._group
        for each in values:
            if isinstance(each, dict):
                yield from self.record(each, level, in_list=True)
            elif isinstance(each, list) and all(map(_is_simple, each)):
                yield RawBlock("row", " | ".join(map(_shown, each)), group=group)
            elif isinstance(each, list):
                yield from self._list("", each, level + 1)
            else:
                yield RawBlock("item", _shown(each), group=group)

    def _count(self, values: int, depth: int) -> None:
        self._left -= values
        if self._left < 0:
            raise Unreadable(f"has more than {_MOST_VALUES:,} values.", "Split it into smaller files.")
        if depth > _DEEPEST:
            raise _too_deep()


def _too_deep() -> Unreadable:
    return Unreadable("is nested too deeply to read.", "Flatten it.")


def _is_simple(value: object) -> bool:
    """Tell whether ``value`` fits into a row: a single value, or a short list of such."""
    if isinstance(value, list):
        return all(not isinstance(each, (dict, list)) for each in value) and sum(map(len, map(_shown, value))) < 500
    return not isinstance(value, dict)


def _is_prose(key: str, value: object) -> bool:
    if not isinstance(value, str):
        return False
    return len(value) > _ALWAYS_PROSE or (key.lower() in _TEXTS and (" " in value.strip() or "\n" in value))


def _is_flat(record: Mapping[str, object]) -> bool:
    return all(_is_simple(value) and not _is_prose(key, value) for key, value in record.items())


def _is_fact(value: object, in_list: bool) -> bool:
    """Tell whether ``value`` goes into a record's row; in one of many records, so do nested ones of values."""
    return _is_simple(value) or (in_list and isinstance(value, dict) and _is_flat(value))


def _is_row(record: Mapping[str, object]) -> bool:
    """Tell whether a record is one of values rather than of prose, nested records of values included."""
    return all(
        _is_flat(value) if isinstance(value, dict) else _is_simple(value) and not _is_prose(key, value)
        for key, value in record.items()
    )


def _flat(record: Mapping[str, object]) -> str:
    """Return a record as ``name: value; name: value``; what is nested takes both names."""
    parts: list[str] = []
    for key, value in record.items():
        pairs = value.items() if isinstance(value, dict) else [("", value)]
        parts += [
            f"{_label(key)} {_label(name)}".strip() + f": {text}" for name, each in pairs if (text := _shown(each))
        ]
    return "; ".join(parts)


def _prose(key: str, text: str) -> Iterator[RawBlock]:
    """Yield a text's paragraphs, after the field's name unless that only says that it is text."""
    if _HTML.search(text):
        yield from plain_blocks(text)
        return
    lead = f"{_label(key)}: " if key and key.lower() not in _TEXTS else ""
    for part in _PARAGRAPHS.split(text.strip()):
        yield RawBlock("paragraph", lead + part)
        lead = ""


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(each) for each in value)
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    return clean(str(value))


def _label(key: str) -> str:
    return clean(key.replace("_", " "))


def _key(record: Mapping[str, object], names: Sequence[str]) -> str:
    """Return the record's own name of the first of these fields that holds a line of text, or the empty string."""
    found = {key.lower(): key for key, value in record.items() if isinstance(value, str) and 0 < len(value) <= 300}
    return next((found[name] for name in names if name in found), "")
