"""Documents made by hand for the tests of the readers."""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import closing
from io import BytesIO

import pypdfium2

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


def noted(page: Sequence[Text], annotations: Sequence[str]) -> bytes:
    """Return a PDF of one page with annotations, those of form fields among them, written as PDF has it."""
    content = b"\n".join(_shown(*piece) for piece in page)
    numbers = " ".join(f"{6 + number} 0 R" for number in range(len(annotations)))
    return _assembled(
        [
            f"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{numbers}] >> >>".encode(),
            b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R "
            f"/Resources << /Font << /F1 3 0 R >> >> /Annots [{numbers}] >>".encode(),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            *(f"<< /Type /Annot /Rect [72 72 200 90] {each} >>".encode() for each in annotations),
            b"<< >>",
        ],
        b"",
    )


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


def scan(document: bytes, pages: Sequence[int], dots_per_inch: int = 200) -> bytes:
    """Return a PDF of pictures of the upper thirds of these pages of ``document`` (from 1); 0 is a blank page."""
    kids = " ".join(f"{3 + 3 * number} 0 R" for number in range(len(pages)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode()]
    with closing(pypdfium2.PdfDocument(document)) as made:
        for page in pages:
            first = len(objects) + 1
            shown = b"q 612 0 0 792 0 0 cm /P Do Q" if page else b""
            bitmap = made[max(0, page - 1)].render(scale=dots_per_inch / 72, grayscale=True)
            seen = bytes(bitmap.buffer)
            rows = [seen[row * bitmap.stride : row * bitmap.stride + bitmap.width] for row in range(bitmap.height)]
            pixels = zlib.compress(b"".join(rows))
            objects += [
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 528 612 792] /Contents {first + 1} 0 R "
                f"/Resources << /XObject << /P {first + 2} 0 R >> >> >>".encode(),
                b"<< /Length %d >>\nstream\n%b\nendstream" % (len(shown), shown),
                b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 "
                b"/Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream"
                % (bitmap.width, bitmap.height, len(pixels), pixels),
            ]
    return _assembled([*objects, b"<< >>"], b"")


def merged(*documents: bytes) -> bytes:
    """Return a PDF of the pages of all these."""
    out = BytesIO()
    with closing(pypdfium2.PdfDocument.new()) as made:
        for each in documents:
            with closing(pypdfium2.PdfDocument(each)) as opened:
                made.import_pages(opened)
        made.save(out)
    return out.getvalue()


def locked(document: bytes, password: bytes) -> bytes:
    """Return the PDF ``document``, made by `pdf`, encrypted: revision 2 of the standard, RC4 with 40 bits."""
    padding = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
    padded = (password + padding)[:32]
    owner = _rc4(hashlib.md5(padded, usedforsecurity=False).digest()[:5], padded)
    key = hashlib.md5(padded + owner + b"\xfc\xff\xff\xff" + b"id", usedforsecurity=False).digest()[:5]

    def encrypted(found: re.Match[bytes]) -> bytes:
        number = int(found[1])
        salted = hashlib.md5(key + number.to_bytes(3, "little") + bytes(2), usedforsecurity=False).digest()[:10]
        return b"%d 0 obj\n<< /Length %b >>\nstream\n%b\nendstream" % (number, found[2], _rc4(salted, found[3]))

    body = re.sub(rb"(\d+) 0 obj\n<< /Length (\d+) >>\nstream\n(.*?)\nendstream", encrypted, document, flags=re.DOTALL)
    lock = b"/Encrypt << /Filter /Standard /V 1 /R 2 /O <%b> /U <%b> /P -4 >> /ID [<6964> <6964>]" % (
        owner.hex().encode(),
        _rc4(key, padding).hex().encode(),
    )
    return body.replace(b"/Root", lock + b" /Root")


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
