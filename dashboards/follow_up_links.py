"""From a missed target to its follow-up: to the open task about it, or to the form that opens one."""

from __future__ import annotations

from dashboards.address import Address, TaskView
from dashboards.components import link
from dashboards.html import Component
from dashboards.records import Judgement
from dashboards.words import pick, say
from pipelines.follow_up import STATES, Task


def follow_up_link(one: Judgement, task: Task | None, address: Address) -> Component:
    """'督办 12 号 · 整改中', or the button '交办'. Of a figure with a target."""
    return link(follow_up_text(task, address), follow_up_href(one, task, address), class_name="" if task else "button small")


def follow_up_text(task: Task | None, address: Address) -> str:
    lang = address.lang
    return say("fu_task_state", lang, task=task.task_id, state=pick(STATES[task.state], lang)) if task else say("fu_button", lang)


def follow_up_href(one: Judgement, task: Task | None, address: Address) -> str:
    if task:
        return address.to("follow_up", tasks=TaskView(str(task.task_id)))
    target_id = one.target.target_id if one.target else ""
    about = TaskView("new", unit=one.unit_key, kpi=one.kpi.kpi_id, target=target_id)
    return address.to("follow_up", period=one.period, tasks=about)
