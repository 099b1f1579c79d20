"""hallmark-witness over its real socket: every answer of C2SP tlog-witness, checked by an independent client."""
import http.client
import os
import socket
import stat
import subprocess
import time

from witness_lib import (BUILD, COPY, NAME, ORIGIN, SERVICE_USER, Key, Log, Tree, World, as_service, b64, cosigned_time, cosigner_of,
                         finish, good, is_status, request, row, run, server_context, sha256)

HASH = b64(bytes(32))


# --- 200, 409, and what is remembered ---

def life(w):
    log = w.log
    before = int(time.time())
    w.start()
    name, _, _ = cosigner_of(w.vkey)
    row("the verifier key line is of type 0x04 and of this name", name == NAME)
    monitor = "/%s/checkpoint" % sha256(ORIGIN.encode()).hex()
    is_status("nothing cosigned yet: no checkpoint to show", w.get(monitor), 404)
    a = w.add(0, 0)
    row("the empty tree", good(w, a, log.body(0)) is not None, a)
    log.tree.grow(7)
    a = w.add(0)
    when = good(w, a, log.body())
    row("a first checkpoint, without proof", when is not None, a)
    row("cosigned now", when is not None and before <= when <= time.time() + 1, when)
    row("one line, for people who look at it", a.type == "text/plain; charset=utf-8" and a.text.count("\n") == 1, a)
    note = w.get(monitor)
    row("the last one is shown: text, the log's signature, ours", note.status == 200 and
        note.text == log.note() + a.text, note)
    a = w.add(7)
    row("the same again: a cosignature again", good(w, a, log.body()) is not None, a)
    for size in (8, 9, 15, 16, 17, 100, 255, 256, 1000):
        old = len(log.tree.leaves)
        log.tree.grow(size - old)
        a = w.add(old)
        row("from %d to %d" % (old, size), good(w, a, log.body()) is not None, a)
    for old in (0, 1, 999):
        a = w.add(old)
        row("old size %d: 409 and where the witness is" % old, (a.status, a.type, a.text) == (409, "text/x.tlog.size", "1000\n"), a)
    a = w.add(0, 7)
    row("an older checkpoint of the log: 409", (a.status, a.text) == (409, "1000\n"), a)
    row("SIGTERM ends it with 0", w.stop() == 0)
    w.start()
    note = w.get(monitor)
    row("a restart remembers the checkpoint", note.status == 200 and note.text.startswith(log.note()), note)
    log.tree.grow(1)
    a = w.add(1000)
    row("and goes on", good(w, a, log.body()) is not None, a)
    lines = w.command("status").stdout.splitlines()
    row("status shows it beside the running witness", len(lines) == 2 and lines[1].split()[1] == "1001" and
        lines[1].split()[2] == log.tree.root().hex()[:16] and lines[1].split()[3] == ORIGIN, lines)
    row("vkey prints the same line", w.command("vkey").stdout.strip() == w.vkey)


# --- 400: not a request ---

