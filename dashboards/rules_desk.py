"""Rules as a steward works on them: what is shown of a data root, the steps that forms ask for, and previews in the background.

Belongs here: opening the store, and which step a form means. What pages show stands in `pages/rules.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from dashboards.background import Background
from pipelines.actor import Actor
from pipelines.county import County, load_county
from pipelines.editions import Edition, current_edition
from pipelines.errors import WarehouseError, Words
from pipelines.settings import SHANGHAI, Home, month_name
from pipelines.stewardship.rule_change_store import RuleChanges
from pipelines.stewardship.rule_changes import (
    NoSuchRuleChange,
    RuleChange,
    RuleChangeError,
    RuleDraft,
    spellings_of,
)
from pipelines.stewardship.rule_preview import RulePreview, kept_preview
from pipelines.stewardship.rule_standing import standings
from pipelines.store import NoStore, Store

STEPS = ("propose", "preview", "approve", "refuse", "withdraw")


@dataclass(frozen=True)
class RulesDesk:
    """The rules of a data root. `actor`: who asks."""

    home: Home
    actor: Actor

    @property
    def county(self) -> County:
        return load_county(self.home.county_file)

    @property
    def this_month(self) -> str:
        return month_name(datetime.now(SHANGHAI).date())

    def changes(self) -> list[RuleChange]:
        """Every change, the newest first; none where there is no store yet."""
        try:
            store = Store.of(self.home, read_only=True)
        except NoStore:
            return []
        try:
            return RuleChanges(store).all()[::-1]
        finally:
            store.close()

    def standings(self) -> pl.DataFrame:
        return standings(self.home)

    def preview(self, change: RuleChange) -> RulePreview | None:
        """What was computed of a change against the current edition."""
        edition = self._edition()
        return None if edition is None else kept_preview(self.home, change.change_id, edition)

    @property
    def is_previewing(self) -> bool:
        return self._previews.is_running

    def take(self, values: Mapping[str, str]) -> None:
        """The step that a form asks for. RuleChangeError where it cannot be taken."""
        step = values.get("to", "")
        if step not in STEPS:
            raise malformed("to")
        if step == "preview":
            self._start_preview(_number(values))
            return
        store = Store.of(self.home)
        try:
            changes = RuleChanges(store, two_persons=self.county.steward.two_persons)
            match step:
                case "propose":
                    changes.propose(_draft(values), self.actor)
                case "approve":
                    changes.approve(_number(values), self.actor, values.get("note", ""))
                case "refuse":
                    changes.refuse(_number(values), self.actor, values.get("note", ""))
                case "withdraw":
                    changes.withdraw(_number(values), self.actor, values.get("note", ""))
        finally:
            store.close()

    @property
    def _previews(self) -> Background:
        return Background(self.home, "rule_preview")

    def _edition(self) -> Edition | None:
        try:
            return current_edition(self.home)
        except WarehouseError:
            return None

    def _start_preview(self, change_id: int) -> None:
        """Has a process of its own compute it: figures take longer than a browser waits."""
        if change_id not in {change.change_id for change in self.changes()}:
            raise NoSuchRuleChange(change_id)
        self._previews.start("steward", "rules", "preview", f"{change_id}", "--json")


def _draft(values: Mapping[str, str]) -> RuleDraft:
    content: dict[str, Any] = {
        "minimum": values.get("minimum", "").strip(), "maximum": values.get("maximum", "").strip(),
        "spellings": spellings_of(_lines(values, "spellings")), "removed": _lines(values, "removed"),
        "severity": values.get("severity", ""),
    }  # fmt: skip
    last = values.get("last_month", "").strip() or None
    return RuleDraft(
        values.get("dataset", ""), values.get("rule", ""), content, values.get("first_month", "").strip(), last, values.get("reason", "")
    )


def _lines(values: Mapping[str, str], name: str) -> list[str]:
    return [line.strip() for line in values.get(name, "").splitlines() if line.strip()]


def _number(values: Mapping[str, str]) -> int:
    text = values.get("change", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise malformed("change")
    return int(text)


def malformed(where: str) -> RuleChangeError:
    """What is said of a form that no page of ours gives."""
    return RuleChangeError(
        Words("表单填写不完整", "The form is incomplete"), where=where,
        expected=Words("页面上的表单", "the form as the page gives it"), found=Words("无法识别的值", "a value that is not known"),
        advice=Words("改正后重新提交", "correct it and submit again"),
    )  # fmt: skip
