"""A rehearsal for the signer's tests: real SoftHSM tokens, a ceremony, a running hallmark-signer, and the frames of its
socket spoken by hand (docs/formats/ipc.md), so that nothing here depends on our own C code."""
import base64
import hashlib
import json
import os
import pathlib
import pwd
import shutil
import socket
import struct
import subprocess
import tempfile
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

BUILD = pathlib.Path(os.environ.get("HALLMARK_BUILD", "build"))
MODULE = next((p for p in ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
               if os.path.exists(p)), None)
SERVICE_USER = "nobody" if os.geteuid() == 0 else None
PROTOCOL = 2  # IPC_PROTOCOL of server/ipc/ipc_ops.h
HELLO, CHECKPOINT, SIGN = 1, 2, 3
LF = b"\n"
ORIGIN = "hallmark.example/rehearsal"
PIN = "271828"


# Matters to sanitized builds only: a leak inside SoftHSM, see the file.
os.environ.setdefault("ASAN_OPTIONS", "fast_unwind_on_malloc=0")
os.environ.setdefault("LSAN_OPTIONS", "print_suppressions=0:suppressions=" + str(
    pathlib.Path(__file__).resolve().parents[2] / "unit/hsm/lsan.supp"))


def sha256(data):
    return hashlib.sha256(data).digest()


# --- frames ---------------------------------------------------------------------------------------------------

def u64(value):
    return struct.pack(">Q", value)


def blob(data):
    return struct.pack(">I", len(data)) + data


def group(items):
    return u64(len(items)) + b"".join(items)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        out = self.data[self.at:self.at + n]
        assert len(out) == n, "reply is too short"
        self.at += n
        return out

    def u64(self):
        return struct.unpack(">Q", self.take(8))[0]

    def blob(self):
        return self.take(struct.unpack(">I", self.take(4))[0])

    def text(self):
        return self.blob().decode()

    def end(self):
        assert self.at == len(self.data), "reply is too long"


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__(f"{code}: {text}")
        self.code, self.text = code, text


class Closed(Exception):
    pass


class Client:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(str(path))

    def close(self):
        self.sock.close()

    def _exact(self, n):
        out = b""
        while len(out) < n:
            try:
                part = self.sock.recv(n - len(out))
            except ConnectionResetError:
                part = b""
            if not part:
                raise Closed()
            out += part
        return out

    def call(self, op, body=b""):
        try:
            self.sock.sendall(struct.pack(">IH", len(body), op) + body)
        except BrokenPipeError:
            raise Closed() from None
        length, code = struct.unpack(">IH", self._exact(6))
        reply = self._exact(length)
        if code != 0:
            raise Refused(code, reply.decode())
        return Reader(reply)

    def hello(self, protocol=PROTOCOL):
        r = self.call(HELLO, u64(protocol))
        out = {"origin": r.text(), "vkey": r.text(), "log_serial": r.text(), "size": r.u64(), "root": r.take(32),
               "note": r.blob(), "guards": r.blob()}
        out["keys"] = [(r.take(32), r.blob(), r.text()) for _ in range(r.u64())]
        r.end()
        return out

    def checkpoint(self, size, root, old, proof):
        r = self.call(CHECKPOINT, u64(size) + root + u64(old) + group(proof))
        note = r.blob()
        r.end()
        return note

    def sign(self, items):
        r = self.call(SIGN, group(items))
        out = [(r.u64(), r.blob()) for _ in range(r.u64())]
        r.end()
        return out


# --- a log of our own ----------------------------------------------------------------------------------------

def node(left, right):
    return sha256(b"\x01" + left + right)


def leaf(record):
    return sha256(b"\x00" + record)


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


