"""What is drawn for the English documents of agreements and rules; tables are in values_en_tables.py."""

from datetime import date, timedelta

from draw import weekday


def staff_handbook(d):
    leave = d.step("leave", 22, 24)
    sick = d.step("sick", 4, 6)
    lone = d.shuffled("lone", ["Market Row", "Hollins Green", "Weir Street", "Upper Tarn"])
    hour, minute = d.pick("call", (7, 45), (8, 15), (8, 35))
    mileage = d.step("mileage", 41, 47, 2)
    return {
        "week_hours": d.pick("week", "36.5", "37", "37.5"), "saturdays": d.step("saturdays", 3, 4),
        "flex": d.step("flex", 8, 12), "leave_a": leave, "leave_b": leave + 2, "leave_c": leave + 5,
        "leave_d": leave + 10, "carry": d.step("carry", 4, 6),
        "call_time": "%02d:%02d" % (hour, minute), "call_time_short": "%d:%02d" % (hour, minute),
        "sick_a": sick, "sick_b": sick * 2, "sick_c": sick * 4,
        "mat_full": d.step("matfull", 8, 12), "mat_half": d.step("mathalf", 14, 20),
        "payday": d.step("payday", 24, 27), "notice_staff": d.step("notice", 4, 6),
        "mileage": mileage, "moto": mileage - d.step("moto", 17, 19), "bicycle": d.step("bicycle", 16, 20),
        "hotel": d.step("hotel", 92, 108, 4), "hotel_london": d.step("london", 142, 168, 2),
        "meal": d.step("meal", 18, 23),
        "not_paid_a": d.pick("npa", "parking fines", "lost property"),
        "not_paid_b": d.pick("npb", "alcohol", "minibar"),
        "gift": d.pick("gift", 15, 25, 30), "lost_hours": d.step("lost", 3, 6), "crate": d.step("crate", 14, 17),
        "lone_a": lone[0], "lone_b": lone[1], "training_days": d.step("training", 4, 6),
        "study_share": d.pick("study", 60, 65, 75), "appeal_days": d.step("appeal", 7, 9),
        "claim_days": d.step("claim", 34, 46, 4)}


def studio_lease(d):
    start = d.pick("start", date(2026, 3, 25), date(2026, 6, 24), date(2026, 9, 29))
    rent = d.step("rent", 14300, 16700, 200)
    deposit = d.step("deposit", 4150, 4950, 50)
    bans = d.shuffled("bans", [("Wood-fired kilns", "wood-fired | wood fired"),
                               ("pit firings", "pit firing | pit firings"),
                               ("raku firings", "raku")])
    return {
        "start": start, "area": d.step("area", 138, 171), "term": d.step("term", 8, 9), "rent": rent,
        "rent2": rent + d.step("r2", 350, 450, 50), "rent3": rent + d.step("r3", 750, 950, 50),
        "rent4": rent + d.step("r4", 1300, 1500, 50),
        "share": d.pick("share", "8.4", "9.1", "11.6"), "deposit": deposit,
        "hours_end": d.pick("end", "21:00", "22:00"),
        "amps": d.pick("amps", 63, 80, 100), "entry": d.step("entry", 3, 5), "late": d.step("late", 11, 13),
        "interest": d.step("interest", 3, 5), "cap": d.step("cap", 12, 18),
        "deposit_days": d.step("depdays", 35, 45, 2),
        "year_start": d.pick("year", "1 January", "1 April"), "fee": d.step("fee", 8, 10),
        "photos": d.step("photos", 64, 98),
        "tank": d.step("tank", 5, 7), "kilns": d.step("kilns", 3, 5), "kiln_volume": d.step("volume", 240, 320, 10),
        "ban_first": bans[0][0][0].upper() + bans[0][0][1:], "ban_second": bans[1][0].lower(),
        "ban_first_fact": bans[0][1], "ban_second_fact": bans[1][1],
        "class_size": d.step("class", 8, 11), "bay": d.step("bay", 25, 50, 5), "sign": d.step("sign", 45, 65, 5),
        "loss_rent": d.step("loss", 3, 4), "liability": d.pick("liability", 3, 5), "unfit": d.step("unfit", 15, 20),
        "sharers": d.step("sharers", 3, 5), "break_date": start.replace(year=start.year + d.step("break", 3, 4)),
        "break_months": d.pick("months", 7, 9, 10), "reentry": d.step("reentry", 21, 27),
        "quorum": d.step("quorum", 5, 7)}


