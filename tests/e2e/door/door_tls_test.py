"""Who gets in: TLS versions, certificates, principals, roles."""
import ssl
import subprocess
import unittest

import fake_registrar as fr
from testbed import DoorCase, problem


class Certificates(DoorCase):
    def refused(self, who, text=""):
        answer = self.door.get("/v1/releases", who)
        self.assertEqual(answer[0], 401, answer)
        self.assertEqual(problem(answer), "unauthenticated")
        self.assertIn(text, answer[2].decode())
        self.assertEqual(self.door.get("/healthz", who)[0], 200)

    def test_none(self):
        self.refused(None, "required")

    def test_foreign_ca(self):
        self.refused("foreign-ci")

    def test_expired(self):
        self.refused("expired", "expired")

    def test_not_yet_valid(self):
        self.refused("early")

    def test_server_purpose(self):
        self.refused("server-purpose")

    def test_nul_in_uri(self):
        self.refused("nul")

    def test_common_name_is_no_identity(self):
        self.refused("cn-only", "no principal")

    def test_unknown_to_the_policy(self):
        self.refused("nobody", "no principal")

    def test_no_role_reads_nothing(self):
        answer = self.door.get("/v1/releases", "plain")
        self.assertEqual((answer[0], problem(answer)), (403, "forbidden"))

    def test_public_paths(self):
        for path in ("/healthz", "/readyz", "/openapi.json"):
            self.assertEqual(self.door.get(path, None)[0], 200, path)
        self.assertEqual(self.door.get("/metrics", None)[0], 401)


class Tokens(DoorCase):
    config = {"public_requests_per_minute": 6}  # the next one in ten seconds

    def test_false_ones_are_asked_about_so_often(self):
        conn = self.door.connection(None)
        false = {"Authorization": "Bearer a.b.c"}
        before = self.registrar.calls.get(fr.IDENTIFY, 0)
        answers = [self.door.get("/v1/releases", None, headers=false, conn=conn)[0] for _ in range(20)]
        self.assertEqual(answers[:1], [401])
        self.assertGreater(answers.count(429), 15)
        self.assertLess(self.registrar.calls[fr.IDENTIFY] - before, 5)
        self.assertEqual(self.door.get("/v1/releases", "ci")[0], 200)
        conn.close()


class Roles(DoorCase):
    WHO = {"ci": "submitter", "alice": "approver", "audit": "auditor", "dora": "administrator", "kurt": "key-custodian",
           "plain": None, "nobody": None, None: None}

    def ask(self, method, path, op, who):
        for name, value in {"{digest}": "sha256:" + fr.sha(b"data").hex(), "{id}": "r4", "{environment}": "production",
                            "{index}": "4", "{n}": "0", "{tile}": "0/000.p/5"}.items():
            path = path.replace(name, value)
        if op["operationId"] == "getConsistency":
            path += "?old=1&size=2"
        body = {"put": b"data", "post": b"{}"}.get(method)
        if "text/event-stream" in op["responses"].get("200", {}).get("content", {}):
            return self.head_of(path, who)
        return self.door.call(method.upper(), path, body, who, {"Content-Type": "application/json"} if method == "post" else {})

    def head_of(self, path, who):
        """Of an answer that has no end."""
        c = self.door.connection(who)
        try:
            c.request("GET", path)
            return (c.getresponse().status,)
        finally:
            c.close()

    def test_every_operation_with_every_role(self):
        """The description that the door serves is held against what it does; a unit test holds its table against both."""
        operations = [(method, path, op) for path, methods in self.door.json("/openapi.json")[1]["paths"].items()
                      for method, op in methods.items()]
        roles = set(self.WHO.values()) - {None}
        self.assertGreaterEqual(len(operations), 26)
        for method, path, op in operations:
            for who, role in self.WHO.items():
                with self.subTest(method=method, path=path, who=who):
                    takes = op["x-roles"]
                    self.assertLessEqual(set(takes), roles)
                    status = self.ask(method, path, op, who)[0]
                    if not takes:
                        self.assertEqual(status, 200)
                    elif who in (None, "nobody"):
                        self.assertEqual(status, 401)
                    elif role not in takes:
                        self.assertEqual(status, 403)
                    else:
                        self.assertIn(status, (200, 201), "%s may" % role)
                    if method not in ("get", "head"):
                        self.assertNotIn("auditor", takes, "auditors change nothing")
                    elif takes:
                        self.assertEqual(set(takes), roles, "everybody with a role reads everything")

    def test_matrix(self):
        body, kind = b"{}", {"Content-Type": "application/json"}
        may = {"/v1/releases": {"ci"}, "/v1/releases/r4/approvals": {"alice"}, "/v1/releases/r4/rejection": {"alice"},
               "/v1/releases/r4/cancellation": {"ci", "alice"}, "/v1/releases/r4/signature": {"ci", "alice"}}
        for path, allowed in may.items():
            for who in ("ci", "alice", "audit", "plain"):
                with self.subTest(path=path, who=who):
                    answer = self.door.call("POST", path, body, who, kind)
                    self.assertIn(answer[0], (200, 201) if who in allowed else (403,), answer)
        for who in ("alice", "audit", "plain"):
            answer = self.door.put(b"data", who)
            self.assertEqual((answer[0], problem(answer)), (403, "forbidden"))


