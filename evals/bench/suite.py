"""How long evals take: our own suite asked anew, asked again unchanged, and the comparison of large reports.

    python -m evals.bench.suite [--json F]

Each command runs in a process of its own, as a user would start it, over ``seeds/`` and a home folder that is made for
it. ``first``: nothing is there, so the documents are indexed too. ``cold``: the index is there, no answer is known.
``cached``: nothing has changed since. ``compare``: two reports of 10,000 cases, made of copies of the suite's; in the
second, one outcome of ten is the other one. Of ``cached`` and ``compare`` the median of three runs counts. Seconds on
the clock stand first; those of the processor, in all its cores, depend less on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evals.reports.stored import StoredReport

CITECHAT = (sys.executable, "-c", "import sys; from ui.cli import main; sys.exit(main())")
SUITE = tuple(
    str(Path(__file__).parents[1] / "suite" / f"{name}.yaml")
    for name in ("dossier", "handbook", "manual", "unanswerable", "dates")
)
COMPARED = 10_000
REPEATS = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print one JSON object: cases, and seconds of each step."""
    parser = argparse.ArgumentParser(description="How fast citechat's evals are.")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures there too")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        home, before, after = (Path(place, name) for name in ("home", "before.json", "after.json"))
        run = ("eval", "run", *SUITE, "--home", str(home), "--json", str(before))
        figures: dict[str, Any] = {"first_s": _seconds(run), "cold_s": _seconds((*run, "--fresh"))}
        figures["cached_s"] = _median(run)
        report = json.loads(before.read_text(encoding="utf-8"))
        figures["cases"] = len(report["cases"])
        for path, turned in ((before, 0), (after, 10)):
            path.write_text(json.dumps(copied(report, COMPARED, turned)), encoding="utf-8")
        figures["compared_cases"] = COMPARED
        figures["compare_s"] = _median(("eval", "compare", str(before), str(after)))
    text = json.dumps(figures, indent=2)
    sys.stdout.write(f"{text}\n")
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0


def copied(report: StoredReport, cases: int, turned: int) -> StoredReport:
    """Return a report of so many cases, copies of those of ``report``, with one outcome in ``turned`` turned round."""
    copies = []
    for number in range(cases):
        case = report["cases"][number % len(report["cases"])]
        passed = case["passed"] != bool(turned and number % turned == 0)
        metrics = case["metrics"] | {"pass_rate": float(passed)}
        copies.append(case | {"id": f"{case['id']}-{number}", "follows": None, "passed": passed, "metrics": metrics})
    return report | {"cases": copies}


def _median(command: Sequence[str]) -> tuple[float, float]:
    measured = [_seconds(command) for _ in range(REPEATS)]
    return median(clock for clock, _ in measured), median(used for _, used in measured)


def _seconds(command: Sequence[str]) -> tuple[float, float]:
    """Run a command, its modules compiled once as a user's are; return its seconds on the clock and of the CPU."""
    begun, used = perf_counter(), os.times()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    nowhere = subprocess.DEVNULL
    subprocess.run([*CITECHAT, *command], check=True, env=environment, stdout=nowhere, stderr=nowhere)
    now = os.times()
    processor = now.children_user + now.children_system - used.children_user - used.children_system
    return round(perf_counter() - begun, 2), round(processor, 2)


if __name__ == "__main__":
    sys.exit(main())
