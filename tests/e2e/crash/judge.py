"""What must hold after each point. Records are read from an image of the log's own files, and judged by Python's hashes and signatures, by
`hallmark log verify` on that image and over HTTP, and against every answer that a client got."""

import glob
import json
import os
import random
import shutil
import signal
import sqlite3
import time

import crash_lib
import e2e_lib as e
import load

SETTLE_S = 60


class Complaints:
    """Collects what does not hold; has the interface of e2e_lib.Rows."""

    def __init__(self):
        self.list = []

    def row(self, name, ok, detail=""):
        if not ok:
            self.list.append("%s: %s" % (name, str(detail)[-1500:]))
        return ok

    def equal(self, name, found, expected, more=""):
        return self.row(name, found == expected, "found %r, expected %r %s" % (found, expected, more))


class Judge:
    """Remembers the log as it was seen last, so that nothing may change behind its back."""

    def __init__(self, lab, seed):
        self.lab, self.rng = lab, random.Random(seed)
        self.vkey = e.read(lab.path("ceremony", "keys", "log.vkey")).decode()
        self.records, self.leaves, self.acknowledged = [], [], []

    def memory(self):
        return list(self.records), list(self.leaves), list(self.acknowledged)

    def remember(self, memory):
        self.records, self.leaves, self.acknowledged = (list(x) for x in memory)

    # --- the image ---

    def image(self):
        """The log's files, as a registrar that stands still has them: what would be there if it died now. Put in order by SQLite."""
        copy = self.lab.path("work", "image.db")
        for f in glob.glob(copy + "*"):
            os.unlink(f)
        pid = self.lab.processes["registrar"].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_stopped(pid)
            for suffix in ("", "-wal"):
                if os.path.exists(self.lab.path("registrar", "log.db") + suffix):
                    shutil.copyfile(self.lab.path("registrar", "log.db") + suffix, copy + suffix)
        finally:
            os.kill(pid, signal.SIGCONT)
        db = sqlite3.connect(copy, isolation_level=None)
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA journal_mode=DELETE")
        rows = db.execute("SELECT idx, bytes FROM record WHERE idx >= ? ORDER BY idx", (len(self.records),)).fetchall()
        covered = db.execute("SELECT max(size) FROM checkpoint").fetchone()[0]
        size = db.execute("SELECT size FROM head").fetchone()[0]
        db.close()
        return copy, rows, size, covered

    def settled_image(self):
        """The last checkpoint is stored a moment after it was published."""
        end = time.time() + SETTLE_S
        while True:
            copy, rows, size, covered = self.image()
            if covered == size or time.time() > end:
                return copy, rows
            time.sleep(0.05)

    def settled_checkpoint(self):
        """The door shows a record that nobody was told of, such as a start, a moment after the log has it."""
        end = time.time() + SETTLE_S
        while True:
            size, root = e.check_checkpoint(self.lab.get("/v1/log/checkpoint").body.decode(), self.vkey)
            if size >= len(self.leaves) or time.time() > end:
                return size, root
            time.sleep(0.05)

    def take(self, rows, c):
        prev = self.leaves[-1].hex() if self.leaves else e.hashlib.sha256(e.ORIGIN.encode()).hexdigest()
        last = self.records[-1]["t_ms"] if self.records else 0
        for idx, data in rows:
            r = json.loads(data)
            whole = r["idx"] == idx == len(self.records) and r["prev"] == prev and r["t_ms"] >= last
            if not c.row("the chain is whole", whole, "record %d: %r" % (idx, r)):
                return
            self.records.append(r)
            self.leaves.append(e.leaf_hash(data))
            prev, last = self.leaves[-1].hex(), r["t_ms"]

    # --- what must hold ---

    def tree(self, c):
        """The published checkpoint is over these very records, the ones that were seen before among them."""
        size, root = self.settled_checkpoint()
        c.equal("the checkpoint covers the whole log", size, len(self.leaves))
        c.row("the root is that of the records", root == e.root_of(self.leaves[:size]), size)

    def acknowledged_there(self, fresh, c):
        lost = [a for a in fresh if a.index >= len(self.leaves) or self.leaves[a.index] != a.leaf]
        c.row("no acknowledged record is lost", not lost, lost)
        self.acknowledged += fresh

    def prove(self, some, c):
        """The log's own proof of each, under its newest checkpoint."""
        link = load.Link(self.lab, "audit")
        for a in some:
            answer = link.ask("GET", "/v1/log/entries/%d/proof" % a.index)
            if c.equal("a proof of record %d" % a.index, answer.status, 200, answer):
                text = answer.body.decode()
                holds = e.leaf_hash(e.check_proof(text, self.vkey)) == a.leaf
                size = e.check_checkpoint(e.parse_proof(text)[3], self.vkey)[0]
                c.row("the proof of record %d holds, under the last checkpoint" % a.index, holds and size == len(self.leaves), text)
        link.close()

    def prove_all(self, c):
        self.prove(self.acknowledged, c)

    def verify(self, copy, c):
        database = self.lab.cli("audit", "log", "verify", "--database", copy, "--whole", "--json", check=False)
        c.row("hallmark log verify --database", database.returncode == 0, database.out + database.err)
        self.lab.follow()
        http = self.lab.cli("audit", "log", "verify", "--json", check=False)
        c.row("hallmark log verify", http.returncode == 0, http.out + http.err)

    def after(self, fresh, surprises):
        """Everything, after a point. Returns what does not hold."""
        c = Complaints()
        c.row("every answer was final, or asked to come again and then was", not surprises, surprises)
        copy, rows = self.settled_image()
        self.take(rows, c)
        self.tree(c)
        self.acknowledged_there(fresh, c)
        older = self.acknowledged[:-len(fresh)] if fresh else self.acknowledged
        self.prove(fresh + self.rng.sample(older, min(5, len(older))), c)
        crash_lib.intentions(c, self.records)
        crash_lib.once(c, self.records)
        self.all_signed(c)
        self.verify(copy, c)
        return c.list

    def all_signed(self, c):
        """The piece ends when all of its releases are signed, those too whose first attempt was interrupted."""
        submitted = {r["release"] for r in self.records if r["event"] == "release.submitted"}
        signed = {r["release"] for r in self.records if r["event"] == "release.signed"}
        c.row("every release that was submitted is signed", submitted == signed, submitted ^ signed)


def wait_stopped(pid, timeout=5):
    """Until every thread of a process stands still."""
    end = time.time() + timeout
    while not all(state(path) in "TtZX" for path in glob.glob("/proc/%d/task/*/stat" % pid)):
        if time.time() > end:
            raise RuntimeError("process %d does not stop" % pid)
        time.sleep(0.001)


def state(path):
    try:
        return e.read(path).rsplit(b") ", 1)[1][:1].decode()
    except (FileNotFoundError, ProcessLookupError):
        return "X"
