#!/usr/bin/python3
"""hallmark log follow against a service that breaks off, comes back and lies: what is shown is all of the log, once and in order, or
nothing. follow_test.py HALLMARK"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

from bench import Bench, Service, change
from world import rb, write

HALLMARK = os.path.abspath(sys.argv[1])


class Follower:
    """The command while it runs."""

    def __init__(self, b, *args, who="ci", lie=None):
        b.service.handler.liar = staticmethod(lie) if lie else None
        self.b, self.out, self.err = b, [], []
        self.process = subprocess.Popen(
            [b.program, "log", "follow", "--config", os.path.join(b.folder, who + ".json"), *args], cwd=b.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.readers = []
        for pipe, into in ((self.process.stdout, self.out), (self.process.stderr, self.err)):
            # extend() of an iterator appends line by line
            self.readers.append(threading.Thread(target=lambda p=pipe, i=into: i.extend(iter(p.readline, b"")), daemon=True))
            self.readers[-1].start()

    def wait_for(self, condition, seconds=60):
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until or (self.process.poll() is not None and not condition()):
                time.sleep(0.1)
                return condition()
            time.sleep(0.02)
        return True

    def lines(self, count, seconds=60):
        self.wait_for(lambda: len(self.out) >= count, seconds)
        return [line.rstrip(b"\n") for line in self.out]

    def ready(self):
        return self.wait_for(lambda: any(b"follows " in e for e in self.err))

    def end(self, sig=signal.SIGTERM, seconds=60):
        if self.process.poll() is None and sig:
            self.process.send_signal(sig)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "still running"
        for reader in self.readers:  # until all it said is there
            reader.join(60)
        self.b.service.handler.liar = None
        return code, b"".join(self.err).decode()


def check(b, name, good, text=""):
    b.count += 1
    if not good:
        b.failed.append(name)
        print("FAILED %s: %s" % (name, text))


def grow(b, count=1, pieces=0):
    w = b.world
    out = []
    for i in range(count):
        index = len(w.records)
        if pieces:
            w.append({"event": "release.refused", "actor": "ci", "state": "refused", "outcome": "rule.none", "product": "edge-router",
                      "version": "9.%d" % index, "channel": "stable"}, [b"%d-%d" % (index, n) for n in range(pieces)])
        else:
            w.append({"event": "registrar.started", "random": "%064x" % index}, [])
        out.append(w.records[index])
    return out


def kept(b, who="ci"):
    folder = os.path.join(b.folder, "state-" + who)
    names = [n for n in os.listdir(folder) if n.startswith("checkpoint-")]
    with open(os.path.join(folder, names[0])) as f:
        return int(f.read().split("\n")[1])


def honest(b):
    w = b.world
    f = Follower(b, "--json")
    check(b, "ready", f.ready(), b"".join(f.err))
    for count in (1, 3, 1):
        before = len(f.out)
        new = grow(b, count)
        check(b, "new ones", f.lines(before + count)[before:] == new)
    code, err = f.end()
    check(b, "SIGTERM", code == 0 and "5 records shown; every record up to %d" % len(w.records) in err, (code, err))
    check(b, "checkpoint kept", kept(b) == len(w.records), kept(b))
    f = Follower(b, "--from", "0", "--json", "--limit", str(len(w.records)))
    code, err = f.end(sig=None)
    check(b, "all of them", code == 0 and f.lines(0) == w.records, (code, err))
    for args, expected in ((("--after", "1"), w.records[2:4]), (("--from", "1"), w.records[1:3]),
                           (("--after", "0", "--event", "registrar.started"), [r for r in w.records[1:] if b"registrar.started" in r][:2])):
        f = Follower(b, "--json", "--limit", "2", *args)
        code, err = f.end(sig=None)
        check(b, "beginning %s" % (args,), code == 0 and f.lines(0) == expected, (code, err, f.out))
    f = Follower(b, "--from", "0", "--limit", "2")
    code, err = f.end(sig=None)
    text = b"".join(f.out).decode()
    check(b, "for people", code == 0 and re.search(r"INDEX +TIME +EVENT.*\n +0  \d{4}-.*Z  log.created .*\n +1  ", text) and "\033" not in text,
          text)
    f = Follower(b, "--from", "0", "--limit", "1", "--color", "always")
    f.end(sig=None)
    check(b, "colours", b"\033[" in b"".join(f.out))
    f = Follower(b, "--json")
    f.ready()
    code, err = f.end(signal.SIGINT)
    check(b, "SIGINT", code == 0, (code, err))


def filters(b):
    """Chosen here, not by the server: nothing is left out."""
    w = b.world
    index = b.fresh(signed=True)
    signed = w.releases[index]["signed"]
    key = w.keys.release.key_id.hex()
    artifact = w.releases[index]["record"]["artifacts"][0]
    expect = {r["idx"]: r for r in (json.loads(x) for x in w.records)}
    for args, fits in ((("--event", "release.signed"), lambda r: r["event"] == "release.signed"),
                       (("--release", "r%d" % index), lambda r: r.get("release") == "r%d" % index),
                       (("--actor", "bob"), lambda r: r.get("actor") == "bob"),
                       (("--key", key), lambda r: key in [k["spki"] for k in r.get("keys", [])]),
                       (("--key", w.key_id("alice")), lambda r: r.get("approver_key") == w.key_id("alice")),
                       (("--artifact", "sha256:" + artifact), lambda r: artifact in r.get("artifacts", [])),
                       (("--product", "edge-router", "--channel", "stable", "--outcome", "ok", "--version", "2.1.0", "--environment",
                         "production"), lambda r: r.get("outcome") == "ok")):
        want = [i for i in sorted(expect) if fits(expect[i])]
        f = Follower(b, "--json", "--from", "0", "--limit", str(len(want)), *args)
        code, err = f.end(sig=None)
        check(b, "filter %s" % (args,), want and code == 0 and [json.loads(x)["idx"] for x in f.out] == want, (want, f.out, err))
    check(b, "signed", signed == len(w.records) - 1)
    for args in (("--event", "x"), ("--release", "17"), ("--key", "12"), ("--artifact", "sha256:x"), ("--actor", "a b"),
                 ("--from", "1", "--after", "1"), ("--from", "x"), ("--from", "9999999"), ("--limit", "0"), ("--give-up", "0")):
        f = Follower(b, *args)
        code, err = f.end(sig=None)
        check(b, "usage %s" % (args,), code == 2 and args[0].lstrip("-") in err or "not there yet" in err, (code, err))


def broken_streams(b):
    """Whatever breaks, wherever: the rest comes, each once."""
    w = b.world
    start = len(w.records)
    grow(b, 12)
    whole = b"".join(w.event(i, w.records[i]) for i in range(start, len(w.records))) + w.note_event(w.checkpoint())
    cuts = sorted(set([0, 1, 5, len(whole) // 3, len(whole) // 2, len(whole) - 1, len(whole)] + [whole.index(b"\n\n", len(whole) // 4) + 1]))
    for how in (None, "end"):
        tries = []

        def lie(kind, value, context, how=how, tries=tries):
            if kind != "stream":
                return value
            at = cuts[len(tries)] if len(tries) < len(cuts) else None
            tries.append(context["start"])
            if at is None:
                return value
            honest_piece = b"".join(w.event(i, w.records[i]) for i in range(context["start"], len(w.records))) + w.note_event(w.checkpoint())
            return [b"retry: 10\n", honest_piece[:at]] + ([None] if how is None else [])
        f = Follower(b, "--json", "--from", str(start), lie=lie)
        got = f.lines(12, 60)
        check(b, "broken (%s)" % how, got == w.records[start:], (tries, b"".join(f.err)))
        f.wait_for(lambda: len(tries) >= 3, 5)
        new = grow(b, 2)
        check(b, "and on (%s)" % how, f.lines(14, 60)[12:] == new, (tries, b"".join(f.err)))
        code, err = f.end()
        check(b, "told (%s)" % how, code == 0 and ("trying again" in err) == (how is None), err)
        start = len(w.records)
        grow(b, 12)


def away(b):
    """503, 429, nobody there: it waits and comes back; with --give-up not for ever."""
    w = b.world
    answers = [(503, "unavailable"), (429, "too-many-requests"), (500, "internal")]
    seen = []

    def lie(kind, value, context):
        if kind == "status" and context["path"] == "/v1/log/follow" and len(seen) < 3:
            seen.append(1)
            code, name = answers[len(seen) - 1]
            return (code, json.dumps({"type": "urn:hallmark:problem:" + name, "title": name, "status": code, "detail": "x"}),
                    "application/problem+json", ())
        return value
    f = Follower(b, "--json", lie=lie)
    f.ready()
    new = grow(b, 2)
    check(b, "refused for a while", f.lines(2) == new and len(seen) == 3, (seen, f.err))
    code, err = f.end()
    check(b, "said once", code == 0 and err.count("trying again") == 1 and "connected again" in err, err)
    for status, name, expected in ((403, "forbidden", 1), (401, "unauthenticated", 1), (404, "not-found", 4)):
        body = json.dumps({"type": "urn:hallmark:problem:" + name, "title": name, "status": status, "detail": "of the test"})
        f = Follower(b, "--json", lie=change("status", lambda v, c, s=status, t=body: c["path"] == "/v1/log/follow" and (
            s, t, "application/problem+json", ())))
        code, err = f.end(sig=None)
        check(b, "refused for good %d" % status, code == expected and name in err, (code, err))
    other = Service(w)
    b.settings("ci", "leaving", server="https://localhost:%d" % other.port)
    f = Follower(b, "--json", "--give-up", "3", who="leaving")
    f.ready()
    new = grow(b, 1)
    check(b, "before it leaves", f.lines(1) == new)
    other.server.socket.close()
    w.cut = True
    code, err = f.end(sig=None, seconds=120)
    w.cut = False
    check(b, "given up", code == 3 and "trying again" in err, (code, err))


def backlog(b):
    """More than it keeps unproven: proofs on the way, without a checkpoint of the stream's."""
    w = b.world
    start = len(w.records)
    grow(b, 2000, 19)
    asked = []

    def lie(kind, value, context):
        if kind == "status" and "consistency" in context["path"]:
            asked.append(context["path"])
        if kind == "stream":
            return [w.event(i, w.records[i]) for i in range(context["start"], start + 1900)] + [b": wait\n\n"] + [None]
        return value
    f = Follower(b, "--json", "--from", str(start), lie=lie)
    shown = f.lines(1200, 60)
    check(b, "backlog", len(shown) >= 1200 and shown == w.records[start:start + len(shown)], len(shown))
    check(b, "proofs on the way", len(asked) >= 2, asked)
    f.end()


