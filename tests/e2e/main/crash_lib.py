"""kill -9 at random moments under a stream of submissions and signatures; then everything acknowledged must be there.

A client keeps what it was told: index and leaf hash out of each acknowledgement's proof. It repeats a request under the
same Idempotency-Key until it is answered, as a pipeline does.
"""

import json
import os
import random
import signal
import threading
import time

import e2e_lib as e
import stopped

SERVICES = ("signer", "registrar", "door")
MODELS = ["er-100", "er-200", "er-300"]
AGAIN = {(503, "unavailable"), (409, "in-flight"), (429, "too-many-requests"), (409, "missing-artifact")}


class Client(threading.Thread):
    """Submits and signs development releases for one model, one after the other."""

    def __init__(self, lab, number, stop):
        super().__init__()
        self.lab, self.number, self.stop = lab, number, stop
        self.acknowledged = []  # (index, leaf hash, event, release)
        self.surprises = []
        self.vkey = e.read(lab.path("ceremony", "keys", "log.vkey")).decode()

    def insist(self, ask):
        """Repeats until there is an answer that is final; None when the test ends first."""
        while not self.stop.is_set():
            try:
                a = ask()
            except (OSError, e.http.client.HTTPException):
                time.sleep(0.05)
                continue
            if a.says() in AGAIN:
                time.sleep(0.05)
                continue
            return a
        return None

    def keep(self, a, expected, what):
        if a is None:
            return False
        if a.status != expected:
            self.surprises.append("%s: %r" % (what, a))
            return False
        record = e.check_proof(a.doc["proof"], self.vkey)
        self.acknowledged.append((a.doc["index"], e.leaf_hash(record).hex(), json.loads(record)["event"], a.doc["release"]))
        return True

    def one(self, n):
        version = "%d.%d.0" % (self.number + 1, n)
        data = os.urandom(500)
        attestation = self.lab.provenance({"firmware.bin": e.sha256(data)}, ref="refs/tags/v" + version)
        body = self.lab.submission(version, data, channel="nightly", attestation=attestation, upload=False,
                                   hardware=[{"model": MODELS[self.number], "revision": "b"}])

        def submit():
            self.lab.call("PUT", "/v1/artifacts/sha256:" + e.sha256(data), "ci-edge", data)
            return self.lab.post("/v1/releases", "ci-edge", body, key="submit-" + version)

        a = self.insist(submit)
        if not self.keep(a, 201, "submission of " + version):
            return
        release = a.doc["release"]
        self.keep(self.insist(lambda: self.lab.sign(release, key="sign-" + version)), 200, "signature of %s" % release)

    def run(self):
        n = 0
        while not self.stop.is_set():
            n += 1
            try:
                self.one(n)
            except Exception as x:  # noqa: BLE001
                self.surprises.append(repr(x))


def kill(lab, service):
    p = lab.processes[service]
    if p.poll() is not None:
        return "%s had ended by itself with %s: %s" % (service, p.returncode, lab.log_tail(service, 3))
    p.send_signal(signal.SIGKILL)
    p.wait()
    return None


def torment(lab, kills, rng):
    """Kills one or two processes, waits a moment, starts them again. Returns what ended by itself."""
    trouble = []
    done = 0
    while done < kills:
        time.sleep(rng.uniform(0.02, 0.5))
        victims = rng.sample(SERVICES, rng.choice((1, 1, 1, 2)))
        for v in victims:
            trouble.append(kill(lab, v))
            done += 1
        time.sleep(rng.choice((0, rng.uniform(0, 0.3))))
        rng.shuffle(victims)
        for v in victims:
            lab.start(v)
        # Now and then the next blow falls before the service is ready again.
        if rng.random() < 0.7:
            try:
                lab.wait_ready()
            except Exception as x:  # noqa: BLE001
                trouble.append(str(x))
                return [t for t in trouble if t]
    return [t for t in trouble if t]


