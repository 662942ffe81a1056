"""``citechat index remove | verify | compact``: what leaves the index, and the proof of what is in it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from ui import receipt
from ui.cli.console import Console, Subparsers, add_command, one_line
from ui.cli.opening import add_wait, open_corpus, tell_impact
from ui.counted import counted

if TYPE_CHECKING:
    from index.removal import Removal

DAMAGED = 3


def add_commands(group: Subparsers) -> None:
    """Add the commands to ``citechat index``."""
    parser = add_command(
        group, "remove", _remove, "remove documents, with a receipt", "citechat index remove reports/plan.md"
    )
    parser.add_argument(
        "documents",
        nargs="+",
        metavar="ID",
        help="id of a document, or a source: only that name goes; a container's name stands for all that lies in it",
    )
    add_wait(parser)
    parser = add_command(
        group, "verify", _verify, "prove that the index is sound, or mend it", "citechat index verify --repair"
    )
    parser.add_argument("--repair", action="store_true", help="mend what can be made again without embedding")
    add_wait(parser)
    parser = add_command(
        group,
        "compact",
        _compact,
        "give unused space back and leave no byte of removed documents",
        "citechat index compact",
    )
    add_wait(parser)


def _remove(options: argparse.Namespace, console: Console) -> int:
    with open_corpus(options.home, console, options.wait) as corpus:
        removed = corpus.remove(options.documents)
        tell_impact(corpus, options.home, console)
    told = [*map(_receipt, removed), *receipt.traces(removed, "run: citechat index compact")]
    console.result({"removed": [asdict(each) for each in removed]}, "\n".join(told))
    return DAMAGED if any(map(receipt.still_found, removed)) else 0


def _receipt(removal: Removal) -> str:
    first, *more = receipt.lines(removal, "run: citechat index verify --repair")
    return "\n".join(map(one_line, [f"removed    {first}", *(f"{'':10} {each}" for each in more)]))


def _verify(options: argparse.Namespace, console: Console) -> int:
    with open_corpus(options.home, console, options.wait) as corpus:
        mended = corpus.repair() if options.repair else []
        problems = corpus.verify()
        sound = "" if problems else _sound(corpus.stats().documents, corpus.stats().passages)
    lines = [*(f"mended     {each}" for each in mended), *(problems or [sound])]
    value = {"sound": not problems, "problems": problems} | ({"mended": mended} if options.repair else {})
    console.result(value, "\n".join(map(one_line, lines)))
    return DAMAGED if problems else 0


def _sound(documents: int, passages: int) -> str:
    return f"The index is sound: {counted(documents, 'document')}, {counted(passages, 'passage')}."


def _compact(options: argparse.Namespace, console: Console) -> int:
    with open_corpus(options.home, console, options.wait) as corpus:
        done = corpus.compact()
    console.result(asdict(done), f"The index took {done.before:,} bytes and takes {done.after:,} now.")
    return 0