class Log:
    """RFC 6962 by its own recursive definitions."""

    def __init__(self, origin=ORIGIN):
        self.origin, self.records, self.leaves, self.memo = origin, [], [], {}

    def copy(self, size=None):
        other = Log(self.origin)
        other.records, other.leaves = self.records[:size], self.leaves[:size]
        return other

    def mth(self, a, b):
        if b - a == 1:
            return self.leaves[a]
        if a == b:
            return sha256(b"")
        if (a, b) not in self.memo:
            k = split(b - a)
            self.memo[a, b] = node(self.mth(a, a + k), self.mth(a + k, b))
        return self.memo[a, b]

    def root(self, size=None):
        return self.mth(0, len(self.leaves) if size is None else size)

    def inclusion(self, m, a, b):
        if b - a == 1:
            return []
        k = split(b - a)
        if m < k:
            return self.inclusion(m, a, a + k) + [self.mth(a + k, b)]
        return self.inclusion(m - k, a + k, b) + [self.mth(a, a + k)]

    def consistency(self, old, size):
        if old == 0 or old == size:
            return []
        return self._sub(old, 0, size, True)

    def _sub(self, m, a, b, whole):
        if m == b - a:
            return [] if whole else [self.mth(a, b)]
        k = split(b - a)
        if m <= k:
            return self._sub(m, a, a + k, whole) + [self.mth(a + k, b)]
        return self._sub(m - k, a + k, b, False) + [self.mth(a, a + k)]

    def append(self, **members):
        record = {"v": 1, "idx": len(self.records), "t_ms": 1_790_000_000_000 + len(self.records),
                  "prev": (self.leaves[-1] if self.leaves else sha256(self.origin.encode())).hex(), **members}
        raw = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
        return self.append_raw(raw)

    def append_raw(self, raw):
        self.records.append(raw)
        self.leaves.append(leaf(raw))
        return len(self.records) - 1


# --- approvals ------------------------------------------------------------------------------------------------

class Approver:
    def __init__(self, kind="ed25519"):
        self.kind = kind
        self.key = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())

    def pem(self):
        return self.key.public_key().public_bytes(serialization.Encoding.PEM,
                                                  serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def ssh(self):
        return self.key.public_key().public_bytes(serialization.Encoding.OpenSSH,
                                                  serialization.PublicFormat.OpenSSH).decode()

    def key_object(self):
        return {"ssh": self.ssh()} if self.kind == "ed25519" else {"pem": self.pem()}

    def approve_dsse(self, statement, payload_type="application/vnd.hallmark.release-approval"):
        pae = b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(statement), statement)
        sig = (self.key.sign(pae) if self.kind == "ed25519" else self.key.sign(pae, ec.ECDSA(hashes.SHA256())))
        return json.dumps({"payloadType": payload_type, "payload": base64.b64encode(statement).decode(),
                           "signatures": [{"sig": base64.b64encode(sig).decode()}]}).encode()

    def approve_ssh(self, statement, namespace="hallmark-approval"):
        """With ssh-keygen itself."""
        with tempfile.TemporaryDirectory() as d:
            key = pathlib.Path(d, "key")
            key.touch(0o600)
            key.write_bytes(self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH,
                                                   serialization.NoEncryption()))
            pathlib.Path(d, "s").write_bytes(statement)
            subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", key, f"{d}/s"], check=True,
                           stderr=subprocess.DEVNULL)
            armor = pathlib.Path(d, "s.sig").read_text()
        return json.dumps({"payload": base64.b64encode(statement).decode(), "sshsig": armor}).encode()

    def approve(self, statement):
        return self.approve_ssh(statement) if self.kind == "ed25519" else self.approve_dsse(statement)


class Witness:
    """Name and key of a witness, and its verifier key line (C2SP signed-note, type 0x04)."""

    def __init__(self, name):
        self.name = name
        self.raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    def vkey(self):
        data = b"\x04" + self.raw
        return f"{self.name}+{sha256(self.name.encode() + LF + data)[:4].hex()}+{base64.b64encode(data).decode()}"


# --- the world ------------------------------------------------------------------------------------------------

