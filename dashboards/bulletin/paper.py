"""A bulletin as a Word document, laid out as GB/T 9704-2012 lays out official papers.

A4; type area 156 × 225 mm with 22 lines; title 小标宋 2号, text 仿宋 3号, headings 黑体, 楷体; red head; page numbers
"— 1 —" outside on facing pages. A document can only name its fonts: for readers who lack one, alternatives are named.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from docx import Document
from docx.document import Document as DocumentType
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING, WD_TAB_ALIGNMENT
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.section import Section
from docx.shared import Length, Mm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph as WordParagraph
from docx.text.run import Run

from dashboards.bulletin.charts import for_word
from dashboards.bulletin.parts import (
    NUMERALS,
    SAMPLE,
    Amount,
    Block,
    Bulletin,
    Cell,
    Chapter,
    Chart,
    Heading,
    Paragraph,
    Table,
    printed,
)
from dashboards.words import day

SIZE_2, SIZE_3, SIZE_4, SIZE_5 = Pt(22), Pt(16), Pt(14), Pt(10.5)
LINE = Pt(28.95)  # 22 lines on 225 mm
NONE, INDENT = Pt(0), Length(SIZE_3 * 2)
RED = RGBColor(0xE6, 0x00, 0x12)
TITLE, BODY, HEAD, SUBHEAD, PAGE = "方正小标宋简体", "仿宋", "黑体", "楷体", "宋体"
LATIN = "Times New Roman"
# What stands in where a reader's machine lacks a font.
INSTEAD = {
    TITLE: ("华文中宋", "STZhongsong", PAGE, "SimSun", "Noto Serif CJK SC"),
    BODY: ("仿宋_GB2312", "FangSong", "STFangsong", "Noto Serif CJK SC"),
    HEAD: ("SimHei", "Noto Sans CJK SC"),
    SUBHEAD: ("楷体_GB2312", "KaiTi", "STKaiti", "Noto Serif CJK SC"),
    PAGE: ("SimSun", "STSong", "Noto Serif CJK SC"),
}


@dataclass(frozen=True)
class Look:
    """How paragraphs of a style are set; `line` None is as high as the text needs, `rules` are lines above or below."""

    font: str
    size: Length = SIZE_3
    side: WD_ALIGN_PARAGRAPH | None = None
    line: Length | None = LINE
    before: Length = NONE
    after: Length = NONE
    first: Length = NONE
    left: Length = NONE
    right: Length = NONE
    colour: RGBColor | None = None
    is_kept_with_next: bool = False
    rules: tuple[tuple[str, str, int], ...] = ()  # side, colour, eighths of a point


_CENTRE, _LEFT, _RIGHT = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.RIGHT
LOOKS = {
    "Normal": Look(BODY, side=WD_ALIGN_PARAGRAPH.JUSTIFY, first=INDENT),
    "Heading 1": Look(HEAD, first=INDENT, is_kept_with_next=True),
    "Heading 2": Look(SUBHEAD, first=INDENT, is_kept_with_next=True),
    "Office": Look(TITLE, Pt(44), _CENTRE, None, colour=RED),
    "Number": Look(BODY, side=_CENTRE, before=LINE, rules=(("bottom", str(RED), 18),)),
    "Title": Look(TITLE, SIZE_2, _CENTRE, Pt(36), before=Length(LINE * 2), after=LINE),
    "Flush": Look(BODY, side=_LEFT),
    "Signature": Look(BODY, side=_RIGHT, right=Length(SIZE_3 * 4)),
    "Annex": Look(HEAD, side=_LEFT, line=Pt(20)),
    "AnnexTitle": Look(TITLE, SIZE_2, _CENTRE, Pt(30), after=Pt(4)),
    "AnnexText": Look(BODY, SIZE_5, WD_ALIGN_PARAGRAPH.JUSTIFY, Pt(16), first=Length(SIZE_5 * 2)),
    "Imprint": Look(
        BODY, SIZE_4, _LEFT, Pt(20), before=Pt(12), left=SIZE_4, right=SIZE_4, rules=(("top", "000000", 8), ("bottom", "000000", 8))
    ),
    "TableTitle": Look(HEAD, Pt(12), _CENTRE, None, before=Pt(6), is_kept_with_next=True),
    "TableNote": Look(BODY, Pt(9), _LEFT, None, after=Pt(6)),
    "Cell": Look(BODY, SIZE_5, line=Pt(13.5)),
    "CellHead": Look(HEAD, SIZE_5, line=Pt(13.5)),
    "CellSmall": Look(BODY, Pt(9), line=Pt(11.5)),
    "CellHeadSmall": Look(HEAD, Pt(9), line=Pt(11.5)),
    "Figure": Look(BODY, SIZE_5, _CENTRE, None),
    "PageNumber": Look(PAGE, SIZE_4, left=SIZE_4, right=SIZE_4),
    "SampleMark": Look(HEAD, SIZE_5, _CENTRE, colour=RED),
}  # fmt: skip
TYPE_WIDTH, TURNED_WIDTH = Mm(156), Mm(257)
CHART_HEIGHT, CHART_ROW, CHART_MOST = Mm(70), Mm(6), Mm(215)  # upright; a lying bar takes a row
CELL_GAPS = (("top", 25), ("left", 50), ("bottom", 25), ("right", 50))  # twentieths of a point
WIDE = 9  # columns from which a table is set smaller
SENTENCE = 12  # characters from which a column is set as sentences are
_CHART_TYPE = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
_BOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def to_docx(bulletin: Bulletin) -> bytes:
    """The document as bytes."""
    return _Paper(bulletin).write()


class _Paper:
    def __init__(self, bulletin: Bulletin) -> None:
        self.bulletin = bulletin
        self.document: DocumentType = Document()
        self.width = TYPE_WIDTH
        self.is_annex = False
        self.charts = 0

    def write(self) -> bytes:
        bulletin, document = self.bulletin, self.document
        _declare_fonts(document)
        _declare_styles(document)
        document.settings.odd_and_even_pages_header_footer = True
        _portrait(document.sections[0])
        self._page_marks(document.sections[0])
        document.core_properties.title = "".join(bulletin.title)
        document.core_properties.author = bulletin.office
        document.core_properties.language = "zh-CN"
        document.core_properties.comments = "；".join(f"{name} {text}" for name, text in bulletin.about)
        self._head()
        for place, chapter in enumerate(bulletin.chapters):
            self._text(f"{NUMERALS[place]}、{chapter.title}", "Heading 1")
            self._blocks(chapter.blocks)
        self._signature()
        _landscape(document.add_section(WD_SECTION.NEW_PAGE))
        self.width, self.is_annex = TURNED_WIDTH, True
        for place, annex in enumerate(bulletin.annexes, start=1):
            self._annex(place, annex)
        self._imprint()
        content = io.BytesIO()
        document.save(content)
        return content.getvalue()

    def _head(self) -> None:
        bulletin = self.bulletin
        name = f"{bulletin.office}文件"
        office = self._text(name, "Office")
        office.runs[0].font.size = min(Pt(44), Length(TYPE_WIDTH // len(name)))
        self._text(bulletin.number, "Number")
        self._text("\n".join(bulletin.title), "Title")
        self._text(bulletin.addressees, "Flush")
        self._text(bulletin.opening)

    def _blocks(self, blocks: Sequence[Block]) -> None:
        headings = 0
        for block in blocks:
            match block:
                case Heading(text):
                    headings += 1
                    self._text(f"（{NUMERALS[headings - 1]}）{text}", "Heading 2")
                case Paragraph(text, lead):
                    paragraph = self._text(lead, "AnnexText" if self.is_annex else "Normal")
                    if lead:
                        paragraph.runs[0].bold = True
                    paragraph.add_run(text)
                case Table():
                    self._table(block)
                case Chart():
                    self._chart(block)

    def _signature(self) -> None:
        """The annexes by name, then office and date at the right, four characters from the edge.

        The last paragraph stays with them: nobody signs a page without text.
        """
        bulletin = self.bulletin
        last = self.document.paragraphs[-1].paragraph_format
        last.keep_with_next, last.keep_together = True, True
        self._text("").paragraph_format.keep_with_next = True
        for place, annex in enumerate(bulletin.annexes, start=1):
            lead = "附件：" if place == 1 else "　　　"
            self._text(f"{lead}{place}.{annex.title}").paragraph_format.keep_with_next = True
        self._text("").paragraph_format.keep_with_next = True
        self._text(bulletin.office, "Signature").paragraph_format.keep_with_next = True
        self._text(day(bulletin.signed, "zh"), "Signature")

    def _annex(self, place: int, annex: Chapter) -> None:
        mark = self._text(f"附件{place}", "Annex")
        mark.paragraph_format.page_break_before = place > 1
        self._text(annex.title, "AnnexTitle")
        self._blocks(annex.blocks)

    def _imprint(self) -> None:
        """版记: who had it printed, and when."""
        line = self._text(f"{self.bulletin.office}\t{day(self.bulletin.signed, 'zh')}印发", "Imprint")
        line.paragraph_format.tab_stops.add_tab_stop(Length(self.width - SIZE_4), WD_TAB_ALIGNMENT.RIGHT)

    def _text(self, text: str, style: str = "Normal") -> WordParagraph:
        return self.document.add_paragraph(text, style)

    def _table(self, table: Table) -> None:
        title = self._text(table.title, "TableTitle")
        is_small = self.is_annex or len(table.heads) >= WIDE
        title._p.addnext(parse_xml(_table_xml(table, self.width, is_small=is_small)))
        # The paragraph after a table is its note, or the gap that Word wants between tables.
        self.document._body._body.insert_element_before(
            parse_xml(f'<w:p {nsdecls("w")}><w:pPr><w:pStyle w:val="TableNote"/></w:pPr>{_run(table.note)}</w:p>'),
            "w:sectPr",
        )

    def _chart(self, chart: Chart) -> None:
        """A chart part of this package, with the workbook that its counts can be changed in."""
        self.charts += 1
        part_xml, book = for_word(chart)
        package = self.document.part.package
        part = Part(PackURI(f"/word/charts/chart{self.charts}.xml"), _CHART_TYPE, part_xml, package)
        data = Part(PackURI(f"/word/embeddings/chart{self.charts}.xlsx"), _BOOK_TYPE, book, package)
        part.relate_to(data, RELATIONSHIP_TYPE.PACKAGE)
        relation = self.document.part.relate_to(part, RELATIONSHIP_TYPE.CHART)
        run = self._text("", "Figure").add_run()
        run._r.append(parse_xml(_chart_xml(relation, self.charts, chart)))

    def _page_marks(self, section: Section) -> None:
        """Page numbers outside, one character from the edge; the mark of sample data on every page."""
        for footer, alignment in (
            (section.footer, WD_ALIGN_PARAGRAPH.RIGHT),
            (section.even_page_footer, WD_ALIGN_PARAGRAPH.LEFT),
        ):
            paragraph = footer.paragraphs[0]
            paragraph.style = "PageNumber"
            paragraph.alignment = alignment
            _page_number(paragraph)
        if self.bulletin.is_sample:
            for header in (section.header, section.even_page_header):
                header.paragraphs[0].style = "SampleMark"
                header.paragraphs[0].add_run(SAMPLE)


def _portrait(section: Section) -> None:
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.left_margin = Mm(37), Mm(28)
    section.right_margin, section.bottom_margin = Mm(26), Mm(35)
    section.footer_distance = Mm(35 - 7 - 5)  # the number stands 7 mm below the type area
    section.header_distance = Mm(20)


def _landscape(section: Section) -> None:
    """For tables with many columns: the same sheet turned, binding edge up."""
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    section.top_margin, section.left_margin = Mm(25), Mm(20)
    section.right_margin, section.bottom_margin = Mm(20), Mm(20)
    section.footer_distance, section.header_distance = Mm(11), Mm(13)


def _declare_styles(document: DocumentType) -> None:
    """Gives the styles of this paper to the document, without what the template sets for those it has."""
    known = {style.name for style in document.styles}
    for name, look in LOOKS.items():
        style = document.styles[name] if name in known else document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        for properties in (style.element.rPr, style.element.pPr):
            if properties is not None:
                style.element.remove(properties)
        _dress(style, look)


def _dress(style: ParagraphStyle, look: Look) -> None:
    style.font.size, style.font.name, style.font.color.rgb = look.size, LATIN, look.colour
    style.element.rPr.rFonts.set(qn("w:eastAsia"), look.font)
    layout = style.paragraph_format
    layout.alignment, layout.widow_control, layout.keep_with_next = look.side, False, look.is_kept_with_next
    layout.space_before, layout.space_after = look.before, look.after
    layout.first_line_indent, layout.left_indent, layout.right_indent = look.first, look.left, look.right
    if look.line is None:
        layout.line_spacing_rule = WD_LINE_SPACING.SINGLE
    else:
        layout.line_spacing, layout.line_spacing_rule = look.line, WD_LINE_SPACING.EXACTLY
    for rule in look.rules:
        _line(style, *rule)


def _line(style: ParagraphStyle, side: str, colour: str, eighths: int) -> None:
    """A line above or below the paragraphs of a style, so many eighths of a point thick."""
    properties = style.element.get_or_add_pPr()
    borders = properties.find(qn("w:pBdr"))
    if borders is None:
        borders = parse_xml(f"<w:pBdr {nsdecls('w')}/>")
        # The schema wants borders before spacing and indents.
        properties.insert_element_before(borders, "w:shd", "w:tabs", "w:spacing", "w:ind", "w:jc")
    borders.append(
        parse_xml(f'<w:{side} {nsdecls("w")} w:val="single" w:sz="{eighths}" w:space="6" w:color="{colour}"/>')
    )


def _declare_fonts(document: DocumentType) -> None:
    """Names for each font what may stand in for it."""
    part = next(
        relation.target_part for relation in document.part.rels.values() if relation.reltype == RELATIONSHIP_TYPE.FONT_TABLE
    )
    fonts = "".join(
        f'<w:font w:name="{name}"><w:altName w:val="{",".join(others)}"/><w:charset w:val="86"/></w:font>'
        for name, others in INSTEAD.items()
    )
    part._blob = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:fonts {nsdecls("w")}>{fonts}</w:fonts>'.encode()


def _page_number(paragraph: WordParagraph) -> None:
    paragraph.add_run("— ")
    _field(paragraph.add_run(), "PAGE")
    paragraph.add_run(" —")


def _field(run: Run, code: str) -> None:
    for xml in (
        '<w:fldChar {} w:fldCharType="begin"/>',
        f'<w:instrText {{}} xml:space="preserve">{code}</w:instrText>',
        '<w:fldChar {} w:fldCharType="separate"/>',
        "<w:t {}>1</w:t>",
        '<w:fldChar {} w:fldCharType="end"/>',
    ):
        run._r.append(parse_xml(xml.format(nsdecls("w"))))


def _table_xml(table: Table, width: Length, *, is_small: bool) -> str:
    """A grid with a repeated head; rows are not divided between pages. As text: by cell it takes minutes."""
    total = sum(table.widths)
    columns = [round(width.twips * share / total) for share in table.widths]
    small = "Small" if is_small else ""
    sides = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="000000"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    margins = "".join(f'<w:{side} w:w="{gap}" w:type="dxa"/>' for side, gap in CELL_GAPS)
    grid = "".join(f'<w:gridCol w:w="{column}"/>' for column in columns)
    head = "".join(
        _cell_xml(head, column, f"CellHead{small}", "center") for head, column in zip(table.heads, columns, strict=True)
    )
    texts = [{printed(row[place]) for row in table.rows} for place in range(len(columns))]
    is_left = [place == 0 or max(map(len, found), default=0) > SENTENCE for place, found in enumerate(texts)]
    rows = "".join(
        f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{_row_xml(row, columns, is_left, f'Cell{small}')}</w:tr>" for row in table.rows
    )
    return (
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblW w:w="{sum(columns)}" w:type="dxa"/><w:jc w:val="center"/>'
        f'<w:tblBorders>{sides}</w:tblBorders><w:tblLayout w:type="fixed"/><w:tblCellMar>{margins}</w:tblCellMar></w:tblPr>'
        f"<w:tblGrid>{grid}</w:tblGrid>"
        f"<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>{head}</w:tr>{rows}</w:tbl>"
    )


def _row_xml(row: Sequence[Cell], columns: Sequence[int], is_left: Sequence[bool], style: str) -> str:
    """Numbers to the right, short words in the middle, the first column and sentences to the left."""
    cells = []
    for cell, column, left in zip(row, columns, is_left, strict=True):
        side = "right" if isinstance(cell, Amount | int) else "left" if left else "center"
        cells.append(_cell_xml(printed(cell), column, style, side))
    return "".join(cells)


def _cell_xml(text: str, column: int, style: str, side: str) -> str:
    return (
        f'<w:tc><w:tcPr><w:tcW w:w="{column}" w:type="dxa"/><w:vAlign w:val="center"/></w:tcPr>'
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/><w:jc w:val="{side}"/></w:pPr>{_run(text)}</w:p></w:tc>'
    )


def _run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r>' if text else ""


def _chart_xml(relation: str, number: int, chart: Chart) -> str:
    name = escape(chart.title, {'"': "&quot;"})
    lying = min(CHART_MOST, max(CHART_HEIGHT, CHART_ROW * (len(chart.categories) + 5)))
    height = CHART_HEIGHT if chart.is_upright else lying
    return (
        f'<w:drawing {nsdecls("w", "wp", "a", "r")} xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart">'
        '<wp:inline distT="0" distB="0" distL="0" distR="0">'
        f'<wp:extent cx="{TYPE_WIDTH}" cy="{height}"/><wp:effectExtent l="0" t="0" r="0" b="0"/>'
        f'<wp:docPr id="{number}" name="图{number}" descr="{name}"/><wp:cNvGraphicFramePr/><a:graphic>'
        '<a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/chart">'
        f'<c:chart r:id="{relation}"/></a:graphicData></a:graphic></wp:inline></w:drawing>'
    )
