"""A version below another one that is being signed is below the last release, whichever of the two is finished first."""

import os
import threading
import time

import e2e_lib as e

ROUNDS = 10


class Ordered(e.Cast):
    def policy(self):
        doc = super().policy()
        for rule in doc["rules"]:
            if rule["key"] == "production":
                rule["limits"] = {"no_downgrade": True}
        return doc


def at_once(lab, pair, later):
    """Both are asked for, the second one some milliseconds after the first."""
    gate, answers = threading.Barrier(2), {}

    def ask(release, wait):
        gate.wait()
        time.sleep(wait)
        answers[release] = lab.sign(release)

    threads = [threading.Thread(target=ask, args=(r, n * later)) for n, r in enumerate(pair)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return [answers[r] for r in pair]


def main(lab, rows):
    high, low = lab.approved(version="1.2.0")[0], lab.approved(version="1.1.0")[0]
    found = [lab.sign(high), lab.sign(low)]
    rows.row("one after the other: the lower one is refused", found[0].status == 200 and found[1].failed() == ["version.order"], found)
    both = []
    for n in range(2, 2 + ROUNDS):
        pair = [lab.approved(version="%d.%d.0" % (n, minor))[0] for minor in (2, 1)]
        found = at_once(lab, pair, (n % 5) / 1000)
        if [a.status for a in found] == [200, 200]:
            both.append((n, found))
    rows.equal("at once: never both", both, [])
    last = (0, 0)
    for r in lab.records():
        if r["event"] == "release.signed":
            now = tuple(int(x) for x in r["version"].split(".")[:2])
            rows.row("%s is not below the one before" % r["version"], now >= last, (now, last))
            last = now


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Ordered)
