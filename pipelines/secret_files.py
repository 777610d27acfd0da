"""Secrets that an operator keeps in files: read when they are needed, refused where others could read them too."""

from __future__ import annotations

from pathlib import Path

from pipelines.errors import WarehouseError, Words


class UnsafeSecret(WarehouseError):
    """A file of a secret that is not there, empty, or open to others."""


def read_secret(path: Path) -> str:
    """What stands in the file, without the line break at its end. UnsafeSecret where it cannot be used."""
    try:
        mode, secret = path.stat().st_mode & 0o777, path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _unsafe(path, Words("打不开", "it cannot be read")) from error
    if mode & 0o077:
        raise _unsafe(path, Words(f"权限 {mode:o}", f"mode {mode:o}"))
    if not secret:
        raise _unsafe(path, Words("空文件", "an empty file"))
    return secret


def _unsafe(path: Path, found: Words) -> UnsafeSecret:
    return UnsafeSecret(
        Words("密钥文件不能使用", "The file of a secret cannot be used"),
        where=path.name,
        expected=Words("只有运行者可读的文件（600）", "a file that its owner alone can read (mode 600)"),
        found=found,
        advice=Words(f"检查 county.yml 中的路径；chmod 600 {path.name}", f"look at its path in county.yml; chmod 600 {path.name}"),
    )
