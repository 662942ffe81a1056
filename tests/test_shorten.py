from __future__ import annotations

import pytest

from rag.answer.shorten import short_answer, worded_answer
from rag.query.question import analyse

NOBODY = frozenset[str]()


def short(question: str, sentence: str, known: frozenset[str] = NOBODY) -> str | None:
    return short_answer(analyse(question), sentence, known)


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        (
            "Who prepared the draft?",
            "The draft was prepared by Secretary of State Marco Rubio and special envoy Steve Witkoff.",
            "Marco Rubio and Steve Witkoff",
        ),
        (
            "Who founded the clock museum?",
            "The clock museum in Leeds was founded in 1897 by Jane Roe, a watchmaker.",
            "Jane Roe",
        ),
        ("Who met Zelensky?", "On Monday Marco Rubio met Zelensky.", "Marco Rubio"),
        (
            "Who met in Leeds?",
            "In Leeds the envoys Anna Kern, Jane Roe and John Doe met.",
            "Anna Kern, Jane Roe and John Doe",
        ),
        ("When was the museum opened?", "The museum was opened on 4 May 1897 by Jane Roe.", "4 May 1897"),
        (
            "When was the bridge closed?",
            "The museum was opened in 1897, the bridge was closed in 1911.",
            "1911",
        ),
        ("Where was the museum opened?", "The museum was opened in Leeds in 1897.", "Leeds"),
        ("How much does a ticket cost?", "A ticket costs £12.50 on weekdays.", "£12.50"),
        ("How much did the repair cost?", "It took 3 years and the repair cost 2 million euros.", "2 million euros"),
        ("How many days of leave do staff get?", "In 2025 staff get 28 days of leave and 3 hours off.", "28"),
        ("How many people work there?", "Since 1911, 40 people work in 3 rooms.", "40"),
        ("How many people work there?", "In 1911 some 40 people worked there.", "40"),
        ("What percentage agreed?", "In the vote, 61% agreed.", "61%"),
        ("Which company built the dam?", "The dam was built by Acme Works in two years.", "Acme Works"),
    ],
)
def test_the_span_of_the_expected_kind_nearest_to_the_words_of_the_question(
    question: str, sentence: str, expected: str
) -> None:
    assert short(question, sentence) == expected


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Why did the talks fail?", "The talks failed on 4 May because Jane Roe left."),
        ("What is the museum about?", "The museum shows 40 clocks from Leeds."),
        ("Who founded the museum?", "The museum was founded by a clockmaker."),
        ("When was the museum opened?", "The museum was opened by Jane Roe."),
        ("Who is older than Jane Roe?", "Few are older than Jane Roe."),
        ("How many clocks are there?", "There are clocks in every room."),
        ("What is the capital of Liechtenstein?", "Capital: Vaduz; Language: German"),
    ],
)
def test_there_is_none_for_prose_or_without_a_new_span(question: str, sentence: str) -> None:
    assert short(question, sentence) is None


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("Who is Jane Roe?", "Jane Roe, the founder of the museum, was born in Leeds.", "the founder of the museum"),
        (
            "Who was Jane Roe?",
            "It was said of Jane Roe, a clockmaker from Leeds, that she slept.",
            "a clockmaker from Leeds",
        ),
        ("Who is Dmitry Peskov?", "Kremlin spokesman Dmitry Peskov said so.", "Kremlin spokesman"),
    ],
)
def test_who_somebody_is_is_said_in_apposition(question: str, sentence: str, expected: str) -> None:
    assert short(question, sentence) == expected


def test_a_short_answer_is_made_of_the_words_of_the_sentence() -> None:
    sentence = "Rubio, Witkoff and Kellogg met, and Kern left."
    answer = short("Who met?", sentence, frozenset({"Rubio"}))
    assert answer == "Rubio, Witkoff and Kellogg"


