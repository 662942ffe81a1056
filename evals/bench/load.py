"""How many readers one server bears at a time: ``python -m evals.bench.load URL``, against a server that is running.

Each of N widgets asks over the event stream, each of M chats over the queue of the chat page, again and again.
Nobody waits between two questions, and nobody asks what another has asked unless the cases run out. Readers begin
within ``--spread`` seconds; at 0 all of them press Enter at the same instant, which is harder than any real morning.

Printed are the median and the 95th percentile of the time to the first evidence and to the end, the errors, and, where
the server runs on this machine and its process is named, its memory before and after. Start the server with a high
``requests_per_minute``: all readers come from one address. They take processor time from the server, if it is on the
same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import ssl
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from evals.cases.format import load_cases
from evals.scoring.metrics import percentile

QUESTIONS = (
    "Who prepared the draft of the peace plan?",
    "How many weeks of parental leave are paid?",
    "Which file formats can be added?",
    "What is the capital of Mongolia?",
)
TIMEOUT_S = 120


@dataclass(slots=True)
class Outcome:
    """What readers saw: seconds to the first evidence and to the end of each answer, and errors by kind."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def figures(self, name: str) -> dict[str, float | int | None]:
        """Return percentiles in seconds, each under ``name`` and what it is."""
        return {
            f"{name}_answers": len(self.whole),
            f"{name}_first_evidence_p50_s": percentile(self.first, 50),
            f"{name}_first_evidence_p95_s": percentile(self.first, 95),
            f"{name}_whole_p50_s": percentile(self.whole, 50),
            f"{name}_whole_p95_s": percentile(self.whole, 95),
        }


Asking = Callable[[httpx.AsyncClient, str, str, Outcome], Awaitable[None]]


async def ask(client: httpx.AsyncClient, url: str, question: str, outcome: Outcome) -> None:
    """Ask one question as a widget does and read its stream to the end."""
    begun = time.perf_counter()
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
    if kinds[-1:] == ["done"]:
        outcome.whole.append(time.perf_counter() - begun)
    else:
        outcome.errors["cut off"] += 1


@dataclass(frozen=True, slots=True)
class ChatPage:
    """What a chat page knows of its server: the question box, and what happens when something is submitted there."""

    box: int
    submit: int

    @classmethod
    def of(cls, url: str) -> ChatPage:
        """Read it from the server."""
        config = httpx.get(f"{url}/config").json()
        box = next(each["id"] for each in config["components"] if each["props"].get("elem_id") == "question")
        happens = config["dependencies"]
        return cls(box, next(each["id"] for each in happens if [box, "submit"] in map(list, each["targets"])))

    async def ask(self, client: httpx.AsyncClient, url: str, question: str, outcome: Outcome) -> None:
        """Ask one question as the chat page does, with its cookie, and follow the queue to the end."""
        if "citechat_visitor" not in client.cookies:
            await client.get(url)
        session = secrets.token_hex(5)
        data = [question, None, "", ""]  # the box, the conversation, the filter, the day
        body = {"data": data, "fn_index": self.submit, "session_hash": session, "trigger_id": self.box}
        begun = time.perf_counter()
        joined = await client.post(f"{url}/gradio_api/queue/join", json=body)
        if joined.status_code != 200:
            outcome.errors[str(joined.status_code)] += 1
            return
        seen = complete = False
        async with client.stream("GET", f"{url}/gradio_api/queue/data", params={"session_hash": session}) as reply:
            async for line in reply.aiter_lines():
                if not seen and ("#evidence-" in line or "#cite-" in line):
                    seen = True
                    outcome.first.append(time.perf_counter() - begun)
                if '"process_completed"' in line:
                    complete = json.loads(line.removeprefix("data:"))["success"]
                    break
        if complete:
            outcome.whole.append(time.perf_counter() - begun)
        else:
            outcome.errors["not completed"] += 1


async def load(
    url: str, readers: int, rounds: int, questions: Sequence[str], spread_s: float = 0.0, asking: Asking = ask
) -> Outcome:
    """Let ``readers`` ask ``rounds`` questions each; they begin at (seeded) random moments within ``spread_s``."""
    outcome = Outcome()
    moments = random.Random(readers)  # noqa: S311  # no secret
    secure = ssl.create_default_context()  # one for all: each would take longer than a question

    async def reader(number: int, moment: float) -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, verify=secure) as client:
            await asyncio.sleep(moment)
            for turn in range(rounds):
                try:
                    await asking(client, url, questions[(number * rounds + turn) % len(questions)], outcome)
                except httpx.HTTPError as error:
                    outcome.errors[type(error).__name__] += 1

    await asyncio.gather(*(reader(number, moments.uniform(0, spread_s)) for number in range(readers)))
    return outcome


def resident_mib(process: int) -> float:
    """Return the resident memory of a process, in MiB (Linux)."""
    fields = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in fields if line.startswith("VmRSS")) / 1024


async def measure(options: argparse.Namespace, questions: Sequence[str]) -> tuple[Outcome, Outcome]:
    """Load the server with widgets and chats at the same time."""
    chat = ChatPage.of(options.url).ask if options.chats else ask
    return await asyncio.gather(
        load(options.url, options.clients, options.rounds, questions, options.spread),
        load(options.url, options.chats, options.rounds, questions[::-1], options.spread, chat),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code is 1 if any question failed."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench.load", description=__doc__.split("\n")[0])
    parser.add_argument("url", help="such as http://127.0.0.1:7860")
    parser.add_argument("--clients", type=int, default=50, help="widgets (default 50)")
    parser.add_argument("--chats", type=int, default=0, help="chat pages (default 0)")
    parser.add_argument("--rounds", type=int, default=2, help="questions of each (default 2)")
    parser.add_argument("--spread", type=float, default=0.0, help="seconds within which they begin (default 0)")
    parser.add_argument("--cases", type=Path, nargs="+", default=[], help="case files whose questions are asked")
    parser.add_argument("--process", type=int, help="process id of the server, for its memory")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    asked = [case.question for path in options.cases for case in load_cases(path).cases if not case.history]
    questions = list(dict.fromkeys(asked)) or list(QUESTIONS)
    asyncio.run(load(options.url, 1, 1, QUESTIONS))  # whatever is loaded at the first question
    before = resident_mib(options.process) if options.process else None
    begun = time.perf_counter()
    widgets, chats = asyncio.run(measure(options, questions))
    seconds = time.perf_counter() - begun
    after = resident_mib(options.process) if options.process else None
    figures = {
        "questions": len(questions),
        "seconds": seconds,
        **widgets.figures("widget"),
        **(chats.figures("chat") if options.chats else {}),
        "errors": dict(widgets.errors + chats.errors),
        "memory_before_mib": before,
        "memory_after_mib": after,
    }
    shown = {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}
    lines = [f"{name:30}{value}" for name, value in shown.items()]
    sys.stdout.write((json.dumps(figures) if options.json else "\n".join(lines)) + "\n")
    return 1 if figures["errors"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
