"""What is drawn for the English documents with larger tables: report, protocol, schedule, tender."""

from datetime import date, timedelta

from draw import weekday

COSTS = (("Site facilities and compound", 96000, 108000, -9), ("Scaffold and enclosures", 171000, 189000, 3),
         ("Repair of the girders", 203000, 222000, 6), ("East bearings", 84000, 96000, 27),
         ("{#pr01}Timber decking", 131000, 146000, 4), ("Blast cleaning and painting", 187000, 204000, 2),
         ("Lighting in the handrails", 41000, 49000, -3), ("Replacement ferry", 52000, 61000, 8),
         ("Design and supervision", 74000, 83000, 1))


def cost_rows(d):
    """-> (rows of the table, total of the budget, total of the forecast)"""
    rows, totals = [], [0, 0, 0]
    for name, low, high, percent in COSTS:
        budget = d.step(name, low, high, 500)
        forecast = budget * (100 + percent) // 100 + d.step(name + "f", 10, 390, 20)
        spent = forecast * d.step(name + "s", 34, 81) // 100
        totals = [a + b for a, b in zip(totals, (budget, spent, forecast))]
        rows.append("| %s | %s | %s | %s | %s |" % (name, *(format(v, ",") for v in (budget, spent, forecast)),
                                                  format(forecast - budget, "+,")))
    rows.append("| Total | %s | %s | %s | %s |" % (*(format(v, ",") for v in totals),
                                                   format(totals[2] - totals[0], "+,")))
    return rows, totals[0], totals[2]


def forecast_of(rows, name):
    return next(int(r.split("|")[4].replace(",", "")) for r in rows if name in r)


# By how much each milestone has moved since the last report; the first is done and has not.
LATER = {1: lambda d: timedelta(0), 2: lambda d: timedelta(d.step("mm2", 8, 10)),
         3: lambda d: timedelta(7 * d.step("mm3", 2, 4)),
         4: lambda d: timedelta(7 * d.step("mm4", 2, 4)), 5: lambda d: timedelta(7 * d.step("mm5", 3, 4)),
         6: lambda d: timedelta(14)}


