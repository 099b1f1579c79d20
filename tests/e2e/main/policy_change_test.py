"""A new policy: proposed, linted, approved by the administrators of the one in force, activated, and in force at once and after
a restart. Everything that must not change it is tried."""

import json
import os
import signal

import e2e_lib as e
from policy_lib import Administered
from redteam_test import APPROVE, RedTeam

PROPOSE, APPROVE_POLICY, ACTIVATE, REPLACE = range(21, 25)


class PolicyChange:
    def __init__(self, lab, rows):
        self.lab, self.rows = lab, rows

    def refused(self, name, r, says, event="policy.refused", outcome=None):
        if not self.rows.equal(name, r.says(), says, r):
            return
        if event is None:
            self.rows.row(name + ": no record", "index" not in r.doc, r)
            return
        rec = self.lab.record(r.doc["index"])
        self.rows.equal(name + ": record", (rec["event"], rec.get("outcome")), (event, outcome or says[1]))

    def proposals(self):
        lab = self.lab
        good = lab.changed(lambda d: d.update(name="Another name"))

        def bad(edit):
            return lab.changed(edit)

        lints = {"a rule of a key that nobody has": (lambda d: d["rules"][0].update(key="nobody"), "$.rules[0].key"),
                 "fewer approvals than the guard": (lambda d: [r["approvals"].update(count=1) for r in d["rules"] if r["key"] == "production"], "the guard of its key production for 2"),
                 "a key without a guard": (lambda d: d["keys"].append({"id": "new", "public_key": {"pem": e.public_pem(e.ec.generate_private_key(e.ec.SECP256R1()))},
                                                                      "environment": "production", "products": ["edge-router"], "channels": ["lts"]}), "has no guard"),
                 "another vendor": (lambda d: d.update(vendor_domain="other.example"), "vendor_domain"),
                 "an administration of one": (lambda d: d["administration"].update(count=1), "$.administration.count"),
                 "an unknown member": (lambda d: d.update(default="allow"), "$.default")}
        for name, (edit, text) in lints.items():
            r = lab.propose(bad(edit))
            self.refused("lint: " + name, r, (403, "policy"), outcome="policy.lint")
            self.rows.row("lint: %s: says so" % name, text in r.doc.get("detail", ""), r)
        self.refused("no policy at all", lab.propose(b"[]"), (403, "policy"), outcome="policy.lint")
        self.refused("the policy in force", lab.propose(lab.in_force()), (409, "conflict"))
        self.refused("in place of another one", lab.propose(good, in_force="sha256:" + "0" * 64), (409, "state"))
        self.refused("expired", lab.propose(good, expires=e.after(-5)), (410, "expired"))
        self.refused("for a year", lab.propose(good, expires=e.after(365 * 86400)), (400, "malformed"), None)
        self.refused("for another log", lab.propose(good, origin="other.example/log"), (403, "signature"), None)
        self.refused("another document than the signed one", lab.propose(good, policy="sha256:" + "0" * 64), (403, "signature"), None)
        self.refused("by an administrator who is not in the group", lab.propose(good, "hugo"), (403, "forbidden"))
        self.refused("by an approver", lab.propose(good, "alice"), (403, "forbidden"), None)
        statement = lab.proposal(good)
        self.refused("signed as a rejection", lab.propose(good, body=json.dumps(
            {"proposal": lab.by_certificate(statement, "dora", e.REJECTION), "policy": good.decode()})), (403, "signature"), None)
        self.refused("a release request signed as a proposal", lab.propose(good, statement=lab.request(b"x", "1.0")), (400, "malformed"), None)
        own = e.ec.generate_private_key(e.ec.SECP256R1())
        self.refused("signed by a stranger", lab.propose(good, body=json.dumps({"proposal": e.dsse(e.POLICY_PROPOSAL, statement, own), "policy": good.decode()})),
                     (403, "signature"), None)
        body = json.dumps({"proposal": lab.by_certificate(statement, "dora", e.POLICY_PROPOSAL), "policy": good.decode()})
        r = lab.propose(good, body=body)
        self.rows.equal("a good proposal", r.status, 201, r)
        rec = lab.record(r.doc["index"])
        self.rows.equal("its record", (rec["event"], rec["actor"], rec["evidence"][1]), ("policy.proposed", "dora", e.sha256(good)))
        self.refused("replayed", lab.propose(good, body=body), (409, "conflict"), None)
        self.rows.row("nothing changed yet", lab.in_force() != good)
        self.first = r.doc["index"]
        self.good = good

    def approvals(self):
        lab, idx = self.lab, self.first
        other = lab.propose(lab.changed(lambda d: d.update(name="Somebody else's"))).doc["index"]
        self.refused("activation without approvals", lab.activate_policy(idx), (403, "policy"), outcome="administration.count")
        st = lab.policy_statement(idx)
        self.refused("approval of another proposal", lab.approve_policy(idx, "dora", lab.policy_statement(other)), (403, "signature"))
        for name, over in {"another index": {"proposal": other}, "another leaf": {"proposed": "0" * 64}, "another origin": {"origin": "x/y"},
                           "another document": {"policy": "sha256:" + "0" * 64}, "another policy in force": {"in_force": "sha256:" + "0" * 64},
                           "another expiry": {"expires": e.after(86400)}}.items():
            self.refused("approval with " + name, lab.approve_policy(idx, "dora", lab.policy_statement(idx, **over)), (403, "signature"))
        for ns in ("hallmark-approval", "hallmark-submit", "file"):
            self.refused("approval in namespace " + ns, lab.approve_policy(idx, "dora", body=lab.policy_document("dora", st, ns)), (403, "signature"))
        self.refused("approval typed as a release's", lab.approve_policy(idx, "fay", body=lab.policy_document("fay", st, kind=e.APPROVAL)), (403, "signature"))
        self.refused("approval by a certificate's key", lab.approve_policy(idx, "dora", body=lab.by_certificate(st, "dora", e.POLICY_APPROVAL)), (403, "signature"))
        self.refused("approval by one outside of the group", lab.approve_policy(idx, "hugo"), (403, "forbidden"))
        self.refused("approval by an approver of releases", lab.post("/v1/policy/proposals/%d/approvals" % idx, "dora", lab.ssh_keygen("alice", "hallmark-policy", st)),
                     (403, "forbidden"))
        self.refused("approval of what is no proposal", lab.approve_policy(1, "dora", st), (404, "not-found"), None)
        r = lab.approve_policy(idx, "emil", caller="dora")
        self.rows.equal("emil's approval, carried by dora, is emil's", (r.status, lab.record(r.doc.get("index", 0)).get("actor")), (201, "emil"), r)
        self.refused("emil again", lab.approve_policy(idx, "emil"), (409, "conflict"))
        self.refused("activation with one approval", lab.activate_policy(idx), (403, "policy"), outcome="administration.count")
        self.rows.equal("fay's", lab.approve_policy(idx, "fay").status, 201)
        self.refused("activation by an approver", lab.activate_policy(idx, "alice"), (403, "forbidden"), None)
        self.refused("activation of the other one", lab.activate_policy(other), (403, "policy"), outcome="administration.count")
        self.other = other

    def activation(self):
        lab, rows = self.lab, self.rows
        r = lab.activate_policy(self.first)
        rows.equal("activation", r.status, 200, r)
        rec = lab.record(r.doc["index"])
        rows.equal("its record", (rec["event"], rec["proposal"], rec["policy"], rec["evidence"][0], len(rec["evidence"])),
                   ("policy.activated", self.first, e.sha256(self.good), e.sha256(self.good), 3))
        rows.row("in force at once", lab.in_force() == self.good)
        again = lab.activate_policy(self.first, key="again")
        rows.equal("asking twice gives the same record", (again.status, again.doc.get("index")), (200, r.doc["index"]))
        self.refused("an approval after that", lab.approve_policy(self.first, "dora"), (409, "state"))
        self.refused("the overtaken proposal: approval", lab.approve_policy(self.other, "dora"), (409, "state"))
        self.refused("the overtaken proposal: activation", lab.activate_policy(self.other), (409, "state"))
        rel, _ = lab.signed()
        rows.equal("people sign under it", lab.record(int(rel[1:]))["policy"], e.sha256(self.good))
        size = lab.size()
        lab.stop("registrar", signal.SIGKILL)
        lab.start("registrar")
        lab.wait_ready()
        lab.follow()
        rows.row("and after it was killed", lab.in_force() == self.good)
        rows.equal("the next record names it", lab.record(size)["policy"], e.sha256(self.good))

    def releases(self):
        """Allow under the policy of submission, and under the one in force."""
        lab, rows = self.lab, self.rows
        kept, _ = lab.approved()
        half, half_st = lab.new()
        lab.approve(half, half_st, "bob")
        gone, _ = lab.approved()  # by bob and carol
        before = lab.in_force()

        def without_carol(d):
            d["groups"][0]["members"].remove("carol")
            carol = next(p for p in d["principals"] if p["id"] == "carol")
            carol["approval_keys"] = []
            carol["roles"] = ["auditor"]

        lab.change(without_carol, ("emil", "fay"))
        self.refused_sign("approved by one who was removed meanwhile", lab.sign(gone))
        self.refused_sign("likewise", lab.sign(kept))
        r = lab.approve(half, half_st, "alice")
        rows.equal("approvals go on under the policy of submission", r.status, 201, r)
        r = lab.sign(half)
        rows.equal("signed: both policies allow it", r.status, 200, r)
        rows.equal("the record names the one in force", lab.record(r.doc["index"])["policy"], e.sha256(lab.in_force()))
        lab.stop("registrar")
        lab.start("registrar")
        lab.wait_ready()
        self.refused_sign("after a restart the old policy comes out of the log", lab.sign(gone))
        r = lab.propose(before)
        for who in ("dora", "emil"):
            lab.approve_policy(r.doc["index"], who)
        rows.equal("an earlier document comes back", lab.activate_policy(r.doc["index"]).status, 200)
        rows.equal("and with it what it allows", lab.sign(gone).status, 200)
        kept, _ = lab.approved()
        rows.equal("the newest policy: who may submit is asked of it",
                   lab.change(lambda d: d["rules"][0]["submitters"].remove("ci-edge")) > 0, True)
        self.refused_sign("submitted by one who may no more", lab.sign(kept), "submitter.allowed")
        lab.change(lambda d: d["rules"][0]["submitters"].append("ci-edge"))
        rows.equal("may again", lab.sign(kept).status, 200)

    def refused_sign(self, name, r, check="approvals.count"):
        self.rows.equal(name, (r.says(), r.failed()), ((403, "policy"), [check]), r)

    def removed_administrator(self):
        lab = self.lab

        def without_emil(d):
            next(g for g in d["groups"] if g["id"] == "administrators")["members"].remove("emil")

        document = lab.changed(lambda d: d.update(name="By emil"))
        pending = lab.propose(document, "emil").doc["index"]
        self.rows.equal("emil approves", lab.approve_policy(pending, "emil").status, 201)
        lab.change(without_emil, ("dora", "fay"))
        self.refused("a proposal from before", lab.approve_policy(pending, "dora"), (409, "state"))
        self.refused("activation of it", lab.activate_policy(pending), (409, "state"))
        again = lab.propose(document).doc["index"]
        self.refused("emil, who was removed, approves", lab.approve_policy(again, "emil"), (403, "forbidden"))
        self.refused("emil's earlier signature", lab.approve_policy(again, "emil", lab.policy_statement(pending), caller="dora"), (403, "signature"))
        self.refused("emil proposes", lab.propose(lab.changed(lambda d: d.update(name="Again")), "emil"), (403, "forbidden"))
        lab.change(lambda d: next(g for g in d["groups"] if g["id"] == "administrators")["members"].append("emil"), ("dora", "fay"))
        self.rows.equal("emil is back", lab.change(lambda d: d.update(name="Back"), ("dora", "emil")) > 0, True)

    def door(self):
        """A program in the door's place: it holds all of this, and lies about who called."""
        lab = self.lab
        team = RedTeam(lab, self.rows)
        document = lab.changed(lambda d: d.update(name="By the door"))
        statement = lab.proposal(document)
        own = e.ec.generate_private_key(e.ec.SECP256R1())
        stolen = json.loads(e.dsse(e.POLICY_PROPOSAL, statement, own))
        stolen["certificate"] = e.read(lab.path("tls", "dora.pem")).decode()

        def body(doc, text=None):
            return json.dumps({"proposal": doc, "policy": (text or document).decode()})

        team.expect("door: proposal under dora's name, own key", team.ask(PROPOSE, "dora", body(e.dsse(e.POLICY_PROPOSAL, statement, own)), 0), (403, "signature"))
        team.expect("door: and with her certificate", team.ask(PROPOSE, "dora", body(json.dumps(stolen)), 0), (403, "signature"))
        signed = lab.by_certificate(statement, "dora", e.POLICY_PROPOSAL)
        bent = document.replace(b"By the door", b"By the Door")
        team.expect("door: her proposal with another document", team.ask(PROPOSE, "dora", body(signed, bent), 0), (403, "signature"))
        r = team.ask(PROPOSE, "emil", body(signed), 0)
        idx = r.doc.get("index", 0)
        self.rows.equal("door: her proposal under emil's name is hers", (r.status, lab.record(idx)["actor"]), (201, "dora"), r)
        mine = e.ssh_document(lab.policy_statement(idx), e.SshKey("ssh-ed25519").sign("hallmark-policy", lab.policy_statement(idx)))
        ref = "policy.refused"
        team.expect("door: approval by its own key", team.ask(APPROVE_POLICY, "dora", mine, idx), (403, "signature"), ref, "signature")
        old = lab.policy_document("emil", lab.policy_statement(self.first))
        team.expect("door: emil's approval of another proposal", team.ask(APPROVE_POLICY, "emil", old, idx), (403, "signature"), ref, "signature")
        release, st = lab.new()
        team.expect("door: an approval of a release", team.ask(APPROVE_POLICY, "emil", lab.ssh_keygen("alice", "hallmark-approval", st), idx),
                    (403, "signature"), ref, "signature")
        approval = lab.policy_document("dora", lab.policy_statement(idx))
        team.expect("door: an approval of a policy as one of a release", team.ask(APPROVE, "alice", approval, int(release[1:])),
                    (403, "signature"), "approval.refused", "signature")
        team.expect("door: activation under dora's name", team.ask(ACTIVATE, "dora", "", idx), (403, "policy"), ref, "administration.count")
        self.rows.equal("door: dora's approval, brought as emil's, is dora's", lab.record(team.ask(APPROVE_POLICY, "emil", approval, idx).doc["index"])["actor"], "dora")
        team.expect("door: and counts once", team.ask(APPROVE_POLICY, "fay", approval, idx), (409, "conflict"), ref, "conflict")
        team.expect("door: activation with one person", team.ask(ACTIVATE, "fay", "", idx), (403, "policy"), ref, "administration.count")
        team.expect("door: activation of a release", team.ask(ACTIVATE, "dora", "", int(release[1:])), (404, "not-found"))
        team.expect("door: activation of the first record", team.ask(ACTIVATE, "dora", "", 0), (404, "not-found"))
        team.expect("door: replacement without the root", team.ask(REPLACE, "dora", json.dumps({"statement": "AAAA", "policy": document.decode()}), 0), (400, "malformed"))
        self.rows.row("door: nothing changed", lab.in_force() != document)

    def expiry(self):
        lab = self.lab
        document = lab.changed(lambda d: d.update(name="Too late"))
        over = e.time.time() + 8
        idx = lab.propose(document, expires=e.after(8)).doc["index"]
        self.rows.equal("in time", lab.approve_policy(idx, "dora").status, 201)
        e.time.sleep(max(0, over + 1 - e.time.time()))
        self.refused("approval too late", lab.approve_policy(idx, "emil"), (410, "expired"))
        self.refused("activation too late", lab.activate_policy(idx), (410, "expired"))

    def clients(self):
        """The same with the command line."""
        lab, rows = self.lab, self.rows
        for who in ("dora", "emil", "fay"):
            lab.make_client(who)
        new = e.write(lab.path("work", "by-client.json"), lab.changed(lambda d: d.update(name="By the command line")))
        bad = e.write(lab.path("work", "bad.json"), lab.changed(lambda d: d["rules"][0].update(key="nobody")))
        r = lab.cli("dora", "policy", "propose", bad, "--reason", "a slip", check=False)
        rows.row("a document that does not load is not even sent", r.returncode != 0 and "bad.json" in r.err, r.err)
        r = lab.cli("ci-edge", "policy", "propose", new, "--reason", "mine", check=False)
        rows.equal("a submitter proposes", r.returncode, 1, r.err)
        r = json.loads(lab.cli("dora", "policy", "propose", new, "--reason", "a new name", "--json").out)
        idx = str(r["index"])
        rows.equal("proposed", r["event"], "policy.proposed")
        r = lab.cli("emil", "policy", "approve", idx, "--yes")
        rows.row("shown, then approved", "reason     a new name" in r.err and "By the command line" in r.out and "recorded policy.approved" in r.out, r.out + r.err)
        r = lab.cli("dora", "policy", "activate", idx, check=False)
        rows.row("too early", r.returncode == 1 and "1 of 2 administrators" in r.err, r.err)
        statement = lab.cli("audit", "policy", "approve", idx, "--print-statement").out
        rows.equal("the statement is what the registrar has", statement.encode(), lab.policy_statement(int(idx)))
        out = lab.path("work", "proposed.json")
        lab.cli("audit", "policy", "approve", idx, "--out", out)
        rows.row("the document can be had", e.read(out) == e.read(new))
        lab.cli("fay", "policy", "approve", idx, "--dsse", lab.path("people", "fay", "key.pem"), "--yes")
        status = json.loads(lab.cli("audit", "policy", "status", "--json").out)
        mine = next(p for p in status["proposals"] if p["index"] == int(idx))
        rows.equal("status", (status["needed"], mine["approvals"], mine["state"]), (2, 2, "approved"))
        lab.cli("dora", "policy", "activate", idx)
        rows.row("in force", lab.in_force() == e.read(new))
        rows.row("status says so", "in force" in lab.cli("audit", "policy", "status").out)
        r = lab.cli("audit", "policy", "show")
        rows.row("show finds the record", "proven under the pinned log key" in r.err, r.err)
        r = lab.cli("emil", "policy", "approve", "1", "--yes", check=False)
        rows.row("what is no proposal", r.returncode != 0 and "not a proposal" in r.err, r.err)

    def root(self):
        """The root's statement replaces the policy, once, whatever the administration."""
        lab, rows = self.lab, self.rows
        lab.lonely = lab.changed(lambda d: d.pop("administration"))
        statement = self.ceremony(lab.lonely, lab.in_force(), self.activated())
        body = {"statement": e.base64.b64encode(statement).decode(), "policy": lab.lonely.decode()}

        def replace(who="dora", **over):
            return lab.post("/v1/policy/replacement", who, json.dumps(dict(body, **over)))

        bent = bytearray(statement)
        bent[-3] ^= 1
        self.refused("root: a flipped bit", replace(statement=e.base64.b64encode(bytes(bent)).decode()), (403, "signature"), None)
        guards = e.read(lab.path("ceremony", "guards.cbor"))
        self.refused("root: the guards document in its place", replace(statement=e.base64.b64encode(guards).decode()), (400, "malformed"), None)
        self.refused("root: another document", replace(policy=lab.in_force().decode()), (403, "signature"), None)
        self.refused("root: carried by a submitter", replace("ci-edge"), (403, "forbidden"), None)
        stale = self.ceremony(lab.lonely, lab.in_force(), 1)
        self.refused("root: about an earlier activation", replace(statement=e.base64.b64encode(stale).decode()), (409, "state"))
        e.write(lab.path("work", "statement.cbor"), statement)
        e.write(lab.path("work", "lonely.json"), lab.lonely)
        r = lab.cli("alice", "policy", "replace", lab.path("work", "lonely.json"), "--statement", lab.path("work", "statement.cbor"), check=False)
        rows.equal("root: replaced, with the command line", r.returncode, 0, r.out + r.err)
        rows.row("root: in force", lab.in_force() == lab.lonely)
        self.refused("root: replayed", replace("alice"), (409, "state"))
        self.refused("without administration nobody proposes", lab.propose(lab.changed(lambda d: d.update(name="x"))), (403, "forbidden"))
        self.rows.row("and the answer says what to do", "root keys" in lab.propose(lab.changed(lambda d: d.update(name="y"))).doc["detail"])
        lab.stop("registrar")
        lab.start("registrar")
        lab.wait_ready()
        rows.row("root: after a restart", lab.in_force() == lab.lonely)

    def activated(self):
        return [r["idx"] for r in self.lab.records() if r["event"] == "policy.activated"][-1]

    def ceremony(self, new, old, record):
        """With the root token, which lies elsewhere."""
        lab = self.lab
        e.write(lab.path("work", "new.json"), new)
        e.write(lab.path("work", "old.json"), old)
        out = lab.path("ceremony")
        lab.with_root("policy", "--config", lab.path("ceremony.json"), "--out", out, "--force", "--policy", lab.path("work", "new.json"),
                      "--in-force", lab.path("work", "old.json"), "--record", str(record))
        return e.read(os.path.join(out, "policy-replacement.cbor"))

    def file(self):
        """The configured file need not be the policy in force, but one that the log activated."""
        lab = self.lab
        original = e.read(lab.path("policy.json"))
        for name, data, code in (("a file that the log does not know", original + b"\n", 78), ("the one in force", lab.in_force(), None),
                                 ("the first one", original, None)):
            lab.stop("registrar")
            e.write(lab.path("policy.json"), data)
            p = lab.start("registrar")
            if code is None:
                lab.wait_ready()
                self.rows.row("started with %s" % name, lab.in_force() == lab.lonely)
            else:
                self.rows.equal("started with %s" % name, p.wait(20), code)
                self.rows.row("which it says", "was never activated in this log" in lab.log_tail("registrar"))

    def afterwards(self):
        r = self.lab.cli("audit", "log", "verify", check=False)
        self.rows.row("the whole log verifies", r.returncode == 0, r.out + r.err)


def main(lab, rows):
    t = PolicyChange(lab, rows)
    rows.parts(t.proposals, t.approvals, t.activation, t.releases, t.removed_administrator, t.door, t.expiry, t.clients, t.root, t.file, t.afterwards)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Administered)
