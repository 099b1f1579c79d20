#!/usr/bin/python3
"""What a clock shows, by policy/policy_zone.h: compared with Python's zoneinfo over the zones and years of this machine, and with
the C library's own reading of TZ over random rules. zone_test.py PROGRAM (policy_eval)"""
import calendar
import datetime
import json
import os
import random
import subprocess
import sys
import time
import zoneinfo

TZDATA = "/usr/share/zoneinfo"
DAY = 86400
# Explicit changes far into the future (the months of the moon) that the rule at the end of the file does not tell.
BY_THE_MOON = {"Africa/Casablanca", "Africa/El_Aaiun", "Asia/Gaza", "Asia/Hebron"}
# tzdata may list these one by one. A law that was changed comes into force within a year or two; until then the rule is not the clock.
NEAR = range(2031, 2037)
FAR = range(2090, 2130)  # these only the rule tells


def ask(program, questions):
    lines = "".join("zone " + json.dumps(q) + "\n" for q in questions)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def footer(name):
    with open(f"{TZDATA}/{name}", "rb") as f:
        data = f.read()
    return data[:-1].rpartition(b"\n")[2].decode() if data[:4] == b"TZif" and data[4:5] >= b"2" else ""


def samples(rng, years, offset_at):
    """Some moments of each year, and every change with the seconds around it (by halving)."""
    out = []
    for year in years:
        begin, end = calendar.timegm((year, 1, 1, 0, 0, 0)), calendar.timegm((year + 1, 1, 1, 0, 0, 0))
        out += [begin, end - 1, rng.randrange(begin, end)]
        for week in range(begin, end, 7 * DAY):
            low, high = week, week + 7 * DAY
            if offset_at(low) == offset_at(high):
                continue
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset_at(middle) == offset_at(low) else (low, middle)
            out += [low - 1, low, high, high + 1]
    return out


def zones(rng):
    """(name, rule, {moment: offset})"""
    for name in sorted(zoneinfo.available_timezones()):
        try:
            rule, zone = footer(name), zoneinfo.ZoneInfo(name)
        except (OSError, zoneinfo.ZoneInfoNotFoundError):
            continue
        if not rule:
            continue

        def offset(t, zone=zone):
            return int(datetime.datetime.fromtimestamp(t, zone).utcoffset().total_seconds())
        years = list(FAR)[::7] + ([] if name in BY_THE_MOON else list(NEAR)[::3])
        yield name, rule, {t: offset(t) for t in samples(rng, years, offset)}


def random_rule(rng):
    """A rule whose two changes are months apart, in either half of the year."""
    def day(month):
        ordinal = (month - 1) * 30 + rng.randint(5, 25)
        return rng.choice([f"M{month}.{rng.randint(1, 5)}.{rng.randint(0, 6)}", f"J{ordinal}", str(ordinal)])

    def change(month):
        return day(month) + rng.choice(["", "/0", "/3", "/2:30", "/-1", "/24", "/26:15:07", "/-30", "/167", "/-167"])
    first, second = rng.choice([(3, 10), (4, 9), (10, 3), (9, 4), (2, 11)])
    offset = rng.choice(["-1", "5", "+3:30", "-10:30", "0", "-12:45", "4:56:02", "12", "-13"])
    summer = rng.choice(["", offset, "-2", "3", "-9:30"]) if rng.random() < 0.6 else ""
    std, dst = rng.choice([("STD", "DST"), ("<+01>", "<+02>"), ("AAAA", "<-0330>")])
    return f"{std}{offset}{dst}{summer},{change(first)},{change(second)}"


def by_libc(rng):
    for _ in range(300):
        rule = random_rule(rng)
        os.environ["TZ"] = rule
        time.tzset()

        def offset(t):
            return time.localtime(t).tm_gmtoff
        yield rule, rule, {t: offset(t) for t in samples(rng, [rng.randint(1971, 2300)], offset)}
    del os.environ["TZ"]
    time.tzset()


def compare(program, cases):
    cases = list(cases)
    answers = ask(program, [{"rule": rule, "times": sorted(expected)} for _, rule, expected in cases])
    failures = count = 0
    for (name, rule, expected), answer in zip(cases, answers):
        if "error" in answer:
            print(f"FAIL {name} {rule}: {answer['error']}")
            failures += 1
            continue
        for t, got in zip(sorted(expected), answer["offsets"]):
            count += 1
            if got != expected[t]:
                failures += 1
                if failures < 20:
                    print(f"FAIL {name} {rule} at {t}: {got}, expected {expected[t]}")
    return len(cases), count, failures


def main():
    seed = int(os.environ.get("POLICY_SEED") or random.SystemRandom().getrandbits(32))
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    rules, count, failures = compare(sys.argv[1], by_libc(rng))
    print(f"TZ of the C library: {rules} rules, {count} moments, {failures} failures")
    if not os.path.isdir(TZDATA):
        print(f"skipped: no zones in {TZDATA} (package tzdata)")
        return 1 if failures else 77
    found, moments, wrong = compare(sys.argv[1], zones(rng))
    print(f"zoneinfo: {found} zones, {moments} moments, {wrong} failures")
    return 1 if failures or wrong or found < 100 or moments < 20 * found or count < 1000 else 0


if __name__ == "__main__":
    sys.exit(main())
