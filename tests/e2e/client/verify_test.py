"""hallmark log verify on files: a log written by db/log, damaged by sqlite3 and by hand, and what the command says about it: exit code,
kind of fault, index, expected and found (recomputed here)."""

import base64
import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile

HALLMARK, TOOL = (os.path.abspath(p) for p in sys.argv[1:3])
SLOTS = 32
SIZE = 40
SAMPLE = 40  # random flips of each sort; all of them are tried by client_verify_flips_test and client_verify_export_test


def sha(data):
    return hashlib.sha256(data).digest()


def leaf(record):
    return sha(b"\0" + record)


class Files:
    def __init__(self, folder):
        self.folder, self.failed, self.cases = folder, [], 0
        subprocess.run([TOOL, folder], check=True)
        self.key = self.read("log.vkey").decode().strip()
        self.witnesses = self.read("witnesses").decode().split()
        self.records = self.read("log.jsonl").splitlines()
        self.note = self.read("checkpoint.txt")
        with open(self.path("config.json"), "w") as f:
            json.dump({"log_key": self.key}, f)

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def verify(self, *args, json_=True):
        command = [HALLMARK, "log", "verify", "--config", self.path("config.json"), *args] + (["--json"] if json_ else [])
        r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if r.returncode < 0:
            raise SystemExit("killed by a signal: %s" % command)
        try:
            doc = json.loads(r.stdout) if json_ else r.stdout.decode()
        except ValueError:
            doc = {}
        return r, doc

    def row(self, name, ok, seen):
        self.cases += 1
        if not ok:
            self.failed.append(name)
            print("FAILED %s: %s" % (name, seen))

    def expect(self, name, args, kind, index, expected=None, found=None):
        r, doc = self.verify(*args)
        f = doc.get("fault", {})
        ok = r.returncode == 1 and doc.get("verified") is False and (f.get("kind"), f.get("index")) == (kind, index)
        ok = ok and f["expected"] and (expected is None or f["expected"] == expected) and (found is None or f["found"] == found)
        self.row(name, ok, (r.returncode, doc, r.stderr, (kind, index, expected, found)))

    def expect_exit(self, name, args, code, says):
        r, _ = self.verify(*args, json_=False)
        text = (r.stdout + r.stderr).decode()
        self.row(name, r.returncode == code and says in text, (r.returncode, text))


class Database:
    """A copy of the log to be damaged: db.sql(...), then args()."""

    def __init__(self, files):
        self.path = files.path("damaged.db")
        shutil.copyfile(files.path("log.db"), self.path)
        self.db = sqlite3.connect(self.path)
        self.db.execute("PRAGMA journal_mode=DELETE")
        for (name,) in self.db.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            self.db.execute("DROP TRIGGER " + name)

    def sql(self, text, *values):
        return self.db.execute(text, values).fetchall()

    def cut_checkpoints(self, size):
        """Those of this size and more."""
        for table in ("checkpoint", "cosigned"):
            self.sql("DELETE FROM %s WHERE size>=?" % table, size)

    def args(self, *more):
        self.db.commit()
        self.db.close()
        return ["--database", self.path, "--whole", *more]


def honest(f):
    witnesses = [a for w in f.witnesses for a in ("--witness", w)]
    before = sorted(os.listdir(f.folder))
    os.chmod(f.path("log.db"), 0o400)
    os.chmod(f.folder, 0o500)
    r, doc = f.verify("--database", f.path("log.db"), "--whole", *witnesses, "--witnesses-required", "2")
    os.chmod(f.folder, 0o700)
    f.row("the database", r.returncode == 0 and doc["verified"] and (doc["size"], doc["covered"], doc["checkpoints"], doc["cosigned"]) == (SIZE, SIZE, 6, 2)
          and doc["results"] == 4 and doc["evidence"] == 44 and doc["details"] == 6, (r.returncode, doc, r.stderr))
    f.row("nothing is written beside it", sorted(os.listdir(f.folder)) == before, os.listdir(f.folder))
    os.chmod(f.path("log.db"), 0o600)
    r, text = f.verify("--database", f.path("log.db"), json_=False)
    f.row("in words", r.returncode == 0 and "verified " in text and "the 6 signed checkpoints" in text and "44 pieces of evidence" in text, (text, r.stderr))
    export = ["--file", f.path("log.jsonl"), "--checkpoint", f.path("checkpoint.txt")]
    r, doc = f.verify(*export, *witnesses, "--witnesses-required", "2")
    f.row("the export", r.returncode == 0 and doc["verified"] and (doc["size"], doc["cosigned"]) == (SIZE, 2), (r.returncode, doc, r.stderr))
    r, doc = f.verify("--database", f.path("log.db"), "--no-evidence")
    f.row("without evidence", r.returncode == 0 and doc["evidence"] == 0, doc)
    r, doc = f.verify("--database", f.path("log.db"), "--checkpoint", f.path("checkpoint.txt"))
    f.row("with a checkpoint that was kept", r.returncode == 0 and doc["seen_held"], doc)


