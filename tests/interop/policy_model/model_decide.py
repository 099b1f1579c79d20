"""What a policy decides: the second half of the model, from docs/formats/policy.md alone.

evaluate(doc, facts, identity, key_ids) gives (allow, [(check, ok)], rule id). Absence of a fact is a refusal.
"""
import itertools
import re

from model_load import (APPROVALS_MAX, Policy, assignable, channels_of, covers, first_key, keys_of, one_more, products_of, seconds_of, specificity,
                        stages_of, zone_of)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AHEAD_S = 300  # a build may seem to finish so much after its submission


def match(policy, facts):
    """The rule, or None."""
    product, channel = facts.get("product"), facts.get("channel")
    glass = facts.get("break_glass") is not None
    candidates = []
    for rule in policy.doc["rules"]:
        key = first_key(policy.doc, rule)
        if (product in products_of(rule, key) and channel in channels_of(rule, key) and rule.get("break_glass", False) == glass
                and facts.get("environment", rule["environment"]) == rule["environment"]):
            candidates.append(rule)
    for level in sorted({specificity(r) for r in candidates}, reverse=True):
        some, all_of_it = [], []
        for rule in (r for r in candidates if specificity(r) == level):
            covered = [covers(rule["hardware"], h["model"], h["revision"]) for h in facts.get("hardware", [])] if "hardware" in rule else [True]
            if covered and all(covered):
                all_of_it.append(rule)
            elif any(covered):
                some.append(rule)
        if some or len(all_of_it) > 1:
            return None
        if all_of_it:
            return all_of_it[0]
    return None


# --- provenance and attestations ---

def ref_matches(pattern, ref):
    return re.fullmatch("".join("[^/]*" if c == "*" else re.escape(c) for c in pattern), ref, re.S) is not None


def same_scalar(a, b):
    return type(a) is type(b) and a == b


def no_doubt(policy, rule, facts, statement):
    """The builder whose statement holds everything but the subjects, or None."""
    p = rule["provenance"]
    for builder_id in p["builders"]:
        builder = policy.builders[builder_id]
        sources = statement["sources"]
        if (policy.key(statement["key"]) in [policy.key(k) for k in builder["keys"]]
                and statement["builder"] == builder_id
                and facts["product"] in builder["products"]
                and sources and all(s["repository"] in builder.get("repositories", []) for s in sources)
                and builder.get("level", 0) >= p.get("level", 0)
                and refs_hold(p, sources) and parameters_hold(p, statement) and dependencies_hold(p, statement)
                and age_holds(p, facts, statement)):
            return builder_id
    return None


def refs_hold(p, sources):
    return "refs" not in p or all(any(ref_matches(r, s.get("ref", "")) for r in p["refs"]) for s in sources)


def parameters_hold(p, statement):
    have = statement.get("parameters", {})
    return all(k in have and same_scalar(have[k], v) for k, v in p.get("parameters", {}).items())


def dependencies_hold(p, statement):
    have = statement.get("dependencies", [])
    return all(any(h["uri"] == d["uri"] and ("sha256" not in d or h.get("sha256") == d["sha256"]) for h in have)
               for d in p.get("dependencies", []))


def age_holds(p, facts, statement):
    if "max_age_s" not in p:
        return True
    finished, submitted = statement.get("finished_s", 0), facts.get("submitted_s", 0)
    if not finished or not submitted:
        return False
    return finished <= submitted + AHEAD_S and submitted - finished <= p["max_age_s"]


def provenance_findings(policy, rule, facts):
    p = rule["provenance"]
    if p == "none":
        return [("provenance.builder", True), ("provenance.subjects", True)]
    trusted = [(no_doubt(policy, rule, facts, s), s) for s in facts.get("provenance", []) if s is not None]
    trusted = [(b, s) for b, s in trusted if b is not None]
    artifacts = set(facts.get("artifacts", []))
    exact = {b for b, s in trusted if artifacts and set(s["subjects"]) == artifacts}
    findings = [("provenance.builder", bool(trusted)), ("provenance.subjects", bool(exact))]
    if "independent" in p:
        findings.append(("provenance.independent", len(exact) >= p["independent"]))
    return findings


