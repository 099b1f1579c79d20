"""The registrar is away, silent, dying, or lying."""
import base64
import json
import time
import unittest

import fake_registrar as fr
from testbed import PEOPLE, Door, problem


class Away(unittest.TestCase):
    def test_starts_and_stays_up_without(self):
        door = Door(registrar=False)
        try:
            self.assertEqual(door.get("/healthz", None)[0], 200)
            status, headers, body = answer = door.get("/readyz", None)
            self.assertEqual((status, problem(answer)), (503, "unavailable"))
            self.assertIn("registrar", json.loads(body)["detail"])
            for method, path in (("GET", "/v1/releases"), ("POST", "/v1/releases"), ("GET", "/v1/log/checkpoint"),
                                 ("PUT", "/v1/artifacts/sha256:" + "0" * 64)):
                answer = door.call(method, path, b"{}" if method != "GET" else None,
                                   headers={"Content-Type": "application/json"} if method == "POST" else {})
                self.assertEqual((answer[0], problem(answer)), (503, "unavailable"), path)
                self.assertGreaterEqual(int(answer[1]["retry-after"]), 1)
            self.assertEqual(door.inbox(), [])
            door.registrar = fr.FakeRegistrar(str(door.dir / "registrar.sock"), people=PEOPLE)
            self.assertTrue(door.ready(), "it connects when the registrar comes")
            self.assertEqual(door.get("/v1/releases")[0], 200)
        finally:
            door.close()

    def test_restarts_under_load(self):
        door = Door()
        try:
            self.assertTrue(door.ready())
            for _ in range(3):
                self.assertEqual(door.post("/v1/releases")[0], 201)
                door.registrar.stop()
                answer = door.post("/v1/releases")
                self.assertEqual((answer[0], problem(answer)), (503, "unavailable"))
                door.registrar.start()
                self.assertTrue(door.ready())
            self.assertEqual(len(door.registrar.bodies), 3)
        finally:
            door.close()

    def test_dies_in_the_middle(self):
        door = Door()
        reg = door.registrar
        try:
            self.assertTrue(door.ready())
            cases = {fr.SUBMIT: ("POST", "/v1/releases", "ci"), fr.APPROVE: ("POST", "/v1/releases/r8/approvals", "alice"),
                     fr.REJECT: ("POST", "/v1/releases/r8/rejection", "alice"), fr.CANCEL: ("POST", "/v1/releases/r8/cancellation", "ci"),
                     fr.SIGN: ("POST", "/v1/releases/r8/signature", "ci"), fr.EVIDENCE: ("GET", "/v1/releases/r4/bundle", "ci"),
                     fr.KEYS: ("GET", "/v1/keys", "ci"), fr.POLICY: ("GET", "/v1/policy", "ci"),
                     fr.STATEMENT: ("GET", "/v1/releases/r4/statement", "ci")}
            for mode in (reg.die_on, reg.garbage):
                for op, (method, path, who) in cases.items():
                    with self.subTest(op=op, path=path, garbage=mode is reg.garbage):
                        mode.add(op)
                        answer = door.call(method, path, b"{}" if method == "POST" else None, who,
                                           {"Content-Type": "application/json"} if method == "POST" else {})
                        mode.discard(op)
                        self.assertIn((answer[0], problem(answer)), ((503, "unavailable"), (500, "internal")))
                        if answer[0] == 503:
                            self.assertIn("retry-after", answer[1])
                        self.assertTrue(door.ready())
        finally:
            door.close()

    def test_artifact_stays_when_the_submission_fails(self):
        door = Door()
        try:
            self.assertTrue(door.ready())
            data = b"firmware image" * 1000
            door.registrar.wanted = [fr.sha(data).hex()]
            self.assertEqual(door.put(data)[0], 201)
            for op in (fr.SUBMIT, fr.ART_PUT):
                door.registrar.die_on.add(op)
                self.assertEqual(door.post("/v1/releases")[0], 503)
                door.registrar.die_on.discard(op)
                self.assertTrue(door.ready())
                self.assertEqual(door.inbox(), ["sha256-" + fr.sha(data).hex()])
            self.assertEqual(door.post("/v1/releases")[0], 201)
            self.assertEqual(door.inbox(), [])
        finally:
            door.close()

    def test_says_it_is_not_ready(self):
        door = Door()
        try:
            self.assertTrue(door.ready())
            door.registrar.ready, door.registrar.reason = 0, "the signer is away"
            self.assertTrue(door.settle(lambda: door.get("/readyz")[0] == 503))
            answer = door.get("/readyz")
            self.assertEqual(answer[0], 503)
            self.assertIn("the signer is away", answer[2].decode())
            stranger = door.get("/readyz", None)
            self.assertEqual(stranger[0], 503)
            self.assertIn("registrar is not ready", stranger[2].decode())
            self.assertNotIn("away", stranger[2].decode())
        finally:
            door.close()

    def test_silent(self):
        door = Door(registrar_timeout_ms=3000)
        try:
            self.assertTrue(door.ready())
            for op, path, who in ((fr.SUBMIT, "/v1/releases", "ci"), (fr.SIGN, "/v1/releases/r8/signature", "ci")):
                door.registrar.silent.add(op)
                start = time.monotonic()
                answer = door.post(path, who=who)
                self.assertLess(time.monotonic() - start, 20, "by the configured time, not by the default of 30 s")
                door.registrar.silent.clear()
                self.assertEqual((answer[0], problem(answer)), (503, "unavailable"))
                self.assertIn("Idempotency-Key", answer[2].decode())
            self.assertTrue(door.ready())
        finally:
            door.close()

    def test_answers_that_are_none(self):
        door = Door()
        try:
            self.assertTrue(door.ready())
            for status in (0, 1, 100, 199, 204, 304, 600, 1 << 40):
                door.registrar.answer_status = status
                answer = door.post("/v1/releases/r8/approvals", who="alice")
                self.assertEqual((answer[0], problem(answer)), (500, "internal"), status)
        finally:
            door.close()


