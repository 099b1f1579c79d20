#!/usr/bin/python3
"""Random policies and facts: the C code (policy_eval) and the model say the same, and the properties hold.

POLICY_SEED and POLICY_ROUNDS change seed and number of policies; the seed is printed, so that a failure can be had again.
Properties: without an approval nothing is allowed that was refused with it; with a further requirement nothing is
allowed that was refused without it; new names for the principals change nothing.
"""
import base64
import copy
import hashlib
import json
import os
import random
import struct
import subprocess
import sys

try:
    from cryptography.hazmat.primitives import serialization as ser
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
except ImportError:
    print("skipped: python3-cryptography is not installed")
    sys.exit(77)

sys.dont_write_bytecode = True
import policy_model as model

PRODUCTS = ["router", "radio", "meter"]
CHANNELS = ["stable", "beta", "nightly"]
REPOSITORIES = [f"https://git.example.com/{p}" for p in PRODUCTS]
FACTS_PER_POLICY = 12


def ssh_string(data):
    return struct.pack(">I", len(data)) + data


class Pool:
    """Some keys in every encoding, and what each encoding is."""

    def __init__(self, rng):
        self.identities = {}
        self.ids = {}
        self.p256 = [self.add("p256", ec.derive_private_key(rng.getrandbits(250) + 1, ec.SECP256R1()).public_key())
                     for _ in range(24)]
        self.ed25519 = [self.add("ed25519", ed25519.Ed25519PrivateKey.from_private_bytes(
            rng.getrandbits(256).to_bytes(32, "big")).public_key()) for _ in range(24)]

    def add(self, alg, key):
        der = key.public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo)
        pem = key.public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo).decode()
        line = key.public_bytes(ser.Encoding.OpenSSH, ser.PublicFormat.OpenSSH).decode()
        if alg == "p256":
            kind = b"sk-ecdsa-sha2-nistp256@openssh.com"
            point = key.public_bytes(ser.Encoding.X962, ser.PublicFormat.UncompressedPoint)
            body = ssh_string(b"nistp256") + ssh_string(point)
        else:
            kind = b"sk-ssh-ed25519@openssh.com"
            body = ssh_string(key.public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw))
        blob = ssh_string(kind) + body + ssh_string(b"ssh:")
        sk = kind.decode() + " " + base64.b64encode(blob).decode()
        forms = [{"pem": pem}, {"ssh": line}, {"ssh": line + " a comment"}, {"ssh": sk}]
        for form in forms:
            text = json.dumps(form)
            self.identities[text] = (alg, der)
            self.ids[text] = hashlib.sha256(der).hexdigest()
        return forms

    def identity(self, obj):
        return self.identities.get(json.dumps(obj))

    def key_id(self, obj):
        return self.ids[json.dumps(obj)]


