"""Page layout of the sample documents: fonts, styles, running heads, and a
small markup that becomes ReportLab flowables.

The markup is line based; a blank line ends a paragraph.

    # text            heading of the first level (listed in contents, outline)
    ## text           heading of the second level (## inside `sections`: listed)
    1.1 text          numbered paragraph with a hanging indent, also (1), (a), 1.
    - text            bullet
    | a | b |         table row; the first row of a table is its head
    @table w w.. opt  column widths in mm for the table that follows; options:
                      form (tall empty rows), right2,3 (columns set flush right)
    @warning text     boxed safety message, also @caution and @note
    @draw name        a drawing of drawings.py
    @same             the next heading stays on this page
    @title, @strong, @center text; @space mm; @break; @contents heading
"""

import re
from pathlib import Path

from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY, TA_LEFT, TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph

FONT_FILES = {
    "Serif": "truetype/noto/NotoSerif-Regular.ttf",
    "Serif-Bold": "truetype/noto/NotoSerif-Bold.ttf",
    "Sans": "truetype/noto/NotoSans-Regular.ttf",
    "Sans-Bold": "truetype/noto/NotoSans-Bold.ttf",
    "Mincho": "opentype/ipafont-mincho/ipam.ttf",
    "Gothic": "opentype/ipafont-gothic/ipag.ttf",
}
FONT_ROOT = Path("/usr/share/fonts")

INK = colors.HexColor("#1a1a1a")
GREY = colors.HexColor("#6a6a6a")
RULE = colors.HexColor("#9a9a9a")
HEAD_FILL = colors.HexColor("#e9ecef")
BOX_COLOURS = {"warning": "#b3261e", "caution": "#9a6700", "note": "#2f5d8a"}

LABEL = re.compile(
    r"^(\d+\.\d+|\d+\.(?=\s)|\([A-Za-z0-9]{1,3}\)|（\d+）|\d+(?=　))[ 　]+(.*)$")


def register_fonts():
    missing = [f for f in FONT_FILES.values() if not (FONT_ROOT / f).is_file()]
    if missing:
        raise SystemExit(
            "fonts are missing: %s\ninstall fonts-noto-core, "
            "fonts-ipafont-mincho and fonts-ipafont-gothic" % ", ".join(missing))
    for name, file in FONT_FILES.items():
        pdfmetrics.registerFont(TTFont(name, str(FONT_ROOT / file)))
    for family in ("Serif", "Sans"):
        pdfmetrics.registerFontFamily(family, normal=family,
                                      bold=family + "-Bold", italic=family,
                                      boldItalic=family + "-Bold")


def bold_marked(text):
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)


