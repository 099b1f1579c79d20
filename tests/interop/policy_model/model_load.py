"""Which documents are policies: a second implementation of docs/formats/policy.md, written from that text alone and for clarity,
not speed.

load(doc, identity) gives None, or why the document is refused. Documents are already parsed JSON of the schema's form; keys are
compared by raw value, which a function of the caller's gives.
"""
import base64
import calendar
import hashlib
import re

from model_zone import ZONE_NAME, Zone

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
ENVIRONMENTS = ("development", "staging", "production")
TOP = {"version", "name", "vendor_domain", "principals", "groups", "builders", "keys", "rules", "administration", "witnesses"}
DUTIES = ("submitter", "approver", "administrator", "key-custodian")
ROLES = DUTIES + ("auditor",)
APPROVALS_MAX = 32
ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")


class Refused(Exception):
    """The document is not a policy."""


def need(condition, why):
    if not condition:
        raise Refused(why)


def distinct(values, why):
    need(len(set(values)) == len(values), f"{why}: twice")
    need(len({v.lower() for v in values}) == len(values), f"{why}: only the case differs")


def one_case(values, why):
    need(len({v.lower() for v in set(values)}) == len(set(values)), f"{why}: only the case differs")


def once(values, low, high, why):
    need(isinstance(values, list) and low <= len(values) <= high, f"{why}: length of a list")
    need(len(set(values)) == len(values), f"{why}: an element twice")


def names(values, low, high, why="names"):
    once(values, low, high, why)
    need(all(isinstance(v, str) and NAME.fullmatch(v) for v in values), f"{why}: a name")


# --- what a rule says, with its defaults ---

def keys_of(rule):
    """Ids of the keys that sign."""
    return rule["keys"]["of"] if "keys" in rule else [rule["key"]]


def first_key(doc, rule):
    """The rule's key; of several, the one that stands first in the document."""
    return next(k for k in doc["keys"] if k["id"] in keys_of(rule))


def products_of(rule, key):
    return rule.get("products", key["products"])


def channels_of(rule, key):
    return rule.get("channels", key["channels"])


def specificity(rule):
    return 4 * ("hardware" in rule) + 2 * ("products" in rule) + ("channels" in rule)


def stages_of(approvals):
    """The three forms as one: a list of stages, each a list of (group, count)."""
    if approvals == "none":
        return []
    stages = approvals["stages"] if "stages" in approvals else [approvals]
    return [[(r["group"], r["count"]) for r in (s["of"] if "of" in s else [s])] for s in stages]


def verifies(person):
    """Their approval keys that verify the user."""
    return [k for k in person.get("approval_keys", []) if k.get("user_verification")]


def total(rule):
    return sum(count for stage in stages_of(rule["approvals"]) for _, count in stage)


def one_more(stages):
    """The same stages where the first requirement of the last one asks for one more."""
    if not stages:
        return stages
    group, count = stages[-1][0]
    return stages[:-1] + [[(group, count + 1)] + stages[-1][1:]]


def demanded_stages(rule):
    stages = stages_of(rule["approvals"])
    return one_more(stages) if "size_factor_percent" in rule.get("limits", {}) else stages


def assignable(requirements, people, members):
    """Whether people can be assigned to (group, count) requirements, each person to one. members: group -> ids."""
    places = [group for group, count in requirements for _ in range(count)]
    taken = {}  # person -> place

    def find(place, seen):
        for person in people:
            if person in members[places[place]] and person not in seen:
                seen.add(person)
                if person not in taken or find(taken[person], seen):
                    taken[person] = place
                    return True
        return False
    return all(find(place, set()) for place in range(len(places)))


# --- time ---

def seconds_of(text):
    """A date of a window, as seconds of a clock."""
    y, m, d, hh, mm = int(text[0:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16])
    return calendar.timegm((y, m, d, hh, mm, 0))


def zone_of(freeze):
    """An offset east of UTC is a rule without changes; POSIX counts to the west."""
    if "time_zone" in freeze:
        return Zone(freeze["time_zone"]["rule"])
    offset = freeze["utc_offset"]
    return Zone("<utc>" + ("-" if offset[0] == "+" else "+") + offset[1:])


