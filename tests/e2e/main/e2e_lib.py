"""What the end-to-end tests share: a larger cast of people, documents signed by hand, HTTP, and a look at the log.

Signatures are made with python3-cryptography and ssh-keygen, never with Hallmark's own programs, so that the tests do
not believe what they test.
"""

import base64
import hashlib
import http.client
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from datetime import datetime, timedelta, timezone

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

sys.dont_write_bytecode = True
TOP = os.environ.get("HALLMARK_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))
sys.path[:0] = [os.path.join(TOP, "scripts", "lib"), os.path.join(TOP, "tests", "e2e", "door")]
import described  # noqa: E402
import lab as lab_module  # noqa: E402
from lab import BUILDER, DOMAIN, ORIGIN, REPOSITORY, Lab, dsse, public_pem, read, sha256, write  # noqa: E402,F401

PROGRAMS = os.path.join(os.environ.get("HALLMARK_BUILD") or os.path.join(TOP, "build", "release"), "bin")
REQUEST = "application/vnd.hallmark.release-request+json"
APPROVAL = "application/vnd.hallmark.release-approval"
REJECTION = "application/vnd.hallmark.release-rejection"
CANCELLATION = "application/vnd.hallmark.release-cancellation"
POLICY_PROPOSAL = "application/vnd.hallmark.policy-proposal"
POLICY_APPROVAL = "application/vnd.hallmark.policy-approval"


class Rows:
    """One printed line per case; the exit code says whether all held."""

    def __init__(self):
        self.failed = 0
        self.count = 0

    def row(self, name, ok, detail=""):
        self.count += 1
        self.failed += 0 if ok else 1
        print("%s  %s%s" % ("ok    " if ok else "FAILED", name, "" if ok else "\n        " + str(detail)[-1500:]), flush=True)
        return ok

    def equal(self, name, found, expected, more=""):
        return self.row(name, found == expected, "found %r, expected %r %s" % (found, expected, more))

    def parts(self, *parts):
        """Runs them in order; what one raises is a failed case, and the next one runs."""
        for part in parts:
            try:
                part()
            except Exception:  # noqa: BLE001
                self.row("%s runs through" % part.__name__, False, traceback.format_exc())

    def finish(self):
        print("%d cases, %d failed" % (self.count, self.failed), flush=True)
        sys.exit(1 if self.failed else 0)


def run_script(main, **options):
    """Sets up one lab, runs main(lab, rows), cleans up."""
    if not os.path.exists(os.path.join(PROGRAMS, "hallmarkd")):
        print("skipped: no programs in %s" % PROGRAMS)
        sys.exit(77)
    rows = Rows()
    with tempfile.TemporaryDirectory(prefix="hallmark-e2e-") as folder:
        os.chmod(folder, 0o755)
        lab = options.pop("cast", Cast)(os.path.join(folder, "lab"), PROGRAMS, **options)
        try:
            lab.set_up()
            lab.start_all()
            os.makedirs(lab.path("work"), exist_ok=True)
            main(lab, rows)
            rows.equal("the programs end with 0", [lab.stop(s) for s in reversed(lab_module.SERVICES)], [0, 0, 0])
            said = "".join(read(lab.path(s + ".log")).decode(errors="replace") for s in lab_module.SERVICES)
            rows.equal("every answer is described in openapi.json", described.undescribed(), [])
            rows.row("no sanitizer had anything to say", "Sanitizer" not in said and "runtime error" not in said, said)
        except BaseException:
            for s in lab_module.SERVICES:
                if os.path.exists(lab.path(s + ".log")):
                    print("--- %s\n%s" % (s, lab.log_tail(s, 12)), flush=True)
            raise
        finally:
            lab.clean()
    rows.finish()


def sanitized():
    """Builds with sanitizers have no seccomp filter."""
    program = read(os.path.join(PROGRAMS, "hallmarkd"))
    return b"__ubsan_handle" in program or b"__asan_" in program or b"__tsan_" in program


# --- SSH keys and signatures, by hand ---

def string(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(data)) + data


def mpint(n):
    return string(n.to_bytes(n.bit_length() // 8 + 1, "big"))


def point(key):
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def raw(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class SshKey:
    """An SSH key of any kind that Hallmark takes. sk- kinds are signed as a security key would."""

    def __init__(self, kind, application="ssh:"):
        self.kind, self.application = kind, application
        self.curve = "ecdsa" in kind
        self.sk = kind.startswith("sk-")
        self.key = ec.generate_private_key(ec.SECP256R1()) if self.curve else ed25519.Ed25519PrivateKey.generate()

    def blob(self):
        out = string(self.kind)
        out += string("nistp256") + string(point(self.key)) if self.curve else string(raw(self.key))
        return out + (string(self.application) if self.sk else b"")

    def line(self):
        return "%s %s" % (self.kind, base64.b64encode(self.blob()).decode())

    def _sign(self, data):
        if not self.curve:
            return self.key.sign(data)
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return mpint(r) + mpint(s)

    def sign(self, namespace, payload, flags=1, application=None, hash_name="sha512"):
        digest = hashlib.new(hash_name, payload).digest()
        data = b"SSHSIG" + string(namespace) + string("") + string(hash_name) + string(digest)
        if self.sk:
            tail = struct.pack(">BI", flags, 7)
            app = hashlib.sha256((application or self.application).encode()).digest()
            signature = string(self.kind) + string(self._sign(app + tail + hashlib.sha256(data).digest())) + tail
        else:
            signature = string(self.kind) + string(self._sign(data))
        blob = (b"SSHSIG" + struct.pack(">I", 1) + string(self.blob()) + string(namespace) + string("") + string(hash_name)
                + string(signature))
        text = base64.b64encode(blob).decode()
        lines = [text[i:i + 70] for i in range(0, len(text), 70)]
        return "\n".join(["-----BEGIN SSH SIGNATURE-----"] + lines + ["-----END SSH SIGNATURE-----", ""])


def ssh_document(payload, armoured):
    return json.dumps({"payload": base64.b64encode(payload).decode(), "sshsig": armoured})


# --- a lab with more people ---

class Cast(Lab):
    """alice, bob, carol approve by SSH; dave by a P-256 key in DSSE; erin and frank by security keys; gina approves but is
    in no group; ci-dsse and ci-ssh submit by keys that the policy names. Channel "brief" expires after a minute."""

    def __init__(self, root, programs, **kw):
        registrar = dict({"refusals_per_minute": 100000}, **kw.pop("registrar", {}))
        door = dict({"requests_per_minute": 60000, "max_connections_per_ip": 200}, **kw.pop("door", {}))
        kw.setdefault("products", ("edge-router", "edge-radio"))
        kw.setdefault("development", True)
        super().__init__(root, programs, registrar=registrar, door=door, **kw)
        self.dave = ec.generate_private_key(ec.SECP256R1())
        self.erin = SshKey("sk-ssh-ed25519@openssh.com")
        self.frank = SshKey("sk-ecdsa-sha2-nistp256@openssh.com")
        self.gina = SshKey("ssh-ed25519")
        self.ivan = SshKey("ecdsa-sha2-nistp256")
        self.ci_dsse = ec.generate_private_key(ec.SECP256R1())
        self.ci_ssh = SshKey("ssh-ed25519")
        self.more = {"dave": {"pem": public_pem(self.dave)}, "erin": {"ssh": self.erin.line()},
                     "frank": {"ssh": self.frank.line()}, "ivan": {"ssh": self.ivan.line()}}
        self.count = 0

    def make_certificates(self):
        super().make_certificates()
        for who in list(self.more) + ["gina", "ci-dsse", "ci-ssh", "stranger"]:
            self.make_certificate(who, "spiffe://%s/%s" % (DOMAIN, who))

    def policy(self):
        doc = super().policy()

        def principal(who, roles, **more):
            return dict({"id": who, "roles": roles, "credentials": [{"san_uri": "spiffe://%s/%s" % (DOMAIN, who)}]}, **more)

        doc["principals"] += [principal(w, ["approver"], approval_keys=[k]) for w, k in self.more.items()]
        doc["principals"] += [principal("gina", ["approver"], approval_keys=[{"ssh": self.gina.line()}]),
                              principal("ci-dsse", ["submitter"], submit_keys=[{"pem": public_pem(self.ci_dsse)}]),
                              principal("ci-ssh", ["submitter"], submit_keys=[{"ssh": self.ci_ssh.line()}])]
        doc["groups"][0]["members"] = self.approvers + list(self.more)
        stable = doc["rules"][0]
        stable["submitters"] += ["ci-dsse", "ci-ssh"]
        doc["keys"][0]["channels"] = ["stable", "brief"]
        doc["rules"].append(dict(stable, id="brief", channels=["brief"], approval_ttl_s=60))
        doc["builders"].append({"id": BUILDER + "/other", "keys": [{"pem": public_pem(self.other_builder)}],
                                "products": self.products, "repositories": [REPOSITORY]})
        return doc

    def make_people(self):
        self.other_builder = ec.generate_private_key(ec.SECP256R1())
        super().make_people()

    def ceremony_config(self):
        doc = super().ceremony_config()
        release = doc["release_keys"][0]
        release["channels"] = ["stable", "brief"]
        release["guard"]["approvers"] += list(self.more.values())
        return doc

    def start(self, service, config=None, **kw):
        """SoftHSM 2.6.1 leaks the name of the curve at each Ed25519 signature; nothing else may leak."""
        if service == "signer" and sanitized():
            known = write(self.path("lsan"), "leak:sign_ed25519\n")
            os.environ.update(ASAN_OPTIONS="fast_unwind_on_malloc=0", LSAN_OPTIONS="print_suppressions=0:suppressions=" + known)
        try:
            return super().start(service, config, **kw)
        finally:
            for name in ("ASAN_OPTIONS", "LSAN_OPTIONS"):
                os.environ.pop(name, None)

    # --- HTTP ---

    def context(self, who):
        ctx = ssl.create_default_context(cafile=self.path("tls", "ca.pem"))
        ctx.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the lab's certificates carry no key identifiers
        if who:
            ctx.load_cert_chain(self.path("tls", who + ".pem"), self.path("tls", who + ".key"))
        return ctx

    def call(self, method, path, who=None, body=None, headers=None, timeout=60):
        """One request; the answer has .status, .headers (lower case), .body, .doc, .problem."""
        c = http.client.HTTPSConnection("localhost", self.port, context=self.context(who), timeout=timeout)
        try:
            c.request(method, path, body=body.encode() if isinstance(body, str) else body, headers=headers or {})
            r = c.getresponse()
            a = Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read())
            described.note(method, path, a.status, a.headers)
            return a
        finally:
            c.close()

    def get(self, path, who="audit", **kw):
        return self.call("GET", path, who, **kw)

    def post(self, path, who, body=b"", key=None, **headers):
        h = {k.replace("_", "-"): v for k, v in headers.items()}
        h.setdefault("Content-Type", "application/json")
        if key:
            h["Idempotency-Key"] = key
        return self.call("POST", path, who, body, h)

    def size(self):
        """The log's size, by the checkpoint that the door shows."""
        a = self.get("/v1/log/checkpoint")
        if a.status != 200:
            raise RuntimeError("no checkpoint: %r" % a)
        return int(a.body.split(b"\n")[1])

    def record(self, index):
        return self.settled("/v1/log/entries/%d" % index)

    def settled(self, path, timeout=60):
        end = time.time() + timeout
        while True:
            r = self.get(path)
            if r.status == 200 or time.time() > end:
                return r.doc
            time.sleep(0.02)

    def records(self, first=0):
        self.follow()
        out = []
        while True:
            page = self.get("/v1/log/entries?order=asc&limit=1000" + ("&after=%d" % (first - 1) if first else "")).doc
            out += [e["record"] for e in page["entries"]]
            if not page.get("next"):
                return out
            first = out[-1]["idx"] + 1

    def follow(self, timeout=60):
        """Waits until the door has read the whole log: after a restart the registrar may be ready some moments before that."""
        size, end = max(self.size(), self.get("/readyz").doc.get("checkpoint", 0)), time.time() + timeout
        while time.time() < end:
            if self.get("/v1/log/entries?limit=1").doc["log_size"] >= size:
                return size
            time.sleep(0.02)
        raise RuntimeError("the read model does not follow")

    # --- documents ---

    def upload(self, data, who="ci-edge"):
        r = self.call("PUT", "/v1/artifacts/sha256:" + sha256(data), who, data)
        if r.status not in (200, 201):
            raise RuntimeError("upload: %d %s" % (r.status, r.body))
        return r

    def request(self, data, version, product="edge-router", channel="stable", attestations=(), **over):
        models, revisions, regions = self.hardware.get(product, (["er-100"], ["b"], ["world"]))
        doc = {"type": "release-request/v1", "origin": ORIGIN, "nonce": os.urandom(16).hex(), "expires": after(3600),
               "product": product, "version": version, "channel": channel,
               "hardware": [{"model": models[0], "revision": revisions[0]}], "regions": regions,
               "artifacts": [{"name": "firmware.bin", "sha256": sha256(data), "size": len(data)}],
               "attestations": [sha256(a.encode()) for a in attestations]}
        doc.update(over)
        return json.dumps({k: v for k, v in doc.items() if v is not None}).encode()

    def by_certificate(self, payload, who="ci-edge", kind=REQUEST, certificate=None):
        key = serialization.load_pem_private_key(read(self.path("tls", who + ".key")), None)
        doc = json.loads(dsse(kind, payload, key))
        doc["certificate"] = read(self.path("tls", (certificate or who) + ".pem")).decode()
        return json.dumps(doc)

    def ssh_keygen(self, who, namespace, payload):
        r = subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", self.path("people", who, "id_ed25519")],
                           input=payload, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
        return ssh_document(payload, r.stdout.decode())

    def firmware(self, size=2000):
        return os.urandom(size)

    def submission(self, version=None, data=None, product="edge-router", channel="stable", signer=None, attestation=None,
                   upload=True, **over):
        """The body of a POST /v1/releases. attestation: None the right one, False none."""
        self.count += 1
        version = version or "1.%d.0" % self.count
        data = self.firmware() if data is None else data
        if attestation is None:
            attestation = self.provenance({"firmware.bin": sha256(data)}, ref="refs/tags/v" + version)
        attestations = list(attestation) if isinstance(attestation, (list, tuple)) else [attestation] if attestation else []
        if upload:
            self.upload(data)
        payload = self.request(data, version, product, channel, attestations, **over)
        document = signer(payload) if signer else self.by_certificate(payload)
        return json.dumps({"request": document, "attestations": attestations})

    def new(self, who="ci-edge", patience_s=60, **kw):
        """A submitted release: (id, statement). Comes again, as a client does, where the service asks for that."""
        body, key, end = self.submission(**kw), os.urandom(8).hex(), time.time() + patience_s
        r = self.post("/v1/releases", who, body, key=key)
        while r.status == 503 and time.time() < end:
            time.sleep(0.2)
            r = self.post("/v1/releases", who, body, key=key)
        if r.status != 201:
            raise RuntimeError("submission: %d %s" % (r.status, r.body))
        return r.doc["release"], r.doc["statement"].encode()

    def approve(self, release, statement, who="alice", namespace="hallmark-approval", body=None, **kw):
        body = body or self.ssh_keygen(who, namespace, statement)
        return self.post("/v1/releases/%s/approvals" % release, who, body, **kw)

    def sign(self, release, who="ci-edge", **kw):
        return self.post("/v1/releases/%s/signature" % release, who, **kw)

    def approved(self, **kw):
        release, statement = self.new(**kw)
        for who in ("bob", "carol"):
            r = self.approve(release, statement, who)
            if r.status != 201:
                raise RuntimeError("approval: %d %s" % (r.status, r.body))
        return release, statement

    def signed(self, **kw):
        release, statement = self.approved(**kw)
        r = self.sign(release)
        if r.status != 200:
            raise RuntimeError("signature: %d %s" % (r.status, r.body))
        return release, statement

    def decision(self, kind, release, statement, reason="not this one", **over):
        fields = {"origin": ORIGIN, "submitted": field(statement, "submitted"), "release": release, "reason": reason}
        fields.update(over)
        return ("release-%s/v1\n" % kind + "".join("%s %s\n" % f for f in fields.items())).encode()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        try:
            self.doc = json.loads(body)
        except ValueError:
            self.doc = {}
        kind = self.doc.get("type", "") if isinstance(self.doc, dict) else ""
        self.problem = kind.split(":")[-1] if kind.startswith("urn:hallmark:problem:") else ""

    def says(self):
        return (self.status, self.problem)

    def detail(self):
        return self.doc.get("detail", "")

    def failed(self):
        return [f["check"] for f in self.doc.get("findings", []) if not f["ok"]]

    def __repr__(self):
        return "%d %s %s" % (self.status, self.problem, self.body[:600].decode(errors="replace"))


def field(statement, name):
    return next(line.split(" ", 1)[1] for line in statement.decode().splitlines() if line.startswith(name + " "))


def after(seconds):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- Merkle tree, as RFC 6962 has it ---

def leaf_hash(data):
    return hashlib.sha256(b"\0" + data).digest()


def root_of(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


def path_root(index, size, leaf, path):
    """The root that an inclusion path gives (RFC 9162, 2.1.3.2)."""
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            raise ValueError("path too long")
        if fn & 1 or fn == sn:
            r = hashlib.sha256(b"\1" + p + r).digest()
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = hashlib.sha256(b"\1" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise ValueError("path too short")
    return r


def parse_proof(text):
    """(record, index, path, checkpoint) of a .tlog-proof."""
    head, _, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("extra ") and lines[2].startswith("index ")
    return (base64.b64decode(lines[1][6:]), int(lines[2][6:]), [base64.b64decode(l) for l in lines[3:]], checkpoint)


def check_proof(text, vkey):
    """The record, if the proof holds under the pinned log key; raises otherwise."""
    record, index, path, checkpoint = parse_proof(text)
    size, root = check_checkpoint(checkpoint, vkey)
    if path_root(index, size, leaf_hash(record), path) != root:
        raise ValueError("the path does not lead to the root")
    if json.loads(record)["idx"] != index:
        raise ValueError("the record has another index")
    return record


def check_checkpoint(note, vkey):
    """(size, root) if the signature holds."""
    name, key_id, key = vkey.strip().split("+", 2)
    key = base64.b64decode(key)
    if hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() != key_id or key[:1] != b"\x01":
        raise ValueError("the verifier key line does not hold together")
    text, _, tail = note.partition("\n\n")
    mark, who, sig = tail.split("\n")[0].split(" ")
    sig = base64.b64decode(sig)
    if mark != "\u2014" or who != name or sig[:4].hex() != key_id:
        raise ValueError("signed by somebody else")
    ed25519.Ed25519PublicKey.from_public_bytes(key[1:]).verify(sig[4:], text.encode() + b"\n")
    origin, size, root = text.split("\n")[:3]
    if origin != name:
        raise ValueError("another origin")
    return int(size), base64.b64decode(root)
