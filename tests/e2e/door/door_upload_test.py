"""Artifact intake: durable, exact, idempotent, nothing left behind."""
import concurrent.futures
import json
import os
import re
import resource
import ssl
import threading
import time
import unittest

import fake_registrar as fr
from testbed import Door, DoorCase, problem

MIB = 1 << 20


class Upload(DoorCase):
    def test_stored_exactly(self):
        for size in (0, 1, 131071, 131072, 131073, 5 * MIB + 17):
            with self.subTest(size=size):
                data = os.urandom(size)
                status, _, body = self.door.put(data)
                self.assertEqual(status, 201, body)
                name = "sha256-" + fr.sha(data).hex()
                self.assertEqual((self.door.dir / "var/inbox" / name).read_bytes(), data)
                got = self.door.get("/v1/artifacts/sha256:" + fr.sha(data).hex())
                self.assertEqual((got[0], got[2]), (200, data))
                head = self.door.call("HEAD", "/v1/artifacts/sha256:" + fr.sha(data).hex())
                self.assertEqual((head[0], head[1]["content-length"], head[2]), (200, str(size), b""))

    def test_again(self):
        data = os.urandom(300000)
        self.assertEqual(self.door.put(data)[0], 201)
        path = self.door.dir / "var/inbox" / ("sha256-" + fr.sha(data).hex())
        before = path.stat()
        self.assertEqual(self.door.put(data)[0], 200)
        after = path.stat()
        self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))
        answer = self.door.put(os.urandom(300000), name=fr.sha(data).hex())
        self.assertEqual((answer[0], problem(answer)), (422, "digest-mismatch"), "also where it is there already")

    def test_the_registrar_has_it(self):
        data = os.urandom(1000)
        self.registrar.artifacts[fr.sha(data).hex()] = data
        self.assertEqual(self.door.put(data)[0], 200)
        self.assertNotIn("sha256-" + fr.sha(data).hex(), self.door.inbox())

    def test_wrong_digest(self):
        before = self.door.inbox()
        for data in (b"", b"x", os.urandom(MIB)):
            answer = self.door.put(data, name="0" * 64)
            self.assertEqual((answer[0], problem(answer)), (422, "digest-mismatch"))
            self.assertIn(fr.sha(data).hex(), answer[2].decode())
        self.assertEqual(self.door.inbox(), before)

    def test_bad_names(self):
        for name in ("sha256:" + "A" * 64, "sha256:" + "0" * 63, "sha512:" + "0" * 64, "0" * 64, "sha256:" + "0" * 65):
            answer = self.door.call("PUT", "/v1/artifacts/" + name, b"x")
            self.assertEqual((answer[0], problem(answer)), (400, "bad-parameter"), name)

    def test_cut_off(self):
        before = self.door.inbox()
        data = os.urandom(MIB)
        s = self.door.connect("ci")
        s.sendall(b"PUT /v1/artifacts/sha256:%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" %
                  (fr.sha(data).hex().encode(), len(data)) + data[:-1])
        self.assertTrue(self.door.settle(lambda: any(n.startswith("tmp-") for n in self.door.inbox())))
        s.close()
        self.assertTrue(self.door.settle(lambda: self.door.inbox() == before), self.door.inbox())

    def test_many_of_the_same(self):
        data = os.urandom(3 * MIB)
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            codes = [f.result()[0] for f in [pool.submit(self.door.put, data) for _ in range(12)]]
        self.assertTrue(set(codes) <= {200, 201} and codes.count(201) == 1, codes)
        self.assertEqual((self.door.dir / "var/inbox" / ("sha256-" + fr.sha(data).hex())).read_bytes(), data)
        self.assertFalse([n for n in self.door.inbox() if n.startswith("tmp-")])

    def test_missing(self):
        answer = self.door.get("/v1/artifacts/sha256:" + "1" * 64)
        self.assertEqual((answer[0], problem(answer)), (404, "not-found"))


class Submission(DoorCase):
    def test_artifacts_travel(self):
        data = [os.urandom(200000), os.urandom(10)]
        self.registrar.wanted = [fr.sha(d).hex() for d in data]
        answer = self.door.post("/v1/releases", b'{"n":1}')
        self.assertEqual((answer[0], problem(answer)), (409, "missing-artifact"))
        for d in data:
            self.assertIn("PUT /v1/artifacts/sha256:" + fr.sha(d).hex(), answer[2].decode())
        self.assertEqual(self.door.put(data[0])[0], 201)
        answer = self.door.post("/v1/releases", b'{"n":1}')
        self.assertEqual(answer[0], 409)
        self.assertNotIn(fr.sha(data[0]).hex(), answer[2].decode(), "only what is really missing")
        self.assertEqual(self.door.put(data[1])[0], 201)
        status, headers, body = self.door.post("/v1/releases", b'{"n":2}', headers={"Idempotency-Key": "once"})
        self.assertEqual(status, 201, body)
        self.assertEqual(self.registrar.bodies[-1], (fr.SUBMIT, "once", "", b'{"n":2}'))
        self.assertEqual([self.registrar.artifacts[fr.sha(d).hex()] for d in data], data)
        self.assertTrue(headers["etag"].startswith('"'))
        self.assertNotIn("sha256-" + fr.sha(data[1]).hex(), self.door.inbox(), "the registrar has it now")
        self.assertEqual(self.door.get("/v1/artifacts/sha256:" + fr.sha(data[0]).hex())[2], data[0])

    def test_read_your_writes(self):
        self.registrar.wanted = None
        for _ in range(20):
            status, _, body = self.door.post("/v1/releases", b"{}")
            release = json.loads(body)["release"]
            self.assertEqual(self.door.get("/v1/releases/" + release)[0], 200)

    def test_damaged_inbox(self):
        data = os.urandom(5000)
        self.registrar.wanted = [fr.sha(data).hex()]
        self.assertEqual(self.door.put(data)[0], 201)
        path = self.door.dir / "var/inbox" / ("sha256-" + fr.sha(data).hex())
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        answer = self.door.post("/v1/releases", b"{}")
        self.assertEqual((answer[0], problem(answer)), (409, "missing-artifact"))
        self.assertEqual(self.door.put(data)[0], 201)
        self.assertEqual(self.door.post("/v1/releases", b"{}")[0], 201)