def malformed(w):
    log = w.log
    log.tree.grow(5)
    note = log.note()
    body = log.body()
    sig = log.key.sign(body)
    w.start()
    rows = {
        "empty": "", "no newline": "old 0", "no note": "old 0\n\n", "no blank line": "old 0\n" + note,
        "no old line": "\n" + note, "old with a zero before it": request("00", [], note), "old negative": request("-1", [], note),
        "old hex": request("0x0", [], note), "old with a space behind": request("0 ", [], note), "old empty": request("", [], note),
        "old 2^64": request(2**64, [], note), "Old": request(0, [], note).replace("old", "Old", 1),
        "two spaces": request(" 0", [], note), "carriage returns": request(0, [], note).replace("\n", "\r\n"),
        "a hash that is none": request(0, ["AAAA"], note), "a hash unpadded": request(0, [HASH[:-1]], note),
        "a hash not canonical": request(0, [HASH[:-2] + "B="], note), "64 hashes": request(0, [HASH] * 64, note),
        "binary": "\0\xff" * 50, "a note without signatures' blank line": request(0, [], body + sig),
        "size with a zero before it": request(0, [], note.replace("\n5\n", "\n05\n")),
        "size missing": request(0, [], note.replace("\n5\n", "\n\n")), "root short": request(0, [], "%s\n5\nAAAA\n\n%s" % (ORIGIN, sig)),
        "origin empty": request(0, [], "\n5\n%s\n\n%s" % (HASH, sig)), "origin with space": request(0, [], note.replace(ORIGIN, "a b", 1)),
        "text for a signature": request(0, [], note + "hello\n"), "signature cut": request(0, [], note[:-1]),
        "hyphen for dash": request(0, [], note.replace("\u2014", "-")), "one key twice": request(0, [], note + sig),
        "17 signatures": request(0, [], note + "".join("\u2014 s%d AAAAAQQE\n" % i for i in range(16))),
        "a control character in an extension line": request(0, [], log.note(extra="a\tb\n")),
    }
    for name, data in rows.items():
        a = w.post(data)
        row("400: " + name, a.status == 400 and a.text.endswith("\n") and len(a.text) > 5, a)
    is_status("400: a text of more than 4096 bytes", w.add(0, extra="x" * 4096 + "\n"), 400, "4096")
    is_status("400: old size above the checkpoint's", w.add(6), 400, "above")
    is_status("413: more than 64 KiB", w.post(request(0, [], note) + "x" * 65536), 413)
    a = w.add(0)
    row("and after all that a good one", good(w, a, body) is not None, a)
    is_status("old above is 400 before 409", w.add(7), 400)
    row("16 signatures, 15 of them of strangers, are read", w.post(request(5, [], note + "".join(
        "\u2014 s%d %s\n" % (i, b64(bytes(range(9)) * 300)) for i in range(15)))).status == 200)
    row("63 hashes are read, and refused as a proof", w.post(request(5, [HASH] * 63, note)).status == 422)


# --- 403, 404: whose it is ---

def whose(w):
    log, other = w.logs
    log.tree.grow(5)
    other.tree.grow(3)
    w.start()
    stranger = Key(ORIGIN)
    body = log.body()
    note = log.note()
    blob = bytearray(log.key.private.sign(body.encode()))
    blob[7] ^= 1
    is_status("403: no signature", w.add(0, keys=[]), 403)
    is_status("403: a stranger's signature under the log's name", w.add(0, keys=[stranger]), 403)
    is_status("403: the log's key id with a wrong signature", w.post(request(0, [], body + "\n" + log.key.line(bytes(blob)))), 403)
    is_status("403: a signature a byte short", w.post(request(0, [], body + "\n" + log.key.line(bytes(blob)[:63]))), 403)
    is_status("403: a signature a byte long", w.post(request(0, [], body + "\n" + log.key.line(bytes(blob) + b"\0"))), 403)
    is_status("403: signed over another size", w.post(request(0, [], note.replace("\n5\n", "\n6\n"))), 403)
    is_status("403: the key of another log that is watched", w.add(0, keys=[Key(ORIGIN, private=other.key.private)]), 403)
    is_status("403: signed by the other log under its own name", w.add(0, keys=[other.key]), 403)
    as_witness = Key(ORIGIN, 4, log.key.private)
    is_status("403: a cosignature where a signature belongs", w.post(request(0, [], body + "\n" + as_witness.line(
        (5).to_bytes(8, "big") + log.key.private.sign(("cosignature/v1\ntime 5\n" + body).encode())))), 403)
    unknown = Log("log.example/unknown", 5)
    is_status("404: a log that nobody configured", w.add(0, log=unknown), 404)
    is_status("404: the same key under another origin", w.add(0, log=Log("log.example/on", 5, Key("log.example/on", private=log.key.private))), 404)
    is_status("404: the origin in another case", w.add(0, log=Log(ORIGIN.upper(), 5)), 404)
    a = w.add(0, keys=[stranger, log.key, Key("w.example")])
    row("strangers' lines beside the log's are ignored", good(w, a, body) is not None, a)
    shown = w.get("/%s/checkpoint" % sha256(ORIGIN.encode()).hex()).text
    row("and are not shown", shown == note + a.text, shown)
    a = w.add(0, log=other)
    row("logs are watched apart", good(w, a, other.body()) is not None, a)
    row("metrics: size of each", w.metric('hallmark_witness_size{origin="%s"}' % ORIGIN) == 5 and
        w.metric('hallmark_witness_size{origin="%s"}' % other.origin) == 3)
    row("metrics: verdicts of each", w.metric('hallmark_witness_checkpoints_total{origin="%s",verdict="not_signed"}' % ORIGIN) == 9)


