"""The door is taken over completely: a program in its place, as its user, speaks the registrar's socket.

It holds everything the door ever saw (requests, approvals, certificates), and lies about who called. Whatever it tries,
there is no release that people did not approve, and each try that named somebody's evidence is in the log.
"""

import base64
import json
import os
import pwd
import socket
import struct
import subprocess
import sys
import tempfile

import e2e_lib as e
from lab import USER

PROTOCOL = 2  # IPC_PROTOCOL of server/ipc/ipc_ops.h
(HELLO, STATUS, IDENTIFY, SUBMIT, ART_PUT, ART_OPEN, APPROVE, REJECT, CANCEL, SIGN, STATEMENT, RECORDS,
 EVIDENCE, PROOF, CONSISTENCY, CHECKPOINT, POLICY, TRUST_STORE, KEYS, DETAIL) = range(1, 21)


def u64(n):
    return struct.pack(">Q", n)


def text(b):
    b = b.encode() if isinstance(b, str) else b
    return struct.pack(">I", len(b)) + b


class Wire:
    """The registrar's socket, as somebody else sees it: run as another user, one exchange per process where needed."""

    def __init__(self, path, user):
        self.path, self.user = path, user

    def exchange(self, frames, fd=None):
        """Sends bytes, and a descriptor with them; returns what came back: [(code, body)]. Runs in a child that becomes the user."""
        r = subprocess.run([sys.executable, "-B", os.path.abspath(__file__), "--speak", self.path, self.user, str(-1 if fd is None else fd)],
                           input=frames, stdout=subprocess.PIPE, check=True, timeout=120, pass_fds=() if fd is None else (fd,))
        out, at, data = [], 0, r.stdout
        while at < len(data):
            n, code = struct.unpack(">IH", data[at:at + 6])
            out.append((code, data[at + 6:at + 6 + n]))
            at += 6 + n
        return out

    def call(self, op, body):
        got = self.exchange(frame(op, body))
        return got[0] if got else (None, b"")


def frame(op, body):
    return struct.pack(">IH", len(body), op) + body


def speak(path, user, fd):
    """The child: becomes the user, sends stdin, prints all answers as they are."""
    if user and os.geteuid() == 0:
        pw = pwd.getpwnam(user)
        os.setgroups([])
        os.setresgid(pw.pw_gid, pw.pw_gid, pw.pw_gid)
        os.setresuid(pw.pw_uid, pw.pw_uid, pw.pw_uid)
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(50)
    try:
        s.connect(path)
        data = sys.stdin.buffer.read()
        if fd >= 0:
            socket.send_fds(s, [data], [fd])
        else:
            s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        while True:
            data = s.recv(65536)
            if not data:
                break
            sys.stdout.buffer.write(data)
    except OSError:
        pass
    sys.stdout.buffer.flush()


class Answer:
    """An ANSWER of ipc_ops.h."""

    def __init__(self, code, body):
        self.code, self.raw, self.status, self.doc = code, body, None, {}
        if code == 0:
            self.status = struct.unpack(">Q", body[:8])[0]
            at, parts = 8, []
            for kind in "sswws":
                if kind == "w":
                    at += 8
                    continue
                n = struct.unpack(">I", body[at:at + 4])[0]
                parts.append(body[at + 4:at + 4 + n])
                at += 4 + n
            self.doc = json.loads(parts[2] or b"{}")
        self.problem = self.doc.get("type", "").split(":")[-1]

    def says(self):
        return (self.status, self.problem)

    def __repr__(self):
        return "code %r status %r %r" % (self.code, self.status, self.doc or self.raw[:300])


