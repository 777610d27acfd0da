"""Who may see and do what: roles, what each is granted, areas, and what names and passwords must be like.

Belongs here: records and rules. Accounts are kept by `account_store.py`, sign-in by `sessions.py`; which page or request asks
for which permission is said where it is served.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from expectations.contract import AGENCY_WORDS
from pipelines.actor import Actor
from pipelines.errors import WarehouseError, Words

Role = Literal["leader", "analyst", "steward", "supplier", "administrator"]
Permission = Literal[
    "figures",  # pages over all units, and the lists and questions they hold
    "unit",  # the profile of a unit in one's own area
    "checks", "downloads", "help", "administer",
    "settle",  # see delivered rows that rules refuse, identifying cells masked, and decide on them
    "tune",  # see how rules stand, propose changes of them, and settle those of others
    "follow_up", "assign", "answer",  # see tasks; assign, send back and withdraw them; take them up and answer them
    "contest", "reply",  # see and open objections to figures; answer them for whatever agency owns the figure
]  # fmt: skip

ROLES: dict[Role, Words] = {
    "leader": Words("领导", "Leader"),
    "analyst": Words("分析人员", "Analyst"),
    "steward": Words("数据管理员", "Data steward"),
    "supplier": Words("报送单位、社区用户", "Supplier or community user"),
    "administrator": Words("系统管理员", "Administrator"),
}
_SEES: frozenset[Permission] = frozenset(("figures", "unit", "downloads", "help", "follow_up", "contest"))
_ALL: frozenset[Permission] = _SEES | {"checks", "settle", "tune", "assign", "answer", "reply"}
GRANTED: Mapping[Role, frozenset[Permission]] = {
    "leader": _SEES | {"assign"},
    "analyst": _SEES | {"checks"},
    "steward": _ALL,
    "supplier": frozenset(("unit", "help", "follow_up", "answer", "contest")),
    "administrator": _ALL | {"administer"},
}
# What shows or changes nothing outside an account's area.
WITHIN_AREA: frozenset[Permission] = frozenset(("unit", "help", "follow_up", "assign", "answer", "contest", "reply"))

SHORTEST_PASSWORD, LONGEST_PASSWORD, LONGEST_FULL_NAME = 12, 200, 60
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"[A-Za-z0-9_+=-]+(?:\.[A-Za-z0-9_+=-]+)*@{_LABEL}(?:\.{_LABEL})+")
_AREA = re.compile(r"([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})?")


class AccessError(WarehouseError):
    """An account, a password or a link that cannot be taken; nothing was changed."""


@dataclass(frozen=True)
class Account:
    """A user. `area` is the code of the unit whose subtree is shown, '' for all units; `email` is '' where none is known.

    `agency`: the one for which the user speaks, as contracts and KPIs name it; '' for none.
    """

    name: str
    full_name: str
    role: Role
    area: str = ""
    is_disabled: bool = False
    email: str = ""
    agency: str = ""

    def may(self, permission: Permission) -> bool:
        return permission in GRANTED[self.role] and (not self.area or permission in WITHIN_AREA)

    def covers(self, unit_code: str) -> bool:
        """Whether a unit lies in the account's area."""
        return unit_code.startswith(self.area)

    def replies_for(self, agency: str) -> bool:
        """Whether the account answers objections to figures that an agency owns: its own, or with `reply` any."""
        return self.may("reply") or (self.agency != "" and self.agency == agency)

    @property
    def actor(self) -> Actor:
        return Actor("user", self.name)


def is_account_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def is_mail_address(text: str) -> bool:
    """Whether the text is one address and nothing else, in ASCII as mail servers understand."""
    return len(text) <= 254 and _EMAIL.fullmatch(text) is not None


def checked_account(account: Account) -> Account:
    """The account as it is kept. AccessError where something of it cannot be."""
    full_name = unicodedata.normalize("NFC", account.full_name).strip()
    if not is_account_name(account.name):
        raise _refused(
            "name", Words("2–40 个小写字母、数字或 . _ -", "2–40 lower-case letters, digits or . _ -"),
            Words("其他字符或长度", "other characters or another length"),
        )  # fmt: skip
    if not 0 < len(full_name) <= LONGEST_FULL_NAME or any(unicodedata.category(sign)[0] == "C" for sign in full_name):
        raise _refused(
            "full_name", Words(f"1–{LONGEST_FULL_NAME} 个字", f"1–{LONGEST_FULL_NAME} characters"),
            Words("空、过长或含控制字符", "none, more, or control characters"),
        )  # fmt: skip
    if account.role not in ROLES:
        raise _refused("role", Words("、".join(ROLES), ", ".join(ROLES)), Words("其他角色", "another role"))
    if not _AREA.fullmatch(account.area):
        raise _refused(
            "area", Words("2、4、6、9 或 12 位单位代码", "a unit's code of 2, 4, 6, 9 or 12 digits"),
            Words("其他文字", "another text"),
        )  # fmt: skip
    if account.role == "supplier" and not account.area:
        raise _refused(
            "area", Words("报送单位、社区用户须有所属区域", "the area of a supplier or community user"), Words("没有", "none"),
        )  # fmt: skip
    if account.email and not is_mail_address(account.email):
        raise _refused(
            "email", Words("一个邮件地址，如 name@example.org", "one mail address, such as name@example.org"),
            Words("其他文字", "another text"),
        )  # fmt: skip
    if account.agency and account.agency not in AGENCY_WORDS:
        raise _refused("agency", Words("、".join(AGENCY_WORDS), ", ".join(AGENCY_WORDS)), Words("其他部门", "another agency"))
    return replace(account, full_name=full_name)


def checked_password(name: str, password: str) -> str:
    """The password as it is hashed: in one form of Unicode, however it was typed. AccessError where it is too weak."""
    typed = unicodedata.normalize("NFKC", password)
    if not SHORTEST_PASSWORD <= len(typed) <= LONGEST_PASSWORD:
        length = f"{SHORTEST_PASSWORD}–{LONGEST_PASSWORD}"
        raise _refused("password", Words(f"{length} 个字符", f"{length} characters"), Words("其他长度", "another length"))
    if len(set(typed)) < 5 or name in typed.lower():
        raise _refused(
            "password", Words("至少 5 种不同字符，不含用户名", "five different characters at least, without the account's name"),
            Words("容易猜到", "one that is easily guessed"),
        )  # fmt: skip
    return typed


def _refused(where: str, expected: Words, found: Words) -> AccessError:
    return AccessError(
        Words("账户信息不能这样填写", "The account cannot be taken like this"),
        where=where, expected=expected, found=found,
        advice=Words("修改后重新提交", "change it and submit again"),
    )  # fmt: skip