# --- 422: what does not extend ---

def inconsistent(w):
    log = w.log
    log.tree.grow(13)
    w.start()
    is_status("422: an empty tree with another root", w.post(request(0, [], "%s\n0\n%s\n\n%s" % (ORIGIN, HASH, log.key.sign(
        "%s\n0\n%s\n" % (ORIGIN, HASH))))), 422)
    is_status("422: a proof from nothing", w.add(0, hashes=[bytes(32)]), 422)
    row("to 6", good(w, w.add(0, 6), log.body(6)) is not None)
    proof = log.tree.consistency(6)
    flipped = [bytes([proof[0][0] ^ 1]) + proof[0][1:]] + proof[1:]
    for name, hashes in (("no proof", []), ("a hash less", proof[:-1]), ("a hash more", proof + [bytes(32)]), ("a flipped bit", flipped),
                         ("another order", proof[::-1]), ("the proof of another size", log.tree.consistency(6, 12)),
                         ("the proof from another size", log.tree.consistency(5))):
        is_status("422: " + name, w.add(6, hashes=hashes), 422, "no proof")
    is_status("422: a proof between equal sizes", w.add(6, 6, hashes=[bytes(32)]), 422)
    fork = log.tree.fork(5).grow(1, b"fork").grow(7)
    is_status("422: the same size with another root", w.add(6, 6, tree=fork), 422, "two histories")
    is_status("422: a longer fork with its own proof", w.add(6, 13, tree=fork), 422, "no proof")
    row("the honest one goes on", good(w, w.add(6), log.body()) is not None)


# --- other logs' habits ---

def habits(w):
    log = w.log
    log.tree.grow(5)
    w.start()
    a = w.add(0, extra="Timestamp: 1679315147\nanother \u00fc line\n")
    row("extension lines are cosigned with the rest", good(w, a, log.body(extra="Timestamp: 1679315147\nanother \u00fc line\n")) is not None, a)
    row("and are not the plain text", good(w, a, log.body()) is None)
    a = w.add(5)
    row("the same size without them", good(w, a, log.body()) is not None, a)
    log.tree.grow(3)
    a = w.post(request(5, log.tree.consistency(5), log.note()).encode())
    row("binary body", a.status == 200)
    new = Key("a.name.of.its.own/2")
    w.stop()
    w.config["logs"][0]["keys"].append(new.vkey)
    w.start()
    a = w.add(8, keys=[new])
    row("a second key of the log, under another name", good(w, a, log.body()) is not None, a)
    row("one good signature does not excuse a bad one", w.post(request(8, [], log.note() + new.line(bytes(64)))).status == 403)
    w.stop()
    w.config["logs"][0]["keys"] = [new.vkey]
    w.start()
    is_status("the old key is gone", w.add(8), 403)
    log.tree.grow(1)
    a = w.add(8, keys=[new])
    row("the state outlives the keys", good(w, a, log.body()) is not None, a)


# --- HTTP ---

