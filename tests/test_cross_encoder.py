from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from index.bert import Shape
from index.embedder import SentenceTransformerEmbedder
from index.errors import ModelMissing
from index.sentence_model import native_dtype
from index.types import Passage, Span
from rag.models import locate
from rag.reader.cross_encoder import BASE, FILE, TRAINED, CrossEncoder
from rag.reader.layers import MINILM, WIDTH, Layers
from rag.reader.pages import PASSAGE_TOKENS, Base

QUESTION = "Who operates the ferry?"
SENTENCES = ("The ferry runs hourly.", "Its operator is Ana Ruiz of Oller.", "It was painted blue.")


def passage(*sentences: str, context: str = "The Saltmarsh ferry", start: int = 7) -> Passage:
    spans, offset = [], start
    for sentence in sentences:
        spans.append(Span(offset, offset + len(sentence)))
        offset += len(sentence) + 1
    text = " ".join(sentences)
    return Passage("d-0", "d", 0, start, start + len(text), text, "", context, tuple(spans))


@pytest.fixture(scope="module")
def cross_encoder() -> CrossEncoder:
    return CrossEncoder(locate(BASE), locate(TRAINED))


def test_the_base_is_minilm() -> None:
    assert Shape.of(locate(BASE)) == MINILM


def test_tokens_are_embedded_as_minilm_does() -> None:
    import transformers

    text = "The Saltmarsh ferry. " + " ".join(SENTENCES)
    model = transformers.AutoModel.from_pretrained(str(locate(BASE)), local_files_only=True).eval()
    model.encoder.layer = model.encoder.layer[:0]
    tokens = transformers.AutoTokenizer.from_pretrained(str(locate(BASE)), local_files_only=True)(
        [text], return_tensors="pt"
    )
    with torch.inference_mode():
        expected = model(**tokens).last_hidden_state[0]
    (page,) = Base(locate(BASE)).pages([passage(*SENTENCES)])
    torch.testing.assert_close(page.states, expected, atol=1e-4, rtol=1e-4)


def test_untrained_layers_end_where_minilm_does() -> None:
    layers = Layers()
    layers.start_from(load_file(locate(BASE) / "model.safetensors"))
    (page,) = Base(locate(BASE)).pages([passage(*SENTENCES)])
    with torch.inference_mode():
        tokens = len(page.states)
        states = layers(page.states[None], torch.ones(1, tokens, dtype=torch.long), torch.ones(1, tokens).bool())
    embedder = SentenceTransformerEmbedder(locate(BASE))
    mean = states[0].mean(0)
    expected = embedder.embed_query("The Saltmarsh ferry. " + " ".join(SENTENCES))
    assert float(mean @ torch.from_numpy(expected) / mean.norm()) > 0.999
    assert len(layers.layers) == MINILM.layers


def test_each_sentence_has_the_tokens_of_its_words() -> None:
    (page,) = Base(locate(BASE)).pages([passage(*SENTENCES)])
    for span, (first, end) in zip(passage(*SENTENCES).sentences, page.sentences, strict=True):
        assert (page.tokens[first][0], page.tokens[end - 1][1]) == (span.start - 7, span.end - 7)
    assert page.states.shape[1] == WIDTH


def test_a_sentence_beyond_what_is_read_has_the_first_token() -> None:
    long = " ".join(["word"] * PASSAGE_TOKENS)
    (page,) = Base(locate(BASE)).pages([passage(long, "Never read.")])
    assert len(page.states) == PASSAGE_TOKENS
    assert page.sentences[1] == (0, 1)


@pytest.mark.parametrize(
    ("question", "answering"),
    [("How often does it run?", 0), ("Which person is the boss?", 1), ("What colour is it?", 2)],
)
def test_the_answering_sentence_has_the_best_odds(cross_encoder: CrossEncoder, question: str, answering: int) -> None:
    (scores,) = cross_encoder.log_odds(question, [passage(*SENTENCES)])
    assert scores.shape == (3,)
    assert int(np.argmax(scores)) == answering
    assert np.sort(scores)[-1] - np.sort(scores)[-2] > math.log(20)


def test_passages_do_not_change_each_others_odds(cross_encoder: CrossEncoder) -> None:
    first, second = passage(*SENTENCES), passage("Oller is a town.", "It has a " + "very " * 30 + "old bridge.")
    together = cross_encoder.log_odds(QUESTION, [first, second])
    apart = [*cross_encoder.log_odds(QUESTION, [first]), *cross_encoder.log_odds(QUESTION, [second])]
    tolerance = 0.1 if native_dtype() is torch.bfloat16 else 1e-3
    for one, other in zip(together, apart, strict=True):
        assert one == pytest.approx(other, abs=tolerance)


def test_who_reads_at_the_same_time_cuts_nobodys_passage_short(cross_encoder: CrossEncoder) -> None:
    """A question's limit is far below a passage's, and the tokenizer is the place where they could meet."""
    long = passage("It has a " + "very " * 90 + "old bridge.", SENTENCES[1])
    alone = cross_encoder.log_odds(QUESTION, [long, long])

    def same(_: int) -> bool:
        return np.array_equal(cross_encoder.log_odds(QUESTION, [long, long]), alone)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(same, range(200)))


def test_no_passages_have_no_odds(cross_encoder: CrossEncoder) -> None:
    assert cross_encoder.log_odds(QUESTION, []) == []


@pytest.mark.parametrize("question", ["\ud800 who?", "?", "x" * 5000])
def test_any_question_can_be_read(cross_encoder: CrossEncoder, question: str) -> None:
    (scores,) = cross_encoder.log_odds(question, [passage("A sentence.", "\udfff half a pair.")])
    assert np.isfinite(scores).all()


def test_layers_that_are_missing_or_of_another_shape_are_told(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"cross_encoder\.safetensors cannot be used"):
        CrossEncoder(locate(BASE), tmp_path).warm_up()
    save_file({"segments": torch.zeros(2, 3)}, tmp_path / FILE)
    with pytest.raises(ModelMissing, match=r"cross_encoder\.safetensors cannot be used"):
        CrossEncoder(locate(BASE), tmp_path).warm_up()
    with pytest.raises(ModelMissing, match="does not hold MiniLM"):
        CrossEncoder(tmp_path, locate(TRAINED)).warm_up()
