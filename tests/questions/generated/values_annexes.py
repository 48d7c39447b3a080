"""What is drawn for the annexes of the documents: further values, and tables of many rows."""

from datetime import date, timedelta

from draw import ja_day, weekday

BRANCHES = ("Archive", "Beckside", "Coppice Lane", "Hollins Green", "Market Row", "Northgate", "Pier Road",
            "Saltmarsh", "Upper Tarn",
            "Wharf Street", "Weir Street", "Yew Tree")
GRADES = ("Page, weekends", "Library assistant", "Senior assistant, driver", "Librarian, archivist",
          "Senior librarian", "Branch manager",
          "Area manager", "Head of service")


def branch_row(d, i, name):
    loading = d.pick("load%d" % i, "rear yard", "street, before 09:30", "ramp", "side door")
    return "| %s | %d | %s | %d | %d | every %d weeks | %s |" % (
        name, d.step("desk%d" % i, 2, 6), d.pick("late%d" % i, "Monday", "Tuesday", "Wednesday", "Thursday"),
        d.step("rota%d" % i, 5, 14), d.step("keys%d" % i, 3, 6), d.step("code%d" % i, 6, 16, 2), loading)


def staff_handbook(d, _base):
    branches = [branch_row(d, i, name) for i, name in enumerate(BRANCHES)]
    salaries, pay = [], d.step("pay", 21300, 21900, 60)
    for i, post in enumerate(GRADES):
        step = d.step("step%d" % i, 420, 760, 20) + 60 * i
        salaries.append("| %d | %s | %s |" % (i + 1, post, " | ".join(format(pay + step * k, ",") for k in range(4))))
        pay += step * 4 + d.step("gap%d" % i, 300, 900, 20)
    return {"home_days": d.step("home", 2, 3), "abroad_days": d.step("abroad", 8, 12),
            "trial_weeks": d.step("trial", 5, 7), "petty": d.step("petty", 110, 170, 10),
            "discard_weeks": d.step("discard", 3, 5), "aims": d.step("aims", 4, 5), "sabbatical": d.step("sab", 7, 8),
            "council_hours": d.step("council", 5, 7),
            "branch_table": "\n".join(branches), "route1": d.step("r1", 61, 88), "route2": d.step("r2", 93, 118),
            "salary_table": "\n".join(salaries),
            "first_aid": d.step("fa", 190, 230, 10), "warden": d.step("warden", 130, 160, 10),
            "driver": d.step("driver", 360, 420, 20), "taxi": d.step("taxi", 52, 68, 4),
            "key_years": d.step("ky", 4, 5)}


def studio_lease(d, base):
    works = d.step("works", 9, 12)
    return {"slab": d.step("slab", 16, 22), "tiles": d.step("tiles", 480, 620), "slope": d.step("slope", 4, 7),
            "meter": d.step("meter", 118000, 146000, 7),
            "mezzanine": d.step("mezz", 5500, 7500, 500), "lorry": d.pick("lorry", "7.5", "12"),
            "gate_cards": d.step("cards", 4, 6), "card": d.step("card", 12, 18),
            "skip": d.step("skip", 5, 8), "film": d.step("film", 160, 240, 20), "works_weeks": works,
            "works_meet": weekday(base["start"] + timedelta(7 * works + d.step("meet", 1, 6)))}


REGIONS = ("Scotland", "North East", "North West", "Wales", "Midlands", "East Anglia", "London", "South West",
           "South Coast", "Northern Ireland", "Republic of Ireland")


def instrument_insurance(d, base):
    repair = d.step("repair", 310, 390, 5)
    ways = ("two workshops", "three workshops", "one workshop", "by post", "visiting, monthly")
    panel = ["| %s | %s | %s | %s | %d |" % (region, *(d.pick("p%d%d" % (i, k), *ways) for k in range(3)),
                                             d.step("wait%d" % i, 2, 9)) for i, region in enumerate(REGIONS)]
    return {"ex1_repair": repair, "ex1_pay": repair - base["ex_b"], "ex2_repair": d.step("repair2", 1620, 1980, 20),
            "clean": d.step("clean", 210, 290, 10),
            "reward": d.step("reward", 420, 580, 20), "locks": d.step("locks", 60, 95, 5),
            "panel_table": "\n".join(panel), "valuer_pct": d.pick("vp", "0.8", "1.2"),
            "valuer_min": d.step("vm", 45, 65, 5), "student_age": d.step("age", 24, 26),
            "case_kg": d.step("case", 90, 120, 10), "event_hours": d.pick("event", 60, 96)}


