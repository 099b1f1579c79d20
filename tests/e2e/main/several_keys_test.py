"""A release that two of three keys must sign, each on a token of its own: all three, two of them, too few, two on one
token; checked with python3-cryptography and with the reference device."""

import json
import os
import re
import time

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

import e2e_lib as e

LABELS = ["production", "production-b", "production-c"]


class Keys(e.Cast):
    def make_tokens(self):
        super().make_tokens()
        for label in LABELS[1:]:
            pin = str(int.from_bytes(os.urandom(6), "big")).zfill(15)
            e.write(self.path("pins", label), pin, 0o600)
            self.run(["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", pin, "--pin", pin])

    def policy(self):
        doc = super().policy()
        for label in LABELS[1:]:
            pem = e.read(self.path("ceremony", "keys", label + ".pem")).decode()
            doc["keys"].append(dict(doc["keys"][0], id=label, public_key={"pem": pem}))
        for rule in doc["rules"]:
            if rule["key"] == "production":
                del rule["key"]
                rule["keys"] = {"of": LABELS, "threshold": 2}
                rule["limits"] = {"signatures": {"count": 4, "window_s": 3600}}
        return doc

    def ceremony_config(self):
        doc = json.loads(json.dumps(super().ceremony_config()))
        first = doc["release_keys"][0]
        for label in LABELS[1:]:
            doc["release_keys"].append(dict(first, label=label, key_label=label, pin_file=self.path("pins", label),
                                            file=label + ".pem"))
        for store in doc["trust_stores"]:
            if store["environment"] == "production":
                for h in store["hardware"]:
                    h["threshold"] = 2
        return doc

    def configs(self):
        self.tokens_for_signer(LABELS)

    def tokens_for_signer(self, labels):
        super().configs()
        path = self.path("signer.json")
        doc = json.loads(e.read(path))
        doc["release_tokens"] = [{"label": t, "pin_file": self.path("pins", t)} for t in labels + ["development"]]
        e.write(path, json.dumps(doc, indent=2))

    def only(self, labels):
        """The signer comes back with these tokens; the registrar meets it again."""
        self.stop("signer")
        self.tokens_for_signer(labels)
        self.start("signer")
        self.wait_ready()
        end = time.time() + 60
        while self.available() != labels and time.time() < end:
            time.sleep(0.1)  # the registrar asks once a second

    def available(self):
        return [k["id"] for k in self.get("/v1/keys").doc["keys"] if k["id"] in LABELS and k["available"]]

    def public(self, label):
        name = "release.pem" if label == "production" else label + ".pem"
        return serialization.load_pem_public_key(e.read(self.path("ceremony", "keys", name)))


def signatures(envelope):
    """(protected, kid, signature) of each COSE_Sign1, and what they sign."""
    wrapper = cbor2.loads(cbor2.loads(envelope).value[2])
    blocks = [cbor2.loads(b) for b in wrapper[1:]]
    blocks = [b.value if isinstance(b, cbor2.CBORTag) else b for b in blocks]
    return [(b[0], b[1][4], b[3]) for b in blocks], wrapper[0]


def who_signed(lab, envelope):
    """Labels of the keys whose signatures hold, by a foreign library; None for one that is nobody's."""
    blocks, digest = signatures(envelope)
    found = []
    for protected, _, sig in blocks:
        tbs = cbor2.dumps(["Signature1", protected, b"", digest])
        der = utils.encode_dss_signature(int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big"))
        holder = None
        for label in LABELS:
            try:
                lab.public(label).verify(der, tbs, ec.ECDSA(hashes.SHA256()))
                holder = label
            except InvalidSignature:
                pass
        found.append(holder)
    return sorted(found, key=str)


def main(lab, rows):
    import base64

    release, _ = lab.approved(version="1.0.0")
    r = lab.sign(release)
    rows.equal("three tokens: signed", r.status, 200, r)
    body = json.loads(r.body)
    rows.equal("by all three", who_signed(lab, base64.b64decode(body["envelope"])), sorted(LABELS))
    record = lab.record(body["index"])
    rows.equal("one record names the three", len(record["keys"]), 3)
    rows.equal("each on another token", len({k["token"] for k in record["keys"]}), 3)
    submitted = lab.record(int(release[1:]))
    rows.equal("the submission named them before anybody approved", [k["spki"] for k in submitted["keys"]],
               [k["spki"] for k in record["keys"]])

    fewer, _ = lab.approved(version="1.1.0")
    alone, _ = lab.approved(version="1.2.0")
    lab.only(LABELS[1:])
    r = lab.sign(fewer)
    rows.equal("one token is away: signed", r.status, 200, r)
    body = json.loads(r.body)
    rows.equal("by the other two", who_signed(lab, base64.b64decode(body["envelope"])), sorted(LABELS[1:]))
    rows.equal("and the record names those two", len(lab.record(body["index"])["keys"]), 2)
    late, _ = lab.approved(version="1.2.1")
    fourth, _ = lab.approved(version="1.3.0")
    named = lab.record(int(late[1:]))["keys"]
    rows.row("a release that comes while a token is away is taken in: it names all keys, and the tokens that are there",
             [k["spki"] for k in named] == [k["spki"] for k in record["keys"]] and ["token" in k for k in named] == [False, True, True], named)
    for name, release in (("three", record["release"]), ("two", fewer)):
        out = lab.path("work", name)
        got = lab.cli("audit", "bundle", release, "--out", out, check=False)
        rows.equal("the bundle of %s signatures verifies" % name, got.returncode, 0, got.out + got.err)

    lab.only(LABELS[2:])
    r = lab.post("/v1/releases", "ci-edge", lab.submission(), key="too-few")
    rows.row("two tokens are away: nothing new is taken in", r.status == 503 and "no token of the signer holds" in r.detail(), r)
    before = lab.size()
    r = lab.sign(alone)
    rows.row("two tokens are away: not signed", r.status in (403, 409, 422, 503) and "1 of 3 keys" in r.body.decode(), r)
    rows.equal("an intention and a failure stand in the log", [x["event"] for x in lab.records(before)][:2],
               ["sign.intended", "sign.failed"])
    lab.only(LABELS)
    r = lab.sign(alone)
    rows.equal("with the tokens back it is signed", r.status, 200, r)
    rows.equal("all keys may sign what came while one was away", len(lab.record(json.loads(lab.sign(late).body)["index"])["keys"]), 3)
    r = lab.sign(fourth)
    rows.equal("a limit per key counts the key that signed most, not the first one", r.failed(), ["signatures.window"], r)
    lab.client_configs()
    told = lab.cli("audit", "policy", "explain", fourth, check=False)
    rows.row("which explain knows, too", told.returncode == 1 and re.search(
        r"signatures.window +FAILED +fewer than 4 signatures by each of its keys .* 4\n", told.out) and "of the keys" in told.out, told.out + told.err)
    rows.equal("the log holds", lab.cli("audit", "log", "verify", check=False).returncode, 0)
    deep = lab.cli("audit", "log", "verify", "--deep", check=False)
    rows.equal("and every intention holds again", deep.returncode, 0, deep.out + deep.err)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Keys)
