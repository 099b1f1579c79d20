"""What is shown: releases, entries, bundle, proofs; checked with code of its own."""
import base64
import hashlib
import json
import os
import threading
import time
import unittest

import jsonschema

import fake_registrar as fr
from testbed import DoorCase, problem

SOURCE = os.environ.get("HALLMARK_SOURCE", ".")
with open(os.path.join(SOURCE, "schema", "openapi.json"), "rb") as described:
    OPENAPI = json.load(described)


def conforms(schema, value):
    jsonschema.Draft202012Validator({"$ref": "#/components/schemas/" + schema, "components": OPENAPI["components"]}).validate(value)


class Releases(DoorCase):
    def test_one(self):
        status, headers, body = self.door.get("/v1/releases/r4")
        r = json.loads(body)
        conforms("Release", r)
        self.assertEqual((r["state"], r["approvals"], r["signed_index"], r["records"]), ("signed", 1, 7, [4, 5, 6, 7]))
        self.assertEqual(headers["etag"], '"7"')
        self.assertEqual(self.door.get("/v1/releases/r5")[0], 404)
        self.assertEqual(self.door.get("/v1/releases/r4", headers={"If-None-Match": '"7"'})[0], 304)
        self.assertEqual(self.door.get("/v1/releases/r4", headers={"If-None-Match": '"6"'})[0], 200)

    def test_pages(self):
        for _ in range(5):
            self.door.post("/v1/releases")
        seen, after = [], ""
        while True:
            status, page = self.door.json("/v1/releases?limit=2" + after)
            conforms("ReleasePage", page)
            seen += [i["id"] for i in page["items"]]
            if "next" not in page:
                break
            after = "&after=" + page["next"]
        every = [i["id"] for i in self.door.json("/v1/releases?limit=1000")[1]["items"]]
        self.assertEqual(seen, every)
        self.assertEqual(seen, sorted(seen, key=lambda i: -int(i[1:])))

    def test_filters(self):
        for query, expected in (("state=signed", ["r4"]), ("version=2.1.0", ["r4"]), ("product=none", []),
                                ("submitter=ci&version=2.2.0", ["r8"]), ("channel=beta", []), ("environment=staging", [])):
            self.assertEqual([i["id"] for i in self.door.json("/v1/releases?" + query)[1]["items"]], expected, query)

    def test_wait(self):
        log = self.registrar.log
        idx = fr.submit(log, "5.0.0")
        path = "/v1/releases/r%d" % idx
        self.assertTrue(self.door.settle(lambda: self.door.get(path)[0] == 200))
        start = time.monotonic()
        self.assertEqual(self.door.get(path + "?wait=1s", headers={"If-None-Match": '"%d"' % idx})[0], 304)
        self.assertGreaterEqual(time.monotonic() - start, 0.9)
        about = dict(release="r%d" % idx, product="edge-router", version="5.0.0", channel="stable", environment="production",
                     policy=fr.HEX)
        timer = threading.Timer(0.7, lambda: log.add("release.cancelled", [b"doc"], state="cancelled", actor="ci", **about))
        timer.start()
        start = time.monotonic()
        status, r = self.door.json(path + "?wait=30s", headers={"If-None-Match": '"%d"' % idx})
        self.assertLess(time.monotonic() - start, 25, "not when the wait is over")
        self.assertEqual((status, r["state"]), (200, "cancelled"))

    def test_one_caller_does_not_keep_others_from_waiting(self):
        etag = self.door.get("/v1/releases/r8")[1]["etag"]
        request = ("GET /v1/releases/r8?wait=60s HTTP/1.1\r\nHost: x\r\nIf-None-Match: %s\r\n\r\n" % etag).encode()
        held = [self.door.connect("audit") for _ in range(64)]
        for s in held:
            s.sendall(request)
        time.sleep(3)  # asking whether they wait would take one of their places
        self.assertEqual(self.door.get("/v1/releases/r8?wait=1s", "audit", headers={"If-None-Match": etag})[0], 429)
        self.assertEqual(self.door.get("/v1/releases/r8?wait=1s", "alice", headers={"If-None-Match": etag})[0], 304)
        for s in held:
            s.close()
        self.assertTrue(self.door.settle(lambda: self.door.get(
            "/v1/releases/r8?wait=1s", "audit", headers={"If-None-Match": etag})[0] == 304, 25), "places of callers that went")

    def test_statement_manifest_bundle(self):
        log = self.registrar.log
        self.assertEqual(self.door.get("/v1/releases/r4/statement")[2], log.statements[4])
        manifest = self.door.get("/v1/releases/r4/manifest")
        self.assertEqual((manifest[1]["content-type"], manifest[2]), ("application/suit-manifest+cbor", b"manifest-bytes"))
        status, bundle = self.door.json("/v1/releases/r4/bundle")
        self.assertEqual(status, 200)
        conforms("Bundle", bundle)
        self.assertEqual(base64.b64decode(bundle["manifest.suit"]), b"\xd8\x6benvelope")
        self.assertEqual(bundle["attestations"], ['{"dsse":1}', '{"dsse":"\u00e9"}'])
        self.assertEqual(bundle["approvals"], ['{"signed":"approval"}'])
        self.assertEqual(bundle["request"], '{"signed":"request"}')
        self.assertEqual(bundle["artifacts"], [{"name": "firmware.bin", "sha256": fr.sha(b"firmware").hex(), "size": 8}])
        self.assertEqual(base64.b64decode(bundle["trust_store"]), b"\xa1\x01\x01")
        self.assertIn("index 7\n", bundle["release.tlog-proof"])
        answer = self.door.get("/v1/releases/r8/bundle")
        self.assertEqual((answer[0], problem(answer)), (409, "state"))
        for what in ("bundle", "manifest", "statement"):
            self.assertEqual(self.door.get("/v1/releases/r5/" + what)[0], 404, what)


