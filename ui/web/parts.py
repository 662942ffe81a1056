"""Which of Gradio's scripts and styles a page will ask for, so that a browser can fetch them at once.

Its scripts name what they load next, and a browser learns that wave by wave: the application, the frame, each
component. The lists stand in the scripts themselves, as Vite writes them. Where a later Gradio writes them otherwise,
less is known ahead and the page loads as it would have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import distribution
from pathlib import Path

FRONTEND = Path(str(distribution("gradio").locate_file("gradio/templates/frontend")))
"""Where the installed Gradio has its page."""
_NAMED = re.compile(r"m\.f=(\[[^\]]*\])")
"""The files that a script loads later."""
_COMPONENT = re.compile(r"\b(\w+):\{((?:\w+:\(\)=>\w+\(\(\)=>import\(.{1,400}?import\.meta\.url\),?)+)\}")
"""A component, and how its modules are loaded."""
_LOADED = re.compile(r"import\(`\./([^`]+)`\)[^\[\]`]{0,60}__vite__mapDeps\(\[([\d,]*)\]")
"""A module, and the places in the list of all that it needs."""
_FRAME, _PAGE = "Index-", "Blocks-"
"""How the names of the application's script begin, which the entry loads, and of the page's, which that one loads."""


def parts(frontend: Path, components: Iterable[str]) -> list[str]:
    """Return the names of files in ``assets/``, the first needed first, without those that the page itself names.

    ``frontend`` is the folder with Gradio's ``index.html``, ``components`` are the types of its configuration.
    """
    assets, page, wanted = frontend / "assets", (frontend / "index.html").read_text(encoding="utf-8"), set(components)
    entry = re.search(r'src="\./assets/([\w.-]+\.js)"', page)
    application = _later((assets / entry.group(1)).read_text(encoding="utf-8")) if entry else []
    found = list(application)
    for name in application:
        if name.endswith(".js"):
            script = (assets / name).read_text(encoding="utf-8")
            if name.startswith(_FRAME):
                found += _needs(script, _PAGE)
            for component, loaded in _COMPONENT.findall(script):
                if component in wanted:
                    found += _needs(loaded, "", _later(script))
    return [name for name in dict.fromkeys(found) if f"/assets/{name}" not in page and (assets / name).is_file()]


def _later(script: str) -> list[str]:
    """Return the files that a script may load, as it lists them."""
    listed = _NAMED.search(script)
    return [name.removeprefix("./") for name in json.loads(listed.group(1))] if listed else []


def _needs(script: str, beginning: str, named: Sequence[str] = ()) -> Iterator[str]:
    """Yield the modules whose names begin so, each with what it needs, by its place among those ``named``."""
    named = named or _later(script)
    for module, places in _LOADED.findall(script):
        if module.startswith(beginning):
            yield module
            yield from (named[int(place)] for place in places.split(",") if place)
