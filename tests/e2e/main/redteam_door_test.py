"""The door is taken over, and the policy has all it can have: tokens of CI systems, stages, vetoes, break glass, administrators, rosters.

A program in the door's place holds every document, certificate and token that ever passed, says about callers what it likes, and
speaks the registrar's socket. Whatever it moves, mixes, repeats or leaves out, nothing happens that people did not sign."""

import base64
import json
import os
import struct
import threading

import e2e_lib as e
import oidc_test as oidc
import redteam_test as red
from attempts import Table
from redteam_tokens import PROPOSE, ROSTER, ACTIVATE, FORBIDDEN, MALFORMED, CONFLICT, POLICY, SIGNATURE, Tokens
from roster_test import Rostered

APPROVE_POLICY, REPLACE, GUARDS = 22, 24, 26
STATE, UNKNOWN = (409, "state"), (404, "not-found")
REFUSED = {red.SUBMIT: "release.refused", red.APPROVE: "approval.refused", red.REJECT: "request.refused", red.CANCEL: "request.refused",
           red.SIGN: "sign.refused"}


class Everybody(oidc.Jobs, Rostered):
    """Stage one: bob, alice, dave; stage two: carol, erin, frank. gina may veto. In an emergency two of the first and one of the second."""

    first, second = ["bob", "alice", "dave"], ["carol", "erin", "frank"]

    def policy(self):
        doc = super().policy()
        doc["groups"] += [{"id": "first", "members": self.first}, {"id": "second", "members": self.second}, {"id": "guardians", "members": ["gina"]}]
        for rule in [r for r in doc["rules"] if r["key"] == "production"]:
            rule["approvals"] = {"stages": [{"group": "first", "count": 1}, {"group": "second", "count": 1}], "veto": ["guardians"]}
        emergency = dict(doc["rules"][0], id="emergency", break_glass=True,
                         approvals={"of": [{"group": "first", "count": 2}, {"group": "second", "count": 1}]})
        doc["rules"].append(emergency)
        return doc

    def veto(self, release, statement, who="gina", **over):
        text = self.decision("rejection", release, statement, **over)
        return e.ssh_document(text, getattr(self, who).sign("hallmark-submit", text))


