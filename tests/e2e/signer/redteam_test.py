"""What a registrar that was taken over may try: each attempt must be refused with its reason, and the signer must go on
serving. The other side of the socket is python here."""
import base64
import sys

from rows import closed, refused, row, run
from signer_lib import (CHECKPOINT, HELLO, ORIGIN, PIN, PROTOCOL, SERVICE_USER, SIGN, Approver, Client, Log, Release, as_service, blob,
                        group, sha256, u64, world)

E_MALFORMED, E_LIMIT, E_UNSUPPORTED, E_DENIED, E_HISTORY, E_EXPIRED, E_NOT_FOUND = 1, 2, 3, 5, 10, 9, 6


def checkpoints(c, log):
    """Rule 1. The log has 5 records; a checkpoint of size 5 was signed."""
    fork = log.copy(3)
    for i in range(4):
        fork.append(event="registrar.started", random=f"{i:064x}")
    refused("fork of the same size", lambda: c.checkpoint(5, fork.root(5), 5, []), "forked", E_HISTORY)
    refused("fork that is longer", lambda: c.checkpoint(7, fork.root(), 5, fork.consistency(5, 7)), "does not extend", E_HISTORY)
    refused("fork proven from its own past", lambda: c.checkpoint(7, fork.root(), 3, fork.consistency(3, 7)), "prove from",
            E_HISTORY)
    refused("rollback", lambda: c.checkpoint(3, log.root(3), 5, []), "rolled back", E_HISTORY)
    refused("rollback with old = size", lambda: c.checkpoint(3, log.root(3), 3, []), "rolled back", E_HISTORY)
    refused("cut to nothing", lambda: c.checkpoint(0, sha256(b""), 0, []), "rolled back", E_HISTORY)
    refused("a new log from size 0", lambda: c.checkpoint(7, fork.root(), 0, []), "prove from", E_HISTORY)
    longer = log.copy()
    longer.append(event="registrar.started", random="11" * 32)
    proof = longer.consistency(5, 6)
    refused("no proof", lambda: c.checkpoint(6, longer.root(), 5, []), "does not hold", E_HISTORY)
    refused("proof with one hash too many", lambda: c.checkpoint(6, longer.root(), 5, proof + [proof[0]]), "", E_HISTORY)
    refused("proof cut short", lambda: c.checkpoint(6, longer.root(), 5, proof[:-1]), "", E_HISTORY)
    for i in range(len(proof)):
        bad = list(proof)
        bad[i] = bytes([bad[i][0] ^ 1]) + bad[i][1:]
        refused(f"proof with a flipped bit in hash {i}", lambda bad=bad: c.checkpoint(6, longer.root(), 5, bad), "", E_HISTORY)
    root = longer.root()
    refused("root with a flipped bit", lambda: c.checkpoint(6, bytes([root[0] ^ 1]) + root[1:], 5, proof), "", E_HISTORY)
    refused("size above any", lambda: c.checkpoint(1 << 60, root, 5, proof), "larger", E_LIMIT)
    refused("a proof of 64 hashes", lambda: c.checkpoint(6, root, 5, [root] * 64), "", E_LIMIT)
    row("the last checkpoint is untouched", c.hello()["size"] == 5)


def one(c, item):
    return c.sign([item])[0]


def denied(c, name, item, text, code=E_DENIED):
    found = one(c, item)
    row(name, found[0] == code and text in found[1].decode(errors="replace"), found)


