"""hallmark policy explain beside the real service: before every signature that a demanding policy is asked for, what explain says is
what the registrar then does, check by check."""
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../main"))
import e2e_lib as e
import policy_rules_test as rules


class Explained(rules.Strict):
    rows = None
    compared = 0

    def explain(self, release):
        """(would be signed, checks that fail)"""
        r = self.cli("audit", "policy", "explain", release, "--json", check=False)
        if r.returncode not in (0, 1) or not r.stdout:
            return (None, [r.stdout + r.stderr])
        doc = json.loads(r.stdout)
        failed = [f["check"] for p in doc["policies"][:1] for f in p["findings"] if not f["ok"]]
        if doc["allow"] != (r.returncode == 0):
            return (None, ["exit %d, but %r" % (r.returncode, doc["allow"])])
        return doc["allow"], failed

    def sign(self, release, who="ci-edge", **kw):
        self.follow()
        before = self.explain(release)
        answer = super().sign(release, who, **kw)
        did = (answer.status == 200, [] if answer.status == 200 else answer.failed())
        said = [before]
        if did != before:  # time went on between the two: a soak may have ended
            said.append(self.explain(release))
        self.compared += 1
        self.rows.row("%s: what explain said is what happened" % release, did in said, (said, did, answer))
        return answer


def main(lab, rows):
    lab.client_configs()
    lab.rows = rows
    rules.main(lab, rows)
    rows.row("many signatures were compared", lab.compared >= 10, lab.compared)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Explained)
