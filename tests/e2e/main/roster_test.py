"""Approvers join and leave: a list signed by the roster keys that the guard names, one record, no root token. The signer takes it with its
proof only, keeps it over restarts, and never goes back."""

import json
import os
import shutil
import sqlite3
import subprocess

import e2e_lib as e
from lab import ORIGIN, USER
from log_deep_test import Deep
from log_forge import Forged
from policy_lib import Administered
from redteam_test import Wire, text, u64

SIGNER_ROSTER = 4


class Rostered(Administered):
    """The production key's approvers are changed by two of rosa, ruth (SSH) and rita (P-256)."""

    def make_people(self):
        self.rosa, self.ruth = e.SshKey("ssh-ed25519"), e.SshKey("ssh-ed25519")
        self.rita = e.ec.generate_private_key(e.ec.SECP256R1())
        self.newcomer = e.SshKey("ssh-ed25519")
        super().make_people()

    def make_certificates(self):
        super().make_certificates()
        self.make_certificate("newcomer", "spiffe://%s/newcomer" % e.DOMAIN)

    def ceremony_config(self):
        doc = super().ceremony_config()
        guard = doc["release_keys"][0]["guard"]
        guard["roster"] = {"keys": [{"ssh": self.rosa.line()}, {"ssh": self.ruth.line()}, {"pem": e.public_pem(self.rita)}], "threshold": 2}
        self.first_approvers = guard["approvers"]
        return doc

    # --- lists ---

    def ssh_line(self, key):
        """The one spelling of a key in a list."""
        if "ssh" in key:
            return " ".join(key["ssh"].split()[:2])
        public = e.serialization.load_pem_public_key(key["pem"].encode())
        raw = public.public_bytes(e.serialization.Encoding.OpenSSH, e.serialization.PublicFormat.OpenSSH)
        return raw.decode()

    def key_id(self):
        pem = e.read(self.path("ceremony", "keys", "release.pem"))
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, stdout=subprocess.PIPE, check=True).stdout
        return e.sha256(der)

    def listing(self, lines):
        return "".join("approver %s\n" % line for line in lines)

    def roster(self, lines, serial, former, **over):
        fields = {"origin": ORIGIN, "key": self.key_id(), "guards": "sha256:" + e.sha256(e.read(self.path("ceremony", "guards.cbor"))),
                  "serial": serial, "former": "sha256:" + e.sha256(self.listing(former).encode())}
        fields.update(over)
        return ("roster/v1\n" + "".join("%s %s\n" % f for f in fields.items()) + self.listing(lines)).encode()

    def roster_document(self, who, statement, namespace="hallmark-roster", kind="application/vnd.hallmark.roster"):
        key = who if not isinstance(who, str) else getattr(self, who)
        if isinstance(key, e.SshKey):
            return e.ssh_document(statement, key.sign(namespace, statement))
        return e.dsse(kind, statement, key)

    def change_roster(self, statement, people=("rosa", "ruth"), documents=None, caller="dora", key=None, **kw):
        documents = documents or [self.roster_document(w, statement) for w in people]
        return self.post("/v1/rosters", caller, json.dumps({"key": key or self.key_id(), "statement": statement.decode(), "signatures": documents}), **kw)