def instrument_insurance(d):
    excess = d.step("excess", 20, 35, 5)
    second = {"ex_" + k + "2": e for k, e in zip("abcd", (excess - 10, excess + 15, excess + 85, excess + 195))}
    return {
        "valid": d.pick("valid", date(2026, 7, 1), date(2026, 10, 1)),
        "depreciation": d.step("depreciation", 20, 35, 5),
        "hire_weeks": d.step("hire", 8, 12), "hire_limit": d.step("hirelimit", 650, 950, 50),
        "sheet": d.step("sheet", 120, 180, 10),
        "new_days": d.step("new", 18, 24, 2), "new_limit": d.step("newlimit", 4500, 7500, 500),
        "valuation_from": d.step("from", 12500, 17500, 500), "valuation_age": d.step("age", 3, 5),
        "ex_a": excess, "ex_b": excess + 35, "ex_c": excess + d.step("exc", 110, 130, 5),
        "ex_d": excess + d.step("exd", 260, 300, 5), "ex_e": excess + 55, **second,
        "journey": d.step("journey", 62, 86, 3), "hum_low": d.step("low", 38, 43), "hum_high": d.step("high", 58, 64),
        "night_from": d.pick("nf", "21:30", "22:15", "22:30"), "night_to": d.pick("nt", "06:15", "06:30", "06:45"),
        "pest_a": d.pick("pa", "woodworm", "moths"), "pest_b": d.pick("pb", "mice", "rats"),
        "tell_days": d.step("tell", 11, 19, 2), "police": d.pick("police", 24, 36, 48),
        "urgent": d.step("urgent", 160, 240, 20),
        "found": d.step("found", 4, 6), "carriage": d.step("carriage", 1150, 1450, 100),
        "parts": d.step("parts", 3, 5),
        "ncd": d.step("ncd", 4, 5), "ncd_max": d.step("ncdmax", 22, 27), "renew": d.step("renew", 28, 33),
        "sell_fee": d.step("sell", 7, 9), "cooling": d.pick("cooling", 21, 28, 30),
        "liability": d.pick("liability", 2, 4),
        "council": d.step("council", 13, 17, 2)}


def coop_minutes(d):
    day = d.date("day", date(2027, 1, 12), 21, 7)
    roof = d.step("roof", 88400, 97600, 400)
    reserve = d.step("reserve", 141300, 158900, 200)
    against = d.step("against", 2, 3)
    agm = day + timedelta(87)
    values = {
        "date": day, "end": d.pick("end", "21:10", "21:25", "21:40"), "quorum": d.step("quorum", 6, 7),
        "prev": day - timedelta(63), "racks": d.step("racks", 164, 178), "racks_wrong": d.step("racksw", 146, 159),
        "lock_fee": d.step("lock", 42, 58), "survey": d.step("survey", 96, 131), "fin_month": "November",
        "arrears": d.step("arrears", 6120, 7840, 20), "arrears_n": d.step("an", 7, 9),
        "arrears_last": d.step("al", 8150, 9450, 50),
        "reserve": reserve, "deposit_month": d.pick("dm", "March", "April"),
        "deposit_rate": d.pick("dr", "2.4", "2.6", "3.1"),
        "off1": roof - d.step("o1", 19200, 22800, 400), "off2": roof, "off3": roof - d.step("o3", 5200, 8800, 400),
        "off1_w": d.step("w1", 5, 6), "off2_w": d.step("w2", 8, 9), "off3_w": 7, "off1_g": 5,
        "off2_g": d.step("g2", 12, 15),
        "off3_g": 10, "vote_against": against, "vote_for": 8 - against,
        "roof_start": weekday(d.date("rs", date(2027, 8, 9), 20)), "from_reserve": d.step("fr", 51500, 58500, 500),
        "lower": d.step("lower", 18, 27), "faults": d.step("faults", 6, 9), "parts_until": d.step("parts", 2030, 2033),
        "hp_share": d.step("share", 68, 77), "hp_cost": d.step("hp", 62500, 69500, 500),
        "hp_grant": d.step("grant", 21500, 26500, 500),
        "setback": d.pick("setback", "22:30", "23:00"), "wash_from": day.replace(month=3, day=1),
        "wash": d.step("wash", 180, 210, 10),
        "wash_old": d.pick("old", 150, 160), "dry": d.pick("dry", 90, 100), "girth": d.step("girth", 14, 18, 2),
        "plots": d.step("plots", 36, 44), "plots_free": d.step("free", 3, 4), "waiting": d.step("waiting", 13, 21),
        "ban_a": d.pick("ba", "hosepipes", "standpipes"), "ban_b": d.pick("bb", "sprinklers", "paddling pools"),
        "party": d.date("party", date(2027, 6, 26), 14, 7), "party_money": d.step("money", 420, 580, 20),
        "place": "three",
        "share_adj": d.step("adj", 240, 310, 10), "agm": agm, "motions": agm - timedelta(21),
        "two_sign": d.step("sign", 2500, 3500, 500), "translate": d.step("translate", 330, 390, 10),
        "bikes": d.step("bikes", 3, 5),
        "next": day + timedelta(35)}
    for name, low, high in (("rents", 412000, 431000), ("repairs", 61000, 74000), ("clean", 38200, 43600),
                            ("insur", 20400, 23900), ("heat", 118000, 131000), ("admin", 26300, 29800)):
        budget = d.step(name, low, high, 100)
        values[name + "_b"] = budget
        values[name + "_d"] = budget * d.step(name + "d", 61, 72) // 100
        share = d.step(name + "e", 104, 109) if name == "repairs" else d.step(name + "e", 93, 98)
        values[name + "_e"] = budget * share // 100
    for i, days in enumerate((8, 15, 44, 52, 34), 1):
        values["act%d" % i] = weekday(day + timedelta(days + d.step("act%d" % i, 0, 3)))
    return values


