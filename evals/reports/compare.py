"""Whether answers got better or worse: two reports case by case, and whether the difference is more than noise.

The cases are a sample of the questions that will be asked. The paired bootstrap draws from them, with replacement, as
many as there are, again and again, and looks at how far the difference of the two systems on the same cases moves
(Efron and Tibshirani 1993; Koehn 2004 for systems judged on the same inputs).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.reports.stored import changed_settings, paired
from evals.scoring.measures import LESS_IS_BETTER, MEANS
from evals.scoring.metrics import mean, percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from evals.reports.stored import StoredCase, StoredReport

    Floats = NDArray[np.float64]

RESAMPLES = 2_000
SEED = 20251120
BLOCK = 2_000_000
"""Draws that are made at once: 16 MB."""
SMALL = 0.05
"""A change of the share of passed cases that one would like to see."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How a metric changed: ``delta = after - before``, its 95% interval ``low`` to ``high``, over ``cases`` cases.

    ``verdict`` is ``better`` or ``worse`` where the interval leaves out 0, else ``no difference``.
    """

    metric: str
    before: float
    after: float
    delta: float
    low: float
    high: float
    cases: int

    @property
    def verdict(self) -> str:
        """Tell which way the metric changed, if it did by more than chance."""
        if self.low <= 0 <= self.high:
            return "no difference"
        return "better" if self.improves else "worse"

    @property
    def improves(self) -> bool:
        """Tell whether the metric moved to the better, be it by chance."""
        return self.delta > 0 if self.metric not in LESS_IS_BETTER else self.delta < 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What answers to the same cases cost before and after; no interval: times vary with what else a machine does."""

    metric: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class TagChange:
    """How many ``cases`` have a tag, and how many of them are ``fixed`` or ``broken``."""

    tag: str
    cases: int
    fixed: int
    broken: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs of the same cases: ids by what became of them, and every metric that both measured.

    ``settings`` says in words what made the two differently, see `stored.changed_settings`. ``tags`` are those with a
    case that is fixed or broken.
    """

    fixed: tuple[str, ...]
    broken: tuple[str, ...]
    passed: tuple[str, ...]
    failed: tuple[str, ...]
    differences: tuple[Difference, ...]
    settings: tuple[str, ...] = ()
    costs: tuple[Cost, ...] = ()
    tags: tuple[TagChange, ...] = ()

    @property
    def cases(self) -> int:
        """How many cases were compared."""
        return len(self.fixed) + len(self.broken) + len(self.passed) + len(self.failed)

    @property
    def ids(self) -> frozenset[str]:
        """The cases that were compared."""
        return frozenset((*self.fixed, *self.broken, *self.passed, *self.failed))

    @property
    def worse(self) -> tuple[Difference, ...]:
        """The metrics that dropped by more than chance."""
        return tuple(difference for difference in self.differences if difference.verdict == "worse")

    @property
    def sentence(self) -> str:
        """Say in one line what became of the cases that pass."""
        overall = self.differences[0]
        counted = f"{self.cases} cases, {len(self.fixed)} fixed, {len(self.broken)} broken"
        if not (self.fixed or self.broken):
            return f"no difference: every case ended as before, {self.cases} cases"
        span = f"{100 * overall.delta:+.1f} points, interval {100 * overall.low:+.1f} to {100 * overall.high:+.1f}"
        said = overall.verdict if overall.verdict != "no difference" else "no difference that chance does not explain"
        return f"{said}: {span}, {counted}"

    @property
    def resolution(self) -> str:
        """Say how small a change these cases can tell from chance, where none was told and that is coarse.

        Intervals shrink with the root of the number of cases.
        """
        overall = self.differences[0]
        half = (overall.high - overall.low) / 2
        if overall.verdict != "no difference" or half <= SMALL:
            return ""
        needed = ceil(self.cases * (half / SMALL) ** 2)
        return (
            f"{self.cases} cases tell a change of about {100 * half:.0f} points from chance; "
            f"for {100 * SMALL:.0f} points it takes about {needed} like them."
        )

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        return {
            "sentence": self.sentence,
            "resolution": self.resolution,
            "settings": list(self.settings),
            "cases": self.cases,
            "fixed": list(self.fixed),
            "broken": list(self.broken),
            "unchanged": {"passed": list(self.passed), "failed": list(self.failed)},
            "tags": [asdict(each) for each in self.tags],
            "differences": [{**asdict(each), "verdict": each.verdict} for each in self.differences],
            "costs": [asdict(each) for each in self.costs],
        }


def compare(before: StoredReport, after: StoredReport, *, common: bool = False) -> Comparison:
    """Compare two reports of the same cases; ``common``: of those that both have, where they differ.

    Raises ``InputError`` if the reports asked different cases (see `stored.paired`).
    """
    pairs = paired(before, after, common)
    return Comparison(
        fixed=_ids(pairs, False, True),
        broken=_ids(pairs, True, False),
        passed=_ids(pairs, True, True),
        failed=_ids(pairs, False, False),
        differences=tuple(_differences(pairs)),
        settings=changed_settings(before, after),
        costs=tuple(_costs(pairs)),
        tags=tuple(_tags(pairs)),
    )


def _ids(pairs: Sequence[tuple[StoredCase, StoredCase]], before: bool, after: bool) -> tuple[str, ...]:
    return tuple(new["id"] for old, new in pairs if (old["passed"], new["passed"]) == (before, after))


def _costs(pairs: Sequence[tuple[StoredCase, StoredCase]]) -> Iterator[Cost]:
    """Yield what both runs say of the costs; a baseline holds no times."""
    tokens = _both(pairs, lambda case: case["metrics"].get("answer_tokens"))
    times = _both(pairs, lambda case: case.get("latency_ms"))
    for metric, values, summed in (
        ("answer_tokens", tokens, mean),
        ("latency_p50_ms", times, partial(percentile, percent=50)),
        ("latency_p95_ms", times, partial(percentile, percent=95)),
    ):
        before, after = (summed([each[side] for each in values]) for side in (0, 1))
        if before is not None and after is not None:
            yield Cost(metric, before, after)


def _both(
    pairs: Sequence[tuple[StoredCase, StoredCase]], value_of: Callable[[StoredCase], float | None]
) -> list[tuple[float, float]]:
    values = ((value_of(old), value_of(new)) for old, new in pairs)
    return [(before, after) for before, after in values if before is not None and after is not None]


def _tags(pairs: Sequence[tuple[StoredCase, StoredCase]]) -> Iterator[TagChange]:
    cases: Counter[str] = Counter()
    fixed: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    for old, new in pairs:
        tags = new.get("tags", ())
        cases.update(tags)
        if old["passed"] != new["passed"]:
            (fixed if new["passed"] else broken).update(tags)
    for tag in sorted(fixed.keys() | broken.keys()):
        yield TagChange(tag, cases[tag], fixed[tag], broken[tag])


def _differences(pairs: Sequence[tuple[StoredCase, StoredCase]]) -> Iterator[Difference]:
    weights = np.array([new.get("weight", 1.0) for _, new in pairs])
    table = {name: values for name, values in _values(pairs) if np.isfinite(values).all(axis=1).any()}
    drawn = _resampled(list(table.values()), weights)
    for number, (name, values) in enumerate(table.items()):
        both = np.isfinite(values).all(axis=1)
        old, new = np.average(values[both], axis=0, weights=weights[both])
        deltas = drawn[:, number]
        low, high = np.quantile(deltas[np.isfinite(deltas)], [0.025, 0.975])
        yield Difference(name, float(old), float(new), float(new - old), float(low), float(high), int(both.sum()))


def _values(pairs: Sequence[tuple[StoredCase, StoredCase]]) -> Iterator[tuple[str, Floats]]:
    """Yield each metric's name and its values before and after, shape (cases, 2), NaN where there is none.

    All metrics of a case are read together, while it is near: the cases of large reports lie all over the memory.
    """
    sides = ([[case["metrics"].get(name) for name in MEANS] for case in side] for side in zip(*pairs, strict=True))
    yield from zip(MEANS, np.stack([np.array(side, float) for side in sides], 1).transpose(2, 0, 1), strict=True)


def _resampled(columns: Sequence[Floats], weights: Floats) -> Floats:
    """Return the weighted mean differences of the columns over resampled cases, shape (RESAMPLES, columns)."""
    gaps = np.column_stack([column[:, 1] - column[:, 0] for column in columns])
    known = np.isfinite(gaps)
    sums = np.where(known, gaps, 0.0) * weights[:, None]
    counted = known * weights[:, None]
    random = np.random.default_rng(SEED)
    count = len(weights)
    rows = max(1, BLOCK // count)
    found = []
    for begin in range(0, RESAMPLES, rows):
        some = min(rows, RESAMPLES - begin)
        drawn = random.integers(0, count, (some, count)) + count * np.arange(some)[:, None]
        times = np.bincount(drawn.ravel(), minlength=some * count).reshape(some, count).astype(float)
        with np.errstate(invalid="ignore"):
            found.append((times @ sums) / (times @ counted))
    return np.vstack(found)


def render_comparison(comparison: Comparison) -> str:
    """Return a comparison as lines for a terminal: the sentence, what was changed, the cases and metrics that did."""
    lines = [comparison.sentence, *(f"  setting {change}" for change in comparison.settings)]
    for title, names in (("fixed", comparison.fixed), ("broken", comparison.broken)):
        lines += [f"  {title:8}{name}" for name in names]
    lines += [f"  tag {each.tag}: {each.fixed} fixed, {each.broken} broken of {each.cases}" for each in comparison.tags]
    moved = [each for each in comparison.differences if each.delta or each.low or each.high]
    if moved or comparison.costs:
        lines.append(f"{'metric':20}{'before':>9}{'after':>9}{'change':>9}  95% interval       n")
    for each in moved:
        verdict = f"  {each.verdict}" if each.verdict != "no difference" else ""
        lines.append(
            f"{each.metric:20}{each.before:9.4f}{each.after:9.4f}{each.delta:+9.4f}"
            f"  {each.low:+.4f} to {each.high:+.4f}{each.cases:6}{verdict}"
        )
    for cost in comparison.costs:
        lines.append(f"{cost.metric:20}{cost.before:9.1f}{cost.after:9.1f}{cost.after - cost.before:+9.1f}")
    same = len(comparison.differences) - len(moved)
    if same:
        lines.append(f"{same}{' other' if moved else ''} metrics are as before, case by case.")
    if comparison.resolution:
        lines.append(comparison.resolution)
    return "\n".join(lines)
