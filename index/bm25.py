"""BM25 as SQLite has it (sqlite.org/fts5.html#the_bm25_function), so that every store gives the same figures."""

from __future__ import annotations

import math

K1, B = 1.2, 0.75
CONTEXT_WEIGHT = 0.5
"""What an occurrence in a passage's title and headings counts, against one in its text."""

LEAST = 1e-6
"""Rarity of what most passages hold."""


def rarity(total: int, holding: int) -> float:
    """Return the inverse document frequency, ``ln((N - n + 0.5) / (n + 0.5))``, where it is positive."""
    value = math.log((total - holding + 0.5) / (holding + 0.5))
    return value if value > 0 else LEAST


def score(rarity: float, frequency: float, length: int, average: float) -> float:
    """Return what a term adds to a passage's score: ``idf * f * (k1 + 1) / (f + k1 * (1 - b + b * length / average))``.

    ``frequency`` is weighted by column; lengths are counted in terms.
    """
    return rarity * frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * length / average))
