from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from evals.running.watch import wait_for_change


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "in" / "old.txt").write_text("longer than before"),
        lambda folder: (folder / "in" / "deep" / "new.txt").write_text("new"),
        lambda folder: (folder / "in" / "old.txt").unlink(),
        lambda folder: (folder / "cases.yaml").write_text("- {}"),
    ],
    ids=["written", "new", "gone", "cases"],
)
def test_a_change_ends_the_wait(tmp_path: Path, change: Callable[[Path], object]) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "old.txt").write_text("old")
    (tmp_path / "cases.yaml").write_text("")
    waiting = threading.Thread(target=wait_for_change, args=([tmp_path / "in", tmp_path / "cases.yaml"], None, 0.01))
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    change(tmp_path)
    waiting.join(20)
    assert not waiting.is_alive()
