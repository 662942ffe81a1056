"""The widget's script as it is sent: without comments and indentation, compressed once."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path

from starlette.responses import Response

SOURCE = Path(__file__).parents[1] / "static" / "widget.js"

_BLOCK_COMMENT = re.compile(r"^[ \t]*/\*.*?\*/[ \t]*\n", re.DOTALL | re.MULTILINE)
_MARGIN = re.compile(r"^[ \t]+|[ \t]+// .*$|^\n", re.MULTILINE)


@cache
def widget_script() -> bytes:
    """Return the script. None of its strings depends on the margins of its lines; every test of the widget runs it."""
    return _MARGIN.sub("", _BLOCK_COMMENT.sub("", SOURCE.read_text(encoding="utf-8"))).encode()


@cache
def _compressed() -> bytes:
    return gzip.compress(widget_script(), 9, mtime=0)


def widget_response(accepted_encodings: str) -> Response:
    """Return the script for a browser that names the encodings it accepts."""
    headers = {
        "Cache-Control": "max-age=300",
        "ETag": f'"{hashlib.sha256(widget_script()).hexdigest()[:16]}"',
        "Vary": "Accept-Encoding",
    }
    if "gzip" not in accepted_encodings.lower():
        return Response(widget_script(), media_type="text/javascript", headers=headers)
    return Response(_compressed(), media_type="text/javascript", headers=headers | {"Content-Encoding": "gzip"})
