"""A GGUF file, run in this process by llama.cpp."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from index.errors import ModelFailed, ModelMissing
from rag.writer.llm import Message, read_chunk, request
from rag.writer.relay import Emit, relay


class LocalLLM:
    """A model in a GGUF file. It is loaded when it is first used; questions take turns."""

    def __init__(self, path: Path, context: int, timeout_s: float) -> None:
        """Check that the file can be run; ``context`` is in tokens, question and answer together.

        Raises:
            ModelMissing: llama.cpp is not installed.
        """
        try:
            import xllamacpp  # noqa: F401
        except ImportError as error:
            raise ModelMissing(
                "llama.cpp, which runs models in this process, is not installed.", "Run: pip install 'citechat[local]'"
            ) from error
        self._path = path
        self._context = context
        self._timeout_s = timeout_s
        self._loading = threading.Lock()
        self._server: Any = None

    @property
    def name(self) -> str:
        """See `LLM`; here the file's name without its ending."""
        return self._path.stem

    def stream(self, messages: Sequence[Message]) -> Generator[str, None, None]:
        """See `LLM`."""
        yield from relay(lambda emit: self._produce(messages, emit), self._timeout_s, outlives=False)

    def _produce(self, messages: Sequence[Message], emit: Emit) -> None:
        failures: list[Exception] = []
        complete = False

        def receive(chunk: object) -> bool:
            nonlocal complete
            try:
                text, finished = read_chunk(chunk)
            except ModelFailed as error:
                failures.append(error)
                return True
            complete = complete or finished
            return emit(text) if text else False

        try:
            self._loaded().handle_chat_completions(request(messages), receive)
        except RuntimeError as error:
            raise ModelFailed(f"llama.cpp cannot answer with {self._path}: {error}", "Use another model.") from error
        if failures:
            raise failures[0]
        if not complete:
            raise ModelFailed("The language model broke off.")

    def _loaded(self) -> Any:  # noqa: ANN401  # xllamacpp has no types
        with self._loading:
            if self._server is None:
                import xllamacpp

                params = xllamacpp.CommonParams()
                params.model.path = str(self._path)
                params.n_ctx = self._context
                params.n_parallel = 1
                params.cpuparams.n_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else -1
                params.offline = True
                params.verbosity = -1
                # llama.cpp also listens on loopback: with a key that nobody has, and without pages.
                params.api_keys = [secrets.token_urlsafe(32)]
                params.ui = params.endpoint_slots = params.warmup = False
                try:
                    self._server = xllamacpp.Server(params)
                except RuntimeError as error:
                    raise ModelFailed(
                        f"llama.cpp cannot load {self._path}.", "The file may be damaged or too large for the memory."
                    ) from error
            return self._server
