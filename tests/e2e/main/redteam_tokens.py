"""The door's place, and the tokens of CI systems that passed through it: part of redteam_door_test.py."""

import base64
import json

import e2e_lib as e
import oidc_test as oidc
import redteam_test as red

PROPOSE, ACTIVATE, ROSTER = 21, 23, 25
SIGNATURE, FORBIDDEN, CONFLICT, MALFORMED, POLICY = (403, "signature"), (403, "forbidden"), (409, "conflict"), (400, "malformed"), (403, "policy")


class Tokens:
    def token_caller(self, op, token, body, release=None):
        """A caller without a certificate: 32 zero bytes and a token."""
        head = b"\0" * 32 + red.text(token) + red.text("")
        if op != red.SUBMIT:
            head += red.text("") + red.u64(release)
        return red.Answer(*self.wire.call(op, head + red.text(body)))

    def tokens(self):
        lab, t = self.lab, self.t
        t.begin("token")
        body, payload, token, data = lab.job()
        other_token = lab.job()[2]
        self.put(data)

        def with_token(p, tok):
            return json.dumps({"request": json.dumps({"payload": base64.b64encode(p).decode(), "oidc": tok}),
                               "attestations": json.loads(body)["attestations"]})

        mine = oidc.rsa.generate_private_key(65537, 2048)
        forged = {"a token of another repository": (lab.token(payload, repository="evil/fork"), SIGNATURE, "names nobody"),
                  "a token that the door signed": (lab.token(payload, mine), SIGNATURE, "not signed"),
                  "its own key in the header": (lab.token(payload, mine, headers={"jwk": oidc.jwk(mine, "one")}), MALFORMED, "jwk"),
                  "its own key, and where it lies": (lab.token(payload, mine, headers={"jku": "https://evil.example"}), MALFORMED, "jku"),
                  "GitLab's key under GitHub's name": (lab.token(payload, lab.gitlab, "ES256"), SIGNATURE, ""),
                  "a token bound to another request": (other_token, SIGNATURE, "audience"),
                  "an access token that passed by": (lab.token(), SIGNATURE, "audience"),
                  "a token for another log": (lab.token(payload, aud="other.example/log#sha256:" + e.sha256(payload)), SIGNATURE, "audience"),
                  "claims changed under the signature": (self.bent(token, repository="example/auditors"), SIGNATURE, "not signed"),
                  "the signature cut off": (token.rsplit(".", 1)[0] + ".", MALFORMED, "")}
        for what, (tok, says, text) in forged.items():
            t.tried(what, self.ask(red.SUBMIT, "ci-edge", with_token(payload, tok)), says, text=text)
        t.tried("the request changed under its token", self.ask(red.SUBMIT, "ci-edge", with_token(payload.replace(b"stable", b"brief"), token)),
                SIGNATURE, text="audience")
        both = json.loads(lab.by_certificate(payload))
        both["oidc"] = token
        t.tried("a token and a signature in one document", self.ask(red.SUBMIT, "ci-edge", json.dumps(
            {"request": json.dumps(both), "attestations": json.loads(body)["attestations"]})), MALFORMED)
        good = self.ask(red.SUBMIT, "ci-edge", body)
        t.control("the job's own document, brought as ci-edge's, is the job's", good.status == 201 and lab.record(good.doc["index"])["actor"] == "hub", good)
        t.tried("the same again", self.ask(red.SUBMIT, "ci-dsse", body), CONFLICT)
        reused = self.reuse(token)
        t.tried("the spent jti for another request", self.ask(red.SUBMIT, "ci-edge", reused), CONFLICT, "release.refused", text="used before")
        self.tokens_elsewhere(good, token)

    def bent(self, token, **claims):
        head, body, sig = token.split(".")
        doc = json.loads(base64.urlsafe_b64decode(body + "=="))
        doc.update(claims)
        return ".".join([head, base64.urlsafe_b64encode(json.dumps(doc).encode()).rstrip(b"=").decode(), sig])

    def reuse(self, token):
        """The issuer gives the same jti again: an honest issuer never does, a door that asks twice might get one."""
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        body, _, _, data = self.lab.job(lambda p: self.lab.token(p, jti=claims["jti"]))
        self.put(data)
        return body

    def tokens_elsewhere(self, good, spent):
        lab, t = self.lab, self.t
        n, st = good.doc["index"], good.doc["statement"].encode()

        def as_token(payload, bound=True):
            return json.dumps({"payload": base64.b64encode(payload).decode(), "oidc": lab.token(payload if bound else None)})

        rejection = lab.decision("rejection", "r%d" % n, st)
        self.try_op("a token as approval", red.APPROVE, "alice", as_token(st), n, SIGNATURE)
        self.try_op("a token as veto", red.REJECT, "gina", as_token(rejection), n, SIGNATURE)
        self.try_op("a token as cancellation", red.CANCEL, "ci-edge", as_token(lab.decision("cancellation", "r%d" % n, st)), n, SIGNATURE)
        document = lab.changed(lambda d: d.update(name="By a job"))
        proposal = json.dumps({"proposal": as_token(lab.proposal(document)), "policy": document.decode()})
        t.tried("a token as proposal", self.ask(PROPOSE, "dora", proposal, 0), SIGNATURE)
        for what, tok in (("an access token", lab.token()), ("a bound token", lab.token(b"x")), ("a spent token", spent)):
            for name, op in (("approves", red.APPROVE), ("vetoes", red.REJECT), ("cancels", red.CANCEL), ("proposes", PROPOSE), ("activates", ACTIVATE),
                             ("changes a roster", ROSTER)):
                t.tried("caller by %s %s" % (what, name), self.token_caller(op, tok, "{}" if op != ACTIVATE else "", n), FORBIDDEN)
        t.tried("caller by a bound token asks for a signature", self.token_caller(red.SIGN, lab.token(b"x"), "", n), FORBIDDEN)
        t.tried("caller by an auditor's token asks for a signature", self.token_caller(red.SIGN, lab.token(repository="example/auditors"), "", n), FORBIDDEN)
        t.tried("caller by a forged token", self.token_caller(red.SIGN, lab.token(repository="evil/fork"), "", n), (401, "unauthenticated"))
        t.tried("caller by no token", self.token_caller(red.SIGN, "", "", n), (401, "unauthenticated"))
        t.tried("an access token asks for a signature without approvals", self.token_caller(red.SIGN, lab.token(), "", n), POLICY, "sign.refused", "approvals.count")
        t.control("it is where it was", self.state(n) == "submitted")