def test_an_opening_capital_is_a_name_only_if_it_is_known() -> None:
    sentence = "Protests were held and Leeds was quiet."
    assert short("Where was it quiet?", sentence) == "Leeds"
    assert short("Who met?", "Clocks met.") is None
    assert short("Who met?", "Clocks met.", frozenset({"Clocks"})) == "Clocks"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Until when are the hours short?", "27 March 2026"),
        ("When will the short hours end?", "27 March 2026"),
        ("Since when are the hours short?", "6 October 2025"),
        ("From which day are the hours short?", "6 October 2025"),
    ],
)
def test_of_a_period_the_end_that_is_asked_for_answers(question: str, expected: str) -> None:
    assert short(question, "The hours are short from 6 October 2025 to 27 March 2026.") == expected


def test_the_other_end_of_a_period_does_not_answer() -> None:
    assert short("Until when are the hours short?", "Hours: short; In force from: 6 October 2025") is None
    assert short("Since when are the hours short?", "The hours are short until 27 March 2026.") is None


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("How many guests came?", "The dinner is on Friday, 12 December, at the inn.", None),
        ("How many guests came?", "On 12 December 46 guests came.", "46"),
        ("How long does it take?", "Cost: 501 to 2,000; Time needed: three days", "three days"),
        ("How long is the bridge?", "The bridge is 120 metres long.", "120"),
        ("Who approves it?", "Cost: 501 to 2,000; Approved by: Quillon Dray, treasurer; Time: one day", "Quillon Dray"),
        ("Wie viel kostet der Eintritt?", "Der Eintritt kostet 4,50 Euro.", "4,50 Euro"),
        ("¿Cuánto cuesta un tarro?", "Un tarro se vende a 6,50 euros.", "6,50 euros"),
        ("Combien coûte un retard ?", "Un retard coûte 20 centimes par jour.", "20 centimes"),
        ("Combien de temps dure le prêt ?", "Le prêt de huit livres dure trois semaines.", "trois semaines"),
    ],
)
def test_numbers_in_dates_tables_and_other_languages(question: str, sentence: str, expected: str | None) -> None:
    assert short(question, sentence) == expected


TOWER = "The tower is 31 metres high. It is painted every five years, most recently in 2023."
FERRY = "Route: Brenn to Tolle; Departure: 09:30; Crossing time: 1 hour 20 minutes; Fare: €18; Vessel: MV Gannet"


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("How often is it painted?", TOWER, "every five years"),
        ("How high is the tower?", TOWER, "31 metres"),
        ("How often is the lamp cleaned?", "The lamp is cleaned twice a week by two men.", "twice a week"),
        ("How often does it ring?", "It rings three times every two hours.", "three times every two hours"),
        (
            "How often is the horn tested?",
            "It is on the first Monday of every month.",
            "on the first Monday of every month",
        ),
        ("How often is it wound?", "Somebody must wind it every 8 days.", "every 8 days"),
        ("How frequently do they meet?", "The 12 members meet monthly.", "monthly"),
        ("How often did she win?", "She won twice, in 1911 and 1912.", "twice"),
        ("How many days are there?", "Every week has 7 days.", "7"),
        ("Wie oft wird der Turm gestrichen?", "Der Turm wird alle fünf Jahre gestrichen.", "alle fünf Jahre"),
        ("¿Con qué frecuencia se pinta?", "La torre se pinta cada cinco años.", "cada cinco años"),
        ("À quelle fréquence est-elle peinte ?", "Elle est peinte tous les cinq ans.", "tous les cinq ans"),
        ("What is the fare from Brenn to Tolle?", FERRY, "€18"),
        ("What does the ferry from Brenn to Tolle cost?", FERRY, "€18"),
        ("Which vessel sails from Brenn to Tolle?", FERRY, "MV Gannet"),
        ("When does the ferry to Tolle depart?", FERRY, "09:30"),
    ],
)
def test_what_is_shown_is_the_whole_phrase_or_the_cell(question: str, sentence: str, expected: str) -> None:
    assert worded_answer(analyse(question), sentence, NOBODY) == expected


@pytest.mark.parametrize(
    "question",
    [
        "Why does the vessel sail to Tolle?",
        "Is the vessel to Tolle new?",
        "What is the vessel called?",  # of which route nobody said
        "What are the vessel and the fare to Tolle?",
        "Which vessel is the MV Gannet to Tolle?",
    ],
)
def test_no_cell_answers_what_asks_for_none_or_for_several(question: str) -> None:
    assert worded_answer(analyse(question), FERRY, NOBODY) is None
