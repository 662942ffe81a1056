"""What becomes of real files: how many give text, how many a clear reason, and how much of their words is kept.

    python -m evals.bench.parsing --data DIR [--json F]

Every file below ``DIR/parser_files`` goes through the readers as ``index add`` sends it there, in a process of its own
under limits. ``fidelity`` compares the words with the texts that the set expects of some files. ``pdftotext`` and
``markitdown`` read the same files where they are installed; ``kept`` is the share of their words that citechat has too.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from statistics import mean
from time import perf_counter
from typing import Any, Literal

from index.errors import ReadError
from index.readers.worker import ReaderProcess

Outcome = Literal["text", "refused", "failed"]

_WORD = re.compile(r"\w+")
_ACCIDENT = re.compile(r"is damaged: \w+: |crashed its reader|took longer than")
"""What a reader says that did not know what went wrong."""

_TIMEOUT = 60.0
_OWN_FILES = frozenset(("MANIFEST.jsonl", "README.md", "SHA256SUMS"))


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a tool made of a file; ``seconds`` by the clock. ``reason`` says why there is no text."""

    outcome: Outcome
    text: str
    seconds: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """The files of a kind as a tool read them; ``None`` stands for a share (0 to 1) that nothing is known of."""

    kind: str
    tool: str
    files: int
    text: int
    refused: int
    failed: int
    seconds: float
    fidelity: float | None
    compared: int
    kept: float | None


Tool = Callable[[Path], str]


def attempt(tool: Tool, path: Path) -> Attempt:
    """Let ``tool`` read a file. A ``ReadError`` that says what is wrong is a refusal, anything else a failure."""
    start = perf_counter()
    try:
        text = tool(path)
    except ReadError as error:
        outcome: Outcome = "failed" if _ACCIDENT.search(error.problem) else "refused"
        return Attempt(outcome, "", perf_counter() - start, error.problem)
    except Exception as error:  # noqa: BLE001  (other tools raise what they like)
        return Attempt("failed", "", perf_counter() - start, f"{type(error).__name__}: {error}")
    has_words = _WORD.search(text) is not None
    return Attempt("text" if has_words else "refused", text, perf_counter() - start, "" if has_words else "no text")


def words(text: str) -> Counter[str]:
    """Count the words of ``text``, in lower case."""
    return Counter(_WORD.findall(text.lower()))


def fidelity(text: str, expected: str) -> float:
    """Return the F1 of two texts' words: twice the words in common, each as often as in both, by all words."""
    found, wanted = words(text), words(expected)
    total = found.total() + wanted.total()
    return 2 * (found & wanted).total() / total if total else 1.0


def kept(text: str, other: str) -> float | None:
    """Return the share of the different words of ``other`` that ``text`` has, ``None`` if it has no words."""
    wanted = words(other).keys()
    return len(wanted & words(text).keys()) / len(wanted) if wanted else None


def expected_texts(paths: Sequence[Path]) -> dict[Path, str]:
    """Return what the set expects of some files: Markdown beside them, or their elements as JSON."""
    found: dict[Path, str] = {}
    by_place = {(path.parent, path.name): path for path in paths}
    for path in paths:
        beside = path.parent / "expected_outputs" / f"{path.stem}.md"
        if path.suffix == ".pdf" and beside.exists():
            found[path] = beside.read_text(encoding="utf-8")
    for path in (each for each in paths if each.suffix == ".json"):
        elements: Any = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(elements, list) or not all("element_id" in dict(each) for each in elements):
            continue
        name = elements[0]["metadata"].get("filename", "")
        if original := by_place.get((path.parent, name)):
            found[original] = "\n".join(each["text"] for each in elements)
    return {path: text for path, text in found.items() if text.strip()}


def _read(reader: ReaderProcess, path: Path) -> str:
    """Return the text of a file and of all files in it. Raises the first ``ReadError`` if there is none."""
    outcomes = [reading.outcome for reading in reader.unpack(path, path.name)]
    texts = [outcome.text for outcome in outcomes if not isinstance(outcome, ReadError)]
    if not texts:
        raise next((each for each in outcomes if isinstance(each, ReadError)), ReadError(f"{path.name} holds no file."))
    return "\n".join(texts)


