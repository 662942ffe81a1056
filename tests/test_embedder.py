from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import index.embedder
from index.embedder import Embedder, SentenceTransformerEmbedder
from index.errors import ModelMissing
from index.passages import lead
from index.sentences import sentence_spans
from index.types import Matrix, Passage, Span, Vector
from rag.models import locate
from tests.embedding import HashingEmbedder

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TEXTS = (
    "The canteen opens at noon. It serves soup on Fridays, says Ms. O'Neill.",
    "Russia would have to give up the land. “Never,” said Mr. Peskov! Then came 28 points.",
    "Soup.",
    "Le congé annuel est de 25 jours. 漢字もある。 🌍🌍 naïve",
    " ".join(f"Sentence number {number} of a long passage is about annual leave." for number in range(18)),
)


def passage(text: str, context: str = "Handbook · Leave", start: int = 7) -> Passage:
    """A passage that begins at ``start`` of its document."""
    spans = tuple(sentence_spans(text, start))
    return Passage("d-0", "d", 0, start, start + len(text), text, "", context, spans)


PASSAGES = tuple(passage(text) for text in TEXTS)


def all_vectors(embedder: Embedder, passages: Sequence[Passage]) -> list[Matrix]:
    return [np.vstack([each.passage, each.sentences]) for each in embedder.embed_passages(passages)]


class TestEveryEmbedder:
    @pytest.fixture(params=["hashing", "minilm"])
    def any_embedder(self, request: pytest.FixtureRequest) -> Embedder:
        if request.param == "hashing":
            return HashingEmbedder(32, 200)
        real: SentenceTransformerEmbedder = request.getfixturevalue("embedder")
        return real

    def test_vectors_have_unit_length_and_the_dimension(self, any_embedder: Embedder) -> None:
        for each, vectors in zip(PASSAGES, all_vectors(any_embedder, PASSAGES), strict=True):
            assert vectors.shape == (1 + len(each.sentences), any_embedder.dimension)
            assert vectors.dtype == np.float32
            assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
        for question in ("Who?", "", " ", "🌍", "\ud800", "w " * 5000):
            vector = any_embedder.embed_query(question)
            assert vector.shape == (any_embedder.dimension,)
            assert abs(float(np.linalg.norm(vector)) - 1) < 1e-5

    def test_the_order_is_kept_and_the_batch_does_not_matter(self, any_embedder: Embedder) -> None:
        many = [*PASSAGES] * 12
        together = all_vectors(any_embedder, many)
        for each, vectors in zip(many, together, strict=True):
            (alone,) = all_vectors(any_embedder, [each])
            assert (alone * vectors).sum(1).min() > 0.9995

    def test_questions_are_embedded_together_as_alone(self, any_embedder: Embedder) -> None:
        questions = [
            "Who?",
            "",
            "\ud800",
            "w " * 400,
            *TEXTS,
            "When does the canteen open on Fridays, and for whom?",
        ] * 5
        together = any_embedder.embed_queries(questions)
        assert len(together) == len(questions)
        for question, vector in zip(questions, together, strict=True):
            alone = any_embedder.embed_query(question)
            assert vector.dtype == np.float32
            assert float(alone @ vector) > 0.9999  # bfloat16 has 8 bits, and AMX sums by the shape of the batch
        assert any_embedder.embed_queries([]) == []

    def test_the_same_input_gives_the_same_vectors(self, any_embedder: Embedder) -> None:
        first, again = all_vectors(any_embedder, PASSAGES), all_vectors(any_embedder, PASSAGES)
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))

    def test_a_question_is_nearest_to_the_passage_that_shares_its_words(self, any_embedder: Embedder) -> None:
        query = any_embedder.embed_query("soup in the canteen on Fridays")
        scores = [float(each.passage @ query) for each in any_embedder.embed_passages(PASSAGES)]
        assert np.argmax(scores) == 0

    def test_a_sentence_vector_is_nearest_to_its_own_sentence(self, any_embedder: Embedder) -> None:
        (embedded,) = any_embedder.embed_passages(PASSAGES[:1])
        for number, text in enumerate(("The canteen opens at noon.", "It serves soup on Fridays, says Ms. O'Neill.")):
            assert np.argmax(embedded.sentences @ any_embedder.embed_query(text)) == number

    def test_the_context_counts(self, any_embedder: Embedder) -> None:
        plain, titled = any_embedder.embed_passages([passage("They went up.", ""), passage("They went up.", "Prices")])
        query = any_embedder.embed_query("prices")
        assert titled.passage @ query > plain.passage @ query + 0.05

    def test_tokens_are_counted_alike_alone_and_together(self, any_embedder: Embedder) -> None:
        assert any_embedder.count_tokens(["", "One two, three."]) == [0, 5]
        counts = any_embedder.count_tokens(TEXTS)
        assert counts == [any_embedder.count_tokens([text])[0] for text in TEXTS]
        assert any_embedder.count_tokens(["word " * 1000]) == [1000]

    def test_word_vectors_are_near_where_words_are_alike(self, any_embedder: Embedder) -> None:
        words = ["agreement", "agreements", "soup", "agreement", "漢", "\u200b"]
        vectors = any_embedder.word_vectors(words)
        assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
        assert np.array_equal(vectors[0], vectors[3])
        assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2

    def test_nothing_gives_nothing(self, any_embedder: Embedder) -> None:
        assert any_embedder.embed_passages([]) == []
        assert any_embedder.count_tokens([]) == []
        assert any_embedder.word_vectors([]).shape == (0, any_embedder.word_vectors(["a"]).shape[1])


