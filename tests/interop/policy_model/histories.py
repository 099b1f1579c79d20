"""Random facts about a release: mostly right for one rule of the policy, so that every check is reached."""
from model_load import channels_of, first_key, keys_of, products_of, seconds_of, stages_of, verifies, zone_of
from policies import CHANNELS, DAY, DEPENDENCIES, PARAMETERS, PREDICATES, PRODUCTS, REFS, REPOSITORIES

NOW = 1795000000  # a day in November 2026
VERSIONS = ["1.0", "1.1", "1.0.0", "0.9.9.1", "1.1-rc1", "2", "10.0", "1.0.0.0", "1.0.0.1"]


class Historian:
    def __init__(self, rng, pool, maker):
        self.rng = rng
        self.pool = pool
        self.maker = maker

    def pick(self, values):
        return self.rng.choice(values)

    def usually(self, p):
        return self.rng.random() < p

    def digest(self):
        return self.maker.digest()

    def facts(self, doc):
        rng = self.rng
        rule = self.pick(doc["rules"]) if doc["rules"] and self.usually(0.95) else None
        key = first_key(doc, rule) if rule else None
        f = {"stage": self.pick(["submission", "signing", "signing"]),
             "product": self.pick(products_of(rule, key)) if rule else self.pick(PRODUCTS), "version": self.pick(VERSIONS[:3]),
             "channel": self.pick(channels_of(rule, key)) if rule else self.pick(CHANNELS)}
        if self.usually(0.4):
            f["environment"] = rule["environment"] if rule and self.usually(0.9) else self.pick(["development", "staging", "production"])
        if self.usually(0.03):
            del f[self.pick(["stage", "product", "version", "channel"])]
        if self.usually(0.05):
            f["version"] = self.pick(VERSIONS + ["nightly"])
        self.request(f, doc, rule)
        f["artifacts"] = [self.digest() for _ in range(self.pick([0, 1, 1, 1, 1, 2, 2, 3]))]
        f["now_s"] = self.now(rule) if self.usually(0.97) else 0
        f["submitted_s"] = (f["now_s"] or NOW) - rng.randrange(3600) if self.usually(0.97) else 0
        f["provenance"] = [self.statement(doc, rule, f) if self.usually(0.98) else None for _ in range(self.pick([0, 1, 1, 1, 2, 2, 3]))]
        f["attestations"] = [self.attestation(doc, rule, f) for _ in range(self.pick([0, 1, 2, 3, 4]))]
        if rule and self.usually(0.8):
            f["attestations"] += self.right_attestations(doc, rule, f)
        f["approvals"] = self.approvals(doc, rule)
        if self.usually(0.15):
            f["vetoes"] = [self.pick(doc["principals"])["id"] for _ in range(rng.randint(1, 2))]
        self.history(f, doc, rule)
        return {k: v for k, v in f.items() if not (k.endswith("_s") and v == 0 and self.usually(0.5))}

    def now(self, rule):
        """Some time of a week; often just where a window begins or ends."""
        now = NOW + self.rng.randrange(7 * DAY)
        if not rule or "freeze" not in rule or self.usually(0.5):
            return now
        window, zone = self.pick(rule["freeze"]["windows"]), zone_of(rule["freeze"])
        if "days" not in window:
            edges = zone.span(seconds_of(window["from"]), seconds_of(window["to"])) + (seconds_of(window["from"]) - zone.std,)
            return max(NOW - 400 * DAY, self.pick(edges) + self.pick([-1, 0, 0, 1, -1800, 1800]))
        if self.usually(0.3):  # where the clock changes
            begin, _, _ = self.pick(zone.pieces(now))
            return max(NOW - 400 * DAY, begin + self.pick([-1, 0, -3600, 3600, 1800, -1800]))
        edge = window[self.pick(["from", "to"])]
        clock = (now + zone.offset(now)) // DAY * DAY + int(edge[:2]) * 3600 + int(edge[3:]) * 60
        return clock - zone.offset(now) + self.pick([-1, 0, 0, 1])

    def request(self, f, doc, rule):
        rng = self.rng
        if self.usually(0.95):
            f["submitter"] = self.pick(rule["submitters"] if rule and self.usually(0.6 if "separate" in rule else 0.9) else [p["id"] for p in doc["principals"]] + ["x"])
        if self.usually(0.15 if rule and "keys" in rule else 0.8):
            own = [k for k in doc["keys"] if rule and k["id"] in keys_of(rule)]
            f["key"] = self.pool.key_id(self.pick(own if own and self.usually(0.93) else doc["keys"])["public_key"])
            if self.usually(0.03):
                f["key"] = "00" * 32
        wanted = rule.get("hardware", []) if rule else []
        f["hardware"] = [self.hardware(self.pick(wanted)) for _ in range(rng.randint(1, 2))] if wanted else []
        if self.usually(0.25):
            f["hardware"].append({"model": self.pick(["er-1", "er-2", "er-3", "er-4"]), "revision": self.pick(["a", "b", "c"])})
        if bool(rule and rule.get("break_glass")) != self.usually(0.05):
            f["break_glass"] = self.pick(["worm", "w" * 500] * 5 + ["w" * 501])
        f["size"] = rng.choice([0, 100, 900, 1000, 1100, 4000, 6000])
        f["rollback_floor"] = rng.randint(0, 2)

    def hardware(self, text):
        model, _, revision = text.partition("/")
        return {"model": model, "revision": revision or self.pick(["a", "b", "z"])}

    # --- evidence ---

    def statement(self, doc, rule, f):
        p = rule["provenance"] if rule and rule["provenance"] != "none" else {}
        named = [b for b in doc["builders"] if b["id"] in p.get("builders", [b["id"]])]
        builder = self.pick(named if self.usually(0.93) else doc["builders"])
        signer = builder if self.usually(0.95) else self.pick(doc["builders"])
        sources = self.rng.sample(builder.get("repositories", REPOSITORIES), 1) if self.usually(0.93) else self.maker.some(REPOSITORIES, 0)
        subjects = list(f["artifacts"]) if self.usually(0.93) else [self.digest() for _ in range(self.rng.randint(0, 3))]
        if self.usually(0.2):
            subjects += subjects[:1]
        self.rng.shuffle(subjects)
        s = {"builder": builder["id"], "subjects": subjects, "sources": [self.source(r, p) for r in sources],
             "key": self.pick(self.pool.forms_of(signer["keys"][0]))}
        self.details(s, p, f)
        return s

    def source(self, repository, p):
        source = {"repository": repository}
        ref = self.pick(REFS)
        if "refs" in p and self.usually(0.8):
            ref = self.pick(p["refs"]).replace("*", self.pick(["v1", "", "main"]))
        if ref or self.usually(0.5):
            source["ref"] = ref
        return source

    def details(self, s, p, f):
        rng = self.rng
        if self.usually(0.9):
            s["finished_s"] = max(0, f["submitted_s"] - self.pick([0, 30, 60, 61, 3000, DAY, DAY + 1, -300, -301]))
        s["parameters"] = {k: self.pick(v) for k, v in PARAMETERS.items() if self.usually(0.6)}
        if self.usually(0.85):
            s["parameters"].update(p.get("parameters", {}))
        s["dependencies"] = [{"uri": self.pick(DEPENDENCIES), "sha256": self.digest()} for _ in range(rng.randint(0, 2))]
        if self.usually(0.85):
            s["dependencies"] += [dict(d) for d in p.get("dependencies", [])]

    def attestation(self, doc, rule, f):
        if self.usually(0.05):
            return None
        a = {"predicate": self.pick(PREDICATES), "subjects": [self.digest() for _ in range(self.rng.randint(0, 2))],
             "key": self.pick(self.pool.forms_of(self.pick(doc["builders"])["keys"][0]))}
        if self.usually(0.5):
            a["result"] = self.pick(["PASSED", "FAILED"])
        return a

    def right_attestations(self, doc, rule, f):
        builders = {b["id"]: b for b in doc["builders"]}
        out = []
        for a in rule.get("attestations", []):
            fitting = [b for b in a["builders"] if f.get("product") in builders[b]["products"]] or a["builders"]
            out.append({"predicate": self.pick(a["predicates"]), "subjects": f["artifacts"][:], "result": a.get("result", "PASSED"),
                        "key": self.pick(self.pool.forms_of(builders[self.pick(fitting)]["keys"][0]))})
        return out

    # --- approvals ---

    def approval(self, doc, person):
        key = self.pick(verifies(person) if verifies(person) and self.usually(0.6) else person["approval_keys"])
        if self.usually(0.04):
            key = self.pick(self.pick(self.pool.ed25519))
        name = person["id"] if self.usually(0.96) else self.pick(doc["principals"])["id"]
        a = {"principal": name, "key": self.pool.key_id(key)}
        if self.usually(0.93 if key.get("user_verification") else 0.05):
            a["user_verified"] = True
        return a

    def approvals(self, doc, rule):
        """People that the stages ask, in their order; some more; some missing."""
        rng = self.rng
        able = {p["id"]: p for p in doc["principals"] if p.get("approval_keys")}
        groups = {g["id"]: [m for m in g["members"] if m in able] for g in doc["groups"]}
        out, used = [], set()
        for stage in stages_of(rule["approvals"]) if rule else []:
            for group, count in stage:
                free = [m for m in groups[group] if m not in used or self.usually(0.1)]
                chosen = rng.sample(free, min(len(free), count + (rng.random() < 0.1)))
                used |= set(chosen)
                out += [self.approval(doc, able[m]) for m in chosen]
        for _ in range(self.pick([0, 0, 0, 1, 2])):
            out.insert(rng.randrange(len(out) + 1), self.approval(doc, self.pick(list(able.values()))))
        if out and self.usually(0.25):  # somebody comes again, or came before
            again = self.pick(out)["principal"]
            if again in able:
                out.insert(rng.randrange(len(out) + 1), self.approval(doc, able[again]))
        if out and self.usually(0.15):
            out.pop(rng.randrange(len(out)))
        for i, a in enumerate(out):
            if self.usually(0.9):
                a["record"] = 10 + i if self.usually(0.9) else rng.randint(9, 12)
        if self.usually(0.1):
            rng.shuffle(out)
        return out

    # --- the log ---

    def history(self, f, doc, rule):
        rng = self.rng
        f["prior"] = [{"artifact": self.digest(), "product": f.get("product", "meter"), "version": f.get("version", "1.0")}
                      if self.usually(0.9) else
                      {"artifact": self.digest(), "product": self.pick(PRODUCTS), "version": self.pick(VERSIONS)}
                      for _ in range(self.pick([0, 0, 0, 1]))]
        if self.usually(0.6):
            f["last"] = {"version": self.pick(VERSIONS[:5]) if self.usually(0.9) else "nightly", "rollback_floor": rng.randint(0, 2),
                         "size": self.pick([0, 100, 900, 1000, 1000, 4000])}
        percent = (rule or {}).get("limits", {}).get("size_factor_percent")
        if percent and "last" in f and self.usually(0.6):  # just where a change begins
            k = self.pick([1, 7])
            a, b = 100 * k, percent * k
            f["size"], f["last"]["size"] = self.pick([(b, a), (b + 1, a), (a, b), (a, b + 1)])
        f["same_version"] = [f["artifacts"][:] if self.usually(0.8) else [self.digest()] for _ in range(self.pick([0, 0, 1, 2]))]
        now = f["now_s"] or NOW
        f["signed_at"] = [now - self.pick([0, 10, 59, 60, 61, 3599, 3600, DAY]) for _ in range(self.pick([0, 1, 2, 3]))]
        f["earlier"] = [self.earlier(f, doc, rule, now) for _ in range(self.pick([0, 1, 2, 3]))]

    def earlier(self, f, doc, rule, now):
        p = rule.get("promotion", {}) if rule else {}
        right = self.usually(0.85)
        e = {"product": f.get("product", "meter"), "environment": p.get("environment", "staging"),
             "channel": self.pick(p.get("channels", CHANNELS)), "submitter": self.pick(p.get("submitters", ["ci", "both"])),
             "signed_s": now - self.pick([0, 59, 60, DAY - 1, DAY, 10 * DAY]), "artifacts": f["artifacts"][:]}
        if not right:
            e[self.pick(["product", "environment", "channel", "submitter"])] = self.pick(PRODUCTS + CHANNELS + ["production", "x"])
        if self.usually(0.1):
            e["artifacts"] = [self.digest() for _ in range(2)]
        return e
