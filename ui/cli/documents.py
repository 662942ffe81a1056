"""``citechat index``: what is in the index."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ui.cli.console import Console, Subparsers, add_command, add_group, one_line, printable

if TYPE_CHECKING:
    from index.corpus import AddResult, Corpus
    from index.store.base import DocumentInfo

DAMAGED = 3
BAD_INPUT = 2


def add_commands(commands: Subparsers) -> None:
    """Add ``index`` and what belongs to it."""
    group = add_group(commands, "index", "add, list and check documents")
    parser = add_command(
        group, "add", _add, "add files and folders, or bring them up to date", "citechat index add reports/ notes.md"
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    add_command(group, "list", _list, "list the documents", "citechat index list --json")
    parser = add_command(group, "show", _show, "print a document's text", "citechat index show reports/plan.md")
    parser.add_argument("document", metavar="ID", help="id or source of a document")
    parser = add_command(group, "remove", _remove, "remove documents", "citechat index remove reports/plan.md")
    parser.add_argument("documents", nargs="+", metavar="ID", help="id or source of a document")
    add_command(group, "verify", _verify, "prove that the index is sound", "citechat index verify")
    add_command(group, "stats", _stats, "count what is indexed", "citechat index stats")


@contextmanager
def open_corpus(home: Path | None) -> Iterator[Corpus]:
    """Open the index of a home folder."""
    from rag.pipeline import open_pipeline
    from rag.settings import load_settings

    with open_pipeline(load_settings(home, llm="none")) as pipeline:
        yield pipeline.corpus


def add_documents(
    corpus: Corpus, paths: Sequence[Path], console: Console, *, changes_only: bool = False
) -> list[AddResult]:
    """Add documents with a progress bar and a line a file; ``changes_only`` leaves unchanged ones unsaid."""
    from tqdm import tqdm

    from index.corpus import find_files

    files = find_files(paths)
    with tqdm(total=len(files), unit="file", disable=None, leave=False) as bar:

        def report(result: AddResult) -> None:
            bar.update()
            if not (changes_only and result.status == "unchanged"):
                bar.clear()
                console.line(_described(result))

        try:
            return corpus.add(files, report)
        except KeyboardInterrupt:
            console.say("What is listed above is stored. Run the same command again to go on.")
            raise


def _described(result: AddResult) -> str:
    tail = {"failed": result.reason, "unchanged": ""}.get(result.status, f"{result.passages} passages")
    return one_line(f"{result.status:9}  {result.source}" + (f"  ({tail})" if tail else ""))


def _add(options: argparse.Namespace, console: Console) -> int:
    from index.corpus import AddStatus

    with open_corpus(options.home) as corpus:
        results = add_documents(corpus, options.paths, console)
    found = Counter(result.status for result in results)
    counts = {status: found[status] for status in get_args(AddStatus)}
    console.result(
        {"counts": counts, "files": [asdict(result) for result in results]},
        ", ".join(f"{number} {status}" for status, number in counts.items()),
    )
    return BAD_INPUT if counts["failed"] else 0


def _list(options: argparse.Namespace, console: Console) -> int:
    with open_corpus(options.home) as corpus:
        documents = corpus.documents()
    lines = [_row(info) for info in documents] or ["No documents yet. Add some: citechat index add PATH"]
    console.result([asdict(info) for info in documents], "\n".join(lines))
    return 0


def _row(info: DocumentInfo) -> str:
    published = info.metadata.get("published", "")
    return one_line(f"{info.id}  {published:10}  {info.passages:5}  {', '.join(info.sources)}  {info.title}")


def _show(options: argparse.Namespace, console: Console) -> int:
    with open_corpus(options.home) as corpus:
        document = corpus.document(corpus.find(options.document).id)
    facts = {"title": document.title, "source": document.source, **document.metadata}
    head = "\n".join(one_line(f"{name}: {value}") for name, value in facts.items())
    value = {
        "id": document.id,
        "source": document.source,
        "title": document.title,
        "metadata": dict(document.metadata),
        "pages": [asdict(page) for page in document.pages],
        "text": document.text,
    }
    console.result(value, printable(f"{head}\n\n{document.text}"))
    return 0


def _remove(options: argparse.Namespace, console: Console) -> int:
    with open_corpus(options.home) as corpus:
        removed = corpus.remove(options.documents)
    lines = [one_line(f"removed    {', '.join(info.sources)}  ({info.passages} passages)") for info in removed]
    console.result({"removed": [asdict(info) for info in removed]}, "\n".join(lines))
    return 0


def _verify(options: argparse.Namespace, console: Console) -> int:
    with open_corpus(options.home) as corpus:
        problems = corpus.verify()
        totals = corpus.stats()
    sound = f"The index is sound: {totals.documents} documents, {totals.passages} passages."
    console.result({"sound": not problems, "problems": problems}, "\n".join(map(one_line, problems)) or sound)
    return DAMAGED if problems else 0


def _stats(options: argparse.Namespace, console: Console) -> int:
    with open_corpus(options.home) as corpus:
        totals = asdict(corpus.stats())
    console.result(totals, "\n".join(f"{name:11}{number:>12,}" for name, number in totals.items()))
    return 0
