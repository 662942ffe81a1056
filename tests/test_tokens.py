from __future__ import annotations

import pytest
import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tiktoken_ext.openai_public import ENDOFTEXT

from rag.models import locate
from rag.tokens import count

# The pattern that cl100k_base cuts texts with, and its ranks from the pinned file.
PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)


@pytest.fixture(scope="module")
def reference() -> tiktoken.Encoding:
    ranks = load_tiktoken_bpe(str(locate("cl100k_base") / "cl100k_base.tiktoken"))
    return tiktoken.Encoding("reference", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello world",
        "The draft was prepared by Marco Rubio and Steve Witkoff in 2025.",
        "¿Quién preparó el borrador?",
        "漢字とカタカナ 😀",
        "  indented\n\n\tcode = {1: 'two'}\r\n",
    ],
)
def test_counts_are_those_of_the_ranks(text: str, reference: tiktoken.Encoding) -> None:
    assert count(text) == len(reference.encode_ordinary(text))


def test_counts_that_are_known() -> None:
    assert [count(text) for text in ("", "hello", "hello world", "tiktoken is great!")] == [0, 1, 2, 6]


def test_what_looks_like_a_special_token_is_plain_text(reference: tiktoken.Encoding) -> None:
    assert count(ENDOFTEXT) == len(reference.encode_ordinary(ENDOFTEXT)) > 1
    assert count(f"a {ENDOFTEXT} b") > count("a  b") + 1
