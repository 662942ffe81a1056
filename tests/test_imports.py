"""Imports go one way, and nothing heavy is imported before a command needs it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal import ROOT, run

LAYERS = ("index", "rag", "evals", "ui")
"""Each may import itself and what stands before it."""

FILES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
HEAVY = (
    "dateparser docx faiss fastapi gradio huggingface_hub jinja2 lxml numpy openai psycopg pydantic pypdfium2 "
    "sentence_transformers tiktoken tokenizers torch tqdm trafilatura transformers uvicorn yaml"
).split()


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, by its full name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module
            case ast.ImportFrom(level=level) if level:
                yield f"relative import in {path}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0]
    later = LAYERS[LAYERS.index(own) + 1 :]
    for module in imported(path):
        assert not module.startswith("relative")
        assert module.split(".")[0] not in (*later, "tests"), f"{path.relative_to(ROOT)} imports {module}"


def test_the_command_line_imports_nothing_heavy() -> None:
    program = (
        "import sys; import ui.cli; ui.cli._parser(); "
        f"print(*sorted({{name.split('.')[0] for name in sys.modules}} & set({HEAVY!r})))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "module", ["index.types", "index.errors", "index.filters", "index.corpus", "rag.settings", "rag.models"]
)
def test_models_and_parsers_are_imported_by_what_uses_them(module: str) -> None:
    """What every command imports stays light: a model or a parser is loaded by the class that needs it."""
    heaviest = {"torch", "gradio", "sentence_transformers", "faiss", "trafilatura", "docx", "pypdfium2", "dateparser"}
    program = f"import sys, {module}; print(*sorted({heaviest!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_commands_that_embed_nothing_load_no_model(tmp_path: Path) -> None:
    """Not even adding a folder in which nothing has changed; nor what answers questions."""
    (tmp_path / "a.txt").write_text("The canteen opens at noon.")
    arguments = ["--home", str(tmp_path / "home")]
    assert run("index", "add", tmp_path / "a.txt", *arguments).code == 0
    commands = [
        ["list"],
        ["show", "a.txt"],
        ["stats"],
        ["verify"],
        ["add", str(tmp_path / "a.txt")],
        ["remove", "a.txt"],
    ]
    needless = {"torch", "transformers", "sentence_transformers", "gradio", "rag.pipeline"}
    program = f"""
import sys
from ui.cli import main
for command in {commands!r}:
    assert main(["index", *command, *{arguments!r}]) == 0
    assert not {needless!r} & set(sys.modules), command
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""
    assert "unchanged  a.txt" in done.stdout


def test_evals_whose_answers_are_all_known_open_nothing_that_answers(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The canteen opens at noon.")
    cases = tmp_path / "cases.yaml"
    cases.write_text("corpus: [a.txt]\ncases:\n- {id: noon, question: When does the canteen open?, answer: [[noon]]}\n")
    command = ["eval", "run", str(cases), "--home", str(tmp_path / "home")]
    assert run(*command).code == 0
    program = f"""
import sys
from ui.cli import main
assert main({command!r}) == 0
assert not {{"torch", "rag.pipeline"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Nothing has changed: 1 answers" in done.stdout + done.stderr


def test_asking_does_not_load_torchs_compiler(tmp_path: Path) -> None:
    """It takes a second, and torch loads it by itself for as little as drawing weights that are there already."""
    (tmp_path / "a.txt").write_text("The canteen opens at noon.")
    home = ["--home", str(tmp_path / "home")]
    program = f"""
import sys
from ui.cli import main
assert main(["index", "add", {str(tmp_path / "a.txt")!r}, *{home!r}]) == 0
assert main(["ask", "When does the canteen open?", *{home!r}]) == 0
assert "torch" in sys.modules
assert not {{"torch._dynamo", "transformers", "sentence_transformers", "gradio"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert "The canteen opens at noon." in done.stdout, done.stderr
    assert done.returncode == 0, done.stderr
