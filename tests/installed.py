"""The documents that the tests of the command line are about."""

from __future__ import annotations

from pathlib import Path

CANTEEN = "# Canteen\n\nThe canteen opens at noon. The canteen serves soup on Fridays.\n"
LEAVE = "Staff rules\n\nEvery employee gets 25 days of paid leave a year. Unused days lapse on 31 March.\n"
HOSTILE_NAME = "esc\x1b[2J\x9b31m\nadded      forged.txt"
HOSTILE = "The escape was written by Marco Polo in 1290. Nobody has read it since then.\n"


def write_documents(folder: Path) -> Path:
    """Write the three documents into a folder, and return it."""
    (folder / "canteen.md").write_text(CANTEEN)
    (folder / "rules").mkdir()
    (folder / "rules" / "leave.txt").write_text("Published: 2025-02-01\n\n" + LEAVE)
    (folder / f"{HOSTILE_NAME}.txt").write_text(HOSTILE)
    return folder
