"""``citechat eval`` from the command line: runs, gates, comparisons, impact, drafts."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from evals.cases.format import load_cases
from tests.terminal import run, start

CANTEEN = "Canteen\n\nThe canteen opens at noon. The canteen serves soup on Fridays. Marco Rubio runs the canteen.\n"
CASES = """\
- {id: noon, question: When does the canteen open?, answer: [[noon]], tags: [when], must_pass: true}
- {id: soup, question: What does the canteen serve on Fridays?, answer: [[soup]], evidence: [{source: canteen.txt}]}
- {id: moon, question: Who was the first man on the moon?, unanswerable: true, tags: [who]}
- {id: wrong, question: Who runs the canteen?, answer: [[Ada]], tags: [who]}
- {id: later, question: Who cooks?, answer: [[Bo]], draft: true}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home, an indexed document, cases, and a report of them."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "canteen.txt").write_text(CANTEEN)
    (folder / "cases.yaml").write_text(CASES)
    assert run("index", "add", folder / "canteen.txt", "--home", folder / "home").code == 0
    assert run("eval", "run", folder / "cases.yaml", "--json", folder / "a.json", "--home", folder / "home").code == 0
    return folder


def test_a_second_run_of_an_unchanged_system_asks_nothing_and_says_so(made: Path) -> None:
    arguments = ("eval", "run", made / "cases.yaml", "--home", made / "home", "--json")
    again = run(*arguments)
    assert "Nothing has changed: 4 answers of an earlier run were used (--fresh asks again)." in again.errors
    assert again.json == json.loads((made / "a.json").read_text())
    assert "earlier run" not in run(*arguments, "--fresh").errors


def test_the_report_names_what_made_it(made: Path) -> None:
    (suite,) = json.loads((made / "a.json").read_text())["settings"]["suites"]
    assert suite.keys() >= {"embedder", "models", "index", "code", "calibration", "threshold", "passage_tokens"}
    assert suite["models"]["all-MiniLM-L6-v2"] == "53aa51172d142c89"
    assert not {"home", "port"} & suite.keys()


def test_a_terminal_shows_which_cases_failed_where_and_why(made: Path, tmp_path: Path) -> None:
    printed = run("eval", "run", made / "cases.yaml", "--home", made / "home").output
    failed, answered = printed.splitlines()[-2:]
    assert failed == f"  failed  {made / 'cases.yaml'}:4: wrong: missing from the answer: Ada"
    assert answered.startswith("          Who runs the canteen? -> ")
    assert "Marco Rubio" in answered
    many = [json.dumps({"id": f"f{n}", "question": "Who runs the canteen?", "unanswerable": True}) for n in range(22)]
    (tmp_path / "many.jsonl").write_text("\n".join(many))
    lines = run("eval", "run", tmp_path / "many.jsonl", "--home", made / "home").output.splitlines()
    assert sum(line.startswith("  failed  ") for line in lines) == 20
    assert lines[-1] == "  and 2 more; --html F shows each with its answer"


def test_cases_are_chosen(made: Path) -> None:
    arguments = ("eval", "run", made / "cases.yaml", "--home", made / "home", "--json")
    assert [case["id"] for case in run(*arguments, "--filter", "tag=who").json["cases"]] == ["moon", "wrong"]
    assert [case["id"] for case in run(*arguments, "--failed-from", made / "a.json").json["cases"]] == ["wrong"]
    assert [case["id"] for case in run(*arguments, "--drafts").json["cases"]][-1] == "later"
    none = run(*arguments, "--filter", "tag=why")
    assert (none.code, none.output) == (2, "")
    assert "No case is left to ask: no case has tag=why, the tags are when, who." in none.errors
    drafts = run(*arguments, "--filter", "id=later")
    assert "No case is left to ask: 1 of 5 are drafts" in drafts.errors


def test_a_drop_since_the_baseline_stops_a_build(made: Path, tmp_path: Path) -> None:
    baseline = json.loads((made / "a.json").read_text())
    arguments = ("eval", "run", made / "cases.yaml", "--home", made / "home", "--baseline")
    same = run(*arguments, made / "a.json")
    assert same.code == 0
    assert f"Against {made / 'a.json'}: no difference: every case ended as before, 4 cases" in same.errors
    for case in baseline["cases"]:
        case["metrics"]["false_answer_rate"] = -1.0 if case["id"] == "moon" else None
    (tmp_path / "better.json").write_text(json.dumps(baseline))
    reports = ("--junit", tmp_path / "j.xml", "--markdown", tmp_path / "m.md", "--html", tmp_path / "r.html")
    worse = run(*arguments, tmp_path / "better.json", *reports)
    assert worse.code == 1
    assert "False answers (false_answer_rate) is worse than the baseline: -1.0000 to 0.0000" in worse.errors
    assert ElementTree.parse(tmp_path / "j.xml").getroot().get("failures") == "2"  # noqa: S314  # our own output
    assert "is worse than the baseline" in (tmp_path / "m.md").read_text()
    assert "Since the baseline:" in (tmp_path / "r.html").read_text()


