from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.classify.model_files import FILES, ModelFilesError, check, seal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).write_bytes(name.encode())
    seal(tmp_path, "2026-11-21", {"seed": 7})
    return tmp_path


def test_a_sealed_folder_has_a_version_from_its_content(folder: Path) -> None:
    files = check(folder)
    assert files.version.startswith("2026-11-21-")
    assert files[FILES[0]].is_file()
    (folder / FILES[0]).write_bytes(b"trained again")
    assert seal(folder, "2026-11-21", {}).version != files.version


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_file_is_named_with_the_command_that_makes_it(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelFilesError) as raised:
        check(folder)
    assert str(folder / name) in str(raised.value)
    assert "mythwatch train" in str(raised.value)


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"of another training")
    with pytest.raises(ModelFilesError, match="of another version") as raised:
        check(folder)
    assert name in str(raised.value)


@pytest.mark.parametrize("content", ["", "[]", "{}", "\x00", json.dumps({"format": 999, "files": {}})])
def test_a_manifest_of_another_format_is_refused(folder: Path, content: str) -> None:
    (folder / "manifest.json").write_text(content)
    with pytest.raises(ModelFilesError, match=r"manifest\.json.*mythwatch train"):
        check(folder)


def test_the_committed_weights_are_whole_and_small() -> None:
    files = check()
    assert sum(files[name].stat().st_size for name in FILES) < 15_000_000
