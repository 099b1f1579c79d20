"""Random policies: most load, and what the engine knows of (schema/policy.schema.json says so) appears in them."""
import copy
import json
import time

from model_zone import Zone

PRODUCTS = ["router", "radio", "meter"]
CHANNELS = ["stable", "beta", "nightly"]
REPOSITORIES = [f"https://git.example.com/{p}" for p in PRODUCTS]
HARDWARE = ["er-1", "er-1/a", "er-1/b", "er-2", "er-2/a", "er-3/c"]
ROLES = ["submitter", "approver", "auditor", "administrator", "key-custodian"]
REFS = ["refs/tags/v1", "refs/heads/main", "refs/heads/a/b", ""]
PATTERNS = ["refs/tags/*", "refs/heads/*", "refs/heads/*/*", "*", "refs/tags/v1", "r*s/*s/v*"]
PARAMETERS = {"/workflow/path": ["release.yml", "other.yml"], "/debug": [False, True, 0], "/level": [3, 4, "3"]}
DEPENDENCIES = ["pkg:deb/gcc@12", "pkg:deb/libc@2", "https://example.com/sdk"]
PREDICATES = ["https://cyclonedx.org/bom", "https://spdx.dev/Document", "https://in-toto.io/attestation/test-result/v0.1"]
DAY = 86400
ZONES = ["CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "IST-1GMT0,M10.5.0,M3.5.0/1",
         "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "EET-2EEST,M3.4.4/50,M10.4.4/50", "<+0545>-5:45", "EST5EDT4,0/0,J365/25", "AAA1BBB,J60/-167,300/167",
         "AAA0BBB-24,M11.3.1/1,M11.3.3", "AAA3:15BBB3:15,M1.1.1,M12.5.6", "AAA-24:59:59BBB24:59:59,M10.5.0,M11.5.0"]


