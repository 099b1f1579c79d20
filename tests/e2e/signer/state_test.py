"""The signer's memory: missing, damaged, foreign or held state refuses the start, and no kill at any moment makes it
forget a checkpoint that left the process."""
import random
import threading
import time

from rows import refused, row, run
from signer_lib import Closed, Log, Refused, note_parts, sha256, world

SLOT = 4096


def wants_refusal(w, name, text):
    result = w.signer()
    row(name, result.returncode == 1 and text in result.stderr, (result.returncode, result.stderr[-400:]))


def damaged(w, state):
    """Every state that is not whole."""
    good = state.read_bytes()
    row("the file has its two slots", len(good) == 2 * SLOT, len(good))
    newest = max((0, 1), key=lambda i: good[i * SLOT + 8:i * SLOT + 16])
    other = 1 - newest

    def put(data):
        state.write_bytes(data)

    state.rename(state.with_suffix(".away"))
    wants_refusal(w, "missing state", "missing")
    state.with_suffix(".away").rename(state)
    for name, data in {"empty state": b"", "garbage": random.Random(1).randbytes(2 * SLOT), "zeros": bytes(2 * SLOT),
                       "one slot only": good[:SLOT], "a byte short": good[:-1], "a byte too long": good + b"\0"}.items():
        put(data)
        wants_refusal(w, name, "damaged")
    flipped = bytearray(good)
    flipped[100] ^= 1
    flipped[SLOT + 100] ^= 1
    put(bytes(flipped))
    wants_refusal(w, "a flipped bit in both slots", "damaged")
    put(good)
    row("init over a state is refused", (r := w.signer("init")).returncode == 1 and "exists already" in r.stderr, r.stderr)
    row("and leaves it as it was", state.read_bytes() == good)
    torn = bytearray(good)
    torn[other * SLOT + 50] ^= 1
    put(bytes(torn))
    c = w.start()
    row("a torn older slot does no harm", c.hello()["size"] == 7)
    row("and is told", "damaged" in w.journal())
    w.stop()
    put(good)


def foreign(w):
    """State of another log."""
    state = w.state / "last-checkpoint"
    good = state.read_bytes()
    for i in (0, 1):
        slot = bytearray(good[i * SLOT:(i + 1) * SLOT])
        slot[16:48] = sha256(b"another log")
        slot[SLOT - 32:] = sha256(bytes(slot[:SLOT - 32]))
        good = good[:i * SLOT] + bytes(slot) + good[(i + 1) * SLOT:]
    keep = state.read_bytes()
    state.write_bytes(good)
    wants_refusal(w, "state of another log", "another log")
    state.write_bytes(keep)


def advance(c, log, count):
    """Appends and has a checkpoint signed; answers the note."""
    old = len(log.records)
    for i in range(count):
        log.append(event="registrar.started", random=f"{old + i:064x}")
    size = len(log.records)
    return c.checkpoint(size, log.root(), old, log.consistency(old, size))


def lives(w):
    state = w.state / "last-checkpoint"
    c = w.start()
    log = Log()
    first = c.hello()
    row("nothing is signed yet", first["size"] == 0 and first["note"] == b"" and first["root"] == sha256(b""))
    note = advance(c, log, 4)
    row("a note by the specification", note_parts(note, first["vkey"]) == (first["origin"], 4, log.root()))
    row("the same again gives the same note", c.checkpoint(4, log.root(), 0, []) == note)
    row("from whatever old size", c.checkpoint(4, log.root(), 4, []) == note)
    second = w.signer()
    row("a second signer on the same state is refused", second.returncode == 1, second.stderr)
    w.kill()
    c = w.start()
    h = c.hello()
    row("kill -9: the last checkpoint is known", (h["size"], h["root"], h["note"]) == (4, log.root(), note))
    refused("and forks stay refused", lambda: c.checkpoint(4, sha256(b"fork"), 4, []), "forked")
    advance(c, log, 3)
    w.stop()
    row("SIGTERM ends with 0 and takes the socket away", not (w.run_dir / "signer.sock").exists())
    damaged(w, state)
    foreign(w)
    kills(w, log)


def kills(w, log):
    """kill -9 while checkpoints are signed as fast as it goes: what was answered is never forgotten."""
    rng = random.Random(7)
    lost = 0
    rounds = 12
    for _ in range(rounds):
        c = w.start()
        h = c.hello()
        answered = {"size": h["size"], "note": h["note"]}
        log = log.copy(max(h["size"], 0)) if h["size"] <= len(log.records) else log

        def work(c=c, log=log, answered=answered):
            try:
                while True:
                    note = advance(c, log, 1)
                    answered.update(size=len(log.records), note=note)
            except (Closed, Refused, OSError, AssertionError):
                pass

        t = threading.Thread(target=work)
        t.start()
        time.sleep(rng.uniform(0.01, 0.2))
        w.kill()
        t.join()
        c = w.start()
        h = c.hello()
        # it may know one more than was answered, never less
        if not (answered["size"] <= h["size"] <= answered["size"] + 1) or \
           (h["size"] == answered["size"] and h["note"] != answered["note"]) or h["root"] != log.root(h["size"]):
            lost += 1
        w.kill()
    row(f"{rounds} times kill -9 in the middle of checkpoints", lost == 0, lost)


run(world(), lives)
