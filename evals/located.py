"""YAML and JSON Lines as values that know the line they stand on, so that an error can name it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import yaml

from index.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a file: a mapping, a sequence, or a scalar.

    ``where`` is ``file:line``. A scalar keeps the words as written in ``text`` (``""`` for null), so that the
    answer ``No`` or ``1.10`` stays what its author wrote, and what they mean as data in ``scalar``.
    """

    where: str
    mapping: dict[str, Node] | None = None
    sequence: tuple[Node, ...] | None = None
    text: str = ""
    scalar: object = None

    def error(self, problem: str) -> InputError:
        """Return an error about this value."""
        return InputError(f"{self.where}: {problem}")

    def fields(self, what: str, known: Iterable[str]) -> dict[str, Node]:
        """Return the mapping; raise ``InputError`` if it is none or has a key that is not ``known``."""
        if self.mapping is None:
            raise self.error(f"{what} must be a mapping of {', '.join(known)}")
        for key, node in self.mapping.items():
            if key not in known:
                close = get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"the keys are {', '.join(known)}"
                raise node.error(f"unknown key {key!r}, {hint}")
        return self.mapping

    def items(self, what: str) -> tuple[Node, ...]:
        """Return the sequence; raise ``InputError`` if it is none."""
        if self.sequence is None:
            raise self.error(f"{what} must be a list")
        return self.sequence

    def string(self, what: str) -> str:
        """Return the words of a scalar; raise ``InputError`` if it is none or blank."""
        if self.mapping is not None or self.sequence is not None or not self.text.strip():
            raise self.error(f"{what} must be text that is not empty")
        if any("\ud800" <= character <= "\udfff" for character in self.text):
            raise self.error(f"{what} holds half a character (an unpaired surrogate)")
        return self.text

    def boolean(self, what: str) -> bool:
        """Return a truth value; raise ``InputError`` if it is none."""
        if not isinstance(self.scalar, bool):
            raise self.error(f"{what} must be true or false")
        return self.scalar

    def data(self) -> object:
        """Return plain dictionaries, lists and scalars."""
        if self.mapping is not None:
            return {key: node.data() for key, node in self.mapping.items()}
        if self.sequence is not None:
            return [node.data() for node in self.sequence]
        return self.scalar


def read_nodes(path: Path) -> Node:
    """Read a ``.yaml``, ``.yml`` or ``.jsonl`` file; of the latter, a sequence of its lines.

    Raises ``InputError`` (with the line) on anything that cannot be parsed and on a key given twice.
    """
    parsers = {".yaml": _read_yaml, ".yml": _read_yaml, ".jsonl": _read_jsonl}
    parse = parsers.get(path.suffix.lower())
    if parse is None:
        raise InputError(f"{path} is no case file.", "Case files end in .yaml, .yml or .jsonl.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Give the path of a case file.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from error
    return parse(path, text)


def _read_yaml(path: Path, text: str) -> Node:
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            raise InputError(f"{path} is empty.", "Give it at least one case.")
        return _from_yaml(path, loader, root, 0)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{path}:{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{path}: not valid YAML: {error}") from error


def _from_yaml(path: Path, loader: yaml.SafeLoader, node: yaml.Node, depth: int) -> Node:
    where = f"{path}:{node.start_mark.line + 1}"
    if depth > MAX_DEPTH:
        raise InputError(f"{where}: nested more than {MAX_DEPTH} deep")
    if isinstance(node, yaml.SequenceNode):
        return Node(where, sequence=tuple(_from_yaml(path, loader, item, depth + 1) for item in node.value))
    if isinstance(node, yaml.ScalarNode):
        # What only looks like a date may be none, and a date is text to everything that reads it.
        scalar = node.value if node.tag == "tag:yaml.org,2002:timestamp" else loader.construct_object(node)
        return Node(where, text="" if scalar is None else node.value, scalar=scalar)
    mapping: dict[str, Node] = {}
    for key, value in node.value:
        key_where = f"{path}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise InputError(f"{key_where}: a key must be a word")
        if key.value in mapping:
            raise InputError(f"{key_where}: the key {key.value!r} is given twice")
        mapping[key.value] = _from_yaml(path, loader, value, depth + 1)
    return Node(where, mapping=mapping)


def _read_jsonl(path: Path, text: str) -> Node:
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            lines.append(_from_json(where, json.loads(line, object_pairs_hook=_unique_keys)))
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
