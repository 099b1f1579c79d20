"""Private detail is erased because enough administrators signed for it, and for nothing less; afterwards it stands in no file of the log,
one record says so, and every proof holds as before."""

import json
import os
import sqlite3
import time

import e2e_lib as e
from lab import ORIGIN
from log_forge import Forged
from policy_lib import Administered, decoded

KIND = "application/vnd.hallmark.detail-erasure"


class Erasing(Administered):
    def statement(self, items, **over):
        fields = {"origin": ORIGIN, "expires": e.after(3600), "reason": "asked for by the person"}
        fields.update(over)
        return ("detail-erasure/v1\n" + "".join("%s %s\n" % f for f in fields.items())
                + "".join("detail %d sha256:%s\n" % i for i in items)).encode()

    def document(self, who, statement, namespace="hallmark-erasure", kind=KIND):
        key = getattr(self, who)
        if isinstance(key, e.SshKey):
            return e.ssh_document(statement, key.sign(namespace, statement))
        return e.dsse(kind, statement, key)

    def erase(self, statement, people=("dora", "emil"), documents=None, caller="dora", **kw):
        documents = documents if documents is not None else [self.document(w, statement) for w in people]
        return self.post("/v1/log/erasures", caller, json.dumps({"statement": statement.decode(), "signatures": documents}), **kw)

    def refusal(self):
        """A refused approval: a record with private detail. Its index."""
        rel, st = self.new()
        r = self.approve(rel, st, "gina", body=e.ssh_document(st, self.gina.sign("hallmark-approval", st)))
        return r.doc["index"]

    def item(self, index):
        return index, self.record(index)["detail"]

    def copy(self):
        """A copy of the log's database, made while the registrar stands still."""
        self.stop("registrar")
        target = self.path("work", "copy-%d.db" % time.monotonic_ns())
        e.write(target, e.read(self.path("registrar", "log.db")))
        self.start("registrar")
        self.wait_ready()
        self.in_force()  # the door has found it
        self.follow()
        return target

    def details(self):
        db = sqlite3.connect(self.copy())
        try:
            return {i: (s, b) for i, s, b in db.execute("SELECT idx, salt, bytes FROM detail")}
        finally:
            db.close()

    def on_disk(self, needle):
        """Files of the registrar in which these bytes stand."""
        return [f for f in os.listdir(self.path("registrar")) if f.startswith("log.db") and not f.endswith("-reserve")
                and os.path.isfile(self.path("registrar", f)) and needle in e.read(self.path("registrar", f))]


