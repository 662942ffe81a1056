"""Real questions for benchmarks: those of our own suites."""

from __future__ import annotations

from pathlib import Path

from evals.cases.format import load_cases

SUITES = Path(__file__).parents[1] / "suite"


def suite_questions() -> list[str]:
    """Return the questions of the core suites and of ``hard/``, each once, in an order that mixes the files."""
    files = sorted([*SUITES.glob("*.yaml"), *(SUITES / "hard").glob("*.yaml")])
    lists = [[case.question for case in load_cases(file).cases] for file in files]
    longest = max(map(len, lists))
    mixed = (each[number] for number in range(longest) for each in lists if number < len(each))
    return list(dict.fromkeys(mixed))
