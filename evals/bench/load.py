"""How many readers one server bears at a time: ``python -m evals.bench.load URL``, against a server that is running.

Each of N clients asks over the event stream that the widget uses, again and again. Printed are the median and the 95th
percentile of the time to the first evidence and to the end, the errors, and, where the server runs on this machine and
its process is named, its memory before and after. Start the server with a high ``requests_per_minute``: all clients
come from one address.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from evals.metrics import percentile

QUESTIONS = (
    "Who prepared the draft of the peace plan?",
    "How many weeks of parental leave are paid?",
    "Which file formats can be added?",
    "What is the capital of Mongolia?",
)


@dataclass(slots=True)
class Outcome:
    """What the clients saw: seconds to the first evidence and to the end of each answer, and errors by kind."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


async def ask(client: httpx.AsyncClient, url: str, question: str, outcome: Outcome) -> None:
    """Ask one question and read its stream to the end."""
    begun = time.perf_counter()
    try:
        async with client.stream("POST", f"{url}/api/chat", json={"question": question}) as reply:
            if reply.status_code != 200:
                outcome.errors[str(reply.status_code)] += 1
                return
            kinds = []
            async for line in reply.aiter_lines():
                if line.startswith("event: "):
                    kinds.append(line.removeprefix("event: "))
                    if kinds == ["sources"]:
                        outcome.first.append(time.perf_counter() - begun)
    except httpx.HTTPError as error:
        outcome.errors[type(error).__name__] += 1
        return
    if kinds[-1:] == ["done"]:
        outcome.whole.append(time.perf_counter() - begun)
    else:
        outcome.errors["cut off"] += 1


async def load(url: str, clients: int, rounds: int, questions: Sequence[str]) -> Outcome:
    """Let ``clients`` ask ``rounds`` questions each, all at once."""
    outcome = Outcome()
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:

        async def reader(number: int) -> None:
            for turn in range(rounds):
                await ask(client, url, questions[(number + turn) % len(questions)], outcome)

        await asyncio.gather(*(reader(number) for number in range(clients)))
    return outcome


def resident_mib(process: int) -> float:
    """Return the resident memory of a process, in MiB (Linux)."""
    fields = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in fields if line.startswith("VmRSS")) / 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code is 1 if any question failed."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench.load", description=__doc__.split("\n")[0])
    parser.add_argument("url", help="such as http://127.0.0.1:7860")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=2, help="questions of each client")
    parser.add_argument("--process", type=int, help="process id of the server, for its memory")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    asyncio.run(load(options.url, 1, 1, QUESTIONS))  # whatever is loaded at the first question
    before = resident_mib(options.process) if options.process else None
    begun = time.perf_counter()
    outcome = asyncio.run(load(options.url, options.clients, options.rounds, QUESTIONS))
    seconds = time.perf_counter() - begun
    after = resident_mib(options.process) if options.process else None
    figures = {
        "clients": options.clients,
        "answers": len(outcome.whole),
        "answers_per_second": round(len(outcome.whole) / seconds, 1),
        "first_evidence_p50_s": percentile(outcome.first, 50),
        "first_evidence_p95_s": percentile(outcome.first, 95),
        "whole_p50_s": percentile(outcome.whole, 50),
        "whole_p95_s": percentile(outcome.whole, 95),
        "errors": dict(outcome.errors),
        "memory_before_mib": before,
        "memory_after_mib": after,
    }
    shown = {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}
    lines = [f"{name:22}{value}" for name, value in shown.items()]
    sys.stdout.write((json.dumps(figures) if options.json else "\n".join(lines)) + "\n")
    return 1 if outcome.errors else 0


if __name__ == "__main__":
    raise SystemExit(main())
