"""A report as lines for a terminal, and as JSON for ``citechat eval compare``; `evals.reports.page` makes it HTML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evals.reports.stored import slim
from evals.scoring.measures import COSTS

if TYPE_CHECKING:
    from evals.reports.stored import StoredReport
    from evals.reports.summary import Report


def render_json(report: Report) -> str:
    """Return the report as JSON text, a line for each case."""
    return _lines(report.as_json())


def render_baseline(report: Report) -> str:
    """Return what a later comparison needs of the report as JSON text, a line for each case."""
    return _lines(slim(report.as_json()))


def _lines(report: StoredReport) -> str:
    cases = ",\n".join(json.dumps(case, ensure_ascii=False, allow_nan=False) for case in report.pop("cases"))
    head = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False).removesuffix("\n}")
    return f'{head},\n "cases": [\n{cases}\n]}}\n'


def render_text(report: Report) -> str:
    """Return the metrics as lines for a terminal: name, value, 95% interval, number of cases."""
    lines = [f"{report.counts['passed']} of {report.counts['cases']} cases passed"]
    lines.append(f"{'metric':20}{'value':>9}  95% interval")
    deviations = report.repeats.get("deviation", {})
    for name, value in report.metrics.items():
        if value is None:
            continue
        shown = f"{value:.1f}" if name in COSTS else f"{value:.4f}"
        line = f"{name:20}{shown:>9}"
        if name in report.intervals:
            low, high = report.intervals[name]
            line += f"  {low:.3f} to {high:.3f}  n={report.counts[name]}"
        if name in deviations:
            line += f"  sd {deviations[name]:.3f}"
        lines.append(line)
    if report.repeats:
        unstable = report.repeats["unstable"]
        ended = f"not always the same: {', '.join(unstable)}" if unstable else "always the same"
        lines.append(f"Asked {report.repeats['runs']} times; the outcome was {ended}. sd: standard deviation of a run")
    if report.opinion is not None:
        lines.append(report.opinion.sentence)
    return "\n".join(lines) + "\n"
