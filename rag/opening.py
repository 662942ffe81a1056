"""Opening the index that some settings name, without what answers questions: that takes much longer to import."""

from __future__ import annotations

from index.corpus import Corpus
from index.embedder import SentenceTransformerEmbedder
from index.originals import Originals
from index.store.opening import open_store
from rag.models import locate
from rag.settings import Settings


def open_corpus(settings: Settings) -> Corpus:
    """Open the index of the settings, or make it. The embedder is loaded when it is first needed.

    Raises:
        ModelMissing: the embedder is not on this machine.
        IndexDamaged: the index cannot be used.
        InputError: the home folder cannot be written, or the database does not do.
        StoreUnavailable: the database is not there.
    """
    embedder = SentenceTransformerEmbedder(locate(settings.embedder))
    store = open_store(
        *(settings.home, settings.store.get_secret_value(), settings.store_schema),
        *(embedder.fingerprint, embedder.dimension, settings.store_connections),
    )
    originals = Originals(settings.originals) if settings.originals else None
    return Corpus(store, embedder, settings.passage_tokens, originals)
