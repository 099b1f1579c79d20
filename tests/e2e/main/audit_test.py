"""What an auditor asks of a log in which much has happened: query, about, export, report; from the server, from a backup, and from an
export. What must come out is computed here from the records alone."""

import json
import sqlite3

import e2e_lib as e
from audit_export import Exports
from audit_lib import Audited
from audit_query import Questions
from audit_report import Reports
from audit_story import Stories


class Audit:
    """The log as it is, read past Hallmark."""

    def __init__(self, lab, rows):
        self.lab, self.rows = lab, rows
        lab.tell()
        self.db = lab.backup()
        db = sqlite3.connect("file:%s?mode=ro" % self.db, uri=True)
        self.lines = [bytes(b) for (b,) in db.execute("SELECT bytes FROM record ORDER BY idx")]
        db.close()
        self.records = [json.loads(b) for b in self.lines]
        self.live = lab.records()  # what happened since the backup too
        self.vkey = e.read(lab.path("ceremony", "keys", "log.vkey")).decode()
        self.file, self.checkpoint = lab.path("work", "whole.jsonl"), lab.path("work", "whole.checkpoint")
        lab.audit("export", "--out", self.file, "--checkpoint", self.checkpoint)

    def bad(self, name, args, says, code=2, lines=False):
        """A refusal: the right exit code, nothing on stdout, and words that say what was wrong."""
        r = self.lab.audit(*args, check=False)
        ok = r.returncode == code and says in r.err and (lines or not r.out)
        return self.rows.row(name, ok, "exit %d, expected %d and %r\n%s%s" % (r.returncode, code, says, r.out[:300], r.err))


def main(lab, rows):
    audit = Audit(lab, rows)
    rows.parts(*(part for kind in (Questions, Stories, Exports, Reports) for part in kind(audit).parts()))


if __name__ == "__main__":
    e.run_script(main, cast=Audited)
