"""Approvers' keys: security keys that have to verify their user, keys of smart cards that live and die with a certificate, and
keys that a new policy no longer has. Taking a key away voids what it approved and nobody used yet, not the past."""

import os
import re

import e2e_lib as e
from lab import DOMAIN, public_pem, read
from policy_lib import Administered
from revoked_test import openssl, publish, restart_with_lists, settled

CARDS = ("pia", "otto", "fritz")  # a good card, one whose certificate has run out, one of another CA


class Cards(Administered):
    def make_certificates(self):
        super().make_certificates()
        other = e.ec.generate_private_key(e.ec.SECP256R1())
        own = self.ca_key, self.ca_cert
        for who in CARDS:
            self.make_certificate(who, "spiffe://%s/%s" % (DOMAIN, who))
        self.make_certificate("pia-card", "spiffe://%s/card/pia" % DOMAIN)
        self.make_certificate("otto-card", "spiffe://%s/card/otto" % DOMAIN, days=-0.01)
        self.make_certificate("fritz-card", "spiffe://%s/card/fritz" % DOMAIN, ca=(other, own[1]))

    def card(self, who):
        return e.serialization.load_pem_private_key(read(self.path("tls", who + "-card.key")), None)

    def policy(self):
        doc = super().policy()
        next(p for p in doc["principals"] if p["id"] == "erin")["approval_keys"][0]["user_verification"] = True
        doc["principals"] += [{"id": w, "roles": ["approver"], "credentials": [{"san_uri": "spiffe://%s/%s" % (DOMAIN, w)}],
                               "approval_keys": [{"certificate": read(self.path("tls", w + "-card.pem")).decode()}]} for w in CARDS]
        doc["groups"][0]["members"] += CARDS
        return doc

    def ceremony_config(self):
        doc = super().ceremony_config()
        doc["release_keys"][0]["guard"]["approvers"] += [{"pem": public_pem(self.card(w))} for w in CARDS]
        return doc

    def by_card(self, release, statement, who, key=None):
        return self.approve(release, statement, who, body=e.dsse(e.APPROVAL, statement, key or self.card(who)))

    def by_token(self, release, statement, who, flags):
        return self.approve(release, statement, who, body=e.ssh_document(statement, getattr(self, who).sign("hallmark-approval", statement, flags)))


def user_verification(lab, rows):
    release, statement = lab.new()
    answer = lab.by_token(release, statement, "erin", 1)
    rows.row("a touch alone does not approve where the policy asks who it was",
             answer.says() == (403, "signature") and "did not verify its user" in answer.doc["detail"], answer)
    rows.equal("it left a record", lab.record(answer.doc["index"])["event"], "approval.refused")
    rows.equal("nor does verification without a touch", lab.by_token(release, statement, "erin", 4).says(), (403, "signature"))
    rows.equal("both do", lab.by_token(release, statement, "erin", 5).status, 201)
    rows.equal("a touch does where the policy asks for no more", lab.by_token(release, statement, "frank", 1).status, 201)
    rows.equal("the signer agrees", lab.sign(release).status, 200)


def cards(lab, rows):
    release, statement = lab.new()
    for who, text in (("otto", "expired"), ("fritz", "certificate")):
        answer = lab.by_card(release, statement, who)
        rows.row("no approval by the card of %s" % who, answer.says() == (403, "signature") and text in answer.doc["detail"], answer)
    rows.equal("nor by another key than the card's", lab.by_card(release, statement, "pia", lab.dave).says(), (403, "signature"))
    rows.equal("nor by the key of the client certificate", lab.by_card(release, statement, "pia", e.serialization.load_pem_private_key(
        read(lab.path("tls", "pia.key")), None)).says(), (403, "signature"))
    rows.equal("a good card approves", lab.by_card(release, statement, "pia").status, 201)
    rows.equal("as one person", lab.by_card(release, statement, "pia").status in (200, 201, 409), True)
    rows.equal("a second person is needed", lab.sign(release).says(), (403, "policy"))
    rows.equal("who approves", lab.approve(release, statement, "alice").status, 201)
    rows.equal("it is signed", lab.sign(release).status, 200)
    return release


