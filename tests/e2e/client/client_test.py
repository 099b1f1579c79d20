#!/usr/bin/python3
"""Drives the hallmark program against world.py: first honest answers, then a lie in every answer in turn. Each lie must end
in exit code 1 with a message that names it. client_test.py HALLMARK [NAME...]"""
import base64
import json
import os
import re
import subprocess
import sys
import tempfile

import world as w_
from bench import Bench, change, edit, flip, replace
from trouble import again, command_line, environment, help_everywhere, local_files, terminal, trouble
from world import hexsha, rb, write

HALLMARK = sys.argv[1]


# --- honest answers ---

def witnessed(b, out):
    """A trust store that asks for two of three witnesses."""
    w = b.world
    w.store, before = w.keys.store(members={9: [rb.ORIGIN, w.keys.log_key.raw,
                                                [[f"w{i}.example", k.raw] for i, k in enumerate(w.keys.witness)], 2]}), w.store
    b.settings("ci", "witnessed", trust_store=write(os.path.join(b.folder, "witnessed.cbor"), w.store))
    for count in (0, 1, 2):
        w.cosigners = [(k, f"w{i}.example", rb.NOW + i) for i, k in enumerate(w.keys.witness[:count])]
        if count < 2:
            b.expect("bundle with %d of 2 cosignatures" % count, 1, "witness-quorum", "witnessed", "bundle", "r2", "--out", out)
    b.expect("bundle", 0, "witnesses: 2 of 3 cosigned, 2 needed", "witnessed", "bundle", "r2", "--out", out)
    b.expect("bundle", 0, '"witnesses":3,"witness_quorum":2,"cosigned":2', "witnessed", "bundle", "r2", "--json", "--out", out + "json")
    w.store, w.cosigners = before, []