DIARY = (("clearing of the west compound after the frost", "none"),
         ("blast cleaning of panel points 1 to 4", "generator failed, half a day lost"),
         ("rivets, upper chord, west", "sprained wrist on Tuesday"),
         ("rivets, lower chord, west", "visit of the conservation officer"),
         ("first coat, west span", "enclosure opened by wind"),
         ("bearings, west plinths cast", "concrete lorry late, pour stopped for an hour"),
         ("duct for the lighting, west span", "none"), ("jacks set up, trial lift",
                                                        "swans on the trestle, work moved"),
         ("lowering of the west span, first closure", "none"),
         ("lowering of the west span, second closure", "two complaints about noise; span down at 03:40"),
         ("trestles taken away, second coat", "tool in the net"),
         ("dive at the east pier, boards delivered", "visibility poor"),
         ("lattice bars of the east span measured", "class of pupils at the window"))


def diary_row(d, i, work, event):
    sky = d.pick("sky%d" % i, "frost", "rain", "dry", "wind", "mild", "fog")
    return "| %s | %s | %.1f | %d | %s | %s |" % (
        date(2027, 2, 1) + timedelta(7 * i), sky, d.step("gauge%d" % i, 11, 27) / 10, d.step("people%d" % i, 19, 37),
        work, event)


def footbridge_report(d, _base):
    diary = [diary_row(d, i, *row) for i, row in enumerate(DIARY)]
    return {"diary_table": "\n".join(diary), "grid": d.step("grid", 104, 128), "grid_bad": d.step("bad", 12, 19),
            "riprap": d.step("riprap", 8, 14), "stone_from": d.step("sf", 60, 90, 10),
            "stone_to": d.step("st", 280, 340, 20), "plate_old": d.step("po", 62, 66, 2),
            "plate_new": d.step("pn", 78, 84, 2), "bolt_off": d.step("bolt", 12, 19),
            "tractor": d.step("tractor", 1900, 2300, 100),
            "alu_pct": d.step("alu", 16, 24), "gauge_low": d.pick("low", "0.7", "0.9")}


LAKES = ("Meresford, deep point", "Meresford, north bay", "Meresford, outflow", "Kelder Tarn", "Kelder Tarn, inflow",
         "Long Water, deep point", "Long Water, jetty", "Smithy Pool", "Aldow Brook, weir",
         "Aldow Brook, mill", "Aldow Brook, mouth", "Reedham, ferry", "Reedham, drain 4", "Blackmoss Lough",
         "Blackmoss, culvert", "Upper Sill", "Lower Sill", "Sill, spring", "Harrow Mere", "Harrow, storm tank")


def site_row(d, i, name):
    running = any(word in name for word in ("Brook", "inflow", "outflow", "drain", "culvert", "spring"))
    mark = d.pick("mark%d" % i, "none", "F", "As", "H", "F, H", "As, F", "D", "none")
    return "| %s | %s | %s | %d | %d | %.3f |" % (
        name, "river" if running else "lake", mark, d.pick("visits%d" % i, 6, 9, 13, 26),
        d.pick("bottle%d" % i, 250, 500, 1000), d.step("alarm%d" % i, 21, 189) / 1000)


def phosphorus_protocol(d, _base):
    sites = [site_row(d, i, name) for i, name in enumerate(LAKES)]
    return {"lab_cold": d.step("cold", 17, 19), "lamp_hours": d.step("lamp", 1400, 1800, 100),
            "interrupt": d.step("interrupt", 50, 75, 5), "site_table": "\n".join(sites),
            "prof1": d.step("p1", 6, 9), "prof2": d.step("p2", 13, 19), "basket": d.step("basket", 36, 44, 2),
            "series_hours": d.step("hours", 6, 7), "cabinet": d.step("cabinet", 2, 9),
            "sheet_years": d.step("sheets", 3, 4)}


REPAIRS = (("A", "sleeve of the gas pipe, survey", 260), ("F", "lift, two motors and a brake coil", 6840),
           ("D", "gutter torn off by the storm", 1320),
           ("D", "tiles, paid by the insurer", 2270), ("C", "joist doubled with steel", 1930),
           ("B", "front door closer and hinge", 310),
           ("E", "drain pump of a washing machine", 190), ("A", "window sashes, four flats", 1540),
           ("F", "circulation valve", 420),
           ("C", "damp behind the stairs, drying hired", 880), ("E", "nets against doves", 240),
           ("B", "intercom, new panel", 1150),
           ("D", "fire door of the cellar", 1690), ("A", "handrail at the ramp", 560))