def as_service(command, **kw):
    """Runs a command as the user that the signer becomes."""
    if SERVICE_USER:
        user = pwd.getpwnam(SERVICE_USER)
        kw.update(user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    return subprocess.run([str(c) for c in command], **kw)


class World:
    """Tokens, ceremony and signer in a folder of their own."""

    def __init__(self, config=None):
        if MODULE is None or shutil.which("softhsm2-util") is None:
            print("skipped: SoftHSM is not installed")
            raise SystemExit(77)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hallmark-signer-"))
        self.process, self.log_file = None, None
        self.tokens = self.dir / "tokens"
        self.tokens.mkdir()
        (self.dir / "softhsm2.conf").write_text(f"directories.tokendir = {self.tokens}\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = str(self.dir / "softhsm2.conf")
        self.approvers = [Approver("ed25519"), Approver("p256"), Approver("ed25519")]
        self.witnesses = [Witness(f"witness.example/w{i}") for i in range(3)]
        self.pin = self.dir / "pin"
        self.pin.touch(0o600)
        self.pin.write_text(PIN + "\n")
        self.state = self.dir / "state"
        self.state.mkdir()
        self.run_dir = self.dir / "run"
        self.run_dir.mkdir()
        self.out = self.dir / "ceremony"
        self.out.mkdir()
        # a copy, since the service's user may not be allowed into the folder that the tree lies in
        self.ceremony_program = shutil.copy(BUILD / "bin/hallmark-ceremony", self.dir / "hallmark-ceremony")
        self.own()
        for label in ("root", "log", "production", "development"):
            as_service(["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "314159"],
                       check=True, stdout=subprocess.DEVNULL)
        self.ceremony_config = config or self.default_ceremony()

    def own(self):
        if SERVICE_USER:
            subprocess.run(["chown", "-R", SERVICE_USER, self.dir], check=True)

    def default_ceremony(self):
        def key(label, name, environment, guard, file=None):
            out = {"label": label, "pin_file": "pin", "key_label": name, "environment": environment,
                   "products": ["edge-router"], "channels": ["stable"], "guard": guard,
                   "not_before": "2026-01-01T00:00:00Z", "not_after": "2036-01-01T00:00:00Z"}
            if file:
                out["file"] = file
            return out

        hardware = [{"product": "edge-router", "models": ["er-100", "er-200"], "revisions": ["a", "b"],
                     "regions": ["world"]}]
        return {
            "origin": ORIGIN, "vendor_domain": "example.com", "pkcs11_module": MODULE,
            "root": {"tokens": [{"label": "root", "pin_file": "pin", "key_label": "root"}], "threshold": 1},
            "log": {"label": "log", "pin_file": "pin", "key_label": "log"},
            "release_keys": [
                key("production", "production-2026", "production",
                    {"approvals": 2, "approvers": [a.key_object() for a in self.approvers]}, "release.pem"),
                key("development", "development-2026", "development", {"approvals": 0, "approvers": []}),
            ],
            "trust_stores": [
                {"environment": "production", "epoch": 1, "issued": "2026-11-21T00:00:00Z", "hardware": hardware,
                 "witnesses": {"keys": [w.vkey() for w in self.witnesses], "quorum": 2},
                 "floors": [{"product": "edge-router", "model": "er-100", "revision": "b", "region": "world",
                             "sequence": 3}]},
                {"environment": "development", "epoch": 1, "issued": "2026-11-21T00:00:00Z", "hardware": hardware},
            ],
        }

    def ceremony(self, *args, expect=0):
        path = self.dir / "ceremony.json"
        path.write_text(json.dumps(self.ceremony_config))
        path.chmod(0o644)
        run = as_service([self.ceremony_program, *args, "--config", path, "--out", self.out],
                         capture_output=True, text=True)
        assert run.returncode == expect, (run.returncode, run.stdout, run.stderr)
        return run

    def full_ceremony(self):
        policy = self.dir / "policy.json"
        policy.write_text(json.dumps({"version": 1, "name": "a policy"}))
        return self.ceremony("run", "--policy", policy)

    def signer_config(self, **changes):
        config = {"socket": str(self.run_dir / "signer.sock"), "state_dir": str(self.state),
                  "guards": str(self.out / "guards.cbor"), "root_keys": str(self.out / "root-keys.json"),
                  "pkcs11_module": MODULE,
                  "log_token": {"label": "log", "pin_file": "pin", "key_label": "log"},
                  "release_tokens": [{"label": "production", "pin_file": "pin"},
                                     {"label": "development", "pin_file": "pin"}], "sign_timeout_ms": 30000}
        if SERVICE_USER:
            config.update(user=SERVICE_USER, peer_user="root")
        config.update(changes)
        path = self.dir / "signer.json"
        path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}, indent=1))
        path.chmod(0o644)
        return path

    def signer(self, *args, **changes):
        return subprocess.run([BUILD / "bin/hallmark-signer", *args, "--config", self.signer_config(**changes)],
                              capture_output=True, text=True, timeout=60)

    def start(self, **changes):
        self.log_file = open(self.dir / "signer.log", "ab")
        self.process = subprocess.Popen([BUILD / "bin/hallmark-signer", "--config", self.signer_config(**changes)],
                                        stderr=self.log_file)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the signer ended with {self.process.returncode}: {self.journal()}")
            try:
                return Client(self.run_dir / "signer.sock")
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the signer does not answer: " + self.journal())

    def client(self):
        return Client(self.run_dir / "signer.sock")

    def journal(self):
        return (self.dir / "signer.log").read_text()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=60)
        assert code == 0, (code, self.journal())
        self.process = None

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def key_id(self, file):
        pem = (self.out / "keys" / file).read_bytes()
        der = serialization.load_pem_public_key(pem).public_bytes(serialization.Encoding.DER,
                                                                  serialization.PublicFormat.SubjectPublicKeyInfo)
        return sha256(der)

    def public(self, file):
        return serialization.load_pem_public_key((self.out / "keys" / file).read_bytes())


