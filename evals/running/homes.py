"""The index that a suite is asked on: that of the home folder, or one built of the suite's own documents."""

from __future__ import annotations

import hashlib
import json
from contextlib import AbstractContextManager
from threading import Lock
from typing import TYPE_CHECKING, Any

from index.errors import InputError
from index.files import find_files
from rag.opening import open_corpus
from rag.reader.gate import FILE as CALIBRATION
from rag.reader.gate import load_gate
from rag.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path
    from types import TracebackType

    from evals.cases.format import Suite
    from index.corpus import Corpus
    from index.filters import Filter
    from rag.pipeline import Pipeline
    from rag.query.rewrite import Background
    from rag.reader.reading import Reading
    from rag.settings import Settings
    from rag.types import Answer, Turn

_SCHEMA_NAME = 40
"""Characters of the schema's name that are left in the name of a suite's schema."""


class SuitePipeline(AbstractContextManager["SuitePipeline"]):
    """A pipeline over an index that is open already. Thread-safe; follows `answerer.Answerer`.

    The rest of it is imported and opened with the first question: a run whose answers are all known needs none of it.
    """

    def __init__(self, settings: Settings) -> None:
        """Open the index, or make it.

        Raises:
            ModelMissing: the embedder is not on this machine.
            IndexDamaged: the index cannot be used.
            InputError: the home folder cannot be written, the database does not do, or the calibration is not for this
                version or has not what ``max_false_answers`` needs.
            StoreUnavailable: the database is not there.
        """
        self.settings = settings
        self.threshold = load_gate(settings.home).threshold_under(settings)
        """Confidence below which the documents are said not to answer."""
        self.corpus = open_corpus(settings)
        self._opening = Lock()
        self._pipeline: Pipeline | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the index, and what was opened with it."""
        (self._pipeline or self.corpus).__exit__(kind, error, trace)

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        filter: Filter | None = None,  # noqa: A002
        today: date | None = None,
    ) -> Answer:
        """Answer as `rag.pipeline.Pipeline.ask` does."""
        return self._whole().ask(question, history, filter, today)

    def readings(self, question: str, where: Filter | None = None, before: Background | None = None) -> list[Reading]:
        """Retrieve and read as `rag.pipeline.Pipeline.readings` does."""
        return self._whole().readings(question, where, before)

    def _whole(self) -> Pipeline:
        from rag.pipeline import open_pipeline

        with self._opening:
            if self._pipeline is None:
                self._pipeline = open_pipeline(self.settings, self.corpus)
            return self._pipeline


class SuitePipelines(AbstractContextManager["SuitePipelines"]):
    """Opens the pipeline of one suite after the other; only the last one is open.

    A suite without corpus is asked on the index of ``settings.home``. A corpus is indexed below its folder ``evals``
    (in PostgreSQL: in a schema of its own), once: later runs only bring that index up to date with the files. The
    calibration of ``settings.home`` holds there.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: SuitePipeline | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is open."""
        self._close()

    def __call__(self, suite: Suite) -> SuitePipeline:
        """Return the pipeline of a suite, its index up to date.

        Raises:
            InputError: a setting of the suite is wrong, or a document of its corpus cannot be read.
        """
        settings = self._settings
        if suite.settings:
            settings = load_settings(**settings.model_dump() | dict(suite.settings))
        if suite.corpus:
            settings = settings.model_copy(update=_own_index(self._settings, _key(suite, settings)))
        if self._open is None or self._open.settings != settings:
            self._close()
            self._share_calibration(settings.home)
            self._open = SuitePipeline(settings)
        pipeline = self._open
        if suite.corpus:
            _bring_up_to_date(pipeline.corpus, suite)
        elif not pipeline.corpus.documents():
            raise InputError(f"{suite.path} names no corpus and the index is empty.", "Run: citechat index add PATH")
        return pipeline

    def _share_calibration(self, home: Path) -> None:
        own, shared = self._settings.home / CALIBRATION, home / CALIBRATION
        if home == self._settings.home:
            return
        if own.exists():
            home.mkdir(parents=True, exist_ok=True)
            shared.write_bytes(own.read_bytes())
        else:
            shared.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._open is not None:
            self._open.__exit__(None, None, None)
            self._open = None


def _own_index(settings: Settings, key: str) -> dict[str, Any]:
    """Return the settings of a suite's own index: a folder, and in a database a schema."""
    schema = f"{settings.store_schema[:_SCHEMA_NAME]}_evals_{key}" if settings.store.get_secret_value() else ""
    return {"home": settings.home / "evals" / key} | ({"store_schema": schema} if schema else {})


def _key(suite: Suite, settings: Settings) -> str:
    parts = [*map(str, suite.corpus), settings.embedder, settings.passage_tokens]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _bring_up_to_date(corpus: Corpus, suite: Suite) -> None:
    results = corpus.add(find_files(suite.corpus))
    failed = next((result for result in results if result.status == "failed"), None)
    if failed is not None:
        raise InputError(f"{suite.path}: its document {failed.source} cannot be indexed: {failed.reason}")
    current = {result.document_id for result in results}
    corpus.remove([info.id for info in corpus.documents() if info.id not in current])
