"""``citechat ask`` and ``citechat serve``: answers on the terminal and in the browser."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import InputError
from ui.cli.console import Console, Subparsers, add_command, one_line, printable

if TYPE_CHECKING:
    from rag.types import Answer, Quote, Source, Turn


def add_commands(commands: Subparsers) -> None:
    """Add ``ask`` and ``serve``."""
    parser = add_command(
        commands,
        "ask",
        _ask,
        "answer a question from the indexed documents",
        'citechat ask "Who prepared the draft?" --filter "published>=2025-11-01" --llm smollm2-135m-instruct',
    )
    parser.add_argument("question", metavar="QUESTION")
    parser.add_argument(
        "--filter",
        metavar="CONDITIONS",
        help="field op value (= != < <= > >= ~, in (a, b), low..high), joined by and, or, not and brackets, such as: "
        "published>=2025-11 and (outlet=AP or author~roe); a value with a comma or a bracket in 'quotation marks'",
    )
    parser.add_argument("--history", type=Path, metavar="FILE", help="earlier turns: a JSON list of {role, content}")
    _add_model(parser)

    parser = add_command(
        commands,
        "serve",
        _serve,
        "serve the chat, the widget and the API",
        "citechat serve --add reports/ --llm qwen2.5:7b --llm-url http://127.0.0.1:11434/v1",
    )
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default 7860)")
    _add_model(parser)
    parser.add_argument("--add", nargs="+", type=Path, default=[], metavar="PATH", help="bring these up to date first")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--llm",
        metavar="NAME",
        help="language model that writes from the quotes: a GGUF file, one of `citechat models list`, or one of the "
        "server's; none for quotes alone (default: the settings' llm, or none)",
    )
    parser.add_argument(
        "--llm-url",
        metavar="URL",
        help="server that speaks the OpenAI interface, such as http://127.0.0.1:11434/v1; its key is CITECHAT_LLM_KEY",
    )


def _ask(options: argparse.Namespace, console: Console) -> int:
    from index.filters import parse_filter

    where = parse_filter(options.filter) if options.filter else None
    history = _history(options.history) if options.history else []

    from rag.answer.serialize import answer_json
    from rag.pipeline import open_pipeline
    from rag.settings import load_settings

    settings = load_settings(options.home, llm=options.llm, llm_url=options.llm_url)
    with open_pipeline(settings) as pipeline:
        answer = pipeline.ask(options.question, history, where)
        if not pipeline.corpus.store.count():  # perhaps it is not the one that was meant
            place = "the database" if settings.store.get_secret_value() else settings.home.absolute()
            console.say(f"Empty: the index of {place}")
    if answer.notice:
        console.say(answer.notice)
    console.result(answer_json(answer), _shown(answer, console))
    return 0


def _history(path: Path) -> list[Turn]:
    from rag.types import Turn

    remedy = 'It must be a JSON list such as [{"role": "user", "content": "Who is he?"}].'
    try:
        turns = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(turns, list) or not all(
            turn["role"] in ("user", "assistant") and isinstance(turn["content"], str) for turn in turns
        ):
            raise InputError(f"{path} is no conversation.", remedy)
        return [Turn(turn["role"], turn["content"]) for turn in turns]
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.", "Check the path.") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{path} is no conversation.", remedy) from error


def _shown(answer: Answer, console: Console) -> str:
    from rag.answer.said import remarked
    from rag.query.language import language_of

    if answer.status == "clarify":
        return answer.text
    language = language_of(answer.question, answer.standalone_question)
    besides = [printable(remarked(remark, language)) for remark in answer.remarks_after]
    if answer.status == "not_found":
        nearest = [f"  {_place(hit)}\n    {console.dim(printable(hit.text))}" for hit in answer.hits[:3]]
        return "\n".join([console.bold(answer.text), *besides, *nearest])
    lines = [console.bold(printable(answer.heading)), ""] if answer.heading else []
    lines += [printable(remarked(remark, language)) for remark in answer.remarks_before]
    lines += [
        f"{printable(claim.text)} " + "".join(f"[{quote.n}]" for quote in claim.quotes) for claim in answer.claims
    ]
    lines += besides
    lines += ["", *(console.dim(f"[{quote.n}] {_place(quote)}") for quote in answer.quotes)]
    return "\n".join(lines)


def _place(source: Source | Quote) -> str:
    from index.readers import part_named

    part = {"page": "p.", "slide": "slide"}[part_named(source.source)]
    page = f"{part} {source.page}" if source.page else None
    copies = f"also in {', '.join(source.also_in)}" if source.also_in else None
    parts = (source.title, source.outlet or source.author, source.published, source.source, page, copies)
    return one_line(", ".join(part for part in parts if part))


def _serve(options: argparse.Namespace, console: Console) -> int:
    from rag.settings import load_settings

    settings = load_settings(
        options.home, host=options.host, port=options.port, llm=options.llm, llm_url=options.llm_url
    )

    from rag.pipeline import open_pipeline
    from ui.cli.documents import add_documents
    from ui.web.app import serve

    with open_pipeline(settings) as pipeline:
        if options.add:
            add_documents(pipeline.corpus, options.add, console, changes_only=True)
        serve(pipeline, settings)
    return 0