def world():
    w = World()
    w.full_ceremony()
    run = w.signer("init")
    assert run.returncode == 0, run.stderr
    return w


# --- releases -------------------------------------------------------------------------------------------------

class Release:
    """A release as the registrar would bring it: tbs, statement, record, approvals."""

    def __init__(self, w, file="release.pem", environment="production", sequence=12, changes=None,
                 version="2.1.0"):
        self.w = w
        self.key = w.key_id(file)
        self.public_key = w.public(file)
        self.manifest = sha256(b"manifest %d" % sequence)
        self.tbs = b"\x84\x6aSignature1\x43\xa1\x01\x28\x40\x58\x24\x82\x2f\x58\x20" + self.manifest
        lines = {"origin": ORIGIN, "submitted": sha256(b"submitted").hex(), "release": "r17", "product": "edge-router",
                 "version": version, "channel": "stable", "environment": environment, "hardware": "er-100/b",
                 "region": "world", "sequence": str(sequence), "repository": "https://git.example.com/edge-router",
                 "ref": "refs/tags/v2.1.0", "commit": "0123456789abcdef0123456789abcdef01234567",
                 "builder": "https://ci.example.com/builder",
                 "artifact": f"sha256:{sha256(b'image').hex()} 786432 firmware.bin",
                 "manifest": f"sha256:{self.manifest.hex()}", "policy": f"sha256:{sha256(b'policy').hex()}",
                 "sign": f"sha256:{self.key.hex()} ESP256 sha256:{sha256(self.tbs).hex()}",
                 "expires": "2099-01-01T00:00:00Z", **(changes or {})}
        self.statement = ("release-approval/v1\n" + "".join(f"{k} {v}\n" for k, v in lines.items())).encode()
        self.record = {"event": "sign.intended", "product": "edge-router", "version": version, "channel": "stable",
                       "environment": environment, "sequence": sequence, "state": "signing", "release": "r17",
                       "manifest": self.manifest.hex(), "statement": sha256(self.statement).hex(),
                       "policy": sha256(b"policy").hex(), "store_epoch": 1,
                       "keys": [{"mechanism": "ESP256", "spki": self.key.hex(), "tbs": sha256(self.tbs).hex(),
                                 "token": "0001"}]}
        self.approvals = []

    def item(self, log, at, size, **other):
        v = {"key": self.key, "tbs": self.tbs, "record": log.records[at], "index": at, "size": size, "path": None, "statement": self.statement, "approvals": self.approvals,
             **other}
        if v["path"] is None:
            v["path"] = log.inclusion(at, 0, size)
        return (v["key"] + blob(v["tbs"]) + blob(v["record"]) + u64(v["index"]) + u64(v["size"]) + group(v["path"])
                + blob(v["statement"]) + group([blob(a) for a in v["approvals"]]))

    def holds(self, signature):
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
        assert len(signature) == 64
        der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        self.public_key.verify(der, self.tbs, ec.ECDSA(hashes.SHA256()))
        return True


def note_parts(note, vkey):
    """Verifies a signed checkpoint with nothing but the specification; answers (origin, size, root)."""
    body, _, lines = note.decode().partition("\n\n")
    body += "\n"
    origin, size, root = body.splitlines()
    name, keyid, key = vkey.split("+", 2)
    raw = base64.b64decode(key)
    assert raw[0] == 1 and sha256(name.encode() + b"\n" + raw)[:4].hex() == keyid
    mark, signer, sig = lines.rstrip("\n").split(" ")
    assert mark == "\u2014" and signer == name == origin
    sig = base64.b64decode(sig)
    assert sig[:4].hex() == keyid
    ed25519.Ed25519PublicKey.from_public_bytes(raw[1:]).verify(sig[4:], body.encode())
    return origin, int(size), base64.b64decode(root)