def damaged_rows(f):
    records = f.records
    d = Database(f)
    d.sql("UPDATE record SET bytes=? WHERE idx=17", records[17].replace(b'"actor":"person-', b'"actor":"Person-'))
    f.expect("a changed record", d.args(), "hashes", 17, leaf(records[17].replace(b'"actor":"person-', b'"actor":"Person-')).hex(), leaf(records[17]).hex())
    d = Database(f)
    changed = records[17].replace(b'"actor":"person-', b'"actor":"Person-')
    hashes = bytes(d.sql("SELECT hashes FROM record WHERE idx=17")[0][0])
    d.sql("UPDATE record SET bytes=?, hashes=? WHERE idx=17", changed, leaf(changed) + hashes[32:])
    node = sha(b"\1" + leaf(records[16]) + leaf(changed)).hex()
    f.expect("with its leaf hash", d.args(), "hashes", 17, node, hashes[32:64].hex())
    d = Database(f)
    d.sql("UPDATE record SET bytes=?, hashes=? WHERE idx=18", records[18].replace(b"person-0", b"person-9"),
          leaf(records[18].replace(b"person-0", b"person-9")))
    f.expect("one that completes no other node", d.args(), "prev", 19, leaf(records[18].replace(b"person-0", b"person-9")).hex(), leaf(records[18]).hex())
    d = Database(f)
    d.sql("UPDATE record SET bytes=? WHERE idx=5", records[5].replace(b'"idx":5', b'"idx":6'))
    f.expect("another index", d.args(), "idx", 5, "5", "6")
    d = Database(f)
    d.sql("UPDATE record SET bytes=? WHERE idx=5", records[5].replace(b'"t_ms":17950000', b'"t_ms":17940000'))
    f.expect("an earlier time", d.args(), "t_ms", 5, "1795000004000", "1794000005000")
    d = Database(f)
    d.sql("UPDATE record SET bytes=? WHERE idx=5", records[5] + b" ")
    f.expect("a space behind a record", d.args(), "malformed", 5)
    d = Database(f)
    d.sql("UPDATE record SET bytes=zeroblob(0) WHERE idx=5")
    f.expect("an empty record", d.args(), "malformed", 5)
    for idx in (0, 7, SIZE - 1):
        d = Database(f)
        d.sql("DELETE FROM record WHERE idx=?", idx)
        f.expect("record %d left out" % idx, d.args(), "record-missing", idx)
    d = Database(f)
    a, b = (d.sql("SELECT hashes, bytes FROM record WHERE idx=?", i)[0] for i in (20, 21))
    d.sql("UPDATE record SET hashes=?, bytes=? WHERE idx=20", *b)
    d.sql("UPDATE record SET hashes=?, bytes=? WHERE idx=21", *a)
    f.expect("neighbours exchanged", d.args(), "idx", 20, "20", "21")
    d = Database(f)
    d.sql("INSERT INTO record SELECT idx+1000, hashes, bytes FROM record WHERE idx>=9")
    d.sql("DELETE FROM record WHERE idx BETWEEN 10 AND 999")
    d.sql("UPDATE record SET idx=idx-999 WHERE idx>=1000")
    f.expect("record 9 twice", d.args(), "idx", 10, "10", "9")
    d = Database(f)
    d.sql("DELETE FROM record WHERE idx>=30")
    f.expect("records cut off", d.args(), "record-missing", 30, "the 34 records that a checkpoint covers", "30")


