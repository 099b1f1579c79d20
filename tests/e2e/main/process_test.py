"""The three programs as processes: absent, killed, restarted in any order; what they may; the read model; a wrong PIN."""

import glob
import itertools
import json
import os
import pwd
import signal
import time

import e2e_lib as e
from lab import PROGRAM, SERVICES, USER


class Processes:
    def __init__(self, lab, rows):
        self.lab, self.rows, self.count = lab, rows, 0

    def submission(self):
        self.count += 1
        data = self.lab.firmware()
        version = "70.%d.0" % self.count
        body = self.lab.submission(version, data, upload=False, attestation=None)
        return version, data, body

    def ask(self, data, body, key):
        """One try, as a client makes it: upload, submit. None where the door is not there."""
        try:
            a = self.lab.call("PUT", "/v1/artifacts/sha256:" + e.sha256(data), "ci-edge", data, timeout=20)
            if a.status not in (200, 201):
                return a
            return self.lab.post("/v1/releases", "ci-edge", body, key=key)
        except (OSError, e.http.client.HTTPException):
            return None

    def down(self, *services):
        for s in services:
            self.lab.stop(s, signal.SIGKILL)

    def come_again(self, name, a, door_down=False):
        if door_down:
            self.rows.row(name + ": nobody answers", a is None, a)
        else:
            self.rows.row(name + ": 503 with Retry-After", a is not None and a.says() == (503, "unavailable") and
                          int(a.headers.get("retry-after", "0")) > 0, a)

    def once(self, name, version, data, body, key):
        """Now it succeeds; and once, however often it is asked."""
        end, first = time.time() + 60, self.ask(data, body, key)
        while (first is None or first.status == 503) and time.time() < end:
            time.sleep(0.1)
            first = self.ask(data, body, key)
        second = self.ask(data, body, key)
        found = [r for r in self.lab.records() if r.get("version") == version]
        ok = first is not None and second is not None and first.status == second.status == 201 and first.doc["index"] == second.doc["index"]
        self.rows.row(name + ": the same key succeeds, once", ok and [r["event"] for r in found] == ["release.submitted"],
                      "%r %r %r" % (first, second, found))

    # --- absent ---

    def signer_absent_at_start(self):
        lab = self.lab
        lab.stop_all()
        size = os.path.getsize(lab.path("registrar", "log.db"))
        for s in ("registrar", "door"):
            lab.start(s)
        ready = self.until(lambda: lab.call("GET", "/readyz", who="audit"), 503, lambda a: b"signer" in a.body)
        stranger = lab.call("GET", "/readyz")
        self.rows.row("signer absent at start: a stranger is told which part", stranger.status == 503 and b"holders of a certificate" in stranger.body and
                      b"signer" not in stranger.body, stranger)
        self.rows.row("signer absent at start: /readyz 503, says why", ready is not None and b"signer" in ready.body, ready)
        self.rows.equal("signer absent at start: /healthz 200", lab.call("GET", "/healthz").status, 200)
        v, data, body = self.submission()
        self.come_again("signer absent at start", self.ask(data, body, "a1"))
        self.rows.equal("signer absent at start: nothing was written", os.path.getsize(lab.path("registrar", "log.db")), size)
        lab.start("signer")
        lab.wait_ready()
        self.once("signer there", v, data, body, "a1")

    def until(self, ask, status, more=lambda a: True, seconds=60):
        end = time.time() + seconds
        a = None
        while time.time() < end:
            try:
                a = ask()
                if a.status == status and more(a):
                    return a
            except OSError:
                pass
            time.sleep(0.05)
        return a

    def registrar_absent(self):
        lab = self.lab
        release, _ = lab.approved(version="60.0.0")
        lab.settled("/v1/releases/" + release)  # the door knows the auditor from here on
        self.down("registrar")
        self.rows.equal("registrar absent: queries are answered", lab.get("/v1/releases/" + release).doc.get("state"), "approved")
        v, data, body = self.submission()
        self.come_again("registrar absent, submission", self.ask(data, body, "b1"))
        for name, call in (("signature", lambda: lab.sign(release, key="b2")), ("keys", lambda: lab.get("/v1/keys"))):
            self.come_again("registrar absent, " + name, call())
        lab.start("registrar")
        lab.wait_ready()
        self.once("registrar back", v, data, body, "b1")
        a = lab.sign(release, key="b2")
        self.rows.equal("registrar back: the signature", a.says(), (200, ""), a)

    def signer_absent(self):
        lab = self.lab
        release, _ = lab.approved(version="61.0.0")
        self.down("signer")
        a = lab.sign(release, key="c1")
        self.come_again("signer killed, signature", a)
        again = lab.sign(release, key="c1")
        self.rows.row("signer killed, again: not yet", again.says() in ((503, "unavailable"), (409, "in-flight")), again)
        lab.start("signer")
        lab.wait_ready()
        a = self.until(lambda: lab.sign(release, key="c1"), 200)
        events = [r["event"] for r in lab.records() if r.get("release") == release]
        self.rows.row("signer back: signed once", a.status == 200 and events.count("release.signed") == 1 and
                      events.count("sign.intended") == events.count("release.signed") + events.count("sign.failed") +
                      events.count("sign.unknown"), "%r %r" % (a, events))

    def signer_hangs(self):
        """It listens and does not answer: that is as good as away."""
        lab = self.lab
        pid = lab.processes["signer"].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            code = self.ready_within(503, 60)
            self.rows.row("signer hangs: not ready", code == 503, code)
        finally:
            os.kill(pid, signal.SIGCONT)
        self.rows.equal("signer goes on: ready", self.ready_within(200, 60), 200)
        release, _ = lab.signed(version="61.5.0")
        self.rows.equal("and signs", lab.settled("/v1/releases/" + release)["state"], "signed")

    def ready_within(self, code, seconds):
        end = time.time() + seconds
        while (found := self.lab.curl("/readyz").code) != code and time.time() < end:
            time.sleep(0.1)
        return found

    def orders(self):
        """All ways to kill two of three, in either order, and to start them again in that order."""
        for victims in itertools.permutations(SERVICES, 2):
            name = "kill -9 %s, %s" % victims
            v, data, body = self.submission()
            self.down(*victims)
            key = "o-" + "-".join(victims)
            self.come_again(name, self.ask(data, body, key), "door" in victims)
            for s in victims:
                self.lab.start(s)
            self.lab.wait_ready()
            self.once(name + ", started in this order", v, data, body, key)

    def orders_of_all(self):
        """All three killed, and started in each of the six orders; each has the time to find that the next one is not there."""
        for n, order in enumerate(itertools.permutations(SERVICES)):
            name = "kill -9 of all, started as %s, %s, %s" % order
            self.down(*SERVICES)
            for s in order:
                self.lab.start(s)
                time.sleep(0.3)
            self.lab.wait_ready()
            release, _ = self.lab.signed(version="71.%d.0" % n)
            self.rows.equal(name + ": signs", self.lab.settled("/v1/releases/" + release)["state"], "signed")

    def ends_on_request(self):
        for s in reversed(SERVICES):
            self.rows.equal("SIGTERM: %s ends with 0" % s, self.lab.stop(s), 0)
        for s in SERVICES:
            self.lab.start(s)
        self.lab.wait_ready()
        self.rows.equal("a second signer does not start", self.second("signer"), True)
        self.rows.equal("a second registrar does not start", self.second("registrar"), True)
        release, _ = self.lab.signed(version="62.0.0")
        self.rows.equal("and the first ones go on", self.lab.settled("/v1/releases/" + release)["state"], "signed")

    def second(self, service):
        """A second copy of a program over the same state ends with an error."""
        r = self.lab.run(["timeout", "60", self.lab.program(PROGRAM[service]), "--config", self.lab.path(service + ".json")], check=False)
        return r.returncode not in (0, 124)

    # --- what the processes are ---

    def confinement(self):
        lab = self.lab
        uids, filtered = {}, "0" if e.sanitized() else "2"
        for s in SERVICES:
            pid = lab.processes[s].pid
            status = dict(l.split(":\t", 1) for l in e.read("/proc/%d/status" % pid).decode().splitlines() if ":\t" in l)
            uids[s] = set(status["Uid"].split())
            self.rows.equal("%s: Seccomp filter, NoNewPrivs" % s, (status["Seccomp"], status["NoNewPrivs"]), (filtered, "1"))
            self.rows.equal("%s: no capability" % s, int(status["CapEff"], 16) | int(status["CapPrm"], 16), 0)
            threads = [dict(l.split(":\t", 1) for l in status.splitlines() if ":\t" in l)
                       for status in present(lambda t: e.read(t).decode(), glob.glob("/proc/%d/task/*/status" % pid))]
            self.rows.row("%s: every thread is under the filter (%d)" % (s, len(threads)),
                          all(t["Seccomp"] == filtered and t["NoNewPrivs"] == "1" for t in threads))
            if lab.as_users:
                self.rows.equal("%s: runs as %s" % (s, USER[s]), uids[s], {str(pwd.getpwnam(USER[s]).pw_uid)})
                self.rows.row("%s: its group alone" % s, set(status["Groups"].split()) <= {str(pwd.getpwnam(USER[s]).pw_gid)}, status["Groups"])
        if lab.as_users:
            self.rows.equal("three different users", len(set().union(*uids.values())), 3)
        if os.geteuid() != 0:  # the programs are not dumpable: only root looks into them
            self.rows.row("open sockets, loaded libraries: needs root, left out", True)
            return self.files()
        for s in ("registrar", "signer"):
            self.rows.equal("%s: no network socket is open" % s, self.network(s), [])
        self.rows.row("door: has one", len(self.network("door")) >= 1)
        signer_maps = e.read("/proc/%d/maps" % lab.processes["signer"].pid)
        self.rows.row("the PKCS#11 module is loaded in the signer alone", b"softhsm" in signer_maps and not any(
            b"softhsm" in e.read("/proc/%d/maps" % lab.processes[s].pid) for s in ("registrar", "door")))
        self.files()

    def network(self, service):
        pid = self.lab.processes[service].pid
        inodes = set()
        for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet"):
            path = "/proc/%d/net/%s" % (pid, table)
            if os.path.exists(path):
                inodes |= set(w for l in e.read(path).decode().splitlines()[1:] for w in l.split()[8:10])
        fds = present(os.readlink, glob.glob("/proc/%d/fd/*" % pid))
        return [f for f in fds if f.startswith("socket:[") and f[8:-1] in inodes]

    def files(self):
        """Nobody but its owner reads the PINs, the log, the signer's state, the keys."""
        lab = self.lab
        for path, service in ((lab.path("pins", "production"), "signer"), (lab.path("signer"), "signer"), (lab.path("registrar"), "registrar"),
                              (lab.path("registrar", "log.db"), "registrar"), (lab.path("tls", "door.key"), "door"),
                              (lab.path("door", "query.db"), "door"), (lab.path("tokens"), "signer")):
            st = os.stat(path)
            mine = not lab.as_users or st.st_uid == pwd.getpwnam(USER[service]).pw_uid
            self.rows.row("%s: for %s alone" % (os.path.relpath(path, lab.home), service), mine and not st.st_mode & 0o077, oct(st.st_mode))

    # --- the read model ---

    def read_model(self):
        lab = self.lab
        for _ in range(3):
            release, _ = lab.new()
            a = lab.get("/v1/releases/" + release)
            self.rows.row("what was answered is visible at once", a.status == 200 and a.doc["log_size"] > int(release[1:]), a)
        before = lab.records()
        lab.stop("door")
        for f in glob.glob(lab.path("door", "query.db*")):
            os.unlink(f)
        lab.start("door")
        lab.wait_ready()
        self.rows.row("query.db deleted: the same records again (%d)" % len(before), lab.records()[:len(before)] == before)
        page = lab.get("/v1/releases?state=signed&limit=1000").doc
        self.rows.equal("query.db deleted: the same releases", sorted(i["id"] for i in page["items"]),
                        sorted(set(r["release"] for r in before if r["event"] == "release.signed")))
        lab.stop("door", signal.SIGKILL)
        path = lab.path("door", "query.db")
        data = bytearray(e.read(path))
        for at in range(8192, len(data), 4096):
            data[at:at + 64] = os.urandom(64)
        e.write(path, bytes(data), 0o600)
        lab.own(lab.path("door"), "door")
        lab.start("door")
        lab.wait_ready()
        self.rows.row("query.db damaged: filled again", lab.records()[:len(before)] == before)

    # --- a PIN ---

    def wrong_pin(self):
        lab = self.lab
        pin_file = lab.path("pins", "production")
        good = e.read(pin_file)
        lab.stop("signer")
        e.write(pin_file, "000000000000000", 0o600)
        lab.own(pin_file, "signer")
        told = []
        for _ in range(3):
            at = os.path.getsize(lab.path("signer.log"))
            p = lab.start("signer")
            try:
                p.wait(60)
            except Exception:  # noqa: BLE001
                lab.stop("signer")
            told.append(e.read(lab.path("signer.log"))[at:].decode())
        self.rows.row("wrong PIN: the token is named, the PIN is not", "production" in told[0] and "PIN" in told[0] and "000000000000" not in told[0], told[0])
        self.rows.row("wrong PIN: not tried again at the next starts", all("refused before" in t or "has not changed" in t for t in told[1:]), told[1:])
        marks = glob.glob(lab.path("signer", "pin-refused-*"))
        self.rows.equal("wrong PIN: remembered in one file", len(marks), 1)
        e.write(pin_file, good, 0o600)
        lab.own(pin_file, "signer")
        lab.start("signer")
        if not lab.alive("registrar"):
            lab.start("registrar")
        lab.wait_ready()
        release, _ = lab.signed(version="63.0.0")
        self.rows.equal("right PIN again: signs", lab.settled("/v1/releases/" + release)["state"], "signed")


def present(look, paths):
    """What is seen of those that are still there: threads and descriptors come and go."""
    out = []
    for path in paths:
        try:
            out.append(look(path))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return out


def main(lab, rows):
    p = Processes(lab, rows)
    rows.parts(p.confinement, p.read_model, p.signer_absent_at_start, p.registrar_absent, p.signer_absent, p.signer_hangs, p.orders, p.orders_of_all, p.ends_on_request, p.wrong_pin)
    r = lab.cli("audit", "log", "verify", check=False)
    rows.row("the whole log verifies afterwards", r.returncode == 0, r.out + r.err)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main)
