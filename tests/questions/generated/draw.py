"""Values that depend on a seed and a name alone: the same on every machine and in every version of Python."""

import datetime
import hashlib


class Draw:
    """Draws for one document. A name gives the same value whatever else is drawn before it."""

    def __init__(self, seed, document):
        self.place = "%d/%s" % (seed, document)

    def below(self, name, n):
        digest = hashlib.sha256(("%s/%s" % (self.place, name)).encode()).digest()
        return int.from_bytes(digest[:8], "big") % n

    def pick(self, name, *options):
        return options[self.below(name, len(options))]

    def step(self, name, low, high, step=1):
        """One of low, low + step, ..., high."""
        return low + step * self.below(name, (high - low) // step + 1)

    def date(self, name, first, days, step=1):
        """first or one of the next days, in steps."""
        return first + datetime.timedelta(self.step(name, 0, days, step))

    def shuffled(self, name, items):
        items = list(items)
        for i in range(len(items) - 1, 0, -1):
            j = self.below("%s/%d" % (name, i), i + 1)
            items[i], items[j] = items[j], items[i]
        return items


def weekday(date):
    """The date, or the Monday after it."""
    return date + datetime.timedelta(max(0, 7 - date.weekday()) if date.weekday() > 4 else 0)


def ja(date):
    """A date of the years Reiwa as Japanese offices write it."""
    return "令和%d年%d月%d日" % (date.year - 2018, date.month, date.day)


def ja_day(date):
    return "%d月%d日（%s）" % (date.month, date.day, "月火水木金土日"[date.weekday()])
