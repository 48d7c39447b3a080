"""Line drawings of the pump manual, each a flowable of fixed size."""

import math

from reportlab.lib import colors
from reportlab.lib.units import mm
from reportlab.platypus import Flowable

INK = colors.HexColor("#222222")
TINT = colors.HexColor("#e6eaee")
WIDTH = 154 * mm


class Drawing(Flowable):
    """Calls `paint(pen)` with millimetres as the unit, origin bottom left."""

    def __init__(self, paint, height, caption):
        super().__init__()
        self.paint, self.caption = paint, caption
        self.width, self.height = WIDTH, (height + 9) * mm

    def wrap(self, width, height):
        return self.width, self.height

    def draw(self):
        canvas = self.canv
        canvas.saveState()
        canvas.translate(0, 9 * mm)
        self.paint(Pen(canvas))
        canvas.restoreState()
        canvas.setFillColor(INK)
        canvas.setFont("Sans", 9)
        canvas.drawCentredString(WIDTH / 2, 2.5 * mm, self.caption)


class Pen:
    def __init__(self, canvas):
        self.c = canvas
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(0.8)
        canvas.setLineJoin(1)

    def box(self, x, y, w, h, fill=False):
        self.c.setFillColor(TINT)
        self.c.rect(x * mm, y * mm, w * mm, h * mm, fill=int(fill))

    def circle(self, x, y, r, fill=False):
        self.c.setFillColor(TINT)
        self.c.circle(x * mm, y * mm, r * mm, fill=int(fill))

    def line(self, *points, thin=False, dash=False, close=False, fill=False):
        self.c.setLineWidth(0.4 if thin else 0.8)
        self.c.setDash(*([4, 2] if dash else []))
        self.c.setFillColor(TINT)
        path = self.c.beginPath()
        path.moveTo(points[0][0] * mm, points[0][1] * mm)
        for x, y in points[1:]:
            path.lineTo(x * mm, y * mm)
        if close:
            path.close()
        self.c.drawPath(path, fill=int(fill))
        self.c.setDash()
        self.c.setLineWidth(0.8)

    def text(self, x, y, words, size=8, centre=True):
        self.c.setFillColor(INK)
        self.c.setFont("Sans", size)
        draw = self.c.drawCentredString if centre else self.c.drawString
        draw(x * mm, y * mm, words)

    def arrow(self, x1, y1, x2, y2):
        self.line((x1, y1), (x2, y2))
        a = math.atan2(y2 - y1, x2 - x1)
        tips = [(x2 - 2.6 * math.cos(a + d), y2 - 2.6 * math.sin(a + d))
                for d in (0.35, -0.35)]
        self.c.setFillColor(INK)
        path = self.c.beginPath()
        path.moveTo(x2 * mm, y2 * mm)
        for x, y in tips:
            path.lineTo(x * mm, y * mm)
        path.close()
        self.c.drawPath(path, fill=1)

    def leader(self, x, y, lx, ly, words):
        self.line((x, y), (lx, ly), thin=True)
        self.c.setFillColor(INK)
        self.c.circle(x * mm, y * mm, 0.5 * mm, fill=1)
        self.text(lx, ly + (1 if ly > y else -3.5), words)

    def hatch(self, x, y, w, h, step=3):
        n = int((w + h) / step)
        for i in range(1, n + 1):
            d = i * step
            x1, y1 = x + max(0, d - h), y + min(d, h)
            x2, y2 = x + min(d, w), y + max(0, d - w)
            self.line((x1, y1), (x2, y2), thin=True)
        self.c.setFillColor(TINT)
        self.c.rect(x * mm, y * mm, w * mm, h * mm, fill=0)


def pump(p, x, y, s=1.0):
    """Side view of casing, bearing housing and shaft end, base at (x, y)."""
    def q(*points):
        return [(x + s * a, y + s * b) for a, b in points]
    p.line(*q((4, 10), (0, 10), (0, 30), (4, 30)), close=True, fill=True)
    p.line(*q((4, 14), (12, 8), (24, 8), (24, 34), (12, 34), (4, 26)), close=True, fill=True)
    p.line(*q((11, 34), (11, 46), (23, 46), (23, 34)), fill=True)
    p.line(*q((8, 46), (26, 46), (26, 50), (8, 50)), close=True, fill=True)
    p.line(*q((24, 12), (29, 12), (29, 30), (24, 30)), close=True)
    p.line(*q((29, 15), (52, 15), (52, 27), (29, 27)), close=True, fill=True)
    p.line(*q((52, 19), (60, 19), (60, 23), (52, 23)), close=True)
    p.line(*q((12, 8), (10, 0), (24, 0), (22, 8)), close=True)
    p.line(*q((44, 15), (42, 0), (50, 0), (50, 15)), close=True)