def footbridge_report(d):
    report = d.step("report", 8, 12)
    reopen_base = date(2027, 9, 3)
    reopen_prev = reopen_base + timedelta(d.step("prev", 14, 28, 7))
    reopen = reopen_prev + timedelta(d.step("now", 14, 35, 7))
    rows, budget, forecast = cost_rows(d)
    contingency, released = d.step("contingency", 94000, 106000, 1000), d.step("released", 27300, 33900, 200)
    chances = [d.pick("chance%d" % i, *options) for i, options in
               enumerate(((40, 45), (10, 15), (20, 25), (30, 35), (5, 8), (12, 18)), 1)]
    costs = [d.step("risk%d" % i, low, high, 500) for i, (low, high) in
             enumerate(((33000, 41000), (56000, 68000), (22000, 31000), (11000, 16000), (7000, 10000), (17000, 21000)),
                       1)]
    boards, rivets = d.step("boards", 410, 470, 5), d.step("rivets", 318, 352)
    values = {
        "report_no": report, "report_prev": report - 1, "period_end": date(2027, 4, 30),
        "closed": d.date("closed", date(2026, 8, 31), 21, 7),
        "reopen_base": reopen_base, "reopen_prev": reopen_prev, "reopen": reopen,
        "total_forecast": forecast, "over": forecast - budget, "rest": d.step("rest", 3, 7), "rivets": rivets,
        "rivets_done": rivets - d.step("left", 85, 120), "scour": d.step("scour", 34, 58),
        "paint": d.step("paint", 171, 188),
        "boards": boards, "boards_all": boards * 3 + 36, "cost_table": "\n".join(rows),
        "deck_forecast": forecast_of(rows, "decking"), "contingency": contingency, "released": released,
        "remaining": contingency - released, 
        "welds": d.step("welds", 84, 112), "welds_bad": d.step("bad", 5, 7), "concrete": d.step("concrete", 46, 53),
        "near": d.step("near", 6, 9), "bats_from": "1 May", "bats_from_us": "May 1",
        "risk_sum": sum(a * b for a, b in zip(chances, costs)) // 100, "second_quote": d.step("quote", 11, 14),
        "workers": d.step("workers", 26, 34), "ferry": d.pick("ferry", 12, 15, 20),
        "gauge": d.pick("gauge", "2.8", "3.1", "3.4"),
        "visit": weekday(d.date("visit", date(2027, 5, 18), 12)), "ask1": d.step("ask", 11500, 14500, 500),
        "order_until": reopen + timedelta(21), "limit_office": 5000, "limit_board": d.pick("lb", 25000, 30000),
        "chg1": d.step("c1", 1450, 1950, 50), "chg2": d.step("c2", 2350, 2850, 50),
        "chg3": d.step("c3", 3450, 3950, 50)}
    day = d.pick("bats", 12, 15, 18)
    values.update(bats_to="%d September" % day, bats_to_us="September %d" % day)
    for i, (p, c) in enumerate(zip(chances, costs), 1):
        values.update({"r%d_p" % i: p, "r%d_c" % i: c})
    for i, base in enumerate((date(2026, 12, 7), date(2027, 3, 15), date(2027, 4, 26), date(2027, 4, 16),
                              date(2027, 7, 12), date(2027, 8, 20)), 1):
        before = base + timedelta(7 * d.step("m%d" % i, 1, 2))
        values.update({"m%d" % i: base, "m%da" % i: before, "m%db" % i: before + LATER[i](d)})
    values.update({"float_before": (values["m6a"] - values["m5a"]).days // 7,
                   "float_now": (values["m6b"] - values["m5b"]).days // 7})
    return values


def phosphorus_protocol(d):
    version = d.step("version", 6, 9)
    work = d.pick("work", 8, 10, 12)
    slope = d.step("slope", 3460, 3620, 5)
    standards, values = [], {}
    for i, volume in enumerate((0, 1, 2, 5, 8, 12, 18)):
        conc = work * 50 / 500 * volume / 50
        absorbance = 0.012 + conc * slope / 1000
        standards.append("| %sS%d | %d | %.3f | %.3f |" % ("{#lp07}" if i == 4 else "", i, volume, conc, absorbance))
        values["s%d_abs" % i] = "%.3f" % absorbance
    soak, cold = d.step("soak", 14, 20, 2), d.step("cold", 3, 5)
    values.update({
        "version": version, "version_prev": version - 1, "valid": weekday(d.date("valid", date(2026, 9, 1), 40)),
        "range_low": "0.005", "range_high": d.pick("high", "1.0", "1.2"), "salt": d.step("salt", 4, 7),
        "can": d.step("can", 3, 6),
        "open_temp": d.step("open", 75, 85, 5), "hcl": d.pick("hcl", "1.0", "1.2", "2.0"), "soak": soak,
        "soak_old": soak - 8,
        "detergent": d.pick("detergent", "phosphates", "phosphonates"),
        "cloth": d.pick("cloth", "steel wool", "scouring powder"),
        "pipette_months": d.step("pipette", 3, 4), "weight": d.pick("weight", 50, 100),
        "persulfate": d.step("persulfate", 42, 52, 2),
        "persulfate_days": d.step("pd", 16, 20), "ascorbic": d.step("ascorbic", 18, 22),
        "ascorbic_days": d.step("ad", 9, 13),
        "molyb_months": d.step("mm", 7, 8), "work": work, "cold": cold, "hold_days": d.step("hold", 23, 27),
        "frozen_months": d.step("frozen", 5, 6), "sample_ml": d.pick("sample", 20, 25),
        "auto_temp": d.pick("temp", 120, 121),
        "auto_min": d.step("min", 32, 48, 4), "colour_from": d.pick("from", 8, 10), "colour_to": d.pick("to", 25, 28),
        "wavelength": d.pick("wave", 880, 882, 885), "cell_switch": d.pick("cell", "0.25", "0.30"),
        "standard_table": "\n".join(standards),
        "r2": d.pick("r2", "0.998", "0.999"), "off": d.step("off", 4, 6), "slope": d.step("slopepct", 7, 9),
        "control": d.pick("control", "0.086", "0.092", "0.097"), "blank": d.pick("blank", "0.003", "0.004"),
        "dup": d.step("dup", 8, 12),
        "rec_low": d.step("rl", 91, 94), "rec_high": d.step("rh", 106, 109), "lod": "0.0016", "loq": "0.0053",
        "unc": d.step("unc", 11, 15)})
    return values


TASKS_IN_LOG = """D2|Car 1|2|handle of door 3 stiff; spring renewed
D3|Track|3|stone of about 4 kg beside the rail at mast 7; removed, slope looked at
W1|Track|2|roller 31 does not turn; exchanged
W1|Track|3|rollers 12 and 13 squeal; greased
W2|Car 2|2|gap at the left jaw too wide; adjusted
W3|Drive|3|closing time at the upper end of what is usual; watched
W4|Upper station|3|starts at the second attempt only; glow plugs ordered
W5|Car 1|2|one cell of the emergency battery weak; battery exchanged
W6|Loop|3|bolt of the tongue loose by half a turn; tightened and marked
W7|Lower half|2|fence cut open near the school; wired shut the same day
W8|Car 2|3|{#cm08}wasps' nest behind the bench at the rear; removed by the council
M1|Car 1|3|paint mark in line, a little rust at the edge of the socket; oiled
M2|Upper station|3|groove even at all four places
M3|Car 2|2|door 1 closes with 20 newtons too much; adjusted
M4|Drive|1|reading jumps; service stopped, sensor exchanged, old one sent in
M5|Drive|3|tripped as it should
M6|Track|3|two joints of the middle third packed
M7|Culvert 4|3|silted up to a third; flushed
M8|Wall at mast 9|3|plaster mark has a hairline crack; new mark beside it
M9|Track|2|nine sleepers soft; exchanged in two nights
M10|Both stations|3|one seal missing; replaced
M11|Car 2|2|weep at the hose of the left brake; hose renewed
M12|Lower platform|3|light barrier dirty; cleaned
M13|Masts 3 to 8|3|four clips missing; replaced
M14|Both cars|3|counter of Car 1 shows two in a hundred too few
H1|Drive|3|sample sent; iron as last time, no water
H2|Motor|3|two brushes short; whole set renewed
H3|Drive|3|grease clean at both seals
H4|Drive|3|alignment within four hundredths
H5|Car 1|2|flange of wheel 2 at its limit; pair of wheels exchanged
H6|Rope|3|largest loss of section 1.4 % at 212 metres
H7|Drive|3|tips of contactor 5 filed
H8|Upper station|3|belt worn; renewed
Y2|Car 2|3|lowest value at the heater, above the limit
Y4|Track|3|fixed point 11 has sunk by 2 millimetres since last year
Y5|Car 2|3|one bolt in ten renewed, all torques right
Y6|Car 1|3|water at window 4; seal renewed
Y7|Loop|3|38 people brought out in 41 minutes; the second ladder was missing
Y8|Upper half|3|eleven crowns cut, one beech felled with consent
D8|Upper station|3|gate of the platform sticks; hinges oiled
D4|Drive|2|drop of oil under the gearbox each morning; seal of the input shaft renewed
D6|Car 1|2|crackle on the line; plug cleaned, later exchanged""".splitlines()


def funicular_log(d, start, end):
    entries = d.shuffled("log", TASKS_IN_LOG)
    first, rows, wasp = date(2026, 4, 7), [], None
    for i, entry in enumerate(entries):
        task, where, kind, text = entry.split("|")
        day = first + timedelta(i * 8 + d.step("day%d" % i, 0, 6))
        meter = start + (end - start) * (i * 8 + 5) // (len(entries) * 8 + 20) + d.step("meter%d" % i, 0, 9)
        if "wasps" in text:
            wasp = day
        rows.append("| %s | %s | %s | %s | %s | %s |" % (day, task, where, format(meter, ","), kind, text))
    return rows, wasp


def funicular_schedule(d):
    start = d.step("start", 41200, 43900, 7)
    end = start + d.step("hours", 2710, 2990, 3)
    rows, wasp = funicular_log(d, start, end)
    lining = d.step("lining", 6, 7)
    values = {
        "issue": d.step("issue", 4, 9), "season": "2027", "seats": d.step("seats", 44, 52, 2),
        "track": d.step("track", 362, 428, 3),
        "gradient": d.step("gradient", 46, 52), "motor": d.pick("motor", 110, 132), "rope": d.pick("rope", 28, 30, 34),
        "rope_year": d.step("year", 2012, 2015), "shift": d.step("shift", 8, 12), "shift_years": d.step("sy", 4, 5),
        "class2": d.step("class2", 18, 22), "i_rollers": 2, "m_jaws": d.step("jaws", 35, 50, 5), "i_dieselrun": 2,
        "i_deflect": 2,
        "door_force": d.step("force", 130, 150, 10), "overspeed": d.step("over", 115, 120),
        "i_overspeed": d.step("io", 2, 3), "culverts": d.step("culverts", 6, 9),
        "i_drain": 3, "i_sample": d.step("sample", 650, 850, 50), "i_brush": d.step("brush", 350, 450, 50),
        "bear_h": d.step("bear", 120, 180, 20),
        "i_coupling": d.step("coupling", 1250, 1750, 250), "i_wheels": d.step("wheels", 900, 1100, 200),
        "i_magnetic": d.step("magnetic", 2200, 2600, 200),
        "i_contact": 1200, "i_compressor": d.step("compressor", 520, 580, 20), "points": d.step("points", 16, 24),
        "tree_m": d.step("tree", 4, 6),
        "i_masts": 3, "i_socket": d.step("socket", 5, 6), "rope_loss": d.step("loss", 6, 8), "lining_rail": lining,
        "lining_service": lining - 3, "lining_safety": lining - 2, "groove": d.step("groove", 9, 12),
        "roller": d.step("roller", 182, 194, 2),
        "speed": d.pick("speed", "2.8", "3.2"), "stop_service": d.step("ss", 13, 15),
        "stop_safety": d.step("sf", 9, 10), "stop_rail": d.step("sr", 16, 18),
        "joint": d.step("joint", 5, 6), "ins": d.step("ins", 2, 3), "earth": d.step("earth", 5, 8),
        "wind_slow": d.step("ws", 48, 54),
        "wind_stop": d.step("wstop", 66, 74), "vg_gear": d.pick("vg", 220, 320), "vg_hyd": d.pick("vh", 32, 46),
        "q_gear": d.step("qg", 62, 74, 2),
        "q_hyd": d.pick("qh", "11.5", "13.5", "16.5"), "q_diesel": "9.5", "q_bear": d.step("qb", 70, 95, 5),
        "q_roll": d.step("qr", 8, 12), "q_flange": d.step("qf", 3, 5),
        "oil_h": d.step("oil", 6500, 8500, 500), "hyd_y": d.step("hy", 3, 4),
        "spring_from": weekday(d.date("sp", date(2027, 3, 1), 7)),
        "spring_to": weekday(d.date("spto", date(2027, 3, 22), 5)),
        "autumn_from": weekday(d.date("au", date(2027, 11, 1), 7)),
        "autumn_to": weekday(d.date("auto", date(2027, 11, 25), 5)),
        "ballast": d.step("ballast", 55, 65, 2), "trips": d.step("trips", 7, 9),
        "gear_year": d.step("gear", 2029, 2031), "meter_start": start, "meter_end": end,
        "log_table": "\n".join(rows), "wasp": wasp, "stops": d.step("stops", 4, 6)}
    for i, (least, weeks) in enumerate(((2, 10), (1, 8), (12, 14), (40, 3), (1, 6), (2, 4), (1, 20), (4, 1), (2, 17),
                                        (1, 12)), 1):
        values["s%d" % i] = least + d.step("s%d" % i, 0, 2)
        values["w%d" % i] = weeks + d.step("w%d" % i, 0, 1)
    return values


SITES = (("Ashgrove Primary", 1, "full", "two"), ("Canal Bank Primary", 1, "full", "two"),
         ("Ferry Lane Primary", 2, "full", "two"),
         ("Hill Top Primary", 1, "finish", "two"), ("Orchard Road Primary", 2, "full", "two"),
         ("Priory Primary", 2, "finish", "two"),
         ("St Bride's Primary", 1, "finish", "one"), ("Tollgate Primary", 2, "full", "two"),
         ("Weavers Primary", 2, "finish", "one"),
         ("Little Acorns Nursery", 1, "finish", "one"), ("Meadow Nursery", 2, "finish", "one"),
         ("Quayside Nursery", 1, "full", "one"),
         ("Sunny Bank Nursery", 2, "finish", "one"))
SITE_MARKS = {"Ferry Lane Primary": "{#te07}", "Weavers Primary": "{#te08}"}
MEASURES = ("Meals served no later than ten minutes after the start of the sitting",
            "Dishes served as on the published menu",
            "Temperatures recorded and within limits", "Medical diets served without error",
            "Kitchen inspections with the highest rating",
            "Pupils satisfied, survey in each term", "Posts filled by permanent staff")
METHODS = ("Organisation and management", "Menus, recipes and cooking", "Safety and allergens", "Staff and training",
           "Origin, waste and environment", "Start of the contract and transfer")


def school_meals_tender(d):
    sites, total, asked = [], 0, {}
    for i, (name, lot, kitchen, sittings) in enumerate(SITES):
        pupils = d.step("pupils%d" % i, 44, 76) if "Nursery" in name else d.step("pupils%d" % i, 196, 424)
        meals = pupils * d.step("take%d" % i, 61, 86) // 100
        total += meals
        asked.update({"Ferry Lane Primary": {"ferry_meals": meals},
                      "Weavers Primary": {"weavers_pupils": pupils}}.get(name, {}))
        sites.append("| %s%s | %d | %d | %d | %s | %s |" % (SITE_MARKS.get(name, ""), name, lot, pupils, meals,
                                                            kitchen, sittings))
    measures = ["| K%d | %s | %s %% | £%d |" % (i + 1, name, d.pick("target%d" % i, "92", "95", "97", "98", "99.5"),
                                                d.step("ded%d" % i, 40, 220, 20))
                for i, name in enumerate(MEASURES)]
    points = [6, d.step("m2", 17, 19), d.step("m3", 9, 11), d.step("m4", 13, 14), d.step("m5", 4, 5)]
    quality = sum(points) + 5 + d.step("m6", 3, 4)
    points.append(quality - sum(points))
    methods = ["| M%d | %s | %d |" % (i + 1, name, points[i]) for i, name in enumerate(METHODS)]
    due = d.date("due", date(2026, 11, 10), 14, 7)
    after = {k: due + timedelta(n) for k, n in (("open", 1), ("tasting", 23), ("decision", 48), ("standstill", 62),
                                                ("sign", 65))}
    band = d.step("band", 700, 780, 20)
    weights = {"wa1": d.step("wa1", 14, 18), "wa2": d.step("wa2", 21, 26), "wb1": d.step("wb1", 47, 53),
               "wb2": d.step("wb2", 41, 46)}
    fried = d.step("fried", 2, 3)
    return {
        "ref": d.step("ref", 318, 391), "issued": due - timedelta(42), "schools": 9, "nurseries": 4,
        "years": d.step("years", 4, 5), "start": date(2027, 9, 1),
        "due_time": d.pick("duetime", "11:00", "14:00"), "due": due, "questions": due - timedelta(15),
        "answers": due - timedelta(11), "visit1": due - timedelta(29),
        "visit2": due - timedelta(27), "open_days": d.step("opendays", 100, 140, 10),
        "not_acc_a": d.pick("naa", "variants", "partial lots"),
        "not_acc_b": d.pick("nab", "price ranges", "handwritten forms"), "pages_ms": d.step("pages", 3, 4), **after,
        "handover": date(2027, 8, d.step("handover", 9, 13)), "meals": total, "infants": d.step("infants", 44, 49),
        "oily": d.step("oily", 3, 4), "fried": fried,
        "fried_fact": "two times | 2 times | twice" if fried == 2 else "three times | 3 times",
        "organic": d.step("organic", 12, 18), "local": d.step("local", 22, 34, 2),
        "local_miles": d.step("miles", 35, 55, 5), "diet_days": d.step("diet", 4, 6), "queue": d.step("queue", 9, 12),
        "hold": d.step("hold", 70, 90, 10),
        "plate": d.step("plate", 38, 46, 2), "repair": d.step("repair", 130, 170, 10),
        "wage": d.step("wage", 1295, 1345, 5) / 100, "staff": d.step("staff", 61, 74),
        "dbs": 3, "outing": d.step("outing", 5, 7), "clubs": d.step("clubs", 8, 9),
        "snow_time": d.pick("snow", "08:15", "08:45", "09:15"), "fixed_year": 2028,
        "index_cap": d.pick("cap", "3.5", "4.5"), "pay_days": d.step("pay", 22, 28),
        "ded_cap": d.step("dedcap", 8, 11), "kpi_table": "\n".join(measures),
        "ins_public": d.pick("ip", 10, 15), "ins_employer": d.pick("ie", 5, 10), "ins_product": d.pick("ipr", 2, 4),
        "report_hours": d.step("rh", 2, 4),
        "end_months": d.step("endm", 6, 8), "end_contractor": d.step("endc", 10, 11),
        "records": d.step("records", 18, 20), "site_table": "\n".join(sites), **asked,
        "rebuild_from": date(2028, 2, 21), "rebuild_to": d.date("rebuild", date(2028, 6, 2), 28, 7),
        "rebuild_host": d.pick("host", "Orchard Road", "Tollgate"),
        "price_pts": 100 - quality, "qual_pts": quality, "method_table": "\n".join(methods),
        "min_pct": d.pick("minpct", 55, 60),
        "tie_ms": d.pick("tiems", "M2", "M3"), "band1": band, "band2": band + 260, **weights,
        "wc1": 100 - weights["wa1"] - weights["wb1"], "wc2": 100 - weights["wa2"] - weights["wb2"]}
