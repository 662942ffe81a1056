"""Words that were altered behind citechat's back are never shown: the answer does without their document."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.corpus import Corpus
from index.embedder import SentenceTransformerEmbedder
from index.files import find_files
from index.store.base import DocumentAltered
from rag.answer.serialize import answer_json
from rag.models import locate
from rag.pipeline import Pipeline
from rag.reader.cross_encoder import BASE, TRAINED, CrossEncoder
from rag.settings import Settings
from rag.types import Answer
from tests.stores import Place, both
from tests.terminal import run
from ui.i18n import messages
from ui.page.render import answer as rendered

TEXTS = {
    "museum.md": "# The clock museum\n\nThe clock museum was founded in 1897 by Jane Roe. It has 412 clocks.\n",
    "guide.md": "# A guide\n\nMost visitors see the castle first. The clock museum in Leeds was founded in 1897.\n",
    "bees.md": "# Bees\n\nUrban bees visit more kinds of flowers than bees on farmland.\n",
}
FOUNDED = "When was the clock museum founded?"
DOCUMENT = "UPDATE documents SET text = replace(text, '1897', '1997') WHERE text LIKE '%Jane Roe%'"
PASSAGE = "UPDATE passages SET text = replace(text, '1897', '1997') WHERE text LIKE '%Jane Roe%'"
BOTH = "UPDATE {} SET text = replace(text, '1897', '1997')"

Alter = Callable[..., None]


@pytest.fixture
def pipeline(place: Place, embedder: SentenceTransformerEmbedder, tmp_path: Path) -> Iterator[Pipeline]:
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    settings = Settings(home=tmp_path / "home")
    corpus = Corpus(place.open(embedder.fingerprint, embedder.dimension), embedder, settings.passage_tokens)
    with Pipeline(corpus, CrossEncoder(locate(BASE), locate(TRAINED)), settings) as pipeline:
        corpus.add(find_files([tmp_path / name for name in TEXTS]))
        yield pipeline


@pytest.fixture
def alter(place: Place, request: pytest.FixtureRequest) -> Alter:
    """Change rows as another program would, past citechat."""

    def change(*statements: str) -> None:
        if place.url:
            postgres = request.getfixturevalue("postgres")
            postgres.as_superuser(f"SET search_path TO {place.schema}, public", *statements)
        else:
            with sqlite3.connect(place.folder / "index.sqlite3") as connection:
                for statement in statements:
                    connection.execute(statement)

    return change


def shown(answer: Answer) -> str:
    """All that an answer shows of documents."""
    return str(answer_json(answer))


@both
@pytest.mark.parametrize("statement", [DOCUMENT, PASSAGE])
def test_an_altered_document_is_left_out_and_another_answers(
    pipeline: Pipeline, alter: Alter, caplog: pytest.LogCaptureFixture, statement: str
) -> None:
    assert pipeline.ask(FOUNDED).quotes[0].source == "museum.md"
    alter(statement)
    answer = pipeline.ask(FOUNDED)
    assert [(quote.source, "1897" in quote.text) for quote in answer.quotes] == [("guide.md", True)]
    assert "1997" not in shown(answer)
    assert [(each.kind, each.about) for each in answer.remarks] == [("altered", "museum.md")]
    assert answer.text.endswith(
        "museum.md is left out: it is not what was stored. For whoever keeps the documents: citechat index verify"
    )
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.WARNING, "rag.retrieval.proved")
    assert "is not what was stored. Run: citechat index verify" in record.getMessage()


@both
def test_what_was_altered_as_a_whole_is_not_found(pipeline: Pipeline, alter: Alter) -> None:
    alter(BOTH.format("documents"), BOTH.format("passages"))
    answer = pipeline.ask(FOUNDED)
    assert (answer.status, answer.claims) == ("not_found", ())
    assert "1997" not in shown(answer)
    assert {each.about for each in answer.remarks} == {"museum.md", "guide.md"}
    page = rendered(answer, "m", messages("en"))
    assert r"museum\.md is left out\:" in page
    assert r"guide\.md is left out\:" in page


@both
def test_a_document_is_read_only_as_it_was_stored(pipeline: Pipeline, alter: Alter) -> None:
    info = pipeline.corpus.find("museum.md")
    for column in ("text", "title", "metadata", "pages", "blocks"):
        alter("CREATE TABLE before AS SELECT * FROM documents", f"UPDATE documents SET {column} = 'x'")
        with pytest.raises(DocumentAltered, match=r"\(museum\.md\) is not what was stored\. Run: citechat index"):
            pipeline.corpus.document(info.id)
        of_before = f"(SELECT {column} FROM before WHERE before.id = documents.id)"
        alter(f"UPDATE documents SET {column} = {of_before}", "DROP TABLE before")
    assert pipeline.corpus.document(info.id).source == "museum.md"
    alter(DOCUMENT)
    (receipt,) = pipeline.corpus.remove(["museum.md"])  # the remedy is not kept from working
    assert receipt.still_found == {"dense": 0, "lexical": 0, "exact": 0}


@both
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE passages SET sentences = '[[0,' WHERE text LIKE '%Jane Roe%'",
        "UPDATE documents SET metadata = '{' WHERE text LIKE '%Jane Roe%'",
        "UPDATE documents SET pages = '[[1]]', blocks = '[' WHERE text LIKE '%Jane Roe%'",
    ],
)
def test_what_cannot_be_decoded_is_left_out_until_its_file_mends_it(
    pipeline: Pipeline, alter: Alter, tmp_path: Path, statement: str
) -> None:
    alter(statement)
    answer = pipeline.ask(FOUNDED)
    assert {quote.source for quote in answer.quotes} == {"guide.md"}
    assert [(each.kind, each.about) for each in answer.remarks] == [("altered", "museum.md")]
    problem = pipeline.corpus.verify()[0]
    assert "remove it: citechat index remove" in problem
    (receipt,) = pipeline.corpus.remove(["museum.md"])
    assert (receipt.passages, receipt.still_found) == (1, {"dense": 0, "lexical": 0, "exact": 0})
    pipeline.corpus.add(find_files([tmp_path / "museum.md"]))
    assert pipeline.corpus.verify() == []
    assert pipeline.ask(FOUNDED).quotes[0].source == "museum.md"


def test_the_command_line_says_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "museum.md").write_text(TEXTS["museum.md"])
    home = tmp_path / "home"
    run("index", "add", tmp_path / "museum.md", "--home", home)
    with sqlite3.connect(home / "index.sqlite3") as connection:
        connection.execute(DOCUMENT)
    outcome = run("ask", FOUNDED, "--home", home)
    assert (outcome.code, outcome.output.splitlines()) == (
        0,
        [
            "The documents do not answer this.",
            "museum.md is left out: it is not what was stored. For whoever keeps the documents: citechat index verify",
        ],
    )
    assert "(museum.md) is not what was stored. Run: citechat index verify" in caplog.text
    outcome = run("index", "show", "museum.md", "--home", home)
    assert (outcome.code, outcome.output) == (3, "")
