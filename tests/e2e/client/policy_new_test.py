#!/usr/bin/python3
"""hallmark policy new: every preset loads when everything is given, and is refused, naming the field, when one thing is missing."""
import json
import os
import subprocess
import sys
import tempfile

from policy_lib import Bench

PRODUCTS = ["edge-router", "edge-radio"]
PEOPLE = {"two-person": {"approver": 2}, "team": {"approver": 3, "security": 2},
          "enterprise": {"approver": 4, "security": 3, "administrator": 3}}


def release_keys(preset):
    production = [f"production.{p}" for p in PRODUCTS] if preset == "enterprise" else ["production"]
    return production + ["staging", "development"]


def make_keys(b):
    """Made by ssh-keygen and openssl."""
    for people in PEOPLE.values():
        for kind, count in people.items():
            for i in range(count):
                path = os.path.join(b.folder, f"{kind}{i}")
                if not os.path.exists(path):
                    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519" if i else "ecdsa", "-N", "", "-C", f"{kind} {i}", "-f", path],
                                   check=True)
    for name in ["builder"] + sorted({k for p in PEOPLE for k in release_keys(p)}):
        key = os.path.join(b.folder, name + ".key")
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key],
                       check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", key[:-4] + ".pem"], check=True)


def arguments(preset):
    """Pairs of option and value, everything that the preset can be given."""
    pairs = [("--product", p) for p in PRODUCTS]
    for kind, count in PEOPLE[preset].items():
        pairs += [("--" + kind, f"{kind}.{i}={kind}{i}.pub") for i in range(count)]
    pairs += [("--builder", "https://ci.example.com/builder=builder.pem"), ("--repository", "https://git.example.com/edge")]
    return pairs + [("--release-key", f"{k}={k}.pem") for k in release_keys(preset)]


def new(preset, pairs, *more):
    return ["policy", "new", "--preset", preset, "--vendor-domain", "example.com", *[w for p in pairs for w in p], *more]


def complete(b, preset):
    out = f"{preset}.json"
    r = b.expect(preset, 0, r"written: .*next: hallmark policy check", *new(preset, arguments(preset), "--name", "Example", "--out", out))
    b.check(preset + ": nothing left", "FILL IN" not in open(os.path.join(b.folder, out)).read(), r.out)
    b.expect(preset + " loads", 0, "policy of Example, vendor domain example.com.*stable.*beta.*nightly", "policy", "check", out)
    notes = open(os.path.join(b.folder, f"{preset}.notes.txt")).read()
    for rule in json.load(open(os.path.join(b.folder, out)))["rules"]:
        b.check(preset + " notes", "rule " + rule["id"].split(".")[0] in notes, rule["id"])
    b.expect(preset + " is not overwritten", 5, "exists already", *new(preset, arguments(preset), "--out", out))


