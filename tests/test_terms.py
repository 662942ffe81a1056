from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.store.embedded import EmbeddedStore
from index.terms import STOP_WORDS, Term, stem, stems, stems_held, terms, words

Indexed = Callable[[str], list[str]]

ROOTS = (
    "relat condit plot tann fall hopp digital techno possibl analog agre poli fil siz control happ skies vs us".split()
)
ENDINGS = (
    " s es ies sses eed ed ing ational tional enci anci izer abli bly alli entli eli ousli ization ation ator alism "
    "iveness fulness ousness aliti iviti biliti logy logi logies ly icate ative alize iciti ical ful ness al ance ence "
    "er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize y kking ggs gging"
).split(" ")
LETTERS = st.characters(categories=["Ll", "Lu", "Lt", "Lo", "Nd"], max_codepoint=0x17FF) | st.sampled_from(
    "漢字がカ한글"
)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexed]:
    """What the lexical index of a real store makes of a text."""
    home = tmp_path_factory.mktemp("home")
    EmbeddedStore(home, "any", 2).close()
    connection = sqlite3.connect(home / "index.sqlite3", isolation_level=None)
    connection.execute("CREATE VIRTUAL TABLE temp.instances USING fts5vocab (main, passages_fts, 'instance')")

    def tokens(text: str) -> list[str]:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO passages_fts (rowid, text) VALUES (1, ?)", (text,))
        rows = connection.execute("SELECT term FROM instances ORDER BY offset").fetchall()
        connection.execute("ROLLBACK")
        return [term for (term,) in rows]

    yield tokens
    connection.close()


@pytest.mark.parametrize("root", ROOTS)
def test_stems_are_those_of_the_lexical_index(root: str, indexed: Indexed) -> None:
    vocabulary = [root + ending for ending in ENDINGS]
    assert [stem(word) for word in vocabulary] == indexed(" ".join(vocabulary))


@given(word=st.text(LETTERS, min_size=1, max_size=80))
def test_stems_in_any_script_are_those_of_the_lexical_index(word: str, indexed: Indexed) -> None:
    assert [stem(each.group()) for each in words(word)] == (indexed(word) or [word.lower()])


def test_stems_of_words_that_matter() -> None:
    assert stem("technology") == "technolog"
    assert stem("possibly") == stem("possible") == "possibl"
    assert stem("US") == "us"
    assert stem("Müller") == stem("muller") == "muller"
    assert stem("Trump’s") == stem("TRUMP'S") == "trump"
    assert stem("O'Brien's") == "o'brien"
    assert stem("한국어") == "한국어"
    assert stem("1") == "1"


def test_texts_are_asked_for_stems_together() -> None:
    texts = ["It relates soup to Müller’s soups.", "", "the U.S. and the relating ones"]
    wanted = {"relat", "soup", "muller", "the", "nothing"}
    assert stems_held(texts, wanted) == [stems(text) & wanted for text in texts]
    assert stems_held(texts, wanted) == [{"relat", "soup", "muller"}, set(), {"relat", "the"}]
    assert stems_held([], wanted) == []


def test_a_word_keeps_its_apostrophes_but_no_other_marks() -> None:
    text = "Don't over-charge snake_case, “O’Neill's” 3.5% naïve!"
    assert [word.group() for word in words(text)] == [
        *("Don't", "over", "charge", "snake", "case", "O’Neill's", "3", "5", "naïve"),
    ]


def test_terms_stand_where_they_say_and_stop_words_are_left_out() -> None:
    text = "The drafts weren’t what Don’t and It’s said; Zelensky’s drafts were."
    found = terms(text)
    assert [(text[term.start : term.end], term.stem) for term in found] == [
        ("drafts", "draft"),
        ("weren’t", "weren't"),
        ("Zelensky’s", "zelenski"),
        ("drafts", "draft"),
    ]
    assert found[0] == Term("draft", 4, 10)


@given(st.text())
def test_terms_of_any_text_are_words_in_order(text: str) -> None:
    spans = [word.span() for word in words(text)]
    found = terms(text)
    assert [(term.start, term.end) for term in found] == [
        (start, end) for start, end in spans if text[start:end].lower().replace("’", "'") not in STOP_WORDS
    ]
    assert all(term.stem for term in found)


def test_threads_share_the_stemmer() -> None:
    vocabulary = [f"{number}{root}ing" for number in range(200) for root in ("relat", "mix")]
    with ThreadPoolExecutor(8) as threads:
        stems = list(threads.map(stem, vocabulary * 2))
    assert stems == [word.removesuffix("ing") for word in vocabulary] * 2
