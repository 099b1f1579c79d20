"""What has to hold whatever the policy says; each is asked of both, so that neither may break it alone.

- Without an approval nothing is allowed that was refused with it.
- With a further requirement nothing is allowed that was refused without it.
- New names for the principals change nothing.
- One person's keys never count twice.
- A request that names an environment is decided by its rules alone.
"""
import copy
import itertools
import json

from model_load import stages_of, total


def wrong(text, doc, facts):
    raise AssertionError(f"{text}\n{json.dumps(doc)}\n{json.dumps(facts)}")


def fewer_approvals(test, doc, cases):
    """One less, whichever, also of several by one person; and all of one person's."""
    for facts, allow, _ in cases:
        given = facts["approvals"]
        rest = [given[:i] + given[i + 1:] for i in range(len(given))]
        rest += [[a for a in given if a["principal"] != who] for who in sorted({a["principal"] for a in given})]
        for approvals in rest:
            less = dict(facts, approvals=approvals)
            if test.decide(doc, less)[0] and not allow:
                wrong(f"with less than these more is allowed: {json.dumps(approvals)}", doc, facts)


def one_of_each(approvals):
    """Every way to leave one approval for each person; a few of many."""
    people = sorted({a["principal"] for a in approvals})
    ways = itertools.product(*([i for i, a in enumerate(approvals) if a["principal"] == who] for who in people))
    for way in itertools.islice(ways, 65):
        yield [a for i, a in enumerate(approvals) if i in way]


def keys_count_once(test, doc, cases):
    """Each approval once more by another key of the same person, at once and later: no more is allowed than with some one of each
    person's. And somebody all alone."""
    people = {p["id"]: p for p in doc["principals"]}
    totals = {r["id"]: total(r) for r in doc["rules"]}
    for facts, _, _ in cases:
        again = []
        for a in facts["approvals"]:
            again.append(a)
            for key in people.get(a["principal"], {}).get("approval_keys", []):
                if a["key"] in [test.pool.key_id(k) for k in people[a["principal"]]["approval_keys"]]:
                    again.append(dict(a, key=test.pool.key_id(key), user_verified=True))
        late = facts["approvals"] + [dict(a, record=1000 + i) for i, a in enumerate(again) if a not in facts["approvals"]]
        for approvals in (again, late):
            ways = list(one_of_each(approvals))
            more = dict(facts, approvals=approvals)
            if test.decide(doc, more)[0] and len(ways) < 65 and not any(test.c.ask("facts", dict(facts, approvals=w))["allow"] for w in ways):
                wrong("one person's keys count twice", doc, more)
        alone(test, doc, facts, people, totals)


def alone(test, doc, facts, people, totals):
    able = sorted(p for p in people if people[p].get("approval_keys"))
    who = people[test.rng.choice(able)]
    keys = [test.pool.key_id(k) for k in who["approval_keys"]] * 3
    one = dict(facts, stage="signing", approvals=[{"principal": who["id"], "key": k, "record": 10 + i, "user_verified": True} for i, k in enumerate(keys)])
    verdict = test.c.ask("facts", one)
    counted = {f["check"]: f["ok"] for f in verdict["findings"]}
    if counted.get("approvals.count") and totals[verdict["rule"]] > 1:
        wrong(f"{who['id']} alone is a quorum", doc, one)


def renamed(test, doc, cases):
    new = {p["id"]: f"name.{i}" for i, p in enumerate(doc["principals"])}
    other = copy.deepcopy(doc)
    for person in other["principals"]:
        person["id"] = new[person["id"]]
    for group in other["groups"]:
        group["members"] = [new[m] for m in group["members"]]
    for rule in other["rules"]:
        rule["submitters"] = [new[s] for s in rule["submitters"]]
        if "submitters" in rule.get("promotion", {}):
            rule["promotion"]["submitters"] = [new[s] for s in rule["promotion"]["submitters"]]
    if not test.load(other):
        wrong("renaming made the policy invalid", other, None)
    for facts, allow, findings in cases:
        facts = copy.deepcopy(facts)
        if "submitter" in facts:
            facts["submitter"] = new.get(facts["submitter"], "nobody")
        for a in facts["approvals"]:
            a["principal"] = new[a["principal"]]
        facts["vetoes"] = [new[v] for v in facts.get("vetoes", [])]
        for e in facts["earlier"]:
            e["submitter"] = new.get(e["submitter"], "nobody")
        if test.decide(other, facts) != (allow, findings):
            wrong("renaming changed a verdict", other, facts)


# --- one requirement more: of each key, so that its rules go on asking the same ---

