"""hallmark log verify --deep: a log of a real service holds; then a forger with the log's own key changes single pieces of it,
and each time the right intention and the right kind of fault are named."""

import base64
import json
import os
import re
import sqlite3

import e2e_lib as e
from log_forge import SLOTS, Forged
from oidc_test import GITHUB, GITLAB, Jobs, jwk
from policy_lib import Administered


class Everybody(Administered, Jobs):
    """Administrators, and jobs with tokens."""


class Deep:
    def __init__(self, lab, rows):
        self.lab, self.rows = lab, rows

    def verify(self, *args, who="audit"):
        r = self.lab.cli(who, "log", "verify", "--deep", "--json", *args, check=False)
        try:
            doc = json.loads(r.out)
        except ValueError:
            doc = {}
        return r, doc.get("deep", {}), doc

    def expect(self, name, forged, *faults, says=""):
        """faults: (intention or None, kind), in the order in which they are told."""
        path = forged.write(self.lab.path("work", "forged.db"))
        r, deep, doc = self.verify("--database", path)
        found = [(f.get("intention"), f["kind"]) for f in deep.get("faults", [])]
        ok = found == list(faults) and (r.returncode, doc.get("verified")) == ((1, False) if faults else (0, True)) and says in r.out
        return self.rows.row(name, ok, "found %r, expected %r; exit %d\n%s%s" % (found, list(faults), r.returncode, r.out, r.err))

    # --- an honest log ---

    def honest(self):
        lab, rows = self.lab, self.rows
        self.first, _ = lab.signed()
        lab.signed(signer=lambda p: e.ssh_document(p, lab.ci_ssh.sign("hallmark-submit", p)), who="ci-ssh")
        lab.signed(signer=lambda p: e.dsse(e.REQUEST, p, lab.ci_dsse), who="ci-dsse")
        nightly, _ = lab.new(channel="nightly")
        rows.equal("a release without approvals", lab.sign(nightly).status, 200)
        release, statement = lab.new()
        lab.approve(release, statement, "bob")
        rows.equal("one approval is refused", lab.sign(release).says(), (403, "policy"))
        rows.equal("so is one without provenance", lab.post("/v1/releases", "ci-edge", lab.submission(attestation=False)).says(), (403, "policy"))
        self.half = release
        rejected, statement = lab.approved()
        lab.post("/v1/releases/%s/rejection" % rejected, "alice", lab.ssh_keygen("alice", "hallmark-rejection", lab.decision("rejection", rejected, statement)))
        self.overtaken, _ = lab.approved()
        self.token_release()
        release, statement = lab.new()
        for who in ("alice", "dave"):
            lab.approve(release, statement, who, body=e.dsse(e.APPROVAL, statement, lab.dave) if who == "dave" else None)
        rows.equal("dave approves by DSSE", lab.sign(release).status, 200)
        self.activated = lab.change(lambda d: d.update(name="Another name"))
        under_both, _ = lab.approved()
        lab.change(lambda d: d.update(name="A third name"))
        rows.equal("submitted under one policy, signed under another", lab.sign(under_both).status, 200)
        self.last, _ = lab.signed()
        lab.follow()
        r, deep, doc = self.verify()
        rows.row("over HTTP all of it holds", r.returncode == 0 and doc["verified"] and deep["hold"] == deep["intentions"] == 8 and not deep["faults"]
                 and deep["envelopes"] == 8 and deep["policies"] == 3 and deep["tokens"] == 1 and deep["tokens_known"] == 0
                 and deep["guards"] == 1 and deep["root_pinned"], (r.out, r.err))
        text = lab.cli("audit", "log", "verify", "--deep").out
        rows.row("in words too", "of them hold" in text and "verified " in text and "registrar's word" in text, text)
        self.issuers()
        r, deep, _ = self.verify("--client-ca", lab.path("people", "..", "ceremony", "keys", "log.vkey"))
        rows.row("another issuer of certificates: nobody submitted", r.returncode == 1 and deep["hold"] < deep["intentions"]
                 and {f["kind"] for f in deep["faults"]} == {"submitter"}, (r.out, r.err))
        rows.equal("an export has no evidence", lab.cli("audit", "log", "verify", "--deep", "--file", "x", "--checkpoint", "y", check=False).returncode, 2)

    def issuers(self):
        """The keys that the issuers published, brought along."""
        lab, rows = self.lab, self.rows
        github, gitlab = lab.path("oidc", "github.json"), lab.path("oidc", "gitlab.json")
        other = e.write(lab.path("work", "jwks.json"), json.dumps({"keys": [jwk(e.ec.generate_private_key(e.ec.SECP256R1()), "two")]}))
        false = e.write(lab.path("work", "false.json"), json.dumps({"keys": [jwk(lab.next, "one")]}))
        for name, sets, known in (("the issuer's keys", [GITHUB + "=" + github], 1), ("two issuers' keys", [GITLAB + "=" + gitlab, GITHUB + "=" + github], 1),
                                  ("older and newer keys of one issuer", [GITHUB + "=" + other, GITHUB + "=" + github], 1),
                                  ("keys of another issuer alone", [GITLAB + "=" + github], 0), ("a set without the key", [GITHUB + "=" + other], 0),
                                  ("of an issuer that only begins like it", [GITHUB[:-1] + "=" + false], 0)):
            r, deep, _ = self.verify(*[a for s in sets for a in ("--jwks", s)])
            rows.row("tokens by " + name, r.returncode == 0 and (deep["tokens"], deep["tokens_known"]) == (1, known), (r.out, r.err))
        text = lab.cli("audit", "log", "verify", "--deep", "--jwks", GITHUB + "=" + other).out
        rows.row("what could not be checked is said", "no key of their issuers (--jwks) was at hand for: 1;" in text and "registrar's word" in text, text)
        text = lab.cli("audit", "log", "verify", "--deep", "--jwks", GITHUB + "=" + github).out
        rows.row("and nothing where all could", "registrar's word" not in text and re.search("of them by their issuers' keys +1\n", text), text)
        r, deep, _ = self.verify("--jwks", GITHUB + "=" + false)
        rows.row("by another key of that name: its submission does not hold", r.returncode == 1
                 and [f["kind"] for f in deep["faults"]] == ["submitter"] and "calls one" in deep["faults"][0]["text"], (r.out, r.err))
        for bad in (github, "=" + github, GITHUB + "=", GITHUB + "=" + lab.path("work", "nowhere.json"), GITHUB + "=" + lab.path("ceremony", "keys", "log.vkey")):
            r, _, _ = self.verify("--jwks", bad)
            rows.row("--jwks %s" % bad[-24:], r.returncode in (1, 2, 5) and not r.out.strip().startswith('{"verified":true'), (r.out, r.err))

    def token_release(self):
        body, _, token, _ = self.lab.job()
        r = self.lab.send(body, token)
        release, statement = r.doc["release"], r.doc["statement"].encode()
        for who in ("bob", "carol"):
            self.lab.approve(release, statement, who)
        self.rows.equal("a release by a token", self.lab.sign(release, "alice").status, 200)
        self.token = release

    def tampered(self):
        """Evidence that is not in the tree, changed behind a running service's back."""
        lab = self.lab
        approval = [r["idx"] for r in lab.records() if r["event"] == "approval.recorded" and r["release"] == self.last][0]
        intention = [r["idx"] for r in lab.records() if r["event"] == "sign.intended" and r["release"] == self.last][0]
        for service in ("door", "registrar"):
            lab.stop(service)
        before = self.swap(approval * SLOTS, b"{}")
        for service in ("registrar", "door"):
            lab.start(service)
        lab.wait_ready()
        lab.follow()
        r, deep, _ = self.verify()
        self.rows.row("changed evidence of a running service: named, and the rest is still looked at", r.returncode == 1 and deep["hold"] == 7
                      and [(f["intention"], f["kind"]) for f in deep["faults"]] == [(intention, "evidence")], (r.out, r.err))
        for service in ("door", "registrar"):
            lab.stop(service)
        self.swap(approval * SLOTS, before)
        lab.stop("signer")
        self.source = lab.path("work", "log.db")
        db = sqlite3.connect(lab.path("registrar", "log.db"))
        db.execute("VACUUM INTO ?", (self.source,))
        db.close()

    def swap(self, ref, data):
        db = sqlite3.connect(self.lab.path("registrar", "log.db"))
        for name in ("evidence_no_update", "record_no_update"):
            sql = db.execute("SELECT sql FROM sqlite_master WHERE name=?", (name,)).fetchone()
            if name == "evidence_no_update":
                kept = sql[0]
                db.execute("DROP TRIGGER " + name)
        before = bytes(db.execute("SELECT bytes FROM evidence WHERE ref=?", (ref,)).fetchone()[0])
        db.execute("UPDATE evidence SET bytes=? WHERE ref=?", (data, ref))
        db.execute(kept)
        db.commit()
        db.close()
        for suffix in ("", "-wal", "-shm"):
            path = self.lab.path("registrar", "log.db" + suffix)
            if os.path.exists(path):
                self.lab.own(path, "registrar")
        return before

    # --- a forged one ---

    def forged(self):
        """The last release's records: submission, two approvals, intention, result."""
        f = Forged(self.lab, self.source)
        f.s = int(self.last[1:])
        f.a, f.b = f.of(self.last, "approval.recorded")
        f.i, f.g = f.of(self.last, "sign.intended")[0], f.of(self.last, "release.signed")[0]
        f.first = int(self.first[1:])
        return f

    def control(self):
        f = self.forged()
        self.expect("the forger's copy as it is", f)
        f.append({"event": "registrar.started", "policy": f.records[-1]["policy"], "random": "0" * 64})
        self.expect("and with one record more", f)

    def approvals(self):
        f = self.forged()
        f.put(f.a, 0, f.evidence[f.of(self.first, "approval.recorded")[0], 0])
        self.expect("an approval of another release", f, (f.i, "approval"))
        f = self.forged()
        statement = base64.b64decode(json.loads(f.evidence[f.a, 0])["payload"])
        f.put(f.a, 0, e.ssh_document(statement, self.lab.gina.sign("hallmark-approval", statement)).encode())
        self.expect("an approval by another key", f, (f.i, "approval"))
        f.records[f.a].update(actor="gina", approver_key=self.key_id(self.lab.gina))
        self.expect("by somebody who is not in the group", f, (f.i, "verdict-signing"))
        f = self.forged()
        f.put(f.a, 0, self.lab.ssh_keygen("bob", "hallmark-rejection", statement).encode())
        self.expect("signed as a rejection", f, (f.i, "approval"))
        f = self.forged()
        f.records[f.b]["actor"] = "alice"
        self.expect("carol's approval as alice's", f, (f.i, "approval"))
        f = self.forged()
        f.put(f.b, 0, f.evidence[f.a, 0])
        f.records[f.b].update({m: f.records[f.a][m] for m in ("actor", "approver_key")})
        self.expect("one person twice", f, (f.i, "verdict-signing"))
        f = self.forged()
        changed = statement.replace(b"version ", b"version 9", 1)
        f.put(f.a, 0, self.lab.ssh_keygen("bob", "hallmark-approval", changed).encode())
        self.expect("over another statement", f, (f.i, "approval"))
        f.records[f.a]["statement"] = f.records[f.b]["statement"] = f.records[f.i]["statement"] = e.sha256(changed)
        self.expect("which all records name", f, (f.i, "intention"))

    def order(self):
        f = self.forged()
        f.drop(f.b)
        self.expect("an approval left out", f, (f.i - 1, "rules"))
        f.records[f.a]["state"] = "approved"
        self.expect("an approval left out, and the state forged", f, (f.i - 1, "verdict-signing"))
        f = self.forged()
        f.records[f.a]["state"] = "approved"
        del f.records[f.b]["state"]
        f.records[f.b], f.records[f.i] = f.records[f.i], f.records[f.b]
        f.evidence[f.i, 0] = f.evidence.pop((f.b, 0))
        f.records[f.g]["intent"] = f.b
        for at in (f.b, f.i):
            f.records[at]["t_ms"] = f.records[f.g]["t_ms"]
        self.expect("an approval after the intention", f, (f.b, "verdict-signing"))
        f = self.forged()
        for r in f.records[f.i:]:
            r["t_ms"] = f.records[f.s]["expires_s"] * 1000
        self.expect("signed when it had expired", f, (f.i, "intention"))
        f = self.forged()
        self.intend(f, self.half)
        at = len(f.records) - 1
        self.expect("a release that nobody else approved", f, (at, "rules"))
        f = self.forged()
        self.intend(f, self.overtaken)
        self.expect("a release that was overtaken", f, (len(f.records) - 1, "intention"))
        f = self.forged()
        f.records[f.i]["t_ms"] = f.records[f.s]["t_ms"] - 1
        path = f.write(self.lab.path("work", "forged.db"))
        r, deep, _ = self.verify("--database", path)
        self.rows.row("a broken chain of times ends it", r.returncode == 1 and "before" in r.err, (r.out, r.err))

    def intend(self, f, release):
        """The forger intends what the service did not."""
        s = f.records[int(release[1:])]
        approval = f.records[f.of(release, "approval.recorded")[-1]]
        record = {m: s[m] for m in ("product", "version", "channel", "environment", "sequence", "manifest", "keys", "release")}
        f.append(dict(record, event="sign.intended", state="signing", statement=approval["statement"], actor="ci-edge", req="0" * 32,
                      policy=f.records[-1]["policy"], store_epoch=1))

    def submissions(self):
        other = Forged(self.lab, self.source)
        s0 = int(self.first[1:])
        f = self.forged()
        f.put(f.s, 2, other.evidence[s0, 2])
        self.expect("provenance of other bytes", f, (f.i, "attestation"))
        request = base64.b64decode(json.loads(f.evidence[f.s, 0])["payload"])
        f = self.forged()
        f.put(f.s, 0, self.lab.by_certificate(request, "alice").encode())
        self.expect("a request by another certificate", f, (f.i, "submitter"))
        f.put(f.s, 0, e.dsse(e.REQUEST, request, self.lab.ci_dsse).encode())
        self.expect("a request by another key", f, (f.i, "submitter"))
        f.records[f.s]["actor"] = "ci-dsse"
        self.expect("by a submitter who really asked, but for what nobody approved", f, (f.i, "intention"))
        f = self.forged()
        f.put(f.s, 0, self.lab.by_certificate(request, "ci-edge", e.REJECTION).encode())
        self.expect("a request typed as a rejection", f, (f.i, "submitter"))
        f = self.forged()
        doc = json.loads(request)
        doc["attestations"] = [e.sha256(other.evidence[s0, 2])]
        f.put(f.s, 0, self.lab.by_certificate(json.dumps(doc).encode()).encode())
        f.put(f.s, 2, other.evidence[s0, 2])
        self.expect("the submitter names provenance of other bytes", f, (f.i, "verdict-submission"))
        forged = e.lab_module.dsse("application/vnd.in-toto+json", base64.b64decode(json.loads(self.forged().evidence[f.s, 2])["payload"]), self.lab.dave)
        doc["attestations"] = [e.sha256(forged.encode())]
        f.put(f.s, 0, self.lab.by_certificate(json.dumps(doc).encode()).encode())
        f.put(f.s, 2, forged.encode())
        self.expect("provenance by no builder", f, (f.i, "verdict-submission"))
        f = self.forged()
        f.put(f.s, 1, other.evidence[s0, 1])
        self.expect("another release's manifest", f, (f.i, "manifest"))
        f = self.forged()
        f.records[f.s]["keys"][0]["tbs"] = "0" * 64
        self.expect("other bytes to sign", f, (f.i, "keys"))
        for member, value in (("environment", "staging"), ("expires_s", f.records[f.s]["expires_s"] + 1), ("state", "approved"), ("outcome", "break-glass")):
            f = self.forged()
            f.records[f.s][member] = value
            self.expect("another %s in the submission" % member, f, *([(None, "rules")] if member == "state" else []), (f.i, "submission"))
        f = self.forged()
        f.put(f.s, 0, other.evidence[s0, 0])
        self.expect("another release's request", f, (f.i, "request"))
        f = self.forged()
        for r in f.records[f.s:]:
            r["t_ms"] += 2 * 3600 * 1000
        f.records[f.s]["expires_s"] += 2 * 3600
        self.expect("a request that had expired", f, (f.i, "request"))

    def intentions(self):
        f = self.forged()
        for name, edit in {"another manifest": lambda r: r.update(manifest="0" * 64), "other bytes to sign": lambda r: r["keys"][0].update(tbs="0" * 64),
                           "another statement": lambda r: r.update(statement="0" * 64), "another version": lambda r: r.update(version="9.9.9")}.items():
            f = self.forged()
            edit(f.records[f.i])
            self.expect("an intention with " + name, f, (f.i, "intention"))
        f = self.forged()
        other = f.evidence[f.of(self.first, "release.signed")[0], 0]
        f.put(f.g, 0, other)
        self.expect("another release's envelope", f, (f.i, "result"))
        f = self.forged()
        envelope = bytearray(f.evidence[f.g, 0])
        at = bytes(envelope).index(b"\x58\x40") + 10  # inside of the signature, 64 bytes
        envelope[at] ^= 1
        f.put(f.g, 0, bytes(envelope))
        self.expect("a broken signature in the envelope", f, (f.i, "result"))
        f = self.forged()
        f.records[f.g]["artifacts"] = ["0" * 64]
        self.expect("a result for other artifacts", f, (f.i, "result"))

    def evidence(self):
        pieces = sorted(p for p in self.forged().evidence if p[0] >= int(self.last[1:]))
        self.rows.row("there is evidence to flip", len(pieces) == 6, pieces)
        for p in pieces:
            f = self.forged()
            data = bytearray(f.evidence[p])
            data[len(data) // 2] ^= 1
            f.evidence[p] = bytes(data)
            self.expect("a flipped byte in evidence %d of record %d" % (p[1], p[0]), f, (f.i, "evidence"))
        f = self.forged()
        del f.evidence[f.a, 0]
        self.expect("evidence that is gone", f, (f.i, "evidence"))
        f = self.forged()
        del f.records[f.s]["evidence"]
        self.expect("a submission that names none", f, (f.i, "evidence"))

    def policies(self):
        f = self.forged()
        weak = json.loads(f.evidence[0, 2])
        for rule in weak["rules"]:
            if rule["key"] == "production":
                rule["approvals"]["count"] = 1
        weak = json.dumps(weak).encode()
        f.insert(f.s, {"event": "policy.activated", "policy": e.sha256(weak)}, [weak])
        for r in f.records[f.s + 1:]:
            r["policy"] = e.sha256(weak)
        self.expect("a policy with fewer approvals, that nobody approved", f, (None, "policy-change"), (f.i + 1, "policy"), says="nobody approved it")
        f = self.forged()
        f.put(self.activated, 1, f.evidence[self.activated, 2])
        under = [i["idx"] for i in f.records if i["event"] == "sign.intended" and i["idx"] > self.activated]
        self.expect("one administrator twice", f, (None, "policy-change"), (None, "policy-change"), *[(i, "policy") for i in under])
        f = self.forged()
        f.records[f.s]["policy"] = f.records[0]["policy"]
        self.expect("submitted under a policy that was not in force", f, (f.i, "policy"))
        f = self.forged()
        f.put(0, 2, weak)
        f.put(1, 0, weak)
        old, new = f.records[0]["policy"], e.sha256(weak)
        for r in f.records:
            r["policy"] = new if r.get("policy") == old else r["policy"]
        path = f.write(self.lab.path("work", "forged.db"))
        r, deep, _ = self.verify("--database", path)
        self.rows.row("another first policy: the root did not sign for it, and nothing rests on it", r.returncode == 1 and deep["hold"] == 0
                      and deep["faults"][0]["kind"] == "genesis" and "genesis" in deep["faults"][0]["text"], (r.out[:1200], r.err))
        doc = json.loads(e.read(self.lab.path("clients", "audit.json")))
        del doc["trust_store"]
        e.write(self.lab.path("clients", "nopin.json"), json.dumps(doc))
        r, deep, _ = self.verify("--database", self.source, who="nopin")
        self.rows.row("without a pinned root it says so", r.returncode == 0 and deep["root_pinned"] is False, (r.out, r.err))

    def tokens(self):
        f = self.forged()
        s = int(self.token[1:])
        i = f.of(self.token, "sign.intended")[0]
        last = len(f.records[s]["evidence"]) - 1
        jwk = json.loads(f.evidence[s, last])
        n = bytearray(base64.urlsafe_b64decode(jwk["n"] + "=="))
        n[9] ^= 1
        jwk["n"] = base64.urlsafe_b64encode(bytes(n)).rstrip(b"=").decode()
        self.put_alone(f, s, last, json.dumps(jwk).encode())
        self.expect_first("a token under another key", f, i, "submitter")
        f = self.forged()
        self.put_alone(f, s, last, None)
        self.expect_first("a token whose key is gone", f, i, "submitter")

    def put_alone(self, f, idx, n, data):
        if data is None:
            del f.evidence[idx, n]
            del f.records[idx]["evidence"][n]
        else:
            f.put(idx, n, data)

    def expect_first(self, name, f, intention, kind):
        """All that was submitted later has other leaves then, so that its approvals do not hold either."""
        path = f.write(self.lab.path("work", "forged.db"))
        r, deep, _ = self.verify("--database", path)
        faults = [(x.get("intention"), x["kind"]) for x in deep.get("faults", [])]
        self.rows.row(name, r.returncode == 1 and faults[:1] == [(intention, kind)], (faults, r.out[:1500], r.err))

    def several(self):
        f = self.forged()
        one = f.of(self.first, "sign.intended")[0]
        a = f.of(self.first, "approval.recorded")[0]
        f.evidence[a, 0] = b"{}"
        f.evidence[f.g, 0] = b""
        self.expect("two faults are both named, in their order", f, (one, "evidence"), (f.i, "evidence"))

    def key_id(self, key):
        der = key.key.public_key().public_bytes(e.serialization.Encoding.DER, e.serialization.PublicFormat.SubjectPublicKeyInfo)
        return e.sha256(der)


def main(lab, rows):
    d = Deep(lab, rows)
    rows.parts(d.honest, d.tampered, d.control, d.approvals, d.order, d.submissions, d.intentions, d.evidence, d.policies, d.tokens, d.several)


if __name__ == "__main__":
    e.run_script(main, cast=Everybody, registrar={"oidc": {"issuers": [{"issuer": GITHUB, "jwks": "oidc/github.json"},
                                                                       {"issuer": GITLAB, "jwks": "oidc/gitlab.json"}]}})
