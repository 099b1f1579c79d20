"""The table of what was tried by somebody who took a program's place: the attempt, the reason that came back, the record it left.

An attempt fails only for its own reason. Each group has controls, which must succeed: else everything in it could fail because the
harness is broken."""

# Why a refusal left no record, by problem. A record names whose evidence it keeps, so there is none where nobody's was shown.
NO_RECORD = {
    "malformed": "no document that could be kept",
    "unknown-field": "no document that could be kept",
    "too-large": "over the limit, not read",
    "unauthenticated": "names nobody",
    "forbidden": "a role, decided before anything is read",
    "not-found": "about nothing that is there",
    "signature": "signed by nobody who is known, or about something else",
    "conflict": "the record of the first time answers",
    "expired": "over before it came",
    "state": "nothing changed, nothing is there to change",
}


class Table:
    def __init__(self, rows, lab, who):
        self.rows, self.lab, self.who = rows, lab, who
        self.lines, self.groups, self.group = [], {}, None

    def begin(self, group):
        self.group = group
        self.groups.setdefault(group, [0, 0])

    def control(self, what, ok, detail=""):
        """Something honest in the same way, which must succeed."""
        self.groups[self.group][1] += 1
        return self.rows.row("%s: control: %s" % (self.group, what), ok, detail)

    def line(self, what, reason, record, ok):
        self.groups[self.group][0] += 1
        self.lines.append((self.group, what, reason, record, "refused" if ok else "NOT AS IT SHOULD BE"))

    def tried(self, what, answer, says, event=None, outcome=None, text=""):
        """By way of the registrar: status, problem, and the record (None: none)."""
        ok = self.rows.equal("%s: %s" % (self.group, what), answer.says(), says, answer)
        ok = ok and (not text or self.rows.row("%s: %s: says %r" % (self.group, what, text), text in answer.doc.get("detail", ""), answer))
        left = "none: " + NO_RECORD.get(says[1], "?")
        if event is None:
            ok = self.rows.row("%s: %s: no record" % (self.group, what), "index" not in answer.doc and not left.endswith("?"), answer) and ok
        else:
            left = "%s %s" % (event, outcome or says[1])
            index = answer.doc.get("index")
            record = self.lab.record(index) if index is not None else {}
            ok = self.rows.equal("%s: %s: record" % (self.group, what), (record.get("event"), record.get("outcome")),
                                 (event, outcome or says[1]), answer) and ok
        self.line(what, "%d %s" % says, left, ok)
        return ok

    def refused(self, what, found, code, text):
        """By the signer: (error number, text). It keeps no log; its journal has the line."""
        ok = found[0] == code and text in found[1]
        self.rows.row("%s: %s" % (self.group, what), ok, (found, "expected", code, text))
        self.line(what, text, "the signer's journal", ok)
        return ok

    def finish(self):
        for group, (tried, controls) in self.groups.items():
            self.rows.row("%s: %d attempts, %d controls" % (group, tried, controls), controls > 0)
        width = max(len(line[1]) for line in self.lines)
        print("\nattempts of %s" % self.who)
        for group, what, reason, record, result in self.lines:
            print("  %-14s %-*s  %-7s  %s | %s" % (group, width, what, result, reason, record))
        print("", flush=True)
