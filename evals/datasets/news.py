"""Questions over news articles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evals.cases.format import Case
from evals.datasets.collection import Collection, slug
from evals.datasets.files import read_lines


def realtimeqa(data: Path) -> Iterator[Collection]:
    """Yield the news quizzes over all their articles."""
    folder = data / "realtimeqa"
    articles = read_lines(folder / "dev_2025h2.articles.jsonl.gz")
    questions = read_lines(folder / "dev_2025h2.questions.jsonl.gz")
    documents = {f"{article['id']}.txt": article_text(article) for article in articles}
    yield Collection("realtimeqa", documents, tuple(map(_quiz_case, questions)), {})


def article_text(article: Mapping[str, str]) -> str:
    """Return a news article as a text file: title, a line with its date, text."""
    date = article["publish_date"].replace("/", "-")
    return f"{article['title']}\n\nDate: {date}\n\n{article['text']}\n"


def _quiz_case(question: Mapping[str, Any]) -> Case:
    answerable = bool(question["urls_with_answer_string"])
    return Case(
        id=f"realtimeqa-{question['id']}",
        question=question["question"],
        answer=(tuple(question["answers"]),) if answerable else (),
        unanswerable=not answerable,
        tags=(slug(question["source"]), "answerable" if answerable else "unanswerable"),
    )
