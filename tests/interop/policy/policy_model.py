"""A second implementation of docs/formats/policy.md, written from that text alone and for clarity, not speed.

load(doc) gives None, or why the document is refused. evaluate(doc, facts) gives (allow, [(check, ok)], rule id).
Documents are already parsed JSON; keys are compared by raw value, which a table of the caller's gives.
"""
import re

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
ENVIRONMENTS = ("development", "staging", "production")
TOP = {"version", "name", "vendor_domain", "principals", "groups", "builders", "keys", "rules", "administration"}


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


def names(values, low, high):
    need(isinstance(values, list) and low <= len(values) <= high, "length of a list")
    need(all(isinstance(v, str) and NAME.fullmatch(v) for v in values), "a name")
    need(len(set(values)) == len(values), "an element twice")


class Policy:
    """identity: maps a key object's text to (algorithm, raw value), or None where it is no valid key."""

    def __init__(self, doc, identity):
        self.doc = doc
        self.identity = identity
        self.people = {p["id"]: p for p in doc["principals"]}
        self.groups = {g["id"]: g for g in doc.get("groups", [])}
        self.builders = {b["id"]: b for b in doc.get("builders", [])}
        self.keys = {k["id"]: k for k in doc["keys"]}

    def key(self, obj):
        return self.identity(obj)

    def load(self):
        need(set(self.doc) <= TOP and self.doc["version"] == 1, "top")
        self.load_ids()
        self.load_keys()
        self.load_credentials()
        self.load_references()
        self.load_case()
        for rule in self.doc["rules"]:
            self.load_rule(rule)
        if "administration" in self.doc:
            self.load_administration(self.doc["administration"])
        self.load_pairs()

    def load_ids(self):
        for section in ("principals", "groups", "builders", "keys", "rules"):
            distinct([x["id"] for x in self.doc.get(section, [])], section)
        for person in self.doc["principals"]:
            need(person["roles"] and len(set(person["roles"])) == len(person["roles"]), "roles")

    def load_keys(self):
        seen = []
        for person in self.doc["principals"]:
            seen += person.get("submit_keys", []) + person.get("approval_keys", [])
        for builder in self.doc.get("builders", []):
            seen += builder["keys"]
            need(not any("ssh" in k and k["ssh"].startswith("sk-") for k in builder["keys"]), "sk- builder")
        for key in self.doc["keys"]:
            need("pem" in key["public_key"] and self.key(key["public_key"])[0] == "p256", "release key")
            seen.append(key["public_key"])
        identities = [self.key(k) for k in seen]
        need(None not in identities, "a key that is none")
        need(len(set(identities)) == len(identities), "a key twice")

    def load_credentials(self):
        every = [c for p in self.doc["principals"] for c in p.get("credentials", [])]
        distinct([list(c.values())[0] for c in every], "credentials")

    def load_references(self):
        for group in self.groups.values():
            names(group["members"], 1, 4096)
            need(all(m in self.people for m in group["members"]), "member nobody defines")

    def load_case(self):
        doc = self.doc
        holders = doc.get("builders", []) + doc["keys"] + doc["rules"]
        for holder in holders:
            names(holder["products"], 1, 1024)
        one_case([p for h in holders for p in h["products"]], "products")
        for holder in doc["keys"] + doc["rules"]:
            names(holder["channels"], 1, 64)
        one_case([c for h in doc["keys"] + doc["rules"] for c in h["channels"]], "channels")

    def load_rule(self, rule):
        need(rule["environment"] in ENVIRONMENTS and rule["key"] in self.keys, "environment, key")
        key = self.keys[rule["key"]]
        need(key["environment"] == rule["environment"], "environment of the key")
        need(set(rule["products"]) <= set(key["products"]), "products of the key")
        need(set(rule["channels"]) <= set(key["channels"]), "channels of the key")
        names(rule["submitters"], 1, 4096)
        for who in rule["submitters"]:
            need(who in self.people and "submitter" in self.people[who]["roles"], "submitter")
        need(60 <= rule.get("approval_ttl_s", 604800) <= 7776000, "ttl")
        for member in ("approvals", "provenance"):
            if rule[member] == "none":
                need(rule["environment"] == "development", "none")
        if rule["approvals"] != "none":
            self.load_approvals(rule["approvals"])
            members = set(self.groups[rule["approvals"]["group"]]["members"])
            need(any(len(members - {s}) >= rule["approvals"]["count"] for s in rule["submitters"]), "nobody is left")
        if rule["provenance"] != "none":
            used = rule["provenance"]["builders"]
            need(used and len(set(used)) == len(used) and set(used) <= set(self.builders), "builders")

    def load_approvals(self, approvals):
        need(approvals["group"] in self.groups and 1 <= approvals["count"] <= 32, "approvals")
        members = self.groups[approvals["group"]]["members"]
        need(len(members) >= approvals["count"], "group too small")
        for who in members:
            need("approver" in self.people[who]["roles"], "member is no approver")
            need(self.people[who].get("approval_keys"), "member without key")

    def load_administration(self, admin):
        need(admin["group"] in self.groups and 1 <= admin["count"] <= 16, "administration")
        members = [self.people[m] for m in self.groups[admin["group"]]["members"]]
        need(len(members) >= admin["count"], "too few administrators")
        need(all("administrator" in m["roles"] and m.get("approval_keys") for m in members), "no administrator")
        need(admin["count"] >= 2 or all(k["environment"] != "production" for k in self.doc["keys"]), "one person alone")

    def load_pairs(self):
        rules = self.doc["rules"]
        pairs = [(p, c) for r in rules for p in r["products"] for c in r["channels"]]
        need(len(set(pairs)) == len(pairs) <= 65536, "two rules for one product and channel")
        for a in rules:
            for b in rules:
                if a["key"] == b["key"]:
                    need(requirements(a) == requirements(b), "one key, two prices")


