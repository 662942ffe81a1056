"""Pages of other sites that embed the widget, and a server that gives them an origin of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

_PAGES = Path(__file__).parent


@dataclass(slots=True)
class Hosts:
    """``origin`` is where the pages are; ``SERVER`` in a page stands for ``server``, the citechat it embeds."""

    origin: str
    server: str = ""

    def page(self, name: str, attributes: str = "") -> str:
        """Return a page; ``attributes`` replaces ``ATTRIBUTES`` in its script tag."""
        text = (_PAGES / f"{name}.html").read_text(encoding="utf-8")
        return text.replace("SERVER", self.server).replace("ATTRIBUTES", attributes)


@contextmanager
def serving(address: str = "127.0.0.1") -> Iterator[Hosts]:
    """Serve the pages at ``/NAME?ATTRIBUTES`` on a free port of ``address``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, _, attributes = self.path[1:].partition("?")
            found = (_PAGES / f"{name}.html").is_file()
            self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            if found:
                self.wfile.write(hosts.page(name, unquote(attributes)).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that it has
            pass

    with ThreadingHTTPServer((address, 0), Handler) as server:
        hosts = Hosts(f"http://{address}:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield hosts
        finally:
            server.shutdown()
            thread.join()
