"""Reads the markup described in layout.py and builds a PDF from it."""

import io

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (BaseDocTemplate, CondPageBreak, Frame,
                                KeepTogether, PageBreak, PageTemplate,
                                Paragraph, Spacer, Table, TableStyle)

from layout import (BOX_COLOURS, GREY, HEAD_FILL, LABEL, RULE, Heading,
                    SafetyBox, bold_marked)


class Book:
    """One document: its source, look and running heads.

    The page total and the contents are known only after a build, so the
    document is built until they no longer change.
    """

    def __init__(self, source, look, info, header, footer, page_words,
                 drawings=None, chapters_break=False, contents_levels=1):
        self.source, self.look, self.info = source, look, info
        self.header, self.footer, self.page_words = header, footer, page_words
        self.drawings = drawings or {}
        self.chapters_break = chapters_break
        self.contents_levels = contents_levels
        self.entries, self.contents, self.total = [], [], 0

    def build(self):
        for _ in range(5):
            self.entries = []
            data, total = self._pass()
            if (self.entries, total) == (self.contents, self.total):
                return data
            self.contents, self.total = self.entries, total
        raise RuntimeError("page numbers do not settle")

    def _pass(self):
        book, out = self, io.BytesIO()

        class BookCanvas(Canvas):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **dict(kwargs, invariant=1, pageCompression=1,
                                                initialFontName=book.look.table_font))
                self.book = book
                self.setProducer("make_samples.py")

        frame = Frame(28 * mm, 26 * mm, A4[0] - 56 * mm, A4[1] - 54 * mm,
                      leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0)
        doc = BaseDocTemplate(out, pagesize=A4, **self.info)
        doc.addPageTemplates(PageTemplate("page", [frame], onPage=self._running_heads))
        doc.build(Story(self).flowables(), canvasmaker=BookCanvas)
        return out.getvalue(), doc.page

    def _running_heads(self, canvas, doc):
        if doc.page == 1:
            return
        left, right = 28 * mm, A4[0] - 28 * mm
        canvas.saveState()
        canvas.setFillColor(GREY)
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.4)
        canvas.setFont(self.look.table_font, 8.5)
        top, bottom = A4[1] - 17 * mm, 16 * mm
        canvas.drawString(left, top, self.header[0])
        canvas.drawRightString(right, top, self.header[1])
        canvas.line(left, top - 5, right, top - 5)
        canvas.line(left, bottom + 12, right, bottom + 12)
        canvas.drawString(left, bottom, self.footer)
        canvas.drawRightString(right, bottom, self.page_words % (doc.page, self.total))
        canvas.restoreState()