class Crowded(DoorCase):
    def test_a_bundle_among_many_refusals(self):
        """Whoever has many approvals refused keeps nobody from the bundle: what it is made of is looked for, not counted off."""
        log = self.registrar.log
        first = {"product": "edge-router", "version": "2.9.0", "channel": "stable", "environment": "production", "policy": fr.HEX}
        idx = fr.submit(log, "2.9.0")
        first["release"] = "r%d" % idx
        for i in range(1100):
            log.add("approval.refused", actor="kurt", outcome="signature", **first)
        log.add("approval.recorded", [b'{"signed":"late approval"}'], actor="alice", state="approved", manifest=fr.HEX, statement=fr.HEX,
                approver_key="33" * 32, **first)
        intent = log.add("sign.intended", state="signing", sequence=2, manifest=fr.HEX, statement=fr.HEX, keys=fr.RELEASE_KEYS, store_epoch=1, **first)
        log.add("release.signed", [b"\xd8\x6blate"], state="signed", sequence=2, manifest=fr.HEX, keys=fr.RELEASE_KEYS, store_epoch=1,
                intent=intent, outcome="ok", artifacts=[fr.sha(b"other").hex()], **first)
        self.assertTrue(self.door.settle(lambda: self.door.json("/v1/releases/r%d" % idx)[1].get("state") == "signed"))
        status, bundle = self.door.json("/v1/releases/r%d/bundle" % idx)
        self.assertEqual(status, 200, bundle)
        self.assertEqual(base64.b64decode(bundle["manifest.suit"]), b"\xd8\x6blate")
        self.assertEqual(bundle["approvals"], ['{"signed":"late approval"}'])


