"""`hallmark log export`: JSON Lines and CSV by period and filter, the checkpoint, the proof of every row. Chain, tree, proofs and CSV are
read by Python alone."""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3

import e2e_lib as e
from audit_query import names_key, stamp, thirds
from lab import ORIGIN

LISTS = ("artifacts", "evidence")
TEXTS = ("product", "version", "channel", "environment", "state", "actor", "outcome", "approver_key", "guard", "manifest", "statement", "policy", "req",
         "detail", "archive", "release")
NUMBERS = ("sequence", "first", "last", "intent", "retry_of", "proposal", "serial", "count", "store_epoch")


class Exports:
    def __init__(self, audit):
        self.audit, self.lab, self.rows, self.known = audit, audit.lab, audit.rows, audit.lab.known
        self.count = 0

    def parts(self):
        return self.whole, self.periods, self.picked, self.tables, self.offline, self.refusals, self.tampered

    def export(self, *args, **kw):
        """(result, bytes, checkpoint, folder of proofs); what is not written is None."""
        self.count += 1
        out, note, proofs = (self.lab.path("work", "export-%d%s" % (self.count, s)) for s in (".out", ".checkpoint", "-proofs"))
        r = self.lab.audit("export", "--out", out, "--checkpoint", note, "--proofs", proofs, *args, **kw)
        return r, e.read(out) if os.path.exists(out) else None, e.read(note).decode() if os.path.exists(note) else None, proofs

    def proofs(self, name, lines, note, folder):
        """One proof a row, each of that very row, under the log's key; and the checkpoint is signed."""
        size, _ = e.check_checkpoint(note, self.audit.vkey)
        names = sorted(os.listdir(folder), key=lambda n: int(n.split(".")[0])) if lines else []
        found = [e.check_proof(e.read(os.path.join(folder, n)).decode(), self.audit.vkey) for n in names]
        self.rows.row(name + ": %d proofs hold, and are of the rows" % len(found), found == lines
                      and names == ["%d.tlog-proof" % json.loads(x)["idx"] for x in lines] and all(json.loads(x)["idx"] < size for x in lines), names)

    # --- JSON Lines ---

    def whole(self):
        r, data, note, folder = self.export()
        lines = data.splitlines()
        size, root = e.check_checkpoint(note, self.audit.vkey)
        prev, chained = hashlib.sha256(ORIGIN.encode()).hexdigest(), True
        for line in lines:
            chained, prev = chained and json.loads(line)["prev"] == prev, e.leaf_hash(line).hex()
        self.rows.row("the whole log: exact bytes, chained, under the signed root", chained and data.endswith(b"\n") and size == len(lines)
                      and e.root_of([e.leaf_hash(x) for x in lines]) == root and lines[:len(self.audit.lines)] == self.audit.lines, r.err)
        self.proofs("the whole log", lines, note, folder)

    def periods(self):
        live = self.audit.live
        middle, end = thirds(live)
        for name, fits, args in (("since", lambda r: r["t_ms"] >= middle, ("--since", stamp(middle))), ("until", lambda r: r["t_ms"] < end, ("--until", stamp(end))),
                                 ("a period", lambda r: middle <= r["t_ms"] < end, ("--since", stamp(middle), "--until", stamp(end, 3))),
                                 ("behind a cursor", lambda r: r["idx"] > 20, ("--after", "20")),
                                 ("behind the last one", lambda r: False, ("--after", str(live[-1]["idx"]))),
                                 ("before all", lambda r: False, ("--until", "2001-01-01T00:00:00Z"))):
            r, data, note, folder = self.export(*args)
            lines = data.splitlines()
            self.rows.row("%s: %d records, complete" % (name, len(lines)), [json.loads(x)["idx"] for x in lines] == [x["idx"] for x in live if fits(x)]
                          and "Complete: chain and tree are those under the signed checkpoint" in r.err, r.err)
            self.proofs(name, lines, note, folder)

    def picked(self):
        digest, key = e.sha256(self.known["data"]), self.lab.key_id()
        for name, fits, args in (("signed", lambda r: r["event"] == "release.signed", ("--event", "release.signed")),
                                 ("artifact", lambda r: digest in r.get("artifacts", []), ("--artifact", digest)),
                                 ("key and actor", lambda r: names_key(r, key) and r.get("actor") == "ci-edge", ("--key", key, "--actor", "ci-edge"))):
            for more, says in (((), "is not proven complete"), (("--complete",), "Complete: all")):
                r, data, note, folder = self.export(*args, *more)
                lines = data.splitlines()
                self.rows.row("%s %s" % (name, " ".join(more)), [json.loads(x)["idx"] for x in lines] == [x["idx"] for x in self.audit.live if fits(x)]
                              and bool(lines) and says in r.err, r.err)
                self.proofs("%s %s" % (name, " ".join(more)), lines, note, folder)

    # --- CSV ---

    def cells(self, record, line):
        """What the row of a record has to be, as docs/formats/audit-report.md describes the columns."""
        want = {"index": str(record["idx"]), "event": record["event"], "leaf": e.leaf_hash(line).hex(),
                "keys": " ".join(k["spki"] for k in record.get("keys", [])), "tokens": " ".join(k["token"] for k in record.get("keys", [])),
                "time": stamp(record["t_ms"])[:-1] + ".%03dZ" % (record["t_ms"] % 1000),
                "expires": stamp(record["expires_s"] * 1000) if record.get("expires_s") else ""}
        want.update({n: " ".join(record.get(n, [])) for n in LISTS})
        want.update({n: record.get(n, "") for n in TEXTS})
        want.update({n: str(record.get(n, "")) for n in NUMBERS})
        return want

    def documented(self):
        """The columns of docs/formats/audit-report.md, in order."""
        text = e.read(os.path.join(e.TOP, "docs", "formats", "audit-report.md")).decode().split("## CSV")[1].split("## ")[0]
        return [c for line in text.splitlines() if line.startswith("| `") for c in re.findall("`([a-z_]+)`", line.split("|")[1])]

    def tables(self):
        for name, args, fits in (("the whole log", (), lambda r: True), ("refusals of gina", ("--actor", "gina"), lambda r: r.get("actor") == "gina"),
                                 ("nothing", ("--actor", "zoe"), lambda r: False)):
            r, data, note, folder = self.export("--format", "csv", *args)
            table = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
            head, body = table[0], table[1:]
            want = [self.cells(x, self.line_of(x["idx"])) for x in self.audit.live if fits(x)]
            found = [dict(zip(head, row)) for row in body]
            wrong = [(a, b) for a, b in zip(found, want) if a != b]
            self.rows.row("CSV, %s: %d rows are the records" % (name, len(body)), found == want and all(len(row) == len(head) for row in body)
                          and len(set(head)) == len(head), "%d rows, expected %d; %s" % (len(found), len(want), [
                              {n: (a.get(n), b.get(n)) for n in set(a) | set(b) if a.get(n) != b.get(n)} for a, b in wrong[:2]]))
            self.rows.row("CSV, %s: lines end with CR LF, no cell is a formula" % name, data.endswith(b"\r\n") and data.count(b"\n") == data.count(b"\r\n") == len(table)
                          and not [c for row in table for c in row if c[:1] in ("=", "+", "-", "@", "\t", "\r")], data[-80:])
            self.proofs("CSV, " + name, [self.line_of(int(row[0])) for row in body], note, folder)
        self.rows.equal("the columns are the documented ones", head, self.documented())
        db = sqlite3.connect(":memory:")
        db.execute("CREATE TABLE log(%s)" % ",".join('"%s"' % c for c in head))
        self.rows.row("the header makes a table in SQL", db.execute("SELECT count(*) FROM log").fetchone() == (0,))

    def line_of(self, idx):
        if not hasattr(self, "exact"):
            self.exact = e.read(self.audit.file).splitlines()
        return self.exact[idx]

    # --- other sources ---

    def offline(self):
        fits = [r["idx"] for r in self.audit.records if r.get("actor") == "bob"]
        r, data, note, folder = self.export("--database", self.audit.db, "--actor", "bob")
        self.rows.row("out of a backup", [json.loads(x)["idx"] for x in data.splitlines()] == fits and "Complete: all" in r.err, r.err)
        self.proofs("out of a backup", data.splitlines(), note, folder)
        r, data, note, folder = self.export("--database", self.audit.db)
        self.rows.row("the whole backup", data.splitlines() == self.audit.lines and e.check_checkpoint(note, self.audit.vkey)[0] == len(self.audit.lines), r.err)
        path, cp = self.lab.path("work", "from-backup.jsonl"), e.write(self.lab.path("work", "from-backup.checkpoint"), note)
        e.write(path, data)
        r = self.lab.cli("audit", "log", "verify", "--file", path, "--checkpoint", cp)
        self.rows.row("which log verify takes", "verified" in r.out, r.out)
        plain = self.lab.audit("export", "--event", "log.created")
        self.rows.row("without --out to stdout", plain.out.encode() == self.audit.lines[0] + b"\n", plain.out)

    # --- what is refused ---

    def refusals(self):
        bad, out = self.audit.bad, self.lab.path("work", "refused.jsonl")
        bad("a format that there is not", ("export", "--format", "xml"), "expected jsonl or csv")
        bad("to resume a table", ("export", "--format", "csv", "--resume", "--out", out), "--resume")
        bad("to resume what is filtered", ("export", "--actor", "bob", "--resume", "--out", out), "--resume")
        bad("to resume nothing", ("export", "--resume", "--out", out), "nothing to resume")
        bad("an unknown event", ("export", "--event", "x"), "no such event")
        r = self.lab.audit("export", "--out", self.lab.path("work", "no", "such", "folder.jsonl"), check=False)
        self.rows.row("into a folder that is not there", r.returncode != 0 and "folder.jsonl" in r.err, r.err)
        r = self.lab.audit("export", "--proofs", self.audit.file, "--out", out, check=False)
        self.rows.row("proofs into a file", r.returncode != 0 and not os.path.exists(out), r.err)

    def tampered(self):
        """A backup in which somebody changed one record: nothing is written, and nothing stays."""
        copy, out = self.lab.path("work", "tampered.db"), self.lab.path("work", "tampered.jsonl")
        shutil.copyfile(self.audit.db, copy)
        db = sqlite3.connect(copy)
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            db.execute("DROP TRIGGER " + name)
        idx = next(r["idx"] for r in self.audit.records if r.get("actor") == "bob")
        db.execute("UPDATE record SET bytes=? WHERE idx=?", (self.audit.lines[idx].replace(b'"actor":"bob"', b'"actor":"bab"'), idx))
        db.commit()
        db.close()
        for command in (("export", "--out", out), ("export", "--format", "csv", "--out", out), ("export", "--actor", "bab", "--out", out), ("report", "--out", out),
                        ("query", "--actor", "bab"), ("about", "person", "bab")):
            r = self.lab.audit(*command, "--database", copy, check=False)
            left = [n for n in os.listdir(self.lab.path("work")) if n.startswith("tampered.jsonl")]
            self.rows.row("from a changed backup: " + " ".join(command[:3]), r.returncode == 1 and not r.out and not left and "record" in r.err, (r.returncode, r.out[:200], r.err, left))