def lies(b):
    """Each lie: exit 1, the reason, and nothing shown that is not in the log."""
    w = b.world
    start = len(w.records)
    grow(b, 6)
    good = [w.event(i, w.records[i]) for i in range(start, len(w.records))]
    note = w.note_event(w.checkpoint())
    index = start + 3

    def changed(record, **members):
        return rb.canonical(dict(json.loads(record), **members))
    forged = w.event(index, changed(w.records[index], random="ff" * 32))
    fork = w.records[:index] + [changed(w.records[index], random="ff" * 32)] + w.records[index + 1:]
    cases = [
        ("a record changed", good[:3] + [forged] + good[4:] + [note], "do not make the root"),
        ("a record left out", good[:3] + good[4:] + [note], "record %d was expected, the server sent %d" % (index, index + 1)),
        ("the first left out", good[1:] + [note], "record %d was expected" % start),
        ("a record twice", good[:4] + good[3:] + [note], "record %d was expected" % (index + 1)),
        ("two exchanged", good[:2] + [good[3], good[2]] + good[4:] + [note], "record %d was expected" % (start + 2)),
        ("not canonical", good[:3] + [good[3].replace(b'"event":', b'"event": ')] + good[4:] + [note], "record %d" % index),
        ("a record that is none", good[:3] + [b"data: {}\n\n"] + [note], "record %d" % index),
        ("a checkpoint of another key", good + [w.note_event(w.checkpoint(key=rb.Key("other", rb.ED25519)))], "checkpoint"),
        ("a checkpoint without a signature", good + [note.replace(b"\xe2\x80\x94", b"-")], "checkpoint"),
        ("a checkpoint of another size", good[:5] + [note.replace(b"data: %d\n" % len(w.records), b"data: %d\n" % (len(w.records) - 1))],
         "checkpoint"),
        ("a fork", good + [w.note_event(w.checkpoint(records=fork))], "do not make the root"),
        ("a fork that is ahead", good[:5] + [w.note_event(w.checkpoint(records=fork))], "not the beginning"),
        ("a line without end", [b"data: " + b"x" * 400000], "event stream"),
        ("an event without end", [b"data: " + b"x" * 65000 + b"\n"] * 6, "event stream"),
    ]
    for name, pieces, pattern in cases:
        # Before the lie the log looks shorter: the first checkpoint that is fetched covers none of it.
        def lie(kind, value, context, pieces=pieces):
            if kind == "checkpoint":
                return w.checkpoint(start)
            if kind == "proof":
                return rb.proof(w.records[start - 1], start - 1, rb.path(start - 1, w.leaves()[:start]), w.checkpoint(start)).decode()
            return list(pieces) + [None] if kind == "stream" else value
        b.settings("ci", "new-" + re.sub(r"\W", "", name), retries=0)
        f = Follower(b, "--json", "--from", str(start), who="new-" + re.sub(r"\W", "", name), lie=lie)
        code, err = f.end(sig=None)
        check(b, "lie: " + name, code == 1 and re.search(pattern, err), (code, err))
        check(b, "lie: %s: shown" % name, f.lines(0) == w.records[start:start + len(f.out)] and len(f.out) < 6, f.out)
    b.settings("ci", "new-begin")
    f = Follower(b, "--from", str(start), who="new-begin", lie=change("proof", lambda v, c: v.replace("A", "B")))
    code, err = f.end(sig=None)
    check(b, "lie: the proof of the beginning", code == 1, (code, err))
    b.run("ci", "log", "checkpoint")
    f = Follower(b, "--json", lie=change("checkpoint", lambda v, c: w.checkpoint(start)))
    code, err = f.end(sig=None)
    check(b, "lie: less than was seen", code == 1 and "was seen before" in err, (code, err))
    b.settings("ci", "new-type")
    f = Follower(b, "--json", who="new-type", lie=change("stream-type", lambda v, c: "application/json"))
    w.cut = True
    code, err = f.end(signal.SIGTERM if f.ready() and not time.sleep(1) else None)
    w.cut = False
    check(b, "another type is no stream", not f.out, (code, err))