def attests(policy, facts, demanded, fact):
    if fact is None or fact["predicate"] not in demanded["predicates"]:
        return False
    if "result" in demanded and fact.get("result") != demanded["result"]:
        return False
    for builder_id in demanded["builders"]:
        builder = policy.builders[builder_id]
        if (policy.key(fact["key"]) in [policy.key(k) for k in builder["keys"]]
                and facts["product"] in builder["products"]):
            return True
    return False


def attestation_findings(policy, rule, facts):
    findings = []
    artifacts = set(facts.get("artifacts", []))
    for demanded in rule.get("attestations", []):
        good = [f for f in facts.get("attestations", []) if attests(policy, facts, demanded, f)]
        findings.append(("attestation.present", bool(artifacts) and all(any(a in f["subjects"] for f in good) for a in artifacts)))
    return findings


# --- history and limits ---

def is_fresh(facts):
    artifacts = facts.get("artifacts", [])
    if not artifacts or not facts.get("version"):
        return False
    return not any(p["artifact"] in artifacts
                   and (p.get("product"), p.get("version")) != (facts["product"], facts["version"])
                   for p in facts.get("prior", []))


def numbers(version):
    """Up to four dotted decimals at the start of a version, missing ones are 0; None where there are none."""
    m = re.match(r"(\d+(?:\.\d+){0,3})", version or "")
    if m is None:
        return None
    found = [int(n) for n in m.group(1).split(".")]
    return tuple(found + [0] * (4 - len(found)))


def order_holds(facts):
    last = facts.get("last")
    if last is None:
        return True
    new, old = numbers(facts.get("version")), numbers(last.get("version"))
    if new is None or old is None:
        return False
    return new >= old and facts.get("rollback_floor", 0) >= last.get("rollback_floor", 0)


def size_changed(rule, facts):
    percent = rule.get("limits", {}).get("size_factor_percent")
    last = facts.get("last")
    if percent is None or last is None:
        return False
    size, before = facts.get("size", 0), last.get("size", 0)
    return not size or not before or size * 100 > before * percent or before * 100 > size * percent


def history_findings(rule, facts):
    limits = rule.get("limits", {})
    artifacts = set(facts.get("artifacts", []))
    findings = [("artifact.fresh", is_fresh(facts))]
    if limits.get("same_bytes"):
        same = all(set(s) == artifacts for s in facts.get("same_version", []))
        findings.append(("version.bytes", bool(artifacts) and same))
    if limits.get("no_downgrade"):
        findings.append(("version.order", order_holds(facts)))
    if "max_size" in limits:
        findings.append(("size.max", 0 < facts.get("size", 0) <= limits["max_size"]))
    if "promotion" in rule:
        findings.append(("promotion.released", promoted(rule["promotion"], facts)))
    return findings


def promoted(p, facts):
    artifacts = set(facts.get("artifacts", []))
    for e in facts.get("earlier", []):
        if (artifacts and e["product"] == facts["product"] and e["environment"] == p["environment"]
                and ("channels" not in p or e["channel"] in p["channels"])
                and ("submitters" not in p or e["submitter"] in p["submitters"])
                and set(e["artifacts"]) == artifacts and soaked(p, facts, e)):
            return True
    return False


def soaked(p, facts, earlier):
    if facts.get("stage") == "submission":
        return True
    now = facts.get("now_s", 0)
    return bool(now) and now - earlier["signed_s"] >= p.get("soak_s", 0)


# --- approvals ---

class Quorum:
    def __init__(self, policy, rule, facts, key_ids):
        self.members = policy.members()
        self.shared = rule["approvals"] != "none" and rule["approvals"].get("shared", False)
        self.verified = rule["approvals"] != "none" and rule["approvals"].get("user_verification", False)
        self.stages = stages_of(rule["approvals"])
        if size_changed(rule, facts):
            self.stages = one_more(self.stages)
        self.own = False
        self.given = []  # (person, record)
        self.gather(policy, facts, key_ids)
        self.stands = rule["approvals"] == "none" or any(self.walk(c) for c in self.choices())

    def gather(self, policy, facts, key_ids):
        asked = set().union(*(self.members[g] for stage in self.stages for g, _ in stage)) if self.stages else set()
        for a in sorted(facts.get("approvals", []), key=lambda a: a.get("record", 0)):
            person = policy.people.get(a.get("principal"))
            key = next((k for k in (person or {}).get("approval_keys", []) if key_ids(k) == a["key"]), None)
            if key is None:
                continue
            if person["id"] == facts.get("submitter"):
                self.own = True
                continue
            if "approver" not in person["roles"] or person["id"] not in asked:
                continue
            if not a.get("user_verified") if key.get("user_verification") else self.verified:
                continue
            one = (person["id"], a.get("record", 0))
            if one not in self.given and len(self.given) < APPROVALS_MAX:
                self.given.append(one)

    def choices(self):
        """Every way to take one approval of each person."""
        people = sorted({p for p, _ in self.given})
        for records in itertools.product(*([r for p, r in self.given if p == who] for who in people)):
            yield sorted(zip(people, records), key=lambda c: c[1])

    def met(self, stage, people):
        if self.shared:
            return all(len(self.members[g] & set(people)) >= n for g, n in stage)
        return assignable(stage, people, self.members)

    def walk(self, pool):
        for stage in self.stages:
            length = next((n for n in range(1, len(pool) + 1) if self.met(stage, [p for p, _ in pool[:n]])), None)
            if length is None:
                return False
            stood = pool[length - 1][1]
            pool = [(p, r) for p, r in pool if r > stood]
        return True


