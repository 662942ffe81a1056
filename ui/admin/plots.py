"""The plots of the operator's pages, drawn by matplotlib as SVG, in the colours of ``static/admin.css``.

They are pictures of their own (``<img>``), so the strict policy of the pages holds: nothing inline. Each page says in
words and in a table what a plot shows.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Draw = Callable[[Axes], None]

Look = Literal["light", "dark"]
Series = Mapping[str, Sequence[float | None]]
"""Lines by their names; ``None`` where nothing was measured."""

SIZE = (5.6, 2.8)
"""Width and height in inches."""
_LABELS = 8
"""Labels along the horizontal axis, at most."""
_UPRIGHT, _LONGEST = 7, 24
"""Characters of a label up to which labels stand side by side, and up to which one is written out."""
_STYLES = ("-o", "--s", ":^", "-.D")
"""Lines differ in more than their colour."""


@dataclass(frozen=True, slots=True)
class Colours:
    """What a look draws with."""

    ink: str
    line: str
    card: str
    series: tuple[str, ...]


LOOKS: dict[Look, Colours] = {
    "light": Colours("#1f1d1a", "#d9d4ca", "#ffffff", ("#0b6355", "#2348c7", "#a52a2a", "#625d55")),
    "dark": Colours("#edeae3", "#45413b", "#201f1c", ("#79d3bd", "#9db4ff", "#ff9d94", "#aaa499")),
}
_ONE_AT_A_TIME = threading.Lock()
"""matplotlib's settings belong to the whole process, and it does not bear being imported by two threads at once."""


def lines(labels: Sequence[str], series: Series, unit: str, look: Look, top: float | None = None) -> bytes:
    """Draw lines over labelled steps; ``top`` is the end of the vertical axis."""

    def draw(axes: Axes) -> None:
        for number, (name, values) in enumerate(series.items()):
            shown = [float("nan") if value is None else value for value in values]
            axes.plot(range(len(labels)), shown, _STYLES[number % len(_STYLES)], label=name, markersize=4)
        axes.set_ylim(0, top)
        axes.set_ylabel(unit)
        _label_steps(axes, labels)
        _name_series(axes, series)

    return _drawn(draw, look)


def bars(labels: Sequence[str], series: Series, unit: str, look: Look) -> bytes:
    """Draw numbers of each step as bars, one series on top of another."""

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        below = [0.0] * len(labels)
        for number, (name, values) in enumerate(series.items()):
            heights = [value or 0.0 for value in values]
            axes.bar(range(len(labels)), heights, bottom=below, label=name, hatch=("", "//", "..")[number % 3])
            below = [sum(pair) for pair in zip(below, heights, strict=True)]
        axes.set_ylabel(unit)
        axes.set_xlim(-0.8, max(len(labels), _LABELS) - 0.2)  # a few bars are not as broad as the plot
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        _label_steps(axes, labels)
        _name_series(axes, series)

    return _drawn(draw, look)


def changes(names: Sequence[str], intervals: Sequence[tuple[float, float, float]], look: Look) -> bytes:
    """Draw, for each metric, how much it changed: ``(change, low, high)``, in the order of ``names`` from above."""

    def draw(axes: Axes) -> None:
        rows = range(len(names) - 1, -1, -1)
        middle = [change for change, _, _ in intervals]
        reach = [
            [change - low for change, low, _ in intervals],
            [high - change for change, _, high in intervals],
        ]
        axes.errorbar(middle, list(rows), xerr=reach, fmt="o", capsize=3)
        axes.axvline(0, color=LOOKS[look].ink, linewidth=1)
        axes.set_yticks(list(rows), list(names))
        axes.set_xlabel("change, with its 95% interval")

    return _drawn(draw, look, height=max(1.6, 0.28 * len(names) + 0.8))


def _drawn(draw: Draw, look: Look, height: float = SIZE[1]) -> bytes:
    with _ONE_AT_A_TIME:
        return _alone(draw, LOOKS[look], height)


def _alone(draw: Draw, colours: Colours, height: float) -> bytes:
    from cycler import cycler
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "axes.edgecolor": colours.line,
        "axes.facecolor": colours.card,
        "axes.labelcolor": colours.ink,
        "axes.prop_cycle": cycler(color=colours.series),
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.facecolor": colours.card,
        "font.family": "sans-serif",
        "grid.color": colours.line,
        "hatch.color": colours.card,
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": "citechat",  # the same drawing is the same bytes
        "text.color": colours.ink,
        "text.parse_math": False,  # names of runs are anybody's
        "xtick.color": colours.ink,
        "ytick.color": colours.ink,
    }
    with rc_context(settings):
        figure = Figure((SIZE[0], height), layout="constrained")
        draw(figure.add_subplot())
        written = io.BytesIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()


def _name_series(axes: Axes, series: Series) -> None:
    if series:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(series), frameon=False, fontsize="small")


def _label_steps(axes: Axes, labels: Sequence[str]) -> None:
    every = max(1, -(-len(labels) // _LABELS))
    shown = [_shortened(label) for label in labels[::every]]
    axes.set_xticks(range(0, len(labels), every), shown)
    if any(len(label) > _UPRIGHT for label in shown):
        axes.tick_params("x", rotation=20)


def _shortened(label: str) -> str:
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"
