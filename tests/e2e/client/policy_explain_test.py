#!/usr/bin/python3
"""hallmark policy explain: a request in files, and a release of a running service; what it says is what then happens."""
import json
import os
import re
import subprocess
import sys
import tempfile

import world as w_
from bench import Bench, change, edit, flip, replace
from world import hexsha, rb, write


def explained(b, name, code, who, *args):
    """The answer as JSON; the table has to say the same."""
    r = b.expect(name + " --json", code, "", who, "policy", "explain", *args, "--json")
    doc = json.loads(r.out)
    t = b.expect(name, code, "CHECK +RESULT +REQUIRED +FOUND", who, "policy", "explain", *args)
    for finding in doc["policies"][0]["findings"]:
        line = r"%s +%s " % (re.escape(finding["check"]), "ok" if finding["ok"] else "FAILED")
        if not re.search(line, t.out):
            b.failed.append(f"{name}: the table does not say {finding}")
    return doc, t.out


def need(b, name, condition, detail=""):
    b.count += 1
    if not condition:
        b.failed.append(name)
        print("FAILED %s: %s" % (name, detail))


def failing(doc):
    return [f["check"] for f in doc["policies"][0]["findings"] if not f["ok"]]


def requests(b):
    """A request as submit --dry-run writes it, and signed ones."""
    r = b.run("ci", *b.submit_args("--dry-run"))
    request = write(os.path.join(b.folder, "request.json"), r.stdout)
    payload = os.path.join(b.folder, "payload")
    write(payload, r.stdout)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "hallmark-submit", "-f", os.path.join(b.folder, "alice.ssh"), payload],
                   check=True, stderr=subprocess.DEVNULL)
    signed = write(os.path.join(b.folder, "signed.json"), json.dumps(
        {"payload": rb.b64(r.stdout), "sshsig": open(payload + ".sig").read()}))
    sent = write(os.path.join(b.folder, "sent.json"), json.loads(b.world.posts[-1][2])["request"])
    return request, signed, sent


def offline(b):
    b.fresh()
    request, signed, sent = requests(b)
    given = ["--request", request, "--submitter", "ci", "--attestation", b.attestation]
    doc, text = explained(b, "nobody approved yet", 1, "ci", *given)
    one = doc["policies"][0]
    need(b, "nobody approved yet", failing(doc) == ["approvals.count"] and one["submission"] and not one["signature"], doc)
    need(b, "who is missing", one["missing"] == [{"stage": 1, "more": 2, "people": ["alice", "bob", "carol"]}], one["missing"])
    need(b, "who is missing, in words", "quorum: waits for 2 more of: alice, bob, carol" in text and "next: hallmark submit" in text, text)
    explained(b, "submission alone", 0, "ci", *given, "--at", "submission")
    doc, text = explained(b, "one approved", 1, "ci", *given, "--approved-by", "bob")
    need(b, "one is missing", doc["policies"][0]["missing"] == [{"stage": 1, "more": 1, "people": ["alice", "carol"]}], doc)
    doc, _ = explained(b, "one approved twice", 1, "ci", *given, "--approved-by", "bob", "--approved-by", "bob")
    need(b, "twice is once", doc["policies"][0]["missing"][0]["more"] == 1, doc)
    doc, _ = explained(b, "two approved", 0, "ci", *given, "--approved-by", "bob", "--approved-by", "carol")
    need(b, "two approved", failing(doc) == [] and doc["policies"][0]["missing"] == [], doc)
    doc, _ = explained(b, "no provenance", 1, "ci", "--request", request, "--submitter", "ci")
    need(b, "no provenance", {"provenance.builder", "provenance.subjects"} <= set(failing(doc)), doc)
    doc, _ = explained(b, "somebody else submits", 1, "ci", "--request", request, "--submitter", "alice")
    need(b, "somebody else submits", "submitter.allowed" in failing(doc), doc)
    need(b, "the submitter does not count", "alice" not in doc["policies"][0]["missing"][0]["people"], doc)
    doc, _ = explained(b, "as it was sent", 0, "ci", "--request", sent, "--attestation", b.attestation, "--at", "submission")
    doc, _ = explained(b, "another channel", 1, "ci", "--request", channel(b, request), "--submitter", "ci")
    need(b, "another channel", failing(doc) == ["rule.match"] and doc["policies"][0]["missing"] == [], doc)
    b.expect("signed by a person without a submit key", 1, "nobody of the policy signed", "ci", "policy", "explain", "--request", signed)
    b.expect("altered signature", 1, "nobody of the policy signed|signature", "ci", "policy", "explain", "--request", write(
        os.path.join(b.folder, "altered.json"), open(sent).read().replace('"sig": "ME', '"sig": "MF').replace('"sig":"ME', '"sig":"MF')))
    policies(b, given)
    sbom(b)
    refusals(b, request, sent)


