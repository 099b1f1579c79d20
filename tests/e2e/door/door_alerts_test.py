"""GET /v1/alerts, the journal and the metrics: what in the log and beside it somebody should look at, and what nobody has to."""
import base64
import http.server
import json
import os
import pathlib
import sys
import threading
import time
import unittest
import uuid

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

import fake_registrar as fr
from door_crl_test import crl, publish
from door_read_test import conforms
from testbed import URI, Door, problem

sys.path.insert(0, str(pathlib.Path(os.environ.get("HALLMARK_SOURCE", ".")) / "tests/interop/schema"))
from store_model import ESP256, Key, encode, root_signed  # noqa: E402

HOUR, DAY = 3600_000, 86400_000
K1, K2 = "61" * 32, "62" * 32


def now_ms():
    return int(time.time() * 1000)


def refused(log, at, actor="ci", product="edge-router", event="release.refused", **more):
    log.t_ms = at - 1000
    return log.add(event, [b"x"], actor=actor, state="refused", outcome="rule.none", product=product, version="1.0.0",
                   channel="stable", policy=fr.HEX, **more)


def used(log, at, key=K1):
    log.t_ms = at - 1000
    return log.add("sign.intended", state="signing", sequence=1, manifest=fr.HEX, statement=fr.HEX, store_epoch=1, release="r4",
                   product="edge-router", version="2.1.0", channel="stable", environment="production", policy=fr.HEX,
                   keys=[dict(fr.RELEASE_KEYS[0], spki=key)])


class AlertCase(unittest.TestCase):
    def setUp(self):
        self.log = fr.Log()
        self.log.t_ms = now_ms() - 70 * DAY
        self.log.statements = {}
        self.log.add("log.created", [b"genesis", b"guards", b"policy"])
        self.log.add("policy.activated", [b"policy"], policy=fr.HEX)

    def open(self, begin=True, alerts=None, **config):
        """Nothing ends soon unless a test says so."""
        door = Door(log=self.log, begin=False, alerts=dict({"certificate_days": 1}, **(alerts or {})), **config)
        self.addCleanup(door.close)
        self.door = door
        if begin:
            self.begin()
        return door

    def begin(self):
        self.door.start()
        self.assertTrue(self.door.ready())
        self.assertTrue(self.door.settle(lambda: self.metrics("hallmarkd_log_size") == len(self.log.records)))
        self.assertTrue(self.door.settle((self.door.dir / "var" / "query.db.alerts").exists), "what is new begins somewhere")

    def metrics(self, name):
        for line in self.door.get("/metrics")[2].decode().splitlines():
            if line.startswith(name + " "):
                return int(line.rsplit(" ", 1)[1])
        return None

    def alerts(self, query=""):
        status, body = self.door.json("/v1/alerts" + query)
        self.assertEqual(status, 200)
        conforms("AlertPage", body)
        return body["alerts"]

    def found(self, kind, count=1):
        """So many of this kind, once they are there; oldest first."""
        self.assertTrue(self.door.settle(lambda: len(self.alerts("?kind=" + kind)) >= count),
                        (kind, self.alerts(), self.door.text()[-2000:]))
        return self.alerts("?kind=" + kind)[::-1]

    def none(self, *kinds):
        """Not after everything was looked at, either."""
        time.sleep(1)
        self.assertEqual([a for a in self.alerts() if a["kind"] in kinds], [])


