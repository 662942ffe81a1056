"""A sentence-transformers model in a folder, loaded as far as the embedder needs it.

Most such models are a transformer whose token states are averaged. Those are loaded by transformers alone, with the
same result: importing sentence-transformers takes longer than everything else a start does. Every other model (other
pooling, further layers) is loaded and run by sentence-transformers itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import ModelMissing

if TYPE_CHECKING:
    import torch

Run = Callable[[dict[str, "torch.Tensor"]], tuple["torch.Tensor", "torch.Tensor | None"]]
"""Features to token states, shape ``(rows, tokens, dimension)``, and vectors of whole texts; ``None``: their mean."""


@dataclass(frozen=True, slots=True)
class SentenceModel:
    """A loaded model. ``mean_pooled``: a text's vector is the mean of its token states, of unit length."""

    run: Run
    tokenizer: str
    pad: int
    max_tokens: int
    dimension: int
    mean_pooled: bool
    prompts: Mapping[str, str]
    input_embeddings: torch.Tensor


def load_model(folder: Path) -> SentenceModel:
    """Load a model on the CPU, in bfloat16 where the CPU multiplies it natively.

    Raises:
        ModelMissing: the folder holds no model that can be used.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"  # the folder has everything; nothing may be asked of the hub
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return _transformer(folder) if _averages(folder) else _sentence_transformer(folder)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelMissing(
            f"{folder} holds no model that can be used: {reason}", "Name another as embedder in citechat.toml."
        ) from error


def declared_dimension(folder: Path) -> int | None:
    """Return the length of a model's vectors if its files say so without loading it."""
    declared = _json(folder / "config.json").get("hidden_size") if _averages(folder) else None
    return int(declared) if declared else None


def _averages(folder: Path) -> bool:
    """Tell whether a model is a transformer, its mean, and perhaps a scaling to unit length, and nothing else."""
    if not (folder / "modules.json").is_file() or not (folder / "tokenizer.json").is_file():
        return False
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    kinds = [module["type"].rpartition(".")[2] for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) or modules[0]["path"]:
        return False
    pooling = _json(folder / modules[1]["path"] / "config.json")
    modes = {name for name, value in pooling.items() if name.startswith("pooling_mode_") and value is True}
    return pooling.get("pooling_mode") == "mean" or modes == {"pooling_mode_mean_tokens"}


def _transformer(folder: Path) -> SentenceModel:
    import transformers

    model: Any = transformers.AutoModel.from_pretrained(str(folder), dtype=_dtype(), local_files_only=True).eval()
    settings = _json(folder / "sentence_bert_config.json")
    return SentenceModel(
        run=lambda features: (model(**features).last_hidden_state, None),
        tokenizer=(folder / "tokenizer.json").read_text(encoding="utf-8"),
        pad=int(model.config.pad_token_id or 0),
        max_tokens=int(settings.get("max_seq_length") or model.config.max_position_embeddings),
        dimension=int(model.config.hidden_size),
        mean_pooled=True,
        prompts=_json(folder / "config_sentence_transformers.json").get("prompts") or {},
        input_embeddings=model.get_input_embeddings().weight.detach(),
    )


def _sentence_transformer(folder: Path) -> SentenceModel:
    from sentence_transformers import SentenceTransformer

    model: Any = SentenceTransformer(
        str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": _dtype()}
    ).eval()

    def run(features: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
        output = model(features)
        return output["token_embeddings"], output["sentence_embedding"]

    return SentenceModel(
        run=run,
        tokenizer=model.tokenizer.backend_tokenizer.to_str(),
        pad=int(model.tokenizer.pad_token_id or 0),
        max_tokens=int(model.max_seq_length),
        dimension=int(model.get_embedding_dimension()),
        mean_pooled=False,
        prompts=model.prompts,
        input_embeddings=model[0].auto_model.get_input_embeddings().weight.detach(),
    )


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _dtype() -> torch.dtype:
    import torch

    capabilities = torch.cpu.get_capabilities()
    native = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16")
    return torch.bfloat16 if native else torch.float32