def honest(b):
    w = b.world
    b.expect("submit", 0, "recorded.*release.submitted.*r2.*proof verified", "ci", *b.submit_args())
    request = json.loads(w.posts[-1][2])
    assert re.fullmatch("[0-9a-f]{64}", w.posts[-1][1]["Idempotency-Key"])
    doc = json.loads(request["request"])
    payload = base64.b64decode(doc["payload"])
    assert doc["certificate"] == open(os.path.join(b.folder, "ci.pem")).read()
    cert = w_.x509.load_pem_x509_certificate(doc["certificate"].encode())
    cert.public_key().verify(base64.b64decode(doc["signatures"][0]["sig"]), w_.pae(doc["payloadType"], payload),
                             w_.ec.ECDSA(w_.hashes.SHA256()))
    b.expect("show", 0, "release.submitted.*proven", "ci", "show", "r2")
    b.expect("list", 0, "r2 +submitted +edge-router +2.1.0.*\n1 release, as the server tells", "ci", "list")
    r = b.run("alice", "approve", "r2", "--print-statement")
    assert r.stdout.decode() == w.releases[2]["statement"], r.err
    b.expect("approve asks", 2, "no terminal.*--yes", "alice", "approve", "r2")
    b.expect("approve", 0, "recorded.*approval.recorded.*edge-router 2.1.0 for channel stable", "alice", "approve", "r2", "--yes")
    b.expect("approve twice", 0, "recorded before, nothing new: .*state submitted then\nr2 is submitted now", "alice", "approve", "r2", "--yes")
    b.expect("sign too early", 4, "409 state.*hallmark show r2", "ci", "sign", "r2")
    statement = write(os.path.join(b.folder, "statement.txt"), w.releases[2]["statement"])
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "hallmark-approval", "-f", os.path.join(b.folder, "bob.ssh"), statement],
                   check=True, stderr=subprocess.DEVNULL)
    b.expect("approve with ssh-keygen's signature", 0, "recorded", "bob", "approve", "r2", "--yes", "--signature",
             statement + ".sig")
    b.expect("approve twice with another signature", 1, "403", "bob", "approve", "r2", "--yes")
    b.expect("sign", 0, "recorded.*release.signed.*state signed", "ci", "sign", "r2", "--wait")
    b.expect("show --wait", 0, "state +signed", "ci", "show", "r2", "--wait")
    out = os.path.join(b.folder, "out")
    b.expect("bundle", 0, "verified.*2 device classes.*witnesses: none.*2 people; 1 artifact with the approved digest\n", "ci", "bundle", "r2",
             "--out", out)
    names = sorted(os.path.relpath(os.path.join(d, f), out) for d, _, fs in os.walk(out) for f in fs)
    assert names == ["approvals/01.json", "approvals/02.json", "attestations/01.dsse.json", "firmware.bin", "manifest.suit",
                     "release.tlog-proof", "request.json", "statement.txt", "trust-store.cbor"], names
    assert open(os.path.join(out, "firmware.bin"), "rb").read() == rb.FIRMWARE
    b.expect("bundle exists", 5, "exists already", "ci", "bundle", "r2", "--out", out)
    root = w.keys.root.key_id.hex()
    b.settings("ci", "rootkey", trust_store=None, root_keys=[root])
    b.expect("bundle with a root key", 0, "verified", "rootkey", "bundle", "r2", "--out", out + "2")
    b.settings("ci", "rootkeys", trust_store=None, root_keys=[root, w.keys.root2.key_id.hex()])
    b.expect("bundle with half of the root keys", 1, "threshold", "rootkeys", "bundle", "r2", "--out", out + "2b")
    b.settings("ci", "unpinned", trust_store=None)
    b.expect("bundle without a root", 2, "no root is pinned.*--trust-store", "unpinned", "bundle", "r2", "--out", out + "3")
    witnessed(b, out + "4")
    b.expect("reject", 0, "release.rejected", "alice", "reject", "r%d" % b.fresh(), "--reason", "wrong commit", "--yes")
    b.expect("cancel", 0, "release.cancelled", "ci", "cancel", "r%d" % b.fresh(), "--reason", "wrong branch", "--yes")
    b.expect("log query", 0, "release.signed.*not proven complete", "ci", "log", "query", "--event", "release.signed", "--prove")
    b.expect("log query json", 0, '"event":"release.signed"', "ci", "log", "query", "--json", "--product", "edge-router")
    b.expect("log checkpoint", 0, "first checkpoint kept|extends", "ci", "log", "checkpoint")
    b.expect("log verify", 0, "verified.*extends the checkpoint seen before|verified", "ci", "log", "verify")
    log, cp = os.path.join(b.folder, "log.jsonl"), os.path.join(b.folder, "cp.txt")
    b.expect("log export", 0, "verified against the signed checkpoint", "ci", "log", "export", "--out", log, "--checkpoint", cp)
    assert open(log, "rb").read().splitlines() == w.records
    b.expect("log verify --file", 0, "verified", "ci", "log", "verify", "--file", log, "--checkpoint", cp)
    b.expect("log proof", 0, "verified under the pinned key", "ci", "log", "proof", "2", "--out", log + ".proof")
    b.expect("log verify --proof", 0, "release.submitted", "ci", "log", "verify", "--proof", log + ".proof")
    b.fresh()
    b.expect("log checkpoint again", 0, "extends the checkpoint", "ci", "log", "checkpoint")
    b.expect("policy show", 0, "Example Devices.*2 [a-z ]*of managers.*in force since record 0", "ci", "policy", "show")
    b.expect("policy check", 0, "Example Devices", "ci", "policy", "check", os.path.join(b.folder, "policy.json"))
    bad = write(os.path.join(b.folder, "bad-policy.json"), w.policy.replace(b'"count": 2', b'"count": 0'))
    b.expect("policy check refuses", 1, r"bad-policy.json:\d+: ", "ci", "policy", "check", bad)
    r = b.expect("dry run", 0, "release-request/v1", "ci", *b.submit_args("--dry-run"))
    request = write(os.path.join(b.folder, "request.json"), r.stdout)
    b.expect("submit a written request", 0, "recorded", "ci", "submit", "--request", request, "--artifact", b.image,
             "--attestation", b.attestation)
    b.expect("an environment is named", 0, "recorded", "ci", *b.submit_args("--environment", "production"))
    b.expect("no such environment", 2, "expected development, staging or production", "ci", *b.submit_args("--environment", "prod"))
    b.expect("ssh key submits", 0, "recorded", "ci", *b.submit_args("--ssh-key", os.path.join(b.folder, "alice.ssh")))


# --- lies, command by command ---

