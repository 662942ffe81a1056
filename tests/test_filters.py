from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import InputError
from index.filters import Filter, parse_filter
from index.filters.expression import Both, Condition, Either, Expression, Negation, Operator
from index.filters.fields import document_fields, passage_fields
from index.filters.parser import DEEPEST
from index.readers.metadata import known_fields

ARTICLE = document_fields(
    "War, and Peace",
    ["news/war.md", "copy.md"],
    {
        "published": "2025-11-21",
        "outlet": "The Example",
        "chapter": "8",
        "author": "Jane Roe, Kofi Annan and Zoë Ng",
        "tags": "harbour, bridges; ports",
        "due": "2026-03-15",
    },
)


def condition(field: str, operator: Operator, *values: str) -> Condition:
    return Condition(field, operator, values)


A, B, C = (condition(name, "=", "1") for name in "abc")


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("published>=2025-11-01", [("published", ">=", "2025-11-01")]),
        ("  Published  <  2025 ", [("published", "<", "2025")]),
        ("outlet=AP and published<2025-12-01", [("outlet", "=", "AP"), ("published", "<", "2025-12-01")]),
        ("outlet=AP,published!=2025-12", [("outlet", "=", "AP"), ("published", "!=", "2025-12")]),
        ("outlet=The Example AND chapter=8", [("outlet", "=", "The Example"), ("chapter", "=", "8")]),
        ('title="War, and Peace" and chapter<=9', [("title", "=", "War, and Peace"), ("chapter", "<=", "9")]),
        ('title="a=b"and chapter=8', [("title", "=", "a=b"), ("chapter", "=", "8")]),
        ('outlet=""', [("outlet", "=", "")]),
        ("outlet = 'The Paper' and a='(b, c)'", [("outlet", "=", "The Paper"), ("a", "=", "(b, c)")]),
        ('title="Don\'t, go" and a=\'x "y"\'', [("title", "=", "Don't, go"), ("a", "=", 'x "y"')]),
        ("title=Don't go", [("title", "=", "Don't go")]),
        ("source=reports/plan-a.md", [("source", "=", "reports/plan-a.md")]),
        ("release-date>5", [("release-date", ">", "5")]),
        ("name=Hernandez", [("name", "=", "Hernandez")]),
        ("title=Black or White", [("title", "=", "Black or White")]),
        ("title=War (1869) and chapter=8", [("title", "=", "War (1869)"), ("chapter", "=", "8")]),
        ("title=a) sequel", [("title", "=", "a) sequel")]),
        ("title=Do not go", [("title", "=", "Do not go")]),
        ("not=5 and in>6", [("not", "=", "5"), ("in", ">", "6")]),
    ],
)
def test_a_filter_of_the_first_version_keeps_its_meaning(
    text: str, conditions: list[tuple[str, Operator, str]]
) -> None:
    expected = tuple(condition(*each) for each in conditions)
    assert parse_filter(text).expression == (expected[0] if len(expected) == 1 else Both(expected))


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("a=1 or b=1 and c=1", Either((A, Both((B, C))))),
        ("(a=1 or b=1) and c=1", Both((Either((A, B)), C))),
        ("a=1 OR(b=1)", Either((A, B))),
        ("not a=1 and b=1", Both((Negation(A), B))),
        ("NOT(a=1, b=1)", Negation(Both((A, B)))),
        ("not not a=1", Negation(Negation(A))),
        ("a=1 or not (b=1) or c=1", Either((A, Negation(B), C))),
        ("(title=War (1869) or a=1)", Either((condition("title", "=", "War (1869)"), A))),
        ('a in (1, "2, 3", x y)', condition("a", "in", "1", "2, 3", "x y")),
        ("a not in (1)", Negation(condition("a", "in", "1"))),
        ("a~b c and b !~ d", Both((condition("a", "~", "b c"), condition("b", "!~", "d")))),
        ("published=2025-11..2025-12-03", condition("published", "..", "2025-11", "2025-12-03")),
        ("page!=3..5", Negation(condition("page", "..", "3", "5"))),
        ('page="3..5"', condition("page", "=", "3..5")),
        ("name=a..b", condition("name", "=", "a..b")),
        ('"Reading Time">5', condition("reading time", ">", "5")),
        ("a in ('1, 2', \"3's\") or 'reading time'>5", Either((
            condition("a", "in", "1, 2", "3's"), condition("reading time", ">", "5")
        ))),
        ("Authors=x, section=y, date=2025", Both((
            condition("author", "=", "x"), condition("heading", "=", "y"), condition("published", "=", "2025")
        ))),
    ],
)  # fmt: skip
def test_conditions_are_joined(text: str, expression: Expression) -> None:
    assert parse_filter(text).expression == expression


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "at its end (character 1): a field is missing"),
        ("and", "at its end (character 4): an operator such as = or >= is missing after 'and'"),
        ("published>=", "at its end (character 12): a value is missing"),
        ("=2025", "at '=2025' (character 1): a field is missing"),
        ("outlet==AP", "at '=AP' (character 8): a value is missing"),
        (",a=b", "at ',a=b' (character 1): a field is missing"),
        ("outlet=AP and", "at its end (character 14): a field is missing"),
        ("outlet=AP,,chapter=8", "at ',chapter=8' (character 11): a field is missing"),
        ("outlet=AP and and chapter=8", "at 'chapter=8' (character 19): an operator such as"),
        ('outlet="AP', "at '\"AP' (character 8): this quotation mark is never closed"),
        ("title='Tis", 'at "\'Tis" (character 7): this quotation mark is never closed'),
        ('outlet="AP" chapter=8', "at 'chapter=8' (character 13): and, or, or the end is expected"),
        ("title=War and Peace", "at its end (character 20): an operator such as = or >= is missing after 'Peace'"),
        ("(a=1 or b=1", "at its end (character 12): a closing bracket is missing"),
        ('a="1")', "at ')' (character 6): this bracket was never opened"),
        ("a in (1", "at its end (character 8): a closing bracket is missing"),
        ("a in ()", "at ')' (character 7): a value is missing"),
        ("()", "at ')' (character 2): a field is missing"),
        ("(" * 10_000, "more than 40 brackets"),
        ("not " * 2_000 + "a=1", "more than 40 brackets"),
    ],
)
def test_what_is_no_filter_is_refused_at_the_place(text: str, place: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_filter(text)
    assert place in refusal.value.problem
    assert 'outlet="The Example"' in refusal.value.remedy


def test_a_filter_is_bounded() -> None:
    with pytest.raises(InputError, match="10,001 characters"):
        parse_filter("a=" + "b" * 9_999)
    assert parse_filter("(" * (DEEPEST - 1) + "a=b" + ")" * (DEEPEST - 1)).expression == condition("a", "=", "b")
    assert len(parse_filter("a=1 or " * 1_400 + "a=1").names()) == 1


@pytest.mark.parametrize(
    "value", ["yesterday", "21.11.2025", "2025-13", "2025-11-32", "2025-1-5", "٢٠٢٥", "2025-11-21T10:00"]
)
@pytest.mark.parametrize("written", ["published>={}", "modified={}", "date in (2025, {})", "not published<{}"])
def test_a_date_is_compared_with_dates_only(written: str, value: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse_filter(written.format(value))
    assert repr(value) in refusal.value.problem
    assert refusal.value.remedy == "Write 2025, 2025-11 or 2025-11-01."


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("published>=2025-11-21", True),
        ("published>2025-11-21", False),
        ("published<=2025-11", True),
        ("published<2025-11", False),
        ("published>2025-11", False),
        ("published=2025", True),
        ("published!=2025", False),
        ("published=2025-11..2025-12", True),
        ("published=2025-11-01..2025-11-20", False),
        ("published!=2024..2025-10", True),
        ("published in (2024, 2025-11)", True),
        ("published~-11-", True),
        ("outlet=the EXAMPLE", True),
        ("outlet!=The Example", False),
        ("outlet=The", False),
        ("outlet~xamp and not outlet~x-amp", True),
        ("outlet!~example", False),
        ("outlet in (AP, the example)", True),
        ("outlet not in (AP, BBC)", True),
        ('title="war, and peace" and chapter=8', True),
        ("title=peace", False),
        ("author=jane roe and author=Kofi Annan and author=zoë ng", True),
        ("author=zoe\u0308 ng", True),
        ('author="Jane Roe, Kofi Annan and Zoë Ng"', True),
        ("author!=Jane Roe", False),
        ("author!=Jane Doe", True),
        ("authors in (John Doe, Jane Roe)", True),
        ("tags=bridges and tags=ports and not tags=bridge", True),
        ("source=copy.md and source=news/war.md", True),
        ("source!=copy.md", False),
        ("chapter<10 and chapter=8.0 and chapter>-9", True),
        ("chapter<x and chapter<8x", True),
        ("chapter=6..8", True),
        ("due<=2026-03 and due=2026 and due>2026-02-28", True),
        ("subject=x or subject>a or subject~x or subject=1..2 or subject in (x)", False),
        ("subject!=x and subject!~x and subject not in (x) and not subject<x", True),
        ("modified>=2025", False),
        ('subject=""', False),
        ('outlet~""', True),
        ("outlet=Other or chapter=8", True),
        ("not (outlet=The Example or chapter=9)", False),
    ],
)
def test_a_document_passes_or_not(text: str, passes: bool) -> None:
    assert parse_filter(text).matches(ARTICLE) is passes


