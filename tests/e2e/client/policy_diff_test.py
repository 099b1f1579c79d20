#!/usr/bin/python3
"""hallmark policy diff: every change of a policy is said, in both directions, and what got weaker comes first."""
import json
import sys
import tempfile

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from policy_lib import Bench, documented, edited, new_key

WITNESS = "witness.example/w1+ea2ad007+BNYvAWoe/R5P33k+tCzYRHHhup8M8E0Sh7XMcfYWKHy4"
CAROL = new_key("carol")
PEM = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
BUILDER = "https://ci.example.com/builder"


def rule(i, **members):
    return lambda d: d["rules"][i].update(members)




def twin(d):
    """A rule for staging beside the one for production."""
    d["keys"][1]["channels"].append("stable")
    d["rules"].append(dict(d["rules"][1], id="stable-staging", channels=["stable"]))


FRIDAYS = {"utc_offset": "+01:00", "windows": [{"days": ["fri"], "from": "16:00", "to": "24:00"}]}
BERLIN = {"name": "Europe/Berlin", "rule": "CET-1CEST,M3.5.0,M10.5.0/3"}


def several_keys(threshold):
    """Two keys in place of one, both for all that the rule is for."""
    def edit(d):
        d["keys"].append(dict(d["keys"][0], id="production-b", public_key={"pem": PEM}))
        rule = d["rules"][0]
        del rule["key"]
        rule["keys"] = {"of": ["production-2026", "production-b"], "threshold": threshold}
    return edit