def test_other_cases_than_the_baseline_has_are_refused_unless_told(made: Path, tmp_path: Path) -> None:
    arguments = ("eval", "run", made / "cases.yaml", "--home", made / "home", "--baseline", made / "a.json", "--drafts")
    refused = run(*arguments)
    assert refused.code == 2
    assert "0 only in the first, 1 only in the second, 0 changed (later). To compare" in refused.errors
    assert run(*arguments, "--common").code == 0
    home = tmp_path / "none"
    assert run("eval", "run", *arguments[2:3], "--home", home, *arguments[5:]).errors == refused.errors
    assert not home.exists()  # nothing was asked


def test_a_case_that_must_pass_stops_a_build(made: Path) -> None:
    arguments = ("eval", "run", made / "cases.yaml", "--home", made / "home", "--must-pass")
    assert run(*arguments, "soup").code == 0
    failed = run(*arguments, "wrong")
    assert (failed.code, failed.errors.splitlines()[-1]) == (1, "The case wrong must pass and failed.")
    assert run(*arguments, "nope").code == 2


def test_what_a_build_is_to_stop_by_is_checked_before_anything_is_asked(made: Path, tmp_path: Path) -> None:
    arguments = ("eval", "run", made / "cases.yaml", "--home", tmp_path / "none")
    for wrong, told in (
        (("--min", "answer_recal=1"), "no metric 'answer_recal'. Did you mean 'answer_recall'?"),
        (("--min", "answer_recall=nan"), "'answer_recall=nan' is not METRIC=VALUE"),
        (("--must-pass", "later"), "The case 'later' must pass and is not asked."),
        (("--html", made), f"Cannot write {made}."),
        (("--junit", made / "cases.yaml" / "j.xml"), "Cannot write "),
    ):
        refused = run(*arguments, *wrong)
        assert (refused.code, refused.output) == (2, "")
        assert told in refused.errors
    assert not (tmp_path / "none").exists()


def test_reports_are_compared(made: Path, tmp_path: Path) -> None:
    after = json.loads((made / "a.json").read_text())
    after["cases"][0] |= {"passed": False, "metrics": after["cases"][0]["metrics"] | {"pass_rate": 0.0}}
    (tmp_path / "b.json").write_text(json.dumps(after))
    pair = ("eval", "compare", made / "a.json", tmp_path / "b.json")
    compared = run(*pair, "--json", "--html", tmp_path / "c.html")
    assert compared.code == 0
    assert (compared.json["broken"], compared.json["fixed"]) == (["noon"], [])
    assert compared.json["unchanged"] == {"passed": ["soup", "moon"], "failed": ["wrong"]}
    assert compared.json["differences"][0]["delta"] == -0.25
    assert "Fixed 0, broken 1" in (tmp_path / "c.html").read_text()
    assert "\n  broken  noon\n" in run(*pair).output
    (tmp_path / "b.json").write_text('{"cases": [{"id": "x", "passed": true, "metrics": {"mrr": NaN}}]}')
    assert run(*pair).code == 2


def test_repeats_say_how_far_they_vary(made: Path) -> None:
    report = run("eval", "run", made / "cases.yaml", "--home", made / "home", "--repeat", "2", "--json").json
    assert report["repeats"]["runs"] == 2
    assert report["repeats"]["deviation"]["answer_recall"] == 0.0
    assert run("eval", "run", made / "cases.yaml", "--repeat", "0").code == 2


