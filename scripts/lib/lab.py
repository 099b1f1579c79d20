"""A whole Hallmark on this machine: tokens, ceremony, people, policy, the three programs, a device.

Used by scripts/run, by the end-to-end tests and by the benchmark, so that there is one way to set one up.
Everything lies in one folder; everything listens on loopback; only processes started here are ended here.
"""

import base64
import hashlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ORIGIN = "hallmark.example/rehearsal"
DOMAIN = "devices.example"
REPOSITORY = "https://git.devices.example/edge-router"
BUILDER = "https://ci.devices.example/builder"
MODULES = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
           "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"]
SERVICES = ("signer", "registrar", "door")
PROGRAM = {"signer": "hallmark-signer", "registrar": "hallmark-registrar", "door": "hallmarkd"}
FRESH_S = 1.1  # for a second the door believes what it heard about the registrar
USER = {"signer": "hallmark-signer", "registrar": "hallmark-registrar", "door": "hallmark-door"}


class LabError(Exception):
    pass


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def write(path, data, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    os.chmod(path, mode)
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read()


def traversable(path):
    """Can other users walk to this path?"""
    while path != "/":
        if not os.stat(path).st_mode & 0o001:
            return False
        path = os.path.dirname(path)
    return True


def reserved_port():
    """A socket that has a port and does not listen: a program that names the port gets it beside us, and nobody else is given it."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    return s


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def dsse(payload_type, payload, key, keyid=""):
    """A DSSE envelope with one P-256 signature."""
    pae = b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)
    sig = key.sign(pae, ec.ECDSA(hashes.SHA256()))
    return json.dumps({"payloadType": payload_type, "payload": base64.b64encode(payload).decode(),
                       "signatures": [{"keyid": keyid, "sig": base64.b64encode(sig).decode()}]})


class Lab:
    def __init__(self, root, programs, development=False, hardware=None, products=("edge-router",), ttl_s=604800,
                 as_users=None, policy_edit=None, door=None, registrar=None, signer=None):
        """root: folder for what stays. programs: folder of the built programs. development: also a development token
        whose key needs no approval. hardware: {product: (models, revisions, regions)}."""
        self.root = os.path.abspath(root)
        self.programs = os.path.abspath(programs)
        self.development = development
        self.products = list(products)
        self.hardware = hardware or {p: (["er-100"], ["b"], ["world"]) for p in self.products}
        self.ttl_s = ttl_s
        self.policy_edit = policy_edit
        self.extra = {"door": door or {}, "registrar": registrar or {}, "signer": signer or {}}
        self.as_users = os.geteuid() == 0 if as_users is None else as_users
        self.processes, self.began = {}, {}
        self.port, self.place = 0, None
        self.approvers = ["alice", "bob", "carol"]
        shutil.rmtree(self.root, ignore_errors=True)
        os.makedirs(self.root, mode=0o755)
        # Unix socket paths are short, and the programs' users must be able to walk to them.
        self.home = os.path.join(self.root, "state")
        if len(self.home) > 60 or (self.as_users and not traversable(self.root)):
            self.home = tempfile.mkdtemp(prefix="hallmark-", dir="/var/tmp")
            self.temporary = True
        else:
            os.makedirs(self.home, mode=0o755)
            self.temporary = False
        os.chmod(self.home, 0o755)

    # --- files and users ---

    def path(self, *parts):
        return os.path.join(self.home, *parts)

    def program(self, name):
        return os.path.join(self.programs, name)

    def make_users(self):
        if not self.as_users:
            return
        for user in USER.values():
            try:
                pwd.getpwnam(user)
            except KeyError:
                subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", user], check=True)

    def own(self, path, service):
        """Gives a path, and what lies in it, to a service's user."""
        if not self.as_users:
            return
        pw = pwd.getpwnam(USER[service])
        os.chown(path, pw.pw_uid, pw.pw_gid)
        for base, dirs, files in os.walk(path):
            for name in dirs + files:
                os.chown(os.path.join(base, name), pw.pw_uid, pw.pw_gid)

    def run(self, args, check=True, env=None, stdin=None, timeout=300):
        full = dict(os.environ, SOFTHSM2_CONF=self.path("softhsm2.conf"))
        full.update(env or {})
        r = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=full, input=stdin, timeout=timeout)
        r.out, r.err = r.stdout.decode(errors="replace"), r.stderr.decode(errors="replace")
        if check and r.returncode != 0:
            raise LabError("%s: exit %d\n%s%s" % (" ".join(args), r.returncode, r.out, r.err))
        return r

    # --- tokens, people, ceremony ---

    def module(self):
        for m in MODULES:
            if os.path.exists(m):
                return m
        raise LabError("SoftHSM2's module is not installed")

    def make_tokens(self):
        tokens = self.path("tokens")
        os.makedirs(tokens, mode=0o700)
        write(self.path("softhsm2.conf"),
              "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n" % tokens)
        self.token_dirs = {}
        for label in ["root", "production", "log"] + (["development"] if self.development else []):
            pin = str(int.from_bytes(os.urandom(6), "big")).zfill(15)
            write(self.path("pins", label), pin, 0o600)
            before = set(os.listdir(tokens))
            self.run(["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", pin, "--pin", pin])
            self.token_dirs[label] = (set(os.listdir(tokens)) - before).pop()

    def make_person(self, name):
        key = self.path("people", name, "id_ed25519")
        os.makedirs(os.path.dirname(key), exist_ok=True)
        self.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key])
        return read(key + ".pub").decode().strip()

    def make_certificates(self):
        """A development CA; a server certificate; client certificates with SAN URIs."""
        self.ca_key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Hallmark rehearsal CA")])
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        ca = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.ca_key.public_key())
              .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
              .not_valid_after(now + timedelta(days=90))
              .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
              .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
              .sign(self.ca_key, hashes.SHA256()))
        self.ca_cert = ca
        write(self.path("tls", "ca.pem"), ca.public_bytes(serialization.Encoding.PEM))
        self.make_certificate("door", None)
        for who in ["ci-edge"] + self.approvers + ["audit"]:
            self.make_certificate(who, "spiffe://%s/%s" % (DOMAIN, who))

    def make_certificate(self, who, uri, days=90, ca=None, start_hours=-1):
        key = ec.generate_private_key(ec.SECP256R1())
        ca_key, ca_cert = ca or (self.ca_key, self.ca_cert)
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        san = ([x509.UniformResourceIdentifier(uri)] if uri else
               [x509.DNSName("localhost"), x509.IPAddress(__import__("ipaddress").ip_address("127.0.0.1"))])
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if uri else ExtendedKeyUsageOID.SERVER_AUTH
        cert = (x509.CertificateBuilder()
                .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, who)])).issuer_name(ca_cert.subject)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now + timedelta(hours=start_hours)).not_valid_after(now + timedelta(days=days))
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                .add_extension(x509.SubjectAlternativeName(san), critical=False)
                .add_extension(x509.ExtendedKeyUsage([usage]), critical=False).sign(ca_key, hashes.SHA256()))
        write(self.path("tls", who + ".pem"), cert.public_bytes(serialization.Encoding.PEM))
        write(self.path("tls", who + ".key"), private_pem(key), 0o600)

    def make_people(self):
        self.ssh = {who: self.make_person(who) for who in self.approvers}
        self.builder_key = ec.generate_private_key(ec.SECP256R1())
        write(self.path("people", "builder", "builder.key"), private_pem(self.builder_key), 0o600)
        self.make_certificates()

    def policy(self):
        def pem(name):
            return {"pem": read(self.path("ceremony", "keys", name)).decode()}

        def principal(who, roles, **more):
            return dict({"id": who, "roles": roles, "credentials": [{"san_uri": "spiffe://%s/%s" % (DOMAIN, who)}]}, **more)

        keys = [{"id": "production", "public_key": pem("release.pem"), "environment": "production",
                 "products": self.products, "channels": ["stable"]}]
        rules = [{"id": "stable", "products": self.products, "channels": ["stable"], "environment": "production",
                  "key": "production", "submitters": ["ci-edge"] + (["alice"] if "alice" in self.approvers else []),
                  "approvals": {"group": "release-managers", "count": 2}, "approval_ttl_s": self.ttl_s,
                  "provenance": {"builders": [BUILDER]}}]
        if self.development:
            keys.append({"id": "development", "public_key": pem("development.pem"), "environment": "development",
                         "products": self.products, "channels": ["nightly"]})
            rules.append({"id": "nightly", "products": self.products, "channels": ["nightly"], "environment": "development",
                          "key": "development", "submitters": ["ci-edge"], "approvals": "none", "approval_ttl_s": self.ttl_s,
                          "provenance": {"builders": [BUILDER]}})
        doc = {
            "version": 1, "name": "Hallmark rehearsal", "vendor_domain": DOMAIN,
            "principals": [principal("ci-edge", ["submitter"], name="CI of the edge router")]
            + [principal(w, ["approver"] + (["submitter"] if w == "alice" else []), name=w.capitalize(),
                         approval_keys=[{"ssh": self.ssh[w]}]) for w in self.approvers]
            + [principal("audit", ["auditor"], name="Auditor")],
            "groups": [{"id": "release-managers", "members": self.approvers}],
            "builders": [{"id": BUILDER, "keys": [{"pem": public_pem(self.builder_key)}], "products": self.products,
                          "repositories": [REPOSITORY]}],
            "keys": keys, "rules": rules,
        }
        return self.policy_edit(doc) if self.policy_edit else doc

    def ceremony_config(self):
        def place(label, **more):
            return dict({"label": label, "pin_file": self.path("pins", label), "key_label": label}, **more)

        hardware = [{"product": p, "models": m, "revisions": r, "regions": g} for p, (m, r, g) in self.hardware.items()]
        release = [place("production", file="release.pem", environment="production", products=self.products,
                         channels=["stable"], guard={"approvals": 2, "approvers": [{"ssh": self.ssh[w]} for w in self.approvers]})]
        stores = [{"environment": "production", "epoch": 1, "hardware": hardware}]
        if self.development:
            release.append(place("development", file="development.pem", environment="development", products=self.products,
                                 channels=["nightly"], guard={"approvals": 0, "approvers": []}))
            stores.append({"environment": "development", "epoch": 1, "hardware": hardware})
        return {"origin": ORIGIN, "vendor_domain": DOMAIN, "pkcs11_module": self.module(),
                "root": {"tokens": [place("root", file="root.pem")], "threshold": 1}, "log": place("log"),
                "release_keys": release, "trust_stores": stores}

    def ceremony(self):
        config = write(self.path("ceremony.json"), json.dumps(self.ceremony_config(), indent=2))
        out = self.path("ceremony")
        tool = self.program("hallmark-ceremony")
        self.run([tool, "keys", "--config", config, "--out", out])
        policy = write(self.path("policy.json"), json.dumps(self.policy(), indent=2))
        report = self.run([tool, "run", "--config", config, "--out", out, "--policy", policy])
        # The root token leaves the machine.
        offline = self.path("offline")
        os.makedirs(offline, mode=0o700)
        shutil.move(self.path("tokens", self.token_dirs["root"]), offline)
        shutil.move(self.path("pins", "root"), os.path.join(offline, "pin"))
        return report.out

    # --- configuration ---

    def configs(self):
        stores = ["production"] + (["development"] if self.development else [])
        root = json.loads(read(self.path("ceremony", "root-keys.json")))
        user = (lambda s: {"user": USER[s]}) if self.as_users else (lambda s: {})
        peer = (lambda s: {"peer_user": USER[s]}) if self.as_users else (lambda s: {})
        signer = {"socket": self.path("run", "signer", "s.sock"), "state_dir": self.path("signer"),
                  "guards": self.path("ceremony", "guards.cbor"), "root_keys": root, "pkcs11_module": self.module(),
                  "log_token": {"label": "log", "pin_file": self.path("pins", "log"), "key_label": "log"},
                  "release_tokens": [{"label": t, "pin_file": self.path("pins", t)}
                                     for t in ["production"] + (["development"] if self.development else [])]}
        signer.update(user("signer"), **peer("registrar"))
        registrar = {"socket": self.path("run", "registrar", "r.sock"), "signer_socket": signer["socket"],
                     "database": self.path("registrar", "log.db"), "artifact_dir": self.path("registrar", "artifacts"),
                     "policy": self.path("policy.json"), "genesis": self.path("ceremony", "genesis.cbor"),
                     "guards": signer["guards"], "client_ca": self.path("tls", "ca.pem"), "root_keys": root,
                     "trust_stores": [{"environment": e, "file": self.path("ceremony", "trust-store-%s.cbor" % e)} for e in stores]}
        registrar.update(user("registrar"), **peer("door"))
        door = {"listen": "127.0.0.1:0", "port_file": self.path("door", "port"), "registrar_socket": registrar["socket"],
                "inbox_dir": self.path("door", "inbox"), "query_db": self.path("door", "query.db"),
                "tls_certificate": self.path("tls", "door.pem"), "tls_key": self.path("tls", "door.key"),
                "client_ca": self.path("tls", "ca.pem")}
        door.update(user("door"))
        for name, doc in (("signer", signer), ("registrar", registrar), ("door", door)):
            doc.update(self.extra[name])
            write(self.path(name + ".json"), json.dumps(doc, indent=2))

    def directories(self):
        for service in SERVICES:
            for d in (self.path("run", service), self.path(service)):
                os.makedirs(d, exist_ok=True)
                os.chmod(d, 0o755 if "run" in d else 0o700)
                self.own(d, service)
        self.own(self.path("tokens"), "signer")
        for f in os.listdir(self.path("pins")):
            self.own(self.path("pins", f), "signer")
        self.own(self.path("tls", "door.key"), "door")

    def set_up(self):
        self.make_users()
        self.make_tokens()
        self.make_people()
        self.ceremony()
        self.configs()
        self.directories()
        self.run([self.program("hallmark-signer"), "init", "--config", self.path("signer.json")])
        self.run([self.program("hallmark-registrar"), "init", "--config", self.path("registrar.json")])
        self.own(self.path("signer"), "signer")
        self.own(self.path("registrar"), "registrar")

    # --- processes ---

    def start(self, service, config=None, under=()):
        """under: what stands before the program's command line, such as a tracer that leaves the program as our child."""
        log = open(self.path(service + ".log"), "ab")
        env = dict(os.environ, SOFTHSM2_CONF=self.path("softhsm2.conf"))
        if service == "door":
            self.same_address()
        self.began[service] = time.time()
        self.processes[service] = subprocess.Popen(
            [*under, self.program(PROGRAM[service]), "--config", config or self.path(service + ".json")],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True)
        log.close()
        return self.processes[service]

    def same_address(self):
        """Clients find the door again; while it is away, nobody else is given its port."""
        self.place = self.place or reserved_port()
        doc = json.loads(read(self.path("door.json")))
        if doc["listen"] == "127.0.0.1:0":
            doc["listen"] = "127.0.0.1:%d" % self.place.getsockname()[1]
            write(self.path("door.json"), json.dumps(doc, indent=2))

    def start_all(self, timeout=90):
        for service in SERVICES:
            self.start(service)
        self.wait_ready(timeout)

    def alive(self, service):
        p = self.processes.get(service)
        return p is not None and p.poll() is None

    def log_tail(self, service, lines=8):
        return "\n".join(read(self.path(service + ".log")).decode(errors="replace").splitlines()[-lines:])

    def wait_ready(self, timeout=90):
        end = time.time() + timeout
        last = ""
        # What a door says may still be about programs that ended before these.
        fresh = max([t + FRESH_S for t in self.began.values() if t > self.began.get("door", 0)], default=0)
        while time.time() < end:
            for s in SERVICES:
                if s in self.processes and self.processes[s].poll() is not None:
                    raise LabError("%s ended with %s\n%s" % (PROGRAM[s], self.processes[s].poll(), self.log_tail(s)))
            if not self.port and os.path.exists(self.path("door", "port")):
                text = read(self.path("door", "port")).decode().strip()
                if text:
                    self.port = int(text.split(":")[-1])
                    self.client_configs()
            if self.port:
                asked = time.time()
                r = self.curl("/readyz")
                last = r.out
                if r.code == 200 and asked >= fresh:
                    return
            time.sleep(0.05)
        raise LabError("the service did not become ready: %s\n%s" % (last, "\n".join(self.log_tail(s) for s in SERVICES)))

    def stop(self, service, sig=signal.SIGTERM, timeout=60):
        p = self.processes.get(service)
        if p is None:
            return None
        if p.poll() is None:
            p.send_signal(sig)
        try:
            return p.wait(timeout)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            raise LabError("%s did not end on signal %d" % (PROGRAM[service], sig))

    def stop_all(self):
        for service in reversed(SERVICES):
            self.stop(service)

    def clean(self):
        try:
            self.stop_all()
        finally:
            for p in self.processes.values():  # where one did not end, the others are not left behind
                p.kill()
                p.wait()
            if self.temporary:
                shutil.rmtree(self.home, ignore_errors=True)

    # --- clients ---

    def url(self, path=""):
        return "https://localhost:%d%s" % (self.port, path)

    def client_configs(self):
        for who in ["ci-edge"] + self.approvers + ["audit"]:
            doc = {"server": self.url(), "ca": self.path("tls", "ca.pem"), "certificate": self.path("tls", who + ".pem"),
                   "key": self.path("tls", who + ".key"), "log_key": read(self.path("ceremony", "keys", "log.vkey")).decode().strip(),
                   "trust_store": self.path("ceremony", "trust-store-production.cbor"), "policy": self.path("policy.json"),
                   "state_dir": self.path("clients", who)}
            if who in self.approvers:
                doc["approval_key"] = self.path("people", who, "id_ed25519")
            write(self.path("clients", who + ".json"), json.dumps(doc, indent=2))

    def cli(self, who, *args, check=True, timeout=120):
        words = 1 if args[0] not in ("log", "policy", "roster", "guards") else 3 if args[:2] == ("log", "redact") else 2
        return self.run([self.program("hallmark"), *args[:words], "--config", self.path("clients", who + ".json"), *args[words:]],
                        check=check, timeout=timeout)

    def curl(self, path, who=None, method=None, data=None, headers=(), output=None, extra=()):
        args = ["curl", "-sS", "--max-time", "60", "--cacert", self.path("tls", "ca.pem"), "-w", "\n%{http_code}"]
        if who:
            args += ["--cert", self.path("tls", who + ".pem"), "--key", self.path("tls", who + ".key")]
        if method:
            args += ["-X", method]
        if data is not None:
            args += ["--data-binary", "@-"]
        for h in headers:
            args += ["-H", h]
        r = self.run(args + list(extra) + [self.url(path)], check=False, stdin=data)
        body, _, code = r.stdout.rpartition(b"\n")
        r.body, r.code = body, int(code or b"0")
        r.out = body.decode(errors="replace")
        return r

    def provenance(self, files, repository=REPOSITORY, ref="refs/tags/v1", commit=None, builder=BUILDER, key=None):
        """SLSA v1 provenance in a DSSE envelope. files: {name: sha256 hex}."""
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": n, "digest": {"sha256": d}} for n, d in files.items()],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": "https://devices.example/build/v1", "externalParameters": {"target": "release"},
                    "resolvedDependencies": [{"uri": "git+%s@%s" % (repository, ref),
                                              "digest": {"gitCommit": commit or hashlib.sha1(ref.encode()).hexdigest()}}]},
                "runDetails": {"builder": {"id": builder}, "metadata": {"invocationId": "run-1"}}}}
        return dsse("application/vnd.in-toto+json", json.dumps(statement).encode(), key or self.builder_key)

    def submit(self, version, image, product="edge-router", channel="stable", who="ci-edge", check=True, attestation=None,
               name="firmware.bin", more=()):
        """Submits one image through the CLI; returns (release id, result)."""
        if attestation is None:
            attestation = self.provenance({name: sha256(read(image))}, ref="refs/tags/v" + version)
        path = write(self.path("work", "provenance-%s-%s.json" % (product, version)), attestation)
        models, revisions, regions = self.hardware[product]
        args = ["submit", "--json", "--product", product, "--version", version, "--channel", channel,
                "--artifact", "%s:%s" % (image, name), "--attestation", path]
        for m in models:
            for r in revisions:
                args += ["--hardware", "%s/%s" % (m, r)]
        for g in regions:
            args += ["--region", g]
        r = self.cli(who, *args, *more, check=check)
        release = None
        if r.returncode == 0:
            release = json.loads(r.out)["release"]
        return release, r

    def release(self, version, image, **kw):
        """Submits, approves twice, signs; returns the release id."""
        release, _ = self.submit(version, image, **kw)
        if kw.get("channel", "stable") == "stable":
            self.cli("alice", "approve", release, "--yes")
            self.cli("bob", "approve", release, "--yes")
        self.cli("ci-edge", "sign", release)
        return release

    def device(self, name, *args, check=True):
        return self.run([self.program("hallmark-device"), args[0], "--state", self.path("devices", name), *args[1:]], check=check)

    def make_device(self, name, product="edge-router"):
        models, revisions, regions = self.hardware[product]
        os.makedirs(self.path("devices"), exist_ok=True)
        return self.device(name, "init", "--trust-store", self.path("ceremony", "trust-store-production.cbor"),
                           "--vendor-domain", DOMAIN, "--product", product, "--model", models[0], "--revision", revisions[0],
                           "--region", regions[0], "--root-key", self.path("ceremony", "keys", "root.pem"))