class Entries(DoorCase):
    def entries(self, query):
        status, page = self.door.json("/v1/log/entries?" + query)
        self.assertEqual(status, 200, page)
        conforms("EntryPage", page)
        return [e["index"] for e in page["entries"]]

    def test_filters(self):
        artifact = fr.sha(b"firmware").hex()
        for query, expected in (("", list(range(9))), ("event=release.signed", [7]), ("release=r4", [4, 5, 6, 7]),
                                ("actor=alice", [5]), ("artifact=" + artifact, [4, 7]), ("artifact=sha256:" + artifact, [4, 7]),
                                ("key=" + "33" * 32, [5]), ("outcome=ok", [7]), ("after=5", [6, 7, 8]), ("limit=2", [0, 1]),
                                ("order=desc&limit=3", [8, 7, 6]), ("order=desc&after=2", [1, 0]),
                                ("since=2026-09-21T14:13:28Z", [7, 8]), ("until=2026-09-21T14:13:23Z", [0, 1]),
                                ("product=edge-router&event=release.submitted&version=2.2.0", [8])):
            with self.subTest(query=query):
                self.assertEqual(self.entries(query), expected)

    def test_leaf_and_record(self):
        status, page = self.door.json("/v1/log/entries")
        for e in page["entries"]:
            status, headers, data = self.door.get("/v1/log/entries/%d" % e["index"])
            self.assertEqual(hashlib.sha256(b"\0" + data).hexdigest(), e["leaf"])
            self.assertEqual(json.loads(data), e["record"])
            self.assertEqual(data, self.registrar.log.records[e["index"]])
        self.assertEqual(self.door.get("/v1/log/entries/9")[0], 404)

    def test_evidence(self):
        self.assertEqual(self.door.get("/v1/log/entries/4/evidence/3")[2], b'{"dsse":"\xc3\xa9"}')
        self.assertEqual(self.door.get("/v1/log/entries/4/evidence/4")[0], 404)
        self.assertEqual(self.door.get("/v1/log/entries/3/evidence/0")[0], 404)

    def test_lines(self):
        for query, expected in (("", list(range(9))), ("?order=desc", list(range(8, -1, -1))), ("?actor=nobody", []),
                                ("?event=release.submitted", [4, 8]), ("?limit=4", [0, 1, 2, 3])):
            status, headers, body = self.door.get("/v1/log/entries" + query, headers={"Accept": "application/jsonl"})
            self.assertEqual(headers["content-type"], "application/jsonl")
            self.assertEqual(body.splitlines(), [self.registrar.log.records[i] for i in expected], query)

    def test_proofs(self):
        log = self.registrar.log
        note = self.door.get("/v1/log/checkpoint")
        self.assertEqual(note[2], log.note(9))
        for i in range(9):
            status, headers, proof = self.door.get("/v1/log/entries/%d/proof" % i)
            self.assertEqual((proof, headers["hallmark-log-size"]), (log.tlog_proof(i), "9"))
            self.assertEqual(self.door.get("/v1/log/entries/%d/proof?size=9" % i)[2], proof)
        self.assertNotIn(fr.PROOF, self.registrar.calls)

    def test_no_such_proof(self):
        for path, status, name in (("9/proof", 404, "not-found"), ("9/proof?size=9", 404, "not-found"), ("3/proof?size=8", 404, "not-found"),
                                   ("3/proof?size=10", 404, "not-found"), ("3/proof?size=9223372036854775807", 404, "not-found"),
                                   ("3/proof?size=0", 400, "bad-parameter"), ("3/proof?size=-1", 400, "bad-parameter"),
                                   ("3/proof?size=09", 400, "bad-parameter"), ("3/proof?size=x", 400, "bad-parameter"),
                                   ("3/proof?size=9&size=9", 400, "bad-parameter"), ("3/proof?sizes=9", 400, "bad-parameter"),
                                   ("-1/proof", 404, "not-found"), ("x/proof", 404, "not-found")):
            with self.subTest(path):
                answer = self.door.get("/v1/log/entries/" + path)
                self.assertEqual((answer[0], problem(answer)), (status, name))
        self.assertIn("over 9", json.loads(self.door.get("/v1/log/entries/3/proof?size=8")[2])["detail"])

    def test_consistency(self):
        log = self.registrar.log
        for size in range(10):
            for old in range(size + 1):
                status, c = self.door.json("/v1/log/consistency?old=%d&size=%d" % (old, size))
                conforms("Consistency", c)
                self.assertEqual([base64.b64decode(h) for h in c["hashes"]], fr.Tree.consistency(old, log.leaves[:size]))
        for query, status in (("old=3&size=10", 404), ("old=4&size=3", 400), ("size=3", 400), ("old=3", 400), ("old=-1&size=3", 400),
                              ("old=0&size=9223372036854775808", 400)):
            self.assertEqual(self.door.get("/v1/log/consistency?" + query)[0], status, query)
        self.assertEqual(self.registrar.calls.get(fr.CONSISTENCY, 0), 0)


