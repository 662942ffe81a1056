"""Dates and times as sentences write them."""

from __future__ import annotations

import re

MONTH = (
    "January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug"
    "|Sept?|Oct|Nov|Dec|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
)
WEEKDAY = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"

DATE = re.compile(
    rf"\b(?:\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}(?:st|nd|rd|th)?(?:\sof|\sde)?\s(?:{MONTH})(?:\.?,?\s(?:de\s)?\d{{4}})?"
    rf"|(?:{MONTH})\.?\s\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s\d{{4}})?|(?:{MONTH})\.?\s\d{{4}}|(?:{WEEKDAY})"
    r"|(?:1[0-9]|20)\d\d(?:s)?|(?:early|mid|late)[\s-](?:1[0-9]|20)\d\ds?"
    r"|\d{1,2}(?::\d{2})?\s?(?:a\.m\.|p\.m\.|am|pm)|\d{1,2}:\d{2}|noon|midnight|yesterday|today|tomorrow)(?![\w])"
)
YEAR = re.compile(r"\b(?:1[0-9]|20)\d\d\b")
CALENDAR = re.compile(rf"(?:(?:{MONTH}|{WEEKDAY})\.?\s?)+")
