"""Files are whole at their places, or not there, and nothing is left beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipelines import durable
from pipelines.durable import write_all


def test_all_contents_stand_at_their_places_and_replace_what_was_there(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "folder" / "new"
    old.write_bytes(b"before")
    write_all({old: b"one", new: b"two"})
    assert (old.read_bytes(), new.read_bytes()) == (b"one", b"two")
    assert {path.name for path in tmp_path.rglob("*")} == {"old", "folder", "new"}


def test_no_place_changes_before_every_content_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / name for name in "ab"]
    seen: list[bool] = []

    def fsync(descriptor: int) -> None:
        if not Path(f"/proc/self/fd/{descriptor}").resolve().is_dir():
            seen.extend(path.exists() for path in paths)

    monkeypatch.setattr(durable.os, "fsync", fsync)
    write_all(dict.fromkeys(paths, b"content"))
    assert seen == [False] * 4


def test_files_and_their_folders_are_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[Path] = []
    monkeypatch.setattr(
        durable.os, "fsync", lambda descriptor: waited.append(Path(f"/proc/self/fd/{descriptor}").resolve())
    )
    write_all({tmp_path / "a": b"", tmp_path / "b": b"", tmp_path / "c" / "d": b""})
    drafts = {f".{name}.{os.getpid()}" for name in "abd"}
    assert sorted(path.name for path in waited) == sorted([*drafts, tmp_path.name, "c"])


def test_a_disk_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(durable.os, "fsync", fsync)
    with pytest.raises(OSError, match="no space left"):
        write_all({tmp_path / "a": b"content"})
    assert not (tmp_path / "a").exists()
