"""What a log that has two histories, or somebody between, may try with a witness. Nothing of it gets a cosignature; what must
stand for it does."""
import random
import threading

from witness_lib import ORIGIN, Key, Log, Tree, b64, finish, good, is_status, request, row, run, sha256


def forks(w):
    """Every fork of a small log, at every size, with every proof that its maker could think of."""
    log = w.log
    log.tree.grow(9)
    w.start()
    row("the honest history", good(w, w.add(0), log.body()) is not None)
    tried = cosigned = 0
    for keep in range(9):
        fork = log.tree.fork(keep).grow(16 - keep, b"fork %d" % keep)
        for size in range(1, 17):
            for old in range(0, 17):
                for hashes in (None, log.tree.consistency(old, 9) if 0 < old <= 9 else None, []):
                    a = w.add(old, size, tree=fork, hashes=hashes)
                    tried += 1
                    # a fork's prefix below the fork is the honest history, which is behind the witness
                    cosigned += a.status == 200
    row("%d requests with forks: none cosigned" % tried, cosigned == 0, cosigned)
    row("what was cosigned still stands", w.get("/%s/checkpoint" % sha256(ORIGIN.encode()).hex()).text.startswith(log.note()))
    log.tree.grow(1)
    row("and the honest history goes on", good(w, w.add(9), log.body()) is not None)


def rollbacks(w):
    log = w.log
    log.tree.grow(40)
    w.start()
    for size in (10, 20, 40):
        row("to %d" % size, w.add({10: 0, 20: 10, 40: 20}[size], size).status == 200)
    for size in (0, 1, 10, 20, 39):
        for old in sorted({0, size, 40}):
            a = w.add(old, size)
            row("back to %d, from %d" % (size, old), a.status == (400 if old > size else 409), a)
    w.stop()
    w.start()
    a = w.add(20, 20)
    row("nor after a restart", (a.status, a.text) == (409, "40\n"), a)


def between(w):
    """Somebody on the way, with everything that was ever signed."""
    log, other = w.logs
    log.tree.grow(8)
    other.tree.grow(8)
    w.start()
    row("two logs", w.add(0, 5).status == w.add(0, 5, log=other).status == 200)
    note, theirs = log.note(), other.note()
    head, tail = note.split("\n\n")
    proof = log.tree.consistency(5)
    for name, data in {
            "one log's text, the other's signature": request(5, proof, head + "\n\n" + theirs.split("\n\n")[1]),
            "one log's origin over the other's tree": request(5, proof, note.replace(ORIGIN, other.origin, 1)),
            "both texts": request(5, proof, head + "\n" + theirs),
            "the size of another checkpoint": request(5, proof, note.replace("\n8\n", "\n7\n")),
            "the root of another checkpoint": request(5, proof, note.replace(b64(log.tree.root()), b64(log.tree.root(7)))),
            "a signature of an older checkpoint": request(5, proof, head + "\n\n" + log.note(7).split("\n\n")[1]),
            "an extension line that nobody signed": request(5, proof, head + "\nwelcome\n\n" + tail)}.items():
        a = w.post(data)
        row("moved: " + name, a.status in (400, 403, 404), a)
    cosigned = w.add(5).text
    as_log = note.split("\n\n")[0] + "\n\n" + cosigned
    is_status("a cosignature in place of the log's signature", w.post(request(8, [], as_log)), 403)
    rng = random.Random(5)
    good_request = request(8, log.tree.consistency(8, 8), note).encode()
    refused = 0
    for _ in range(400):
        bad = bytearray(good_request)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        refused += w.post(bytes(bad)).status in (400, 403, 404, 409, 422)
    row("400 requests with a flipped bit: none cosigned", refused == 400, refused)
    cut = sum(w.post(good_request[:n]).status == 400 or w.post(good_request[:n]).status == 403 for n in range(0, len(good_request), 7))
    row("requests cut at every seventh byte: none cosigned", cut == len(range(0, len(good_request), 7)), cut)
    row("the other log noticed nothing", good(w, w.add(5, log=other), other.body()) is not None)


def race(w):
    """Many at once from the same old size: exactly one wins, whatever it brings."""
    log = w.log
    log.tree.grow(1)
    w.start()
    row("begin", w.add(0).status == 200)
    wrong = won_by_fork = 0
    rounds, width = 25, 12
    for n in range(rounds):
        old = len(log.tree.leaves)
        # Half of them grow the same history to different sizes, half are forks of it.
        # In turn the first one: whoever is first at this machine, it is not always the same kind.
        trees = [log.tree.fork(old).grow(i + 1, b"" if (i + n) % 2 else b"%d" % i) for i in range(width)]
        start, answers = threading.Barrier(width), [None] * width

        def ask(i, old=old, trees=trees, start=start, answers=answers):
            c = w.connect()
            c.connect()
            start.wait()
            answers[i] = w.add(old, tree=trees[i], connection=c)
            c.close()

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(width)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        winners = [i for i, a in enumerate(answers) if a.status == 200]
        if len(winners) != 1 or any(a.status not in (200, 409) for a in answers) or \
           good(w, answers[winners[0]], log.body(tree=trees[winners[0]])) is None:
            wrong += 1
            break
        won_by_fork += (winners[0] + n) % 2 == 0
        log.tree = trees[winners[0]]
        if any(a.status == 409 and a.text not in ("%d\n" % len(log.tree.leaves), "%d\n" % old) for a in answers):
            wrong += 1
    row("%d rounds of %d at once: exactly one won each" % (rounds, width), wrong == 0, wrong)
    row("not always the same kind", 0 < won_by_fork < rounds, won_by_fork)
    a = w.add(len(log.tree.leaves))
    row("the witness stands where the last winner led", good(w, a, log.body()) is not None, a)


def evidence(w):
    """A log that signs two histories of one size leaves proof of it."""
    log = w.log
    log.tree.grow(6)
    w.start()
    row("one history", w.add(0).status == 200)
    fork = Tree().grow(6, b"fork")
    for _ in range(3):
        is_status("the other one", w.add(6, tree=fork), 422, "two histories")
    path = w.state_file().with_suffix(".fork")
    text = path.read_text() if path.exists() else ""
    row("both are kept, signed by the log", log.note() in text and text.endswith("\n\n" + log.note(tree=fork)), text)
    row("and said once", w.journal().count("FORKED") == 1, w.journal())
    row("counted each time", w.metric('hallmark_witness_checkpoints_total{origin="%s",verdict="forked"}' % ORIGIN) == 3)
    keep = path.read_bytes()
    is_status("a third one", w.add(6, tree=Tree().grow(6, b"third")), 422)
    row("the first proof stays", path.read_bytes() == keep)
    is_status("nobody else's signature makes such a proof", w.add(6, tree=fork, keys=[Key(ORIGIN)]), 403)


def flood(w):
    """Strangers cannot fill the journal."""
    log = w.log
    log.tree.grow(9)
    w.start()
    w.add(0, 5)
    before = len(w.journal())
    for _ in range(200):
        w.post("x")
        w.add(5, keys=[Key(ORIGIN)])
        w.add(5, hashes=[bytes(32)])
        w.add(0)
    row("800 refused requests, some lines in the journal", len(w.journal()) - before < 2000, w.journal()[before:][:500])


for part, logs in ((forks, [Log()]), (rollbacks, [Log()]), (between, [Log(), Log("log.example/two")]), (race, [Log()]), (evidence, [Log()]),
                   (flood, [Log()])):
    print("--- %s" % part.__name__)
    run(part, logs=logs)
finish()