class Maker:
    def __init__(self, rng, pool):
        self.rng = rng
        self.pool = pool

    def some(self, values, low=1):
        return self.rng.sample(values, self.rng.randint(low, len(values)))

    def with_ci(self, submitters):
        """Some of them, one of whom never approves: else nobody might be left to."""
        return self.some([s for s in submitters if s != "ci"]) + ["ci"] if len(submitters) > 1 else submitters

    def take(self, plain=False):
        """A key not taken yet, in some encoding."""
        forms = self.free.pop()
        return forms[0] if plain else self.rng.choice(forms)

    def principal(self, i):
        rng = self.rng
        person = {"id": f"p{i}", "roles": self.some(["submitter", "approver", "auditor"])}
        if rng.random() < 0.7 or "approver" in person["roles"]:
            person["approval_keys"] = [self.take() for _ in range(rng.choice([1, 1, 2]))]
        if rng.random() < 0.4:
            person["submit_keys"] = [self.take()]
        if rng.random() < 0.5:
            person["credentials"] = [{"san_uri": f"spiffe://example.com/{i}"}]
        return person

    def policy(self):
        rng = self.rng
        self.free = rng.sample(self.pool.p256[8:] + self.pool.ed25519, 40)
        people = [self.principal(i) for i in range(rng.randint(3, 7))]
        people.append({"id": "ci", "roles": ["submitter"]})
        people.append({"id": "both", "roles": ["submitter", "approver"], "approval_keys": [self.take()]})
        approvers = [p["id"] for p in people if "approver" in p["roles"]]
        submitters = [p["id"] for p in people if "submitter" in p["roles"]]
        groups = [{"id": f"g{i}", "members": self.some(approvers)} for i in range(2)]
        builders = [{"id": f"https://ci.example.com/{i}", "keys": [self.take(plain=True)],
                     "products": self.some(PRODUCTS, 2), "repositories": self.some(REPOSITORIES, 2)}
                    for i in range(3)]
        release = rng.sample(self.pool.p256[:8], 6)
        keys, rules = [], []
        for i, channel in enumerate(CHANNELS):
            environment = rng.choice(["development", "staging", "production"])
            if rng.random() < 0.4:
                keys.append({"id": f"spare{i}", "public_key": release[i + 3][0], "environment": environment,
                             "products": PRODUCTS[:], "channels": [channel]})
            keys.append({"id": f"k{i}", "public_key": release[i][0], "environment": environment,
                         "products": PRODUCTS[:], "channels": [channel]})
            rules += self.rules(i, channel, environment, groups, builders, submitters)
        return {"version": 1, "name": "n", "vendor_domain": "example.com", "principals": people,
                "groups": groups, "builders": builders, "keys": keys, "rules": rules}

    def rules(self, i, channel, environment, groups, builders, submitters):
        rng = self.rng
        group = rng.choice(groups)
        development = environment == "development"
        approvals = {"group": group["id"], "count": rng.randint(1, min(3, len(group["members"])))}
        provenance = {"builders": self.some([b["id"] for b in builders])}
        if development and rng.random() < 0.5:
            approvals = "none"
        if development and rng.random() < 0.5:
            provenance = "none"
        out = []
        for n, products in enumerate(([PRODUCTS[0]], PRODUCTS[1:]) if rng.random() < 0.5 else (PRODUCTS,)):
            if rng.random() < 0.15:
                continue
            out.append({"id": f"r{i}{n}", "products": list(products), "channels": [channel],
                        "environment": environment, "key": f"k{i}", "submitters": self.with_ci(submitters),
                        "approvals": copy.deepcopy(approvals), "provenance": copy.deepcopy(provenance)})
        return out

    def break_policy(self, doc):
        """One random change; most make the document wrong."""
        rng = self.rng
        doc = copy.deepcopy(doc)
        person, other = rng.sample(doc["principals"], 2)
        key = rng.choice(doc["keys"])
        rule = rng.choice(doc["rules"]) if doc["rules"] else None
        builder = rng.choice(doc["builders"])
        group = rng.choice(doc["groups"])
        every_key = [k for p in doc["principals"] for k in p.get("approval_keys", []) + p.get("submit_keys", [])]
        changes = [
            lambda: person.update(id=other["id"].upper()),
            lambda: person.update(roles=self.some(["submitter", "approver", "auditor"])),
            lambda: person.pop("approval_keys", None),
            lambda: person.update(approval_keys=[rng.choice(self.forms_of(rng.choice(every_key)))]),
            lambda: builder.update(keys=[rng.choice(self.forms_of(rng.choice(every_key)))]),
            lambda: builder.update(id=rng.choice(doc["builders"])["id"]),
            lambda: builder.update(products=["Router"]),
            lambda: person.update(credentials=other.get("credentials", [])),
            lambda: key.update(environment=rng.choice(["development", "staging", "production"])),
            lambda: key.update(products=self.some(PRODUCTS)),
            lambda: key.update(channels=self.some(CHANNELS)),
            lambda: key.update(public_key=rng.choice(rng.choice(self.pool.p256[:8]))),
            lambda: key.update(public_key=rng.choice(self.pool.ed25519)[0]),
            lambda: group.update(members=self.some([p["id"] for p in doc["principals"]])),
            lambda: group.update(id="g9"),
        ]
        if rule is not None:
            changes += [
                lambda: rule.update(channels=self.some(CHANNELS)),
                lambda: rule.update(products=self.some(PRODUCTS)),
                lambda: rule.update(key=rng.choice(["k0", "k1", "k2", "K0"])),
                lambda: rule.update(submitters=self.some([p["id"] for p in doc["principals"]])),
                lambda: rule.update(approvals={"group": group["id"], "count": rng.randint(1, 4)}),
                lambda: rule.update(approvals="none"),
                lambda: rule.update(provenance="none"),
                lambda: rule.update(provenance={"builders": self.some([b["id"] for b in doc["builders"]])}),
                lambda: rule.update(environment=rng.choice(["development", "staging", "production"])),
                lambda: doc["rules"].append(dict(rule, id="again")),
            ]
        rng.choice(changes)()
        return doc

    def forms_of(self, obj):
        for forms in self.pool.p256 + self.pool.ed25519:
            if obj in forms:
                return forms
        raise KeyError(obj)

    def digest(self):
        return hashlib.sha256(bytes([self.rng.randrange(4)])).hexdigest()

    def statement(self, doc, rule, facts):
        """Mostly right for the rule, so that every check is reached."""
        rng = self.rng
        ids = rule["provenance"]["builders"] if rule and rule["provenance"] != "none" else None
        named = [b for b in doc["builders"] if ids is None or b["id"] in ids]
        builder = rng.choice(named if rng.random() < 0.9 else doc["builders"])
        signer = builder if rng.random() < 0.92 else rng.choice(doc["builders"])
        sources = rng.sample(builder["repositories"], 1) if rng.random() < 0.9 else self.some(REPOSITORIES, 0)
        subjects = list(facts["artifacts"]) if rng.random() < 0.9 else [self.digest() for _ in range(rng.randint(0, 3))]
        if rng.random() < 0.2:
            subjects += subjects[:1]
        rng.shuffle(subjects)
        return {"builder": builder["id"], "subjects": subjects,
                "sources": [{"repository": r} for r in sources], "key": rng.choice(self.forms_of(signer["keys"][0]))}

    def approval(self, doc, rule):
        rng = self.rng
        members = [p for p in doc["principals"] if p.get("approval_keys")]
        if rule and rule["approvals"] != "none" and rng.random() < 0.85:
            group = [g for g in doc["groups"] if g["id"] == rule["approvals"]["group"]][0]
            members = [p for p in members if p["id"] in group["members"]]
        person = rng.choice(members)
        key = rng.choice(person["approval_keys"])
        if rng.random() < 0.05:
            key = rng.choice(rng.choice(self.pool.ed25519))
        name = person["id"] if rng.random() < 0.95 else rng.choice(doc["principals"])["id"]
        return {"principal": name, "key": self.pool.key_id(key)}

    def facts(self, doc):
        rng = self.rng
        facts = {"stage": rng.choice(["submission", "signing", "signing"]),
                 "product": rng.choice(PRODUCTS), "version": rng.choice(["1.0", "1.1"]), "channel": rng.choice(CHANNELS)}
        if rng.random() < 0.03:
            del facts[rng.choice(["stage", "product", "version", "channel"])]
        rule = next((r for r in doc["rules"] if facts.get("product") in r["products"]
                     and facts.get("channel") in r["channels"]), None)
        if rng.random() < 0.95:
            allowed = rule["submitters"] if rule and rng.random() < 0.9 else [p["id"] for p in doc["principals"]] + ["x"]
            facts["submitter"] = rng.choice(allowed)
        if rng.random() < 0.8:
            own = [k for k in doc["keys"] if rule and k["id"] == rule["key"]]
            key = rng.choice(own if own and rng.random() < 0.93 else doc["keys"])["public_key"]
            facts["key"] = self.pool.key_id(key) if rng.random() < 0.97 else "00" * 32
        facts["artifacts"] = [self.digest() for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3]))]
        facts["provenance"] = [self.statement(doc, rule, facts) if rng.random() < 0.98 else None
                               for _ in range(rng.choice([0, 1, 1, 1, 1, 2, 3]))]
        facts["approvals"] = [self.approval(doc, rule) for _ in range(rng.choice([0, 1, 2, 3, 4, 5, 6, 8]))]
        facts["prior"] = [{"artifact": self.digest(), "product": facts.get("product", "meter"),
                           "version": facts.get("version", "1.0")}
                          if rng.random() < 0.85 else
                          {"artifact": self.digest(), "product": rng.choice(PRODUCTS), "version": rng.choice(["1.0", "1.1"])}
                          for _ in range(rng.choice([0, 0, 1, 2]))]
        return facts