# what is edited, kind and text from old to new, kind and text back; None: that direction is not looked at
CHANGES = [
    ("fewer approvals", rule(0, approvals={"group": "both", "count": 1}),
     ("weaker", "approvals: 1 of both in place of 2"), ("stricter", "approvals: 2 of both in place of 1")),
    ("nobody approves", rule(2, approvals={"group": "both", "count": 1}),
     ("stricter", "approvals: asked for now"), ("weaker", "approvals: asked for no longer")),
    ("provenance", rule(2, provenance={"builders": [BUILDER]}),
     ("stricter", "provenance: asked for now"), ("weaker", "provenance: asked for no longer")),
    ("longer", rule(1, approval_ttl_s=86401),
     ("weaker", "approvals expire: 86401 in place of 86400"), ("stricter", "86400 in place of 86401")),
    ("default said aloud", rule(0, approval_ttl_s=604800), None, None),
    ("submitter", rule(0, submitters=["ci", "alice"]),
     ("wider", "submitters added: alice"), ("stricter", "submitters removed: alice")),
    ("role", lambda d: d["principals"][2]["roles"].append("auditor"),
     ("wider", "roles added: auditor"), ("stricter", "roles removed: auditor")),
    ("one key less", lambda d: d["principals"][1]["approval_keys"].pop(),
     ("stricter", "approval keys removed: alice token (sha256:"), ("wider", "approval keys added: alice token (sha256:")),
    ("user verification", lambda d: d["principals"][1]["approval_keys"][1].update(user_verification=True),
     ("stricter", "tokens that verify their user added: alice token (sha256:"),
     ("weaker", "tokens that verify their user removed: alice token (sha256:")),
    ("certificate", lambda d: d["principals"][1]["credentials"].append({"san_uri": "spiffe://example.com/alice"}),
     ("wider", "credentials added: spiffe://example.com/alice"), ("stricter", "credentials removed")),
    ("token", lambda d: d["principals"][0]["credentials"].append({"oidc": {"issuer": "https://ci.example.com", "claims": {"repository": "a/b"}}}),
     ("wider", 'credentials added: {"oidc":{"claims":{"repository":"a/b"},"issuer":"https://ci.example.com"}}'),
     ("stricter", "credentials removed: {")),
    ("build level", lambda d: (d["builders"][0].update(level=3), rule(0, provenance={"builders": [BUILDER], "level": 2})(d)),
     ("stricter", "provenance: build level: 2 in place of 0"), ("weaker", "provenance: build level: 0 in place of 2")),
    ("refs", rule(0, provenance={"builders": [BUILDER], "refs": ["refs/tags/*"], "max_age_s": 3600, "parameters": {"/debug": False}}),
     ("stricter", "provenance: parameters added: /debug = false"), ("weaker", "provenance: greatest age in seconds: asked for no longer")),
    ("attestation", rule(0, attestations=[{"name": "sbom", "predicates": ["https://cyclonedx.org/bom"], "builders": [BUILDER]}]),
     ("stricter", "attestations added: sbom"), ("weaker", "attestations removed: sbom")),
    ("joins", lambda d: d["principals"].append({"id": "eve", "roles": ["auditor"]}),
     ("wider", "joins as auditor, with 0 approval keys"), ("stricter", "leaves")),
    ("called otherwise", lambda d: d["principals"][1].update(name="Alice B."),
     ("changed", '"Alice B." in place of "Alice"'), ("changed", '"Alice" in place of')),
    ("repository", lambda d: d["builders"][0]["repositories"].append("https://git.example.com/fork"),
     ("wider", "repositories added: https://git.example.com/fork"), ("stricter", "repositories removed")),
    ("channel", lambda d: (d["keys"][1]["channels"].append("gamma"), d["rules"][1]["channels"].append("gamma")),
     ("wider", "can be released now, no rule was for it: edge-router on gamma"),
     ("stricter", "can be released no longer: edge-router on gamma")),
    ("the same channel in staging", twin, ("wider", "can be released now, no rule was for it: edge-router on stable in staging"),
     ("stricter", "can be released no longer: edge-router on stable in staging")),
    ("two environments to choose from", twin, ("stricter", "can be released no longer: edge-router on stable without a named environment"),
     ("wider", "can be released now, no rule was for it: edge-router on stable without a named environment")),
    ("rule gone", lambda d: d["rules"].pop(),
     ("stricter", "can be released no longer: edge-router on nightly"), ("wider", "can be released now")),
    ("rule renamed", rule(0, id="customers"),
     ("changed", "decides in place of rule stable about edge-router on stable"), ("changed", "in place of rule customers")),
    ("other key under the name", lambda d: (d["keys"][0].update(public_key=d["keys"][1]["public_key"]), d["keys"].pop(1),
                                            d["rules"].pop(1)),
     ("changed", "another key under this name: ESP256 (sha256:"), ("changed", "another key under this name")),
    ("vendor domain", lambda d: d.update(vendor_domain="example.net"),
     ("weaker", "example.net in place of example.com: devices in the field"), ("weaker", "devices in the field")),
    ("name", lambda d: d.update(name="Two"), ("changed", '"Two" in place of "Two People Devices"'), ("changed", "")),
    ("group", lambda d: d["groups"].append({"id": "spare", "members": ["alice"]}), ("changed", "new: alice"),
     ("changed", "gone: alice")),
    ("approvals written otherwise", rule(0, approvals={"stages": [{"of": [{"group": "both", "count": 2}]}]}), None, None),
    ("one after the other", rule(0, approvals={"stages": [{"group": "both", "count": 1}, {"group": "both", "count": 1}]}),
     ("stricter", "approvals: stages: 2 in place of 1"), ("weaker", "approvals: stages: 1 in place of 2")),
    ("verified users", lambda d: ([k.update(user_verification=True) for p in d["principals"][1:] for k in p["approval_keys"][1:]],
                                  rule(0, approvals={"group": "both", "count": 2, "user_verification": True})(d)),
     ("stricter", "approvals: only by keys that verify their user"), ("weaker", "approvals: also by keys that do not verify their user")),
    ("witnesses", lambda d: d.update(witnesses={"keys": [WITNESS], "quorum": 1}),
     ("stricter", "from now on: after a start nothing is signed"), ("weaker", "none any more: an older copy of the log")),
    ("witnessed", lambda d: (d.update(witnesses={"keys": [WITNESS], "quorum": 1}), rule(0, witnessed=True)(d)),
     ("stricter", "a release leaves only with the witnesses' cosignatures"), ("weaker", "a release leaves without")),
    ("veto", rule(0, approvals={"group": "both", "count": 2, "veto": ["both"]}),
     ("stricter", "approvals: groups with a veto added: both"), ("weaker", "groups with a veto removed: both")),
    ("hardware", rule(0, hardware=["er-100"]),
     ("stricter", "can be released no longer: edge-router on stable"), ("wider", "can be released now")),
    ("break glass", lambda d: (d["principals"].append({"id": "carol", "roles": ["approver"], "approval_keys": [{"ssh": CAROL}]}),
                               d["groups"].append({"id": "all", "members": ["alice", "bob", "carol"]}),
                               d["rules"].append(dict(d["rules"][0], id="urgent", break_glass=True, approvals={"group": "all", "count": 3}))),
     ("wider", "can be released now, no rule was for it: edge-router on stable by break glass"), ("stricter", "can be released no longer")),
    ("frozen on fridays", rule(0, freeze=FRIDAYS), ("stricter", "freeze windows: asked for now"), ("weaker", "freeze windows: asked for no longer")),
    ("several keys", several_keys(2), ("stricter", "signatures that a release needs: 2 in place of 1"),
     ("weaker", "signatures that a release needs: 1 in place of 2")),
    ("one of several keys", several_keys(1), ("wider", "signing keys added: production-b"), ("stricter", "signing keys removed: production-b")),
    ("products left out", lambda d: d["rules"][0].pop("products"), None, None),
    ("member leaves", lambda d: (d["groups"][0].update(members=["alice"]), d["rules"][0]["approvals"].update(count=1)),
     ("stricter", "members removed: bob"), ("wider", "members added: bob")),
]


def administration(count):
    def edit(d):
        for person in d["principals"][1:]:
            person["roles"].append("administrator")
        d["administration"] = {"group": "both", "count": count}
    return edit