def motor(p, x, y, s=1.0):
    p.box(x, y + 8 * s, 42 * s, 26 * s, fill=True)
    for i in range(1, 6):
        p.line((x + 3 * s, y + (8 + 4.3 * i) * s), (x + 36 * s, y + (8 + 4.3 * i) * s), thin=True)
    p.box(x - 8 * s, y + 19 * s, 8 * s, 4 * s)
    p.box(x + 5 * s, y, 8 * s, 8 * s)
    p.box(x + 29 * s, y, 8 * s, 8 * s)
    p.box(x + 14 * s, y + 34 * s, 14 * s, 7 * s)


def pump_set(p, y=8):
    pump(p, 18, y)
    motor(p, 94, y)
    p.box(78, y + 16, 8, 10, fill=True)
    p.box(12, y - 6, 128, 6, fill=True)


def section(p):
    p.line((20, 20), (20, 62), (26, 62), (26, 56), (44, 66), (60, 66), (60, 16),
           (44, 16), (26, 26), (26, 20), close=True, fill=True)
    p.line((40, 66), (40, 78), (34, 78), (34, 82), (66, 82), (66, 78), (60, 78), (60, 66), fill=True)
    p.line((44, 24), (50, 24), (56, 37), (56, 45), (50, 58), (44, 58), (48, 45), (48, 37), close=True)
    p.hatch(60, 22, 6, 38)
    p.box(66, 28, 54, 26)
    p.box(46, 38, 92, 6, fill=True)
    for x in (76, 106):
        p.box(x, 44, 8, 8)
        p.box(x, 30, 8, 8)
        p.circle(x + 4, 48, 2.6)
        p.circle(x + 4, 34, 2.6)
    p.box(61, 44.5, 5, 4)
    for spot in ((30, 60, 12, 74, "100"), (63, 57, 78, 72, "160"), (92, 53, 98, 68, "330"),
                 (130, 41, 138, 58, "210"), (52, 28, 70, 12, "230"), (63, 46, 92, 74, "433"),
                 (45, 58, 22, 84, "502"), (80, 34, 90, 14, "322"), (110, 34, 120, 14, "321")):
        p.leader(*spot)


def curve(p):
    p.line((18, 70), (18, 8), (140, 8))
    for i in range(7):
        x = 18 + i * 19
        p.line((x, 8), (x, 68), thin=True)
        p.text(x, 3, str(50 * i))
    for i in range(6):
        p.line((18, 8 + i * 11), (134, 8 + i * 11), thin=True)
        p.text(13, 7 + i * 11, str(10 * i))
    head = [(q, 38 - 6 * (q / 210) ** 2) for q in range(0, 291, 10)]
    p.line(*[(18 + q * 0.38, 8 + h * 1.1) for q, h in head])
    p.line(*[(18 + q * 0.38, 8 + (2.0 + 1.4 * (q / 210) ** 2) * 1.1)
             for q in range(60, 291, 10)], dash=True)
    p.circle(18 + 210 * 0.38, 8 + 32 * 1.1, 1.2, fill=True)
    p.text(110, 51, "head")
    p.text(120, 16, "NPSH")
    p.text(140, 3, "m³/h")
    p.text(18, 72, "m")


def nameplate(p):
    p.box(27, 0, 100, 40, fill=True)
    p.box(29, 2, 96, 36)
    p.text(77, 31, "NORTHMOOR PUMPS LIMITED", 10)
    for i, words in enumerate(("Type NP-100 / 315 - G - C", "Serial number 100-2417",
                               "Year 2024", "16 bar   90 °C")):
        p.text(34, 24 - 6 * i, words, 9, centre=False)
    for x in (31, 123):
        for y in (4, 36):
            p.circle(x, y, 0.9)


def lifting(p):
    pump_set(p)
    for x in (24, 128):
        p.line((x, 4), (x + (26 if x < 70 else -26), 66), (76, 84))
    p.circle(76, 86, 2.4)
    p.box(48, 65, 56, 2, fill=True)
    p.text(76, 72, "60° at most")


