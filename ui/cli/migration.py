"""``citechat index migrate``: the index of a home folder to a database, or back."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import InputError
from ui.cli.console import Console, Subparsers, add_command
from ui.cli.opening import add_wait
from ui.counted import counted

if TYPE_CHECKING:
    from index.store.base import DocumentInfo, Store

_DETAILS = """\
FROM and TO are home folders or addresses of databases (postgresql://USER@HOST/DATABASE; the password is better in
PGPASSWORD or ~/.pgpass, as others can see a command line). The schema is that of the setting store_schema. Run it again
if it was interrupted. FROM is left as it is, and TO is compared with it in the end; set the setting store then.
"""


def add_commands(group: Subparsers) -> None:
    """Add the command to ``citechat index``."""
    parser = add_command(
        group,
        "migrate",
        _migrate,
        "copy the index to another store and prove it equal",
        "citechat index migrate .citechat postgresql://citechat@db.example/citechat",
        details=_DETAILS,
    )
    parser.add_argument("source", metavar="FROM", help="a home folder, or the address of a database")
    parser.add_argument("target", metavar="TO", help="a home folder, or the address of a database")
    add_wait(parser)


def _migrate(options: argparse.Namespace, console: Console) -> int:
    from tqdm import tqdm

    from index.store.lock import WAIT
    from index.store.migrate import migrate

    with _opened(options.source, options.home, existing=True) as source:
        total = len(source.documents())
        with _opened(options.target, options.home) as target:
            target.patience(WAIT if options.wait is None else options.wait, console.say)
            with tqdm(total=total, unit="document", disable=None, leave=False) as bar:

                def tell(_: DocumentInfo) -> None:
                    bar.update()

                done = migrate(source, target, tell)
    copied = f"{counted(done.documents, 'document')}, {counted(done.passages, 'passage')}"
    already = f"; there already: {counted(done.already, 'document')}" if done.already else ""
    text = f"Copied {copied}{already}. Both hold and answer the same."
    console.result(asdict(done), text)
    return 0


@contextmanager
def _opened(where: str, home: Path | None, *, existing: bool = False) -> Iterator[Store]:
    from index.embedder import SentenceTransformerEmbedder
    from index.store.opening import open_store
    from rag.models import locate
    from rag.settings import load_settings

    settings = load_settings(home)
    embedder = SentenceTransformerEmbedder(locate(settings.embedder))
    url = where if where.startswith(("postgresql://", "postgres://")) else ""
    if existing and not url and not (Path(where) / "index.sqlite3").is_file():
        raise InputError(f"There is no index in {where}.", "Name a home folder or postgresql://...")
    store = open_store(Path(where), url, settings.store_schema, embedder.fingerprint, embedder.dimension)
    try:
        yield store
    finally:
        store.close()
