"""The load: several clients at once who submit, approve, sign, and are refused something.

Each repeats a request under the same Idempotency-Key until there is a final answer, as a pipeline does, and keeps what it was told: index
and leaf hash, out of the proof of each acknowledgement, which must hold."""

import collections
import http.client
import json
import os
import threading
import time

import e2e_lib as e

MODELS = ["er-100", "er-200", "er-300", "er-400"]
AGAIN = {(503, "unavailable"), (507, "disk-full"), (409, "in-flight"), (429, "too-many-requests"), (409, "missing-artifact")}
PAUSE = 0.03

Acknowledged = collections.namedtuple("Acknowledged", "index leaf event release")


class Link:
    """A connection of one person that is kept, and made again when it broke."""

    def __init__(self, lab, who):
        self.lab, self.context, self.connection = lab, lab.context(who), None

    def ask(self, method, path, body=b"", key=None, timeout=20):
        headers = {"Content-Type": "application/json"} if method == "POST" else {}
        if key:
            headers["Idempotency-Key"] = key
        if self.connection is None:
            self.connection = http.client.HTTPSConnection("localhost", self.lab.port, context=self.context, timeout=timeout)
        try:
            self.connection.request(method, path, body=body.encode() if isinstance(body, str) else body, headers=headers)
            r = self.connection.getresponse()
            return e.Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Client:
    def __init__(self, lab, number):
        self.lab, self.number, self.count = lab, number, 0
        self.links = {}
        self.vkey = e.read(lab.path("ceremony", "keys", "log.vkey")).decode()
        self.acknowledged, self.surprises, self.said = [], [], collections.Counter()

    def link(self, who):
        if who not in self.links:
            self.links[who] = Link(self.lab, who)
        return self.links[who]

    def insist(self, ask, until):
        """Asks again until there is a final answer; None when time runs out."""
        while time.time() < until:
            try:
                a = ask()
            except (OSError, http.client.HTTPException):
                self.said["no answer"] += 1
                time.sleep(PAUSE)
                continue
            self.said["%d %s" % a.says()] += 1
            if a.says() not in AGAIN:
                return a
            time.sleep(PAUSE)
        return None

    def keep(self, a, expected, what):
        if a is None or a.status != expected or "proof" not in a.doc:
            self.surprises.append("%s: %s" % (what, "no final answer in time" if a is None else repr(a)))
            return None
        record = e.check_proof(a.doc["proof"], self.vkey)
        self.acknowledged.append(Acknowledged(a.doc["index"], e.leaf_hash(record), json.loads(record)["event"], a.doc.get("release")))
        return a

    def submit(self, version, channel, expected, until):
        data = os.urandom(700)
        body = self.lab.submission(version, data, channel=channel, upload=False, hardware=[{"model": MODELS[self.number], "revision": "b"}])
        path = "/v1/artifacts/sha256:" + e.sha256(data)

        def ask():
            put = self.link("ci-edge").ask("PUT", path, data)
            return put if put.status not in (200, 201) else self.link("ci-edge").ask("POST", "/v1/releases", body, "submit-" + version + channel)

        return self.keep(self.insist(ask, until), expected, "submission of %s %s" % (version, channel))

    def approve(self, release, statement, who, until):
        body = e.ssh_document(statement, getattr(self.lab, who).sign("hallmark-approval", statement))
        path = "/v1/releases/%s/approvals" % release
        return self.keep(self.insist(lambda: self.link(who).ask("POST", path, body, "approve-%s-%s" % (release, who)), until), 201,
                         "approval of %s by %s" % (release, who))

    def sign(self, release, until):
        path = "/v1/releases/%s/signature" % release
        return self.keep(self.insist(lambda: self.link("ci-edge").ask("POST", path, b"", "sign-" + release), until), 200,
                         "signature of %s" % release)

    def version(self):
        self.count += 1
        return "%d.%d.0" % (self.number + 1, self.count)

    def production(self, until):
        a = self.submit(self.version(), "stable", 201, until)
        if a is None:
            return
        release, statement = a.doc["release"], a.doc["statement"].encode()
        for who in (("erin", "ivan"), ("frank", "erin"), ("ivan", "frank"))[self.count % 3]:
            self.approve(release, statement, who, until)
        self.sign(release, until)

    def development(self, until):
        a = self.submit(self.version(), "nightly", 201, until)
        if a is not None:
            self.sign(a.doc["release"], until)

    def refused(self, until):
        """Leaves a record with private detail."""
        self.submit(self.version(), "unheard-of", 403, until)

    def close(self):
        for link in self.links.values():
            link.close()


class Piece(threading.Thread):
    """What all clients do between two looks at the log: three releases for production, two for development, a refusal."""

    def __init__(self, clients, seconds=120):
        super().__init__()
        self.clients, self.until = clients, time.time() + seconds
        self.parts = [threading.Thread(target=self.part, args=(c, n)) for n, c in enumerate(clients)]

    def part(self, client, n):
        try:
            if n < 3:
                client.production(self.until)
            else:
                client.development(self.until)
                client.refused(self.until)
                client.development(self.until)
        except Exception as x:  # noqa: BLE001
            client.surprises.append(repr(x))

    def run(self):
        for p in self.parts:
            p.start()
        for p in self.parts:
            p.join()


def clients_of(lab):
    return [Client(lab, n) for n in range(len(MODELS))]
