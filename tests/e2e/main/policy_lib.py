"""A lab whose policy has administrators, and the statements that change it, written by hand."""

import base64
import json
import os

import e2e_lib as e
from lab import DOMAIN, ORIGIN


class Administered(e.Cast):
    """dora and emil administer by SSH keys, fay by a P-256 key in DSSE; two of them replace the policy. hugo has the role, but is
    not in the group."""

    administrators = ("dora", "emil", "fay")

    def make_people(self):
        self.dora, self.emil, self.hugo = (e.SshKey("ssh-ed25519") for _ in range(3))
        self.fay = e.ec.generate_private_key(e.ec.SECP256R1())
        super().make_people()

    def make_certificates(self):
        super().make_certificates()
        for who in self.administrators + ("hugo",):
            self.make_certificate(who, "spiffe://%s/%s" % (DOMAIN, who))

    def policy(self):
        doc = super().policy()
        keys = {"dora": {"ssh": self.dora.line()}, "emil": {"ssh": self.emil.line()}, "fay": {"pem": e.public_pem(self.fay)},
                "hugo": {"ssh": self.hugo.line()}}
        doc["principals"] += [{"id": w, "roles": ["administrator"], "credentials": [{"san_uri": "spiffe://%s/%s" % (DOMAIN, w)}],
                               "approval_keys": [k]} for w, k in keys.items()]
        doc["groups"].append({"id": "administrators", "members": list(self.administrators)})
        doc["administration"] = {"group": "administrators", "count": 2}
        return doc

    def make_client(self, who):
        """Settings of the command line for an administrator, with the key in a file."""
        key = getattr(self, who)
        key = key.key if isinstance(key, e.SshKey) else key
        path = e.write(self.path("people", who, "key.pem"), e.lab_module.private_pem(key), 0o600)
        doc = json.loads(e.read(self.path("clients", "audit.json")))
        doc.update(certificate=self.path("tls", who + ".pem"), key=self.path("tls", who + ".key"), approval_key=path)
        e.write(self.path("clients", who + ".json"), json.dumps(doc))

    def with_root(self, *args):
        """Runs hallmark-ceremony with the root token, which lies elsewhere."""
        token = self.token_dirs["root"]
        home, away = self.path("tokens", token), os.path.join(self.path("offline"), token)
        os.rename(away, home)
        os.rename(self.path("offline", "pin"), self.path("pins", "root"))
        try:
            return self.run([self.program("hallmark-ceremony"), *args])
        finally:
            os.rename(home, away)
            os.rename(self.path("pins", "root"), self.path("offline", "pin"))

    # --- documents ---

    def in_force(self):
        end = e.time.time() + 60  # after a restart the door may still believe in the registrar that ended
        r = self.get("/v1/policy")
        while r.status != 200 and e.time.time() < end:
            e.time.sleep(0.05)
            r = self.get("/v1/policy")
        return r.body

    def changed(self, edit):
        """The policy in force, edited, as the bytes of a new document."""
        doc = json.loads(self.in_force())
        edit(doc)
        return json.dumps(doc, indent=1).encode()

    def proposal(self, document, **over):
        fields = {"origin": ORIGIN, "policy": "sha256:" + e.sha256(document), "in-force": "sha256:" + e.sha256(self.in_force()),
                  "expires": e.after(3600), "reason": "as it shall be"}
        fields.update({k.replace("_", "-"): v for k, v in over.items()})
        return ("policy-proposal/v1\n" + "".join("%s %s\n" % f for f in fields.items())).encode()

    def propose(self, document, who="dora", statement=None, body=None, **over):
        statement = statement or self.proposal(document, **over)
        body = body or json.dumps({"proposal": self.by_certificate(statement, who, e.POLICY_PROPOSAL), "policy": document.decode()})
        return self.post("/v1/policy/proposals", who, body)

    def policy_statement(self, index, **over):
        """What administrators sign, from the record alone."""
        r = self.record(index)
        proof = self.get("/v1/log/entries/%d" % index).body
        fields = {"origin": ORIGIN, "proposal": index, "proposed": e.leaf_hash(proof).hex(), "policy": "sha256:" + r["evidence"][1],
                  "in-force": "sha256:" + r["policy"],
                  "expires": e.datetime.fromtimestamp(r["expires_s"], e.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}
        fields.update({k.replace("_", "-"): v for k, v in over.items()})
        return ("policy-approval/v1\n" + "".join("%s %s\n" % f for f in fields.items())).encode()

    def policy_document(self, who, statement, namespace="hallmark-policy", kind=e.POLICY_APPROVAL):
        key = getattr(self, who)
        if isinstance(key, e.SshKey):
            return e.ssh_document(statement, key.sign(namespace, statement))
        return e.dsse(kind, statement, key)

    def approve_policy(self, index, who, statement=None, body=None, caller=None):
        body = body or self.policy_document(who, statement or self.policy_statement(index))
        return self.post("/v1/policy/proposals/%d/approvals" % index, caller or who, body)

    def activate_policy(self, index, who="dora", **kw):
        return self.post("/v1/policy/proposals/%d/activation" % index, who, b"{}", **kw)

    def change(self, edit, people=("dora", "emil")):
        """All of it; the record that put the new policy into force."""
        document = self.changed(edit)
        r = self.propose(document)
        if r.status != 201:
            raise RuntimeError("proposal: %r" % r)
        for who in people:
            a = self.approve_policy(r.doc["index"], who)
            if a.status != 201:
                raise RuntimeError("approval: %r" % a)
        r = self.activate_policy(r.doc["index"])
        if r.status != 200:
            raise RuntimeError("activation: %r" % r)
        return r.doc["index"]


def decoded(document):
    return base64.b64decode(json.loads(document)["payload"])
