"""A reader of server-sent events, as the WHATWG HTML standard describes the parsing; and a stream that is read beside the test."""
import queue
import threading
import time

import described


class Events:
    """Feed bytes, get (id, event, data) and comments. Lines may end in LF, CR or CRLF."""

    def __init__(self):
        self.text, self.data, self.event, self.last_id = b"", [], b"", b""
        self.events, self.comments, self.retry = [], [], None

    def feed(self, piece):
        self.text += piece
        lines = self.text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self.text = lines.pop()
        for line in lines:
            self.line(line)

    def line(self, line):
        if not line:
            if self.data:
                self.events.append((self.last_id.decode(), (self.event or b"message").decode(), b"\n".join(self.data)))
            self.data, self.event = [], b""
            return
        if line[:1] == b":":
            self.comments.append(line[1:].strip().decode())
            return
        name, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if name == b"data":
            self.data.append(value)
        elif name == b"event":
            self.event = value
        elif name == b"id" and b"\0" not in value:
            self.last_id = value
        elif name == b"retry" and value.isdigit():
            self.retry = int(value)


class Stream:
    """GET of a stream, read by a thread of its own. end: None while it is open, else "ended" or what broke it."""

    def __init__(self, connection, path, headers=None):
        self.connection, self.parsed, self.end = connection, Events(), None
        connection.request("GET", path, headers=headers or {})
        self.answer = connection.getresponse()
        self.status = self.answer.status
        self.headers = {k.lower(): v for k, v in self.answer.getheaders()}
        described.note("GET", path, self.status, self.headers)
        self.queue = queue.Queue()
        if self.status == 200:
            self.thread = threading.Thread(target=self.read, daemon=True)
            self.thread.start()
        else:
            self.body = self.answer.read()
            self.end = "refused"

    def read(self):
        end = "ended"
        try:
            while piece := self.answer.read1(65536):
                seen = len(self.parsed.events)
                self.parsed.feed(piece)
                for e in self.parsed.events[seen:]:
                    self.queue.put(e)
        except Exception as e:  # noqa: BLE001
            end = "broken: %r" % e
        self.end = end
        self.queue.put(None)

    def next(self, seconds=60):
        """The next event; None when the stream is over. queue.Empty if nothing comes."""
        return self.queue.get(timeout=seconds)

    def records(self, count, seconds=60):
        """The next records, checkpoints left out: [(index, event, bytes)]."""
        out, until = [], time.monotonic() + seconds
        while len(out) < count:
            e = self.next(max(0.01, until - time.monotonic()))
            if e is None:
                raise AssertionError("the stream is over (%s) after %d of %d records" % (self.end, len(out), count))
            if e[1] != "checkpoint":
                out.append((int(e[0]), e[1], e[2]))
        return out

    def checkpoint(self, seconds=60):
        while True:
            e = self.next(seconds)
            if e is None or e[1] == "checkpoint":
                return e

    def quiet(self, seconds=0.7):
        """Nothing but checkpoints comes for a while."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                e = self.next(left)
            except queue.Empty:
                return True
            if e is None or e[1] != "checkpoint":
                return False
        return True

    def close(self):
        sock = self.connection.sock
        if sock is not None:
            try:
                sock.shutdown(2)
            except OSError:
                pass
        self.connection.close()
