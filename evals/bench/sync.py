"""How long bringing a folder up to date takes when little or nothing in it has changed.

    python -m evals.bench.sync --data DIR [--characters 1500] [--json F]

The folder holds the beginnings of the news articles of ``realtimeqa``, a file each. It is indexed, then mirrored by
``citechat index add --sync`` in processes of their own: unchanged (three times, the median counts), and after a tenth
of the files moved and a tenth went. Seconds are those on the clock; ``cpu`` are those of the processor, which depend
less on what else the machine does.
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
from typing import TYPE_CHECKING

from evals.datasets import load

if TYPE_CHECKING:
    from collections.abc import Sequence

CITECHAT = (sys.executable, "-c", "import sys; from ui.cli import main; sys.exit(main())")
REPEATS = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print one JSON object: files, and seconds of each run."""
    parser = argparse.ArgumentParser(description="How fast citechat mirrors a folder.")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the public question sets")
    parser.add_argument("--characters", type=int, default=1500, help="how much of each article is kept")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures there too")
    options = parser.parse_args(arguments)
    (collection,) = load("realtimeqa", options.data)
    with tempfile.TemporaryDirectory() as place:
        folder, home = Path(place, "folder"), Path(place, "home")
        (folder / "moved").mkdir(parents=True)
        for name, text in collection.documents.items():
            (folder / name).write_text(text[: options.characters], encoding="utf-8")
        added = _seconds(folder, home)
        unchanged = [_seconds(folder, home) for _ in range(REPEATS)]
        names = sorted(collection.documents)
        for name in names[::10]:
            (folder / name).rename(folder / "moved" / name)
        for name in names[1::10]:
            (folder / name).unlink()
        figures = {
            "files": len(names),
            "add_s": added[0],
            "unchanged_s": median(clock for clock, _ in unchanged),
            "unchanged_cpu_s": median(cpu for _, cpu in unchanged),
            "tenth_moved_and_tenth_gone_s": _seconds(folder, home)[0],
        }
    text = json.dumps(figures, indent=2)
    sys.stdout.write(f"{text}\n")
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0


def _seconds(folder: Path, home: Path) -> tuple[float, float]:
    begun, used = perf_counter(), os.times()
    command = [*CITECHAT, "index", "add", "--sync", str(folder), "--home", str(home)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    now = os.times()
    cpu = now.children_user + now.children_system - used.children_user - used.children_system
    return round(perf_counter() - begun, 2), round(cpu, 2)


if __name__ == "__main__":
    sys.exit(main())