def campaign(lab, rows, kills, seed):
    print("seed %d, %d kills" % (seed, kills), flush=True)
    stop = threading.Event()
    clients = [Client(lab, i, stop) for i in range(len(MODELS))]
    [c.start() for c in clients]
    try:
        trouble = torment(lab, kills, random.Random(seed))
        rows.row("no process ended by itself", not trouble, trouble)
        lab.wait_ready()
        time.sleep(1)
        end = time.time() + 60  # kill follows kill: on a slow machine little gets done between them
        while time.time() < end and sum(1 for c in clients for a in c.acknowledged if a[2] == "release.signed") < 3:
            time.sleep(0.1)
    finally:
        stop.set()
        [c.join() for c in clients]
    judge(lab, rows, clients)


def judge(lab, rows, clients):
    surprises = [s for c in clients for s in c.surprises]
    acknowledged = [a for c in clients for a in c.acknowledged]
    signed = [a for a in acknowledged if a[2] == "release.signed"]
    rows.row("every answer was final or asked to come again", not surprises, surprises)
    rows.row("something was done meanwhile (%d submitted, %d signed)" % (len(acknowledged) - len(signed), len(signed)), len(signed) >= 3)
    out = lab.path("work", "log.jsonl")
    if os.path.exists(out):
        os.unlink(out)
    lab.follow()
    lab.cli("audit", "log", "export", "--out", out)
    lines = e.read(out).split(b"\n")[:-1]
    records = [json.loads(x) for x in lines]
    leaves = [e.leaf_hash(x) for x in lines]
    lost = [a for a in acknowledged if a[0] >= len(lines) or leaves[a[0]].hex() != a[1]]
    rows.row("no acknowledged record is lost (%d)" % len(acknowledged), not lost, lost)
    prev = e.hashlib.sha256(e.ORIGIN.encode()).hexdigest()
    whole = True
    for i, r in enumerate(records):
        whole = whole and r["idx"] == i and r["prev"] == prev
        prev = leaves[i].hex()
    rows.row("the chain is whole (%d records)" % len(lines), whole)
    note = lab.get("/v1/log/checkpoint").body.decode()
    size, root = e.check_checkpoint(note, clients[0].vkey)
    rows.row("the checkpoint is over these records", root == e.root_of(leaves[:size]), size)
    intentions(rows, records)
    once(rows, records)
    r = lab.cli("audit", "log", "verify", check=False)
    rows.row("hallmark log verify", r.returncode == 0, r.out + r.err)
    release, _ = lab.signed(version="999.%d.0" % len(lines))
    rows.equal("the service signs again", lab.settled("/v1/releases/" + release)["state"], "signed")
    stopped.copy_holds(lab, rows)


def intentions(rows, records):
    """Every intention has exactly one ending after it; every signature has an intention before it."""
    ends = {}
    for r in records:
        if r["event"] in ("release.signed", "sign.failed", "sign.unknown"):
            ends.setdefault(r["intent"], []).append(r)
    intended = {r["idx"]: r for r in records if r["event"] == "sign.intended"}
    rows.row("every intention has one ending (%d, %d of them unknown)" % (
        len(intended), sum(1 for l in ends.values() if l[0]["event"] == "sign.unknown")),
        set(intended) == set(ends) and all(len(l) == 1 for l in ends.values()), [i for i in intended if len(ends.get(i, [])) != 1])
    rows.row("every signature has an earlier intention of the same release and manifest", all(
        i in intended and i < r["idx"] and intended[i]["release"] == r["release"] and
        (r["event"] != "release.signed" or intended[i]["manifest"] == r["manifest"]) for i, l in ends.items() for r in l))
    unknown = {r["idx"]: r for r in records if r["event"] == "sign.unknown"}
    retries = [r for r in records if "retry_of" in r]
    rows.row("retries name an unknown ending of the same release, with the same bytes (%d)" % len(retries), all(
        r["retry_of"] in unknown and unknown[r["retry_of"]]["release"] == r["release"] and
        intended[unknown[r["retry_of"]]["intent"]]["manifest"] == r["manifest"] for r in retries))


def once(rows, records):
    for event in ("release.submitted", "release.signed"):
        versions = [(r["product"], r["version"], r["channel"]) for r in records if r["event"] == event]
        rows.row("no version has %s twice (%d)" % (event, len(versions)), len(versions) == len(set(versions)))
