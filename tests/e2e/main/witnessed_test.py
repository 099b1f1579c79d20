"""Witnesses end to end: three real hallmark-witness programs, a policy that wants two of them, a trust store that wants two, too.
Nothing is signed before they have cosigned the log as it is since the start; a release leaves with their cosignatures, which a foreign
library verifies and the reference device demands; too few of them, wrong ones and an older copy of the log stop it."""

import base64
import hashlib
import http.server
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import e2e_lib as e
import redteam_test as red
from lab import USER, reserved_port
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

COSIGN = 27
E_MALFORMED, E_LIMIT, E_SIGNATURE, E_NOT_FOUND = 1, 2, 4, 6
WITNESSES = ("witness.example/w1", "w2.example", "w3.example")


def placeholder():
    """A log key that verifies: the program wants one before the true log has any."""
    raw = b"\1" + ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    name = "placeholder.example"
    return "%s+%s+%s" % (name, hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8], base64.b64encode(raw).decode())


class Witnessed(e.Cast):
    def make_people(self):
        super().make_people()
        self.reserved = [reserved_port() for _ in WITNESSES]
        self.ports = [s.getsockname()[1] for s in self.reserved]
        self.vkeys = []
        self.running = {}
        for i, name in enumerate(WITNESSES):
            e.write(self.path("witness%d" % i, "config.json"), json.dumps(self.witness_config(i, "placeholder.example", [])))
            os.makedirs(self.path("witness%d" % i, "state"), mode=0o700)
            shutil.chown(self.path("witness%d" % i), "nobody") if self.as_users else None
            shutil.chown(self.path("witness%d" % i, "state"), "nobody") if self.as_users else None
            self.vkeys.append(self.witness(i, "keygen").out.split()[-1])

    def witness_config(self, i, origin, keys):
        more = {"user": "nobody"} if self.as_users else {}
        keys = keys or [placeholder()]
        return dict({"listen": "127.0.0.1:%d" % self.ports[i], "name": WITNESSES[i], "key_file": self.path("witness%d" % i, "key.pem"),
                     "state_dir": self.path("witness%d" % i, "state"), "logs": [{"origin": origin, "keys": keys}]}, **more)

    def witness(self, i, *args, check=True):
        return self.run([self.program("hallmark-witness"), *args, "--config", self.path("witness%d" % i, "config.json")], check=check)

    def policy(self):
        doc = super().policy()
        doc["witnesses"] = {"keys": self.vkeys, "quorum": 2, "timeout_s": 3}
        for rule in doc["rules"]:
            if rule["environment"] == "production":
                rule["witnessed"] = True
        return doc

    def ceremony_config(self):
        doc = json.loads(json.dumps(super().ceremony_config()))
        for store in doc["trust_stores"]:
            if store["environment"] == "production":
                store["witnesses"] = {"keys": self.vkeys, "quorum": 2}
        return doc

    def configs(self):
        log = e.read(self.path("ceremony", "keys", "log.vkey")).decode().strip()
        for i in range(len(WITNESSES)):
            e.write(self.path("witness%d" % i, "config.json"), json.dumps(self.witness_config(i, e.ORIGIN, [log])))
            self.witness(i, "init", e.ORIGIN)
        self.extra["door"]["witnesses"] = [{"name": n, "url": "http://127.0.0.1:%d" % p} for n, p in zip(WITNESSES, self.ports)]
        super().configs()

    def start_witness(self, i):
        with open(self.path("witness%d.log" % i), "ab") as log:
            self.running[i] = subprocess.Popen([self.program("hallmark-witness"), "--config", self.path("witness%d" % i, "config.json")],
                                               stdout=log, stderr=log, start_new_session=True)

    def stop_witness(self, i):
        p = self.running.pop(i, None)
        if p:
            p.send_signal(signal.SIGTERM)
            p.wait(60)

    def start_all(self):
        """Without witnesses first: that has to be seen."""
        for service in ("signer", "registrar", "door"):
            self.start(service)
        end = time.time() + 60
        while not os.path.exists(self.path("door", "port")) and time.time() < end:
            time.sleep(0.05)
        self.port = int(e.read(self.path("door", "port")).decode().strip().split(":")[-1])
        self.client_configs()

    def ready(self):
        r = self.curl("/readyz", who="audit")
        return r.code, r.out

    def until(self, what, timeout=60):
        end = time.time() + timeout
        while time.time() < end:
            got = what()
            if got:
                return got
            time.sleep(0.1)
        return None

    def clean(self):
        for i in list(self.running):
            self.stop_witness(i)
        super().clean()


