"""Eval cases: questions with what a right answer holds, in YAML or JSON Lines.

A file is a list of cases, optionally led by a header ``{corpus: [paths], settings: {...}}``; in YAML it may also
be one mapping ``{corpus, settings, cases: [...]}``. Paths are relative to the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from evals.located import Node, read_nodes
from index.errors import InputError
from index.filters import parse_filter
from rag.types import Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from rag.types import Role

HEADER_KEYS = ("corpus", "settings")
CASE_KEYS = ("id", "question", "history", "answer", "forbidden", "evidence", "unanswerable", "filter", "tags")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the answer stands: a source (its whole path or the end of it) and, if given, words in it."""

    source: str
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A question and what a right answer to it holds.

    ``answer`` is a tuple of groups: a right answer has, of every group, at least one wording. It is empty exactly
    when ``unanswerable``: then the right outcome is ``not_found``. ``where`` is ``file:line``.
    """

    id: str
    question: str
    answer: tuple[tuple[str, ...], ...] = ()
    history: tuple[Turn, ...] = ()
    forbidden: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    unanswerable: bool = False
    filter: str | None = None
    tags: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """The cases of one file, and the documents and settings they are about (none: those of the home folder)."""

    path: Path
    corpus: tuple[Path, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    cases: tuple[Case, ...] = ()


def load_cases(path: Path) -> Suite:
    """Read and check a case file.

    Raises ``InputError``, with the line, on anything that is not a well-formed case, on an id that occurs twice,
    on a corpus path that does not exist, and on a file without cases.
    """
    header, nodes = _parts(read_nodes(path))
    if not nodes:
        raise InputError(f"{path} names no case.", "Give it at least one.")
    cases = tuple(_case(node) for node in nodes)
    check_ids(cases)
    corpus = tuple(_corpus_path(path.parent, node) for node in _list(header, "corpus"))
    settings = header["settings"].data() if "settings" in header else {}
    if not isinstance(settings, dict):
        raise header["settings"].error("settings must be a mapping")
    return Suite(path, corpus, settings, cases)


def check_ids(cases: Iterable[Case]) -> None:
    """Raise ``InputError`` if two cases have one id."""
    first: dict[str, str] = {}
    for case in cases:
        if case.id in first:
            raise InputError(f"{case.where}: the id {case.id!r} is taken by the case at {first[case.id]}")
        first[case.id] = case.where


def _parts(root: Node) -> tuple[dict[str, Node], tuple[Node, ...]]:
    if root.mapping is not None:
        header = root.fields("the file", (*HEADER_KEYS, "cases"))
        return header, _list(header, "cases")
    nodes = root.items("a case file")
    if nodes and nodes[0].mapping and nodes[0].mapping.keys() & {*HEADER_KEYS}:
        return nodes[0].fields("the header", HEADER_KEYS), nodes[1:]
    return {}, nodes


def _corpus_path(folder: Path, node: Node) -> Path:
    path = (folder / node.string("a corpus path")).resolve()
    if not path.exists():
        raise node.error(f"the corpus path {path} does not exist")
    return path


def _case(node: Node) -> Case:
    fields = node.fields("a case", CASE_KEYS)
    for key in ("id", "question"):
        if key not in fields:
            raise node.error(f"the case has no {key}")
    unanswerable = "unanswerable" in fields and fields["unanswerable"].boolean("unanswerable")
    name = fields["id"].string("id")
    for key in ("answer", "evidence"):
        if unanswerable and key in fields:
            raise fields[key].error(f"the case {name!r} is unanswerable and cannot have {key}")
    if not unanswerable and "answer" not in fields:
        raise node.error(f"the case {name!r} has no answer; give one, or 'unanswerable: true'")
    return Case(
        id=name,
        question=fields["question"].string("question"),
        answer=_groups(fields["answer"]) if "answer" in fields else (),
        history=tuple(_turn(item) for item in _list(fields, "history")),
        forbidden=_strings(fields, "forbidden"),
        evidence=tuple(_evidence(item) for item in _list(fields, "evidence")),
        unanswerable=unanswerable,
        filter=_filter(fields["filter"]) if "filter" in fields else None,
        tags=_strings(fields, "tags"),
        where=node.where,
    )


def _list(fields: Mapping[str, Node], key: str) -> tuple[Node, ...]:
    return fields[key].items(key) if key in fields else ()


def _strings(fields: Mapping[str, Node], key: str) -> tuple[str, ...]:
    return tuple(item.string(f"each of {key}") for item in _list(fields, key))


def _groups(node: Node) -> tuple[tuple[str, ...], ...]:
    shape = "answer must be a list of groups of wordings, as in [[Marco Rubio, Rubio], [Steve Witkoff]]"
    if not node.sequence or not all(group.sequence for group in node.sequence):
        raise node.error(shape)
    return tuple(tuple(item.string("a wording") for item in group.items("a group")) for group in node.sequence)


def _turn(node: Node) -> Turn:
    fields = node.fields("a turn of history", ("role", "content"))
    if {"role", "content"} - fields.keys():
        raise node.error("a turn of history needs a role and a content")
    role = fields["role"].string("role")
    if role not in ("user", "assistant"):
        raise fields["role"].error("role must be user or assistant")
    return Turn(cast("Role", role), fields["content"].string("content"))


def _evidence(node: Node) -> Evidence:
    fields = node.fields("an item of evidence", ("source", "quote"))
    if "source" not in fields:
        raise node.error("an item of evidence needs a source")
    quote = fields["quote"].string("quote") if "quote" in fields else None
    return Evidence(fields["source"].string("source"), quote)


def _filter(node: Node) -> str:
    text = node.string("filter")
    try:
        parse_filter(text)
    except InputError as error:
        raise node.error(str(error)) from error
    return text
