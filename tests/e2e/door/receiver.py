"""A receiver of webhooks that checks them by the Standard Webhooks specification, written from it with hmac and base64 alone."""
import base64
import hashlib
import hmac
import http.server
import json
import threading
import time


def secret_text(key):
    return "whsec_" + base64.b64encode(key).decode()


class Message:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body, self.at = path, {k.lower(): v for k, v in headers.items()}, body, time.monotonic()
        self.id = self.headers.get("webhook-id", "")

    @property
    def json(self):
        return json.loads(self.body)

    def signatures(self):
        return self.headers.get("webhook-signature", "").split(" ")

    def signed_by(self, key, body=None, id=None, timestamp=None):
        """Is one of the signatures made with this key over this id, this time and these bytes?"""
        text = "%s.%s." % (id or self.id, timestamp or self.headers["webhook-timestamp"])
        want = base64.b64encode(hmac.new(key, text.encode() + (self.body if body is None else body), hashlib.sha256).digest())
        return any(hmac.compare_digest(b"v1," + want, s.encode()) for s in self.signatures())


class Receiver:
    """plan: what the next requests get, each a status, (status, headers), a function of the handler, or "hang". Then 204."""

    def __init__(self, tls=None, port=0):
        self.got, self.plan, self.grown = [], [], threading.Condition()
        self.answer, self.release, self.connections = 204, threading.Event(), 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                outer.connections += 1
                super().setup()

            def do_POST(self):
                outer.take(self)

            do_GET = do_PUT = do_HEAD = do_POST

            def log_message(self, *a):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass  # a door that ends in the middle, or does not like our certificate

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = "%s://%s:%d" % ("https" if tls else "http", "localhost" if tls else "127.0.0.1", self.port)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def take(self, handler):
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        with self.grown:
            self.got.append(Message(handler.path, handler.headers, body))
            what = self.plan.pop(0) if self.plan else self.answer
            self.got[-1].answered = what
            self.grown.notify_all()
        if what == "hang":
            self.release.wait(30)
            handler.close_connection = True
            return
        if callable(what):
            handler.close_connection = True
            return what(handler)
        status, headers = what if isinstance(what, tuple) else (what, {})
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def wait(self, count, seconds=60):
        """The first count messages, once there are so many."""
        with self.grown:
            if not self.grown.wait_for(lambda: len(self.got) >= count, seconds):
                raise AssertionError("%d messages of %d: %s" % (len(self.got), count, [m.id for m in self.got]))
            return self.got[:count]

    def taken(self):
        """What was answered with a 2xx."""
        with self.grown:
            return [m for m in self.got if isinstance(m.answered, int) and 200 <= m.answered <= 299]

    def ids(self):
        return [m.id for m in self.taken()]

    def clear(self):
        with self.grown:
            self.got.clear()

    def close(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
