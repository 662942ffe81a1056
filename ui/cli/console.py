"""What commands print, and the options that all of them share."""

from __future__ import annotations

import argparse
import json
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from index.errors import CitechatError

_CONTROLS = re.compile("[\x7f-\x9f\ud800-\udfff]")

Subparsers = Any
"""What ``ArgumentParser.add_subparsers`` returns (the class is private to argparse)."""


class Console:
    """Results go to standard output, as text or as JSON; everything else to standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._styled = sys.stdout.isatty()

    def result(self, value: object, text: str) -> None:
        """Print a command's result: ``value`` as JSON with ``--json``, else ``text``."""
        sys.stdout.write(f"{_json(value) if self.as_json else text}\n")

    def line(self, text: str) -> None:
        """Print one line of a result that grows; nothing with ``--json``."""
        if not self.as_json:
            sys.stdout.write(f"{printable(text)}\n")
            sys.stdout.flush()

    def say(self, text: str) -> None:
        """Tell the user something that is no result."""
        sys.stderr.write(f"{printable(text)}\n")

    def error(self, error: CitechatError) -> None:
        """Tell what went wrong and what to do."""
        self.say(one_line(f"citechat: {error}"))

    def bold(self, text: str) -> str:
        """Return text in bold where the terminal can show it."""
        return f"\033[1m{text}\033[0m" if self._styled else text

    def dim(self, text: str) -> str:
        """Return text dimmed where the terminal can show it."""
        return f"\033[2m{text}\033[0m" if self._styled else text


def printable(text: str) -> str:
    """Return text without control characters, which a file name could use to take over a terminal."""
    return "".join(character for character in text if character == "\n" or unicodedata.category(character) != "Cc")


def one_line(text: str) -> str:
    """Return a name or a title as `printable` does, on one line: none can pass for a line of ours."""
    return printable(text.replace("\n", " "))


def _json(value: object) -> str:
    """Return JSON that a terminal shows and does not obey; ASCII where the output takes nothing else."""
    readable = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    text = json.dumps(value, ensure_ascii=not readable, indent=2)
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def add_command(
    commands: Subparsers,
    name: str,
    run: Callable[[argparse.Namespace, Console], int],
    summary: str,
    example: str,
    *,
    own_json: bool = False,
    details: str = "",
) -> argparse.ArgumentParser:
    """Add a command with the options that every command has.

    ``own_json``: it gives ``--json`` a meaning of its own. ``details`` follow the summary in its help.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{details}".strip(),
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if not own_json:
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--home", type=Path, metavar="DIR", help="home folder (default: CITECHAT_HOME or .citechat)")
    parser.set_defaults(run=run)
    return parser


def add_group(commands: Subparsers, name: str, summary: str) -> Subparsers:
    """Add a command that only holds others, such as ``citechat index``."""
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
