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

ALGORITHM = "hmac-sha256"


@dataclass(frozen=True)
class Key:
    """A pseudonym key. `id` names the algorithm and is stored in every row that the key made."""

    id: str
    secret: bytes = field(repr=False)

    def for_purpose(self, purpose: str) -> str:
        """A key of its own for each use, so that pseudonyms of two uses can never be compared."""
        return hmac.new(self.secret, purpose.encode(), hashlib.sha256).hexdigest()


def load_or_create_key(folder: Path) -> Key:
    """The current key of a data root; made on first use.

    PermissionError where the file can be read by others, because then no pseudonym is one.
    """
    path = folder / "pseudonym.json"
    if not path.exists():
        _create(path)
    if path.stat().st_mode & 0o077:
        raise PermissionError(f"{path.name} can be read by others; expected mode 600: chmod 600 it and its folder 700")
    content = json.loads(path.read_text(encoding="utf-8"))
    return Key(content["id"], bytes.fromhex(content["secret"]))


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
