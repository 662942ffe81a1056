"""Proof that what is derived from many passages is what they give: codes of vectors, postings of words."""

from __future__ import annotations

import sqlite3

import numpy as np

from index.store.derived import Trained
from index.store.log import Moment
from index.store.postings import Postings
from index.store.sound import MEND
from index.store.words import DerivedWords


def verify_trained(connection: sqlite3.Connection, trained: Trained) -> list[str]:
    """Return how the trained FAISS index differs from the stored vectors."""
    if trained.late:
        return []  # it cannot be compared with this state, and is not used for it
    problems = [] if trained.vectors.is_whole() else [f"The FAISS file is not as it was written. {MEND}"]
    ((stored, last),) = connection.execute("SELECT count(*), coalesce(max(row), 0) FROM passages")
    matched = np.zeros(last + 1, bool)
    strange = differing = 0
    for there, are_same, not_stored in trained.vectors.compared(trained.now):
        strange += len(not_stored) + int(matched[there].sum())
        differing += int((~are_same).sum())
        matched[there] = True
    lacking = stored - int(matched.sum())
    if differing:
        problems.append(f"FAISS holds other vectors of {differing} passages. {MEND}")
    if strange or lacking:
        problems.append(f"FAISS holds {strange} passages too many and lacks {lacking}. {MEND}")
    return problems


def verify_words(words: DerivedWords, now: Moment) -> list[str]:
    """Return how the files of postings differ from the stored texts."""
    problems = []
    for part in words.files():
        rows = f"{part.postings.first} to {part.postings.last}"
        if part.path is not None and not Postings.is_whole(part.path):
            problems.append(f"The word file of the rows {rows} is not as it was written. {MEND}")
            continue
        held, expected = words.made_again(part, now)
        if not held.same_as(expected):
            problems.append(f"The word file of the rows {rows} differs from the passages. {MEND}")
    return problems
