"""Webhooks over real sockets: signed, in order, again after a failure, neither lost nor repeated by a restart, and nowhere else."""
import json
import os
import shutil
import signal
import ssl
import time
import unittest

import fake_registrar as fr
from door_read_test import OPENAPI, conforms
from receiver import Receiver, secret_text
from testbed import Door

KEY, OTHER = bytes(range(32)), b"another secret of the right size"
EXIT_CONFIG = 78


def now_ms():
    return int(time.time() * 1000)


def started(log):
    return log.add("registrar.started", policy=fr.HEX, random="%064x" % len(log.records))


def refused(log, actor="ci", product="edge-router"):
    return log.add("release.refused", [b"x"], actor=actor, state="refused", outcome="rule.none", product=product, version="1.0.0",
                   channel="stable", policy=fr.HEX)


class HookCase(unittest.TestCase):
    def setUp(self):
        self.parts = []

    def tearDown(self):
        for p in reversed(self.parts):
            p.close()

    def receiver(self, **kw):
        self.parts.append(Receiver(**kw))
        return self.parts[-1]

    def make(self, *receivers, hook=None, secret=secret_text(KEY).encode() + b"\n", begin=True, **config):
        """A door whose hooks lead to these receivers; its log is of today."""
        log = fr.founded()
        log.t_ms = now_ms() - 60000
        door = Door(log=log, begin=False, **config)
        self.parts.append(door)
        path = door.secret("hook.secret", secret)
        door.config["webhooks"] = [dict({"url": r.url + "/in", "secret_file": path, "timeout_s": 20}, **(hook or {})) for r in receivers]
        if begin:
            door.start()
            self.assertTrue(door.ready())
            self.begun(door)
        return door

    def refuses(self, door, code):
        """It does not start, and ends with this exit code; what it says about that."""
        before = len(door.text()) if door.process else 0
        try:
            door.start()
        except RuntimeError:
            pass
        self.assertEqual(door.process.wait(60), code)
        door.journal.close()
        return door.text()[before:]

    def discard(self, door):
        self.parts.remove(door)
        door.registrar.stop()
        shutil.rmtree(door.dir)

    def begun(self, door):
        """New hooks have found out where they begin."""
        self.assertTrue(door.settle(lambda: len(self.cursors(door)) == len(door.config["webhooks"])))

    def cursors(self, door):
        """Their files; one that was being written when the door was killed is none."""
        return [p for p in (door.dir / "var").glob("webhook-*") if ".tmp-" not in p.name]

    def described(self, kind, schema, m):
        """In schema/openapi.json."""
        conforms(schema, m.json)
        for p in OPENAPI["webhooks"][kind]["post"]["parameters"]:
            self.assertRegex(m.headers[p["name"]], p["schema"].get("pattern", ""))

    def metric(self, door, name):
        for line in door.get("/metrics")[2].decode().splitlines():
            if line.startswith("hallmarkd_webhook_" + name + "{"):
                return int(line.split()[-1])
        return None

    def settled(self, door):
        """Everything was dealt with and written down, and nothing comes behind it."""
        size = len(door.registrar.log.records)
        written = lambda: [json.loads(p.read_bytes())["next"] for p in self.cursors(door)]  # noqa: E731
        self.assertTrue(door.settle(lambda: self.metric(door, "lag") == 0 and set(written()) == {size}), written())
        time.sleep(1.5)


