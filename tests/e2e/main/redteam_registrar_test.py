"""The registrar is taken over: a program in its place, as its user, with the whole database, speaks the signer's socket.

It has every request, approval, veto, roster and token of the log, appends the records it likes and has them under signed checkpoints.
It gets no signature that people did not give, no second history, and no way back."""

import base64
import json
import os
import pwd
import shutil
import sqlite3
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "signer"))  # behind: it has a redteam_test too

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature  # noqa: E402

import e2e_lib as e  # noqa: E402
import oidc_test as oidc  # noqa: E402
from attempts import Table  # noqa: E402
from lab import USER, sha256  # noqa: E402
from redteam_door_test import Everybody  # noqa: E402
from signer_lib import Client, Log, Refused, blob, group, u64  # noqa: E402

MALFORMED, DENIED, NOT_FOUND, STATE, HISTORY = 1, 5, 6, 8, 10
ROSTER = 4
SLOTS = 32
TBS = b"\x84\x6aSignature1\x43\xa1\x01\x28\x40\x58\x24\x82\x2f\x58\x20"  # docs/formats/manifest.md


class Registrar:
    def __init__(self, lab, rows):
        self.lab, self.rows = lab, rows
        self.t = Table(rows, lab, "the registrar's place")

    # --- what it finds ---

    def prepare(self):
        """An honest day, of which everything is in the database."""
        lab = self.lab
        lab.signed()
        self.release = {"approved": lab.approved(), "half": lab.new(), "vetoed": lab.approved(), "nightly": lab.new(channel="nightly")}
        lab.approve(*self.release["half"], "bob")
        vetoed = self.release["vetoed"]
        lab.post("/v1/releases/%s/rejection" % vetoed[0], "gina", lab.veto(*vetoed))
        first = [lab.ssh_line(k) for k in lab.first_approvers]
        joined = first + [lab.newcomer.line()]
        self.rosters = [lab.roster(joined, 1, first), lab.roster(first, 2, joined)]
        for statement in self.rosters:
            lab.change_roster(statement)
        proposal = lab.propose(lab.changed(lambda d: d.update(name="Pending"))).doc["index"]
        for who in ("dora", "fay"):
            lab.approve_policy(proposal, who)
        self.proposal = lab.policy_statement(proposal)
        self.refused = lab.post("/v1/releases/%s/approvals" % self.release["half"][0], "carol", lab.ssh_keygen("carol", "file", self.release["half"][1])).doc["index"]
        lab.follow()

    def take_over(self):
        lab = self.lab
        for s in ("door", "registrar"):
            lab.stop(s)
        shutil.copytree(lab.path("signer"), lab.path("work", "signer-before"))
        db = sqlite3.connect("file:%s?mode=ro" % lab.path("registrar", "log.db"), uri=True)
        self.log = Log(e.ORIGIN)
        for (record,) in db.execute("SELECT bytes FROM record ORDER BY idx"):
            self.log.append_raw(bytes(record))
        self.evidence = {(r // SLOTS, r % SLOTS): bytes(b) for r, b in db.execute("SELECT ref, bytes FROM evidence")}
        db.close()
        self.records = [json.loads(r) for r in self.log.records]
        self.before = len(self.records)
        self.connect()

    def connect(self):
        """As the registrar's user: the signer asks the kernel who it is."""
        pw = pwd.getpwnam(USER["registrar"]) if self.lab.as_users else None
        if pw:
            os.setegid(pw.pw_gid)
            os.seteuid(pw.pw_uid)
        try:
            self.c = Client(self.lab.path("run", "signer", "s.sock"))
        finally:
            if pw:
                os.seteuid(0)
                os.setegid(0)

    def found(self, event, release=None):
        return [r for r in self.records if r["event"] == event and release in (None, r.get("release"))]

    def approvals(self, name):
        return [self.evidence[r["idx"], 0] for r in self.found("approval.recorded", self.release[name][0])]

    # --- what it can do to the log: append ---

    def append(self, record):
        members = {k: v for k, v in record.items() if k not in ("v", "idx", "t_ms", "prev")}
        at = self.log.append(**members)
        self.records.append(json.loads(self.log.records[at]))
        return at

    def intend(self, name, **over):
        """A sign.intended record about a release, as an honest registrar would write it, or not quite."""
        s = next(r for r in self.records if r["event"] == "release.submitted" and r["idx"] == int(self.release[name][0][1:]))
        keep = {k: s[k] for k in ("product", "version", "channel", "environment", "sequence", "manifest", "keys", "policy")}
        record = dict(keep, event="sign.intended", actor="ci-edge", release=self.release[name][0], state="signing", store_epoch=1,
                      statement=sha256(self.release[name][1]))
        record.update(over)
        return self.append(record)

    def checkpoint(self):
        old, size = self.c.hello()["size"], len(self.log.records)
        return self.c.checkpoint(size, self.log.root(), old, self.log.consistency(old, size))

    def tbs(self, name):
        s = next(r for r in self.records if r["event"] == "release.submitted" and r["release"] == self.release[name][0])
        return TBS + bytes.fromhex(s["manifest"])

    def ask(self, name, at, approvals, **over):
        """One item of SIGN: (error number, signature or text)."""
        size = over.get("size", len(self.log.records))
        v = {"key": self.key(name), "tbs": self.tbs(name), "record": self.log.records[at], "index": at, "statement": self.release[name][1],
             "path": self.log.inclusion(at, 0, size) if at < size else [], **over}
        code, answer = self.c.sign([v["key"] + blob(v["tbs"]) + blob(v["record"]) + u64(v["index"]) + u64(size) + group(v["path"]) + blob(v["statement"])
                                    + group([blob(a.encode() if isinstance(a, str) else a) for a in approvals])])[0]
        return code, answer if code == 0 else answer.decode(errors="replace")

    def key(self, name):
        s = next(r for r in self.records if r["event"] == "release.submitted" and r["release"] == self.release[name][0])
        return bytes.fromhex(s["keys"][0]["spki"])

    def holds(self, name, signature):
        key = e.serialization.load_pem_public_key(e.read(self.lab.path("ceremony", "keys", "development.pem" if name == "nightly" else "release.pem")))
        der = der_of(signature)
        key.verify(der, self.tbs(name), e.ec.ECDSA(e.hashes.SHA256()))
        return True

    # --- the history ---

    def history(self):
        t, c, log, n = self.t, self.c, self.log, self.before
        t.begin("log")
        hello = c.hello()
        t.control("the database is what the signer signed last", (hello["size"], hello["root"]) == (n, log.root()), hello)
        t.control("the same checkpoint again", bool(c.checkpoint(n, log.root(), n, [])))
        fork = log.copy(n - 1)
        fork.append(event="registrar.started", random="00" * 32)
        veto = self.found("release.rejected")[0]["idx"]
        without = self.rewritten(veto)
        refusal = self.rewritten(self.refused)
        cases = {"the newest record exchanged": (n, fork.root(), n, [], "forked"),
                 "the newest record dropped": (n - 1, log.root(n - 1), n, [], "rolled back"),
                 "everything from the veto on dropped": (veto, log.root(veto), veto, [], "rolled back"),
                 "the veto left out": (n - 1, without.root(), n, [], "rolled back"),
                 "the veto left out, another record in its place": (n, self.padded(without, n).root(), n, [], "forked"),
                 "the veto left out, and the log longer than before": (n + 3, self.padded(without, n + 3).root(), n, self.padded(without, n + 3).consistency(n, n + 3), "does not"),
                 "a refusal left out, and the log longer": (n + 3, self.padded(refusal, n + 3).root(), n, self.padded(refusal, n + 3).consistency(n, n + 3), "does not"),
                 "proven from before the veto": (n + 3, self.padded(without, n + 3).root(), veto, self.padded(without, n + 3).consistency(veto, n + 3), "prove from"),
                 "a new log": (n + 3, self.padded(without, n + 3).root(), 0, [], "prove from")}
        for what, (size, root, old, proof, text) in cases.items():
            t.refused(what, self.attempt(lambda: c.checkpoint(size, root, old, proof)), HISTORY, text)
        t.control("the signer's last checkpoint is where it was", c.hello()["size"] == n)

    def rewritten(self, without):
        """The log with one record less, chained anew."""
        out = Log(self.log.origin)
        for i, record in enumerate(self.records):
            if i != without:
                out.append(**{k: v for k, v in record.items() if k not in ("v", "idx", "t_ms", "prev")})
        return out

    def padded(self, log, size):
        out = log.copy()
        while len(out.records) < size:
            out.append(event="registrar.started", random="%064x" % len(out.records))
        return out

    def attempt(self, call):
        try:
            return 0, repr(call())
        except Refused as refused:
            return refused.code, refused.text

    # --- releases without their people ---

    def people(self):
        lab, t = self.lab, self.t
        t.begin("approvals")
        good, st = self.intend("approved"), self.release["half"][1]
        half = self.intend("half")
        as_policy = self.intend("half", statement=sha256(self.proposal))
        as_other = self.intend("half", statement=sha256(self.release["approved"][1]))
        self.checkpoint()
        both, (bob,) = self.approvals("approved"), self.approvals("half")
        code, signature = self.ask("approved", good, both)
        t.control("two people's approvals: signed, and the signature holds", code == 0 and self.holds("approved", signature), signature)
        veto = self.evidence[self.found("release.rejected")[0]["idx"], 0]
        policy = [self.evidence[r["idx"], 0] for r in self.found("policy.approved")]
        roster = [self.evidence[self.found("roster.changed")[-1]["idx"], n] for n in (1, 2)]
        token = json.dumps({"payload": base64.b64encode(st).decode(), "oidc": lab.token(st)})
        newcomer = e.ssh_document(st, lab.newcomer.sign("hallmark-approval", st))
        admins = [e.ssh_document(st, getattr(lab, w).sign("hallmark-approval", st)) for w in ("dora", "emil")]
        stranger = e.ssh_document(st, e.SshKey("ssh-ed25519").sign("hallmark-approval", st))
        moved = json.loads(both[1])
        moved["payload"] = base64.b64encode(st).decode()
        cases = {"none": [], "one of two": [bob], "one of them twice": [bob, bob], "of another release": both, "one of another release": [bob, both[1]],
                 "of another release, with this one's statement put in": [bob, json.dumps(moved)], "a veto": [bob, veto], "approvals of a policy": policy,
                 "one, and an approval of a policy": [bob, policy[0]], "signatures of a roster": roster, "a token": [bob, token],
                 "a certificate's signature": [bob, lab.by_certificate(st, "carol", e.APPROVAL)], "administrators": admins, "an administrator": [bob, admins[0]],
                 "of somebody who was in the list, and is no more": [bob, newcomer], "a stranger": [bob, stranger],
                 "signed for another purpose": [bob, lab.ssh_keygen("carol", "hallmark-policy", st)], "signed as a rejection": [bob, lab.ssh_keygen("carol", "hallmark-submit", st)],
                 "what was refused as an approval": [bob, self.evidence[self.refused, 0]]}
        for what, approvals in cases.items():
            t.refused(what, self.ask("half", half, approvals), DENIED, "demands 2 approvals")
        for what, people in (("a statement about a policy, signed as an approval", ("alice", "bob")),):
            signed = [lab.ssh_keygen(w, "hallmark-approval", self.proposal) for w in people]
            t.refused(what, self.ask("half", as_policy, signed, statement=self.proposal), MALFORMED, "rule 3: statement")
        t.refused("another release's statement and approvals", self.ask("half", half, both, statement=self.release["approved"][1]), DENIED, "not the one that record")
        t.refused("and an intention that names them", self.ask("half", as_other, both, statement=self.release["approved"][1]), DENIED, "not name this key with these bytes")
        t.refused("other bytes with real approvals", self.ask("approved", good, both, tbs=self.tbs("half")), DENIED, "intends other bytes")

    # --- intentions that are none ---

    def intentions(self):
        lab, t, log = self.lab, self.t, self.log
        t.begin("intention")
        both, name = self.approvals("approved"), "approved"
        kinds = ["release.submitted", "approval.recorded", "release.rejected", "policy.activated", "policy.approved", "roster.changed", "release.signed", "approval.refused"]
        of_kind = {event: self.found(event)[-1]["idx"] for event in kinds}
        lies = {"another product": {"product": "edge-radio"}, "another version": {"version": "0.0.1"}, "another channel": {"channel": "brief"},
                "another environment": {"environment": "staging"}, "another release": {"release": self.release["half"][0]},
                "another sequence number": {"sequence": 1}, "another manifest": {"manifest": "00" * 32}}
        of_lie = {what: self.intend(name, **over) for what, over in lies.items()}
        good = self.intend(name)
        failed = self.intend(name, event="sign.failed", intent=good, outcome="token", state="approved")
        self.checkpoint()
        size = len(log.records)
        t.control("a true one", self.ask(name, good, both)[0] == 0)
        for event, at in of_kind.items():
            t.refused("a record %s" % event, self.ask(name, at, both), DENIED, "expected sign.intended")
        t.refused("a record sign.failed", self.ask(name, failed, both), DENIED, "expected sign.intended")
        for what, at in of_lie.items():
            t.refused("says %s" % what, self.ask(name, at, both), DENIED, "guard's" if "environment" in what else "same release")
        late = self.intend(name)
        t.refused("under no checkpoint yet", self.ask(name, late, both, size=late + 1), HISTORY, "no checkpoint of size")
        t.refused("put under the checkpoint before it", self.ask(name, late, both, size=size, path=log.inclusion(good, 0, size)), HISTORY, "not under")
        t.refused("the proof of another size", self.ask(name, good, both, size=size, path=log.inclusion(good, 0, size - 1)), HISTORY, "not under")
        t.refused("a size that was never signed", self.ask(name, good, both, size=size - 1), HISTORY, "no checkpoint of size")
        t.refused("a size from before it", self.ask(name, good, both, size=self.before, path=log.inclusion(0, 0, self.before)), HISTORY, "not under")
        t.refused("at another's place", self.ask(name, good, both, size=size, index=good - 1), HISTORY, "not under")
        fork = log.copy(size - 1)
        at = fork.append(**{k: v for k, v in self.records[good].items() if k not in ("v", "idx", "t_ms", "prev")})
        t.refused("in a fork of the same size", self.ask(name, good, both, size=size, record=fork.records[at], index=at, path=fork.inclusion(at, 0, size)), HISTORY, "not under")
        self.checkpoint()
        t.control("and under a checkpoint it is one", self.ask(name, late, both)[0] == 0)

    # --- keys ---

    def keys(self):
        lab, t = self.lab, self.t
        t.begin("keys")
        both, production, development = self.approvals("approved"), self.key("approved"), self.key("nightly")
        nightly, approved = self.intend("nightly"), self.intend("approved")
        spki = [dict(self.records[nightly]["keys"][0], spki=k.hex()) for k in (production, development)]
        two = self.intend("nightly", keys=spki)
        posing = self.intend("nightly", keys=spki[:1], environment="production")
        lent = self.intend("approved", keys=[dict(self.records[approved]["keys"][0], spki=development.hex())])
        self.checkpoint()
        st = self.release["nightly"][1]
        signed = [lab.ssh_keygen(w, "hallmark-approval", st) for w in ("alice", "bob")]
        t.control("the development key, for a development release", self.holds("nightly", self.ask("nightly", nightly, [])[1]))
        t.refused("the production key for it", self.ask("nightly", nightly, signed, key=production), DENIED, "does not name this key")
        t.refused("and an intention that names both", self.ask("nightly", two, signed, key=production), DENIED, "guard's")
        t.refused("without approvals", self.ask("nightly", posing, [], key=production), DENIED, "demands 2 approvals")
        t.refused("approved, called production", self.ask("nightly", posing, signed, key=production), DENIED, "not name this key with these bytes")
        t.refused("the development key for a production release", self.ask("approved", approved, both, key=development), DENIED, "does not name this key")
        t.refused("and an intention that names it", self.ask("approved", lent, both, key=development), DENIED, "guard's")
        t.refused("the log's key", self.ask("approved", approved, both, key=b"\1" * 32), NOT_FOUND, "no such key")

    # --- rosters ---

    def lists(self):
        lab, t = self.lab, self.t
        t.begin("roster")
        first = [lab.ssh_line(k) for k in lab.first_approvers]
        key, size = bytes.fromhex(lab.key_id()), len(self.log.records)
        one, two = [r["idx"] for r in self.found("roster.changed")]
        mine = lab.roster(first + [e.SshKey("ssh-ed25519").line()], 3, first)
        members = {"event": "roster.changed", "actor": "dora", "guard": key.hex(), "serial": 3, "statement": sha256(mine), "policy": self.records[-1]["policy"]}
        three = self.append(members)
        self.checkpoint()
        size = len(self.log.records)

        def docs(at):
            return [self.evidence[at, n] for n in (1, 2)]

        def send(at, statement, documents, **over):
            v = {"record": self.log.records[at], "size": size, "path": self.log.inclusion(at, 0, size), **over}
            body = key + blob(v["record"]) + u64(at) + u64(v["size"]) + group(v["path"]) + blob(statement)
            return self.attempt(lambda: self.c.call(ROSTER, body + group([blob(d if isinstance(d, bytes) else d.encode()) for d in documents])))

        t.control("the list that holds, again", send(two, self.rosters[1], docs(two))[0] == 0)
        t.refused("the list before it, with its record and proof", send(one, self.rosters[0], docs(one)), STATE, "serial number 1, expected 3")
        t.refused("a list of its own, recorded, unsigned", send(three, mine, []), DENIED, "asks for 2 roster keys")
        t.refused("with the signatures of the list before", send(three, mine, docs(two)), DENIED, "asks for 2 roster keys")
        t.refused("with approvers' signatures", send(three, mine, [lab.ssh_keygen(w, "hallmark-roster", mine) for w in ("alice", "bob")]), DENIED, "asks for 2 roster keys")
        t.refused("with administrators' approvals", send(three, mine, [lab.policy_document(w, mine) for w in ("dora", "fay")]), DENIED, "asks for 2 roster keys")
        t.refused("with one roster key and a token", send(three, mine, [lab.roster_document("rosa", mine), json.dumps(
            {"payload": base64.b64encode(mine).decode(), "oidc": lab.token(mine)})]), DENIED, "asks for 2 roster keys")
        t.refused("under a record of an older one", send(two, mine, [lab.roster_document(w, mine) for w in ("rosa", "ruth")]), DENIED, "no roster.changed about this list")
        t.refused("under a checkpoint that was never signed", send(two, self.rosters[1], docs(two), size=10 ** 6), HISTORY, "no checkpoint of size")

    # --- what it can, and what shows it ---

    def above_the_guard(self):
        """The policy above the guards is the registrar's: whoever takes its place can ignore it, in public."""
        t = self.t
        t.begin("policy")
        veto = self.found("release.rejected")[0]
        at = self.intend("vetoed")
        note = self.checkpoint().decode()
        code, signature = self.ask("vetoed", at, self.approvals("vetoed"))
        t.control("it can: two approvals that people gave, a veto notwithstanding", code == 0 and self.holds("vetoed", signature), signature)
        size, root = e.check_checkpoint(note, e.read(self.lab.path("ceremony", "keys", "log.vkey")).decode())
        shown = [e.path_root(i, size, self.log.leaves[i], self.log.inclusion(i, 0, size)) == root for i in (veto["idx"], at)]
        t.control("it cannot hide it: veto and intention are under one signed checkpoint", shown == [True, True] and veto["idx"] < at, shown)
        fork = self.padded(self.rewritten(veto["idx"]), size + 1)
        t.refused("the veto left out afterwards", self.attempt(lambda: self.c.checkpoint(size + 1, fork.root(), size, fork.consistency(size, size + 1))), HISTORY, "does not")

    def afterwards(self):
        lab, t = self.lab, self.t
        t.begin("afterwards")
        lines = e.read(lab.path("signer.log")).decode()
        refused = len([line for line in lines.splitlines() if "refused" in line])
        t.control("the signer's journal has a line for each refusal (%d)" % refused, refused >= len(t.lines), len(t.lines))
        p = lab.start("registrar")
        ok = p.wait(30) == 3
        self.rows.row("afterwards: the database alone does not start again: exit code 3", ok, lab.log_tail("registrar"))
        t.line("the honest database put back behind what was signed", "does not extend", "the registrar's journal", ok)
        lab.stop("signer")
        shutil.rmtree(lab.path("signer"))
        shutil.copytree(lab.path("work", "signer-before"), lab.path("signer"))
        lab.own(lab.path("signer"), "signer")
        for s in ("signer", "registrar", "door"):
            lab.start(s)
        lab.wait_ready()
        release, _ = lab.signed()
        t.control("with the signer's state set back too, it goes on: nobody but others' checkpoints would notice",
                  lab.settled("/v1/releases/" + release)["state"] == "signed")
        r = lab.cli("audit", "log", "verify", check=False)
        t.control("the whole log verifies", r.returncode == 0, r.out + r.err)
        t.finish()


def der_of(signature):
    return encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))


def main(lab, rows):
    r = Registrar(lab, rows)
    rows.parts(r.prepare, r.take_over, r.history, r.people, r.intentions, r.keys, r.lists, r.above_the_guard, r.afterwards)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Everybody, registrar={"oidc": {"issuers": [{"issuer": oidc.GITHUB, "jwks": "oidc/github.json"},
                                                                      {"issuer": oidc.GITLAB, "jwks": "oidc/gitlab.json", "algorithms": ["ES256"]}]}})