def channel(b, request):
    doc = json.loads(open(request).read())
    doc["channel"] = "gamma"
    return write(os.path.join(b.folder, "gamma.json"), json.dumps(doc))


def with_approvals(b, name, approvals, groups):
    doc = json.loads(b.world.policy)
    doc["groups"] = [{"id": g, "members": m} for g, m in groups.items()]
    doc["rules"][0]["approvals"] = approvals
    return write(os.path.join(b.folder, name), json.dumps(doc))


def policies(b, given):
    """Several groups and stages: who helps is not simply who is in a group."""
    both = {"of": [{"group": "a", "count": 1}, {"group": "c", "count": 1}]}
    policy = with_approvals(b, "groups.json", both, {"a": ["alice", "bob"], "c": ["carol"]})
    doc, _ = explained(b, "two groups", 1, "ci", *given, "--policy", policy, "--approved-by", "alice")
    need(b, "bob does not help any more", doc["policies"][0]["missing"] == [{"stage": 1, "more": 1, "people": ["carol"]}], doc)
    stages = {"stages": [{"group": "a", "count": 1}, {"group": "c", "count": 1}]}
    policy = with_approvals(b, "stages.json", stages, {"a": ["alice", "bob"], "c": ["carol", "bob"]})
    doc, text = explained(b, "stages", 1, "ci", *given, "--policy", policy)
    need(b, "stages", [m["people"] for m in doc["policies"][0]["missing"]] == [["alice", "bob"], ["bob", "carol"]], doc)
    need(b, "stages, in words", "quorum: stage 1 waits for 1 more of: alice, bob\nthen stage 2 waits for: bob, carol" in text, text)
    doc, _ = explained(b, "too early", 1, "ci", *given, "--policy", policy, "--approved-by", "carol", "--approved-by", "alice")
    need(b, "too early", doc["policies"][0]["missing"] == [{"stage": 2, "more": 1, "people": ["bob"]}], doc)
    doc, text = explained(b, "nobody left", 1, "ci", *given, "--policy", policy, "--approved-by", "carol", "--approved-by", "bob")
    need(b, "alice alone cannot", doc["policies"][0]["missing"] == [{"stage": 2, "more": 0, "people": []}], doc)
    need(b, "nobody left", "nobody is left who could complete stage 2" in text, text)
    doc, _ = explained(b, "in order", 0, "ci", *given, "--policy", policy, "--approved-by", "alice", "--approved-by", "carol")


def sbom(b):
    """A rule that demands a statement of another kind."""
    builder, predicate = w_.BUILDER, "https://cyclonedx.org/bom"
    doc = json.loads(b.world.policy)
    doc["rules"][0]["attestations"] = [{"name": "sbom", "predicates": [predicate], "builders": [builder]}]
    policy = write(os.path.join(b.folder, "sbom-policy.json"), json.dumps(doc))
    statement = {"_type": "https://in-toto.io/Statement/v1", "predicateType": predicate, "predicate": {"bomFormat": "CycloneDX"},
                 "subject": [{"name": "firmware.bin", "digest": {"sha256": hexsha(rb.FIRMWARE)}}]}
    path = write(os.path.join(b.folder, "sbom.dsse.json"),
                 w_.dsse("application/vnd.in-toto+json", json.dumps(statement).encode(), b.world.builder))
    r = b.run("ci", *b.submit_args("--attestation", path, "--dry-run"))
    given = ["--request", write(os.path.join(b.folder, "with-sbom.json"), r.stdout), "--submitter", "ci", "--policy", policy, "--at",
             "submission", "--attestation", b.attestation]
    doc, _ = explained(b, "without the SBOM", 1, "ci", *given)
    need(b, "without the SBOM", failing(doc)[0] == "attestation.present", doc)
    doc, _ = explained(b, "with the SBOM", 0, "ci", *given, "--attestation", path)
    need(b, "with the SBOM", failing(doc) == ["approvals.count"], doc)


