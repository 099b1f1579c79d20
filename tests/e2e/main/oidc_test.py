"""Tokens of CI systems in place of signatures and certificates: made by python3-jwt, for keys that two issuers publish.

A job without a certificate uploads and submits; the token is spent, stands in the log with its key, and opens nothing
afterwards. Everything that is not quite that token is refused."""

import base64
import http.server
import json
import os
import ssl
import threading
import time
import urllib.parse

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import e2e_lib as e
from lab import ORIGIN, read, sha256, write

GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.example.com"
REPOSITORY = "example/edge-router"


def b64(n, size=None):
    return base64.urlsafe_b64encode(n.to_bytes(size or (n.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


def jwk(key, kid):
    n = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        return {"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": b64(n.n), "e": b64(n.e)}
    return {"kty": "EC", "kid": kid, "crv": "P-256", "x": b64(n.x, 32), "y": b64(n.y, 32)}


class Jobs(e.Cast):
    def make_people(self):
        super().make_people()
        self.github, self.gitlab, self.next = (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1()),
                                               rsa.generate_private_key(65537, 2048))
        self.publish("github", {"keys": [jwk(self.github, "one")]})
        self.publish("gitlab", {"keys": [jwk(self.gitlab, "one")]})  # the same name for another key

    def publish(self, name, doc):
        write(self.path("oidc", name + ".new"), doc if isinstance(doc, str) else json.dumps(doc))
        os.replace(self.path("oidc", name + ".new"), self.path("oidc", name + ".json"))

    def policy(self):
        doc = super().policy()

        def job(who, issuer, roles=("submitter",), **claims):
            return {"id": who, "roles": list(roles), "credentials": [{"oidc": {"issuer": issuer, "claims": claims}}]}
        doc["principals"] += [job("hub", GITHUB, repository=REPOSITORY, environment="release"),
                              job("lab", GITLAB, project_path=REPOSITORY, ref_protected="true"),
                              job("looker", GITHUB, ("auditor",), repository="example/auditors")]
        doc["rules"][0]["submitters"] += ["hub", "lab"]
        return doc

    def token(self, payload=None, key=None, alg="RS256", kid="one", drop=(), headers=None, **over):
        now = int(time.time())
        audience = ORIGIN + ("#sha256:" + sha256(payload) if payload is not None else "")
        claims = {"iss": GITHUB, "aud": audience, "iat": now, "nbf": now - 5, "exp": now + 300, "jti": os.urandom(8).hex(),
                  "repository": REPOSITORY, "environment": "release", "ref": "refs/tags/v1", "sub": "repo:" + REPOSITORY}
        claims = {k: v for k, v in dict(claims, **over).items() if k not in drop}
        return jwt.encode(claims, key or self.github, algorithm=alg, headers=dict({"kid": kid}, **(headers or {})))

    def job(self, signer=None, upload_as="ci-edge", **kw):
        """(body, payload, token): a submission whose request a token stands for."""
        kept = {}

        def by_token(payload):
            kept["payload"], kept["token"] = payload, (signer or self.token)(payload)
            return json.dumps({"payload": base64.b64encode(payload).decode(), "oidc": kept["token"]})
        data = self.firmware()
        body = self.submission(data=data, signer=by_token, upload=False, **kw)
        if upload_as:
            self.upload(data, upload_as)
        return body, kept["payload"], kept["token"], data

    def bearer(self, method, path, token, body=None, **headers):
        h = dict({"Authorization": "Bearer " + token}, **{k.replace("_", "-"): v for k, v in headers.items()})
        return self.call(method, path, None, body, h)

    def send(self, body, token, key=None):
        return self.bearer("POST", "/v1/releases", token, body, Content_Type="application/json", Idempotency_Key=key or os.urandom(8).hex())


def without_certificate(lab, rows):
    body, payload, token, data = lab.job(upload_as=None)
    path = "/v1/artifacts/sha256:" + sha256(data)
    rows.equal("a job without a certificate uploads with its token", lab.bearer("PUT", path, token, data).status, 201)
    first = lab.send(body, token, "again")
    rows.row("and submits", first.status == 201 and first.doc["state"] == "submitted", first)
    release = first.doc["release"]
    rows.equal("asking again gives the same answer", lab.send(body, token, "again").doc["index"], first.doc["index"])
    time.sleep(2.2)
    rows.equal("asking anew does not", lab.send(body, token).says(), (409, "conflict"))
    rows.equal("the spent token uploads nothing", lab.bearer("PUT", path, token, data).says(), (403, "forbidden"))
    other, _, _, _ = lab.job()
    rows.equal("it brings no other request", lab.send(other, token).says(), (403, "signature"))
    unspent = lab.token(b"another request")
    rows.equal("nor does one that was made for another, by the same job", lab.send(other, unspent).says(), (403, "signature"))
    rows.equal("nor reads", lab.bearer("GET", "/v1/releases", token).says(), (403, "forbidden"))
    record = lab.record(first.doc["index"])
    rows.equal("the record names the job's principal", record["actor"], "hub")
    document, key = (lab.get("/v1/log/entries/%d/evidence/%d" % (first.doc["index"], n)).body
                     for n in (0, len(record["evidence"]) - 1))
    stored = json.loads(document)["oidc"]
    found = jwt.decode(stored, jwt.PyJWK(json.loads(key), "RS256").key, ["RS256"], audience=ORIGIN + "#sha256:" + sha256(payload))
    rows.row("a foreign library verifies the evidence years later", found["repository"] == REPOSITORY and stored == token)
    statement = first.doc["statement"].encode()
    for who in lab.approvers[:2]:
        rows.equal("%s approves" % who, lab.approve(release, statement, who).status, 201)
    access = lab.token()
    rows.equal("an access token reads", lab.bearer("GET", "/v1/releases/" + release, access).doc["state"], "approved")
    lab.stop("registrar")  # so that the evidence is read back
    lab.publish("github", {"keys": [jwk(lab.next, "two")]})
    lab.start("registrar")
    lab.wait_ready()
    signed = lab.bearer("POST", "/v1/releases/%s/signature" % release, lab.token(key=lab.next, kid="two"), b"")
    rows.row("it is signed after a restart and after the issuer's keys changed", signed.status == 200 and signed.doc["state"] == "signed",
             signed)
    bundle = lab.get("/v1/releases/%s/bundle" % release).doc
    rows.equal("the bundle has one attestation and the token's key by itself",
               (len(bundle["attestations"]), bundle.get("request_key")), (1, key.decode()))
    lab.publish("github", {"keys": [jwk(lab.github, "one")]})
    time.sleep(1.2)


def refused(lab, rows):
    def attempt(name, wanted, signer=None, text="", **kw):
        body, _, _, _ = lab.job(signer, **kw)
        answer = lab.post("/v1/releases", "ci-edge", body)
        rows.row(name, (answer.says() == wanted if wanted[1] else answer.status == wanted[0]) and text in json.dumps(answer.doc), answer)
    bad, malformed = (403, "signature"), (400, "malformed")
    other = rsa.generate_private_key(65537, 2048)
    attempt("GitLab's token", (201, None), lambda p: lab.token(p, lab.gitlab, "ES256", iss=GITLAB, project_path=REPOSITORY, ref_protected="true"))
    attempt("GitHub's key for GitLab's name", bad, lambda p: lab.token(p, iss=GITLAB, project_path=REPOSITORY, ref_protected="true"))
    attempt("GitLab's key for GitHub's name", bad, lambda p: lab.token(p, lab.gitlab, "ES256"))
    attempt("nobody's key", bad, lambda p: lab.token(p, other), "not signed")
    attempt("an unknown key id", bad, lambda p: lab.token(p, kid="two"), "no key two")
    attempt("an unknown issuer", bad, lambda p: lab.token(p, iss="https://evil.example.com"), "no issuer")
    attempt("algorithm none", malformed, lambda p: jwt.encode(jwt.decode(lab.token(p), options={"verify_signature": False}), None, "none",
                                                              headers={"kid": "one"}))
    attempt("an algorithm that the operator did not list", bad, lambda p: lab.token(p, alg="PS256"), "not accepted from this issuer")
    attempt("another request's audience", bad, lambda p: lab.token(p + b" "), "audience")
    attempt("the log alone as audience", bad, lambda p: lab.token(), "audience")
    attempt("another log", bad, lambda p: lab.token(p, aud="other.example/log#sha256:" + sha256(p)), "audience")
    attempt("a second audience", malformed, lambda p: lab.token(p, aud=[ORIGIN + "#sha256:" + sha256(p), "x"]))
    attempt("expired", (410, "expired"), lambda p: lab.token(p, iat=int(time.time()) - 400, exp=int(time.time()) - 40))
    attempt("not valid yet", bad, lambda p: lab.token(p, nbf=int(time.time()) + 100), "not valid yet")
    attempt("without jti", malformed, lambda p: lab.token(p, drop=["jti"]))
    attempt("another repository", bad, lambda p: lab.token(p, repository="evil/fork"), "names nobody")
    attempt("a missing claim", bad, lambda p: lab.token(p, drop=["environment"]), "names nobody")
    attempt("a claim of another kind", bad, lambda p: lab.token(p, environment=["release"]), "names nobody")
    attempt("somebody who is no submitter", bad, lambda p: lab.token(p, repository="example/auditors"), "role of a submitter")
    attempt("a key brought along", malformed, lambda p: lab.token(p, other, headers={"jwk": jwk(other, "one")}))
    attempt("an address of keys", malformed, lambda p: lab.token(p, headers={"jku": "https://evil.example.com"}))
    attempt("more than a token may be", (413, "too-large"), lambda p: lab.token(p, more="x" * 8000))
    attempt("no token at all", malformed, lambda p: "")
    attempt("a channel that no rule allows it", (403, "policy"), lambda p: lab.token(p, key=lab.github), channel="brief2")


def spent(lab, rows):
    body, _, token, _ = lab.job(lambda p: lab.token(p, jti="same"))
    rows.equal("the first use of a jti", lab.post("/v1/releases", "ci-edge", body).status, 201)
    body, _, second, _ = lab.job(lambda p: lab.token(p, jti="same"))
    answer = lab.post("/v1/releases", "ci-edge", body)
    rows.row("the same jti for another request", answer.says() == (409, "conflict") and "used before" in answer.doc["detail"], answer)
    rows.row("leaves a record", lab.record(answer.doc["index"])["event"] == "release.refused")
    body, _, _, _ = lab.job(lambda p: lab.token(p, lab.gitlab, "ES256", iss=GITLAB, project_path=REPOSITORY, ref_protected="true", jti="same"))
    rows.equal("another issuer's same jti is another token", lab.post("/v1/releases", "ci-edge", body).status, 201)
    body, _, token, _ = lab.job(lambda p: lab.token(p, jti="refused"), channel="brief2")
    lab.post("/v1/releases", "ci-edge", body)
    body, _, token, _ = lab.job(lambda p: lab.token(p, jti="refused"))
    rows.equal("a refusal spends it too", lab.post("/v1/releases", "ci-edge", body).says(), (409, "conflict"))
    lab.stop("registrar")
    lab.start("registrar")
    lab.wait_ready()
    body, _, token, _ = lab.job(lambda p: lab.token(p, jti="same"))
    rows.equal("a restart forgets nothing", lab.post("/v1/releases", "ci-edge", body).says(), (409, "conflict"))


def elsewhere(lab, rows):
    """Where a token is no signature and no certificate."""
    release, statement = lab.new()
    access, bound = lab.token(), lab.token(b"anything")
    document = json.dumps({"payload": base64.b64encode(statement).decode(), "oidc": lab.token(statement)})
    answer = lab.approve(release, statement, "alice", body=document)
    rows.row("no approval by a token", answer.status == 403 and answer.problem == "signature", answer)
    cancel = b"release-cancellation"
    document = json.dumps({"payload": base64.b64encode(cancel).decode(), "oidc": lab.token(cancel)})
    rows.equal("no cancellation", lab.post("/v1/releases/%s/cancellation" % release, "ci-edge", document).status, 403)
    for what, path in (("approvals", "approvals"), ("rejection", "rejection"), ("cancellation", "cancellation")):
        for name, token in (("an access token", access), ("a token for a request", bound)):
            rows.equal("%s brings no %s" % (name, what), lab.bearer("POST", "/v1/releases/%s/%s" % (release, path), token, b"{}",
                                                                    Content_Type="application/json").says(), (403, "forbidden"))
    rows.equal("an access token submits nothing", lab.send("{}", access).says(), (403, "forbidden"))
    rows.equal("nor uploads", lab.bearer("PUT", "/v1/artifacts/sha256:" + sha256(b"x"), access, b"x").says(), (403, "forbidden"))
    rows.equal("an auditor's access token asks for no signature",
               lab.bearer("POST", "/v1/releases/%s/signature" % release, lab.token(repository="example/auditors"), b"").says(),
               (403, "forbidden"))
    for name, token in (("expired", lab.token(iat=int(time.time()) - 400, exp=int(time.time()) - 40)), ("of another audience", lab.token(aud="x")),
                        ("of another repository", lab.token(repository="evil/fork")), ("cut off", access[:-20]), ("empty", " "), ("long", "x" * 9000)):
        answer = lab.bearer("GET", "/v1/releases", token)
        rows.row("a token %s reads nothing" % name, answer.status in (400, 401) and answer.problem in ("unauthenticated", "malformed"), answer)
    rows.equal("another scheme", lab.call("GET", "/v1/releases", None, None, {"Authorization": "Basic eDp5"}).says(), (401, "unauthenticated"))
    rows.equal("a certificate goes before a token", lab.call("GET", "/v1/releases", "audit", None, {"Authorization": "Bearer x"}).status, 200)


def keys_refreshed(lab, rows):
    def fresh(key, kid):
        body, _, _, _ = lab.job(lambda p: lab.token(p, key, kid=kid))
        return lab.post("/v1/releases", "ci-edge", body).status
    lab.publish("github", {"keys": [jwk(lab.next, "two")]})
    time.sleep(1.2)
    rows.equal("the issuer's new key", fresh(lab.next, "two"), 201)
    rows.equal("the old one counts no more", fresh(lab.github, "one"), 403)
    lab.publish("github", "{ broken")
    time.sleep(1.2)
    rows.equal("a broken file leaves the keys before it", fresh(lab.next, "two"), 201)
    rows.row("and is logged", "stay in force" in read(lab.path("registrar.log")).decode())
    rows.row("no token is in a program's log", not any(b"eyJ" in read(lab.path(s + ".log")) for s in ("door", "registrar", "signer")))


class GitHub:
    """What ACTIONS_ID_TOKEN_REQUEST_URL points to: gives a token for the audience that is asked for."""

    def __init__(self, lab):
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
                outer.asked.append((self.headers["Authorization"], query["audience"][0]))
                body = json.dumps({"count": 1, "value": lab.token(aud=query["audience"][0])}).encode()
                self.send_response(200 if self.headers["Authorization"] == "Bearer job-secret" else 401)
                self.send_header("Content-Length", str(len(body)))  # else only the end of the connection ends it
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(lab.path("tls", "door.pem"), lab.path("tls", "door.key"))
        self.server.socket = ctx.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.env = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://localhost:%d/token?api-version=2.0" % self.server.server_port,
                    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "job-secret", "SSL_CERT_FILE": lab.path("tls", "ca.pem")}


def by_command_line(lab, rows):
    lab.client_configs()
    doc = json.loads(read(lab.path("clients", "audit.json")))
    for member in ("certificate", "key", "ssh_key", "approval_key"):
        doc.pop(member, None)
    write(lab.path("clients", "job.json"), json.dumps(doc))
    github = GitHub(lab)

    def hallmark(*args, env=None, check=False):
        return lab.run([lab.program("hallmark"), args[0], "--config", lab.path("clients", "job.json"), *args[1:]], check=check,
                       env=dict(os.environ, **(github.env if env is None else env)))

    def files(name):
        image = lab.path("work", name + ".bin")
        write(image, lab.firmware())
        attestation = lab.path("work", name + ".dsse.json")
        write(attestation, lab.provenance({name + ".bin": sha256(read(image))}, ref="refs/tags/v9"))
        return ["--product", "edge-router", "--version", "9.%d.0" % len(github.asked), "--channel", "stable", "--hardware", "er-100/b",
                "--region", "world", "--artifact", image, "--attestation", attestation]

    r = hallmark("submit", "--oidc-github", "--json", *files("one"))
    rows.row("hallmark submit --oidc-github, without any certificate", r.returncode == 0, r)
    release = json.loads(r.stdout)["release"]
    rows.row("asked GitHub for just this audience, with the job's secret",
             github.asked[0][0] == "Bearer job-secret" and github.asked[0][1].startswith(ORIGIN + "#sha256:"), github.asked)
    statement = lab.get("/v1/releases/%s/statement" % release).body
    for who in lab.approvers[:2]:
        lab.approve(release, statement, who)
    r = hallmark("sign", "--oidc-github", release, "--wait=60")
    rows.row("and signs with an access token", r.returncode == 0, r)
    rows.equal("whose audience is the log", github.asked[-1][1], ORIGIN)
    r = hallmark("bundle", "--oidc-github", release, "--out", lab.path("work", "dist"), "--trust-store",
                 lab.path("ceremony", "trust-store-production.cbor"))
    rows.row("and fetches the bundle, verified", r.returncode == 0, r)
    r = hallmark("submit", "--oidc-github", "--json", "--wait=approved", "--wait-timeout", "1", *files("two"))
    rows.row("waits by access tokens", r.returncode != 0 and "forbidden" not in r.stderr.decode() + r.stdout.decode(), r)
    r = hallmark("submit", "--oidc-github", *files("three"), env=dict(github.env, ACTIONS_ID_TOKEN_REQUEST_TOKEN="wrong"))
    rows.row("no token from GitHub", r.returncode == 1 and b"id-token: write" in r.stderr, r)
    r = hallmark("submit", "--oidc-github", *files("three"), env={"ACTIONS_ID_TOKEN_REQUEST_URL": ""})
    rows.row("no address, or not https", r.returncode == 2, r)

    more = files("four")
    request = lab.path("work", "request.json")
    write(request, hallmark("submit", "--dry-run", *more, check=True).stdout)
    rest = [x for i in (more.index("--artifact"), more.index("--attestation")) for x in more[i:i + 2]]
    audience = hallmark("submit", "--request", request, "--oidc-audience", *rest, check=True).stdout.decode().strip()
    rows.equal("--oidc-audience", audience, ORIGIN + "#sha256:" + sha256(read(request)))
    write(lab.path("work", "token"), lab.token(aud="something else") + "\n")
    r = hallmark("submit", "--request", request, "--oidc-token-file", lab.path("work", "token"), *rest)
    rows.row("a token file for something else never leaves", r.returncode == 2 and b"expected " + audience.encode() in r.stderr, r)
    write(lab.path("work", "token"), lab.token(read(request), lab.gitlab, "ES256", iss=GITLAB, project_path=REPOSITORY,
                                               ref_protected="true") + "\n")
    r = hallmark("submit", "--request", request, "--oidc-token-file", lab.path("work", "token"), *rest)
    rows.row("a token file for this request submits it", r.returncode == 0, r)
    github.server.shutdown()


def main(lab, rows):
    rows.parts(*(lambda f=f: f(lab, rows) for f in (without_certificate, by_command_line, refused, spent, elsewhere, keys_refreshed)))


if __name__ == "__main__":
    os.umask(0o022)
    e.Cast = Jobs
    e.run_script(main, registrar={"oidc": {"issuers": [{"issuer": GITHUB, "jwks": "oidc/github.json"},
                                                       {"issuer": GITLAB, "jwks": "oidc/gitlab.json", "algorithms": ["ES256"]}]}})
