"""What is drawn for the Japanese documents."""

from datetime import date, timedelta

from draw import ja, ja_day


def travel_rules(d):
    dom, car = d.step("dom", 6, 8), d.step("car", 32, 38)
    values = {
        "no": d.step("no", 31, 58), "revised": "令和8年3月%d日" % d.step("revised", 10, 19),
        "effective": "令和8年4月1日",
        "day_km": d.step("day", 40, 60, 5), "apply_dom": 3, "apply_int": d.step("apply", 14, 18), "after_apply": 2,
        "private": d.step("private", 3, 4),
        "express_km": d.step("express", 90, 110, 10), "air_hours": d.step("air", 3, 4), "car_yen": car,
        "moto_yen": car - d.step("moto", 14, 17),
        "car_old": car - d.step("old", 3, 5), "drive_km": d.step("drive", 180, 220, 10),
        "baggage": d.step("baggage", 15, 20), "half_hours": d.step("half", 5, 6),
        "over_pct": d.pick("over", 120, 130), "relative": d.step("relative", 2600, 3400, 200),
        "long_days": d.step("long", 20, 28), "long_cut": d.pick("cut", 15, 25),
        "home_trips": 2, "biz_hours": d.step("biz", 7, 8), "outfit": d.step("outfit", 32000, 38000, 1000),
        "outfit_years": d.step("oy", 3, 4),
        "passport": d.step("passport", 11500, 15500, 500), "ins_death": d.pick("death", 5000, 6000),
        "ins_cure": d.pick("cure", 2000, 3000),
        "ins_goods": d.step("goods", 25, 40, 5), "danger": 2, "advance_min": d.step("amin", 45000, 55000, 5000),
        "advance_days": d.step("adays", 4, 5),
        "settle_dom": dom, "settle_int": dom + d.step("int", 4, 6), "late_months": d.step("late", 3, 4),
        "receipt": d.pick("receipt", 1000, 2000),
        "np_a": d.pick("npa", "反則金", "土産代"), "np_b": d.pick("npb", "酒代", "娯楽費"),
        "review_years": d.step("review", 2, 3)}
    daily = d.step("pd", 2100, 2300, 100)
    first, second = d.step("ka", 10700, 11300, 100), d.step("ot", 8700, 9300, 100)
    for i, k in enumerate("dcba"):
        values.update({"pd_" + k: daily + 400 * i, "ka_" + k: first + 1300 * i, "ot_" + k: second + 1100 * i})
    abroad, hotel = d.step("ia", 58, 64), d.step("ha", 172, 188, 2)
    for i, k in enumerate(("a", "b", "c", "dd")):
        values["i" + k] = abroad - 5 * i
        values["h" + k[-1]] = hotel - 27 * i
    return values


def privacy_notice(d):
    k_cam = d.step("cam", 17, 27)
    return {
        "edition": d.step("edition", 4, 7), "valid": "令和8年%d月1日" % d.step("valid", 6, 9),
        "prev": "令和5年10月1日",
        "cameras": d.step("cameras", 18, 26), "no_cam_a": d.pick("nca", "更衣室", "シャワー室"),
        "no_cam_b": d.pick("ncb", "授乳室", "サウナ室"),
        "stat_min": d.step("stat", 8, 12), "mail_max": 3, "k_member": d.step("km", 2, 3),
        "k_health": d.step("kh", 3, 5), "k_gate": d.step("kg", 15, 17),
        "k_class": d.step("kc", 10, 12), "k_body": d.step("kb", 4, 5), "k_cam": k_cam, "cam_old": k_cam + 16,
        "k_acc": d.step("ka", 6, 8), "k_pay": 10,
        "k_lost": d.step("kl", 7, 9), "trial": d.step("trial", 60, 90, 10), "paper": d.step("paper", 1, 2), "audit": 2,
        "sub_days": d.step("sub", 40, 50, 5),
        "lock_min": d.step("lock", 25, 40, 5), "leak_hours": d.step("leak", 36, 60, 12),
        "train_month": d.pick("train", 5, 6), "reply_days": d.step("reply", 12, 16, 2),
        "extend_days": d.step("extend", 18, 22, 4), "fee": d.step("fee", 320, 480, 20),
        "child_age": d.pick("child", 16, 18), "pickup": d.step("pickup", 4, 6),
        "cookie": d.step("cookie", 85, 95, 5), "app_hist": d.step("hist", 6, 9), "desk_close": d.step("desk", 5, 6),
        "complaint": d.step("complaint", 7, 9),
        "notice": d.step("notice", 32, 38, 3)}


