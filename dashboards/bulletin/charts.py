"""Charts as Office draws them itself: sharp on paper, editable, and without fonts or a browser on this machine.

Belongs here: a chart in an Excel workbook, and the same chart as a part of a Word document.
"""

from __future__ import annotations

import io
import zipfile

from xlsxwriter import Workbook
from xlsxwriter.chart import Chart as OfficeChart
from xlsxwriter.worksheet import Worksheet

from dashboards.bulletin.parts import Chart

_TEXT = {"size": 10, "bold": False}
_PART = "xl/charts/chart1.xml"
# What a label does not say has to be said in Word, where everything else is shown too.
_LABELS = (
    '<c:showLegendKey val="0"/><c:showVal val="1"/><c:showCatName val="0"/><c:showSerName val="0"/>'
    '<c:showPercent val="0"/><c:showBubbleSize val="0"/>'
)
# Word keeps the data of a chart in a workbook of its own, named after the chart's own properties.
_DATA = '<c:externalData r:id="rId1"><c:autoUpdate val="0"/></c:externalData>'


def draw(workbook: Workbook, sheet: Worksheet, chart: Chart, row: int) -> OfficeChart:
    """Writes the counts from `row` on and returns their chart, for the caller to place."""
    sheet.write_row(row, 0, ["", *(series.name for series in chart.series)])
    sheet.write_column(row + 1, 0, chart.categories)
    last = row + len(chart.categories)
    drawn = workbook.add_chart({"type": "column" if chart.is_upright else "bar", "subtype": "stacked"})
    for column, series in enumerate(chart.series, start=1):
        sheet.write_column(row + 1, column, series.counts)
        drawn.add_series(
            {
                "name": [sheet.name, row, column],
                "categories": [sheet.name, row + 1, 0, last, 0],
                "values": [sheet.name, row + 1, column, last, column],
                "fill": {"color": series.fill},
                "border": {"color": "#808080", "width": 0.5},
                "gap": 45,
                "data_labels": {"value": True, "num_format": "0;;", "font": {**_TEXT, "size": 9, "color": series.ink}},
            }
        )
    drawn.set_title({"name": chart.title, "name_font": {**_TEXT, "size": 12}, "overlay": False})
    drawn.set_legend({"position": "bottom", "font": _TEXT})
    # Lying bars have their categories on the upright axis, the first of them at the bottom unless turned round.
    axes = (drawn.set_x_axis, drawn.set_y_axis) if chart.is_upright else (drawn.set_y_axis, drawn.set_x_axis)
    of_categories, of_counts = axes
    of_categories({"num_font": _TEXT, "reverse": not chart.is_upright, "major_tick_mark": "none"})
    of_counts({"num_font": _TEXT, "minor_tick_mark": "none", "major_gridlines": {"visible": True, "line": {"color": "#d9d9d9"}}})
    return drawn


def for_word(chart: Chart) -> tuple[bytes, bytes]:
    """The chart as a part of a Word document, and the workbook with its counts."""
    content = io.BytesIO()
    with Workbook(content, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("Data")
        sheet.insert_chart("F2", draw(workbook, sheet, chart, 0))
    with zipfile.ZipFile(content) as package:
        part = package.read(_PART).decode("utf-8")
    part = part.replace('<c:showVal val="1"/>', _LABELS).replace("<c:printSettings>", f"{_DATA}<c:printSettings>")
    return part.encode("utf-8"), content.getvalue()