def lies_about_submission(b):
    w = b.world
    other_key = rb.Key("another log", rb.ED25519)

    def lie(name, pattern, liar):
        b.expect("submit: " + name, 1, pattern, "ci", *b.submit_args(), lie=liar)

    def ack(function):
        return change("ack", function)

    def false(**members):
        return ack(lambda a, c: dict(a, proof=w.false_record(c["index"], **members)))

    lie("proof of another log", "proof", ack(lambda a, c: dict(a, proof=w.proof(c["index"], key=other_key))))
    lie("proof of another record", "its record is not", ack(lambda a, c: dict(a, proof=w.proof(1), index=1)))
    lie("proof of an older submission", "evidence|index", ack(
        lambda a, c: dict(a, release="r2", index=2, proof=w.proof(2), statement=w.releases[2]["statement"])))
    lie("damaged proof", "proof", ack(lambda a, c: dict(a, proof=re.sub("index (.*)\n(.)", lambda m: "index %s\n%s" % (
        m.group(1), "A" if m.group(2) != "A" else "B"), a["proof"]))))
    lie("no proof", "proof", ack(lambda a, c: {k: v for k, v in a.items() if k != "proof"}))
    lie("another index", "says index", edit("ack", index=1))
    lie("another release", "about r99", edit("ack", release="r99"))
    lie("another state", "says signed", edit("ack", state="signed"))
    lie("record without our request", "document that was sent", false(evidence=["00" * 32] * 3))
    lie("record of another version", "another version", false(version="6.6.6"))
    lie("record of another product", "another product", false(product="edge-radio"))
    lie("record of another channel", "another channel", false(channel="nightly"))
    lie("record of other artifacts", "list of artifacts", false(artifacts=["00" * 32]))
    lie("record of another event", "expected release.submitted", false(event="release.refused"))
    lie("record without attestations", "list of attestations", ack(lambda a, c: dict(a, proof=w.false_record(
        c["index"], evidence=json.loads(w.records[c["index"]])["evidence"][:2]))))
    lie("statement of another version", "version", ack(
        lambda a, c: dict(a, statement=a["statement"].replace("version 2.1.0", "version 2.1.1"))))
    lie("statement for other hardware", "hardware", ack(
        lambda a, c: dict(a, statement=a["statement"].replace("er-100/b", "er-100/c"))))
    lie("statement about another record", "not about its record", ack(lambda a, c: dict(a, statement=re.sub(
        "submitted [0-9a-f]{64}", "submitted " + "00" * 32, a["statement"]))))
    b.expect("submit: statement for another environment than named", 1, "'environment' says production.*request.*staging", "ci",
             *b.submit_args("--environment", "staging"))
    lie("no statement", "statement|line", ack(lambda a, c: {k: v for k, v in a.items() if k != "statement"}))
    lie("no JSON", "acknowledgement", ack(lambda a, c: "recorded, believe me"))
    lie("endless answer", "larger than the limit", ack(lambda a, c: b" " * (2 << 20)))
    lie("duplicate members", "acknowledgement", ack(lambda a, c: json.dumps(a)[:-1] + ',"index":2}'))
    lie("redirect", "redirect", change("status", lambda v, c: c["method"] == "POST" and (
        302, b"", "text/plain", [("Location", "https://localhost:1/")])))