def condominium_rules(d):
    wash_to, bulky = 10, d.pick("bulky", 4, 6)
    values = {
        "revised": "令和7年%d月%d日" % (d.step("rm", 5, 6), d.step("rd", 18, 28)), "effective": "令和7年9月1日",
        "floors": d.step("floors", 11, 15),
        "units": d.step("units", 96, 138), "ban_use_a": d.pick("bua", "民泊", "貸倉庫"),
        "ban_use_b": d.pick("bub", "学習塾", "音楽教室"), "music_end": 8,
        "music_hours": d.step("mh", 2, 3), "floor_ll": d.pick("ll", 40, 45), "wash_from": d.step("wf", 6, 7),
        "wash_to": wash_to, "wash_to24": wash_to + 12,
        "aquarium": d.step("aq", 120, 180, 10), "heavy": d.step("heavy", 250, 350, 50),
        "kerosene": d.pick("ker", 18, 36), "pets": 2, "dog_height": d.step("dh", 45, 50),
        "dog_weight": d.step("dw", 11, 14), "pet_days": d.step("petd", 15, 25, 5), "pet_month": d.pick("petm", 6, 7),
        "pet_fee": d.step("petf", 1500, 2500, 500),
        "balcony_cm": d.step("bal", 60, 80, 10), "tree_m": d.pick("tree", "1.8", "2.2"),
        "shed": d.pick("shed", "1.6", "2.4"), "garden": d.step("garden", 1100, 1700, 200),
        "park_years": d.pick("py", 2, 3), "second_pct": d.pick("sec", 150, 180), "park_notice": 1,
        "guest_hours": d.step("gh", 5, 6), "guest_yen": d.step("gy", 600, 800, 100),
        "ev_yen": d.step("ev", 34, 41), "bike_up": d.step("bu", 1100, 1300, 100),
        "bike_low": d.step("bl", 1900, 2100, 100), "bike_flat": d.step("bf", 3100, 3500, 100),
        "bike_days": d.step("bd", 20, 28), "moped_n": d.step("mop", 7, 12), "room_end": 9,
        "room_yen": d.step("ry", 350, 550, 50), "room_months": d.step("rmo", 2, 3),
        "clean_min": d.pick("cm", 15, 20), "guestroom": d.step("gr", 3800, 4600, 200),
        "guestroom_n": d.step("grn", 3, 4), "lottery_month": d.pick("lot", 10, 11),
        "parcel_days": 3, "roof_max": d.step("rmax", 60, 90, 10), "roof_each": d.step("reach", 3, 4),
        "poster_days": d.step("pod", 12, 16, 2), "bulky": bulky, "bulky24": bulky + 12,
        "box_n": d.step("box", 8, 12), "work_days": d.step("wd", 18, 24, 3), "answer_days": d.step("ans", 8, 11),
        "no_work": d.pick("nw", "8月13日から16日まで", "12月28日から1月5日まで"),
        "repair_days": d.step("rep", 30, 40, 5), "heater_years": d.step("hy", 12, 13),
        "absent_days": d.step("ab", 30, 45, 5), "key_yen": d.step("key", 8400, 9800, 200), "drills": 2,
        "water": d.step("water", 6, 9), "water_years": d.step("wy", 5, 6), "warn_days": d.step("warn", 27, 29),
        "arrears_months": d.step("arr", 4, 5), "appeal_days": d.step("app", 42, 56, 7)}
    rows = ((d.step("n1", 11, 14), d.step("y1", 15500, 16500, 500), 0),
            (d.step("n2", 16, 21), d.step("y2", 12500, 13500, 500), 0),
            (d.step("n3", 8, 9), d.step("y3", 10200, 10800, 200), d.step("h3", 1970, 2050, 20)),
            (d.step("n4", 8, 9), d.step("y4", 8600, 9000, 200), d.step("h4", 1540, 1560, 10)),
            (d.step("n5", 8, 9), d.step("y5", 7700, 8300, 200), d.step("h5", 1570, 1600, 10)),
            (2, d.step("y6", 5500, 6500, 500), 0))
    for i, (n, y, h) in enumerate(rows, 1):
        values.update({"p%d_n" % i: n, "p%d_y" % i: y, "p%d_h" % i: h})
    return values


