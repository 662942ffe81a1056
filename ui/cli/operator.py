"""``citechat password``: a way into the operator's pages."""

from __future__ import annotations

import argparse
import getpass
import sys

from index.errors import InputError
from ui.cli.console import Console, Subparsers, add_command


def add_commands(commands: Subparsers) -> None:
    """Add ``password``."""
    add_command(
        commands,
        "password",
        _password,
        "hash a password for the operator's pages at /admin",
        "citechat password",
    )


def _password(_: argparse.Namespace, console: Console) -> int:
    from ui.admin.access import hash_password

    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise InputError("The two passwords differ.", "Try again.")
    else:
        password = sys.stdin.read().rstrip("\n")
    line = f'admin_password_hash = "{hash_password(password)}"'
    console.say("Put this line into citechat.toml, before any [section], and restart the server:")
    console.result({"admin_password_hash": line.split('"')[1]}, line)
    return 0
