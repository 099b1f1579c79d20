"""GET /v1/log/follow: records as they come, verified, each once, in order; who may, how many, how slow."""
import json
import socket
import threading
import time
import unittest

import fake_registrar as fr
from sse import Stream
from testbed import Door, DoorCase, problem

PATH = "/v1/log/follow"


def padded(log, count, pieces=19):
    """Records of some size."""
    for i in range(count):
        log.add("release.refused", [b"%d-%d" % (i, n) for n in range(pieces)], actor="ci", state="refused", outcome="rule.none",
                product="edge-router", version="1.0.%d" % i, channel="stable", policy=fr.HEX)


class FollowCase(DoorCase):
    def setUp(self):
        self.open = []

    def tearDown(self):
        for s in self.open:
            s.close()

    def follow(self, query="", who="audit", headers=None):
        s = Stream(self.door.connection(who), PATH + query, headers)
        self.open.append(s)
        return s

    def add(self, count=1):
        """Records that come while somebody listens."""
        log = self.registrar.log
        return [log.add("registrar.started", policy=fr.HEX, random="%064x" % (len(log.records))) for _ in range(count)]


class Content(FollowCase):
    def test_1_everything(self):
        log = self.registrar.log
        s = self.follow("?from=0")
        self.assertEqual((s.status, s.headers["content-type"]), (200, "text/event-stream"))
        self.assertEqual(s.headers["hallmark-log-size"], "9")
        got = s.records(9)
        self.assertEqual([g[0] for g in got], list(range(9)))
        self.assertEqual([g[2] for g in got], log.records)
        self.assertEqual([g[1] for g in got], [json.loads(r)["event"] for r in log.records])
        self.assertEqual(s.checkpoint(), ("8", "checkpoint", log.note(9)))
        self.assertEqual(s.parsed.retry, 2000)
        self.assertEqual(s.parsed.comments[0], "size 9")

    def test_2_only_new_ones(self):
        log = self.registrar.log
        s = self.follow()
        self.assertEqual(s.checkpoint(), ("8", "checkpoint", log.note(9)))
        self.assertTrue(s.quiet())
        added = self.add(3)
        self.assertEqual([g[0] for g in s.records(3)], added)
        self.assertEqual(s.checkpoint()[2], log.note())
        added = self.add(1)
        self.assertEqual([(g[0], g[2]) for g in s.records(1)], [(added[0], log.records[added[0]])])

    def test_where_it_begins(self):
        size = len(self.registrar.log.records)
        for query, headers, first in (("?after=3", None, 4), ("?from=3", None, 3), ("", {"Last-Event-ID": "5"}, 6),
                                      ("?after=1", {"Last-Event-ID": "5"}, 6), ("?from=1", {"Last-Event-ID": "0"}, 1),
                                      ("?from=2", {"Last-Event-ID": ""}, 2)):
            with self.subTest(query=query, headers=headers):
                got = self.follow(query, headers=headers).records(size - first)
                self.assertEqual([g[0] for g in got], list(range(first, size)))

    def test_bad_beginnings(self):
        for query, headers in (("?after=1&from=2", None), ("?after=-1", None), ("?after=x", None), ("?from=", None),
                               ("?from=9223372036854775808", None), ("?after=01", None), ("?limit=1", None), ("?order=desc", None),
                               ("?until=2030-01-01T00:00:00Z", None), ("?since=2030-01-01T00:00:00Z", None),
                               ("", {"Last-Event-ID": "x"}), ("", {"Last-Event-ID": "-1"}), ("", {"Last-Event-ID": "1 "+"2"}),
                               ("?event=release.gone", None), ("?actor=%00", None), ("?key=12", None)):
            with self.subTest(query=query, headers=headers):
                s = self.follow(query, headers=headers)
                self.assertEqual((s.status, json.loads(s.body)["type"]), (400, "urn:hallmark:problem:bad-parameter"))

    def test_an_index_that_is_not_there_yet(self):
        log = self.registrar.log
        size = len(log.records)
        s = self.follow("?after=%d" % (size + 1))
        e = s.checkpoint()
        self.assertEqual((e[0], e[2]), (str(size + 1), log.note(size)))  # its place is not given up
        self.add(2)
        self.assertTrue(s.quiet())
        self.add(1)
        self.assertEqual([g[0] for g in s.records(1)], [size + 2])

    def test_3_filters(self):
        artifact = fr.sha(b"firmware").hex()
        for query, expected in (("event=release.signed", [7]), ("release=r4", [4, 5, 6, 7]), ("actor=alice", [5]),
                                ("artifact=" + artifact, [4, 7]), ("key=" + "33" * 32, [5]), ("outcome=ok", [7]),
                                ("product=edge-router&event=release.submitted", [4, 8]), ("version=2.2.0&channel=stable", [8]),
                                ("environment=production&after=3&event=release.submitted", [4, 8])):
            with self.subTest(query=query):
                s = self.follow("?" + query + ("" if "after" in query else "&from=0"))
                e = s.next()
                seen = []
                while e[1] != "checkpoint":
                    seen.append(int(e[0]))
                    e = s.next()
                self.assertEqual(seen, expected)
                # Everything under the checkpoint was considered: from there it goes on.
                self.assertEqual(int(e[0]), int(e[2].split(b"\n")[1]) - 1)

    def test_filtered_and_taken_up(self):
        log = self.registrar.log
        s = self.follow("?event=release.submitted")
        s.checkpoint()
        self.add(5)
        wanted = fr.submit(log, "7.0.0")
        self.assertEqual([g[0] for g in s.records(1)], [wanted])
        last = s.checkpoint()[0]
        s.close()
        self.add(5)
        again = fr.submit(log, "7.0.1")
        s = self.follow("?event=release.submitted", headers={"Last-Event-ID": last})
        self.assertEqual([g[0] for g in s.records(1)], [again])

    def test_many_readers_one_log(self):
        """More streams than there are readers of the read model, and questions beside them."""
        log = self.registrar.log
        streams = [self.follow("?from=0") for _ in range(12)]
        adder = threading.Thread(target=lambda: [self.add(20) and time.sleep(0.05) for _ in range(10)])
        adder.start()
        for _ in range(20):
            self.assertEqual(self.door.get("/v1/log/entries?limit=5")[0], 200)
        adder.join()
        for s in streams:
            got = s.records(len(log.records))
            self.assertEqual([g[2] for g in got], log.records)
        self.assertIn("hallmarkd_follow_streams", self.door.get("/metrics")[2].decode())

    def test_sign_of_life(self):
        s = self.follow()
        s.checkpoint()
        self.assertTrue(self.door.settle(lambda: len(s.parsed.comments) > 1))
        self.assertEqual(s.parsed.comments[1], "size %d" % len(self.registrar.log.records))
        self.assertIsNone(s.end)


