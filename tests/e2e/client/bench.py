"""The program under test beside a running service, and the makers of lies."""
import http.server
import json
import os
import re
import ssl
import subprocess
import sys
import threading

import world as w_
from world import Handler, World, hexsha, rb, vkey, write


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Handshakes that fail are part of the tests."""
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):
            super().handle_error(request, client_address)


class Service:
    def __init__(self, world, tls=ssl.TLSVersion.TLSv1_3):
        handler = type("BoundHandler", (Handler,), {"world": world, "liar": None})
        self.handler = handler
        self.server = Server(("127.0.0.1", 0), handler)
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.minimum_version = ctx.maximum_version = tls
        ctx.load_cert_chain(os.path.join(world.folder, "server.pem"), os.path.join(world.folder, "server.key"))
        ctx.load_verify_locations(os.path.join(world.folder, "ca.pem"))
        ctx.verify_mode = ssl.CERT_REQUIRED
        self.server.socket = ctx.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Bench:
    def __init__(self, program, folder, only=()):
        self.program = program
        self.only = only
        self.folder = folder
        self.world = World(folder)
        self.service = Service(self.world)
        self.failed = []
        self.count = 0
        self.image = write(os.path.join(folder, "firmware.bin"), rb.FIRMWARE)
        self.attestation = write(os.path.join(folder, "provenance.dsse.json"),
                                 w_.provenance({"firmware.bin": hexsha(rb.FIRMWARE)}, self.world.builder))
        self.settings("ci")
        for who in w_.PEOPLE:
            self.settings(who, approval_key=who + ".ssh")

    def settings(self, who, name=None, **more):
        doc = {"server": "https://localhost:%d" % self.service.port, "ca": "ca.pem", "certificate": who + ".pem",
               "key": who + ".key", "log_key": vkey(rb.ORIGIN, self.world.keys.log_key), "policy": "policy.json",
               "trust_store": "trust-store.cbor", "state_dir": "state-" + (name or who), "retries": 0, "timeout_s": 60}
        doc.update(more)
        path = os.path.join(self.folder, (name or who) + ".json")
        write(path, json.dumps({k: v for k, v in doc.items() if v is not None}))
        return path

    def run(self, who, *args, stdin=b""):
        words = 2 if args[0] in ("log", "policy") else 1
        argv = [self.program, *args[:words], "--config", os.path.join(self.folder, who + ".json"), *args[words:]]
        env = {k: v for k, v in os.environ.items() if "proxy" not in k.lower() and k not in ("HALLMARK_CONFIG", "SSH_AUTH_SOCK")}
        r = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder, env=env,
                           timeout=300)
        r.out, r.err = r.stdout.decode(errors="replace"), r.stderr.decode(errors="replace")
        return r

    def expect(self, name, code, pattern, who, *args, lie=None, **kw):
        """Runs a command, with a lie, and compares exit code and message."""
        if self.only and not any(o in name for o in self.only) and lie is not None:
            return None
        self.count += 1
        self.service.handler.liar = staticmethod(lie) if lie else None
        r = self.run(who, *args, **kw)
        self.service.handler.liar = None
        text = r.out + r.err
        if r.returncode != code or not re.search(pattern, text, re.S):
            self.failed.append(name)
            print("FAILED %s: exit %d, expected %d and /%s/\n%s" % (name, r.returncode, code, pattern, text))
        elif "-v" in os.environ.get("CLIENT_TEST", ""):
            print("ok %s: %s" % (name, text.strip().split("\n")[0]))
        return r

    def submit_args(self, *more):
        return ["submit", "--product", "edge-router", "--version", "2.1.0", "--channel", "stable", "--hardware", "er-100/b",
                "--region", "world", "eu", "--artifact", self.image, "--attestation", self.attestation, *more]

    def fresh(self, approvals=0, signed=False):
        """A release made without lies; returns its index."""
        r = self.run("ci", *self.submit_args("--json"))
        assert r.returncode == 0, r.err
        release = json.loads(r.out)["release"]
        for who in w_.PEOPLE[:2 if signed else approvals]:
            r = self.run(who, "approve", release, "--yes")
            assert r.returncode == 0, r.err
        if signed:
            r = self.run("ci", "sign", release)
            assert r.returncode == 0, r.err
        return int(release[1:])


def change(name, function):
    """A liar that changes the answers of one kind."""
    def liar(kind, value, context):
        return function(value, context) if kind == name else value
    return liar


def edit(name, **members):
    return change(name, lambda value, context: dict(value, **members))


def replace(name, old, new):
    def function(value, context):
        assert old in value, (name, old)
        return value.replace(old, new)
    return change(name, function)


def flip(name, at=-1):
    def function(value, context):
        b = bytearray(value)
        b[at] ^= 1
        return bytes(b)
    return change(name, function)
