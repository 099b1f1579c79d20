#!/usr/bin/python3
"""hallmark policy test: the documents of tests/documents/policy-test against schema and program, verdicts, table, exit codes."""
import json
import os
import sys
import tempfile

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from policy_lib import ROOT, Bench, documented, edited, new_key

FOLDERS = {"accept": (True, True), "reject": (False, False), "reject-meaning": (True, False)}
DOCUMENTS = f"{ROOT}/tests/documents/policy-test"


def load(kind, name):
    with open(f"{DOCUMENTS}/{kind}/{name}", encoding="utf-8") as f:
        return json.load(f)


def schema_and_program(b, policy):
    try:
        import jsonschema
    except ImportError:
        print("jsonschema is not installed: the schema is not looked at")
        return
    with open(f"{ROOT}/schema/policy-test.schema.json", encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for kind, (by_schema, by_program) in FOLDERS.items():
        for name in sorted(os.listdir(f"{DOCUMENTS}/{kind}")):
            b.check(f"schema: {kind}/{name}", validator.is_valid(load(kind, name)) == by_schema)
            r = b.run("policy", "test", f"{DOCUMENTS}/{kind}/{name}", "--policy", policy)
            read = '"failed"' in b.run("policy", "test", f"{DOCUMENTS}/{kind}/{name}", "--policy", policy, "--json").out
            b.check(f"program: {kind}/{name}", read == by_program, r.out + r.err)
            b.check(f"says where: {kind}/{name}", read or (r.returncode == 1 and f"{name}:" in r.err and r.err.count("$") > 0), r.err)


def verdicts(b, policy):
    full = f"{DOCUMENTS}/accept/full.json"
    count = len(load("accept", "full.json")["cases"])
    r = b.expect("full", 0, r"^RESULT +CASE +EXPECTED +GOT +RULE +FAILING\nok +both approve +allow +allow +stable +-\n",
                 "policy", "test", full, "--policy", policy)
    b.check("full: sum", f"{count} cases, 0 failed" in r.out, r.out)
    columns = {line.index(" allow ") if " allow " in line else line.index(" deny ") for line in r.out.splitlines()[1:count + 1]}
    b.check("full: aligned", len(columns) == 1, r.out)
    r = b.expect("full --json", 0, "", "policy", "test", full, "--policy", policy, "--json")
    b.check("full --json", r.json["cases"] == count and r.json["failed"] == 0 and all(x["ok"] for x in r.json["results"]), r.out)
    b.check("which policy", r.json["policy"] == __import__("hashlib").sha256(open(policy, "rb").read()).hexdigest(), r.out)
    b.expect("a wrong expectation", 1, "FAILED +nothing is known +allow +deny.*FAIL rule.match: required.*1 case, 1 failed", "policy",
             "test", f"{DOCUMENTS}/accept/wrong-expectation.json", "--policy", policy)


def every_expectation_counts(b, policy):
    """Turned round, each expectation of each case fails."""
    full = load("accept", "full.json")
    for i, case in enumerate(full["cases"]):
        wrong = {"expect": {"allow": "deny", "deny": "allow"}[case["expect"]]}
        variants = [wrong, {"rule": "beta"}]
        if case["expect"] == "deny":
            variants += [{"failing": ["approvals.veto"]}, {"failing": case.get("failing", ["rule.match"]) + ["key.guess"]}]
        for change in variants:
            doc = dict(full, cases=[{k: v for k, v in dict(case, **change).items() if k != "failing" or change.get("expect") != "allow"}])
            r = b.expect(f"turned round: {case['name']} {change}", 1, "", "policy", "test", b.write("turned.json", doc), "--policy", policy,
                         "--json")
            b.check(f"turned round: {case['name']} {change}", getattr(r, "json", {}).get("failed") == 1, r.err)


def policy_of_the_file(b, policy):
    os.makedirs(os.path.join(b.folder, "sub"), exist_ok=True)
    small = load("accept", "small.json")
    b.write("sub/cases.json", dict(small, policy="../policy.json"))
    b.expect("relative to the file", 0, "1 case, 0 failed", "policy", "test", "sub/cases.json")
    other = b.write("other.json", edited(documented(), lambda d: d.update(name="Other")))
    r = b.expect("--policy goes first", 0, "", "policy", "test", "sub/cases.json", "--policy", other, "--json")
    b.check("--policy goes first", r.json["policy"] != __import__("hashlib").sha256(open(policy, "rb").read()).hexdigest())
    b.write("sub/lost.json", dict(small, policy="nowhere.json"))
    b.expect("lost", 5, "sub/nowhere.json", "policy", "test", "sub/lost.json")
    b.expect("no policy at all", 2, "next: hallmark policy test .* --policy", "policy", "test", f"{DOCUMENTS}/accept/small.json")
    bad = b.write("bad.json", edited(documented(), lambda d: d.update(version=2)))
    b.expect("policy does not load", 1, r"bad.json:\d+: ", "policy", "test", "sub/cases.json", "--policy", bad)
    b.expect("no file", 5, "nowhere.json", "policy", "test", "nowhere.json", "--policy", policy)
    b.expect("no JSON", 1, "junk.json", "policy", "test", b.write("junk.json", "{"), "--policy", policy)
    b.expect("twice the same member", 1, "junk.json", "policy", "test", b.write("junk.json", '{"version":1,"version":1,"cases":[]}'),
             "--policy", policy)
    b.expect("help", 0, "Exit code 0 where every case", "policy", "test", "--help")


def evidence(b, policy):
    """Facts about builds reach the checks that ask for them: each alone makes the difference."""
    ci, bom = "https://ci.example.com/builder", "https://cyclonedx.org/bom"
    strict = edited(documented(), lambda d: (d["builders"][0].update(level=2), d["rules"][0].update(
        provenance={"builders": [ci], "level": 2, "refs": ["refs/tags/*"], "parameters": {"/debug": False}, "max_age_s": 3600,
                    "dependencies": [{"uri": "pkg:deb/gcc@12"}]},
        attestations=[{"name": "sbom", "predicates": [bom], "builders": [ci], "result": "PASSED"}])))
    good = {"product": "edge-router", "version": "2.1.0", "channel": "stable", "submitter": "ci", "artifacts": ["a"],
            "approvals": ["alice", "bob"], "submitted": "2026-11-21T02:00:00Z",
            "attestations": [{"predicate": bom, "signed_by": ci, "result": "PASSED"}]}
    built = {"builder": ci, "sources": [{"repository": "https://git.example.com/edge-router", "ref": "refs/tags/v1"}],
             "finished": "2026-11-21T01:30:00Z", "parameters": {"/debug": False}, "dependencies": [{"uri": "pkg:deb/gcc@12"}]}

    def case(name, failing, **facts):
        return {"name": name, "expect": "deny" if failing else "allow", "facts": facts, **({"failing": failing} if failing else {})}

    def other(name, **change):
        return case(name, ["provenance.builder", "provenance.subjects"], provenance=[dict(built, **change)])
    cases = [case("as it should be", None), other("too old", finished="2026-11-21T00:59:59Z"), other("debug", parameters={"/debug": True}),
             other("debug is text", parameters={"/debug": "false"}), other("no gcc", dependencies=[]),
             other("branch", sources=[{"repository": "https://git.example.com/edge-router", "ref": "refs/heads/main"}]),
             case("no SBOM", ["attestation.present"], attestations=[]), case("not known when", ["provenance.builder", "provenance.subjects"],
                                                                             submitted=None),
             case("SBOM of other bytes", ["attestation.present"], attestations=[dict(good["attestations"][0], subjects=["b"])]),
             case("SBOM that nobody signed", ["attestation.present"], attestations=[None]),
             case("failed", ["attestation.present"], attestations=[dict(good["attestations"][0], result="FAILED")])]
    r = b.expect("evidence", 0, f"{len(cases)} cases, 0 failed", "policy", "test", b.write("evidence.json", {
        "version": 1, "defaults": dict(good, provenance=[built]), "cases": cases}), "--policy", b.write("strict.json", strict))
    b.check("evidence: aligned", "FAILED" not in r.out, r.out)


def history(b, policy):
    """Facts about the clock and the log, likewise."""
    strict = edited(documented(), lambda d: d["rules"][0].update(
        limits={"max_size": 1000, "size_factor_percent": 150, "no_downgrade": True, "same_bytes": True, "signatures": {"count": 2, "window_s": 3600}},
        freeze={"utc_offset": "+01:00", "windows": [{"days": ["fri"], "from": "16:00", "to": "24:00"}]},
        promotion={"environment": "staging", "channels": ["beta"], "submitters": ["ci"], "soak_s": 86400}))
    strict["principals"].append({"id": "carol", "roles": ["approver"], "approval_keys": [{"ssh": new_key("carol")}]})
    strict["groups"][0]["members"].append("carol")
    ci = "https://ci.example.com/builder"
    staged = {"environment": "staging", "channel": "beta", "submitter": "ci", "signed": "2026-11-19T12:00:00Z"}
    good = {"product": "edge-router", "version": "2.1.0", "channel": "stable", "submitter": "ci", "artifacts": ["a"], "size": 1000,
            "approvals": ["alice", "bob"], "now": "2026-11-20T12:00:00Z", "last": {"version": "2.0.9", "size": 900, "rollback_floor": 1},
            "rollback_floor": 1, "same_version": [["a"]], "signed_at": ["2026-11-20T11:30:00Z"], "earlier": [staged],
            "provenance": [{"builder": ci, "sources": [{"repository": "https://git.example.com/edge-router"}]}]}

    def case(name, failing, **facts):
        return {"name": name, "expect": "deny" if failing else "allow", "facts": facts, **({"failing": failing} if failing else {})}
    cases = [case("as it should be", None), case("too big", ["size.max"], size=1001), case("size not known", ["size.max", "approvals.count"], size=0),
             case("grew, one more approves", None, last={"version": "2.0.9", "size": 600, "rollback_floor": 1}, approvals=["alice", "bob", "carol"]),
             case("grew", ["approvals.count"], last={"version": "2.0.9", "size": 600, "rollback_floor": 1}),
             case("no release before", None, last=None), case("lower", ["version.order"], last={"version": "2.1.1", "size": 900}),
             case("lower floor", ["version.order"], rollback_floor=0), case("other bytes", ["version.bytes"], same_version=[["a"], ["b"]]),
             case("too many", ["signatures.window"], signed_at=["2026-11-20T11:30:00Z", "2026-11-20T11:00:01Z"]),
             case("long ago", None, signed_at=["2026-11-20T11:30:00Z", "2026-11-20T11:00:00Z"]),
             case("frozen", ["freeze.window"], now="2026-11-20T15:00:00Z", signed_at=[]), case("just before", None, now="2026-11-20T14:59:59Z"),
             case("never staged", ["promotion.released"], earlier=[]), case("by somebody else", ["promotion.released"], earlier=[
                 dict(staged, submitter={"stranger": "x"})]), case("not soaked", ["promotion.released"], earlier=[
                     dict(staged, signed="2026-11-19T12:00:01Z")]), case("other bytes staged", ["promotion.released"], earlier=[
                         dict(staged, artifacts=["a", "b"])]),
             case("no clock", ["promotion.released", "signatures.window", "freeze.window"], now=None)]
    r = b.expect("history", 0, f"{len(cases)} cases, 0 failed", "policy", "test", b.write("history.json", {
        "version": 1, "defaults": good, "cases": cases}), "--policy", b.write("strict.json", strict))
    b.check("history: all", "FAILED" not in r.out, r.out)


def several_keys(b, policy):
    """A rule with several keys, and cases that say which of them would sign."""
    def edit(d):
        pem = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        d["keys"].append(dict(d["keys"][0], id="production-b", public_key={"pem": pem}))
        del d["rules"][0]["key"]
        d["rules"][0]["keys"] = {"of": ["production-2026", "production-b"], "threshold": 1}
    small = load("accept", "full.json")

    def case(key, failing=None):
        return {"name": f"{key}", "facts": {"approvals": ["alice", "bob"], "key": key}, "expect": "deny" if failing else "allow",
                **({"failing": failing} if failing else {})}
    wrong = ["key.separation"]
    cases = [case(None), case(["production-2026", "production-b"]), case(["production-b", "production-2026"]),
             case(["production-2026"], wrong), case("production-b", wrong), case(["production-2026", "production-2026"], wrong),
             case(["production-2026", "production-b", "staging-2026"], wrong), case(["production-2026", "staging-2026"], wrong)]
    several = b.write("several.json", edited(documented(), edit))
    b.expect("several keys", 0, f"{len(cases)} cases, 0 failed", "policy", "test", b.write("keys.json", {
        "version": 1, "defaults": small["defaults"], "cases": cases}), "--policy", several)
    for name, key in (("nobody's", ["production-2026", "x"]), ("no list of texts", ["production-2026", 1]), ("none", []), ("five", ["dev"] * 5)):
        b.expect("several keys: " + name, 1, r"\$.cases\[0\].facts.key: .*expected", "policy", "test", b.write("keys.json", {
            "version": 1, "defaults": small["defaults"], "cases": [case(key)]}), "--policy", several)


def removed_member(b, policy):
    """What the loader knows, a case may state: a person who left makes the file wrong, not green."""
    gone = edited(documented(), lambda d: (d["principals"].pop(), d["groups"][0].update(members=["alice"]),
                                           [r["approvals"].update(count=1) for r in d["rules"][:2]]))
    b.expect("bob left", 1, r"full.json:\d+: \$.cases\[0\].facts.approvals\[1\]: \"bob\" is no principal", "policy", "test",
             f"{DOCUMENTS}/accept/full.json", "--policy", b.write("gone.json", gone))


def main():
    with tempfile.TemporaryDirectory(prefix="hallmark-cases-") as folder:
        b = Bench(sys.argv[1], folder)
        policy = b.write("policy.json", documented())
        for part in (schema_and_program, verdicts, every_expectation_counts, policy_of_the_file, evidence, history, several_keys, removed_member):
            part(b, policy)
    return b.end()


if __name__ == "__main__":
    sys.exit(main())