def inclusion(c, w, log, rel, i):
    """Rule 2."""
    size = len(log.records)
    good = rel.item(log, i, size)
    row("a good one is signed (so what follows fails for its own reason)", one(c, good)[0] == 0)
    row("each one of a batch is judged alone", [x[0] for x in c.sign([good, rel.item(log, 0, size), good])] == [0, E_DENIED, 0])
    denied(c, "record that is not sign.intended", rel.item(log, 0, size), "expected sign.intended")
    unlogged = log.copy()
    late = unlogged.append(**rel.record)
    denied(c, "record after the last checkpoint", rel.item(unlogged, late, late + 1), "no checkpoint of size", E_HISTORY)
    denied(c, "record that is in no log", rel.item(log, i, size, record=unlogged.records[late]), "not under the checkpoint",
           E_HISTORY)
    denied(c, "wrong index", rel.item(log, i, size, index=i + 1, path=log.inclusion(i, 0, size)), "not under", E_HISTORY)
    denied(c, "index beyond the log", rel.item(log, i, size, index=size, path=log.inclusion(i, 0, size)), "not under", E_HISTORY)
    path = log.inclusion(i, 0, size)
    denied(c, "no path", rel.item(log, i, size, path=[]), "not under", E_HISTORY)
    for k in range(len(path)):
        bad = list(path)
        bad[k] = bytes([bad[k][0] ^ 0x80]) + bad[k][1:]
        denied(c, f"path with a flipped bit in hash {k}", rel.item(log, i, size, path=bad), "not under", E_HISTORY)
    raw = log.records[i]
    for k in (0, len(raw) // 2, len(raw) - 1):
        bad = raw[:k] + bytes([raw[k] ^ 1]) + raw[k + 1:]
        denied(c, f"record with a flipped bit at {k}", rel.item(log, i, size, record=bad), "not under", E_HISTORY)
    denied(c, "other bytes to be signed", rel.item(log, i, size, tbs=rel.tbs[:-1] + b"\x00"), "other bytes")
    denied(c, "no bytes to be signed", rel.item(log, i, size, tbs=b""), "other bytes")
    denied(c, "another key of this signer", rel.item(log, i, size, key=w.key_id("development-2026.pem")), "does not name this key")
    denied(c, "a key that the signer does not have", rel.item(log, i, size, key=sha256(b"x")), "no such key", E_NOT_FOUND)
    denied(c, "the root key", rel.item(log, i, size, key=w.key_id("root.pem")), "no such key", E_NOT_FOUND)
    denied(c, "a checkpoint that was never signed", rel.item(log, i, size - 1), "no checkpoint of size", E_HISTORY)


def records(c, w, log, rel):
    """Records that a taken-over registrar put into the log itself."""
    def put(**other):
        return log.append(**{**rel.record, **other})

    cases = {
        "result instead of intention": (put(event="sign.failed", intent=1, outcome="token"), "expected sign.intended"),
        "record without keys": (log.append(**{k: v for k, v in rel.record.items() if k != "keys"}), "does not name"),
        "record of another mechanism": (put(keys=[{**rel.record["keys"][0], "mechanism": "Ed25519"}]), "mechanism"),
        "record of other bytes": (put(keys=[{**rel.record["keys"][0], "tbs": "00" * 32}]), "other bytes"),
        "record without statement": (log.append(**{k: v for k, v in rel.record.items() if k != "statement"}), "not the one"),
        "record of another statement": (put(statement="00" * 32), "not the one"),
        "record of another manifest": (put(manifest="00" * 32), "same release"),
        "record without manifest": (log.append(**{k: v for k, v in rel.record.items() if k != "manifest"}), "same release"),
        "record of another sequence": (put(sequence=99), "same release"),
        "record of another product": (put(product="edge-radio"), "same release"),
        "record of another version": (put(version="9.9.9"), "same release"),
        "record of another channel": (put(channel="nightly"), "same release"),
        "record of another release": (put(release="r18"), "same release"),
        "record of another environment": (put(environment="staging"), "another environment than the guard's"),
    }
    liar = log.append_raw(log.records[-1])
    cases["record with another's index"] = (liar, "says of itself")
    spaced = log.append_raw(log.records[-1].replace(b'":', b'": ', 1))
    junk = log.append_raw(b"\xff\xfe no json at all")
    empty = log.append_raw(b"")
    deep = log.append_raw(b"[" * 60000)
    before = c.hello()["size"]
    c.checkpoint(len(log.records), log.root(), before, log.consistency(before, len(log.records)))
    for name, (index, text) in cases.items():
        denied(c, name, rel.item(log, index, len(log.records)), text)
    for name, index in {"record that is not canonical": spaced, "record of junk": junk, "empty record": empty,
                        "record of brackets": deep}.items():
        found = one(c, rel.item(log, index, len(log.records)))
        row(name, found[0] in (E_MALFORMED, E_LIMIT), found)


def guards(c, w, log):
    """Rule 3. One intention, many attempts to have it approved."""
    rel = Release(w, sequence=40)
    other = Release(w, sequence=41, version="2.1.1")
    index = log.append(**rel.record)
    size = len(log.records)
    before = c.hello()["size"]
    c.checkpoint(size, log.root(), before, log.consistency(before, size))
    a, b, third = w.approvers
    good = [a.approve(rel.statement), b.approve(rel.statement)]

    def attempt(name, approvals, text="demands 2 approvals"):
        denied(c, name, rel.item(log, index, size, approvals=approvals), text)

    stranger = Approver("p256")
    attempt("no approval", [], "none was sent")
    attempt("one approval too few", good[:1])
    attempt("the same document twice", [good[0], good[0]], "signed twice")
    attempt("the same key twice, as SSH and as DSSE", [a.approve_ssh(rel.statement), a.approve_dsse(rel.statement)], "signed twice")
    attempt("a stranger's approval", [good[0], stranger.approve(rel.statement)], "none of 3 known keys")
    attempt("wrong SSH namespace", [good[1], a.approve_ssh(rel.statement, "hallmark-submit")])
    attempt("SSH namespace file", [good[1], a.approve_ssh(rel.statement, "file")])
    attempt("wrong payload type", [good[0], b.approve_dsse(rel.statement, "application/vnd.hallmark.release-rejection")])
    attempt("approvals of another release", [a.approve(other.statement), b.approve(other.statement)], "another statement")
    attempt("one of them of another release", [good[0], b.approve(other.statement)], "another statement")
    attempt("payload swapped under a signature",
            [good[0], b.approve(other.statement).replace(*payloads(other.statement, rel.statement))])
    attempt("junk", [good[0], b"\x00\xff", b"{}", b"[]", b"", b'{"payload":1,"sshsig":2}'])
    for k in range(0, len(good[1]), max(1, len(good[1]) // 24)):
        bad = good[1][:k] + bytes([good[1][k] ^ 1]) + good[1][k + 1:]
        found = one(c, rel.item(log, index, size, approvals=[good[0], bad]))
        row(f"approval with a flipped bit at {k}", found[0] == E_DENIED, found)
    denied(c, "statement of another release, with its approvals",
           other.item(log, index, size, approvals=[a.approve(other.statement), b.approve(other.statement)]), "rule 2")
    row("strangers beside enough approvals do no harm",
        one(c, rel.item(log, index, size, approvals=[stranger.approve(rel.statement), good[0], b"junk", good[1]]))[0] == 0)
    row("two of three, any two", one(c, rel.item(log, index, size, approvals=[third.approve(rel.statement), good[1]]))[0] == 0)


def payloads(old, new):
    return base64.b64encode(old), base64.b64encode(new)


def statements(c, w, log):
    """Statements that enough approvers signed, but that do not say what the record says."""
    a, b, _ = w.approvers
    key = w.key_id("release.pem").hex()
    dev = w.key_id("development-2026.pem").hex()
    cases = {
        "another origin": ({"origin": "evil.example/log"}, "another log", E_DENIED),
        "another product": ({"product": "edge-radio"}, "same release", E_DENIED),
        "another version": ({"version": "2.1.2"}, "same release", E_DENIED),
        "another channel": ({"channel": "nightly"}, "same release", E_DENIED),
        "another release": ({"release": "r18"}, "same release", E_DENIED),
        "another sequence": ({"sequence": "13"}, "same release", E_DENIED),
        "another manifest": ({"manifest": f"sha256:{'00' * 32}"}, "same release", E_DENIED),
        "another environment": ({"environment": "staging"}, "environment", E_DENIED),
        "another key": ({"sign": f"sha256:{dev} ESP256 sha256:{'00' * 32}"}, "does not name this key", E_DENIED),
        "other bytes": ({"sign": f"sha256:{key} ESP256 sha256:{'00' * 32}"}, "does not name this key", E_DENIED),
        "another mechanism": ({"sign": f"sha256:{key} Ed25519 sha256:{'00' * 32}"}, "", None),
        "expired": ({"expires": "2026-01-01T00:00:00Z"}, "expired", E_EXPIRED),
        "no such day": ({"expires": "2026-02-30T00:00:00Z"}, "statement", E_MALFORMED),
        "a line too many": ({"expires": "2099-01-01T00:00:00Z\nmore x"}, "statement", E_MALFORMED),
    }
    rels = {}
    for n, (name, (changes, text, code)) in enumerate(cases.items()):
        rel = Release(w, sequence=60, changes=changes)
        rel.approvals = [a.approve(rel.statement), b.approve(rel.statement)]
        rels[name] = (rel, log.append(**rel.record), text, code)
    size = len(log.records)
    before = c.hello()["size"]
    c.checkpoint(size, log.root(), before, log.consistency(before, size))
    for name, (rel, index, text, code) in rels.items():
        found = one(c, rel.item(log, index, size))
        row(f"approved statement with {name}", found[0] == (code or found[0]) and found[0] != 0 and
            text in found[1].decode(errors="replace"), found)


def development(c, w, log):
    """M = 0 needs no approval, but everything else."""
    dev = Release(w, "development-2026.pem", "development", 70)
    index = log.append(**dev.record)
    posing = log.append(**{**dev.record, "environment": "production"})
    size = len(log.records)
    before = c.hello()["size"]
    c.checkpoint(size, log.root(), before, log.consistency(before, size))
    denied(c, "a development key that the log would call production's", dev.item(log, posing, size), "another environment than the guard's")
    found = one(c, dev.item(log, index, size))
    row("a development key signs without approval", found[0] == 0 and dev.holds(found[1]), found)
    denied(c, "but not another statement", dev.item(log, index, size, statement=b"x"), "not the one")
    denied(c, "nor other bytes", dev.item(log, index, size, tbs=b"x"), "other bytes")
    denied(c, "nor for the production key", dev.item(log, index, size, key=w.key_id("release.pem")), "does not name this key")


def frames(w, rel, log, index, size):
    """The protocol itself."""
    c = w.client()
    for op in (0, 5, 6, 255, 65535):
        closed(f"operation {op}", lambda op=op: w.client().call(op))
    refused("another protocol", lambda: c.hello(PROTOCOL + 1), "protocol", E_UNSUPPORTED)
    refused("hello without body", lambda: c.call(HELLO), "", E_MALFORMED)
    refused("hello with trailing bytes", lambda: c.call(HELLO, u64(PROTOCOL) + b"x"), "too many", E_MALFORMED)
    refused("65 signatures at once", lambda: c.call(SIGN, u64(65)), "", E_LIMIT)
    refused("count without items", lambda: c.call(SIGN, u64(3)), "", E_MALFORMED)
    row("no signature at all", c.sign([]) == [])
    item = rel.item(log, index, size)
    for cut in (1, 31, 33, len(item) // 2, len(item) - 1):
        refused(f"request cut at {cut}", lambda cut=cut: c.call(SIGN, u64(1) + item[:cut]), "", E_MALFORMED)
    refused("request with trailing bytes", lambda: c.call(SIGN, group([item]) + b"\x00"), "too many", E_MALFORMED)
    refused("33 approvals", lambda: c.sign([rel.item(log, index, size, approvals=[b"x"] * 33)]), "", E_LIMIT)
    refused("a statement of 17 KiB", lambda: c.sign([rel.item(log, index, size, statement=b"x" * 17000)]), "", E_LIMIT)
    refused("an approval of 33 KiB", lambda: c.sign([rel.item(log, index, size, approvals=[b"x" * 33000])]), "", E_LIMIT)
    refused("checkpoint without body", lambda: c.call(CHECKPOINT), "", E_MALFORMED)
    huge = w.client()
    huge.sock.sendall(b"\xff\xff\xff\xff\x00\x03")
    closed("a frame of 4 GiB", lambda: huge._exact(1))
    half = w.client()
    half.sock.sendall(b"\x00\x00")
    half.close()
    row("and it still serves", w.client().hello()["origin"] == ORIGIN)


def peers(w):
    """Only the configured user may connect."""
    if not SERVICE_USER:
        row("wrong peer (needs root): skipped", True)
        return
    code = ("import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
            "s.settimeout(10)\ntry:\n s.sendall(b'\\0\\0\\0\\x08\\0\\x01'+b'\\0'*7+b'\\x01')\n print(len(s.recv(6)))\n"
            "except (BrokenPipeError, ConnectionResetError):\n print(0)")
    run_ = as_service([sys.executable, "-c", code, w.run_dir / "signer.sock"], capture_output=True, text=True)
    row("a peer of another user is closed on", run_.stdout.strip() == "0", run_.stdout + run_.stderr)
    row("and the journal says so", "not the configured peer" in w.journal())


def secrets(w):
    text = w.journal()
    row("no PIN in the journal", PIN not in text)
    lines = [line for line in text.splitlines() if "refused" in line]
    row("each refusal stands in the journal", len(lines) > 60, len(lines))


def attack(w):
    c = w.start()
    log = Log()
    rel = Release(w)
    rel.approvals = [w.approvers[0].approve(rel.statement), w.approvers[1].approve(rel.statement)]
    log.append(event="registrar.started", random="00" * 32)
    index = log.append(**rel.record)
    for i in range(3):
        log.append(event="registrar.started", random=f"{i:064x}")
    c.checkpoint(5, log.root(), 0, [])
    checkpoints(c, log)
    inclusion(c, w, log, rel, index)
    records(c, w, log, rel)
    guards(c, w, log)
    statements(c, w, log)
    development(c, w, log)
    frames(w, rel, log, index, 5)
    peers(w)
    secrets(w)
    w.stop()


run(world(), attack)
