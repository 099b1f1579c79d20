"""Requests that are framed in two ways, too long, too slow, or of the wrong kind."""
import json
import time
import unittest

from testbed import DoorCase, problem
import fake_registrar as fr

POST = b"POST /v1/releases/r4/approvals HTTP/1.1\r\n"
JSON = b"Content-Type: application/json\r\n"


class Framing(DoorCase):
    def status(self, data, who="alice", **kw):
        out = self.door.raw(data, who, **kw)
        return int(out.split(b" ", 2)[1]) if out.startswith(b"HTTP/1.1 ") else 0

    def refused(self, data, *expected):
        before = len(self.registrar.bodies)
        self.assertIn(self.status(data), expected or (400,))
        self.assertEqual(len(self.registrar.bodies), before, "nothing may have reached the registrar")

    def test_two_equal_lengths(self):
        self.refused(POST + b"Host: x\r\n" + JSON + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}")

    def test_two_different_lengths(self):
        self.refused(POST + b"Host: x\r\n" + JSON + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}")

    def test_length_and_chunked(self):
        self.refused(POST + b"Host: x\r\n" + JSON + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")

    def test_two_encodings(self):
        self.refused(POST + b"Host: x\r\n" + JSON + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    def test_two_hosts(self):
        self.refused(POST + b"Host: x\r\nHost: y\r\n" + JSON + b"Content-Length: 2\r\n\r\n{}")

    def test_no_host(self):
        self.refused(POST + JSON + b"Content-Length: 2\r\n\r\n{}")

    def test_length_list(self):
        self.refused(POST + b"Host: x\r\n" + JSON + b"Content-Length: 2, 2\r\n\r\n{}", 400, 0)

    def test_negative_length(self):
        self.refused(POST + b"Host: x\r\n" + JSON + b"Content-Length: -2\r\n\r\n{}", 400, 0)

    def test_signed_length(self):
        self.refused(POST + b"Host: x\r\n" + JSON + b"Content-Length: +2\r\n\r\n{}", 400, 0)

    def test_huge_length(self):
        self.refused(POST + b"Host: x\r\n" + JSON + b"Content-Length: 99999999999999999999999\r\n\r\n{}", 400, 413, 0)

    def test_chunked_upload(self):
        head = b"PUT /v1/artifacts/sha256:" + b"0" * 64 + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertEqual(self.status(head + b"1\r\nx\r\n0\r\n\r\n", "ci"), 411)

    def test_chunked_document(self):
        self.refused(POST + b"Host: x\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 411)

    def test_two_idempotency_keys(self):
        self.refused(POST + b"Host: x\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n" + JSON + b"Content-Length: 2\r\n\r\n{}")

    def test_long_value(self):
        self.refused(POST + b"Host: x\r\nX-Long: " + b"a" * 5000 + b"\r\n" + JSON + b"Content-Length: 2\r\n\r\n{}")

    def test_endless_head(self):
        out = self.door.raw(POST + b"Host: x\r\n" + b"X-Many: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 4000 + b"\r\n")
        self.assertNotIn(b" 201 ", out[:20])

    def test_space_before_colon(self):
        self.refused(POST + b"Host: x\r\n" + JSON + b"Content-Length : 2\r\n\r\n{}", 400, 0)
        for more in (b"Content-Length : 36", b"Transfer-Encoding : chunked", b"X\tY: 1", b"X-A: b\rContent-Length: 36", b"X-A: b\x0b"):
            out = self.door.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n\r\nGET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", None)
            self.assertTrue(out.startswith(b"HTTP/1.1 400 "), (more, out[:60]))
            self.assertNotIn(b'"openapi"', out, more)

    def test_not_http(self):
        self.assertIn(self.status(b"\x00\x01\x02 nonsense\r\n\r\n", seconds=4), (0, 400, 505))

    def test_second_request_after_refusal_is_not_read(self):
        smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        out = self.door.raw(POST + b"Host: x\r\n" + JSON + b"Content-Length: 0\r\nContent-Length: 36\r\n\r\n" + smuggled)
        self.assertEqual(out.count(b"HTTP/1.1 "), 1)

    def test_pipelining_works(self):
        out = self.door.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertEqual(out.count(b"HTTP/1.1 200"), 2)


class Kinds(DoorCase):
    def test_content_types(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", "application/cbor", ""):
            with self.subTest(kind=kind):
                answer = self.door.post("/v1/releases", headers={"Content-Type": kind})
                self.assertEqual((answer[0], problem(answer)), (415, "unsupported-media-type"))
        self.assertEqual(self.door.post("/v1/releases", headers={"Content-Type": "application/json; charset=utf-8"})[0], 201)

    def test_methods(self):
        for method, path, allow in (("DELETE", "/v1/releases", "POST, GET"), ("POST", "/healthz", "GET"),
                                    ("PATCH", "/v1/releases/r4", "GET"), ("POST", "/v1/artifacts/x", "PUT, GET, HEAD")):
            answer = self.door.call(method, path)
            self.assertEqual((answer[0], problem(answer), answer[1]["allow"]), (405, "method-not-allowed", allow))

    def test_paths(self):
        for path in ("/", "/v1", "/v1/", "/v1/releases/", "/v1/releases/r4/", "//v1/releases", "/v1/releases/r4/bundle/x",
                     "/V1/releases", "/v1/releases/%00", "/healthz%00x", "/v1/log/entries/4/evidence/0/1",
                     "/v1/releases/../../etc/passwd", "/v1/artifacts/" + "a" * 300):
            with self.subTest(path=path):
                self.assertEqual(self.door.get(path)[0], 404)
        for path in ("/v1/releases/17", "/v1/releases/r", "/v1/releases/r-1", "/v1/releases/r04", "/v1/releases/r99999999999999999999",
                     "/v1/log/entries/x", "/v1/log/entries/-1", "/v1/log/entries/1x", "/v1/log/entries/0x1"):
            with self.subTest(path=path):
                answer = self.door.get(path)
                self.assertEqual((answer[0], problem(answer)), (404, "not-found"))

    def test_query_parameters(self):
        for path in ("/v1/releases?prodct=x", "/v1/releases?limit=0", "/v1/releases?limit=1001", "/v1/releases?limit=",
                     "/v1/releases?limit=1&limit=2", "/v1/releases?state=none", "/v1/releases?state=Signed", "/v1/releases?after=x",
                     "/v1/releases?product=%00", "/v1/releases?product=a%20b", "/v1/releases?product=", "/v1/releases?product=" + "a" * 65,
                     "/v1/releases?product=" + "a" * 600, "/healthz?x=1", "/v1/releases/r4?wait=61s", "/v1/releases/r4?wait=30",
                     "/v1/releases/r4?wait=-1s", "/v1/releases/r4?wait=s", "/v1/log/entries?event=nothing",
                     "/v1/log/entries?order=up", "/v1/log/entries?since=2026", "/v1/log/entries?until=2026-11-21T01:02:03.5Z",
                     "/v1/log/entries?artifact=abc", "/v1/log/entries?key=" + "G" * 64, "/v1/log/entries?release=17",
                     "/v1/log/consistency", "/v1/log/consistency?old=1", "/v1/log/consistency?old=5&size=4",
                     "/v1/log/consistency?old=-1&size=4", "/v1/releases?" + "&".join("a%d=1" % i for i in range(40))):
            with self.subTest(path=path):
                answer = self.door.get(path)
                self.assertEqual((answer[0], problem(answer)), (400, "bad-parameter"))

    def test_idempotency_keys(self):
        for key in ("", "a" * 129, "\xe9", "a\tb"):
            with self.subTest(key=key):
                answer = self.door.post("/v1/releases", headers={"Idempotency-Key": key})
                self.assertEqual((answer[0], problem(answer)), (400, "bad-parameter"))
        self.assertEqual(self.door.post("/v1/releases", headers={"Idempotency-Key": "k" * 128})[0], 201)
        self.assertEqual(self.registrar.bodies[-1][1], "k" * 128)

    def test_sizes(self):
        small, large = 64 * 1024, 12 * 1024 * 1024
        self.assertEqual(self.door.post("/v1/releases/r4/approvals", b" " * small, "alice")[0], 201)
        answer = self.door.post("/v1/releases/r4/approvals", b" " * (small + 1), "alice")
        self.assertEqual((answer[0], problem(answer)), (413, "too-large"))
        self.assertEqual(self.door.post("/v1/releases", b" " * large)[0], 201)
        self.assertEqual(len(self.registrar.bodies[-1][3]), large)
        out = self.door.raw(b"POST /v1/releases HTTP/1.1\r\nHost: x\r\n" + JSON + b"Content-Length: %d\r\n\r\n" % (large + 1))
        self.assertTrue(out.startswith(b"HTTP/1.1 413"), out[:100])

    def test_get_with_body(self):
        self.assertEqual(self.door.call("GET", "/v1/releases", b"x")[0], 413)

    def test_signature_takes_no_body(self):
        self.assertEqual(self.door.call("POST", "/v1/releases/r4/signature")[0], 200)
        self.assertEqual(self.door.post("/v1/releases/r4/signature", b"{}")[0], 200)
        self.assertEqual(self.registrar.bodies[-1][3], b"")
        answer = self.door.post("/v1/releases/r4/signature", b'{"x":1}')
        self.assertEqual((answer[0], problem(answer)), (400, "malformed"))

    def test_one_caller_does_not_keep_others_out(self):
        head = b"POST /v1/releases HTTP/1.1\r\nHost: x\r\n" + JSON + b"Content-Length: 9000000\r\n\r\n{"
        held = [self.door.connect("ci") for _ in range(4)]
        for s in held:
            s.sendall(head)
        time.sleep(1)
        big = b'{"x":"%s"}' % (b"y" * 70000)
        self.assertEqual(self.door.post("/v1/policy/proposals", big, "dora")[0], 201)
        for s in held:
            s.close()
        self.assertTrue(self.door.settle(lambda: self.door.post("/v1/releases", big, "ci")[0] != 503))

    def test_what_is_no_utf8_is_told_as_text(self):
        for path in (b"/healthz?%ff%fe=1", b"/healthz?" + b"a" * 63 + b"%c3%a9=1"):
            out = self.door.raw(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", None)
            doc = json.loads(out.split(b"\r\n\r\n", 1)[1].decode())
            self.assertIn("\\x", doc["detail"])

    def test_bodies_reach_the_registrar_untouched(self):
        for body in (b"[" * 10000, b'{"a":1,"a":2}', b"\xff\xfe{}", b"", b'{"a":"\x00"}', b"null", b"{" * 60000):
            with self.subTest(body=body[:20]):
                self.assertEqual(self.door.post("/v1/releases/r4/approvals", body, "alice")[0], 201)
                self.assertEqual(self.registrar.bodies[-1][3], body)
        self.door.post("/v1/releases/r4/rejection", b"{}", "alice", {"If-Match": '"7"', "Idempotency-Key": "k1"})
        self.assertEqual(self.registrar.bodies[-1], (fr.REJECT, "k1", '"7"', b"{}"))


class Slow(DoorCase):
    config = {"idle_timeout_s": 2, "upload_idle_timeout_s": 2}

    def gone_after(self, data, who="ci"):
        s = self.door.connect(who, 60)
        s.sendall(data)
        start = time.monotonic()
        try:
            while s.recv(4096):
                pass
        except OSError:
            pass
        s.close()
        return time.monotonic() - start

    def test_stalled_upload(self):
        head = b"PUT /v1/artifacts/sha256:" + b"0" * 64 + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
        self.assertLess(self.gone_after(head + b"x" * 1000), 25)
        self.assertTrue(self.door.settle(lambda: self.door.inbox() == []), self.door.inbox())

    def test_upload_that_promises_much_and_sends_little(self):
        s = self.door.connect("ci")
        s.sendall(b"PUT /v1/artifacts/sha256:" + b"1" * 64 + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n")
        until = time.monotonic() + 50
        with self.assertRaises(OSError):
            while time.monotonic() < until:
                s.sendall(b"x" * 10)
                time.sleep(0.5)
        s.close()
        self.assertTrue(self.door.settle(lambda: self.door.inbox() == []), self.door.inbox())

    def test_stalled_document(self):
        self.assertLess(self.gone_after(POST + b"Host: x\r\n" + JSON + b"Content-Length: 100\r\n\r\n{", "alice"), 25)

    def test_idle_between_requests(self):
        self.assertLess(self.gone_after(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), 25)

    def test_head_drop_by_drop(self):
        s = self.door.connect("ci", 60)
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        s.recv(65536)
        start = time.monotonic()
        try:
            while time.monotonic() - start < 40:
                s.sendall(b"G")
                time.sleep(0.2)
        except OSError:
            pass
        s.close()
        self.assertLess(time.monotonic() - start, 25, "each drop must not buy new time")

    def test_others_are_served_meanwhile(self):
        stalled = []
        for _ in range(20):
            stalled.append(self.door.connect("ci", 60))
            stalled[-1].sendall(b"GET /healthz HT")
        self.assertEqual(self.door.get("/v1/releases")[0], 200)
        for s in stalled:
            s.close()


class Crowd(DoorCase):
    config = {"max_connections": 12, "max_connections_per_ip": 8}  # none of them is idle for long enough to give its place back

    def test_connection_cap(self):
        opened, refused = [], 0
        for _ in range(16):
            try:
                s = self.door.connect("ci")
                s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                if s.recv(100).startswith(b"HTTP/1.1 200"):
                    opened.append(s)
                else:
                    refused += 1
            except OSError:
                refused += 1
        self.assertLessEqual(len(opened), 8)
        self.assertGreater(refused, 0)
        for s in opened:
            s.close()
        self.assertTrue(self.door.settle(lambda: self.quietly()))

    def quietly(self):
        try:
            return self.door.get("/healthz")[0] == 200
        except OSError:
            return False


if __name__ == "__main__":
    unittest.main()