def lies_about_statement(b):
    w = b.world
    index = b.fresh()
    release = "r%d" % index
    digest = hexsha(rb.FIRMWARE)

    def lie(name, pattern, liar, who="alice"):
        before = len(w.records)
        b.expect("approve: " + name, 1, pattern, who, "approve", release, "--yes", lie=liar)
        if len(w.records) != before:
            b.failed.append("approve: %s: something was sent" % name)

    lie("another version", "'version' says 6.6.6", replace("statement", "version 2.1.0", "version 6.6.6"))
    lie("another product", "product", replace("statement", "product edge-router", "product edge-radio"))
    lie("another channel", "channel", replace("statement", "channel stable", "channel beta"))
    lie("another environment", "environment", replace("statement", "environment production", "environment staging"))
    lie("another artifact", "artifact", replace("statement", digest, "ab" * 32))
    lie("another size", "artifact", replace("statement", digest + " 10000", digest + " 10001"))
    lie("another origin", "origin", replace("statement", "origin " + rb.ORIGIN, "origin other.example/log"))
    lie("another hardware", "hardware", replace("statement", "er-100/b", "er-200/b"))
    lie("one region less", "regions", replace("statement", "region eu\n", ""))
    lie("another sequence", "sequence", replace("statement", "sequence %d" % (12 + index), "sequence 99"))
    lie("another commit", "attestation|commit", replace("statement", w_.COMMIT, "00" * 20))
    lie("another builder", "builder", replace("statement", "builder " + w_.BUILDER, "builder https://evil.example"))
    lie("another manifest", "manifest", change("statement", lambda v, c: re.sub(
        "manifest sha256:.*", "manifest sha256:" + "00" * 32, v)))
    lie("another signing key", "sign", change("statement", lambda v, c: re.sub(
        "sign sha256:[0-9a-f]*", "sign sha256:" + "00" * 32, v)))
    lie("other bytes to sign", "sign", change("statement", lambda v, c: re.sub(
        "ESP256 sha256:[0-9a-f]*", "ESP256 sha256:" + "00" * 32, v)))
    lie("another policy", "policy", change("statement", lambda v, c: re.sub(
        "policy sha256:.*", "policy sha256:" + "00" * 32, v)), "alice")
    lie("another expiry", "expires", change("statement", lambda v, c: re.sub("expires .*", "expires 2036-01-01T00:00:00Z", v)))
    lie("another release", "release", replace("statement", "release %s\n" % release, "release r2\n"))
    lie("another record", "submitted", change("statement", lambda v, c: re.sub(
        "submitted [0-9a-f]*", "submitted " + "00" * 32, v)))
    lie("one line more", "line|malformed", change("statement", lambda v, c: v + "extra line\n"))
    lie("a statement of another release", "submitted|release", change("statement", lambda v, c: w.releases[2]["statement"]))
    lie("a dependency more", "dependenc", replace("statement", "sequence ", "dependency edge-radio 1.0.0\nsequence "))
    evil = rb.manifest(sequence=12 + index, classes=[rb.class_id(), rb.class_id(region="eu")],
                       images=[{"data": b"evil" * 2500, "uri": "firmware.bin"}])
    lie("another manifest's bytes", "manifest", change("manifest", lambda v, c: evil))
    lie("a damaged manifest", "", flip("manifest"))
    lie("an empty manifest", "", change("manifest", lambda v, c: b""))

    def both(kind, value, context):
        """Statement and manifest agree with each other, and with nothing that was recorded."""
        if kind == "manifest":
            return evil
        if kind == "statement":
            r = w.releases[index]
            return w.statement(index, r["request"], evil, rb.NOW + w.valid_s)
        return value
    lie("statement and manifest changed together", "manifest|sign", both)

    def all_three(kind, value, context):
        if kind == "proof" and context["index"] == index:
            edit_ = {"manifest": rb.suit_digest(evil).hex(), "keys": [dict(
                json.loads(w.records[index])["keys"][0], tbs=hexsha(w.tbs(evil)))],
                "evidence": [json.loads(w.records[index])["evidence"][0], hexsha(evil)] +
                json.loads(w.records[index])["evidence"][2:]}
            return w.false_record(index, **edit_)
        if kind == "statement":
            record = dict(json.loads(w.records[index]), manifest=rb.suit_digest(evil).hex())
            record["keys"] = [dict(record["keys"][0], tbs=hexsha(w.tbs(evil)))]
            record["evidence"] = [record["evidence"][0], hexsha(evil)] + record["evidence"][2:]
            text = w.statement(index, w.releases[index]["request"], evil, rb.NOW + w.valid_s)
            return re.sub("submitted [0-9a-f]*", "submitted " + rb.leaf(rb.canonical(record)).hex(), text)
        return evil if kind == "manifest" else value
    lie("statement, manifest and record changed together", "does not install|image|manifest", all_three)
    lie("another record's proof", "asked for record|index", change("proof", lambda v, c: w.proof(1)))
    lie("a forged proof", "proof|checkpoint|record", change("proof", lambda v, c: w.proof(
        c["index"], key=rb.Key("another log", rb.ED25519))))
    lie("damaged request evidence", "evidence 0", change("evidence", lambda v, c: v + b" " if c["n"] == 0 else v))
    lie("damaged attestation", "evidence 2", change("evidence", lambda v, c: v + b" " if c["n"] == 2 else v))
    foreign = w_.provenance({"firmware.bin": digest}, w_.ec.generate_private_key(w_.ec.SECP256R1()))
    good, b.attestation = b.attestation, write(os.path.join(b.folder, "foreign.json"), foreign)
    foreign_release = "r%d" % b.fresh()
    b.attestation = good
    b.expect("approve: provenance by a stranger's key", 1, "under a key of that builder", "alice", "approve", foreign_release,
             "--yes")
    b.settings("alice", "vendor", vendor_domain="other.example", approval_key="alice.ssh")
    b.expect("approve: another vendor", 1, "another vendor", "vendor", "approve", release, "--yes")

    w.valid_s = 1_700_000_000 - rb.NOW
    b.expect("approve: expired", 1, "could be approved until 2023", "alice", "approve", "r%d" % b.fresh(), "--yes")
    w.valid_s = 10**9

    def lie_ack(name, pattern, **members):
        b.expect("approve: " + name, 1, pattern, "alice", "approve", "r%d" % b.fresh(), "--yes", lie=change(
            "ack", lambda a, c: dict(a, proof=w.false_record(c["index"], **members))))
    lie_ack("recorded under another key", "another approval key", approver_key="00" * 32)
    lie_ack("recorded for another statement", "another statement", statement="00" * 32)
    lie_ack("recorded for another manifest", "another manifest", manifest="00" * 32)
    lie_ack("recorded as a refusal", "its record says none", event="approval.refused", state=None)
    lie_ack("recorded without evidence", "document that was sent", evidence=None)
    lie_ack("recorded for another release", "about", release="r2")