class RedTeam:
    def __init__(self, lab, rows):
        self.lab, self.rows = lab, rows
        self.wire = Wire(lab.path("run", "registrar", "r.sock"), USER["door"] if lab.as_users else "")

    def caller(self, who):
        """What the door would say about a certificate; nothing proves it."""
        pem = e.read(self.lab.path("tls", who + ".pem"))
        der = subprocess.run(["openssl", "x509", "-outform", "DER"], input=pem, stdout=subprocess.PIPE, check=True).stdout
        return e.hashlib.sha256(der).digest() + u64(1) + text("spiffe://%s/%s" % (e.DOMAIN, who))

    def ask(self, op, who, body, release=None, key="", match=""):
        head = self.caller(who) + text(key)
        if op != SUBMIT:
            head += text(match) + u64(release)
        return Answer(*self.wire.call(op, head + text(body)))

    def put(self, data):
        """An artifact into the registrar's store, as the door gives it: digest, size, descriptor."""
        with tempfile.TemporaryFile() as f:
            f.write(data)
            f.flush()
            f.seek(0)
            return self.wire.exchange(frame(ART_PUT, e.hashlib.sha256(data).digest() + u64(len(data))), f.fileno())

    def expect(self, name, a, says, event=None, outcome=None):
        """The refusal, and the record that the documents promise (event None: none)."""
        if not self.rows.equal(name, a.says(), says, a):
            return
        if event is None:
            self.rows.row(name + ": no record", "index" not in a.doc, a)
            return
        if "index" not in a.doc:
            self.rows.row(name + ": recorded", False, a)
            return
        r = self.lab.record(a.doc["index"])
        self.rows.equal(name + ": record", (r["event"], r.get("outcome")), (event, outcome))

    # --- what it tries ---

    def submissions(self):
        lab = self.lab
        data = lab.firmware()
        lab.upload(data)
        attestation = lab.provenance({"firmware.bin": e.sha256(data)}, ref="refs/tags/v1")
        payload = lab.request(data, "6.6.6", attestations=[attestation])
        own = e.ec.generate_private_key(e.ec.SECP256R1())

        def body(document):
            return json.dumps({"request": document, "attestations": [attestation]})

        stolen = json.loads(e.dsse(e.REQUEST, payload, own))
        stolen["certificate"] = e.read(lab.path("tls", "ci-edge.pem")).decode()
        self.expect("forged caller, own signature, stolen certificate", self.ask(SUBMIT, "ci-edge", body(json.dumps(stolen))), (403, "signature"))
        self.expect("forged caller, own signature", self.ask(SUBMIT, "ci-dsse", body(e.dsse(e.REQUEST, payload, own))), (403, "signature"))
        self.expect("forged caller, own SSH key", self.ask(SUBMIT, "ci-ssh", body(e.ssh_document(payload, e.SshKey("ssh-ed25519").sign("hallmark-submit", payload)))),
                    (403, "signature"))
        good = json.loads(lab.by_certificate(payload))
        good["payload"] = base64.b64encode(payload.replace(b"6.6.6", b"6.6.7")).decode()
        self.expect("a signed request with another payload", self.ask(SUBMIT, "ci-edge", body(json.dumps(good))), (403, "signature"))
        self.expect("a caller whom the policy does not name", self.ask(SUBMIT, "stranger", body(json.dumps(good))), (401, "unauthenticated"))
        self.replay()

    def replay(self):
        lab = self.lab
        body = lab.submission("6.7.0")
        first = lab.post("/v1/releases", "ci-edge", body)
        size = lab.size()
        for key in ("", "another"):
            self.expect("a signed request replayed, key %r" % key, self.ask(SUBMIT, "ci-edge", body, key=key), (409, "conflict"))
        bad = lab.submission(channel="unheard-of")
        lab.post("/v1/releases", "ci-edge", bad)
        self.expect("a refused request replayed", self.ask(SUBMIT, "ci-edge", bad), (409, "conflict"))
        mine = [r["event"] for r in lab.records(int(first.doc["release"][1:])) if r.get("version") == "6.7.0"]
        self.rows.row("replays left nothing", mine == ["release.submitted"] and lab.size() == size + 1, mine)

    def approvals(self):
        lab = self.lab
        rel, st = lab.new()
        other, other_st = lab.new()
        n, other_n = int(rel[1:]), int(other[1:])
        alice = lab.ssh_keygen("alice", "hallmark-approval", st)
        bob_other = lab.ssh_keygen("bob", "hallmark-approval", other_st)
        ref = "approval.refused"
        for name, body in (("empty", ""), ("garbage", "\x01\x02"), ("no signature", json.dumps({"payload": base64.b64encode(st).decode()}))):
            self.expect("approval without a signature: " + name, self.ask(APPROVE, "alice", body, n), (400, "malformed"))
        unsigned = json.dumps({"payloadType": e.APPROVAL, "payload": base64.b64encode(st).decode(), "signatures": [{"sig": "AAAA"}]})
        self.expect("approval with an empty signature, forged caller", self.ask(APPROVE, "dave", unsigned, n), (403, "signature"), ref, "signature")
        forged = e.ssh_document(st, e.SshKey("ssh-ed25519").sign("hallmark-approval", st))
        self.expect("approval by the door's own key", self.ask(APPROVE, "alice", forged, n), (403, "signature"), ref, "signature")
        self.expect("approval transplanted from another release", self.ask(APPROVE, "bob", bob_other, n), (403, "signature"), ref, "signature")
        self.expect("approval used as rejection", self.ask(REJECT, "alice", alice, n), (403, "signature"), "request.refused", "signature")
        self.expect("approval used as cancellation", self.ask(CANCEL, "alice", alice, n), (403, "signature"), "request.refused", "signature")
        rejection = lab.ssh_keygen("carol", "hallmark-submit", lab.decision("rejection", other, other_st))
        self.expect("rejection transplanted to another release", self.ask(REJECT, "carol", rejection, n), (403, "signature"), "request.refused", "signature")
        self.expect("rejection used as approval", self.ask(APPROVE, "carol", rejection, other_n), (403, "signature"), ref, "signature")
        good = self.ask(APPROVE, "bob", alice, n)
        r = lab.record(good.doc.get("index", 0))
        self.rows.equal("alice's approval under bob's name counts as alice's", (good.status, r["actor"]), (201, "alice"), good)
        self.expect("and once", self.ask(APPROVE, "carol", alice, n), (409, "conflict"), ref, "conflict")
        self.expect("signature of an unapproved release", self.ask(SIGN, "ci-edge", "", n), (403, "policy"), "sign.refused", "approvals.count")
        self.expect("signature, as an approver", self.ask(SIGN, "alice", "", n), (403, "policy"), "sign.refused", "approvals.count")
        self.expect("signature of what is no release", self.ask(SIGN, "ci-edge", "", 1), (404, "not-found"))
        self.expect("signature, caller unknown", self.ask(SIGN, "stranger", "", n), (401, "unauthenticated"))
        self.rows.equal("the release is where it was", lab.settled("/v1/releases/" + rel)["state"], "submitted")

    def frames(self):
        """Nothing that is no message gets an answer that helps, and the registrar goes on."""
        rows, lab = self.rows, self.lab
        size = lab.size()
        caller = self.caller("ci-edge")
        cases = {"random bytes": os.urandom(4000), "a length of 4 GiB": struct.pack(">IH", 0xffffffff, SUBMIT), "an unknown operation": frame(999, b""),
                 "operation 0": frame(0, b""), "half a frame": frame(HELLO, u64(PROTOCOL))[:-3], "trailing bytes": frame(HELLO, u64(PROTOCOL) + b"x"),
                 "another protocol": frame(HELLO, u64(PROTOCOL + 1)), "count of 2^63 URIs": frame(IDENTIFY, b"\0" * 32 + u64(2 ** 63)),
                 "NUL in a string": frame(IDENTIFY, b"\0" * 32 + u64(1) + text("a\0b")), "string that is no UTF-8": frame(IDENTIFY, b"\0" * 32 + u64(1) + text(b"\xff")),
                 "field longer than the frame": frame(SUBMIT, caller + struct.pack(">I", 1 << 30)), "an artifact without descriptor": frame(ART_PUT, b"\0" * 32 + u64(5)),
                 "evidence 2^40": frame(EVIDENCE, u64(1) + u64(2 ** 40)), "consistency backwards": frame(CONSISTENCY, u64(9) + u64(3)),
                 "a release of 2^64-1": frame(APPROVE, caller + text("") + text("") + u64(2 ** 64 - 1) + text("{}"))}
        for name, data in cases.items():
            got = self.wire.exchange(data)
            ok = not got or got[0][0] != 0 or Answer(*got[0]).status in (400, 401, 403, 404, 413)
            rows.row("frame: " + name, ok, got[:1])
        rows.row("twenty connections with nonsense", all(
            not self.wire.exchange(b"\xff" * 7) for _ in range(20)))
        rows.row("nothing was recorded, the registrar goes on", lab.alive("registrar") and lab.size() == size)

    def other_users(self):
        """The registrar's and the signer's sockets answer their one peer, and nobody else."""
        lab = self.lab
        if not lab.as_users:
            self.rows.row("other users: needs root, left out", True)
            return
        for user in ("nobody", USER["signer"], "root"):
            got = Wire(self.wire.path, user).exchange(frame(HELLO, u64(PROTOCOL)))
            self.rows.equal("registrar's socket, as %s" % user, got, [])
        signer = lab.path("run", "signer", "s.sock")
        for user in ("nobody", USER["door"]):
            self.rows.equal("signer's socket, as %s" % user, Wire(signer, user).exchange(frame(1, u64(1))), [])
        got = Wire(signer, USER["registrar"]).exchange(frame(3, u64(1) + os.urandom(64)))
        self.rows.row("garbage to the signer, as the registrar: an error", not got or got[0][0] != 0, got)

    def afterwards(self):
        lab = self.lab
        self.rows.row("no release key was used", not [r for r in lab.records() if r["event"] in ("sign.intended", "release.signed")])
        lab.stop("door")
        lab.start("door")
        lab.wait_ready()
        rel, _ = lab.signed(version="99.0.0")
        self.rows.equal("with an honest door people sign as before", lab.settled("/v1/releases/" + rel)["state"], "signed")
        r = lab.cli("audit", "log", "verify", check=False)
        self.rows.row("the whole log verifies", r.returncode == 0, r.out + r.err)


def main(lab, rows):
    t = RedTeam(lab, rows)
    rows.parts(t.submissions, t.approvals, t.frames, t.other_users, t.afterwards)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--speak"]:
        speak(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        sys.exit(0)
    os.umask(0o022)
    e.run_script(main)