class Erase:
    def __init__(self, lab, rows):
        self.lab, self.rows = lab, rows

    def refused(self, name, r, says, outcome=None):
        """outcome None: nothing is recorded."""
        if not self.rows.equal(name, r.says(), says, r):
            return
        if outcome is None:
            self.rows.row(name + ": no record", "index" not in r.doc, r)
            return
        rec = self.lab.record(r.doc["index"])
        self.rows.equal(name + ": record", (rec["event"], rec["outcome"], len(rec["evidence"])), ("detail.refused", outcome, 1))

    def attempts(self):
        lab, rows = self.lab, self.rows
        self.index = lab.refusal()
        self.item = lab.item(self.index)
        good = lab.statement([self.item])
        sig = ((403, "signature"), "signature")
        few = ((403, "policy"), "administration.count")
        self.refused("one administrator of two", lab.erase(good, ("dora",)), *few)
        self.refused("an administrator twice", lab.erase(good, ("dora", "dora")), *few)
        self.refused("an administrator twice, in two documents", lab.erase(good, documents=[lab.document("fay", good), lab.document("fay", good)]), *few)
        self.refused("with the role, but not of the group", lab.erase(good, ("dora", "hugo")), *sig)
        self.refused("a good signature by nobody", lab.erase(good, documents=[lab.document("dora", good), e.ssh_document(good, e.SshKey("ssh-ed25519").sign("hallmark-erasure", good))]), *sig)
        self.refused("an approver in place of an administrator", lab.erase(good, documents=[lab.document("dora", good), lab.ssh_keygen("alice", "hallmark-erasure", good)]), *sig)
        for ns in ("hallmark-policy", "hallmark-approval", "hallmark-submit", "hallmark-roster"):
            self.refused("signed in namespace " + ns, lab.erase(good, documents=[lab.document(w, good, ns) for w in ("dora", "emil")]), *sig)
        for kind in (e.POLICY_APPROVAL, e.APPROVAL):
            self.refused("typed as " + kind, lab.erase(good, documents=[lab.document("dora", good), lab.document("fay", good, kind=kind)]), *sig)
        other = lab.statement([self.item], origin="other.example/log")
        self.refused("for another log", lab.erase(other), *sig)
        self.refused("signatures over another statement", lab.erase(good, documents=[lab.document(w, other) for w in ("dora", "emil")]), *sig)
        bent = json.loads(lab.document("emil", good))
        bent["payload"] = e.base64.b64encode(good.replace(b"asked", b"Asked")).decode()
        self.refused("a payload that was changed after it was signed", lab.erase(good, documents=[lab.document("dora", good), json.dumps(bent)]), *sig)
        self.refused("expired", lab.erase(lab.statement([self.item], expires=e.after(-5))), (410, "expired"), "expired")
        self.refused("more than 90 days ahead", lab.erase(lab.statement([self.item], expires=e.after(91 * 86400))), (400, "malformed"), "malformed")
        state = ((409, "state"), "state")
        started = next(r["idx"] for r in lab.records() if r["event"] == "registrar.started")
        self.refused("a record without detail", lab.erase(lab.statement(sorted([self.item, (started, "0" * 64)]))), *state)
        self.refused("a record that does not exist", lab.erase(lab.statement([self.item, (10 ** 9, "0" * 64)])), *state)
        self.refused("another detail than the record's", lab.erase(lab.statement([(self.index, "0" * 64)])), *state)
        bad = (400, "malformed")
        for name, st in {"a record twice": lab.statement([self.item, self.item]), "no record": lab.statement([]),
                         "an approval of a policy": b"policy-approval/v1\norigin a/b\n", "empty": b"",
                         "another version": good.replace(b"/v1", b"/v2"), "a line behind": good + b"reason more\n"}.items():
            self.refused("the statement: " + name, lab.erase(st), bad)
        self.refused("no signature", lab.erase(good, documents=[]), bad)
        self.refused("17 signatures", lab.erase(good, documents=[lab.document("dora", good)] * 17), (413, "too-large"))
        self.refused("what is no document", lab.erase(good, documents=["{}"]), (403, "signature"), "signature")
        for who in ("alice", "ci-edge", "audit"):
            self.refused("carried by " + who, lab.erase(good, caller=who), (403, "forbidden"))
        self.refused("carried by a stranger", lab.erase(good, caller="stranger"), (401, "unauthenticated"))
        r = lab.erase(good, ("dora",), key="the-same-key")
        again = lab.erase(good, ("dora",), key="the-same-key")
        rows.row("a refusal with an Idempotency-Key, asked again, is the same answer", r.doc.get("index") is None or
                 (r.says(), r.doc["index"]) == (again.says(), again.doc.get("index")), (r, again))
        rows.row("after all that the detail is there", self.index in lab.details())

    def erased(self):
        lab, rows = self.lab, self.rows
        others = [lab.refusal() for _ in range(3)]
        before = lab.details()
        salt, text = before[self.index]
        rows.equal("a detail is what its record names", e.hashlib.sha256(salt + text).hexdigest(), self.item[1])
        rows.row("and stands in a file of the log", lab.on_disk(salt) != [])
        proofs = {i: lab.get("/v1/log/entries/%d/proof" % i).body for i in [self.index] + others}
        items = [self.item, lab.item(others[0])]
        good = lab.statement(items)
        r = lab.erase(good, ("emil", "fay"))
        rows.equal("two administrators, one by SSH, one in DSSE", r.status, 200, r)
        rec = lab.record(r.doc["index"])
        rows.equal("one record", (rec["event"], rec["count"], rec["actor"], rec["statement"], len(rec["evidence"])),
                   ("detail.erased", 2, "dora", e.sha256(good), 3))
        evidence = [lab.get("/v1/log/entries/%d/evidence/%d" % (rec["idx"], n)).body for n in range(3)]
        rows.row("its evidence: the statement and who signed it", evidence[0] == good and all(decoded(d) == good for d in evidence[1:]))
        end = time.time() + 60
        while lab.on_disk(salt) and time.time() < end:
            time.sleep(0.2)
        rows.equal("salt and text stand in no file of the log, while it runs", (lab.on_disk(salt), lab.on_disk(before[others[0]][0])), ([], []))
        rows.row("what was not named is still there", lab.on_disk(before[others[1]][0]) != [])
        again = lab.erase(good, ("dora", "emil"))
        rows.equal("asking twice gives the same record", (again.status, again.doc.get("index")), (200, rec["idx"]))
        size = lab.size()
        rows.equal("and writes none", lab.size(), size)
        state = ((409, "state"), "state")
        self.refused("what is gone cannot be erased again", lab.erase(lab.statement([items[0]])), *state)
        self.refused("all or nothing", lab.erase(lab.statement(sorted([items[0], lab.item(others[1])]))), *state)
        after = lab.details()
        rows.row("the others are untouched", all(after.get(i) == before[i] for i in others[1:]) and items[0][0] not in after and items[1][0] not in after)
        for i, proof in proofs.items():
            record, _, path, checkpoint = e.parse_proof(proof.decode())
            now = e.parse_proof(lab.get("/v1/log/entries/%d/proof" % i).body.decode())
            rows.equal("record %d: the same bytes as before" % i, now[0], record)
        r = lab.cli("audit", "log", "verify", check=False)
        rows.row("the whole log verifies", r.returncode == 0, r.out + r.err)
        self.erasing = rec["idx"]

    def clients(self):
        lab, rows = self.lab, self.rows
        for who in ("dora", "emil", "fay"):
            lab.make_client(who)
        first, second = lab.refusal(), lab.refusal()
        text = lab.path("work", "erasure.txt")
        started = next(r["idx"] for r in lab.records() if r["event"] == "registrar.started")
        r = lab.cli("dora", "log", "redact", "new", "--record", str(first), "--out", text, check=False)
        rows.row("new: without a reason", r.returncode == 2 and "--reason" in r.err, r.err)
        r = lab.cli("dora", "log", "redact", "new", "--record", str(started), "--reason", "why", "--out", text, check=False)
        rows.row("new: a record without detail", r.returncode == 4 and "has no private detail" in r.err, r.err)
        r = lab.cli("dora", "log", "redact", "new", "--record", str(first), str(first), "--reason", "why", "--out", text, check=False)
        rows.row("new: a record twice", r.returncode == 2 and "stands twice" in r.err, r.err)
        lab.cli("dora", "log", "redact", "new", "--record", str(second), str(first), "--reason", "request 2026-17", "--out", text)
        said = e.read(text)
        rows.equal("new: the statement", said, lab.statement([lab.item(first), lab.item(second)], expires=e.field(said, "expires"), reason="request 2026-17"))
        r = lab.cli("dora", "log", "redact", "sign", text, "--yes", "--out", lab.path("work", "dora.json"))
        rows.row("sign: shows what goes", all(w in r.err for w in (str(first), "approval.refused", "gina", "request 2026-17")), r.err)
        r = lab.cli("fay", "log", "redact", "sign", text, "--offline", "--dsse", lab.path("people", "fay", "key.pem"), "--yes", "--out", lab.path("work", "fay.json"))
        rows.row("sign: offline, by what the statement says", lab.item(first)[1] in r.err and "gina" not in r.err, r.err)
        lied = e.write(lab.path("work", "lied.txt"), said.replace(lab.item(first)[1].encode(), b"0" * 64))
        r = lab.cli("dora", "log", "redact", "sign", lied, "--yes", "--out", lab.path("work", "lied.json"), check=False)
        rows.row("sign: a statement about another detail is not signed", r.returncode == 1 and not os.path.exists(lab.path("work", "lied.json")), r.err)
        old = e.write(lab.path("work", "old.txt"), lab.statement([lab.item(first)], expires=e.after(-60)))
        r = lab.cli("dora", "log", "redact", "sign", old, "--yes", "--out", lab.path("work", "old.json"), check=False)
        rows.row("sign: nor one that has expired", r.returncode != 0 and "expired" in r.err, r.err)
        r = lab.cli("emil", "log", "redact", "apply", text, "--signature", lab.path("work", "dora.json"), check=False)
        rows.row("apply: too few", r.returncode == 1 and "signed by 1 of 2" in r.err, r.out + r.err)
        r = lab.cli("emil", "log", "redact", "apply", text, "--signature", lab.path("work", "dora.json"), check=False)
        rows.row("apply: too few, again", r.returncode == 1 and "signed by 1 of 2" in r.err, r.out + r.err)
        r = lab.cli("emil", "log", "redact", "apply", text, "--signature", lab.path("work", "dora.json"), "--signature", lab.path("work", "fay.json"))
        rows.row("apply", "recorded detail.erased" in r.out, r.out + r.err)
        rows.row("apply: gone", not {first, second} & set(lab.details()))

    def policy(self):
        """Administrators are those of the policy in force when it is carried out."""
        lab = self.lab
        item = lab.item(lab.refusal())
        good = lab.statement([item])
        signed = [lab.document(w, good) for w in ("dora", "emil")]

        def edit(doc):
            next(g for g in doc["groups"] if g["id"] == "administrators")["members"] = ["dora", "fay"]
        lab.change(edit)
        self.refused("one of them is no administrator any more", lab.erase(good, documents=signed), (403, "signature"), "signature")
        self.rows.equal("those who are now", lab.erase(good, ("dora", "fay")).status, 200)


    def judged(self):
        """Auditors: by the database, and judged again with --deep; a forger who has the log's own key is found out."""
        lab, rows = self.lab, self.rows
        for service in ("door", "registrar", "signer"):
            lab.stop(service)
        self.source = lab.path("work", "judged.db")
        db = sqlite3.connect(lab.path("registrar", "log.db"))
        db.execute("VACUUM INTO ?", (self.source,))
        db.close()
        r = lab.cli("audit", "log", "verify", "--database", self.source, check=False)
        rows.row("verify --database: says by which records", r.returncode == 0 and "2 erased by record %d" % self.erasing in r.out, r.out + r.err)
        r = lab.cli("audit", "log", "verify", "--database", self.source, "--deep", "--json", check=False)
        rows.row("--deep: each has its quorum", r.returncode == 0 and json.loads(r.out)["deep"]["erasures"] == 3, r.out + r.err)
        copy = lab.path("work", "without.db")
        e.write(copy, e.read(self.source))
        db = sqlite3.connect(copy)
        gone = db.execute("SELECT min(idx) FROM detail").fetchone()[0]
        db.execute("DELETE FROM detail WHERE idx=?", (gone,))
        db.commit()
        db.close()
        r = lab.cli("audit", "log", "verify", "--database", copy, "--json", check=False)
        fault = json.loads(r.out).get("fault", {})
        rows.equal("verify --database: a detail that went without a record", (fault.get("kind"), fault.get("index")), ("detail-missing", gone), r.out + r.err)
        forgeries = {
            "as it is": (lambda f, i: None, []),
            "one signature left out": (lambda f, i: f.records[i]["evidence"].pop(), ["erasure"]),
            "one signature twice": (lambda f, i: f.put(i, 2, f.evidence[i, 1]), ["erasure"]),
            "signed by somebody else": (lambda f, i: f.put(i, 2, lab.document("hugo", f.evidence[i, 0]).encode()), ["erasure"]),
            "signed as an approval": (lambda f, i: f.put(i, 2, lab.document("fay", f.evidence[i, 0], kind=e.APPROVAL).encode()), ["erasure"]),
            "another number": (lambda f, i: f.records[i].update(count=3), ["erasure"]),
            "another statement": (lambda f, i: f.put(i, 0, f.evidence[i, 0].replace(b"asked", b"Asked")), ["erasure"]),
            "carried out when it had expired": (lambda f, i: [r.update(t_ms=r["t_ms"] + 4000000) for r in f.records[i:]], ["erasure"]),
            "under another policy": (lambda f, i: f.records[i].update(policy="0" * 64), ["erasure"]),
            "about a detail that its record does not name": (lambda f, i: f.records[self.item[0]].update(detail="0" * 64), ["erasure"]),
        }
        for name, (edit, kinds) in forgeries.items():
            f = Forged(lab, self.source)
            edit(f, self.erasing)
            path = f.write(lab.path("work", "forged.db"))
            r = lab.cli("audit", "log", "verify", "--deep", "--json", "--database", path, check=False)
            found = [x["kind"] for x in json.loads(r.out)["deep"]["faults"]] if r.out else r.err
            rows.equal("--deep: " + name, found[:1] if kinds else found, kinds, r.out + r.err)


def main(lab, rows):
    t = Erase(lab, rows)
    rows.parts(t.attempts, t.erased, t.clients, t.policy, t.judged)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Erasing)
