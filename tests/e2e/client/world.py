"""A small service that speaks docs/formats/http.md, built from the documents with foreign libraries only, so that the
command line is tested against something that shares no code with it. The test may falsify every answer."""
import base64
import hashlib
import http.server
import ipaddress
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../interop/device"))
import release_builder as rb  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: E402

BUILDER = "https://ci.example.com/builder"
REPOSITORY = "https://git.example.com/edge-router"
COMMIT = "4f2c" * 10
PEOPLE = ("alice", "bob", "carol")


def hexsha(data):
    return hashlib.sha256(data).hexdigest()


def write(path, data, mode=0o600):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return path


def rfc3339(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix(text):
    """Of a time in a query."""
    return int(datetime.strptime(urllib.parse.unquote(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp())


def vkey(origin, key):
    keyid = rb.note_key_id(origin, 1, key.raw)
    return "%s+%s+%s" % (origin, keyid.hex(), rb.b64(b"\1" + key.raw))


def pae(payload_type, payload):
    return b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)


def dsse(payload_type, payload, key):
    sig = key.sign(pae(payload_type, payload), ec.ECDSA(hashes.SHA256()))
    return json.dumps({"payloadType": payload_type, "payload": rb.b64(payload),
                       "signatures": [{"keyid": "x", "sig": rb.b64(sig)}]})


def provenance(files, key, commit=COMMIT, builder=BUILDER):
    return dsse("application/vnd.in-toto+json", json.dumps({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": n, "digest": {"sha256": d}} for n, d in files.items()],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {
            "buildType": "https://example.com/build/v1", "externalParameters": {},
            "resolvedDependencies": [{"uri": "git+%s@refs/tags/v2.1.0" % REPOSITORY, "digest": {"gitCommit": commit}}]},
            "runDetails": {"builder": {"id": builder}}}}).encode(), key)


