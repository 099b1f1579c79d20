"""Bad input from people who may connect: each gets its documented problem, and the log does not grow."""

import json
import os
import socket
import ssl
import time

import e2e_lib as e
from e2e_lib import sha256

JSON = {"Content-Type": "application/json"}
MALFORMED = (400, "malformed")
LIMIT = (413, "too-large")


class Input:
    def __init__(self, lab, rows):
        self.lab, self.rows = lab, rows

    def case(self, name, says, method="POST", path="/v1/releases", who="ci-edge", body=b"", headers=JSON):
        before = self.lab.size()
        a = self.lab.call(method, path, who, body, dict(headers))
        wanted = says if isinstance(says, list) else [says]
        self.rows.row(name, a.says() in wanted and self.lab.size() == before and "index" not in a.doc, "expected %r, found %r" % (wanted, a))
        if a.status >= 400:
            kind = a.headers.get("content-type", "")
            if kind != "application/problem+json" or a.doc.get("status") != a.status:
                self.rows.row(name + ": problem document", False, "%s %r" % (kind, a))

    # --- bodies of a submission ---

    def bodies(self):
        good = self.lab.submission()
        deep = b'{"request":' + b"[" * 2000 + b"]" * 2000 + b',"attestations":[]}'
        cases = {
            "empty": b"", "truncated": good.encode()[:-1], "two documents": good.encode() + b"{}", "an array": b"[]", "a string": b'"x"',
            "not JSON": b"hello", "NUL inside": good.encode()[:20] + b"\0" + good.encode()[20:], "non-UTF-8": b'{"request":"\xff\xfe","attestations":[]}',
            "overlong UTF-8": b'{"request":"\xc0\xaf","attestations":[]}', "half a surrogate": b'{"request":"\\ud800","attestations":[]}',
            "duplicate member": b'{"request":"a","request":"b","attestations":[]}',
            "request missing": b'{"attestations":[]}', "attestations missing": b'{"request":"x"}', "request null": b'{"request":null,"attestations":[]}',
            "request an object": b'{"request":{},"attestations":[]}', "attestation a number": b'{"request":"x","attestations":[1]}',
            "byte order mark": b"\xef\xbb\xbf" + good.encode(),
            "request no signed document": b'{"request":"x","attestations":[]}',
        }
        for name, body in cases.items():
            self.case("submission: " + name, MALFORMED, body=body)
        self.case("submission: deeply nested", LIMIT, body=deep)
        self.case("submission: 17 attestations", LIMIT, body=json.dumps({"request": "x", "attestations": ["{}"] * 17}).encode())
        unknown = dict(json.loads(good), surprise=1)
        self.case("submission: unknown member", [(400, "unknown-field"), MALFORMED], body=json.dumps(unknown).encode())
        big = json.dumps({"request": "x", "attestations": ["a" * (1024 * 1024 + 1)]}).encode()
        self.case("submission: attestation of more than 1 MiB", (413, "too-large"), body=big)
        early = self.raw(b"POST /v1/releases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 13000000\r\n\r\n{")
        self.rows.row("submission: more than 12 MiB", b" 413 " in early.split(b"\r\n")[0], early[:200])
        nine = json.dumps({"request": "x", "attestations": ["a" * (1024 * 1024 - 10)] * 9}).encode()
        self.case("submission: 9 MiB of attestations", (413, "too-large"), body=nine)

    # --- signed, but not a request ---

    def requests(self):
        lab = self.lab
        data = lab.firmware()
        lab.upload(data)
        base = json.loads(lab.request(data, "8.8.8"))

        def body(payload):
            return json.dumps({"request": lab.by_certificate(payload), "attestations": []}).encode()

        def edited(**over):
            return body(json.dumps({k: v for k, v in dict(base, **over).items() if v is not None}).encode())

        art = base["artifacts"][0]
        cases = {
            "unknown member": edited(surprise=True), "without nonce": edited(nonce=None), "short nonce": edited(nonce="00"),
            "type of another document": edited(type="release-request/v2"), "version without number": edited(version="latest"),
            "name with control character": edited(product="edge\nrouter"), "name with bidirectional override": edited(product="edge\u202erouter"),
            "no artifacts": edited(artifacts=[]), "artifact of no size": edited(artifacts=[dict(art, size=0)]),
            "size as a float": edited(artifacts=[dict(art, size=12.5)]), "digest in capitals": edited(artifacts=[dict(art, sha256=art["sha256"].upper())]),
            "two artifacts of one name": edited(artifacts=[dict(art, slot=0), dict(art, slot=1)]),
            "the same hardware twice": edited(hardware=base["hardware"] * 2), "time with an offset": edited(expires="2026-11-21T01:00:00+01:00"),
            "rollback floor 0": edited(rollback_floor=0), "path in the artifact's name": edited(artifacts=[dict(art, name="../x")]),
            "number too large": edited(rollback_floor=2 ** 60), "not JSON": body(b"release-request/v1"), "duplicate member": body(
                json.dumps(base)[:-1].encode() + b',"product":"edge-radio"}'), "truncated": body(json.dumps(base)[:-1].encode()),
        }
        for name, b in cases.items():
            self.case("request: " + name, [MALFORMED, (400, "unknown-field")], body=b)
        self.case("request: too many regions", LIMIT, body=edited(regions=["r%d" % i for i in range(17)]))
        self.case("request: larger than 64 KiB", [(413, "too-large"), MALFORMED], body=body(b" " * (200 * 1024)))
        doc = json.loads(lab.by_certificate(json.dumps(base).encode()))
        doc["signatures"] *= 2
        self.case("request: two signatures", LIMIT, body=json.dumps({"request": json.dumps(doc), "attestations": []}).encode())
        doc["signatures"] = [{"sig": "AAAA"}]
        self.case("request: no signature at all", (403, "signature"), body=json.dumps({"request": json.dumps(doc), "attestations": []}).encode())
        doc["certificate"] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        self.case("request: certificate that is none", [(403, "signature"), MALFORMED],
                  body=json.dumps({"request": json.dumps(doc), "attestations": []}).encode())
        ssh = dict(json.loads(e.ssh_document(b"x", lab.ci_ssh.sign("hallmark-submit", b"x"))), surprise=1)
        self.case("request: unknown member in the SSH form", [MALFORMED, (400, "unknown-field")],
                  body=json.dumps({"request": json.dumps(ssh), "attestations": []}).encode())

    # --- the other routes ---

    def documents(self):
        lab = self.lab
        rel, st = lab.new()
        path = "/v1/releases/%s/approvals" % rel
        good = lab.ssh_keygen("alice", "hallmark-approval", st).encode()
        for name, body in {"empty": b"", "truncated": good[:-2], "not base64": good.replace(b'"payload": "', b'"payload": "*'),
                           "no armour": json.dumps({"payload": "eA==", "sshsig": "hello"}).encode(),
                           "armour cut": good.replace(b"-----END SSH SIGNATURE-----", b""), "duplicate member": good[:-1] + b',"payload":"eA=="}',
                           "both forms": good[:-1] + b',"payloadType":"x"}', "deeply nested": b"[" * 5000}.items():
            self.case("approval: " + name, [MALFORMED, (400, "unknown-field"), LIMIT if name == "deeply nested" else MALFORMED], path=path, who="alice", body=body)
        self.case("approval: larger than 64 KiB", (413, "too-large"), path=path, who="alice", body=b" " * 70000)
        self.case("signature: with a body", [MALFORMED, (413, "too-large")], path="/v1/releases/%s/signature" % rel, body=b'{"x":1}')
        for name, text in {"not a number": "rx", "no letter": rel[1:], "leading zero": "r0" + rel[1:], "negative": "r-1", "too large": "r" + "9" * 30,
                           "escaped": "%2e%2e"}.items():
            self.case("release id: " + name, [(400, "bad-parameter"), (404, "not-found")], path="/v1/releases/%s/approvals" % text, who="alice", body=good)
        keys = {"empty": "", "too long": "k" * 129, "control character": "a\tb", "not ASCII": "schl\xfcssel"}
        for name, key in keys.items():
            self.case("Idempotency-Key: " + name, [(400, "bad-parameter"), MALFORMED], path=path, who="alice", body=good,
                      headers=dict(JSON, **{"Idempotency-Key": key}))
        self.case("If-Match: not an ETag", [(400, "bad-parameter"), (412, "precondition-failed")], path=path, who="alice", body=good,
                  headers=dict(JSON, **{"If-Match": "42"}))

    def kinds(self):
        body = self.lab.submission().encode()
        for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data; boundary=x"):
            self.case("Content-Type: %s" % kind, (415, "unsupported-media-type"), body=body, headers={"Content-Type": kind} if kind else {})
        for method, path in (("DELETE", "/v1/releases"), ("PUT", "/v1/releases"), ("PATCH", "/v1/releases/r5"), ("POST", "/v1/log/entries"),
                             ("DELETE", "/v1/log/entries/1")):
            self.case("%s %s" % (method, path), (405, "method-not-allowed"), method, path, body=body)
        for path in ("/v2/releases", "/v1/release", "/", "/v1/releases/", "/v1/../etc/passwd", "//v1/releases"):
            self.case("POST " + path, [(404, "not-found"), (405, "method-not-allowed")], path=path, body=body)
        for query in ("limit=0", "limit=x", "limit=99999", "surprise=1", "state=happy", "after=zz", "limit=1&limit=2", "product=%00", "product=%zz"):
            self.case("GET ?" + query, (400, "bad-parameter"), "GET", "/v1/releases?" + query, "audit", headers={})
        for query in ("since=yesterday", "until=2026-13-01T00:00:00Z", "artifact=00", "key=x", "order=up"):
            self.case("GET entries ?" + query, (400, "bad-parameter"), "GET", "/v1/log/entries?" + query, "audit", headers={})
        for path in ("/v1/log/entries/99999999", "/v1/log/entries/99999999/proof", "/v1/log/entries/0/evidence/30", "/v1/trust-stores/moon",
                     "/v1/releases/r999999/bundle"):
            self.case("GET " + path, (404, "not-found"), "GET", path, "audit", headers={})

    # --- uploads ---

    def uploads(self):
        lab = self.lab
        data = lab.firmware(50000)
        path = "/v1/artifacts/sha256:" + sha256(data)
        self.case("upload: other bytes than the digest", (422, "digest-mismatch"), "PUT", path, body=data[:-1] + bytes([data[-1] ^ 1]), headers={})
        self.case("upload: by an approver", (403, "forbidden"), "PUT", path, "bob", data, {})
        self.case("upload: without certificate", (401, "unauthenticated"), "PUT", path, None, data, {})
        self.case("upload: not a digest", (400, "bad-parameter"), "PUT", path[:-1], body=data, headers={})
        chunked = self.raw(b"PUT %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" % path.encode())
        self.rows.row("upload: without Content-Length", b" 411 " in chunked.split(b"\r\n")[0], chunked[:200])
        head = b"PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        before = lab.size()
        self.raw(head % (path.encode(), len(data)) + data[:-100], wait=False)
        self.raw(head % (path.encode(), len(data) * 2) + data, wait=False)
        # What stands behind the 100 bytes is no request, so the door hangs up; the reset can overtake the answer on its way here.
        short = next(filter(None, (self.raw(head % (path.encode(), 100) + data[:400]) for _ in range(20))), b"")
        self.rows.row("upload: Content-Length smaller than the bytes", b" 422 " in short.split(b"\r\n")[0], short[:200])
        self.rows.row("upload: cut off leaves nothing", lab.get(path).status == 404 and lab.size() == before)
        a = lab.call("PUT", path, "ci-edge", data)
        self.rows.equal("upload: whole, afterwards", a.status, 201, a)
        self.rows.row("upload: and is there, exactly", lab.get(path).body == data)
        out = self.raw(b"POST /v1/releases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{}", wait=False)
        self.rows.row("a POST cut off gets no success", b" 201 " not in out and lab.size() == before)

    def raw(self, data, who="ci-edge", wait=True):
        """Sends bytes as they are; what comes back. wait False: hangs up in the middle."""
        s = self.lab.context(who).wrap_socket(socket.create_connection(("127.0.0.1", self.lab.port), 60), server_hostname="localhost")
        out = b""
        try:
            s.sendall(data)
        except (ConnectionError, ssl.SSLError, TimeoutError):
            pass  # hung up on; what was said before that is there all the same
        try:
            while wait and b"\r\n\r\n" not in out:
                piece = s.recv(65536)
                if not piece:
                    break
                out += piece
        except (ConnectionError, ssl.SSLError, socket.timeout):
            pass
        s.close()
        return out

    def afterwards(self):
        events = [r["event"] for r in self.lab.records()]
        self.rows.equal("no refusal is in the log", [x for x in events if "refus" in x], [])
        rel, _ = self.lab.signed()
        self.rows.equal("the service still signs", self.lab.settled("/v1/releases/" + rel)["state"], "signed")
        for s in ("signer", "registrar", "door"):
            self.rows.row("%s never ended" % s, self.lab.alive(s))


def main(lab, rows):
    i = Input(lab, rows)
    rows.parts(i.bodies, i.requests, i.documents, i.kinds, i.uploads, i.afterwards)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main)