@pytest.fixture(scope="module")
def reference() -> Callable[[str], tuple[Matrix, list[tuple[int, int]]]]:
    """The model's token states in float32 with the place of each token, by transformers alone."""
    from transformers import AutoModel, AutoTokenizer

    folder = locate("all-MiniLM-L6-v2")
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModel.from_pretrained(folder, dtype="float32").eval()

    def states(text: str) -> tuple[Matrix, list[tuple[int, int]]]:
        import torch

        inputs = tokenizer([text], truncation=True, max_length=256, return_tensors="pt", return_offsets_mapping=True)
        offsets = [tuple(pair) for pair in inputs.pop("offset_mapping")[0].tolist()]
        with torch.inference_mode():
            return model(**inputs).last_hidden_state[0].numpy(), offsets

    return states


def unit(vector: Vector) -> Vector:
    result: Vector = vector / np.linalg.norm(vector)
    return result


def test_vectors_are_those_of_the_model_in_float32(
    embedder: SentenceTransformerEmbedder, reference: Callable[[str], tuple[Matrix, list[tuple[int, int]]]]
) -> None:
    for each, embedded in zip(PASSAGES, embedder.embed_passages(PASSAGES), strict=True):
        head = lead(each.context)
        states, offsets = reference(head + each.text)
        assert embedded.passage @ unit(states.mean(0)) > 0.999
        for span, vector in zip(each.sentences, embedded.sentences, strict=True):
            start, end = (position - each.start + len(head) for position in (span.start, span.end))
            inside = [row for row, (a, b) in enumerate(offsets) if start <= a < b <= end]
            assert vector @ unit(states[inside].mean(0)) > 0.999
    for question in ("Who prepared the draft?", "", "leave " * 1000):
        assert embedder.embed_query(question) @ unit(reference(question)[0].mean(0)) > 0.999


def test_tokens_are_counted_as_the_model_reads_them(
    embedder: SentenceTransformerEmbedder, reference: Callable[[str], tuple[Matrix, list[tuple[int, int]]]]
) -> None:
    for text, count in zip(TEXTS, embedder.count_tokens(TEXTS), strict=True):
        assert len(reference(text)[1]) == count + 2  # [CLS] and [SEP]


def test_nothing_of_a_passage_as_long_as_allowed_is_cut_off(embedder: SentenceTransformerEmbedder) -> None:
    words = ["word"] * (embedder.max_tokens - embedder.count_tokens(["Title. "])[0])
    base, last, beyond = (
        passage(" ".join([*words[:-1], *end]), "Title") for end in (["word"], ["soup"], ["word", "soup"])
    )
    assert embedder.count_tokens([lead(base.context) + base.text]) == [embedder.max_tokens] == [254]
    vectors = [each.passage for each in embedder.embed_passages([base, last, beyond])]
    assert not np.array_equal(vectors[0], vectors[1])
    assert vectors[0] @ vectors[2] > 0.99999


def test_a_sentence_without_tokens_has_the_vector_of_its_passage(embedder: SentenceTransformerEmbedder) -> None:
    text = "Soup. \u200b\u200b"
    odd = Passage("d-0", "d", 0, 0, len(text), text, "", "", (Span(0, 5), Span(6, 8)))
    (embedded,) = embedder.embed_passages([odd])
    assert np.array_equal(embedded.sentences[1], embedded.passage)


