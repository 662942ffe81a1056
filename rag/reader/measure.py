"""What is measured: a question for an age, a height or a weight is answered by a sentence that tells of one."""

from __future__ import annotations

import re

_MEASURES = tuple(
    (re.compile(rf"\b(?:{asked})\b", re.I), re.compile(told, re.I))
    for asked, told in (
        (
            r"how old|(?:what|which) age",
            r"\b(?:years?|(?:months?|weeks?|days?)[ -]old|centur(?:y|ies)|decades?|aged?|born|birthday|since|founded"
            r"|built|opened|installed|erected|(?:1\d|20)\d\ds?)\b",
        ),
        (
            r"how (?:tall|deep)",
            r"\b(?:tall|deep|high|depth|height)\b|\d\s?(?:m|cm|mm|km|ft|in)\b|\b(?:\w*met(?:re|er)s?|miles?|feet|foot"
            r"|inch(?:es)?|yards?|fathoms?|stor(?:ey|y|ies)s?|floors?)\b",
        ),
        (
            r"how heavy|how much (?:do|does|did|will|would) .{1,60} weigh",
            r"\b(?:weigh\w*|heav\w+|light)\b|\d\s?(?:kg|g|t|lbs?|oz)\b|\b(?:kilo\w*|grams?|tons?|tonnes?|pounds?|ounces?"
            r"|stones?)\b",
        ),
    )
)


def measured(question: str) -> list[re.Pattern[str]]:
    """Return what an answer must have, for each measure that a question asks for; mostly nothing."""
    return [told for asked, told in _MEASURES if asked.search(question)]