class Runner:
    """The C program, asked line by line."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, kind, doc):
        self.process.stdin.write(f"{kind} {json.dumps(doc)}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"policy_eval ended on: {kind} {json.dumps(doc)}")
        return json.loads(line)


class Test:
    def __init__(self, program, seed):
        self.rng = random.Random(seed)
        self.pool = Pool(self.rng)
        self.maker = Maker(self.rng, self.pool)
        self.c = Runner(program)
        self.counts = {"policies": 0, "refused": 0, "decisions": 0, "allowed": 0, "properties": 0}
        self.failed = {}

    def load(self, doc):
        self.counts["policies"] += 1
        answer = self.c.ask("policy", doc)
        why = model.load(doc, self.pool.identity)
        if answer["loaded"] != (why is None):
            raise AssertionError(f"load: C {answer}, model {why}\n{json.dumps(doc)}")
        self.counts["refused"] += why is not None
        return why is None

    def decide(self, doc, facts):
        verdict = self.c.ask("facts", facts)
        allow, findings, rule = model.evaluate(doc, facts, self.pool.identity, self.pool.key_id)
        got = [(f["check"], f["ok"]) for f in verdict["findings"]]
        if (verdict["allow"], got, verdict["rule"]) != (allow, findings, rule):
            raise AssertionError(f"C {verdict}\nmodel {allow} {findings} {rule}\n{json.dumps(doc)}\n{json.dumps(facts)}")
        self.counts["decisions"] += 1
        self.counts["allowed"] += allow
        for check, ok in got:
            if not ok:
                self.failed[check] = self.failed.get(check, 0) + 1
        return verdict

    def fewer_approvals(self, doc, facts, verdict):
        for i in range(len(facts["approvals"])):
            less = dict(facts, approvals=facts["approvals"][:i] + facts["approvals"][i + 1:])
            self.counts["properties"] += 1
            if self.decide(doc, less)["allow"] and not verdict["allow"]:
                raise AssertionError(f"an approval less allows more\n{json.dumps(doc)}\n{json.dumps(facts)}")

    def stricter(self, doc, cases):
        """One more of everything that is counted, one less of everything that is listed; the loader may refuse it."""
        for key in doc["keys"]:
            strict = copy.deepcopy(doc)
            rules = [r for r in strict["rules"] if r["key"] == key["id"]]
            drop = self.rng.random() < 0.5
            for rule in rules:
                if rule["approvals"] != "none":
                    rule["approvals"]["count"] += 0 if drop else 1
                else:
                    rule["approvals"] = {"group": doc["groups"][0]["id"], "count": 1}
                if drop and rule["provenance"] != "none" and len(rule["provenance"]["builders"]) > 1:
                    rule["provenance"]["builders"].sort()
                    rule["provenance"]["builders"].pop()
                elif rule["provenance"] == "none":
                    rule["provenance"] = {"builders": [doc["builders"][0]["id"]]}
            if not self.load(strict):
                continue
            for facts, allowed in cases:
                self.counts["properties"] += 1
                if self.decide(strict, facts)["allow"] and not allowed:
                    raise AssertionError(f"a requirement more allows more\n{json.dumps(strict)}\n{json.dumps(facts)}")

    def renamed(self, doc, cases):
        new = {p["id"]: f"name.{i}" for i, p in enumerate(doc["principals"])}
        other = copy.deepcopy(doc)
        for person in other["principals"]:
            person["id"] = new[person["id"]]
        for group in other["groups"]:
            group["members"] = [new[m] for m in group["members"]]
        for rule in other["rules"]:
            rule["submitters"] = [new[s] for s in rule["submitters"]]
        if not self.load(other):
            raise AssertionError("renaming made the policy invalid")
        for facts, allowed in cases:
            facts = copy.deepcopy(facts)
            if "submitter" in facts:
                facts["submitter"] = new.get(facts["submitter"], "nobody")
            for approval in facts["approvals"]:
                approval["principal"] = new[approval["principal"]]
            self.counts["properties"] += 1
            if self.decide(other, facts)["allow"] != allowed:
                raise AssertionError(f"renaming changed a verdict\n{json.dumps(other)}\n{json.dumps(facts)}")

    def round(self):
        doc = self.maker.policy()
        if not self.load(doc):
            raise AssertionError(f"the generator made a policy that is refused\n{json.dumps(doc)}")
        cases = []
        for _ in range(FACTS_PER_POLICY):
            facts = self.maker.facts(doc)
            verdict = self.decide(doc, facts)
            self.fewer_approvals(doc, facts, verdict)
            cases.append((facts, verdict["allow"]))
        self.stricter(doc, cases)
        self.renamed(doc, cases)
        for _ in range(4):
            self.load(self.maker.break_policy(doc))


def main():
    seed = int(os.environ.get("POLICY_SEED") or random.SystemRandom().getrandbits(32))
    rounds = int(os.environ.get("POLICY_ROUNDS") or 300)
    print(f"seed {seed}, {rounds} rounds", flush=True)
    test = Test(sys.argv[1], seed)
    for _ in range(rounds):
        test.round()
    print(json.dumps(test.counts), json.dumps(test.failed))
    starved = [k for k, v in test.counts.items() if v == 0]
    if starved or len(test.failed) < 8:
        print(f"the generator missed something: {starved} {sorted(test.failed)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
