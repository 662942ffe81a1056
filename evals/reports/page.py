"""A report as a page for people.

Everything in a report may come from hostile documents. The page holds no script, loads nothing, and says so in a
content security policy; the templates escape every value. The operator's pages show the same body in a page of theirs.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from evals.reports.plots import (
    HEIGHT,
    WIDTH,
    calibration_points,
    confidence_bars,
    latency_histogram,
    risk_coverage_curve,
    tag_points,
)
from evals.reports.stored import AGAIN, SOURCES
from evals.scoring.measures import MEASURES
from evals.scoring.text import printable, shorten
from index.errors import InputError
from index.readers import part_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evals.reports.compare import Comparison
    from evals.reports.stored import StoredReport
    from evals.reports.summary import Report

TAGS = 60
"""Tags by which the cases of a page can be filtered, at most."""
TEMPLATES = Path(__file__).parent / "templates"


def render_html(report: Report, before: StoredReport | None = None, comparison: Comparison | None = None) -> str:
    """Return the report as one page that needs nothing else; with what changed since ``before``, if that is given."""
    return render_page(report.as_json(), before, comparison)


def render_page(report: StoredReport, before: StoredReport | None = None, comparison: Comparison | None = None) -> str:
    """Return a stored report as one page, see `render_html`.

    Raises ``InputError`` as `render_body` does.
    """
    body = render_body(report, before, comparison)
    return _styled("report.html", stylesheet(min(len(report["by_tag"]), TAGS)), report=report, body=body)


def render_found(rows: Sequence[Mapping[str, object]], cuts: Sequence[int]) -> str:
    """Return what `evals.retrieval` measured, a row for each way to ask and rank over a set, as one page."""
    sets: dict[object, list[Mapping[str, object]]] = {}
    for row in rows:
        sets.setdefault(row["pool"], []).append(row)
    return _styled("found.html", stylesheet(0), sets=sets, cuts=cuts)


def _styled(template: str, style: str, **values: object) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = _templates().get_template(template)
    return page.render(style=Markup(style), style_hash=digest, **values)  # noqa: S704  # our own file


def render_body(
    report: StoredReport, before: StoredReport | None = None, comparison: Comparison | None = None
) -> Markup:
    """Return what a page about a stored report shows, for an element of the class ``report``; `stylesheet` styles it.

    The details of the nth case have the id ``case-n``. Raises ``InputError`` if the report lacks what a page shows: it
    is a baseline, or an older version wrote it.
    """
    try:
        return Markup(_body(report, before, comparison))  # noqa: S704  # every value was escaped
    except (UndefinedError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"The report lacks what a page shows: {error}.", AGAIN) from error


def stylesheet(tags: int = TAGS) -> str:
    """Return the style of reports with at most so many tags."""
    return (TEMPLATES / "report.css").read_text(encoding="utf-8") + _tag_rules(tags)


def _body(report: StoredReport, before: StoredReport | None, comparison: Comparison | None) -> str:
    cases = report["cases"]
    compared = comparison.ids if comparison else frozenset()
    suites = report["settings"]["suites"]
    shared = _shared(suites)
    return (
        _templates()
        .get_template("body.html")
        .render(
            report=report,
            before={case["id"]: case for case in before["cases"] if case["id"] in compared} if before else {},
            comparison=comparison,
            changes={each.metric: each for each in comparison.differences} if comparison else {},
            costs={each.metric: each for each in comparison.costs} if comparison else {},
            tag_changes={each.tag: each for each in comparison.tags} if comparison else {},
            measures=MEASURES,
            judged=report.get("judge", {}).get("verdicts", {}),
            curve=risk_coverage_curve(cases),
            bars=confidence_bars(cases),
            calibration=calibration_points(cases),
            latency=latency_histogram(cases),
            tag_numbers={tag: number for number, tag in enumerate([*report["by_tag"]][:TAGS])},
            tag_intervals=tag_points(report["by_tag"]),
            shared={key: value for key, value in shared.items() if key != SOURCES},
            own=dict.fromkeys(key for suite in suites for key in suite if key not in {*shared, SOURCES}),
            width=WIDTH,
            height=HEIGHT,
        )
    )


def _shared(suites: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return the settings that all suites of a report have alike."""
    if not suites:
        return {}
    first, *others = suites
    return {key: value for key, value in first.items() if all(each.get(key) == value for each in others)}


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else printable(str(value)),
    )
    environment.filters |= {"percent": percent, "points": points, "shorten": shorten, "part": part_named}
    return environment


def _tag_rules(tags: int) -> str:
    """Return the rules by which the page shows the cases of one tag, without a script; tags go by their numbers."""
    shown = "#tag-{0}:checked ~ .filter [for=tag-{0}] {{ background: var(--ink); color: var(--paper); }}\n"
    focused = "#tag-{0}:focus-visible ~ .filter [for=tag-{0}] {{ outline: 3px solid var(--accent); }}\n"
    hidden = "#tag-{0}:checked ~ .cases > :not(.tag-{0}) {{ display: none; }}\n"
    rules = [(shown + focused + hidden).format(number) for number in range(tags)]
    return (shown + focused).format("all") + "".join(rules)


def percent(value: float | None) -> str:
    """Return a share as a percentage with one decimal, a dash for ``None``. Only all is 100%, only none 0%."""
    if value is None:
        return "–"
    if 0 < value < 0.0005:
        return "<0.1%"
    if 0.9995 <= value < 1:
        return ">99.9%"
    return f"{value:.1%}".replace(".0%", "%")


def points(change: float) -> str:
    """Return a change of a share in percentage points, with its sign."""
    return f"{100 * change:+.1f}"
