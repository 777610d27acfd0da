"""How people get in: by sign-in, by a proxy that knows them, or anybody at this machine; and what is too unsafe to start with.

Belongs here: the settings and their limits. Who may see what stands in `doors.py`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.errors import WarehouseError, Words
from pipelines.network import is_loopback
from pipelines.settings import Home

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
MODES = ("sign-in", "proxy", "none")
PROXY_HEADER = "X-Remote-User"


class UnsafeAccess(WarehouseError):
    """Settings under which others could see or do what they must not; nothing is served."""


@dataclass(frozen=True)
class Access:
    """`mode`: 'sign-in'; 'proxy', where the proxy in front signs people in and names them in the header X-Remote-User; or
    'none', where whoever is at this machine is let in, and nobody else can be.

    `public_url`: the https address at which a proxy in front of this server takes requests, '' where there is none.
    """

    mode: str = "sign-in"
    public_url: str = ""

    @classmethod
    def from_environment(cls) -> Access:
        """As WAREHOUSE_ACCESS and WAREHOUSE_PUBLIC_URL say. UnsafeAccess where they make no sense."""
        mode = os.environ.get("WAREHOUSE_ACCESS") or MODES[0]
        url = (os.environ.get("WAREHOUSE_PUBLIC_URL") or "").rstrip("/")
        if mode not in MODES:
            raise unsafe("WAREHOUSE_ACCESS", Words(" 或 ".join(MODES), " or ".join(MODES)), Words("其他值", "another value"))
        parts = urlsplit(url)
        if url and (parts.scheme != "https" or not parts.hostname or url != f"https://{parts.netloc}" or parts.username):
            raise unsafe(
                "WAREHOUSE_PUBLIC_URL", Words("https://主机名，由终止 TLS 的代理转发", "https://HOST, forwarded by a proxy that ends TLS"),
                Words("其他地址", "another address"),
            )  # fmt: skip
        return cls(mode, url)

    @property
    def is_open(self) -> bool:
        """Whether nobody has to say who they are."""
        return self.mode == "none"

    @property
    def has_sign_in(self) -> bool:
        """Whether people sign in here."""
        return self.mode == "sign-in"

    @property
    def hosts(self) -> Collection[str]:
        """The names under which requests are answered; a page elsewhere could have its own name resolve to this machine."""
        name = urlsplit(self.public_url).hostname
        return (*LOOPBACK_HOSTS, name) if name else LOOPBACK_HOSTS


def require_safe(access: Access, home: Home, host: str | None) -> None:
    """UnsafeAccess where others could read what they must not: figures, passwords on their way, or secrets on disk; or could
    say to be somebody else. `host` is None for a Unix socket.
    """
    where = " ".join(filter(None, (host or "socket", access.public_url)))
    is_local = host is not None and is_loopback(host)
    if access.is_open and (access.public_url or not is_local):
        raise unsafe(
            where, Words("不登录时只用 127.0.0.1，且没有代理", "without sign-in 127.0.0.1 only, and no proxy"),
            Words("他人可以到达的地址", "an address that others reach"),
        )  # fmt: skip
    if access.mode == "proxy" and host is not None:
        raise unsafe(
            where, Words("由代理指明用户时只用套接字（--socket）", "a Unix socket (--socket), where a proxy names users"),
            Words("任何程序都可以连接的端口", "a port to which any program can connect"),
        )  # fmt: skip
    if not is_local and not access.public_url:
        raise unsafe(
            where, Words("127.0.0.1；或前有终止 TLS 的代理（WAREHOUSE_PUBLIC_URL=https://…）", "127.0.0.1, or a proxy in front that ends TLS (WAREHOUSE_PUBLIC_URL=https://…)"),
            Words("他人可以到达的地址，密码将以明文传送", "an address that others reach, to which passwords would travel in the clear"),
        )  # fmt: skip
    for path in () if access.is_open else _secrets(home):
        if path.stat().st_mode & 0o077:
            raise unsafe(
                str(path), Words("只有运行服务的用户可以读取", "to be read by the user alone who runs the server"),
                Words(f"权限 {path.stat().st_mode & 0o777:o}", f"mode {path.stat().st_mode & 0o777:o}"),
                Words(f"chmod 700 {path}", f"chmod 700 {path}"),
            )  # fmt: skip


def _secrets(home: Home) -> Iterable[Path]:
    """The folders that hold them: the pseudonym key; hashes of passwords and sessions, unless a database elsewhere has them."""
    folders = (home.keys,) if home.store_url else (home.keys, home.store.parent)
    return [folder for folder in folders if folder.exists()]


def unsafe(where: str, expected: Words, found: Words, advice: Words | None = None) -> UnsafeAccess:
    """What is said about a setting that is not safe."""
    return UnsafeAccess(
        Words("不安全，拒绝提供页面", "Refusing to serve: it would not be safe"),
        where=where, expected=expected, found=found,
        advice=advice or Words("更正设置后再启动", "correct the setting and start again"),
    )  # fmt: skip
