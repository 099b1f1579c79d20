"""Limits hold also for signatures that are asked for at once, when none of them finds another one finished."""

import os
import threading

import e2e_lib as e


class Limited(e.Cast):
    """The production key signs once in an hour, the other rules apart from that; and one version has one set of bytes."""

    def policy(self):
        doc = super().policy()
        for rule in doc["rules"]:
            if rule["key"] == "production":
                rule["limits"] = {"signatures": {"count": 2, "window_s": 3600}, "same_bytes": True}
        return doc


def at_once(lab, releases):
    gate, answers = threading.Barrier(len(releases)), {}

    def ask(release):
        gate.wait()
        answers[release] = lab.sign(release)

    threads = [threading.Thread(target=ask, args=(r,)) for r in releases]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return [answers[r] for r in releases]


def main(lab, rows):
    pair = [lab.approved(version="1.0.0", channel=c)[0] for c in ("stable", "brief")]
    found = at_once(lab, pair)
    signed = [a for a in found if a.status == 200]
    refused = [a for a in found if a.status != 200]
    rows.row("one version with two sets of bytes, at once: one is signed", len(signed) == 1 and
             all(a.problem == "superseded" or a.failed() == ["version.bytes"] for a in refused), found)
    more = [lab.approved(version="2.%d.0" % n)[0] for n in range(6)]
    found = at_once(lab, more)
    signed = [r for r in lab.records() if r["event"] == "release.signed"]
    rows.row("two signatures in an hour: one is left, whoever asks at once", len(signed) == 2 and
             all(a.status == 200 or a.problem == "superseded" or a.failed() == ["signatures.window"] for a in found), found)
    again = [lab.sign(r) for r in more]
    rows.row("and none afterwards", len([r for r in lab.records() if r["event"] == "release.signed"]) == 2, again)
    r = lab.cli("audit", "log", "verify", check=False)
    rows.row("the whole log verifies", r.returncode == 0, r.out + r.err)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Limited)
