"""The operator's pages over a real connection and a real index, and somebody who uses them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from index.corpus import Corpus
from index.store.embedded import EmbeddedStore
from tests.embedding import HashingEmbedder
from tests.web import Keeping, running, settings

TOKEN = "a token of the operator"


@dataclass(slots=True)
class Operator:
    client: httpx.Client
    home: Path
    corpus: Corpus

    @contextmanager
    def somebody_new(self) -> Iterator[Operator]:
        """Somebody else at the same pages, without cookies."""
        with httpx.Client(base_url=self.client.base_url, timeout=60) as client:
            yield Operator(client, self.home, self.corpus)

    def log_in(self, secret: str = TOKEN) -> httpx.Response:
        return self.client.post("/admin/login", data={"password": secret})

    def page(self, name: str) -> str:
        reply = self.client.get(f"/admin{name}")
        assert reply.status_code == 200, reply.text
        return reply.text

    def send(self, path: str, files: list[tuple[str, tuple[str, bytes]]] | None = None, **fields: str) -> str:
        """Send a form as its page would; returns the page that it leads to."""
        csrf = re.search(r'name="csrf" value="([^"]+)"', self.page(""))
        assert csrf
        reply = self.client.post(f"/admin{path}", data={"csrf": csrf[1], **fields}, files=files)
        assert reply.status_code == 303, reply.text
        return self.client.get(reply.headers["location"]).text

    def ask(self, question: str) -> dict[str, str]:
        reply = self.client.post("/api/chat", json={"question": question})
        done: dict[str, str] = json.loads(reply.text.split("data: ")[-1])
        return done


@contextmanager
def pages(home: Path) -> Iterator[Operator]:
    """Serve the pages over an empty index in the folder ``home``."""
    embedder = HashingEmbedder()
    with (
        Corpus(EmbeddedStore(home, embedder.fingerprint, embedder.dimension), embedder, 60) as corpus,
        running(Keeping(corpus), settings(home, admin_token=TOKEN)) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield Operator(client, home, corpus)