class Delivery(HookCase):
    def test_signed_and_in_order(self):
        r = self.receiver()
        door = self.make(r)
        log = door.registrar.log
        added = [started(log) for _ in range(20)]
        got = r.wait(20)
        self.assertEqual([m.json["data"]["index"] for m in got], added, "what was there before anybody asked is not delivered")
        for i, m in zip(added, got):
            self.assertEqual((m.path, m.headers["content-type"]), ("/in", "application/json"))
            self.assertEqual(m.id, "record_%s_%d" % (fr.sha(log.origin.encode()).hex()[:16], i))
            self.assertTrue(m.signed_by(KEY))
            self.assertEqual(len(m.signatures()), 1)
            self.described("record", "RecordMessage", m)
            self.assertLess(abs(int(m.headers["webhook-timestamp"]) - time.time()), 120)
            self.assertEqual((m.json["type"], m.json["data"]["origin"]), ("registrar.started", log.origin))
            self.assertEqual(m.json["data"]["leaf"], log.leaves[i].hex())
            self.assertIn(b'"record":' + log.records[i] + b"}", m.body, "the very bytes of the log")
            self.assertRegex(m.json["timestamp"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        m = got[0]
        self.assertFalse(m.signed_by(OTHER))
        self.assertFalse(m.signed_by(KEY, body=m.body + b" "))
        self.assertFalse(m.signed_by(KEY, id=got[1].id))
        self.assertFalse(m.signed_by(KEY, timestamp=str(int(m.headers["webhook-timestamp"]) + 1)))
        self.assertTrue(door.settle(lambda: self.metric(door, "delivered_total") == 20))  # counted once it was answered
        for secret in (secret_text(KEY), secret_text(KEY)[6:], KEY.hex()):
            self.assertNotIn(secret, door.text())
            self.assertNotIn(secret, door.get("/metrics")[2].decode())
        self.assertNotIn("/in", door.text(), "the path of an address may be a secret")

    def test_what_was_asked_for(self):
        r, all_of = self.receiver(), self.receiver()
        door = self.make(r, all_of, begin=False)
        door.config["webhooks"][0].update(events=["release.refused", "release.submitted"], products=["edge-router"])
        door.start()
        self.assertTrue(door.ready())
        self.begun(door)
        log = door.registrar.log
        started(log)
        wanted = [refused(log)]
        refused(log, product="other")
        wanted.append(fr.submit(log, "9.0.0"))
        all_of.wait(4)
        self.assertEqual([m.json["data"]["index"] for m in r.wait(2)], wanted)
        self.settled(door)
        self.assertEqual(len(r.got), 2)

    def test_a_secret_that_is_being_replaced(self):
        r = self.receiver()
        door = self.make(r, secret=("%s\n%s\n" % (secret_text(KEY), secret_text(OTHER))).encode())
        started(door.registrar.log)
        m = r.wait(1)[0]
        self.assertEqual(len(m.signatures()), 2)
        self.assertTrue(m.signed_by(KEY) and m.signed_by(OTHER))
        self.assertFalse(m.signed_by(b"x" * 32))

    def test_secrets_that_are_not_taken(self):
        good = secret_text(KEY).encode()
        for data, mode, expected in ((good, 0o440, "others may read"), (good, 0o404, "others may read"), (b"", 0o400, "empty"),
                                     (good[6:], 0o400, "whsec_"), (b"whsec_" + b"A" * 28, 0o400, "24 to 64"), (b"whsec_!!!!", 0o400, "whsec_"),
                                     (secret_text(b"x" * 65).encode(), 0o400, "24 to 64"), (good + b"\r\n", 0o400, "whsec_"),
                                     (b"\n".join([good] * 3), 0o400, "whsec_"), (good + b"\n" * 2, 0o400, "whsec_"), (good * 30, 0o400, "1024")):
            with self.subTest(data=data[:40], mode=oct(mode)):
                door = self.make(begin=False)
                door.config["webhooks"] = [{"url": "http://127.0.0.1:9/", "secret_file": door.secret("s", data, mode)}]
                text = self.refuses(door, EXIT_CONFIG)
                self.assertIn(expected, text)
                self.assertNotIn(data.decode()[6:40] or "nothing", text, "the secret itself is not told")
                self.discard(door)
        for path in ("var/absent", "var", "/dev/zero"):
            with self.subTest(path=path):
                door = self.make(begin=False)
                door.config["webhooks"] = [{"url": "http://127.0.0.1:9/", "secret_file": path}]
                self.assertIn("secret_file", self.refuses(door, EXIT_CONFIG))
                self.discard(door)


class Tls(HookCase):
    def tls(self, door, name):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(str(door.dir / (name + ".pem")), str(door.dir / (name + ".key")))
        return c

    def test_https(self):
        door = self.make(begin=False, outbound_ca="ca.pem")
        door.pki.leaf("strange", None, fr_server(), issuer=door.pki.foreign)
        door.pki.leaf("old", None, fr_server(), days=(-9, -1))
        good, strange, old = (self.receiver(tls=self.tls(door, n)) for n in ("server", "strange", "old"))
        path = door.secret("s", secret_text(KEY).encode())
        by_address = good.url.replace("localhost", "127.0.0.1")  # the certificate says localhost
        door.config["webhooks"] = [{"url": u + "/in", "secret_file": path} for u in (good.url, strange.url, old.url, by_address + "/x")]
        door.start()
        self.assertTrue(door.ready())
        self.begun(door)
        started(door.registrar.log)
        self.assertTrue(good.wait(1)[0].signed_by(KEY))
        self.assertTrue(door.settle(lambda: door.text().count("tried again") == 3))
        self.assertEqual(([m.path for m in good.got], strange.got, old.got), (["/in"], [], []))


def fr_server():
    from cryptography.x509.oid import ExtendedKeyUsageOID
    return ExtendedKeyUsageOID.SERVER_AUTH


class Failures(HookCase):
    def test_again_and_slower(self):
        r = self.receiver()
        door = self.make(r, hook={"timeout_s": 4})
        r.plan = [500, 404, "hang", (503, {"Retry-After": "6"})]
        log = door.registrar.log
        first, second = started(log), started(log)
        got = r.wait(6, 120)
        self.assertEqual([m.json["data"]["index"] for m in got], [first] * 5 + [second], "later ones wait")
        self.assertEqual(len({m.id for m in got}), 2)
        self.assertEqual(len({m.body for m in got}), 2)
        self.assertTrue(all(m.signed_by(KEY) for m in got))
        self.assertGreater(int(got[4].headers["webhook-timestamp"]), int(got[0].headers["webhook-timestamp"]), "signed anew")
        gaps = [b.at - a.at for a, b in zip(got, got[1:])]
        for i, (least, most) in enumerate(((0.7, 25), (1.4, 25), (4 + 2.9, 25), (5.9, 25))):  # at most: far from the longest pause
            self.assertGreater(gaps[i], least, gaps)
            self.assertLess(gaps[i], most, gaps)
        self.settled(door)
        self.assertEqual(len(r.got), 6)
        self.assertEqual([self.metric(door, n) for n in ("failed_total", "delivered_total", "up", "dropped_total")], [4, 2, 1, 0])
        self.assertIn("it answered 500", door.text())
        self.assertIn("takes deliveries again, after 4 attempts", door.text())

    def test_redirects_are_not_followed(self):
        r, elsewhere = self.receiver(), self.receiver()
        door = self.make(r)
        r.plan = [(code, {"Location": elsewhere.url + "/"}) for code in (307, 302)]
        started(door.registrar.log)
        self.assertEqual(len({m.id for m in r.wait(3)}), 1)
        self.assertEqual((elsewhere.connections, elsewhere.got), (0, []))

    def test_answers_that_do_not_end(self):
        def endless(handler):
            handler.send_response(200)
            handler.end_headers()
            try:
                while True:
                    handler.wfile.write(b"x" * 65536)
            except OSError:
                pass

        def rubbish(handler):
            handler.wfile.write(b"\0\1\2\r\n" * 100)
        r = self.receiver()
        door = self.make(r)
        r.plan = [endless, rubbish]
        log = door.registrar.log
        a, b = started(log), started(log)
        got = r.wait(3)
        self.settled(door)
        self.assertEqual([m.json["data"]["index"] for m in r.got], [a, b, b], "a status is enough; what is none, is none")
        self.assertEqual(len(got), 3)

    def test_one_that_is_away_holds_up_nobody_else(self):
        dead, alive = self.receiver(), self.receiver()
        door = self.make(dead, alive)
        dead.answer = "hang"
        log = door.registrar.log
        added = [started(log) for _ in range(50)]
        self.assertEqual([m.json["data"]["index"] for m in alive.wait(50)], added)
        self.assertEqual({m.json["data"]["index"] for m in dead.got}, {added[0]})
        start = time.monotonic()
        self.assertEqual(door.stop(), 0)
        self.assertLess(time.monotonic() - start, 15, "the end of the service waits for no receiver")

    def test_given_up(self):
        """What is older than give_up_days is dropped once it cannot be delivered, with a line in the journal."""
        r = self.receiver()
        door = self.make(r, hook={"give_up_days": 1})
        r.answer = 500
        log = door.registrar.log
        log.t_ms = now_ms() - 3 * 86400_000
        old = [started(log) for _ in range(30)]
        log.t_ms = now_ms() - 1000
        new = started(log)
        self.assertTrue(door.settle(lambda: any(m.json["data"]["index"] == new for m in r.got)))
        self.assertEqual({m.json["data"]["index"] for m in r.got}, {old[0], new})
        self.assertTrue(door.settle(lambda: "30 deliveries of more than 1 days were dropped" in door.text()), door.text())
        r.answer = 204
        self.assertTrue(door.settle(lambda: r.ids() != []))
        self.assertEqual(self.metric(door, "dropped_total"), 30)
        self.settled(door)
        self.assertEqual([int(i.rsplit("_", 1)[1]) for i in r.ids()], [new])

    def test_old_ones_are_delivered_while_they_can_be(self):
        r = self.receiver()
        door = self.make(r, hook={"give_up_days": 1})
        log = door.registrar.log
        log.t_ms = now_ms() - 3 * 86400_000
        old = [started(log) for _ in range(5)]
        self.assertEqual([m.json["data"]["index"] for m in r.wait(5)], old)


class Restarts(HookCase):
    def test_nothing_is_lost_and_nothing_repeated(self):
        r = self.receiver()
        door = self.make(r)
        log = door.registrar.log
        added = [started(log) for _ in range(3)]
        r.wait(3)
        r.answer = 500
        added += [started(log) for _ in range(5)]
        r.wait(4)
        door.stop()
        added += [started(log) for _ in range(5)]  # while nobody watches
        r.answer = 204
        door.start()
        self.assertTrue(door.settle(lambda: len(r.ids()) >= len(added)))
        for _ in range(2):
            self.settled(door)
            self.assertEqual([int(i.rsplit("_", 1)[1]) for i in r.ids()], added)
            door.stop()
            door.start()
            self.assertTrue(door.ready())
        self.settled(door)
        self.assertEqual(len(r.ids()), len(added))

    def test_killed_while_it_delivers(self):
        """At least once: after SIGKILL some may come again, under the same ids."""
        r = self.receiver()
        door = self.make(r)
        log = door.registrar.log
        added = []
        for _ in range(3):
            added += [started(log) for _ in range(200)]
            self.assertTrue(door.settle(lambda: len(set(r.ids())) > len(added) - 150))
            door.process.send_signal(signal.SIGKILL)
            door.process.wait()
            door.start()
        self.assertTrue(door.settle(lambda: len(set(r.ids())) == len(added)), "%d of %d" % (len(set(r.ids())), len(added)))
        first = list(dict.fromkeys(int(i.rsplit("_", 1)[1]) for i in r.ids()))
        self.assertEqual(first, added, "in order, but for the repeats")
        self.settled(door)
        count = len(r.got)
        door.process.send_signal(signal.SIGKILL)
        door.process.wait()
        door.start()
        self.assertTrue(door.ready())
        self.settled(door)
        self.assertEqual(len(r.got), count, "what was written down is not repeated")

    def test_the_read_model_vanishes(self):
        r = self.receiver()
        door = self.make(r)
        added = [started(door.registrar.log)]
        r.wait(1)
        self.settled(door)
        door.stop()
        for p in (door.dir / "var").glob("query.db*"):
            if not p.name.endswith(".alerts"):
                p.unlink()
        door.start()
        self.assertTrue(door.ready())
        added.append(started(door.registrar.log))
        r.wait(2)
        self.settled(door)
        self.assertEqual([m.json["data"]["index"] for m in r.got], added)

    def test_a_damaged_file_is_told(self):
        r = self.receiver()
        door = self.make(r)
        door.stop()
        path = next((door.dir / "var").glob("webhook-*"))
        good = path.read_bytes()
        for bad in (b"", b"{}", b"[]", b'{"next":-1,"alerts_next":0,"told":[]}', b'{"next":1,"alerts_next":0,"told":["x"]}', good + b"x",
                    good.replace(b"}", b',"more":1}'), b"\0" * 5000):
            with self.subTest(bad=bad[:50]):
                path.write_bytes(bad)
                self.assertIn("remove it to begin", self.refuses(door, 1))
        path.unlink()
        started(door.registrar.log)
        door.start()
        self.assertTrue(door.ready())
        self.begun(door)
        self.settled(door)
        self.assertEqual(r.got, [], "it begins with what comes from now on")


class Nowhere(HookCase):
    def test_addresses_come_from_the_configuration_alone(self):
        r, named = self.receiver(), self.receiver()
        door = self.make(r)
        q = named.url.replace("/", "%2F").replace(":", "%3A")
        for path in ("/v1/alerts?url=" + q, "/v1/log/follow?url=" + q, "/v1/log/follow?webhook=" + q, "/v1/alerts?callback=" + q):
            self.assertEqual(door.get(path)[0], 400, path)
        for method in ("GET", "POST", "PUT", "DELETE"):
            self.assertIn(door.call(method, "/v1/webhooks", b'{"url":"%s"}' % named.url.encode(), "dora",
                                    {"Content-Type": "application/json"})[0], (404, 405), method)
        door.get("/v1/releases", headers={"Callback-URL": named.url, "Origin": named.url, "Forwarded": "host=" + named.url})
        log = door.registrar.log
        log.add("release.refused", [b'{"url":"%s"}' % named.url.encode()], actor="ci", state="refused", outcome="rule.none",
                product="edge-router", version="1.0.0", channel="stable", policy=fr.HEX)
        r.wait(1)
        self.settled(door)
        self.assertEqual(named.connections, 0)

    def test_no_proxy_of_the_environment(self):
        r, proxy = self.receiver(), self.receiver()
        kept = dict(os.environ)
        os.environ.update(http_proxy=proxy.url, HTTP_PROXY=proxy.url, https_proxy=proxy.url, all_proxy=proxy.url, ALL_PROXY=proxy.url)
        try:
            door = self.make(r)
        finally:
            os.environ.clear()
            os.environ.update(kept)
        started(door.registrar.log)
        r.wait(1)
        self.assertEqual(proxy.connections, 0)

    def test_what_does_not_verify_is_not_delivered(self):
        r = self.receiver()
        door = self.make(r)
        log = door.registrar.log
        forged = json.dumps({"v": 1, "idx": 9, "prev": log.leaves[-1].hex(), "t_ms": log.t_ms + 1, "event": "registrar.started",
                             "random": "00" * 32, "policy": fr.HEX}, sort_keys=True, separators=(",", ":")).encode()
        door.registrar.lie = lambda first, records, note, size: (
            first, [forged] + records[1:] if records and first == 9 else records, note, size)
        started(log)
        time.sleep(2)
        self.assertEqual(r.got, [])
        door.registrar.lie = None
        self.assertIn(log.records[9], r.wait(1)[0].body)


class Alerts(HookCase):
    def test_behind_the_record_that_raised_it(self):
        r = self.receiver()
        door = self.make(r, hook={"alerts": True}, alerts={"refusals": 3, "certificate_days": 1})
        log = door.registrar.log
        log.t_ms = now_ms() - 5000
        added = [refused(log, product="p%d" % i) for i in range(3)]
        got = r.wait(4)
        self.assertEqual([m.json["data"].get("index") for m in got], added + [None])
        m = got[3]
        alert = m.json["data"]["alert"]
        self.assertTrue(m.signed_by(KEY))
        self.described("alert", "AlertMessage", m)
        self.assertEqual(m.id, "alert_%s_%s" % (fr.sha(log.origin.encode()).hex()[:16], alert["id"]))
        self.assertEqual(m.json["type"], "alert.refusals")
        self.assertEqual((alert["kind"], alert["subject"], alert["severity"], alert["records"]), ("refusals", "actor:ci", "warning", added))
        shown = door.json("/v1/alerts?kind=refusals")[1]["alerts"]
        self.assertEqual([a["id"] for a in shown], [alert["id"]])
        added.append(refused(log, product="p9"))  # folded into the same one
        r.wait(5)
        for _ in range(2):
            self.settled(door)
            self.assertEqual(len(r.got), 5)
            door.stop()
            door.start()
            self.assertTrue(door.ready())
        self.settled(door)
        self.assertEqual(len(r.got), 5, "computed again, and not told again")

    def test_only_alerts_and_only_where_asked_for(self):
        only, records = self.receiver(), self.receiver()
        door = self.make(only, records, begin=False, alerts={"refusals": 2, "certificate_days": 30})
        door.config["webhooks"][0].update(events=[], alerts=True)
        door.start()
        self.assertTrue(door.ready())
        self.begun(door)
        log = door.registrar.log
        log.t_ms = now_ms() - 5000
        refused(log), refused(log)
        records.wait(2)
        self.assertEqual(door.get("/v1/alerts")[0], 200)  # with a certificate that ends soon
        subjects = lambda: {m.json["data"]["alert"]["subject"].rsplit(":", 1)[0] for m in only.got}  # noqa: E731
        self.assertTrue(door.settle(lambda: subjects() == {"actor", "product", "certificate", "certificate:audit"}), subjects())
        self.assertEqual({m.json["type"] for m in only.got}, {"alert.refusals", "alert.certificate_expires"})
        self.settled(door)
        self.assertEqual({m.json["type"] for m in records.got}, {"release.refused"})
        count = len(only.got)
        door.stop()
        door.start()
        self.assertTrue(door.ready())
        self.settled(door)
        time.sleep(6)
        self.assertEqual(len(only.got), count, "a state that lasts is told once a day, also after a restart")


if __name__ == "__main__":
    unittest.main()