@pytest.mark.parametrize(
    ("published", "text", "passes"),
    [
        ("2025", "published>=2025-11-01", True),
        ("2025", "published<2025-11-01", False),
        ("2025", "published>2025-11-01", False),
        ("2024", "published<2025-11-01", True),
        ("2025-10", "published>=2025-11-01", False),
        ("2025-11", "published=2025-11-01", True),
        ("2025-11-21T10:30:00+01:00", "published=2025-11-21", True),
        ("2025-11-21T10:30:00+01:00", "published>2025-11-21", False),
    ],
)
def test_dates_compare_at_the_precision_of_the_shorter_one(published: str, text: str, passes: bool) -> None:
    assert parse_filter(text).matches({"published": (published,)}) is passes


@pytest.mark.parametrize("stated", ["de", "Deutsch", "German", "deutsch", "ger", "deu", "de-AT", "de_CH", "en, de"])
@pytest.mark.parametrize("asked", ["de", "German", "alemán", "DEU"])
def test_a_language_goes_by_its_codes_and_names(stated: str, asked: str) -> None:
    fields = document_fields("", [], {"language": stated})
    assert parse_filter(f"language={asked} and language in (fr, {asked})").matches(fields)
    assert not parse_filter(f"language!={asked} or language=fr or language=d or language=den").matches(fields)


