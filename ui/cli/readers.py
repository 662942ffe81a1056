"""``citechat index readers``: which roles of the database may read which part of the index."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import InputError
from ui.cli.console import Console, Subparsers, add_command, one_line

if TYPE_CHECKING:
    from index.store.postgres.server import Server

_DETAILS = """\
The database itself keeps all other documents from the role, by row-level security, whatever asks with it. The part is
what passes a filter over documents, now and later. Run it as the role that owns the tables, and again after updates.
"""


def add_commands(group: Subparsers) -> None:
    """Add the command to ``citechat index``."""
    parser = add_command(
        group,
        "readers",
        _readers,
        "let a role of the database read a part of the index; list those that do",
        "citechat index readers citechat_hr --filter 'source~\"hr/\"'",
        details=_DETAILS,
    )
    parser.add_argument("role", nargs="?", metavar="ROLE", help="a role that may log in and is a member of no other")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--filter", metavar="FILTER", help="what it may read, such as 'collection=hr'")
    which.add_argument("--remove", action="store_true", help="take its rights back")
    parser.add_argument(
        "--serving", action="store_true", help="it also keeps conversations and judgements of its own: citechat serve"
    )


def _readers(options: argparse.Namespace, console: Console) -> int:
    if options.role and not (options.filter or options.remove):
        raise InputError("It is not said what the role may read.", "Add --filter FILTER, or --remove.")
    if not options.role and (options.filter or options.remove or options.serving):
        raise InputError("It is not said which role is meant.", "Name it before the options.")
    with _server(options.home) as server:
        from index.filters import parse_filter
        from index.store.postgres.rights import let_read, let_read_nothing, readers

        if options.remove:
            let_read_nothing(server, options.role)
        elif options.role:
            let_read(server, options.role, parse_filter(options.filter), serving=options.serving)
        found = readers(server)
    lines = [f"{each.role:20} {each.filter}{' (serving)' if each.serving else ''}" for each in found]
    text = "\n".join(map(one_line, lines)) or "No role is kept to a part of the index."
    console.result({"readers": [asdict(each) for each in found]}, text)
    return 0


@contextmanager
def _server(home: Path | None) -> Iterator[Server]:
    from rag.settings import load_settings

    settings = load_settings(home)
    if not settings.store.get_secret_value():
        raise InputError("Only a database has roles, and none is set.", "Set store to a PostgreSQL database.")
    from index.store.opening import open_server

    server = open_server(settings.store.get_secret_value(), settings.store_schema, settings.store_connections)
    try:
        yield server
    finally:
        server.close()
