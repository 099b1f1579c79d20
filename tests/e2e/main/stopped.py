"""The service stopped: by a kill in the middle of a signature, or for a cold copy of its log."""

import json
import os
import signal
import sqlite3
import threading
import time


def interrupt(lab, release):
    """An intention in the log, and the registrar killed before it had a result. It is not started again."""
    before = lab.size()
    lab.processes["signer"].send_signal(signal.SIGSTOP)
    try:
        t = threading.Thread(target=lambda: lab.sign(release))
        t.start()
        end = time.time() + 60
        while not intended(lab, release, before) and time.time() < end:
            time.sleep(0.05)
        lab.stop("registrar", signal.SIGKILL)
    finally:
        lab.processes["signer"].send_signal(signal.SIGCONT)
    t.join()


def intended(lab, release, first):
    """Is there an intention from this index on? No checkpoint covers it while the signer is stopped, so that the door does not show it."""
    db = sqlite3.connect("file:%s?mode=ro" % lab.path("registrar", "log.db"), uri=True, timeout=30)
    try:
        rows = db.execute("SELECT bytes FROM record WHERE idx >= ?", (first,)).fetchall()
    finally:
        db.close()
    return any((r["event"], r.get("release")) == ("sign.intended", release) for r in (json.loads(row[0]) for row in rows))


def cold_copy(lab, name):
    """A copy of the stopped registrar's log, readable by everybody. Registrar and door run again afterwards."""
    copy, source = lab.path("work", name), lab.path("registrar", "log.db")
    if os.path.exists(copy):
        os.unlink(copy)
    lab.stop("door")
    lab.stop("registrar")
    db = sqlite3.connect(source)
    db.execute("VACUUM INTO ?", (copy,))
    db.close()
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(source + suffix):
            lab.own(source + suffix, "registrar")
    os.chmod(copy, 0o644)
    lab.start("registrar")
    lab.start("door")
    lab.wait_ready()
    return copy


def copy_holds(lab, rows):
    """Tree, every checkpoint, evidence and detail of such a copy."""
    r = lab.cli("audit", "log", "verify", "--database", cold_copy(lab, "backup.db"), "--whole", "--json", check=False)
    rows.row("a backup holds, every checkpoint and all evidence", r.returncode == 0 and json.loads(r.out)["evidence"] > 0, r.out + r.err)
