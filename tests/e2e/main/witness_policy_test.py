"""Another policy comes into force, and with it other demands on witnesses: what was submitted under a policy that asked for none, and
is signed under one that asks, leaves with the cosignatures and not before, whichever way it is asked for."""

import http.client
import json
import os
import threading
import time

import e2e_lib as e
from policy_lib import Administered
from witnessed_test import Witnessed, cosigners, note_of


WAIT_S = 5  # of a signature for its witnesses


class Both(Witnessed, Administered):
    """Witnesses that the policy knows and no rule asks for; the trust store asks for one, of which there is only the third."""

    def policy(self):
        doc = super().policy()
        doc["witnesses"]["timeout_s"] = WAIT_S
        for rule in doc["rules"]:
            rule.pop("witnessed", None)
        return doc

    def ceremony_config(self):
        doc = json.loads(json.dumps(super(Witnessed, self).ceremony_config()))
        for store in doc["trust_stores"]:
            if store["environment"] == self.store_of:
                store["witnesses"] = {"keys": self.vkeys[2:], "quorum": 1}
        return doc

    store_of = "development"


def witnessed(doc):
    for rule in doc["rules"]:
        if rule["environment"] == "production":
            rule["witnessed"] = True


def main(lab, rows):
    def held(release, record):
        for name, ask in (("asked again", lambda: lab.sign(release)), ("asked again with a key", lambda: lab.sign(release, key="again-" + release)),
                          ("as evidence", lambda: lab.get("/v1/log/entries/%d/evidence/0" % record["idx"])),
                          ("in a bundle", lambda: lab.get("/v1/releases/%s/bundle" % release))):
            r = ask()
            rows.row("its signature does not leave %s" % name, r.status == 503 and "cosignatures" in r.detail(), r)

    def crowd(release):
        """Waiting for witnesses holds a connection to the registrar: so many may, and the next ones are told at once."""
        answers, gate = [], threading.Barrier(161)

        def connected(who):
            c = http.client.HTTPSConnection("localhost", lab.port, context=lab.context(who), timeout=60)
            c.connect()
            return c

        def ask():
            c = connected("ci-edge")
            gate.wait()  # connecting takes its time; what counts is that they all wait at once
            began = time.time()
            c.request("POST", "/v1/releases/%s/signature" % release, body=b"", headers={"Content-Type": "application/json"})
            status = c.getresponse().status
            answers.append((status, time.time() - began))
            c.close()

        threads = [threading.Thread(target=ask) for _ in range(160)]
        for t in threads:
            t.start()
        other = connected("audit")
        gate.wait()
        time.sleep(0.5)
        began = time.time()
        other.request("GET", "/v1/policy")
        status, took = other.getresponse().status, time.time() - began
        rows.row("others are answered meanwhile", status == 200 and took < WAIT_S - 1.5, (status, took))
        for t in threads:
            t.join()
        other.close()
        quick = [s for _, s in answers if s < WAIT_S - 1]
        rows.row("a crowd that waits for the witness: not all of them wait", {a for a, _ in answers} == {503} and 16 <= len(quick) < 160, (len(quick), sorted(answers)[-3:]))

    def stricter():
        lab.start_witness(0)
        lab.start_witness(1)
        rows.row("ready", lab.until(lambda: lab.ready()[0] == 200), lab.ready())
        free, _ = lab.approved(version="1.0.0")
        before, _ = lab.approved(version="1.0.1")
        lab.stop_witness(1)
        rows.equal("control: no rule asks for witnesses, and it leaves without", lab.sign(free).status, 200)
        lab.change(witnessed)
        r = lab.sign(before)
        rows.row("the policy that is in force now asks for them: held", r.status == 503 and "cosignatures" in r.detail(), r)
        record = next((x for x in lab.records() if x["event"] == "release.signed" and x["release"] == before), None)
        rows.row("it is signed and recorded", record is not None)
        held(before, record)
        crowd(before)
        lab.stop("registrar")
        lab.start("registrar")
        lab.until(lambda: "witness" in lab.ready()[1])
        r = lab.get("/v1/log/entries/%d/evidence/0" % record["idx"])
        rows.row("nor after a restart", r.status == 503 and "cosignatures" in r.detail(), r)
        lab.start_witness(1)
        rows.row("the witness is back: it leaves", lab.until(lambda: lab.sign(before).status == 200), lab.sign(before))
        proof = json.loads(lab.sign(before).body)["proof"]
        rows.equal("with both cosignatures", cosigners(note_of(proof), lab.vkeys), ["w2.example", "witness.example/w1"])
        lab.released = before

    def others_go_on():
        """Only a witness that another trust store asks for is left. What it cosigns takes the place of nothing that more of them have cosigned."""
        rows.equal("the bundle is there", lab.get("/v1/releases/%s/bundle" % lab.released).status, 200)
        lab.start_witness(2)
        lab.stop_witness(0)
        lab.stop_witness(1)
        for _ in range(14):
            lab.new()
            time.sleep(0.5)

        def at():
            metrics = lab.get("/metrics").body.decode()
            return int(next(x for x in metrics.splitlines() if x.startswith('hallmarkd_witness_size{witness="w3.example"}')).split()[1])

        rows.row("it cosigns", lab.until(lambda: at() > lab.size() - 6), (at(), lab.size()))
        r = lab.get("/v1/releases/%s/bundle" % lab.released)
        rows.equal("what left before leaves again", r.status, 200, r)
        if r.status == 200:
            found = cosigners(note_of(r.doc["release.tlog-proof"]), lab.vkeys)
            rows.row("under the quorum that it demands", len(found) >= 2, found)
        rows.row("/log/checkpoint is under the quorum, too", len(cosigners(lab.get("/log/checkpoint").body.decode(), lab.vkeys)) >= 2)

    rows.parts(stricter, others_go_on)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Both)