class Quota(DoorCase):
    config = {"inbox_quota_bytes": MIB, "max_artifact_bytes": 2 * MIB}

    def test_quota(self):
        answer = self.door.put(b"x" * (MIB + 1))
        self.assertEqual((answer[0], problem(answer)), (507, "disk-full"))
        self.assertIn("retry-after", answer[1])
        for _ in range(8):
            answer = self.door.put(b"x" * (2 * MIB))
            self.assertEqual((answer[0], problem(answer)), (507, "disk-full"), "the whole body is sent before this is read")
        answer = self.door.put(b"x" * (24 * MIB))
        self.assertEqual((answer[0], problem(answer)), (413, "too-large"))
        first = os.urandom(700000)
        self.assertEqual(self.door.put(first)[0], 201)
        self.assertEqual(self.door.put(os.urandom(700000))[0], 507)
        self.assertEqual(self.door.put(first)[0], 200, "what is there costs nothing")
        self.assertEqual(self.door.put(b"x", name="2" * 64)[0], 422)
        self.assertEqual(self.door.put(os.urandom(300000))[0], 201, "failures give their place back")
        out = self.door.raw(b"PUT /v1/artifacts/sha256:%064d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (0, 2 * MIB + 1))
        self.assertTrue(out.startswith(b"HTTP/1.1 413"), out)

    def test_endless(self):
        s = self.door.connect("ci")
        s.sendall(b"PUT /v1/artifacts/sha256:%064d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (0, 1 << 40))
        began = time.monotonic()
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            while time.monotonic() - began < 60:
                s.sendall(b"x" * 1000)
                time.sleep(0.05)
        s.close()


class FileSizeLimit(DoorCase):
    limits = [(resource.RLIMIT_FSIZE, 8 * MIB)]

    def test_full(self):
        answer = self.door.put(b"x" * (9 * MIB))
        self.assertEqual((answer[0], problem(answer)), (507, "disk-full"))
        self.assertIn("retry-after", answer[1])
        self.assertEqual(self.door.inbox(), [])
        self.assertEqual(self.door.put(b"y" * (7 * MIB))[0], 201)
        self.assertEqual(self.door.get("/readyz", None)[0], 200)


class Restart(unittest.TestCase):
    def test_leftovers(self):
        door = Door()
        try:
            self.assertTrue(door.ready())
            data = os.urandom(100000)
            self.assertEqual(door.put(data)[0], 201)
            (door.dir / "var/inbox/tmp-0123").write_bytes(b"half")
            self.assertEqual(door.stop(), 0)
            door.start()
            self.assertEqual(door.inbox(), ["sha256-" + fr.sha(data).hex()])
            self.assertEqual(door.put(data)[0], 200)
            self.assertTrue(door.ready())
        finally:
            door.close()

    def test_killed_while_uploading(self):
        door = Door()
        try:
            self.assertTrue(door.ready())
            stop = threading.Event()

            def load():
                while not stop.is_set():
                    try:
                        door.put(os.urandom(MIB))
                    except OSError:
                        pass
            threads = [threading.Thread(target=load) for _ in range(4)]
            for t in threads:
                t.start()
            time.sleep(0.7)
            door.process.kill()
            door.process.wait()
            door.journal.close()
            stop.set()
            for t in threads:
                t.join()
            for name in door.inbox():
                if name.startswith("sha256-"):
                    data = (door.dir / "var/inbox" / name).read_bytes()
                    self.assertEqual("sha256-" + fr.sha(data).hex(), name, "a whole name stands for whole bytes")
            door.start()
            self.assertFalse([n for n in door.inbox() if n.startswith("tmp-")])
        finally:
            door.close()


class Memory(DoorCase):
    config = {"max_connections": 128, "max_connections_per_ip": 128}

    def rss(self):
        with open("/proc/%d/status" % self.door.process.pid) as status:
            return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) * 1024

    def test_fifty_at_once(self):
        size, block = 8 * MIB, os.urandom(65536)
        conns = [self.door.connect("ci", 120) for _ in range(50)]
        data = block * (size // len(block))
        head = b"PUT /v1/artifacts/sha256:%064d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        for i, s in enumerate(conns):
            s.sendall(head % (i, size))
        for _ in range(size // len(block)):
            for s in conns:
                s.sendall(block)
        del data
        for s in conns:
            self.assertTrue(s.recv(100).startswith(b"HTTP/1.1 422"))
            s.close()
        if not self.sanitized():
            self.assertLess(self.rss(), 64 * MIB)

    def sanitized(self):
        with open("/proc/%d/exe" % self.door.process.pid, "rb") as exe:
            data = exe.read()
        return b"__asan_init" in data or b"__tsan_init" in data


if __name__ == "__main__":
    unittest.main()