class Records(AlertCase):
    def test_refusals_in_a_row(self):
        start = now_ms() - 30 * 60_000
        rows = [refused(self.log, start + i * 1000, product="p%d" % i) for i in range(6)]
        self.open()
        a = self.found("refusals")[0]
        self.assertEqual((a["subject"], a["severity"], a["count"], a["current"]), ("actor:ci", "warning", 2, True))
        self.assertEqual((a["records"], a["last_record"]), (rows, rows[-1]))
        self.assertEqual(len(self.alerts("?kind=refusals")), 1, "five products were refused once each")
        self.assertEqual(self.metrics('hallmarkd_alerts_total{kind="refusals"}'), 0, "what was there before is shown, not reported")
        ten = [refused(self.log, now_ms() - 60_000 + i, actor="p%d" % i, product="sensor") for i in range(5)]
        b = self.found("refusals", 2)[1]
        self.assertEqual((b["subject"], b["records"]), ("product:sensor", ten))
        self.assertTrue(self.door.settle(lambda: self.metrics('hallmarkd_alerts_total{kind="refusals"}') == 1))
        self.assertIn("alert refusals: product:sensor: 5 refusals or more in a row", self.door.text())

    def test_what_is_no_row(self):
        start = now_ms() - 20 * HOUR
        for i in range(4):
            refused(self.log, start + i, actor="few", product="a%d" % i)
        for i in range(12):  # with an hour and more between them
            refused(self.log, start + (i + 1) * (HOUR + 1000), actor="slow", product="b%d" % i)
        for i in range(12):  # and with something that was accepted
            refused(self.log, start + 14 * HOUR + i * 5000, actor="ci", product="edge-router")
            if i % 4 == 3:
                fr.submit(self.log, "7.0.%d" % i)
        self.open()
        self.none("refusals")

    def test_thresholds_are_those_of_the_configuration(self):
        start = now_ms() - 7200_000
        for i in range(2):  # exactly as far apart as may be
            refused(self.log, start + i * 7000_000, product="c%d" % i)
        self.open(alerts={"refusals": 2, "refusals_gap_s": 7000})
        self.assertEqual(self.found("refusals")[0]["subject"], "actor:ci")

    def test_single_records(self):
        log, at = self.log, now_ms() - 60_000
        about = dict(release="r4", product="edge-router", version="1.0.0", channel="stable", environment="production", policy=fr.HEX)
        log.t_ms = at
        log.add("policy.activated", [b"policy"], policy="ef" * 32)
        log.add("release.submitted", [b"r", b"m"], actor="ci", state="submitted", sequence=9, expires_s=1893456000, artifacts=[fr.HEX],
                manifest=fr.HEX, keys=fr.RELEASE_KEYS, outcome="break-glass", **about)
        log.add("sign.intended", state="signing", sequence=9, manifest=fr.HEX, statement=fr.HEX, keys=fr.RELEASE_KEYS, store_epoch=1, **about)
        log.add("sign.failed", state="approved", intent=len(log.records) - 1, outcome="hsm", keys=fr.RELEASE_KEYS, **about)
        self.open()
        for kind, severity, subject in (("policy_changed", "info", "policy"), ("break_glass", "critical", "release:r4"),
                                        ("sign_failed", "warning", "key:" + "11" * 32)):
            with self.subTest(kind=kind):
                found = self.found(kind)
                self.assertEqual([(a["severity"], a["subject"]) for a in found], [(severity, subject)])

    def test_after_a_restart(self):
        """The same alerts under the same ids, in the journal once."""
        self.open()
        for i in range(5):
            refused(self.log, now_ms() - 5000 + i, product="d%d" % i)
        before = self.found("refusals")
        self.assertTrue(self.door.settle(lambda: "alert refusals: actor:ci" in self.door.text()))
        time.sleep(0.5)
        self.door.stop()
        for p in (self.door.dir / "var").glob("query.db*"):
            if not p.name.endswith(".alerts"):
                p.unlink()
        self.begin()
        self.assertEqual(self.found("refusals"), before)
        time.sleep(1)
        self.assertEqual(self.door.text().count("alert refusals: actor:ci"), 1)
        self.assertEqual(self.metrics('hallmarkd_alerts_total{kind="refusals"}'), 0)

    def test_a_damaged_file_is_told(self):
        self.open()
        self.door.stop()
        path = self.door.dir / "var" / "query.db.alerts"
        path.write_bytes(b'{"next":0}')
        try:
            self.door.start()
        except RuntimeError:
            pass
        self.assertEqual(self.door.process.wait(60), 1)
        self.assertIn("remove it to report from now on", self.door.text())
        path.unlink()
        self.begin()