class Description(DoorCase):
    def refs(self, value):
        if isinstance(value, dict):
            if "$ref" in value:
                yield value["$ref"]
            for v in value.values():
                yield from self.refs(v)
        elif isinstance(value, list):
            for v in value:
                yield from self.refs(v)

    def test_served_as_it_stands(self):
        status, headers, body = self.door.get("/openapi.json", None)
        with open(os.path.join(SOURCE, "schema", "openapi.json"), "rb") as f:
            self.assertEqual(body, f.read())

    def test_references_resolve(self):
        used = set(self.refs(OPENAPI))
        for ref in used:
            at = OPENAPI
            for part in ref.lstrip("#/").split("/"):
                at = at[part]
        for kind in ("schemas", "responses", "parameters", "headers"):
            for name in OPENAPI["components"][kind]:
                self.assertIn("#/components/%s/%s" % (kind, name), used, "described and not used")

    def test_schemas_are_schemas(self):
        for name, schema in OPENAPI["components"]["schemas"].items():
            jsonschema.Draft202012Validator.check_schema(schema)

    def test_path_parameters(self):
        for path, methods in OPENAPI["paths"].items():
            wanted = {p.strip("{}") for p in path.split("/") if p.startswith("{")}
            for op in methods.values():
                named = [OPENAPI["components"]["parameters"][p["$ref"].rsplit("/", 1)[1]] for p in op.get("parameters", [])]
                self.assertEqual({p["name"] for p in named if p["in"] == "path"}, wanted, path)
                self.assertIn("responses", op)
        ids = [op["operationId"] for m in OPENAPI["paths"].values() for op in m.values()]
        self.assertEqual(len(ids), len(set(ids)))

    def test_every_problem_conforms(self):
        for answer in (self.door.get("/nothing"), self.door.get("/v1/releases", None), self.door.get("/v1/releases?x=1"),
                       self.door.call("DELETE", "/healthz"), self.door.put(b"x", "alice"), self.door.put(b"x", name="0" * 64)):
            conforms("Problem", json.loads(answer[2]))
            self.assertEqual(answer[1]["content-type"], "application/problem+json")
            self.assertEqual(json.loads(answer[2])["status"], answer[0])

    def test_metrics(self):
        self.door.get("/nothing-%d" % time.time_ns())
        wanted = ['hallmarkd_requests_total{method="",route="none",status="404"}'] + ["hallmarkd_" + name for name in (
            "log_size 9", "registrar_up 1", "read_model_ok 1", "read_model_lag 0", "requests_in_flight 1", "connections 1")]
        metrics = lambda: self.door.get("/metrics")[2].decode()  # noqa: E731
        # Connections that their clients have closed are counted until it is noticed.
        self.assertTrue(self.door.settle(lambda: all(map(metrics().__contains__, wanted))), metrics())
        text = metrics()
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) [a-z_]+ .*|[a-z_]+(\{[^}]*(\{[a-z]+\}[^}]*)*\})? [0-9]+)$')


if __name__ == "__main__":
    unittest.main()
