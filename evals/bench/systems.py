"""One system indexes articles and finds passages, in a process of its own; `evals.bench.rivals` starts it.

    PYTHON -P systems.py SYSTEM SETTINGS JOB

``JOB`` is a file of JSON: ``folder`` (articles, a text file each), ``home`` (an empty folder), ``model`` (the folder
of the weights), ``questions`` and ``limit`` (passages a question). One object of JSON is printed, see `main`. Each
system is imported where it is used, because the rivals live in a virtual environment that does not know citechat, nor
this one them. Loading the weights and a first embedding are not timed; reading, splitting, embedding and saving are.

``default`` is what a rival's documentation starts with: its own splitter with its own sizes, its own batches, float32.
``tuned`` is what the documentation offers for speed without other weights: pieces that fit the model's window,
bfloat16, batches of 64. txtai has no splitter of its own to start with: its pieces are the paragraphs, as it advises.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

WINDOW = 256
"""Tokens that the model reads of a piece, special tokens counted; the rest is cut off."""
WORDS = 150
"""Words that hardly ever exceed the window."""
BATCH = 64


class System(Protocol):
    """What is measured."""

    def ingest(self, folder: Path, home: Path) -> None:
        """Index the files of a folder and save the index."""

    def pieces(self) -> list[str]:
        """Return the texts that were embedded."""

    def find(self, question: str, limit: int) -> list[str]:
        """Return the names of the files that the best pieces come from, best first."""


class Rival:
    """What the others share."""

    _texts: list[str]

    def pieces(self) -> list[str]:
        """See `System`."""
        return self._texts


class LangChain(Rival):
    """LangChain with its FAISS store."""

    def __init__(self, model: str, tuned: bool) -> None:
        from langchain_huggingface import HuggingFaceEmbeddings
        from langchain_text_splitters import RecursiveCharacterTextSplitter, SentenceTransformersTokenTextSplitter

        self._splitter: Any = RecursiveCharacterTextSplitter()
        options: dict[str, Any] = {}
        if tuned:
            self._splitter = SentenceTransformersTokenTextSplitter(model_name=model, chunk_overlap=0)
            options = {"model_kwargs": {"model_kwargs": {"dtype": "bfloat16"}}, "encode_kwargs": {"batch_size": BATCH}}
        self._embeddings: Any = HuggingFaceEmbeddings(model_name=model, **options)
        self._embeddings.embed_query("warm up")
        self._store: Any = None

    def ingest(self, folder: Path, home: Path) -> None:
        """See `System`."""
        from langchain_community.vectorstores import FAISS
        from langchain_core.documents import Document

        documents = [Document(text, metadata={"source": name}) for name, text in _articles(folder)]
        pieces = self._splitter.split_documents(documents)
        self._store = FAISS.from_documents(pieces, self._embeddings)
        self._store.save_local(str(home))
        self._texts = [piece.page_content for piece in pieces]

    def find(self, question: str, limit: int) -> list[str]:
        """See `System`."""
        return [str(hit.metadata["source"]) for hit in self._store.similarity_search(question, k=limit)]


class LlamaIndex(Rival):
    """LlamaIndex with its FAISS store."""

    def __init__(self, model: str, tuned: bool) -> None:
        from llama_index.core.node_parser import SentenceSplitter
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding

        self._splitter: Any = SentenceSplitter()
        options: dict[str, Any] = {}
        if tuned:
            from transformers import AutoTokenizer

            tokenize = AutoTokenizer.from_pretrained(model).tokenize
            self._splitter = SentenceSplitter(chunk_size=WINDOW - 32, chunk_overlap=0, tokenizer=tokenize)
            options = {"model_kwargs": {"dtype": "bfloat16"}, "embed_batch_size": BATCH}
        self._embedding: Any = HuggingFaceEmbedding(model_name=model, **options)
        self._embedding.get_query_embedding("warm up")
        self._index: Any = None

    def ingest(self, folder: Path, home: Path) -> None:
        """See `System`."""
        import faiss
        from llama_index.core import Document, StorageContext, VectorStoreIndex
        from llama_index.vector_stores.faiss import FaissVectorStore

        documents = [Document(text=text, metadata={"source": name}) for name, text in _articles(folder)]
        nodes = self._splitter.get_nodes_from_documents(documents)
        store: Any = FaissVectorStore(faiss_index=faiss.IndexFlatL2(len(self._embedding.get_query_embedding(""))))
        context = StorageContext.from_defaults(vector_store=store)
        self._index = VectorStoreIndex(nodes, storage_context=context, embed_model=self._embedding)
        self._index.storage_context.persist(str(home))
        self._texts = [node.get_content(metadata_mode="embed") for node in nodes]

    def find(self, question: str, limit: int) -> list[str]:
        """See `System`."""
        hits = self._index.as_retriever(similarity_top_k=limit).retrieve(question)
        return [str(hit.metadata["source"]) for hit in hits]


class Haystack(Rival):
    """Haystack with its store in memory; it has none of FAISS any more."""

    def __init__(self, model: str, tuned: bool) -> None:
        from haystack.components.preprocessors import DocumentSplitter
        from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
        from haystack.document_stores.in_memory import InMemoryDocumentStore
        from haystack_integrations.components.embedders.sentence_transformers import (
            SentenceTransformersDocumentEmbedder,
            SentenceTransformersTextEmbedder,
        )

        dtype: dict[str, Any] = {"model_kwargs": {"dtype": "bfloat16"}} if tuned else {}
        size: dict[str, Any] = {"batch_size": BATCH} if tuned else {}
        self._splitter: Any = DocumentSplitter(split_length=WORDS) if tuned else DocumentSplitter()
        self._embedder: Any = SentenceTransformersDocumentEmbedder(model=model, progress_bar=False, **dtype, **size)
        self._asker: Any = SentenceTransformersTextEmbedder(model=model, progress_bar=False, **dtype)
        self._store: Any = InMemoryDocumentStore()
        self._retriever: Any = InMemoryEmbeddingRetriever(self._store)
        for part in (self._splitter, self._embedder, self._asker):
            if hasattr(part, "warm_up"):
                part.warm_up()
        self._asker.run(text="warm up")

    def ingest(self, folder: Path, home: Path) -> None:
        """See `System`."""
        from haystack import Document

        documents = [Document(content=text, meta={"source": name}) for name, text in _articles(folder)]
        pieces = self._splitter.run(documents=documents)["documents"]
        self._store.write_documents(self._embedder.run(documents=pieces)["documents"])
        self._store.save_to_disk(str(home / "store.json"))
        self._texts = [piece.content for piece in pieces]

    def find(self, question: str, limit: int) -> list[str]:
        """See `System`."""
        vector = self._asker.run(text=question)["embedding"]
        hits = self._retriever.run(query_embedding=vector, top_k=limit)["documents"]
        return [str(hit.meta["source"]) for hit in hits]


class Txtai(Rival):
    """Txtai with content in SQLite and vectors in FAISS."""

    def __init__(self, model: str, tuned: bool) -> None:
        from txtai import Embeddings

        options: dict[str, Any] = {"encodebatch": BATCH, "vectors": {"model_kwargs": {"dtype": "bfloat16"}}}
        if tuned:
            options["method"] = "sentence-transformers"
        self._embeddings: Any = Embeddings(path=model, content=True, **(options if tuned else {}))
        self._embeddings.transform("warm up")
        self._sources: list[str] = []

    def ingest(self, folder: Path, home: Path) -> None:
        """See `System`."""
        pieces = [(name, part) for name, text in _articles(folder) for part in text.split("\n\n") if part.strip()]
        self._sources = [name for name, _ in pieces]
        self._embeddings.index([(number, part, None) for number, (_, part) in enumerate(pieces)])
        self._embeddings.save(str(home / "index"))
        self._texts = [part for _, part in pieces]

    def find(self, question: str, limit: int) -> list[str]:
        """See `System`."""
        return [self._sources[int(hit["id"])] for hit in self._embeddings.search(question, limit)]


class Citechat:
    """Our own, as a server has it: ``find`` is its retrieval alone, without the reading that makes an answer."""

    def __init__(self, home: Path) -> None:
        from rag.pipeline import open_pipeline
        from rag.settings import load_settings

        self._pipeline = open_pipeline(load_settings(home))
        self._pipeline.warm_up()

    def ingest(self, folder: Path, home: Path) -> None:  # noqa: ARG002  # its home is known
        """See `System`."""
        from index.files import find_files

        corpus = self._pipeline.corpus
        corpus.add(find_files([folder]))
        corpus.store.dense(corpus.embedder.embed_query("warm up"), 1)  # the others have made their FAISS too

    def pieces(self) -> list[str]:
        """See `System`."""
        from index.passages import lead

        store = self._pipeline.corpus.store
        ids = [f"{info.id}-{number}" for info in store.documents() for number in range(info.passages)]
        return [lead(each.passage.context) + each.passage.text for each in store.passages(ids).values()]

    def find(self, question: str, limit: int) -> list[str]:
        """See `System`."""
        from rag.retrieval.retrieve import inverse_frequencies, retrieve

        corpus, candidates = self._pipeline.corpus, self._pipeline.settings.candidates
        query, frequencies = corpus.embedder.embed_query(question), inverse_frequencies(corpus, question)
        found = retrieve(corpus, question, query, frequencies, candidates=candidates, limit=limit)
        ids = [each.stored.passage.document_id for each in found]
        sources = corpus.store.sources(ids)
        return [sources[id_][0] for id_ in ids]

    def answer(self, question: str) -> None:
        """Answer it, with all checks."""
        self._pipeline.ask(question)


RIVALS: dict[str, Callable[[str, bool], System]] = {
    "langchain": LangChain,
    "llamaindex": LlamaIndex,
    "haystack": Haystack,
    "txtai": Txtai,
}


def _articles(folder: Path) -> list[tuple[str, str]]:
    return [(path.name, path.read_text(encoding="utf-8")) for path in sorted(folder.iterdir())]


def _processor() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _lengths(texts: list[str], model: Path) -> list[int]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return [len(encoding.ids) for encoding in tokenizer.encode_batch(texts)]


def _milliseconds(call: Callable[[str], object], questions: list[str]) -> list[float]:
    times = []
    for question in questions:
        begun = perf_counter()
        call(question)
        times.append((perf_counter() - begun) * 1000)
    return times


def main(arguments: list[str]) -> int:
    """Run a system on a job and print what came of it.

    ``ingest_s`` on the clock, ``ingest_cpu_s`` of the processor, children included; ``passages``; ``tokens`` that the
    model read and ``cut_off`` that it did not; ``find_ms`` a question; ``found``, names of files a question;
    ``answer_ms`` where the system answers.
    """
    name, settings, path = arguments
    job = json.loads(Path(path).read_text(encoding="utf-8"))
    folder, home, model = Path(job["folder"]), Path(job["home"]), Path(job["model"])
    system: System = Citechat(home) if name == "citechat" else RIVALS[name](str(model), settings == "tuned")
    begun, used = perf_counter(), _processor()
    system.ingest(folder, home)
    seconds, processor = perf_counter() - begun, _processor() - used
    lengths = _lengths(system.pieces(), model)
    read = sum(min(length, WINDOW) for length in lengths)
    questions = job["questions"]
    found = [system.find(question, job["limit"]) for question in questions]  # untimed: the first one loads more
    figures = {
        "ingest_s": seconds,
        "ingest_cpu_s": processor,
        "passages": len(lengths),
        "tokens": read,
        "cut_off": sum(lengths) - read,
        "found": found,
        "find_ms": _milliseconds(lambda question: system.find(question, job["limit"]), questions),
        "answer_ms": _milliseconds(system.answer, questions) if isinstance(system, Citechat) else [],
    }
    sys.stdout.write("\n" + json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
