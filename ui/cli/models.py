"""``citechat models``: which models there are, and whether they are genuine."""

from __future__ import annotations

import argparse

from ui.cli.console import Console, Subparsers, add_command, add_group

MISSING = 4


def add_commands(commands: Subparsers) -> None:
    """Add ``models`` and what belongs to it."""
    group = add_group(commands, "models", "list, fetch and check models")
    add_command(group, "list", _list, "list the catalogue and what is on this machine", "citechat models list")
    parser = add_command(
        group, "pull", _pull, "fetch a model from the hub", "citechat models pull qwen2.5-coder-1.5b-instruct"
    )
    parser.add_argument("name", metavar="NAME")
    add_command(group, "verify", _verify, "compare the files with their pinned SHA-256", "citechat models verify")


def _states() -> list[dict[str, str | None]]:
    from index.errors import ModelMissing
    from rag.models import CATALOGUE, is_here, locate

    states: list[dict[str, str | None]] = []
    for model in CATALOGUE:
        folder, problem, state = None, None, "genuine"
        try:
            folder = str(locate(model.name))
        except ModelMissing as error:
            state = "absent" if model.optional and not is_here(model) else "unusable"
            problem = None if state == "absent" else str(error)
        states.append(
            {
                "name": model.name,
                "purpose": model.purpose,
                "licence": model.licence,
                "folder": folder,
                "problem": problem,
                "state": state,
            }
        )
    return states


def _list(_: argparse.Namespace, console: Console) -> int:
    states = _states()
    lines = [
        f"{state['name']:28} {state['licence']:11} {state['purpose']}  {state['folder'] or 'absent'}"
        for state in states
    ]
    console.result(states, "\n".join(lines))
    return 0


def _pull(options: argparse.Namespace, console: Console) -> int:
    from rag.models import pull

    folder = pull(options.name)
    console.result({"name": options.name, "folder": str(folder)}, f"{options.name} is in {folder}")
    return 0


def _verify(_: argparse.Namespace, console: Console) -> int:
    states = _states()
    lines = [f"{state['name']:28} {_verdict(state)}" for state in states]
    console.result(states, "\n".join(lines))
    return MISSING if any(state["state"] == "unusable" for state in states) else 0


def _verdict(state: dict[str, str | None]) -> str:
    return "absent, and not needed" if state["state"] == "absent" else state["problem"] or "genuine"