class Story:
    """Turns a document's source into flowables."""

    def __init__(self, book):
        self.book, self.look = book, book.look
        self.out, self.rows, self.table_spec, self.paragraph = [], [], [], []
        self.fresh_page = self.same_page = False

    def flowables(self):
        for line in self.book.source.splitlines() + [""]:
            if self.rows and not line.startswith("|"):
                self._end_table()
            self._line(line)
        return self.out

    def _line(self, line):
        if line.startswith("|"):
            self.rows.append([c.strip(" ") for c in line.strip().strip("|").split("|")])
        elif line.startswith("@"):
            self._directive(*(line[1:].split(" ", 1) + [""])[:2])
        elif line.startswith("#"):
            level = line.index(" ") - 1
            self._heading(line[level + 2:], level)
        elif line.strip():
            self._add_text(line)

    def _put(self, *flowables):
        self.out.extend(flowables)
        self.fresh_page = False

    def _heading(self, text, level):
        style = self.look.h2 if level else self.look.h1
        if self.book.chapters_break and not (self.fresh_page or self.same_page):
            self.out.append(PageBreak())
        elif not self.fresh_page:
            self.out.append(CondPageBreak(style.leading * 4.5))
        listed = level < self.book.contents_levels
        if listed:
            self._put(Heading(text, level))
        self.same_page = False
        self._put(self.look.text(text, style))
        if listed and self.book.chapters_break and level == 0:
            self.fresh_page = True

    def _add_text(self, line):
        look, match = self.look, LABEL.match(line)
        if line.startswith("- "):
            self._put(Paragraph(line[2:], look.clause, bulletText="\u2022"))
        elif match:
            label, text = match.groups()
            sub = label[0] in "（" or (label[0] == "(" and label[1].islower())
            self._put(look.text(text, look.sub if sub else look.clause, label))
        else:
            self._put(look.text(line, look.first))

    def _directive(self, name, argument):
        look = self.look
        if name == "break":
            self.out.append(PageBreak())
            self.fresh_page = True
        elif name == "same":
            self.same_page = True
        elif name == "space":
            self._put(Spacer(1, float(argument) * mm))
        elif name in ("title", "strong", "center"):
            self._put(look.text(argument, getattr(look, name)))
        elif name == "contents":
            self._put(look.text(argument, look.h1), Spacer(1, 6), self._contents())
        elif name == "table":
            self.table_spec = argument.split()
        elif name == "draw":
            self._put(self.book.drawings[argument](), Spacer(1, 6))
        elif name in BOX_COLOURS:
            self._put(SafetyBox(name, argument, look.note))
        else:
            raise ValueError("unknown directive @" + name)

    def _contents(self):
        look = self.look
        rows = []
        for level, text, page, key in self.book.contents:
            style = ParagraphStyle("toc", parent=look.cell, leftIndent=12 * level,
                                   leading=look.size * 1.35,
                                   fontSize=look.size - 0.7)
            number = ParagraphStyle("tocn", parent=style, alignment=TA_RIGHT)
            rows.append([Paragraph('<a href="#%s">%s</a>' % (key, text), style),
                         Paragraph(str(page), number)])
        table = Table(rows or [["", ""]], colWidths=[136 * mm, 18 * mm])
        pad = 0 if self.book.contents_levels > 1 else 0.6 if look.japanese else 2.4
        table.setStyle(TableStyle([
            ("FONT", (0, 0), (-1, -1), look.table_font),
            ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.HexColor("#d5d5d5")),
            ("TOPPADDING", (0, 0), (-1, -1), pad),
            ("BOTTOMPADDING", (0, 0), (-1, -1), pad),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0)]))
        return table

    def _end_table(self):
        look, rows, self.rows = self.look, self.rows, []
        widths = [float(w) * mm for w in self.table_spec if w.isdigit()]
        form = "form" in self.table_spec
        right = {int(n) - 1 for spec in self.table_spec if spec.startswith("right")
                 for n in spec[5:].split(",")}
        cells = []
        for r, row in enumerate(rows):
            if len(row) != len(widths):
                raise ValueError("table row does not fit its columns: %r" % row)
            head = r == 0 and not form
            styles = [(look.cell_head_right if head else look.cell_right) if c in right
                      else (look.cell_head if head else look.cell)
                      for c in range(len(row))]
            cells.append([Paragraph(bold_marked(t), s) for t, s in zip(row, styles)])
        heights = [30 if form else None] * len(rows)
        table = Table(cells, colWidths=widths, rowHeights=heights,
                      repeatRows=0 if form else 1)
        # Cells hold paragraphs, but a table names its own font in the file too.
        style = [("FONT", (0, 0), (-1, -1), look.table_font),
                 ("VALIGN", (0, 0), (-1, -1), "TOP"),
                 ("GRID", (0, 0), (-1, -1), 0.4, RULE),
                 ("TOPPADDING", (0, 0), (-1, -1), 3.2),
                 ("BOTTOMPADDING", (0, 0), (-1, -1), 4.2)]
        if not form:
            style.append(("BACKGROUND", (0, 0), (-1, 0), HEAD_FILL))
        table.setStyle(TableStyle(style))
        table.spaceBefore, table.spaceAfter = 4, look.gap + 5
        self._put(KeepTogether([table]) if len(rows) < 12 else table)