def lies_about_signature(b):
    w = b.world

    def lie(name, pattern, function):
        b.expect("sign: " + name, 1, pattern, "ci", "sign", "r%d" % b.fresh(approvals=2), lie=change("ack", function))
    other = rb.signed(rb.manifest(), [lambda item: rb.sign1(w.keys.release, item)], tag=107)
    lie("another manifest's envelope", "another manifest", lambda a, c: dict(a, envelope=rb.b64(other)))
    lie("damaged envelope", "envelope", lambda a, c: dict(a, envelope=rb.b64(
        bytes(x ^ (i == 60) for i, x in enumerate(base64.b64decode(a["envelope"]))))))
    lie("no envelope", "envelope", lambda a, c: dict(a, envelope=""))
    lie("the intention's record", "index|expected release.signed", lambda a, c: dict(
        a, proof=w.proof(c["index"] - 1), index=c["index"] - 1, state="signing"))


def lies_about_bundle(b):
    w = b.world
    index = b.fresh(signed=True)
    release = "r%d" % index
    out = os.path.join(b.folder, "lies")
    r = w.releases[index]

    def lie(name, pattern, liar, who="ci"):
        b.expect("bundle: " + name, 1, pattern, who, "bundle", release, "--out", out, lie=liar)
        left = [f for f in os.listdir(b.folder) if f.startswith("lies")]
        if left:
            b.failed.append("bundle: %s: left %s" % (name, left))

    def bundle(function):
        return change("bundle", lambda v, c: dict(v, **function(v)))
    lie("damaged artifact", "not those that were approved", flip("artifact"))
    lie("short artifact", "not those that were approved", change("artifact", lambda v, c: v[:-1]))
    lie("long artifact", "larger than", change("artifact", lambda v, c: v + b"x"))
    lie("no artifact", "not those|answered", change("artifact", lambda v, c: b""))
    signature = bytearray(r["envelope"])
    at = r["envelope"].index(b"\x58\x40") + 10
    signature[at] ^= 1
    lie("damaged signature", "envelope", bundle(lambda v: {"manifest.suit": rb.b64(bytes(signature))}))

    def by_stranger(kind, value, context):
        """A whole story under a key that no device believes."""
        envelope = rb.signed(r["manifest"], [lambda item: rb.sign1(w.keys.stranger, item)], tag=107)
        if kind == "bundle":
            return dict(value, **{"manifest.suit": rb.b64(envelope), "release.tlog-proof": w.false_record(
                r["signed"], evidence=[hexsha(envelope)])})
        return value
    lie("signed by a stranger", "device of class .* would refuse.*key-unknown", by_stranger)
    lie("another manifest", "another", bundle(lambda v: {"manifest.suit": rb.b64(w.releases[2]["envelope"])}))
    lie("proof of another record", "expected release.signed", bundle(lambda v: {"release.tlog-proof": w.proof(index)}))
    lie("proof of another log", "release.tlog-proof", bundle(lambda v: {"release.tlog-proof": w.proof(
        r["signed"], key=rb.Key("another log", rb.ED25519))}))
    lie("failed outcome", "outcome", bundle(lambda v: {"release.tlog-proof": w.false_record(r["signed"], outcome="token")}))
    lie("another statement", "statement", bundle(lambda v: {"statement": w.releases[2]["statement"]}))
    lie("another request", "request", bundle(lambda v: {"request": w.releases[2]["document"]}))
    lie("no attestations", "attestations", bundle(lambda v: {"attestations": []}))
    lie("another attestation", "attestations", bundle(lambda v: {"attestations": [v["attestations"][0] + " "]}))
    lie("an artifact more", "artifacts", bundle(lambda v: {"artifacts": v["artifacts"] * 2}))
    lie("another release", "asked for the bundle", bundle(lambda v: {"release": "r2"}))
    lie("one approval less", "found 1", bundle(lambda v: {"approvals": v["approvals"][:1]}))
    lie("one approval twice", "found 1", bundle(lambda v: {"approvals": v["approvals"][:1] * 2}))
    lie("no approval", "found 0", bundle(lambda v: {"approvals": []}))
    lie("approval of another statement", "another statement", bundle(lambda v: {"approvals": [
        v["approvals"][0], w.releases[2]["approval_documents"][1]]}))
    statement = write(os.path.join(b.folder, "mallory.txt"), r["statement"])
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "hallmark-approval", "-f", os.path.join(b.folder, "mallory.ssh"),
                    statement], check=True, stderr=subprocess.DEVNULL)
    mallory = json.dumps({"payload": rb.b64(r["statement"].encode()), "sshsig": open(statement + ".sig").read()})
    lie("approval of a stranger", "no approver", bundle(lambda v: {"approvals": [v["approvals"][0], mallory]}))
    lie("trust store of another root", "pinned root", bundle(lambda v: {"trust_store": rb.b64(
        w.keys.store(signers=[w.keys.stranger]))}))
    lie("older trust store", "epoch 1, the pinned one 3", bundle(lambda v: {"trust_store": rb.b64(
        w.keys.store(members={2: 1}))}))
    lie("trust store without the key", "key-not-allowed|key-unknown", bundle(lambda v: {"trust_store": rb.b64(w.keys.store(
        members={6: [[[rb.class_id(), rb.class_id(region="eu")], [w.keys.release2.kid], 1], [[rb.class_id(region="mars")], [w.keys.release.kid], 1]]}))}))
    lie("trust store with the key revoked", "key-revoked", bundle(lambda v: {"trust_store": rb.b64(w.keys.store(
        members={8: [w.keys.release.kid]}))}))
    lie("endless bundle", "larger than the limit", change("bundle", lambda v, c: {"x": "y" * (65 << 20)}))


