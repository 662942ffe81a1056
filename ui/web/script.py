"""The widget's script as it is sent: in the reader's language, without comments and indentation, compressed once."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from functools import cache
from pathlib import Path

from starlette.responses import Response

from rag.query.language import Language

SOURCE = Path(__file__).parents[1] / "static" / "widget.js"
WORDS = Path(__file__).parents[1] / "locales" / "widget.json"

_BLOCK_COMMENT = re.compile(r"^[ \t]*/\*.*?\*/[ \t]*\n", re.DOTALL | re.MULTILINE)
_PLACE = "/* words */ {}"
_MARGIN = re.compile(r"^[ \t]+|[ \t]+// .*$|^\n", re.MULTILINE)


@cache
def widget_script(language: Language) -> bytes:
    """Return the script. None of its strings depends on the margins of its lines; every test of the widget runs it."""
    words = {"lang": language, **json.loads(WORDS.read_text(encoding="utf-8"))[language]}
    script = _MARGIN.sub("", _BLOCK_COMMENT.sub("", SOURCE.read_text(encoding="utf-8")))
    return script.replace(_PLACE, json.dumps(words, ensure_ascii=False, separators=(",", ":"))).encode()


@cache
def _compressed(language: Language) -> bytes:
    return gzip.compress(widget_script(language), 9, mtime=0)


def widget_response(accepted_encodings: str, language: Language) -> Response:
    """Return the script in a language, for a browser that names the encodings it accepts."""
    script = widget_script(language)
    headers = {
        "Cache-Control": "max-age=300",
        "ETag": f'"{hashlib.sha256(script).hexdigest()[:16]}"',
        "Vary": "Accept-Encoding, Accept-Language",
    }
    if "gzip" not in accepted_encodings.lower():
        return Response(script, media_type="text/javascript", headers=headers)
    return Response(_compressed(language), media_type="text/javascript", headers=headers | {"Content-Encoding": "gzip"})
