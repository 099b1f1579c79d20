"""A log in which much has happened, for the tests of what auditors do with it: releases in all their states, people who join, another
policy, a break-glass release, names that would be markup. What happened is kept in `known`, by release ids and digests."""

import json
import os
import time

import e2e_lib as e
import stopped
from erase_test import Erasing
from roster_test import Rostered

BOB = "Bob <script>alert('bob')</script> & \"Söhne\""
REASON = "</td><script>alert(\"reason\")</script> & it's 5 > 3"
INCIDENT = "<img src=x onerror=alert(1)> incident \"4711\": units brick & reboot"
LIMIT = 8  # signatures a day by the production key: most of them are made


class Audited(Rostered, Erasing):
    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)
        self.known = {}

    def policy(self):
        doc = super().policy()
        next(p for p in doc["principals"] if p["id"] == "bob")["name"] = BOB
        stable = doc["rules"][0]
        emergency = {k: stable[k] for k in ("products", "channels", "environment", "key", "submitters", "provenance")}
        emergency.update(id="emergency", break_glass=True, approvals={"group": "release-managers", "count": 3})
        for rule in (stable, emergency) + tuple(r for r in doc["rules"] if r["id"] == "brief"):
            rule["limits"] = {"signatures": {"count": LIMIT, "window_s": 86400}}
        doc["rules"].append(emergency)
        return doc

    # --- what people do ---

    def by(self, release, statement, *people):
        for who in people:
            body = {"dave": lambda: e.dsse(e.APPROVAL, statement, self.dave),
                    "newcomer": lambda: e.ssh_document(statement, self.newcomer.sign("hallmark-approval", statement))}.get(who)
            r = self.approve(release, statement, who, body=body() if body else None)
            if r.status != 201:
                raise RuntimeError("%s: %r" % (who, r))

    def must(self, r, status=200):
        if r.status != status:
            raise RuntimeError("expected %d: %r" % (status, r))
        return r

    def decide(self, kind, who, release, statement, reason):
        document = self.by_certificate(self.decision(kind, release, statement, reason), who,
                                       e.REJECTION if kind == "rejection" else e.CANCELLATION)
        return self.post("/v1/releases/%s/%s" % (release, kind), who, document)

    def interrupt(self, release):
        """The registrar is killed between an intention and its result."""
        stopped.interrupt(self, release)
        self.start("registrar")
        self.wait_ready()
        self.in_force()

    # --- the history ---

    def releases(self):
        k = self.known
        k["brief"], _ = self.new(channel="brief", version="0.1.0")
        k["first"], _ = self.signed(version="1.0.0")
        k["data"] = self.firmware(3000)
        k["nightly"], _ = self.new(channel="nightly", version="2.0.0", data=k["data"])
        self.must(self.sign(k["nightly"]))
        k["stable"], statement = self.new(version="2.0.0", data=k["data"])
        self.by(k["stable"], statement, "carol", "dave")
        self.must(self.sign(k["stable"]))
        k["radio"], _ = self.signed(product="edge-radio", version="1.0.0")
        k["rejected"], statement = self.new(version="2.1.0")
        self.by(k["rejected"], statement, "bob")
        self.must(self.decide("rejection", "carol", k["rejected"], statement, REASON))
        k["cancelled"], statement = self.new(version="2.2.0")
        self.must(self.decide("cancellation", "ci-edge", k["cancelled"], statement, "built from the wrong branch"))
        k["overtaken"], _ = self.approved(version="2.3.0")
        k["overtaking"], _ = self.signed(version="2.4.0")
        self.must(self.sign(k["overtaken"]), 409)
        k["open"], statement = self.new(version="2.5.0")
        self.by(k["open"], statement, "alice")

    def refusals(self):
        k = self.known
        k["unbuilt"] = "r%d" % self.must(self.post("/v1/releases", "ci-edge", self.submission(version="3.0.0", data=k["data"], attestation=False)), 403).doc["index"]
        k["foreign"] = "r%d" % self.must(self.post("/v1/releases", "ci-edge", self.submission(version="2.0.1", data=k["data"])), 403).doc["index"]
        own, statement = self.new(version="3.1.0", who="alice", signer=lambda p: self.by_certificate(p, "alice"))
        k["own"] = own
        self.must(self.approve(own, statement, "alice"), 403)
        half, statement = self.new(version="3.2.0")
        k["half"] = half
        for _ in range(6):
            r = self.must(self.approve(half, statement, "gina", body=e.ssh_document(statement, self.gina.sign("hallmark-approval", statement))), 403)
        self.must(self.decide("rejection", "gina", half, statement, "no"), 403)
        self.must(self.sign(half), 403)
        k["private"] = r.doc["index"]

    def private(self):
        """What the last of gina's refused approvals has aside is erased, by two administrators and not by one."""
        k, statement = self.known, self.statement([self.item(self.known["private"])])
        k["kept"] = self.must(self.erase(statement, ("dora",)), 403).doc["index"]
        k["erased"] = self.erase(statement).doc["index"]

    def people(self):
        """The newcomer is in the policy before the signer knows the key: a signature fails, and is made at the second try."""
        k = self.known

        def edit(d):
            d["principals"].append({"id": "newcomer", "name": "New <b>Comer</b>", "roles": ["approver"],
                                    "credentials": [{"san_uri": "spiffe://%s/newcomer" % e.DOMAIN}], "approval_keys": [{"ssh": self.newcomer.line()}]})
            d["groups"][0]["members"].append("newcomer")
        self.must(self.propose(self.changed(lambda d: d.update(name="No")), who="hugo"), 403)
        k["activated"] = self.change(edit)
        k["failed"], statement = self.new(version="4.0.0")
        self.by(k["failed"], statement, "newcomer", "bob")
        self.must(self.sign(k["failed"]), 403)
        first = [self.ssh_line(x) for x in self.first_approvers]
        self.must(self.change_roster(self.roster(first + [self.newcomer.line()], 2, first)), 409)
        k["roster"] = self.must(self.change_roster(self.roster(first + [self.newcomer.line()], 1, first))).doc["index"]
        self.must(self.sign(k["failed"]))

    def trouble(self):
        k = self.known
        k["glass"], statement = self.new(version="5.0.0", break_glass=INCIDENT)
        self.by(k["glass"], statement, "alice", "bob", "carol")
        self.must(self.sign(k["glass"]))
        k["unknown"], _ = self.approved(version="5.1.0")
        self.interrupt(k["unknown"])
        self.must(self.sign(k["unknown"]))

    def expired(self, timeout=150):
        """The first release was for a minute."""
        end = time.time() + timeout
        while time.time() < end and self.get("/v1/releases/" + self.known["brief"]).doc["state"] != "expired":
            time.sleep(0.5)

    def tell(self):
        for part in (self.releases, self.refusals, self.private, self.people, self.trouble, self.expired):
            part()
        self.follow()

    # --- what an auditor has of it ---

    def backup(self):
        """A backup of the log, while everything is stopped."""
        copy = stopped.cold_copy(self, "audit.db")
        self.follow()
        return copy

    def audit(self, *args, who="audit", check=True):
        """The command line, with `hallmark log` before it. .lines: the JSON lines of stdout."""
        r = self.cli(who, "log", *args, check=check)
        r.lines = []
        for line in r.out.splitlines():
            try:
                r.lines.append(json.loads(line))
            except ValueError:
                pass
        return r
