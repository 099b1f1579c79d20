#!/usr/bin/python3
"""hallmark policy check: a time zone's rule is compared with what the machine's tzdata says of its name; that is a remark, no verdict."""
import os
import struct
import sys
import tempfile

from policy_lib import Bench, documented, edited

BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
WINDOWS = [{"days": ["fri"], "from": "16:00", "to": "24:00"}]
FOREVER = 4102444800  # 2100-01-01, a Friday


def tzif(rule, changes=(), offsets=(3600,), version=b"2"):
    """A TZif file (RFC 9636) with these changes (Unix seconds, index into offsets)."""
    def block(width):
        counts = struct.pack(">6l", 0, 0, 0, len(changes), len(offsets), 4)
        body = b"".join(struct.pack(">q" if width == 8 else ">l", t if width == 8 else min(t, 2**31 - 1)) for t, _ in changes)
        body += bytes(i for _, i in changes) + b"".join(struct.pack(">lBB", o, 0, 0) for o in offsets) + b"XXX\0"
        return b"TZif" + version + bytes(15) + counts + body
    return block(4) + block(8) + b"\n" + rule.encode() + b"\n"


def frozen(rule, name="Europe/Berlin"):
    freeze = {"time_zone": {"name": name, "rule": rule}, "windows": WINDOWS}
    return edited(documented(), lambda d: d["rules"][0].update(freeze=freeze))


def remarks(b, name, rule=BERLIN, zone="Europe/Berlin"):
    r = b.expect(name, 0, "", "policy", "check", b.write("policy.json", frozen(rule, zone)), "--json")
    return getattr(r, "json", {}).get("remarks")


def with_own_files(b):
    folder = os.path.join(b.folder, "zones", "Europe")
    os.makedirs(folder)
    os.environ["TZDIR"] = os.path.dirname(folder)
    path = os.path.join(folder, "Berlin")

    def put(data):
        with open(path, "wb") as f:
            f.write(data)
    put(tzif(BERLIN))
    b.check("the same", remarks(b, "the same") == [])
    b.check("spelt otherwise", remarks(b, "spelt otherwise", "MEZ-1MESZ-2,M3.5.0/2,M10.5.0/3:00") == [])
    for name, rule in (("no summer", "CET-1"), ("another day", "CET-1CEST,M3.4.0,M10.5.0/3"), ("another hour", "CET-2CEST,M3.5.0,M10.5.0/3")):
        said = remarks(b, name, rule)
        b.check(name, said and said[0].startswith("$.rules[0].freeze.time_zone: ") and rule in said[0] and BERLIN in said[0], said)
    r = b.expect("for people", 0, r"note: .*tzdata says CET-1CEST,M3\.5\.0,M10\.5\.0/3 for Europe/Berlin", "policy", "check",
                 b.write("policy.json", frozen("CET-1")))
    b.check("remarks go to stderr", "tzdata" not in r.out and r.out.startswith("policy of "), r.out)
    b.check("no such file", "no Europe/Paris" in str(remarks(b, "no such file", zone="Europe/Paris")))
    b.check("no such folder", "no Mars/Base" in str(remarks(b, "no such folder", zone="Mars/Base")))
    later = [(FOREVER, 0), (FOREVER + 86400, 1)]
    put(tzif("CET-1", later, (3600, 3600)))
    b.check("changes that change nothing", remarks(b, "changes that change nothing", "CET-1") == [])
    put(tzif("CET-1", later, (3600, 7200)))
    said = remarks(b, "a change that no rule tells", "CET-1")
    b.check("a change that no rule tells", "2100-01-02T00:00:00Z" in str(said), said)
    put(tzif("CET-1", [(86400, 0), (2 * 86400, 1)], (3600, 7200)))
    b.check("changes of long ago", remarks(b, "changes of long ago", "CET-1") == [])
    put(tzif(BERLIN, [(2**63 - 1, 0)], (7200, 3600)))
    b.check("a change at the end of time", remarks(b, "a change at the end of time") == [])
    put(tzif(""))
    b.check("a file without rule", "no rule for Europe/Berlin" in str(remarks(b, "a file without rule")))
    damaged(b, put)


def damaged(b, put):
    """Whatever is cut off or exchanged: it is no zone, and nothing else happens."""
    good = tzif(BERLIN, [(FOREVER, 0)], (3600, 7200))
    cases = [good[:n] for n in range(0, len(good), 7)] + [good[:-1], good + b"x"]
    cases += [good[:i] + b"\xff" + good[i + 1:] for i in list(range(0, 44, 3)) + list(range(58, 106, 3))]
    for i, data in enumerate(cases):
        put(data)
        said = remarks(b, f"damaged {i}")
        b.check(f"damaged {i}", isinstance(said, list) and len(said) <= 1, said)
    for name, data in (("old version", tzif(BERLIN, version=b"\0")), ("type beyond", tzif(BERLIN, [(FOREVER, 3)])),
                       ("long rule", tzif("<" + "A" * 100 + ">-1")), ("text", b"TZ" * 300), ("nothing", b""), ("large", b"TZif2" * 20000)):
        put(data)
        b.check(name, "no Europe/Berlin" in str(remarks(b, name)))


def with_tzdata(b):
    os.environ.pop("TZDIR")
    if not os.path.exists("/usr/share/zoneinfo/Europe/Berlin"):
        print("no tzdata here: not compared with that")
        return
    b.check("tzdata, Berlin", remarks(b, "tzdata, Berlin") == [])
    b.check("tzdata, Tokyo", remarks(b, "tzdata, Tokyo", "JST-9", "Asia/Tokyo") == [])
    b.check("tzdata, New York", remarks(b, "tzdata, New York", "EST5EDT,M3.2.0,M11.1.0", "America/New_York") == [])
    b.check("tzdata, last year's rule", remarks(b, "tzdata, last year's rule", "EST5EDT,M4.1.0,M10.5.0", "America/New_York") != [])
    b.check("tzdata, by the moon", "no rule tells" in str(remarks(b, "tzdata, by the moon", "EET-2EEST,M3.4.4/50,M10.4.4/50", "Asia/Gaza")))


def main():
    with tempfile.TemporaryDirectory() as folder:
        b = Bench(sys.argv[1], folder)
        with_own_files(b)
        with_tzdata(b)
        b.check("without freeze", b.expect("without freeze", 0, "", "policy", "check", b.write("policy.json", documented()),
                                           "--json").json["remarks"] == [])
    return b.end()


if __name__ == "__main__":
    sys.exit(main())