def lines(b, name, old, new, code):
    r = b.expect(name, code, "", "policy", "diff", old, new, "--json")
    return r.json["changes"] if hasattr(r, "json") else []


def both_ways(b, name, edit, there, back):
    base = documented()
    old, new = b.write("old.json", base), b.write("new.json", edited(base, edit))
    for way, (a, z), said in (("to", (old, new), there), ("back", (new, old), back)):
        r = b.run("policy", "diff", a, z, "--json")
        got = json.loads(r.out)["changes"] if r.out else []
        b.check("%s, %s: exit" % (name, way), r.returncode == any(c["kind"] == "weaker" for c in got), r.out + r.err)
        if said is None:
            b.check("%s, %s" % (name, way), got == [], got)
        else:
            b.check("%s, %s" % (name, way), any(c["kind"] == said[0] and said[1] in c["what"] for c in got), got)


def order(b):
    """Weaker first, also in the table."""
    base = documented()
    everything = edited(base, lambda d: [edit(d) for n, edit, t, _ in CHANGES if n in (
        "name", "submitter", "certificate", "fewer approvals", "one key less")])
    r = b.expect("order", 1, r"^KIND +WHERE +CHANGE\nWEAKER +rule stable +approvals", "policy", "diff", b.write("old.json", base),
                 b.write("new.json", everything))
    kinds = [line.split()[0].lower() for line in r.out.splitlines()[1:-2]]
    ranks = [["weaker", "wider", "changed", "stricter"].index(k) for k in kinds]
    b.check("order", ranks == sorted(ranks) and set(ranks) == {0, 1, 2, 3}, kinds)
    b.check("sum", "1 weaker" in r.out.splitlines()[-1], r.out)


def takes_over(b):
    """A more specific rule that asks for less is weaker, although every older rule stays as it is."""
    base = documented()
    cheap = dict(base["rules"][0], id="rev-c", hardware=["er-100/c"], approval_ttl_s=7776000)
    old = b.write("old.json", base)
    new = b.write("new.json", edited(base, lambda d: d["rules"].append(cheap)))
    got = lines(b, "takes over", old, new, 1)
    b.check("takes over", {"kind": "changed", "where": "rule rev-c",
                           "what": "decides in place of rule stable about edge-router on stable for er-100/c"} in got, got)
    b.check("takes over", any(c["kind"] == "weaker" and c["where"] == "rule rev-c" for c in got), got)


def administrators(b):
    base = documented()
    old = b.write("old.json", edited(base, administration(2)))
    b.expect("administration added", 0, "2 of both can put another policy into force", "policy", "diff", b.write("none.json", base), old)
    b.expect("administration removed", 0, "only the root keys", "policy", "diff", old, b.write("none.json", base))


def clocks(b):
    """Another clock for the same windows is neither more nor less; which hours are meant changes."""
    base = edited(documented(), rule(0, freeze=FRIDAYS))
    zone = edited(base, rule(0, freeze={"time_zone": BERLIN, "windows": FRIDAYS["windows"]}))
    for name, a, z, said in (("clock", base, zone, '"rule":"CET-1CEST,M3.5.0,M10.5.0/3"} in place of "+01:00"'),
                             ("rule of a clock", zone, edited(zone, lambda d: d["rules"][0]["freeze"]["time_zone"].update(rule="CET-1")),
                              '"rule":"CET-1"} in place of')):
        got = lines(b, name, b.write("old.json", a), b.write("new.json", z), 0)
        b.check(name, len(got) == 1 and got[0]["kind"] == "changed" and "freeze: clock" in got[0]["what"] and said in got[0]["what"], got)


def refusals(b):
    good = b.write("old.json", documented())
    bad = b.write("bad.json", edited(documented(), rule(0, approvals={"group": "both", "count": 0})))
    b.expect("bad old", 1, r"bad.json:\d+: \$.rules\[0\].approvals.count", "policy", "diff", bad, good)
    b.expect("bad new", 1, r"bad.json:\d+: \$.rules\[0\].approvals.count", "policy", "diff", good, bad)
    b.expect("no file", 5, "nowhere.json", "policy", "diff", good, "nowhere.json")
    b.expect("one operand", 2, "argument is missing", "policy", "diff", good)
    b.expect("three operands", 2, "unexpected argument", "policy", "diff", good, good, good)
    b.expect("the same", 0, "the same document", "policy", "diff", good, good)
    b.expect("other bytes", 0, "nothing changes", "policy", "diff", good, b.write("wide.json", open(good).read() + "\n"))
    b.expect("help", 0, "Exit code 1 where something got weaker", "policy", "diff", "--help")


def main():
    with tempfile.TemporaryDirectory(prefix="hallmark-diff-") as folder:
        b = Bench(sys.argv[1], folder)
        for change in CHANGES:
            both_ways(b, *change)
        for part in (order, takes_over, administrators, clocks, refusals):
            part(b)
    return b.end()


if __name__ == "__main__":
    sys.exit(main())
