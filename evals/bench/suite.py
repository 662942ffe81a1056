"""How long evals take: our own suite asked anew, asked again unchanged, and the comparison of large reports.

    python -m evals.bench.suite [--json F]

Each command runs in a process of its own, as a user would start it, over ``seeds/`` and a home folder that is made for
it. ``first``: nothing is there, so the documents are indexed too. ``cold``: the index is there, no answer is known.
``cached``: nothing has changed since. ``again``: the same in a process that has just done it, as with ``--watch``, so
without Python and its imports. ``compare``: two reports of 10,000 cases, made of copies of the suite's; in the second,
one outcome of ten is the other one. Of the last three the median of three runs counts. Seconds on the clock stand
first; those of the processor, in all its cores, depend less on what else the machine does.
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
    from collections.abc import Callable, Sequence

    from evals.reports.stored import StoredReport

CITECHAT = (sys.executable, "-c", "import sys; from ui.cli import main; sys.exit(main())")
AGAIN = """
import sys, time
from ui.cli import main
for _ in range(2):
    begun, used = time.perf_counter(), time.process_time()
    code = main()
print(f"{time.perf_counter() - begun:.2f} {time.process_time() - used:.2f}", file=sys.stderr)
sys.exit(code)
"""
"""A program that does a command twice and tells, last, how long the second time took."""
SUITE = tuple(
    str(Path(__file__).parents[1] / "suite" / f"{name}.yaml")
    for name in ("dossier", "handbook", "manual", "unanswerable", "dates")
)
Seconds = tuple[float, float]
"""On the clock, and of the processor."""

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
        figures["cached_s"] = _median(run, _seconds)
        figures["again_s"] = _median(run, _seconds_again)
        report = json.loads(before.read_text(encoding="utf-8"))
        figures["cases"] = len(report["cases"])
        for path, turned in ((before, 0), (after, 10)):
            path.write_text(json.dumps(copied(report, COMPARED, turned)), encoding="utf-8")
        figures["compared_cases"] = COMPARED
        figures["compare_s"] = _median(("eval", "compare", str(before), str(after)), _seconds)
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


def _median(command: Sequence[str], timed: Callable[[Sequence[str]], Seconds]) -> Seconds:
    measured = [timed(command) for _ in range(REPEATS)]
    return median(clock for clock, _ in measured), median(used for _, used in measured)


def _seconds(command: Sequence[str]) -> Seconds:
    """Run a command; return its seconds."""
    begun, used = perf_counter(), os.times()
    _run((*CITECHAT, *command))
    now = os.times()
    processor = now.children_user + now.children_system - used.children_user - used.children_system
    return round(perf_counter() - begun, 2), round(processor, 2)


def _seconds_again(command: Sequence[str]) -> Seconds:
    """Run a command twice in one process; return the seconds of the second time."""
    clock, processor = _run((sys.executable, "-c", AGAIN, *command)).split()[-2:]
    return float(clock), float(processor)


def _run(command: Sequence[str]) -> str:
    """Run a program, its modules compiled once as a user's are; return what it tells on standard error."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    return done.stderr


if __name__ == "__main__":
    sys.exit(main())
