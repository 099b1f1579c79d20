"""`hallmark log about`: everything that ever happened to an artifact, key, person, release or product."""

import json

import e2e_lib as e
from audit_lib import BOB, INCIDENT, REASON
from audit_query import names_key

PAPERS = {"log.created", "policy.activated", "guards.changed", "roster.changed"}


class Stories:
    def __init__(self, audit):
        self.audit, self.lab, self.rows, self.known = audit, audit.lab, audit.rows, audit.lab.known

    def parts(self):
        return self.subjects, self.told, self.sources, self.refusals

    def about(self, *args, **kw):
        return json.loads(self.lab.audit("about", "--json", *args, **kw).out)

    def expect(self, kind, what, fits):
        """All that fits, and besides only documents that speak of the subject."""
        docs = {"the server": self.about(kind, what), "the whole log": self.about(kind, what, "--complete"),
                "a backup": self.about(kind, what, "--database", self.audit.db)}
        for name, doc in docs.items():
            records = self.audit.records if name == "a backup" else self.audit.live
            want = [r["idx"] for r in records if fits(r)]
            found = [x["index"] for x in doc["entries"]]
            more = [x for x in doc["entries"] if x["index"] not in want]
            ok = (set(want) <= set(found) and found == sorted(set(found)) and all(x["event"] in PAPERS and x["lines"] for x in more) and bool(want)
                  and doc["complete"] is (name != "the server") and doc["documents_missing"] == 0 and sum(doc["sums"].values()) == len(found)
                  and all(x["leaf"] == e.leaf_hash(self.audit.lines[x["index"]]).hex() for x in doc["entries"] if x["index"] < len(self.audit.lines)))
            self.rows.row("%s %s, from %s: %d records and %d documents" % (kind, what[-16:], name, len(want), len(more)), ok,
                          "expected %s, found %s; %s" % (want, found, {n: v for n, v in doc.items() if n != "entries"}))
        a, b = docs["the server"]["entries"], docs["the whole log"]["entries"]
        self.rows.row("%s %s: the server and the whole log tell the same" % (kind, what[-16:]), a == b, [x for x in a + b if x not in a or x not in b][:3])
        return docs["the server"]

    # --- ---

    def subjects(self):
        k, records = self.known, self.audit.live
        digest = e.sha256(k["data"])
        named = {r["release"] for r in records if r["event"] == "release.submitted" and digest in r.get("artifacts", [])}
        self.rows.row("the artifact went into several releases and refusals", {k["nightly"], k["stable"]} <= named
                      and [r for r in records if r["event"] == "release.refused" and digest in r.get("artifacts", [])], named)
        self.artifact = self.expect("artifact", digest, lambda r: digest in r.get("artifacts", []) or r.get("release") in named)
        key = self.lab.key_id()
        intents = {r["idx"] for r in records if r["event"] == "sign.intended" and names_key(r, key)}
        self.key = self.expect("key", key, lambda r: names_key(r, key) or r.get("intent") in intents)
        self.person = self.expect("person", "newcomer", lambda r: r.get("actor") == "newcomer")
        self.bob = self.expect("person", "bob", lambda r: r.get("actor") == "bob")
        self.expect("person", "ci-edge", lambda r: r.get("actor") == "ci-edge")
        for name in ("rejected", "cancelled", "overtaken", "failed", "glass", "unknown", "brief"):
            setattr(self, name, self.expect("release", k[name], lambda r, n=name: r.get("release") == k[n]))
        refused = int(k["foreign"][1:])
        self.foreign = self.expect("release", k["foreign"], lambda r: r["idx"] == refused)
        self.expect("product", "edge-radio", lambda r: r.get("product") == "edge-radio")

    def told(self):
        """What the entries say in words."""
        def says(name, doc, *words):
            text = "\n".join("\n".join([x["text"]] + x["lines"]) for x in doc["entries"])
            self.rows.row(name, all(w in text for w in words), "%s not in\n%s" % ([w for w in words if w not in text], text))

        says("the release key is used, fails once, and once nobody knows", self.key, "guard", "rule stable")
        events = {x["event"] for x in self.key["entries"]}
        self.rows.row("with the failed and the unknown signature", {"sign.intended", "release.signed", "sign.failed", "sign.unknown"} <= events, events)
        says("the newcomer enters the policy, and then the list of approvers", self.person, "in the policy as New <b>Comer</b>", "list of approvers")
        says("bob has his name", self.bob, BOB)
        says("why it was rejected", self.rejected, REASON)
        says("why it was cancelled", self.cancelled, "built from the wrong branch")
        says("why it could not be overtaken", self.overtaken, "sequence")
        says("what the incident was", self.glass, INCIDENT)
        says("what was refused, and why", self.foreign, "required")
        words = self.lab.audit("about", "release", self.known["rejected"])
        self.rows.row("in words too", REASON in words.out and "2.1.0" in words.out and "--complete" in words.out + words.err, words.out + words.err)
        r = self.lab.audit("about", "person", "zoe")
        self.rows.row("of a stranger nothing is known", "says nothing about it" in r.out, r.out)
        r = json.loads(self.lab.audit("about", "--json", "key", "ab" * 32, "--complete").out)
        self.rows.row("nor of an unknown key", r["entries"] == [] and r["complete"] is True, r)

    def sources(self):
        proven = self.about("release", self.known["stable"], "--prove")
        self.rows.row("each record proven", proven["proven"] is True and proven["complete"] is False, proven)
        digest, image = e.sha256(self.known["data"]), self.lab.path("work", "image.bin")
        self.rows.equal("a file in place of its digest", self.about("artifact", image)["entries"], self.about("artifact", digest)["entries"])
        plain = self.about("release", self.known["rejected"], "--file", self.audit.file, "--checkpoint", self.audit.checkpoint)
        self.rows.row("an export holds no documents, and that is said", plain["documents_missing"] > 0 and plain["complete"] is True
                      and REASON not in json.dumps(plain), plain)
        few = self.about("person", "gina", "--since", "2100-01-01T00:00:00Z")
        self.rows.row("a period without anything", few["entries"] == [], few)

    def refusals(self):
        bad = self.audit.bad
        bad("about what is none of the kinds", ("about", "device", "x"), "expected artifact, key, person, release or product")
        bad("about a person without a name", ("about", "person", "<script>"), "expected a name")
        bad("about a release that is none", ("about", "release", "17"), "expected a release id")
        bad("about an artifact that is none", ("about", "artifact", "sha256:zz"), "64 hex digits")
        bad("about nothing", ("about", "person"), "")
        bad("about two things", ("about", "person", "alice", "bob"), "")
