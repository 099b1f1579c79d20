"""A forger who has the log's own key: takes the database of a stopped service, changes single pieces, chains all the records
again and signs a checkpoint over them. Only signatures of people, builders, root and release keys are out of reach."""

import base64
import hashlib
import json
import os
import shutil
import sqlite3

import e2e_lib as e
from lab import ORIGIN

SLOTS = 32  # pieces of evidence of a record, as docs/formats/storage.md has them


def canonical(doc):
    return json.dumps(doc, sort_keys=True, separators=(",", ":")).encode()


def completed(leaves):
    """For each leaf the hashes of the perfect subtrees that it completes, from the leaf upwards: the column `hashes`."""
    edge, out = [], []
    for i, leaf in enumerate(leaves):
        row = carry = leaf
        while i & 1:
            carry = hashlib.sha256(b"\1" + edge.pop() + carry).digest()
            row += carry
            i >>= 1
        edge.append(carry)
        out.append(row)
    return out


class Forged:
    """The records and their evidence, to be changed; then write()."""

    def __init__(self, lab, source):
        self.lab, self.source = lab, source
        db = sqlite3.connect("file:%s?mode=ro" % source, uri=True)
        self.records = [json.loads(b) for (b,) in db.execute("SELECT bytes FROM record ORDER BY idx")]
        self.evidence = {(r // SLOTS, r % SLOTS): bytes(b) for r, b in db.execute("SELECT ref, bytes FROM evidence")}
        db.close()

    def find(self, event, last=True, **members):
        found = [r["idx"] for r in self.records if r["event"] == event and all(r.get(k) == v for k, v in members.items())]
        return found[-1 if last else 0]

    def of(self, release, event):
        return [r["idx"] for r in self.records if r["event"] == event and r.get("release") == release]

    def put(self, idx, n, data):
        """Another piece of evidence, named by the record."""
        self.evidence[idx, n] = data
        self.records[idx]["evidence"][n] = e.sha256(data)

    def insert(self, at, record, evidence=()):
        """One more record; everything behind it moves, and what refers to it by index."""
        def moved(i):
            return i + 1 if i >= at else i
        for r in self.records:
            for name in ("intent", "retry_of", "proposal"):
                if name in r:
                    r[name] = moved(r[name])
            if "release" in r:
                r["release"] = "r%d" % moved(int(r["release"][1:]))
        self.evidence = {(moved(i), n): b for (i, n), b in self.evidence.items()}
        self.records.insert(at, dict(record, v=1, t_ms=self.records[at - 1]["t_ms"]))
        if evidence:
            self.records[at]["evidence"] = [e.sha256(b) for b in evidence]
            self.evidence.update({(at, n): b for n, b in enumerate(evidence)})

    def append(self, record, evidence=()):
        self.insert(len(self.records), record, evidence)

    def drop(self, at):
        def moved(i):
            return i - 1 if i > at else i
        del self.records[at]
        for r in self.records:
            for name in ("intent", "retry_of", "proposal"):
                if name in r:
                    r[name] = moved(r[name])
            if "release" in r:
                r["release"] = "r%d" % moved(int(r["release"][1:]))
        self.evidence = {(moved(i), n): b for (i, n), b in self.evidence.items() if i != at}

    def chain(self):
        prev, out = hashlib.sha256(ORIGIN.encode()).digest(), []
        for idx, r in enumerate(self.records):
            r["idx"], r["prev"] = idx, prev.hex()
            out.append(canonical(r))
            prev = e.leaf_hash(out[-1])
        return out

    def checkpoint(self, records):
        lab, size = self.lab, len(records)
        body = "%s\n%d\n%s\n" % (ORIGIN, size, base64.b64encode(e.root_of([e.leaf_hash(r) for r in records])).decode())
        plain, sig = lab.path("work", "note"), lab.path("work", "note.sig")
        e.write(plain, body)
        lab.run(["pkcs11-tool", "--module", lab.module(), "--token-label", "log", "--login", "--pin", e.read(lab.path("pins", "log")).decode(),
                 "--sign", "-m", "EDDSA", "--label", "log", "-i", plain, "-o", sig])
        name, key_id, _ = e.read(lab.path("ceremony", "keys", "log.vkey")).decode().strip().split("+", 2)
        return "%s\n\u2014 %s %s\n" % (body, name, base64.b64encode(bytes.fromhex(key_id) + e.read(sig)).decode())

    def write(self, path):
        records = self.chain()
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(path + suffix):
                os.unlink(path + suffix)
        shutil.copyfile(self.source, path)
        db = sqlite3.connect(path)
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            db.execute("DROP TRIGGER " + name)
        for table in ("record", "evidence", "checkpoint"):
            db.execute("DELETE FROM " + table)
        db.executemany("INSERT INTO record(idx, hashes, bytes) VALUES(?, ?, ?)",
                       [(i, h, r) for i, (h, r) in enumerate(zip(completed([e.leaf_hash(r) for r in records]), records))])
        db.executemany("INSERT INTO evidence(ref, bytes) VALUES(?, ?)", [(i * SLOTS + n, b) for (i, n), b in self.evidence.items()])
        db.execute("INSERT INTO checkpoint(size, note) VALUES(?, ?)", (len(records), self.checkpoint(records).encode()))
        db.execute("UPDATE head SET size=?, leaf=?, t_ms=?", (len(records), e.leaf_hash(records[-1]), self.records[-1]["t_ms"]))
        db.commit()
        db.close()
        return path
