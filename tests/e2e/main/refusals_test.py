"""More refusals of one person than the log takes in a minute: answered all the same, counted in one record."""

import os
import time

import e2e_lib as e

LIMIT = 3


def refused(lab, who="ci-edge"):
    signer = {"ci-edge": None, "ci-dsse": lambda p: e.dsse(e.REQUEST, p, lab.ci_dsse)}[who]
    return lab.post("/v1/releases", who, lab.submission(channel="unheard-of", signer=signer))


def main(lab, rows):
    answers = [refused(lab) for _ in range(LIMIT + 5)]
    rows.row("all of them are refused", all(a.says() == (403, "policy") for a in answers), answers)
    rows.equal("as many as the limit have a record", sum("index" in a.doc for a in answers), LIMIT)
    rows.row("somebody else's refusal still has one", "index" in refused(lab, "ci-dsse").doc)
    release, _ = lab.signed()
    rows.equal("what is right goes on meanwhile", lab.settled("/v1/releases/" + release)["state"], "signed")
    end, summaries = time.time() + 90, []
    while not summaries and time.time() < end:
        time.sleep(1)
        summaries = [r for r in lab.records() if r["event"] == "refusals.summarised"]
    rows.equal("the rest is one record with its number", [(r["actor"], r["count"]) for r in summaries], [("ci-edge", 5)])
    rows.equal("and no more refusals are in the log", sum(r["event"] == "release.refused" for r in lab.records()), LIMIT + 1)
    rows.row("afterwards refusals have records again", "index" in refused(lab).doc)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, registrar={"refusals_per_minute": LIMIT})