def energy_fund_rules(d):
    opens = weekday(d.date("opens", date(2027, 2, 1), 13))
    closes = opens + timedelta(d.step("closes", 58, 66))
    points = [d.step("p1", 26, 29), d.step("p2", 18, 21), d.step("p3", 14, 17), d.step("p4", 10, 12)]
    names = ["Energy saved or made for each pound", "Benefit to people who are cold or short of money",
             "Strength of the plan and of the people", "Lasting use after the grant", "What others can learn from it"]
    points.append(100 - sum(points))
    past, strands = [], d.shuffled("strands", ["Spark", "Warm Rooms", "Wheels", "Warm Rooms", "Shared Sun", "Spark"])
    for i in range(6):
        asked = d.step("asked%d" % i, 41, 78)
        past.append("| %d | %d | %d | £%s | %s |" % (2021 + i, asked, asked * d.step("won%d" % i, 31, 46) // 100,
                                                    format(d.step("sum%d" % i, 391000, 618000, 1000), ","),
                                                    strands[i]))
    return {
        "round": 2027, "per_mw": d.step("mw", 5200, 5800, 100), "pot": d.step("pot", 580000, 660000, 10000),
        "members": d.step("members", 6, 9), "radius": d.step("radius", 14, 19),
        "inel_a": d.pick("ia", "political parties", "housing developers"),
        "inel_b": d.pick("ib", "energy suppliers", "banks"),
        "sp_min": d.step("spmin", 300, 450, 50), "sp_max": d.step("spmax", 3500, 4500, 500),
        "sp_share": d.pick("sps", 90, 95),
        "wr_min": d.step("wrmin", 2200, 2800, 200), "wr_max": d.step("wrmax", 38000, 44000, 1000),
        "wr_share": d.pick("wrs", 70, 75),
        "ss_min": d.step("ssmin", 3200, 3800, 200), "ss_max": d.step("ssmax", 51000, 59000, 1000),
        "ss_share": d.pick("sss", 55, 60),
        "wh_min": d.step("whmin", 1200, 1800, 200), "wh_max": d.step("whmax", 27000, 33000, 1000),
        "wh_share": d.pick("whs", 45, 50),
        "lv_min": d.step("lvmin", 8200, 9800, 400), "lv_max": d.step("lvmax", 62000, 69000, 1000),
        "lv_share": d.pick("lvs", 65, 80),
        "volunteer": d.pick("vol", "13.50", "14.20", "15.00"), "panel_years": d.step("py", 12, 16),
        "share_days": d.step("sd", 3, 5),
        "manage": d.step("manage", 6, 9), "feas": d.step("feas", 10, 14, 2),
        "feas_max": d.step("feasmax", 1600, 2400, 200),
        "not_paid": d.pick("np", "second-hand vehicles", "patio heaters"),
        "quotes_from": d.step("quotes", 2600, 3400, 200),
        "opens": opens, "closes": closes, "pages_form": d.step("pages", 9, 12), "panel": d.step("panel", 8, 10),
        "points_min": d.step("min", 54, 62, 2),
        "points_table": "\n".join("| %s | %d |" % row for row in zip(names, points)),
        "tie": d.pick("tie", "a group that never had a grant", "the parish nearest to a turbine"),
        "decide_weeks": d.step("weeks", 9, 11), "accept_days": d.step("accept", 24, 34, 2),
        "lump_max": d.step("lump", 5500, 7500, 500),
        "part1": d.pick("part1", 40, 45), "part2": d.pick("part2", 30, 35), "cash": d.step("cash", 60, 85, 5),
        "lapse": d.step("lapse", 11, 13), "final_weeks": d.step("final", 6, 8),
        "asset": d.step("asset", 1100, 1900, 200),
        "receipts": d.step("receipts", 6, 7), "interest": d.step("interest", 3, 4),
        "proposals": closes + timedelta(120),
        "past_table": "\n".join(past)}