def other_forms(b):
    """What the standard allows: line ends, comments, unknown fields, no space behind the colon, a byte order mark."""
    w = b.world
    for name, form in (("CRLF", lambda p: p.replace(b"\n", b"\r\n")), ("CR", lambda p: p.replace(b"\n", b"\r")),
                       ("no space", lambda p: p.replace(b": ", b":")), ("more", lambda p: b": c\n:\nfoo\nfoo: bar\n" + p),
                       ("one byte at a time", lambda p: p)):
        start = len(w.records)
        new = grow(b, 3)
        whole = b"\xef\xbb\xbf" + form(b"".join(w.event(i, w.records[i]) for i in range(start, len(w.records))) +
                                       w.note_event(w.checkpoint()))
        if name == "no space":
            whole = b"\xef\xbb\xbf" + b"".join(b"id:%d\ndata:%s\n\n" % (i, w.records[i]) for i in range(start, len(w.records))) + \
                w.note_event(w.checkpoint())
        pieces = [whole[i:i + 1] for i in range(len(whole))] if name == "one byte at a time" else [whole]
        f = Follower(b, "--json", "--from", str(start), "--limit", "3", lie=change("stream", lambda v, c: pieces + [None]))
        code, err = f.end(sig=None)
        check(b, "form: " + name, code == 0 and f.lines(0) == new, (code, err))


def main():
    with tempfile.TemporaryDirectory(prefix="hallmark-follow-") as folder:
        b = Bench(HALLMARK, folder)
        grow(b, 3)
        for part in (honest, filters, broken_streams, away, other_forms, lies, backlog):
            part(b)
        b.service.close()
    print("%d cases, %d failed%s" % (b.count, len(b.failed), "".join("\n  " + f for f in b.failed)))
    return 1 if b.failed or b.count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
