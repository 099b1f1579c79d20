"""Merkle tree, checkpoint, proof file and record against an implementation written from the specifications alone.

usage: log_test.py LOG_TOOL"""
import base64
import hashlib
import json
import pathlib
import random
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

TOOL = sys.argv[1]
ORIGIN = "hallmark.example/rehearsal"


def tool(*args, want=0):
    done = subprocess.run([TOOL, *map(str, args)], capture_output=True)
    assert done.returncode == want, (args, done.returncode, done.stderr)
    return done.stdout


# RFC 6962 section 2.1, recursive as it is written there.

def leaf(entry):
    return hashlib.sha256(b"\0" + entry).digest()


cache = {}


def mth(leaves, lo, hi):
    if (lo, hi) not in cache:
        n = hi - lo
        if n == 0:
            cache[lo, hi] = hashlib.sha256(b"").digest()
        elif n == 1:
            cache[lo, hi] = leaves[lo]
        else:
            k = 1 << (n - 1).bit_length() - 1
            cache[lo, hi] = hashlib.sha256(
                b"\1" + mth(leaves, lo, lo + k) + mth(leaves, lo + k, hi)).digest()
    return cache[lo, hi]


def path(leaves, m, lo, hi):
    n = hi - lo
    if n == 1:
        return []
    k = 1 << (n - 1).bit_length() - 1
    if m < k:
        return path(leaves, m, lo, lo + k) + [mth(leaves, lo + k, hi)]
    return path(leaves, m - k, lo + k, hi) + [mth(leaves, lo, lo + k)]


def subproof(leaves, m, lo, hi, whole):
    n = hi - lo
    if m == n:
        return [] if whole else [mth(leaves, lo, hi)]
    k = 1 << (n - 1).bit_length() - 1
    if m <= k:
        return subproof(leaves, m, lo, lo + k, whole) + [mth(leaves, lo + k, hi)]
    return subproof(leaves, m - k, lo + k, hi, False) + [mth(leaves, lo, lo + k)]


def words(*items):
    return " ".join(i.hex() if isinstance(i, bytes) else str(i) for i in items)


def merkle(tmp, size):
    entries = [b"entry %d" % i for i in range(size)]
    leaves = [leaf(e) for e in entries]
    (tmp / "entries").write_bytes(b"".join(e + b"\n" for e in entries))
    ours = tool("tree", tmp / "entries").decode().splitlines()
    theirs = []
    for n in range(1, size + 1):
        theirs.append(words("root", n, mth(leaves, 0, n)))
        theirs += [words("inclusion", n, i, *path(leaves, i, 0, n)) for i in range(n)]
        theirs += [words("consistency", n, m, *(subproof(leaves, m, 0, n, True) if m else []))
                   for m in range(n + 1)]
    assert ours == theirs
    return entries, leaves, len(ours)


