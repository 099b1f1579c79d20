"""A hallmarkd with certificates, a fake registrar and a client that can also misbehave."""
import atexit
import datetime
import http.client
import json
import os
import pathlib
import pwd
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import described  # noqa: E402
import fake_registrar as fr  # noqa: E402

BINARY = os.environ.get("HALLMARKD") or os.path.join(os.environ.get("HALLMARK_BUILD", "build"), "bin", "hallmarkd")
URI = "spiffe://example.com/"
PATIENCE_S = 60  # for what has to happen; a busy machine takes its time
PEOPLE = {URI + "ci": ("ci", fr.SUBMITTER), URI + "alice": ("alice", fr.APPROVER), URI + "audit": ("audit", fr.AUDITOR),
          URI + "dora": ("dora", fr.ADMINISTRATOR), URI + "kurt": ("kurt", fr.CUSTODIAN), URI + "plain": ("plain", 0)}


def save(path, data):
    path.write_bytes(data)
    path.chmod(0o644)


class Pki:
    def __init__(self, folder):
        self.folder = folder
        self.now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        self.ca = self.make_ca("ca")
        self.foreign = self.make_ca("foreign")
        self.leaf("server", None, ExtendedKeyUsageOID.SERVER_AUTH)
        for name in ("ci", "alice", "audit", "dora", "kurt", "plain", "nobody"):
            self.leaf(name, URI + name)
        self.leaf("foreign-ci", URI + "ci", issuer=self.foreign)
        self.leaf("expired", URI + "ci", days=(-10, -1))
        self.leaf("early", URI + "ci", days=(1, 10))
        self.leaf("server-purpose", URI + "ci", ExtendedKeyUsageOID.SERVER_AUTH)
        self.leaf("nul", URI + "ci\0.evil")
        self.leaf("cn-only", None)

    def key(self, name):
        key = ec.generate_private_key(ec.SECP256R1())
        save(self.folder / (name + ".key"), key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return key

    def make_ca(self, name):
        key = self.key(name)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        cert = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(self.now - datetime.timedelta(days=30)).not_valid_after(self.now + datetime.timedelta(days=30))
                .add_extension(x509.BasicConstraints(True, 0), True)
                .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
                .sign(key, hashes.SHA256()))
        save(self.folder / (name + ".pem"), cert.public_bytes(serialization.Encoding.PEM))
        return key, subject

    def leaf(self, name, uri, purpose=ExtendedKeyUsageOID.CLIENT_AUTH, issuer=None, days=(-1, 10)):
        ca_key, ca_name = issuer or self.ca
        key = self.key(name)
        names = [x509.DNSName("localhost")]
        if uri:
            names.append(x509.UniformResourceIdentifier(uri))
        day = lambda n: self.now + datetime.timedelta(days=n)  # noqa: E731
        cert = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ci")]))
                .issuer_name(ca_name).public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(day(days[0])).not_valid_after(day(days[1]))
                .add_extension(x509.SubjectAlternativeName(names), False)
                .add_extension(x509.ExtendedKeyUsage([purpose]), False).sign(ca_key, hashes.SHA256()))
        save(self.folder / (name + ".pem"), cert.public_bytes(serialization.Encoding.PEM))


def kill_quietly(process):
    if process.poll() is None:
        process.kill()
        process.wait()


