"""A sentence-transformers model in a folder, loaded as far as the embedder needs it.

Most such models are a transformer whose token states are averaged. Of those a plain BERT is run by `index.bert`, any
other by transformers, with the same result: importing transformers, and sentence-transformers even more, takes longer
than everything else a start does. Every other model (other pooling, further layers) is run by sentence-transformers.
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

LENGTH_STEP = 8
"""A text that is run alone is padded to a multiple of this, see `padded_length`."""

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
    try:
        return _load(folder)
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelMissing(
            f"{folder} holds no model that can be used: {reason}", "Name another as embedder in citechat.toml."
        ) from error


def _load(folder: Path) -> SentenceModel:
    from index.bert import is_bert

    if not _averages(folder):
        return _sentence_transformer(folder)
    return _bert(folder) if is_bert(folder) else _transformer(folder)


def _keep_silent() -> None:
    """Keep transformers from asking the hub, for the folder has everything, and from drawing its own bars."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]


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


def _bert(folder: Path) -> SentenceModel:
    from index.bert import Bert

    model = Bert.load(folder, native_dtype())

    def run(features: dict[str, torch.Tensor]) -> tuple[torch.Tensor, None]:
        return model(features["input_ids"], features["attention_mask"].bool()), None

    pad = int(_json(folder / "config.json").get("pad_token_id") or 0)
    return _mean_pooled(folder, run, pad, model.positions.num_embeddings, model.words.weight)


def _transformer(folder: Path) -> SentenceModel:
    _keep_silent()
    import transformers

    model: Any = transformers.AutoModel.from_pretrained(str(folder), dtype=native_dtype(), local_files_only=True).eval()
    return _mean_pooled(
        folder,
        lambda features: (model(**features).last_hidden_state, None),
        int(model.config.pad_token_id or 0),
        int(model.config.max_position_embeddings),
        model.get_input_embeddings().weight.detach(),
    )


def _mean_pooled(folder: Path, run: Run, pad: int, positions: int, input_embeddings: torch.Tensor) -> SentenceModel:
    limits = (
        _json(folder / "sentence_bert_config.json").get("max_seq_length"),
        _json(folder / "tokenizer_config.json").get("model_max_length"),  # where newer versions keep it
        positions,
    )
    return SentenceModel(
        run=run,
        tokenizer=(folder / "tokenizer.json").read_text(encoding="utf-8"),
        pad=pad,
        max_tokens=int(min(next(limit for limit in limits if limit), positions)),
        dimension=input_embeddings.shape[1],
        mean_pooled=True,
        prompts=_json(folder / "config_sentence_transformers.json").get("prompts") or {},
        input_embeddings=input_embeddings,
    )


def _sentence_transformer(folder: Path) -> SentenceModel:
    _keep_silent()
    from sentence_transformers import SentenceTransformer

    model: Any = SentenceTransformer(
        str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": native_dtype()}
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


def padded_length(tokens: int) -> int:
    """Return how many tokens a text of so many is padded to where it is run alone, as a question is.

    oneDNN prepares each product for its sizes when it first meets them, and forgets the oldest of many. To prepare
    them for every length of a text takes longer than a little padding.
    """
    return -(-tokens // LENGTH_STEP) * LENGTH_STEP


def native_dtype() -> torch.dtype:
    """Return bfloat16 where the CPU multiplies it natively, else float32."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    native = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16")
    return torch.bfloat16 if native else torch.float32
