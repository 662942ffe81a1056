"""The spans of a question: one for each step, nested, with numbers and codes, without a word of what was asked."""

from __future__ import annotations

import builtins
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from index.corpus import Corpus
from index.embedder import SentenceTransformerEmbedder
from index.errors import InputError
from index.files import find_files
from rag.models import locate
from rag.pipeline import Pipeline
from rag.reader.cross_encoder import BASE, TRAINED, CrossEncoder
from rag.settings import Settings, load_settings
from rag.tracing import Steps, open_tracing
from rag.types import Evidence
from rag.writer.llm import open_llm
from rag.writer.verify import Verifier
from rag.writer.write import Writer
from tests.conftest import MakeCorpus
from tests.llm_servers import TINY, saying, serving
from tests.test_pipeline import DOCUMENTS

WHO = "Who prepared the draft of the peace plan?"
STEPS = ["rewrite", "embed", "retrieve", "read", "rerank", "abstain", "verify", "write"]
Make = Callable[..., Pipeline]


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def make(
    tmp_path: Path, make_corpus: MakeCorpus, embedder: SentenceTransformerEmbedder, spans: InMemorySpanExporter
) -> Make:
    """Make a pipeline over the little documents whose spans stay in memory."""
    (tmp_path / "documents").mkdir()
    for name, text in DOCUMENTS.items():
        (tmp_path / "documents" / name).write_text(text, encoding="utf-8")
    corpus: Corpus = make_corpus(tmp_path / "index", embedder)
    corpus.add(find_files([tmp_path / "documents"]))
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))

    def make(settings: Settings | None = None, writer: Writer | None = None) -> Pipeline:
        cross_encoder = CrossEncoder(locate(BASE), locate(TRAINED))
        return Pipeline(corpus, cross_encoder, settings or load_settings(tmp_path), writer, provider)

    return make


def named(spans: InMemorySpanExporter, name: str) -> ReadableSpan:
    (span,) = (span for span in spans.get_finished_spans() if span.name == name)
    return span


def attributes(span: ReadableSpan) -> dict[str, object]:
    return {name.removeprefix("citechat."): value for name, value in (span.attributes or {}).items()}


def test_each_step_is_a_span_within_the_question(make: Make, spans: InMemorySpanExporter) -> None:
    answer = make().ask(WHO)
    finished = spans.get_finished_spans()
    assert [span.name for span in finished] == [*STEPS, "question"]
    whole = finished[-1]
    for span in finished[:-1]:
        assert span.parent is not None
        assert span.parent.span_id == whole.context.span_id
        assert (whole.start_time or 0) - 1_000_000 <= (span.start_time or 0) <= (span.end_time or 0)
        assert (span.end_time or 0) <= (whole.end_time or 0)
    assert attributes(whole) == {
        "status": "answered",
        "confidence": answer.confidence,
        "claims": len(answer.claims),
        "hits": len(answer.hits),
        "model": "extractive",
    }
    assert attributes(named(spans, "retrieve"))["passages"] == len(answer.hits)
    assert attributes(named(spans, "abstain"))["confidence"] == answer.confidence
    assert attributes(named(spans, "verify")) == {"claims": len(answer.claims)}
    assert set(STEPS) | {"total"} == set(answer.timings_ms)


def test_a_refusal_writes_nothing_and_a_compound_question_reads_twice(make: Make, spans: InMemorySpanExporter) -> None:
    pipeline = make()
    pipeline.ask("What is the boiling point of tungsten?")
    assert "write" not in {span.name for span in spans.get_finished_spans()}
    assert attributes(named(spans, "question"))["status"] == "not_found"
    spans.clear()
    pipeline.ask("Who prepared the draft of the peace plan, and when was the clock museum founded?")
    assert attributes(named(spans, "rewrite"))["parts"] == 2
    assert [span.name for span in spans.get_finished_spans()].count("rerank") == 2


@pytest.mark.parametrize("allowed", [False, True])
def test_the_words_of_a_question_are_told_only_where_that_is_allowed(
    make: Make, spans: InMemorySpanExporter, tmp_path: Path, allowed: bool
) -> None:
    pipeline = make(load_settings(tmp_path, log_questions=allowed))
    pipeline.ask(WHO)
    with pytest.raises(InputError):
        pipeline.ask("plan " * 1_000)
    told = "\n".join(span.to_json() for span in spans.get_finished_spans())
    assert ("peace" in told) == allowed
    assert ("plan plan" in told) == allowed
    assert "Marco Rubio" not in told
    failed = spans.get_finished_spans()[-1]
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "InputError")


def test_who_leaves_ends_the_question(make: Make, spans: InMemorySpanExporter) -> None:
    with closing(make().stream(WHO)) as events:  # type: ignore[type-var]  # a generator
        assert isinstance(next(events), Evidence)
    assert attributes(named(spans, "question")) == {"status": "stopped"}


def test_a_model_writes_and_each_sentence_is_verified(
    make: Make, spans: InMemorySpanExporter, embedder: SentenceTransformerEmbedder, tmp_path: Path
) -> None:
    with serving(saying("Marco Rubio and Steve Witkoff prepared the draft of the peace plan [1].")) as (url, _):
        settings = load_settings(tmp_path, llm=TINY, llm_url=url)
        llm = open_llm(settings)
        assert llm is not None
        make(settings, Writer(llm, Verifier(embedder), settings.llm_context)).ask(WHO)
    verified = [attributes(span) for span in spans.get_finished_spans() if span.name == "verify"]
    assert verified[1:] == [{"outcome": "kept"}]
    assert attributes(named(spans, "write"))["model"] == TINY


def test_spans_are_sent_where_the_setting_says(tmp_path: Path) -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # its name
            received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/v1/traces"
        provider = open_tracing(load_settings(tmp_path, trace_url=address))
        assert provider is not None
        with Steps(provider.get_tracer("citechat")) as steps:
            steps.lap("retrieve", passages=3)
        provider.shutdown()
        server.shutdown()
    ((path, body),) = received
    assert path == "/v1/traces"
    assert b"citechat.passages" in body


def test_without_the_packages_the_setting_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_tracing(load_settings(tmp_path)) is None
    real = builtins.__import__

    def absent(name: str, *rest: object, **more: object) -> object:
        if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter")):
            raise ImportError(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    for name in [name for name in sys.modules if name.startswith("opentelemetry.exporter")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(InputError, match=r"citechat\[otel\]"):
        open_tracing(load_settings(tmp_path, trace_url="http://127.0.0.1:4318/v1/traces"))