def shopping_street_minutes(d):
    day = d.date("day", date(2026, 10, 8), 14, 7)
    yes, loan = d.step("yes", 7, 8), d.step("loan", 6200, 7800, 100)
    values = {
        "no": d.step("no", 214, 248), "date": "%s（%s）" % (ja(day), "月火水木金土日"[day.weekday()]),
        "end": d.pick("end", "9時5分", "9時20分"), "directors": 12, "present": 10,
        "vacant": d.step("vacant", 13, 17), "vacant_less": d.step("less", 2, 3), "fin_month": 9, "month_typhoon": 8,
        "panels": d.step("panels", 16, 22),
        "ins_money": d.step("ins", 540, 690, 10), "arrears": d.step("arr", 7, 9),
        "arrears_yen": d.step("arry", 410, 530, 10), "video": d.step("video", 150, 210, 10),
        "sale_from": ja_day(date(2026, 12, d.step("sf", 5, 9))),
        "sale_to": ja_day(date(2026, 12, d.step("st", 20, 25))), "ticket_yen": d.pick("ticket", 400, 600, 700),
        "ticket_draw": d.step("draw", 5, 6),
        "prize1": 3, "prize2": d.step("p2", 4, 6), "prize3": d.step("p3", 40, 60, 5),
        "prize4": d.step("p4", 120, 180, 10), "lose_n": d.step("lose", 8, 12, 2),
        "flyers": d.step("flyers", 14000, 18000, 500), "wiring": d.step("wiring", 51, 56), "yes": yes,
        "no_votes": 9 - yes, "loan": loan, "loan_man": loan // 10, "loan_years": d.step("ly", 6, 8),
        "night_end": d.pick("ne", 2, 3), "bays": d.step("bays", 4, 5), "crash": d.step("crash", 4, 6), "push_from": 3,
        "push_to": 7, "signs": d.step("signs", 13, 19),
        "exempt": d.pick("exempt", "車いす", "ベビーカー"), "clean_week": d.pick("cw", 1, 3),
        "clean_hour": d.pick("ch", 7, 8), "cams": d.step("cams", 20, 24), "cam_yen": d.step("cy", 180, 230, 10),
        "agm": ja_day(date(2027, 5, d.step("agm", 20, 27))), "term": 2,
        "candidate": ja_day(date(2027, 4, d.step("cand", 12, 20))), "join_old": 50000,
        "join_new": d.step("join", 20000, 30000, 5000),
        "hall_m": d.step("hm", 450, 650, 50), "hall_o": d.step("ho", 1200, 1500, 100),
        "fest_in": d.step("fi", 1860, 1990, 10), "fest_out": d.step("fo", 1710, 1820, 10),
        "school": ja_day(date(2026, 11, d.step("school", 10, 13))), "kadomatsu": ja_day(date(2026, 12, 28)),
        "kadomatsu_end": ja_day(date(2027, 1, 7)), "next": ja_day(day + timedelta(35)),
        "l1": d.step("l1", 8400, 9200, 100), "l2": d.step("l2", 12600, 13800, 100),
        "l3": d.step("l3", 20300, 22700, 100), "l1d": 12, "l2d": d.step("l2d", 26, 31), "l3d": d.step("l3d", 70, 85),
        "l1g": 3, "l2g": 10, "l3g": 12}
    for i, (low, high) in enumerate(((2300, 2700), (3600, 4100), (2900, 3300), (1400, 1800)), 1):
        weekday = d.step("t%da" % i, low, high)
        values.update({"t%da" % i: weekday, "t%db" % i: weekday + d.step("t%db" % i, 900, 1400),
                       "t%dc" % i: weekday + d.step("t%dc" % i, 500, 880)})
    for i, (low, high) in enumerate(((8600, 9200), (5400, 5900), (3100, 3600), (4200, 4700), (3700, 4100),
                                     (2600, 2900), (6300, 6700)), 1):
        budget = d.step("b%d" % i, low, high, 10)
        values.update({"b%d" % i: budget, "c%d" % i: budget * d.step("c%d" % i, 42, 61) // 100,
                       "f%d" % i: budget * (112 if i == 5 else d.step("f%d" % i, 95, 99)) // 100})
    for i, days in enumerate((12, 21, 27, 33, 9), 1):
        values["a%d" % i] = ja_day(day + timedelta(days + d.step("a%d" % i, 0, 2)))
    return values


KINDS = ("米みそ・赤", "米みそ・淡色", "麦みそ", "減塩米みそ", "だし入り用")
# Longer than the months of the table of products.
LEAST_DAYS = {"米みそ・赤": 340, "米みそ・淡色": 155, "麦みそ": 125, "減塩米みそ": 215, "だし入り用": 185}
REMARKS = ("表面に少し溜まりが多い", "色は濃いめ、香りよい", "重しを2割減らした", "底がやや硬い",
           "隣の桶と合わせて調合", "品評会に出す", "塩の粒が残り、混ぜ直し",
           "漏れがあり、たがを締めた", "麹の割合を1割増やした試作", "見本を県の研究員に渡した", "蓋を新しくした",
           "業務用に回す")


def vat_rows(d):
    """-> (rows, the vat with film yeast, its kilograms)"""
    film = d.step("film", 6, 14)
    rows, found, weights = [], None, d.shuffled("weights", range(1850, 3150, 37))
    remarks = d.shuffled("remarks", REMARKS)
    for i in range(22):
        start = date(2025, 1, 9) + timedelta(i * 9 + d.step("start%d" % i, 0, 6))
        kind, name = d.pick("kind%d" % i, *KINDS), "%s-%d" % ("東西北"[i % 3], 11 + i)
        remark = "産膜酵母あり" if i == film else (remarks[i // 2] if i % 2 and i // 2 < len(remarks) else "―")
        if i == film:
            found = name, weights[i]
        rows.append("| %s%s | %s | %s | %s | %.1f | %s | %s | %s |" % (
            "{#jf08}" if i == film else "", name, kind, start, format(weights[i], ","),
            d.step("temp%d" % i, 182, 279) / 10,
            "―" if kind == "米みそ・淡色" else start + timedelta(d.step("turn%d" % i, 92, 99)),
            start + timedelta(LEAST_DAYS[kind] + d.step("out%d" % i, 4, 75)), remark))
    return rows, *found


def miso_hygiene(d):
    rows, film_vat, film_kg = vat_rows(d)
    fe = d.pick("fe", "0.8", "1.2")
    values = {
        "doc_no": d.step("doc", 117, 163), "edition": d.step("ed", 5, 9),
        "revised": "令和8年9月%d日" % d.step("rd", 5, 25), "review_month": d.pick("rev", 2, 11),
        "bean_water": d.pick("bw", "12.5", "13.5"), "bean_broken": d.pick("bb", "2.5", "3.5"),
        "rice_days": d.step("rice", 12, 16), "fish_a": d.pick("fa", "固まり", "変色"),
        "fish_b": d.pick("fb", "油の臭い", "虫の跡"), "seed_temp": d.step("seed", 8, 9),
        "seed_days": d.step("sd", 5, 6), "soak_from": d.step("sof", 13, 14), "soak_to": d.step("sot", 18, 19),
        "steam_mpa": d.pick("mpa", "0.08", "0.12"), "steam_min": d.step("sm", 22, 28),
        "mash_temp": d.step("mash", 31, 34), "koji_h": d.step("kh", 42, 46), "koji_max": d.step("km", 38, 39),
        "mix_min": d.step("mix", 11, 13), "weight_pct": d.step("wp", 21, 29), "turn1": d.step("t1", 36, 44),
        "turn2": d.step("t2", 92, 99), "mesh": d.pick("mesh", 16, 20),
        "mixer_min": d.step("mm", 17, 19), "alcohol": d.pick("alc", "1.8", "2.2"), "fill_temp": d.step("ft", 19, 21),
        "fill_hum": d.pick("fh", 55, 60), "purge": d.step("purge", 7, 9),
        "heat_temp": d.step("ht", 76, 84, 2), "heat_min": d.pick("hm", 14, 16, 18), "fe": fe,
        "sus": d.pick("sus", "1.8", "2.4"), "cool_h": d.step("ch", 2, 3), "cool_temp": d.step("ct", 23, 27),
        "hold_days": d.step("hd", 6, 8), "thermo": d.pick("th", "0.6", "0.9"), "test_n": d.step("tn", 4, 6),
        "roller_sec": d.step("rs", 25, 35, 5), "stool_months": d.step("stm", 3, 4),
        "ceiling_months": d.step("cm", 5, 6), "traps": d.step("tr", 38, 54), "visit_days": d.step("vd", 10, 11),
        "salt_tol": d.pick("st", "0.4", "0.6"), "sample_after": d.step("sa", 1, 2),
        "panel": d.step("pa", 7, 9), "sensory": d.pick("se", "3.2", "3.4"), "nutri_years": d.step("ny", 2, 3),
        "claim_days": d.step("cd", 3, 4), "claim_final": d.step("cf", 15, 17),
        "drill": 2, "trace_h": d.pick("trace", 5, 7, 8), "recall_years": d.step("ry", 6, 7),
        "rec_norm": d.step("rn", 3, 4), "rec_cold": 2, "vat_table": "\n".join(rows), "film_vat": film_vat,
        "film_kg": film_kg, "film_cm": d.step("fc", 4, 6), "hot_month": 8}
    for i, k in enumerate("abcde"):
        values.update({"salt_" + k: ("12.4", "11.2", "10.3", "6.8", "9.7")[i],
                       "age_" + k: (10, 4, 3, 6, 5)[i] + d.step("age" + k, 0, 1),
                       "best_" + k: (12, 8, 7, 3, 4)[i]})
    values["best_c"] = d.pick("bestc", 9, 15)
    for i, (e, f) in enumerate(((6, 18), (3, 12), (2, 9), (2, 14), (1, 20), (1, 11), (12, 8), (2, 13), (6, 10)), 1):
        values.update({"e%d" % i: e, "f%d" % i: f + d.step("f%d" % i, 0, 1)})
    return values
