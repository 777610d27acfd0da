"""The section `alerts` of county.yml: who is told of what, by which mail server and webhooks, and how often.

Belongs here: the model. Without a mail server or webhook nothing is sent, and nothing is connected to but what is named here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from pipelines.accounts import ROLES, Role, is_account_name, is_mail_address
from pipelines.alerts import KINDS, Kind
from pipelines.network import is_loopback

Schedule = Literal["immediate", "daily", "weekly"]
# How soon people of a role hear of what changed, where the county does not say.
SCHEDULES: dict[Role, Schedule] = {
    "administrator": "immediate", "steward": "immediate", "supplier": "daily", "leader": "daily", "analyst": "daily",
}  # fmt: skip


def _is_address(text: str) -> str:
    if not is_mail_address(text):
        raise ValueError("not one mail address")
    return text


MailAddress = Annotated[str, AfterValidator(_is_address)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Mail(_Strict):
    """The mail server. `password_file`: read when mail is sent, mode 600; relative paths begin at the data root."""

    host: str = Field(pattern=r"^[A-Za-z0-9.:-]+$")
    port: int = Field(ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = "starttls"
    sender: MailAddress
    user: str | None = None
    password_file: Path | None = None

    @model_validator(mode="after")
    def _password_stays_secret(self) -> Mail:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("mail: user and password_file belong together")
        if self.user is not None and self.security == "none" and not is_loopback(self.host):
            raise ValueError("mail: a password needs security tls or starttls")
        return self


class Webhook(_Strict):
    """An address that is sent alerts as signed JSON. `secret_file`: as `password_file` of the mail server."""

    name: str = Field(pattern=r"^[a-z0-9_-]{1,40}$")
    url: str
    secret_file: Path
    kinds: tuple[Kind, ...] = tuple(KINDS)

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        if not (is_safe and parts.hostname and not parts.username and url.isascii() and url.isprintable() and " " not in url):
            raise ValueError("webhooks: url must be https://… without a user, or http://… on loopback")
        return url


class AlertSettings(_Strict):
    """`routes`: by kind, the roles or names of accounts that are told, instead of the usual ones. `mailboxes`: an address that
    all of a role read. `digests`: by role, how soon what changed is sent.
    """

    routes: dict[Kind, tuple[str, ...]] = Field(default_factory=dict)
    mailboxes: dict[Role, MailAddress] = Field(default_factory=dict)
    digests: dict[Role, Schedule] = Field(default_factory=dict)
    mail: Mail | None = None
    webhooks: tuple[Webhook, ...] = ()

    @field_validator("routes")
    @classmethod
    def _name_somebody(cls, routes: dict[Kind, tuple[str, ...]]) -> dict[Kind, tuple[str, ...]]:
        for kind, names in routes.items():
            wrong = [name for name in names if name not in ROLES and not is_account_name(name)]
            if wrong or not names:
                raise ValueError(f"routes: {kind} must name roles ({', '.join(ROLES)}) or accounts; found {wrong or 'nobody'}")
        return routes

    @model_validator(mode="after")
    def _webhooks_are_told_apart(self) -> AlertSettings:
        if len({hook.name for hook in self.webhooks}) != len(self.webhooks):
            raise ValueError("webhooks: a name stands twice")
        return self

    def route(self, kind: Kind) -> tuple[str, ...]:
        """The roles and names of accounts that are told of a kind."""
        return self.routes.get(kind, KINDS[kind].roles)

    def schedule(self, role: Role) -> Schedule:
        return self.digests.get(role, SCHEDULES[role])
