"""A public log of a real service, read by somebody who has no certificate: the root out of tiles and out of records, and nothing
private in between."""

import base64
import hashlib
import json
import os
import shutil
import sqlite3
import struct

import e2e_lib as e
from cryptography.hazmat.primitives.asymmetric import ed25519

FULL = 256
REASON = "the antenna of Unit 7 was never certified, says Mallory"


class Public(e.Cast):
    def configs(self):
        self.extra["door"]["public_log"] = True
        super().configs()


def leaf(record):
    return hashlib.sha256(b"\0" + record).digest()


def root(leaves):
    """RFC 6962, from the bottom up."""
    level = leaves
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) - len(level) % 2:]
    return level[0]


class Monitor:
    def __init__(self, lab):
        self.lab = lab

    def get(self, path):
        return self.lab.call("GET", "/log/" + path)

    def checkpoint(self, vkey):
        body, line = self.get("checkpoint").body.decode().split("\n\n")
        origin, size, top = body.split("\n")
        raw, public = base64.b64decode(line.split(" ")[2]), base64.b64decode(vkey.strip().split("+", 2)[2])
        ed25519.Ed25519PublicKey.from_public_bytes(public[1:]).verify(raw[4:], (body + "\n").encode())
        return origin, int(size), base64.b64decode(top)

    def tiles(self, kind, size):
        paths = ["tile/%s/%03d" % (kind, n) for n in range(size // FULL)]
        if size % FULL:
            paths.append("tile/%s/%03d.p/%d" % (kind, size // FULL, size % FULL))
        return b"".join(self.get(p).body for p in paths)


def records_of(bundles):
    out = []
    while bundles:
        length, = struct.unpack(">H", bundles[:2])
        out.append(bundles[2:2 + length])
        bundles = bundles[2 + length:]
    return out


def work(lab):
    """A release that is signed, one that is rejected for a reason, refusals, and enough to fill a tile."""
    lab.signed(version="1.0.0")
    release, statement = lab.new(version="2.0.0")
    document = lab.by_certificate(lab.decision("rejection", release, statement, REASON), "carol", e.REJECTION)
    answer = lab.post("/v1/releases/%s/rejection" % release, "carol", document)
    if answer.status != 200:
        raise RuntimeError("rejection: %r" % answer)
    lab.post("/v1/releases", "ci-edge", lab.submission(channel="unheard-of"))
    while lab.size() < FULL + 20:
        lab.post("/v1/releases", "ci-edge", lab.submission(channel="unheard-of"))
    lab.follow()


def private(lab):
    """Everything that lies beside the records in the log's database, and what it is about."""
    folder = lab.path("work", "database")
    shutil.copytree(lab.path("registrar"), folder)
    db = sqlite3.connect(os.path.join(folder, "log.db"))
    out = [("evidence", v) for v, in db.execute("SELECT bytes FROM evidence")]
    for salt, text in db.execute("SELECT salt, bytes FROM detail"):
        out += [("salt", bytes(salt)), ("detail", bytes(text))]
        out += [("text in detail", v.encode()) for v in json.loads(text).values() if isinstance(v, str) and len(v) > 12]
    db.close()
    policy = json.loads(e.read(lab.path("policy.json")))
    out += [("a name", p["name"].encode()) for p in policy["principals"] if len(p.get("name", "")) > 5]
    return out + [("the reason", REASON.encode()), ("SAN URI", b"spiffe://"), ("certificate", b"BEGIN CERTIFICATE"), ("SSH key", b"ssh-ed25519")]


def main(lab, rows):
    monitor = Monitor(lab)

    def whole():
        work(lab)
        vkey = e.read(lab.path("ceremony", "keys", "log.vkey")).decode()
        origin, size, top = monitor.checkpoint(vkey)
        rows.equal("the checkpoint is the log's", (origin, size), (e.ORIGIN, lab.size()))
        hashes = monitor.tiles("0", size)
        leaves = [hashes[i:i + 32] for i in range(0, len(hashes), 32)]
        rows.equal("the tiles give the root", (len(leaves), root(leaves)), (size, top))
        lab.bundles = monitor.tiles("entries", size)
        records = records_of(lab.bundles)
        rows.equal("the records give the tiles", [leaf(r) for r in records], leaves)
        rows.equal("and are those of the API", [json.loads(r) for r in records], lab.records()[:size])
        rows.equal("the level above", monitor.get("tile/1/000.p/1").body, root(leaves[:FULL]))
        rows.equal("behind the end there is nothing", [monitor.get(p).status for p in
                   ("tile/0/%03d" % (size // FULL), "tile/0/%03d.p/%d" % (size // FULL, size % FULL + 1), "tile/1/000.p/2", "tile/entries/009")], [404] * 4)
        rows.equal("nothing but /log is public", [lab.call("GET", p).status for p in
                   ("/v1/log/checkpoint", "/v1/log/entries", "/v1/releases", "/v1/policy", "/metrics", "/v1/log/entries/4/evidence/0")], [401] * 6)

    def nothing_private():
        lab.stop("registrar")
        secrets = private(lab)
        lab.start("registrar")
        kinds = {kind for kind, _ in secrets}
        rows.row("there is something that could leak", {"evidence", "detail", "salt", "text in detail", "a name"} <= kinds, kinds)
        rows.equal("none of it is in the bundles", sorted({kind for kind, value in secrets if value in lab.bundles}), [])

    rows.parts(whole, nothing_private)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Public)
