"""The life of a release over HTTP: who may do what, when, and what the log then says."""

import json
import os
import threading
import time

import e2e_lib as e
import stopped
from e2e_lib import ORIGIN, dsse, field, sha256


class Life:
    def __init__(self, lab, rows):
        self.lab, self.rows = lab, rows

    def refused(self, name, answer, says, event=None, outcome=None, actor=None, failed=None):
        """A refusal: status and problem, the record it must have left (event None: none at all)."""
        if not self.rows.equal(name, answer.says(), says, answer):
            return
        if failed and not self.rows.equal(name + ": findings", answer.failed(), failed, answer):
            return
        if event is None:
            self.rows.row(name + ": no record", "index" not in answer.doc, answer)
            return
        if "index" not in answer.doc:
            self.rows.row(name + ": recorded", False, "no index in %r" % answer)
            return
        e.check_proof(answer.doc["proof"], self.vkey())
        r = self.lab.record(answer.doc["index"])
        found = (r["event"], r.get("outcome"), r.get("actor"))
        wanted = (event, outcome or found[1], actor or found[2])
        self.rows.equal(name + ": record %s" % event, found, wanted)

    def vkey(self):
        return e.read(self.lab.path("ceremony", "keys", "log.vkey")).decode()

    def quiet(self, name, answer, says):
        """Refused before anything was authenticated: the log does not grow."""
        before = self.lab.size()
        a = answer()
        self.rows.equal(name, (a.says(), self.lab.size() - before, "index" in a.doc), (says, 0, False), a)

    # --- submission ---

    def submissions(self):
        lab, post = self.lab, lambda body, who="ci-edge", **kw: self.lab.post("/v1/releases", who, body, **kw)
        body = lab.submission()
        first = post(body, key="k1")
        self.rows.equal("submitted", first.says(), (201, ""), first)
        record = json.loads(e.check_proof(first.doc["proof"], self.vkey()))
        self.rows.equal("submitted: record and proof", (record["event"], record["actor"], "r%d" % record["idx"]),
                        ("release.submitted", "ci-edge", first.doc["release"]))
        size = lab.size()
        again = post(body, key="k1")
        same = {k: v for k, v in again.doc.items() if k != "proof"} == {k: v for k, v in first.doc.items() if k != "proof"}
        self.rows.row("same key, same body: same answer, no new record", again.status == 201 and same and lab.size() == size, again)
        self.quiet("same key, other body", lambda: post(lab.submission(), key="k1"), (422, "idempotency-mismatch"))
        self.quiet("request replayed without key", lambda: post(body), (409, "conflict"))
        self.quiet("request replayed under another key", lambda: post(body, key="k2"), (409, "conflict"))
        version = field(first.doc["statement"].encode(), "version")
        self.refused("same product, version, channel again", post(lab.submission(version)), (409, "conflict"),
                     "release.refused", "conflict", "ci-edge")
        bad = lab.submission(channel="unheard-of")
        one, two = post(bad, key="k3"), post(bad, key="k3")
        self.refused("unknown channel", one, (403, "policy"), "release.refused", "rule.match", failed=["rule.match"])
        self.rows.equal("the same refusal under the same key", (two.status, two.doc.get("index")), (403, one.doc["index"]), two)
        self.submitters(post)
        self.requests(post)
        self.provenances(post)

    def submitters(self, post):
        lab = self.lab
        self.quiet("approver without submitter role", lambda: post(lab.submission(), "bob"), (403, "forbidden"))
        self.quiet("certificate that the policy does not name", lambda: post(lab.submission(), "stranger"), (401, "unauthenticated"))
        self.quiet("no client certificate", lambda: post(lab.submission(), None), (401, "unauthenticated"))
        self.quiet("signed with a certificate of somebody without the role",
                   lambda: post(lab.submission(signer=lambda p: lab.by_certificate(p, "bob"))), (403, "signature"))
        self.quiet("signed with one key, certificate of another",
                   lambda: post(lab.submission(signer=lambda p: lab.by_certificate(p, "bob", certificate="ci-edge"))), (403, "signature"))
        ca = foreign_ca()
        lab.make_certificate("foreign", "spiffe://devices.example/ci-edge", ca=ca)
        self.quiet("signed with a certificate of another CA",
                   lambda: post(lab.submission(signer=lambda p: lab.by_certificate(p, "foreign"))), (403, "signature"))
        lab.make_certificate("old", "spiffe://devices.example/ci-edge", days=-1, start_hours=-48)
        self.quiet("signed with an expired certificate",
                   lambda: post(lab.submission(signer=lambda p: lab.by_certificate(p, "old"))), (403, "signature"))
        self.quiet("signed as another payload type",
                   lambda: post(lab.submission(signer=lambda p: lab.by_certificate(p, kind=e.REJECTION))), (403, "signature"))
        key = lambda p: dsse(e.REQUEST, p, lab.ci_dsse)  # noqa: E731
        r = post(lab.submission(signer=key), "ci-dsse")
        self.rows.equal("DSSE by a submit key, no certificate inside", r.says(), (201, ""), r)
        self.quiet("the same key, sent by somebody else", lambda: post(lab.submission(signer=key), "ci-edge"), (403, "signature"))
        ssh = lambda p: e.ssh_document(p, lab.ci_ssh.sign("hallmark-submit", p))  # noqa: E731
        r = post(lab.submission(signer=ssh), "ci-ssh")
        self.rows.equal("SSH by a submit key", r.says(), (201, ""), r)
        wrong = lambda p: e.ssh_document(p, lab.ci_ssh.sign("hallmark-approval", p))  # noqa: E731
        self.quiet("SSH in the namespace of approvals", lambda: post(lab.submission(signer=wrong), "ci-ssh"), (403, "signature"))
        self.quiet("an approver's SSH key as submit key",
                   lambda: post(lab.submission(signer=lambda p: lab.ssh_keygen("alice", "hallmark-submit", p)), "alice"), (403, "signature"))

    def requests(self, post):
        lab = self.lab
        self.refused("request that has expired", post(lab.submission(expires=e.after(-5))), (410, "expired"),
                     "release.refused", "expired", "ci-edge")
        self.quiet("request that lives longer than a day", lambda: post(lab.submission(expires=e.after(90000))), (400, "malformed"))
        self.quiet("request for another log", lambda: post(lab.submission(origin="hallmark.example/other")), (403, "signature"))
        self.refused("hardware that no trust store lists", post(lab.submission(hardware=[{"model": "er-999", "revision": "b"}])),
                     (403, "policy"), "release.refused", "device.class", failed=["device.class"])
        self.refused("region that no trust store lists", post(lab.submission(regions=["moon"])),
                     (403, "policy"), "release.refused", "device.class", failed=["device.class"])
        self.refused("dependency that was never signed",
                     post(lab.submission(dependencies=[{"product": "edge-radio", "version": "9.9.9"}])),
                     (403, "policy"), "release.refused", "dependency.signed", failed=["dependency.signed"])
        data = lab.firmware()
        self.quiet("artifact not uploaded", lambda: post(lab.submission(data=data, upload=False)), (409, "missing-artifact"))
        r = post(lab.submission(product="toaster"))
        self.refused("unknown product", r, (403, "policy"), "release.refused", "rule.match")
        self.quiet("size in the request is not the artifact's",
                   lambda: post(lab.submission(data=data, artifacts=[{"name": "firmware.bin", "sha256": sha256(data), "size": 7}])),
                   (400, "malformed"))

    def provenances(self, post):
        lab, n = self.lab, "release.refused"

        def case(name, check, files=None, also=(), **kw):
            data = lab.firmware()
            files = files(data) if files else {"firmware.bin": sha256(data)}
            a = post(lab.submission(data=data, attestation=lab.provenance(files, **kw)))
            self.refused("provenance: " + name, a, (403, "policy"), n, check, failed=[check, *also])

        both = ["provenance.subjects"]
        self.refused("provenance: none", post(lab.submission(attestation=False)), (403, "policy"), n, "provenance.builder")
        case("by an unknown key", "provenance.builder", also=both, key=e.ec.generate_private_key(e.ec.SECP256R1()))
        case("by a builder that the rule does not name", "provenance.builder", also=both, key=lab.other_builder, builder=e.BUILDER + "/other")
        case("another builder id than the key's", "provenance.builder", also=both, builder=e.BUILDER + "/other")
        case("another repository", "provenance.builder", also=both, repository="https://git.devices.example/other")
        case("another digest", "provenance.subjects", lambda d: {"firmware.bin": sha256(b"other")})
        case("two subjects", "provenance.subjects", lambda d: {"firmware.bin": sha256(d), "second.bin": sha256(b"other")})
        data, other = lab.firmware(), lab.firmware()
        mine, wrong = (lab.provenance({"firmware.bin": sha256(x)}) for x in (data, other))
        body = json.loads(lab.submission(data=data, attestation=mine))
        body["attestations"] = [wrong]
        self.quiet("attestation that the request does not name", lambda: post(json.dumps(body)), (403, "signature"))
        body["attestations"] = []
        self.quiet("fewer attestations than the request names", lambda: post(json.dumps(body)), (400, "malformed"))
        halves = [lab.provenance({"firmware.bin": sha256(data)}, repository="https://git.devices.example/other"), wrong]
        self.refused("provenance: two halves do not add up", post(lab.submission(data=data, attestation=halves)),
                     (403, "policy"), n, "provenance.subjects")

    # --- approvals ---

    def approvals(self):
        lab = self.lab
        release, st = lab.new()
        other, other_st = lab.new()
        doc = lambda key, ns="hallmark-approval", p=st, **kw: e.ssh_document(p, key.sign(ns, p, **kw))  # noqa: E731
        no = lambda name, answer, outcome, says=(403, "signature"), **kw: self.refused(  # noqa: E731
            "approval: " + name, answer, says, "approval.refused", outcome, **kw)
        no("wrong namespace", lab.approve(release, st, namespace="hallmark-submit"), "signature")
        no("over other bytes", lab.approve(release, st.replace(b"stable", b"nightly")), "signature")
        no("one byte more", lab.approve(release, st + b"\n"), "signature")
        no("of another release", lab.approve(release, other_st), "signature")
        no("by a key that nobody has", lab.approve(release, st, body=doc(e.SshKey("ssh-ed25519"))), "signature")
        no("by somebody outside the group", lab.approve(release, st, "gina", body=doc(lab.gina)), "approvals.count", (403, "policy"), actor="gina")
        no("by the submitter's key", lab.approve(release, st, "alice", body=doc(lab.ci_ssh)), "signature")
        no("by a security key without touch", lab.approve(release, st, "erin", body=doc(lab.erin, flags=0)), "signature")
        no("by a security key for another application", lab.approve(release, st, "erin", body=doc(lab.erin, application="ssh:evil")), "signature")
        no("by a P-256 key under another type", lab.approve(release, st, "dave", body=dsse(e.REJECTION, st, lab.dave)), "signature")
        no("DSSE by another P-256 key", lab.approve(release, st, "dave", body=dsse(e.APPROVAL, st, lab.ci_dsse)), "signature")
        bad = json.loads(lab.ssh_keygen("alice", "hallmark-approval", st))
        bad["payload"] = e.base64.b64encode(other_st).decode()
        no("payload swapped under the signature", lab.approve(release, st, body=json.dumps(bad)), "signature")
        self.quiet("approval: by a submitter", lambda: lab.approve(release, st, "ci-edge", body=doc(lab.gina)), (403, "forbidden"))
        self.quiet("approval: by an auditor", lambda: lab.approve(release, st, "audit", body=doc(lab.gina)), (403, "forbidden"))
        self.quiet("approval: for a release that does not exist", lambda: lab.approve("r0", st), (404, "not-found"))
        self.quiet("approval: for a release far away", lambda: lab.approve("r999999999", st), (404, "not-found"))
        r = lab.approve(release, st, "erin", body=doc(lab.erin))
        self.rows.equal("approval: sk-ssh-ed25519", (r.says(), r.doc.get("state")), ((201, ""), "submitted"), r)
        no("twice by one person", lab.approve(release, st, "erin", body=doc(lab.erin)), "conflict", (409, "conflict"), actor="erin")
        self.refused("sign before the quorum", lab.sign(release), (403, "policy"), "sign.refused", "approvals.count", failed=["approvals.count"])
        r = lab.approve(release, st, "frank", body=doc(lab.frank))
        self.rows.equal("approval: sk-ecdsa, quorum", (r.says(), r.doc.get("state")), ((201, ""), "approved"), r)
        no("after the quorum", lab.approve(release, st, "bob"), "state", (409, "state"))
        r = lab.sign(release)
        self.rows.equal("signed under two security keys", (r.says(), r.doc.get("state")), ((200, ""), "signed"), r)
        no("after it was signed", lab.approve(release, st, "carol"), "state", (409, "state"))
        r = lab.approve(other, other_st, "dave", body=dsse(e.APPROVAL, other_st, lab.dave))
        self.rows.equal("approval: P-256 in DSSE", r.says(), (201, ""), r)
        r = lab.approve(other, other_st, "ivan", body=doc(lab.ivan, p=other_st, hash_name="sha256"))
        self.rows.equal("approval: ecdsa-sha2-nistp256, sha256", r.says(), (201, ""), r)
        r = lab.sign(other)
        self.rows.equal("signed under P-256 keys", r.says(), (200, ""), r)
        self.own_release(doc, no)

    def own_release(self, doc, no):
        lab = self.lab
        release, st = lab.new("alice", signer=lambda p: lab.by_certificate(p, "alice"))
        no("by the submitter", lab.approve(release, st, "alice"), "approvals.submitter", (403, "policy"), actor="alice")
        for who in ("bob", "carol"):
            lab.approve(release, st, who)
        r = lab.sign(release)
        self.rows.equal("signed by two others", r.says(), (200, ""), r)

    # --- signing, ends ---

    def signing(self):
        lab = self.lab
        data = lab.firmware()
        release, st = lab.approved(data=data, version="50.0.0")
        first = lab.sign(release, key="s1")
        size = lab.size()
        record = json.loads(e.check_proof(first.doc["proof"], self.vkey()))
        intent = lab.record(record["intent"])
        self.rows.equal("signed: intention, then result", (intent["event"], intent["release"], record["event"], record["outcome"]),
                        ("sign.intended", release, "release.signed", "ok"))
        for name, again in (("same key", lab.sign(release, key="s1")), ("other key", lab.sign(release, key="s2")), ("no key", lab.sign(release))):
            self.rows.equal("sign twice, %s: the same record" % name, (again.status, again.doc.get("index"), again.doc.get("envelope"), lab.size()),
                            (200, first.doc["index"], first.doc["envelope"], size), again)
        post = lambda **kw: lab.post("/v1/releases", "ci-edge", lab.submission(data=data, **kw))  # noqa: E731
        self.refused("the same bytes as another version", post(version="50.0.1"), (403, "policy"), "release.refused", "artifact.fresh",
                     failed=["artifact.fresh"])
        self.refused("the same bytes as another product", post(version="50.0.0", product="edge-radio"), (403, "policy"),
                     "release.refused", "artifact.fresh", failed=["artifact.fresh"])
        r = lab.post("/v1/releases", "ci-edge", lab.submission(version="51.0.0", dependencies=[{"product": "edge-router", "version": "50.0.0"}]))
        self.rows.equal("dependency that was signed", r.says(), (201, ""), r)
        self.quiet("signature by an auditor", lambda: lab.sign(release, "audit"), (403, "forbidden"))
        self.quiet("signature of what does not exist", lambda: lab.sign("r1"), (404, "not-found"))
        older, _ = lab.approved(version="52.0.0")
        newer, _ = lab.approved(version="53.0.0")
        lab.sign(newer)
        r = lab.sign(older)
        self.refused("overtaken by a later release", r, (409, "superseded"), "release.superseded")
        self.rows.equal("overtaken: state", lab.settled("/v1/releases/" + older)["state"], "superseded")

    def ends(self):
        lab = self.lab
        post = lambda rel, what, who, body: lab.post("/v1/releases/%s/%s" % (rel, what), who, body)  # noqa: E731

        def signed(kind, rel, st, who, **over):
            return lab.ssh_keygen(who, "hallmark-submit", lab.decision(kind, rel, st, **over))

        rel, st = lab.new()
        other, other_st = lab.new()
        no = lambda name, a, outcome, says=(403, "signature"): self.refused(name, a, says, "request.refused", outcome)  # noqa: E731
        no("rejection for another release", post(rel, "rejection", "bob", signed("rejection", other, other_st, "bob")), "signature")
        no("rejection for another log", post(rel, "rejection", "bob", signed("rejection", rel, st, "bob", origin="x.example/y")), "signature")
        no("cancellation sent as rejection", post(rel, "rejection", "bob", signed("cancellation", rel, st, "bob")), "signature")
        no("rejection in the namespace of approvals",
           post(rel, "rejection", "bob", lab.ssh_keygen("bob", "hallmark-approval", lab.decision("rejection", rel, st))), "signature")
        approval = lab.ssh_keygen("bob", "hallmark-approval", st)
        no("an approval used as rejection", post(rel, "rejection", "bob", approval), "signature")
        gina = lab.gina.sign("hallmark-submit", lab.decision("rejection", rel, st))
        no("rejection by somebody outside the group",
           post(rel, "rejection", "gina", e.ssh_document(lab.decision("rejection", rel, st), gina)), "forbidden", (403, "forbidden"))
        self.quiet("rejection by the submitter", lambda: post(rel, "rejection", "ci-edge", lab.by_certificate(
            lab.decision("rejection", rel, st), kind=e.REJECTION)), (403, "forbidden"))
        cancel = lambda r, s, who, signer: post(r, "cancellation", who, lab.by_certificate(  # noqa: E731
            lab.decision("cancellation", r, s), signer, kind=e.CANCELLATION))
        no("cancellation by another submitter", cancel(rel, st, "ci-dsse", "ci-dsse"), "forbidden", (403, "forbidden"))
        r = post(rel, "rejection", "bob", signed("rejection", rel, st, "bob"))
        self.rows.equal("rejected by an approver", (r.says(), r.doc.get("state")), ((200, ""), "rejected"), r)
        self.refused("approval after the rejection", lab.approve(rel, st, "carol"), (409, "state"), "approval.refused", "state")
        no("rejection twice", post(rel, "rejection", "carol", signed("rejection", rel, st, "carol")), "state", (409, "state"))
        self.refused("signature after the rejection", lab.sign(rel), (409, "state"), "sign.refused", "state")
        r = cancel(other, other_st, "ci-edge", "ci-edge")
        self.rows.equal("cancelled by its submitter", (r.says(), r.doc.get("state")), ((200, ""), "cancelled"), r)
        third, third_st = lab.approved()
        r = post(third, "cancellation", "alice", signed("cancellation", third, third_st, "alice"))
        self.rows.equal("an approved one cancelled by an approver", (r.says(), r.doc.get("state")), ((200, ""), "cancelled"), r)
        fourth, fourth_st = lab.signed()
        no("cancelled after it was signed", cancel(fourth, fourth_st, "ci-edge", "ci-edge"), "state", (409, "state"))

    def by_client(self):
        """What the command line says where the service gives a stored answer, and what it asks before a release ends."""
        lab, rows = self.lab, self.rows
        lab.client_configs()
        rel, _ = lab.new()
        r = lab.cli("alice", "approve", rel, "--yes")
        rows.row("approved", r.out.startswith("recorded approval.recorded for %s: " % rel), r.out)
        r = lab.cli("bob", "reject", rel, "--reason", "held back", check=False)
        rows.row("nobody said yes to the rejection", r.returncode == 2 and "no terminal" in r.err, r.err)
        lab.cli("bob", "reject", rel, "--reason", "held back", "--yes")
        size = lab.size()
        r = lab.cli("alice", "approve", rel, "--yes")
        rows.row("approved again", r.out.startswith("recorded before, nothing new: approval.recorded for %s: " % rel)
                 and "\n%s is rejected now" % rel in r.out and lab.size() == size, r.out)

    # --- ETag, races ---

    def preconditions(self):
        lab = self.lab
        rel, st = lab.new()
        lab.settled("/v1/releases/" + rel)
        tag = lab.get("/v1/releases/" + rel).headers["etag"]
        self.rows.equal("ETag is the newest record", tag, '"%s"' % rel[1:])
        r = lab.approve(rel, st, "bob", If_Match=tag)
        self.rows.equal("approval with the right ETag", r.says(), (201, ""), r)
        self.quiet("approval with an old ETag", lambda: lab.approve(rel, st, "carol", If_Match=tag), (412, "precondition-failed"))
        r = lab.approve(rel, st, "carol", If_Match="*")
        self.rows.equal("approval with If-Match: *", r.says(), (201, ""), r)
        self.quiet("signature with an old ETag", lambda: lab.sign(rel, If_Match=tag), (412, "precondition-failed"))
        r = lab.sign(rel, If_Match=r.headers.get("etag", "absent"))
        self.rows.equal("signature with the ETag of the last answer", r.says(), (200, ""), r)

    def races(self):
        lab, results = self.lab, []
        for match in (True, False) * 4:
            rel, st = lab.new()
            lab.settled("/v1/releases/" + rel)
            tag = {"If_Match": '"%s"' % rel[1:]} if match else {}
            jobs = [lambda: lab.approve(rel, st, "bob", body=approval, **tag),
                    lambda: lab.post("/v1/releases/%s/cancellation" % rel, "ci-edge", cancellation, **tag)]
            approval = lab.ssh_keygen("bob", "hallmark-approval", st)
            cancellation = lab.by_certificate(lab.decision("cancellation", rel, st), kind=e.CANCELLATION)
            a, c = together(jobs)
            events = [r["event"] for r in lab.records(int(rel[1:])) if r.get("release") == rel]
            results.append(race_is_fair(match, a, c, events))
            if not results[-1]:
                self.rows.row("approve against cancel", False, "%r %r %r" % (a, c, events))
        self.rows.row("approve against cancel: one order, one loser (%d races)" % len(results), all(results))

    def parallel(self):
        lab = self.lab
        body = lab.submission()
        answers = together([lambda: lab.post("/v1/releases", "ci-edge", body, key="par")] * 8)
        kinds = sorted(set(a.says() for a in answers))
        one = set(a.doc.get("index") for a in answers if a.status == 201)
        self.rows.row("eight at once under one key: 201 (one record) or 409 in-flight",
                      set(kinds) <= {(201, ""), (409, "in-flight")} and len(one) == 1, answers)
        rel, st = lab.approved()
        answers = together([lambda: lab.sign(rel)] * 6)
        events = [r["event"] for r in lab.records(int(rel[1:])) if r.get("release") == rel]
        self.rows.row("six signatures at once: one intention, one result",
                      events.count("sign.intended") == 1 and events.count("release.signed") == 1, "%r %r" % (answers, events))
        answers = together([lambda b=lab.submission("77.0.0"): lab.post("/v1/releases", "ci-edge", b) for _ in range(5)])
        self.rows.row("five releases of one version at once: one is taken",
                      sorted(a.status for a in answers) == [201, 409, 409, 409, 409], answers)

    # --- expiry: begun early, looked at late ---

    def expiry_begin(self):
        self.brief, self.brief_st = self.lab.new(channel="brief")
        self.ready, self.ready_st = self.lab.approved(channel="brief")
        self.began = time.time()

    def expiry_end(self):
        lab = self.lab
        time.sleep(max(0, 62 - (time.time() - self.began)))
        self.refused("approval after the expiry", lab.approve(self.brief, self.brief_st, "bob"), (410, "expired"), "approval.refused", "expired")
        r = lab.sign(self.ready)
        self.refused("signature after the expiry", r, (410, "expired"), "sign.refused", "expired")
        events = [x["event"] for x in lab.records(int(self.ready[1:])) if x.get("release") == self.ready]
        self.rows.equal("release.expired is in the log", events.count("release.expired"), 1, events)