def refusals(b, request, sent):
    def refused(name, code, pattern, *args):
        b.expect("explain: " + name, code, pattern, "ci", "policy", "explain", *args)
    refused("nothing to explain", 2, "release id or --request")
    refused("two things", 2, "release id or --request", "r2", "--request", request)
    refused("no submitter", 2, "--submitter is missing.*next: .*--submitter ID", "--request", request)
    refused("submitter of a signed one", 2, "that says who", "--request", sent, "--submitter", "ci")
    refused("unknown submitter", 2, "knows no 'cy'", "--request", request, "--submitter", "cy")
    refused("unknown approver", 2, "'alcie' is nobody", "--request", request, "--submitter", "ci", "--approved-by", "alcie")
    refused("approver without key", 2, "'ci' is nobody", "--request", request, "--submitter", "ci", "--approved-by", "ci")
    refused("attestation of a release", 2, "goes with --request", "r2", "--attestation", b.attestation)
    refused("other attestation", 1, "no attestation that the request names", "--request", request, "--submitter", "ci", "--attestation",
            request)
    refused("when", 2, "submission or signing", "--request", request, "--submitter", "ci", "--at", "dawn")
    refused("no request", 5, "nowhere.json", "--request", "nowhere.json", "--submitter", "ci")
    refused("no JSON", 1, "junk.json", "--request", write(os.path.join(b.folder, "junk.json"), "{"), "--submitter", "ci")
    refused("unknown member", 1, "gone.json", "--request", write(os.path.join(b.folder, "gone.json"), json.dumps(
        dict(json.loads(open(request).read()), note="x"))), "--submitter", "ci")
    refused("policy does not load", 1, r"junk.json", "--request", request, "--submitter", "ci", "--policy", os.path.join(b.folder, "junk.json"))
    b.settings("ci", "no-policy", policy=None)
    b.expect("explain: no policy", 2, '"policy" is missing.*next: .*--policy', "no-policy", "policy", "explain", "--request", request)
    refused("help", 0, "Nothing is sent or recorded", "--help")


def release(b):
    """A release of the service; before each step, what explain says of it is what then happens."""
    w = b.world
    index = b.fresh()
    name = "r%d" % index
    before = len(w.records), len(w.posts)
    doc, text = explained(b, "fresh release", 1, "ci", name)
    need(b, "fresh release", failing(doc) == ["approvals.count"] and doc["policies"][0]["missing"][0]["more"] == 2, doc)
    need(b, "next is to approve", "next: hallmark approve " + name in text, text)
    need(b, "as if two approved", explained(b, "as if", 0, "ci", name, "--approved-by", "bob", "--approved-by", "carol")[0]["allow"])
    need(b, "nothing was sent", (len(w.records), len(w.posts)) == before)
    b.expect("approve", 0, "recorded", "alice", "approve", name, "--yes")
    doc, _ = explained(b, "one approval", 1, "ci", name)
    need(b, "one approval", doc["policies"][0]["missing"] == [{"stage": 1, "more": 1, "people": ["bob", "carol"]}], doc)
    b.expect("approve", 0, "recorded", "bob", "approve", name, "--yes")
    doc, text = explained(b, "approved", 0, "ci", name)
    need(b, "next is to sign", "next: hallmark sign " + name in text, text)
    newer(b, index)
    b.expect("sign", 0, "recorded", "ci", "sign", name)
    b.expect("signed", 0, "has ended: it is signed", "ci", "policy", "explain", name)
    again = b.run("ci", *[a if a != "2.1.0" else "2.2.0" for a in b.submit_args("--json")])
    doc, _ = explained(b, "old bytes as a new version", 1, "ci", json.loads(again.out)["release"])
    need(b, "old bytes", "artifact.fresh" in failing(doc), doc)
    asks_the_log(b)
    lies(b)