def repair_row(d, i, first, block, what, about):
    day = first + timedelta(i * 4 + d.step("day%d" % i, 0, 3))
    cost = format(about + d.step("cost%d" % i, -40, 90, 5), ",")
    state = d.pick("state%d" % i, "done", "done", "ordered", "under way")
    return "    %s  %s        %-54s %6s    %s" % (day, block, what, cost, state)


def coop_minutes(d, base):
    repairs = [repair_row(d, i, base["date"] - timedelta(60), *row) for i, row in enumerate(REPAIRS)]
    charges = {}
    for i, (low, high) in enumerate(((62, 71), (21, 27), (18, 24), (31, 36), (40, 46)), 1):
        now = d.step("ch%d" % i, low, high)
        later = now + d.step("up%d" % i, 1, 4)
        charges.update({"ch%da" % i: "%.2f" % (now / 100), "ch%db" % i: "%.2f" % (later / 100)})
    jobs = d.step("jobs", 118, 147)
    return {"jobs": jobs, "jobs_done": jobs - d.step("left", 14, 23), "days_mean": d.step("mean", 11, 13),
            "repair_table": "\n".join(repairs), "care_hours": d.step("care", 318, 339),
            "snow_hours": d.step("snow", 41, 58),
            "kwh": d.step("kwh", 8150, 9250, 10), "taps": d.step("taps", 14, 18), "insurer_weeks": d.step("iw", 9, 10),
            "locks_by": weekday(base["date"] + timedelta(24)), "lift_years": d.step("ly", 6, 7),
            "hedge": d.step("hedge", 32, 44, 2),
            "guest": d.step("guest", 24, 28), "guest_other": d.step("go", 36, 40), "guest_nights": d.step("gn", 5, 6),
            "carpet": d.step("carpet", 7, 9), **charges}


def energy_fund_rules(d, _base):
    ranges = ((21, 29, 1), (16, 22, 1), (310, 370, 10), (170, 230, 10), (640, 780, 20), (1310, 1490, 20),
              (1120, 1240, 20), (460, 560, 20), (1050, 1290, 20), (4300, 5100, 100), (31000, 36500, 500),
              (380, 460, 20), (540, 660, 20))
    return {"life": d.step("life", 18, 22), "warm_days": d.step("warm", 3, 4), "maint_years": d.step("maint", 3, 4),
            "quote_months": d.step("quote", 5, 9), "panel_fee": d.step("fee", 45, 65, 5),
            **{"dc%d" % i: d.step("dc%d" % i, *r) for i, r in enumerate(ranges, 1)}}


def funicular_schedule(d, _base):
    return {"gap_from": "1.2", "gap_to": d.pick("gap", "1.8", "2.1"), "close_from": "0.2",
            "close_to": d.pick("close", "0.6", "0.7"), "fish_nm": d.step("fish", 260, 320, 10),
            "joint_move": d.step("jm", 8, 9),
            "sample_min": d.step("smin", 20, 28, 4), "iron": d.step("iron", 75, 95, 5),
            "bags": d.step("bags", 170, 190, 2), "move": d.pick("move", 3, 4), "resin": d.step("resin", 35, 45, 5),
            "heater": d.pick("heater", "1.5", "2.2"),
            "lightning": d.step("light", 10, 12), "stretch": d.step("stretch", 18, 26)}


EQUIPMENT = ("Combination oven, 10 trays", "Combination oven, 20 trays", "Boiling pan, 100 L", "Bratt pan",
             "Hob, six burners", "Dishwasher, hood type", "Cold store", "Freezer", "Mixer, 20 L", "Hot counter",
             "Salad counter", "Steamer")
KITCHENS = ("Ashgrove", "Canal Bank", "Ferry Lane", "Orchard Road", "Tollgate", "Quayside")


def equipment_row(d, name, kitchen, item):
    year = d.step("year" + name, 2011, 2025)
    condition = "A" if year > 2022 else "B" if year > 2018 else "C" if year > 2013 else "D"
    service = weekday(date(2027, 1, 11) + timedelta(d.step("service" + name, 0, 170)))
    return "| %s | %s | %d | %d | %s | %s |" % (kitchen, item, d.pick("n" + name, 1, 1, 2), year, condition, service)


