#!/usr/bin/python3
"""Alerts from records, computed here from the rules as docs/operations.md words them, over random histories; the program must say the
same. And a program that begins late says the same about everything that is still shown. alert_model_test.py TOOL [SEED]"""
import collections
import hashlib
import json
import random
import subprocess
import sys
import time

TOOL = sys.argv[1]
HOUR, DAY, WEEK_HOURS = 3600_000, 86400_000, 168
DEFAULTS = dict(history_weeks=8, min_weeks=4, min_uses=100, usual_weeks=2, rate_factor=10, rate_floor=20, refusals=5, refusals_gap_s=3600,
                fold_s=3600, certificate_days=30, key_days=90, crl_hours=48, clock_s=60, keep_days=30)
REFUSALS = ("release.refused", "approval.refused", "request.refused", "sign.refused", "policy.refused", "roster.refused", "guards.refused",
            "detail.refused")
DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


class Model:
    """Keeps every use for ever and counts anew each time: no ring, no window that moves."""

    def __init__(self, **c):
        self.c = dict(DEFAULTS, **c)
        self.uses = collections.defaultdict(collections.Counter)  # key -> hour -> uses
        self.rows = {}                                            # subject -> [count, last t, indexes]
        self.alerts = {}                                          # id -> alert, in order

    def raise_(self, kind, severity, subject, t, indexes, text):
        bucket = t // (self.c["fold_s"] * 1000) * (self.c["fold_s"] * 1000)
        name = hashlib.sha256(("%s\n%s\n%d\n" % (kind, subject, bucket)).encode()).hexdigest()[:16]
        a = self.alerts.setdefault(name, dict(id=name, kind=kind, severity=severity, subject=subject, first=t, last=t, count=0, all=[]))
        a["text"], a["last"] = text, max(a["last"], t)
        a["count"] += 1
        a["all"] += [i for i in indexes if not a["all"] or i > a["all"][-1]]

    def use(self, r, key):
        c, t = self.c, r["t_ms"]
        h = t // HOUR
        hours = self.uses[key]
        hours[h] += 1
        window = {x: n for x, n in hours.items() if h - c["history_weeks"] * WEEK_HOURS <= x < h}
        uses = sum(window.values())
        span = h - min(window, default=h)
        if uses < c["min_uses"] or span < c["min_weeks"] * WEEK_HOURS:
            return
        weeks = sum(any(hours.get(h - WEEK_HOURS * w + d, 0) for d in (-1, 0, 1)) for w in range(1, c["history_weeks"] + 1))
        if weeks < c["usual_weeks"]:
            self.raise_("key_hours", "warning", "key:" + key, t, [r["idx"]],
                        "used at %02d h (UTC) on %s, as in %d of the %d weeks before; at least %d are usual"
                        % (h % 24, DAYS[time.gmtime(t / 1000).tm_wday], weeks, c["history_weeks"], c["usual_weeks"]))
        if hours[h] > c["rate_floor"] and hours[h] * span > c["rate_factor"] * uses:
            self.raise_("key_rate", "warning", "key:" + key, t, [r["idx"]],
                        "used %d times in one hour; %d times in the %d hours before" % (hours[h], uses, span))

    def row(self, r, subject, count):
        row = self.rows.get(subject)
        if row is None or r["t_ms"] - row[1] > self.c["refusals_gap_s"] * 1000:
            row = self.rows[subject] = [0, 0, []]
        row[0] += count
        row[1] = r["t_ms"]
        row[2] = (row[2] + [r["idx"]])[-8:]
        if row[0] >= self.c["refusals"]:
            self.raise_("refusals", "warning", subject, r["t_ms"], row[2],
                        "%d refusals or more in a row, the last one %s%s" % (self.c["refusals"], r["event"],
                                                                           ": " + r["outcome"] if r.get("outcome") else ""))

    def record(self, r):
        count = 1 if r["event"] in REFUSALS else r.get("count", 0) if r["event"] == "refusals.summarised" else 0
        for what in ("actor", "product"):
            if r.get(what) and count:
                self.row(r, what + ":" + r[what], count)
            elif r.get(what) and r.get("actor"):
                self.rows.pop(what + ":" + r[what], None)
        i, t = [r["idx"]], r["t_ms"]
        if r["event"] == "sign.failed":
            subject = "key:" + r["keys"][0]["spki"] if r.get("keys") else "key:unknown"
            self.raise_("sign_failed", "warning", subject, t, i, "a key was asked to sign and did not: " + r["outcome"])
        elif r["event"] == "sign.unknown":
            self.raise_("sign_unknown", "critical", "release:" + r["release"], t, i, "nobody knows whether its key signed")
        elif r["event"] == "release.submitted" and r.get("outcome") == "break-glass":
            self.raise_("break_glass", "critical", "release:" + r["release"], t, i, "submitted over a break-glass rule by " + r["actor"])
        elif r["event"] == "policy.activated" and r["idx"] != 1:
            self.raise_("policy_changed", "info", "policy", t, i, "another policy is in force")
        elif r["event"] == "guards.changed":
            self.raise_("guards_changed", "warning", "guards", t, i, "the root has changed the signer's guards")
        elif r["event"] == "roster.changed":
            self.raise_("roster_changed", "info", "key:" + r["guard"], t, i, "list %d of its approvers is in force" % r["serial"])
        if r["event"] == "sign.intended":
            for k in r["keys"]:
                self.use(r, k["spki"])
        if r.get("approver_key"):
            self.use(r, r["approver_key"])

    def result(self, now):
        out = []
        for a in self.alerts.values():
            a = dict(a, first=rfc(a["first"]), last=rfc(a["last"]), records=a["all"][:8], last_record=a["all"][-1],
                     current=now - a["last"] <= self.c["fold_s"] * 1000)
            del a["all"]
            out.append(a)
        return out


