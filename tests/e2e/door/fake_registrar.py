"""A registrar for tests of the door: speaks the frames of server/ipc/ipc_ops.h from data made here.

It decides nothing. Its other use is to misbehave: to be silent, to die in the middle of a call, or to
show a log that does not match its own signed checkpoints."""
import array
import base64
import hashlib
import json
import os
import socket
import struct
import threading
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ORIGIN = "hallmark.test/door"
POLICY_CHANGES = (*range(21, 27), 40)  # and erasures, which are asked for in the same form
POLICY_PROPOSE, POLICY_APPROVE = 21, 22
COSIGN = 27
(HELLO, STATUS, IDENTIFY, SUBMIT, ART_PUT, ART_OPEN, APPROVE, REJECT, CANCEL, SIGN, STATEMENT, RECORDS,
 EVIDENCE, PROOF, CONSISTENCY, CHECKPOINT, POLICY, TRUST_STORE, KEYS, DETAIL) = range(1, 21)
E_MALFORMED, E_SIGNATURE, E_NOT_FOUND, E_UNAVAILABLE, E_FULL = 1, 4, 6, 11, 14
SUBMITTER, APPROVER, AUDITOR, ADMINISTRATOR, CUSTODIAN = 1, 2, 4, 8, 16


def sha(data):
    return hashlib.sha256(data).digest()


def u64(v):
    return struct.pack(">Q", v)


def blob(v):
    if isinstance(v, str):
        v = v.encode()
    return struct.pack(">I", len(v)) + v


class Reader:
    def __init__(self, body):
        self.body, self.at = body, 0

    def raw(self, n):
        out = self.body[self.at:self.at + n]
        if len(out) != n:
            raise ValueError("short message")
        self.at += n
        return out

    def u64(self):
        return struct.unpack(">Q", self.raw(8))[0]

    def blob(self):
        return self.raw(struct.unpack(">I", self.raw(4))[0])

    def caller(self):
        fingerprint = self.raw(32)
        return fingerprint, [self.blob().decode() for _ in range(self.u64())]


class Tree:
    """RFC 6962, written down as the RFC has it."""

    @staticmethod
    def leaf(data):
        return sha(b"\0" + data)

    @staticmethod
    def split(n):
        k = 1
        while k * 2 < n:
            k *= 2
        return k

    @classmethod
    def root(cls, leaves):
        if not leaves:
            return sha(b"")
        if len(leaves) == 1:
            return leaves[0]
        k = cls.split(len(leaves))
        return sha(b"\1" + cls.root(leaves[:k]) + cls.root(leaves[k:]))

    @classmethod
    def path(cls, m, leaves):
        if len(leaves) <= 1:
            return []
        k = cls.split(len(leaves))
        if m < k:
            return cls.path(m, leaves[:k]) + [cls.root(leaves[k:])]
        return cls.path(m - k, leaves[k:]) + [cls.root(leaves[:k])]

    @classmethod
    def proof(cls, m, leaves, whole=True):
        n = len(leaves)
        if m == n:
            return [] if whole else [cls.root(leaves)]
        k = cls.split(n)
        if m <= k:
            return cls.proof(m, leaves[:k], whole) + [cls.root(leaves[k:])]
        return cls.proof(m - k, leaves[k:], False) + [cls.root(leaves[:k])]

    @classmethod
    def consistency(cls, m, leaves):
        return [] if m in (0, len(leaves)) else cls.proof(m, leaves)


