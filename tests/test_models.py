from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

import pytest

from index import files
from index.errors import ModelMissing
from rag import models
from rag.models import CATALOGUE, Model, check_ahead, locate, matches, pull

WEIGHTS = b"weights"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A catalogue of one model, which no package carries yet; the hub's cache is empty, and the hub out of reach."""
    files = {"model.bin": hashlib.sha256(WEIGHTS).hexdigest()}
    model = Model("tiny", "embedder", "MIT", files, "tiny_model_package", "data", "someone/tiny")
    monkeypatch.setattr(models, "CATALOGUE", (model,))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return model


def install(tmp_path: Path, content: bytes) -> Path:
    """Make the package that carries the model."""
    folder = tmp_path / "site" / "tiny_model_package" / "data"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise AssertionError('a model is found without running its package')")
    (folder / "model.bin").write_bytes(content)
    sys.path_importer_cache.clear()
    return folder


@pytest.mark.parametrize("name", [model.name for model in CATALOGUE if not model.optional])
def test_the_models_of_a_fresh_install_are_there_and_genuine(name: str) -> None:
    (model,) = (model for model in CATALOGUE if model.name == name)
    folder = locate(name)
    for file, expected in model.files.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == expected


def test_an_installed_model_is_found(model: Model, tmp_path: Path) -> None:
    folder = install(tmp_path, WEIGHTS)
    assert locate("tiny") == pull("tiny") == folder
    assert matches(model, folder, "model.bin")


@pytest.mark.usefixtures("model")
def test_a_model_that_is_checked_ahead_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = install(tmp_path, WEIGHTS)
    read = []

    def slowly(path: Path) -> str:
        read.append(path)
        time.sleep(0.1)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(files, "digest_of", slowly)
    ahead = check_ahead("tiny")
    assert locate("tiny") == folder
    ahead.join()
    assert read == [folder / "model.bin"]
    check_ahead("none of that name").join()


def test_a_model_with_another_checksum_is_refused(model: Model, tmp_path: Path) -> None:
    folder = install(tmp_path, b"other weights")
    assert not matches(model, folder, "model.bin")
    with pytest.raises(ModelMissing) as refusal:
        locate("tiny")
    assert str(folder / "model.bin") in refusal.value.problem
    assert refusal.value.remedy == "Install tiny-model-package again, or run: citechat models pull tiny"
    assert refusal.value.exit_code == 4


def test_a_model_that_is_nowhere_is_missing(model: Model) -> None:
    with pytest.raises(ModelMissing, match=f"The model {model.name} is not on this machine") as refusal:
        locate("tiny")
    assert refusal.value.remedy == "Run: citechat models pull tiny"


def test_a_model_that_the_hub_does_not_give_is_missing(model: Model) -> None:
    with pytest.raises(ModelMissing, match=f"The hub does not give {model.repository}"):
        pull("tiny")


def test_a_model_in_the_cache_of_the_hub_is_found(model: Model, tmp_path: Path) -> None:
    snapshot = tmp_path / "cache" / "models--someone--tiny" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "model.bin").write_bytes(WEIGHTS)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    assert locate(model.name) == snapshot
    (snapshot / "model.bin").write_bytes(b"other weights")
    with pytest.raises(ModelMissing, match=r"is not the pinned file of tiny"):
        locate(model.name)


def test_a_folder_is_a_model(tmp_path: Path) -> None:
    assert locate(str(tmp_path)) == tmp_path


@pytest.mark.parametrize("name", ["unheard-of", "all-MiniLM-L6-V2", ""])
def test_an_unknown_name_is_refused_with_the_known_ones(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for ask in (locate, pull):
        with pytest.raises(ModelMissing) as refusal:
            ask(name)
        assert refusal.value.problem == f"There is no model {name!r}."
        assert "all-MiniLM-L6-v2" in refusal.value.remedy
