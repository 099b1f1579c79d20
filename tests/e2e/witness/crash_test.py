"""kill -9 at any moment, damaged files, disks that fail: the witness never cosigns a fork, and never takes damage for
"nothing cosigned yet"."""
import base64
import random
import subprocess
import threading
import time

from cryptography.hazmat.primitives.serialization import load_der_private_key

from witness_lib import COPY, ORIGIN, Log, Tree, as_service, b64, finish, good, is_status, row, run, sha256

MONITOR = "/%s/checkpoint" % sha256(ORIGIN.encode()).hex()


# --- kill -9 ---

class Histories:
    """Every tree that somebody proposed, by its root; what was cosigned, and what must therefore never be lost."""

    def __init__(self):
        self.lock = threading.Lock()
        self.by_root = {}
        self.cosigned = []  # (size, root)

    def propose(self, tree):
        with self.lock:
            self.by_root[b64(tree.root())] = tree

    def won(self, tree):
        with self.lock:
            self.cosigned.append((len(tree.leaves), tree.root()))

    def largest(self):
        return max((size for size, _ in self.cosigned), default=0)


def standing(w, h):
    """Where the witness is, by its own word; adopts that history. None: it went away."""
    try:
        a = w.get(MONITOR)
        if a.status == 404:
            return Tree()
        lines = a.text.split("\n")
        tree = h.by_root[lines[2]]
        assert int(lines[1]) == len(tree.leaves)
        h.won(tree)
        return tree
    except OSError:
        return None


def push(w, h, name, stop):
    """Grows a history of its own on whatever stands, as fast as it goes."""
    n = 0
    try:
        c = w.connect(timeout=10)
        base = standing(w, h)
        while base is not None and not stop.is_set():
            n += 1
            tree = base.fork(len(base.leaves)).grow(1 + n % 3, b"%s %d %f" % (name, n, time.time()))
            h.propose(tree)
            a = w.add(len(base.leaves), tree=tree, connection=c)
            if a.status == 200:
                assert good(w, a, w.log.body(tree=tree)) is not None, a
                h.won(tree)
                base = tree
            elif a.status == 409:
                base = standing(w, h)
            else:
                raise AssertionError(a)
    except (OSError, EOFError, ValueError):
        pass
    except Exception as e:  # http.client's own, when the process dies in an answer
        if type(e).__module__ != "http.client":
            raise


def kills(w):
    rng, h = random.Random(9), Histories()
    rounds, lost, forked = 30, 0, 0
    for _ in range(rounds):
        w.start()
        stop = threading.Event()
        threads = [threading.Thread(target=push, args=(w, h, name, stop)) for name in (b"a", b"b", b"c")]
        for t in threads:
            t.start()
        time.sleep(rng.uniform(0.02, 0.25))
        w.kill()
        stop.set()
        for t in threads:
            t.join()
        w.start()
        now = standing(w, h)
        if len(now.leaves) < h.largest():
            lost += 1
        # A fork of what stands, by somebody who was told an older size, and by somebody who was not.
        for keep in {max(0, len(now.leaves) - d) for d in (1, 2, 5)}:
            fork = now.fork(keep).grow(len(now.leaves) - keep + 3, b"fork")
            forked += w.add(len(now.leaves), tree=fork).status == 200 if keep < len(now.leaves) else 0
            forked += w.add(keep, tree=fork).status == 200 if keep < len(now.leaves) else 0
        w.kill()
    w.start()
    final = standing(w, h)
    sizes = {}
    for size, root in h.cosigned:
        sizes.setdefault(size, set()).add(root)
    row("%d kills while three clients pushed: %d checkpoints cosigned" % (rounds, len(sizes)), len(sizes) > rounds, len(sizes))
    row("no acknowledged checkpoint was forgotten", lost == 0, lost)
    row("no fork was cosigned after a restart", forked == 0, forked)
    row("never two roots for one size", all(len(roots) == 1 for roots in sizes.values()))
    row("everything that was ever cosigned is one history", all(final.root(size) == root for size, root in h.cosigned))


# --- damaged files ---

def damage(w):
    log = w.log
    log.tree.grow(30)
    w.start()
    for old, size in ((0, 10), (10, 20), (20, 30)):
        w.add(old, size)
    w.stop()
    path = w.state_file()
    good_state = path.read_bytes()
    row("both copies are the same", good_state[:COPY] == good_state[COPY:])

    def put(data):
        path.write_bytes(data)
        w.own()

    def refused(name, text):
        r = w.command(expect=None)
        row("not started: " + name, r.returncode == 3 and text in r.stderr and ORIGIN in r.stderr, r)

    for name, data in {"empty": b"", "cut in the middle": good_state[:COPY], "a byte short": good_state[:-1],
                       "a byte too long": good_state + b"\0", "zeros": bytes(2 * COPY), "noise": random.Random(1).randbytes(2 * COPY),
                       "text": b"size 0\n"}.items():
        put(data)
        refused("state " + name, "damaged")
        row("and left as it is", path.read_bytes() == data)
    rng = random.Random(2)
    for _ in range(20):
        bad = bytearray(good_state)
        for copy in (0, COPY):
            bad[copy + rng.randrange(COPY)] ^= 1 << rng.randrange(8)
        put(bytes(bad))
        refused("a flipped bit in each copy", "damaged")
    path.unlink()
    refused("state missing", "missing")
    path.mkdir()
    r = w.command(expect=None)
    row("not started: a folder in its place", r.returncode in (1, 3), r)
    path.rmdir()
    other = Log("log.example/two", 5)
    w.config["logs"].append({"origin": other.origin, "keys": [other.key.vkey]})
    w.command("init", other.origin)
    put(w.state_file(other).read_bytes())
    refused("the state of another log", "something else")
    w.config["logs"].pop()
    for copy in (0, 1):
        for where in (0, 9, 20, 60, 300, COPY - 1):
            bad = bytearray(good_state)
            bad[copy * COPY + where] ^= 0x20
            put(bytes(bad))
            w.start()
            a = w.add(0)
            row("one damaged copy loses nothing (copy %d, byte %d)" % (copy, where), (a.status, a.text) == (409, "30\n"), a)
            w.stop()
            row("and is mended", path.read_bytes() == good_state)
    row("and told", "mended" in w.journal())


