"""``citechat index``: what is in the index."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ui.cli.console import Console, Subparsers, add_command, add_group, one_line, printable

if TYPE_CHECKING:
    from index.corpus import AddResult, Corpus
    from index.store.base import DocumentInfo

DAMAGED = 3
BAD_INPUT = 2

_FORMATS = """\
A file is known by its content rather than by its name. Markdown, plain text, HTML, PDF, Word (.docx); mail (.eml, .msg,
.mbox) and archives (.zip, .tar, .gz, .bz2, .xz). Letters of a mailbox, attachments and files in an archive become
documents of their own, called archive.zip/inner/report.md; each fails by itself.
"""


def add_commands(commands: Subparsers) -> None:
    """Add ``index`` and what belongs to it."""
    group = add_group(commands, "index", "add, list and check documents")
    parser = add_command(
        group,
        "add",
        _add,
        "add files and folders, or bring them up to date",
        "citechat index add reports/ notes.md inbox.mbox archive.zip",
        details=_FORMATS,
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder to search for files")
    parser.add_argument(
        "--password", default="", help="opens encrypted PDF files and archives; - asks for it; kept nowhere"
    )
    add_command(group, "list", _list, "list the documents", "citechat index list --json")
    parser = add_command(group, "show", _show, "print a document's text", "citechat index show reports/plan.md")
    parser.add_argument("document", metavar="ID", help="id or source of a document")
    parser = add_command(group, "remove", _remove, "remove documents", "citechat index remove reports/plan.md")
    parser.add_argument(
        "documents", nargs="+", metavar="ID", help="id or source of a document, or of the container it lies in"
    )
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
    corpus: Corpus, paths: Sequence[Path], console: Console, *, changes_only: bool = False, password: str = ""
) -> list[AddResult]:
    """Add documents with a progress bar and a line a document; ``changes_only`` leaves unchanged ones unsaid."""
    from tqdm import tqdm

    from index.corpus import find_files

    files = find_files(paths)
    with tqdm(total=len(files), unit="file", disable=None, leave=False) as bar:

        def report(result: AddResult) -> None:
            # A container is one file of many documents, and only tells so in the end.
            bar.total = max(len(files), bar.n + 1)
            bar.update()
            if not (changes_only and result.status == "unchanged"):
                bar.clear()
                console.line(_described(result))

        try:
            return corpus.add(files, report, password)
        except KeyboardInterrupt:
            console.say("What is listed above is stored. Run the same command again to go on.")
            raise


def _described(result: AddResult) -> str:
    passages = f"{result.passages} passages" if result.status in ("added", "replaced") else ""
    tail = "; ".join(filter(None, (passages, result.reason)))
    return one_line(f"{result.status:9}  {result.source}" + (f"  ({tail})" if tail else ""))


def _add(options: argparse.Namespace, console: Console) -> int:
    from index.corpus import AddStatus

    with open_corpus(options.home) as corpus:
        results = add_documents(corpus, options.paths, console, password=_password(options.password))
        if any(result.status == "replaced" for result in results):
            _tell_impact(corpus, options.home, console)
    found = Counter(result.status for result in results)
    counts = {status: found[status] for status in get_args(AddStatus)}
    console.result(
        {"counts": counts, "files": [asdict(result) for result in results]},
        ", ".join(f"{number} {status}" for status, number in counts.items()),
    )
    return BAD_INPUT if counts["failed"] else 0


def _password(given: str) -> str:
    """Return the password, asked for where none is to stand on the command line (which other users can see)."""
    return getpass("Password: ") if given == "-" else given


def _tell_impact(corpus: Corpus, home: Path | None, console: Console) -> None:
    """Say how many eval cases and saved answers cited what is gone; erase the answers that evals keep of it."""
    from evals.impact import altered, cited_by_saved_answers, counted, recall
    from evals.memory import forget
    from rag.settings import load_settings

    folder = load_settings(home).home
    forget(folder)
    changed = counted(altered([*recall(folder), *cited_by_saved_answers(folder)], corpus))
    if changed:
        console.say(f"{changed} cited text that is no longer there. See: citechat eval impact")


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
        _tell_impact(corpus, options.home, console)
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