def one_more_person(test, doc, rule):
    stages = stages_of(rule["approvals"])
    if not stages:
        rule["approvals"] = {"group": doc["groups"][0]["id"], "count": 1}
        return
    asked = [[{"group": g, "count": n} for g, n in s] for s in stages]
    asked[len(asked) // 2][0]["count"] += 1
    write_stages(test, rule, asked)


def one_more_group(test, doc, rule):
    stages = stages_of(rule["approvals"])
    free = [g["id"] for g in doc["groups"] if g["id"] not in [x for x, _ in (stages or [[]])[0]] and g["id"] != "administrators"]
    if not stages or not free or not test.maker.features.has("approvals.of"):
        return
    asked = [[{"group": g, "count": n} for g, n in s] for s in stages]
    asked[0].append({"group": free[0], "count": 1})
    write_stages(test, rule, asked)


def one_more_stage(test, doc, rule):
    stages = stages_of(rule["approvals"])
    if stages and test.maker.features.has("approvals.stages"):
        write_stages(test, rule, [[{"group": g, "count": n} for g, n in s] for s in stages] + [[{"group": doc["groups"][0]["id"], "count": 1}]])


def write_stages(test, rule, asked):
    rest = {k: v for k, v in rule["approvals"].items() if k in ("shared", "veto", "user_verification")}
    if len(asked) == 1 and len(asked[0]) == 1:
        rule["approvals"] = dict(rest, **asked[0][0])
    elif len(asked) == 1:
        rule["approvals"] = dict(rest, of=asked[0])
    else:
        rule["approvals"] = dict(rest, stages=[{"of": s} for s in asked])


def not_shared(test, doc, rule):
    if rule["approvals"] != "none":
        rule["approvals"].pop("shared", None)


def verified(test, doc, rule):
    if rule["approvals"] != "none" and test.maker.features.has("approvals.user_verification"):
        rule["approvals"]["user_verification"] = True


def veto(test, doc, rule):
    if rule["approvals"] != "none" and test.maker.features.has("approvals.veto"):
        rule["approvals"]["veto"] = sorted(set(rule["approvals"].get("veto", [])) | {doc["groups"][0]["id"]})


def one_builder_less(test, doc, rule):
    p = rule["provenance"]
    if p == "none":
        rule["provenance"] = {"builders": [doc["builders"][0]["id"]]}
    elif len(p["builders"]) > 1:
        p["builders"] = sorted(p["builders"])[1:]


def one_submitter_less(test, doc, rule):
    rule["submitters"] = sorted(rule["submitters"])[1:] or rule["submitters"]


PROVENANCE = [("level", 3), ("refs", ["refs/tags/*"]), ("parameters", {"/debug": False}), ("dependencies", [{"uri": "pkg:deb/gcc@12"}]),
              ("max_age_s", 60), ("independent", 2)]
RULE = [("separate", ["submitter", "approver"]), ("attestations", None), ("limits", None), ("freeze", None), ("promotion", None)]


def with_provenance(member, value):
    def change(test, doc, rule):
        if rule["provenance"] != "none" and member not in rule["provenance"] and test.maker.features.has("provenance." + member):
            rule["provenance"][member] = copy.deepcopy(value)
    return change


def with_member(member):
    def change(test, doc, rule):
        if member in rule or not test.maker.features.has("rule." + member):
            return
        if member == "separate":
            rule[member] = ["submitter", "approver"]
        elif member == "attestations":
            rule[member] = [{"name": "x", "predicates": ["https://cyclonedx.org/bom"], "builders": [doc["builders"][0]["id"]]}]
        elif member == "limits":
            rule[member] = {k: v for k, v in {"max_size": 1000, "no_downgrade": True, "same_bytes": True}.items()
                            if test.maker.features.has("limits." + k)}
        elif member == "freeze":
            rule[member] = {"utc_offset": "+00:00", "windows": [{"days": ["mon", "wed", "fri"], "from": "06:00", "to": "18:00"}]}
        elif rule["environment"] != "development":
            rule[member] = {"environment": "development"}
    return change


CHANGES = [one_more_person, one_more_group, one_more_stage, not_shared, verified, veto, one_builder_less, one_submitter_less]
CHANGES += [with_provenance(m, v) for m, v in PROVENANCE] + [with_member(m) for m, _ in RULE]


def stricter(test, doc, cases):
    """The loader may refuse it: then there is nothing to ask."""
    for change in test.rng.sample(CHANGES, 5):
        strict = copy.deepcopy(doc)
        for rule in strict["rules"]:
            change(test, strict, rule)
        if strict == doc or not test.load(strict):
            continue
        for facts, allow, _ in cases:
            if test.decide(strict, facts)[0] and not allow:
                wrong(f"a requirement more allows more ({getattr(change, '__name__', change)})", strict, facts)


def environments(test, doc, cases):
    """Naming the environment of the rule that decides changes nothing; naming one keeps all others away."""
    of = {r["id"]: r["environment"] for r in doc["rules"]}
    for facts, allow, findings in cases:
        decided = test.c.ask("facts", facts)["rule"]
        if decided and test.decide(doc, dict(facts, environment=of[decided])) != (allow, findings):
            wrong("naming the environment changed a verdict", doc, facts)
        for environment in ("development", "staging", "production"):
            rule = test.c.ask("facts", dict(facts, environment=environment))["rule"]
            if rule and of[rule] != environment:
                wrong(f"a rule for {of[rule]} decides about {environment}", doc, facts)


def check(test, doc, cases):
    """doc is loaded on entry; on return something else may be."""
    fewer_approvals(test, doc, cases)
    keys_count_once(test, doc, cases)
    environments(test, doc, cases)
    stricter(test, doc, cases)
    renamed(test, doc, cases)