def foundation(p):
    p.hatch(10, 0, 134, 16, 5)
    p.box(16, 16, 122, 5)
    p.box(16, 21, 122, 6, fill=True)
    for x in (26, 76, 126):
        p.line((x, 2), (x, 31))
        p.box(x - 2, 27, 4, 3)
    pump(p, 24, 27, 0.7)
    motor(p, 86, 27, 0.7)
    p.leader(50, 18, 58, 72, "grout")
    p.leader(76, 8, 82, 68, "foundation bolt")
    p.leader(136, 24, 140, 60, "baseplate")


def alignment(p):
    p.box(14, 16, 46, 10)
    p.box(94, 16, 46, 10)
    p.box(52, 8, 8, 26, fill=True)
    p.box(94, 8, 8, 26, fill=True)
    p.line((60, 30), (88, 30), (88, 44))
    p.circle(88, 48, 4)
    p.line((88, 48), (90, 50))
    p.line((94, 6), (66, 6), (66, 12))
    p.circle(66, 15, 3)
    p.text(104, 47, "radial gauge")
    p.text(72, 0, "angular gauge")
    p.text(30, 30, "pump")
    p.text(124, 30, "motor")


def pipework(p):
    pump(p, 78, 8)
    p.line((0, 24), (46, 26), (62, 26), (78, 24))
    p.line((0, 36), (62, 36), (78, 34))
    p.line((20, 24), (20, 36))
    p.line((46, 26), (46, 36), thin=True)
    p.line((90, 58), (90, 82))
    p.line((101, 58), (101, 82))
    p.line((90, 66), (101, 74), (90, 74), (101, 66), (90, 66))
    p.line((6, 24), (6, 0), thin=True)
    p.leader(54, 36, 48, 52, "straight length")
    p.leader(70, 35, 64, 64, "eccentric reducer")
    p.leader(6, 10, 22, 4, "support")
    p.leader(101, 70, 122, 76, "check valve")


def rotation(p):
    p.circle(77, 26, 22, fill=True)
    p.circle(77, 26, 6)
    points = [(77 + 14 * math.cos(math.radians(a)), 26 + 14 * math.sin(math.radians(a)))
              for a in range(200, 19, -10)]
    p.line(*points)
    p.arrow(*points[-2], points[-1][0] + 1.2, points[-1][1] - 3)
    p.text(77, 24.5, "shaft")


def vibration(p):
    pump_set(p)
    for x, y, lx, ly, name in ((66, 27, 72, 62, "A"), (66, 35, 60, 70, "B"),
                               (51, 27, 48, 66, "C"), (70, 29, 86, 56, "D")):
        p.leader(x, y, lx, ly, name)


def grease(p):
    p.box(20, 10, 114, 34, fill=True)
    p.box(6, 23, 142, 8)
    for x, n in ((40, "1"), (106, "2")):
        p.box(x, 31, 12, 12)
        p.box(x, 11, 12, 12)
        p.circle(x + 6, 37, 4)
        p.circle(x + 6, 17, 4)
        p.box(x + 4.5, 44, 3, 4)
        p.box(x + 4.5, 6, 3, 4)
        p.leader(x + 6, 47, x + 16, 54, "N" + n)
        p.leader(x + 6, 7, x + 16, 2, "R" + n)


def seal(p):
    p.box(10, 8, 134, 8, fill=True)
    p.box(26, 16, 92, 5)
    p.hatch(20, 40, 30, 16)
    p.box(40, 24, 10, 16)
    p.box(50, 24, 9, 14, fill=True)
    p.line(*[(59 + 4 * i, 26 if i % 2 else 34) for i in range(9)])
    p.box(91, 21, 10, 17)
    p.line((44, 56), (44, 70))
    p.line((40, 66), (44, 57), (48, 66), thin=True)
    for spot in ((45, 36, 20, 66, "seat"), (54, 36, 66, 64, "rotating face"),
                 (75, 30, 96, 56, "bellows"), (108, 18, 126, 44, "sleeve 524")):
        p.leader(*spot)
    p.text(52, 71, "flushing line")


def coupling(p):
    p.box(6, 21, 34, 8)
    p.box(114, 21, 34, 8)
    p.box(32, 10, 12, 30, fill=True)
    p.box(110, 10, 12, 30, fill=True)
    p.box(50, 14, 48, 22)
    p.hatch(44, 12, 6, 26)
    p.box(98, 10, 12, 30)
    for y in (14, 34):
        p.line((30, y), (53, y))
    for spot in ((70, 36, 76, 48, "840 spacer"), (47, 38, 44, 52, "860 element"),
                 (116, 40, 122, 50, "hub")):
        p.leader(*spot)