class Access(FollowCase):
    config = {"max_connections": 12, "max_connections_per_ip": 12}  # no stream ends by itself meanwhile

    def tearDown(self):
        super().tearDown()
        self.assertTrue(self.streams(0))  # their places are free for the next one

    def test_who(self):
        for who in ("audit", "ci", "alice", "dora", "kurt"):
            s = self.follow(who=who)
            self.assertEqual(s.status, 200, who)
            s.close()
            self.assertTrue(self.streams(0), who)
        for who, status in (("plain", 403), ("nobody", 401), (None, 401)):
            self.assertEqual(self.door.get(PATH, who)[0], status, who)
        self.assertEqual(self.door.call("POST", PATH, b"", "audit")[0], 405)

    def streams(self, count):
        return self.door.settle(
            lambda: "\nhallmarkd_follow_streams %d\n" % count in self.door.get("/metrics")[2].decode())

    def test_one_does_not_keep_others_out(self):
        """Half of them, rounded up, are the most that one caller has."""
        two = [self.follow(who="ci") for _ in range(2)]
        self.assertEqual([s.status for s in two], [200] * 2)
        for s in (self.follow(who="ci"), self.follow("?from=0&event=release.signed", who="ci")):
            self.assertEqual((s.status, json.loads(s.body)["type"]), (429, "urn:hallmark:problem:too-many-requests"))
        self.assertEqual(self.follow(who="audit").status, 200)
        two[0].close()
        self.assertTrue(self.streams(2))
        self.assertEqual(self.follow(who="ci").status, 200)

    def test_how_many(self):
        three = [self.follow(who=who) for who in ("audit", "ci", "audit")]
        self.assertEqual([s.status for s in three], [200] * 3)
        s = self.follow(who="alice")
        self.assertEqual((s.status, json.loads(s.body)["type"]), (429, "urn:hallmark:problem:too-many-requests"))
        self.assertIn("retry-after", s.headers)
        three[0].close()  # it is noticed that the client has gone, although nothing is sent
        self.assertTrue(self.streams(2))
        self.assertEqual(self.follow().status, 200)


