"""A digest: what is open for one reader now, by kind and the worst first, and what changed since the digest before.

Belongs here: choosing and wording, as plain text and simple HTML, Chinese before English. How it is sent stands in
`alert_mail.py`.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from pipelines.alerts import KINDS, Alert, Kind, worst_first
from pipelines.county import County
from pipelines.errors import Words

NEWS_LISTED, OTHERS_LISTED = 20, 3  # alerts of a kind that are written out: what is news, and of the rest the worst

_TITLE = Words("告警", "Alerts")
_SAMPLE = Words("示例数据", "Sample data")
_OPEN_COUNT = Words("未结 {count}", "{count} open")
_NEWS_COUNT = Words("新的或加重的 {count}", "{count} new or worse")
_ENDED_COUNT = Words("已结束 {count}", "{count} ended")
_NEWS = Words("新", "new")
_TAKEN_UP = Words("已确认", "acknowledged")
_MORE = Words("另有 {count} 条，见告警页面", "{count} more on the page of alerts")
_SINCE = Words("（自 {since}）", " (since {since})")
_WHERE = Words("全部告警：{page}", "All alerts: {page}")


class _Section(NamedTuple):
    """A kind in one language; `news`: how many of it are."""

    heading: str
    news: int
    lines: list[str]


@dataclass(frozen=True)
class Digest:
    """`open`: what is open for the reader, the worst first. `news`: numbers of those that the reader has not heard of as they are."""

    county: County
    open: Sequence[Alert]
    ended: Sequence[Alert]
    news: Collection[int]

    @property
    def changed(self) -> list[Alert]:
        """What the reader has not heard of: alerts that were raised, got worse or ended."""
        return [*(one for one in self.open if one.number in self.news), *self.ended]

    @property
    def subject(self) -> str:
        """One line, in both languages."""
        mark = f"[{_SAMPLE.zh} {_SAMPLE.en}] " if self.county.sample else ""
        zh, en = (_counts(len(self.open), len(self.changed) - len(self.ended), len(self.ended), lang) for lang in ("zh", "en"))
        return one_line(f"{mark}{self.county.name_zh} {_TITLE.zh} {_TITLE.en}：{zh} / {en}")

    def text(self) -> str:
        """The body as plain text."""
        parts = []
        for title, sections in self._languages():
            parts.append(title)
            for heading, lines in sections:
                parts += ["", heading, *(f"  - {line}" for line in lines)]
            parts.append("")
        return "\n".join(parts)

    def html(self) -> str:
        """The body as HTML that loads nothing."""
        parts = []
        for title, sections in self._languages():
            parts.append(f"<h1>{escape(title)}</h1>")
            for heading, lines in sections:
                items = "".join(f"<li>{escape(line)}</li>" for line in lines)
                parts.append(f"<h2>{escape(heading)}</h2><ul>{items}</ul>")
        return f'<!DOCTYPE html><html lang="zh-Hans"><head><meta charset="utf-8"></head><body>{"".join(parts)}</body></html>'

    def _languages(self) -> list[tuple[str, list[tuple[str, list[str]]]]]:
        """By language, the title and the sections with their lines."""
        marks = Words(*(f"【{words}】" if self.county.sample else "" for words in (_SAMPLE.zh, _SAMPLE.en)))
        return [
            (one_line(f"{marks.zh}{self.county.name_zh} {_TITLE.zh}"), self._sections("zh")),
            (one_line(f"{marks.en}{self.county.name_en or self.county.name_zh} {_TITLE.en}"), self._sections("en")),
        ]

    def _sections(self, lang: str) -> list[tuple[str, list[str]]]:
        """Kinds of which there is news before the others."""
        sections = [self._section(kind, lang) for kind in KINDS if any(one.cause.kind == kind for one in self.open)]
        sections.sort(key=lambda section: not section.news)
        told = [(section.heading, section.lines) for section in sections]
        if self.ended:
            told.append((_counts(0, 0, len(self.ended), lang), self._listed(self.ended, NEWS_LISTED, lang)))
        page = f"{(os.environ.get('WAREHOUSE_PUBLIC_URL') or '').rstrip('/')}/alerts"
        return [*told, (_in(_WHERE, lang).format(page=page), [])]

    def _section(self, kind: Kind, lang: str) -> _Section:
        own = [one for one in self.open if one.cause.kind == kind]
        news = [one for one in own if one.number in self.news]
        others = [one for one in own if one.number not in self.news]
        heading = f"{_in(KINDS[kind].words, lang)} · {_counts(len(own), len(news), 0, lang)}"
        return _Section(heading, len(news), [*self._listed(news, NEWS_LISTED, lang), *self._listed(others, OTHERS_LISTED, lang)])

    def _listed(self, alerts: Sequence[Alert], most: int, lang: str) -> list[str]:
        more = len(alerts) - most
        lines = [self._line(one, lang) for one in alerts[:most]]
        return [*lines, _in(_MORE, lang).format(count=more)] if more > 0 else lines

    def _line(self, one: Alert, lang: str) -> str:
        marks = [_NEWS] if one.is_open and one.number in self.news else []
        marks += [_TAKEN_UP] if one.is_open and one.acknowledged_at else []
        since = _in(_SINCE, lang).format(since=one.cause.since[:10])
        return one_line(f"{''.join(f'[{_in(mark, lang)}] ' for mark in marks)}{_in(one.cause.said, lang)}{since}")


def digest_of(county: County, open_: Sequence[Alert], news: Sequence[Alert]) -> Digest:
    """`open_`: what is open for a reader; `news`: what the reader has to hear of, open or not."""
    ended = [one for one in news if not one.is_open]
    return Digest(county, worst_first(list(open_)), worst_first(ended), {one.number for one in news})


def _counts(open_: int, news: int, ended: int, lang: str) -> str:
    """How many there are of each, but for none."""
    counted = ((_OPEN_COUNT, open_), (_NEWS_COUNT, news), (_ENDED_COUNT, ended))
    return ("，" if lang == "zh" else ", ").join(_in(words, lang).format(count=count) for words, count in counted if count)


def one_line(text: str) -> str:
    """The text without line breaks and other control characters, which could end a header or turn the text around."""
    return " ".join("".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in text).split())


def _in(words: Words, lang: str) -> str:
    return words.en if lang == "en" else words.zh
