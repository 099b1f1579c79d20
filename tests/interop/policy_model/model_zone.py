"""What a clock shows under a POSIX TZ rule, from docs/formats/policy.md and POSIX.1-2017 section 8.3: the model's own.

Zone(rule) raises ValueError for what is none. A time line is cut into pieces by the changes of the clock; all answers come from these.
"""
import calendar
import datetime
import re

NAME = r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)"
OFFSET = r"[+-]?[0-9]{1,2}(?::[0-5][0-9](?::[0-5][0-9])?)?"
CHANGE = (r",(?:M(?P<m#>[1-9][0-9]?)\.(?P<w#>[1-5])\.(?P<d#>[0-6])|J(?P<j#>[1-9][0-9]{0,2})|(?P<n#>0|[1-9][0-9]{0,2}))"
          r"(?:/(?P<t#>[+-]?[0-9]{1,3}(?::[0-5][0-9](?::[0-5][0-9])?)?))?")
RULE = re.compile(f"{NAME}(?P<std>{OFFSET})(?:{NAME}(?P<dst>{OFFSET})?{CHANGE.replace('#', '1')}{CHANGE.replace('#', '2')})?")
ZONE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(?:/[A-Za-z0-9][A-Za-z0-9._+-]*)*")
BEYOND = 400 * 366 * 86400


def seconds(text, hours_max):
    sign = -1 if text.startswith("-") else 1
    parts = [int(p) for p in text.lstrip("+-").split(":")] + [0, 0]
    if parts[0] > hours_max:
        raise ValueError(text)
    return sign * (parts[0] * 3600 + parts[1] * 60 + parts[2])


class Zone:
    def __init__(self, rule):
        m = RULE.fullmatch(rule)
        if m is None or len(rule.encode()) > 64:
            raise ValueError(rule)
        self.std = self.dst = -seconds(m["std"], 24)
        self.changes = []
        self.summer = m["n1"] is not None or m["j1"] is not None or m["m1"] is not None
        if self.summer:
            self.dst = -seconds(m["dst"], 24) if m["dst"] else self.std + 3600
            self.days = [self.day(m, i) for i in ("1", "2")]
            self.times = [seconds(m["t" + i] or "2", 167) for i in ("1", "2")]

    @staticmethod
    def day(m, i):
        if m["m" + i]:
            month, week, weekday = int(m["m" + i]), int(m["w" + i]), int(m["d" + i])
            if month > 12:
                raise ValueError(m[0])
            return ("M", month, week, weekday)
        form, day = ("J", int(m["j" + i])) if m["j" + i] else ("n", int(m["n" + i]))
        if day > 365:
            raise ValueError(m[0])
        return (form, day)

    @staticmethod
    def date(day, year):
        first = datetime.date(year, 1, 1)
        if day[0] == "n":
            return first + datetime.timedelta(days=day[1])
        if day[0] == "J":  # the day that this is in a year without 29 February
            plain = datetime.date(2001, 1, 1) + datetime.timedelta(days=day[1] - 1)
            return plain.replace(year=year)
        _, month, week, weekday = day
        fitting = [d for d in range(1, calendar.monthrange(year, month)[1] + 1)
                   if (datetime.date(year, month, d).weekday() + 1) % 7 == weekday]
        return datetime.date(year, month, fitting[min(week, len(fitting)) - 1])

    def pieces(self, around):
        """(begin, end, offset) in Unix seconds, without gaps, from years before `around` to years after it."""
        if not self.summer:
            return [(around - BEYOND, around + BEYOND, self.std)]
        year = datetime.datetime.fromtimestamp(around, datetime.timezone.utc).year
        changes = []
        for y in range(year - 3, year + 4):
            for i, before, after in ((1, self.dst, self.std), (0, self.std, self.dst)):
                midnight = calendar.timegm(self.date(self.days[i], y).timetuple())
                changes.append((midnight + self.times[i] - before, after))
        changes.sort(key=lambda c: c[0])  # stable: of two at once the later one counts
        return [(a, b, offset) for (a, offset), (b, _) in zip(changes, changes[1:] + [(changes[-1][0] + BEYOND, 0)]) if a < b]

    def offset(self, t):
        return next(offset for begin, end, offset in self.pieces(t) if begin <= t < end)

    def span(self, begin, end):
        """The moments of a dated window, given by what the clock shows: (first, behind the last)."""
        first = min(max(a, begin - o) for a, b, o in self.pieces(begin) if max(a, begin - o) < b)
        last = max(min(b, end - o) for a, b, o in self.pieces(end) if min(b, end - o) > a)
        return first, last
