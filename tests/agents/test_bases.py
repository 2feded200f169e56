import os
from pathlib import Path

import pytest

from shoal.agents.agent import Base
from shoal.agents.bases import base_sha256, locate
from shoal.errors import ShoalError


def make_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text("{}", encoding="utf-8")
    return folder


def encoder(model: str) -> Base:
    return Base(name="b", model=model, kind="encoder")


def test_minilm_comes_from_the_installed_package_without_importing_its_code() -> None:
    folder = locate(encoder("sentence-transformers/all-MiniLM-L6-v2"), Path())
    assert (folder / "model.safetensors").is_file()
    assert (folder / "tokenizer.json").is_file()


def test_a_folder_is_relative_to_the_workspace(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "models" / "mine")
    assert locate(encoder("models/mine"), tmp_path) == folder


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ShoalError, match=r"base 'b' is the folder ./models/none, which is not there. Looked in"
    ):
        locate(encoder("./models/none"), tmp_path)


def test_a_folder_that_is_no_model_says_what_it_lacks(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "mine")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(
        ShoalError, match=r"mine has no tokenizer.json. Expected the folder of a transformers model"
    ):
        locate(encoder("mine"), tmp_path)


def test_the_hash_follows_content_and_name_and_not_time(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "mine")
    first = base_sha256(folder)
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert base_sha256(folder) == first
    (folder / "model.safetensors").write_text("other", encoding="utf-8")
    assert base_sha256(folder) != first
