"""The secret from which every pseudonym is made: kept in `keys/` (0700), one file of mode 0600, never published."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.durable import sync
from pipelines.errors import WarehouseError, Words

ALGORITHM = "hmac-sha256"


@dataclass(frozen=True)
class Key:
    """A pseudonym key. `id` names the algorithm and is stored in every row that the key made."""

    id: str
    secret: bytes = field(repr=False)

    def for_purpose(self, purpose: str) -> str:
        """A key of its own for each use, so that pseudonyms of two uses can never be compared."""
        return hmac.new(self.secret, purpose.encode(), hashlib.sha256).hexdigest()


class UnusableKey(WarehouseError):
    """The key's file is damaged, or others can read it, because of which no pseudonym is one."""

    def __init__(self, path: Path, found: Words) -> None:
        super().__init__(
            Words("化名密钥不能使用", "The pseudonym key cannot be used"),
            where=f"{path.parent.name}/{path.name}",
            expected=Words("完整的、只有运行者可读的文件（600，文件夹 700）", "a whole file that its owner alone can read (mode 600, its folder 700)"),
            found=found,
            advice=Words("chmod，或从备份恢复 keys 文件夹", "chmod, or restore the folder keys from a backup"),
        )


def load_or_create_key(folder: Path) -> Key:
    """The current key of a data root; made on first use. UnusableKey as `read_key`."""
    path = key_file(folder)
    if not path.exists():
        _create(path)
    return read_key(path)


def key_file(folder: Path) -> Path:
    """Where the current key of a data root lies."""
    return folder / "pseudonym.json"


def read_key(path: Path) -> Key:
    """The key in this file. UnusableKey where it cannot be used."""
    if mode := path.stat().st_mode & 0o077:
        raise UnusableKey(path, Words(f"他人可读（{mode:o}）", f"others can read it ({mode:o})"))
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Key(content["id"], bytes.fromhex(content["secret"]))
    except (ValueError, LookupError, TypeError):
        # Without the cause: it would quote what is left of the secret.
        raise UnusableKey(path, Words("文件已损坏", "a damaged file")) from None


def require_maker(key_id: str | None, made_with: set[str]) -> None:
    """WarehouseError where the batches were made with another key than this one: nobody would link any more."""
    if not made_with or made_with == {key_id}:
        return
    raise WarehouseError(
        Words("化名密钥与已入库批次不符", "The pseudonym key is not the one that made the batches"),
        where="keys",
        expected=Words(f"密钥 {', '.join(sorted(made_with))}", f"key {', '.join(sorted(made_with))}"),
        found=Words(f"密钥 {key_id or '缺失'}", f"key {key_id or 'missing'}"),
        advice=Words("从备份恢复 keys 文件夹", "restore the folder keys from a backup"),
    )


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    secret = secrets.token_bytes(32)
    # The id is drawn, not derived: nothing of the secret may follow from it.
    content = {"id": f"{ALGORITHM}:{secrets.token_hex(4)}", "algorithm": ALGORITHM, "secret": secret.hex()}
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # of mode 600
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        # link, not rename: of two first runs at once only one key may win.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
    # On disk before the first pseudonym is: without the key no later delivery would meet it again.
    sync(path.parent)
