"""Who is told of an alert: the accounts that its route names, in whose area it lies; and the boxes in which messages reach them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cached_property

from pipelines.accounts import ROLES, Account
from pipelines.alert_settings import AlertSettings, Schedule, Webhook
from pipelines.alert_store import Box
from pipelines.alerts import KINDS, Cause
from pipelines.county import County
from pipelines.settings import SHANGHAI

HOUR = time(8)  # at which digests go out; weekly ones on Mondays


@dataclass(frozen=True)
class Recipient:
    """A box, who reads it, where it is, and how soon it is told. `name` is how a message speaks to its reader."""

    box: Box
    name: str
    address: str
    schedule: Schedule
    reader: Account | Webhook

    def due(self, now: datetime) -> datetime:
        """When something that changes now is sent."""
        if self.schedule == "immediate":
            return now
        here = now.astimezone(SHANGHAI)
        day = datetime.combine(here.date(), HOUR, SHANGHAI)
        if day <= here:
            day += timedelta(days=1)
        return day + timedelta(days=-day.weekday() % 7) if self.schedule == "weekly" else day


@dataclass(frozen=True)
class Audience:
    """The accounts in use of a county, and what it says of who is told."""

    county: County
    accounts: Sequence[Account]

    @property
    def settings(self) -> AlertSettings:
        return self.county.alerts

    def includes(self, account: Account, cause: Cause) -> bool:
        """Whether an account is told of a cause: its route names it, and the cause lies in its area.

        For a role that nobody has, administrators are told.
        """
        names = self.settings.route(cause.kind)
        if account.area and not any(account.covers(code) for code in cause.areas):
            return False
        is_stand_in = account.role == "administrator" and any(name in self.vacant for name in names)
        return account.name in _accounts_among(names) or is_stand_in or (account.role in names and self._answers(account, cause))

    def _answers(self, account: Account, cause: Cause) -> bool:
        """Whether somebody of a role that is told is meant: of suppliers the contacts, where there are some, and of what an
        agency owes who speaks for it.
        """
        contacts = next((one.contacts for one in self.county.suppliers if one.id == cause.supplier_id), ())
        is_owed = cause.agency in ("", account.agency)
        return account.role != "supplier" or (is_owed and (not contacts or account.name in contacts))

    def readers(self, cause: Cause) -> list[Account]:
        return [account for account in self.accounts if self.includes(account, cause)]

    @cached_property
    def vacant(self) -> list[str]:
        """The roles and accounts that routes name, and that nobody in use has or is."""
        present: set[str] = {account.role for account in self.accounts} | {account.name for account in self.accounts}
        named = {name for kind in KINDS for name in self.settings.route(kind)}
        return sorted(named - present - set(self.settings.mailboxes))

    def recipients(self) -> list[Recipient]:
        """Every box that messages can go to: of accounts with an address and of roles with a mailbox, and webhooks."""
        hooks = [Recipient(Box("webhook", hook.name), hook.name, hook.url, "immediate", hook) for hook in self.settings.webhooks]
        if self.settings.mail is None:
            return hooks
        own = [
            Recipient(Box("mail", f"user:{one.name}"), one.full_name, one.email, self.settings.schedule(one.role), one)
            for one in self.accounts
            if one.email
        ]
        shared = [
            Recipient(Box("mail", f"role:{role}"), ROLES[role].zh, address, self.settings.schedule(role), Account("", "", role))
            for role, address in self.settings.mailboxes.items()
        ]
        return [*own, *shared, *hooks]

    def concerns(self, recipient: Recipient, cause: Cause) -> bool:
        """Whether a box is told of a cause."""
        if isinstance(recipient.reader, Webhook):
            return cause.kind in recipient.reader.kinds
        return self.includes(recipient.reader, cause)


def _accounts_among(names: Sequence[str]) -> set[str]:
    return {name for name in names if name not in ROLES}
