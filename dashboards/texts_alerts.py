"""The texts of the page of alerts, by key, in Chinese and English; part of `texts.TEXTS`."""

from __future__ import annotations

from pipelines.errors import Words

ALERTS: dict[str, Words] = {
    "alerts": Words("告警", "Alerts"),
    "alerts_counts": Words("未结 {open} 条，其中 {untaken} 条无人确认", "{open} open, {untaken} of them taken up by nobody"),
    "alerts_ended": Words("最近结束的 {count} 条", "the last {count} that ended"),
    "alerts_none": Words("没有需要您处理的告警。", "There is nothing that you have to be told of."),
    "alerts_none_ended": Words("还没有结束的告警。", "No alert has ended yet."),
    "alerts_show": Words("显示", "Show"),
    "alerts_open": Words("未结", "Open"),
    "alerts_resolved": Words("已结束", "Ended"),
    "alerts_since": Words("自 {day}", "since {day}"),
    "alerts_resolved_at": Words("{at} 结束", "ended {at}"),
    "alerts_taken_up": Words("{who} 已于 {at} 确认", "taken up by {who}, {at}"),
    "alerts_take_up": Words("确认在处理", "Take up"),
    "alerts_take_up_all": Words("全部确认（{count} 条）", "Take up all {count}"),
    "alerts_look": Words("查看", "See"),
    "alerts_more": Words("另外 {count} 条", "{count} more"),
    "alerts_help": Words(
        "原因消除后告警自行结束。“确认”表示有人在处理，记入审计日志；加重时需重新确认。",
        "An alert ends by itself when its cause is gone. Taking it up says that somebody is at work, and is an entry of the audit log; what gets worse later has to be taken up again.",
    ),
}  # fmt: skip
