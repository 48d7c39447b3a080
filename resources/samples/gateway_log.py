"""The log of one night of an order gateway.

What happened is written out by hand in EVENTS. Ordinary traffic is put between
from a fixed sequence of numbers, so that the file never changes.
"""

import random

# time|level|component|message; rq-@ is the next request, rq-= the same again
EVENTS = """
22:00:00.004|INFO|main|order-gateway 8.14.2 on node og-2, configuration set 2216, log of the night 2026-03-17 to 2026-03-18, local time
22:00:00.310|INFO|pool|database pool ready, 24 connections, timeout 1500 ms
22:00:00.655|INFO|log|lines about single orders are a sample of all
22:00:01.122|INFO|route|17 routes loaded, 3 of them read only
22:14:07.551|WARN|auth|rq-@ client key of partner tarnside-web expires in 6 days
22:30:00.020|INFO|sched|job price-sync started
22:31:18.402|INFO|sched|job price-sync done, 5318 prices read, 42 changed
22:47:55.930|WARN|http|rq-@ body of 2.6 MB refused, limit 2 MB, answer 413
23:00:00.016|INFO|stat|hour 22: 1904 orders accepted, 11 refused, median 38 ms
23:09:41.775|ERROR|mail|order confirmation for o-773031 not sent, mail host answered 451
23:10:42.104|INFO|mail|order confirmation for o-773031 sent at second attempt
23:26:30.218|WARN|disk|/var/spool/gateway 83 % full, 9.4 GiB free
23:41:12.667|INFO|auth|rq-@ partner hollin-parts locked out for 15 minutes after 5 wrong keys
23:56:12.670|INFO|auth|lock on partner hollin-parts lifted
00:00:00.013|INFO|stat|hour 23: 1377 orders accepted, 7 refused, median 36 ms
00:00:02.480|INFO|log|file rotated, previous file 61 MB
00:15:00.019|INFO|sched|job archive started
00:22:48.316|INFO|sched|job archive done, 12044 orders moved, oldest from 2025-12-17
00:38:09.090|WARN|clock|offset to time server 212 ms, corrected
01:00:00.015|INFO|stat|hour 00: 862 orders accepted, 4 refused, median 35 ms
01:02:33.871|WARN|route|rq-@ carrier fennick-freight slow, 2210 ms, rate taken from cache
01:30:00.021|INFO|sched|job stock-reconcile started, batch size 50000
01:38:41.206|WARN|db|rq-@ reserve stock waited 1204 ms for a row lock on table reservation
01:39:02.733|WARN|db|rq-@ reserve stock waited 1371 ms for a row lock on table reservation
01:40:15.048|ERROR|db|rq-@ reserve stock failed, lock wait above 1500 ms
01:41:50.519|WARN|pool|20 of 24 connections busy
01:43:27.380|WARN|pool|24 of 24 connections busy, 9 requests waiting
01:44:05.662|ERROR|pool|rq-@ no connection within 1500 ms, answer 503
01:44:36.914|ERROR|pool|rq-@ no connection within 1500 ms, answer 503
01:45:20.127|ERROR|http|rq-@ upstream og-1 reports the same, no failover possible
01:46:02.448|WARN|stat|share of failed requests 31 % over the last 60 s
01:47:12.093|ERROR|breaker|circuit to database opened after 50 failures
01:47:12.140|INFO|spill|new orders go to the spill queue from now on
01:47:40.005|WARN|alert|incident INC-3092 raised, severity 2, on-call engineer paged
01:52:40.009|WARN|alert|INC-3092 not acknowledged, page repeated
01:55:18.634|INFO|alert|INC-3092 acknowledged by on-call engineer
02:00:00.018|INFO|stat|hour 01: 446 orders accepted, 98 refused, median 44 ms
02:03:29.771|INFO|admin|lock list requested: session 5127 of stock-reconcile holds 48213 row locks
02:04:52.280|WARN|spill|200 orders parked
02:08:55.912|ERROR|breaker|trial request failed, circuit stays open
02:11:30.456|INFO|admin|note on INC-3092: release 8.14.2 changed the batch size of stock-reconcile from 500 to 50000
02:19:06.387|WARN|admin|job stock-reconcile cancelled by on-call engineer, rollback begins
02:23:51.940|INFO|db|rollback of session 5127 finished, all row locks released
02:24:36.205|INFO|breaker|trial request succeeded, circuit closed
02:24:36.611|INFO|spill|replay started, 412 orders parked
02:29:14.077|WARN|spill|rq-@ order o-775648 is a duplicate of o-775646, dropped
02:33:08.529|WARN|spill|rq-@ order o-775791 refused, article 60-117 sold out meanwhile
02:36:20.864|WARN|spill|rq-@ order o-775910 is a duplicate of o-775909, dropped
02:41:17.352|INFO|spill|replay done, 409 orders accepted, 2 duplicates dropped, 1 refused
02:44:02.190|INFO|admin|batch size of stock-reconcile set to 500, configuration set 2217
02:52:30.733|INFO|alert|INC-3092 closed
03:00:00.017|INFO|stat|hour 02: 778 orders accepted, 12 refused, median 40 ms
03:05:00.020|INFO|sched|job stock-reconcile started, batch size 500
03:27:44.615|INFO|sched|job stock-reconcile done, 96400 rows compared, 118 corrected
03:48:19.402|ERROR|pay|rq-@ payment service answered 502, tried again
03:48:21.037|INFO|pay|rq-= payment authorised at second attempt
04:00:00.014|INFO|stat|hour 03: 288 orders accepted, 1 refused, median 34 ms
04:10:00.022|INFO|sched|job backup started
04:36:52.708|INFO|sched|job backup done, 38.2 GB written
04:51:33.165|WARN|auth|rq-@ token of partner otter-supplies used from a new network, let in
05:00:00.016|INFO|stat|hour 04: 341 orders accepted, 2 refused, median 34 ms
05:20:00.019|INFO|sched|job tax-table started
05:20:09.844|INFO|sched|job tax-table done, nothing changed
05:44:40.581|WARN|http|rq-@ client closed the connection before the answer
06:00:00.015|INFO|stat|hour 05: 730 orders accepted, 3 refused, median 37 ms
06:00:00.950|INFO|log|end of night file
"""