@pytest.mark.parametrize(
    ("text", "stated", "passes"),
    [
        ("language=de-AT", "de_at", True),
        ("language=Austrian German", "de-AT", True),
        ("language=de-AT", "de", False),
        ("language=de-AT", "de-CH", False),
        ("language=Old (Norse)", "old (norse)", True),
        ("language=Old.*", "old norse", False),
        ("language=中文", "chi", True),
        ("language=čeština", "cs-CZ", True),
        ("language~eut", "Deutsch", True),
    ],
)
def test_a_narrower_language_is_no_wider_one(text: str, stated: str, passes: bool) -> None:
    assert parse_filter(text).matches({"language": (stated,)}) is passes


def test_an_item_of_a_list_is_never_split() -> None:
    for authors in (["Smith, Jane"], ["Smith, Jane", "Smith and Sons"], ["Ann Lee", "Smith, Jane; Bo"]):
        fields = document_fields("", [], known_fields([("authors", authors), ("tags", ["Berlin, Germany", "x"])]))
        named = [name for name in authors if parse_filter(f"author='{name}'").matches(fields)]
        assert named == authors
        assert not parse_filter("author in (Smith, Jane, Sons, Bo) or tags=Germany").matches(fields)
        assert parse_filter("tags='berlin, germany' and tags=x").matches(fields)


