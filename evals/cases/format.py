"""Eval cases: questions with what a right answer holds, in YAML, JSON Lines or CSV.

A file is a list of cases, optionally led by a header ``{corpus: [paths], settings: {...}}``; in YAML it may also
be one mapping ``{corpus, settings, cases: [...]}``. Paths are relative to the file. A CSV file has a row of keys and
no header: its cases are asked on the index of the home folder.
"""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, cast, get_args

from evals.cases.notations import read_nodes
from evals.types import CASE_KEYS, Case, Evidence, Expected, Quantity, Suite
from index.errors import InputError
from index.filters import parse_filter
from index.readers.dates import parse_date
from rag.settings import Settings, problem_with
from rag.types import Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from evals.cases.located import Node
    from rag.types import Role

__all__ = ["Case", "Evidence", "Quantity", "Suite", "check_ids", "check_setting", "load_cases"]

HEADER_KEYS = ("corpus", "settings")


def load_cases(path: Path) -> Suite:
    """Read and check a case file.

    Raises ``InputError``, with the line, on anything that is not a well-formed case, on an id that occurs twice,
    on a case that follows none of the cases before it, on a corpus path that does not exist, on a setting that is none
    or cannot have its value, and on a file without cases.
    """
    header, nodes = _parts(read_nodes(path))
    if not nodes:
        raise InputError(f"{path} names no case.", "Give it at least one.")
    cases = tuple(_case(node) for node in nodes)
    check_ids(cases)
    _check_order(cases)
    corpus = tuple(_corpus_path(path.parent, node) for node in _list(header, "corpus"))
    return Suite(path, corpus, _settings(header["settings"]) if "settings" in header else {}, cases)


def check_ids(cases: Iterable[Case]) -> None:
    """Raise ``InputError`` if two cases have one id."""
    first: dict[str, str] = {}
    for case in cases:
        if case.id in first:
            raise InputError(
                f"{case.where}: the id {case.id!r} is taken by the case at {first[case.id]}.", "Give one another id."
            )
        first[case.id] = case.where


def _parts(root: Node) -> tuple[dict[str, Node], tuple[Node, ...]]:
    if root.mapping is not None:
        if "question" in root.mapping:
            raise root.error("a case must be an item of a list; begin its first line with '- '")
        header = root.fields("the file", (*HEADER_KEYS, "cases"))
        return header, _list(header, "cases")
    nodes = root.items("a case file")
    if nodes and nodes[0].mapping and nodes[0].mapping.keys() & {*HEADER_KEYS}:
        return nodes[0].fields("the header", HEADER_KEYS), nodes[1:]
    return {}, nodes


def _corpus_path(folder: Path, node: Node) -> Path:
    path = (folder / node.string("a corpus path")).resolve()
    if not path.exists():
        raise node.error(
            f"the corpus path {path} does not exist",
            f"Paths are relative to {folder.resolve()}; correct it, or put it there.",
        )
    return path


def _settings(node: Node) -> dict[str, object]:
    fields = node.fields("settings", tuple(Settings.model_fields))
    for name, value in fields.items():
        check_setting(name, value)
    return {name: value.data() for name, value in fields.items()}


def check_setting(name: str, node: Node) -> None:
    """Raise ``InputError``, with the line, if the setting ``name`` cannot have this value."""
    problem = problem_with(name, node.data())
    if problem:
        raise node.error(f"{name}: {problem}")


def _check_order(cases: Iterable[Case]) -> None:
    before: set[str] = set()
    for case in cases:
        if case.follows is not None and case.follows not in before:
            raise InputError(f"{case.where}: no case {case.follows!r} stands before this one, which follows it")
        before.add(case.id)