def newer(b, index):
    """Another policy is in force now: both are asked."""
    w = b.world
    old = w.policy
    doc = json.loads(old)
    doc["rules"][0]["approvals"]["count"] = 3
    w.policy = json.dumps(doc).encode()
    w.append({"event": "policy.activated"}, [w.policy])
    said, text = explained(b, "two policies", 1, "ci", "r%d" % index)
    need(b, "two policies", [p["signature"] for p in said["policies"]] == [True, False] and not said["allow"], said)
    need(b, "two policies, in words", "policy in force now, which has to allow it too" in text and "1 more of: carol" in text, text)
    w.policy = old
    w.append({"event": "policy.activated"}, [w.policy])


def asks_the_log(b):
    """Rules that are about earlier releases: the log is asked, also where the server's filters do not filter."""
    w = b.world
    old = w.policy
    doc = json.loads(old)
    doc["rules"][0]["limits"] = {"no_downgrade": True, "same_bytes": True, "max_size": len(rb.FIRMWARE), "size_factor_percent": 150}
    w.policy = json.dumps(doc).encode()
    w.append({"event": "policy.activated"}, [w.policy])

    def submitted(version, image=None):
        args = [version if a == "2.1.0" else a for a in b.submit_args("--json")]
        if image:
            args[args.index(b.image)] = image
            args[args.index(b.attestation)] = write(image + ".dsse.json", w_.provenance(
                {os.path.basename(image): hexsha(open(image, "rb").read())}, w.builder))
        r = b.run("ci", *args)
        return json.loads(r.out)["release"]
    doc, _ = explained(b, "a lower version", 1, "ci", submitted("2.0.0"))
    need(b, "a lower version", {"version.order", "artifact.fresh"} <= set(failing(doc)), doc)
    doc, _ = explained(b, "the same again", 1, "ci", submitted("2.1.0"))
    need(b, "the same again", failing(doc) == ["approvals.count"] and doc["policies"][0]["missing"][0]["more"] == 2, doc)
    small = write(os.path.join(b.folder, "small.bin"), b"small")
    doc, text = explained(b, "much smaller", 1, "ci", submitted("2.3.0", small))
    need(b, "much smaller", failing(doc) == ["approvals.count"] and doc["policies"][0]["missing"][0]["more"] == 3, doc)
    other = write(os.path.join(b.folder, "other.bin"), rb.FIRMWARE[:-1] + b"x")
    doc, _ = explained(b, "other bytes of a version", 1, "ci", submitted("2.1.0", other))
    need(b, "other bytes of a version", failing(doc) == ["version.bytes", "approvals.count"], doc)
    big = write(os.path.join(b.folder, "big.bin"), rb.FIRMWARE + b"x")
    doc, _ = explained(b, "too big", 1, "ci", submitted("2.3.0", big))
    need(b, "too big", failing(doc) == ["size.max", "approvals.count"], doc)
    w.policy = old
    w.append({"event": "policy.activated"}, [w.policy])


def lies(b):
    w = b.world
    index = b.fresh(approvals=1)
    record = w.releases[index]["records"][-1]

    def lie(name, pattern, liar):
        b.expect("explain lie: " + name, 1, pattern, "ci", "policy", "explain", "r%d" % index, lie=liar)
    lie("another statement", "version", replace("statement", "version 2.1.0", "version 6.6.6"))
    lie("another request", "evidence", flip("evidence"))
    lie("records of another release", "not about", edit("release", records=[2]))
    lie("approval that is not in the log", "record", change("proof", lambda v, c: w.proof(1) if c["index"] == record else v))
    lie("approval by somebody else", "no such key", change("proof", lambda v, c: w.false_record(record, actor="carol")
                                                          if c["index"] == record else v))
    lie("approval of another document", "evidence", change("evidence", lambda v, c: b"{}" if c["index"] == record else v))
    other = b.fresh(approvals=1)
    stolen = w.releases[other]["approval_documents"][0].encode()
    w.evidence[(record, 0)] = stolen
    lie("approval of another release", "another statement", change("proof", lambda v, c: w.false_record(
        record, evidence=[hexsha(stolen)]) if c["index"] == record else v))


def main():
    with tempfile.TemporaryDirectory(prefix="hallmark-explain-") as folder:
        b = Bench(sys.argv[1], folder, sys.argv[2:])
        for part in (offline, release):
            part(b)
        b.service.close()
    print("%d cases, %d failed%s" % (b.count, len(b.failed), "".join("\n  " + f for f in b.failed)))
    return 1 if b.failed or b.count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
