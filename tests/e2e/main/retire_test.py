"""Private detail that is older than it is to be kept goes into an archive and out of the log; each file proves itself, and no other does."""

import json
import os
import shutil
import sqlite3
import time

import e2e_lib as e
from erase_test import Erasing

KEEP_S = 3


class Retire:
    def __init__(self, lab, rows):
        self.lab, self.rows = lab, rows
        self.dir = lab.path("registrar", "archive")

    def retired(self, at_least=1, until=0, timeout=60):
        """The records of that: so many, the newest of which is about this index or a later one."""
        end = time.time() + timeout
        while True:
            found = [r for r in self.lab.records() if r["event"] == "detail.retired"]
            if len(found) >= at_least and max([r["last"] for r in found], default=0) >= until or time.time() > end:
                return found
            time.sleep(0.3)

    def verify(self, *args):
        return self.lab.cli("audit", "log", "verify-archive", *args, check=False)

    def into_an_archive(self):
        lab, rows = self.lab, self.rows
        indexes = [lab.refusal() for _ in range(4)]
        digests = {i: lab.record(i)["detail"] for i in indexes}
        while time.time() * 1000 < lab.record(indexes[-1])["t_ms"] + KEEP_S * 1000 + 1500:
            time.sleep(0.2)
        found = self.retired(until=indexes[-1])
        rows.row("records say what went", found and all(r["count"] >= 1 and r["first"] <= r["last"] < r["idx"] and "policy" in r for r in found), found)
        files = sorted(os.listdir(self.dir))
        rows.equal("one file for each record", sorted("detail-%d-%d.jsonl" % (r["first"], r["last"]) for r in found), files)
        rows.equal("for the registrar alone", {oct(os.stat(os.path.join(self.dir, f)).st_mode & 0o777) for f in files}, {"0o600"})
        kept = {}
        for r in found:
            data = e.read(os.path.join(self.dir, "detail-%d-%d.jsonl" % (r["first"], r["last"])))
            rows.equal("record %d: its digest is the file's" % r["idx"], e.sha256(data), r["archive"])
            lines = [json.loads(line) for line in data.decode().splitlines()]
            rows.equal("record %d: its number too" % r["idx"], (len(lines), lines[0]["idx"], lines[-1]["idx"]), (r["count"], r["first"], r["last"]))
            kept.update({line["idx"]: line for line in lines})
        proven = {i: e.hashlib.sha256(bytes.fromhex(k["salt"]) + k["detail"].encode()).hexdigest() for i, k in kept.items()}
        rows.row("each line is what its record names, by hand", all(proven.get(i) == d for i, d in digests.items()), (proven, digests))
        self.files = [os.path.join(self.dir, f) for f in files]
        self.salts = [bytes.fromhex(k["salt"]) for k in kept.values()]

    def young(self):
        """A record with detail, and a copy that was made before the detail was old."""
        for _ in range(10):
            young, copy = self.lab.refusal(), self.lab.copy()
            db = sqlite3.connect(copy)
            count, = db.execute("SELECT count(*) FROM detail WHERE idx=?", (young,)).fetchone()
            db.close()
            if count == 1:
                break
        return young, copy

    def out_of_the_log(self):
        lab, rows = self.lab, self.rows
        end = time.time() + 60
        while any(lab.on_disk(s) for s in self.salts) and time.time() < end:
            time.sleep(0.3)
        rows.row("and stands in no file of the log", not any(lab.on_disk(s) for s in self.salts))
        young, copy = self.young()
        r = lab.cli("audit", "log", "verify", "--database", copy, "--json", check=False)
        doc = json.loads(r.out)
        rows.row("log verify --database knows by which records", r.returncode == 0 and doc["details_erased"] >= 4
                 and doc["gone"] and all(g["retired"] for g in doc["gone"]), r.out + r.err)
        r = lab.cli("audit", "log", "verify", check=False)
        rows.row("the whole log verifies", r.returncode == 0, r.out + r.err)
        for f in self.files:
            r = self.verify("--file", f)
            rows.row("verify-archive over HTTP", r.returncode == 0 and "retired by record" in r.out, r.out + r.err)
        r = self.verify("--file", *self.files, "--database", copy)
        rows.equal("verify-archive with a backup, all files", (r.returncode, r.out.count("verified:")), (0, len(self.files)), r.err)
        db = sqlite3.connect(copy)
        db.execute("DELETE FROM detail WHERE idx=?", (young,))
        db.commit()
        db.close()
        fault = json.loads(lab.cli("audit", "log", "verify", "--database", copy, "--json", check=False).out).get("fault", {})
        rows.equal("one that was not old and is gone", (fault.get("kind"), fault.get("index")), ("detail-missing", young))

    def tampered(self):
        lab, rows = self.lab, self.rows
        good = e.read(self.files[0])
        first = json.loads(good.decode().splitlines()[0])
        lines = good.splitlines(True)
        swapped = lines[1:] + lines[:1] if len(lines) > 1 else lines * 2
        cases = {
            "another text": good.replace(b"detail\\\\\\\":\\\\\\\"", b"detail\\\\\\\":\\\\\\\"x", 1) if b"detail\\\\\\\"" in good else good.replace(b'{\\"detail\\":\\"', b'{\\"detail\\":\\"x', 1),
            "another salt": good.replace(first["salt"].encode(), b"0" * 64, 1),
            "another record": good.replace(b'"idx":%d' % first["idx"], b'"idx":%d' % (first["idx"] - 1), 1),
            "a record that does not exist": good.replace(b'"idx":%d' % first["idx"], b'"idx":99999999', 1),
            "cut": good[:-5], "cut at a line": b"".join(lines[:-1]), "empty": b"", "a line twice": good + lines[-1],
            "another order": b"".join(swapped), "a space": good.replace(b'":', b'": ', 1), "no text": b"\xff\xfe\n",
        }
        for name, data in cases.items():
            path = e.write(lab.path("work", "tampered.jsonl"), data)
            r = self.verify("--file", path)
            rows.row("refused: %s" % name, data != good and r.returncode in (1, 4) and "verified:" not in r.out, (r.returncode, r.out, r.err))
        r = self.verify("--file", lab.path("work", "nothing-there"))
        rows.equal("no such file", r.returncode, 5)
        for i in range(0, len(good), max(1, len(good) // 60)):
            bent = bytearray(good)
            bent[i] ^= 4
            r = self.verify("--file", e.write(lab.path("work", "bent.jsonl"), bytes(bent)))
            if r.returncode == 0:
                rows.row("byte %d flipped: found" % i, False, r.out)
        rows.row("flipped bytes are found", True)

    def no_room(self):
        """An archive that cannot be written stops nothing, and nothing is erased."""
        lab, rows = self.lab, self.rows
        lab.stop("registrar")
        shutil.rmtree(self.dir)
        e.write(self.dir, b"in the way")
        lab.own(self.dir, "registrar")
        p = lab.start("registrar")
        rows.row("a directory that cannot be made is said at start", p.wait(60) != 0 and "archive" in lab.log_tail("registrar"), lab.log_tail("registrar"))
        os.unlink(self.dir)
        os.makedirs(self.dir, mode=0o700)
        lab.own(self.dir, "registrar")
        lab.start("registrar")
        lab.wait_ready()
        lab.in_force()
        before = len(self.retired(0))
        shutil.rmtree(self.dir)
        index = lab.refusal()
        end = time.time() + KEEP_S + 60
        while "old private detail stays in the log" not in lab.log_tail("registrar", 20) and time.time() < end:
            time.sleep(0.3)
        rows.row("it is logged", "old private detail stays in the log" in lab.log_tail("registrar", 20), lab.log_tail("registrar", 20))
        rows.equal("a release is signed meanwhile", lab.sign(lab.approved()[0]).status, 200)
        rows.equal("nothing was retired", len(self.retired(0)), before)
        lab.stop("registrar")
        copy = e.write(lab.path("work", "kept.db"), e.read(lab.path("registrar", "log.db")))
        db = sqlite3.connect(copy)
        rows.equal("and the detail is there", db.execute("SELECT count(*) FROM detail WHERE idx=?", (index,)).fetchone()[0], 1)
        db.close()
        lab.start("registrar")
        lab.wait_ready()
        lab.in_force()
        rows.row("with a directory again it is retired", len(self.retired(before + 1)) > before)


def main(lab, rows):
    t = Retire(lab, rows)
    rows.parts(t.into_an_archive, t.out_of_the_log, t.tampered, t.no_room)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Erasing, registrar={"detail_keep_s": KEEP_S, "detail_archive_dir": "registrar/archive"})
