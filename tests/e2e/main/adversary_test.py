"""Insiders and bad days: requests that no manifest can carry, the same bytes under two versions at once, a full disk,
evidence that must not leave before its time, a registrar that is told to stop while somebody waits."""

import json
import os
import subprocess
import threading
import time

import e2e_lib as e
import redteam_test as red


class Adversary:
    def __init__(self, lab, rows):
        self.lab, self.rows = lab, rows
        self.team = red.RedTeam(lab, rows)

    # --- a submitter whose requests are well-formed, allowed, and impossible ---

    def impossible(self):
        """Their own fault: nobody else in the batch may notice."""
        lab, rows = self.lab, self.rows
        data = lab.firmware()
        one = {"name": "firmware.bin", "sha256": e.sha256(data), "size": len(data)}
        others = [lab.firmware() for _ in range(2)]
        many = [dict(one, slot=0)] + [{"name": "f%d.bin" % i, "sha256": e.sha256(d), "size": len(d), "slot": i + 1}
                                      for i, d in enumerate(others)]
        for d in others:
            lab.upload(d)
        names = {a["name"]: a["sha256"] for a in many}
        cases = {"a rollback floor above its own sequence number": dict(rollback_floor=1000000),
                 "one artifact with a slot": dict(artifacts=[dict(one, slot=0)]),
                 "three slots": dict(artifacts=many, attestation=lab.provenance(names, ref="refs/tags/v1"))}
        cases["a ref called \"-\""] = dict(attestation=lab.provenance({"firmware.bin": one["sha256"]}, ref="-"))
        bodies = {name: lab.submission(data=data, **over) for name, over in cases.items()}
        stop, answers = threading.Event(), []

        def honest():
            while not stop.is_set():
                answers.append(lab.post("/v1/releases", "ci-edge", lab.submission()))

        threads = [threading.Thread(target=honest) for _ in range(3)]
        for t in threads:
            t.start()
        found = [(name, lab.post("/v1/releases", "ci-edge", body)) for _ in range(8) for name, body in bodies.items()]
        stop.set()
        for t in threads:
            t.join()
        for name, a in found[:len(bodies)]:
            rows.row("%s: 400, malformed" % name, a.says() == (400, "malformed"), a)
        rows.row("the same each time", all(a.says() == (400, "malformed") for _, a in found), found)
        rows.row("nobody else noticed (%d)" % len(answers), len(answers) > 0 and all(a.status == 201 for a in answers),
                 [a for a in answers if a.status != 201][:2])

    # --- what is committed but under no checkpoint ---

    def too_early(self):
        lab, rows = self.lab, self.rows
        size = lab.size()
        for op, name, body in ((red.EVIDENCE, "evidence", red.u64(size + 5) + red.u64(0)), (red.DETAIL, "detail", red.u64(size + 5))):
            code, text = self.team.wire.call(op, body)
            rows.row("%s of a record under no checkpoint: not given" % name, code != 0 and b"checkpoint" in text, (code, text[:80]))

    # --- somebody waits, and the registrar is told to stop ---

    def patience(self):
        """The door's long poll, and one of thirty seconds besides."""
        lab, rows = self.lab, self.rows
        waiting = threading.Thread(target=lambda: self.team.wire.call(red.RECORDS, red.u64(2 ** 40) + red.u64(1) + red.u64(30000)))
        waiting.start()
        time.sleep(1)
        begun = time.time()
        code = lab.stop("registrar")
        rows.row("told to stop while others wait: ends with 0, and waits for none of them", code == 0 and time.time() - begun < 15,
                 (code, time.time() - begun))
        waiting.join()
        lab.start("registrar")
        lab.wait_ready()
        rows.equal("and serves again", lab.signed()[0] != "", True)

    # --- the same bytes as two products ---

    def same_bytes(self):
        """Both are approved while neither is signed, and both signatures are asked for at once: one gets out."""
        lab, rows = self.lab, self.rows
        wrong, refused = [], []
        for n in range(6):
            data = lab.firmware()
            pair = [lab.approved(version="8%d.0.0" % n, data=data, product=p)[0] for p in ("edge-router", "edge-radio")]
            gate, answers = threading.Barrier(2), {}

            def ask(release):
                gate.wait()
                answers[release] = lab.sign(release)

            threads = [threading.Thread(target=ask, args=(r,)) for r in pair]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            signed = [r for r in lab.records() if r["event"] == "release.signed" and e.sha256(data) in r["artifacts"]]
            if len(signed) != 1 or sorted(a.status for a in answers.values()) != [200, 403]:
                wrong.append(answers)
            refused += [a.problem for a in answers.values() if a.status != 200]
        rows.row("the same bytes as two products at once: one is signed, the other refused by the policy",
                 not wrong and set(refused) <= {"policy"}, wrong or refused)

    # --- a release that was signed is asked for again ---

    def again(self):
        lab, rows = self.lab, self.rows
        release, _ = lab.approved()
        first, second = lab.sign(release), lab.sign(release, who="alice")
        rows.row("asked again, by somebody else: the same record and envelope", (first.status, second.status) == (200, 200) and
                 [first.doc[k] for k in ("index", "envelope")] == [second.doc[k] for k in ("index", "envelope")], second)


def main(lab, rows):
    a = Adversary(lab, rows)
    rows.parts(a.impossible, a.too_early, a.again, a.same_bytes, a.patience)
    r = lab.cli("audit", "log", "verify", check=False)
    rows.row("the whole log verifies", r.returncode == 0, r.out + r.err)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main)
