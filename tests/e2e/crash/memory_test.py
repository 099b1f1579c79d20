"""What the registrar keeps in its memory beside the log, after a commit failed: refusals that were only counted, and a guards document that
is recorded and holds from the next start on. What it forgets: signed requests, not before they can never be used again. And what it learns
from the signer when it was killed: the last checkpoint, for the log and for its mirror."""

import os
import shutil
import sqlite3
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage as st  # noqa: E402, F401  (first: it knows where the others are)
import e2e_lib as e  # noqa: E402
import faults  # noqa: E402
from roster_test import Rostered  # noqa: E402

MINUTE = 60


class Few(Rostered):
    def __init__(self, root, programs, **kw):
        super().__init__(root, programs, registrar={"refusals_per_minute": 2}, **kw)


    def configs(self):
        super().configs()
        doc = e.json.loads(e.read(self.path("registrar.json")))
        self.files = doc["database"], doc["database"] + "-mirror"
        e.write(self.path("registrar.json"), e.json.dumps(dict(doc, mirror=self.files[1])))


def failing(lab):
    """The next commit of each thread of the registrar fails."""
    tracer = faults.Tracer(lab.path("work", "strace"))
    tracer.attach(lab.processes["registrar"].pid, faults.LOAD, faults.Point("registrar", faults.LOAD, "fdatasync", "EIO", 1))
    return tracer


def is_ready(lab, within=60):
    end = time.time() + within
    while time.time() < end:
        if lab.get("/readyz").status == 200:
            return True
        time.sleep(0.1)
    return False


def refusals(lab, rows):
    release, statement = lab.new()
    first, began = lab.size(), time.time()
    for _ in range(7):
        lab.approve(release, statement + b"x", "bob")
    time.sleep(max(0, began + MINUTE - 10 - time.time()))  # nothing is committed until the minute is over
    tracer = failing(lab)
    end = time.time() + 60
    while "INJECTED" not in tracer.text() and time.time() < end:
        time.sleep(0.1)
    hit = "INJECTED" in tracer.text()
    tracer.detach()
    rows.row("the commit that sums them up fails", hit and is_ready(lab))
    end, found = time.time() + 60, []
    while time.time() < end and not any(r["event"] == "refusals.summarised" for r in found):
        time.sleep(0.2)
        found = lab.records(first)
    rows.equal("refusals that were only counted are summed up all the same",
               [(r["event"], r.get("count")) for r in found if "refus" in r["event"]],
               [("approval.refused", None)] * 2 + [("refusals.summarised", 5)])


def guards(lab, rows):
    shutil.copytree(lab.path("ceremony"), lab.path("ceremony2"))
    doc = e.json.loads(e.read(lab.path("ceremony.json")))
    doc["guards_serial"] = 1
    config = e.write(lab.path("ceremony2.json"), e.json.dumps(doc))
    lab.with_root("guards", "--config", config, "--out", lab.path("ceremony2"), "--force")
    document = e.base64.b64encode(e.read(lab.path("ceremony2", "guards.cbor"))).decode()
    rows.equal("a guards document is recorded", lab.post("/v1/guards", "dora", e.json.dumps({"guards": document})).status, 200)
    release, statement = lab.new()
    tracer = failing(lab)
    a = lab.approve(release, statement, "bob")
    hit = "INJECTED" in tracer.text()
    tracer.detach()
    rows.row("a commit fails, of the approval or of a checkpoint before it", hit and a.status in (201, 503), a)
    rows.row("the registrar is back, with the guards that it serves", is_ready(lab), lab.get("/readyz"))
    rows.row("and signs", lab.signed() is not None)


def single_use(lab, rows):
    body = lab.submission(expires=e.after(8))
    a = lab.post("/v1/releases", "ci-edge", body)
    rows.equal("a request that runs out soon", a.status, 201, a)
    time.sleep(11)
    lab.new()
    time.sleep(2)
    db = sqlite3.connect("file:%s?mode=ro" % lab.files[0], uri=True)
    count = db.execute("SELECT count(*) FROM request WHERE record=?", (a.doc["index"],)).fetchone()[0]
    db.close()
    rows.equal("is remembered as long as a clock that goes back could make it current", count, 1)


def checkpoints(path):
    db = sqlite3.connect(path)
    found = [row[0] for row in db.execute("SELECT size FROM checkpoint ORDER BY size")]
    db.close()
    return found


def mirror(lab, rows):
    for _ in range(3):
        lab.new()
        lab.processes["registrar"].kill()
        lab.processes["registrar"].wait()
        lab.start("registrar")
        lab.wait_ready()
        time.sleep(1.5)
    rows.equal("the registrar ends", lab.stop("registrar"), 0)
    log, copy = (checkpoints(path) for path in lab.files)
    lab.start("registrar")
    lab.wait_ready()
    rows.equal("killed three times: the mirror has each checkpoint", sorted(set(log) ^ set(copy)), [])


def main(lab, rows):
    rows.parts(lambda: mirror(lab, rows), lambda: single_use(lab, rows), lambda: refusals(lab, rows), lambda: guards(lab, rows))
    r = lab.cli("audit", "log", "verify", check=False)
    rows.row("the whole log verifies", r.returncode == 0, r.out + r.err)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, cast=Few)
