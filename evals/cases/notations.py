"""YAML, JSON Lines and CSV, read as values that know the line they stand on."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import yaml

from evals.cases.located import Node
from evals.types import CASE_KEYS
from index.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_DEPTH = 20
MAX_ALIASED = 20_000
"""Values that may come of aliases, which can multiply without end."""
LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C where PyYAML was built with it; the same values, ten times as fast."""
NESTED = "[{"
"""A cell of a CSV file that begins with one of these is read as YAML."""
DELIMITERS = ",;\t"
"""What may part the columns of a CSV file: spreadsheets of several languages write semicolons."""
LISTS = ("answer", "forbidden", "evidence", "numbers", "dates", "tags")
"""Columns of a CSV file whose cells are lists, written ``one; two``."""


def read_nodes(path: Path) -> Node:
    """Read a case file; of JSON Lines and CSV, a sequence of its lines and rows.

    Raises ``InputError`` (with the line) on anything that cannot be parsed and on a key given twice.
    """
    parsers: dict[str, Callable[[Path, str], Node]] = {
        ".yaml": _read_yaml,
        ".yml": _read_yaml,
        ".jsonl": _read_jsonl,
        ".csv": _read_csv,
    }
    parse = parsers.get(path.suffix.lower())
    if parse is None:
        raise InputError(f"{path} is no case file.", "Case files end in .yaml, .yml, .jsonl or .csv.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Give the path of a case file.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from error
    return parse(path, text)


def _read_yaml(path: Path, text: str) -> Node:
    node = _yaml(path, text, 1)
    if node is None:
        raise InputError(f"{path} is empty.", "Give it at least one case.")
    return node


def _yaml(path: Path, text: str, first_line: int) -> Node | None:
    """Parse a YAML text that begins on ``first_line`` of the file."""
    try:
        depth = 0
        for event in yaml.parse(text, LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                line = first_line + (event.start_mark.line if event.start_mark else 0)
                raise InputError(f"{path}:{line}: nested more than {MAX_DEPTH} deep")
        loader = LOADER(text)
        root = loader.get_single_node()
        return None if root is None else _Yaml(path, loader, first_line).node(root)
    except yaml.MarkedYAMLError as error:
        line = first_line + (error.problem_mark.line if error.problem_mark else 0)
        raise InputError(f"{path}:{line}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {error}") from error


class _Yaml:
    """Turns the nodes of one YAML text into ours, aliases written out."""

    def __init__(self, path: Path, loader: yaml.SafeLoader, first_line: int) -> None:
        self._path, self._loader, self._first_line = path, loader, first_line
        self._seen: set[int] = set()
        self._aliased = 0

    def node(self, node: yaml.Node, depth: int = 0) -> Node:
        where = self._where(node)
        self._aliased += id(node) in self._seen
        self._seen.add(id(node))
        if depth > MAX_DEPTH:
            raise InputError(f"{where}: nested more than {MAX_DEPTH} deep")
        if self._aliased > MAX_ALIASED:
            raise InputError(f"{where}: more than {MAX_ALIASED:,} values come of aliases")
        if isinstance(node, yaml.SequenceNode):
            return Node(where, sequence=tuple(self.node(item, depth + 1) for item in node.value))
        if isinstance(node, yaml.ScalarNode):
            scalar = self._scalar(where, node)
            return Node(where, text="" if scalar is None else node.value, scalar=scalar)
        mapping: dict[str, Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise InputError(f"{self._where(key)}: a key must be a word")
            if key.value in mapping:
                raise InputError(f"{self._where(key)}: the key {key.value!r} is given twice")
            mapping[key.value] = self.node(value, depth + 1)
        return Node(where, mapping=mapping)

    def _scalar(self, where: str, node: yaml.ScalarNode) -> object:
        # What only looks like a date may be none, and a date is text to everything that reads it.
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value
        try:
            return self._loader.construct_object(node)
        except (ValueError, LookupError) as error:
            kind = node.tag.rpartition(":")[2]
            raise InputError(f"{where}: not valid YAML: {node.value!r} is no {kind}") from error

    def _where(self, node: yaml.Node) -> str:
        return f"{self._path}:{node.start_mark.line + self._first_line}"


def _read_jsonl(path: Path, text: str) -> Node:
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            lines.append(_from_json(where, json.loads(line, object_pairs_hook=_unique_keys)))
        except json.JSONDecodeError as error:
            raise InputError(f"{where}: not valid JSON at character {error.colno}: {error.msg}") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not valid JSON: {error}") from error
    if not lines:
        raise InputError(f"{path} is empty.", "Give it at least one case.")
    return Node(f"{path}:1", sequence=tuple(lines))


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise ValueError(f"the key {twice!r} is given twice")
    return dict(pairs)


def _from_json(where: str, value: object) -> Node:
    if isinstance(value, dict):
        return Node(where, mapping={key: _from_json(where, item) for key, item in value.items()})
    if isinstance(value, list):
        return Node(where, sequence=tuple(_from_json(where, item) for item in value))
    if value is None:
        return Node(where)
    return Node(where, text=value if isinstance(value, str) else json.dumps(value), scalar=value)


def _read_csv(path: Path, text: str) -> Node:
    """Read a table: the first row names the keys, an empty cell leaves its key out.

    What stands between the keys of the first row most often, of comma, semicolon and tab, parts the columns.
    """
    parted = max(DELIMITERS, key=text.lstrip().partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=parted, strict=True)
    rows: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((begins, row))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: not valid CSV: {error}") from error
    if not rows:
        raise InputError(f"{path} is empty.", "Give it a row of keys and at least one case.")
    keys = [key.strip() for key in rows[0][1]]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise InputError(f"{path}:{rows[0][0]}: the column {twice!r} is given twice")
    for line, row in rows[1:]:
        if len(row) > len(keys):
            raise InputError(
                f"{path}:{line}: {len(row)} cells under {len(keys)} columns (quote a cell with a {parted!r})"
            )
    head = f"{path}:{rows[0][0]}"
    Node(head, mapping={key: Node(head) for key in keys}).fields("the first row", CASE_KEYS)
    cases = (
        Node(f"{path}:{line}", mapping={key: _cell(path, line, key, cell) for key, cell in _given(keys, row)})
        for line, row in rows[1:]
    )
    return Node(head, sequence=tuple(cases))


def _given(keys: list[str], row: list[str]) -> list[tuple[str, str]]:
    return [(key, cell.strip()) for key, cell in zip(keys, row, strict=False) if cell.strip()]


def _cell(path: Path, line: int, key: str, cell: str) -> Node:
    where = f"{path}:{line}"
    if cell[0] in NESTED:
        return _yaml(path, cell, line) or Node(where)
    if key in LISTS:
        return Node(where, sequence=tuple(_item(where, key, item) for item in cell.split(";") if item.strip()))
    return Node(where, text=cell, scalar={"true": True, "false": False}.get(cell.lower(), cell))


def _item(where: str, key: str, item: str) -> Node:
    """Read an item of a list in a cell: in ``answer`` a group ``one | other``, in ``evidence`` ``source: words``."""
    text = item.strip()
    if key == "answer":
        wordings = [wording.strip() for wording in text.split("|")]
        return Node(where, sequence=tuple(Node(where, text=wording, scalar=wording) for wording in wordings))
    if key == "evidence":
        source, _, quote = (part.strip() for part in text.partition(": "))
        parts = {"source": source} | ({"quote": quote} if quote else {})
        return Node(where, mapping={name: Node(where, text=part, scalar=part) for name, part in parts.items()})
    return Node(where, text=text, scalar=text)
