"""hallmark-signer as its operator and its registrar meet it: arguments, configuration, start order, keys, PINs, signatures
from several connections at once."""
import re
import subprocess
import threading
import time

from rows import row, run
from signer_lib import BUILD, PIN, SERVICE_USER, Client, Closed, Log, Release, sha256, world

SIGNER_RECENT_MAX = 256  # server/ipc/ipc_ops.h


def command_line(w):
    def call(*args):
        return subprocess.run([BUILD / "bin/hallmark-signer", *args], capture_output=True, text=True)

    row("--help", (r := call("--help")).returncode == 0 and "Usage: hallmark-signer" in r.stdout, r)
    row("--version", (r := call("--version")).returncode == 0 and r.stdout.startswith("hallmark-signer "), r)
    row("no arguments", (r := call()).returncode == 2 and "Usage" in r.stderr, r)
    row("unknown word", (r := call("frob", "--config", "x")).returncode == 2, r)
    row("no such configuration", (r := call("--config", "/nonexistent.json")).returncode == 78 and "/nonexistent.json" in r.stderr, r)
    row("--check-config", (r := w.signer("--check-config")).returncode == 0, r.stderr)
    r = w.signer("--check-config", colour="red")
    row("unknown member: file, line, name", r.returncode == 78 and re.search(r"signer.json:\d+: \$.colour", r.stderr), r.stderr)
    r = w.signer("--check-config", sign_timeout_ms=5)
    row("number out of range", r.returncode == 78 and "sign_timeout_ms" in r.stderr, r.stderr)
    r = w.signer("--check-config", log_token={"label": "production", "pin_file": "pin", "key_label": "log"})
    row("log key on a release token", r.returncode == 78 and "token of its own" in r.stderr, r.stderr)


def refuses_start(w):
    """Each is a refusal with its name."""
    def start(name, text, **changes):
        r = w.signer(**changes)
        row(name, r.returncode in (1, 77, 78) and text in r.stderr and PIN not in r.stderr, (r.returncode, r.stderr[-500:]))

    start("guards of another root", "guards", root_keys={"keys": [{"pem": w.approvers[1].pem()}], "threshold": 1})
    bad = bytearray((w.out / "guards.cbor").read_bytes())
    bad[-20] ^= 1
    (w.dir / "bad-guards.cbor").write_bytes(bad)
    start("guards with a flipped bit", "guards", guards=str(w.dir / "bad-guards.cbor"))
    start("no guards", "nowhere.cbor", guards=str(w.dir / "nowhere.cbor"))
    start("no such module", "cannot load the PKCS#11 module", pkcs11_module="/usr/lib/nothing.so")
    start("a module that is none", "not a PKCS#11 module", pkcs11_module=libc())
    start("no such token", "no slot has a token of this label", release_tokens=[{"label": "moon", "pin_file": "pin"}])
    start("no such log key", "holds no key", log_token={"label": "log", "pin_file": "pin", "key_label": "moon"})
    start("no guarded key on the tokens", "none of the keys",
          release_tokens=[{"label": "root", "pin_file": "pin"}])
    if SERVICE_USER:
        start("root without a user to become", "user", user=None)
        start("a user that does not exist", "does not exist", user="no-such-user")
        start("a user that is root", "root", user="root")
    start("a peer that does not exist", "does not exist", peer_user="no-such-user")


def libc():
    for line in open("/proc/self/maps"):
        if "libc.so" in line or "libc-" in line:
            return line.split()[-1]
    return "/lib/x86_64-linux-gnu/libc.so.6"


def pins(w):
    loose = w.dir / "loose"
    loose.write_text(PIN + "\n")
    loose.chmod(0o640)
    w.own()
    token = [{"label": "production", "pin_file": "loose"}]
    r = w.signer(release_tokens=token)
    row("a PIN file that others may read", r.returncode == 77 and "others may read" in r.stderr and "0640" in r.stderr, r.stderr)
    loose.chmod(0o600)
    loose.write_text("000000\n")
    r = w.signer(release_tokens=token)
    row("a wrong PIN is said, with its name", r.returncode == 77 and "CKR_PIN_INCORRECT" in r.stderr and "000000" not in r.stderr, r.stderr)
    r = w.signer(release_tokens=token)
    row("and not tried again", r.returncode == 77 and "refused before" in r.stderr and "CKR_" not in r.stderr, r.stderr)
    loose.write_text(PIN + "\n")
    client = w.start(release_tokens=token)
    row("the changed file is tried, and holds", len(client.hello()["keys"]) == 1)
    w.stop()
    row("the refusal is forgotten", not list(w.state.glob("pin-refused-*")))
    empty = w.dir / "empty"
    empty.write_text("")
    empty.chmod(0o600)
    w.own()
    r = w.signer(release_tokens=[{"label": "production", "pin_file": "empty"}])
    row("an empty PIN file", r.returncode == 77 and "one line with a PIN" in r.stderr, r.stderr)
    r = w.signer(release_tokens=[{"label": "production", "pin_file": "none"}])
    row("no PIN file", r.returncode == 1 and "cannot open the PIN file" in r.stderr, r.stderr)