def rfc(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms // 1000))


def key(n):
    return hashlib.sha256(b"key %d" % n).hexdigest()


class History:
    def __init__(self, rng):
        self.rng, self.records, self.t = rng, [], rng.randrange(1_500_000_000, 1_900_000_000) * 1000

    def add(self, event, **members):
        self.records.append(dict({"v": 1, "idx": len(self.records), "prev": "00" * 32, "t_ms": self.t, "event": event, "policy": "ab" * 32},
                                 **members))

    def release(self, product, **more):
        return dict(product=product, version="1.0", channel="stable", environment="production", release="r%d" % len(self.records), **more)

    def signed(self, k, product="p1", more=()):
        keys = [{"mechanism": "ESP256", "spki": key(x), "tbs": "22" * 32, "token": "t"} for x in (k,) + tuple(more)]
        self.add("sign.intended", state="signing", keys=keys, actor="ci", **self.release(product))

    def noise(self):
        rng = self.rng
        actor, product = "a%d" % rng.randrange(4), "p%d" % rng.randrange(3)
        what = rng.random()
        if what < 0.45:
            self.add(rng.choice(("release.refused", "sign.refused")), actor=actor, outcome="rule.none", **self.release(product))
        elif what < 0.6:
            self.add(rng.choice(("approval.refused", "request.refused", "policy.refused", "roster.refused", "guards.refused", "detail.refused")), actor=actor,
                     outcome="signature")
        elif what < 0.63:
            self.add("refusals.summarised", actor=actor, count=rng.randrange(1, 9))
        elif what < 0.75:
            self.add("release.submitted", actor=actor, state="submitted", **dict(self.release(product), **(
                {"outcome": "break-glass"} if rng.random() < 0.2 else {})))
        elif what < 0.85:
            self.add("approval.recorded", actor=actor, approver_key=key(100 + rng.randrange(3)), state="submitted", **self.release(product))
        elif what < 0.9:
            self.add("release.expired", state="expired", **self.release(product))
        else:
            special(self)


def special(h):
    """One of the events that stand for themselves."""
    rng = h.rng
    which = rng.randrange(6)
    if which == 0:
        h.add("sign.failed", outcome="hsm", state="approved", **dict(h.release("p1"), **(
            {"keys": [{"mechanism": "ESP256", "spki": key(1), "tbs": "22" * 32, "token": "t"}]} if rng.random() < 0.7 else {})))
    elif which == 1:
        h.add("sign.unknown", outcome="unknown", state="approved", **h.release("p2"))
    elif which == 2:
        h.add("policy.activated")
    elif which == 3:
        h.add("guards.changed", serial=4)
    elif which == 4:
        h.add("roster.changed", guard=key(rng.randrange(2)), serial=rng.randrange(1, 5))
    else:
        h.add("registrar.started", random="cd" * 32)


def working_week(rng, weeks, per_hour, odd, noise):
    """Keys of people and pipelines: working hours, with some nights, bursts and holidays."""
    h = History(rng)
    begin, end = h.t // HOUR, h.t // HOUR + weeks * WEEK_HOURS
    away = set()
    for _ in range(rng.randrange(3)):
        w = rng.randrange(weeks)
        away |= set(range(begin + w * WEEK_HOURS, begin + (w + 1) * WEEK_HOURS))
    for hour in range(begin, end):
        when = time.gmtime(hour * 3600)
        works = when.tm_wday < 5 and 8 <= when.tm_hour < 18 and hour not in away
        moments = []
        for k in range(3):
            rate = per_hour * (1, 0.3, 2)[k] if works else (per_hour * 0.5 if k == 2 else 0)
            n = sum(rng.random() < rate / 4 for _ in range(4))
            if rng.random() < odd:
                n += rng.choice((1, 1, 30, 60))
            moments += [k] * n
        rng.shuffle(moments)
        times = sorted(rng.randrange(hour * HOUR, (hour + 1) * HOUR) for _ in moments)
        for t, k in zip(times, moments):
            h.t = max(h.t, t)
            if rng.random() < 0.1:
                h.signed(k, more=(k + 10,))
            else:
                h.signed(k)
            while rng.random() < noise:
                if rng.random() < 0.1:
                    special(h)
                else:
                    h.noise()
    return h.records


def sparse(rng, count):
    """Long gaps, longer than the window; then a lot."""
    h = History(rng)
    for _ in range(count):
        h.t += rng.choice((0, 1, 1000, 60_000, HOUR // 2, HOUR - 1, HOUR, HOUR + 1, DAY, 7 * DAY - HOUR, 7 * DAY, 7 * DAY + HOUR, 30 * DAY))
        for _ in range(rng.choice((1, 1, 1, 5))):
            h.signed(rng.randrange(3))
        if rng.random() < 0.3:
            h.noise()
        if rng.random() < 0.2:
            special(h)
    return h.records


def run(records, config):
    text = "".join(json.dumps(r, sort_keys=True, separators=(",", ":")) + "\n" for r in records)
    r = subprocess.run([TOOL] + ["%s=%d" % x for x in config.items()], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if r.returncode != 0:
        raise SystemExit("the tool failed: " + r.stderr.decode()[:2000])
    return [json.loads(line) for line in r.stdout.splitlines()]


def differ(name, got, want):
    for g, w in zip(got, want):
        if g != w:
            print("FAILED %s:\n  program %s\n  here    %s" % (name, g, w))
            return True
    if len(got) != len(want):
        print("FAILED %s: %d alerts, here %d; %s" % (name, len(got), len(want), (got + want)[-1]))
        return True
    return False


def begun_late(name, records, config, whole):
    """Only the records of the stretch that the door reads at its start: the same about what is still shown."""
    c = dict(DEFAULTS, **config)
    now = records[-1]["t_ms"]
    history = (c["keep_days"] + 7 * c["history_weeks"] + 2) * DAY + c["fold_s"] * 1000 + c["refusals"] * c["refusals_gap_s"] * 1000
    tail = [r for r in records if r["t_ms"] >= now - history]
    shown = rfc(now - c["keep_days"] * DAY)
    late = [a for a in run(tail, config) if a["first"] >= shown]
    early = [a for a in whole if a["first"] >= shown]
    return len(tail) < len(records), differ(name + ", begun late", late, early)


def main():
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2 ** 32)
    rng = random.Random(seed)
    kinds, failed, cut, cases = collections.Counter(), 0, 0, 0
    small = dict(history_weeks=3, min_weeks=1, min_uses=10, usual_weeks=2, rate_factor=4, rate_floor=3, refusals=3, keep_days=7)
    plans = [("working week, usual thresholds", lambda: working_week(rng, 14, 1.0, 0.002, 0.05), {})]
    plans += [("working week %d" % i, lambda: working_week(rng, rng.randrange(4, 12), rng.random(), 0.01, 0.4), dict(
        small, history_weeks=rng.randrange(1, 5), min_uses=rng.randrange(1, 40), usual_weeks=rng.randrange(1, 4),
        rate_factor=rng.randrange(1, 8), rate_floor=rng.randrange(0, 10), refusals=rng.randrange(1, 6),
        refusals_gap_s=rng.choice((60, 3600, 86400)), fold_s=rng.choice((60, 3600, 86400)))) for i in range(12)]
    plans += [("sparse %d" % i, lambda: sparse(rng, 400), dict(small, min_uses=3, rate_floor=1, fold_s=rng.choice((60, 3600))))
              for i in range(8)]
    for name, make, config in plans:
        records = make()
        model = Model(**config)
        for r in records:
            model.record(r)
        want = model.result(records[-1]["t_ms"])
        got = run(records, config)
        # The list remembers so many and no more.
        failed += differ(name, got, want[-4096:])
        was_cut, wrong = begun_late(name, records, config, got)
        failed, cut, cases = failed + wrong, cut + was_cut, cases + 1
        kinds.update(a["kind"] for a in want)
    missing = {"key_hours", "key_rate", "refusals", "sign_failed", "sign_unknown", "break_glass", "policy_changed", "guards_changed",
               "roster_changed"} - set(kinds)
    if missing or cut < 3:
        print("FAILED: the histories did not hold %s; %d of them were cut" % (sorted(missing), cut))
        failed += 1
    print("seed %d: %d histories, alerts %s, %d failed" % (seed, cases, dict(kinds), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
