"""Documents made by hand for the tests of the readers."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from io import BytesIO

Text = tuple[float, float, float, str]
"""A piece of text on a page: left and baseline in points, font size, words; a leading ``*`` sets it bold."""


def pdf(pages: Sequence[Sequence[Text]], info: str = "", extra: bytes = b"") -> bytes:
    """Return a PDF whose pages (612 x 792 points) hold the given pieces of text, in Helvetica."""
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
    ]
    for number, page in enumerate(pages):
        content = b"\n".join(_shown(*piece) for piece in page)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {6 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    objects.append(f"<< {info} >>".encode("cp1252"))
    return _assembled(objects, extra)


def _shown(left: float, baseline: float, size: float, words: str) -> bytes:
    font = "F2" if words.startswith("*") else "F1"
    escaped = words.removeprefix("*").replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /{font} {size} Tf {left} {baseline} Td ({escaped}) Tj ET".encode("cp1252")


def _assembled(objects: Sequence[bytes], extra: bytes) -> bytes:
    out = BytesIO()
    out.write(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer << /Size %d /Root 1 0 R /Info %d 0 R %s >>\n" % (len(objects) + 1, len(objects), extra))
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


def column(lines: Sequence[str], left: float = 72, top: float = 700, size: float = 11) -> list[Text]:
    """Return ``lines`` set one below the other."""
    return [(left, top - number * 1.2 * size, size, line) for number, line in enumerate(lines)]


def archive(members: dict[str, bytes]) -> bytes:
    """Return a zip archive."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()


def replaced(package: bytes, name: str, data: bytes) -> bytes:
    """Return the zip archive ``package`` with the member ``name`` holding ``data``."""
    with zipfile.ZipFile(BytesIO(package)) as file:
        members = {member: file.read(member) for member in file.namelist()}
    return archive({**members, name: data})