def process(w, c):
    """What the running process is."""
    status = dict(line.split(":", 1) for line in open(f"/proc/{w.process.pid}/status").read().splitlines())
    row("no new privileges", status["NoNewPrivs"].strip() == "1")
    program = (BUILD / "bin/hallmark-signer").read_bytes()
    if b"__asan_init" not in program and b"__tsan_init" not in program:
        row("seccomp filter", status["Seccomp"].strip() == "2", status["Seccomp"])
    if SERVICE_USER:
        row("not root", "0" not in status["Uid"].split(), status["Uid"])


def parallel(w, c):
    """Checkpoints and signatures from several connections at once."""
    log = Log()
    rels = [Release(w, "development-2026.pem", "development", 100 + i) for i in range(8)]
    at = [log.append(**r.record) for r in rels]
    c.checkpoint(8, log.root(), 0, [])
    errors = []

    def sign(me):
        k = Client(w.run_dir / "signer.sock")
        for _ in range(20):
            for result, rel in zip(k.sign([r.item(log, i, 8) for r, i in zip(rels, at)]), rels):
                if result[0] != 0 or not rel.holds(result[1]):
                    errors.append((me, result))
        k.close()

    grown = log.copy()

    def grow():
        k = Client(w.run_dir / "signer.sock")
        for i in range(50):
            old = len(grown.records)
            grown.append(event="registrar.started", random=f"{i:064x}")
            k.checkpoint(old + 1, grown.root(), old, grown.consistency(old, old + 1))
        k.close()

    threads = [threading.Thread(target=sign, args=(i,)) for i in range(4)] + [threading.Thread(target=grow)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    row("640 signatures in 4 connections while 50 checkpoints are signed", not errors, errors[:2])
    row("the checkpoints are all there", c.hello()["size"] == 58)
    row("a checkpoint 50 back still serves rule 2", c.sign([rels[0].item(log, at[0], 8)])[0][0] == 0)
    for i in range(SIGNER_RECENT_MAX - 49):
        old = len(grown.records)
        grown.append(event="registrar.started", random=f"{i:064x}")
        c.checkpoint(old + 1, grown.root(), old, grown.consistency(old, old + 1))
    row("one 257 back does not", c.sign([rels[0].item(log, at[0], 8)])[0][0] == 10)


def registrar_restarts(w):
    """Connections that die do not matter."""
    for _ in range(40):
        k = w.client()
        k.sock.sendall(b"\x00\x00\x00\x08\x00\x01" + b"\x00" * 4)
        k.close()
    row("forty clients died half way", settled_size(w) > 0)
    many = []
    for _ in range(24):
        try:
            many.append(w.client())
        except OSError:
            pass
    time.sleep(0.2)
    served = 0
    for k in many:
        try:
            k.hello()
            served += 1
        except Exception:
            pass
        k.close()
    row("more than sixteen connections: the rest is turned away", 1 <= served <= 16, served)
    row("and it still serves", settled_size(w) > 0)


def settled_size(w):
    """The log's size, once those that went have given their places back."""
    end = time.monotonic() + 60
    while True:
        try:
            return w.client().hello()["size"]
        except (Closed, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def life(w):
    command_line(w)
    refuses_start(w)
    pins(w)
    c = w.start()
    process(w, c)
    h = c.hello()
    row("hello: two guarded keys with their tokens", len(h["keys"]) == 2 and all(sha256(spki) == k and serial for k, spki, serial in h["keys"]))
    row("hello: the guards document", h["guards"] == (w.out / "guards.cbor").read_bytes())
    row("hello: the verifier key", h["vkey"] == (w.out / "keys/log.vkey").read_text().strip())
    parallel(w, c)
    c.close()
    registrar_restarts(w)
    w.stop()


run(world(), life)