def requirements(rule):
    approvals, provenance = rule["approvals"], rule["provenance"]
    return (approvals if approvals == "none" else (approvals["group"], approvals["count"]),
            provenance if provenance == "none" else frozenset(provenance["builders"]))


def load(doc, identity):
    try:
        Policy(doc, identity).load()
        return None
    except Refused as e:
        return str(e)


def provenance_findings(policy, rule, facts):
    if rule["provenance"] == "none":
        return [("provenance.builder", True), ("provenance.subjects", True)]
    trusted = []
    for statement in facts.get("provenance", []):
        if statement is None:
            continue
        for builder_id in rule["provenance"]["builders"]:
            builder = policy.builders[builder_id]
            sources = [s["repository"] for s in statement["sources"]]
            if (policy.key(statement["key"]) in [policy.key(k) for k in builder["keys"]]
                    and statement["builder"] == builder_id
                    and facts["product"] in builder["products"]
                    and sources and set(sources) <= set(builder["repositories"])):
                trusted.append(statement)
    artifacts = set(facts.get("artifacts", []))
    exact = [s for s in trusted if artifacts and set(s["subjects"]) == artifacts]
    return [("provenance.builder", bool(trusted)), ("provenance.subjects", bool(exact))]


def is_fresh(facts):
    artifacts = facts.get("artifacts", [])
    if not artifacts or not facts.get("version"):
        return False
    return not any(p["artifact"] in artifacts
                   and (p.get("product"), p.get("version")) != (facts["product"], facts["version"])
                   for p in facts.get("prior", []))


def approval_findings(policy, rule, facts, key_ids):
    if rule["approvals"] == "none":
        return [("approvals.count", True)]
    people = set()
    own = False
    for approval in facts.get("approvals", []):
        person = policy.people.get(approval.get("principal"))
        if person is None:
            continue
        if approval["key"] not in [key_ids(k) for k in person.get("approval_keys", [])]:
            continue
        if person["id"] == facts.get("submitter"):
            own = True
            continue
        if "approver" in person["roles"] and person["id"] in policy.groups[rule["approvals"]["group"]]["members"]:
            people.add(person["id"])
    enough = len(people) >= rule["approvals"]["count"]
    return [("approvals.count", enough)] + ([("approvals.submitter", enough)] if own else [])


def evaluate(doc, facts, identity, key_ids):
    """key_ids: key object -> key id, hex."""
    policy = Policy(doc, identity)
    matching = [r for r in doc["rules"]
                if facts.get("product") in r["products"] and facts.get("channel") in r["channels"]]
    if len(matching) != 1:
        return False, [("rule.match", False)], ""
    rule = matching[0]
    submitter = facts.get("submitter")
    key = policy.keys[rule["key"]]
    findings = [("rule.match", True),
                ("submitter.allowed", submitter in rule["submitters"]),
                ("key.separation", facts.get("key") in (None, key_ids(key["public_key"])))]
    findings += provenance_findings(policy, rule, facts)
    findings.append(("artifact.fresh", is_fresh(facts)))
    if facts.get("stage") != "submission":
        findings += approval_findings(policy, rule, facts, key_ids)
    return all(ok for _, ok in findings), findings, rule["id"]