def test_a_changed_document_is_told_by_what_it_touches(tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    (tmp_path / "canteen.txt").write_text(CANTEEN)
    (tmp_path / "cases.yaml").write_text(CASES)
    run("index", "add", tmp_path / "canteen.txt", *home)
    run("eval", "run", tmp_path / "cases.yaml", "--json", tmp_path / "a.json", *home)
    assert run("eval", "impact", *home).output.startswith("Nothing altered; ")
    (tmp_path / "canteen.txt").write_text(CANTEEN.replace("noon", "one o'clock in the afternoon"))
    added = run("index", "add", tmp_path / "canteen.txt", *home)
    assert "1 case cited text that is no longer there. See: citechat eval impact" in added.errors
    assert not list((tmp_path / "home" / "evals" / "answers").iterdir())
    listed = run("eval", "impact", *home)
    assert listed.output.startswith(
        "case noon: When does the canteen open? (canteen.txt does not say it any more)\n1 case cited altered text; "
    )
    by_report = run("eval", "impact", "--report", tmp_path / "a.json", "--json", *home).json
    assert [each["case"] for each in by_report] == ["noon"]
    rerun = run("eval", "run", tmp_path / "cases.yaml", *home)
    told = (
        "Since the last run, the documents no longer say what 1 case cited:\n  case noon: When does the canteen open?"
    )
    assert told in rerun.errors
    removed = run("index", "remove", "canteen.txt", *home)
    assert "cases cited text that is no longer there" in removed.errors


def test_impact_on_cases_with_documents_of_their_own(tmp_path: Path) -> None:
    arguments = ("eval", "impact", tmp_path / "cases.yaml", "--home", tmp_path / "home")
    (tmp_path / "canteen.txt").write_text(CANTEEN)
    (tmp_path / "cases.yaml").write_text(f"- corpus: [canteen.txt]\n{CASES}")
    assert run(*arguments).output.startswith("Nothing has been cited yet: no eval run over these documents")
    run("eval", "run", tmp_path / "cases.yaml", "--json", tmp_path / "a.json", "--home", tmp_path / "home")
    assert run(*arguments).output == "Nothing altered; 3 citations compared.\n"
    (tmp_path / "canteen.txt").write_text(CANTEEN.replace("soup", "stew"))
    listed = "case soup: What does the canteen serve on Fridays? (canteen.txt does not say it any more)\n1 case"
    assert run(*arguments).output.startswith(listed)
    assert run(*arguments, "--report", tmp_path / "a.json").output.startswith(listed)
    without = run("eval", "impact", "--home", tmp_path / "home").output
    assert without.endswith("For cases with documents of their own: citechat eval impact CASES\n")


def test_drafts_are_proposed_and_wait_for_a_person(tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_text("Plan\n\nMarco Rubio prepared the first draft of the plan.\n")
    arguments = ("eval", "draft", tmp_path / "plan.txt", "--home", tmp_path / "home", "--out", tmp_path / "drafts.yaml")
    proposed = run(*arguments)
    assert proposed.output.splitlines()[:2] == [
        "Who prepared the first draft of the plan?",
        "  Marco Rubio prepared the first draft of the plan.",
    ]
    suite = load_cases(tmp_path / "drafts.yaml")
    assert (suite.corpus, suite.cases[0].draft) == ((tmp_path / "plan.txt",), True)
    assert run("eval", "run", tmp_path / "drafts.yaml", "--home", tmp_path / "home").code == 2
    accepted = (tmp_path / "drafts.yaml").read_text().replace("  draft: true\n", "")
    (tmp_path / "drafts.yaml").write_text(accepted)
    assert run("eval", "run", tmp_path / "drafts.yaml", "--min", "pass_rate=1", "--home", tmp_path / "home").code == 0
    assert "is there already" in run(*arguments).errors
    nothing = run("eval", "draft", "--home", tmp_path / "home")
    assert nothing.output.startswith("Nothing to propose")
    assert run("eval", "draft", tmp_path / "none", "--home", tmp_path / "home").code == 2


def test_a_run_that_is_stopped_goes_on(made: Path, tmp_path: Path) -> None:
    lines = (json.dumps({"id": f"c{n}", "question": f"Who is number {n}?", "unanswerable": True}) for n in range(400))
    (tmp_path / "many.jsonl").write_text("\n".join(lines))
    arguments = ("eval", "run", tmp_path / "many.jsonl", "--home", made / "home", "--json", tmp_path / "r.json")
    process = start(*arguments)
    answers = made / "home" / "evals" / "answers"
    while not any("number 3?" in path.read_text() for path in answers.iterdir()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "The answers so far are kept. Run the same command again to go on.\nStopped.\n" in errors
    kept = sum(path.read_text().count("Who is number") for path in answers.iterdir())
    assert kept >= 4
    filtered = run(*arguments[:-2], "--filter", "id=c?", "--json")
    assert len(filtered.json["cases"]) == 10
    assert "answers of an earlier run were used" in filtered.errors


def test_a_run_that_is_stopped_before_the_first_answer_promises_none(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(4000):
        (tmp_path / "many" / f"{number}.md").write_text(f"# Number {number}\n\nThe value of {number} is {number}.\n")
    (tmp_path / "cases.yaml").write_text(
        "corpus: [many]\ncases:\n- {id: a, question: What is it?, unanswerable: true}\n"
    )
    process = start("eval", "run", tmp_path / "cases.yaml", "--home", tmp_path / "home")
    while not (tmp_path / "home" / "evals").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert errors.endswith("Nothing was answered yet.\nStopped.\n")


def test_watching_ends_with_ctrl_c_and_the_outcome(made: Path, tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text(CASES.replace("[[noon]]", "[[midnight]]"))
    process = start("eval", "run", tmp_path / "cases.yaml", "--home", made / "home", "--watch")
    assert process.stderr is not None
    assert process.stdout is not None
    for line in process.stderr:
        if line.startswith("Waiting for a change"):
            break
    assert process.stdout.readline() == "2 of 4 cases passed\n"
    (tmp_path / "cases.yaml").write_text(CASES)
    for line in process.stderr:
        if line.startswith("Waiting for a change"):
            break
    process.send_signal(signal.SIGINT)
    assert "3 of 4 cases passed\n" in process.communicate(timeout=60)[0]
    assert process.returncode == 0