def school_meals_tender(d, _base):
    rows = [equipment_row(d, "%d/%d" % (i, k), kitchen, item) for i, kitchen in enumerate(KITCHENS)
            for k, item in enumerate(d.shuffled("items%d" % i, EQUIPMENT)[:6])]
    return {"equipment_table": "\n".join(rows), "exchange": date(2027, 8, 20),
            "exchange_pct": d.step("pct", 40, 60, 5), "descale": d.step("descale", 5, 8),
            "van_excess": d.step("van", 310, 390, 20), "pension": d.step("pension", 31, 46),
            "pw1": d.step("pw1", 61, 66), "pw2": d.step("pw2", 56, 59), "pw3": d.step("pw3", 70, 78),
            "debit": d.step("debit", 62, 79), "kosher": d.step("kosher", 3, 5),
            "door_year": d.step("door", 2016, 2021),
            "holiday": d.step("holiday", 54, 72, 2), "first_weeks": d.step("fw", 7, 10)}


# Yen and minutes from the head office, about.
CITIES = (("札幌", 27300, 480), ("仙台", 11100, 100), ("新潟", 10400, 125), ("金沢", 14000, 165), ("長野", 8200, 95),
          ("静岡", 6400, 65), ("浜松", 8300, 90), ("名古屋", 11200, 105), ("津", 13100, 165), ("京都", 14000, 140),
          ("大阪", 14700, 155), ("神戸", 15200, 170), ("岡山", 17200, 200), ("広島", 19300, 240), ("松江", 20600, 385),
          ("高松", 18500, 275), ("松山", 21100, 360), ("高知", 20300, 350), ("福岡", 23300, 305), ("熊本", 26400, 350),
          ("鹿児島", 30100, 410))


def travel_rules(d, _base):
    fares = []
    for i, (city, about, usual) in enumerate(CITIES):
        fare, minutes = about + d.step("fare%d" % i, -190, 190, 10), usual + d.step("min%d" % i, -5, 10, 5)
        near, far = ("回数券がある", "繁忙期は増額あり", "営業所の車で迎え", "―"), ("航空機も可", "航空機を勧める")
        notes = near if minutes < 240 else far
        fares.append("| %s | %s | %d時間%02d分 | %s | %s |" % (
            city, format(fare, ","), *divmod(minutes, 60), "可" if minutes > 120 else "原則として日帰り",
            d.pick("note%d" % i, *notes)))
    return {"fare_table": "\n".join(fares), "parcel": d.step("parcel", 3600, 4400, 200),
            "night_work": d.step("night", 9, 10), "late_start": 2, "party": d.step("party", 5500, 6500, 500),
            "audit_days": d.step("audit", 9, 11),
            "early": d.pick("early", 6, 7), "comp_weeks": d.step("comp", 4, 5), "sick_nights": d.step("sick", 6, 9),
            "rental_km": d.step("rental", 12, 18), "coin": d.step("coin", 9, 12)}


def privacy_notice(d, _base):
    return {"fam": d.step("fam", 7, 8), "mail_fee": d.step("mail", 140, 210, 10), "board_days": d.step("board", 5, 6),
            "viewers": d.step("viewers", 3, 4), "med_days": d.step("med", 8, 11), "survey_m": d.step("survey", 13, 14),
            "reissue": d.step("reissue", 510, 590, 20), "leave_days": d.step("leave", 31, 35),
            "review_m": d.step("review", 2, 2), "screen_min": d.step("screen", 3, 5),
            "inc_month": d.pick("incm", 3, 11), "inc_n": d.step("incn", 26, 47)}


def condominium_rules(d, _base):
    return {"pipe_month": 11, "deduct": d.step("deduct", 30000, 50000, 10000), "judge_weeks": d.step("judge", 5, 7),
            "apr_day": d.step("apr", 17, 24), "tank_from": 10, "tank_to": 13, "mochi": d.step("mochi", 300, 500, 100),
            "soil": d.step("soil", 60, 90, 10), "okihai": d.step("oki", 2, 3), "rec_days": d.step("rec", 10, 11),
            "post_days": 30, "cs_yes": d.step("csy", 41, 52), "cs_no": d.step("csn", 26, 37),
            "cs_any": d.step("csa", 12, 19),
            "lift_min": d.step("lift", 35, 50, 5)}


