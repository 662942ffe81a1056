"""A report as files: HTML for people, JUnit XML for CI, JSON for ``citechat eval compare``.

Everything in a report may come from hostile documents. The page holds no script, loads nothing, and says so in a
content security policy; the template escapes every value.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from evals.measures import COSTS, MEASURES
from evals.plots import HEIGHT, WIDTH, confidence_bars, risk_coverage_curve

if TYPE_CHECKING:
    from evals.summary import Report

TEMPLATES = Path(__file__).parent / "templates"
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_json(report: Report) -> str:
    """Return the report as JSON text."""
    return json.dumps(report.as_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def render_text(report: Report) -> str:
    """Return the metrics as lines for a terminal: name, value, 95% interval, number of cases."""
    lines = [f"{report.counts['passed']} of {report.counts['cases']} cases passed"]
    for name, value in report.metrics.items():
        if value is None:
            continue
        shown = f"{value:.1f}" if name in COSTS else f"{value:.4f}"
        line = f"{name:20}{shown:>9}"
        if name in report.intervals:
            low, high = report.intervals[name]
            line += f"  {low:.3f} to {high:.3f}  n={report.counts[name]}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def render_html(report: Report) -> str:
    """Return the report as one page that needs nothing else."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else printable(str(value)),
    )
    environment.filters |= {"percent": percent, "shorten": shorten}
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    return environment.get_template("report.html").render(
        report=report.as_json(),
        measures=MEASURES,
        style=Markup(style),  # noqa: S704  # our own file
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        curve=risk_coverage_curve(report.cases),
        bars=confidence_bars(report.cases),
        width=WIDTH,
        height=HEIGHT,
    )


def render_junit(report: Report) -> str:
    """Return the report as JUnit XML: a test for each case."""
    suite = ElementTree.Element(
        "testsuite",
        name="citechat eval",
        tests=str(report.counts["cases"]),
        failures=str(report.counts["cases"] - report.counts["passed"]),
    )
    for result in report.cases:
        seconds = f"{result.latency_ms / 1000:.4f}"
        test = ElementTree.SubElement(suite, "testcase", classname="eval", name=printable(result.case.id), time=seconds)
        if not result.passed:
            failure = ElementTree.SubElement(test, "failure", message=printable(result.reasons[0]))
            failure.text = printable("\n".join([f"{result.case.where}: {result.case.question}", *result.reasons]))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def printable(text: str) -> str:
    """Replace the characters that neither HTML nor XML allows."""
    return _UNPRINTABLE.sub("\ufffd", text)


def percent(value: float | None) -> str:
    """Return a share as a percentage with one decimal, a dash for ``None``. Only all is 100%, only none 0%."""
    if value is None:
        return "–"
    if 0 < value < 0.0005:
        return "<0.1%"
    if 0.9995 <= value < 1:
        return ">99.9%"
    return f"{value:.1%}".replace(".0%", "%")


def shorten(text: str, length: int) -> str:
    """Return at most ``length`` characters of ``text``."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