def other_note(log, size, root):
    return log.note(size, root)


class Lying(unittest.TestCase):
    def refuses(self, lie, log=None):
        """The door never becomes ready and shows nothing."""
        door = Door(registrar=False)
        try:
            # It lies from the first answer on: the door asks as soon as somebody listens.
            reg = door.registrar = fr.FakeRegistrar(str(door.dir / "registrar.sock"), log, PEOPLE, lie)
            self.assertTrue(door.settle(lambda: "error: read model: " in door.text()), door.text())
            ready = door.get("/readyz", None)
            self.assertEqual(ready[0], 503)
            for path in ("/v1/releases", "/v1/releases/r4", "/v1/log/entries", "/v1/log/entries/0", "/v1/log/checkpoint",
                         "/v1/releases/r4/bundle"):
                answer = door.get(path)
                self.assertEqual((answer[0], problem(answer)), (503, "unavailable"), path)
            reg.lie = None
            self.assertTrue(door.ready(), "the truth is accepted: nothing false was kept")
            self.assertEqual(door.get("/v1/releases/r4")[0], 200)
        finally:
            door.close()

    def test_changed_record(self):
        def lie(log):
            return lambda first, records, note, size: (first, [r.replace(b"edge-router", b"edge-rooter") for r in records], note, size)
        self.refuses(lie)

    def test_missing_record(self):
        self.refuses(lambda log: lambda f, r, n, s: (f, r[:-1] if r else r, n, s))

    def test_swapped_records(self):
        self.refuses(lambda log: lambda f, r, n, s: (f, r[::-1], n, s))

    def test_extra_record(self):
        self.refuses(lambda log: lambda f, r, n, s: (f, r + [b"{}"], n, s))

    def test_nothing_at_all(self):
        self.refuses(lambda log: lambda f, r, n, s: (f, [], n, s))

    def test_other_root(self):
        self.refuses(lambda log: lambda f, r, n, s: (f, r, log.note(s, b"\x01" * 32), s))

    def test_other_size(self):
        self.refuses(lambda log: lambda f, r, n, s: (f, r, n, s + 1))

    def test_flipped_signature(self):
        def lie(log):
            def change(f, r, n, s):
                sig = bytearray(base64.b64decode(n.rsplit(b" ", 1)[1]))
                sig[20] ^= 1
                return f, r, n.rsplit(b" ", 1)[0] + b" " + base64.b64encode(sig) + b"\n", s
            return change
        self.refuses(lie)

    def test_unsigned(self):
        self.refuses(lambda log: lambda f, r, n, s: (f, r, n.split(b"\n\n")[0] + b"\n\n", s))

    def test_note_of_another_key(self):
        other = fr.founded(seed=b"\x09" * 32)
        self.refuses(lambda log: lambda f, r, n, s: (f, r, other.note(s), s))

    def test_records_that_are_none(self):
        """Signed and consistent, but no record: still refused."""
        log = fr.founded()
        log.records.append(b'{"v":1,"idx":9}')
        log.leaves.append(fr.Tree.leaf(log.records[-1]))
        door = Door(log=log)
        try:
            self.assertTrue(door.settle(lambda: "error: read model" in door.text()))
            self.assertEqual(door.get("/v1/releases")[0], 503)
        finally:
            door.close()

    def test_false_evidence(self):
        door = Door()
        try:
            self.assertTrue(door.ready())
            door.registrar.log.evidence[4][1] = b"another manifest"
            for path in ("/v1/releases/r4/manifest", "/v1/log/entries/4/evidence/1"):
                answer = door.get(path)
                self.assertEqual((answer[0], problem(answer)), (503, "unavailable"))
        finally:
            door.close()

    def test_checkpoints_of_another_history(self):
        """Those that come with the records have to be over these records."""
        other, strange, log = fr.founded(), fr.founded(origin="elsewhere.test/log"), fr.founded()
        other.leaves[2] = fr.sha(b"another record")
        wrong = [("root", other.note(5)), ("origin", strange.note(5)), ("rubbish", b"no checkpoint"),
                 ("size", log.note(5).replace(b"\n5\n", b"\n6\n"))]
        door = Door(log=log)
        note_of, log.note = log.note, lambda size=None: said if size == 5 else note_of(size)
        try:
            self.assertTrue(door.ready())
            door.registrar.noted = {5}
            for name, said in wrong:
                with self.subTest(name):
                    door.stop()
                    before = len(door.text())
                    for old in (door.dir / "var").glob("query.db*"):
                        if old.suffix != ".logkey":
                            old.unlink()
                    door.start()
                    self.assertTrue(door.settle(lambda: "read model: history" in door.text()[before:]), door.text())
                    self.assertEqual(door.get("/v1/log/checkpoint")[0], 503)
                    self.assertEqual(door.get("/v1/log/entries/3/proof")[0], 503)
            said = note_of(5)
            self.assertTrue(door.ready())
            self.assertIn(said.decode(), door.get("/v1/log/entries/3/proof?size=5")[2].decode())
        finally:
            door.close()


