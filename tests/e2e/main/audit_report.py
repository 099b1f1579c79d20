"""`hallmark log report`: what it says is computed here again from the records; the page is read with Python's own HTML parser."""

import base64
import hashlib
import html.parser
import json
import os
import re

import e2e_lib as e
from audit_lib import BOB, INCIDENT, LIMIT, REASON
from audit_query import stamp, thirds

VOID = {"meta", "br"}
TAGS = VOID | {"html", "head", "title", "style", "body", "h1", "h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "a", "b", "strong", "span",
               "div", "pre"}
ATTRIBUTES = {"class", "id", "href", "lang", "charset", "http-equiv", "content", "name"}
REFUSALS = {"release.refused", "approval.refused", "request.refused", "sign.refused", "policy.refused", "roster.refused", "guards.refused", "detail.refused"}


class Page(html.parser.HTMLParser):
    """Collects what a page is made of; .wrong has everything that a page of this kind must not have."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong, self.ids, self.links, self.text, self.style, self.meta, self.pre = [], [], [], [], "", "", {}, ""
        self.sections, self.rows = {}, []
        self.feed(text)
        self.close()
        if self.open:
            self.wrong.append("left open: %s" % self.open)

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS:
            self.wrong.append("<%s>" % tag)
        for name, value in attrs:
            if name not in ATTRIBUTES:
                self.wrong.append("%s=%r" % (name, value))
        attrs = dict(attrs)
        if tag == "meta":
            self.meta[attrs.get("http-equiv") or attrs.get("name") or "charset"] = attrs.get("content") or attrs.get("charset")
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if tag == "h2":
            self.section = attrs["id"]
            self.sections[self.section] = ""
        if tag == "a":
            self.links.append(attrs.get("href", ""))
        if tag == "tr":
            self.rows.append((getattr(self, "section", ""), []))
        if tag in ("td", "th") and self.rows:
            self.rows[-1][1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append("</%s> out of place" % tag)

    def handle_data(self, data):
        if "style" in self.open:
            self.style += data
            return
        self.text += data
        if getattr(self, "section", None):
            self.sections[self.section] += data
        if "pre" in self.open:
            self.pre += data
        if "td" in self.open and self.rows:
            self.rows[-1][1][-1] += data

    def handle_comment(self, data):
        self.wrong.append("a comment")

    def handle_pi(self, data):
        self.wrong.append("a processing instruction")

    def of(self, section):
        """The rows of the tables of a section, as lists of texts."""
        return [[c.strip() for c in cells] for s, cells in self.rows if s == section and any(cells)]


class Reports:
    def __init__(self, audit):
        self.audit, self.lab, self.rows, self.known = audit, audit.lab, audit.rows, audit.lab.known

    def parts(self):
        return self.make, self.head, self.releases, self.keys, self.refused, self.changes, self.anomalies, self.page, self.page_says, self.periods, self.sources, self.refusals

    def document(self, *args, **kw):
        return json.loads(self.lab.audit("report", "--json", *args, **kw).out)

    def make(self):
        self.doc = self.document("--database", self.audit.db)
        self.path = self.lab.path("work", "report.html")
        r = self.lab.audit("report", "--database", self.audit.db, "--out", self.path)
        self.raw = e.read(self.path).decode()
        self.html = Page(self.raw)
        self.rows.row("a page and a document", "replayed whole" in r.err and self.doc["report"] == "hallmark-audit-report/v1", r.err)

    def of(self, *events):
        return [r for r in self.audit.records if r["event"] in events]

    # --- the document ---

    def head(self):
        doc, records = self.doc, self.audit.records
        size, root = e.check_checkpoint(doc["checkpoint"]["text"], self.audit.vkey)
        self.rows.row("its checkpoint is signed, and over all the records", size == doc["checkpoint"]["size"] == len(records)
                      and root.hex() == doc["checkpoint"]["root"] == e.root_of([e.leaf_hash(x) for x in self.audit.lines]).hex(), doc["checkpoint"])
        self.rows.row("all records are of the period", doc["records"]["count"] == len(records) and (doc["records"]["first"], doc["records"]["last"]) == (
            0, records[-1]["idx"]) and doc["period"] == {"since": None, "until": None}, doc["records"])
        text = e.read(os.path.join(e.TOP, "docs", "formats", "audit-report.md")).decode().split("## Report")[1].split("## Story")[0]
        words = set(re.findall("[a-z_]+", " ".join(re.findall("`([^`]+)`", text))))
        members = set(doc) | {m for n in ("releases", "keys", "refusals", "changes", "anomalies", "appendix") for x in doc[n] for m in x} | set(doc["summary"])
        self.rows.equal("every member is documented", members - words, set())
        gaps = [(b["t_ms"] - a["t_ms"], b["idx"]) for a, b in zip(records, records[1:])]
        self.rows.equal("the longest silence", doc["records"]["longest_silence_ms"], max(gaps)[0])
        leaves = {m["index"]: m["leaf"] for m in doc["appendix"]}
        self.rows.row("the appendix has the leaf hash of each record that is mentioned", leaves and leaves == {
            i: e.leaf_hash(self.audit.lines[i]).hex() for i in leaves} and sorted(leaves) == list(leaves), len(leaves))
        mentioned = {r["index"] for part in ("refusals", "changes", "anomalies") for r in doc[part] if "index" in r}
        mentioned |= {i for r in doc["releases"] for i in r["records"]}
        self.rows.row("and of no others", mentioned == set(leaves), mentioned ^ set(leaves))

    def releases(self):
        """Who approved what."""
        records, found = self.audit.records, {r["id"]: r for r in self.doc["releases"]}
        self.rows.equal("every release", sorted(found), sorted(r["release"] for r in self.of("release.submitted")))
        wrong = []
        for rid, r in found.items():
            of = [x for x in records if x.get("release") == rid]
            approvals = [(x["actor"], x["approver_key"], x["idx"]) for x in of if x["event"] == "approval.recorded"]
            made = next((x for x in of if x["event"] == "release.signed"), None)
            end = next((x for x in of if x["event"] in ("release.rejected", "release.cancelled", "release.expired", "release.superseded")), None)
            state = [x["state"] for x in of if x.get("state")][-1]
            if ([(a["person"]["id"], a["key"], a["index"]) for a in r["approvals"]] != approvals or r["state"] != state
                    or r["records"] != [x["idx"] for x in of] or (r["signed"] or {}).get("index") != (made or {}).get("idx")
                    or (r["end"] or {}).get("event") != (end or {}).get("event") or r["submitter"]["id"] != of[0]["actor"]
                    or [k["id"] for k in (r["signed"] or {}).get("keys", [])] != [k["spki"] for k in (made or {}).get("keys", [])]
                    or r["refusals"] != len([x for x in of if x["event"] in REFUSALS]) or r["artifacts"] != of[0]["artifacts"]):
                wrong.append((rid, r))
        self.rows.row("approvers, keys, ends, records of each", not wrong, wrong[:1])
        k = self.known
        self.rows.equal("the reason of a rejection, whole", found[k["rejected"]]["end"]["reason"], REASON)
        self.rows.equal("the incident of a break-glass release, whole", found[k["glass"]]["break_glass"], INCIDENT)
        self.rows.equal("names out of the policy of that time", [a["person"].get("name") for a in found[k["failed"]]["approvals"]], ["New <b>Comer</b>", BOB])
        sums = self.doc["summary"]
        self.rows.equal("the sums", [sums[n] for n in ("submitted", "signed", "rejected", "cancelled", "expired", "superseded", "refused", "approvals", "break_glass")],
                        [len(self.of(ev)) for ev in ("release.submitted", "release.signed", "release.rejected", "release.cancelled", "release.expired",
                                                     "release.superseded", "release.refused", "approval.recorded")] + [1])
        self.rows.equal("and by product", [sum(row[n] for row in self.doc["by_product"]) for n in ("submitted", "signed", "open")],
                        [sums["submitted"], sums["signed"], sums["open"]])

    def keys(self):
        found = {k["id"]: k for k in self.doc["keys"]}
        made = [(k["spki"], r) for r in self.of("release.signed") for k in r["keys"]]
        self.rows.equal("the keys that signed", sorted(found), sorted({i for i, _ in made}))
        intents = {r["idx"]: [k["spki"] for k in r["keys"]] for r in self.of("sign.intended")}
        for i, k in found.items():
            times = [r["t_ms"] for key, r in made if key == i]
            counts = [len([r for r in self.of(ev) if i in intents[r["intent"]]]) for ev in ("sign.failed", "sign.unknown")]
            self.rows.equal("key %s: signed, failed, unknown, first, last" % k["name"],
                            (k["signed"], k["failed"], k["unknown"], k["signed_ever"], k["first"], k["last"]),
                            (len(times), *counts, len(times), stamp(min(times))[:-1] + ".%03dZ" % (min(times) % 1000), stamp(max(times))[:-1] + ".%03dZ" % (max(times) % 1000)))
            self.rows.equal("key %s: who asked" % k["name"], {a["person"]["id"]: a["count"] for a in k["asked_by"]},
                            {w: len([1 for key, r in made if key == i and r["actor"] == w]) for w in {r["actor"] for key, r in made if key == i}})

    def refused(self):
        self.rows.equal("every refusal, with its outcome", [(r["index"], r["event"], r["outcome"]) for r in self.doc["refusals"]],
                        [(r["idx"], r["event"], r["outcome"]) for r in self.of(*REFUSALS)])
        self.rows.row("of all kinds that there were", {r["event"] for r in self.doc["refusals"]} >= {"release.refused", "approval.refused", "sign.refused", "roster.refused"},
                      {r["event"] for r in self.doc["refusals"]})
        unbuilt = next(r for r in self.doc["refusals"] if r["index"] == int(self.known["unbuilt"][1:]))
        self.rows.row("and the findings", unbuilt["findings"] and all(f["check"] and f["required"] for f in unbuilt["findings"]), unbuilt)

    def changes(self):
        self.rows.equal("every change of policy, guards, lists, trust stores", [(c["index"], c["event"]) for c in self.doc["changes"]],
                        [(r["idx"], r["event"]) for r in self.of("log.created", "policy.activated", "trust_store.published", "policy.proposed", "policy.approved",
                                                                 "roster.changed", "guards.changed", "detail.erased", "detail.retired")])
        at = {c["index"]: "\n".join([c["text"]] + c["lines"]) for c in self.doc["changes"]}
        text = at[self.known["activated"]]
        self.rows.row("who approved the new policy, and what it changes", "approved by dora" in text and "emil" in text and "newcomer" in text, text)
        self.rows.row("what was erased, and by whom it was asked for", "private detail of 1 record erased" in at[self.known["erased"]] and "dora" in at[self.known["erased"]],
                      at[self.known["erased"]])
        self.rows.row("and the refused try", self.known["kept"] in [r["index"] for r in self.doc["refusals"]], self.known["kept"])
        self.rows.row("who joins the list of approvers", "joins" in at[self.known["roster"]] and "newcomer" in at[self.known["roster"]], at[self.known["roster"]])

    def anomalies(self):
        kinds = {}
        for a in self.doc["anomalies"]:
            kinds.setdefault(a["kind"], []).append(a)
        self.rows.equal("failed and unknown signatures", [sorted(a["index"] for a in kinds.get(n, [])) for n in ("sign-failed", "sign-unknown")],
                        [[r["idx"] for r in self.of(ev)] for ev in ("sign.failed", "sign.unknown")])
        self.rows.equal("starts of the registrar", [a["index"] for a in kinds.get("restart", [])], [r["idx"] for r in self.of("registrar.started")])
        rows = [a["text"] for a in kinds.get("refusals-in-a-row", [])]
        self.rows.row("gina's refusals in a row", len(rows) == 1 and re.match("[67] refusals of gina ", rows[0]), rows)
        signed = len([1 for r in self.of("release.signed") if any(k["spki"] == self.lab.key_id() for k in r["keys"])])
        self.rows.row("a key near the limit of its rule", signed * 100 >= 80 * LIMIT and len(kinds.get("key-limit", [])) == 1
                      and "of the %d signatures" % LIMIT in kinds["key-limit"][0]["text"], (signed, kinds.get("key-limit")))
        self.rows.row("nothing else", not set(kinds) - {"sign-failed", "sign-unknown", "restart", "refusals-in-a-row", "key-limit"}, kinds)

    # --- the page ---

    def page(self):
        page, raw = self.html, self.raw
        self.rows.equal("only elements and attributes that a document needs, all closed", page.wrong, [])
        self.rows.row("no link leads out of it", page.links and all(h.startswith("#") for h in page.links), [h for h in page.links if not h.startswith("#")])
        self.rows.equal("and each leads somewhere", sorted({h[1:] for h in page.links} - set(page.ids)), [])
        self.rows.equal("each place is there once", len(page.ids), len(set(page.ids)))
        self.rows.row("the style asks for nothing from elsewhere", page.style and not re.search(r"url\s*\(|@import|@font-face|expression|//", page.style), page.style)
        self.rows.row("and is made for paper", "@media print" in page.style or "@page" in page.style, page.style)
        digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
        rule = page.meta.get("Content-Security-Policy", "")
        self.rows.row("its security policy lets in this style and nothing else", "default-src 'none'" in rule and "style-src 'sha256-%s'" % digest in rule
                      and "unsafe" not in rule and page.meta["charset"] == "utf-8", rule)
        self.rows.row("no markup out of names and reasons", not re.search(r"<(script|img|b>Comer|/?td><script)", raw, re.I) and "onerror=alert" not in re.sub("&lt;.*?&gt;", "", raw))
        self.rows.row("no control characters", not re.search("[\x00-\x09\x0b-\x1f\x7f]", raw))

    def page_says(self):
        page, k = self.html, self.known
        for name, text, section in (("the reason", REASON, "unsigned"), ("the incident", INCIDENT, "glass"), ("an approver", BOB, "signed"),
                                    ("the newcomer", "New <b>Comer</b>", "signed"), ("the release key", self.lab.key_id(), "keys"), ("gina", "gina", "refusals"),
                                    ("the refused submission", "3.0.0", "refusals"), ("dora", "dora", "changes"), ("the failed signature", "sign-failed", "anomalies"),
                                    ("refusals in a row", "refusals of gina", "anomalies")):
            self.rows.row("%s is in section '%s', letter by letter" % (name, section), text in page.sections[section], page.sections[section][:1500])
        row = next((" | ".join(c) for c in page.of("signed") if c and c[0].startswith(k["stable"] + " ")), "")
        self.rows.row("who approved the release that carol and dave approved", "carol" in row and "dave" in row and "bob" not in row and "production" in row, row)
        note = page.pre
        size, _ = e.check_checkpoint(note, self.audit.vkey)
        self.rows.row("the checkpoint stands in it, signed", size == len(self.audit.records) and note == self.doc["checkpoint"]["text"], note)
        appendix = {int(c[0]): c[-1] for c in page.of("records") if c and c[0].isdigit()}
        self.rows.equal("and the leaf hashes", appendix, {m["index"]: m["leaf"] for m in self.doc["appendix"]})
        self.rows.row("the figures", "%dsigned" % self.doc["summary"]["signed"] in page.sections["summary"] and "%danomalies" % len(self.doc["anomalies"]) in page.sections["summary"],
                      page.sections["summary"][:300])
        missing = [r["index"] for r in self.doc["refusals"] if not any(c[0] == str(r["index"]) for c in page.of("refusals"))]
        self.rows.equal("a row for each refusal", missing, [])

    # --- periods and sources ---

    def periods(self):
        records = self.audit.records
        middle, end = thirds(records)
        doc = self.document("--database", self.audit.db, "--since", stamp(middle), "--until", stamp(end))
        inside = [r for r in records if middle <= r["t_ms"] < end]
        self.rows.row("a period: its records, its refusals, its changes", doc["records"]["count"] == len(inside)
                      and [r["index"] for r in doc["refusals"]] == [r["idx"] for r in inside if r["event"] in REFUSALS]
                      and {c["index"] for c in doc["changes"]} <= {r["idx"] for r in inside}
                      and sorted(r["id"] for r in doc["releases"]) == sorted({r["release"] for r in inside if "release" in r and r["event"] != "release.refused"})
                      and doc["checkpoint"]["size"] == len(records), doc["records"])
        none = self.document("--database", self.audit.db, "--since", "2100-01-01T00:00:00Z")
        self.rows.row("an empty period is an empty report", none["records"] == {"count": 0} and not any(none[n] for n in ("releases", "keys", "refusals", "changes", "anomalies", "appendix"))
                      and none["checkpoint"]["size"] == len(records) and set(none["summary"].values()) == {0}, none)
        page = Page(self.lab.audit("report", "--database", self.audit.db, "--since", "2100-01-01T00:00:00Z").out)
        self.rows.row("and its page says so", not page.wrong and "Nothing was refused in this period." in page.text and "No release key was used" in page.text
                      and e.check_checkpoint(page.pre, self.audit.vkey)[0] == len(records), page.wrong)
        radio = self.document("--database", self.audit.db, "--product", "edge-radio")
        self.rows.row("one product", {r["product"] for r in radio["releases"]} == {"edge-radio"} and radio["product"] == "edge-radio"
                      and all(r["product"] in ("", "edge-radio") for r in radio["refusals"]) and sum(k["signed"] for k in radio["keys"]) == 1, radio["summary"])

    def sources(self):
        def same(doc):
            return {n: v for n, v in doc.items() if n not in ("source", "made", "documents_missing")}

        until = stamp(self.audit.records[-1]["t_ms"])
        now = ("--now", "2030-01-01T00:00:00Z", "--until", until)
        a, b = self.document("--database", self.audit.db, *now), self.document(*now)
        self.rows.row("the server and a backup tell the same of a period that is over", {n: v for n, v in same(a).items() if n != "checkpoint"} == {
            n: v for n, v in same(b).items() if n != "checkpoint"} and b["source"] == "the server" and b["documents_missing"] == 0, [n for n in a if a[n] != b.get(n)])
        r1, r2 = (self.lab.audit("report", "--database", self.audit.db, "--now", "2030-01-01T00:00:00Z").out for _ in range(2))
        self.rows.row("made twice, byte for byte the same", r1 == r2 and "2030-01-01T00:00:00Z" in r1)
        plain = self.document("--file", self.audit.file, "--checkpoint", self.audit.checkpoint, *now)
        self.rows.row("an export has no documents: ids without names, and that is said", plain["documents_missing"] > 0 and REASON not in json.dumps(plain)
                      and [r["id"] for r in plain["releases"]] == [r["id"] for r in a["releases"]], plain["documents_missing"])
        page = Page(self.lab.audit("report", "--file", self.audit.file, "--checkpoint", self.audit.checkpoint).out)
        self.rows.row("on the page too", not page.wrong and "documents could not be had" in page.sections["basis"], page.wrong)
        early = self.document("--database", self.audit.db, "--now", "2001-01-01T00:00:00Z")
        self.rows.row("records later than the report are an anomaly", [x for x in early["anomalies"] if x["kind"] == "clock-ahead"], early["anomalies"])

    def refusals(self):
        bad = self.audit.bad
        bad("a report since behind until", ("report", "--since", "2026-11-21T00:00:00Z", "--until", "2026-11-20T00:00:00Z"), "nothing lies between")
        bad("a report at no time", ("report", "--now", "tomorrow"), "--now: 'tomorrow'")
        bad("a report of no product", ("report", "--product", "a b"), "expected a name")
        bad("a report with an event", ("report", "--event", "release.signed"), "--event")
        bad("a report of an export without its checkpoint", ("report", "--file", self.audit.file), "--checkpoint")
        r = self.lab.audit("report", "--database", self.audit.db, "--out", self.lab.path("work", "no", "such.html"), check=False)
        self.rows.row("into a folder that is not there", r.returncode != 0 and "such.html" in r.err and not os.path.exists(self.lab.path("work", "no")), r.err)
