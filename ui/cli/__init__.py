"""The command line: ``citechat index | worker | jobs | ask | serve | eval | models | password``.

Heavy modules are imported inside the commands that need them, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from index.errors import CitechatError
from ui.cli import answers, documents, evals, jobs, models, operator
from ui.cli.console import Console

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it (128 + SIGINT)."""

_EPILOG = """\
examples:
  citechat index add reports/                    index a folder
  citechat ask "Who prepared the draft?"         answer on the command line
  citechat ask "Who prepared it?" --llm qwen2.5:7b --llm-url http://127.0.0.1:11434/v1
                                                 the same, written by a language model
  citechat serve                                 open the chat at http://127.0.0.1:7860
  citechat eval run evals/suite/dossier.yaml     measure the answers

exit codes:
  0 ok   1 evals below a threshold   2 usage or bad input   3 the index is damaged   4 a model or server is missing
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal need not know every character
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has left. Python would tell so when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    console = Console(as_json=options.json is True)
    try:
        code: int = options.run(options, console)
    except CitechatError as error:
        console.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        console.say("Stopped.")
        return INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="citechat",
        description="Ask your documents: every sentence of an answer shows the exact words it stands on.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in (documents, jobs, answers, evals, models, operator):
        group.add_commands(commands)
    return parser


def _version() -> str:
    from importlib.metadata import version

    return version("citechat")