SHOPS = ("豆腐", "古書", "犬の美容", "時計", "酒", "薬局", "呉服", "菓子", "花", "魚", "青果", "喫茶", "書道教室",
         "電器", "靴修理", "茶葉", "金物", "理髪", "洋食", "総菜", "文具", "眼鏡", "自転車", "そば")


def shop_row(d, i, name):
    note = d.pick("note%d" % i, "甘酒の引換え所", "夜は8時閉店", "配達あり", "―", "日曜休み", "―", "店頭で実演", "12月は無休")
    return "　　%s%d　　　%s　　　　　%s　　　%s　　　　　　　　%s　　　　%s" % (
        "東中西"[i % 3], i // 3 + 1, name, d.pick("join%d" % i, "する", "する", "する", "検討中"),
        format(d.step("n%d" % i, 150, 1900, 50), ","), d.pick("off%d" % i, "5％", "1割", "なし", "15％", "2割"), note)


def shopping_street_minutes(d, _base):
    rows = [shop_row(d, i, name) for i, name in enumerate(SHOPS)]
    return {"yoichi": d.step("yoichi", 6100, 7400, 50), "target_n": d.step("target", 320, 480, 20),
            "rakugo": d.step("rakugo", 800, 1100, 100), "rakugo_n": d.step("rn", 73, 96),
            "exp_shops": d.step("es", 9, 12), "exp_kids": d.step("ek", 27, 38),
            "pansy": d.step("pansy", 240, 330, 10), "gutter": d.step("gutter", 5, 8), "crow_pct": d.step("crow", 3, 4),
            "shops_web": d.step("web", 44, 57), "web_views": d.step("views", 2100, 2900, 100),
            "photos": d.step("photos", 260, 390),
            "patrol": d.step("patrol", 4, 6), "lost": d.step("lost", 9, 12), "shop_table": "\n".join(rows),
            "extra": d.step("extra", 100, 200, 50), "flag_weeks": d.step("flag", 2, 3),
            "rack_n": d.step("rack", 26, 35), "tutor": d.step("tutor", 3, 5),
            "power": d.step("power", 5100, 6200, 100), "tatami": d.step("tatami", 20, 26),
            "no_show": d.step("ns", 2, 2), "key_n": d.step("kn", 10, 12)}


def miso_hygiene(d, _base):
    rows = []
    for i in range(20):
        kind = d.pick("kind%d" % i, "大豆", "大豆", "米", "大麦", "食塩", "かつお節粉末")
        bean = kind == "大豆"
        day = weekday(date(2026, 1, 12) + timedelta(i * 8 + d.step("day%d" % i, 0, 6)))
        inland = d.pick("place%d" % i, "新潟", "山形", "秋田", "富山")
        place = {"食塩": "瀬戸内", "かつお節粉末": "枕崎"}.get(kind, inland)
        kilograms = d.step("kg%d" % i, 300, 4800, 60) // (20 if kind == "かつお節粉末" else 1)
        rows.append("| %s | %s | %s | %s | %s | %s | %s | %s |" % (
            ja_day(day), kind, place, format(kilograms, ","),
            "%.1f" % (d.step("water%d" % i, 104, 124) / 10) if kind != "食塩" else "―",
            "%.1f" % (d.step("broken%d" % i, 6, 24) / 10) if bean else "―",
            d.pick("ok%d" % i, "合格", "合格", "合格", "条件", "返品"),
            d.pick("note%d" % i, "―", "袋1枚に破れ", "―", "証明書は翌日着", "―", "倉庫の東へ", "温度計を同封")))
    return {"intake_table": "\n".join(rows), "alcohol_ml": d.step("alc", 2, 3), "glove_h": d.step("glove", 2, 4),
            "film_years": d.step("film", 4, 5), "glass_m": d.step("glass", 3, 4), "dry_days": d.step("dry", 9, 12),
            "rinse_temp": d.step("rt", 86, 90, 2),
            "rinse_min": d.pick("rm", 6, 9), "steam_cloth": d.step("sc", 31, 39), "scale_kg": d.pick("sk", 5, 10),
            "scale_g": d.step("sg", 7, 12), "hypo_h": d.pick("hypo", 12, 24), "power_h": d.step("power", 3, 4),
            "quake": 4, "pile": d.step("pile", 5, 6),
            "edu_h": d.pick("edu", 10, 12), "edu_n": 3, "edu_pass": d.pick("pass", 7, 8),
            "hair_before": d.step("hb", 14, 19), "hair_after": d.step("ha", 3, 5), "north_m": d.step("north", 1, 2)}