def lies_about_log(b):
    w = b.world
    b.settings("ci", "auditor")
    b.run("auditor", "log", "checkpoint")

    def lie(name, pattern, liar, *command):
        b.expect("log: " + name, 1, pattern, "auditor", "log", *(command or ("verify",)), lie=liar)

    raw = b"\x04" + bytes(range(32))
    witness = "witness.example/w+%s+%s" % (rb.sha(b"witness.example/w\n" + raw)[:4].hex(), rb.b64(raw))

    def entries(function):
        return change("entries", lambda v, c: function(v))

    def altered(i, **members):
        record = {k: v for k, v in dict(json.loads(w.records[i]), **members).items() if v is not None}
        return entries(lambda v: v[:i] + [rb.canonical(record)] + v[i + 1:])

    def forked(records):
        """A whole other history, with chain, root and signature in order."""
        fixed = []
        for i, record in enumerate(records):
            prev = rb.leaf(fixed[-1]) if fixed else rb.sha(rb.ORIGIN.encode())
            fixed.append(rb.canonical(dict(json.loads(record), idx=i, prev=prev.hex(), t_ms=rb.NOW * 1000 + i)))

        def liar(kind, value, context):
            if kind == "entries":
                return fixed
            return w.checkpoint(records=fixed) if kind == "checkpoint" else value
        return liar
    lie("altered record", "record 3.*prev|record 2", altered(2, version="6.6.6"))
    lie("altered last record", "root|extend|record", altered(len(w.records) - 1, t_ms=rb.NOW * 1000 + 10**6))
    lie("missing record", "record 2: its own index", entries(lambda v: v[:2] + v[3:]))
    lie("swapped records", "record 2", entries(lambda v: v[:2] + [v[3], v[2]] + v[4:]))
    lie("missing tail", "covers", entries(lambda v: v[:-1]))
    lie("space in a record", "record 2", entries(lambda v: v[:2] + [v[2].replace(b":", b": ", 1)] + v[3:]))
    rewritten = w.records[:1] + [rb.canonical(dict(json.loads(w.records[1]), random="cd" * 32))] + w.records[2:]
    lie("rewritten history", "forked|rewritten", forked(rewritten))
    lie("cut history", "cut|seen before", forked(w.records[:5]))
    lie("cut history, checkpoint only", "seen before", forked(w.records[:5]), "checkpoint")
    lie("rewritten history, checkpoint only", "forked|rewritten", forked(rewritten), "checkpoint")
    lie("rewritten and longer, checkpoint only", "forked|rewritten", forked(rewritten + w.records[1:2]), "checkpoint")
    def kind(name, index, liar):
        lie("kind " + name, '"verified":false.*"fault":\\{"index":%d,"kind":"%s","expected":"[^"]+","found":"[^"]+"\\}' % (index, name), liar, "verify", "--json")
    size = len(w.records)
    kind("prev", 3, altered(2, version="6.6.6"))
    kind("idx", 2, entries(lambda v: v[:2] + v[3:]))
    kind("malformed", 2, entries(lambda v: v[:2] + [b""] + v[3:]))
    kind("record-missing", size - 1, entries(lambda v: v[:-1]))
    kind("checkpoint-root", size, altered(size - 1, t_ms=rb.NOW * 1000 + 10**6))
    kind("fork", size, forked(rewritten))
    kind("fork", size, forked(rewritten + w.records[1:2]))
    kind("rollback", size, forked(w.records[:5]))
    kind("checkpoint-signature", size, change("checkpoint", lambda v, c: w.checkpoint(key=rb.Key("another log", rb.ED25519))))
    kind("checkpoint-malformed", 0, replace("checkpoint", "\n\n", "\nextra\n\n"))
    lie("a witness that has not cosigned", '"kind":"witnesses","expected":"1","found":"0"', None, "verify", "--json", "--witness", witness,
        "--witnesses-required", "1")
    lie("checkpoint of another key", "checkpoint", change("checkpoint", lambda v, c: w.checkpoint(
        key=rb.Key("another log", rb.ED25519))), "checkpoint")
    lie("checkpoint with another root", "checkpoint", replace("checkpoint", "\n\n", "\nextra\n\n"), "checkpoint")
    lie("proof of another record", "asked for record", change("proof", lambda v, c: w.proof(1)), "proof", "2")
    lie("listed record that is not in the log", "not the one in the log", altered(2, version="6.6.6"), "query", "--prove",
        "--order", "asc")
    target = os.path.join(b.folder, "lies.jsonl")
    lie("export of an altered log", "record", altered(2, version="6.6.6"), "export", "--out", target)
    if os.path.exists(target):
        b.failed.append("log export left a file")
    b.settings("ci", "newcomer", state_dir="state-newcomer")

    def rule(name, pattern, records):
        b.expect("log rule: " + name, 1, pattern, "newcomer", "log", "verify", lie=forked(records))
    submitted = next(i for i, r in enumerate(w.records) if b'"release.submitted"' in r)
    signed = next(i for i, r in enumerate(w.records) if b'"release.signed"' in r)
    rule("result without intention", "result .* without an intention", w.records[:signed - 1] + [rb.canonical(
        {k: v for k, v in json.loads(w.records[signed]).items() if k != "state"})])
    rule("result of other bytes", "not the result", w.records[:signed] + [rb.canonical(dict(
        json.loads(w.records[signed]), manifest="00" * 32))])
    rule("two intentions", "second intention", w.records[:signed] + [rb.canonical({
        k: v for k, v in json.loads(w.records[signed - 1]).items() if k != "state"})])
    rule("signed out of submitted", "no legal step", w.records[:submitted + 1] + [rb.canonical(dict(
        json.loads(w.records[signed - 1])))])
    rule("sequence again", "sequence number", w.records[:submitted + 1] + [w.records[submitted].replace(
        b'"release":"r%d"' % submitted, b'"release":"r%d"' % (submitted + 1))])
    log = os.path.join(b.folder, "copy.jsonl")
    write(log, b"".join(r + b"\n" for r in w.records))
    cp = write(os.path.join(b.folder, "copy.cp"), w.checkpoint())
    b.expect("log --file", 0, "verified", "ci", "log", "verify", "--file", log, "--checkpoint", cp)
    write(log, b"".join(r + b"\n" for r in w.records[:-1]))
    b.expect("log --file cut", 1, "covers", "ci", "log", "verify", "--file", log, "--checkpoint", cp)
    b.expect("log --file alone", 2, "prove nothing", "ci", "log", "verify", "--file", log)