class Ends(FollowCase):
    config = {"follow_max_s": 3}

    def test_it_ends_and_goes_on(self):
        """Nothing is lost and nothing comes twice where one stream ends and the next begins."""
        log = self.registrar.log
        first = len(log.records)
        stop = threading.Event()
        adder = threading.Thread(target=lambda: [self.add() and time.sleep(0.02) for _ in range(10 ** 6) if not stop.is_set()])
        adder.start()
        got, last, ends = [], str(first - 1), 0
        try:
            while ends < 3:
                s = self.follow(headers={"Last-Event-ID": last})
                self.assertEqual(s.status, 200)
                while (e := s.next()) is not None:
                    last = e[0]
                    if e[1] != "checkpoint":
                        got.append((int(e[0]), e[2]))
                self.assertEqual(s.end, "ended")
                ends += 1
        finally:
            stop.set()
            adder.join()
        self.assertGreater(len(got), 50)
        self.assertEqual(got, [(i, log.records[i]) for i in range(first, first + len(got))])

    def test_who_lost_the_role(self):
        s = self.follow(who="dora")
        self.registrar.people[fr_uri("dora")] = ("dora", 0)
        try:
            while s.next() is not None:
                pass
            self.assertEqual(s.end, "ended")
            self.assertTrue(self.door.settle(lambda: self.door.get(PATH, "dora")[0] == 403))
        finally:
            self.registrar.people[fr_uri("dora")] = ("dora", fr.ADMINISTRATOR)


def fr_uri(who):
    return "spiffe://example.com/" + who


class Trouble(unittest.TestCase):
    def setUp(self):
        self.door = Door()
        self.assertTrue(self.door.ready())
        self.open = []

    def tearDown(self):
        for s in self.open:
            s.close()
        self.door.close()

    def follow(self, query="", headers=None):
        s = Stream(self.door.connection("audit"), PATH + query, headers)
        self.open.append(s)
        return s

    def test_a_registrar_that_lies(self):
        """What does not verify is never sent: the stream ends, and the next one is told why there is none."""
        log = self.door.registrar.log
        s = self.follow("?from=0")
        s.records(9)
        forged = json.dumps({"v": 1, "idx": 9, "prev": log.leaves[-1].hex(), "t_ms": log.t_ms + 1, "event": "registrar.started",
                             "random": "00" * 32, "policy": fr.HEX}, sort_keys=True, separators=(",", ":")).encode()

        def lie(first, records, note, size):
            return (first, [forged] + records[1:] if records and first == 9 else records, note, size)
        self.door.registrar.lie = lie
        log.add("registrar.started", policy=fr.HEX, random="11" * 32)
        while (e := s.next()) is not None:
            self.assertEqual(e[1], "checkpoint")
        self.assertEqual(s.end, "ended")
        answer = self.door.get(PATH)
        self.assertEqual((answer[0], problem(answer)), (503, "unavailable"))
        self.assertIn("not to be shown", json.loads(answer[2])["detail"])
        self.door.registrar.lie = None
        self.assertTrue(self.door.settle(lambda: self.door.get("/v1/log/entries/9")[0] == 200))
        self.assertEqual(self.follow(headers={"Last-Event-ID": "8"}).records(1)[0][2], log.records[9])

    def test_the_registrar_away(self):
        log = self.door.registrar.log
        s = self.follow()
        s.checkpoint()
        self.door.registrar.stop()
        self.assertTrue(s.quiet(1.5))
        self.assertIsNone(s.end)
        log.add("registrar.started", policy=fr.HEX, random="22" * 32)
        self.door.registrar.start()
        self.assertEqual(s.records(1)[0][2], log.records[9])

    def test_the_end_of_the_service(self):
        streams = [self.follow() for _ in range(5)]
        for s in streams:
            s.checkpoint()
        start = time.monotonic()
        self.assertEqual(self.door.stop(), 0)
        self.assertLess(time.monotonic() - start, 30, "it does not wait for streams")
        for s in streams:
            while s.next() is not None:
                pass
            self.assertEqual(s.end, "ended")

    def test_a_client_that_does_not_read(self):
        """It is cut off by the clock, and holds nobody up meanwhile."""
        log = self.door.registrar.log
        padded(log, 5000)
        self.assertTrue(self.door.settle(lambda: self.door.json("/v1/releases")[1]["log_size"] == 5009))
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", self.door.port))
        s = self.door.context("audit").wrap_socket(raw, server_hostname="localhost")
        s.sendall(b"GET %s?from=0 HTTP/1.1\r\nHost: localhost\r\n\r\n" % PATH.encode())
        self.assertTrue(self.door.settle(lambda: "follow_streams 1\n" in self.door.get("/metrics")[2].decode()))
        padded(log, 200)
        self.assertTrue(self.door.settle(lambda: self.door.json("/v1/releases")[1]["log_size"] == 5209))
        other = self.follow("?from=0")
        self.assertEqual([g[2] for g in other.records(5209)], log.records)
        self.assertTrue(self.door.settle(lambda: "follow_streams 1\n" in self.door.get("/metrics")[2].decode(), 90))
        self.assertIn("hallmarkd_connections_cut_total 1\n", self.door.get("/metrics")[2].decode())
        s.close()


if __name__ == "__main__":
    unittest.main()
