"""Markdown -> blocks of plain text, front matter -> metadata."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import yaml

from index.readers.decode import decode
from index.readers.html import plain_blocks
from index.readers.metadata import known_fields, with_header_facts
from index.readers.parsed import Parsed, RawBlock, Unreadable
from index.readers.tables import row_texts

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT_MATTER = re.compile(
    r"\A---[ \t]*\n(?P<body>.{0,65536}?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_TOML = re.compile(r"\A\+\+\+[ \t]*\n(?P<body>.{0,65536}?)^\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_FOOTNOTE = re.compile(r"\[\^[^\]\s]{1,40}\]:?")
_NOTES = (
    (re.compile(r"!\[\[[^\[\]\n]+\]\]"), ""),
    (re.compile(r"\[\[(?:[^\[\]|\n]+\|)?([^\[\]|\n]+)\]\]"), r"\1"),
    (re.compile(r"(?<![=\w])==(?=[^\s=])([^=\n]+)(?<!\s)==(?![=\w])"), r"\1"),
    (re.compile(r"\A\[!\w+\][+-]?"), ""),
)
"""The marks of programs for notes: ``![[embedded]]``, ``[[page|shown]]``, ``==marked==`` and ``[!kind]`` of a box."""

_MAX_NESTING = 100
_NOTHING = ("", "~", "null", "Null", "NULL")
"""How YAML writes that there is no value."""


def parse(data: bytes) -> Parsed:
    """Read Markdown. Raises ``Unreadable`` for binary data and absurd nesting."""
    text = decode(data).replace("\r\n", "\n").replace("\r", "\n")
    fields: dict[str, str] = {}
    if front := _FRONT_MATTER.match(text) or _TOML.match(text):
        declared = _toml(front["body"]) if text.startswith("+") else _front_matter(front["body"])
        if declared is None:
            text = front["body"] + "\n" + text[front.end() :]
        else:
            fields = known_fields(declared)
            text = text[front.end() :]
    title = fields.pop("title", "")
    return with_header_facts(Parsed(text_blocks(text), title, fields))


def _front_matter(body: str) -> list[tuple[str, object]] | None:
    """Return the fields of a YAML header, as they are written, ``None`` if it is not one."""
    try:
        loaded = yaml.load(body, yaml.BaseLoader)  # noqa: S506  (it makes texts, lists and mappings of these alone)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if not isinstance(loaded, dict):
        return None
    return [(str(key), value) for key, value in loaded.items() if value not in _NOTHING]


def _toml(body: str) -> list[tuple[str, object]] | None:
    """Return the fields of a TOML header, those of its tables too, ``None`` if it is not one."""
    try:
        loaded = tomllib.loads(body, parse_float=str)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError):
        return None
    inner = [pair for value in loaded.values() if isinstance(value, dict) for pair in value.items()]
    fields = [(key, value) for key, value in [*loaded.items(), *inner] if not isinstance(value, dict)]
    return [(key, str(value).lower() if isinstance(value, bool) else value) for key, value in fields]


def text_blocks(text: str) -> list[RawBlock]:
    """Return the blocks of Markdown without front matter. Raises ``Unreadable`` for absurd nesting."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable(["table", "strikethrough"])
    tokens = parser.parse(text)
    # The parser leaves out what is nested deeper.
    if any(token.level >= _MAX_NESTING - 2 for token in tokens):
        raise Unreadable("is nested too deeply to read.", "Flatten its lists and quotations.")
    return list(_Walk(tokens))


class _Walk:
    """Goes through the tokens once, keeping which lists and tables are open."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._group = 0
        self._lists: list[Token] = []
        self._marker: str | None = None

    def __iter__(self) -> Iterator[RawBlock]:
        at = 0
        while at < len(self._tokens):
            token = self._tokens[at]
            if token.type == "table_open":
                end = next(i for i in range(at, len(self._tokens)) if self._tokens[i].type == "table_close")
                yield from self._table(self._tokens[at:end])
                at = end
            elif token.type == "inline":
                yield self._paragraph(self._tokens[at - 1], _plain(token))
            elif token.type in ("fence", "code_block"):
                yield RawBlock("code", token.content)
            elif token.type == "html_block":
                yield from plain_blocks(token.content)
            else:
                self._structure(token)
            at += 1

    def _structure(self, token: Token) -> None:
        """Follow the opening and closing of lists."""
        if token.type in ("bullet_list_open", "ordered_list_open"):
            self._group += not self._lists
            self._lists.append(token)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            self._lists.pop()
        elif token.type == "list_item_open":
            self._marker = f"{token.info}{token.markup} " if token.info else ""

    def _paragraph(self, opening: Token, text: str) -> RawBlock:
        if opening.type == "heading_open":
            return RawBlock("heading", text, level=int(opening.tag[1]))
        if self._marker is None:
            return RawBlock("paragraph", text)
        marker, self._marker = self._marker, None
        return RawBlock("item", marker + text, group=self._group)

    def _table(self, tokens: Sequence[Token]) -> Iterator[RawBlock]:
        self._group += 1
        rows: list[list[str]] = []
        for token in tokens:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(_plain(token))
        for text in row_texts(rows[1:], header=rows[0]):
            yield RawBlock("row", text, group=self._group)


def _plain(inline: Token) -> str:
    """Return the text of inline tokens: no markup, no images, no HTML tags."""
    parts = []
    for token in inline.children or ():
        if token.type == "text":
            parts.append(_without_marks(token.content))
        elif token.type in ("code_inline", "text_special"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak") or token.content.lower().startswith("<br"):
            parts.append(" ")
    return _FOOTNOTE.sub("", "".join(parts))


def _without_marks(text: str) -> str:
    for pattern, shown in _NOTES:
        text = pattern.sub(shown, text)
    return text
