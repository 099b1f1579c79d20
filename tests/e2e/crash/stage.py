"""The service under load that lasts for many points, and one try of one point on it."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "main"))
import e2e_lib as e  # noqa: E402
import faults  # noqa: E402
import judge  # noqa: E402
import load  # noqa: E402
from lab import SERVICES  # noqa: E402

RECORDS_MAX = 1500     # then a new service begins, so that looking at the whole log stays quick
WAL_PAGES = 4000       # DB_LOG_WAL_SOFT_PAGES: from here on the WAL goes back into the database
WAL_FRAME = 4096 + 24
DYING_S = 0.5
WAL_LEFT = 40          # pages of it that are left when a point of this phase begins
READY_S = 60
SERVES = {"signer": "info: ready for", "registrar": "info: ready", "door": "info: serving"}  # what a program says when it does
KEPT = ("registrar", "signer", "door", "clients")


class Stage:
    def __init__(self, folder, seed):
        self.folder, self.rng, self.lab, self.pieces, self.kept = folder, random.Random(seed), None, 0, None

    def open(self):
        self.lab = e.Cast(os.path.join(self.folder, "lab"), e.PROGRAMS, products=("edge-router",),
                          hardware={"edge-router": (load.MODELS, ["b"], ["world"])}, door={"requests_per_minute": 10 ** 6})
        self.lab.set_up()
        self.lab.start_all()
        os.makedirs(self.lab.path("work"), exist_ok=True)
        self.clients, self.judge = load.clients_of(self.lab), judge.Judge(self.lab, self.rng.random())
        self.piece().join()
        return self

    def close(self):
        if self.lab is None:
            return
        for c in self.clients:
            c.close()
        self.lab.clean()
        shutil.rmtree(self.lab.root, ignore_errors=True)
        self.lab = None

    def fresh(self):
        """A service whose log is short: this one, or a new one in its place."""
        if self.lab is None:
            self.open()
        elif len(self.judge.records) > RECORDS_MAX:
            self.close()
            self.open()
        return self

    def piece(self):
        p = load.Piece(self.clients)
        p.start()
        return p

    def heard(self):
        """What clients were told since the last time: acknowledgements, surprises, how often which answer."""
        acknowledged = [a for c in self.clients for a in c.acknowledged]
        surprises = [s for c in self.clients for s in c.surprises]
        said = sum((c.said for c in self.clients), type(self.clients[0].said)())
        for c in self.clients:
            c.acknowledged, c.surprises, c.said = [], [], type(c.said)()
        return acknowledged, surprises, said

    def is_ready(self):
        try:
            return self.lab.call("GET", "/readyz", timeout=5).status == 200
        except (OSError, e.http.client.HTTPException):
            return False

    # --- a WAL that is about to go back into the database ---

    def wal_pages(self):
        return os.path.getsize(self.lab.path("registrar", "log.db-wal")) // WAL_FRAME

    def before_wal(self):
        """The service as it was with a WAL that the next piece of load makes long enough. Made once, then brought back."""
        if self.kept is None or self.kept[0] is not self.lab:
            self.close()
            self.open()
            self.fill_wal()
            self.keep()
        self.bring_back()
        return self

    def fill_wal(self):
        before, step = self.wal_pages(), 0
        while before + 2 * step < WAL_PAGES - WAL_LEFT:
            self.piece().join()
            step, before = self.wal_pages() - before, self.wal_pages()
        while self.wal_pages() < WAL_PAGES - WAL_LEFT:
            self.clients[0].development(time.time() + READY_S)

    def keep(self):
        self.lab.stop_all()
        self.judge.acknowledged += self.heard()[0]
        for name in KEPT:
            subprocess.run(["cp", "-a", self.lab.path(name), self.lab.path("kept-" + name)], check=True)
        self.kept = (self.lab, self.judge.memory())

    def bring_back(self):
        self.lab.stop_all()
        for c in self.clients:
            c.close()
        for name in KEPT:
            shutil.rmtree(self.lab.path(name))
            subprocess.run(["cp", "-a", self.lab.path("kept-" + name), self.lab.path(name)], check=True)
        self.judge.remember(self.kept[1])
        for s in SERVICES:
            self.lab.start(s)
        self.lab.wait_ready()
        self.heard()


class Trial:
    """One point; without one, the calls of the phase are counted."""

    def __init__(self, stage, process, phase, point=None):
        self.stage, self.process, self.phase, self.point = stage, process, phase, point
        self.deaths, self.starts = [], {}
        self.tracer = faults.Tracer(stage.lab.path("work", "strace"))

    def run(self):
        piece = {faults.START: self.starting, faults.STOP: self.stopping}.get(self.phase, self.serving)()
        self.watch(piece)
        if self.phase == faults.STOP:
            self.wait_for(lambda: any(s == self.process for s, _ in self.deaths), "%s does not end" % self.process)
        self.tracer.detach()
        if self.point and self.point.fault == "SIGKILL":
            self.dying()
        self.wait_for(self.is_back, "the service does not become ready again")
        return self

    def is_back(self):
        return all(map(self.stage.lab.alive, SERVICES)) and all(map(self.serves, self.starts)) and self.stage.is_ready()

    def pid(self):
        return self.stage.lab.processes[self.process].pid

    def serving(self):
        self.tracer.attach(self.pid(), self.phase, self.point)
        return self.stage.piece()

    def starting(self):
        """Killed in the middle of its work, and started with the tracer."""
        lab, piece = self.stage.lab, self.stage.piece()
        time.sleep(self.stage.rng.uniform(0, 0.08))
        lab.stop(self.process, signal.SIGKILL)
        self.tracer.started(self.start(self.process, under=self.tracer.command(self.phase, self.point)).pid)
        return piece

    def start(self, service, **kw):
        self.starts[service] = os.path.getsize(self.stage.lab.path(service + ".log"))
        return self.stage.lab.start(service, **kw)

    def serves(self, service):
        """Does what was started say so? /readyz may be a second behind."""
        with open(self.stage.lab.path(service + ".log"), errors="replace") as f:
            f.seek(self.starts[service])
            return SERVES[service] in f.read()

    def stopping(self):
        piece = self.stage.piece()
        time.sleep(self.stage.rng.uniform(0, 0.05))
        self.tracer.attach(self.pid(), self.phase, self.point)
        os.kill(self.pid(), signal.SIGTERM)
        return piece

    def watch(self, piece):
        """Starts again what ended, as systemd does, until the clients are done."""
        while piece.is_alive():
            self.restart()
            piece.join(0.003)

    def restart(self):
        lab = self.stage.lab
        for s in SERVICES:
            if not lab.alive(s):
                self.deaths.append((s, lab.processes[s].returncode))
                if len(self.deaths) > 8:
                    raise RuntimeError("processes end again and again: %r\n%s" % (self.deaths, lab.log_tail(s)))
                self.start(s)

    def wait_for(self, holds, complaint):
        end = time.time() + READY_S
        while not holds():
            self.restart()
            if time.time() > end:
                raise RuntimeError("\n".join([complaint] + [self.stage.lab.log_tail(s) for s in SERVICES]))
            time.sleep(0.005)

    def dying(self):
        """Killed with the very last call, it is not gone yet, and the tracer, which was told to go, need not have written that down."""
        end = time.time() + DYING_S
        while not self.killed() and time.time() < end:
            self.restart()
            time.sleep(0.005)
        if self.tracer.met(self.point):
            self.wait_for(self.killed, "%s was killed, and does not end" % self.process)

    def killed(self):
        return (self.process, -signal.SIGKILL) in self.deaths

    def reached(self):
        if self.point.fault == "SIGKILL":
            return self.killed()
        return self.tracer.injected(self.point)

    def excused(self, process, code):
        """May this process have ended so? A program whose start fails says so and ends with 1; one that serves lives through errors."""
        if process != self.process:
            return False
        if self.point and self.point.fault == "SIGKILL" and code == -signal.SIGKILL:
            return True
        # strace that is told to go while it still sets out may take with it what it is about to start; a program that runs answers to SIGTERM.
        return (self.phase == faults.STOP and code in (0, 1)) or (self.phase == faults.START and code in (1, -signal.SIGTERM))

    def judged(self):
        """What does not hold now. The answers that were given meanwhile are counted into `said`."""
        acknowledged, surprises, self.said = self.stage.heard()
        ended = ["%s ended with %d" % d for d in self.deaths if not self.excused(*d)]
        return ended + self.stage.judge.after(acknowledged, surprises)
