"""The cross-encoder: reads a question and a passage together and says which sentences answer.

What it knows beyond words and similarity (that "its chair" answers "who runs it") is in its trained layers, which the
package carries; ``weights/README.md`` tells what they were trained on, by ``python -m evals.train``.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from index.errors import ModelMissing
from index.lanes import Lanes
from index.types import Passage

if TYPE_CHECKING:
    from rag.reader.layers import Layers
    from rag.reader.pages import Base

BASE, TRAINED = "all-MiniLM-L6-v2", "citechat-cross-encoder"
"""Names in the catalogue of the model whose embeddings are used and of the trained layers."""
FILE = "cross_encoder.safetensors"

Scores = npt.NDArray[np.float64]


class CrossEncoder:
    """Scores the sentences of passages for a question. Thread-safe; loaded when first used."""

    def __init__(self, base: Path, trained: Path) -> None:
        """Name the folder of MiniLM, whose embeddings are used, and that of the trained layers."""
        self._base = base
        self._trained = trained
        self._lanes = Lanes()
        self._loading = threading.Lock()
        self._parts: tuple[Base, Layers] | None = None

    def log_odds(self, question: str, passages: Sequence[Passage]) -> list[Scores]:
        """Return, for each passage, its sentences' log-odds of answering against "nothing here answers".

        Raises:
            ModelMissing: the layers cannot be loaded.
        """
        import torch

        from rag.reader.pages import join

        if not passages:
            return []
        base, layers = self._loaded()
        with torch.inference_mode():
            asked = base.questions([question])[0]

        def read(passage: Passage) -> Scores:
            with torch.inference_mode():  # which holds for one thread
                batch = join([(asked, page) for page in base.pages([passage])])
                states = layers(batch.states, batch.segments, batch.present)
                odds = layers.log_odds(states, batch.segments, batch.present, batch.sentences)
            scores: Scores = odds.double().numpy()
            return scores

        return list(self._lanes.run([partial(read, passage) for passage in passages]))

    def warm_up(self) -> None:
        """Load what the first call would otherwise wait for.

        Raises:
            ModelMissing: the layers cannot be loaded.
        """
        self._loaded()

    def _loaded(self) -> tuple[Base, Layers]:
        with self._loading:
            if self._parts is None:
                self._parts = self._load()
            return self._parts

    def _load(self) -> tuple[Base, Layers]:
        import torch
        from safetensors.torch import load_file

        from index.bert import pack
        from index.sentence_model import native_dtype
        from rag.reader.layers import Layers
        from rag.reader.pages import Base

        dtype = native_dtype()
        with torch.device("meta"):
            layers = Layers()
        try:
            layers.load_state_dict(load_file(self._trained / FILE), assign=True)
        except (OSError, RuntimeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ModelMissing(f"{self._trained / FILE} cannot be used: {reason}", "Install citechat again.") from error
        layers = layers.to(dtype).eval()
        pack(layers.layers)
        return Base(self._base, dtype), layers