def vetoed(policy, rule, facts):
    """By a member of an approving group, or of one that may veto."""
    groups = set(rule["approvals"]["veto"]) | {g for stage in stages_of(rule["approvals"]) for g, _ in stage}
    members = policy.members()
    return any(v in members[g] for v in facts.get("vetoes", []) for g in groups)


def approval_findings(policy, rule, facts, key_ids):
    if rule["approvals"] == "none":
        return [("approvals.count", True)]
    q = Quorum(policy, rule, facts, key_ids)
    findings = [("approvals.count", q.stands)]
    if "veto" in rule["approvals"]:
        findings.append(("approvals.veto", not vetoed(policy, rule, facts)))
    if q.own:
        findings.append(("approvals.submitter", q.stands))
    return findings


# --- time ---

def signatures_hold(s, facts):
    now = facts.get("now_s", 0)
    return bool(now) and sum(t > now - s["window_s"] for t in facts.get("signed_at", [])) < s["count"]


def local_text(seconds):
    """Days since 1970 and "HH:MM" of a local time; dates as in windows."""
    days, rest = divmod(seconds, 86400)
    return days, f"{rest // 3600:02d}:{rest % 3600 // 60:02d}"


def frozen(w, zone, now):
    if "days" not in w:
        first, last = zone.span(seconds_of(w["from"]), seconds_of(w["to"]))
        return first <= now < last
    days, clock = local_text(now + zone.offset(now))
    return DAYS[(days + 3) % 7] in w["days"] and w["from"] <= clock < w["to"]  # 1970-01-01 was a Thursday


def freeze_holds(freeze, facts):
    now = facts.get("now_s", 0)
    return bool(now) and not any(frozen(w, zone_of(freeze), now) for w in freeze["windows"])


# --- all of it ---

def duties_hold(policy, rule, facts):
    person = policy.people.get(facts.get("submitter"))
    if person is None:
        return False
    return "submitter" not in rule["separate"] or not set(person["roles"]) & (set(rule["separate"]) - {"submitter"})


def evaluate(doc, facts, identity, key_ids):
    """key_ids: key object -> key id, hex."""
    policy = Policy(doc, identity)
    rule = match(policy, facts)
    if rule is None:
        return False, [("rule.match", False)], ""
    findings = [("rule.match", True)]
    if rule.get("break_glass"):
        findings.append(("break_glass.reason", 1 <= len(facts["break_glass"].encode()) <= 500))
    findings.append(("submitter.allowed", facts.get("submitter") in rule["submitters"]))
    if "separate" in rule:
        findings.append(("duty.separation", duties_hold(policy, rule, facts)))
    own = [key_ids(policy.keys[k]["public_key"]) for k in keys_of(rule)]
    findings.append(("key.separation", "key" not in facts or [facts["key"]] == own))
    findings += provenance_findings(policy, rule, facts)
    findings += attestation_findings(policy, rule, facts)
    findings += history_findings(rule, facts)
    if facts.get("stage") != "submission":
        findings += approval_findings(policy, rule, facts, key_ids)
        if "signatures" in rule.get("limits", {}):
            findings.append(("signatures.window", signatures_hold(rule["limits"]["signatures"], facts)))
        if "freeze" in rule:
            findings.append(("freeze.window", freeze_holds(rule["freeze"], facts)))
    return all(ok for _, ok in findings), findings, rule["id"]
