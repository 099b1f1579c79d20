"""A log and a client of the witness protocol, written from C2SP tlog-witness, tlog-cosignature, tlog-checkpoint and RFC 6962
alone; and a running hallmark-witness. No code of Hallmark takes part on this side."""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import pwd
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

BUILD = pathlib.Path(os.environ.get("HALLMARK_BUILD", "build"))
SOURCE = pathlib.Path(os.environ.get("HALLMARK_SOURCE", "."))
PROGRAM = BUILD / "bin/hallmark-witness"
SERVICE_USER = "nobody" if os.geteuid() == 0 else None
ORIGIN = "log.example/one"
NAME = "witness.example/w1"
COPY = 8192  # bytes of one of the two copies in a state file


def sha256(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


# --- the tree (RFC 6962, section 2.1) ---

class Tree:
    """Leaves are hashes. `salt` makes another history."""

    def __init__(self, leaves=()):
        self.leaves = list(leaves)
        self.memo = {}

    def grow(self, count, salt=b""):
        for _ in range(count):
            self.leaves.append(sha256(b"\0" + salt + b"entry %d" % len(self.leaves)))
        return self

    def fork(self, keep):
        return Tree(self.leaves[:keep])

    def hash(self, lo, hi):
        if hi - lo == 0:
            return sha256(b"")
        if hi - lo == 1:
            return self.leaves[lo]
        if (lo, hi) not in self.memo:
            k = 1 << (hi - lo - 1).bit_length() - 1
            self.memo[lo, hi] = sha256(b"\1" + self.hash(lo, lo + k) + self.hash(lo + k, hi))
        return self.memo[lo, hi]

    def root(self, size=None):
        return self.hash(0, len(self.leaves) if size is None else size)

    def consistency(self, old, size=None):
        """Section 2.1.2; empty from 0 and to the same size."""
        def sub(m, lo, hi, whole):
            if m == hi - lo:
                return [] if whole else [self.hash(lo, hi)]
            k = 1 << (hi - lo - 1).bit_length() - 1
            if m <= k:
                return sub(m, lo, lo + k, whole) + [self.hash(lo + k, hi)]
            return sub(m - k, lo + k, hi, False) + [self.hash(lo, lo + k)]
        return sub(old, 0, len(self.leaves) if size is None else size, True) if old else []


# --- keys and notes ---

class Key:
    """An Ed25519 key of a note: kind 1 signs notes, kind 4 cosigns checkpoints."""

    def __init__(self, name, kind=1, private=None):
        self.name, self.kind = name, kind
        self.private = private or ed25519.Ed25519PrivateKey.generate()
        self.set_public(self.private.public_key())

    def set_public(self, public):
        self.public = public
        self.raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.raw)[:4]
        self.vkey = "%s+%s+%s" % (self.name, self.id.hex(), b64(bytes([self.kind]) + self.raw))

    def line(self, blob):
        return "\u2014 %s %s\n" % (self.name, b64(self.id + blob))

    def sign(self, body):
        return self.line(self.private.sign(body.encode()))


def cosigner_of(vkey):
    """(name, id, public key) of a verifier key line, its id checked."""
    name, keyid, blob = vkey.split("+", 2)
    raw = base64.b64decode(blob)
    assert raw[0] == 4 and len(raw) == 33 and sha256(name.encode() + b"\n" + raw)[:4].hex() == keyid, vkey
    return name, bytes.fromhex(keyid), ed25519.Ed25519PublicKey.from_public_bytes(raw[1:])


def cosigned_time(vkey, body, lines):
    """Verifies that `lines` is one cosignature of this witness over this text; its time."""
    name, keyid, public = cosigner_of(vkey)
    assert lines.endswith("\n") and lines.count("\n") == 1, lines
    dash, who, blob = lines[:-1].split(" ")
    raw = base64.b64decode(blob, validate=True)
    assert (dash, who, raw[:4], len(raw)) == ("\u2014", name, keyid, 76), lines
    when = int.from_bytes(raw[4:12], "big")
    public.verify(raw[12:], ("cosignature/v1\ntime %d\n%s" % (when, body)).encode())
    return when


class Log:
    """A log: origin, key, tree."""

    def __init__(self, origin=ORIGIN, size=0, key=None):
        self.origin = origin
        self.key = key or Key(origin)
        self.tree = Tree().grow(size)

    def body(self, size=None, tree=None, extra=""):
        tree = tree or self.tree
        size = len(tree.leaves) if size is None else size
        return "%s\n%d\n%s\n%s" % (self.origin, size, b64(tree.root(size)), extra)

    def note(self, size=None, tree=None, keys=None, extra=""):
        body = self.body(size, tree, extra)
        return body + "\n" + "".join(k.sign(body) for k in (keys if keys is not None else [self.key]))


def request(old, hashes, note):
    return "old %s\n%s\n%s" % (old, "".join((h if isinstance(h, str) else b64(h)) + "\n" for h in hashes), note)


# --- the program ---

class Answer:
    def __init__(self, response):
        self.status, self.data = response.status, response.read()
        self.text = self.data.decode()
        self.type = response.headers.get("Content-Type")
        self.headers = response.headers

    def __repr__(self):
        return "%d %s %r" % (self.status, self.type, self.text[:200])


