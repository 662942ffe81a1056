"""The benchmark of the embedder beside its matrix products, on a handful of passages."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.bench.roofline import least_cosine, main, measure, passages_of
from index.embedder import SentenceTransformerEmbedder
from index.errors import InputError
from rag.models import locate


def test_the_embedder_is_measured_beside_its_products(embedder: SentenceTransformerEmbedder, tmp_path: Path) -> None:
    texts = {
        f"{number}.txt": f"Report {number}\n\n" + "The canteen opens at noon and serves soup. " * 40
        for number in range(3)
    }
    passages = passages_of(texts, embedder, tmp_path)
    assert len(passages) >= 6
    folder = locate("all-MiniLM-L6-v2")
    speeds = {speed.name: speed for speed in measure(folder, embedder, passages, 1)}
    assert list(speeds) == ["products", "citechat", "plain loop"]
    assert (speeds["products"].clock_share, speeds["products"].cpu_share) == (1.0, 1.0)
    for speed in speeds.values():
        assert speed.clock_share == pytest.approx(speed.clock / speeds["products"].clock)
        assert speed.cpu_share == pytest.approx(speed.cpu / speeds["products"].cpu)
        assert speed.clock > 0
    assert least_cosine(folder, embedder, passages) > 0.9995


def test_a_set_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path)]) == InputError.exit_code
    assert "realtimeqa" in capsys.readouterr().err