class Usage(AlertCase):
    """Eight weeks of working days, 9 to 17 h UTC, three uses an hour; the last of them ends before the last 24 hours."""

    def history(self, key=K1):
        self.end = (now_ms() // DAY - 1) * DAY
        for day in range(self.end - 56 * DAY, self.end, DAY):
            if (day // DAY + 3) % 7 < 5:  # the epoch was a Thursday
                for hour in range(9, 17):
                    for n in range(3):
                        used(self.log, day + hour * HOUR + n * 60_000, key)

    def test_at_an_unusual_hour(self):
        self.history()
        odd = used(self.log, self.end + 3 * HOUR + 60_000)
        used(self.log, self.end + 3 * HOUR + 90_000, K2)  # one without a history is not judged
        self.open()
        found = self.found("key_hours")
        self.assertEqual([(a["subject"], a["severity"], a["records"]) for a in found], [("key:" + K1, "warning", [odd])])
        self.assertIn("used at 03 h (UTC)", found[0]["text"])
        self.none("key_rate")

    def test_at_an_unusual_rate(self):
        self.history()
        rows = [used(self.log, self.end + 10 * HOUR + n * 1000) for n in range(60)]
        self.open()
        found = self.found("key_rate")
        self.assertEqual([a["subject"] for a in found], ["key:" + K1])
        self.assertEqual(found[0]["last_record"], rows[-1])
        self.assertLess(rows[0] + 19, found[0]["records"][0])

    def test_as_always(self):
        self.history()
        self.open()
        self.none("key_hours", "key_rate")

    def test_a_short_history_is_not_judged(self):
        self.end = (now_ms() // DAY - 1) * DAY
        for day in range(self.end - 14 * DAY, self.end, DAY):
            for n in range(20):
                used(self.log, day + 9 * HOUR + n * 1000)
        used(self.log, self.end + 3 * HOUR)
        self.open()
        self.none("key_hours", "key_rate")


class Lasting(AlertCase):
    def test_the_doors_certificate(self):
        self.open(alerts={"certificate_days": 30})
        # The certificate that asks is within its 30 days, too.
        a = next(a for a in self.found("certificate_expires", 2) if a["subject"] == "certificate:door")
        self.assertEqual((a["subject"], a["severity"], a["count"], a["records"]), ("certificate:door", "warning", 1, []))
        self.assertNotIn("last_record", a)
        self.assertRegex(a["text"], r"^ends 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertTrue(self.door.settle(lambda: self.metrics('hallmarkd_alerts_current{severity="warning"}') >= 1))
        self.assertTrue(self.door.settle(lambda: "warning: alert certificate_expires: certificate:door: ends" in self.door.text()))

    def test_clients_certificates(self):
        door = self.open()
        door.pki.leaf("soon", URI + "dora", days=(-5, 0.9))
        door.pki.leaf("now", URI + "kurt", days=(-5, 0.1))
        for who in ("soon", "now", "alice", "nobody"):
            door.get("/v1/releases", who)
        found = self.found("certificate_expires", 2)
        self.assertEqual({a["subject"].rsplit(":", 1)[0]: a["severity"] for a in found},
                         {"certificate:dora": "warning", "certificate:kurt": "critical"})
        print_of = lambda n: x509_print(door.dir / (n + ".pem"))[:16]  # noqa: E731
        self.assertEqual({a["subject"].rsplit(":", 1)[1] for a in found}, {print_of("soon"), print_of("now")})

    def test_approvers_certificates(self):
        door = self.open(begin=False)
        for name, days in (("late", 0.5), ("fine", 20)):
            door.pki.leaf(name, URI + name, days=(-5, days))
        people = [{"id": n, "approval_keys": [{"certificate": (door.dir / (n + ".pem")).read_text()}]} for n in ("late", "fine")]
        door.registrar.policy = json.dumps({"principals": people + [{"id": "keyless"}]}).encode()
        self.begin()
        self.assertEqual([a["subject"].rsplit(":", 1)[0] for a in self.found("certificate_expires")], ["certificate:late"])

    def test_keys_of_trust_stores(self):
        soon, fine, never, root = (Key(ESP256) for _ in range(4))
        now = now_ms() // 1000
        vendor = uuid.uuid5(uuid.NAMESPACE_DNS, "example.com").bytes
        keys = sorted([k.kid, k.alg, k.raw, now - 100, end] for k, end in
                      ((soon, now + 10 * 86400), (fine, now + 400 * 86400), (never, 0), (root, 0)))
        log_key = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        store = {1: 1, 2: 7, 3: vendor, 4: now, 5: [[root.kid], 1], 6: [[[b"\1" * 16], sorted(k.kid for k in (soon, fine, never)), 1]],
                 7: keys, 8: [], 9: [fr.ORIGIN, log_key, [], 0], 10: []}
        self.log.add("trust_store.published", [b"store"], environment="production", policy=fr.HEX)
        self.log.add("trust_store.published", [b"store"], environment="spoilt", policy=fr.HEX)
        door = self.open(begin=False)
        door.registrar.stores = {"production": root_signed(encode(store), [root]), "spoilt": b"\xa1\x01\x01"}
        self.begin()
        self.assertEqual([(a["subject"], a["severity"]) for a in self.found("key_expires")],
                         [("key:%s:production" % soon.id, "critical")])
        self.assertIn("trust store of spoilt", door.text(), "what cannot be read is told, and hides nothing else")

    def test_revocation_lists(self):
        door = self.open(begin=False, client_crl="crl.pem", alerts={"crl_hours": 48})
        publish(door.pki, crl(door.pki, update=1.0))
        self.begin()
        a = self.found("crl_expires")[0]
        self.assertEqual((a["subject"], a["severity"]), ("crl:client", "warning"))

    def test_lists_that_last(self):
        door = self.open(begin=False, client_crl="crl.pem")
        publish(door.pki, crl(door.pki, update=9.0))
        self.begin()
        time.sleep(6)
        self.assertEqual(self.alerts(), [], "nothing ends soon")

    def test_records_of_the_future(self):
        self.open()
        refused(self.log, now_ms() + 10 * 60_000)
        a = self.found("clock")[0]
        self.assertEqual((a["subject"], a["severity"]), ("clock:records", "warning"))
        self.assertRegex(a["text"], r"^\d{3}\.\d{3} s ahead$")


def x509_print(path):
    from cryptography import x509
    return x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(hashes.SHA256()).hex()


class Reading(AlertCase):
    def test_pages_and_filters(self):
        for n in range(7):
            refused(self.log, now_ms() - (10 - n) * HOUR, actor="a%d" % n, product="p%d" % n)
            refused(self.log, now_ms() - (10 - n) * HOUR + 1, actor="a%d" % n, product="p%d" % n)
        self.open(alerts={"refusals": 2})
        found = self.found("refusals", 14)[::-1]
        self.assertEqual([a["first"] for a in found], sorted((a["first"] for a in found), reverse=True))
        paged, after = [], ""
        while True:
            status, body = self.door.json("/v1/alerts?kind=refusals&limit=4" + after)
            self.assertLessEqual(len(body["alerts"]), 4)
            paged += body["alerts"]
            if "next" not in body:
                break
            after = "&after=" + body["next"]
        self.assertEqual(paged, found)
        self.assertEqual(self.alerts("?severity=critical"), [])
        self.assertEqual(len(self.alerts("?severity=warning")), 14)
        self.assertEqual(self.alerts("?kind=refusals&current=true"), [])
        self.assertEqual(len(self.alerts("?current=false")), 14)

    def test_what_is_too_old_is_not_shown(self):
        for n in range(5):
            refused(self.log, now_ms() - 40 * DAY + n, product="p%d" % n)
        for n in range(5):
            refused(self.log, now_ms() - 29 * DAY + n, actor="other", product="q%d" % n)
        self.open()
        self.assertEqual([a["subject"] for a in self.found("refusals")], ["actor:other"])

    def test_bad_parameters(self):
        self.open()
        for query in ("kind=refusal", "kind=", "severity=bad", "current=yes", "current=1", "limit=0", "limit=x", "after=1", "after=1-2",
                      "after=-0123456789abcdef", "after=01-0123456789abcdef", "after=1-0123456789abcdeg", "after=1-0123456789abcdef0",
                      "kind=refusals&kind=clock", "actor=ci", "kind=%00"):
            with self.subTest(query=query):
                answer = self.door.get("/v1/alerts?" + query)
                self.assertEqual(answer[0], 400)
                self.assertIn(problem(answer), ("bad-parameter", "bad-request"))

    def test_who(self):
        self.open()
        for who, status in (("ci", 200), ("alice", 200), ("audit", 200), ("dora", 200), ("kurt", 200), ("plain", 403), ("nobody", 401),
                            (None, 401)):
            self.assertEqual(self.door.get("/v1/alerts", who)[0], status, who)
        for method in ("POST", "PUT", "DELETE"):
            self.assertEqual(self.door.call(method, "/v1/alerts", b"{}", "dora", {"Content-Type": "application/json"})[0], 405)


class FakeWitness:
    """Answers add-checkpoint as a test wants it."""

    def __init__(self):
        self.answer, self.asked = (503, b"", "text/plain"), 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.asked += 1
                status, body, kind = outer.answer
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *a):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def says(self, status, body=b"", kind="text/plain"):
        self.answer = status, body, kind

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Witnesses(AlertCase):
    LINE = "\u2014 w.example/1 {}\n".format(base64.b64encode(b"\0" * 76).decode()).encode()

    def witnessed(self):
        self.w = FakeWitness()
        self.addCleanup(self.w.close)
        self.open(witnesses=[{"name": "w.example/1", "url": self.w.url}])

    def metric(self, name):
        return self.metrics('hallmarkd_witness_%s{witness="w.example/1"}' % name)

    def test_cosigns(self):
        self.witnessed()
        self.w.says(200, self.LINE)
        self.assertTrue(self.door.settle(lambda: self.metric("size") == len(self.log.records)))
        cosigned = self.metric("cosigned_total")
        self.assertGreaterEqual(self.metric("asked_total"), cosigned)
        self.assertGreaterEqual(cosigned, 1)
        self.assertEqual((self.metric("up"), self.metric("disagrees")), (1, 0))
        self.none("witness")

    def test_has_seen_another_log(self):
        for says in ((422,), (409, b"500\n", "text/x.tlog.size"), (403,)):
            with self.subTest(says=says):
                self.witnessed()
                self.w.says(*says)
                a = self.found("witness")[0]
                self.assertEqual((a["subject"], a["severity"], a["current"]), ("witness:w.example/1", "critical", True))
                self.assertTrue(self.door.settle(lambda: self.metric("disagrees") == 1))
                self.assertEqual(self.metric("up"), 0)
                self.assertTrue(self.door.settle(lambda: "error: alert witness: witness:w.example/1: " in self.door.text()))
                self.w.says(503)
                asked = self.w.asked
                self.assertTrue(self.door.settle(lambda: self.w.asked > asked + 1))
                self.assertEqual(self.metric("disagrees"), 1, "one that is away has not changed its mind")
                self.w.says(200, self.LINE)
                self.assertTrue(self.door.settle(lambda: self.metric("disagrees") == 0))
                self.assertEqual(self.door.text().count("alert witness: "), 1)

    def test_a_cosignature_that_does_not_verify(self):
        self.witnessed()
        self.door.registrar.believes = False
        self.w.says(200, self.LINE)
        self.assertIn("does not verify", self.found("witness")[0]["text"])
        self.assertEqual(self.metric("cosigned_total"), 0)

    def test_asked_before_anybody_names_it(self):
        """Witnesses are set up before the policy names them: that is no alert."""
        self.witnessed()
        self.door.registrar.believes = None
        self.w.says(200, self.LINE)
        self.assertTrue(self.door.settle(lambda: self.metric("up") == 1))
        self.assertEqual(self.metric("disagrees"), 0)
        self.none("witness")

    def test_only_away(self):
        self.witnessed()
        for says in ((503,), (404,), (409, b"x", "text/plain"), (200,), (409, b"1\n", "text/x.tlog.size"), (301,)):
            self.w.says(*says)
            asked = self.w.asked
            self.assertTrue(self.door.settle(lambda: self.w.asked > asked + 1), says)
        self.assertEqual((self.metric("up"), self.metric("disagrees"), self.metric("cosigned_total")), (0, 0, 0))
        self.none("witness")


if __name__ == "__main__":
    unittest.main()