class Protocol(DoorCase):
    def test_tls_12_is_refused(self):
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            s = self.door.connect("ci", maximum_version=ssl.TLSVersion.TLSv1_2)
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            s.recv(1)

    def test_openssl_sees_13_and_the_ca_name(self):
        run = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % self.door.port, "-CAfile",
                              str(self.door.dir / "ca.pem"), "-verify_return_error"], input=b"", capture_output=True, timeout=120)
        self.assertIn(b"TLSv1.3", run.stdout)
        # OpenSSL before 3.2 writes blanks around the equals sign.
        self.assertRegex(run.stdout, rb"Acceptable client certificate CA names\nCN ?= ?ca\n")

    def test_openssl_cannot_speak_12(self):
        run = subprocess.run(["openssl", "s_client", "-tls1_2", "-connect", "127.0.0.1:%d" % self.door.port], input=b"",
                             capture_output=True, timeout=120)
        self.assertNotEqual(run.returncode, 0)

    def test_plain_http_gets_nothing(self):
        import socket
        s = socket.create_connection(("127.0.0.1", self.door.port), 60)
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        out = b""
        try:
            while chunk := s.recv(4096):
                out += chunk
        except ConnectionError:
            pass
        s.close()
        self.assertNotIn(b"200 OK", out)

    def test_curl(self):
        d = self.door.dir
        run = subprocess.run(["curl", "-sS", "--cacert", str(d / "ca.pem"), "--cert", str(d / "audit.pem"), "--key",
                              str(d / "audit.key"), "https://localhost:%d/v1/releases/r4" % self.door.port,
                              "--resolve", "localhost:%d:127.0.0.1" % self.door.port], capture_output=True, timeout=120)
        self.assertIn(b'"id":"r4"', run.stdout, run.stderr)

    def test_identity_is_asked_for_anew(self):
        conn = self.door.connection("alice")
        self.assertEqual(self.door.get("/v1/releases", conn=conn)[0], 200)
        people = dict(self.registrar.people)
        try:
            self.registrar.people.clear()
            self.assertTrue(self.door.settle(lambda: self.door.get("/v1/releases", conn=conn)[0] == 401))
        finally:
            self.registrar.people.update(people)
            conn.close()
        self.assertTrue(self.door.settle(lambda: self.door.get("/v1/releases", "alice")[0] == 200))


class Rates(DoorCase):
    config = {"requests_per_minute": 60}

    def test_429(self):
        conn = self.door.connection("ci")
        answers = [self.door.get("/v1/policy", conn=conn) for _ in range(20)]
        conn.close()
        limited = [a for a in answers if a[0] == 429]
        self.assertTrue(limited and answers[0][0] == 200)
        self.assertEqual(problem(limited[0]), "too-many-requests")
        self.assertGreaterEqual(int(limited[0][1]["retry-after"]), 1)
        self.assertEqual(self.door.get("/v1/policy", "audit")[0], 200, "one principal's rate is not another's")


if __name__ == "__main__":
    unittest.main()