def pullout(p):
    p.line((8, 8), (8, 34), (14, 34), (22, 42), (38, 42), (38, 4), (22, 4), (14, 8), close=True, fill=True)
    p.line((22, 42), (22, 54), (36, 54), (36, 42))
    x = 68
    p.line((x - 10, 14), (x - 4, 12), (x, 20), (x, 26), (x - 4, 34), (x - 10, 32), close=True, fill=True)
    p.box(x, 8, 5, 30)
    p.box(x + 5, 13, 40, 20, fill=True)
    p.box(x + 45, 20, 14, 6)
    p.line((x + 24, 33), (x + 24, 50))
    p.circle(x + 24, 52, 2)
    p.arrow(44, 48, 62, 48)
    p.text(53, 51, "140 mm")


def bolts(p):
    p.circle(77, 34, 32, fill=True)
    p.circle(77, 34, 20)
    order = {0: 1, 6: 2, 3: 3, 9: 4, 1: 5, 7: 6, 4: 7, 10: 8, 2: 9, 8: 10, 5: 11, 11: 12}
    for place, number in order.items():
        a = math.radians(90 - 30 * place)
        x, y = 77 + 26 * math.cos(a), 34 + 26 * math.sin(a)
        p.circle(x, y, 3.4)
        p.text(x, y - 1.1, str(number), 8.5)


def clearance(p):
    p.hatch(24, 30, 60, 12)
    p.box(40, 24, 30, 6, fill=True)
    p.box(34, 8, 42, 12, fill=True)
    p.line((70, 24), (96, 24), thin=True)
    p.line((76, 20), (96, 20), thin=True)
    p.arrow(92, 32, 92, 24)
    p.arrow(92, 12, 92, 20)
    p.text(112, 21, "half the clearance")
    p.leader(46, 27, 22, 20, "502")
    p.leader(50, 12, 56, 2, "230")


def exploded(p):
    p.line((4, 40), (150, 40), thin=True, dash=True)
    p.line((6, 22), (6, 58), (20, 64), (20, 16), close=True, fill=True)
    p.box(25, 28, 4, 24)
    p.line((34, 36), (38, 36), (38, 44), (34, 44), close=True)
    p.line((43, 26), (48, 24), (54, 36), (54, 44), (48, 56), (43, 54), close=True, fill=True)
    p.box(59, 34, 5, 12)
    p.hatch(69, 20, 6, 40)
    p.box(80, 36, 12, 8)
    p.box(96, 28, 22, 24, fill=True)
    p.circle(124, 40, 5)
    p.box(132, 37, 16, 6)
    for x, y, ly, name in ((13, 60, 72, "100"), (27, 52, 66, "502"), (36, 36, 12, "922"),
                           (49, 54, 72, "230"), (61, 34, 16, "433"), (72, 60, 74, "160"),
                           (86, 36, 14, "524"), (107, 52, 70, "330"), (124, 35, 12, "321"),
                           (140, 43, 66, "210")):
        p.leader(x, y, x + 3, ly, name)


DRAWINGS = {
    name: (lambda paint=paint, height=height, caption=caption:
           Drawing(paint, height, caption))
    for name, paint, height, caption in (
        ("outline", pump_set, 62, ""),
        ("section", section, 90, "Figure 1: Section through the pump"),
        ("curve", curve, 76, "Figure 2: Head and NPSH against flow"),
        ("nameplate", nameplate, 42, "Figure 3: Rating plate (example)"),
        ("lifting", lifting, 90, "Figure 4: Slinging the complete set"),
        ("foundation", foundation, 78, "Figure 5: Foundation and baseplate"),
        ("alignment", alignment, 54, "Figure 6: Dial gauges on the coupling"),
        ("pipework", pipework, 84, "Figure 7: Pipes at the pump"),
        ("rotation", rotation, 50, "Figure 8: Direction of rotation, seen from the motor"),
        ("vibration", vibration, 76, "Figure 9: Measuring points"),
        ("grease", grease, 60, "Figure 10: Nipples and relief plugs"),
        ("seal", seal, 76, "Figure 11: Bellows seal"),
        ("coupling", coupling, 56, "Figure 12: Spacer coupling"),
        ("pullout", pullout, 58, "Figure 13: Drawing out the rear unit"),
        ("bolts", bolts, 68, "Figure 14: Order of tightening, casing nuts (901)"),
        ("clearance", clearance, 46, "Figure 15: Where the clearance is measured"),
        ("exploded", exploded, 80, "Figure 16: Exploded view"),
    )
}
