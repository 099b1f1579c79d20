"""`hallmark log query`: every filter alone and with others, cursors, sources, refusals."""

import json
import os
from datetime import datetime, timedelta, timezone

import e2e_lib as e


def stamp(t_ms, hours=0):
    """A time in a zone so many hours east, whole seconds."""
    zone = timezone(timedelta(hours=hours))
    return datetime.fromtimestamp(t_ms // 1000, zone).strftime("%Y-%m-%dT%H:%M:%S") + ("%+03d:00" % hours if hours else "Z")


def thirds(records):
    """Two whole seconds, one after the other, between which there are records."""
    seconds = sorted({r["t_ms"] // 1000 * 1000 for r in records})
    return seconds[len(seconds) // 3], seconds[len(seconds) * 2 // 3]


def names_key(record, key):
    return key in [k["spki"] for k in record.get("keys", [])] + [record.get("guard"), record.get("approver_key")]


class Questions:
    def __init__(self, audit):
        self.audit, self.lab, self.rows, self.known = audit, audit.lab, audit.rows, audit.lab.known

    def parts(self):
        return self.alone, self.combined, self.cursors, self.sources, self.words, self.refusals, self.false_files

    def ask(self, *args, **kw):
        """(records, what is said about them)"""
        r = self.lab.audit("query", "--json", *args, **kw)
        said = {}
        for line in r.err.splitlines():
            if line.startswith("{"):
                said = json.loads(line)
        return r, r.lines, said

    def expect(self, name, fits, *args, some=True):
        """The server's answer, and one out of the backup, are exactly the records that fit."""
        want = [r for r in self.audit.live if fits(r)]
        old = [r for r in self.audit.records if fits(r)]
        _, found, said = self.ask("--order", "asc", "--all", *args)
        _, offline, told = self.ask("--order", "asc", "--all", "--database", self.audit.db, *args)
        ok = (found == want and offline == old and bool(want) == some and said["complete"] is False and told["complete"] is True
              and told["proven"] is True and said["records"] == len(want) and told["log_size"] == len(self.audit.records))
        self.rows.row("%s: %d records" % (name, len(want)), ok, "expected %s, found %s; backup: expected %s, found %s; %s %s" % tuple(
            [[r["idx"] for r in x] for x in (want, found, old, offline)] + [said, told]))

    # --- filters ---

    def alone(self):
        k, live = self.known, self.audit.live
        self.expect("no filter", lambda r: True)
        for event in sorted({r["event"] for r in live}):
            self.expect("event " + event, lambda r, event=event: r["event"] == event, "--event", event)
        for name, value in (("product", "edge-radio"), ("version", "2.0.0"), ("channel", "nightly"), ("environment", "development"),
                            ("actor", "alice"), ("actor", "newcomer"), ("outcome", "break-glass"), ("outcome", "approvals.count"), ("release", k["failed"])):
            self.expect("%s %s" % (name, value), lambda r, n=name, v=value: r.get(n) == v, "--" + name, value)
        digest = e.sha256(k["data"])
        image = e.write(self.lab.path("work", "image.bin"), k["data"])
        for spelling in (digest, "sha256:" + digest, image):
            self.expect("artifact by " + spelling[-12:], lambda r: digest in r.get("artifacts", []), "--artifact", spelling)
        release_key = self.lab.key_id()
        pem = self.lab.path("ceremony", "keys", "release.pem")
        for spelling in (release_key, pem):
            self.expect("release key by " + spelling[-12:], lambda r: names_key(r, release_key), "--key", spelling)
        dave = next(r["approver_key"] for r in live if r["event"] == "approval.recorded" and r["actor"] == "dave")
        self.expect("the key of an approver", lambda r: names_key(r, dave), "--key", dave)
        self.expect("a key that nobody has", lambda r: False, "--key", "ab" * 32, some=False)
        self.expect("an artifact that nobody released", lambda r: False, "--artifact", "cd" * 32, some=False)
        self.expect("an actor whom nobody knows", lambda r: False, "--actor", "zoe", some=False)

    def combined(self):
        k, live, records = self.known, self.audit.live, self.audit.records
        middle, end = thirds(records)
        self.expect("since", lambda r: r["t_ms"] >= middle, "--since", stamp(middle))
        self.expect("since, in another zone", lambda r: r["t_ms"] >= middle, "--since", stamp(middle, 5))
        self.expect("since, west of Greenwich", lambda r: r["t_ms"] >= middle, "--since", stamp(middle, -8))
        self.expect("until is not part of it", lambda r: r["t_ms"] < middle, "--until", stamp(middle))
        self.expect("a period", lambda r: middle <= r["t_ms"] < end, "--since", stamp(middle), "--until", stamp(end))
        self.expect("some time ago", lambda r: True, "--since", "2d")
        self.expect("before all of it", lambda r: False, "--until", "3w", some=False)
        self.expect("event and actor", lambda r: r["event"] == "approval.recorded" and r.get("actor") == "bob", "--event", "approval.recorded", "--actor", "bob")
        self.expect("product, version, channel", lambda r: (r.get("product"), r.get("version"), r.get("channel")) == ("edge-router", "2.0.0", "stable"),
                    "--product", "edge-router", "--version", "2.0.0", "--channel", "stable")
        digest, key = e.sha256(k["data"]), self.lab.key_id()
        self.expect("artifact and key", lambda r: digest in r.get("artifacts", []) and names_key(r, key), "--artifact", digest, "--key", key)
        stable = k["stable"]
        intended = next(r for r in live if r["event"] == "release.signed" and r["release"] == stable)
        self.expect("everything at once", lambda r: r["idx"] == intended["idx"],
                    "--event", "release.signed", "--product", "edge-router", "--version", "2.0.0", "--channel", "stable", "--environment", "production",
                    "--actor", intended["actor"], "--outcome", intended["outcome"], "--release", stable, "--key", key,
                    "--since", stamp(intended["t_ms"]), "--until", stamp(intended["t_ms"] + 1000)) if intended.get("outcome") else \
            self.expect("nearly everything at once", lambda r: r["idx"] == intended["idx"],
                        "--event", "release.signed", "--product", "edge-router", "--version", "2.0.0", "--channel", "stable", "--environment", "production",
                        "--actor", intended["actor"], "--release", stable, "--key", key,
                        "--since", stamp(intended["t_ms"]), "--until", stamp(intended["t_ms"] + 1000))
        self.expect("what cannot both be", lambda r: False, "--event", "release.signed", "--release", k["rejected"], some=False)

    # --- pages ---

    def pages(self, order, *args):
        found, after, count = [], [], 0
        while count < 100:
            _, lines, said = self.ask("--order", order, "--limit", "7", *args, *after)
            found += [r["idx"] for r in lines]
            count += 1
            if len(lines) > 7 or "next" not in said:
                return found
            after = ["--after", str(said["next"])]
        return None

    def cursors(self):
        indexes = [r["idx"] for r in self.audit.live]
        old = [r["idx"] for r in self.audit.records]
        self.rows.equal("pages, oldest first", self.pages("asc"), indexes)
        self.rows.equal("pages, newest first", self.pages("desc"), indexes[::-1])
        self.rows.equal("pages of a backup, oldest first", self.pages("asc", "--database", self.audit.db), old)
        self.rows.equal("pages of a backup, newest first", self.pages("desc", "--database", self.audit.db), old[::-1])
        of_carol = [r["idx"] for r in self.audit.live if r.get("actor") == "ci-edge"]
        self.rows.equal("pages of a filter", self.pages("asc", "--actor", "ci-edge"), of_carol)
        self.rows.row("which has several", len(of_carol) > 14, of_carol)
        _, lines, said = self.ask("--limit", "3")
        self.rows.equal("newest first by itself", [r["idx"] for r in lines], indexes[:-4:-1])
        _, lines, said = self.ask("--order", "asc", "--after", str(indexes[-1]))
        self.rows.row("behind the last one is nothing", lines == [] and "next" not in said, (lines, said))
        _, lines, said = self.ask("--order", "desc", "--after", "0")
        self.rows.row("nor before the first", lines == [] and "next" not in said, (lines, said))

    # --- where from ---

    def sources(self):
        fits = [r["idx"] for r in self.audit.live if r.get("actor") == "alice"]
        whole = ("--actor", "alice", "--order", "asc", "--all")
        for name, more, complete in (("the server, with proofs", ("--prove",), False), ("the whole log of the server", ("--complete",), True),
                                     ("the same with proofs", ("--complete", "--prove"), True),
                                     ("an export", ("--file", self.audit.file, "--checkpoint", self.audit.checkpoint), True),
                                     ("an export, with proofs", ("--file", self.audit.file, "--checkpoint", self.audit.checkpoint, "--prove"), True),
                                     ("a backup, with proofs", ("--database", self.audit.db, "--prove"), True),
                                     ("a backup that holds a checkpoint of its own", ("--database", self.audit.db, "--checkpoint", self.old_checkpoint()), True)):
            _, lines, said = self.ask(*whole, *more)
            self.rows.row("from " + name, [r["idx"] for r in lines] == fits and said["complete"] is complete and said["proven"] is True, (lines, said))
        r, _, _ = self.ask("--order", "asc", "--all")
        self.rows.equal("lines are the exact bytes", r.out.encode().splitlines()[:len(self.audit.lines)], self.audit.lines)
        with open(self.audit.db, "rb") as f:
            self.rows.row("beside a backup nothing is written", f.read(15) == b"SQLite format 3" and not [
                n for n in os.listdir(self.lab.path("work")) if n.startswith("audit.db-")])

    def old_checkpoint(self):
        """One that the backup has passed through."""
        import sqlite3
        db = sqlite3.connect("file:%s?mode=ro" % self.audit.db, uri=True)
        note = db.execute("SELECT note FROM checkpoint ORDER BY size LIMIT 1 OFFSET 3").fetchone()[0]
        db.close()
        return e.write(self.lab.path("work", "old.checkpoint"), bytes(note))

    def words(self):
        text = self.lab.audit("query", "--event", "release.signed", "--limit", "2")
        self.rows.row("a table for people", "INDEX" in text.out and "release.signed" in text.out and len(text.out.splitlines()) == 3, text.out)
        self.rows.row("which says what it is worth, and how to go on", "not proven complete" in text.out + text.err and "--after" in text.out + text.err, text.out + text.err)
        text = self.lab.audit("query", "--event", "release.signed", "--database", self.audit.db)
        self.rows.row("and says so where it is complete", "omplete" in text.out + text.err and "not proven complete" not in text.out + text.err, text.out + text.err)

    # --- what is refused ---

    def refusals(self):
        bad, wrong = self.audit.bad, e.write(self.lab.path("work", "no.key"), "no key")
        for time, says in (("yesterday", "expected a time"), ("2026-11-21", "did you mean 2026-11-21T00:00:00Z"), ("2026-11-21T01:02:03", "has no zone"),
                           ("2026-02-30T00:00:00Z", "expected a time"), ("2026-11-21T25:00:00Z", "expected a time"), ("2026-11-21T01:00:00+25:00", "expected a time"),
                           ("-7d", "expected a time"), ("7y", "expected a time"), ("", "expected a time"), ("99999999999w", "expected a time")):
            bad("--since %r" % time, ("query", "--since", time), says)
            bad("--until %r" % time, ("report", "--until", time), says)
        bad("since behind until", ("query", "--since", "1d", "--until", "2d"), "--since is not before --until")
        bad("since at until", ("query", "--since", "2026-11-21T00:00:00Z", "--until", "2026-11-21T01:00:00+01:00"), "--since is not before --until")
        for option, value, says in (("event", "release.eaten", "there is no such event"), ("event", "", "there is no such event"),
                                    ("product", "edge router", "expected a name"), ("actor", "al\nice", "expected a name"), ("version", "", "expected a name"),
                                    ("actor", "a" * 300, "expected a name"), ("outcome", "<b>", "expected a name"), ("release", "17", "expected an id"),
                                    ("release", "r", "expected an id"), ("artifact", "sha256:12", "64 hex digits"), ("artifact", "no/such/file", "neither"),
                                    ("key", wrong, "no key"), ("key", "no/such/key", "no key"), ("after", "x", "--after"), ("limit", "0", "--limit"),
                                    ("limit", "1000001", "--limit"), ("order", "sideways", "expected asc or desc")):
            bad("--%s %.20r" % (option, value), ("query", "--" + option, value), says)
        bad("--all with --limit", ("query", "--all", "--limit", "5"), "one of them")
        bad("an option that there is not", ("query", "--sql", "1=1"), "--sql")
        bad("an export without its checkpoint", ("query", "--file", self.audit.file), "--checkpoint")
        bad("two sources", ("query", "--file", self.audit.file, "--checkpoint", self.audit.checkpoint, "--database", self.audit.db), "--")
        self.audit.bad("a backup that is not there", ("query", "--database", self.lab.path("work", "none.db")), "none.db", code=5)

    def false_files(self):
        """Exports and checkpoints that do not belong together, or were changed."""
        lines = e.read(self.audit.file).splitlines(keepends=True)

        def export(name, changed, says, checkpoint=None):
            path = e.write(self.lab.path("work", "false.jsonl"), b"".join(changed))
            for command in (("query", "--json", "--all"), ("about", "person", "alice"), ("report",)):
                self.audit.bad("an export with %s: %s" % (name, command[0]), command + ("--file", path, "--checkpoint", checkpoint or self.audit.checkpoint), says, code=1)

        export("a record less", lines[:4] + lines[5:], "record")
        export("its last record cut off", lines[:-1], "")
        export("two records exchanged", lines[:4] + [lines[5], lines[4]] + lines[6:], "record")
        export("another name", [line.replace(b'"actor":"alice"', b'"actor":"zelda"') for line in lines], "record")
        export("one more record", lines + lines[-1:], "record")
        note = e.read(self.audit.checkpoint)
        size = note.split(b"\n")[1]
        forged = e.write(self.lab.path("work", "forged.checkpoint"), note.replace(size, b"%d" % (int(size) - 1), 1))
        export("a checkpoint that nobody signed", lines, "", checkpoint=forged)
        settings = json.loads(e.read(self.lab.path("clients", "audit.json")))
        name, _, _ = settings["log_key"].split("+", 2)
        raw = b"\x01" + e.raw(e.ed25519.Ed25519PrivateKey.generate())
        settings["log_key"] = "%s+%s+%s" % (name, e.hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4].hex(), e.base64.b64encode(raw).decode())
        e.write(self.lab.path("clients", "fooled.json"), json.dumps(settings))
        for command in (("query", "--complete"), ("query", "--prove"), ("about", "person", "alice", "--prove"), ("export",), ("report",)):
            r = self.lab.audit(*command, who="fooled", check=False)
            self.rows.row("under another log key: " + " ".join(command), r.returncode == 1 and not r.out, "exit %d\n%s%s" % (r.returncode, r.out[:300], r.err))