# --- hardware ---

def covers(hardware, model, revision):
    return model in hardware or f"{model}/{revision}" in hardware


def meets(a, b):
    """Some hardware that both lists cover."""
    for x in a:
        for y in b:
            if x == y or ("/" not in x and y.startswith(x + "/")) or ("/" not in y and x.startswith(y + "/")):
                return True
    return False


def hardware_meets(a, b):
    if "hardware" not in a or "hardware" not in b:
        return True
    return meets(a["hardware"], b["hardware"])


# --- the document ---

class Policy:
    """identity: maps a key object to (algorithm, raw value), or None where it is no valid key."""

    def __init__(self, doc, identity):
        self.doc = doc
        self.identity = identity
        self.people = {p["id"]: p for p in doc["principals"]}
        self.groups = {g["id"]: g for g in doc.get("groups", [])}
        self.builders = {b["id"]: b for b in doc.get("builders", [])}
        self.keys = {k["id"]: k for k in doc["keys"]}

    def key(self, obj):
        return self.identity(obj)

    def members(self):
        return {g: set(v["members"]) for g, v in self.groups.items()}

    def load(self):
        need(set(self.doc) <= TOP and self.doc["version"] == 1, "top")
        self.load_ids()
        self.load_keys()
        self.load_credentials()
        self.load_references()
        for rule in self.doc["rules"]:
            self.load_rule(rule)
        self.load_case()
        if "administration" in self.doc:
            self.load_administration(self.doc["administration"])
        self.load_pairs()

    def load_ids(self):
        for section in ("principals", "groups", "builders", "keys", "rules"):
            distinct([x["id"] for x in self.doc.get(section, [])], section)
        for person in self.doc["principals"]:
            once(person["roles"], 1, 5, "roles")
            need(set(person["roles"]) <= set(ROLES), "roles")
        for builder in self.builders.values():
            need(0 <= builder.get("level", 0) <= 3, "level of a builder")
            if "repositories" in builder:
                once(builder["repositories"], 1, 1024, "repositories")

    def load_keys(self):
        seen = []
        for person in self.doc["principals"]:
            for key in person.get("approval_keys", []):
                need("user_verification" not in key or key.get("ssh", "").startswith("sk-"), "user verification of no sk- key")
            seen += person.get("submit_keys", []) + person.get("approval_keys", [])
        for builder in self.doc.get("builders", []):
            seen += builder["keys"]
            need(not any("ssh" in k and k["ssh"].startswith("sk-") for k in builder["keys"]), "sk- builder")
        for key in self.doc["keys"]:
            need("pem" in key["public_key"] and self.key(key["public_key"])[0] == "p256", "release key")
            seen.append(key["public_key"])
        identities = [self.key(k) for k in seen]
        need(None not in identities, "a key that is none")
        identities += self.load_witnesses()
        need(len(set(identities)) == len(identities), "a key twice")

    def load_witnesses(self):
        """Their keys, as (algorithm, SubjectPublicKeyInfo) like all others."""
        if "witnesses" not in self.doc:
            return []
        w = self.doc["witnesses"]
        once(w["keys"], 1, 8, "witnesses")
        need(1 <= w["quorum"] <= len(w["keys"]) and 1 <= w.get("timeout_s", 20) <= 600, "quorum, timeout")
        found = []
        for line in w["keys"]:
            name, mark, key = line.split("+", 2)
            raw = base64.b64decode(key)
            need(len(raw) == 33 and raw[0] == 4, "a witness's key")
            need(hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == mark, "key id of a witness")
            found.append((name, ("ed25519", ED25519_SPKI + raw[1:])))
        need(len({n for n, _ in found}) == len(found), "a witness twice")
        return [k for _, k in found]

    def load_credentials(self):
        every = [c for p in self.doc["principals"] for c in p.get("credentials", [])]
        distinct([list(c.values())[0] for c in every], "credentials")

    def load_references(self):
        for group in self.groups.values():
            names(group["members"], 1, 4096)
            need(all(m in self.people for m in group["members"]), "member nobody defines")
        for holder in list(self.builders.values()) + self.doc["keys"]:
            names(holder["products"], 1, 1024)
        for key in self.doc["keys"]:
            names(key["channels"], 1, 64)

    def load_case(self):
        holders = self.doc.get("builders", []) + self.doc["keys"] + self.doc["rules"]
        one_case([p for h in holders for p in h.get("products", [])], "products")
        one_case([c for h in self.doc["keys"] + self.doc["rules"] for c in h.get("channels", [])], "channels")
        hardware = [h for r in self.doc["rules"] for h in r.get("hardware", [])]
        one_case([h.split("/")[0] for h in hardware], "models")
        one_case([h.split("/")[1] for h in hardware if "/" in h], "revisions")

    # --- one rule ---

    def load_rule(self, rule):
        need(rule["environment"] in ENVIRONMENTS and ("key" in rule) != ("keys" in rule), "environment, key")
        if "keys" in rule:
            once(rule["keys"]["of"], 2, 4, "keys")
            need(1 <= rule["keys"]["threshold"] <= len(rule["keys"]["of"]), "threshold")
        need(set(keys_of(rule)) <= set(self.keys), "a key nobody defines")
        if "products" in rule:
            names(rule["products"], 1, 1024)
        if "channels" in rule:
            names(rule["channels"], 1, 64)
        for key in (self.keys[k] for k in keys_of(rule)):
            need(key["environment"] == rule["environment"], "environment of the key")
            need(set(products_of(rule, first_key(self.doc, rule))) <= set(key["products"]), "products of the key")
            need(set(channels_of(rule, first_key(self.doc, rule))) <= set(key["channels"]), "channels of the key")
        if "hardware" in rule:
            once(rule["hardware"], 1, 256, "hardware")
            need(all(1 <= len(h.split("/")) <= 2 and all(NAME.fullmatch(x) for x in h.split("/")) for h in rule["hardware"]),
                 "hardware: model or model/revision")
        need(not rule.get("witnessed") or "witnesses" in self.doc, "witnessed by nobody")
        names(rule["submitters"], 1, 4096)
        for who in rule["submitters"]:
            need(who in self.people and "submitter" in self.people[who]["roles"], "submitter")
        need(60 <= rule.get("approval_ttl_s", 604800) <= 7776000, "ttl")
        for member in ("approvals", "provenance"):
            if rule[member] == "none":
                need(rule["environment"] == "development", "none")
        if rule["approvals"] != "none":
            self.load_approvals(rule)
        need(not (rule.get("break_glass") and rule["approvals"] == "none"), "break glass without approvals")
        if "separate" in rule:
            self.load_separate(rule)
        if rule["provenance"] != "none":
            self.load_provenance(rule["provenance"])
        self.load_attestations(rule.get("attestations"))
        self.load_limits(rule)
        if "freeze" in rule:
            need(self.freeze_ok(rule["freeze"]), "freeze")
        if "promotion" in rule:
            self.load_promotion(rule)

    def load_approvals(self, rule):
        approvals = rule["approvals"]
        need(sum(form in approvals for form in ("group", "of", "stages")) == 1, "one form of approvals")
        stages = stages_of(approvals)
        need(1 <= len(stages) <= 8, "stages")
        for stage in stages:
            need(1 <= len(stage) <= 8 and len({g for g, _ in stage}) == len(stage), "requirements")
            for group, count in stage:
                need(1 <= count <= 32 and group in self.groups, "approvals")
                self.load_approvers(group)
        need(total(rule) <= APPROVALS_MAX, "too many people")
        if "veto" in approvals:
            once(approvals["veto"], 1, 8, "veto")
            for group in approvals["veto"]:
                need(group in self.groups, "veto of nobody")
                need(all("approver" in self.people[m]["roles"] for m in self.groups[group]["members"]), "veto by no approver")
        self.load_quorum(rule)

    def load_approvers(self, group):
        for who in self.groups[group]["members"]:
            need("approver" in self.people[who]["roles"], "member is no approver")
            need(self.people[who].get("approval_keys"), "member without key")

    def load_quorum(self, rule):
        """It can be met, and not by one person alone."""
        members, stages = self.members(), demanded_stages(rule)
        if rule["approvals"].get("user_verification"):
            members = {g: {m for m in ms if verifies(self.people[m])} for g, ms in members.items()}
        shared = rule["approvals"].get("shared", False)
        every = [r for stage in stages for r in stage]
        need(all(len(members[g]) >= n for g, n in every), "group too small")

        def possible(submitter):
            if shared:
                return all(len(members[g] - {submitter}) >= n for g, n in every)
            return assignable(every, sorted(set(self.people) - {submitter}), members)
        need(any(possible(s) for s in rule["submitters"]), "a quorum that nobody can meet")
        written = stages_of(rule["approvals"])
        if shared and len(written) == 1 and len(written[0]) >= 2 and all(n == 1 for _, n in written[0]):
            need(not set.intersection(*(members[g] for g, _ in written[0])), "one person alone")

    def load_separate(self, rule):
        separate = rule["separate"]
        once(separate, 2, 4, "separate")
        need(set(separate) <= set(DUTIES) and {"submitter", "approver"} & set(separate), "separate")
        if "submitter" in separate:
            for who in rule["submitters"]:
                need(not set(self.people[who]["roles"]) & (set(separate) - {"submitter"}), "submitter in another role")
        if "approver" in separate:
            for stage in stages_of(rule["approvals"]):
                for group, _ in stage:
                    for who in self.groups[group]["members"]:
                        need(not set(self.people[who]["roles"]) & (set(separate) - {"approver"}), "approver in another role")

    def load_provenance(self, p):
        once(p["builders"], 1, 256, "builders")
        need(set(p["builders"]) <= set(self.builders), "builders")
        for builder in p["builders"]:
            need(self.builders[builder].get("repositories"), "a builder that builds nothing")
            need(self.builders[builder].get("level", 0) >= p.get("level", 0), "level of the builder")
        need(0 <= p.get("level", 0) <= 3, "level")
        if "refs" in p:
            once(p["refs"], 1, 64, "refs")
        if "parameters" in p:
            need(1 <= len(p["parameters"]) <= 32 and all(k.startswith("/") for k in p["parameters"]), "parameters")
        if "dependencies" in p:
            uris = [d["uri"] for d in p["dependencies"]]
            need(1 <= len(uris) <= 32 and len(set(uris)) == len(uris), "dependencies")
        if "max_age_s" in p:
            need(60 <= p["max_age_s"] <= 31536000, "max_age_s")
        if "independent" in p:
            need(2 <= p["independent"] <= 8 and p["independent"] <= len(p["builders"]), "independent")

    def load_attestations(self, attestations):
        if attestations is None:
            return
        need(1 <= len(attestations) <= 8, "attestations")
        listed = [a["name"] for a in attestations]
        need(len(set(listed)) == len(listed), "attestations of one name")
        for a in attestations:
            once(a["predicates"], 1, 8, "predicates")
            once(a["builders"], 1, 256, "builders")
            need(set(a["builders"]) <= set(self.builders), "builders of an attestation")

    def load_limits(self, rule):
        limits = rule.get("limits")
        if limits is None:
            return
        need(limits, "limits without a member")
        need(not ("size_factor_percent" in limits and rule["approvals"] == "none"), "one more than none")
        for member, low, high in (("max_size", 1, 34359738368), ("size_factor_percent", 101, 100000)):
            if member in limits:
                need(low <= limits[member] <= high, member)
        for member in ("no_downgrade", "same_bytes"):
            need(limits.get(member, True) is True, member)
        if "signatures" in limits:
            s = limits["signatures"]
            need(1 <= s["count"] <= 1000 and 60 <= s["window_s"] <= 2678400, "signatures")

    def freeze_ok(self, freeze):
        need(("utc_offset" in freeze) != ("time_zone" in freeze), "one of offset and zone")
        need(1 <= len(freeze["windows"]) <= 64, "windows")
        try:
            zone = zone_of(freeze)
        except ValueError:
            raise Refused("time zone") from None
        if "time_zone" in freeze:
            name = freeze["time_zone"]["name"]
            need(ZONE_NAME.fullmatch(name) and len(name) <= 64, "name of a time zone")
        for w in freeze["windows"]:
            need(w["from"] < w["to"], "a window that ends before it begins")
            if "days" in w:
                once(w["days"], 1, 7, "days")
            else:
                first, last = zone.span(seconds_of(w["from"]), seconds_of(w["to"]))
                need(first < last, "a window that the clock jumps over")
        return True

    def load_promotion(self, rule):
        p = rule["promotion"]
        need(p["environment"] in ENVIRONMENTS, "promotion")
        need(ENVIRONMENTS.index(p["environment"]) < ENVIRONMENTS.index(rule["environment"]), "promotion from below")
        if "channels" in p:
            names(p["channels"], 1, 64)
        if "submitters" in p:
            names(p["submitters"], 1, 4096)
            need(set(p["submitters"]) <= set(self.people), "submitters of a promotion")
        need(0 <= p.get("soak_s", 0) <= 31536000, "soak_s")

    # --- rules against each other ---

    def load_administration(self, admin):
        need(admin["group"] in self.groups and 1 <= admin["count"] <= 16, "administration")
        members = [self.people[m] for m in self.groups[admin["group"]]["members"]]
        need(len(members) >= admin["count"], "too few administrators")
        need(all("administrator" in m["roles"] and m.get("approval_keys") for m in members), "no administrator")
        need(admin["count"] >= 2 or all(k["environment"] != "production" for k in self.doc["keys"]), "one person alone")

    def common(self, a, b):
        """Some product and channel that both rules are for."""
        ka, kb = first_key(self.doc, a), first_key(self.doc, b)
        return (set(products_of(a, ka)) & set(products_of(b, kb))) and (set(channels_of(a, ka)) & set(channels_of(b, kb)))

    def load_pairs(self):
        rules = self.doc["rules"]
        scopes = [(r, first_key(self.doc, r)) for r in rules]
        need(sum(len(products_of(r, k)) * len(channels_of(r, k)) for r, k in scopes) <= 65536, "pairs")
        for i, a in enumerate(rules):
            for b in rules[:i]:
                same = a.get("break_glass", False) == b.get("break_glass", False)
                shared = set(keys_of(a)) & set(keys_of(b))
                if shared:
                    need(signing(a) == signing(b), "one key, other keys beside it")
                if same and shared:
                    need(requirements(a) == requirements(b), "one key, two prices")
                if a["environment"] != b["environment"] or not self.common(a, b) or not hardware_meets(a, b):
                    continue
                if same:
                    need(specificity(a) != specificity(b), "two rules for one thing")
                else:
                    glass, plain = (a, b) if a.get("break_glass") else (b, a)
                    need(total(glass) > total(plain), "break glass for fewer people")