def as_service(command, **kw):
    """Runs a command as the user that the witness becomes."""
    if SERVICE_USER:
        user = pwd.getpwnam(SERVICE_USER)
        kw.update(user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    return subprocess.run([str(c) for c in command], **kw)


class World:
    """A witness in a folder of its own, and the logs that it watches."""

    def __init__(self, logs=None, init=True, **config):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hallmark-witness-"))
        self.state = self.dir / "state"
        self.state.mkdir()
        self.logs = logs if logs is not None else [Log()]
        self.process, self.port, self.tls, self.lines = None, 0, None, []
        self.config = {"listen": "127.0.0.1:0", "name": NAME, "key_file": "key.pem", "state_dir": "state", "port_file": "port",
                       "logs": [{"origin": log.origin, "keys": [log.key.vkey]} for log in self.logs], **config}
        if SERVICE_USER:
            self.config["user"] = SERVICE_USER
        self.own()
        self.vkey = self.command("keygen").stdout.strip()
        if init:
            for log in self.logs:
                self.command("init", log.origin)

    @property
    def log(self):
        return self.logs[0]

    def own(self):
        if SERVICE_USER:
            subprocess.run(["chown", "-R", SERVICE_USER, self.dir], check=True)

    def write_config(self):
        path = self.dir / "witness.json"
        path.write_text(json.dumps(self.config))
        path.chmod(0o644)
        return path

    def command(self, *args, expect=0):
        r = subprocess.run([str(a) for a in (PROGRAM, *args, "--config", self.write_config())], capture_output=True, text=True, timeout=60)
        assert expect is None or r.returncode == expect, (args, r.returncode, r.stdout, r.stderr)
        return r

    def state_file(self, log=None):
        return self.state / sha256((log or self.log).origin.encode()).hex()

    def start(self, program=None):
        (self.dir / "port").unlink(missing_ok=True)
        self.process = subprocess.Popen([str(program or PROGRAM), "--config", str(self.write_config())], stderr=subprocess.PIPE)
        # A pipe and no file: limits on files are for the state.
        self.reader = threading.Thread(target=self.read_journal, args=(self.process.stderr,), daemon=True)
        self.reader.start()
        deadline = time.time() + 60
        while time.time() < deadline:
            if (self.dir / "port").exists():
                self.port = int((self.dir / "port").read_text())
                try:
                    if self.get("/healthz").status in (200, 503):
                        return self
                except OSError:
                    pass
            if self.process.poll() is not None:
                raise RuntimeError("the witness ended: %s" % self.journal()[-2000:])
            time.sleep(0.01)
        raise RuntimeError("the witness does not serve: %s" % self.journal()[-2000:])

    def read_journal(self, pipe):
        with pipe:
            for line in pipe:
                self.lines.append(line)

    def journal(self):
        return b"".join(self.lines).decode(errors="replace")

    def stop(self, sig=signal.SIGTERM):
        if self.process is None:
            return None
        self.process.send_signal(sig)
        code = self.process.wait(60)
        self.reader.join(60)
        self.process = None
        return code

    def kill(self):
        return self.stop(signal.SIGKILL)

    def close(self):
        if self.process is not None:
            self.kill()
        subprocess.run(["rm", "-rf", self.dir], check=False)

    # --- as a client ---

    def connect(self, timeout=60):
        if self.tls:
            return http.client.HTTPSConnection("localhost", self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None, connection=None):
        c = connection or self.connect()
        try:
            c.request(method, path, body=body.encode() if isinstance(body, str) else body, headers=headers or {})
            return Answer(c.getresponse())
        finally:
            if connection is None:
                c.close()

    def get(self, path):
        return self.ask("GET", path)

    def post(self, body, connection=None):
        return self.ask("POST", "/add-checkpoint", body, connection=connection)

    def add(self, old, size=None, log=None, tree=None, hashes=None, keys=None, extra="", connection=None):
        """Asks for a cosignature of the log's checkpoint of this size, with the right proof from `old`."""
        log = log or self.log
        tree = tree or log.tree
        size = len(tree.leaves) if size is None else size
        if hashes is None:
            hashes = tree.consistency(old, size) if old <= size else []
        return self.post(request(old, hashes, log.note(size, tree, keys, extra)), connection)

    def raw(self, data, timeout=60):
        """Bytes as they are over a fresh connection; what came back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            s.sendall(data)
            out = b""
            while True:
                try:
                    more = s.recv(65536)
                except (ConnectionResetError, socket.timeout):
                    break
                if not more:
                    break
                out += more
            return out

    def metric(self, name):
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return None


def good(w, answer, body):
    """A 200 with this witness's cosignature over this text; its time, or None."""
    try:
        return cosigned_time(w.vkey, body, answer.text) if answer.status == 200 else None
    except (AssertionError, ValueError, InvalidSignature):
        return None


# --- one line for each thing that was tried ---

failures = []


def row(name, ok, found=""):
    print("%s  %s%s" % ("ok  " if ok else "FAIL", name, "" if ok else "  (found: %s)" % (found,)), flush=True)
    if not ok:
        failures.append(name)
    return ok


def is_status(name, answer, status, text=""):
    return row(name, answer.status == status and text in answer.text, answer)


def run(body, **world):
    """Builds a world, runs, and closes it whatever happens."""
    w = World(**world)
    try:
        body(w)
    except Exception:
        traceback.print_exc()
        print(w.journal()[-4000:])
        failures.append("an exception")
    finally:
        w.close()


def finish():
    print("%d failures" % len(failures))
    sys.exit(1 if failures else 0)


def server_context(folder):
    """A self-signed certificate for localhost in folder; the client's context."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "tls.key",
                    "-out", folder / "tls.pem"], check=True, capture_output=True)
    return ssl.create_default_context(cafile=str(folder / "tls.pem"))
