"""The ceremony's results, read by foreign tools: openssl, python3-cbor2, python3-cryptography, pkcs11-tool."""
import base64
import copy
import hashlib
import json
import os
import shutil
import subprocess
import uuid

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from rows import row, run
from signer_lib import BUILD, MODULE, ORIGIN, PIN, Approver, Witness, World, as_service, sha256


def open_root_signed(data, key):
    """{2: wrapper, 3: payload} by docs/formats/guards.md; answers the payload."""
    doc = cbor2.loads(data)
    assert set(doc) == {2, 3}
    payload = doc[3]
    wrapper = cbor2.loads(doc[2])
    digest = wrapper[0]
    alg, value = cbor2.loads(digest)
    assert alg == -16 and value == sha256(cbor2.dumps(payload))
    block = cbor2.loads(wrapper[1])
    if isinstance(block, cbor2.CBORTag):
        assert block.tag == 18
        block = block.value
    protected, unprotected, nothing, sig = block
    assert cbor2.loads(protected) == {1: -9} and nothing is None and len(sig) == 64
    der = key.public_bytes(*spki())
    assert unprotected == {4: sha256(der)[:16]}
    tbs = cbor2.dumps(["Signature1", protected, b"", digest])
    key.verify(encode_dss_signature(int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big")), tbs,
               ec.ECDSA(hashes.SHA256()))
    return payload


def spki():
    from cryptography.hazmat.primitives import serialization
    return serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo


def openssl(w):
    for name in ("root.pem", "release.pem", "development-2026.pem"):
        r = subprocess.run(["openssl", "pkey", "-pubin", "-in", w.out / "keys" / name, "-text", "-noout"],
                           capture_output=True, text=True)
        row(f"openssl reads {name}", r.returncode == 0 and "prime256v1" in r.stdout, r.stderr)


def vkey(w):
    name, keyid, key = (w.out / "keys/log.vkey").read_text().rstrip("\n").split("+", 2)
    raw = base64.b64decode(key)
    row("log.vkey", name == ORIGIN and raw[0] == 1 and len(raw) == 33 and
        sha256(name.encode() + b"\n" + raw)[:4].hex() == keyid)


def guards(w):
    payload = open_root_signed((w.out / "guards.cbor").read_bytes(), w.public("root.pem"))
    doc = json.loads(payload)
    row("guards are canonical JSON", payload == json.dumps(doc, sort_keys=True, separators=(",", ":")).encode())
    by_key = {g["key"]: g for g in doc["guards"]}
    production = by_key[w.key_id("release.pem").hex()]
    development = by_key[w.key_id("development-2026.pem").hex()]
    row("guard of production: 2 of 3", production["approvals"] == 2 and len(production["approvers"]) == 3 and
        production["environment"] == "production", production)
    row("guard of development: none", development["approvals"] == 0 and development["approvers"] == [], development)
    row("guards name log and type", doc["type"] == "key-guards/v1" and doc["origin"] == ORIGIN and
        doc["log_key"] == (w.out / "keys/log.vkey").read_text().strip())


def trust_store(w):
    data = (w.out / "trust-store-production.cbor").read_bytes()
    payload = open_root_signed(data, w.public("root.pem"))
    t = cbor2.loads(payload)
    row("trust store is deterministic CBOR", cbor2.dumps(t, canonical=True) == payload)
    vendor = uuid.uuid5(uuid.NAMESPACE_DNS, "example.com")
    classes = sorted(uuid.uuid5(vendor, f"edge-router/{m}/{r}/world").bytes for m in ("er-100", "er-200") for r in "ab")
    root, release, dev = (w.key_id(n)[:16] for n in ("root.pem", "release.pem", "development-2026.pem"))
    row("vendor, epoch, time", (t[1], t[2], t[3], t[4]) == (1, 1, vendor.bytes, 1795219200), (t[1], t[2], t[4]))
    row("root", t[5] == [[root], 1], t[5])
    row("one rule: four classes, the production key", t[6] == [[classes, [release], 1]], t[6])
    row("keys: root and production, nobody else", sorted(k[0] for k in t[7]) == sorted([root, release]))
    row("no development key in the production store", dev not in payload)
    row("validity of the release key", [k[3:] for k in t[7] if k[0] == release] == [[1767225600, 2082758400]],
        [k[3:] for k in t[7] if k[0] == release])
    row("log, three witnesses, two of them must cosign",
        t[9][0] == ORIGIN and t[9][2:] == [[[x.name, x.raw] for x in w.witnesses], 2], t[9])
    report = (w.out / "ceremony-report.txt").read_text()
    row("the report names each witness's key", "2 of these 3 must cosign" in report and
        all(x.vkey() in report for x in w.witnesses))
    row("floor", t[10] == [[uuid.uuid5(vendor, "edge-router/er-100/b/world").bytes, 3]], t[10])
    other = cbor2.loads(open_root_signed((w.out / "trust-store-development.cbor").read_bytes(), w.public("root.pem")))
    row("development store: no witnesses, and the report says so", other[9][2:] == [[], 0] and "witnesses: none" in report)
    row("development store: its own key alone", sorted(k[0] for k in other[7]) == sorted([root, dev]))
    bad = bytearray(data)
    bad[-1] ^= 1
    try:
        open_root_signed(bytes(bad), w.public("root.pem"))
        row("a flipped bit is seen", False)
    except (InvalidSignature, AssertionError):
        row("a flipped bit is seen", True)


def genesis(w):
    g = json.loads(open_root_signed((w.out / "genesis.cbor").read_bytes(), w.public("root.pem")))

    def digest(path):
        return hashlib.sha256(path.read_bytes()).hexdigest()

    row("genesis names guards and policy", g["guards"] == digest(w.out / "guards.cbor") and
        g["policy"] == digest(w.dir / "policy.json"))
    row("genesis names both trust stores", {s["environment"]: s["sha256"] for s in g["trust_stores"]} ==
        {e: digest(w.out / f"trust-store-{e}.cbor") for e in ("production", "development")})
    row("root-keys.json", json.loads((w.out / "root-keys.json").read_text()) == g["root"])
    keys = json.loads((w.out / "policy-keys.json").read_text())["keys"]
    row("policy-keys.json", [k["id"] for k in keys] == ["production-2026", "development-2026"] and
        keys[0]["public_key"]["pem"] == (w.out / "keys/release.pem").read_text() and keys[0]["channels"] == ["stable"], keys)


def on_token(w):
    """What pkcs11-tool sees of the generated keys."""
    if shutil.which("pkcs11-tool") is None:
        row("pkcs11-tool is not installed: skipped", True)
        return
    r = as_service(["pkcs11-tool", "--module", MODULE, "--token-label", "production", "--login", "--pin", PIN, "--list-objects"],
                   capture_output=True, text=True)
    private = r.stdout[r.stdout.index("Private Key Object"):]
    access = next(line for line in private.splitlines() if "Access:" in line)
    usage = next(line for line in private.splitlines() if "Usage:" in line)
    row("sensitive, always sensitive, never extractable, local",
        all(word in access for word in ("sensitive", "always sensitive", "never extractable", "local")), access)
    row("sign and nothing else", usage.split(":")[1].split() == ["sign"], usage)


def again(w):
    before = {p: p.read_bytes() for p in w.out.rglob("*") if p.is_file() and p.suffix != ".txt"}
    r = w.ceremony("keys")
    row("keys again: checked, none generated", "generated" not in r.stdout and r.stdout.count("checked") == 4, r.stdout)
    r = w.ceremony("guards", expect=1)
    row("guards again: a conflict", "exists already" in r.stderr, r.stderr)
    row("nothing was changed", all(p.read_bytes() == data for p, data in before.items()))
    r = w.ceremony("check", "--policy", w.dir / "policy.json", "--json")
    row("check", r.stdout.startswith("{"))
    r = w.ceremony("guards", "--force", "--json")
    row("--json names the file and its digest",
        json.loads(r.stdout)["files"]["guards.cbor"] == hashlib.sha256((w.out / "guards.cbor").read_bytes()).hexdigest())
    r = w.ceremony("check", expect=1)
    row("genesis of other guards is seen", "genesis.cbor" in r.stderr, r.stderr)
    w.ceremony("genesis", "--force", "--policy", w.dir / "policy.json")
    w.ceremony("check")
    (w.dir / "policy2.json").write_text('{"version": 2}')
    r = w.ceremony("check", "--policy", w.dir / "policy2.json", expect=1)
    row("another policy is seen", "another policy" in r.stderr, r.stderr)
    row("the report has every step", (w.out / "ceremony-report.txt").read_text().count("===") >= 4)
    row("and no PIN", PIN not in (w.out / "ceremony-report.txt").read_text())


def tampered(w):
    """check and the signing steps see files that are not the ceremony's."""
    for name, text in {"keys/release.pem": "guards.cbor", "keys/root.pem": "root"}.items():
        path = w.out / name
        keep = path.read_bytes()
        path.write_text(Approver("p256").pem())
        r = w.ceremony("check", expect=1)
        row(f"another key in {name}", text in r.stderr, r.stderr)
        if name == "keys/root.pem":
            r = w.ceremony("genesis", "--force", "--policy", w.dir / "policy.json", expect=1)
            row("a root token whose key is another one does not sign", "is not the one in keys/" in r.stderr, r.stderr)
        path.write_bytes(keep)
    for name in ("guards.cbor", "trust-store-production.cbor", "genesis.cbor", "root-keys.json", "keys/log.vkey"):
        path = w.out / name
        keep = path.read_bytes()
        for k in (len(keep) // 3, len(keep) - 3):
            bad = bytearray(keep)
            bad[k] ^= 1
            path.write_bytes(bad)
            w.ceremony("check", expect=1)
        path.unlink()
        r = w.ceremony("check", expect=1)
        row(f"{name}: flipped bits and absence are seen", name.split("/")[-1] in r.stderr, r.stderr)
        path.write_bytes(keep)
    w.ceremony("check")


def refusals(w):
    """Configurations and tokens that the ceremony refuses."""
    good = w.ceremony_config

    def attempt(name, change, text, *args, step="guards", expect=1):
        w.ceremony_config = copy.deepcopy(good)
        change(w.ceremony_config)
        r = w.ceremony(step, *args, expect=expect)
        row(name, text in r.stderr and PIN not in r.stderr, r.stderr)
        w.ceremony_config = good

    def guard(c, **changes):
        c["release_keys"][0]["guard"].update(changes)

    attempt("no approvals for production", lambda c: guard(c, approvals=0), "$.release_keys[0].guard.approvals")
    attempt("more approvals than approvers", lambda c: guard(c, approvals=4), "at most the number")
    attempt("an approver twice", lambda c: guard(c, approvers=[w.approvers[0].key_object()] * 2), "same")
    attempt("an unknown member", lambda c: c.update(colour="red"), "colour")
    attempt("the log key on a release token", lambda c: c["log"].update(label="production"), "token of its own")
    attempt("a release key on the root token", lambda c: c["release_keys"][0].update(label="root"), "root key alone")
    attempt("a threshold above the tokens", lambda c: c["root"].update(threshold=2), "at most the number of tokens")
    attempt("a key twice", lambda c: c["release_keys"].append(copy.deepcopy(c["release_keys"][0])), "named twice")
    attempt("an environment that is none", lambda c: c["release_keys"][0].update(environment="test"), "environment")
    attempt("not_after before not_before", lambda c: c["release_keys"][0].update(not_after="2020-01-01T00:00:00Z"), "not_after")
    attempt("a store without a key of its environment",
            lambda c: c["trust_stores"][0].update(environment="staging"), "release keys of this environment", "--force",
            step="trust-store")
    attempt("a development key in a production store",
            lambda c: c["release_keys"][0].update(environment="development"), "release keys of this environment", "--force",
            step="trust-store")
    attempt("a class in two rules",
            lambda c: c["trust_stores"][0]["hardware"].append(copy.deepcopy(c["trust_stores"][0]["hardware"][0])), "two rules",
            "--force", step="trust-store")
    def witnesses(c, **changes):
        c["trust_stores"][0]["witnesses"].update(changes)

    attempt("a quorum above the witnesses", lambda c: witnesses(c, quorum=4), "$.trust_stores[0].witnesses.quorum")
    note = "not more than half"
    row("2 of 3 witnesses: nothing to note", note not in (w.out / "ceremony-report.txt").read_text())
    w.ceremony_config["trust_stores"][0]["witnesses"]["quorum"] = 1
    row("1 of 3 witnesses: two histories could each find one", note in w.ceremony("trust-store", "--force").stdout)
    w.ceremony_config["trust_stores"][0]["witnesses"]["quorum"] = 2
    w.ceremony("trust-store", "--force")
    w.ceremony("genesis", "--force", "--policy", w.dir / "policy.json")
    attempt("a quorum of none", lambda c: witnesses(c, quorum=0), "$.trust_stores[0].witnesses.quorum")
    attempt("a witness twice", lambda c: witnesses(c, keys=[w.witnesses[0].vkey()] * 2), "stands twice")
    attempt("a log's key as a witness's", lambda c: witnesses(c, keys=[(w.out / "keys/log.vkey").read_text().strip()], quorum=1),
            "expected 0x04")
    attempt("a witness called like the log", lambda c: witnesses(c, keys=[Witness(ORIGIN).vkey()], quorum=1), "a name of its own",
            "--force", step="trust-store")
    attempt("other witnesses than the configuration's are seen", lambda c: witnesses(c, quorum=1), "another quorum", step="check")
    attempt("and no witnesses as well", lambda c: c["trust_stores"][0].pop("witnesses"), "other witnesses", step="check")
    attempt("no policy", lambda c: None, "--policy", "--force", step="genesis")
    attempt("a root token that is not configured", lambda c: None, "--root", "--root", "moon", "--force")
    attempt("a token that is not there", lambda c: c["release_keys"][0].update(label="moon"), "no slot has a token", step="keys")
    wrong = w.dir / "wrong"
    wrong.write_text("000000\n")
    wrong.chmod(0o600)
    w.own()
    attempt("a wrong PIN", lambda c: c["root"]["tokens"][0].update(pin_file="wrong"), "CKR_PIN_INCORRECT", "--force")
    attempt("is not tried again", lambda c: c["root"]["tokens"][0].update(pin_file="wrong"), "refused before", "--force")
    w.ceremony("guards", "--force")
    row("the right one is, and the refusal is forgotten", not list(w.out.glob("pin-refused-*")))


def command_line():
    def call(*args):
        return subprocess.run([BUILD / "bin/hallmark-ceremony", *args], capture_output=True, text=True)

    row("--help", (r := call("--help")).returncode == 0 and "Usage" in r.stdout, r)
    row("--version", call("--version").returncode == 0)
    for args in ((), ("keys",), ("dance", "--config", "x", "--out", "y"), ("keys", "--config", "x"), ("keys", "guards", "--config", "x", "--out", "y"),
                 ("keys", "--config")):
        row(f"usage: {' '.join(args) or 'nothing'}", call(*args).returncode == 2)


def threshold(first):
    """Two of three root tokens."""
    first.close()
    w = World()
    for label in ("root-b", "root-c"):
        as_service(["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "314159"], check=True,
                   stdout=subprocess.DEVNULL)
    w.ceremony_config["root"] = {"tokens": [{"label": x, "pin_file": "pin", "key_label": "root"} for x in ("root", "root-b", "root-c")],
                                 "threshold": 2}
    try:
        w.full_ceremony()
        row("three public root keys", all((w.out / "keys" / n).exists() for n in ("root.pem", "root-2.pem", "root-3.pem")))
        r = w.ceremony("guards", "--force", "--root", "root", expect=1)
        row("one of them is too few", "threshold is 2" in r.stderr, r.stderr)
        w.ceremony("guards", "--force", "--root", "root", "--root", "root-c")
        doc = cbor2.loads((w.out / "guards.cbor").read_bytes())
        row("two sign", len(cbor2.loads(doc[2])) == 3)
    finally:
        w.close()


def ceremony(w):
    command_line()
    w.full_ceremony()
    for part in (openssl, vkey, guards, trust_store, genesis, on_token, again, tampered, refusals, threshold):
        part(w)


run(World(), ceremony)
