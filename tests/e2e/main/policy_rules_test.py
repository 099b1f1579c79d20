"""The rules of a policy that asks for much, over the real service: stages, groups, vetoes, break glass, provenance,
bills of materials, promotion, limits, freeze windows, and what the log then says."""

import json
import os
import time

import e2e_lib as e

SOAK_S = 3
BOM = "https://cyclonedx.org/bom"


class Strict(e.Cast):
    def policy(self):
        doc = super().policy()
        doc["groups"] += [{"id": "testers", "members": ["dave"]}, {"id": "managers", "members": ["alice", "bob", "carol"]},
                          {"id": "security", "members": ["carol", "ivan"]}, {"id": "watch", "members": ["gina"]}]
        stable, brief = doc["rules"][0], doc["rules"][-1]
        for rule in (stable, brief):
            rule["submitters"] = ["ci-edge"]
            rule["approvals"] = {"stages": [{"group": "testers", "count": 1},
                                            {"of": [{"group": "managers", "count": 1}, {"group": "security", "count": 1}]}],
                                 "veto": ["watch"]}
            rule["provenance"] = {"builders": [e.BUILDER], "refs": ["refs/tags/*"], "parameters": {"/target": "release"}}
            rule["attestations"] = [{"name": "sbom", "predicates": [BOM], "builders": [e.BUILDER]}]
            rule["promotion"] = {"environment": "development", "channels": ["nightly"], "soak_s": SOAK_S}
        stable["limits"] = {"max_size": 50000, "size_factor_percent": 150, "no_downgrade": True, "same_bytes": True,
                            "signatures": {"count": 3, "window_s": 86400}}
        brief["freeze"] = {"utc_offset": "+01:00", "windows": [
            {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00"}]}
        brief["limits"] = {"same_bytes": True}
        special = json.loads(json.dumps(stable))
        special.update(id="special", hardware=["er-999"])
        emergency = {k: stable[k] for k in ("products", "channels", "environment", "key", "submitters")}
        emergency.update(id="emergency", break_glass=True, approvals={"group": "release-managers", "count": 4},
                         provenance={"builders": [e.BUILDER]})
        twins = [dict(json.loads(json.dumps(stable)), id="twin", channels=["twin"]),
                 dict(next(r for r in doc["rules"] if r["id"] == "nightly"), id="twin-desk", channels=["twin"])]
        for key in doc["keys"]:
            key["channels"].append("twin")
        doc["rules"] += [special, emergency] + twins
        return doc

    def ceremony_config(self):
        doc = super().ceremony_config()
        for key in doc["release_keys"]:
            key["channels"].append("twin")
        return doc

    def sbom(self, data, predicate=BOM):
        doc = {"_type": "https://in-toto.io/Statement/v1", "predicateType": predicate, "predicate": {},
               "subject": [{"name": "firmware.bin", "digest": {"sha256": e.sha256(data)}}]}
        return e.dsse("application/vnd.in-toto+json", json.dumps(doc).encode(), self.builder_key)

    def evidence(self, data, ref="refs/tags/v1"):
        return [self.provenance({"firmware.bin": e.sha256(data)}, ref=ref), self.sbom(data)]

    def nightly(self, data, version):
        """Signed in development, as a promotion wants it."""
        release, _ = self.new(data=data, version=version, channel="nightly")
        r = self.sign(release)
        if r.status != 200:
            raise RuntimeError("nightly: %r" % r)

    def refused(self, data, version, **kw):
        kw.setdefault("attestation", self.evidence(data))
        return self.post("/v1/releases", "ci-edge", self.submission(data=data, version=version, **kw))

    def by(self, release, statement, who):
        body = {"dave": lambda: e.dsse(e.APPROVAL, statement, self.dave),
                "ivan": lambda: e.ssh_document(statement, self.ivan.sign("hallmark-approval", statement))}.get(who)
        return self.approve(release, statement, who, body=body() if body else None)

    def all_by(self, release, statement, *people):
        return [self.by(release, statement, who).status for who in people]

    def state(self, release):
        return self.settled("/v1/releases/" + release)["state"]


def stages(lab, rows):
    data = lab.firmware(2000)
    lab.nightly(data, "1.0.0")
    for what, kw, check in (("no bill of materials", {"attestation": None}, "attestation.present"),
                            ("a build of a branch", {"attestation": lab.evidence(data, "refs/heads/main")}, "provenance.builder"),
                            ("a bill of materials of other bytes",
                             {"attestation": [lab.evidence(data)[0], lab.sbom(b"x")]}, "attestation.present"),
                            ("hardware of two rules", {"hardware": [{"model": "er-100", "revision": "b"},
                                                                    {"model": "er-999", "revision": "z"}]}, "rule.match")):
        r = lab.refused(data, "1.0.0", **kw)
        rows.equal("%s is refused" % what, (r.says(), r.failed()[:1]), ((403, "policy"), [check]), r)
    other = lab.firmware(2000)
    r = lab.refused(other, "1.0.1")
    rows.equal("bytes that were never in development are refused", (r.says(), r.failed()), ((403, "policy"), ["promotion.released"]), r)
    release, statement = lab.new(data=data, version="1.0.0", attestation=lab.evidence(data))
    r = lab.by(release, statement, "carol")
    rows.equal("an approval before its stage is refused", r.says(), (403, "policy"), r)
    rows.equal("the first stage", lab.all_by(release, statement, "dave"), [201])
    rows.equal("the second stage, carol first", lab.all_by(release, statement, "carol"), [201])
    rows.equal("one of two groups is not enough", lab.state(release), "submitted")
    rows.equal("bob is a manager, so carol counts for security", lab.all_by(release, statement, "bob"), [201])
    rows.equal("the quorum stands", lab.state(release), "approved")
    r = lab.sign(release)
    for _ in range(20):
        if r.status == 200:
            break
        rows.row("until it has soaked, the release is held back", r.says() == (403, "policy")
                 and r.failed() == ["promotion.released"], r)
        time.sleep(SOAK_S)
        r = lab.sign(release)
    rows.equal("then it is signed", r.status, 200, r)


def limits(lab, rows):
    lower = lab.firmware(2000)
    lab.nightly(lower, "0.9.0")
    r = lab.refused(lower, "0.9.0")
    rows.equal("a lower version is refused", r.failed(), ["version.order"], r)
    large = lab.firmware(50001)
    lab.nightly(large, "1.1.0")
    r = lab.refused(large, "1.1.0")
    rows.equal("an image that is too large is refused", r.failed(), ["size.max"], r)
    r = lab.refused(lab.firmware(2000), "1.0.0", channel="brief")
    rows.row("the same version with other bytes is refused", "version.bytes" in r.failed(), r)
    grown = lab.firmware(3001)
    lab.nightly(grown, "1.2.0")
    release, statement = lab.new(data=grown, version="1.2.0", attestation=lab.evidence(grown))
    rows.equal("who was enough before", lab.all_by(release, statement, "dave", "carol", "bob"), [201, 201, 201])
    rows.equal("is not enough for one that grew by half", lab.state(release), "submitted")
    rows.equal("one more manager is", (lab.all_by(release, statement, "alice"), lab.state(release)), ([201], "approved"))
    time.sleep(SOAK_S + 1)
    r = lab.sign(release)
    rows.equal("and it is signed", r.status, 200, r)
    r = lab.by(release, statement, "ivan")
    rows.equal("a signed release takes no approval", r.says(), (409, "state"), r)


def vetoes(lab, rows):
    data = lab.firmware(3000)
    lab.nightly(data, "1.3.0")
    release, statement = lab.new(data=data, version="1.3.0", attestation=lab.evidence(data))
    no = lab.decision("rejection", release, statement)
    r = lab.post("/v1/releases/%s/rejection" % release, "frank", lab.by_certificate(no, "frank", e.REJECTION))
    rows.equal("somebody without a veto cannot reject", r.says(), (403, "forbidden"), r)
    r = lab.post("/v1/releases/%s/rejection" % release, "gina", lab.by_certificate(no, "gina", e.REJECTION))
    rows.equal("a group that approves nothing can veto", (r.status, lab.state(release)), (200, "rejected"), r)
    r = lab.by(release, statement, "dave")
    rows.equal("and nobody approves any more", r.says(), (409, "state"), r)


def break_glass(lab, rows):
    data, reason = lab.firmware(9000), "incident 4711: field units brick on every reboot"
    release, statement = lab.new(data=data, version="1.4.0", break_glass=reason)
    rows.row("the reason stands in the statement", b"\nbreak-glass %s\n" % reason.encode() in statement, statement)
    record = lab.record(int(release[1:]))
    rows.equal("the record says so", record.get("outcome"), "break-glass")
    found = lab.get("/v1/log/entries?outcome=break-glass").doc
    rows.row("everybody finds it", release in [x["record"].get("release") for x in found.get("entries", [])], found)
    rows.equal("three people are not enough", lab.all_by(release, statement, "alice", "bob", "carol"), [201] * 3)
    rows.equal("it is still open", lab.state(release), "submitted")
    rows.equal("four are", (lab.all_by(release, statement, "dave"), lab.state(release)), ([201], "approved"))
    r = lab.sign(release)
    rows.equal("signed without promotion, bill of materials or a look at its size", r.status, 200, r)
    for bad in ("", "a\nb", "x" * 501):
        r = lab.refused(lab.firmware(), "1.4.1", break_glass=bad)
        rows.equal("a reason of %d bytes" % len(bad), r.says(), (400, "malformed"), r)


def environments(lab, rows):
    """One product and channel in two environments: only the request says which is meant."""
    data = lab.firmware(9000)
    r = lab.refused(data, "1.4.5", channel="twin")
    rows.equal("no environment is named", (r.says(), r.failed()), ((403, "policy"), ["rule.match"]), r)
    rows.row("the verdict says what to do", "has to name its environment" in json.dumps(r.doc), r)
    r = lab.refused(data, "1.4.5", channel="twin", environment="staging")
    rows.equal("one without a rule", (r.says(), r.failed()), ((403, "policy"), ["rule.match"]), r)
    r = lab.refused(data, "1.4.5", channel="twin", environment="production")
    rows.equal("production asks what production asks", (r.says(), r.failed()), ((403, "policy"), ["promotion.released"]), r)
    r = lab.refused(data, "1.4.5", channel="stable", environment="development")
    rows.equal("a channel of production in development", r.failed(), ["rule.match"], r)
    for bad in ("Production", "", 1, ["production"]):
        r = lab.refused(data, "1.4.5", channel="twin", environment=bad)
        rows.equal("an environment %r" % (bad,), r.says(), (400, "malformed"), r)
    release, statement = lab.new(data=data, version="1.4.5", channel="twin", environment="development")
    rows.row("the statement names it", b"\nenvironment development\n" in statement, statement)
    rows.equal("and so does the record", lab.record(int(release[1:])).get("environment"), "development")
    r = lab.sign(release)
    rows.equal("development signs it", r.status, 200, r)


def held_back(lab, rows):
    data = lab.firmware(9000)
    lab.nightly(data, "1.5.0")
    release, statement = lab.new(data=data, version="1.5.0", channel="brief", attestation=lab.evidence(data))
    rows.equal("approving goes on in a freeze", lab.all_by(release, statement, "dave", "carol", "bob"), [201] * 3)
    time.sleep(SOAK_S + 1)
    r = lab.sign(release)
    rows.equal("signing does not", (r.says(), r.failed()), ((403, "policy"), ["freeze.window"]), r)
    rows.equal("the release only waits", lab.state(release), "approved")
    data = lab.firmware(9000)
    lab.nightly(data, "1.6.0")
    release, statement = lab.new(data=data, version="1.6.0", attestation=lab.evidence(data))
    rows.equal("a fourth release in a day", lab.all_by(release, statement, "dave", "carol", "bob"), [201] * 3)
    time.sleep(SOAK_S + 1)
    r = lab.sign(release)
    rows.equal("is one too many for the key", (r.says(), r.failed()), ((403, "policy"), ["signatures.window"]), r)


def main(lab, rows):
    stages(lab, rows)
    for part in (limits, vetoes, break_glass, environments, held_back):
        part(lab, rows)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Strict)