def damaged_beside(f):
    d = Database(f)
    d.sql("UPDATE evidence SET bytes=? WHERE ref=?", b"other", 4 * SLOTS + 1)
    f.expect("other evidence", d.args(), "evidence", 4, json.loads(f.records[4])["evidence"][1], sha(b"other").hex())
    d = Database(f)
    d.sql("DELETE FROM evidence WHERE ref=?", 4 * SLOTS + 1)
    f.expect("evidence that is gone", d.args(), "evidence-missing", 4)
    d = Database(f)
    d.sql("INSERT INTO evidence VALUES(?, ?)", 3 * SLOTS, b"more")
    f.expect("evidence of a record that names none", d.args(), "evidence-extra", 3)
    d = Database(f)
    d.sql("INSERT INTO evidence VALUES(?, ?)", SIZE * SLOTS, b"more")
    f.expect("evidence of no record", d.args(), "evidence-extra", SIZE)
    d = Database(f)
    d.sql("UPDATE detail SET salt=zeroblob(32) WHERE idx=6")
    f.expect("another salt", d.args(), "detail", 6, json.loads(f.records[6])["detail"])
    d = Database(f)
    d.sql("INSERT INTO detail VALUES(5, zeroblob(32), x'00')")
    f.expect("a detail that no record names", d.args(), "detail-extra", 5)
    d = Database(f)
    d.sql("DELETE FROM detail WHERE idx>4")
    f.expect("details that are gone, and no record says so", d.args(), "detail-missing", 6)
    d = Database(f)
    note = bytes(d.sql("SELECT note FROM checkpoint WHERE size=34")[0][0]).decode().splitlines(True)
    root = base64.b64decode(note[2])
    note[2] = base64.b64encode(bytes(32)).decode() + "\n"
    d.sql("UPDATE checkpoint SET note=? WHERE size=34", "".join(note).encode())
    f.expect("another root", d.args(), "checkpoint-root", 34, root.hex(), bytes(32).hex())
    d = Database(f)
    d.sql("UPDATE checkpoint SET note=(SELECT note FROM checkpoint WHERE size=34) WHERE size=36")
    f.expect("a checkpoint under another size", d.args(), "checkpoint-size", 36, "36", "34")
    d = Database(f)
    d.sql("DELETE FROM checkpoint WHERE size=12")
    f.expect("signed before a checkpoint", d.args(), "early-signature", 12)
    d = Database(f)
    d.sql("DELETE FROM checkpoint WHERE size=?", SIZE)
    f.expect("the last checkpoint cut off, but not what witnesses said of it", d.args(), "cosigned", SIZE, "a stored checkpoint of this size", "none")
    d = Database(f)
    d.cut_checkpoints(SIZE)
    f.expect("the last checkpoint cut off", d.args(), "uncovered", 36)
    d = Database(f)
    d.sql("UPDATE cosigned SET note=(SELECT note FROM checkpoint WHERE size=?) WHERE size=?", SIZE, SIZE)
    f.expect("no cosignature", d.args(), "cosigned", SIZE)
    d = Database(f)
    d.sql("UPDATE cosigned SET note=(SELECT note FROM cosigned WHERE size=?) WHERE size=34", SIZE)
    f.expect("cosigned under another size", d.args(), "cosigned", 34)
    d = Database(f)
    d.sql("DROP TABLE cosigned")
    f.expect("without the table of its version", d.args(), "database", 0)
    d = Database(f)
    d.sql("DROP TABLE cosigned")
    d.sql("PRAGMA user_version=2")
    r, doc = f.verify(*d.args())
    f.row("an earlier version has none", r.returncode == 0 and doc["cosigned_notes"] == 0, doc)
    for column, value in (("size", 39), ("leaf", bytes(32)), ("t_ms", 1), ("origin", "hallmark.example/other")):
        d = Database(f)
        d.sql("UPDATE head SET %s=?" % column, value)
        f.expect("head: " + column, d.args(), "head", SIZE)
    d = Database(f)
    d.sql("ALTER TABLE detail RENAME TO details")
    d.sql("CREATE VIEW detail AS SELECT idx, salt, bytes FROM details")
    f.expect("a view in the place of a table", d.args(), "database", 0)