def proofs(tmp, leaves, rng):
    """Good proofs pass, each damaged one fails."""
    lines, want = [], []
    for _ in range(400):
        n = rng.randint(2, len(leaves))
        i, m = rng.randrange(n), rng.randint(1, n)
        root, old = mth(leaves, 0, n), mth(leaves, 0, m)
        for kind, at, other, hashes in (
                ("inclusion", i, leaves[i], path(leaves, i, 0, n)),
                ("consistency", m, old, subproof(leaves, m, 0, n, True))):
            lines.append(words(kind, n, at, root, other, *hashes))
            want.append("yes")
            damaged = [list(hashes) for _ in range(4)]
            if hashes:
                k, bit = rng.randrange(len(hashes)), rng.randrange(256)
                flipped = bytearray(hashes[k])
                flipped[bit // 8] ^= 1 << bit % 8
                damaged[0][k] = bytes(flipped)
                damaged[1].pop(k)
            else:
                damaged[0].append(root)
                damaged[1].append(other)
            damaged[2].append(rng.randbytes(32))
            damaged[3].insert(0, rng.randbytes(32))
            lines += [words(kind, n, at, root, other, *d) for d in damaged]
            want += ["no"] * 4
    (tmp / "proofs").write_text("\n".join(lines) + "\n")
    assert tool("check", tmp / "proofs").decode().split() == want
    return len(want)


def checkpoints(tmp, entries, leaves):
    key = ed25519.Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(serialization.Encoding.Raw,
                                           serialization.PublicFormat.Raw)
    key_id = hashlib.sha256(ORIGIN.encode() + b"\n\x01" + public).digest()[:4]
    vkey = f"{ORIGIN}+{key_id.hex()}+{base64.b64encode(bytes([1]) + public).decode()}"
    n, i = len(leaves), len(leaves) // 3
    root = mth(leaves, 0, n)
    body = f"{ORIGIN}\n{n}\n{base64.b64encode(root).decode()}\n"
    sig = key.sign(body.encode())
    note = f"{body}\n\u2014 {ORIGIN} {base64.b64encode(key_id + sig).decode()}\n"
    assert tool("note", vkey, n, root.hex(), "-") == body.encode()
    assert tool("note", vkey, n, root.hex(), sig.hex()) == note.encode()
    (tmp / "note").write_text(note)
    assert tool("checkpoint", vkey, tmp / "note").decode() == f"{n} {root.hex()}\n"
    hashes = "".join(base64.b64encode(h).decode() + "\n" for h in path(leaves, i, 0, n))
    extra = base64.b64encode(entries[i]).decode()
    (tmp / "proof").write_text(f"c2sp.org/tlog-proof@v1\nextra {extra}\nindex {i}\n{hashes}\n{note}")
    assert tool("proof", vkey, tmp / "proof") == f"{i} {n}\n".encode() + entries[i]
    (tmp / "proof").write_text(f"c2sp.org/tlog-proof@v1\nextra {extra}\nindex {i + 1}\n{hashes}\n{note}")
    tool("proof", vkey, tmp / "proof", want=1)


def random_record(rng):
    """A record of random members, as a dictionary."""
    digest = lambda: rng.randbytes(32).hex()
    name = lambda: rng.choice("aZ9") + "".join(rng.choices("aZ09._+-", k=rng.randrange(63)))
    number = lambda: rng.choice([1, 2, 10, 2**32, 2**53 - 1, rng.randrange(1, 2**53)])
    some = lambda most, f: [f() for _ in range(rng.randint(1, most))]
    key = lambda: {"mechanism": "ESP256", "spki": digest(), "tbs": digest(),
                   **({"token": "a b!~"} if rng.random() < .5 else {})}
    optional = {
        "actor": name, "approver_key": digest, "artifacts": lambda: some(8, digest),
        "channel": name, "count": number, "detail": digest, "environment": name,
        "evidence": lambda: some(19, digest), "expires_s": number, "intent": number,
        "keys": lambda: some(4, key), "manifest": digest, "outcome": lambda: "ok",
        "policy": digest, "product": name, "random": digest, "release": lambda: f"r{number()}",
        "req": lambda: rng.randbytes(16).hex(), "retry_of": number, "sequence": number,
        "state": lambda: rng.choice(["submitted", "approved", "signing", "superseded"]),
        "statement": digest, "store_epoch": number, "version": name}
    record = {"v": 1, "idx": number(), "prev": digest(), "t_ms": number(),
              "event": rng.choice(["release.submitted", "sign.intended", "approval.recorded"])}
    for member, make in optional.items():
        if rng.random() < .5:
            record[member] = make()
    return record


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def records(tmp, rng):
    lines, want = [], []
    for _ in range(300):
        record = random_record(rng)
        good = canonical(record)
        wrong = [json.dumps(record), json.dumps(record, separators=(",", ":")),
                 canonical({**record, "x": 1}), canonical({**record, "v": 2}),
                 canonical({**record, "idx": 2**53}), canonical({**record, "idx": 1.5}),
                 canonical({**record, "idx": None}), canonical({**record, "actor": "a b"}),
                 good.replace("{", "{ ", 1), good + "}", good[:-1]]
        wrong += [canonical({k: v for k, v in record.items() if k != gone})
                  for gone in ("v", "idx", "prev", "t_ms", "event")]
        lines += [good] + [w for w in wrong if w != good]
        want += ["accept"] + ["reject"] * sum(w != good for w in wrong)
    (tmp / "records").write_text("\n".join(lines) + "\n")
    verdicts = tool("records", tmp / "records").decode().splitlines()
    for line, verdict, expected in zip(lines, verdicts, want, strict=True):
        assert verdict.split()[0] == expected, (line, verdict)
    return len(want)


def main():
    rng = random.Random(6962)
    with tempfile.TemporaryDirectory() as d:
        tmp = pathlib.Path(d)
        entries, leaves, made = merkle(tmp, 300)
        checked = proofs(tmp, leaves, rng)
        checkpoints(tmp, entries, leaves)
        seen = records(tmp, rng)
    print(f"{made} roots and proofs compared, {checked} proofs checked, {seen} records judged")
    return 0


sys.exit(main())
