"""Numbers and dates of spreadsheets as their cells show them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

BUILTIN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00",
    14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm",
    21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)", 44: '"$"#,##0.00', 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "0.0E+0", 49: "@",
}  # fmt: skip
"""Excel's numbered formats; what it adapts to the country (14, 22) is shown in ISO 8601."""

_TOKEN = re.compile(
    r'"(?P<text>[^"]*)"|\\(?P<char>.)|_.|\*.|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[(?P<elapsed>[hms]+)\]|\[[^\]]*\]'
    r"|(?P<half>AM/PM|A/P)|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?)|(?P<digits>[#0?][#0?,]*(?:\.[#0?]*,*)?(?:E[+-]0+)?|\.[#0?]+)"
    r"|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_SECTION = re.compile(r';(?=(?:[^"]*"[^"]*")*[^"]*$)')
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_LAST_DAY = 2958466
_MOST_PLACES = 30
_MOST_DIGITS = 40
_LONGEST_CODE = 255
_EXACT = Context(prec=2 * (_MOST_DIGITS + _MOST_PLACES), rounding=ROUND_HALF_UP)
"""Python's own precision of 28 digits is less than a number may have with its places."""


def stored(value: str, code: str, is_1904: bool = False) -> str:
    """Return the stored number ``value`` as a cell shows it, whatever its format; as stored where that is unclear."""
    try:
        return general(value) if code in ("General", "@") else shown(value, code, is_1904)
    except (ValueError, ArithmeticError):
        return value


def shown(value: str, code: str, is_1904: bool = False) -> str:
    """Return the stored number ``value`` as a cell of format ``code`` shows it; as stored where that is unclear."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS or len(code) > _LONGEST_CODE:
        return value
    sections = _SECTION.split(code)
    number, section = _chosen(number, sections)
    tokens = [(match.lastgroup, match[0], match) for match in _TOKEN.finditer(section)]
    kinds = {kind for kind, _, _ in tokens}
    if "date" in kinds or "elapsed" in kinds:
        return _date(number, tokens, is_1904) if 0 <= number < _LAST_DAY else general(value)
    if "general" in section.lower() or "/" in section or not kinds & {"digits", "text", "char"}:
        return general(value)
    return _number(number, section, tokens)


def general(value: str) -> str:
    """Return a stored number without the noise of its last binary digits: 15 digits at most."""
    number = Decimal(f"{float(value):.15g}")
    return f"{number:f}" if -10 < number.adjusted() < 21 else f"{number}"


def _chosen(number: Decimal, sections: list[str]) -> tuple[Decimal, str]:
    """Return the section for this number, and the number without its sign where the section has its own."""
    if number < 0 and len(sections) > 1:
        return -number, sections[1]
    if number == 0 and len(sections) > 2:
        return number, sections[2]
    return number, sections[0]


def _number(number: Decimal, section: str, tokens: list[tuple[str | None, str, re.Match[str]]]) -> str:
    number *= 100 ** min(section.count("%"), 2)
    parts: list[str] = []
    done = False
    for kind, text, match in tokens:
        if kind == "digits":
            parts += [] if done else [_digits(number, text)]
            done = True
        else:
            parts.append(_literal(kind, match))
    return "".join(parts).strip()


def _digits(number: Decimal, mask: str) -> str:
    mask, _, exponent = mask.upper().partition("E")
    digits = mask.rstrip(",")
    whole, _, fraction = digits.partition(".")
    places, needed = min(len(fraction), _MOST_PLACES), min(fraction.count("0"), _MOST_PLACES)
    if exponent:
        return f"{number:.{places}E}"
    scaled = _EXACT.divide(number, Decimal(1000) ** (len(mask) - len(digits)))
    rounded = scaled.quantize(Decimal(1).scaleb(-places), context=_EXACT)
    integer, _, decimals = (f"{abs(rounded):,f}" if "," in whole else f"{abs(rounded):f}").partition(".")
    decimals = decimals[:needed] + decimals[needed:].rstrip("0")
    # Only a 0 in the format shows a nought.
    integer = ("" if integer == "0" else integer).zfill(min(whole.count("0"), _MOST_PLACES))
    return ("-" if rounded < 0 else "") + integer + ("." + decimals if decimals else "")


def _literal(kind: str | None, match: re.Match[str]) -> str:
    if kind in ("text", "char", "currency"):
        return match[kind]
    return match[0] if kind == "other" and match[0] != "@" else ""


def _date(number: Decimal, tokens: list[tuple[str | None, str, re.Match[str]]], is_1904: bool) -> str:
    """Return a count of days as the date and time that ``tokens`` describe."""
    epoch = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30 if number >= 60 else 31)
    moment = epoch + timedelta(seconds=round(float(number) * 86400, 3))
    is_half = any(kind == "half" for kind, _, _ in tokens)
    parts: list[str] = []
    before = ""
    for at, (kind, text, match) in enumerate(tokens):
        low = text.lower()
        if kind == "date":
            following = next((each.lower() for kind, each, _ in tokens[at + 1 :] if kind == "date"), "")
            is_minute = low in ("m", "mm") and (before.startswith("h") or following.startswith("s"))
            parts.append(_field("n" * len(low) if is_minute else low, moment, is_half))
            before = low
        elif kind == "elapsed":
            unit = {"h": 3600, "m": 60, "s": 1}[match[kind][0].lower()]
            parts.append(str(int(number * 86400 / unit)))
            before = match[kind].lower()
        elif kind == "half":
            parts.append("PM" if moment.hour >= 12 else "AM")
        else:
            parts.append(_literal(kind, match))
    return "".join(parts).strip()


def _field(code: str, moment: datetime, is_half: bool) -> str:
    unit, width = code[0], len(code)
    if unit == "y":
        return f"{moment.year:04}" if width > 2 else f"{moment.year % 100:02}"
    if unit == "m" and width > 2:
        name = _MONTHS[moment.month - 1]
        return name[:3] if width == 3 else name[0] if width == 5 else name
    if unit == "d" and width > 2:
        name = _DAYS[moment.weekday()]
        return name[:3] if width == 3 else name
    hour = (moment.hour - 1) % 12 + 1 if is_half else moment.hour
    value = {"m": moment.month, "d": moment.day, "h": hour, "n": moment.minute, "s": moment.second}[unit]
    return f"{value:02}" if width > 1 else str(value)
