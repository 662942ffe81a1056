"""Real processes of the web server on one database, and nginx before them as ``docs/deploy/nginx.conf`` has it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from index.corpus import Corpus
from tests.conftest import PASSAGE_TOKENS
from tests.embedding import HashingEmbedder
from tests.proxy import proxy
from tests.stores import Place
from tests.terminal import CITECHAT, ENVIRONMENT, ROOT
from tests.web import Keeping, settings
from ui.web.app import build_app, listen, server_for

NGINX = Path("/usr/sbin/nginx")
PROGRAM = "import sys; from tests.processes import main; main(*sys.argv[1:])"


def main(place: str, options: str, port: str) -> None:
    """Serve the little documents of `tests.web`, over an index of its own in the database, until told to end."""
    where, embedder = Place.of(*json.loads(place)), HashingEmbedder()
    chosen = settings(where.folder, store=where.url, store_schema=where.schema, **json.loads(options))
    with (
        listen("127.0.0.1", int(port)) as listener,
        Corpus(where.open(embedder.fingerprint), embedder, PASSAGE_TOKENS) as corpus,
    ):
        server_for(build_app(Keeping(corpus), chosen), listener).run(sockets=[listener])


class Process:
    """A web server in a process of its own, which may be killed and started again on the same port."""

    def __init__(self, place: Place, **options: Any) -> None:  # noqa: ANN401  # settings
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._command = [
            sys.executable,
            "-c",
            PROGRAM,
            json.dumps(place.arguments),
            json.dumps(options),
            str(self.port),
        ]
        self._environment = ENVIRONMENT
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def real(cls, place: Place) -> Process:
        """``citechat serve``, with the models of a fresh install."""
        made = cls(place)
        made._command = [*CITECHAT, "serve", "--port", str(made.port), "--home", str(place.folder)]
        made._environment = ENVIRONMENT | place.settings | {"CITECHAT_REQUESTS_PER_MINUTE": "100000"}
        return made

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            self._command,
            stdout=subprocess.DEVNULL,
            env=self._environment,
            cwd=ROOT,
        )
        for _ in range(1200):
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.address}/healthz").status_code == 200:
                    return
            assert self._process.poll() is None
            time.sleep(0.05)
        raise AssertionError("it does not start")

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, in order or with ``SIGKILL``."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None


@contextmanager
def processes(place: Place, number: int = 2, **options: Any) -> Iterator[list[Process]]:  # noqa: ANN401
    """Start web servers that share a database."""
    with ExitStack() as started:
        servers = [Process(place, **options) for _ in range(number)]
        for server in servers:
            started.callback(server.end)
            server.start()
        yield servers


def proxied(servers: Sequence[Process], folder: Path) -> AbstractContextManager[str]:
    """Run nginx before these servers, or where it is not installed a little proxy of the tests; gives its address."""
    return nginx(servers, folder) if NGINX.exists() else proxy([server.port for server in servers])


@contextmanager
def nginx(servers: Sequence[Process], folder: Path) -> Iterator[str]:
    """Run nginx with the site of ``docs/deploy/nginx.conf``, without TLS, before these servers; gives its address."""
    port = free_port()
    site = (ROOT / "docs" / "deploy" / "nginx.conf").read_text()
    site = re.sub(r"( *server) app1(.*)\n.*app2.*\n", lambda line: _members(line[1], line[2], servers), site)
    site = re.sub(r"listen 443 ssl;", f"listen 127.0.0.1:{port};", site)
    site = re.sub(r".*ssl_.*\n", "", site)
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;\n"
        + ("user root;\n" if os.geteuid() == 0 else "")  # the folder is the tests' alone
        + f"events {{}}\nhttp {{ access_log off;\n{_temporary(folder)}include {folder}/site.conf; }}\n"
    )
    running = subprocess.Popen([NGINX, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"])
    try:
        for _ in range(200):
            with suppress(httpx.TransportError):
                httpx.get(f"http://127.0.0.1:{port}/healthz")
                break
            assert running.poll() is None, (folder / "error.log").read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(20)


def _members(server: str, rest: str, servers: Sequence[Process]) -> str:
    parameters = rest.split(" ", 1)[1]
    return "".join(f"{server} 127.0.0.1:{each.port} {parameters}\n" for each in servers)


def _temporary(folder: Path) -> str:
    names = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "".join(f"{name}_temp_path {folder}/temporary_{name};\n" for name in names)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
