"""LaTeX -> the text that it sets; headings are handed on as ``text`` knows them. Unknown commands stay as they are."""

from __future__ import annotations

import re
import unicodedata

from index.readers.decode import decode
from index.readers.marks import applied, rules
from index.readers.parsed import Parsed
from index.readers.text import parse_text

_ARGUMENT, _OPTION = r"\{([^{}]{0,2000})\}", r"(?:\[[^\]\n]{0,200}\])?"
_COMMENTS = rules(
    (r"(?<!\\)%.*\n?", ""),
    (r"\A[\s\S]*?(?=\\title\s*\{|\\begin\{document\})", ""),
)
_COMMANDS = rules(
    (r"(?<!\s)\s*\\and\b\s*", ", "),
    (rf"\\(?:title|chapter|part)\*?{_OPTION}{_ARGUMENT}", r"\n\n= \1\n\n"),
    (rf"\\section\*?{_OPTION}{_ARGUMENT}", r"\n\n== \1\n\n"),
    (rf"\\(?:sub)+section\*?{_OPTION}{_ARGUMENT}", r"\n\n=== \1\n\n"),
    (rf"\\author{_OPTION}{_ARGUMENT}", r"\n\nAuthor: \1\n"),
    (rf"\\date{_ARGUMENT}", r"\nDate: \1\n\n"),
    (rf"~?\\(?:cite\w*|label|eqref|pageref|index|[vh]space)\*?{_OPTION}{_OPTION}{_ARGUMENT}", ""),
    (rf"\\(?:documentclass|usepackage|bibliography\w*|input|include\w*|pagestyle){_OPTION}{_ARGUMENT}", ""),
    (rf"\\(?:begin|end)\{{[a-zA-Z*]{{1,40}}\}}{_OPTION}(?:\{{[lcrp|@\d. ]*\}})?", "\n\n"),
    (r"^[ \t]*\\item(?:\[([^\]\n]{0,200})\])?[ \t]*", r"- \1 "),
    (r"\\(?:maketitle|tableofcontents|newpage|clearpage|centering|noindent|hline|(?:top|mid|bottom)rule)\b", ""),
    (rf"\\footnote{_ARGUMENT}", r" (\1)"),
    (rf"\\href\{{[^{{}}]*\}}{_ARGUMENT}", r"\1"),
    (
        rf"\\(?:text(?:bf|it|tt|sc|sf|rm|sl|up|md|normal)?|ref|emph|underline|url|mbox|caption|paragraph\*?){_ARGUMENT}",
        r"\1",
    ),
)
_SIGNS = rules(
    (r"(?<!\\)\$([^$\n]{1,300})(?<!\\)\$", r"\1"),
    (r"(?<![ \t])[ \t]+&[ \t]+", " | "),
    (r"(?<![ \t])[ \t]*\\\\(?:\[[^\]\n]{0,20}\])?[ \t]*$", "\n"),
    (r"\\[,;: ]|(?<!\\)~", " "),
    (r"---", "—"),
    (r"--", "–"),
    (r"``|''", '"'),
    (r"\\([%$&#_{}])", r"\1"),
)
_MARKS = {"'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "c": "\u0327", "v": "\u030c"}
_MARKED = re.compile(r"\\(?:(['`^\"~])\{?\\?([A-Za-z])\}?|([cv])\{([A-Za-z])\})")
_LETTERS = {"ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å", "o": "ø", "O": "Ø", "l": "ł",
            "L": "Ł"}  # fmt: skip
_LETTER = re.compile(rf"\\({'|'.join(_LETTERS)})(?![A-Za-z])(?:\{{\}}| )?")


def parse(data: bytes) -> Parsed:
    """Read LaTeX. Raises ``Unreadable`` for binary data."""
    text = applied(decode(data).replace("\r\n", "\n"), _COMMENTS)
    text = _MARKED.sub(_accented, _LETTER.sub(lambda match: _LETTERS[match[1]], text))
    # What one command encloses may be another's.
    text = applied(applied(text, _COMMANDS), _COMMANDS)
    return parse_text(applied(text, _SIGNS))


def _accented(match: re.Match[str]) -> str:
    mark, letter = match[1] or match[3], match[2] or match[4]
    return unicodedata.normalize("NFC", letter + _MARKS[mark])
