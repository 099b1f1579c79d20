#!/usr/bin/python3
"""Random policies and histories: the C code (policy_eval) and the model say the same, verdict and reasons, and properties hold.

differential_test.py PROGRAM [--seed N] [--rounds N]. The seed is printed, so that a failure can be had again; POLICY_SEED and
POLICY_ROUNDS do the same. The C code's schema says which members of a policy there are: all of them have to be reached.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import time

try:
    import cryptography  # noqa: F401
except ImportError:
    print("skipped: python3-cryptography is not installed")
    sys.exit(77)

sys.dont_write_bytecode = True
import model_decide
import model_load
import properties
from histories import Historian
from keys import Pool
from policies import Features, Maker

FACTS_PER_POLICY = 12
TRIES = 2000  # documents until one loads; of random ones most do not


class Runner:
    """The C program, asked line by line."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, kind, doc):
        self.process.stdin.write(f"{kind} {json.dumps(doc)}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"policy_eval ended on: {kind} {json.dumps(doc)}")
        return json.loads(line)


class Test:
    def __init__(self, program, seed, features):
        self.rng = random.Random(seed)
        self.pool = Pool(self.rng)
        self.maker = Maker(self.rng, self.pool, features)
        self.historian = Historian(self.rng, self.pool, self.maker)
        self.c = Runner(program)
        self.counts = {"policies": 0, "refused": 0, "decisions": 0, "allowed": 0}
        self.held, self.failed = {}, {}

    def load(self, doc):
        """Whether it loads; both say the same. Leaves it loaded in C."""
        self.counts["policies"] += 1
        answer = self.c.ask("policy", doc)
        why = model_load.load(doc, self.pool.identity)
        if answer["loaded"] != (why is None):
            raise AssertionError(f"load: C {answer}, model: {why}\n{json.dumps(doc)}")
        self.counts["refused"] += why is not None
        return why is None

    def decide(self, doc, facts):
        """(allow, findings) of the policy that is loaded; both say the same."""
        verdict = self.c.ask("facts", facts)
        allow, findings, rule = model_decide.evaluate(doc, facts, self.pool.identity, self.pool.key_id)
        got = [(f["check"], f["ok"]) for f in verdict["findings"]]
        if (verdict["allow"], got, verdict["rule"]) != (allow, findings, rule):
            differ = [(a, b) for a, b in zip(got, findings) if a != b]
            raise AssertionError(f"C {verdict}\nmodel {allow} {findings} {rule}\nthey differ in {differ}\n"
                                 f"{json.dumps(doc)}\n{json.dumps(facts)}")
        self.counts["decisions"] += 1
        self.counts["allowed"] += allow
        for check, ok in got:
            into = self.held if ok else self.failed
            into[check] = into.get(check, 0) + 1
        return allow, findings

    def policy(self):
        for _ in range(TRIES):
            doc = self.maker.policy()
            if self.load(doc):
                return doc
        raise AssertionError(f"{TRIES} documents in a row were refused, the last one: "
                             f"{model_load.load(doc, self.pool.identity)}")

    def round(self):
        doc = self.policy()
        cases = []
        for _ in range(FACTS_PER_POLICY):
            facts = self.historian.facts(doc)
            cases.append((facts,) + self.decide(doc, facts))
        properties.check(self, doc, cases)
        for _ in range(4):
            self.load(self.maker.broken(doc))


def expected_checks(features):
    """Every check has to have held and to have failed, as far as the engine has the member for it."""
    need = {"rule.match": None, "submitter.allowed": None, "key.separation": None, "provenance.builder": None,
            "provenance.subjects": None, "artifact.fresh": None, "approvals.count": None, "approvals.submitter": None,
            "break_glass.reason": "rule.break_glass", "duty.separation": "rule.separate",
            "provenance.independent": "provenance.independent", "attestation.present": "rule.attestations",
            "version.bytes": "limits.same_bytes", "version.order": "limits.no_downgrade", "size.max": "limits.max_size",
            "promotion.released": "rule.promotion", "approvals.veto": "approvals.veto", "signatures.window": "limits.signatures",
            "freeze.window": "rule.freeze"}
    return [c for c, feature in need.items() if feature is None or features.has(feature)]


def options():
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("--seed", type=int, default=int(os.environ.get("POLICY_SEED") or random.SystemRandom().getrandbits(32)))
    p.add_argument("--rounds", type=int, default=int(os.environ.get("POLICY_ROUNDS") or 400))
    return p.parse_args()


def main():
    o = options()
    features = Features(f"{os.environ['HALLMARK_SOURCE']}/schema/policy.schema.json")
    print(f"seed {o.seed}, {o.rounds} rounds", flush=True)
    test = Test(o.program, o.seed, features)
    began = time.monotonic()
    for i in range(o.rounds):
        try:
            test.round()
        except AssertionError:
            print(f"round {i} of seed {o.seed}; again: differential_test.py {o.program} --seed {o.seed} --rounds {i + 1}")
            raise
    print(json.dumps(test.counts), f"{time.monotonic() - began:.1f} s")
    print("held", json.dumps(test.held), "\nfailed", json.dumps(test.failed))
    never = [c for c in expected_checks(features) if c not in test.failed or (c not in test.held)]
    if o.rounds >= 100 and (never or not test.counts["allowed"] or not test.counts["refused"]):
        print(f"the generator missed something: {never}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