class Log:
    def __init__(self, origin=ORIGIN, seed=b"\x07" * 32):
        self.origin = origin
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = sha(origin.encode() + b"\n\x01" + public)[:4]
        self.vkey = "%s+%s+%s" % (origin, self.key_id.hex(), base64.b64encode(b"\1" + public).decode())
        self.records, self.leaves, self.evidence = [], [], {}
        self.grown = threading.Condition()
        self.t_ms = 1_790_000_000_000

    def add(self, event, evidence=(), **members):
        with self.grown:
            idx = len(self.records)
            self.t_ms += 1000
            record = {"v": 1, "idx": idx, "t_ms": self.t_ms, "event": event,
                      "prev": (self.leaves[-1] if idx else sha(self.origin.encode())).hex()}
            if evidence:
                record["evidence"] = [sha(e).hex() for e in evidence]
            record.update(members)
            data = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
            # The record comes last: it makes the size, and others read the rest up to there without the lock.
            self.evidence[idx] = list(evidence)
            self.leaves.append(Tree.leaf(data))
            self.records.append(data)
            self.grown.notify_all()
        return idx

    def note(self, size=None, root=None):
        size = len(self.records) if size is None else size
        root = Tree.root(self.leaves[:size]) if root is None else root
        body = "%s\n%d\n%s\n" % (self.origin, size, base64.b64encode(root).decode())
        sig = base64.b64encode(self.key_id + self.key.sign(body.encode())).decode()
        return (body + "\n\u2014 %s %s\n" % (self.origin, sig)).encode()

    def tlog_proof(self, idx):
        size = len(self.records)
        lines = ["c2sp.org/tlog-proof@v1", "extra " + base64.b64encode(self.records[idx]).decode(), "index %d" % idx]
        lines += [base64.b64encode(h).decode() for h in Tree.path(idx, self.leaves[:size])]
        return ("\n".join(lines) + "\n\n").encode() + self.note(size)


HEX = "ab" * 32
RELEASE_KEYS = [{"mechanism": "ESP256", "spki": "11" * 32, "tbs": "22" * 32, "token": "serial-1"}]


def statement(log, release, artifact, size, version):
    return "".join(line + "\n" for line in [
        "release-approval/v1", "origin " + log.origin, "submitted " + log.leaves[release].hex(), "release r%d" % release,
        "product edge-router", "version " + version, "channel stable", "environment production",
        "hardware er-100/b", "region world", "sequence 1", "repository -", "ref -", "commit -", "builder -",
        "artifact sha256:%s %d firmware.bin" % (artifact, size), "manifest sha256:" + HEX, "policy sha256:" + HEX,
        "sign sha256:%s ESP256 sha256:%s" % ("11" * 32, "22" * 32), "expires 2030-01-01T00:00:00Z"]).encode()


def founded(**kw):
    """A log with a beginning, one signed release (r4) and one open release (r8)."""
    log = Log(**kw)
    log.statements = {}
    log.add("log.created", [b"genesis", b"guards", b"policy"])
    log.add("policy.activated", [b"policy"], policy=HEX)
    log.add("trust_store.published", [b"store"], environment="production", policy=HEX)
    log.add("registrar.started", policy=HEX, random="cd" * 32)
    about = dict(product="edge-router", version="2.1.0", channel="stable", environment="production", policy=HEX)
    first = dict(about, release="r4")
    artifact = sha(b"firmware").hex()
    log.add("release.submitted", [b'{"signed":"request"}', b"manifest-bytes", b'{"dsse":1}', b'{"dsse":"\xc3\xa9"}'],
            actor="ci", state="submitted", sequence=1, expires_s=1893456000, artifacts=[artifact], manifest=HEX, keys=RELEASE_KEYS,
            **first)
    log.statements[4] = statement(log, 4, artifact, 8, "2.1.0")
    log.add("approval.recorded", [b'{"signed":"approval"}'], actor="alice", state="approved", manifest=HEX,
            statement=HEX, approver_key="33" * 32, **first)
    log.add("sign.intended", state="signing", sequence=1, manifest=HEX, statement=HEX, keys=RELEASE_KEYS, store_epoch=1, **first)
    log.add("release.signed", [b"\xd8\x6benvelope"], state="signed", sequence=1, manifest=HEX, keys=RELEASE_KEYS, store_epoch=1,
            intent=6, outcome="ok", artifacts=[artifact], **first)
    submit(log, "2.2.0")
    return log


def submit(log, version):
    idx = len(log.records)
    artifact = sha(b"other").hex()
    log.add("release.submitted", [b'{"signed":"request 2"}', b"manifest 2"], actor="ci", state="submitted", sequence=2,
            expires_s=1893456000, artifacts=[artifact], manifest=HEX, keys=RELEASE_KEYS, release="r%d" % idx, product="edge-router",
            version=version, channel="stable", environment="production", policy=HEX)
    log.statements[idx] = statement(log, idx, artifact, 5, version)
    return idx


