"""The service stopped: by a kill in the middle of a signature, or for a cold copy of its log."""

import json
import os
import signal
import sqlite3
import threading
import time


def interrupt(lab, release):
    """An intention in the log, and the registrar killed before it had a result. It is not started again."""
    lab.processes["signer"].send_signal(signal.SIGSTOP)
    t = threading.Thread(target=lambda: lab.sign(release))
    t.start()
    time.sleep(1.5)
    lab.stop("registrar", signal.SIGKILL)
    lab.processes["signer"].send_signal(signal.SIGCONT)
    t.join()


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