def lies_about_views(b):
    index = b.fresh()
    b.expect("show: another state", 1, "newest proven record says submitted", "ci", "show", "r%d" % index,
             lie=edit("release", state="signed"))
    b.expect("show: records of another release", 1, "not about", "ci", "show", "r%d" % index,
             lie=edit("release", records=[2]))
    b.expect("show: another release", 1, "asked for", "ci", "show", "r%d" % index, lie=edit("release", id="r2"))
    for member, value in (("product", "edge-radio"), ("version", "6.6.6"), ("channel", "nightly"), ("environment", "development"),
                          ("submitter", "bob"), ("sequence", 1), ("submitted", "2020-01-01T00:00:00Z"),
                          ("changed", "2020-01-01T00:00:00Z"), ("expires", "2099-01-01T00:00:00Z"), ("approvals", 2),
                          ("manifest", "00" * 32)):
        b.expect("show: another " + member, 1, member + ": the server says", "ci", "show", "r%d" % index,
                 lie=edit("release", **{member: value}))
    b.expect("show: no records", 1, "expected 1 to", "ci", "show", "r%d" % index, lie=edit("release", records=[]))
    b.expect("show: control characters", 0, r"\\u\{", "ci", "show", "r%d" % index, "--no-verify",
             lie=edit("release", version="\033[2J"))
    r = b.expect("show --json: only what was proven", 0, '"verified":true', "ci", "show", "r%d" % index, "--json",
                 lie=edit("release", tested="\u009b2J"))
    assert "tested" not in json.loads(r.out) and json.loads(r.out)["version"] == "2.1.0", r.out
    rejected = b.fresh()
    b.expect("reject", 0, "release.rejected", "alice", "reject", "r%d" % rejected, "--reason", "no", "--yes")
    b.expect("show: a rejection in another place", 1, "names record|does not begin with", "ci", "show", "r%d" % rejected,
             lie=edit("release", state="submitted", records=b.world.releases[rejected]["records"][::-1]))
    b.expect("show: one record twice", 1, "names record", "ci", "show", "r%d" % index, lie=edit("release", records=[index] * 2))
    b.expect("policy show: another policy", 1, "not the one", "ci", "policy", "show",
             lie=change("policy", lambda v, c: v + b"\n"))