class Roster:
    def __init__(self, lab, rows):
        self.lab, self.rows = lab, rows
        self.first = [lab.ssh_line(k) for k in lab.first_approvers]
        self.carol = next(i for i, k in enumerate(lab.first_approvers) if k == {"ssh": lab.ssh["carol"]})

    def refused(self, name, r, says, event=None):
        if not self.rows.equal(name, r.says(), says, r):
            return
        if event is None:
            self.rows.row(name + ": no record", "index" not in r.doc, r)
        else:
            self.rows.equal(name + ": record", self.lab.record(r.doc["index"])["event"], event)

    def attempts(self):
        lab, first = self.lab, self.first
        joined = first + [lab.newcomer.line()]
        good = lab.roster(joined, 1, first)
        no = (403, "signature")
        self.refused("one roster key of two", lab.change_roster(good, ("rosa",)), no)
        self.refused("one roster key twice", lab.change_roster(good, ("rosa", "rosa")), no)
        stranger = e.SshKey("ssh-ed25519")
        self.refused("a stranger", lab.change_roster(good, documents=[lab.roster_document("rosa", good), lab.roster_document(stranger, good)]), no)
        approver = lab.ssh_keygen("alice", "hallmark-roster", good)
        self.refused("an approver in place of a roster key", lab.change_roster(good, documents=[lab.roster_document("rosa", good), approver]), no)
        self.refused("an administrator in place of a roster key", lab.change_roster(good, documents=[lab.roster_document("rosa", good), lab.roster_document("dora", good)]), no)
        for ns in ("hallmark-approval", "hallmark-policy", "hallmark-submit"):
            self.refused("signed in namespace " + ns, lab.change_roster(good, documents=[lab.roster_document(w, good, ns) for w in ("rosa", "ruth")]), no)
        self.refused("typed as an approval", lab.change_roster(good, documents=[lab.roster_document("rosa", good), lab.roster_document("rita", good, kind=e.APPROVAL)]), no)
        other = lab.roster(joined, 1, first, origin="other.example/log")
        self.refused("for another log", lab.change_roster(other), no)
        self.refused("for another guards document", lab.change_roster(lab.roster(joined, 1, first, guards="sha256:" + "0" * 64)), no)
        self.refused("for another key", lab.change_roster(lab.roster(joined, 1, first, key="0" * 64)), no)
        self.refused("for a key without a guard", lab.change_roster(good, key="0" * 64), (404, "not-found"))
        self.refused("signatures over another list", lab.change_roster(good, documents=[lab.roster_document(w, other) for w in ("rosa", "ruth")]), no)
        self.refused("fewer approvers than the guard asks for", lab.change_roster(lab.roster(first[:1], 1, first)), no)
        self.refused("a roster key as approver", lab.change_roster(lab.roster(joined + [lab.rosa.line()], 1, first)), no)
        self.refused("an approver twice", lab.change_roster(lab.roster(joined + [first[0]], 1, first)), (400, "malformed"))
        self.refused("a comment behind a key", lab.change_roster(lab.roster(first + [lab.newcomer.line() + " new"], 1, first)), (400, "malformed"))
        self.refused("serial number 0", lab.change_roster(lab.roster(joined, 0, first)), (400, "malformed"))
        self.refused("serial number 2 first", lab.change_roster(lab.roster(joined, 2, first)), (409, "state"), "roster.refused")
        self.refused("after another list", lab.change_roster(lab.roster(joined, 1, joined)), (409, "state"), "roster.refused")
        self.refused("carried by a submitter", lab.change_roster(good, caller="ci-edge"), (403, "forbidden"))
        documents = [lab.roster_document(w, lab.roster(joined, 2, first)) for w in ("rosa", "ruth")]
        twice = [lab.change_roster(lab.roster(joined, 2, first), documents=documents, Idempotency_Key="once") for _ in range(2)]
        self.rows.equal("a refusal, asked for again with the same Idempotency-Key, is the same answer",
                        [(r.says(), r.doc.get("index")) for r in twice], [((409, "state"), twice[0].doc.get("index"))] * 2)
        self.joined, self.good = joined, good

    def people(self):
        """The policy names the newcomer, with the role and the key."""
        def edit(d):
            d["principals"].append({"id": "newcomer", "roles": ["approver"], "credentials": [{"san_uri": "spiffe://%s/newcomer" % e.DOMAIN}],
                                    "approval_keys": [{"ssh": self.lab.newcomer.line()}]})
            d["groups"][0]["members"].append("newcomer")
        self.lab.change(edit)

    def join(self):
        lab, rows = self.lab, self.rows
        self.people()
        rel, st = lab.new()
        mine = e.ssh_document(st, lab.newcomer.sign("hallmark-approval", st))
        rows.equal("the policy alone lets the newcomer approve", lab.approve(rel, st, "newcomer", body=mine).status, 201)
        rows.equal("with another one", lab.approve(rel, st, "bob").status, 201)
        r = lab.sign(rel)
        rows.equal("but the signer does not know the key", r.says(), (403, "policy"), r)
        rows.row("which it says", "1 of 2 hold" in r.doc.get("detail", ""), r)
        r = lab.change_roster(self.good, ("ruth", "rita"))
        rows.equal("the newcomer joins", r.status, 200, r)
        rec = lab.record(r.doc["index"])
        rows.equal("one record", (rec["event"], rec["guard"], rec["serial"], len(rec["evidence"])), ("roster.changed", lab.key_id(), 1, 3))
        again = lab.change_roster(self.good)
        rows.equal("asking twice gives the same record", (again.status, again.doc.get("index")), (200, r.doc["index"]))
        rows.equal("now it is signed", lab.sign(rel).status, 200)
        self.index = r.doc["index"]
        shown = next(k for k in lab.get("/v1/keys").doc["keys"] if k["id"] == "production")
        rows.equal("the keys' page counts the list that holds", shown["guard_approvers"], len(self.joined))

    def leave(self):
        lab, rows = self.lab, self.rows
        rel, st = lab.new()
        lab.approve(rel, st, "carol")
        lab.approve(rel, st, "bob")
        left = [line for i, line in enumerate(self.joined) if i != self.carol]
        self.refused("a change after the first list", lab.change_roster(lab.roster(left, 2, self.first)), (409, "state"), "roster.refused")
        second = lab.roster(left, 2, self.joined)
        lab.stop("signer")
        r = lab.change_roster(second)
        rows.equal("the signer is away: nothing to rely on", r.status, 503, r)
        lab.start("signer")
        lab.wait_ready()
        e.time.sleep(0.5)
        for _ in range(120):
            r = lab.change_roster(second)
            if r.status == 200:
                break
            e.time.sleep(0.5)
        rows.equal("carol leaves", r.status, 200, r)
        r = lab.sign(rel)
        rows.equal("the approval of one who left is worth nothing", r.says(), (403, "policy"), r)
        self.refused("the former list comes back as it was", lab.change_roster(lab.roster(self.joined, 2, self.joined)), (409, "state"), "roster.refused")
        self.left, self.second = left, second

    def restart(self):
        lab, rows = self.lab, self.rows
        for s in ("registrar", "signer"):
            lab.stop(s)
        for s in ("signer", "registrar"):
            lab.start(s)
        lab.wait_ready()
        lab.in_force()
        rel, st = lab.new()
        lab.approve(rel, st, "carol")
        lab.approve(rel, st, "bob")
        rows.equal("after a restart carol is still gone", lab.sign(rel).says(), (403, "policy"))
        rel, st = lab.new()
        lab.approve(rel, st, "newcomer", body=e.ssh_document(st, lab.newcomer.sign("hallmark-approval", st)))
        lab.approve(rel, st, "bob")
        rows.equal("and the newcomer still there", lab.sign(rel).status, 200)

    def policy(self):
        """What the policy asks is held against the list that holds, not against the ceremony's."""
        lab, rows = self.lab, self.rows
        def only_carol(d):
            d["groups"].append({"id": "two", "members": ["carol", "bob"]})
            for rule in d["rules"]:
                if rule["key"] == "production":
                    rule["approvals"]["group"] = "two"
        r = lab.propose(lab.changed(only_carol))
        rows.equal("a group that needs one who left", r.says(), (403, "policy"), r)
        def with_newcomer(d):
            d["groups"].append({"id": "two", "members": ["newcomer", "bob"]})
            for rule in d["rules"]:
                if rule["key"] == "production":
                    rule["approvals"]["group"] = "two"
        rows.equal("one with the newcomer", lab.propose(lab.changed(with_newcomer)).status, 201)

    # --- the registrar's place, taken over: everything it has, on the signer's socket ---

    def adversary(self):
        lab, rows = self.lab, self.rows
        wire = Wire(lab.path("run", "signer", "s.sock"), USER["registrar"] if lab.as_users else "")
        key = bytes.fromhex(lab.key_id())

        def proof(index):
            r, _, path, checkpoint = e.parse_proof(lab.get("/v1/log/entries/%d/proof" % index).body.decode())
            return r, int(checkpoint.split("\n")[1]), path

        def send(index, statement, documents, record=None, size=None, path=None, at=None):
            r, s, p = proof(index)
            p = p if path is None else path
            body = key + text(record or r) + u64(at if at is not None else index) + u64(size if size is not None else s)
            body += u64(len(p)) + b"".join(p) + text(statement) + u64(len(documents)) + b"".join(text(d) for d in documents)
            code, answer = wire.call(SIGNER_ROSTER, body)
            return code, answer.decode(errors="replace")

        def refused(name, got, says):
            rows.row("signer: " + name, got[0] not in (0, None) and says in got[1], got)

        lab.stop("registrar")
        lab.start("registrar")
        lab.wait_ready()
        lab.in_force()
        r1, r2 = self.index, next(r["idx"] for r in lab.records() if r["event"] == "roster.changed" and r["serial"] == 2)
        docs1 = [lab.roster_document(w, self.good) for w in ("rosa", "ruth")]
        docs2 = [lab.roster_document(w, self.second) for w in ("rosa", "ruth")]
        refused("an older list, with its own record and proof", send(r1, self.good, docs1), "serial number 1, expected 3")
        rows.equal("signer: the list that holds, again", send(r2, self.second, docs2)[0], 0)
        third = lab.roster(self.joined, 3, self.left)
        docs3 = [lab.roster_document(w, third) for w in ("rosa", "ruth")]
        refused("a list that no record names", send(r2, third, docs3), "is no roster.changed about this list")
        made = json.dumps(dict(lab.record(r2), statement=e.sha256(third), serial=3), separators=(",", ":"), sort_keys=True).encode()
        refused("a record that is in no log", send(r2, third, docs3, record=made), "is not under the checkpoint")
        refused("a proof for another place", send(r2, self.second, docs2, at=r1), "is not under the checkpoint")
        refused("a checkpoint that was never signed", send(r2, self.second, docs2, size=10 ** 6), "no checkpoint of size")
        refused("too few signatures", send(r2, self.second, docs2[:1]), "asks for 2 roster keys")
        refused("signatures of another list", send(r2, self.second, docs1), "asks for 2 roster keys")
        refused("approvals in place of roster signatures", send(r2, self.second, [lab.ssh_keygen(w, "hallmark-approval", self.second) for w in ("alice", "bob")]),
                "asks for 2 roster keys")
        activated = [r["idx"] for r in lab.records() if r["event"] == "policy.activated"][-1]
        refused("a record of another event", send(activated, self.second, docs2), "is no roster.changed")
        for name, body in {"cut": key + text(b"x"), "empty": b"", "trailing": key + text(b"") + u64(0) + u64(0) + u64(0) + text(b"") + u64(0) + b"x"}.items():
            rows.row("signer: a malformed message: " + name, wire.call(SIGNER_ROSTER, body)[0] not in (0, None))
        rel, st = lab.new()
        lab.approve(rel, st, "carol")
        lab.approve(rel, st, "bob")
        rows.equal("carol is still gone", lab.sign(rel).says(), (403, "policy"))

    def clients(self):
        """The same with the command line: carol comes back."""
        lab, rows = self.lab, self.rows
        lab.make_client("dora")
        keys = {}
        for who in ("rosa", "ruth", "rita"):
            key = getattr(lab, who)
            keys[who] = e.write(lab.path("people", who, "key.pem"), e.lab_module.private_pem(key.key if isinstance(key, e.SshKey) else key), 0o600)
        out = lab.cli("audit", "roster", "show", "production").out
        rows.row("show", "serial number 2" in out and lab.newcomer.line() in out and "2 of these change it" in out, out)
        pub, text = lab.path("people", "carol", "id_ed25519.pub"), lab.path("work", "roster.txt")
        r = lab.cli("dora", "roster", "change", "development", "--add", pub, check=False)
        rows.row("a guard without roster keys", r.returncode != 0 and "only the root" in r.err, r.err)
        r = lab.cli("dora", "roster", "change", "production", "--remove", pub, check=False)
        rows.row("remove who is not there", r.returncode != 0 and "not in the list" in r.err, r.err)
        lab.cli("dora", "roster", "change", "production", "--add", pub, "--out", text)
        third = self.left + [self.first[self.carol]]
        rows.equal("the statement", e.read(text), lab.roster(third, 3, self.left))
        docs = []
        for who, how in (("rosa", "--key"), ("rita", "--dsse")):
            docs += ["--signature", lab.path("work", who + ".json")]
            lab.cli("dora", "roster", "sign", text, how, keys[who], "--yes", "--out", docs[-1])
        r = lab.cli("dora", "roster", "apply", text, *docs[:2], check=False)
        rows.row("too few signatures", r.returncode == 1 and "asks for 2 roster keys" in r.err, r.err)
        r = lab.cli("dora", "roster", "apply", text, *docs)
        rows.row("applied", "recorded roster.changed" in r.out, r.out + r.err)
        rel, st = lab.new()
        lab.approve(rel, st, "carol")
        lab.approve(rel, st, "bob")
        rows.equal("carol is back", lab.sign(rel).status, 200)
        r = lab.cli("audit", "log", "query", "--key", lab.key_id(), "--event", "roster.changed", "--json")
        rows.equal("all lists of the key, by query", len(r.out.strip().splitlines()) if "entries" not in r.out else len(json.loads(r.out)["entries"]), 3, r.out[:300])

    def state(self):
        """The file in the signer's state directory: damaged, forged or exchanged, the signer does not start with it."""
        lab, rows = self.lab, self.rows
        name = next(f for f in os.listdir(lab.path("signer")) if f.startswith("roster-"))
        path = lab.path("signer", name)
        good = e.read(path)
        lab.stop("signer")

        def start_with(data):
            e.write(path, data, 0o600)
            lab.own(path, "signer")
            try:
                return lab.start("signer").wait(20)
            except subprocess.TimeoutExpired:
                return None

        for at in (0, 9, len(good) // 2, len(good) - 1):
            bent = bytearray(good)
            bent[at] ^= 1
            code = start_with(bytes(bent))
            rows.row("byte %d flipped: the signer ends" % at, code not in (None, 0), code)
        rows.row("cut: the signer ends", start_with(good[:-40]) not in (None, 0))
        forged = bytearray(good[:-32])
        old = lab.newcomer.line().split()[1].encode()
        new = e.SshKey("ssh-ed25519").line().split()[1].encode()
        data = bytes(forged).replace(old, new)
        data += e.hashlib.sha256(data).digest()
        rows.row("forged with a right checksum: the signer ends", data != good and start_with(data) not in (None, 0))
        e.write(path, good, 0o600)
        lab.own(path, "signer")
        lab.start("signer")
        lab.wait_ready()  # as it was, it serves

    def guards(self):
        """How many approvals it takes is the root's: a new guards document, recorded, then read at the next start."""
        lab, rows = self.lab, self.rows
        old, new = lab.path("ceremony", "guards.cbor"), lab.path("ceremony2", "guards.cbor")
        before = e.read(old)
        shutil.copytree(lab.path("ceremony"), lab.path("ceremony2"))

        def make(serial, approvals, threshold=3):
            doc = json.loads(e.read(lab.path("ceremony.json")))
            guard = doc["release_keys"][0]["guard"]
            guard["approvals"], guard["roster"]["threshold"] = approvals, threshold
            if serial:
                doc["guards_serial"] = serial
            config = e.write(lab.path("ceremony2.json"), json.dumps(doc))
            lab.with_root("guards", "--config", config, "--out", lab.path("ceremony2"), "--force")
            return e.read(new)

        def apply(document, who="dora"):
            return lab.post("/v1/guards", who, json.dumps({"guards": e.base64.b64encode(document).decode()}))

        self.refused("guards: without a serial number", apply(make(0, 3)), (409, "state"), "guards.refused")
        three = make(1, 3)
        r = apply(three)
        self.refused("guards: stricter than the policy in force", r, (403, "policy"), "guards.refused")
        rows.row("which it says", "for 3" in r.doc["detail"] or "at least 3" in r.doc["detail"], r)
        bent = bytearray(three)
        bent[len(bent) // 2] ^= 1
        self.refused("guards: a flipped bit", apply(bytes(bent)), (403, "signature"))
        self.refused("guards: the genesis in their place", apply(e.read(lab.path("ceremony", "genesis.cbor"))), (400, "malformed"))
        self.refused("guards: brought by a submitter", apply(three, "ci-edge"), (403, "forbidden"))

        def count_three(d):
            for rule in d["rules"]:
                if rule["key"] == "production":
                    rule["approvals"]["count"] = 3
        lab.change(count_three)
        r = lab.cli("dora", "guards", "apply", new, check=False)
        rows.row("guards: recorded, with the command line", r.returncode == 0 and "recorded guards.changed" in r.out, r.out + r.err)
        index = [x["idx"] for x in lab.records() if x["event"] == "guards.changed"][-1]
        again = apply(three)
        rows.equal("guards: asking twice gives the same record", (again.status, again.doc.get("index")), (200, index))
        r = lab.propose(lab.changed(lambda d: d.update(name="Between two guards")))
        rows.row("guards: no other policy until they are served", r.says() == (403, "policy") and "restart it first" in r.doc.get("detail", ""), r)
        self.refused("guards: the former ones", apply(before), (409, "state"), "guards.refused")
        lab.stop("registrar")
        rows.equal("guards: the registrar does not start with the former file", lab.start("registrar").wait(20), 78)
        rows.row("which it says", "record %d names" % index in lab.log_tail("registrar"), lab.log_tail("registrar"))
        lab.stop("signer")
        e.write(old, three)
        for s in ("signer", "registrar"):
            lab.start(s)
        lab.wait_ready()
        lab.in_force()
        rel, st = lab.new()
        for who in ("bob", "carol"):
            lab.approve(rel, st, who)
        rows.equal("guards: two are too few now", lab.sign(rel).says(), (403, "policy"))
        lab.approve(rel, st, "ivan", body=e.ssh_document(st, lab.ivan.sign("hallmark-approval", st)))
        rows.equal("guards: three sign", lab.sign(rel).status, 200)
        rel, st = lab.new()
        lab.approve(rel, st, "newcomer", body=e.ssh_document(st, lab.newcomer.sign("hallmark-approval", st)))
        for who in ("bob", "carol"):
            lab.approve(rel, st, who)
        rows.equal("guards: lists begin anew", lab.sign(rel).says(), (403, "policy"))
        self.refused("guards: a list made under the former ones", lab.change_roster(self.good, ("rosa", "ruth", "rita")), (403, "signature"))
        joined = self.first + [lab.newcomer.line()]
        r = lab.change_roster(lab.roster(joined, 1, self.first), ("rosa", "ruth", "rita"))
        rows.equal("guards: the newcomer joins again", r.status, 200, r)
        rows.equal("guards: and counts", lab.sign(rel).status, 200)
        lab.stop("signer")
        e.write(old, before)
        rows.row("guards: the signer does not go back to the former ones", lab.start("signer").wait(20) != 0)
        rows.row("which it says", "serial number 0, this signer has served 1" in lab.log_tail("signer"), lab.log_tail("signer"))
        e.write(old, three)
        path = lab.path("signer", "guards-last")
        kept = e.read(path)
        e.write(path, kept[:20] + b"x" + kept[21:], 0o600)
        lab.own(path, "signer")
        rows.row("guards: a damaged memory keeps it from starting", lab.start("signer").wait(20) != 0)
        e.write(path, kept, 0o600)
        lab.own(path, "signer")
        lab.start("signer")
        lab.wait_ready()

    def afterwards(self):
        lab, rows = self.lab, self.rows
        r = lab.cli("audit", "log", "verify", check=False)
        rows.row("the whole log verifies", r.returncode == 0, r.out + r.err)
        deep = Deep(lab, rows)
        r, d, _ = deep.verify()
        rows.row("and holds, judged again: two guards documents, four lists", r.returncode == 0 and d["guards"] == 6 and not d["faults"]
                 and d["envelopes"] > 4, (r.out, r.err))
        for service in ("door", "registrar", "signer"):
            lab.stop(service)
        deep.source = lab.path("work", "log.db")
        db = sqlite3.connect(lab.path("registrar", "log.db"))
        db.execute("VACUUM INTO ?", (deep.source,))
        db.close()
        self.forged_lists(deep)
        self.forged_guards(deep)
        self.forged_approvers(deep)

    # --- a forger with the log's own key (log_forge.py) ---

    def forged_lists(self, deep):
        """The last list: the newcomer's. What does not hold changes nothing, so that the release he approved afterwards falls with it."""
        lab = self.lab
        f = Forged(lab, deep.source)
        at = f.find("roster.changed")
        result = f.find("release.signed")
        last = f.records[result]["intent"]
        falls = [(None, "guard-change"), (last, "guard")]
        statement = f.evidence[at, 0]
        deep.expect("lists: as they are", f)

        def with_list(text, signers, **members):
            f = Forged(lab, deep.source)
            f.records[at]["evidence"] = f.records[at]["evidence"][:1]
            f.put(at, 0, text)
            for i, who in enumerate(signers):
                f.records[at]["evidence"].append("")
                f.put(at, i + 1, lab.roster_document(who, text).encode())
            f.records[at].update(dict({"statement": e.sha256(text)}, **members))
            return f
        all_three = ("rosa", "ruth", "rita")
        deep.expect("lists: signed again", with_list(statement, all_three))
        deep.expect("lists: two roster keys of three", with_list(statement, all_three[:2]), *falls, says="asks for 3 roster keys")
        deep.expect("lists: one of them twice", with_list(statement, ("rosa", "rosa", "ruth")), *falls)
        deep.expect("lists: a stranger", with_list(statement, ("rosa", "ruth", e.SshKey("ssh-ed25519"))), *falls)
        deep.expect("lists: administrators", with_list(statement, ("rosa", "ruth", "dora")), *falls)
        deep.expect("lists: no signature", with_list(statement, ()), *falls)
        evil = e.SshKey("ssh-ed25519").line()
        deep.expect("lists: one key more than was signed", with_list(statement + b"approver " + evil.encode() + b"\n", ("rosa", "ruth")), *falls)
        out_of_turn = statement.replace(b"serial 1\n", b"serial 2\n")
        deep.expect("lists: out of turn", with_list(out_of_turn, all_three, serial=2), *falls, says="serial number 2, expected 1")
        deep.expect("lists: another serial number than the record's", with_list(statement, all_three, serial=2), *falls)
        deep.expect("lists: another statement than the record's", with_list(statement, all_three, statement="0" * 64), *falls)
        deep.expect("lists: for another key", with_list(statement, all_three, guard="0" * 64), *falls)
        former = statement.replace(b"former sha256:" + statement.split(b"former sha256:")[1][:64], b"former sha256:" + b"0" * 64)
        deep.expect("lists: after another list", with_list(former, all_three), *falls, says="follows another list")
        few = lab.roster(self.first[:2] + [evil], 1, self.first)
        deep.expect("lists: with whom the policy could not be met", with_list(few, all_three), *falls, says="asks other people")
        first = f.find("roster.changed", last=False)
        old = {n: f.evidence[first, n] for n in range(3)}
        f = Forged(lab, deep.source)
        f.records[at]["evidence"] = [""] * 3
        for n, data in old.items():
            f.put(at, n, data)
        f.records[at]["statement"] = e.sha256(old[0])
        deep.expect("lists: one of the former guards document", f, *falls)
        f = Forged(lab, deep.source)
        f.drop(at)
        deep.expect("lists: left out", f, (last - 1, "guard"), says="asks for 3 of a list, 2 of them approved")
        f = Forged(lab, deep.source)
        f.evidence[at, 1] = b"{}"
        deep.expect("lists: evidence exchanged", f, *falls)

    def forged_guards(self, deep):
        """All that is submitted after a changed record has another leaf, so that only the first fault says something."""
        lab = self.lab
        f = Forged(lab, deep.source)
        at = f.find("guards.changed")

        def first(name, f, kind, says):
            r, d, _ = deep.verify("--database", f.write(lab.path("work", "forged.db")))
            fault = (d.get("faults") or [{}])[0]
            self.rows.row(name, r.returncode == 1 and fault.get("kind") == kind and says in fault["text"], (fault, r.out[:1000], r.err))
            return fault, d
        f.put(at, 0, f.evidence[0, 1])
        first("guards: the former document", f, "guard-change", "serial number 0 after 0")
        f = Forged(lab, deep.source)
        bent = bytearray(f.evidence[at, 0])
        bent[bent.index(b'"approvals":3') + 12] = ord("1")
        f.put(at, 0, bytes(bent))
        first("guards: fewer approvals than the root signed", f, "guard-change", "digest")
        f = Forged(lab, deep.source)
        f.records[at]["serial"] = 7
        first("guards: another serial number than the record's", f, "guard-change", "the record says 7")
        f = Forged(lab, deep.source)
        f.put(at, 0, f.evidence[0, 0])
        first("guards: the genesis in their place", f, "guard-change", "")
        f = Forged(lab, deep.source)
        strict = next(x for x in f.records if x["event"] == "policy.activated" and x["idx"] > f.find("roster.changed", last=False) and x["idx"] < at)
        record, evidence = f.records[at], f.evidence[at, 0]
        f.drop(at)
        f.insert(strict["idx"], {k: record[k] for k in ("event", "serial", "actor", "policy") if k in record}, [evidence])
        first("guards: before a policy that asks for as much", f, "guard-change", "the policy in force asks for less")
        f = Forged(lab, deep.source)
        f.put(0, 1, f.evidence[at, 0])
        _, d = first("guards: another first document than the genesis names", f, "genesis", "guards")
        self.rows.equal("and nothing rests on it", d["hold"], 0)

    def forged_approvers(self, deep):
        """Approvals that the policy counts and the guard does not: the newcomer joins when it was signed already."""
        lab = self.lab
        f = Forged(lab, deep.source)
        joined = f.find("roster.changed", last=False)
        signed = next(r for r in f.records if r["event"] == "release.signed" and r["idx"] > joined)
        record, evidence = f.records[joined], [f.evidence[joined, n] for n in range(3)]
        f.drop(joined)
        f.insert(signed["idx"] + 1, {k: v for k, v in record.items() if k not in ("idx", "prev", "v", "t_ms")}, evidence)
        r, d, _ = deep.verify("--database", f.write(lab.path("work", "forged.db")))
        fault = (d.get("faults") or [{}])[0]
        self.rows.row("approvers: signed before the newcomer had joined", r.returncode == 1 and fault.get("kind") == "guard"
                      and "asks for 2 of a list, 1 of them approved" in fault["text"] and fault["intention"] == signed["intent"], (fault, r.err))
        f = Forged(lab, deep.source)
        at = f.find("roster.changed")
        intention = f.records[f.find("release.signed")]["intent"]
        record, evidence = f.records[at], [f.evidence[at, n] for n in range(4)]
        f.drop(at)
        f.insert(intention, {k: v for k, v in record.items() if k not in ("idx", "prev", "v", "t_ms")}, evidence)
        deep.expect("approvers: he joins between intention and result", f)

def main(lab, rows):
    t = Roster(lab, rows)
    rows.parts(t.attempts, t.join, t.leave, t.restart, t.policy, t.adversary, t.clients, t.state, t.guards, t.afterwards)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Rostered)