class Rollback(unittest.TestCase):
    def second(self, log, expected):
        """A door that has seen one log meets another."""
        door = Door()
        try:
            self.assertTrue(door.ready())
            for _ in range(5):
                self.assertEqual(door.post("/v1/releases")[0], 201)
            self.assertTrue(door.settle(lambda: door.json("/v1/releases")[1]["log_size"] == 14))
            door.registrar.stop()
            door.stop()
            door.registrar = fr.FakeRegistrar(str(door.dir / "registrar.sock"), log, PEOPLE)
            door.start()
            self.assertTrue(door.settle(lambda: expected in door.text()), door.text())
            answer = door.get("/v1/releases")
            self.assertEqual((answer[0], problem(answer)), (503, "unavailable"))
            self.assertEqual(door.get("/readyz", None)[0], 503)
        finally:
            door.close()

    def test_shorter_log(self):
        self.second(fr.founded(), "shows a log of 9 records after one of 14")

    def test_forked_log(self):
        log = fr.founded()
        for i in range(9):
            fr.submit(log, "9.9.%d" % i)
        self.second(log, "do not give the root")

    def test_other_key(self):
        self.second(fr.founded(seed=b"\x0b" * 32), "not the one of first contact")

    def test_running_door_sees_a_rollback(self):
        door = Door()
        try:
            self.assertTrue(door.ready())
            log = door.registrar.log
            with log.grown:
                del log.records[-1], log.leaves[-1]
            door.registrar.drop()
            self.assertTrue(door.settle(lambda: "after one of 9 was seen" in door.text()), door.text())
            self.assertEqual(door.get("/v1/releases")[0], 503)
        finally:
            door.close()


class LongLog(unittest.TestCase):
    def test_in_batches(self):
        """More than one message can carry: each batch is proven to be the log's beginning."""
        log = fr.founded()
        for i in range(2500):
            log.add("registrar.started", policy=fr.HEX, random="%064x" % i)
        door = Door(log=log)
        try:
            self.assertTrue(door.ready())
            self.assertTrue(door.settle(lambda: door.json("/v1/releases")[1]["log_size"] == 2509))
            self.assertGreater(door.registrar.calls.get(fr.CONSISTENCY, 0), 0)
            status, headers, body = door.get("/v1/log/entries", headers={"Accept": "application/jsonl"})
            self.assertEqual(body.splitlines(), log.records)
            self.assertEqual(headers["hallmark-log-size"], "2509")
            lines, after = [], ""
            while True:
                status, headers, body = door.get("/v1/log/entries?limit=1000" + after, headers={"Accept": "application/jsonl"})
                lines += body.splitlines()
                if "hallmark-next" not in headers:
                    break
                after = "&after=" + headers["hallmark-next"]
            self.assertEqual(lines, log.records)
        finally:
            door.close()


if __name__ == "__main__":
    unittest.main()