def uncovered(f):
    d = Database(f)
    d.cut_checkpoints(SIZE)
    args = d.args()
    args.remove("--whole")
    r, doc = f.verify(*args)
    f.row("a backup made between commit and checkpoint holds", r.returncode == 0 and (doc["size"], doc["covered"]) == (SIZE, 36), doc)
    r, text = f.verify(*args, json_=False)
    f.row("and says so", "the last 4 records are under no checkpoint" in text, text)
    r, doc = f.verify(*args, "--checkpoint", f.path("checkpoint.txt"))
    f.row("a kept checkpoint covers them", r.returncode == 0 and doc["seen_held"], doc)
    d = Database(f)
    for table, column, end in (("record", "idx", 36), ("evidence", "ref", 36 * SLOTS), ("detail", "idx", 36)):
        d.sql("DELETE FROM %s WHERE %s>=?" % (table, column), end)
    d.cut_checkpoints(37)
    d.sql("UPDATE head SET size=36, leaf=?, t_ms=?", leaf(f.records[35]), json.loads(f.records[35])["t_ms"])
    args = d.args()
    f.row("what the log once was holds", f.verify(*args)[0].returncode == 0, "")
    f.expect("unless somebody saw more", [*args, "--checkpoint", f.path("checkpoint.txt")], "rollback", SIZE, str(SIZE), "36")