class Door(Tokens, red.RedTeam):
    def __init__(self, lab, rows):
        super().__init__(lab, rows)
        self.t = Table(rows, lab, "the door's place")

    def new(self, **kw):
        release, statement = self.lab.new(**kw)
        return int(release[1:]), statement

    def ssh(self, who, statement, namespace="hallmark-approval"):
        return self.lab.ssh_keygen(who, namespace, statement)

    def try_op(self, what, op, who, body, release, says, outcome=None, text=""):
        """With the record that this operation's refusals leave."""
        self.t.tried(what, self.ask(op, who, body, release), says, REFUSED.get(op, "policy.refused"), outcome, text)

    def state(self, n):
        return self.lab.settled("/v1/releases/r%d" % n)["state"]

    # --- attestations ---

    def attestations(self):
        lab, t = self.lab, self.t
        t.begin("attestation")
        data, other = lab.firmware(), lab.firmware()
        for d in (data, other):
            self.put(d)

        def attest(d, key=None):
            kept, lab.builder_key = lab.builder_key, key or lab.builder_key
            try:
                return lab.provenance({"firmware.bin": e.sha256(d)}, ref="refs/tags/v5")
            finally:
                lab.builder_key = kept

        def body(named, sent=None, version="5.0.0", d=data):
            return json.dumps({"request": lab.by_certificate(lab.request(d, version, attestations=named)), "attestations": named if sent is None else sent})

        good, foreign, forged = attest(data), attest(other), attest(data, e.ec.generate_private_key(e.ec.SECP256R1()))
        again = attest(data)
        t.tried("another release's in its place", self.ask(red.SUBMIT, "ci-edge", body([good], [foreign])), SIGNATURE, text="not the one that the signed request names")
        t.tried("left out", self.ask(red.SUBMIT, "ci-edge", body([good], [])), MALFORMED)
        t.tried("one more than signed", self.ask(red.SUBMIT, "ci-edge", body([good], [good, foreign])), MALFORMED)
        t.tried("in another order", self.ask(red.SUBMIT, "ci-edge", body([good, again], [again, good])), SIGNATURE)
        t.tried("its payload changed", self.ask(red.SUBMIT, "ci-edge", body([good], [good.replace('"payload": "', '"payload": "e30')])), SIGNATURE)
        t.tried("signed by the door, and by the pipeline's request", self.ask(red.SUBMIT, "ci-edge", body([forged])), POLICY, "release.refused", "provenance.builder")
        t.tried("another release's, and the pipeline names it", self.ask(red.SUBMIT, "ci-edge", body([foreign])), POLICY, "release.refused", "provenance.subjects")
        t.tried("an approval in its place", self.ask(red.SUBMIT, "ci-edge", body([lab.by_certificate(b"x", "ci-edge", e.APPROVAL)])), POLICY, "release.refused", "provenance.builder")
        answer = self.ask(red.SUBMIT, "ci-edge", body([good]))
        t.control("the one that the request names", answer.status == 201, answer)

    # --- approvals in order ---

    def stages(self):
        lab, t = self.lab, self.t
        t.begin("stages")
        n, st = self.new()
        m, other = self.new()
        carol = self.ssh("carol", st)
        self.try_op("the second stage first", red.APPROVE, "carol", carol, n, POLICY, "approvals.count")
        self.try_op("by somebody of no stage", red.APPROVE, "gina", e.ssh_document(st, lab.gina.sign("hallmark-approval", st)), n, POLICY, "approvals.count")
        self.try_op("signature before any stage", red.SIGN, "ci-edge", "", n, POLICY, "approvals.count")
        bob = self.ssh("bob", st)
        good = self.ask(red.APPROVE, "carol", bob, n)
        t.control("bob's, brought as carol's, is bob's", good.status == 201 and lab.record(good.doc["index"])["actor"] == "bob", good)
        self.try_op("the first stage's again, as of the second", red.APPROVE, "carol", bob, n, CONFLICT)
        self.try_op("another of the first stage, when it is over", red.APPROVE, "alice", self.ssh("alice", st), n, POLICY, "approvals.count")
        self.try_op("signature after one stage of two", red.SIGN, "ci-edge", "", n, POLICY, "approvals.count")
        self.try_op("the second stage's, from another release", red.APPROVE, "carol", self.ssh("carol", other), n, SIGNATURE)
        self.try_op("the second stage's, dropped and made up", red.APPROVE, "carol", e.ssh_document(st, e.SshKey("ssh-ed25519").sign("hallmark-approval", st)), n, SIGNATURE)
        good = self.ask(red.APPROVE, "bob", carol, n)
        t.control("what came too early counts when it comes again", good.status == 201 and good.doc["state"] == "approved", good)
        t.control("and then it is signed", self.ask(red.SIGN, "ci-edge", "", n).status == 200)
        self.try_op("approval of what is signed", red.APPROVE, "erin", e.ssh_document(st, lab.erin.sign("hallmark-approval", st)), n, STATE)
        self.try_op("its approvals for the other release", red.APPROVE, "bob", bob, m, SIGNATURE)
        self.try_op("the other release", red.SIGN, "ci-edge", "", m, POLICY, "approvals.count")

    # --- vetoes ---

    def vetoes(self):
        lab, t = self.lab, self.t
        t.begin("veto")
        n, st = self.new()
        m, other = self.new()
        veto = lab.veto("r%d" % n, st)
        for who in ("bob", "carol"):
            self.ask(red.APPROVE, who, self.ssh(who, other), m)
        self.try_op("a veto against another release", red.REJECT, "gina", veto, m, SIGNATURE)
        self.try_op("a veto as approval", red.APPROVE, "gina", veto, n, SIGNATURE)
        self.try_op("a veto as cancellation", red.CANCEL, "gina", veto, n, SIGNATURE)
        self.try_op("an approval as veto", red.REJECT, "bob", self.ssh("bob", st), n, SIGNATURE)
        dora = lab.decision("rejection", "r%d" % n, st)
        self.try_op("an administrator's veto", red.REJECT, "gina", e.ssh_document(dora, lab.dora.sign("hallmark-submit", dora)), n, FORBIDDEN)
        self.try_op("somebody's in the namespace of approvals", red.REJECT, "gina",
                    e.ssh_document(dora, lab.gina.sign("hallmark-approval", dora)), n, SIGNATURE)
        self.try_op("a veto with the leaf of another release", red.REJECT, "gina", lab.veto("r%d" % n, st, submitted=e.field(other, "submitted")), n, SIGNATURE)
        self.try_op("a veto for another log", red.REJECT, "gina", lab.veto("r%d" % n, st, origin="other.example/log"), n, SIGNATURE)
        for who in ("bob", "carol"):
            self.ask(red.APPROVE, who, self.ssh(who, st), n)
        t.control("with its quorum", self.state(n) == "approved")
        good = self.ask(red.REJECT, "bob", veto, n)
        t.control("gina's veto, brought as bob's, is gina's, and ends it",
                  good.status == 200 and (lab.record(good.doc["index"])["actor"], self.state(n)) == ("gina", "rejected"), good)
        self.try_op("the veto kept back: signature", red.SIGN, "ci-edge", "", n, STATE)
        self.try_op("the veto again", red.REJECT, "gina", veto, n, STATE)
        self.try_op("an approval after the veto", red.APPROVE, "alice", self.ssh("alice", st), n, STATE)
        self.try_op("the rejected one cancelled", red.CANCEL, "ci-edge", self.cancellation(n, st), n, STATE)
        t.control("the other release is signed as ever", self.ask(red.SIGN, "ci-edge", "", m).status == 200)
        proof = e.check_proof(lab.get("/v1/log/entries/%d/proof" % good.doc["index"]).body.decode(), e.read(lab.path("ceremony", "keys", "log.vkey")).decode())
        t.control("and the veto stands in the log under a signed checkpoint", json.loads(proof)["event"] == "release.rejected")

    def cancellation(self, n, st):
        return self.lab.by_certificate(self.lab.decision("cancellation", "r%d" % n, st), "ci-edge", e.CANCELLATION)

    # --- break glass ---

    def glass(self):
        lab, t = self.lab, self.t
        t.begin("break glass")
        reason = "field units brick on every reboot"
        data = lab.firmware()
        lab.upload(data)
        attestation = lab.provenance({"firmware.bin": e.sha256(data)}, ref="refs/tags/v7")
        plain = lab.request(data, "7.7.7", attestations=[attestation])
        doc = json.loads(lab.by_certificate(plain))

        def swapped(**over):
            return json.dumps({"request": json.dumps(dict(doc, payload=base64.b64encode(json.dumps(dict(json.loads(plain), **over)).encode()).decode())),
                               "attestations": [attestation]})

        t.tried("a reason put into a signed request", self.ask(red.SUBMIT, "ci-edge", swapped(break_glass=reason)), SIGNATURE)
        n, st = self.new(break_glass=reason)
        m, normal = self.new()
        record = lab.record(n)
        t.control("an emergency is in the log as such, and before the approvers' eyes",
                  record["outcome"] == "break-glass" and ("break-glass " + reason).encode() in st, record)
        stripped = st.replace(("break-glass %s\n" % reason).encode(), b"")
        self.try_op("approved without the line", red.APPROVE, "alice", self.ssh("alice", stripped), n, SIGNATURE)
        self.try_op("approved with another reason", red.APPROVE, "alice", self.ssh("alice", st.replace(b"brick", b"reset")), n, SIGNATURE)
        for who in ("bob", "carol"):
            self.ask(red.APPROVE, who, self.ssh(who, st), n)
        self.try_op("two people, as for any release", red.SIGN, "ci-edge", "", n, POLICY, "approvals.count")
        self.try_op("an emergency's approval for another release", red.APPROVE, "bob", self.ssh("bob", st), m, SIGNATURE)
        self.put(data)
        t.tried("a channel without such a rule", self.ask(red.SUBMIT, "ci-edge", lab.submission(data=data, channel="brief", break_glass=reason)), POLICY,
                "release.refused", "rule.match")
        t.tried("a reason of two lines", self.ask(red.SUBMIT, "ci-edge", lab.submission(break_glass="one\ntwo")), MALFORMED)
        self.ask(red.APPROVE, "alice", self.ssh("alice", st), n)
        t.control("three people", self.ask(red.SIGN, "ci-edge", "", n).status == 200)

    # --- the policy ---

    def policies(self):
        lab, t = self.lab, self.t
        t.begin("policy")
        document = lab.changed(lambda d: d.update(name="By the door"))
        weak = lab.changed(lambda d: [r.update(approvals={"group": "first", "count": 1}) for r in d["rules"] if r["key"] == "production" and not r.get("break_glass")])
        statement = lab.proposal(document)

        def body(signed, text=None):
            return json.dumps({"proposal": signed, "policy": (text or document).decode()})

        def signed(who, text=None):
            return lab.by_certificate(text or statement, who, e.POLICY_PROPOSAL)

        ref = "policy.refused"
        own = e.ec.generate_private_key(e.ec.SECP256R1())
        t.tried("a proposal in dora's name", self.ask(PROPOSE, "dora", body(e.dsse(e.POLICY_PROPOSAL, statement, own)), 0), SIGNATURE)
        t.tried("dora's proposal with another document", self.ask(PROPOSE, "dora", body(signed("dora"), weak), 0), SIGNATURE)
        for who in ("ci-edge", "alice", "audit", "hugo"):
            t.tried("a proposal of %s, called dora's" % who, self.ask(PROPOSE, "dora", body(signed(who)), 0), FORBIDDEN, ref)
        t.tried("a release request as proposal", self.ask(PROPOSE, "dora", body(lab.by_certificate(statement, "dora")), 0), SIGNATURE)
        t.tried("weaker than the guard", self.ask(PROPOSE, "dora", body(signed("dora", lab.proposal(weak)), weak), 0), POLICY, ref, "policy.lint", "guard")
        stale = lab.proposal(document, in_force="sha256:" + "0" * 64)
        t.tried("to replace what is not in force", self.ask(PROPOSE, "dora", body(signed("dora", stale)), 0), STATE, ref)
        good = self.ask(PROPOSE, "emil", body(signed("dora")), 0)
        idx = good.doc.get("index", 0)
        t.control("dora's, brought as emil's, is dora's", good.status == 201 and lab.record(idx)["actor"] == "dora", good)
        t.tried("replayed", self.ask(PROPOSE, "fay", body(signed("dora")), 0), CONFLICT)
        t.tried("activated without approvals", self.ask(ACTIVATE, "dora", "", idx), POLICY, ref, "administration.count")
        second = self.ask(PROPOSE, "emil", body(signed("emil", lab.proposal(document, reason="another time"))), 0).doc["index"]
        self.policy_approvals(idx, second)
        self.activations(idx, second)

    def policy_approvals(self, idx, second):
        lab, t, ref = self.lab, self.t, "policy.refused"
        n, release_st = self.new()
        st = lab.policy_statement(idx)
        of_release = self.ssh("alice", release_st)
        dora = lab.policy_document("dora", st)
        t.tried("an approval of a release", self.ask(APPROVE_POLICY, "dora", of_release, idx), SIGNATURE, ref)
        t.tried("an administrator's signature in the namespace of releases", self.ask(APPROVE_POLICY, "dora", lab.policy_document("dora", st, "hallmark-approval"), idx),
                SIGNATURE, ref)
        t.tried("of a roster", self.ask(APPROVE_POLICY, "dora", lab.policy_document("dora", st, "hallmark-roster"), idx), SIGNATURE, ref)
        t.tried("typed as a release's", self.ask(APPROVE_POLICY, "fay", lab.policy_document("fay", st, kind=e.APPROVAL), idx), SIGNATURE, ref)
        t.tried("an approver of releases signs it", self.ask(APPROVE_POLICY, "dora", lab.ssh_keygen("alice", "hallmark-policy", st), idx), FORBIDDEN, ref)
        t.tried("a roster key signs it", self.ask(APPROVE_POLICY, "dora", lab.roster_document("rosa", st, "hallmark-policy"), idx), SIGNATURE, ref)
        self.try_op("an approval of a policy, as a release's", red.APPROVE, "alice", dora, n, SIGNATURE)
        self.try_op("as a veto", red.REJECT, "gina", dora, n, SIGNATURE)
        t.tried("an approval of another proposal of the same document", self.ask(APPROVE_POLICY, "dora", lab.policy_document("dora", lab.policy_statement(second)), idx),
                SIGNATURE, ref)
        t.tried("the release in place of the proposal", self.ask(APPROVE_POLICY, "dora", dora, n), UNKNOWN)
        t.tried("the proposal in place of the release", self.ask(red.APPROVE, "alice", of_release, idx), UNKNOWN)
        good = self.ask(APPROVE_POLICY, "emil", dora, idx)
        t.control("dora's, brought as emil's, is dora's", good.status == 201 and lab.record(good.doc["index"])["actor"] == "dora", good)
        t.tried("and counts once", self.ask(APPROVE_POLICY, "fay", dora, idx), CONFLICT, ref)
        t.tried("for the other proposal", self.ask(APPROVE_POLICY, "dora", dora, second), SIGNATURE, ref)
        t.tried("activated by one person", self.ask(ACTIVATE, "fay", "", idx), POLICY, ref, "administration.count")

    def activations(self, idx, second):
        lab, t, ref = self.lab, self.t, "policy.refused"
        before = lab.in_force()
        self.ask(APPROVE_POLICY, "fay", lab.policy_document("fay", lab.policy_statement(idx)), idx)
        for who in ("dora", "fay"):
            self.ask(APPROVE_POLICY, who, lab.policy_document(who, lab.policy_statement(second)), second)
        statement = {"statement": base64.b64encode(e.read(lab.path("ceremony", "guards.cbor"))).decode(), "policy": before.decode()}
        t.tried("the guards as the root's word", self.ask(REPLACE, "dora", json.dumps(statement), 0), MALFORMED)
        t.tried("nothing as the root's word", self.ask(REPLACE, "dora", json.dumps(dict(statement, statement="")), 0), MALFORMED)
        t.tried("a release activated", self.ask(ACTIVATE, "dora", "", 2), UNKNOWN)
        good = self.ask(ACTIVATE, "dora", "", idx)
        t.control("two people: in force", good.status == 200 and lab.in_force() != before, good)
        again = self.ask(ACTIVATE, "emil", "", idx)
        t.control("asked again: the same record", (again.status, again.doc.get("index")) == (200, good.doc["index"]), again)
        t.tried("the other proposal, approved by two, overtaken", self.ask(ACTIVATE, "dora", "", second), STATE, ref)
        lab.change(lambda d: d.update(name="Later"))
        t.tried("the first one activated anew", self.ask(ACTIVATE, "dora", "", idx), STATE, ref)
        back = lab.propose(before).doc["index"]
        t.tried("old approvals for the same document, proposed anew", self.ask(APPROVE_POLICY, "dora", lab.policy_document("dora", lab.policy_statement(second)), back),
                SIGNATURE, ref)

    # --- people who leave ---

    def leavers(self):
        """bob loses his role while his approvals are on the way."""
        lab, t = self.lab, self.t
        t.begin("leavers")
        n, st = self.new()
        m, other = self.new()
        bob, carol = self.ssh("bob", st), self.ssh("carol", st)
        for who, doc in (("bob", bob), ("carol", carol)):
            self.ask(red.APPROVE, who, doc, n)
        pending = lab.propose(lab.changed(lambda d: d.update(name="By emil")), "emil").doc["index"]
        before = lab.in_force()

        def without(d):
            next(g for g in d["groups"] if g["id"] == "first")["members"].remove("bob")
            next(g for g in d["groups"] if g["id"] == "release-managers")["members"].remove("bob")
            next(g for g in d["groups"] if g["id"] == "administrators")["members"].remove("emil")
            p = next(p for p in d["principals"] if p["id"] == "bob")
            p.update(roles=["auditor"], approval_keys=[])
            next(g for g in d["groups"] if g["id"] == "guardians")["members"].append("ivan")

        lab.change(without, ("dora", "fay"))
        self.try_op("a release that he approved", red.SIGN, "ci-edge", "", n, POLICY, "approvals.count")
        self.try_op("his approval, brought as alice's", red.APPROVE, "alice", self.ssh("bob", other), m, POLICY, "approvals.count")
        self.t.tried("as himself", self.ask(red.APPROVE, "bob", self.ssh("bob", other), m), FORBIDDEN)
        t.tried("a proposal of an administrator who left", self.ask(APPROVE_POLICY, "dora", lab.policy_document("dora", lab.policy_statement(pending)), pending),
                STATE, "policy.refused")
        fresh = lab.propose(lab.changed(lambda d: d.update(name="Fresh"))).doc["index"]
        t.tried("his signature, brought as dora's", self.ask(APPROVE_POLICY, "dora", lab.policy_document("emil", lab.policy_statement(fresh)), fresh),
                FORBIDDEN, "policy.refused")
        text = lab.decision("rejection", "r%d" % m, other)
        self.try_op("his rejection, brought as alice's", red.REJECT, "alice", lab.ssh_keygen("bob", "hallmark-submit", text), m, FORBIDDEN)
        text = lab.decision("cancellation", "r%d" % m, other)
        self.try_op("his cancellation, brought as alice's", red.CANCEL, "alice", lab.ssh_keygen("bob", "hallmark-submit", text), m, FORBIDDEN)
        good = self.ask(red.REJECT, "alice", lab.veto("r%d" % n, st, "ivan"), n)
        t.control("whom the new policy gives a veto, uses it on what was there before", good.status == 200 and self.state(n) == "rejected", good)
        good = self.ask(red.APPROVE, "alice", self.ssh("alice", other), m)
        t.control("the others go on", good.status == 201, good)
        good = self.ask(red.APPROVE, "carol", self.ssh("carol", other), m)
        t.control("to the end", good.status == 201 and self.ask(red.SIGN, "ci-edge", "", m).status == 200, good)
        r = lab.propose(before)
        for who in ("dora", "fay"):
            lab.approve_policy(r.doc["index"], who)
        t.control("both come back", lab.activate_policy(r.doc["index"]).status == 200)

    # --- rosters ---

    def rosters(self):
        lab, t = self.lab, self.t
        t.begin("roster")
        first = [lab.ssh_line(k) for k in lab.first_approvers]
        joined = first + [lab.newcomer.line()]
        good = lab.roster(joined, 1, first)

        def body(statement, docs=None, people=("rosa", "ruth"), key=None):
            docs = docs if docs is not None else [lab.roster_document(w, statement) for w in people]
            return json.dumps({"key": key or lab.key_id(), "statement": statement.decode(), "signatures": docs})

        ask = lambda b: self.ask(ROSTER, "dora", b, 0)
        t.tried("one roster key, twice", ask(body(good, people=("rosa", "rosa"))), SIGNATURE)
        t.tried("administrators' signatures", ask(body(good, [lab.roster_document(w, good) for w in ("dora", "emil")])), SIGNATURE)
        t.tried("their approvals of policies", ask(body(good, [lab.policy_document(w, good) for w in ("dora", "fay")])), SIGNATURE)
        t.tried("approvers' signatures", ask(body(good, [lab.ssh_keygen(w, "hallmark-roster", good) for w in ("alice", "bob")])), SIGNATURE)
        t.tried("a list with the door's key in it", ask(body(lab.roster(first + [e.SshKey("ssh-ed25519").line()], 1, first),
                                                             [lab.roster_document(w, good) for w in ("rosa", "ruth")])), SIGNATURE)
        t.tried("a token as signature", ask(body(good, [json.dumps({"payload": base64.b64encode(good).decode(), "oidc": lab.token(good)})])), SIGNATURE)
        t.tried("for another key", ask(body(good, key="0" * 64)), UNKNOWN)
        t.tried("under a submitter's name", self.ask(ROSTER, "ci-edge", body(good), 0), FORBIDDEN)
        t.tried("a roster as a policy's replacement", self.ask(REPLACE, "dora", json.dumps(
            {"statement": base64.b64encode(good).decode(), "policy": lab.in_force().decode()}), 0), MALFORMED)
        nobody = [lab.ssh_line(lab.more["ivan"]), lab.newcomer.line()]
        t.tried("a list of people whom no rule asks: no start after that", ask(body(lab.roster(nobody, 1, first))), POLICY, "roster.refused", text="expected at least 2")
        answer = ask(body(good))
        t.control("two roster keys", answer.status == 200, answer)
        second = lab.roster(first, 2, joined)
        t.control("and back", ask(body(second)).status == 200)
        again = ask(body(good))
        t.control("the first list again: its record, and nothing else", again.status == 200 and again.doc["index"] == answer.doc["index"], again)
        t.tried("a list after the first one", ask(body(lab.roster(joined[1:], 2, joined))), STATE, "roster.refused")
        n, st = self.new()
        mine = e.ssh_document(st, lab.newcomer.sign("hallmark-approval", st))
        self.try_op("an approval by who was in it", red.APPROVE, "alice", mine, n, SIGNATURE)

    # --- guards ---

    def guards(self):
        lab, t = self.lab, self.t
        t.begin("guards")
        held = e.read(lab.path("ceremony", "guards.cbor"))

        def body(document):
            return json.dumps({"guards": base64.b64encode(document).decode()})

        def ask(document, who="dora"):
            return self.ask(GUARDS, who, body(document), 0)

        bent = bytearray(held)
        bent[bent.index(b'"approvals":2') + 12] = ord("1")
        t.tried("with fewer approvals, under the root's signature", ask(bytes(bent)), SIGNATURE)
        t.tried("cut", ask(held[:-1]), MALFORMED)
        t.tried("a trust store", ask(e.read(lab.path("ceremony", "trust-store-production.cbor"))), MALFORMED)
        t.tried("the genesis", ask(e.read(lab.path("ceremony", "genesis.cbor"))), MALFORMED)
        t.tried("under an approver's name", ask(bytes(bent), "ci-edge"), FORBIDDEN)
        t.tried("as a list of approvers", self.ask(ROSTER, "dora", body(held), 0), MALFORMED)
        answer = ask(held)
        t.control("the document that holds says so itself", answer.status in (200, 409), answer)

    # --- frames of the operations that came later ---

    def frames(self):
        lab, t = self.lab, self.t
        t.begin("frames")
        size = lab.size()
        caller = self.caller("dora")
        zero = b"\0" * 32
        tail = red.text("") + red.text("") + red.u64(0)
        cases = {"a token of 4 GiB": red.frame(red.IDENTIFY, zero + struct.pack(">I", 0xffffffff)), "a token of 9000 bytes": red.frame(red.IDENTIFY, zero + red.text("a.b." + "c" * 9000)),
                 "a token of NULs": red.frame(red.IDENTIFY, zero + red.text(b"\0" * 100)), "no token, no URIs": red.frame(red.IDENTIFY, zero),
                 "a proposal of no JSON": red.frame(PROPOSE, caller + tail + red.text("[" * 100000)), "a proposal of 2^64-1": red.frame(APPROVE_POLICY, caller + red.text("") * 2 + red.u64(2 ** 64 - 1) + red.text("{}")),
                 "an activation with a body": red.frame(ACTIVATE, caller + tail + red.text("{}")), "a roster of no signatures": red.frame(ROSTER, caller + tail + red.text('{"key":"' + "0" * 64 + '","statement":"","signatures":[]}')),
                 "a roster of a thousand": red.frame(ROSTER, caller + tail + red.text('{"key":"' + "0" * 64 + '","statement":"","signatures":[' + ",".join(['""'] * 1000) + "]}")),
                 "a replacement that is cut": red.frame(REPLACE, caller + tail)[:-2], "an operation after the last": red.frame(GUARDS + 1, caller + tail + red.text("{}"))}
        for what, data in cases.items():
            got = self.wire.exchange(data)
            ok = not got or got[0][0] != 0 or red.Answer(*got[0]).status in (400, 401, 403, 404, 413)
            self.rows.row("frames: " + what, ok, got[:1])
            t.line(what, "error, or closed", "none: no document that could be kept", ok)
        t.control("nothing was recorded, the registrar goes on", lab.alive("registrar") and lab.size() == size)

    # --- between a connection's thread and the sequencer ---

    def races(self):
        """Signatures are asked for while the policy that allows them goes and comes back."""
        lab, t = self.lab, self.t
        t.begin("races")
        releases, stop, answers = [lab.approved()[0] for _ in range(10)], threading.Event(), {}
        before = lab.in_force()

        def ask_all():
            for release in releases:
                while not stop.is_set():
                    answers.setdefault(release, []).append(lab.sign(release))
                    if answers[release][-1].status == 200:
                        break

        def without_bob(d):
            for g in d["groups"]:
                g["members"] = [m for m in g["members"] if m != "bob"]

        asking = threading.Thread(target=ask_all)
        denying = []
        index = lab.change(without_bob)
        denying.append(lab.record(index)["policy"])
        asking.start()
        end = e.time.time() + 60
        while not answers and e.time.time() < end:  # the first one is refused
            e.time.sleep(0.01)
        for n in range(3):
            r = lab.propose(before)
            for who in ("dora", "emil"):
                lab.approve_policy(r.doc["index"], who)
            lab.activate_policy(r.doc["index"])
            e.time.sleep(0.05)
            index = lab.change(lambda d, n=n: (without_bob(d), d.update(name="Without bob %d" % n)))
            denying.append(lab.record(index)["policy"])
        e.time.sleep(0.3)
        stop.set()
        asking.join()
        records = [r for r in lab.records() if r.get("release") in releases]
        wrong = [r for r in records if r["event"] == "sign.intended" and r["policy"] in denying]
        refused = [r for r in records if r["event"] == "sign.refused"]
        self.rows.row("races: no intention under a policy that denies it", not wrong, wrong[:2])
        t.line("a signature while its policy is being replaced", "403 policy", "sign.refused approvals.count", not wrong and bool(refused))
        self.rows.row("races: refusals under it", bool(refused) and all(r["outcome"] == "approvals.count" and r["policy"] in denying for r in refused), refused[:2])
        others = [a.says() for found in answers.values() for a in found if a.status not in (200, 503) and a.says() != POLICY]
        self.rows.row("races: refused for no other reason", not others, others[:3])
        r = lab.propose(before)
        for who in ("dora", "emil"):
            lab.approve_policy(r.doc["index"], who)
        lab.activate_policy(r.doc["index"])
        t.control("with the policy back, all are signed", all(lab.sign(release).status == 200 for release in releases))

    def afterwards(self):
        lab = self.lab
        good, _ = lab.signed()
        self.t.begin("afterwards")
        self.t.control("with an honest door people sign as before", self.state(int(good[1:])) == "signed")
        r = lab.cli("audit", "log", "verify", check=False)
        self.t.control("the whole log verifies", r.returncode == 0, r.out + r.err)
        self.t.finish()


def main(lab, rows):
    d = Door(lab, rows)
    rows.parts(d.tokens, d.attestations, d.stages, d.vetoes, d.glass, d.policies, d.leavers, d.rosters, d.guards, d.frames, d.races, d.afterwards)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Everybody, registrar={"oidc": {"issuers": [{"issuer": oidc.GITHUB, "jwks": "oidc/github.json"},
                                                                      {"issuer": oidc.GITLAB, "jwks": "oidc/gitlab.json", "algorithms": ["ES256"]}]}})