def cases_of(preset):
    """What the notes promise, as cases for `hallmark policy test`."""
    source = [{"repository": "https://git.example.com/edge"}]
    builder = "https://ci.example.com/builder"
    facts = {"product": "edge-router", "version": "1.0", "artifacts": ["a"], "submitter": "ci",
             "provenance": [{"builder": builder, "sources": source}],
             "attestations": [{"predicate": "https://cyclonedx.org/bom", "signed_by": builder}], "now": "2026-11-21T12:00:00Z", "size": 1000,
             "last": {"version": "0.9", "size": 1000}, "same_version": [["a"]],
             "earlier": [{"environment": "staging", "channel": "beta", "submitter": "ci", "signed": "2026-11-20T12:00:00Z"}]}
    people = {k: [f"{k}.{i}" for i in range(n)] for k, n in PEOPLE[preset].items()}
    quorum = people["approver"][:2] + people.get("security", [])[:1]
    out = []

    def case(name, allow, channel, approvals, **more):
        out.append({"name": name, "expect": "allow" if allow else "deny", "facts": dict(more, channel=channel, approvals=approvals)})
    case("stable", True, "stable", quorum)
    for who in quorum:
        case(f"stable without {who}", False, "stable", [q for q in quorum if q != who])
    case("stable without provenance", False, "stable", quorum, provenance=[])
    case("beta", True, "beta", people["approver"][:1])
    case("beta without anybody", False, "beta", [])
    case("nightly", True, "nightly", [], provenance=[])
    case("a person submits", False, "stable", quorum[1:] + people["approver"][-1:], submitter=quorum[0])
    if preset != "two-person":
        case("release managers alone", False, "stable", people["approver"])
        case("a lower version", False, "stable", quorum, last={"version": "1.1"})
        case("other bytes of this version", False, "stable", quorum, same_version=[["b"]])
        case("security stops it", False, "stable", quorum, vetoes=people["security"][-1:])
    if preset == "enterprise":
        case("security first", False, "stable", quorum[2:] + quorum[:2])
        case("never on beta", False, "stable", quorum, earlier=[])
        case("on beta since an hour", False, "stable", quorum, now="2026-11-20T13:00:00Z")
        case("much larger", False, "stable", quorum, size=1501)
        case("much larger, one more of security", True, "stable", quorum + people["security"][1:2], size=1501)
        case("urgent, never on beta", True, "stable", people["approver"][:3] + people["security"][:1], break_glass="worm", earlier=[])
        case("no SBOM", False, "stable", quorum, attestations=[])
        case("urgent", True, "stable", people["approver"][:3] + people["security"][:1], break_glass="worm")
        case("urgent with the usual people", False, "stable", quorum, break_glass="worm")
        case("administrators", False, "stable", people["administrator"])
    return {"version": 1, "policy": f"{preset}.json", "defaults": facts, "cases": out}


def promises(b, preset):
    b.write(f"{preset}-cases.json", cases_of(preset))
    b.expect(preset + " keeps its promises", 0, " 0 failed", "policy", "test", f"{preset}-cases.json")


def one_missing(b, preset):
    """Without any single thing the loader refuses and says where it goes."""
    for i, (option, value) in enumerate(arguments(preset)):
        if option == "--product":
            continue
        pairs = arguments(preset)
        del pairs[i]
        out = f"{preset}-{i}.json"
        what = f"{preset} without {option} {value}"
        r = b.expect(what, 0, r"to be filled in:\n  \$\.[^\n]*FILL IN: ", *new(preset, pairs, "--out", out))
        place = r.out.split("\n  ")[1].split(":")[0]
        b.expect(what + ": check", 1, r":\d+: " + place.replace("$", r"\$").replace("[", r"\[") + ": FILL IN: .*next: edit",
                 "policy", "check", out)


def nothing_given(b, preset):
    r = b.expect(preset + " alone", 0, "To be filled in", *new(preset, [("--product", "p")]))
    doc = json.loads(r.out)
    b.check(preset + " alone", "PUBLIC KEY" not in r.out and "AAAA" not in r.out, r.out)
    b.check(preset + " people", len(doc["principals"]) == 1 + sum(PEOPLE[preset].values()), doc["principals"])
    r = b.expect(preset + " json", 0, "", *new(preset, [("--product", "p")], "--out", f"{preset}-bare.json", "--json"))
    b.check(preset + " json", r.json["complete"] is False and r.json["fill_in"] > 5, r.out)


