"""The log as C2SP tlog-tiles: read like a monitor would, with code of its own, over the real socket."""
import base64
import json
import sqlite3
import struct
import unittest

import fake_registrar as fr
from cryptography.exceptions import InvalidSignature
from testbed import Door, DoorCase, problem

FULL = 256
GROWN = 600


def long_log(size=GROWN):
    log = fr.founded()
    while len(log.records) < size:
        fr.submit(log, "9.%d.0" % len(log.records))
    return log


def number(n):
    groups = ["%03d" % (n % 1000)]
    while n >= 1000:
        n //= 1000
        groups.insert(0, "x%03d" % (n % 1000))
    return "/".join(groups)


class Monitor:
    """Reads nothing but /log, and believes nothing but the log's key."""

    def __init__(self, door, who="audit"):
        self.door, self.who = door, who

    def get(self, path):
        status, headers, body = self.door.get("/log/" + path, self.who)
        if status != 200:
            raise AssertionError("%s: %d %s" % (path, status, body))
        return body

    def checkpoint(self, log):
        note = self.get("checkpoint").decode()
        body, signatures = note.split("\n\n")
        origin, size, root = body.split("\n")
        name, blob = signatures[2:].rstrip("\n").split(" ")
        raw = base64.b64decode(blob)
        assert (origin, name, raw[:4]) == (log.origin, log.origin, log.key_id)
        log.key.public_key().verify(raw[4:], (body + "\n").encode())
        return int(size), base64.b64decode(root)

    def level(self, kind, count):
        """All hashes of a level, or all records, from whole tiles and a last one that is partial."""
        for n in range(count // FULL):
            yield n, FULL, self.get("tile/%s/%s" % (kind, number(n)))
        if count % FULL:
            n = count // FULL
            yield n, count % FULL, self.get("tile/%s/%s.p/%d" % (kind, number(n), count % FULL))

    def hashes(self, level, count):
        out = []
        for _, width, data in self.level(level, count):
            assert len(data) == 32 * width
            out += [data[i:i + 32] for i in range(0, len(data), 32)]
        return out

    def records(self, count):
        out = []
        for _, width, data in self.level("entries", count):
            found = []
            while data:
                length, = struct.unpack(">H", data[:2])
                assert len(data) >= 2 + length
                found.append(data[2:2 + length])
                data = data[2 + length:]
            assert len(found) == width
            out += found
        return out


class Tiles(DoorCase):
    log_size = GROWN

    @classmethod
    def setUpClass(cls):
        cls.config = dict(cls.config, log=long_log())
        super().setUpClass()
        cls.log = cls.registrar.log
        cls.monitor = Monitor(cls.door)

    def status(self, path, **kw):
        return self.door.get("/log/" + path, **kw)[0]

    def test_root_from_tiles(self):
        size, root = self.monitor.checkpoint(self.log)
        leaves = self.monitor.hashes(0, size)
        self.assertEqual(len(leaves), size)
        self.assertEqual(fr.Tree.root(leaves), root)

    def test_root_from_entries(self):
        size, root = self.monitor.checkpoint(self.log)
        records = self.monitor.records(size)
        self.assertEqual(records, self.log.records[:size])
        self.assertEqual([fr.Tree.leaf(r) for r in records], self.monitor.hashes(0, size))
        self.assertEqual(fr.Tree.root([fr.Tree.leaf(r) for r in records]), root)

    def test_upper_level(self):
        size, root = self.monitor.checkpoint(self.log)
        above = self.monitor.hashes(1, size // FULL)
        leaves = self.monitor.hashes(0, size)
        self.assertEqual(above, [fr.Tree.root(leaves[i:i + FULL]) for i in range(0, size // FULL * FULL, FULL)])
        self.assertNotEqual(fr.Tree.root(above), root, "the rest is not in there")

    def test_partial(self):
        """A monitor that is behind asks for the widths of its own checkpoint."""
        size, _ = self.monitor.checkpoint(self.log)
        last, width = size // FULL, size % FULL
        whole = self.monitor.get("tile/0/%s.p/%d" % (number(last), width))
        for w in (1, 2, 17, width - 1, width):
            self.assertEqual(self.monitor.get("tile/0/%s.p/%d" % (number(last), w)), whole[:32 * w])
            self.assertEqual(self.monitor.get("tile/0/000.p/%d" % w), self.monitor.get("tile/0/000")[:32 * w])
            bundle = self.monitor.get("tile/entries/%s.p/%d" % (number(last), w))
            records = self.log.records[last * FULL:last * FULL + w]
            self.assertEqual(bundle, b"".join(struct.pack(">H", len(r)) + r for r in records))
        self.assertEqual(len(self.monitor.get("tile/1/000.p/2")), 64)

    def test_beyond(self):
        size, _ = self.monitor.checkpoint(self.log)
        last, width = size // FULL, size % FULL
        for path in ("0/%s" % number(last), "0/%s.p/%d" % (number(last), width + 1), "0/%s.p/255" % number(last), "0/%s" % number(last + 1),
                     "0/%s.p/1" % number(last + 1), "1/000", "1/000.p/%d" % (last + 1), "1/001.p/1", "2/000.p/1", "2/000", "63/000.p/1",
                     "entries/%s" % number(last), "entries/%s.p/%d" % (number(last), width + 1), "entries/x001/000.p/1",
                     "0/x018/x446/x744/x073/x709/x551/615"):
            with self.subTest(path):
                answer = self.door.get("/log/tile/" + path)
                self.assertEqual((answer[0], problem(answer)), (404, "not-found"))
                self.assertEqual(answer[1]["cache-control"], "no-store")
        answer = self.door.get("/log/tile/0/%s" % number(last))
        self.assertIn("%d hashes" % width, json.loads(answer[2])["detail"])

    def test_no_such_path(self):
        for path in ("", "0", "0/", "/000", "0/0", "0/00", "0/0000", "0/x000/000", "0/x001", "0/x001/x000", "0/000/000", "0/001/x000", "0/-01", "0/000.p",
                     "0/000.p/", "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/-1", "0/000.p/x", "0/000.p/1/2", "0/000.q/1", "00/000", "64/000",
                     "-1/000", "x/000", "entry/000", "entries", "entries/0", "ENTRIES/000", "entries/000/", "entries/../0/000", "0/%30%30%30x",
                     "0/000.p/99999999999999999999", "0/x999/x999/x999/x999/x999/x999/x999/999", "0/" + "x000/" * 40 + "000"):
            with self.subTest(path):
                self.assertIn(self.status("tile/" + path), (404, 400))
        for path in ("checkpoint/", "Checkpoint", "tile", "tiles/0/000", "../v1/policy"):
            with self.subTest(path):
                self.assertIn(self.status(path), (404, 400))
        self.assertEqual(self.door.get("/log/tile/0/000?size=3")[0], 400)
        self.assertEqual(self.door.get("/log/checkpoint?x=1")[0], 400)

    def test_headers(self):
        for path, cache in (("checkpoint", "max-age=2"), ("tile/0/000", "max-age=31536000, immutable"), ("tile/0/002.p/1", "max-age=31536000, immutable"),
                            ("tile/entries/001", "max-age=31536000, immutable")):
            status, headers, body = self.door.get("/log/" + path)
            self.assertEqual((status, headers["cache-control"]), (200, "private, " + cache), path)
            self.assertEqual(headers["content-type"], "text/plain; charset=utf-8" if path == "checkpoint" else "application/octet-stream")
            again = self.door.get("/log/" + path, headers={"If-None-Match": headers["etag"]})
            self.assertEqual((again[0], again[2], again[1]["cache-control"]), (304, b"", "private, " + cache))
            other = self.door.get("/log/" + path, headers={"If-None-Match": '"0123"'})
            self.assertEqual((other[0], other[2]), (200, body))
            head = self.door.call("HEAD", "/log/" + path, who="audit")
            self.assertEqual((head[0], head[2], head[1]["etag"], head[1]["content-length"]), (200, b"", headers["etag"], str(len(body))))

    def test_methods(self):
        for method in ("POST", "PUT", "DELETE"):
            for path in ("/log/checkpoint", "/log/tile/0/000"):
                answer = self.door.call(method, path, b"", who="audit")
                self.assertEqual((answer[0], answer[1]["allow"]), (405, "GET, HEAD"))

    def test_who(self):
        for path in ("/log/checkpoint", "/log/tile/0/000", "/log/tile/entries/000"):
            for who, status in ((None, 401), ("nobody", 403), ("plain", 403), ("ci", 200), ("alice", 200), ("audit", 200), ("kurt", 200)):
                got = self.door.get(path, who)[0]
                self.assertIn(got, (status, 401) if status != 200 else (200,), (path, who))

    def test_the_checkpoint_of_the_api(self):
        self.assertEqual(self.monitor.get("checkpoint"), self.door.get("/v1/log/checkpoint")[2])

    def test_the_registrar_is_not_asked(self):
        before = dict(self.registrar.calls)
        self.monitor.records(self.monitor.checkpoint(self.log)[0])
        for op in (fr.PROOF, fr.CONSISTENCY, fr.CHECKPOINT, fr.EVIDENCE, fr.DETAIL):
            self.assertEqual(self.registrar.calls.get(op, 0), before.get(op, 0))


class Growing(DoorCase):
    def test_what_was_served_stays(self):
        """Growth over the edge of a tile: old paths keep their bytes, new ones appear, no checkpoint is ahead of its tiles."""
        log, monitor = self.registrar.log, Monitor(self.door)
        old = monitor.checkpoint(log)[0]
        kept = {}
        for size in (old, 200, 255, 256, 257, 300, 511, 512, 513):
            while len(log.records) < size:
                fr.submit(log, "4.%d.0" % len(log.records))
            self.assertTrue(self.door.settle(lambda want=size: monitor.checkpoint(log)[0] == want))
            leaves = monitor.hashes(0, size)
            self.assertEqual(fr.Tree.root(leaves), monitor.checkpoint(log)[1])
            if size % FULL:
                path = "/log/tile/0/%s.p/%d" % (number(size // FULL), size % FULL)
                kept[path] = self.door.get(path)
            for path, (_, headers, body) in kept.items():
                now = self.door.get(path)
                self.assertEqual((now[0], now[2], now[1]["etag"]), (200, body, headers["etag"]), path)
            full, whole = divmod(size, FULL)
            self.assertEqual(self.door.get("/log/tile/0/" + number(full))[0], 404)
            self.assertEqual(self.door.get("/log/tile/1/000.p/1")[0], 200 if full else 404)

    def test_a_forged_checkpoint_is_none(self):
        """The monitor of this test would notice."""
        other = fr.Log(origin=fr.ORIGIN, seed=b"\x08" * 32)
        with self.assertRaises((InvalidSignature, AssertionError)):
            Monitor(self.door).checkpoint(other)


class Public(Tiles):
    config = {"public_log": True}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.monitor = Monitor(cls.door, None)

    def test_headers(self):
        for path, cache in (("checkpoint", "public, max-age=2"), ("tile/0/000", "public, max-age=31536000, immutable")):
            for who in (None, "audit"):
                status, headers, _ = self.door.get("/log/" + path, who)
                self.assertEqual((status, headers["cache-control"]), (200, cache))

    def test_who(self):
        for who in (None, "nobody", "plain", "ci"):
            for path in ("/log/checkpoint", "/log/tile/0/000", "/log/tile/entries/000"):
                self.assertEqual(self.door.get(path, who)[0], 200)

    def test_nothing_else_is_public(self):
        for path in ("/v1/log/checkpoint", "/v1/log/entries", "/v1/log/entries/0", "/v1/log/entries/0/proof", "/v1/log/entries/4/evidence/0",
                     "/v1/log/consistency?old=1&size=2", "/v1/releases", "/v1/policy", "/v1/keys", "/v1/trust-stores/production", "/metrics"):
            self.assertEqual(self.door.get(path, None)[0], 401, path)

    def test_nothing_private(self):
        """Evidence, names of people and everything else that lies beside the log does not come along."""
        every = b"".join(data for _, _, data in self.monitor.level("entries", self.monitor.checkpoint(self.log)[0]))
        for secret in [e for pieces in self.log.evidence.values() for e in pieces] + [b"Name of", b"spiffe://"]:
            if secret not in (b"policy", b"store"):  # words that records have, too
                self.assertNotIn(secret, every)


class Cosigned(DoorCase):
    """What the registrar says that witnesses have cosigned is handed out, once the log's key has signed it."""

    def cosigned(self, size, log=None):
        line = "\u2014 w1.example %s\n" % base64.b64encode(b"\1\2\3\4" + bytes(72)).decode()
        return (log or self.registrar.log).note(size) + line.encode()

    def get(self, query="?cosigned=true"):
        return self.door.get("/v1/log/checkpoint" + query)

    def proof_size(self, idx):
        proof = self.door.get("/v1/log/entries/%d/proof" % idx)
        return proof[1]["hallmark-log-size"], proof[2].decode().split("\n\n", 1)[1].encode()

    def grow(self):
        fr.submit(self.registrar.log, "7.%d.0" % len(self.registrar.log.records))

    def test_all(self):
        log = self.registrar.log
        answer = self.get()
        self.assertEqual((answer[0], problem(answer)), (404, "not-found"))
        self.assertIn("witnesses", json.loads(answer[2])["detail"])
        for query in ("?cosigned=1", "?cosigned=", "?cosigned=TRUE", "?cosigned=true&cosigned=true", "?cosign=true"):
            self.assertEqual(self.get(query)[0], 400, query)
        size = len(log.records)
        for bad in (self.cosigned(size, fr.founded(seed=b"\x08" * 32)), b"\xff" * 40, self.cosigned(size)[:60]):
            self.registrar.cosigned = bad
            self.grow()
            self.assertTrue(self.door.settle(lambda: int(self.get("")[1]["hallmark-log-size"]) == len(log.records)))
            self.assertEqual(self.get()[0], 404, "only what the log has signed")
        note = self.registrar.cosigned = self.cosigned(size)
        self.assertTrue(self.door.settle(lambda: self.get()[0] == 200))
        self.assertEqual(self.get()[2], note)
        self.assertEqual(self.get()[1]["hallmark-log-size"], str(size))
        self.assertEqual(self.get("")[2], self.get("?cosigned=false")[2])
        self.assertEqual(self.get("")[2], log.note())
        self.assertEqual(self.proof_size(3), (str(size), note), "a proof is under what witnesses have cosigned")
        self.assertEqual(self.proof_size(size), (str(len(log.records)), log.note()), "or under the newest")
        old = self.cosigned(size - 1)
        self.registrar.cosigned = old
        self.grow()
        self.assertTrue(self.door.settle(lambda: int(self.get("")[1]["hallmark-log-size"]) == len(log.records)))
        self.assertEqual(self.get()[2], note, "an older one does not take its place")


class Damaged(unittest.TestCase):
    def test_nothing_wrong_leaves(self):
        """Somebody has changed the read model's file: what it says is held against the signed root."""
        door = Door(log=long_log())
        try:
            self.assertTrue(door.ready())
            self.assertEqual(door.stop(), 0)
            db = sqlite3.connect(door.dir / "var" / "query.db")
            db.execute("UPDATE record SET hashes=zeroblob(length(hashes)) WHERE idx=100")
            db.execute("UPDATE record SET bytes=CAST(replace(CAST(bytes AS TEXT), '9.300.0', '9.399.0') AS BLOB) WHERE idx=300")
            db.commit()
            db.close()
            door.start()
            self.assertTrue(door.ready())
            for path in ("/log/tile/0/000", "/log/tile/entries/001", "/log/tile/entries/001.p/1", "/v1/log/entries/300/proof", "/v1/log/entries/101/proof"):
                answer = door.get(path)
                self.assertEqual((answer[0], answer[1]["cache-control"]), (503, "no-store"), path)
            for path in ("/log/tile/0/001", "/log/tile/1/000.p/2", "/log/tile/entries/000", "/log/tile/entries/002.p/5", "/v1/log/entries/400/proof"):
                self.assertEqual(door.get(path)[0], 200, path)
        finally:
            door.close()


class Visitors(unittest.TestCase):
    def test_allowance(self):
        """One address has its allowance; those who bring a certificate for other things are not slowed down by it."""
        door = Door(public_log=True, public_requests_per_minute=60)
        try:
            self.assertTrue(door.ready())
            answers = [door.get("/log/checkpoint", None) for _ in range(12)]
            late = [a for a in answers if a[0] == 429]
            self.assertEqual(answers[0][0], 200)
            self.assertTrue(late, [a[0] for a in answers])
            self.assertEqual(problem(late[0]), "too-many-requests")
            self.assertGreaterEqual(int(late[0][1]["retry-after"]), 1)
            self.assertEqual(door.get("/v1/log/checkpoint", "audit")[0], 200)
            self.assertTrue(door.settle(lambda: door.get("/log/checkpoint", None)[0] == 200))
        finally:
            door.close()


if __name__ == "__main__":
    unittest.main()