def card_revoked(lab, rows, signed):
    release, statement = lab.new()
    for answer in (lab.by_card(release, statement, "pia"), lab.approve(release, statement, "alice")):
        rows.equal("approved before", answer.status, 201)
    openssl(lab, "-revoke", lab.path("tls", "pia-card.pem"))
    publish(lab)
    rows.row("a card is revoked", settled(lambda: lab.by_card(*lab.new(), "pia").status != 201))
    answer = lab.by_card(*lab.new(), "pia")
    rows.row("a revoked card approves nothing more", answer.says() == (403, "signature") and "revoked" in answer.doc["detail"], answer)
    answer = lab.sign(release)
    rows.row("what it approved and nobody signed is void", answer.says() == (403, "policy") and "approvals.count" in answer.failed(), answer)
    rows.equal("what was signed stays", lab.get("/v1/releases/%s/bundle" % signed).status, 200)
    rows.equal("its owner may still come in", lab.get("/v1/releases", "pia").status, 200)


def key_taken_away(lab, rows):
    past, pending = lab.signed()[0], lab.new()
    for who in ("alice", "bob"):
        rows.equal("%s approves" % who, lab.approve(pending[0], pending[1], who).status, 201)
    new = e.SshKey("ssh-ed25519")

    def edit(doc):
        next(p for p in doc["principals"] if p["id"] == "alice")["approval_keys"] = [{"ssh": new.line()}]
    lab.change(edit)
    rows.row("the policy in force no longer has alice's key", settled(lambda: new.line().encode() in lab.in_force()))
    answer = lab.sign(pending[0])
    rows.row("what she approved with it is void", answer.says() == (403, "policy") and "approvals.count" in answer.failed(), answer)
    rows.equal("what was signed stays", lab.get("/v1/releases/%s/bundle" % past).status, 200)
    release, statement = lab.new()
    rows.equal("her old key approves nothing more", lab.approve(release, statement, "alice").status, 403)
    answer = lab.approve(release, statement, "alice", body=e.ssh_document(statement, new.sign("hallmark-approval", statement)))
    rows.equal("her new one does", answer.status, 201)
    lab.stop("registrar")
    lab.start("registrar")
    lab.wait_ready()
    rows.equal("after a restart the void stays void", lab.sign(pending[0]).says(), (403, "policy"))
    lab.client_configs()
    r = lab.cli("audit", "log", "verify", check=False)
    rows.row("the log verifies", r.returncode == 0, r.out + r.err)


def verified_by_rule(lab, rows):
    """The rule asks for keys that verify their users, and so does the key that did not until now."""
    pending = lab.new()
    rows.equal("a touch was enough", [lab.by_token(*pending, "frank", 1).status, lab.by_token(*pending, "erin", 5).status], [201, 201])

    def edit(doc):
        next(p for p in doc["principals"] if p["id"] == "frank")["approval_keys"][0]["user_verification"] = True
        for r in doc["rules"]:
            if r["approvals"] != "none":
                r["approvals"]["user_verification"] = True
    lab.change(edit)
    answer = lab.sign(pending[0])
    rows.row("what was only touched is void now", answer.says() == (403, "policy") and answer.failed() == ["approvals.count"], answer)
    release, statement = lab.new()
    answer = lab.approve(release, statement, "bob")
    rows.row("a key on a laptop does not count", answer.says() == (403, "policy") and "a key that verifies its user" in answer.doc["detail"],
             answer)
    rows.equal("it left a record", lab.record(answer.doc["index"])["event"], "approval.refused")
    rows.equal("nor does a card", lab.by_card(release, statement, "pia").says()[0], 403)
    rows.equal("nor a touch", lab.by_token(release, statement, "frank", 1).says(), (403, "signature"))
    rows.equal("one is not enough", lab.by_token(release, statement, "frank", 5).status, 201)
    rows.equal("to sign", lab.sign(release).says(), (403, "policy"))
    rows.equal("two are", lab.by_token(release, statement, "erin", 5).status, 201)
    rows.equal("to sign it", lab.sign(release).status, 200)
    lab.client_configs()
    r = lab.cli("audit", "policy", "explain", pending[0], check=False)
    rows.row("explain says what is left out and who could come", r.returncode == 1
             and "left out: frank (the token did not verify its user)" in r.out and re.search("waits for 1 more of: .*erin|nobody is left", r.out),
             r.out + r.err)
    deep = lab.cli("audit", "log", "verify", "--deep", "--client-ca", lab.path("tls", "ca.pem"), check=False)
    rows.row("the whole log verifies, with what was void then", deep.returncode == 0, deep.out + deep.err)


def main(lab, rows):
    restart_with_lists(lab)
    signed = []
    rows.parts(lambda: user_verification(lab, rows), lambda: signed.append(cards(lab, rows)),
               lambda: card_revoked(lab, rows, signed[0]), lambda: key_taken_away(lab, rows),
               lambda: verified_by_rule(lab, rows))


if __name__ == "__main__":
    os.umask(0o022)
    e.Cast = Cards
    e.run_script(main)