def plain_http(w):
    log = w.log
    log.tree.grow(2)
    w.start()
    c = w.connect()
    first = w.post(request(0, [], log.note()), connection=c)
    sock = c.sock
    log.tree.grow(2)
    second = w.post(request(2, log.tree.consistency(2), log.note()), connection=c)
    refused = w.post("nothing", connection=c)
    row("one connection for several requests", (first.status, second.status, refused.status) == (200, 200, 400) and c.sock is sock)
    c.close()
    row("healthz", (w.get("/healthz").status, w.get("/healthz").text) == (200, "ok\n"))
    head = w.ask("HEAD", "/healthz")
    row("HEAD", head.status == 200 and head.text == "" and head.headers["Content-Length"] == "3", head)
    for method, path, allow in (("GET", "/add-checkpoint", "POST"), ("PUT", "/add-checkpoint", "POST"), ("POST", "/healthz", "GET, HEAD"),
                                ("DELETE", "/metrics", "GET, HEAD"), ("POST", "/%s/checkpoint" % ("0" * 64), "GET, HEAD")):
        a = w.ask(method, path)
        row("405: %s %s" % (method, path[:20]), a.status == 405 and a.headers["Allow"] == allow, a)
    for path in ("/", "/add-checkpoint/", "/Add-checkpoint", "/%61dd-checkpoint", "/healthz%00", "/checkpoint", "/sign-subtree", "/../healthz",
                 "/%s/checkpoint" % sha256(b"x").hex()[:-1], "/%s/checkpoint" % sha256(ORIGIN.encode()).hex().upper()):
        row("404: GET %s" % path[:30], w.get(path).status == 404)
    is_status("404: a log that nobody configured", w.get("/%s/checkpoint" % sha256(b"x").hex()), 404)
    chunks = iter([b"old 4\n", b"\n", log.note().encode()])
    c = w.connect()
    c.request("POST", "/add-checkpoint", body=chunks, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    row("a body in chunks", c.getresponse().status == 200)
    c.close()
    h = b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n"
    for name, data in (("two Content-Lengths", h + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nold"),
                       ("two different Content-Lengths", h + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nold "),
                       ("Content-Length and chunked", h + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                       ("no Host", b"GET /healthz HTTP/1.1\r\n\r\n"), ("two Hosts", b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
                       ("a Content-Length that is none", h + b"Content-Length: 3x\r\n\r\nold")):
        out = w.raw(data)
        row("400 and closed: " + name, b" 400 " in out.split(b"\r\n")[0] or out == b"", out[:60])
    out = w.raw(h + b"Content-Length: 65537\r\n\r\n")
    row("413 before the body is sent, and closed", b" 413 " in out.split(b"\r\n")[0] and b"Connection: close" in out, out[:100])
    out = w.raw(h + b"Content-Length: 99999999999999999999\r\n\r\n")
    row("a length beyond any number", out.split(b"\r\n")[0].split(b" ")[1:2] in ([b"400"], [b"413"], []), out[:60])
    row("it still serves", w.get("/healthz").status == 200)


def endless(w):
    """Chunks without end: the connection is cut, and memory does not grow."""
    w.start()
    with socket.create_connection(("127.0.0.1", w.port), timeout=20) as s:
        s.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent, start = 0, time.time()
        try:
            while time.time() - start < 40:
                s.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
                sent += 0x4000
        except OSError:
            pass
    row("a body without end is cut off in time", time.time() - start < 30, "%d bytes in %.1f s" % (sent, time.time() - start))
    with open("/proc/%d/status" % w.process.pid) as f:
        kib = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    row("and costs no memory", "sanitize" in str(BUILD) or "asan" in str(BUILD) or kib < 64 * 1024, kib)


def slow(w):
    """Each phase has its time."""
    w.log.tree.grow(1)
    w.start()
    head = b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 1000\r\n\r\n"
    for name, data in (("nothing", b""), ("half a head", b"POST /add-ch"), ("a head", head), ("half a body", head + b"old 0\n")):
        start = time.time()
        out = w.raw(data)
        row("cut off: %s" % name, out == b"" and 1.0 < time.time() - start < 30, (out[:40], time.time() - start))
    with socket.create_connection(("127.0.0.1", w.port), timeout=60) as s:
        start = time.time()
        try:
            for byte in head + b"o" * 1000:
                s.sendall(bytes([byte]))
                time.sleep(0.05)
        except OSError:
            pass
        row("cut off: a byte at a time", time.time() - start < 30, time.time() - start)
    row("counted", w.metric("hallmark_witness_connections_cut_total") >= 5, w.metric("hallmark_witness_connections_cut_total"))
    c = w.connect()
    w.post("x", connection=c)
    c.sock.settimeout(30)
    try:
        gone = c.sock.recv(1) == b""
    except OSError as e:
        gone = not isinstance(e, TimeoutError)
    row("an idle connection is closed", gone)


def crowd(w):
    w.start()
    held = [socket.create_connection(("127.0.0.1", w.port), timeout=10) for _ in range(12)]
    time.sleep(0.5)
    row("not more connections than configured", w.process.poll() is None and threads(w) < 12, threads(w))
    for s in held:
        s.close()
    deadline = time.time() + 60
    while not serves(w) and time.time() < deadline:
        time.sleep(0.1)
    row("and it serves again", serves(w))


def serves(w):
    try:
        return w.get("/healthz").status == 200
    except (OSError, http.client.HTTPException):  # their places are not all free yet
        return False


def threads(w):
    return len(os.listdir("/proc/%d/task" % w.process.pid))


def tls(w):
    w.tls = server_context(w.dir)
    w.own()
    w.config.update(tls_certificate="tls.pem", tls_key="tls.key")
    w.log.tree.grow(3)
    w.start()
    a = w.add(0)
    row("over TLS", good(w, a, w.log.body()) is not None, a)
    out = w.raw(b"GET /healthz HTTP/1.1\r\nHost: w\r\n\r\n")
    row("plain HTTP is not served there", b"200" not in out, out[:40])
    r = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % w.port, "-tls1_2"], input=b"", capture_output=True, timeout=120)
    row("nothing below TLS 1.3", b"Cipher is (NONE)" in r.stdout or b"alert" in r.stderr, r.stdout[-200:])
    w.stop()
    (w.dir / "tls.key").write_text((w.dir / "tls.pem").read_text())
    r = w.command(expect=None)
    row("a key that is none: not started, and said", r.returncode == 78 and "tls_key" in r.stderr, r)


# --- keys, first states, command line ---

def keys(w):
    path = w.dir / "key.pem"
    pem = path.read_bytes()
    row("the key file is its user's alone", stat.S_IMODE(path.stat().st_mode) == 0o400, oct(path.stat().st_mode))
    text = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], capture_output=True, text=True).stdout
    row("openssl reads it: Ed25519", "ED25519 Private-Key" in text, text)
    r = w.command("keygen", expect=1)
    row("keygen does not replace a key", "exists already" in r.stderr and path.read_bytes() == pem, r.stderr)
    row("nothing is left beside it", not list(w.dir.glob("key.pem?*")))

    def attempt(name, text, code=1):
        r = w.command(expect=None)
        row(name, r.returncode == code and text in r.stderr and "PRIVATE" not in r.stderr, r)

    path.chmod(0o440)
    attempt("a key that others may read", "others may read")
    path.chmod(0o600)
    path.write_bytes(b"not a key")
    attempt("no key in the file", "PEM private key")
    path.write_bytes(b"x" * 5000)
    attempt("a file too large for a key", "no key file")
    for name, make in (("another algorithm", ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
                       ("an encrypted key", ["openssl", "genpkey", "-algorithm", "ED25519", "-aes256", "-pass", "pass:x"])):
        path.write_bytes(subprocess.run(make, capture_output=True, check=True).stdout)
        attempt(name, "expected an Ed25519 key that is not encrypted")
    path.write_bytes(subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519"], capture_output=True, check=True).stdout)
    row("a key made by openssl is taken", w.command("vkey").stdout.startswith(NAME + "+"))
    if SERVICE_USER:
        os.chown(path, 0, 0)
        attempt("a key of another user", "cannot open")
    path.unlink()
    attempt("no key", "hallmark-witness keygen")


def first_states(w):
    log = w.log
    r = w.command(expect=3)
    row("no state: not started, exit code 3, and what to do", "hallmark-witness init " + ORIGIN in r.stderr, r.stderr)
    r = w.command("init", "log.example/other", expect=78)
    row("init of a log that is not configured", "no log of the configuration" in r.stderr, r.stderr)
    w.command("init", ORIGIN)
    row("two copies", len(w.state_file().read_bytes()) == 2 * COPY)
    row("its user's alone", stat.S_IMODE(w.state_file().stat().st_mode) == 0o600)
    keep = w.state_file().read_bytes()
    r = w.command("init", ORIGIN, expect=1)
    row("init again is refused and changes nothing", "exists already" in r.stderr and w.state_file().read_bytes() == keep, r.stderr)
    other = Log("log.example/two", 3)
    w.config["logs"].append({"origin": other.origin, "keys": [other.key.vkey]})
    r = w.command(expect=3)
    row("a log that is new in the configuration needs its own init", other.origin in r.stderr, r.stderr)
    w.state_file().unlink()
    log.tree.grow(20)

    def begin(name, text, expect, code=0):
        (w.dir / "cp").write_text(text)
        r = w.command("init", ORIGIN, "--checkpoint", w.dir / "cp", expect=code)
        return row(name, expect in r.stderr + r.stdout and w.state_file().exists() == (code == 0), r)

    begin("begin at a checkpoint: signed by a stranger", log.note(9, keys=[Key(ORIGIN)]), "not signed", 1)
    begin("begin at a checkpoint: of another log", other.note(), "expected " + ORIGIN, 1)
    begin("begin at a checkpoint: cut", log.note(9)[:-1], "malformed", 1)
    begin("begin at a checkpoint: empty file", "", "empty", 1)
    begin("begin at a checkpoint", log.note(9) + Key("w.example", 4).line(bytes(72)), "ready")
    w.command("init", other.origin)
    w.start()
    a = w.add(0)
    row("it begins there", (a.status, a.text) == (409, "9\n"), a)
    is_status("it has cosigned nothing yet", w.get("/%s/checkpoint" % sha256(ORIGIN.encode()).hex()), 404)
    is_status("and believes no other history", w.add(9, tree=Tree().grow(20, b"fork")), 422)
    a = w.add(9, 9)
    row("the checkpoint itself is cosigned", good(w, a, log.body(9)) is not None, a)
    a = w.add(9)
    row("and what extends it", good(w, a, log.body()) is not None, a)


def usage(w):
    def call(*args):
        return as_service([BUILD / "bin/hallmark-witness", *args], capture_output=True, text=True, timeout=120)
    config = w.write_config()
    for args in ((), ("--config",), ("--config", config, "dance"), ("--config", config, "init"), ("--config", config, "init", "a", "b"),
                 ("--config", config, "serve", "now"), ("--config", config, "--checkpoint", "x"), ("--nonsense",),
                 ("--config", config, "keygen", "--checkpoint", "x"), ("--config", config, "--check-config", "serve")):
        r = call(*args)
        row("wrong usage: %s" % (" ".join(str(a) for a in args[1:]) or "nothing"), r.returncode == 2 and "Usage:" in r.stderr, r)
    for option in ("--check-config", "--check"):
        row(option, call("--config", config, option).stdout.strip() == "%s: configuration is valid" % config)
    row("--help", "keygen" in call("--help").stdout and call("--help").returncode == 0)
    row("--version", call("--version").stdout.startswith("hallmark-witness "))
    row("no configuration", call("--config", "/nonexistent").returncode == 78)


for part, world in ((life, {}), (malformed, {}), (whose, {"logs": [Log(), Log("log.example/two")]}), (inconsistent, {}), (habits, {}),
                    (plain_http, {}), (endless, {"request_timeout_s": 2}), (slow, {"request_timeout_s": 2, "idle_timeout_s": 2}),
                    (crowd, {"max_connections": 8, "max_connections_per_ip": 8}), (tls, {}), (keys, {}), (first_states, {"init": False}),
                    (usage, {})):
    print("--- %s" % part.__name__)
    run(part, **world)
finish()
