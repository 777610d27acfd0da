"""Forms of pages, as a browser reads and fills them."""

from __future__ import annotations

import html
import re


def fields(page: str, step: str) -> dict[str, str]:
    """What a browser sends of the form of a step, as the page gives it: of a choice what is selected, or else the first."""
    form = re.search(rf'<form [^>]*data-step="{step}">(.*?)</form>', page, re.DOTALL)
    assert form, step
    sent = {}
    for tag in re.findall("<input [^>]*>", form[1]):
        name, value = re.search(' name="([^"]*)"', tag), re.search(' value="([^"]*)"', tag)
        assert name
        sent[name[1]] = html.unescape(value[1]) if value else ""
    for name_, text in re.findall(r'<textarea [^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', form[1], re.DOTALL):
        sent[name_] = html.unescape(text)
    for name_, options in re.findall(r'<select name="([^"]*)"[^>]*>(.*?)</select>', form[1], re.DOTALL):
        values = re.findall(r"<option ([^>]*)>", options)
        chosen = next((one for one in values if "selected" in one), values[0])
        sent[name_] = html.unescape((re.search('value="([^"]*)"', chosen) or ["", ""])[1])
    return sent
