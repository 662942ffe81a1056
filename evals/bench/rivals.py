"""How fast citechat indexes and finds, beside other systems with the same weights on the same articles.

    python -m evals.bench.rivals --data DIR --venv FOLDER [--articles 100] [--rounds 1] [--systems NAME ...] [--json F]

The rivals live in a virtual environment of their own below ``--venv``, made at the first run with the versions in
`PINNED`. Every system runs in a process of its own, in turn, as often as ``--rounds`` says; the middle of its rounds is
what is shown. `evals.bench.systems` says what ``default`` and ``tuned`` are and what is timed.

What the columns mean. ``passages/s`` and ``tokens/s``: what the model read, by the seconds of the whole ingest.
Systems cut texts differently, so ``articles/s`` compares them best, and ``read`` is the share of the text that the
model saw: it cuts off what exceeds its window. ``ratio`` is citechat's figure by this row's, of passages and of
articles; ``by cpu`` of articles by processor time, which other work on the machine changes less. ``find`` is a
question's median until its five best passages are there; citechat's has both searches in it. ``hit@5``: one of the five
comes from an article with the answer in it, by the set's own weak labels, of the questions that have one among these
articles. Ratios hold within one run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from evals.bench.systems import RIVALS
from evals.datasets import article_text, read_lines
from index.errors import CitechatError, InputError
from rag.models import locate

TORCH = "torch==2.13.0"
PINNED = (
    "faiss-cpu==1.15.1",
    "haystack-ai==3.4.1",
    "langchain-community==0.4.2",
    "langchain-huggingface==1.2.3",
    "langchain-text-splitters==1.1.3",
    "llama-index-core==0.14.25",
    "llama-index-embeddings-huggingface==0.8.0",
    "llama-index-vector-stores-faiss==0.7.0",
    "sentence-transformers==6.2.0",
    "sentence-transformers-haystack==2.0.0",
    "txtai==9.14.0",
)
OURS = "citechat"
SYSTEMS = (OURS, *RIVALS)
MODEL = "all-MiniLM-L6-v2"
LIMIT = 5
SCRIPT = Path(__file__).with_name("systems.py")
ROOT = SCRIPT.parents[2]
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "LANGSMITH_TRACING": "false",
    "DO_NOT_TRACK": "1",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A system with its settings. ``read`` is a share from 0 to 1, ``hit`` too; ``answer_ms`` only where it answers."""

    system: str
    settings: str
    passages: int
    passages_per_s: float
    tokens_per_s: float
    articles_per_s: float
    articles_per_cpu_s: float
    read: float
    find_ms: float
    hit: float
    answer_ms: float | None


@dataclass(frozen=True, slots=True)
class Task:
    """Articles by file name, and questions with the files that an answer is in."""

    articles: Mapping[str, str]
    questions: Mapping[str, frozenset[str]]


def task(data: Path, articles: int) -> Task:
    """Take the first so many articles, and the questions that they answer.

    Raises:
        InputError: the data set is not there, or no question is answered by these articles.
    """
    folder = data / "realtimeqa"
    taken = read_lines(folder / "dev_2025h2.articles.jsonl.gz")[:articles]
    names = {article["url"]: f"{article['id']}.txt" for article in taken}
    questions = {
        question["question"]: frozenset(names[url] for url in question["urls_with_answer_string"] if url in names)
        for question in read_lines(folder / "dev_2025h2.questions.jsonl.gz")
    }
    answered = {question: files for question, files in questions.items() if files}
    if not answered:
        raise InputError("None of the questions is about these articles.", "Take more with --articles.")
    return Task({names[article["url"]]: article_text(article) for article in taken}, answered)


def environment(folder: Path) -> Path:
    """Return the Python of the rivals' virtual environment; make it if it is not complete.

    Raises ``subprocess.CalledProcessError`` if a package cannot be installed.
    """
    python, complete = folder / "bin" / "python", folder / "installed"
    wanted = "\n".join((TORCH, *PINNED))
    if complete.is_file() and complete.read_text(encoding="utf-8") == wanted:
        return python
    sys.stderr.write(f"Installing the rivals below {folder}; this takes minutes.\n")
    venv.create(folder, with_pip=True)
    # torch first and by itself: its CPU build, before anything could ask for another one.
    for packages in ((TORCH,), PINNED):
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
    complete.write_text(wanted, encoding="utf-8")
    return python


