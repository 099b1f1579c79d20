"""One of three tokens is pulled while the service runs: the others go on, and it comes back by itself."""

import os
import time

import e2e_lib as e
from several_keys_test import LABELS, Keys


class Unlimited(Keys):
    def policy(self):
        doc = super().policy()
        for rule in doc["rules"]:
            rule.pop("limits", None)
        return doc


def signed(lab, version):
    """How many keys signed it, or the answer."""
    r = lab.sign(lab.approved(version=version)[0])
    return len(lab.record(r.doc["index"])["keys"]) if r.status == 200 else r


def main(lab, rows):
    rows.equal("all there: three keys sign", signed(lab, "1.0.0"), 3)
    label = LABELS[2].encode()
    home = next(d for d in (lab.path("tokens", n) for n in os.listdir(lab.path("tokens"))) if label in e.read(os.path.join(d, "token.object")))
    away = lab.path("pulled")
    release = lab.approved(version="1.1.0")[0]
    os.rename(home, away)
    r = lab.sign(release)
    rows.row("a token is pulled: the other two sign", r.status == 200 and len(lab.record(r.doc["index"])["keys"]) == 2, r)
    for n in range(4):
        rows.equal("and again (%d)" % n, signed(lab, "1.2.%d" % n), 2)
        time.sleep(0.4)
    rows.equal("the key on another token signs", lab.sign(lab.new(channel="nightly")[0]).status, 200)
    rows.equal("the service is ready", lab.get("/readyz").status, 200)
    rows.row("the signer's journal says so", "the others go on without it" in lab.log_tail("signer", 40), lab.log_tail("signer", 40))
    os.rename(away, home)
    end, n, found = time.time() + 60, 0, None
    while found != 3 and time.time() < end:
        n, found = n + 1, signed(lab, "1.3.%d" % n)
        time.sleep(0.2)
    rows.equal("it is back: three keys sign", found, 3)
    rows.equal("the log holds", lab.cli("audit", "log", "verify", "--deep", check=False).returncode, 0)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Unlimited)
