"""What becomes of real files: how many give text, how many a clear reason, and how much of their words is kept.

    python -m evals.bench.parsing --data DIR [--markitdown PYTHON] [--worst N] [--kinds SUFFIX...] [--json F]

Every file below ``DIR/parser_files`` goes through the readers as ``index add`` sends it there, in a process of its own
under limits. ``fidelity`` compares the words with the texts that the set expects of some files. ``pdftotext``, where it
is installed, and markitdown, in the environment that the interpreter ``PYTHON`` belongs to, read the same files;
``kept`` is the share of their words that citechat has too. ``--worst`` names the files of each kind with the least.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
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
_SHOWN_WORDS = 12
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


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What citechat lacks of a file: its likeness to the text that is expected, or the words that ``tool`` has."""

    path: Path
    tool: str
    share: float
    missing: tuple[str, ...]


Tool = Callable[[Path], str]

_MARKITDOWN = """
import json, sys, warnings
out, sys.stdout = sys.stdout, sys.stderr
from markitdown import MarkItDown
warnings.simplefilter("ignore")
convert = MarkItDown().convert
out.write("ready\\n")
out.flush()
for line in sys.stdin:
    try:
        answer = {"text": str(convert(json.loads(line)).text_content)}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    out.write(json.dumps(answer) + "\\n")
    out.flush()
"""


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


def measure(
    paths: Sequence[Path], tools: dict[str, Tool], worst: int = 0
) -> tuple[list[Line], list[tuple[Path, Attempt]], list[Shortfall]]:
    """Return the lines of the table, kind by kind, what the first tool got no text of, and where it falls short most.

    Of each kind and other tool, ``worst`` files at most are named for the latter.
    """
    expected = expected_texts(paths)
    lines: list[Line] = []
    without_text: list[tuple[Path, Attempt]] = []
    short: list[Shortfall] = []
    for kind in sorted({path.suffix.lower() for path in paths}):
        chosen = [path for path in paths if path.suffix.lower() == kind]
        ours: dict[Path, Attempt] = {}
        for name, tool in tools.items():
            attempts = {path: attempt(tool, path) for path in chosen if name != "pdftotext" or kind == ".pdf"}
            ours = ours or attempts
            lines += [_line(kind, name, attempts, expected, ours)] if attempts else []
            short += _worst(name, attempts, expected, ours, worst)
        without_text += [(path, each) for path, each in ours.items() if each.outcome != "text"]
    return lines, without_text, short


def _worst(
    tool: str, attempts: dict[Path, Attempt], expected: dict[Path, str], ours: dict[Path, Attempt], number: int
) -> list[Shortfall]:
    """Return the files where the first tool lacks most of what is expected, or of what another one has."""
    found: list[Shortfall] = []
    for path, each in attempts.items():
        wanted = expected.get(path, "") if attempts is ours else each.text
        share = fidelity(each.text, wanted) if attempts is ours else kept(ours[path].text, wanted)
        if wanted and share is not None and share < 1:
            missing = sorted(words(wanted).keys() - words(ours[path].text).keys())
            found.append(Shortfall(path, "what is expected" if attempts is ours else tool, share, tuple(missing)))
    return sorted(found, key=lambda short: short.share)[:number]


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


class _MarkItDown:
    """markitdown in an environment of its own, one process for all files; starting it is not counted as reading."""

    def __init__(self, python: Path) -> None:
        self._python = python
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, path: Path) -> str:
        """Return the text of a file. Raises ``RuntimeError`` with what markitdown says, or that it took too long."""
        process = self._running()
        timer = threading.Timer(_TIMEOUT, process.kill)
        timer.start()
        try:
            if process.stdin is None or process.stdout is None:
                raise RuntimeError("markitdown has no pipes")
            process.stdin.write(json.dumps(str(path)) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        finally:
            timer.cancel()
        answer: dict[str, str] = json.loads(line) if line else {"error": "markitdown ended, or took too long"}
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["text"]

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [self._python, "-c", _MARKITDOWN],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            if self._process.stdout is not None:
                self._process.stdout.readline()
        return self._process

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


def other_tools(markitdown: _MarkItDown | None = None) -> dict[str, Tool]:
    """Return the tools to compare with that are there."""
    tools: dict[str, Tool] = {}
    if program := which("pdftotext"):
        tools["pdftotext"] = lambda path: subprocess.run(
            [program, "-q", path, "-"], capture_output=True, timeout=_TIMEOUT, check=True
        ).stdout.decode("utf-8", "replace")
    return tools | ({"markitdown": markitdown} if markitdown else {})


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
    parser.add_argument("--markitdown", type=Path, metavar="PYTHON", help="interpreter that can import markitdown")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="name so many files of each kind")
    parser.add_argument("--kinds", nargs="+", metavar="SUFFIX", help="only files with these suffixes, such as .pdf")
    options = parser.parse_args(arguments)
    folder = options.data / "parser_files"
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in _OWN_FILES]
    paths = [path for path in paths if path.parent.name != "expected_outputs"]
    paths = [path for path in paths if not options.kinds or path.suffix.lower() in options.kinds]
    if not paths:
        parser.error(f"there is no file in {folder}")
    markitdown = _MarkItDown(options.markitdown) if options.markitdown else None
    with ReaderProcess(seconds=_TIMEOUT) as reader:
        tools: dict[str, Tool] = {"citechat": lambda path: _read(reader, path)}
        try:
            lines, without_text, short = measure(paths, tools | other_tools(markitdown), options.worst)
        finally:
            if markitdown:
                markitdown.close()
    sys.stdout.write(table(lines) + "\n")
    for path, failed in without_text:
        sys.stdout.write(f"{failed.outcome:8} {path.relative_to(folder)}: {failed.reason}\n")
    for each in short:
        missing = " ".join(each.missing[:_SHOWN_WORDS]) or "no word, but too many or too few"
        sys.stdout.write(f"{each.share:.3f} of {each.tool}, {each.path.relative_to(folder)}: lacks {missing}\n")
    if options.json:
        options.json.write_text(json.dumps([asdict(line) for line in lines], indent=1), encoding="utf-8")
    return 1 if any(line.failed for line in lines if line.tool == "citechat") else 0


if __name__ == "__main__":
    raise SystemExit(main())