class Certificates:
    def __init__(self, folder, name="ca"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.cert = self.make(self.key.public_key(), self.subject, [(x509.BasicConstraints(True, None), True), (
            x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)])
        write(os.path.join(folder, name + ".pem"), self.pem(self.cert))

    @staticmethod
    def pem(cert):
        return cert.public_bytes(serialization.Encoding.PEM)

    def make(self, public, subject, extensions):
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        b = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject).public_key(public)
             .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
             .not_valid_after(now + timedelta(days=2)))
        for extension, critical in extensions:
            b = b.add_extension(extension, critical)
        return b.sign(self.key, hashes.SHA256())

    def issue(self, name, san, usage):
        key = ec.generate_private_key(ec.SECP256R1())
        cert = self.make(key.public_key(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
                         [(x509.SubjectAlternativeName(san), False), (x509.ExtendedKeyUsage([usage]), False)])
        write(os.path.join(self.folder, name + ".pem"), self.pem(cert))
        write(os.path.join(self.folder, name + ".key"), key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return cert


class World:
    """Keys, people, policy, trust store; and the log with everything the service knows."""

    def __init__(self, folder):
        self.folder = folder
        self.keys = rb.World()
        self.cosigners = []  # (key, name, time): who cosigns every checkpoint
        self.valid_s = 10**9
        self.step_ms = 1  # between two records
        self.cut = False     # every stream that is open breaks
        self.artifacts = {}
        self.records = []   # exact bytes
        self.evidence = {}  # (index, n) -> bytes
        self.releases = {}
        self.posts = []     # (path, headers, body)
        self.answered = {}  # Idempotency-Key -> index
        self.builder = ec.generate_private_key(ec.SECP256R1())
        ca = Certificates(folder)
        Certificates(folder, "other-ca")
        ca.issue("server", [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))],
                 ExtendedKeyUsageOID.SERVER_AUTH)
        for who in ("ci",) + PEOPLE:
            ca.issue(who, [x509.UniformResourceIdentifier("spiffe://example.com/" + who)], ExtendedKeyUsageOID.CLIENT_AUTH)
        self.ssh = {}
        for who in PEOPLE + ("mallory",):
            path = os.path.join(folder, who + ".ssh")
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519" if who != "bob" else "ecdsa", "-N", "", "-C", who, "-f", path],
                           check=True)
            self.ssh[who] = open(path + ".pub").read().strip()
        write(os.path.join(folder, "allowed"), "".join("%s %s\n" % p for p in self.ssh.items()))
        self.policy = json.dumps(self.make_policy(), indent=1).encode()
        write(os.path.join(folder, "policy.json"), self.policy)
        self.store = self.keys.store()
        write(os.path.join(folder, "trust-store.cbor"), self.store)
        self.append({"event": "log.created"}, [b"genesis", b"guards", self.policy])
        self.append({"event": "registrar.started", "random": "ab" * 32}, [])

    def make_policy(self):
        def who(name, role, **more):
            return dict({"id": name, "roles": [role], "credentials": [{"san_uri": "spiffe://example.com/" + name}]}, **more)
        pem = self.builder.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        return {"version": 1, "name": "Example Devices", "vendor_domain": rb.DOMAIN,
                "principals": [who("ci", "submitter")] + [who(p, "approver", approval_keys=[{"ssh": self.ssh[p]}])
                                                          for p in PEOPLE],
                "groups": [{"id": "managers", "members": list(PEOPLE)}],
                "builders": [{"id": BUILDER, "keys": [{"pem": pem}], "products": ["edge-router"],
                              "repositories": [REPOSITORY]}],
                "keys": [{"id": "production", "public_key": {"pem": self.keys.release.pem().decode()},
                          "environment": "production", "products": ["edge-router"], "channels": ["stable"]}],
                "rules": [{"id": "stable", "products": ["edge-router"], "channels": ["stable"], "environment": "production",
                           "key": "production", "submitters": ["ci"], "approvals": {"group": "managers", "count": 2},
                           "provenance": {"builders": [BUILDER]}}]}

    # --- log ---

    def append(self, record, evidence):
        index = len(self.records)
        prev = rb.leaf(self.records[-1]) if self.records else rb.sha(rb.ORIGIN.encode())
        record = dict(record, v=1, idx=index, prev=prev.hex(), t_ms=rb.NOW * 1000 + index * self.step_ms, policy=hexsha(self.policy))
        if evidence:
            record["evidence"] = [hexsha(e) for e in evidence]
        for n, blob in enumerate(evidence):
            self.evidence[(index, n)] = blob
        self.records.append(rb.canonical(record))
        return index

    def leaves(self, records=None):
        return [rb.leaf(r) for r in (self.records if records is None else records)]

    def checkpoint(self, size=None, key=None, records=None):
        return rb.checkpoint(self.keys, self.leaves(records)[:size], key=key, witnesses=self.cosigners)

    def proof(self, index, records=None, key=None):
        records = self.records if records is None else records
        leaves = self.leaves(records)
        return rb.proof(records[index], index, rb.path(index, leaves), self.checkpoint(key=key, records=records)).decode()

    def false_record(self, index, **edit):
        """A proof for a record that was changed, under a checkpoint that really covers it: only comparing helps."""
        record = dict(json.loads(self.records[index]), **edit)
        records = self.records[:index] + [rb.canonical({k: v for k, v in record.items() if v is not None})]
        return self.proof(index, records)

    def consistency(self, old, size):
        def sub(m, leaves, whole):
            if m == len(leaves):
                return [] if whole else [rb.tree(leaves)]
            k = 1 << (len(leaves) - 1).bit_length() - 1
            if m <= k:
                return sub(m, leaves[:k], whole) + [rb.tree(leaves[k:])]
            return sub(m - k, leaves[k:], False) + [rb.tree(leaves[:k])]
        return [] if old in (0, size) else sub(old, self.leaves()[:size], True)

    # --- records as they come ---

    @staticmethod
    def event(index, record):
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (index, json.loads(record)["event"].encode(), record)

    @staticmethod
    def note_event(note):
        return b"event: checkpoint\n" + b"".join(b"data: %s\n" % part for part in note.encode().split(b"\n")) + b"\n"

    def stream(self, start, sleep=0.02):
        """Pieces of an honest stream, without an end."""
        yield b"retry: 100\n: hello\n\n"
        told = -1
        while True:
            size = len(self.records)
            for i in range(start, size):
                yield self.event(i, self.records[i])
            start = max(start, size)
            if told != size:
                yield self.note_event(self.checkpoint(size))
                told = size
            time.sleep(sleep)
            yield b""

    # --- releases ---

    def tbs(self, manifest):
        return rb.enc(["Signature1", rb.enc({1: -9}), b"", rb.enc([-16, rb.suit_digest(manifest)])])

    def submit(self, document, attestations):
        request = json.loads(base64.b64decode(json.loads(document)["payload"]))
        index = len(self.records)
        image = [{"data": self.artifacts[a["sha256"]], "uri": a.get("uri", a["name"])} for a in request["artifacts"]]
        classes = [rb.class_id("edge-router", h["model"], h["revision"], r) for h in request["hardware"]
                   for r in request["regions"]]
        manifest = rb.manifest(sequence=12 + index, classes=classes, images=image)
        key = self.keys.release.key_id.hex()
        expires = rb.NOW + self.valid_s
        record = {"event": "release.submitted", "actor": "ci", "release": "r%d" % index, "state": "submitted",
                  "product": request["product"], "version": request["version"], "channel": request["channel"],
                  "environment": "production", "sequence": 12 + index, "expires_s": expires,
                  "artifacts": [a["sha256"] for a in request["artifacts"]], "manifest": rb.suit_digest(manifest).hex(),
                  "keys": [{"mechanism": "ESP256", "spki": key, "tbs": hexsha(self.tbs(manifest)), "token": "01"}]}
        self.append(record, [document.encode(), manifest] + [a.encode() for a in attestations])
        statement = self.statement(index, request, manifest, expires)
        self.releases[index] = {"request": request, "document": document, "attestations": attestations, "manifest": manifest,
                                "statement": statement, "approvals": [], "state": "submitted", "records": [index],
                                "record": record}
        return index

    def statement(self, index, request, manifest, expires, **edit):
        lines = [("origin", rb.ORIGIN), ("submitted", rb.leaf(self.records[index]).hex()), ("release", "r%d" % index)]
        lines += [(n, request[n]) for n in ("product", "version", "channel")] + [("environment", "production")]
        lines += [("hardware", "%s/%s" % (h["model"], h["revision"])) for h in request["hardware"]]
        lines += [("region", r) for r in request["regions"]] + [("sequence", str(12 + index))]
        lines += [("repository", REPOSITORY), ("ref", "refs/tags/v2.1.0"), ("commit", COMMIT), ("builder", BUILDER)]
        lines += [("artifact", "sha256:%s %d %s" % (a["sha256"], a["size"], a["name"])) for a in request["artifacts"]]
        lines += [("manifest", "sha256:" + rb.suit_digest(manifest).hex()), ("policy", "sha256:" + hexsha(self.policy)),
                  ("sign", "sha256:%s ESP256 sha256:%s" % (self.keys.release.key_id.hex(), hexsha(self.tbs(manifest)))),
                  ("expires", rfc3339(expires))]
        return "release-approval/v1\n" + "".join("%s %s\n" % (n, edit.get(n, v)) for n, v in lines)

    def about(self, index, event, evidence, **more):
        """A record about a release."""
        r = self.releases[index]
        base = {n: r["record"][n] for n in ("release", "product", "version", "channel", "environment")}
        idx = self.append(dict(base, event=event, **more), evidence)
        r["records"].append(idx)
        r["state"] = more.get("state", r["state"])
        return idx

    def key_id(self, who):
        public = serialization.load_ssh_public_key(self.ssh[who].encode())
        return hexsha(public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))

    def approve(self, index, document):
        """Believes only what ssh-keygen accepts."""
        r = self.releases[index]
        doc = json.loads(document)
        if base64.b64decode(doc["payload"]).decode() != r["statement"]:
            return None
        sig = write(os.path.join(self.folder, "approval.sig"), doc["sshsig"])
        who = [w for w in self.ssh if subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-f", os.path.join(self.folder, "allowed"), "-I", w, "-n", "hallmark-approval",
             "-s", sig], input=r["statement"].encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0]
        if not who or who[0] in r["approvals"]:
            return None
        r["approvals"].append(who[0])
        r.setdefault("approval_documents", []).append(document)
        state = "approved" if len(r["approvals"]) > 1 else "submitted"
        return self.about(index, "approval.recorded", [document.encode()], actor=who[0], state=state,
                          manifest=r["record"]["manifest"], statement=hexsha(r["statement"].encode()),
                          approver_key=self.key_id(who[0]))

    def sign(self, index):
        r = self.releases[index]
        envelope = rb.signed(r["manifest"], [lambda item: rb.sign1(self.keys.release, item)], tag=107)
        common = {n: r["record"][n] for n in ("sequence", "manifest", "keys")}
        intent = self.about(index, "sign.intended", [], state="signing", store_epoch=3,
                            statement=hexsha(r["statement"].encode()), **common)
        r["envelope"] = envelope
        r["signed"] = self.about(index, "release.signed", [envelope], state="signed", store_epoch=3, intent=intent,
                                 outcome="ok", artifacts=r["record"]["artifacts"], **common)
        return r["signed"]


