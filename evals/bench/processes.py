"""How much several web servers on one database answer: ``python -m evals.bench.processes --home DIR``.

``store`` of that home folder (or ``CITECHAT_STORE``) must be a database with documents in it. For each number of
processes ``citechat serve`` is started so often; readers ask the one or the other in turn, as behind a proxy. Printed
are questions a second, the scaling efficiency (questions a second over those of one process, by the number of
processes), the memory of a process, and the processor time that a question takes in the web servers and (where the
database runs on this machine and its main process is named) in the database: these say more than the clock where the
machine has other work. All share the cores of this machine with the database and the readers: on more
hosts only the database is shared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from evals.bench.load import QUESTIONS, Outcome, load, resident_mib
from evals.scoring.metrics import percentile

ENTRY = "import sys; from ui.cli import main; sys.exit(main())"
START_SECONDS = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code is 1 if any question failed."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench.processes", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--home", type=Path, default=Path(".citechat"))
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=10, help="questions of each client")
    parser.add_argument("--database", type=int, metavar="PID", help="main process of the database, for its time")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rows = [_measured(options, number) for number in options.processes]
    for row in rows:
        row["efficiency"] = row["per_second"] / rows[0]["per_second"] * rows[0]["processes"] / row["processes"]
    if options.json:
        sys.stdout.write(json.dumps(rows) + "\n")
    else:
        sys.stdout.write("".join(f"{name:>16}" for name in rows[0]) + "\n")
        sys.stdout.write("".join("".join(f"{value:16.2f}" for value in row.values()) + "\n" for row in rows))
    return 1 if any(row["errors"] for row in rows) else 0


def _measured(options: argparse.Namespace, number: int) -> dict[str, float]:
    with servers(options.home, number) as (urls, ids):
        asyncio.run(_all(urls, len(urls), 2))  # whatever is loaded at the first question
        watched = [family(process) for process in (*ids, *filter(None, [options.database]))]
        before = [processor_seconds(each) for each in watched]
        begun = time.perf_counter()
        outcomes = asyncio.run(_all(urls, options.clients, options.rounds))
        seconds = time.perf_counter() - begun
        spent = [processor_seconds(each) - sum_ for each, sum_ in zip(watched, before, strict=True)]
        memory = max(map(resident_mib, ids))
    whole = [each for outcome in outcomes for each in outcome.whole]
    return {
        "processes": number,
        "per_second": len(whole) / seconds,
        "p50_s": percentile(whole, 50) or 0.0,
        "p95_s": percentile(whole, 95) or 0.0,
        "process_mib": memory,
        "server_cpu_ms": 1000 * sum(spent[: len(ids)]) / max(1, len(whole)),
        "database_cpu_ms": 1000 * sum(spent[len(ids) :]) / max(1, len(whole)),
        "errors": sum(outcome.errors.total() for outcome in outcomes),
    }


def family(process: int) -> list[int]:
    """Return a process and its children (Linux)."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    return [process, *(child for child, parent in parents.items() if parent == process)]


def processor_seconds(processes: Sequence[int]) -> float:
    """Return the processor time that processes have taken, in seconds (Linux); one that has ended counts nothing."""
    ticks = 0
    for process in processes:
        with suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def _all(urls: Sequence[str], clients: int, rounds: int) -> list[Outcome]:
    """Let the clients ask, each one server of those in turn."""
    shares = [len(range(number, clients, len(urls))) for number in range(len(urls))]
    return await asyncio.gather(
        *(load(url, share, rounds, QUESTIONS) for url, share in zip(urls, shares, strict=True) if share)
    )


@contextmanager
def servers(home: Path, number: int) -> Iterator[tuple[list[str], list[int]]]:
    """Start ``citechat serve`` so often on free ports; gives their addresses and process ids."""
    started: list[subprocess.Popen[bytes]] = []
    urls: list[str] = []
    environment = {**os.environ, "CITECHAT_REQUESTS_PER_MINUTE": "1000000"}
    try:
        for _ in range(number):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            command = [sys.executable, "-c", ENTRY, "serve", "--home", str(home), "--port", str(port)]
            started.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
            urls.append(f"http://127.0.0.1:{port}")
        for url, process in zip(urls, started, strict=True):
            _await(url, process)
        yield urls, [process.pid for process in started]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/healthz").status_code == 200:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("A server did not start: see above.")
        time.sleep(0.1)


if __name__ == "__main__":
    raise SystemExit(main())