# Orders received since 22:00, at each full hour; the numbers of orders and
# requests follow from it.
RECEIVED = (0, 1915, 3299, 4165, 4856, 5501, 5790, 6133, 6866)
FIRST_ORDER, FIRST_REQUEST, REQUESTS_PER_ORDER = 770914, 0x1000, 3
# Seconds after 22:00: from the empty pool to the circuit's opening no request
# is served, from then to its closing orders are parked.
POOL_EMPTY, CIRCUIT_OPEN, CIRCUIT_CLOSED = 13407, 13632, 15876
TRIES_PER_GAP, SHARE = 7, 0.52


def _seconds(stamp):
    """Seconds after 22:00 of a time of day hh:mm:ss.mmm."""
    hours, minutes, seconds = stamp.split(":")
    return ((int(hours) + 2) % 24) * 3600 + int(minutes) * 60 + float(seconds)


def _stamp(at):
    whole, millis = divmod(round(at * 1000), 1000)
    return "%02d:%02d:%02d.%03d" % ((whole // 3600 + 22) % 24, whole // 60 % 60,
                                    whole % 60, millis)


def _received(at):
    hour = min(int(at // 3600), len(RECEIVED) - 2)
    part = at / 3600 - hour
    return RECEIVED[hour] + (RECEIVED[hour + 1] - RECEIVED[hour]) * part


def _request(at):
    return "%04x" % (FIRST_REQUEST + int(_received(at) * REQUESTS_PER_ORDER))


def _traffic(number, at):
    """Component and message of an ordinary line; `number` is in [0, 1)."""
    order = FIRST_ORDER + int(_received(at))
    millis = 21 + int(number * 10007) % 58
    lines = int(number * 5003) % 9 + 2
    if at >= CIRCUIT_OPEN and at < CIRCUIT_CLOSED:
        return "spill", "o-%d parked, %d lines" % (order, lines)
    return (
        ("order", "o-%d accepted, %d lines, %d ms" % (order, lines, millis)),
        ("http", "GET /stock answer 200, %d ms" % millis),
        ("route", "o-%d to warehouse %s" % (order, ("north", "quay", "mill")[lines % 3])),
        ("order", "o-%d accepted, %d lines, %d ms" % (order, lines, millis + 9)),
        ("pay", "o-%d payment authorised" % order),
        ("order", "o-%d changed by customer, %d lines" % (order, lines)),
        ("http", "GET /orders answer 200, %d ms" % (millis + 12)),
        ("label", "o-%d printed, %d parcels" % (order - 40, lines % 4 + 2)),
        ("order", "o-%d withdrawn by customer" % (order - 15)),
    )[int(number * 1000) % 9]


def _events():
    request = ""
    for line in EVENTS.strip().splitlines():
        stamp, level, component, message = line.split("|")
        at = _seconds(stamp)
        if "rq-@" in message:
            request = _request(at)
        yield at, level, component, message.replace("rq-@", "rq-" + request).replace(
            "rq-=", "rq-" + request)


def gateway_log():
    rng = random.Random(20260317)
    events = list(_events())
    lines, request = list(events), ""
    for before, after in zip(events, events[1:]):
        for slot in range(TRIES_PER_GAP):
            place, keep, number = rng.random(), rng.random(), rng.random()
            at = before[0] + (after[0] - before[0]) * (slot + place) / TRIES_PER_GAP
            if (after[0] - before[0] < 150 or keep > SHARE
                    or POOL_EMPTY <= at < CIRCUIT_OPEN or _request(at) == request):
                continue
            request = _request(at)
            component, message = _traffic(number, at)
            lines.append((at, "INFO", component, "rq-%s %s" % (request, message)))
    lines.sort(key=lambda line: line[0])
    return "".join("%s %-5s %s: %s\n" % (_stamp(line[0]), *line[1:])
                   for line in lines).encode()