class Problem(Exception):
    def __init__(self, status, name, detail="", **more):
        super().__init__(name)
        self.status = status
        self.body = dict({"type": "urn:hallmark:problem:" + name, "title": name, "status": status, "detail": detail}, **more)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world = None
    liar = None  # the test's function (name, value, context) -> value

    def log_message(self, *args):
        pass

    def tell(self, name, value, **context):
        """Every answer passes here; the test may falsify it."""
        return type(self).liar(name, value, context) if type(self).liar else value

    def send(self, status, body, kind="application/json", headers=()):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_one(self):
        path, _, query = self.path.partition("?")
        q = dict(p.split("=", 1) for p in query.split("&") if "=" in p)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        forced = self.tell("status", None, method=self.command, path=path)
        if forced:
            return self.send(*forced)
        try:
            for method, pattern, function in ROUTES:
                m = re.fullmatch(pattern, path)
                if m and method == self.command:
                    return function(self, q, body, *m.groups())
            raise Problem(404, "not-found", "no such thing")
        except Problem as p:
            self.send(p.status, json.dumps(p.body), "application/problem+json")

    do_GET = do_HEAD = do_PUT = do_POST = handle_one

    # --- answers ---

    def put_artifact(self, q, body, digest):
        if hexsha(body) != digest:
            raise Problem(422, "digest-mismatch")
        self.world.artifacts[digest] = body
        self.send(201, "{}")

    def get_artifact(self, q, body, digest):
        if digest not in self.world.artifacts:
            raise Problem(404, "not-found")
        self.send(200, self.tell("artifact", self.world.artifacts[digest]), "application/octet-stream")

    def acknowledge(self, status, index, release, **more):
        w = self.world
        ack = dict({"release": "r%d" % release, "state": json.loads(w.records[index])["state"], "index": index,
                    "proof": w.proof(index)}, **more)
        ack = self.tell("ack", ack, index=index, path=self.path)
        self.send(status, ack if isinstance(ack, (bytes, str)) else json.dumps(ack))

    def post_release(self, q, body):
        w = self.world
        w.posts.append((self.path, dict(self.headers), body))
        self.tell("post", body)
        doc = json.loads(body)
        index = w.submit(doc["request"], doc["attestations"])
        self.acknowledge(201, index, index, statement=w.releases[index]["statement"])

    def release(self, number):
        try:
            return self.world.releases[int(number)]
        except KeyError:
            raise Problem(404, "not-found") from None

    def get_releases(self, q, body):
        items = [self.view(i) for i in sorted(self.world.releases, reverse=True)]
        self.send(200, json.dumps({"items": items, "log_size": len(self.world.records)}))

    def view(self, index):
        r = self.world.releases[index]
        return {"id": "r%d" % index, "state": r["state"], "product": r["request"]["product"],
                "version": r["request"]["version"], "channel": "stable", "environment": "production", "submitter": "ci",
                "sequence": 12 + index, "submitted": rfc3339(rb.NOW), "changed": rfc3339(rb.NOW),
                "expires": rfc3339(rb.NOW + self.world.valid_s), "approvals": len(r["approvals"]), "manifest": r["record"]["manifest"],
                "records": r["records"], "log_size": len(self.world.records)}

    def get_release(self, q, body, number):
        self.release(number)
        view = self.view(int(number))
        etag = '"%d"' % view["records"][-1]
        if self.headers.get("If-None-Match") == etag:
            time.sleep(0.3)
            return self.send(304, b"", headers=[("ETag", etag)])
        self.send(200, json.dumps(self.tell("release", view)), headers=[("ETag", etag)])

    def get_statement(self, q, body, number):
        r = self.release(number)
        self.send(200, self.tell("statement", r["statement"], index=int(number)), "text/plain")

    def get_manifest(self, q, body, number):
        self.send(200, self.tell("manifest", self.release(number)["manifest"], index=int(number)), "application/octet-stream")

    def post_approval(self, q, body, number):
        self.release(number)
        key = self.headers["Idempotency-Key"]
        self.world.posts.append((self.path, dict(self.headers), body))
        self.tell("post", body)
        if key in self.world.answered:  # whatever became of the release since
            return self.acknowledge(201, self.world.answered[key], int(number))
        index = self.world.approve(int(number), body.decode())
        if index is None:
            raise Problem(403, "signature", "the signature does not verify")
        self.world.answered[key] = index
        self.acknowledge(201, index, int(number))

    def post_decision(self, q, body, number, kind):
        self.release(number)
        word = {"rejection": "rejected", "cancellation": "cancelled"}[kind]
        index = self.world.about(int(number), "release." + word, [body], state=word)
        self.acknowledge(200, index, int(number))

    def post_signature(self, q, body, number):
        r = self.release(number)
        if r["state"] != "approved" and "signed" not in r:
            raise Problem(409, "state", "r%s is %s" % (number, r["state"]))
        index = r["signed"] if "signed" in r else self.world.sign(int(number))
        self.acknowledge(200, index, int(number), envelope=rb.b64(r["envelope"]))

    def get_bundle(self, q, body, number):
        r = self.release(number)
        if "signed" not in r:
            raise Problem(409, "state", "not signed")
        w = self.world
        bundle = {"release": "r" + number, "manifest.suit": rb.b64(r["envelope"]),
                  "release.tlog-proof": w.proof(r["signed"]), "statement": r["statement"],
                  "artifacts": [{n: a[n] for n in ("name", "sha256", "size")} for a in r["request"]["artifacts"]],
                  "attestations": r["attestations"], "approvals": r["approval_documents"],
                  "trust_store": rb.b64(w.store), "request": r["document"]}
        self.send(200, json.dumps(self.tell("bundle", bundle, index=int(number))))

    def get_policy(self, q, body):
        self.send(200, self.tell("policy", self.world.policy))

    def get_checkpoint(self, q, body):
        self.send(200, self.tell("checkpoint", self.world.checkpoint()), "text/plain")

    def get_entries(self, q, body):
        records = list(enumerate(self.tell("entries", list(self.world.records))))
        if q.get("order") == "desc":
            records.reverse()
        after, limit = q.get("after"), int(q.get("limit", 100))
        if after is not None:
            records = [r for r in records if (r[0] < int(after) if q.get("order") == "desc" else r[0] > int(after))]
        for name in ("event", "product", "version", "channel", "environment", "actor", "outcome", "release"):
            records = [r for r in records if name not in q or json.loads(r[1]).get(name) == q[name]]
        for name, fits in (("since", lambda r, t: r["t_ms"] >= t), ("until", lambda r, t: r["t_ms"] < t)):
            records = [r for r in records if name not in q or fits(json.loads(r[1]), unix(q[name]) * 1000)]
        records = self.tell("picked", records, q=q)
        page = records[:min(limit, 3)]  # small pages, so that cursors are used
        headers = [("Hallmark-Log-Size", self.tell("log-size", str(len(self.world.records))))]
        if len(records) > len(page):
            headers.append(("Hallmark-Next", str(page[-1][0])))
        self.send(200, b"".join(r[1] + b"\n" for r in page), "application/jsonl", headers)

    def get_follow(self, q, body):
        """A piece is bytes; None cuts the connection; the end of the pieces is the end of the stream."""
        start = int(q["from"])
        pieces = self.tell("stream", None, start=start) or self.world.stream(start)
        self.send_response(200)
        self.send_header("Content-Type", self.tell("stream-type", "text/event-stream"))
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            if piece is None or self.world.cut:
                self.close_connection = True
                self.connection.shutdown(2)
                return
            if piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def get_proof(self, q, body, number):
        if int(number) >= len(self.world.records):
            raise Problem(404, "not-found")
        self.send(200, self.tell("proof", self.world.proof(int(number)), index=int(number)), "text/plain")

    def get_evidence(self, q, body, number, n):
        blob = self.world.evidence.get((int(number), int(n)))
        if blob is None:
            raise Problem(404, "not-found")
        self.send(200, self.tell("evidence", blob, index=int(number), n=int(n)), "application/octet-stream")

    def get_consistency(self, q, body):
        old, size = int(q["old"]), int(q["size"])
        if not 0 <= old <= size <= len(self.world.records):
            raise Problem(400, "bad-parameter")
        self.send(200, json.dumps({"old": old, "size": size,
                                   "hashes": [rb.b64(h) for h in self.world.consistency(old, size)]}))


