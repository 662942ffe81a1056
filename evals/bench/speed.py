"""How fast citechat is on news articles, without a language model.

    python -m evals.bench.speed --data DIR [--articles 500] [--questions 200] [--json F]

Everything is measured from outside, as a user meets it: the commands run as processes of their own. Only ``ask`` is
timed inside one process, because a server answers so. Each figure stands on one run; run it twice before you believe
a small difference.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, sleep
from typing import TYPE_CHECKING

from evals.datasets import load
from evals.scoring.metrics import percentile
from index.errors import CitechatError
from rag.pipeline import open_pipeline
from rag.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CITECHAT = (str(Path(sys.executable).with_name("citechat")),)
START_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class Run:
    """A finished process: seconds from start to end, of the processor (its children's too), most memory in MiB."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    output: str


@dataclass(frozen=True, slots=True)
class Speed:
    """The figures of the benchmark. Times are in seconds (``_s``) or milliseconds (``_ms``), memory in MiB.

    ``cpu`` are times of the processor, all cores added up, which other work on the machine changes less.
    """

    machine: str
    articles: int
    passages: int
    help_s: float
    add_s: float
    add_cpu_s: float
    passages_per_s: float
    add_peak_mib: float
    unchanged_s: float
    unchanged_ratio: float
    questions: int
    ask_p50_ms: float
    ask_p95_ms: float
    ask_cpu_p50_ms: float
    serve_ready_s: float
    serve_first_answer_s: float


def measure(data: Path, articles: int, questions: int, folder: Path) -> Speed:
    """Write the first ``articles`` articles below ``folder``, index them there and measure.

    Raises ``InputError`` if the data set is not there, ``subprocess.CalledProcessError`` if a command fails.
    """
    collection = load("realtimeqa", data)[0]
    texts, home = folder / "articles", folder / "home"
    texts.mkdir()
    for name, text in [*collection.documents.items()][:articles]:
        (texts / name).write_text(text, encoding="utf-8")
    asked = [case.question for case in collection.cases][:questions]

    help_s = median(_run(*CITECHAT, "--help").seconds for _ in range(5))
    add = _run(*CITECHAT, "index", "add", str(texts), "--home", str(home), "--json")
    again = _run(*CITECHAT, "index", "add", str(texts), "--home", str(home), "--json")
    passages, latencies, processor = _ask(home, asked)
    ready_s, first_answer_s = _serve(home, asked[0])
    return Speed(
        machine=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        articles=articles,
        passages=passages,
        help_s=help_s,
        add_s=add.seconds,
        add_cpu_s=add.cpu_seconds,
        passages_per_s=passages / add.seconds,
        add_peak_mib=add.peak_mib,
        unchanged_s=again.seconds,
        unchanged_ratio=add.seconds / again.seconds,
        questions=len(asked),
        ask_p50_ms=percentile(latencies, 50) or 0.0,
        ask_p95_ms=percentile(latencies, 95) or 0.0,
        ask_cpu_p50_ms=median(processor),
        serve_ready_s=ready_s,
        serve_first_answer_s=first_answer_s,
    )


def _run(*command: str) -> Run:
    with tempfile.TemporaryFile() as output:
        started = perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, text)
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


def _ask(home: Path, questions: Sequence[str]) -> tuple[int, list[float], list[float]]:
    """Return the number of passages, and the milliseconds of each question: on the clock, and of the processor.

    The first question is asked twice.
    """
    with open_pipeline(load_settings(home)) as pipeline:
        pipeline.ask(questions[0])
        latencies, processor = [], []
        for question in questions:
            started, used = perf_counter(), process_time()
            pipeline.ask(question)
            latencies.append((perf_counter() - started) * 1000)
            processor.append((process_time() - used) * 1000)
        return pipeline.corpus.stats().passages, latencies, processor


def _serve(home: Path, question: str) -> tuple[float, float]:
    """Return the seconds from start to a healthy server, and to the end of its first answer."""
    port = _free_port()
    started = perf_counter()
    with _server(home, port):
        while not _healthy(port):
            if perf_counter() - started > START_TIMEOUT:
                raise TimeoutError(f"The server did not answer /healthz within {START_TIMEOUT:.0f} s.")
            sleep(0.02)
        ready_s = perf_counter() - started
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT)
        body = json.dumps({"question": question})
        connection.request("POST", "/api/chat", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != 200:
            raise ConnectionError(f"/api/chat answered {response.status}: {text}")
        return ready_s, perf_counter() - started


@contextmanager
def _server(home: Path, port: int) -> Iterator[None]:
    command = [*CITECHAT, "serve", "--home", str(home), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table and, if asked to, write the figures as JSON; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench.speed", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the public question sets")
    parser.add_argument("--articles", type=int, default=500, metavar="N")
    parser.add_argument("--questions", type=int, default=200, metavar="N")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures there")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            speed = measure(options.data, options.articles, options.questions, Path(folder))
    except CitechatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"{error}\n{error.output}\n")
        return 1
    for name, value in asdict(speed).items():
        sys.stdout.write(f"{name:22}{_shown(value)}\n")
    if options.json:
        options.json.write_text(json.dumps(asdict(speed), indent=1) + "\n", encoding="utf-8")
    return 0


def _shown(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


if __name__ == "__main__":
    raise SystemExit(main())