def test_passages_have_pages_and_headings_besides_what_the_front_matter_says() -> None:
    document = document_fields("Paper", ["a.pdf"], {"page": "A7", "section": "Sports"})
    fields = passage_fields(document, "Results", [3, 4])
    for text in ("page=3 and page=4 and page=A7 and page=4..9", "section=results and heading=Sports", "title=paper"):
        assert parse_filter(text).matches(fields)
    assert not parse_filter("page=5 or heading=paper").matches(fields)


def test_a_slip_in_a_field_is_told_and_an_absent_field_is_not() -> None:
    known = {"published", "outlet", "project"}
    for text in ("publishd>2025", "outlet=AP and (projct=x)"):
        with pytest.raises(InputError, match="No document has the field") as refusal:
            parse_filter(text).check(known)
    assert "'projct', which stands at character 16" in refusal.value.problem
    assert refusal.value.remedy == "Did you mean project?"
    parse_filter("colour=red or published=2025").check(known)


# --- any expression, against a reference of its own ----------------------------------------------------------------

NAMES = st.sampled_from(["published", "outlet", "chapter"])
DATES = st.dates().map(lambda date: date.isoformat()) | st.dates().map(lambda date: date.isoformat()[:7])
NUMBERS = st.integers(-20, 20).map(str) | st.decimals(-9, 9, places=1).map(str)
TEXTS = st.text(st.characters(exclude_characters='"', exclude_categories=["Cs", "Nd"]), max_size=6)
OPERATORS: list[Operator] = ["=", "!=", "<", "<=", ">", ">="]


def reference(fields: Mapping[str, str], own: Condition) -> bool:
    """Tell by other means whether a condition of one value holds."""
    actual, value = fields.get(own.field), own.values[0]
    if actual is None:
        return own.operator == "!="
    if own.field == "published":
        pairs = zip(actual.split("-"), value.split("-"), strict=False)
        signs = [(int(a) > int(b)) - (int(a) < int(b)) for a, b in pairs]
        sign = next(filter(None, signs), 0)
    elif own.field == "chapter":
        sign = int(Decimal(actual).compare(Decimal(value)))
    else:
        folded = parse_filter(f'x="{value}"').matches({"x": (actual,)})
        sign = 0 if folded else (actual.casefold() > value.casefold()) * 2 - 1
    return {"=": sign == 0, "!=": sign != 0, "<": sign < 0, "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0}[
        str(own.operator)
    ]


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    name = draw(NAMES)
    value = draw({"published": DATES, "chapter": NUMBERS, "outlet": TEXTS}[name])
    return condition(name, draw(st.sampled_from(OPERATORS)), value)


def joined(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return several.map(Both) | several.map(Either) | parts.map(Negation)


EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(conditions(), joined, max_leaves=8)


def written(expression: Expression) -> str:
    match expression:
        case Condition(field, operator, values):
            return f'{field}{operator}"{values[0]}"'
        case Both(parts):
            return "(" + " and ".join(map(written, parts)) + ")"
        case Either(parts):
            return "(" + " OR ".join(map(written, parts)) + ")"
        case Negation(part):
            return f"not {written(part)}"


def truth(fields: Mapping[str, str], expression: Expression) -> bool:
    match expression:
        case Condition():
            return reference(fields, expression)
        case Both(parts):
            return all(truth(fields, part) for part in parts)
        case Either(parts):
            return any(truth(fields, part) for part in parts)
        case Negation(part):
            return not truth(fields, part)


@given(st.fixed_dictionaries({}, optional={"published": DATES, "outlet": TEXTS, "chapter": NUMBERS}), EXPRESSIONS)
def test_an_expression_means_what_it_says(fields: dict[str, str], expression: Expression) -> None:
    parsed = parse_filter(written(expression))
    assert parsed == Filter(expression)
    assert parsed.matches({name: (value,) for name, value in fields.items()}) is truth(fields, expression)


@given(st.text() | st.text("ab\"'=<>!~(), .andotri-5\n", max_size=40))
def test_any_text_is_a_filter_or_an_input_error(text: str) -> None:
    with suppress(InputError):
        assert parse_filter(text).names()