class Closed(Exception):
    pass


class FakeRegistrar:
    def __init__(self, path, log=None, people=(), lie=None):
        self.path, self.log = path, log or founded()
        self.people = dict(people)  # SAN URI -> (principal, roles)
        self.artifacts = {}   # hex -> bytes
        self.bodies = []      # (op, key, if-match, body) of every change that came in
        self.silent = set()   # operations that are never answered
        self.die_on = set()   # operations after whose arrival every connection is dropped
        self.garbage = set()  # operations answered with rubbish
        self.wanted = None    # hex digests that a submission needs
        self.ready, self.reason = 1, ""
        self.cosigned = b""  # the newest note that witnesses have cosigned
        self.noted = set()    # sizes whose checkpoints were stored on the way
        self.lie = lie and lie(self.log)  # function (first, records, note, size) -> the same, changed
        self.answer_status = None  # of changes; None: what the real one gives
        self.calls = {}
        self.policy, self.stores = b'{"version":1}', {"production": b"\xa1\x01\x01"}
        self.told = []    # (witness, size, lines, trouble) of what the door told about them
        self.believes = True  # cosignatures; None: they count for nobody
        self.socks, self.listener, self.lock = set(), None, threading.Lock()
        self.start()

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o666)
        self.listener.listen(256)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        listener, self.listener = self.listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            os.unlink(self.path)
        self.drop()

    def drop(self):
        with self.lock:
            socks, self.socks = self.socks, set()
        for s in socks:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self, listener):
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                if self.listener is not listener:  # stopped in between
                    s.close()
                    return
                self.socks.add(s)
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def recv(self, s, n, fds):
        out = b""
        while len(out) < n:
            data, anc, _, _ = s.recvmsg(n - len(out), socket.CMSG_SPACE(4))
            for level, kind, payload in anc:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    got = array.array("i")
                    got.frombytes(payload[:4])
                    fds.append(got[0])
            if not data:
                raise Closed()
            out += data
        return out

    def serve(self, s):
        try:
            while True:
                fds = []
                length, op = struct.unpack(">IH", self.recv(s, 6, fds))
                body = self.recv(s, length, fds)
                self.one(s, op, body, fds)
        except (Closed, OSError):
            pass
        finally:
            with self.lock:
                self.socks.discard(s)
            s.close()

    def one(self, s, op, body, fds):
        self.calls[op] = self.calls.get(op, 0) + 1
        if op in self.die_on:
            self.drop()
            raise Closed()
        if op in self.silent:
            while op in self.silent:
                time.sleep(0.05)
            raise Closed()
        fd = None
        try:
            code, reply = 0, self.handle(op, Reader(body), fds)
            if isinstance(reply, tuple):
                reply, fd = reply
        except LookupError as e:
            code, reply = E_NOT_FOUND, str(e).encode()
        except PermissionError as e:
            code, reply = E_SIGNATURE, str(e).encode()
        if op in self.garbage:
            reply = b"\xff" * 37
        frame = struct.pack(">IH", len(reply), code) + reply
        anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
        sent = s.sendmsg([frame], anc)
        s.sendall(frame[sent:])
        for f in fds + ([fd] if fd is not None else []):
            os.close(f)

    def who(self, caller):
        for uri in caller[1]:
            if uri in self.people:
                return self.people[uri]
        raise LookupError("no principal has this certificate")

    def answer(self, status, body, etag="", size=None, retry=0, missing=(), kind="application/json"):
        size = len(self.log.records) if size is None else size
        return (u64(status) + blob(kind) + blob(etag) + u64(retry) + u64(size) + blob(body) + u64(len(missing)) +
                b"".join(bytes.fromhex(m) for m in missing))

    def handle(self, op, r, fds):
        log = self.log
        if op == HELLO:
            return blob(log.origin) + blob(log.vkey)
        if op == STATUS:
            n = len(log.records)
            return u64(self.ready) + blob(self.reason) + u64(n) + u64(n) + u64(0) + blob("")
        if op == IDENTIFY:
            if r.body[:32] == bytes(32):
                raise LookupError("token: not signed by a key of its issuer")
            principal, roles = self.who(r.caller())
            return blob(principal) + blob("Name of " + principal) + u64(roles) + bytes.fromhex(HEX)
        if op == SUBMIT:
            return self.submit(r)
        if op == ART_PUT:
            return self.put(r, fds)
        if op == ART_OPEN:
            return self.open(r)
        if op in (APPROVE, REJECT, CANCEL, SIGN) or op in POLICY_CHANGES:
            r.caller()
            key, match, release, body = r.blob().decode(), r.blob().decode(), r.u64(), r.blob()
            self.bodies.append((op, key, match, body))
            status = 201 if op in (APPROVE, POLICY_PROPOSE, POLICY_APPROVE) else 200
            return self.answer(status if self.answer_status is None else self.answer_status, json.dumps({"release": "r%d" % release}), etag='"9"')
        if op == STATEMENT:
            return blob(log.statements[r.u64()])
        if op == RECORDS:
            return self.stream(r.u64(), r.u64(), r.u64())
        if op == EVIDENCE:
            idx, n = r.u64(), r.u64()
            return blob(log.evidence[idx][n])
        if op == PROOF:
            return blob(log.tlog_proof(r.u64()))
        if op == CONSISTENCY:
            old, size = r.u64(), r.u64()
            path = Tree.consistency(old, log.leaves[:size])
            return u64(len(path)) + b"".join(path)
        if op == CHECKPOINT:
            return blob(log.note())
        if op == POLICY:
            return blob(self.policy)
        if op == TRUST_STORE:
            name = r.blob().decode()
            if name not in self.stores:
                raise LookupError("no trust store for this environment")
            return blob(self.stores[name])
        if op == COSIGN:
            self.told.append((r.blob().decode(), r.u64(), r.blob(), r.blob().decode()))
            if self.told[-1][2] and self.believes is None:
                raise LookupError("nobody names this witness")
            if self.told[-1][2] and not self.believes:
                raise PermissionError("answers with a cosignature that does not verify")
            return blob(b"")
        if op == KEYS:
            return blob(json.dumps({"origin": log.origin, "log_key": log.vkey, "keys": []}))
        raise Closed()

    def submit(self, r):
        r.caller()
        key, body = r.blob().decode(), r.blob()
        missing = [d for d in (self.wanted or []) if d not in self.artifacts]
        if missing:
            return self.answer(0, b"", missing=missing, size=0, kind="")
        self.bodies.append((SUBMIT, key, "", body))
        idx = submit(self.log, "3.0.%d" % len(self.log.records))
        return self.answer(201, json.dumps({"release": "r%d" % idx, "state": "submitted", "index": idx}),
                           etag='"%d"' % idx)

    def put(self, r, fds):
        digest, size = r.raw(32), r.u64()
        data = b""
        while chunk := os.pread(fds[0], 1 << 20, len(data)):
            data += chunk
        if sha(data) != digest or len(data) != size:
            raise PermissionError("other bytes")
        self.artifacts[digest.hex()] = data
        return b""

    def open(self, r):
        data = self.artifacts[r.raw(32).hex()]
        fd = os.memfd_create("artifact")
        os.write(fd, data)
        os.lseek(fd, 0, os.SEEK_SET)
        return u64(len(data)), fd

    def stream(self, first, count, wait_ms):
        log, until = self.log, time.monotonic() + wait_ms / 1000
        with log.grown:
            while len(log.records) <= first and self.listener and time.monotonic() < until:
                log.grown.wait(0.2)
            size = len(log.records)
            records = log.records[first:min(first + count, size)]
        note = log.note(size)
        if self.lie:
            first, records, note, size = self.lie(first, records, note, size)
        notes = [log.note(n) for n in sorted(self.noted) if first < n <= first + len(records)]
        return (u64(size) + blob(note) + blob(self.cosigned) + u64(len(records)) + b"".join(blob(x) for x in records) + u64(len(notes)) +
                b"".join(blob(x) for x in notes))


if __name__ == "__main__":
    import sys
    reg = FakeRegistrar(sys.argv[1])
    for entry in sys.argv[2:]:
        uri, principal, roles = entry.rsplit("=", 2)
        reg.people[uri] = (principal, int(roles))
    while True:
        time.sleep(60)
