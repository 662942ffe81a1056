"""How commands open the index, how long they wait for another one that writes to it, and what a change touches."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ui.cli.console import Console

if TYPE_CHECKING:
    from index.corpus import Corpus


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Add ``--wait`` to a command that changes the index."""
    parser.add_argument(
        "--wait", type=_seconds, metavar="SECONDS", help="wait at most so long for another writer (default 600)"
    )


def _seconds(text: str) -> float:
    """Return how long to wait, in seconds. Raises ``ArgumentTypeError`` for what is no such time."""
    with suppress(ValueError):
        if (seconds := float(text)) >= 0:
            return seconds
    raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0 on")


@contextmanager
def open_corpus(home: Path | None, console: Console, wait: float | None = None) -> Iterator[Corpus]:
    """Open the index of a home folder; ``wait`` is how long a change waits for another writer, in seconds."""
    from index.store.lock import WAIT
    from rag import opening
    from rag.settings import load_settings

    with opening.open_corpus(load_settings(home, llm="none")) as corpus:
        corpus.store.patience(WAIT if wait is None else wait, console.say)
        yield corpus


def tell_impact(corpus: Corpus, home: Path | None, console: Console) -> None:
    """Say how many eval cases and saved answers cited what is gone; erase the answers that evals keep of it."""
    from rag.settings import load_settings
    from ui.receipt import impact

    changed = impact(corpus, load_settings(home).home)
    if changed:
        console.say(changed)