def race_is_fair(match, a, c, events):
    ended = "release.cancelled" in events
    approved = "approval.recorded" in events
    if match:  # both name the first ETag: the loser is told so
        return sorted([a.status, c.status]) in ([201, 412], [200, 412]) and ended + approved == 1
    return ended and c.status == 200 and (a.status == 201) == approved and a.status in (201, 409)


def together(jobs):
    """Runs all jobs at the same moment; their answers in order."""
    gate, out = threading.Barrier(len(jobs)), [None] * len(jobs)

    def run(i, job):
        gate.wait()
        out[i] = job()

    threads = [threading.Thread(target=run, args=(i, j)) for i, j in enumerate(jobs)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    return out


def foreign_ca():
    from cryptography import x509
    from datetime import datetime, timedelta, timezone
    key = e.ec.generate_private_key(e.ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "Hallmark rehearsal CA")])
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    return key, (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(5)
                 .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=2))
                 .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, e.hashes.SHA256()))


def main(lab, rows):
    life = Life(lab, rows)
    rows.parts(life.expiry_begin, life.submissions, life.approvals, life.signing, life.ends, life.by_client, life.preconditions, life.races,
               life.parallel, life.expiry_end)
    r = lab.cli("audit", "log", "verify", check=False)
    rows.row("the whole log verifies afterwards", r.returncode == 0, r.out + r.err)
    stopped.copy_holds(lab, rows)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main)
