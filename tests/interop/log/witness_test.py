"""The asking side of C2SP tlog-witness and tlog-cosignature against an implementation written from the specifications alone.

usage: witness_test.py WITNESS_TOOL"""
import base64
import hashlib
import pathlib
import random
import subprocess
import sys
import tempfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

TOOL = sys.argv[1]
ORIGIN = "hallmark.example/rehearsal"
NOW = 1_795_000_000
TIME_MAX = 2**63 - 1


def tool(*args):
    done = subprocess.run([TOOL, *map(str, args)], capture_output=True)
    assert done.returncode in (0, 1), (args, done.returncode, done.stderr)
    return done.stdout if done.returncode == 0 else None


def b64(data):
    return base64.b64encode(data).decode()


class Key:
    def __init__(self, name, kind):
        self.name, self.kind = name, kind
        self.private = ed25519.Ed25519PrivateKey.generate()
        self.raw = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + self.raw).digest()[:4]
        self.vkey = f"{name}+{self.id.hex()}+{b64(bytes([kind]) + self.raw)}"

    def line(self, blob):
        return f"\u2014 {self.name} {b64(self.id + blob)}\n"

    def cosign(self, body, when):
        return self.line(when.to_bytes(8, "big") + self.private.sign(f"cosignature/v1\ntime {when}\n{body}".encode()))


def verdict(body, lines, keys, latest):
    """{name: time} of what counts, None where all of it is refused."""
    if not lines.endswith("\n") and lines:
        return None
    seen, counted = set(), {}
    rows = lines.split("\n")[:-1]
    if len(rows) > 16:
        return None
    for row in rows:
        parts = row.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014" or not parts[1] or "+" in parts[1]:
            return None
        try:
            blob = base64.b64decode(parts[2], validate=True)
        except ValueError:
            return None
        if len(blob) < 5 or b64(blob) != parts[2] or (parts[1], blob[:4]) in seen:
            return None
        seen.add((parts[1], blob[:4]))
        for k in keys:
            if (k.name, k.id) != (parts[1], blob[:4]):
                continue
            when = int.from_bytes(blob[4:12], "big")
            if len(blob) != 76 or not 0 < when <= min(latest, TIME_MAX):
                return None
            try:
                k.private.public_key().verify(blob[12:], f"cosignature/v1\ntime {when}\n{body}".encode())
            except InvalidSignature:
                return None
            counted[k.name] = when
    return counted


def answer(rng, body, other, keys, stranger):
    """Lines of some of the witnesses, often with something wrong."""
    lines = []
    for k in rng.sample(keys, rng.randrange(len(keys) + 1)):
        when = NOW + rng.randrange(-50, 50)
        kind = rng.randrange(12)
        if kind == 0:
            lines.append(k.cosign(other, when))
        elif kind == 1:
            lines.append(stranger.cosign(body, when).replace(stranger.name, k.name))
        elif kind == 2:
            lines.append(k.cosign(body, rng.choice([0, TIME_MAX, TIME_MAX + 1, NOW + 10_000])))
        elif kind == 3:
            good = bytearray(base64.b64decode(k.cosign(body, when).split()[2]))
            good[rng.randrange(len(good))] ^= 1 << rng.randrange(8)
            lines.append(f"\u2014 {k.name} {b64(bytes(good))}\n")
        elif kind == 4:
            lines += [k.cosign(body, when), k.cosign(body, when + 1)]
        elif kind == 5:
            lines.append(rng.choice(["\n", "text\n", "\u2014 \n", "- a AAAAAQQE\n", "\u2014 a+b AAAAAQQE\n", "\u2014 a AAAAAQ==\n"]))
        else:
            lines.append(k.cosign(body, when))
    if rng.random() < .3:
        lines.append(stranger.cosign(body, NOW))
    rng.shuffle(lines)
    text = "".join(lines)
    return text[:-1] if rng.random() < .03 else text