def test_the_fingerprint_names_the_weights(embedder: SentenceTransformerEmbedder) -> None:
    weights = (locate("all-MiniLM-L6-v2") / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == MINILM_SHA256
    assert embedder.fingerprint == hashlib.sha256(bytes.fromhex(MINILM_SHA256)).hexdigest()[:16]
    assert embedder.dimension == 384


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=str(tmp_path)) as refusal:
        SentenceTransformerEmbedder(tmp_path)
    assert "citechat.toml" in refusal.value.remedy


def test_threads_share_an_embedder(embedder: SentenceTransformerEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index.embedder, "WORDS_KEPT", 50)
    words = [f"word{number}" for number in range(120)]
    expected = {word: embedder.word_vectors([word])[0] for word in words}
    question = embedder.embed_query("Who?")
    problems: list[str] = []

    def work(step: int) -> None:
        for start in range(0, 120, 3):
            chosen = [words[(start * step + offset) % 120] for offset in range(9)]
            rows = embedder.word_vectors(chosen)
            if not all(np.array_equal(row, expected[word]) for word, row in zip(chosen, rows, strict=True)):
                problems.append("words")
        if not np.array_equal(embedder.embed_query("Who?"), question):
            problems.append("query")

    threads = [threading.Thread(target=work, args=(step,)) for step in (1, 2, 5, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


@pytest.fixture(scope="module")
def first_token_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with random weights that pools by its first token and has prompts."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    tokenizer: Any = AutoTokenizer.from_pretrained(locate("all-MiniLM-L6-v2"))
    config = BertConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    BertModel(config).save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    transformer = Transformer(str(folder / "base"), max_seq_length=64)
    model: Any = SentenceTransformer(
        modules=[transformer, Pooling(32, pooling_mode="cls")],
        prompts={"query": "question: ", "document": "this passage: "},
        device="cpu",
    )
    model.save(str(folder / "whole"))
    return folder / "whole"


def test_a_model_that_does_not_pool_by_the_mean_embeds_each_sentence_by_itself(first_token_model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    tiny = SentenceTransformerEmbedder(first_token_model)
    assert (tiny.dimension, tiny.max_tokens) == (32, 64 - 2 - 3)
    whole: Any = SentenceTransformer(str(first_token_model), device="cpu")

    def encoded(text: str) -> Vector:
        return unit(whole.encode([text], prompt="", show_progress_bar=False)[0])

    for each, embedded in zip(PASSAGES, tiny.embed_passages(PASSAGES), strict=True):
        assert embedded.passage @ encoded("this passage: " + lead(each.context) + each.text) > 0.999
        for span, vector in zip(each.sentences, embedded.sentences, strict=True):
            sentence = each.text[span.start - each.start : span.end - each.start]
            assert vector @ encoded("this passage: " + sentence) > 0.999
    assert tiny.embed_query("Who?") @ encoded("question: Who?") > 0.999
    assert tiny.embed_passages([]) == []


@pytest.fixture(scope="module")
def other_mean_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with random weights that pools by the mean and is no plain BERT."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import AutoTokenizer, DistilBertConfig, DistilBertModel

    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    tokenizer: Any = AutoTokenizer.from_pretrained(locate("all-MiniLM-L6-v2"))
    config = DistilBertConfig(vocab_size=tokenizer.vocab_size, dim=32, n_layers=2, n_heads=2, hidden_dim=64)
    DistilBertModel(config).save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    transformer = Transformer(str(folder / "base"), max_seq_length=64)
    model: Any = SentenceTransformer(modules=[transformer, Pooling(32, pooling_mode="mean")], device="cpu")
    model.save(str(folder / "whole"))
    return folder / "whole"


def test_a_model_that_is_no_bert_is_pooled_by_the_mean_as_well(other_mean_model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    tiny = SentenceTransformerEmbedder(other_mean_model)
    assert (tiny.dimension, tiny.max_tokens) == (32, 64 - 2)
    whole: Any = SentenceTransformer(str(other_mean_model), device="cpu")
    text = "It serves soup on Fridays."
    assert tiny.embed_query(text) @ unit(whole.encode([text], show_progress_bar=False)[0]) > 0.999
    (embedded,) = tiny.embed_passages([passage(text, "")])
    assert embedded.sentences.shape == (1, 32)
