#!/usr/bin/python3
"""hallmark log query, about, export and report against a service that leaves records out, puts some in, changes them, or shows another
log. What a filter of the server leaves out cannot be noticed, and is said; everything else ends in exit code 1 and leaves no file.
audit_lies_test.py HALLMARK [NAME...]"""
import json
import os
import sys
import tempfile

from bench import Bench, change
from world import rb, rfc3339

HALLMARK = sys.argv[1]
STEP = 60  # seconds between two records


class Audit:
    def __init__(self, b):
        self.b, self.w = b, b.world
        self.first = b.fresh(signed=True)
        self.second = b.fresh(approvals=1)
        b.settings("ci", "auditor")
        self.out = os.path.join(b.folder, "lies.out")
        self.size = len(self.w.records)
        self.whole = ("query", "--complete", "--actor", "alice"), ("about", "person", "alice", "--complete"), ("export", "--out", self.out), (
            "export", "--actor", "alice", "--complete", "--out", self.out), ("report", "--out", self.out)

    def time(self, index):
        return rfc3339(rb.NOW + index * STEP)

    def expect(self, name, code, pattern, command, lie=None, who="auditor"):
        r = self.b.expect("%s: %s" % (" ".join(x for x in command[:3] if x != self.out), name), code, pattern, who, "log", *command, lie=lie)
        left = [f for f in os.listdir(self.b.folder) if f.startswith("lies.out")]
        if code == 1 and (left or r.out):
            self.b.failed.append("%s: something was written: %s %s" % (name, left, r.out[:200]))
        for f in left:
            os.unlink(os.path.join(self.b.folder, f))
        return r

    # --- liars ---

    def entries(self, function):
        return change("entries", lambda v, c: function(v))

    def picked(self, function):
        """Changes a page after the filter; records are (index, bytes)."""
        return change("picked", lambda v, c: function(v))

    def altered(self, i, **members):
        return self.entries(lambda v: v[:i] + [rb.canonical(dict(json.loads(v[i]), **members))] + v[i + 1:])

    def chained(self, records):
        """A log that holds together in itself, under a signed checkpoint: that of a service that shows another one to each."""
        fixed = []
        for idx, record in enumerate(records):
            prev = rb.leaf(fixed[-1]) if fixed else rb.sha(rb.ORIGIN.encode())
            fixed.append(rb.canonical(dict(json.loads(record), idx=idx, prev=prev.hex())))

        def liar(kind, value, context):
            if kind == "checkpoint":
                return self.w.checkpoint(records=fixed)
            if kind == "proof":
                return self.w.proof(context["index"], records=fixed)
            return {"entries": fixed, "log-size": str(len(fixed))}.get(kind, value)
        return liar

    # --- ---

    def honest(self):
        for command in self.whole:
            self.expect("honest", 0, "", command)
        self.expect("honest", 0, "not proven complete", ("query", "--actor", "alice", "--prove"))
        for since, until in ((3, 6), (2, self.size - 1), (0, 2), (self.size - 1, self.size)):
            r = self.expect("honest", 0, "Complete", ("export", "--since", self.time(since), "--until", self.time(until)))
            if [json.loads(x)["idx"] for x in r.out.splitlines()] != list(range(since, until)):
                self.b.failed.append("period %d to %d: %s" % (since, until, r.out))

    def whole_log(self):
        """Everything is read and replayed: nothing can be left out, put in or changed."""
        i = next(n for n, r in enumerate(self.w.records) if b'"actor":"alice"' in r)
        other = rb.Key("another log", rb.ED25519)
        for command in self.whole:
            self.expect("a record left out", 1, "record %d" % i, command, self.entries(lambda v: v[:i] + v[i + 1:]))
            self.expect("the last one left out", 1, "covers|record", command, self.entries(lambda v: v[:-1]))
            self.expect("a record put in", 1, "record", command, self.entries(lambda v: v[:i] + v[i - 1:]))
            self.expect("two exchanged", 1, "record", command, self.entries(lambda v: v[:i - 1] + [v[i], v[i - 1]] + v[i + 1:]))
            self.expect("another actor", 1, "record", command, self.altered(i, actor="mallory"))
            self.expect("no records at all", 1, "covers|record", command, self.entries(lambda v: []))
            self.expect("a checkpoint by another key", 1, "checkpoint|signature", command, change("checkpoint", lambda v, c: self.w.checkpoint(key=other)))
            self.expect("another history", 1, "forked|rewritten|extend", command, self.chained(self.w.records[:i] + [
                self.w.records[i].replace(b'"actor":"alice"', b'"actor":"carol"')] + self.w.records[i + 1:]))
            self.expect("an older state", 1, "cut|seen before|covers", command, self.chained(self.w.records[:-2]))

    def evidence(self):
        """Names and reasons come from documents; each is held against its digest in the record."""
        for command in (("report", "--out", self.out), ("about", "person", "alice", "--complete"), ("about", "person", "alice")):
            self.expect("another policy", 1, "evidence|digest|SHA-256", command, change("evidence", lambda v, c: v + b"\n" if c["n"] == 2 and c["index"] == 0 else v))

    def filtered(self):
        """What the server picks: what it gives is held against the question; what it keeps back is its word."""
        for command in (("query", "--actor", "alice", "--order", "asc", "--all"), ("about", "person", "alice"), ("export", "--actor", "alice", "--out", self.out)):
            self.expect("one that was not asked for", 1, "not asked for", command, self.picked(lambda v: [(2, self.w.records[2])] + v))
            self.expect("out of order", 1, "out of order", command, self.picked(lambda v: v[::-1]))
            self.expect("one twice", 1, "out of order", command, self.picked(lambda v: v[:1] + v))
            self.expect("what is no record", 1, "record", command, self.picked(lambda v: v[:-1] + [(v[-1][0], b'{"idx":1}')] if v else v))
            self.expect("a log size that is none", 1, "", command, change("log-size", lambda v, c: "many"))
        self.expect("one twice that came after the answer began", 1, "out of order", ("query", "--actor", "alice", "--all"),
                    lambda kind, v, c: {"picked": lambda: v[:1] + v, "log-size": lambda: "1"}.get(kind, lambda: v)())
        self.expect("a list of more than was signed", 1, "its checkpoint covers", ("export", "--actor", "alice", "--out", self.out),
                    change("log-size", lambda v, c: str(int(v) + 5)))
        last = change("picked", lambda v, c: v[:-1] if "actor" in c["q"] else v)
        r = self.expect("one kept back is not noticed, and that is said", 0, "not proven complete", ("query", "--actor", "alice", "--prove"), last)
        all_of = self.expect("and --complete has it", 0, "", ("query", "--actor", "alice", "--complete"), last)
        if len(all_of.out.splitlines()) <= len(r.out.splitlines()):
            self.b.failed.append("--complete gave no more")
        changed = self.picked(lambda v: [(i, r.replace(b'"channel":"stable"', b'"channel":"nightly"')) for i, r in v])
        self.expect("a changed one is noticed by its proof", 1, "not the one in the log", ("query", "--actor", "alice", "--prove"), changed)
        self.expect("a changed one is noticed by its proof", 1, "not the one in the log", ("about", "person", "alice", "--prove"), changed)
        self.expect("a changed one is the server's word", 0, "by the server's word .--proofs", ("export", "--actor", "alice", "--out", self.out), changed)
        self.expect("a changed one is noticed by its proof", 1, "not the one in the log", (
            "export", "--actor", "alice", "--proofs", os.path.join(self.b.folder, "proofs"), "--out", self.out), changed)
        self.expect("a proof that does not hold", 1, "proof", ("query", "--actor", "alice", "--prove"), change("proof", lambda v, c: self.w.proof(1)))

    def period(self):
        """A run of records without gaps is proven to be one, without the rest of the log."""
        since, until = 3, self.size - 3
        command = ("export", "--since", self.time(since), "--until", self.time(until), "--out", self.out)

        def in_run(function):
            return change("picked", lambda v, c: function(v) if "until" in c["q"] and c["q"].get("order") != "desc" else v)

        def before(function):
            return change("picked", lambda v, c: function(v) if "until" in c["q"] and c["q"].get("order") == "desc" else v)

        self.expect("one in the middle left out", 1, "does not follow", command, in_run(lambda v: [r for r in v if r[0] != 4]))
        self.expect("the first one left out", 1, "does not follow", command, in_run(lambda v: [r for r in v if r[0] != since]))
        self.expect("the last one left out", 1, "record %d was asked for, and the server left it out" % (until - 1), command, in_run(
            lambda v: [r for r in v if r[0] < until - 1]))
        self.expect("all of them left out", 1, "record %d was asked for" % since, command, in_run(lambda v: []))
        self.expect("one changed", 1, "does not follow|not the ones", command, in_run(
            lambda v: [(i, r.replace(b'"alice"', b'"carol"')) for i, r in v]))
        self.expect("the last one changed", 1, "not the ones under the checkpoint", command, in_run(
            lambda v: [(i, rb.canonical(dict(json.loads(r), product="edge-radio")) if i == until - 1 else r) for i, r in v]))
        self.expect("one more than the period has", 1, "not asked for", command, in_run(
            lambda v: v if v and v[-1][0] != until - 1 else v + [(until, self.w.records[until])]))
        self.expect("a later beginning", 1, "record %d is of the period, and the server left it out" % since, command, before(
            lambda v: [(since, self.w.records[since])]))
        self.expect("an earlier beginning", 1, "not asked for|does not follow", command, before(lambda v: v[1:]))
        self.expect("a beginning that there is not", 1, "", command, before(lambda v: [(self.size, rb.canonical(dict(json.loads(v[0][1]), idx=self.size)))]))
        self.expect("no beginning", 1, "not asked for", command, before(lambda v: []))
        self.expect("proofs of another record", 1, "record", command, change("proof", lambda v, c: self.w.proof(1)))
        self.expect("proofs that do not hold", 1, "", command, change("proof", lambda v, c: v.replace("index %d" % c["index"], "index %d" % (c["index"] + 1), 1)))
        fork = self.chained(self.w.records[:3] + [self.w.records[3].replace(b'"actor":"alice"', b'"actor":"carol"')] + self.w.records[4:])
        self.expect("another history", 1, "forked|rewritten", command, fork)

        def two_logs(kind, value, context):
            """One log in the list and the proofs, the signed one in the checkpoint."""
            return value if kind == "checkpoint" else fork(kind, value, context)
        self.expect("a list and proofs of another history", 1, "forked|rewritten|extend", command, two_logs)

    def broken(self):
        """The network breaks in the middle of an export, which goes on later."""
        command, partial, asked = ("export", "--out", self.out), self.out + ".partial", []

        def breaks(kind, value, context):
            if kind == "picked":
                asked.append(1)
            return (503, b"", "text/plain") if kind == "status" and len(asked) >= 2 and context["path"] == "/v1/log/entries" else value

        def run(name, code, pattern, *more, lie=None):
            r = self.b.expect("export --resume: " + name, code, pattern, "auditor", "log", *command, *more, lie=lie)
            return r, [f for f in os.listdir(self.b.folder) if f.startswith("lies.out")]

        for name, spoil, code, pattern in (("goes on where it ended", lambda d: d, 0, "9 records, resumed"), ("half a line is fetched again", lambda d: d[:-20], 0, "resumed"),
                                           ("what was changed meanwhile", lambda d: d.replace(b'"ci"', b'"cx"', 1), 1, "record|prev"),
                                           ("a record taken out meanwhile", lambda d: b"".join(d.splitlines(True)[:3] + d.splitlines(True)[4:]), 1, "record"),
                                           ("what is no export", lambda d: b"hello\n", 2, "no record")):
            asked.clear()
            _, left = run("a break", 3, "--resume", lie=breaks)
            if left != ["lies.out.partial"]:
                self.b.failed.append("a break leaves %s" % left)
                continue
            with open(partial, "rb") as f:
                data = f.read()
            with open(partial, "wb") as f:
                f.write(spoil(data))
            _, left = run(name, code, pattern, "--resume")
            if code == 0:
                with open(self.out, "rb") as f:
                    if f.read() != b"".join(r + b"\n" for r in self.w.records) or left != ["lies.out"]:
                        self.b.failed.append("%s: %s" % (name, left))
            elif "lies.out" in left:
                self.b.failed.append("%s: it got its name" % name)
            for f in left:
                os.unlink(os.path.join(self.b.folder, f))

    def damaged(self):
        """Nothing of the service makes sense."""
        for command in self.whole + (("query",),):
            self.expect("damaged records", 1, "record", command, self.entries(lambda v: v[:3] + [v[3][:-9]] + v[4:]))
        for command in self.whole:
            self.expect("an answer of the wrong kind", 1, "", command, change("checkpoint", lambda v, c: b"<html>"))


def main():
    with tempfile.TemporaryDirectory(prefix="hallmark-lies-") as folder:
        b = Bench(HALLMARK, folder, sys.argv[2:])
        b.world.step_ms = STEP * 1000
        a = Audit(b)
        for part in (a.honest, a.whole_log, a.evidence, a.filtered, a.period, a.broken, a.damaged):
            part()
        b.service.close()
    print("%d cases, %d failed%s" % (b.count, len(b.failed), "".join("\n  " + f for f in b.failed)))
    return 1 if b.failed or b.count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