def certificate(b):
    """A certificate given is a fingerprint; openssl says which."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "crt.key",
                    "-out", "crt.pem", "-subj", "/CN=x", "-days", "2"], check=True, cwd=b.folder, stderr=subprocess.DEVNULL)
    der = subprocess.run(["openssl", "x509", "-in", "crt.pem", "-outform", "DER"], check=True, cwd=b.folder, capture_output=True).stdout
    said = subprocess.run(["sha256sum"], input=der, check=True, capture_output=True).stdout.decode().split()[0]
    r = b.expect("certificate", 0, "", *new("two-person", arguments("two-person"), "--client-certificate", "ci=crt.pem"))
    people = {p["id"]: p for p in json.loads(r.out)["principals"]}
    b.check("certificate", people["ci"]["credentials"] == [{"fingerprint": "sha256:" + said}], people["ci"])
    b.check("SAN URI", people["approver.0"]["credentials"] == [{"san_uri": "spiffe://example.com/approver.0"}], people)


def several(b):
    """Two keys of one person, two pipelines, two builders."""
    pairs = arguments("two-person") + [("--approver", "approver.0=security1.pub"), ("--submitter", "ci"), ("--submitter", "nightly=security0.pub"),
                                       ("--builder", "https://ci.example.com/second=security.pem")]
    subprocess.run(["openssl", "pkey", "-in", "builder.key", "-pubout", "-out", "security.pem"], check=True, cwd=b.folder)
    b.expect("one key for two builders", 1, r"this key stands twice", *new("two-person", pairs))
    pairs[-1] = ("--builder", "https://ci.example.com/second=other.pem")
    subprocess.run("openssl genpkey -algorithm ed25519 | openssl pkey -pubout -out other.pem", shell=True, check=True, cwd=b.folder)
    r = b.expect("several", 0, "", *new("two-person", pairs, "--out", "several.json"))
    b.expect("several loads", 0, "ci nightly", "policy", "check", "several.json")
    doc = json.load(open(os.path.join(b.folder, "several.json")))
    b.check("two keys", len(doc["principals"][2]["approval_keys"]) == 2, doc["principals"])
    b.check("two pipelines", [r["submitters"] for r in doc["rules"]] == [["ci", "nightly"]] * 3, doc["rules"])


def refusals(b):
    good = arguments("team")
    b.expect("no preset", 2, "two-person .*team .*enterprise", "policy", "new", "--product", "p", "--vendor-domain", "example.com")
    b.expect("unknown preset", 2, "expected one of two-person", *new("huge", good))
    b.expect("no product", 2, "--product is missing", *new("team", []))
    b.expect("no domain", 2, "--vendor-domain is missing", "policy", "new", "--preset", "team", "--product", "p")
    b.expect("product is no name", 2, "--product: 'a b'", *new("team", [("--product", "a b")]))
    b.expect("product too long", 2, "too long", *new("enterprise", [("--product", "p" * 64)]))
    b.expect("person is no name", 2, "--approver: 'a/b'", *new("team", good, "--approver", "a/b=approver0.pub"))
    b.expect("people that the preset lacks", 2, "no such people", *new("team", good, "--administrator", "x"))
    b.expect("one id, two roles", 2, "already stands", *new("team", good, "--submitter", "approver.0"))
    b.expect("unknown release key", 2, "production, staging, development", *new("team", good, "--release-key", "prod=builder.pem"))
    b.expect("private key", 1, "security0: this is a private key", *new("team", good, "--approver", "x=security0"))
    b.expect("private PEM", 1, "this is a private key", *new("team", good, "--approver", "x=builder.key"))
    b.expect("no such file", 5, "nowhere.pub", *new("team", good, "--approver", "x=nowhere.pub"))
    b.expect("empty file", 1, "expected a public key", *new("team", good, "--approver", "x=" + os.path.basename(b.write("empty.pub", ""))))
    b.expect("no key", 1, "junk.pub", *new("team", good, "--approver", "x=" + os.path.basename(b.write("junk.pub", "junk"))))
    rsa = "ssh-keygen -q -t rsa -b 2048 -N '' -f rsa"
    subprocess.run(rsa, shell=True, check=True, cwd=b.folder)
    b.expect("RSA", 1, "rsa.pub", *new("team", good, "--approver", "x=rsa.pub"))
    b.expect("one key, two people", 1, "this key stands twice", *new("team", good, "--approver", "x=approver0.pub"))
    b.expect("bad certificate", 1, "junk.pub", *new("team", good, "--client-certificate", "ci=junk.pub"))
    b.expect("help", 0, "No key is ever made up", "policy", "new", "--help")


def main():
    with tempfile.TemporaryDirectory(prefix="hallmark-new-") as folder:
        b = Bench(sys.argv[1], folder)
        make_keys(b)
        for preset in PEOPLE:
            complete(b, preset)
            promises(b, preset)
            one_missing(b, preset)
            nothing_given(b, preset)
        for part in (certificate, several, refusals):
            part(b)
    return b.end()


if __name__ == "__main__":
    sys.exit(main())
