"""A reverse proxy for machines without nginx: servers are asked in turn, and one of them for all of a chat page."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count

from tests.terminal import ENVIRONMENT, ROOT

PROGRAM = "import sys; from tests.proxy import main; main(*map(int, sys.argv[1:]))"


@contextmanager
def proxy(ports: Sequence[int]) -> Iterator[str]:
    """Stand before the servers on these ports of this machine, in a process; gives the address."""
    command = [sys.executable, "-c", PROGRAM, *map(str, ports)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT, cwd=ROOT) as running:
        try:
            assert running.stdout is not None
            yield running.stdout.readline().strip()
        finally:
            running.kill()


def main(*ports: int) -> None:
    """Serve on a free port, which is printed, until killed. One request a connection."""
    turns = count()
    relays: set[asyncio.Task[None]] = set()  # the loop itself only refers to them weakly

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay = asyncio.get_running_loop().create_task(_relay(reader, writer, ports, turns))
        relays.add(relay)
        relay.add_done_callback(relays.discard)

    async def serve() -> None:
        server = await asyncio.start_server(begin, "127.0.0.1", 0)
        sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()

    asyncio.run(serve())


async def _relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ports: Sequence[int], turns: Iterator[int]
) -> None:
    with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
        head = await reader.readuntil(b"\r\n\r\n")
        reader_of = re.search(rb"citechat_visitor=([\w-]+)", head)
        sticky = head.split(b" ", 2)[1].startswith(b"/gradio_api/")
        first = zlib.crc32(reader_of[1]) if sticky and reader_of else next(turns)
        for number in range(len(ports)):
            with suppress(ConnectionError):
                back, forth = await asyncio.open_connection("127.0.0.1", ports[(first + number) % len(ports)])
                break
        else:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            writer.close()
            return
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection:", b"x-forwarded"))]
        forth.write(b"\r\n".join([*lines[:-2], b"Connection: close", b"X-Forwarded-For: 127.0.0.1", b"", b""]))
        sending = asyncio.create_task(_pipe(reader, forth))
        await _pipe(back, writer)
        sending.cancel()
        forth.close()
    writer.close()


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while part := await source.read(1 << 16):
            target.write(part)
            await target.drain()
