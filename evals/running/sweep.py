"""A small grid of settings, tried on one's own cases: what is worth changing, without choosing noise.

The best setting is chosen on one half of the cases and must prove itself on the other half, which had no say: only
there, and only by more than chance, does it count as better than the settings in use.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from evals.cases.format import check_setting
from evals.cases.notations import read_nodes
from evals.reports.compare import compare
from evals.scoring.measures import LESS_IS_BETTER, MEANS
from evals.scoring.metrics import weighted_mean
from index.errors import InputError
from rag.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from evals.cases.located import Node
    from evals.reports.compare import Difference
    from evals.reports.stored import StoredCase, StoredReport
    from evals.reports.summary import Report
    from evals.types import Suite

MAX_TRIALS = 64
INDEXED = ("embedder", "passage_tokens")
"""Settings that an index is built with: only a suite with a corpus of its own can be asked under several."""

Choice = dict[str, Any]
"""Settings by name; of the grid's, the values of one trial."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One combination: its quality on either half of the cases, and the median latency in milliseconds.

    ``gain`` compares it with the settings in use on the held-out half (``None``: it is the settings in use). ``front``
    says that no other trial is both better on the held-out half and faster.
    """

    settings: Choice
    chosen_on: float
    held_out: float
    latency_ms: float
    gain: Difference | None
    front: bool = False


def read_grid(path: Path, suites: Sequence[Suite]) -> list[Choice]:
    """Return every combination of a YAML mapping of settings to lists of values.

    Raises ``InputError``, with the line, on a setting that does not exist, cannot have a value or is fixed by a suite,
    on one that an index is built with where a suite has no corpus, and on more than ``MAX_TRIALS`` combinations.
    """
    fields = read_nodes(path).fields("a grid of settings", tuple(Settings.model_fields))
    values: dict[str, tuple[Node, ...]] = {}
    for name, node in fields.items():
        fixed = next((suite.path for suite in suites if name in suite.settings), None)
        if fixed is not None:
            raise node.error(f"{name} is set by {fixed} itself")
        if name in INDEXED and not all(suite.corpus for suite in suites):
            raise node.error(f"{name} can be tried only on case files that name a corpus")
        values[name] = node.items(name)
        if not values[name]:
            raise node.error(f"{name} needs at least one value")
    trials = prod(map(len, values.values()))
    if trials > MAX_TRIALS:
        raise InputError(f"{path} gives {trials} combinations; at most {MAX_TRIALS} are tried.", "Leave some out.")
    for name, nodes in values.items():
        for node in nodes:
            check_setting(name, node)
    return [
        {name: node.data() for name, node in zip(values, nodes, strict=True)} for nodes in product(*values.values())
    ]


def sweep(grid: Sequence[Choice], run: Callable[[Choice], Report], metric: str = "pass_rate") -> list[Trial]:
    """Try the settings in use and every choice of a grid, the best on the first half of the cases first.

    Of the equally good there, the settings in use come first, then the fastest.
    ``run`` asks the cases under some changed settings. Raises ``InputError`` if ``metric`` is no mean over cases, or
    if a half of the cases has no value of it.
    """
    if metric not in MEANS:
        raise InputError(f"There is no metric {metric!r} to choose by.", f"Choose by one of {', '.join(MEANS)}.")
    in_use = run({}).as_json()
    trials = [_trial({}, in_use, None, metric)]
    for choice in grid:
        report = run(choice).as_json()
        gain = next(
            each for each in compare(half(in_use, True), half(report, True)).differences if each.metric == metric
        )
        trials.append(_trial(choice, report, gain, metric))
    sign = -1 if metric in LESS_IS_BETTER else 1
    ordered = sorted(trials, key=lambda trial: (-sign * trial.chosen_on, trial.gain is not None, trial.latency_ms))
    return [_with_front(trial, trials, sign) for trial in ordered]


def proved(trials: Sequence[Trial]) -> Trial | None:
    """Return the trial that was best on the first half, if it is better on the other half by more than chance."""
    best = trials[0]
    return best if best.gain is not None and best.gain.verdict == "better" else None


def held_out(case: str) -> bool:
    """Tell which half a case of an id belongs to: always the same one."""
    return hashlib.sha256(case.encode()).digest()[0] % 2 == 1


def half(report: StoredReport, second: bool) -> StoredReport:
    """Return half a report; a conversation goes where its first case belongs."""
    first: dict[str, str] = {}
    for case in report["cases"]:
        first[case["id"]] = first.get(case.get("follows") or "", case.get("follows") or case["id"])
    return {**report, "cases": [case for case in report["cases"] if held_out(first[case["id"]]) == second]}


def _trial(choice: Choice, report: StoredReport, gain: Difference | None, metric: str) -> Trial:
    first, second = (_quality(half(report, part)["cases"], metric) for part in (False, True))
    return Trial(choice, first, second, report["metrics"]["latency_p50_ms"], gain)


def _quality(cases: Sequence[StoredCase], metric: str) -> float:
    known = [case for case in cases if case["metrics"].get(metric) is not None]
    mean = weighted_mean([case["metrics"][metric] for case in known], [case["weight"] for case in known])
    if mean is None:
        raise InputError(f"A half of the cases has nothing to measure {metric} on.", "Give more cases.")
    return mean


def _with_front(trial: Trial, trials: Sequence[Trial], sign: int) -> Trial:
    def beaten(by: Trial) -> bool:
        quality, other = sign * trial.held_out, sign * by.held_out
        as_good = other >= quality and by.latency_ms <= trial.latency_ms
        return as_good and (other > quality or by.latency_ms < trial.latency_ms)

    front = not any(beaten(other) for other in trials)
    return Trial(trial.settings, trial.chosen_on, trial.held_out, trial.latency_ms, trial.gain, front)


def render_trials(trials: Sequence[Trial], metric: str, in_use: Mapping[str, object]) -> str:
    """Return the trials as lines for a terminal, and what follows from them.

    Those of the Pareto front of quality and latency have a star. ``in_use`` are the settings in use, by name.
    """
    lines = [f"  {'chosen on':>9} {'held out':>9} {'gain, 95% interval':>24} {'p50 ms':>8}  {metric} of"]
    for each in trials:
        gain = "" if each.gain is None else _gain(each.gain)
        name = f"in use: {_named(in_use)}" if each.gain is None else _named(each.settings)
        star = "*" if each.front else " "
        lines.append(f"{star} {each.chosen_on:9.3f} {each.held_out:9.3f} {gain:>24} {each.latency_ms:8.0f}  {name}")
    lines.append("* Pareto front: of the others, none as good on the held-out half is faster, none as fast is better.")
    return "\n".join([*lines, *_conclusion(trials)])


def _conclusion(trials: Sequence[Trial]) -> Iterator[str]:
    """Yield what to do, and why a line of the table that looks better does not count."""
    best = trials[0]
    if best.gain is None:
        yield "Keep the settings in use: nothing was better on the half of the cases that chooses."
        return
    if proved(trials) is not None:
        yield f"Better by more than chance on the held-out half: {_named(best.settings)}."
        return
    gain = best.gain
    yield (
        f"Keep the settings in use: {_named(best.settings)}, the best on the half that chooses, did not prove itself "
        f"on the {gain.cases} cases held out: {_gain(gain)}."
    )
    if gain.improves:
        needed = ceil(gain.cases * ((gain.high - gain.low) / 2 / gain.delta) ** 2)
        yield f"A gain of that size takes about {max(needed, gain.cases + 1)} cases held out, twice as many in all."
    if any(each.gain is not None and each.gain.verdict == "better" for each in trials):
        yield "A better line below it does not count: it was not chosen, and the best of many looks better by chance."


def _gain(gain: Difference) -> str:
    return f"{gain.delta:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"


def _named(settings: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={'by default' if value is None else value}" for name, value in settings.items())


def with_settings(text: str, chosen: Mapping[str, object]) -> str:
    """Return the text of a ``citechat.toml`` in which the chosen settings are set, all else as it was.

    Raises ``InputError`` if the text is no TOML.
    """
    for name, value in chosen.items():
        line = f"{name} = {json.dumps(value, ensure_ascii=False)}"
        there = re.search(rf"^{re.escape(name)}\s*=[^\n]*$", text, re.MULTILINE)
        text = text[: there.start()] + line + text[there.end() :] if there else f"{line}\n{text}"
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"citechat.toml cannot be written: {error}.", "Set the values yourself.") from error
    return text