def merged(note, keys, counted, lines):
    """The note with the lines that count, in the order in which the keys are given."""
    by_name = {row.split(" ")[1]: row + "\n" for row in lines.split("\n")[:-1]
               if row.split(" ")[1] in counted and any(k.name == row.split(" ")[1] and
                                                       base64.b64decode(row.split(" ")[2])[:4] == k.id for k in keys)}
    return note + "".join(by_name[k.name] for k in keys if k.name in counted)


def answers(tmp, rng, rounds):
    log = Key(ORIGIN, 1)
    accepted = refused = 0
    for n in range(rounds):
        keys = [Key(f"witness.example/w{i}", 4) for i in range(rng.randrange(1, 5))]
        stranger = Key("stranger.example", 4)
        body, other = (f"{ORIGIN}\n{rng.randrange(2**64)}\n{b64(rng.randbytes(32))}\n" for _ in "ab")
        note = body + "\n" + log.line(log.private.sign(body.encode()))
        lines = answer(rng, body, other, keys, stranger)
        latest = NOW + 100
        (tmp / "note").write_text(note)
        (tmp / "lines").write_text(lines)
        out = tool("take", tmp / "note", tmp / "lines", latest, *(k.vkey for k in keys))
        want = verdict(body, lines, keys, latest)
        if want is None:
            assert out is None, (n, lines)
            refused += 1
            continue
        times = sorted(want.values(), reverse=True)
        text = "".join(f"{k.name} {want[k.name]}\n" for k in keys if k.name in want)
        text += " ".join(["floors"] + [str(t) for t in times]) + "\n"
        assert out is not None and out.decode() == text + merged(note, keys, want, lines), (n, lines, out)
        accepted += 1
    assert accepted > rounds / 4 and refused > rounds / 10, (accepted, refused)
    return accepted, refused


def requests(tmp, rng):
    for _ in range(50):
        old, hashes = rng.choice([0, 1, 2**64 - 1, rng.randrange(2**64)]), [rng.randbytes(32) for _ in range(rng.randrange(64))]
        note = f"{ORIGIN}\n7\n{b64(rng.randbytes(32))}\n\n\u2014 {ORIGIN} AAAAAQQE\n"
        (tmp / "note").write_text(note)
        text = f"old {old}\n" + "".join(b64(h) + "\n" for h in hashes) + "\n" + note
        assert tool("request", old, tmp / "note", *(h.hex() for h in hashes)).decode() == text
        (tmp / "request").write_text(text)
        assert tool("parse", tmp / "request").decode() == " ".join([str(old)] + [h.hex() for h in hashes]) + "\n" + note
        (tmp / "request").write_text(text.replace("old", "new", 1))
        assert tool("parse", tmp / "request") is None


def keys_and_sizes(tmp):
    good = Key("witness.example/w1", 4)
    assert tool("key", good.vkey).decode() == good.vkey
    name, _, blob = good.vkey.split("+", 2)
    for wrong in (Key("witness.example/w1", 1).vkey, good.vkey + "\n", good.vkey[:-1], f"{name}+00000000+{blob}",
                  f"witness.example/w2+{good.id.hex()}+{blob}", good.vkey.replace(good.id.hex(), good.id.hex().upper() + "A", 1)):
        assert tool("key", wrong) is None, wrong
    # The id that the type 0x01 of the same key would have.
    other = hashlib.sha256(name.encode() + b"\n\x01" + good.raw).digest()[:4]
    assert tool("key", f"{name}+{other.hex()}+{blob}") is None
    for text, want in (("0\n", "0\n"), ("20852014\n", "20852014\n"), ("20852014", None), ("08\n", None), ("", None), ("x\n", None)):
        (tmp / "size").write_text(text)
        got = tool("size", tmp / "size")
        assert got == (want.encode() if want else None), (text, got)


def main():
    rng = random.Random(4)
    with tempfile.TemporaryDirectory() as d:
        tmp = pathlib.Path(d)
        accepted, refused = answers(tmp, rng, 400)
        requests(tmp, rng)
        keys_and_sizes(tmp)
    print(f"{accepted} answers taken as the specification says, {refused} refused")
    return 0


sys.exit(main())
