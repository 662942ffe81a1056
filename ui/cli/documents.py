"""``citechat index add | list | show | stats``: what is in the index."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, get_args

from index.errors import InputError
from ui.cli import migration, readers, upkeep
from ui.cli.console import Console, Subparsers, add_command, add_group, one_line, printable
from ui.cli.jobs import queue_files
from ui.cli.opening import add_wait, open_corpus, tell_impact
from ui.counted import counted

if TYPE_CHECKING:
    from tqdm import tqdm

    from index.corpus import Corpus
    from index.intake import AddResult
    from index.store.base import DocumentInfo

BAD_INPUT = 2

_FORMATS = """\
A file is known by its content rather than by its name. Text: Markdown, plain text, HTML, XML, PDF, Word, RTF,
OpenDocument, EPUB, notebooks, subtitles, logs; of files that are named also settings and source code, which folders are
not searched for. Tables: Excel, .ods, .csv, .tsv, .json, .jsonl. Slides: PowerPoint, .odp. Mail (.eml, .msg,
.mbox) and archives (.zip, .tar, .gz, .bz2, .xz): letters of a mailbox, attachments, those of a PDF too, and files in
an archive become documents of their own, called archive.zip/inner/report.md; each fails by itself.
"""

_NAMED_UNCHANGED = 20
"""Unchanged files that are listed one by one; of a large folder, most would be."""

_NAMED_SUFFIXES = 8

_OF_SYNC = ("moved", "deleted")
"""What only ``--sync`` reports."""


def add_commands(commands: Subparsers) -> None:
    """Add ``index`` and what belongs to it."""
    group = add_group(commands, "index", "add, list and check documents")
    parser = add_command(
        group,
        "add",
        _add,
        "add files and folders, or bring them up to date",
        "citechat index add --sync reports/",
        details=_FORMATS,
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder to search for files")
    parser.add_argument(
        "--password", default="", help="opens encrypted PDF files and archives; - asks for it; kept nowhere"
    )
    parser.add_argument(
        "--sync",
        action="store_true",
        help="mirror folders: also follow files that moved, and remove what is gone; a file whose size and time of "
        "change are as before is trusted to be unchanged",
    )
    parser.add_argument("--allow-empty", action="store_true", help="with --sync: a folder may have lost everything")
    parser.add_argument(
        "--queue", action="store_true", help="leave them to the workers (citechat worker); needs a store in PostgreSQL"
    )
    add_wait(parser)
    add_command(group, "list", _list, "list the documents", "citechat index list --json")
    parser = add_command(group, "show", _show, "print a document's text", "citechat index show reports/plan.md")
    parser.add_argument("document", metavar="ID", help="id or source of a document")
    upkeep.add_commands(group)
    migration.add_commands(group)
    readers.add_commands(group)
    add_command(group, "stats", _stats, "count what is indexed", "citechat index stats")


def add_documents(
    corpus: Corpus, paths: Sequence[Path], console: Console, *, changes_only: bool = False, password: str = ""
) -> list[AddResult]:
    """Add documents with a progress bar and a line a document; ``changes_only`` leaves unchanged ones unsaid."""
    from index.files import find_files

    files = find_files(paths)
    with _progress(console, len(files), changes_only=changes_only) as report:
        return corpus.add(files, report, password)


def sync_folders(
    corpus: Corpus, paths: Sequence[Path], console: Console, password: str = "", *, allow_empty: bool
) -> list[AddResult]:
    """Make the index the mirror of folders, with a line a file."""
    from index.sync import sync_folder

    with _progress(console, 0) as report:
        return [
            result
            for path in paths
            for result in sync_folder(
                corpus, path, report, expect=report.expect, password=password, allow_empty=allow_empty
            )
        ]


class _Report:
    """A line a document, above a bar that counts files."""

    def __init__(self, bar: tqdm[NoReturn], console: Console, *, changes_only: bool) -> None:
        self._bar = bar
        self._total = int(bar.total or 0)
        self._console = console
        self._unchanged_left = 0 if changes_only else _NAMED_UNCHANGED
        self._changes_only = changes_only
        self.has_listed = False

    def expect(self, files: int) -> None:
        """Count so many files more as still to come."""
        self._total += files
        self._bar.total = self._total
        self._bar.refresh()

    def __call__(self, result: AddResult) -> None:
        # A container is one file of many documents, and only tells so in the end.
        self._bar.total = max(self._total, int(self._bar.n) + 1)
        self._bar.update()
        if result.status == "unchanged" and not result.reason:
            self._unchanged_left -= 1
            if self._unchanged_left < 0:
                if self._unchanged_left == -1 and not self._changes_only:
                    self._line("unchanged  and more, which are only counted")
                return
        self._line(_described(result))

    def _line(self, text: str) -> None:
        self.has_listed = True
        self._bar.clear()
        self._console.line(text)
        self._bar.refresh()  # the next file may take a while


@contextmanager
def _progress(console: Console, total: int, *, changes_only: bool = False) -> Iterator[_Report]:
    from tqdm import tqdm

    # Files come in batches: only the mean over all of them tells how long the rest takes.
    with tqdm(total=total, unit="file", disable=None, leave=False, smoothing=0) as bar:
        report = _Report(bar, console, changes_only=changes_only)
        try:
            yield report
        except KeyboardInterrupt:
            told = "What is listed above is stored" if report.has_listed else "Nothing was changed"
            bar.clear()
            console.say(f"{'What is stored stays' if console.as_json else told}. Run the same command again to go on.")
            raise


def _described(result: AddResult) -> str:
    notes = {"failed": result.reason, "moved": f"from {result.before}", "deleted": ""}
    passages = counted(result.passages, "passage") if result.status in ("added", "replaced") else ""
    tail = notes.get(result.status, "; ".join(filter(None, (passages, result.reason))))
    return one_line(f"{result.status:9}  {result.source}" + (f"  ({tail})" if tail else ""))


def _add(options: argparse.Namespace, console: Console) -> int:
    from index.intake import AddStatus

    if options.allow_empty and not options.sync:
        raise InputError("--allow-empty says what --sync may do.", "Say both, or neither.")
    if options.queue:
        if options.sync or options.password:
            raise InputError("--queue goes with neither --sync nor --password.", "Add those files without --queue.")
        return queue_files(options.home, options.paths, console)
    with open_corpus(options.home, console, options.wait) as corpus:
        password = _password(options.password)
        if options.sync:
            results = sync_folders(corpus, options.paths, console, password, allow_empty=options.allow_empty)
        else:
            results = add_documents(corpus, options.paths, console, password=password)
        if any(result.status in ("replaced", "deleted") for result in results):
            tell_impact(corpus, options.home, console)
    _tell_left_out(options.paths, console)
    found = Counter(result.status for result in results)
    counts = {status: found[status] for status in get_args(AddStatus) if options.sync or status not in _OF_SYNC}
    console.result(
        {"counts": counts, "files": [asdict(result) for result in results]},
        ", ".join(f"{number} {status}" for status, number in counts.items()),
    )
    return BAD_INPUT if counts["failed"] else 0


def _tell_left_out(paths: Sequence[Path], console: Console) -> None:
    """Say which files of the folders are passed over, by their suffixes."""
    from index.files import left_out

    others = left_out(paths)
    if others:
        shown = [f"{number} {suffix or 'without a suffix'}" for suffix, number in others.most_common(_NAMED_SUFFIXES)]
        more = others.total() - sum(number for _, number in others.most_common(_NAMED_SUFFIXES))
        listed = ", ".join([*shown, *([f"{more} others"] if more else [])])
        console.say(
            f"Passed over, because documents rarely have these formats: {one_line(listed)}. "
            "A file that you name is read if there is text in it."
        )


def _password(given: str) -> str:
    """Return the password, asked for where none is to stand on the command line (which other users can see)."""
    return getpass("Password: ") if given == "-" else given


def _list(options: argparse.Namespace, console: Console) -> int:
    with open_corpus(options.home, console) as corpus:
        documents = corpus.documents()
    lines = [_row(info) for info in documents] or ["No documents yet. Add some: citechat index add PATH"]
    console.result([asdict(info) for info in documents], "\n".join(lines))
    return 0


def _row(info: DocumentInfo) -> str:
    published = info.metadata.get("published", "")
    return one_line(f"{info.id}  {published:10}  {info.passages:5}  {', '.join(info.sources)}  {info.title}")


def _show(options: argparse.Namespace, console: Console) -> int:
    with open_corpus(options.home, console) as corpus:
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


def _stats(options: argparse.Namespace, console: Console) -> int:
    with open_corpus(options.home, console) as corpus:
        totals = asdict(corpus.stats())
    console.result(totals, "\n".join(f"{name:11}{number:>12,}" for name, number in totals.items()))
    return 0
