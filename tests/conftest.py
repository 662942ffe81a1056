"""What the tests share: the embedder of a fresh install, corpora in temporary folders, a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from index.corpus import Corpus
from index.embedder import Embedder, SentenceTransformerEmbedder
from index.store.base import Store
from index.store.embedded import EmbeddedStore
from rag.models import locate
from rag.settings import Settings
from tests.embedding import HashingEmbedder
from tests.installed import write_documents
from tests.stores import Place
from tests.terminal import run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.operator_pages import Operator
    from tests.postgres import Postgres

# The same examples on every machine, however slow it is.
settings.register_profile("citechat", deadline=None, derandomize=True)
settings.load_profile("citechat")

PASSAGE_TOKENS = 60
"""Small passages, so that short texts have several."""

MakeCorpus = Callable[..., Corpus]
"""Opens the corpus of a home folder: ``make_corpus(home=None, embedder=None)``."""


@pytest.fixture(scope="session")
def embedder() -> SentenceTransformerEmbedder:
    return SentenceTransformerEmbedder(locate("all-MiniLM-L6-v2"))


@pytest.fixture
def make_corpus(tmp_path: Path) -> Iterator[MakeCorpus]:
    with ExitStack() as opened:

        def make(home: Path | None = None, embedder: Embedder | None = None) -> Corpus:
            embedder = embedder or HashingEmbedder()
            store = EmbeddedStore(home or tmp_path / "home", embedder.fingerprint, embedder.dimension)
            return opened.enter_context(Corpus(store, embedder, PASSAGE_TOKENS))

        yield make


@pytest.fixture
def corpus(make_corpus: MakeCorpus) -> Corpus:
    """A corpus over a home folder of its own, empty."""
    return make_corpus()


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where the fixture ``store`` is: in the folder ``home``, unless `tests.stores.both` says otherwise."""
    if getattr(request, "param", "embedded") == "embedded":
        return Place(tmp_path / "home")
    return Place(tmp_path / "home", request.getfixturevalue("postgres").url(), request.getfixturevalue("schema"))


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    """An empty store."""
    store = place.open()
    yield store
    store.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL with pgvector, one for all tests; each uses a schema of its own."""
    from tests.postgres import running_postgres

    with running_postgres() as server:
        yield server


@pytest.fixture
def schema(postgres: Postgres) -> Iterator[str]:
    """The name of a schema that is not there yet, and is dropped after the test."""
    with postgres.schema() as name:
        yield name


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every setting out of the environment."""
    for field in Settings.model_fields:
        monkeypatch.delenv(f"CITECHAT_{field.upper()}", raising=False)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the documents of `tests.installed`."""
    return write_documents(tmp_path_factory.mktemp("folder"))


@pytest.fixture(scope="session")
def home(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder whose index has the documents of ``folder``, for the command line to read."""
    home = tmp_path_factory.mktemp("home")
    assert run("index", "add", folder, "--home", home).code == 0
    return home


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """The operator's pages, served once."""
    from tests.operator_pages import pages

    with pages(tmp_path_factory.mktemp("home")) as served:
        yield served


@pytest.fixture
def operator(house: Operator) -> Iterator[Operator]:
    """Somebody new at the operator's pages, over an index without documents."""
    with house.somebody_new() as operator:
        yield operator
    house.corpus.remove([info.id for info in house.corpus.documents()])
    for path in (house.home / "uploads").glob("*"):
        path.unlink()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a real browser, a fresh one for each module. Ask for servers first: both want this thread's event loop."""
    from tests.browser import chromium

    with chromium() as browser:
        yield browser
