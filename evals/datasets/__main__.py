"""The command of `evals.datasets`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm import tqdm

from evals import datasets
from evals.cases.format import Suite
from evals.datasets import DATASETS, load
from evals.pools import MTRAG, Pool, beir, mtrag, summhay
from evals.reports.page import render_html
from evals.reports.report import render_json, render_text
from evals.retrieval import measured, show
from evals.running.homes import SuitePipelines
from evals.running.run import run_suite
from index.errors import CitechatError
from rag.settings import load_settings

RETRIEVED: Mapping[str, Callable[[Path], Iterable[Pool]]] = {
    "beir": beir,
    "mtrag": lambda data: chain.from_iterable(mtrag(data, domain) for domain in MTRAG),
    "summhay": summhay,
}
"""The sets that say what is to be found, and not what is to be answered."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run citechat on a set and print the metrics; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m evals.datasets", description=(datasets.__doc__ or "").split("\n")[0]
    )
    parser.add_argument("name", choices=[*DATASETS, *RETRIEVED])
    parser.add_argument("--data", type=Path, required=True, help="folder of the public question sets")
    parser.add_argument("--limit", type=int, metavar="N", help="ask N questions, spread over the set")
    parser.add_argument("--unlearned", action="store_true", help="only articles kept out of training")
    parser.add_argument("--home", type=Path, help="keep the documents and indexes there for the next run")
    parser.add_argument("--json", type=Path, metavar="F", help="write the report as JSON")
    parser.add_argument("--html", type=Path, metavar="F", help="write the report as a page")
    options = parser.parse_args(arguments)
    for path in (options.json, options.html):
        if path and not path.absolute().parent.is_dir():  # told before anything is asked: a run takes long
            parser.error(f"there is no folder {path.absolute().parent}: make it, or name another file")
    try:
        with tempfile.TemporaryDirectory() as temporary:
            home = options.home or Path(temporary)
            if options.name in RETRIEVED:
                found = measured(RETRIEVED[options.name](options.data), home, options.limit)
                show(found, options.json, options.html)
                return 0
            collections = load(options.name, options.data, options.limit, unlearned=options.unlearned)
            suites = [each.write(home / "documents") for each in collections]
            with SuitePipelines(load_settings(home)) as pipeline_for, _bar(suites) as bar:
                report = run_suite(suites, pipeline_for, lambda _: bar.update())
    except CitechatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(render_text(report))
    for path, render in ((options.json, render_json), (options.html, render_html)):
        if path:
            path.write_text(render(report), encoding="utf-8")
    return 0


def _bar(suites: Sequence[Suite]) -> tqdm[Any]:
    return tqdm(total=sum(len(suite.cases) for suite in suites), unit="question", disable=None)


if __name__ == "__main__":
    raise SystemExit(main())
