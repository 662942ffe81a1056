"""Reports as they were stored: read back, checked, and held beside each other."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, TypeGuard

from evals.reports.summary import FORMAT
from index.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

StoredCase = dict[str, Any]
"""A case's entry in a report: the shape of `judge.CaseResult.as_json`."""
StoredReport = dict[str, Any]
"""The shape of `summary.Report.as_json`."""

SOURCES = "sources"
"""What a report says of each document, for comparisons: a page has the digest of all."""
DOCUMENTS_NAMED = 10
"""Documents that a comparison names, at most, because they were changed."""
AGAIN = "Make it anew: citechat eval run CASES --json F"


def read_report(path: Path) -> StoredReport:
    """Read a report that ``eval run --json`` wrote.

    Raises ``InputError`` on a file that cannot be read or is no such report, was written by a newer version, names a
    case twice, or holds a metric that is no number.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Give the path of a report.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no report: {error}.", AGAIN) from error
    if not isinstance(report, dict) or not isinstance(report.get("cases"), list):
        raise InputError(f"{path} is no report: it has no list of cases.", AGAIN)
    made_by = report.get("format", 1)
    if not isinstance(made_by, int) or made_by > FORMAT:
        raise InputError(f"{path} has the format {made_by}; this version reads up to {FORMAT}.", "Upgrade citechat.")
    if not report["cases"]:
        raise InputError(f"{path} is a report without cases.", AGAIN)
    if not isinstance(report.get("metrics", {}), dict):
        raise InputError(f"{path} is no report: its metrics are no table.", AGAIN)
    _check_numbers(report.get("metrics", {}), str(path))
    seen: set[str] = set()
    for number, case in enumerate(report["cases"], 1):
        _check_case(case, f"{path}: case {number}", seen)
    return report


def _check_case(case: object, where: str, seen: set[str]) -> None:
    if not isinstance(case, dict) or not isinstance(case.get("id"), str):
        raise InputError(f"{where} has no id.", AGAIN)
    named = f"{where} ({case['id']!r})"
    if case["id"] in seen:
        raise InputError(f"{named} is there twice.", AGAIN)
    seen.add(case["id"])
    if not isinstance(case.get("passed"), bool) or not isinstance(case.get("metrics"), dict):
        raise InputError(f"{named} does not say whether it passed and what was measured.", AGAIN)
    if not isinstance(case.get("expected") or {}, dict):
        raise InputError(f"{named} does not say what was expected.", AGAIN)
    _check_numbers(case["metrics"], named)
    if case["metrics"].get("pass_rate") is None:
        case["metrics"]["pass_rate"] = float(case["passed"])  # the first format did not say it again
    weight = case.get("weight", 1.0)
    if not _is_number(weight) or weight <= 0:
        raise InputError(f"{named}: weight is {weight!r}, which is no number above 0.", AGAIN)


def _check_numbers(metrics: Mapping[str, object], where: str) -> None:
    for name, value in metrics.items():
        if value is not None and not _is_number(value):
            raise InputError(f"{where}: {name} is {value!r}, which is no number.", AGAIN)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def slim(report: StoredReport) -> StoredReport:
    """Return what a later comparison needs of a report, small enough to be committed: no answers, quotes or times."""
    kept = ("id", "passed", "weight", "must_pass", "question", "history", "follows", "expected", "metrics")
    cases = [{key: case[key] for key in kept} for case in report["cases"]]
    metrics = {name: value for name, value in report["metrics"].items() if not name.startswith("latency")}
    return {"format": report["format"], "metrics": metrics, "settings": report["settings"], "cases": cases}


def _definition(case: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what a stored case asks and wants, comparable between reports of any format."""
    expected = {key: value for key, value in (case.get("expected") or {}).items() if value}
    return case.get("question"), case.get("history") or [], case.get("follows"), expected, case.get("weight", 1.0)


def changed_settings(before: StoredReport, after: StoredReport) -> tuple[str, ...]:
    """Return, in words, what made two reports differently: settings, models, documents, code, citechat's version.

    What differs in only some of the suites that both have names them.
    """
    old, new = (_made_by(report) for report in (before, after))
    common = [name for name in new if name in old]
    found: dict[str, list[str]] = {}
    for suite in common:
        for change in _changes(old[suite], new[suite]):
            found.setdefault(change, []).append(suite)
    return tuple(
        change + ("" if len(where) == len(common) else f" ({', '.join(where)})") for change, where in found.items()
    )


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*old, *new)):
        one, other = old.get(key), new.get(key)
        if key != SOURCES and one != other:
            yield f"{key}: {_shown(one)} → {_shown(other)}"
    if SOURCES in old and SOURCES in new:
        yield from _changed_documents(old[SOURCES], new[SOURCES])


def _changed_documents(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    changed = [source for source in sorted({*old, *new}) if old.get(source) != new.get(source)]
    for source in changed[:DOCUMENTS_NAMED]:
        yield f"document {source}: {'added' if source not in old else 'removed' if source not in new else 'changed'}"
    if len(changed) > DOCUMENTS_NAMED:
        yield f"{len(changed) - DOCUMENTS_NAMED} more documents"


def _made_by(report: StoredReport) -> dict[str, dict[str, Any]]:
    """Return by suite what a report says of how it was made, each model and package by itself."""
    settings = report.get("settings", {})
    made: dict[str, dict[str, Any]] = {}
    for suite in settings.get("suites", ()):
        told = {"citechat": settings.get("citechat"), **suite}
        parts = {
            f"{kind} {name}": value
            for kind, group in (("model", "models"), ("package", "packages"))
            for name, value in (told.pop(group, None) or {}).items()
        }
        made[str(told.pop("suite", ""))] = {key: value for key, value in told.items() if key != "cases"} | parts
    return made


def _shown(value: object) -> str:
    return "unset" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def paired(before: StoredReport, after: StoredReport, common: bool) -> list[tuple[StoredCase, StoredCase]]:
    """Return the cases of two reports side by side, in the order of ``after``.

    Raises ``InputError`` if the two did not ask the same, unless only what they have in ``common`` is to be compared;
    and always if that is nothing.
    """
    older = {case["id"]: case for case in before["cases"]}
    newer = {case["id"]: case for case in after["cases"]}
    return [(older[name], newer[name]) for name in same_cases(before["cases"], after["cases"], common)]


def same_cases(before: Iterable[StoredCase], after: Iterable[StoredCase], common: bool) -> list[str]:
    """Return the ids of the cases that two runs ask alike, in the order of ``after``; raise as `paired` does.

    Of a case only what is asked and wanted is read (see `judge.case_json`).
    """
    older = {case["id"]: case for case in before}
    newer = {case["id"]: case for case in after}
    changed = [name for name in newer if name in older and _definition(older[name]) != _definition(newer[name])]
    gone, added = older.keys() - newer.keys(), newer.keys() - older.keys()
    if (gone or added or changed) and not common:
        differing = [*sorted(gone), *sorted(added), *sorted(changed)]
        named = ", ".join(differing[:3]) + (", ..." if len(differing) > 3 else "")
        raise InputError(
            f"The reports are of different cases: {len(gone)} only in the first, {len(added)} only in the second, "
            f"{len(changed)} changed ({named}).",
            "To compare what they have in common, add --common.",
        )
    same = [name for name in newer if name in older and name not in changed]
    if not same:
        raise InputError("The reports have no case in common.", "Compare two runs of one case file.")
    return same