def measure(paths: Sequence[Path], tools: dict[str, Tool]) -> tuple[list[Line], list[tuple[Path, Attempt]]]:
    """Return the lines of the table, kind by kind, and what the first tool got no text of."""
    expected = expected_texts(paths)
    lines: list[Line] = []
    without_text: list[tuple[Path, Attempt]] = []
    for kind in sorted({path.suffix.lower() for path in paths}):
        chosen = [path for path in paths if path.suffix.lower() == kind]
        ours: dict[Path, Attempt] = {}
        for name, tool in tools.items():
            attempts = {path: attempt(tool, path) for path in chosen if name != "pdftotext" or kind == ".pdf"}
            ours = ours or attempts
            lines += [_line(kind, name, attempts, expected, ours)] if attempts else []
        without_text += [(path, each) for path, each in ours.items() if each.outcome != "text"]
    return lines, without_text


def _line(
    kind: str, tool: str, attempts: dict[Path, Attempt], expected: dict[Path, str], ours: dict[Path, Attempt]
) -> Line:
    counts = Counter(each.outcome for each in attempts.values())
    likeness = [fidelity(attempts[path].text, expected[path]) for path in attempts if path in expected]
    shares = [kept(ours[path].text, each.text) for path, each in attempts.items()] if attempts is not ours else []
    return Line(
        kind=kind or "none",
        tool=tool,
        files=len(attempts),
        text=counts["text"],
        refused=counts["refused"],
        failed=counts["failed"],
        seconds=sum(each.seconds for each in attempts.values()),
        fidelity=_mean(likeness),
        compared=len(likeness),
        kept=_mean(share for share in shares if share is not None),
    )


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return mean(found) if found else None


def other_tools() -> dict[str, Tool]:
    """Return the tools to compare with that are installed."""
    tools: dict[str, Tool] = {}
    if program := which("pdftotext"):
        tools["pdftotext"] = lambda path: subprocess.run(
            [program, "-q", path, "-"], capture_output=True, timeout=_TIMEOUT, check=True
        ).stdout.decode("utf-8", "replace")
    if find_spec("markitdown") is not None:
        convert = import_module("markitdown").MarkItDown().convert
        tools["markitdown"] = lambda path: str(convert(str(path)).text_content)
    return tools


def table(lines: Sequence[Line]) -> str:
    """Return the lines as text."""
    rows = [
        f"{'kind':9}{'tool':12}{'files':>6}{'text':>6}{'refused':>9}{'failed':>8}{'seconds':>9}  fidelity      kept"
    ]
    for line in lines:
        likeness = "" if line.fidelity is None else f"{line.fidelity:.3f} ({line.compared})"
        share = "" if line.kept is None else f"{line.kept:.3f}"
        counts = f"{line.files:6}{line.text:6}{line.refused:9}{line.failed:8}{line.seconds:9.1f}"
        rows.append(f"{line.kind:9}{line.tool:12}{counts}  {likeness:12}{share:>6}")
    return "\n".join(row.rstrip() for row in rows) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 1 if a file failed without a clear reason."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench.parsing")
    parser.add_argument("--data", type=Path, required=True, help="folder with the files in its folder parser_files")
    parser.add_argument("--json", type=Path, help="write the table there too")
    options = parser.parse_args(arguments)
    folder = options.data / "parser_files"
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in _OWN_FILES]
    paths = [path for path in paths if path.parent.name != "expected_outputs"]
    if not paths:
        parser.error(f"there is no file in {folder}")
    with ReaderProcess(seconds=_TIMEOUT) as reader:
        tools: dict[str, Tool] = {"citechat": lambda path: _read(reader, path)}
        lines, without_text = measure(paths, tools | other_tools())
    sys.stdout.write(table(lines) + "\n")
    for path, each in without_text:
        sys.stdout.write(f"{each.outcome:8} {path.relative_to(folder)}: {each.reason}\n")
    if options.json:
        options.json.write_text(json.dumps([asdict(line) for line in lines], indent=1), encoding="utf-8")
    return 1 if any(line.failed for line in lines if line.tool == "citechat") else 0


if __name__ == "__main__":
    raise SystemExit(main())