def problem(detail):
    body = {"type": "urn:hallmark:problem:policy", "title": "refused", "status": 403, "detail": detail}
    return change("status", lambda value, context: (403, json.dumps(body), "application/problem+json"))


def errors_as_json(b):
    """One JSON object, whatever the server put in and wherever it had to be cut."""
    for name, detail in (("cut within a character", "a" + "\u00e9" * 200), ("control characters", "\u009b2J\u202e\033[2J\x7f")):
        r = b.expect("json error: " + name, 1, "", "ci", "show", "r2", "--json", lie=problem(detail))
        doc = json.loads(r.stderr)
        assert doc["exit"] == 1 and "403 policy" in doc["detail"] and doc["problem"]["detail"] == detail, r.err
        assert r.stderr.isascii() and b"\033" not in r.stderr, r.stderr


def kept_checkpoint(b):
    """Of two runs at once the slower one does not put an older checkpoint in the place of the newer one."""
    w = b.world
    newest, older = w.checkpoint(), w.checkpoint(records=w.records[:-1])
    b.settings("ci", "slow", state_dir="state-slow")
    kept = os.path.join(b.folder, "state-slow", "checkpoint-" + hexsha(rb.ORIGIN.encode())[:16])
    first = w.checkpoint(records=w.records[:-2])
    b.expect("a checkpoint is kept", 0, "", "slow", "log", "checkpoint", lie=change("checkpoint", lambda v, c: first))

    def meanwhile(value, context):
        write(kept, newest)
        return older
    b.expect("a newer one is kept meanwhile", 0, "", "slow", "log", "checkpoint", lie=change("checkpoint", meanwhile))
    with open(kept) as f:
        if f.read() != newest:
            b.failed.append("the older checkpoint was kept")


def main():
    with tempfile.TemporaryDirectory(prefix="hallmark-client-") as folder:
        b = Bench(HALLMARK, folder, sys.argv[2:])
        for part in (help_everywhere, honest, lies_about_submission, lies_about_statement, lies_about_signature,
                     lies_about_bundle, lies_about_log, lies_about_views, errors_as_json, kept_checkpoint, trouble,
                     command_line, again, environment, local_files, terminal):
            part(b)
        b.service.close()
    print("%d cases, %d failed%s" % (b.count, len(b.failed), "".join("\n  " + f for f in b.failed)))
    return 1 if b.failed or b.count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
