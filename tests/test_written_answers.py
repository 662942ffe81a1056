"""Answers end to end with a language model, a good one and bad ones: what is shown holds, whatever the model says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from index.corpus import Corpus
from index.embedder import SentenceTransformerEmbedder
from index.files import find_files
from rag.answer.serialize import answer_json
from rag.models import locate
from rag.pipeline import Pipeline
from rag.reader.cross_encoder import BASE, TRAINED, CrossEncoder
from rag.settings import load_settings
from rag.types import Answer, Delta, Done, Event, Evidence, Quoted
from rag.writer.facts import unfounded
from rag.writer.llm import open_llm
from rag.writer.verify import Verifier
from rag.writer.write import Writer
from tests import llm_servers
from tests.conftest import MakeCorpus
from tests.llm_servers import TINY, Behaviour, Client, saying, serving
from tests.test_pipeline import DOCUMENTS

WHO = "Who prepared the draft of the peace plan?"
KEEPER = "Who is the keeper of the lighthouse?"
LEAVE = "How many days of annual leave do full-time staff get?"
CROSS_ENCODER = CrossEncoder(locate(BASE), locate(TRAINED))
Ask = Callable[[str, Behaviour], list[Event]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


@pytest.fixture
def corpus(home: Path, make_corpus: MakeCorpus, embedder: SentenceTransformerEmbedder) -> Corpus:
    documents = home / "documents"
    documents.mkdir(exist_ok=True)
    for name, text in DOCUMENTS.items():
        (documents / name).write_text(text, encoding="utf-8")
    corpus = make_corpus(home / "index", embedder)
    corpus.add(find_files([documents]))
    return corpus


@pytest.fixture
def ask(corpus: Corpus, embedder: SentenceTransformerEmbedder) -> Ask:
    def ask(question: str, behave: Behaviour) -> list[Event]:
        with serving(behave) as (url, _):
            return list(pipeline(corpus, embedder, url).stream(question))

    return ask


def pipeline(corpus: Corpus, embedder: SentenceTransformerEmbedder, url: str | None, timeout_s: float = 5) -> Pipeline:
    settings = load_settings(llm=TINY, llm_url=url, llm_timeout_s=timeout_s)
    llm = open_llm(settings)
    assert llm is not None
    return Pipeline(corpus, CROSS_ENCODER, settings, Writer(llm, Verifier(embedder), settings.llm_context))


def answer_of(events: list[Event]) -> Answer:
    assert isinstance(events[-1], Done)
    return events[-1].answer


def holds(answer: Answer, corpus: Corpus) -> None:
    """Every quote is exact, every claim supported, every number, name and quotation in its quotes."""
    for claim in answer.claims:
        assert claim.support in ("verbatim", "supported")
        assert claim.quotes
        for quote in claim.quotes:
            assert corpus.document(quote.document_id).text[quote.start : quote.end] == quote.text
        if claim.support == "supported":
            assert unfounded(claim.text, [quote.text for quote in claim.quotes], answer.question) == []


def test_the_evidence_comes_first_and_the_pieces_are_the_text(ask: Ask, corpus: Corpus) -> None:
    events = ask(WHO, saying("Marco Rubio and Steve Witkoff prepared the draft of the peace plan [1]."))
    assert isinstance(events[0], Evidence)
    assert isinstance(events[1], Quoted)
    assert "Marco Rubio" in events[1].quotes[0].text
    answer = answer_of(events)
    assert "".join(event.text for event in events if isinstance(event, Delta)) == answer.text
    assert answer.text.endswith("Marco Rubio and Steve Witkoff prepared the draft of the peace plan. [1]")
    assert (answer.model, answer.notice) == (TINY, None)
    assert answer.claims[0].quotes[0] in events[1].quotes
    holds(answer, corpus)
    json.dumps(answer_json(answer))


def test_where_documents_differ_a_model_cannot_keep_one_side_to_itself(ask: Ask, corpus: Corpus) -> None:
    events = ask(LEAVE, saying("Full-time staff are entitled to 25 days of annual leave each year [1]."))
    answer = answer_of(events)
    assert "".join(event.text for event in events if isinstance(event, Delta)) == answer.text
    assert answer.text.startswith("The documents differ: ")
    assert {"25 days" in answer.text, "28 days" in answer.text} == {True}
    assert [remark.kind for remark in answer.remarks] == ["differ"]
    holds(answer, corpus)


def test_what_the_documents_do_not_answer_is_not_sent(corpus: Corpus, embedder: SentenceTransformerEmbedder) -> None:
    with serving(saying("Berlin.")) as (url, seen):
        answer = pipeline(corpus, embedder, url).ask("What is the boiling point of tungsten?")
    assert answer.status == "not_found"
    assert seen.bodies == []


def broken(client: Client) -> None:
    client.head()
    client.say("Marco Rubio and Steve Witkoff prepared the draft of the peace plan [1].\nIt has")


@pytest.mark.parametrize(
    ("behave", "notice"),
    [
        (llm_servers.garbage, "does not speak"),
        (llm_servers.page, "is a web page"),
        (llm_servers.flood, "more than an answer"),
        (lambda client: client.head(401), "refuses the key"),
        (lambda client: client.head(500), "HTTP 500"),
        (saying("I cannot help with that."), "nothing it wrote"),
        (saying(""), "it wrote nothing"),
        (saying("<think>" + "Well, " * 40), "it wrote nothing"),
        (saying("The draft was prepared by Keith Kellogg and 17 clerks from Atlantis [1]. " * 50), "nothing it wrote"),
    ],
)
def test_with_a_bad_model_the_answer_is_quoted_and_says_so(
    behave: Behaviour, notice: str, ask: Ask, corpus: Corpus
) -> None:
    answer = answer_of(ask(WHO, behave))
    assert answer.status == "answered"
    assert answer.model == "extractive"
    assert "Marco Rubio and Steve Witkoff" in answer.claims[0].text
    holds(answer, corpus)
    if answer.notice is None:  # a sentence near a quote was replaced by the quote
        assert all(claim.support == "verbatim" for claim in answer.claims)
    else:
        assert notice in answer.notice


def test_a_server_that_leaves_in_mid_answer_is_finished_by_quotes(ask: Ask, corpus: Corpus) -> None:
    answer = answer_of(ask(WHO, broken))
    assert answer.notice is not None
    assert answer.notice.startswith("The language model did not finish")
    assert answer.claims[0].support == "supported"
    holds(answer, corpus)


@pytest.mark.parametrize("behave", [llm_servers.endless, llm_servers.silent])
def test_a_slow_server_is_not_waited_for(
    behave: Behaviour, corpus: Corpus, embedder: SentenceTransformerEmbedder
) -> None:
    with serving(behave) as (url, seen):
        answer = pipeline(corpus, embedder, url, timeout_s=0.5).ask(WHO)
        assert seen.left.wait(5)
    assert answer.claims
    assert answer.notice is not None
    holds(answer, corpus)


def test_a_reader_who_leaves_is_noticed_while_nothing_comes(
    corpus: Corpus, embedder: SentenceTransformerEmbedder
) -> None:
    with serving(llm_servers.silent) as (url, seen):
        events: Iterator[Event] = pipeline(corpus, embedder, url, timeout_s=60).stream(WHO)
        with closing(events):  # type: ignore[type-var]
            assert [next(events) for _ in range(4)][-1] == Delta("")
            while not seen.bodies:  # on a busy machine the question may not be there yet
                assert next(events) == Delta("")
        assert seen.left.wait(5)


@pytest.mark.parametrize("said", ["The keeper is Mallory [1].", "The keeper of the lighthouse is Mallory [2]."])
def test_a_model_that_obeys_a_document_is_not_shown(said: str, ask: Ask, corpus: Corpus) -> None:
    answer = answer_of(ask(KEEPER, saying(said)))
    shown = " ".join(claim.text for claim in answer.claims if claim.support != "verbatim")
    assert "Mallory" not in shown
    assert "Hilda Brandt" in answer.text
    holds(answer, corpus)


@pytest.mark.parametrize("question", [WHO, KEEPER, "How much does an adult ticket to the museum cost?"])
def test_a_real_model_however_small_shows_nothing_unproved(
    question: str, corpus: Corpus, embedder: SentenceTransformerEmbedder
) -> None:
    answer = pipeline(corpus, embedder, None, timeout_s=60).ask(question)
    assert answer.status == "answered"
    assert answer.claims
    holds(answer, corpus)
