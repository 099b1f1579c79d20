"""The main job, checked without a line of Hallmark: cbor2, cryptography, openssl, ssh-keygen, sqlite3, curl and hashlib."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import uuid

import cbor2
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

import e2e_lib as e
from e2e_lib import DOMAIN, ORIGIN, read, sha256, write


def run(*args, stdin=None):
    return subprocess.run(args, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Foreign:
    def __init__(self, lab, rows):
        self.lab, self.rows = lab, rows
        self.vkey = read(lab.path("ceremony", "keys", "log.vkey")).decode().strip()
        self.work = lab.path("work")

    def file(self, name, data):
        return write(os.path.join(self.work, name), data)

    # --- through curl, as a pipeline does it ---

    def job(self):
        lab, json_type = self.lab, ["Content-Type: application/json"]
        self.data = lab.firmware(300000)
        r = lab.curl("/v1/artifacts/sha256:" + sha256(self.data), "ci-edge", "PUT", self.data)
        self.rows.equal("curl: artifact stored", r.code, 201, r.out)
        r = lab.curl("/v1/artifacts/sha256:" + sha256(self.data), "ci-edge", "PUT", self.data)
        self.rows.equal("curl: artifact was there", r.code, 200, r.out)
        self.attestation = lab.provenance({"firmware.bin": sha256(self.data)}, ref="refs/tags/v3.0.0")
        body = lab.submission("3.0.0", self.data, attestation=self.attestation)
        r = lab.curl("/v1/releases", "ci-edge", "POST", body.encode(), json_type)
        self.rows.equal("curl: submitted", r.code, 201, r.out)
        ack = json.loads(r.out)
        self.release, self.statement = ack["release"], ack["statement"].encode()
        for who in ("alice", "bob"):
            doc = lab.ssh_keygen(who, "hallmark-approval", self.statement)
            r = lab.curl("/v1/releases/%s/approvals" % self.release, who, "POST", doc.encode(), json_type)
            self.rows.equal("curl: approved by " + who, r.code, 201, r.out)
        r = lab.curl("/v1/releases/%s/signature" % self.release, "ci-edge", "POST", b"", json_type)
        self.rows.equal("curl: signed", r.code, 200, r.out)
        self.ack = json.loads(r.out)
        lab.follow()
        r = lab.curl("/v1/releases/%s/bundle" % self.release, "audit")
        self.rows.equal("curl: bundle", r.code, 200, r.out)
        self.bundle = json.loads(r.out)
        self.rows.equal("the bundle's envelope is the one that was answered", self.bundle["manifest.suit"], self.ack["envelope"])

    # --- the manifest and its signature ---

    def manifest(self):
        rows = self.rows
        envelope = cbor2.loads(base64.b64decode(self.bundle["manifest.suit"]))
        rows.row("envelope: tag 107, members 2 and 3", envelope.tag == 107 and sorted(envelope.value) == [2, 3], envelope)
        wrapper = [cbor2.loads(x) for x in cbor2.loads(envelope.value[2])]
        self.digest_bytes = cbor2.loads(envelope.value[2])[0]
        whole = cbor2.dumps(envelope.value[3])
        self.digest = hashlib.sha256(whole).digest()
        rows.equal("the digest is over the manifest with its CBOR header", wrapper[0], [-16, self.digest])
        m = cbor2.loads(envelope.value[3])
        rows.row("the manifest's encoding is deterministic", cbor2.dumps(m, canonical=True) == envelope.value[3])
        statement = self.statement
        rows.equal("sequence number as approved", m[2], int(e.field(statement, "sequence")))
        rows.equal("manifest digest as approved", "sha256:" + self.digest.hex(), e.field(statement, "manifest"))
        common = cbor2.loads(m[3])
        shared = cbor2.loads(common[4])
        params = parameters(shared)
        rows.equal("vendor id is UUID v5 of the domain", params[1], uuid.uuid5(uuid.NAMESPACE_DNS, DOMAIN).bytes)
        rows.equal("payload digest and size", (cbor2.loads(params[3]), params[14]),
                   ([-16, hashlib.sha256(self.data).digest()], len(self.data)))
        rows.row("vendor and class are conditions", conditions(shared)[:2] == [1, 2], conditions(shared))
        install = cbor2.loads(m[20])
        rows.row("install fetches and then checks the image", conditions(install)[-2:] == [21, 3], install)
        self.signature(wrapper[1])

    def signature(self, sign1):
        rows = self.rows
        tag = sign1 if isinstance(sign1, list) else sign1.value
        protected, unprotected, payload, sig = tag
        spki = run("openssl", "pkey", "-pubin", "-in", self.lab.path("ceremony", "keys", "release.pem"), "-outform", "DER").stdout
        rows.equal("COSE_Sign1: ESP256, kid, payload nil", (cbor2.loads(protected), unprotected, payload),
                   ({1: -9}, {4: hashlib.sha256(spki).digest()[:16]}, None))
        tbs = cbor2.dumps(["Signature1", protected, b"", self.digest_bytes])
        name = e.field(self.statement, "sign")
        rows.equal("the bytes are those that were approved", name,
                   "sha256:%s ESP256 sha256:%s" % (hashlib.sha256(spki).hexdigest(), sha256(tbs)))
        key = e.serialization.load_der_public_key(spki)
        der = encode_dss_signature(int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big"))
        try:
            key.verify(der, tbs, e.ec.ECDSA(e.hashes.SHA256()))
            rows.row("COSE signature holds (python3-cryptography)", len(sig) == 64)
        except Exception as x:  # noqa: BLE001
            rows.row("COSE signature holds (python3-cryptography)", False, repr(x))
        r = run("openssl", "dgst", "-sha256", "-verify", self.lab.path("ceremony", "keys", "release.pem"),
                "-signature", self.file("sig.der", der), self.file("tbs", tbs))
        rows.row("COSE signature holds (openssl dgst)", b"Verified OK" in r.stdout, r.stdout)
        r = run("openssl", "dgst", "-sha256", "-verify", self.lab.path("ceremony", "keys", "release.pem"),
                "-signature", self.file("sig.der", der), self.file("tbs", tbs[:-1] + bytes([tbs[-1] ^ 1])))
        rows.row("and not over other bytes", b"Verified OK" not in r.stdout, r.stdout)

    # --- approvals ---

    def approvals(self):
        rows, lab = self.rows, self.lab
        allowed = self.file("allowed_signers", "".join("%s %s\n" % (w, lab.ssh[w]) for w in lab.approvers))
        people = []
        for i, text in enumerate(self.bundle["approvals"]):
            doc = json.loads(text)
            rows.equal("approval %d is over the statement" % i, base64.b64decode(doc["payload"]), self.statement)
            sig = self.file("approval.sig", doc["sshsig"])
            who = run("ssh-keygen", "-Y", "find-principals", "-s", sig, "-f", allowed).stdout.decode().strip()
            people.append(who)
            check = lambda ns, st: run("ssh-keygen", "-Y", "verify", "-f", allowed, "-I", who, "-n", ns, "-s", sig, stdin=st)  # noqa: E731,B023
            rows.row("ssh-keygen -Y verify: " + who, check("hallmark-approval", self.statement).returncode == 0)
            rows.row("not in another namespace: " + who, check("hallmark-submit", self.statement).returncode != 0)
            rows.row("not over another statement: " + who, check("hallmark-approval", self.statement + b" ").returncode != 0)
        rows.equal("two people", sorted(people), ["alice", "bob"])
        request = json.loads(self.bundle["request"])
        pae = b"DSSEv1 %d %s %d %s" % (len(e.REQUEST), e.REQUEST.encode(), len(base64.b64decode(request["payload"])), base64.b64decode(request["payload"]))
        pem = self.file("ci.pub", run("openssl", "x509", "-in", lab.path("tls", "ci-edge.pem"), "-noout", "-pubkey").stdout)
        r = run("openssl", "dgst", "-sha256", "-verify", pem, "-signature",
                self.file("request.sig", base64.b64decode(request["signatures"][0]["sig"])), self.file("request.pae", pae))
        rows.row("the request was signed with CI's certificate key (openssl)", b"Verified OK" in r.stdout, r.stdout)
        rows.equal("attestations are the exact bytes", self.bundle["attestations"], [self.attestation])

    # --- the log ---

    def log(self):
        rows, lab = self.rows, self.lab
        out = os.path.join(self.work, "log.jsonl")
        lab.cli("audit", "log", "export", "--out", out)
        lines = read(out).split(b"\n")[:-1]
        prev, ok, last_t = hashlib.sha256(ORIGIN.encode()).hexdigest(), True, 0
        for i, line in enumerate(lines):
            r = json.loads(line)
            canonical = json.dumps(r, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == line
            ok = ok and canonical and r["idx"] == i and r["prev"] == prev and r["t_ms"] >= last_t
            prev, last_t = e.leaf_hash(line).hex(), r["t_ms"]
        rows.row("log.jsonl: canonical, positions, prev, time (%d records)" % len(lines), ok)
        note = lab.get("/v1/log/checkpoint").body.decode()
        size, root = e.check_checkpoint(note, self.vkey)
        rows.equal("checkpoint: Ed25519 signature, size", size, len(lines))
        rows.equal("checkpoint: the root is that of the records", root, e.root_of([e.leaf_hash(x) for x in lines]))
        self.lines, self.note = lines, note
        self.proofs(size)
        self.events()

    def proofs(self, size):
        rows, lab, good = self.rows, self.lab, 0
        for i in range(size):
            text = lab.get("/v1/log/entries/%d/proof" % i).body.decode()
            good += e.check_proof(text, self.vkey) == self.lines[i]
        rows.equal("inclusion proof of every record, by hand", good, size)
        record = e.check_proof(self.bundle["release.tlog-proof"], self.vkey)
        r = json.loads(record)
        rows.equal("the bundle's proof is of release.signed",
                   (r["event"], r["outcome"], r["manifest"], r["release"]), ("release.signed", "ok", self.digest.hex(), self.release))
        rows.row("release.signed fits into a device", len(record) <= 2048, len(record))
        bad = self.bundle["release.tlog-proof"].replace("index %d" % r["idx"], "index %d" % (r["idx"] - 1))
        try:
            e.check_proof(bad, self.vkey)
            rows.row("the proof does not hold for another index", False)
        except ValueError:
            rows.row("the proof does not hold for another index", True)
        for old in (1, 3, size - 1):
            hashes = [base64.b64decode(x) for x in lab.get("/v1/log/consistency?old=%d&size=%d" % (old, size)).doc["hashes"]]
            leaves = [e.leaf_hash(x) for x in self.lines]
            rows.row("consistency %d..%d" % (old, size), consistent(old, size, e.root_of(leaves[:old]), e.root_of(leaves), hashes), hashes)

    def events(self):
        records = [json.loads(x) for x in self.lines]
        mine = [r for r in records if r.get("release") == self.release]
        self.rows.equal("the release's records", [r["event"] for r in mine],
                        ["release.submitted", "approval.recorded", "approval.recorded", "sign.intended", "release.signed"])
        self.rows.equal("the statement names the submitted record's leaf", e.field(self.statement, "submitted"),
                        e.leaf_hash(self.lines[int(self.release[1:])]).hex())
        self.rows.equal("statement digest in approvals and intention", set(r["statement"] for r in mine[1:4]), {sha256(self.statement)})
        for r in mine:
            for n, digest in enumerate(r.get("evidence", [])):
                blob = self.lab.get("/v1/log/entries/%d/evidence/%d" % (r["idx"], n)).body
                self.rows.equal("evidence %d of %s" % (n, r["event"]), sha256(blob), digest)
        self.rows.equal("log starts with", [r["event"] for r in records[:4]],
                        ["log.created", "policy.activated", "trust_store.published", "trust_store.published"])

    # --- the database ---

    def database(self):
        """The documented shell commands' idea, over a copy: sqlite3 for the bytes, sha256sum for the hashes."""
        lab, rows = self.lab, self.rows
        lab.stop("registrar")
        copy = os.path.join(self.work, "copy")
        shutil.copytree(lab.path("registrar"), copy)
        lab.start("registrar")
        lab.wait_ready()
        db = os.path.join(copy, "log.db")
        sql = lambda q: run("sqlite3", db, q).stdout.decode().strip()  # noqa: E731
        rows.equal("sqlite3: integrity_check", sql("PRAGMA integrity_check"), "ok")
        prev, ok = hashlib.sha256(sql("SELECT origin FROM head").encode()).hexdigest(), True
        listing = sql("SELECT idx||' '||lower(hex(bytes))||' '||lower(hex(substr(hashes,1,32)))||' '||"
                      "json_extract(CAST(bytes AS TEXT),'$.prev') FROM record ORDER BY idx").splitlines()
        for i, line in enumerate(listing):
            idx, data, leaf, said = line.split(" ")
            ok = ok and int(idx) == i and said == prev and e.leaf_hash(bytes.fromhex(data)).hex() == leaf
            prev = leaf
        rows.row("sqlite3: the chain holds (%d records)" % len(listing), ok and len(listing) >= len(self.lines), len(listing))
        rows.equal("sqlite3: head names the last leaf", sql("SELECT lower(hex(leaf)) FROM head"), prev)
        rows.row("sqlite3: an update is refused", "append" in sql("UPDATE record SET bytes=x'00' WHERE idx=1") or
                 sql("SELECT hex(bytes) FROM record WHERE idx=1") != "00")
        rows.equal("sqlite3: and changed nothing", sql("SELECT lower(hex(bytes)) FROM record WHERE idx=1"), self.lines[1].hex())
        sql("DELETE FROM record WHERE idx=1")
        rows.equal("sqlite3: a deletion is refused", sql("SELECT count(*) FROM record"), str(len(listing)))

    # --- the trust store ---

    def trust_store(self):
        rows, lab = self.rows, self.lab
        data = lab.get("/v1/trust-stores/production").body
        rows.equal("trust store as the ceremony wrote it", sha256(data), sha256(read(lab.path("ceremony", "trust-store-production.cbor"))))
        envelope = cbor2.loads(data)
        wrapper = cbor2.loads(envelope[2])
        rows.equal("trust store: digest", cbor2.loads(wrapper[0]), [-16, hashlib.sha256(cbor2.dumps(envelope[3])).digest()])
        sign1 = cbor2.loads(wrapper[1])
        protected, _, _, sig = sign1 if isinstance(sign1, list) else sign1.value
        key = e.serialization.load_pem_public_key(read(lab.path("ceremony", "keys", "root.pem")))
        tbs = cbor2.dumps(["Signature1", protected, b"", wrapper[0]])
        try:
            key.verify(encode_dss_signature(int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big")), tbs, e.ec.ECDSA(e.hashes.SHA256()))
            rows.row("trust store: signed by the root key", True)
        except Exception as x:  # noqa: BLE001
            rows.row("trust store: signed by the root key", False, repr(x))
        store = cbor2.loads(envelope[3])
        vendor = uuid.uuid5(uuid.NAMESPACE_DNS, DOMAIN)
        rows.equal("trust store: version, epoch, vendor", (store[1], store[2], store[3]), (1, 1, vendor.bytes))
        rows.equal("trust store: the log's origin and key", (store[9][0], store[9][1]), (ORIGIN, base64.b64decode(self.vkey.split("+", 2)[2])[1:]))
        spki = run("openssl", "pkey", "-pubin", "-in", lab.path("ceremony", "keys", "release.pem"), "-outform", "DER").stdout
        kid = hashlib.sha256(spki).digest()[:16]
        rows.row("trust store: every release rule lists the production key alone", all(r[1] == [kid] and r[2] == 1 for r in store[6]), store[6])
        rows.row("trust store: the development key is not in it", len(store[7]) == 2, store[7])
        rows.row("trust store: deterministic encoding", cbor2.dumps(store, canonical=True) == envelope[3])


def parameters(sequence, out=None):
    """Every override-parameters (20) of a command sequence, try-each (15) included."""
    out = {} if out is None else out
    for command, argument in zip(sequence[::2], sequence[1::2]):
        if command == 20:
            out.update(argument)
        elif command == 15:
            for branch in argument:
                parameters(cbor2.loads(branch) if isinstance(branch, bytes) else branch, out)
    return out


def conditions(sequence):
    return [c for c in sequence[::2] if c not in (20, 12)]


def consistent(old, size, old_root, root, path):
    """RFC 9162, 2.1.4.2."""
    if old == size:
        return not path and old_root == root
    path = list(path)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = hashlib.sha256(b"\1" + c + fr).digest(), hashlib.sha256(b"\1" + c + sr).digest()
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = hashlib.sha256(b"\1" + sr + c).digest()
        fn, sn = fn >> 1, sn >> 1
    return fr == old_root and sr == root and sn == 0


def main(lab, rows):
    f = Foreign(lab, rows)
    rows.parts(f.job, f.manifest, f.approvals, f.log, f.trust_store, f.database)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main)