def held(w):
    w.start()
    r = w.command(expect=None)
    row("a second witness on the same state is refused", r.returncode == 1 and "another process holds it" in r.stderr, r)
    row("the first one goes on", good(w, w.add(0, 0), w.log.body(0)) is not None)


# --- disks that fail ---

def largest_file(w, limit):
    """From now on a write beyond this size fails (EFBIG); by a process of the witness's own user."""
    as_service(["prlimit", "--pid", w.process.pid, "--fsize=%s:unlimited" % limit], check=True)


def disk(w):
    """Writes fail, as on a full disk: no cosignature leaves, and nothing is forgotten; later it goes on."""
    log = w.log
    log.tree.grow(50)
    w.start()
    row("before", w.add(0, 10).status == 200)
    for limit in (0, COPY // 2, COPY, COPY + 100):
        largest_file(w, limit)
        for _ in range(2):
            is_status("a write fails at %d bytes: 503, without a reason for strangers" % limit, w.add(10, 20), 503, "cannot cosign now\n")
        row("not healthy", w.get("/healthz").status == 503 and ORIGIN in w.get("/healthz").text, w.get("/healthz"))
        a = w.add(10, 10)
        row("what is durable is cosigned", good(w, a, log.body(10)) is not None, a)
        a = w.add(0)
        row("the witness still stands where it was", (a.status, a.text) == (409, "10\n"), a)
    row("the journal says why", "cannot write" in w.journal(), w.journal()[-500:])
    largest_file(w, "unlimited")
    a = w.add(10, 20)
    row("room again: it goes on by itself", good(w, a, log.body(20)) is not None, a)
    row("and is healthy", w.get("/healthz").status == 200)
    w.kill()
    w.start()
    a = w.add(0)
    row("durable", (a.status, a.text) == (409, "20\n"), a)


def behind_its_back(w):
    """An older state put back while it runs is not written over, once it has to look."""
    log = w.log
    log.tree.grow(50)
    w.start()
    w.add(0, 10)
    old = w.state_file().read_bytes()
    w.add(10, 20)
    w.add(20, 30)
    largest_file(w, 0)
    is_status("a write fails", w.add(30, 40), 503)
    w.state_file().write_bytes(old)
    largest_file(w, "unlimited")
    is_status("an older state in its place: it stops", w.add(30, 40), 503)
    deadline = time.time() + 30
    while "behind our back" not in w.journal() and time.time() < deadline:
        time.sleep(0.5)  # it does not say everything at once
        w.add(30, 40)
    row("and says so", "behind our back" in w.journal(), w.journal()[-500:])


def clock(w):
    """A clock that went back. faketime is not there, so the state is made to be of tomorrow."""
    log = w.log
    log.tree.grow(9)
    w.start()
    w.add(0, 5)
    text = w.get(MONITOR).text
    w.stop()
    tomorrow = int(time.time()) + 86400
    key = subprocess.run(["openssl", "pkey", "-in", w.dir / "key.pem", "-outform", "DER"], capture_output=True, check=True).stdout
    content = cosigned_at(text, key, tomorrow)
    w.state_file().write_bytes(state_of(content) * 2)
    w.start()
    is_status("behind the last cosignature: none", w.add(5), 503)
    row("not healthy", w.get("/healthz").status == 503)
    row("the journal says why", "clock" in w.journal(), w.journal()[-500:])


def cosigned_at(note, der, when):
    """The note with our cosignature of another time."""
    private = load_der_private_key(der, None)
    body = note.split("\n\n")[0] + "\n"
    lines = note.split("\n\n")[1].splitlines()
    name, blob = lines[-1].split(" ")[1:]
    raw = base64.b64decode(blob)[:4] + when.to_bytes(8, "big") + private.sign(("cosignature/v1\ntime %d\n%s" % (when, body)).encode())
    return body + "\n" + lines[0] + "\n\u2014 %s %s\n" % (name, b64(raw))


def state_of(content):
    """One copy of a state file, by schema/io/hm_state_file.h."""
    data = content.encode()
    copy = b"HMWITNS1" + (7).to_bytes(8, "big") + sha256(ORIGIN.encode()) + len(data).to_bytes(4, "big") + data
    copy += bytes(COPY - 32 - len(copy))
    return copy + sha256(copy)


for part in (kills, damage, held, disk, behind_its_back, clock):
    print("--- %s" % part.__name__)
    run(part)
finish()