def run(system: str, settings: str, work: Task, python: Path) -> dict[str, Any]:
    """Run a system once in a process of its own and return its figures, see `evals.bench.systems.main`."""
    with tempfile.TemporaryDirectory() as place:
        folder, home, job = Path(place, "articles"), Path(place, "home"), Path(place, "job.json")
        folder.mkdir()
        home.mkdir()
        for name, text in work.articles.items():
            (folder / name).write_text(text, encoding="utf-8")
        content = {
            "folder": str(folder),
            "home": str(home),
            "model": str(locate(MODEL)),
            "questions": list(work.questions),
            "limit": LIMIT,
        }
        job.write_text(json.dumps(content), encoding="utf-8")
        # -P: the script's own folder has modules whose names others have too.
        command = [str(python), "-P", str(SCRIPT), system, settings, str(job)]
        own = {"PYTHONPATH": str(ROOT)} if system == OURS else {}
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**kept, **QUIET, **own})
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def row(system: str, settings: str, work: Task, rounds: Sequence[Mapping[str, Any]]) -> Row:
    """Sum the rounds of a system up: the middle of their times."""
    first = rounds[0]
    seconds = median(each["ingest_s"] for each in rounds)
    answers = [time for each in rounds for time in each["answer_ms"]]
    hits = [not files.isdisjoint(found) for files, found in zip(work.questions.values(), first["found"], strict=True)]
    return Row(
        system=system,
        settings=settings,
        passages=first["passages"],
        passages_per_s=first["passages"] / seconds,
        tokens_per_s=first["tokens"] / seconds,
        articles_per_s=len(work.articles) / seconds,
        articles_per_cpu_s=len(work.articles) / median(each["ingest_cpu_s"] for each in rounds),
        read=first["tokens"] / (first["tokens"] + first["cut_off"]),
        find_ms=median(time for each in rounds for time in each["find_ms"]),
        hit=sum(hits) / len(hits),
        answer_ms=median(answers) if answers else None,
    )


def table(rows: Sequence[Row]) -> str:
    """Show the rows as text, with citechat's figures by theirs."""
    ours = next((row for row in rows if row.system == OURS), None)
    lines = [
        f"{'system':11}{'settings':10}{'passages/s':>11}{'ratio':>7}{'articles/s':>12}{'ratio':>7}{'by cpu':>8}"
        f"{'tokens/s':>10}{'read':>7}{'find ms':>9}{'hit@5':>7}"
    ]
    for each in rows:
        ratios = ["", "", ""]
        if ours:
            ratios = [
                f"{ours.passages_per_s / each.passages_per_s:.2f}",
                f"{ours.articles_per_s / each.articles_per_s:.2f}",
                f"{ours.articles_per_cpu_s / each.articles_per_cpu_s:.2f}",
            ]
        lines.append(
            f"{each.system:11}{each.settings:10}{each.passages_per_s:11.1f}{ratios[0]:>7}{each.articles_per_s:12.2f}"
            f"{ratios[1]:>7}{ratios[2]:>8}{each.tokens_per_s:10,.0f}{each.read:7.0%}{each.find_ms:9.1f}{each.hit:7.2f}"
        )
    if ours and ours.answer_ms is not None:
        lines.append(f"citechat's whole answer, read and checked: {ours.answer_ms:.1f} ms at the median")
    return "\n".join(lines)


def compare(work: Task, systems: Sequence[str], rounds: int, python: Path | None) -> list[Row]:
    """Run the systems in turn, every rival by its defaults and tuned; ``python`` is the rivals' own."""
    turns = [
        (system, settings)
        for settings in ("default", "tuned")
        for system in systems
        if system != OURS or settings == "default"
    ]
    figures: dict[tuple[str, str], list[dict[str, Any]]] = {turn: [] for turn in turns}
    for number in range(rounds):
        for system, settings in turns:
            sys.stderr.write(f"{system}, {settings}, round {number + 1} of {rounds}: ")
            sys.stderr.flush()
            own = Path(sys.executable) if system == OURS else python
            if own is None:
                raise InputError(f"{system} needs a virtual environment.", "Name a folder for it with --venv.")
            done = run(system, settings, work, own)
            figures[system, settings].append(done)
            clock, processor = done["ingest_s"], done["ingest_cpu_s"]
            sys.stderr.write(f"{done['passages']} passages in {clock:.1f} s, {processor:.1f} s of the processor\n")
    return [row(*turn, work, found) for turn, found in figures.items()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and, if asked to, write the figures as JSON; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench.rivals", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the public question sets")
    parser.add_argument("--venv", type=Path, metavar="FOLDER", help="virtual environment of the rivals; made if needed")
    parser.add_argument("--articles", type=int, default=100, metavar="N")
    parser.add_argument("--rounds", type=int, default=1, metavar="N")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures there")
    options = parser.parse_args(arguments)
    try:
        work = task(options.data, options.articles)
        python = environment(options.venv) if options.venv and set(options.systems) - {OURS} else None
        rows = compare(work, options.systems, options.rounds, python)
    except CitechatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"{error}\n{(error.stderr or '')[-2000:]}\n")
        return 1
    sys.stdout.write(f"{len(work.articles)} articles, {len(work.questions)} questions\n{table(rows)}\n")
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in rows], indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