def cosigners(note, vkeys):
    """Names of the witnesses whose line in the note holds, by python3-cryptography."""
    body, lines = note.split("\n\n", 1)
    found = []
    for line in lines.splitlines():
        _, name, blob = line.split(" ")
        raw = base64.b64decode(blob)
        for vkey in vkeys:
            vname, vid, key = vkey.split("+", 2)
            if name != vname or raw[:4].hex() != vid:
                continue
            pub = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:])
            when = int.from_bytes(raw[4:12], "big")
            try:
                pub.verify(raw[12:], ("cosignature/v1\ntime %d\n%s\n" % (when, body)).encode())
                found.append(name)
            except InvalidSignature:
                found.append("forged " + name)
    return sorted(found)


def note_of(proof):
    return proof.split("\n\n", 1)[1]


class Liar(http.server.BaseHTTPRequestHandler):
    """Stands where a witness should be."""
    answer = (500, "text/plain", b"")
    asked = 0

    def do_POST(self):
        Liar.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        status, kind, body = self.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main(lab, rows):
    def start_rule():
        code, text = lab.until(lambda: lab.ready() if "witness" in lab.ready()[1] else None) or (0, "")
        rows.row("no witness has answered: not ready, and why", code == 503 and "nothing is signed until a quorum" in text, text)
        lab.first, _ = lab.approved(version="1.0.0")
        r = lab.sign(lab.first)
        rows.row("submitting and approving go on, signing does not", r.status == 503 and "witness" in r.detail(), r)
        rows.row("nothing was recorded of that", not [x for x in lab.records() if x["event"].startswith("sign.")])
        rows.equal("no cosigned checkpoint yet", lab.get("/v1/log/checkpoint?cosigned=true").status, 404)
        rows.equal("nor one for monitors", lab.get("/log/checkpoint").status, 404)
        lab.start_witness(0)
        time.sleep(1.5)
        rows.equal("one of three is no quorum", lab.ready()[0], 503, lab.ready())
        lab.start_witness(1)
        rows.row("two are: ready", lab.until(lambda: lab.ready()[0] == 200), lab.ready())

    def leaves():
        r = lab.sign(lab.first)
        rows.equal("signed", r.status, 200, r)
        lab.answer = json.loads(r.body)
        rows.equal("the proof in the answer has both cosignatures", cosigners(note_of(lab.answer["proof"]), lab.vkeys), ["w2.example", "witness.example/w1"])
        for path in ("/v1/log/checkpoint?cosigned=true", "/log/checkpoint"):
            rows.equal("%s has them, too" % path, cosigners(lab.get(path).body.decode(), lab.vkeys), ["w2.example", "witness.example/w1"])
        out = lab.path("work", "bundle")
        got = lab.cli("audit", "bundle", lab.first, "--out", out, check=False)
        rows.row("bundle says who cosigned", got.returncode == 0 and "2 of" in got.out, got.out + got.err)
        proof = e.read(os.path.join(out, "release.tlog-proof")).decode()
        rows.equal("so does the bundle's proof", cosigners(note_of(proof), lab.vkeys), ["w2.example", "witness.example/w1"])
        device(out, "work/device", rows, "a device that demands two takes it", True)
        body, lines = note_of(proof).split("\n\n", 1)
        kept = [x for x in lines.splitlines() if "w2.example" not in x]
        cut = os.path.join(lab.path("work"), "cut")
        shutil.copytree(out, cut)
        head = proof.split("\n\n", 1)[0]
        e.write(os.path.join(cut, "release.tlog-proof"), head + "\n\n" + body + "\n\n" + "\n".join(kept) + "\n")
        device(cut, "work/device2", rows, "with one cosignature less it does not", False, "witness-quorum")
        r = lab.sign(lab.first)
        rows.row("asking again gives the same record", r.status == 200 and json.loads(r.body)["index"] == lab.answer["index"], r)

    def device(bundle, name, rows_, what, ok, reason=None):
        state = lab.path(name)
        tool = lab.program("hallmark-device")
        shutil.rmtree(state, ignore_errors=True)
        lab.run([tool, "init", "--state", state, "--trust-store", lab.path("ceremony", "trust-store-production.cbor"), "--vendor-domain",
                 e.DOMAIN, "--product", "edge-router", "--model", "er-100", "--revision", "b", "--region", "world", "--json"])
        r = json.loads(lab.run([tool, "verify", "--state", state, "--json", bundle], check=False).out)
        rows_.row(what, r["ok"] == ok and (reason is None or r["reason"] == reason), r)

    def too_few():
        lab.stop_witness(1)
        release, _ = lab.approved(version="1.1.0")
        began = time.time()
        r = lab.sign(release)
        rows.row("one witness is away: the answer waits, then says what is missing",
                 r.status == 503 and "w2.example" in r.detail() and 2.5 < time.time() - began < 40, r)
        record = next((x for x in lab.records() if x["event"] == "release.signed" and x["release"] == release), None)
        rows.row("it is signed and recorded", record is not None)
        r = lab.get("/v1/log/entries/%d/evidence/0" % record["idx"])
        rows.row("but its signature does not leave as evidence", r.status == 503 and "cosignatures" in r.detail(), r)
        rows.equal("nor in a bundle", lab.get("/v1/releases/%s/bundle" % release).status, 503)
        rows.equal("nor when asked again", lab.sign(release).status, 503)
        lab.start_witness(2)
        rows.row("another witness takes its place: it leaves", lab.until(lambda: lab.sign(release).status == 200))
        body = json.loads(lab.sign(release).body)
        rows.equal("with the two that are there", cosigners(note_of(body["proof"]), lab.vkeys), ["w3.example", "witness.example/w1"])
        rows.equal("the bundle, too", lab.get("/v1/releases/%s/bundle" % release).status, 200)

    def restart():
        lab.stop_witness(2)
        lab.stop("registrar", signal.SIGKILL)
        lab.start("registrar")
        code = lab.until(lambda: (lambda c: c if "witness" in c[1] else None)(lab.ready()))
        rows.row("after a restart a quorum has to say again that this is the log", code and code[0] == 503, code)
        r = lab.get("/v1/releases/%s/bundle" % lab.first)
        rows.equal("what left before leaves again: the log has kept the cosignatures", r.status, 200, r)
        lab.start_witness(2)
        rows.row("and it does", lab.until(lambda: lab.ready()[0] == 200), lab.ready())

    def liars():
        lab.stop_witness(2)
        server = http.server.HTTPServer(("127.0.0.1", lab.ports[2]), Liar)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        note = note_of(lab.answer["proof"])
        lines = note.split("\n\n", 1)[1].splitlines(keepends=True)
        old = next(x for x in lines if "witness.example/w1" in x).encode()
        forged = "\u2014 w3.example %s\n" % base64.b64encode(bytes.fromhex(lab.vkeys[2].split("+")[1]) + bytes(7) + b"\1" + bytes(64)).decode()
        release, _ = lab.approved(version="1.2.0")
        rows.equal("signed, and held", lab.sign(release).status, 503)
        for name, answer in (("a forged cosignature", (200, "text/plain", forged.encode())), ("an older one of another witness", (200, "text/plain", old)),
                             ("nothing at all", (200, "text/plain", b"")), ("rubbish", (200, "text/plain", b"\xff" * 300)),
                             ("too much", (200, "text/plain", b"x" * 100000)), ("a redirect", (302, "text/plain", b"")),
                             ("404", (404, "text/plain", b"")), ("a size that is none", (409, "text/x.tlog.size", b"-1\n")),
                             ("a smaller size again and again", (409, "text/x.tlog.size", b"3\n"))):
            Liar.answer = answer
            Liar.asked = 0
            asked = lab.until(lambda: Liar.asked > 0)
            time.sleep(0.2)
            r = lab.get("/v1/releases/%s/bundle" % release)
            rows.row("a witness that answers with %s does not count" % name, asked and r.status == 503 and "w3.example" in r.detail(), r)
        Liar.answer = (409, "text/x.tlog.size", b"999999\n")
        r = lab.until(lambda: (lambda x: x if "999999" in x.detail() else None)(lab.sign(release)))
        rows.row("one that has seen a longer log is told of", r is not None and r.status == 503, r)
        server.shutdown()
        server.server_close()
        lab.start_witness(2)
        rows.row("the true witness back: it leaves", lab.until(lambda: lab.sign(release).status == 200))

    def impostor():
        """In the door's place, after a start, with every cosignature that ever passed. No witness is there."""
        for i in list(lab.running):
            lab.stop_witness(i)
        old = note_of(lab.answer["proof"])
        size, lines = int(old.splitlines()[1]), old.split("\n\n", 1)[1].split("\n", 1)[1].encode()
        lab.stop("registrar")
        lab.start("registrar")
        waits = lab.until(lambda: (lambda c: c if "nothing is signed" in c[1] else None)(lab.ready()))
        rows.row("started again, without witnesses", waits, lab.ready())
        wire = red.Wire(lab.path("run", "registrar", "r.sock"), USER["door"] if lab.as_users else "")
        now = int(lab.get("/v1/log/checkpoint").body.decode().splitlines()[1])

        def say(name, at, sent, trouble="", their=0):
            return wire.call(COSIGN, red.text(name) + red.u64(at) + red.text(sent) + red.text(trouble) + red.u64(their))

        def line(name, key_id, key=None, when=None, over=None):
            when = int(time.time()) if when is None else when
            key = key or ed25519.Ed25519PrivateKey.generate()
            body = over or lab.get("/v1/log/checkpoint").body.decode().split("\n\n", 1)[0]
            blob = bytes.fromhex(key_id) + when.to_bytes(8, "big") + key.sign(("cosignature/v1\ntime %d\n%s\n" % (when, body)).encode())
            return ("\u2014 %s %s\n" % (name, base64.b64encode(blob).decode())).encode()

        own = WITNESSES[1], lab.vkeys[1].split("+")[1]
        for name, got, code in (
                ("old cosignatures, as if of the newest checkpoint", say(WITNESSES[0], now, lines), E_SIGNATURE),
                ("a cosignature by another key in a witness's name", say(own[0], now, line(*own)), E_SIGNATURE),
                ("one by a strange key in a witness's name", say(own[0], now, line("w9.example", "01020304")), E_SIGNATURE),
                ("one over no time", say(own[0], now, line(*own, when=0)), (E_MALFORMED, E_SIGNATURE)),
                ("one by a witness that nobody asked", say("w9.example", now, line("w9.example", "01020304")), E_NOT_FOUND),
                ("one over a checkpoint that the log never had", say(own[0], now + 7, line(*own)), E_NOT_FOUND),
                ("one over a checkpoint of 2^64-1 records", say(own[0], 2 ** 64 - 1, line(*own)), E_NOT_FOUND),
                ("neither a cosignature nor what is wrong", say(own[0], now, b""), E_MALFORMED),
                ("both", say(own[0], now, lines, "away"), E_MALFORMED),
                ("rubbish", say(own[0], now, b"\0\xff" * 40), E_MALFORMED),
                ("17 KiB", say(own[0], now, lines * 80), (E_LIMIT, E_MALFORMED))):
            codes = code if isinstance(code, tuple) else (code,)
            rows.row("in the door's place: %s: refused" % name, got[0] in codes, got)
        got = say(WITNESSES[0], size, lines)
        rows.row("in the door's place: true ones from before the start are known", got[0] == 0, got)
        rows.row("and start nothing", lab.ready()[0] == 503, lab.ready())
        rows.equal("nothing is signed", lab.sign(lab.approved(version="1.2.5")[0]).status, 503)
        for i in range(60):
            say("w%d.example" % i, now, b"", "is away\n<0>hallmark-registrar: error: forged line %s" % ("x" * 300), 2 ** 63)
        got = say(WITNESSES[0], now, b"", "y" * 2000)
        rows.row("a witness's trouble of 2000 bytes is too long", got[0] in (E_LIMIT, E_MALFORMED), got)
        journal = lab.log_tail("registrar")
        rows.row("what it says of witnesses forges no line of the journal", not any(x.startswith("<0>") for x in journal.splitlines()), journal[-600:])
        rows.row("and the registrar goes on", lab.alive("registrar") and len(lab.ready()[1]) < 2000, lab.ready())
        for i in range(3):
            lab.start_witness(i)
        rows.row("control: the true witnesses start it", lab.until(lambda: lab.ready()[0] == 200), lab.ready())

    def verified():
        want = [x for v in lab.vkeys for x in ("--witness", v)]
        r = lab.cli("audit", "log", "verify", *want, "--witnesses-required", "2", check=False)
        rows.row("log verify over HTTP finds the cosignatures", r.returncode == 0, r.out + r.err)
        r = lab.cli("audit", "log", "verify", *want, "--witnesses-required", "4", check=False)
        rows.row("and says where they are too few", r.returncode != 0, r.out + r.err)

    def in_the_file(path):
        """What the database keeps of witnesses, verified offline; each thing that is wrong with it has its kind and size."""
        want = [x for v in lab.vkeys for x in ("--witness", v)]

        def verify(file, *args):
            r = lab.cli("audit", "log", "verify", "--database", file, "--json", *args, check=False)
            return r.returncode, json.loads(r.out)

        code, doc = verify(path, *want, "--witnesses-required", "2")
        rows.row("log verify --database counts them", code == 0 and doc["cosigned_notes"] > 3 and doc["cosigned"] >= 2 and doc["cosigned_size"] <= doc["size"], doc)
        size = doc["cosigned_size"]
        db = sqlite3.connect("file:%s?mode=ro&immutable=1" % path, uri=True)
        note, = db.execute("SELECT note FROM cosigned WHERE size=?", (size,)).fetchone()
        stored, = db.execute("SELECT note FROM checkpoint WHERE size=?", (size,)).fetchone()
        db.close()
        body, lines = note.split(b"\n\n")
        ours, *theirs = lines.splitlines(keepends=True)
        fake = base64.b64decode(theirs[0].split()[-1])
        fake = theirs[0].rsplit(b" ", 1)[0] + b" " + base64.b64encode(fake[:-1] + bytes([fake[-1] ^ 1])) + b"\n"
        own = base64.b64decode(ours.split()[-1])
        own = ours.rsplit(b" ", 1)[0] + b" " + base64.b64encode(own[:-1] + bytes([own[-1] ^ 1])) + b"\n"
        root = body.split(b"\n")[0] + b"\n%d\n" % size + base64.b64encode(bytes(32))
        rows.row("the note is the stored one and more", note.startswith(stored) and len(theirs) >= 2, note)
        for name, kind, change in (("another root", "cosigned", root + b"\n\n" + lines), ("without cosignatures", "cosigned", stored), ("empty", "cosigned", b""),
                                   ("rubbish", "cosigned", b"\xff" * 200), ("a forged cosignature", "cosignature", body + b"\n\n" + ours + fake + b"".join(theirs[1:])),
                                   ("a forged signature of the log", "checkpoint-signature", body + b"\n\n" + own + b"".join(theirs)),
                                   ("one witness alone", "witnesses", body + b"\n\n" + ours + theirs[0]), ("under another size", "cosigned", None)):
            copy = e.write(lab.path("work", "cosigned.db"), e.read(path))
            db = sqlite3.connect(copy)
            db.execute("DROP TRIGGER cosigned_no_update")
            db.execute("PRAGMA journal_mode=DELETE")
            if change is None:
                db.execute("UPDATE cosigned SET size=? WHERE size=?", (size + 100000, size))
            else:
                db.execute("UPDATE cosigned SET note=? WHERE size=?", (change, size))
            db.commit()
            db.close()
            code, doc = verify(copy, *want, "--witnesses-required", "2")
            fault = doc.get("fault", {})
            at = fault.get("index") == size + (100000 if change is None else 0)
            rows.row("%s: found as %s at its size" % (name, kind), code == 1 and fault.get("kind") == kind and at, (code, doc))

    def older_copy():
        """The whole disk comes back from yesterday: log and signer alike. Only the witnesses know better."""
        for service in ("door", "registrar", "signer"):
            lab.stop(service)
        for d in ("registrar", "signer"):
            shutil.copytree(lab.path(d), lab.path("yesterday", d))
        in_the_file(lab.path("yesterday", "registrar", "log.db"))
        for service in ("signer", "registrar", "door"):
            lab.start(service)
        rows.row("the service is back", lab.until(lambda: lab.ready()[0] == 200), lab.ready())
        release, _ = lab.approved(version="1.3.0")
        rows.row("a day's work", lab.until(lambda: lab.sign(release).status == 200), "")
        rows.row("is witnessed", lab.until(lambda: lab.get("/v1/log/checkpoint").status == 200))
        time.sleep(1.5)
        for service in ("door", "registrar", "signer"):
            lab.stop(service)
        for d in ("registrar", "signer"):
            shutil.rmtree(lab.path(d))
            shutil.copytree(lab.path("yesterday", d), lab.path(d))
            lab.own(lab.path(d), d)
        shutil.rmtree(lab.path("door"))
        lab.directories()
        for service in ("signer", "registrar", "door"):
            lab.start(service)
        told = lab.until(lambda: (lambda c: c if "an older copy" in c[1] else None)(lab.ready()))
        rows.row("yesterday's log is found out, and nothing is signed", told and told[0] == 503, told or lab.ready())
        release, _ = lab.approved(version="1.4.0")
        rows.equal("not with an approval either", lab.sign(release).status, 503)

    rows.parts(start_rule, leaves, too_few, restart, liars, impostor, verified, older_copy)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Witnessed)