class Door:
    def __init__(self, registrar=True, log=None, limits=None, begin=True, **config):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="door-"))
        self.dir.chmod(0o755)
        self.pki = Pki(self.dir)
        (self.dir / "var").mkdir()
        self.limits = limits or []
        self.config = {"listen": "127.0.0.1:0", "port_file": "var/port", "registrar_socket": "registrar.sock",
                       "inbox_dir": "var/inbox", "query_db": "var/query.db", "tls_certificate": "server.pem",
                       "tls_key": "server.key", "client_ca": "ca.pem"}
        if os.geteuid() == 0:
            self.config["user"] = "nobody"
            os.chown(self.dir / "var", pwd.getpwnam("nobody").pw_uid, -1)
        self.config.update(config)
        self.registrar = fr.FakeRegistrar(str(self.dir / "registrar.sock"), log, PEOPLE) if registrar else None
        self.process = None
        if begin:
            self.start()

    def secret(self, name, data, mode=0o400):
        """A file that the door alone may read."""
        path = self.dir / "var" / name
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
        return str(path)

    def start(self):
        (self.dir / "door.json").write_text(json.dumps(self.config))
        (self.dir / "var" / "port").unlink(missing_ok=True)
        self.journal = open(self.dir / "journal", "ab")

        def before():
            for what, value in self.limits:
                resource.setrlimit(what, (value, value))
        self.process = subprocess.Popen([BINARY, "--config", str(self.dir / "door.json")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.journal, preexec_fn=before)
        atexit.register(kill_quietly, self.process)
        until = time.monotonic() + PATIENCE_S
        while not (self.dir / "var" / "port").exists():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("hallmarkd did not start: " + self.text())
            time.sleep(0.02)
        self.port = int((self.dir / "var" / "port").read_text())
        self.settle(lambda: self.raw_open() is not None or self.process.poll() is not None)

    def raw_open(self):
        try:
            return socket.create_connection(("127.0.0.1", self.port), 1).close() or True
        except OSError:
            return None

    def text(self):
        return (self.dir / "journal").read_text(errors="replace")

    def settle(self, condition, seconds=PATIENCE_S):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if condition():
                return True
            time.sleep(0.05)
        return False

    def ready(self, seconds=PATIENCE_S):
        return self.settle(lambda: self.get("/readyz", None)[0] == 200, seconds)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self.journal.close()
        return self.process.returncode

    def close(self):
        code = self.stop()
        if self.registrar:
            self.registrar.stop()
        text = self.text()
        shutil.rmtree(self.dir, ignore_errors=True)
        if code != 0 or "Sanitizer" in text or "runtime error" in text:
            raise AssertionError("hallmarkd ended with %s:\n%s" % (code, text[-4000:]))
        if found := described.undescribed():
            raise AssertionError("schema/openapi.json does not describe: " + "; ".join(found))

    def context(self, who="ci", **kw):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        c.load_verify_locations(str(self.dir / "ca.pem"))
        if who:
            c.load_cert_chain(str(self.dir / (who + ".pem")), str(self.dir / (who + ".key")))
        for name, value in kw.items():
            setattr(c, name, value)
        return c

    def connect(self, who="ci", timeout=30, **kw):
        s = socket.create_connection(("127.0.0.1", self.port), timeout)
        return self.context(who, **kw).wrap_socket(s, server_hostname="localhost")

    def connection(self, who="ci", timeout=60):
        return http.client.HTTPSConnection("localhost", self.port, context=self.context(who), timeout=timeout)

    def call(self, method, path, body=None, who="ci", headers=None, conn=None):
        c = conn or self.connection(who)
        try:
            c.request(method, path, body, headers or {})
            a = c.getresponse()
            headers = {k.lower(): v for k, v in a.getheaders()}
            described.note(method, path, a.status, headers)
            return a.status, headers, a.read()
        finally:
            if conn is None:
                c.close()

    def get(self, path, who="audit", **kw):
        return self.call("GET", path, who=who, **kw)

    def json(self, path, who="audit", **kw):
        status, headers, body = self.get(path, who, **kw)
        return status, json.loads(body)

    def post(self, path, body=b"{}", who="ci", headers=None):
        return self.call("POST", path, body, who, dict({"Content-Type": "application/json"}, **(headers or {})))

    def put(self, data, who="ci", name=None, **kw):
        return self.call("PUT", "/v1/artifacts/sha256:" + (name or fr.sha(data).hex()), data, who, **kw)

    def inbox(self):
        return sorted(p.name for p in (self.dir / "var" / "inbox").iterdir())

    def raw(self, data, who="ci", seconds=PATIENCE_S):
        """Sends bytes as they are and reads until the peer closes or has nothing more to say for so long."""
        s = self.connect(who, seconds)
        out = b""
        try:
            s.sendall(data)
        except (ssl.SSLError, ConnectionError, TimeoutError):
            pass  # hung up on; what was said before that is there all the same
        try:
            while chunk := s.recv(65536):
                out += chunk
        except (ssl.SSLError, ConnectionError, TimeoutError):
            pass
        finally:
            s.close()
        return out


def problem(answer):
    return json.loads(answer[2])["type"].rsplit(":", 1)[1]


class DoorCase(unittest.TestCase):
    config = {}
    limits = None

    @classmethod
    def setUpClass(cls):
        cls.door = Door(limits=cls.limits, **cls.config)
        cls.registrar = cls.door.registrar
        if not cls.door.ready():
            text = cls.door.text()
            cls.door.close()
            raise RuntimeError("not ready:\n" + text)

    @classmethod
    def tearDownClass(cls):
        cls.door.close()