class JapaneseText(Flowable):
    """A Japanese paragraph with a hanging label.

    ReportLab's own CJK wrapping breaks between any two characters, also
    inside a number; here digits and Latin words stay whole, and neither
    closing nor opening marks stand on the wrong side of a break.
    """

    NOT_FIRST = "、。，．）」』】・ー％々!?）"
    NOT_LAST = "（「『【"

    def __init__(self, text, style, label="", lines=None):
        super().__init__()
        self.text, self.style, self.label = text, style, label
        self.lines = lines
        self.keepWithNext = getattr(style, "keepWithNext", 0)

    def getSpaceBefore(self):
        return self.style.spaceBefore

    def getSpaceAfter(self):
        return self.style.spaceAfter

    def _units(self):
        units = []
        for part in re.findall(r"[!-~]+|.", self.text):
            if units and (part in self.NOT_FIRST or units[-1][-1] in self.NOT_LAST):
                units[-1] += part
            else:
                units.append(part)
        return units

    def _fill(self, width):
        style, lines, line = self.style, [], ""
        first = style.firstLineIndent
        for unit in self._units():
            room = width - style.leftIndent - (first if not lines else 0)
            if line and self._measure(line + unit) > room:
                lines.append(line)
                line = unit
            else:
                line += unit
        return lines + [line] if line else lines

    def _measure(self, text):
        return pdfmetrics.stringWidth(text, self.style.fontName, self.style.fontSize)

    def wrap(self, width, height):
        self.width = width
        if self.lines is None:
            self.lines = self._fill(width)
        self.height = len(self.lines) * self.style.leading
        return width, self.height

    def split(self, width, height):
        self.wrap(width, height)
        fit = int(height // self.style.leading)
        if len(self.lines) - fit == 1:
            fit -= 1
        if fit < 2 or fit >= len(self.lines):
            return [] if fit < 2 else [self]
        rest = ParagraphStyle("rest", parent=self.style, firstLineIndent=0,
                              spaceBefore=0)
        return [JapaneseText(self.text, self.style, self.label, self.lines[:fit]),
                JapaneseText(self.text, rest, "", self.lines[fit:])]

    def draw(self):
        style, canvas = self.style, self.canv
        canvas.setFillColor(style.textColor)
        y = self.height - style.fontSize
        for i, line in enumerate(self.lines):
            x = style.leftIndent + (style.firstLineIndent if i == 0 else 0)
            room = self.width - x
            if style.alignment == TA_CENTER:
                x += (room - self._measure(line)) / 2
            text = canvas.beginText(x, y)
            text.setFont(style.fontName, style.fontSize)
            if style.alignment == TA_JUSTIFY and i + 1 < len(self.lines):
                text.setCharSpace((room - self._measure(line)) / max(1, len(line) - 1))
            text.textOut(line)
            canvas.drawText(text)
            if i == 0 and self.label:
                canvas.setFont(style.fontName, style.fontSize)
                canvas.drawString(style.bulletIndent, y, self.label)
            y -= style.leading


class Heading(Flowable):
    """Puts an entry into the outline and the contents where it is drawn."""

    keepWithNext = 1

    def __init__(self, text, level):
        super().__init__()
        self.text, self.level = text, level

    def wrap(self, width, height):
        return 0, 0

    def draw(self):
        book = self.canv.book
        key = "h%d" % len(book.entries)
        book.entries.append((self.level, self.text, self.canv.getPageNumber(), key))
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(self.text, key, self.level, closed=False)


class SafetyBox(Flowable):
    """A signal word over a message, in a frame."""

    def __init__(self, kind, text, style):
        super().__init__()
        self.colour = colors.HexColor(BOX_COLOURS[kind])
        head = ParagraphStyle("boxhead", parent=style, fontName="Sans-Bold",
                              textColor=self.colour, spaceAfter=0)
        self.parts = [Paragraph(kind.upper(), head), Paragraph(text, style)]

    def getSpaceBefore(self):
        return 8

    def getSpaceAfter(self):
        return 10

    def wrap(self, width, height):
        self.width = width
        self.heights = [p.wrap(width - 24, height)[1] for p in self.parts]
        self.height = sum(self.heights) + 14
        return width, self.height

    def draw(self):
        self.canv.setStrokeColor(self.colour)
        self.canv.setLineWidth(0.9)
        self.canv.rect(0, 0, self.width, self.height)
        self.canv.setFillColor(self.colour)
        self.canv.rect(0, 0, 5, self.height, stroke=0, fill=1)
        y = self.height - 6
        for part, height in zip(self.parts, self.heights):
            y -= height
            part.drawOn(self.canv, 14, y)


class Look:
    """Fonts and sizes of one document."""

    def __init__(self, body, bold, size, leading, gap, sans=None):
        self.japanese = body == "Mincho"
        self.size, self.gap = size, gap
        self.table_font = sans or body
        base = ParagraphStyle(
            "body", fontName=body, fontSize=size, leading=leading,
            spaceAfter=gap, textColor=INK,
            bulletFontName=body, bulletFontSize=size, wordWrap="CJK" if self.japanese else None,
            alignment=TA_JUSTIFY if not sans else TA_LEFT)
        self.body = base

        def variant(**changes):
            return ParagraphStyle("v", parent=base, **changes)

        self.h1 = variant(fontName=bold, fontSize=size + 2.5, leading=leading + 3,
                          spaceBefore=gap * 1.9, spaceAfter=gap * 0.9,
                          alignment=TA_LEFT, keepWithNext=1)
        self.h2 = variant(fontName=bold, fontSize=size + 0.5, spaceBefore=gap,
                          spaceAfter=gap * 0.7, alignment=TA_LEFT, keepWithNext=1)
        self.title = variant(fontName=bold, fontSize=25, leading=34, alignment=TA_CENTER)
        self.strong = variant(fontName=bold, fontSize=size + 3, leading=leading + 5,
                              alignment=TA_CENTER)
        self.center = variant(alignment=TA_CENTER)
        self.note = variant(spaceAfter=0)
        self.first = variant(firstLineIndent=size) if self.japanese else base
        self.clause = variant(leftIndent=30 if not self.japanese else size * 1.8, bulletIndent=0)
        self.sub = variant(leftIndent=54 if not self.japanese else size * 3.9,
                           bulletIndent=30 if not self.japanese else size * 1.6)
        self.cell = variant(fontName=self.table_font, fontSize=size - 1.3,
                            leading=leading * 0.86, spaceAfter=0, alignment=TA_LEFT)
        self.cell_right = ParagraphStyle("cr", parent=self.cell, alignment=TA_RIGHT)
        self.cell_head = ParagraphStyle("ch", parent=self.cell, fontName=bold)
        self.cell_head_right = ParagraphStyle("chr", parent=self.cell_head,
                                              alignment=TA_RIGHT)

    def text(self, text, style, label=""):
        if self.japanese:
            return JapaneseText(text, style, label)
        return Paragraph(bold_marked(text), style, bulletText=label or None)