def flips(f):
    rng = random.Random(4)
    for table, column in (("record", "bytes"), ("record", "hashes"), ("checkpoint", "note"), ("cosigned", "note"), ("evidence", "bytes"), ("detail", "salt"), ("detail", "bytes")):
        for _ in range(SAMPLE):
            d = Database(f)
            rows = d.sql("SELECT rowid, %s FROM %s ORDER BY rowid" % (column, table))
            rowid, data = rows[-1] if table == "cosigned" else rng.choice(rows)  # only the newest has to have its witnesses
            data = bytearray(data)
            bit = rng.randrange(8 * len(data))
            data[bit // 8] ^= 1 << bit % 8
            d.sql("UPDATE %s SET %s=? WHERE rowid=?" % (table, column), bytes(data), rowid)
            r, doc = f.verify(*d.args(*[a for w in f.witnesses for a in ("--witness", w)], "--witnesses-required", "2"))
            index = rowid // SLOTS if table == "evidence" else rowid
            f.row("flip in %s.%s %d, bit %d" % (table, column, rowid, bit), r.returncode == 1 and doc["fault"]["index"] == index, (doc, r.stderr))
    lines = f.read("log.jsonl")
    for _ in range(SAMPLE):
        data = bytearray(lines)
        bit = rng.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        index = lines[:bit // 8].count(b"\n")
        r, doc = f.verify("--file", f.write("flipped.jsonl", data), "--checkpoint", f.path("checkpoint.txt"))
        f.row("flip in the export, bit %d" % bit, r.returncode == 1 and doc["fault"]["index"] in (index, index + 1), (doc, r.stderr))


def dump(path):
    db = sqlite3.connect("file:%s?mode=ro&immutable=1" % path, uri=True)
    try:
        return [db.execute("SELECT * FROM " + t + " ORDER BY 1").fetchall() for t in ("record", "evidence", "detail", "checkpoint", "cosigned", "head")]
    finally:
        db.close()


def damaged_file(f):
    """Single bits of the file itself: whatever is called verified still holds the very same log; nothing crashes."""
    rng = random.Random(5)
    whole, same, codes = f.read("log.db"), dump(f.path("log.db")), {}
    for _ in range(6 * SAMPLE):
        data = bytearray(whole)
        bit = rng.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        path = f.write("flipped.db", data)
        r, doc = f.verify("--database", path)
        codes[r.returncode] = codes.get(r.returncode, 0) + 1
        f.row("bit %d of the file" % bit, r.returncode in (0, 1, 5) and (r.returncode != 0 or dump(path) == same), (r.returncode, doc, r.stderr))
    for _ in range(SAMPLE):
        path = f.write("flipped.db", whole[:rng.randrange(len(whole))])
        r, doc = f.verify("--database", path)
        f.row("a file that was cut", r.returncode in (1, 5) and not doc.get("verified"), (r.returncode, doc, r.stderr))
    print("flipped bits of the file: exit codes %s" % codes)


def export(f):
    def lines(name, records, kind, index, note=None, end=b"\n"):
        data = b"".join(r + b"\n" for r in records)
        path = f.write("damaged.jsonl", data[:len(data) - 1] + end if data else data)
        f.expect("export: " + name, ["--file", path, "--checkpoint", f.write("damaged.txt", note or f.note)], kind, index)
    r = f.records
    lines("a record left out", r[:9] + r[10:], "idx", 9)
    lines("the last one left out", r[:-1], "record-missing", SIZE - 1)
    lines("empty", [], "record-missing", 0)
    lines("a record twice", r[:9] + r[8:], "idx", 9)
    lines("neighbours exchanged", r[:9] + [r[10], r[9]] + r[11:], "idx", 9)
    lines("a changed record", r[:9] + [r[9].replace(b"person-0", b"person-1")] + r[10:], "prev", 10)
    lines("the last one changed", r[:-1] + [r[-1].replace(b"person-0", b"person-1")], "checkpoint-root", SIZE)
    lines("the last line is not ended", r, "malformed", SIZE - 1, end=b"")
    lines("of another log", r, "checkpoint-origin", 0, f.note.replace(b"hallmark.example/verify\n", b"hallmark.example/other1\n", 1))
    lines("another size", r, "checkpoint-signature", 41, f.note.replace(b"\n40\n", b"\n41\n", 1))
    lines("no checkpoint", r, "checkpoint-malformed", 0, b"x")
    missing = f.key.replace("hallmark.example/verify", "hallmark.example/x")
    f.expect_exit("another key", ["--log-key", missing, "--file", f.path("log.jsonl"), "--checkpoint", f.path("checkpoint.txt")], 2, "verifier key")


def usage(f):
    db = f.path("log.db")
    f.expect_exit("file and database", ["--database", db, "--file", db, "--checkpoint", db], 2, "one of them")
    f.expect_exit("whole without a database", ["--whole", "--file", db, "--checkpoint", db], 2, "only with --database")
    f.expect_exit("no witness of that kind", ["--database", db, "--witness", f.key], 2, "--witness")
    f.expect_exit("a witness twice", ["--database", db, "--witness", f.witnesses[0], "--witness", f.witnesses[0]], 2, "twice")
    f.expect_exit("more than are named", ["--database", db, "--witness", f.witnesses[0], "--witnesses-required", "2"], 2, "from 0 to 1")
    f.expect_exit("no such file", ["--database", f.path("none.db")], 5,
                  "none.db: cannot open: No such file")
    f.expect_exit("no database", ["--database", f.path("log.jsonl")], 5, "not a database")
    open(f.path("log.db-wal"), "wb").write(b"x")
    f.expect_exit("a log in use", ["--database", db], 4, "stands beside it")
    os.unlink(f.path("log.db-wal"))
    odd = f.path("a%20b?c#d.db")
    shutil.copyfile(db, odd)
    f.expect_exit("an odd name", ["--database", odd], 0, "verified ")
    here = os.getcwd()
    os.chdir(f.folder)
    f.expect_exit("a relative name", ["--database", "log.db"], 0, "verified ")
    os.chdir(here)
    r, text = f.verify("--database", f.path("damaged.db"), json_=False)
    f.row("a fault in words", r.returncode == 1 and b"fault: kind database, index 0" in r.stderr and b"next: " in r.stderr, r.stderr)


def main():
    with tempfile.TemporaryDirectory(prefix="hallmark-verify-") as folder:
        f = Files(folder)
        for part in (honest, damaged_rows, uncovered, flips, damaged_file, export, damaged_beside, usage):
            part(f)
        print("%d cases, %d failed" % (f.cases, len(f.failed)))
        sys.exit(1 if f.failed else 0)


if __name__ == "__main__":
    main()