def _case(node: Node) -> Case:
    fields = node.fields("a case", CASE_KEYS)
    for key in ("id", "question"):
        if key not in fields:
            raise node.error(f"the case has no {key}")
    name = fields["id"].string("id")
    status = _status(fields)
    for key in ("answer", "numbers", "dates", "evidence"):
        if status != "answered" and key in fields:
            said = "unanswerable" if status == "not_found" else "to be asked back"
            raise fields[key].error(f"the case {name!r} is {said} and cannot have {key}")
    if status == "answered" and not {"answer", "numbers", "dates"} & fields.keys():
        raise node.error(f"the case {name!r} has no answer; give one, or 'unanswerable: true'")
    return Case(
        id=name,
        question=fields["question"].string("question"),
        answer=_groups(fields["answer"]) if "answer" in fields else (),
        history=tuple(_turn(item) for item in _list(fields, "history")),
        forbidden=_strings(fields, "forbidden"),
        evidence=tuple(_evidence(item) for item in _list(fields, "evidence")),
        unanswerable=status == "not_found",
        filter=_filter(fields["filter"]) if "filter" in fields else None,
        tags=_strings(fields, "tags"),
        where=node.where,
        quantities=tuple(_quantity(item) for item in _list(fields, "numbers")),
        dates=tuple(_date(item) for item in _list(fields, "dates")),
        ordered=_flag(fields, "ordered"),
        ambiguous=status == "clarify",
        follows=fields["follows"].string("follows") if "follows" in fields else None,
        weight=_weight(fields["weight"]) if "weight" in fields else 1.0,
        must_pass=_flag(fields, "must_pass"),
        draft=_flag(fields, "draft"),
        today=_today(fields["today"]) if "today" in fields else None,
    )


def _status(fields: Mapping[str, Node]) -> Expected:
    unanswerable = _flag(fields, "unanswerable")
    if "status" not in fields:
        return "not_found" if unanswerable else "answered"
    status = fields["status"].string("status")
    if status not in get_args(Expected):
        raise fields["status"].error(f"status must be one of {', '.join(get_args(Expected))}")
    if "unanswerable" in fields and unanswerable != (status == "not_found"):
        raise fields["status"].error(f"status: {status} contradicts unanswerable: {str(unanswerable).lower()}")
    return cast("Expected", status)


def _flag(fields: Mapping[str, Node], key: str) -> bool:
    return key in fields and fields[key].boolean(key)


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


def _today(node: Node) -> date:
    text = node.string("today")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise node.error(f"today must be a day, such as 2025-11-20, not {text!r}") from None


def _weight(node: Node) -> float:
    weight = _number(node, "weight")
    if weight <= 0:
        raise node.error("weight must be greater than 0; leave out a case that does not count")
    return weight


def _number(node: Node, what: str) -> float:
    try:
        number = float(node.string(what))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise node.error(f"{what} must be a number, such as 1230 or 0.5")
    return number


def _quantity(node: Node) -> Quantity:
    if node.mapping is None:
        return Quantity(_number(node, "a number"))
    fields = node.fields("a number", ("value", "tolerance", "unit"))
    if "value" not in fields:
        raise node.error("a number needs a value")
    value = _number(fields["value"], "value")
    tolerance = _tolerance(fields["tolerance"], value) if "tolerance" in fields else 0.0
    return Quantity(value, tolerance, _units(fields["unit"]) if "unit" in fields else {})


def _tolerance(node: Node, value: float) -> float:
    text = node.string("tolerance").strip()
    try:
        tolerance = float(text.removesuffix("%")) * (abs(value) / 100 if text.endswith("%") else 1)
    except ValueError:
        tolerance = math.nan
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise node.error("tolerance must be a number or a percentage, such as 0.5 or 2%")
    return tolerance


def _units(node: Node) -> dict[str, float]:
    """Read one wording, a list of wordings, or a mapping of wordings to how many of the first unit each is."""
    if node.mapping is not None:
        units = {name: _number(factor, "the size of a unit") for name, factor in node.mapping.items()}
        wrong = next((name for name, factor in units.items() if factor <= 0 or not name.strip()), None)
        if wrong is not None:
            raise node.error(f"the unit {wrong!r} must be greater than 0")
        return units
    wordings = node.sequence if node.sequence is not None else (node,)
    units = dict.fromkeys((item.string("a unit") for item in wordings), 1.0)
    if not units:
        raise node.error("unit must name at least one wording")
    return units


def _date(node: Node) -> str:
    text = node.string("a date")
    parsed = parse_date(text)
    if not parsed:
        raise node.error(f"{text!r} is no date; write 2025, 2025-11 or 2025-11-20")
    return parsed