def frozen(value, order=False):
    """Hashable; lists as sets unless their order means something."""
    if isinstance(value, dict):
        return frozenset((k, frozen(v)) for k, v in value.items())
    if isinstance(value, list):
        return tuple(frozen(v) for v in value) if order else frozenset(frozen(v) for v in value)
    return (type(value).__name__, value)


def signing(rule):
    return frozenset(keys_of(rule)), rule["keys"]["threshold"] if "keys" in rule else 1


def requirements(rule):
    """What two rules of one key have to have in common."""
    approvals = rule["approvals"]
    asked = "none" if approvals == "none" else (
        tuple(frozenset(s) for s in stages_of(approvals)), approvals.get("shared", False), frozenset(approvals.get("veto", [])))
    provenance = rule["provenance"]
    if provenance != "none":
        provenance = frozen(dict({"level": 0}, **provenance))
    promotion = rule.get("promotion")
    if promotion is not None:
        promotion = frozen(dict({"soak_s": 0}, **promotion))
    attestations = frozenset(frozen(a) for a in rule.get("attestations", []))
    verified = approvals != "none" and approvals.get("user_verification", False)
    return asked, verified, provenance, promotion, attestations, frozenset(rule.get("separate", [])), rule.get("witnessed", False)


def load(doc, identity):
    try:
        Policy(doc, identity).load()
        return None
    except Refused as e:
        return str(e)
