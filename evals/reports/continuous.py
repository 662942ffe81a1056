"""What a build server shows of a report: JUnit XML and a summary in Markdown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from evals.scoring.measures import COSTS, MEASURES, label
from evals.scoring.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evals.reports.compare import Comparison
    from evals.reports.summary import Report

SHOWN = 20
"""Cases that a summary names, at most."""
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>@:/&])")


def render_junit(report: Report, stops: Sequence[str] = ()) -> str:
    """Return the report as JUnit XML: a test for each case, and a failed one for each reason to stop a build."""
    failed = report.counts["cases"] - report.counts["passed"] - report.counts["failed_to_ask"]
    suite = ElementTree.Element(
        "testsuite",
        name="citechat eval",
        tests=str(report.counts["cases"] + len(stops)),
        failures=str(failed + len(stops)),
        errors=str(report.counts["failed_to_ask"]),
    )
    for result in report.cases:
        seconds = f"{result.latency_ms / 1000:.4f}"
        file = printable(Path(result.case.where.rpartition(":")[0]).stem)
        test = ElementTree.SubElement(
            suite, "testcase", classname=f"eval.{file}", name=printable(result.case.id), time=seconds
        )
        if not result.passed:
            kind = "error" if result.error else "failure"
            failure = ElementTree.SubElement(test, kind, message=printable(result.reasons[0]))
            told = [f"{result.case.where}: {result.case.question}", *result.reasons, result.error]
            failure.text = printable("\n".join(told).rstrip())
    for number, reason in enumerate(stops, 1):
        test = ElementTree.SubElement(suite, "testcase", classname="gate", name=f"gate {number}")
        ElementTree.SubElement(test, "failure", message=printable(reason))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def render_markdown(report: Report, comparison: Comparison | None = None, stops: Sequence[str] = ()) -> str:
    """Return a summary for the page of a build: what stops it, the metrics, the cases that changed or failed."""
    lines = [f"### citechat eval: {report.counts['passed']} of {report.counts['cases']} cases passed", ""]
    lines += [f"- **{escaped(reason)}**" for reason in stops]
    if comparison is not None:
        lines.append(f"- Against the baseline: {comparison.sentence}")
        lines += [f"- Changed: {escaped(change)}" for change in comparison.settings]
        lines += [f"- {comparison.resolution}"] if comparison.resolution else []
    if report.opinion is not None:
        lines.append(f"- {escaped(report.opinion.sentence)}")
    lines += ["", *_table(report, comparison), ""]
    failed = {result.case.id: f"{result.case.id}: {result.reasons[0]}" for result in report.cases if not result.passed}
    if comparison is None:
        lines += _listed("Failed", [*failed.values()])
    else:
        lines += _listed("Broken", [failed[name] for name in comparison.broken])
        lines += _listed("Fixed", comparison.fixed)
        lines += _listed("Failed as before", [failed[name] for name in comparison.failed])
        lines += _listed("Failed, not in the baseline", [failed[name] for name in failed if name not in comparison.ids])
    return "\n".join(lines).rstrip() + "\n"


def _table(report: Report, comparison: Comparison | None) -> Iterator[str]:
    changes = {} if comparison is None else {each.metric: each for each in comparison.differences}
    yield "| metric | value | 95% interval | change |" if changes else "| metric | value | 95% interval |"
    yield "|---|---:|---:|---:|" if changes else "|---|---:|---:|"
    for name in (each.metric for _, group in MEASURES for each in group):
        value = report.metrics[name]
        if value is None:
            continue
        low, high = report.intervals.get(name, (None, None))
        cells = [label(name), f"{value:.3f}", "" if low is None or high is None else f"{low:.3f} to {high:.3f}"]
        if changes:
            change = changes.get(name)
            mark = "" if change is None or change.verdict == "no difference" else f" ({change.verdict})"
            cells.append("" if change is None else f"{change.delta:+.3f}{mark}")
        yield f"| {' | '.join(cells)} |"
    costs = [f"{label(name)}: {value:.0f}" for name in COSTS if (value := report.metrics[name]) is not None]
    yield ""
    yield "; ".join(costs)


def _listed(title: str, cases: Sequence[str]) -> list[str]:
    if not cases:
        return []
    more = [f"- and {len(cases) - SHOWN} more"] if len(cases) > SHOWN else []
    return [f"**{title}: {len(cases)}**", "", *(f"- {escaped(case)}" for case in cases[:SHOWN]), *more, ""]


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(printable(text).split())).replace("<", "&lt;")