ROUTES = [
    ("PUT", r"/v1/artifacts/sha256:([0-9a-f]{64})", Handler.put_artifact),
    ("HEAD", r"/v1/artifacts/sha256:([0-9a-f]{64})", Handler.get_artifact),
    ("GET", r"/v1/artifacts/sha256:([0-9a-f]{64})", Handler.get_artifact),
    ("POST", r"/v1/releases", Handler.post_release),
    ("GET", r"/v1/releases", Handler.get_releases),
    ("GET", r"/v1/releases/r(\d+)", Handler.get_release),
    ("GET", r"/v1/releases/r(\d+)/statement", Handler.get_statement),
    ("GET", r"/v1/releases/r(\d+)/manifest", Handler.get_manifest),
    ("POST", r"/v1/releases/r(\d+)/approvals", Handler.post_approval),
    ("POST", r"/v1/releases/r(\d+)/(rejection|cancellation)", Handler.post_decision),
    ("POST", r"/v1/releases/r(\d+)/signature", Handler.post_signature),
    ("GET", r"/v1/releases/r(\d+)/bundle", Handler.get_bundle),
    ("GET", r"/v1/policy", Handler.get_policy),
    ("GET", r"/v1/log/checkpoint", Handler.get_checkpoint),
    ("GET", r"/v1/log/entries", Handler.get_entries),
    ("GET", r"/v1/log/follow", Handler.get_follow),
    ("GET", r"/v1/log/entries/(\d+)/proof", Handler.get_proof),
    ("GET", r"/v1/log/entries/(\d+)/evidence/(\d+)", Handler.get_evidence),
    ("GET", r"/v1/log/consistency", Handler.get_consistency),
]
