"""The command line, run in this process or in one of its own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ui.cli import main

ROOT = Path(__file__).parent.parent
CITECHAT = (sys.executable, "-c", "import sys; from ui.cli import main; sys.exit(main())")
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("CITECHAT_", "PYTHONUNBUFFERED"))
} | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left: its exit code and what it printed."""

    code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:  # noqa: ANN401  # whatever JSON holds
        return json.loads(self.output)


def run(*arguments: object, encoding: str = "utf-8") -> Outcome:
    """Run a command in this process, on a terminal that knows ``encoding``."""
    output, errors = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2))
    with redirect_stdout(output), redirect_stderr(errors):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
    return Outcome(code, _content(output), _content(errors))


def _content(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401  # those of Popen
    """Start a command in a process of its own, which Ctrl-C reaches also where the tests run in the background."""
    prepare = options.pop("preexec_fn", lambda: None)

    def before() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        prepare()

    return subprocess.Popen(
        [*CITECHAT, *map(str, arguments)],
        preexec_fn=before,
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | options.pop("env", {}),
        cwd=options.pop("cwd", ROOT),
        **options,
    )