class Features:
    """Which members of a policy the schema has."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            defs = json.load(f)["$defs"]
        self.known = {f"{name}.{member}" for name, d in defs.items() for member in self.members(d)}
        self.roles = [r for r in ROLES if json.dumps(r) in json.dumps(defs["principal"])]

    def members(self, schema):
        found = set(schema.get("properties", {}))
        for key in ("anyOf", "oneOf", "allOf"):
            for part in schema.get(key, []):
                found |= self.members(part)
        return found

    def has(self, name):
        return name in self.known


class Maker:
    def __init__(self, rng, pool, features):
        self.rng = rng
        self.pool = pool
        self.features = features

    def chance(self, p, feature=None):
        return (feature is None or self.features.has(feature)) and self.rng.random() < p

    def some(self, values, low=1, high=None):
        return self.rng.sample(values, self.rng.randint(low, min(len(values), high or len(values))))

    def take(self, plain=False):
        """A key not taken yet, in some encoding."""
        forms = self.free.pop()
        return forms[0] if plain else self.rng.choice(forms)

    def approval_key(self):
        key = dict(self.take())
        if key.get("ssh", "").startswith("sk-") and self.rng.random() < 0.8:
            key["user_verification"] = self.rng.random() < 0.9
        return key

    # --- sections ---

    def principal(self, i):
        rng = self.rng
        person = {"id": f"p{i}", "roles": self.some(self.features.roles, 1, 3)}
        if i < 4 and "approver" not in person["roles"]:
            person["roles"][0] = "approver"
        if rng.random() < 0.6 or {"approver", "administrator"} & set(person["roles"]):
            person["approval_keys"] = [self.approval_key() for _ in range(rng.choice([1, 1, 2, 3]))]
        if rng.random() < 0.4:
            person["submit_keys"] = [self.take()]
        if rng.random() < 0.5:
            person["credentials"] = [{"san_uri": f"spiffe://example.com/{i}"}]
        return person

    def builder(self, i):
        b = {"id": f"https://ci.example.com/{i}", "keys": [self.take(plain=True)], "products": self.some(PRODUCTS, 2)}
        if i < 3 or self.rng.random() < 0.5 or not self.features.has("builder.level"):
            b["repositories"] = self.some(REPOSITORIES, 2)
        if self.chance(0.7, "builder.level"):
            b["level"] = self.rng.randint(0, 3)
        return b

    def policy(self):
        rng = self.rng
        self.free = rng.sample(self.pool.p256[8:] + self.pool.ed25519, 60)
        people = [self.principal(i) for i in range(rng.randint(4, 8))]
        people += [{"id": "ci", "roles": ["submitter"]}, {"id": "both", "roles": ["submitter", "approver"], "approval_keys": [self.take()]}]
        self.approvers = [p["id"] for p in people if "approver" in p["roles"]]
        self.submitters = [p["id"] for p in people if "submitter" in p["roles"]]
        administrators = [p["id"] for p in people if "administrator" in p["roles"]]
        self.groups = [{"id": f"g{i}", "members": self.some(self.approvers)} for i in range(3)]
        builders = [self.builder(i) for i in range(4)]
        self.builders = builders
        doc = {"version": 1, "name": "n", "vendor_domain": "example.com", "principals": people, "groups": self.groups,
               "builders": builders, "keys": [], "rules": []}
        if self.chance(0.4, "rule.witnessed"):
            doc["witnesses"] = self.witnesses(rng.randint(1, 3))
        release = rng.sample(self.pool.p256[:8], 8)
        for i, channel in enumerate(CHANNELS):
            self.channel(doc, i, channel, release)
        if len(administrators) >= 2 and rng.random() < 0.4:
            doc["groups"].append({"id": "administrators", "members": administrators})
            doc["administration"] = {"group": "administrators", "count": rng.randint(2, min(16, len(administrators)))}
        return doc

    def witnesses(self, count):
        """Their keys are those that nobody else takes, as a rule."""
        keys = self.rng.sample(self.pool.ed25519, count)
        w = {"keys": [self.pool.witness(f"w{i}.example", forms) for i, forms in enumerate(keys)], "quorum": self.rng.randint(1, count)}
        if self.rng.random() < 0.5:
            w["timeout_s"] = self.rng.randint(1, 600)
        return w

    def channel(self, doc, i, channel, release):
        """A channel's key, perhaps a spare one, and the rules for it."""
        rng = self.rng
        environment = rng.choice(["development", "staging", "production", "production"])
        channels = [channel] if rng.random() < 0.8 else self.some(CHANNELS, 2)
        if channel not in channels:
            channels[0] = channel
        if rng.random() < 0.3:
            doc["keys"].append({"id": f"spare{i}", "public_key": release[i + 3][0], "environment": environment,
                                "products": PRODUCTS[:], "channels": channels})
        doc["keys"].append({"id": f"k{i}", "public_key": release[i][0], "environment": environment, "products": PRODUCTS[:],
                            "channels": channels})
        if i < 2 and rng.random() < 0.35:
            self.elsewhere(doc, i, environment, channels, release[6 + i])
        demands = self.demands(environment)
        if "witnesses" in doc and rng.random() < 0.5:
            demands["witnessed"] = True
        if len(doc["keys"]) > 1 and doc["keys"][-2]["id"] == f"spare{i}" and self.chance(0.4, "rule.keys"):
            demands["keys"] = {"of": self.some([f"k{i}", f"spare{i}"], 2), "threshold": rng.randint(1, 2)}
        scopes = [[PRODUCTS[0]], PRODUCTS[1:]] if rng.random() < 0.4 else [PRODUCTS]
        for n, products in enumerate(scopes):
            if rng.random() < 0.1:
                continue
            rule = self.rule(f"r{i}{n}", f"k{i}", environment, products, [channel], demands)
            doc["rules"].append(rule)
            if self.chance(0.3, "rule.hardware"):
                special = self.rule(f"h{i}{n}", f"k{i}", environment, products, [channel], demands)
                special["hardware"] = self.some(HARDWARE, 1, 3)
                doc["rules"].append(special)
            if self.chance(0.3, "rule.break_glass") and demands["approvals"] != "none":
                doc["rules"].append(self.glass(f"b{i}{n}", rule))

    def elsewhere(self, doc, i, environment, channels, key):
        """The same products and channels in another environment, by a key of its own."""
        other = self.rng.choice([e for e in ("development", "staging", "production") if e != environment])
        doc["keys"].append({"id": f"e{i}", "public_key": key[0], "environment": other, "products": PRODUCTS[:], "channels": channels})
        demands = self.demands(other)
        for n in range(self.rng.choice([1, 1, 2])):
            rule = self.rule(f"e{i}{n}", f"e{i}", other, self.some(PRODUCTS) if n else PRODUCTS, channels[:1], demands)
            if n and self.chance(0.7, "rule.hardware"):
                rule["hardware"] = self.some(HARDWARE, 1, 3)
            doc["rules"].append(rule)
            if self.chance(0.2, "rule.break_glass") and demands["approvals"] != "none":
                doc["rules"].append(self.glass(f"f{i}{n}", rule))

    def rule(self, name, key, environment, products, channels, demands):
        rng = self.rng
        rule = {"id": name, "environment": environment, "key": key, "submitters": self.some(self.submitters)}
        if not (self.features.has("rule.hardware") and products == PRODUCTS and rng.random() < 0.3):
            rule["products"] = list(products)
        if not (self.features.has("rule.hardware") and rng.random() < 0.2):
            rule["channels"] = list(channels)
        rule.update(copy.deepcopy(demands))
        if "keys" in rule:
            del rule["key"]
        if self.chance(0.4, "rule.limits"):
            rule["limits"] = self.limits(rule)
        if self.chance(0.3, "rule.freeze"):
            rule["freeze"] = self.freeze()
        return rule

    def glass(self, name, rule):
        """The same with more people."""
        glass = dict(copy.deepcopy(rule), id=name, break_glass=True)
        glass["approvals"] = {"group": self.rng.choice(self.groups)["id"], "count": self.rng.randint(2, 4)}
        return glass

    # --- what a rule demands ---

    def demands(self, environment):
        development = environment == "development"
        d = {"approvals": self.approvals(), "provenance": self.provenance()}
        if development and self.rng.random() < 0.4:
            d["approvals"] = "none"
        if development and self.rng.random() < 0.4:
            d["provenance"] = "none"
        if self.chance(0.35, "rule.separate"):
            others = ["administrator", "key-custodian", "approver" if self.rng.random() < 0.3 else "administrator"]
            d["separate"] = ["submitter" if self.rng.random() < 0.7 else "approver", self.rng.choice(others)]
            d["separate"] = sorted(set(d["separate"] + self.some(ROLES[:1] + others, 1, 1)))
        if self.chance(0.4, "rule.attestations"):
            d["attestations"] = [self.attestation(i) for i in range(self.rng.choice([1, 1, 2]))]
        if self.chance(0.4, "rule.promotion") and not development:
            d["promotion"] = self.promotion(environment)
        return d

    def requirement(self):
        group = self.rng.choice(self.groups)
        return {"group": group["id"], "count": self.rng.choice([1, 1, 2, 3][:len(group["members"]) + 1])}

    def stage(self):
        if self.rng.random() < 0.6:
            return self.requirement()
        of = []
        for _ in range(self.rng.randint(1, 3)):
            r = self.requirement()
            if r["group"] not in [o["group"] for o in of]:
                of.append(r)
        return {"of": of}

    def approvals(self):
        if not self.features.has("approvals.of"):
            return self.requirement()
        a = self.stage() if self.rng.random() < 0.65 else {"stages": [self.stage() for _ in range(self.rng.randint(1, 3))]}
        if self.rng.random() < 0.2:
            a["shared"] = self.rng.random() < 0.8
        if self.chance(0.15, "approvals.user_verification"):
            a["user_verification"] = self.rng.random() < 0.9
        if self.rng.random() < 0.25:
            a["veto"] = [g["id"] for g in self.some(self.groups, 1, 2)]
        return a

    def provenance(self):
        rng = self.rng
        able = [b["id"] for b in self.builders if "repositories" in b]
        p = {"builders": self.some(able)}
        if self.chance(0.4, "provenance.level"):
            p["level"] = rng.randint(0, 3) if rng.random() < 0.2 else min(b.get("level", 0) for b in self.builders
                                                                          if b["id"] in p["builders"])
        if self.chance(0.3, "provenance.refs"):
            p["refs"] = self.some(PATTERNS, 1, 3)
        if self.chance(0.3, "provenance.parameters"):
            p["parameters"] = {k: rng.choice(PARAMETERS[k]) for k in self.some(sorted(PARAMETERS), 1, 2)}
        if self.chance(0.3, "provenance.dependencies"):
            p["dependencies"] = [dict({"uri": u}, **({"sha256": self.digest()} if rng.random() < 0.5 else {}))
                                 for u in self.some(DEPENDENCIES, 1, 2)]
        if self.chance(0.3, "provenance.max_age_s"):
            p["max_age_s"] = rng.choice([60, 3600, DAY])
        if self.chance(0.25, "provenance.independent"):
            p["independent"] = 2
        return p

    def attestation(self, i):
        a = {"name": f"a{i}", "predicates": self.some(PREDICATES, 1, 2), "builders": self.some([b["id"] for b in self.builders])}
        if self.rng.random() < 0.3:
            a["result"] = "PASSED"
        return a

    def limits(self, rule):
        rng = self.rng
        every = {"max_size": rng.choice([1000, 5000]), "no_downgrade": True, "same_bytes": True,
                 "signatures": {"count": rng.randint(1, 3), "window_s": rng.choice([60, 3600])}}
        if rule["approvals"] != "none":
            every["size_factor_percent"] = rng.choice([101, 150, 300])
        every = {k: v for k, v in every.items() if self.features.has("limits." + k)}
        return {k: every[k] for k in self.some(sorted(every), 1)}

    def freeze(self):
        rng = self.rng
        windows = []
        for _ in range(rng.randint(1, 3)):
            if rng.random() < 0.5:
                day = rng.randint(1, 27)
                windows.append({"from": f"2026-11-{day:02d}T{rng.randint(0, 23):02d}:00", "to": f"2026-11-{day + 1:02d}T08:30"})
            else:
                start = rng.randint(0, 23)
                windows.append({"days": self.some(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], 1, 4), "from": f"{start:02d}:00",
                                "to": rng.choice([f"{start:02d}:59", "24:00"])})
        if self.chance(0.5, "freeze.time_zone"):
            zone = {"name": rng.choice(["Europe/Berlin", "Etc/GMT+5", "x"]), "rule": rng.choice(ZONES)}
            return {"time_zone": zone, "windows": windows + [self.by_a_change(zone["rule"]) for _ in range(rng.randint(0, 2))]}
        return {"utc_offset": rng.choice(["+00:00", "+01:00", "-05:45", "+14:00", "-12:00"]), "windows": windows}

    def broken_freeze(self):
        """With one character of its zone too much, too few or another."""
        freeze = self.freeze()
        zone = freeze.setdefault("time_zone", {"name": "Europe/Berlin", "rule": self.rng.choice(ZONES)})
        if self.rng.random() < 0.8:
            freeze.pop("utc_offset", None)
        member = self.rng.choice(["rule", "rule", "rule", "name"])
        text, at = zone[member], self.rng.randrange(len(zone[member]) + 1)
        zone[member] = text[:at] + self.rng.choice(["", "0", "9", ",", "/", ".", "M", "<", ">", "-", ":00", " "]) + text[at + self.rng.randint(0, 1):]
        return freeze

    def by_a_change(self, rule):
        """A window whose edges lie where a clock jumps or shows a time twice."""
        rng = self.rng
        pieces = [(begin, offset) for begin, _, offset in Zone(rule).pieces(1795000000)]
        begin, offset = rng.choice(pieces)
        edge = max(begin, 0) + offset + rng.choice([-7200, -3600, -1800, 0, 1800, 3600])
        start = time.gmtime(edge)
        if rng.random() < 0.6:
            end = time.gmtime(edge + rng.choice([60, 1740, 3600, 7200, DAY]))
            return {"from": time.strftime("%Y-%m-%dT%H:%M", start), "to": time.strftime("%Y-%m-%dT%H:%M", end)}
        clock = time.strftime("%H:%M", start)
        return {"days": [["mon", "tue", "wed", "thu", "fri", "sat", "sun"][start.tm_wday]], "from": clock,
                "to": "24:00" if clock >= "23:00" else f"{int(clock[:2]) + 1:02d}:{clock[3:]}"}

    def promotion(self, environment):
        rng = self.rng
        p = {"environment": rng.choice(["development", "staging"] if environment == "production" else ["development"])}
        if rng.random() < 0.5:
            p["channels"] = self.some(CHANNELS)
        if rng.random() < 0.3:
            p["submitters"] = self.some(self.submitters)
        if rng.random() < 0.5:
            p["soak_s"] = rng.choice([0, 60, DAY])
        return p

    def digest(self):
        import hashlib
        return hashlib.sha256(bytes([self.rng.randrange(4)])).hexdigest()

    # --- one change; most of them make the document wrong ---

    def broken(self, doc):
        rng = self.rng
        doc = copy.deepcopy(doc)
        rng.choice(self.changes(doc))()
        return doc

    def changes(self, doc):
        rng = self.rng
        person, other = rng.sample(doc["principals"], 2)
        key, builder, group = rng.choice(doc["keys"]), rng.choice(doc["builders"]), rng.choice(doc["groups"])
        every_key = [k for p in doc["principals"] for k in p.get("approval_keys", []) + p.get("submit_keys", [])]
        taken = lambda: rng.choice(self.pool.forms_of(rng.choice(every_key)))
        out = [
            lambda: person.update(id=other["id"].upper()),
            lambda: person.update(roles=self.some(self.features.roles)),
            lambda: person.pop("approval_keys", None),
            lambda: person.update(approval_keys=[taken()]),
            lambda: person.update(approval_keys=[dict(k, user_verification=rng.random() < 0.8) for k in person.get("approval_keys", [])]),
            lambda: builder.update(keys=[taken()]),
            lambda: builder.update(id=rng.choice(doc["builders"])["id"]),
            lambda: builder.update(products=["Router"]),
            lambda: builder.update(level=rng.randint(0, 3)) if self.features.has("builder.level") else None,
            lambda: builder.pop("repositories", None) if self.features.has("builder.level") else None,
            lambda: person.update(credentials=other.get("credentials", [])),
            lambda: key.update(environment=rng.choice(["development", "staging", "production"])),
            lambda: key.update(products=self.some(PRODUCTS)),
            lambda: key.update(channels=self.some(CHANNELS)),
            lambda: key.update(public_key=rng.choice(rng.choice(self.pool.p256[:8]))),
            lambda: key.update(public_key=rng.choice(self.pool.ed25519)[0]),
            lambda: group.update(members=self.some([p["id"] for p in doc["principals"]])),
            lambda: group.update(members=self.some(group["members"])),
            lambda: group.update(id="g9"),
            lambda: doc.update(administration={"group": group["id"], "count": rng.randint(1, 3)}),
        ]
        return out + (self.rule_changes(doc, rng.choice(doc["rules"]), group) if doc["rules"] else [])

    def rule_changes(self, doc, rule, group):
        rng = self.rng
        other = rng.choice(doc["rules"])
        out = [
            lambda: rule.update(channels=self.some(CHANNELS)),
            lambda: rule.update(products=self.some(PRODUCTS)),
            lambda: (rule.pop("keys", None), rule.update(key=rng.choice(["k0", "k1", "k2", "K0"]))),
            lambda: rule.update(submitters=self.some([p["id"] for p in doc["principals"]])),
            lambda: rule.update(approvals={"group": group["id"], "count": rng.randint(1, 4)}),
            lambda: rule.update(approvals="none"),
            lambda: rule.update(approvals=copy.deepcopy(other["approvals"])),
            lambda: rule.update(provenance="none"),
            lambda: rule.update(provenance={"builders": self.some([b["id"] for b in doc["builders"]])}),
            lambda: rule.update(environment=rng.choice(["development", "staging", "production"])),
            lambda: doc["rules"].append(dict(rule, id="again")),
        ]
        demands = self.demands(rule["environment"])
        out += [lambda m=m, v=v: rule.update({m: v}) for m, v in demands.items()]
        if self.features.has("rule.keys"):
            out += [lambda: (rule.pop("key", None), rule.update(keys={"of": self.some([k["id"] for k in doc["keys"]], 2, 4),
                                                                     "threshold": rng.randint(1, 2)})),
                    lambda: (rule.pop("keys", None), rule.update(key=rng.choice(doc["keys"])["id"]))]
        if self.features.has("rule.hardware"):
            out += [lambda: rule.update(hardware=self.some(HARDWARE + ["ER-1", "er-1/A"], 1, 3)), lambda: rule.pop("products", None),
                    lambda: rule.pop("channels", None), lambda: doc["rules"].append(dict(rule, id="again", hardware=self.some(HARDWARE, 1, 2)))]
        if self.features.has("rule.break_glass"):
            out += [lambda: rule.update(break_glass=rng.random() < 0.7), lambda: doc["rules"].append(self.glass("again", rule))]
        if self.features.has("approvals.of"):
            out += [lambda: rule.update(approvals=self.approvals()),
                    lambda: (doc["groups"].append({"id": "any", "members": self.some([p["id"] for p in doc["principals"]])}),
                             rule.update(approvals=dict({} if rule["approvals"] == "none" else rule["approvals"], veto=["any"]))),
                    lambda: rule.update(approvals=dict(rule["approvals"], user_verification=True)) if rule["approvals"] != "none" else None,
                    lambda: rule.update(approvals={"of": [{"group": g["id"], "count": 1} for g in doc["groups"]], "shared": True}),
                    lambda: rule.update(approvals={"stages": [{"group": group["id"], "count": len(group["members"])}] * 2})]
        if self.features.has("rule.witnessed"):
            out += [lambda: rule.update(witnessed=rng.random() < 0.7), lambda: doc.pop("witnesses", None),
                    lambda: doc.update(witnesses=self.witnesses(2)),
                    lambda: doc.update(witnesses=dict(self.witnesses(2), quorum=rng.randint(1, 4))),
                    lambda: doc.update(witnesses=dict(self.witnesses(1), keys=[self.pool.witness("w", self.pool.ed25519[i]) for i in range(2)]))]
        if self.features.has("freeze.time_zone"):
            out += [lambda: rule.update(freeze=self.broken_freeze())]
        if self.features.has("rule.limits"):
            out += [lambda: rule.update(limits=self.limits(rule)), lambda: rule.update(limits={"size_factor_percent": 150})]
        return out
