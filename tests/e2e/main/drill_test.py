"""The drill: back up under load, lose the log, restore, go on. drill_test.py [SECONDS] is how long the load lasts before each loss (3).

With a mirror nothing that was acknowledged is lost. Without one the signer refuses what is older than it has signed, says so, and the
database that was moved away is the way out."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time

import e2e_lib as e
import redteam_test as red
from full_disk_test import own_mounts
from lab import USER

DISK2 = 48 << 20
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 3


class Drilling(e.Cast):
    mounts = False  # a disk of its own for the mirror, which only root can make

    def directories(self):
        super().directories()
        os.makedirs(self.path("disk2"), exist_ok=True)
        if self.mounts and not os.path.ismount(self.path("disk2")):
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d,mode=700" % DISK2, "tmpfs", self.path("disk2")], check=True)
        self.own(self.path("disk2"), "registrar")

    def clean(self):
        self.stop_all()
        if os.path.ismount(self.path("disk2")):
            subprocess.run(["umount", self.path("disk2")])
        super().clean()

    def fill(self):
        f = os.open(self.path("disk2", "filler"), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            while True:
                os.write(f, bytes(4096))
        except OSError:  # full
            os.close(f)

    def registrar(self, *args, config=None):
        return self.run([self.program("hallmark-registrar"), args[0], "--config", config or self.path("registrar.json"), *args[1:]], check=False)

    def verify(self, path, *args):
        return self.cli("audit", "log", "verify", "--database", path, *args, check=False)

    def database(self, suffix=""):
        return self.path("registrar", "log.db" + suffix)

    def move_away(self, to):
        os.makedirs(self.path(to), exist_ok=True)
        for suffix in ("", "-wal", "-shm", "-reserve", "-control"):
            if os.path.lexists(self.database(suffix)):
                shutil.move(self.database(suffix), self.path(to, "log.db" + suffix))

    def back(self):
        self.start("registrar")
        self.wait_ready()
        end = time.time() + 60
        while self.get("/v1/policy").status != 200 and time.time() < end:
            time.sleep(0.1)

    def ends_with(self, timeout=60):
        """Starts the registrar, which must end by itself: exit code and what it said."""
        p = self.start("registrar")
        try:
            return p.wait(timeout), self.log_tail("registrar", 4)
        except subprocess.TimeoutExpired:
            return None, self.log_tail("registrar", 4)

    def edit(self, **members):
        doc = json.loads(e.read(self.path("registrar.json")))
        for k, v in members.items():
            doc.pop(k, None)
            if v is not None:
                doc[k] = v
        e.write(self.path("registrar.json"), json.dumps(doc, indent=2))


class Load:
    """Releases through all their steps, in several threads; what was acknowledged is remembered."""

    def __init__(self, lab, threads=3):
        self.lab, self.stopping = lab, False
        self.acknowledged = {}  # index: what the answer was about
        self.signed = []
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True) for n in range(threads)]
        self.mark = "%d" % (time.time() * 10 % 1000000)
        for t in self.threads:
            t.start()

    def run(self, n):
        i = 0
        while not self.stopping:
            i += 1
            try:
                release, statement = self.lab.new(version="%s.%d.%d" % (self.mark, n, i), patience_s=0)  # another one then
                for who in ("bob", "carol"):
                    r = self.lab.approve(release, statement, who)
                    if r.status == 201:
                        self.acknowledged[r.doc["index"]] = ("approval.recorded", release)
                if self.lab.sign(release).status == 200:
                    self.signed.append(release)
            except Exception:  # noqa: BLE001: the service is being killed
                time.sleep(0.05)

    def for_a_while(self, seconds=SECONDS):
        had = len(self.signed)
        end = time.time() + seconds
        while time.time() < end or len(self.signed) == had and time.time() < end + 60:
            time.sleep(0.05)
        return self

    def stop(self):
        self.stopping = True
        for t in self.threads:
            t.join(90)

    def lost(self):
        """What was acknowledged and is not there."""
        records = {r["idx"]: r for r in self.lab.records()}
        gone = [i for i, (event, release) in self.acknowledged.items()
                if i not in records or (records[i]["event"], records[i]["release"]) != (event, release)]
        signed = {r["release"] for r in records.values() if r["event"] == "release.signed"}
        return gone, sorted(set(self.signed) - signed)


def size_of(path):
    db = sqlite3.connect("file:%s?mode=ro&immutable=1" % path, uri=True)
    try:
        size, = db.execute("SELECT size FROM head").fetchone()
        count, = db.execute("SELECT count(*) FROM record").fetchone()
        covered, = db.execute("SELECT max(size) FROM checkpoint").fetchone()
    finally:
        db.close()
    return size, count, covered


def main(lab, rows):
    kept = {}

    def backup_under_load():
        load = Load(lab).for_a_while()
        for n in range(2):
            before = lab.size()
            acknowledged = len(load.acknowledged)
            r = lab.registrar("backup")
            rows.equal("backup %d of a running registrar" % n, r.returncode, 0, r.out + r.err)
            path = r.out.split("backup: ")[-1].strip()
            kept[n] = path
            rows.row("requests were answered meanwhile or since", load.for_a_while(0.5) and len(load.acknowledged) > acknowledged)
            rows.row("it was verified before it said so", "verified" in r.out, r.out)
            size, count, covered = size_of(path)
            rows.row("it has all that was there when it was asked for", size >= before, (size, before))
            rows.equal("and ends with a checkpoint", (count, covered), (size, size))
            rows.equal("for the registrar's user alone", oct(os.stat(path).st_mode & 0o777), "0o600")
            r = lab.verify(path, "--whole")
            rows.equal("an auditor verifies it, too", r.returncode, 0, r.out + r.err)
            time.sleep(1.1)
        load.stop()
        rows.equal("one file each, nothing half made", sorted(os.listdir(lab.path("disk2", "backups"))), sorted(os.path.basename(p) for p in kept.values()))
        rows.equal("nothing acknowledged is missing", load.lost(), ([], []))

    def backup_left_alone():
        """Whoever asked for one goes away, and somebody tidies up what was not named yet: the next one is made all the same."""
        folder = lab.path("disk2", "backups")
        wire = red.Wire(lab.database("-control"), USER["registrar"] if lab.as_users else "")
        rows.equal("asked for, and nobody waits", wire.call(1, b"")[0], 0)
        end = time.time() + 20
        while time.time() < end and not [n for n in os.listdir(folder) if n.endswith(".part")]:
            time.sleep(0.05)
        time.sleep(1.1)
        for name in os.listdir(folder):
            if name.endswith(".part"):
                os.unlink(os.path.join(folder, name))
        r = lab.registrar("backup")
        rows.equal("the next one is made", r.returncode, 0, r.out + r.err)
        os.unlink(r.out.split("backup: ")[-1].strip()) if r.returncode == 0 else None

    def backups_refused():
        doc = {k: v for k, v in json.loads(e.read(lab.path("registrar.json"))).items() if k != "backup_dir"}
        r = lab.registrar("backup", "--verifier", "/bin/false")
        rows.row("one that does not verify says so", r.returncode == 3 and "must not be relied on" in r.err, r.out + r.err)
        time.sleep(1.1)
        r = lab.registrar("backup", "--verifier", "/nonexistent/program")
        rows.row("one that nobody verifies too", r.returncode == 1 and "nothing was verified" in r.err, r.out + r.err)
        for args in (("backup", "--from", "x"), ("restore",), ("restore", "--from", "x", "y"), ("init", "--verifier", "x"), ("delete",)):
            rows.equal("usage: %s" % " ".join(args), lab.registrar(*args).returncode, 2)
        if lab.as_users:
            s = socket.socket(socket.AF_UNIX)
            try:
                s.settimeout(30)
                s.connect(lab.database("-control"))  # as root, who is not the registrar's user
                s.sendall(struct.pack(">IH", 0, 1))
                answer = s.recv(6)
            except OSError:
                answer = b""
            finally:
                s.close()
            rows.equal("nobody else is answered at the control socket", answer, b"")
        lab.stop("registrar")
        r = lab.registrar("backup")
        rows.row("without a running registrar", r.returncode == 1 and "is the registrar running?" in r.err, r.out + r.err)
        e.write(lab.path("without.json"), json.dumps(doc))
        lab.start("registrar", config=lab.path("without.json"))
        lab.wait_ready()
        r = lab.registrar("backup", config=lab.path("without.json"))
        rows.row("without backup_dir", r.returncode == 78 and "backup: /" not in r.out, r.out + r.err)
        lab.stop("registrar")
        lab.back()

    def lost_and_restored():
        rejected, statement = lab.approved()
        r = lab.post("/v1/releases/%s/rejection" % rejected, "alice", lab.ssh_keygen("alice", "hallmark-submit", lab.decision("rejection", rejected, statement)))
        rows.equal("a release is rejected", r.status, 200, r)
        load = Load(lab).for_a_while()
        lab.stop("registrar", signal.SIGKILL)
        load.stop()
        lab.move_away("lost")
        code, said = lab.ends_with()
        rows.row("without a log it does not start", code not in (0, None) and "no log" in said, said)
        r = lab.registrar("restore", "--from", kept[1])
        rows.row("last night's backup is refused: the signer has signed more", r.returncode == 3 and "has signed a checkpoint over" in r.err and "the mirror" in r.err, r.out + r.err)
        rows.row("and nothing was put into place", not os.path.exists(lab.database()) and not os.path.exists(lab.database(".restore")), os.listdir(lab.path("registrar")))
        data = bytearray(e.read(kept[1]))
        at = data.index(b'"event":"release.submitted"')
        data[at + 12] ^= 1
        bent = e.write(lab.path("bent.db"), bytes(data))
        lab.own(bent, "registrar")
        for name, path, code in (("a damaged copy", bent, 3), ("no log at all", lab.path("policy.json"), None), ("nothing", lab.path("nothing"), 1)):
            r = lab.registrar("restore", "--from", path)
            rows.row("%s is refused" % name, r.returncode not in (0, 2, 78) and (code is None or r.returncode == code) and not os.path.exists(lab.database()), (r.returncode, r.out + r.err))
        for name, change in (("of a rejected release that it is approved", "UPDATE progress SET state=2 WHERE state=6"),
                             ("of a signed release that it is approved", "UPDATE progress SET state=2, signed_idx=0 WHERE id=(SELECT min(id) FROM progress WHERE state=4)"),
                             ("of a release that it is for another channel", "UPDATE release SET channel='brief' WHERE id=(SELECT max(id) FROM release)"),
                             ("nothing of a release", "DELETE FROM progress WHERE id=(SELECT min(id) FROM progress)")):
            said = lab.path("said.db")
            shutil.copy(lab.path("disk2", "log.db"), said)
            shutil.copy(lab.path("disk2", "log.db-wal"), said + "-wal") if os.path.exists(lab.path("disk2", "log.db-wal")) else None
            db = sqlite3.connect(said)
            changed = db.execute(change).rowcount
            db.commit()
            db.execute("PRAGMA journal_mode=DELETE")
            db.close()
            lab.own(said, "registrar")
            r = lab.registrar("restore", "--from", said)
            rows.row("records that hold, and beside them it says %s: refused" % name, changed == 1 and r.returncode == 3 and "is not what the records say" in r.err
                     and not os.path.exists(lab.database()), (changed, r.returncode, r.err))
        lab.stop("signer")
        r = lab.registrar("restore", "--from", lab.path("disk2", "log.db"))
        rows.row("the mirror is taken; without the signer it says what is not known", r.returncode == 0 and "compared when the registrar starts" in r.out, r.out + r.err)
        r = lab.registrar("restore", "--from", lab.path("disk2", "log.db"))
        rows.row("never over a log", r.returncode == 1 and "nothing is restored over a log" in r.err, r.out + r.err)
        lab.move_away("again")
        lab.start("signer")
        end = time.time() + 60
        while True:
            r = lab.registrar("restore", "--from", lab.path("disk2", "log.db"))
            if "it will go on from here" in r.out or time.time() > end:
                break
            lab.move_away("again")
            time.sleep(0.3)
        rows.row("with the signer, what it says", r.returncode == 0 and "it will go on from here" in r.out, r.out + r.err)
        lab.back()
        rows.equal("nothing acknowledged is lost", load.lost(), ([], []))
        rows.equal("and the service is back", lab.sign(lab.approved()[0]).status, 200)
        r = lab.cli("audit", "log", "verify", check=False)
        rows.equal("the whole log verifies", r.returncode, 0, r.out + r.err)
        rows.row("the mirror was in step", "in place of an older one" not in lab.log_tail("registrar", 6), lab.log_tail("registrar", 6))
        r = lab.registrar("backup")
        rows.equal("a backup again", r.returncode, 0, r.out + r.err)
        kept[2] = r.out.split("backup: ")[-1].strip()

    def in_step():
        load = Load(lab).for_a_while(1)
        load.stop()
        lab.stop("registrar")
        rows.equal("log and mirror end at the same place", size_of(lab.database()), size_of(lab.path("disk2", "log.db")))
        r = lab.cli("audit", "log", "verify", "--database", lab.path("disk2", "log.db"), "--whole", check=False)
        rows.equal("the mirror verifies", r.returncode, 0, r.out + r.err)
        lab.back()

    def killed():
        """A kill between the two leaves a mirror that lacks a batch at most: it is made anew, and nothing is lost."""
        for n in range(3):
            load = Load(lab).for_a_while(0.7)
            lab.stop("registrar", signal.SIGKILL)
            load.stop()
            lab.back()
            rows.equal("kill %d: nothing acknowledged is lost" % n, load.lost(), ([], []))

    def older_copy():
        """Somebody puts last night's file in place by hand."""
        lab.sign(lab.approved()[0])
        lab.stop("registrar")
        lab.move_away("newest")
        shutil.copy(kept[2], lab.database())
        lab.own(lab.database(), "registrar")
        code, said = lab.ends_with()
        rows.row("the mirror knows more: refused", code == 3 and "not all in this log" in said, (code, said))
        mirror = e.read(lab.path("disk2", "log.db"))
        rows.row("and the mirror is as it was", size_of(lab.path("disk2", "log.db"))[0] > size_of(kept[2])[0] and mirror)
        lab.edit(mirror=None)
        code, said = lab.ends_with()
        rows.row("without the mirror the signer refuses", code == 3 and "does not extend the last checkpoint" in said and "operations.md" in said, (code, said))
        lab.move_away("older")
        r = lab.registrar("restore", "--from", lab.path("newest", "log.db"))
        rows.equal("the way out: the database that was moved away", r.returncode, 0, r.out + r.err)
        lab.back()
        rows.equal("the service is back", lab.sign(lab.approved()[0]).status, 200)
        lab.stop("registrar")
        lab.edit(mirror="disk2/log.db")
        lab.back()
        rows.row("the mirror, older now, is made anew", "in place of an older one" in lab.log_tail("registrar", 8), lab.log_tail("registrar", 8))
        r = lab.cli("audit", "log", "verify", check=False)
        rows.equal("the whole log verifies", r.returncode, 0, r.out + r.err)

    def mirror_refused():
        lab.stop("registrar")
        for name, path in (("of a disk that is not there", "disk3/log.db"), ("that is no log", "policy.json"), ("that is the log itself", "registrar/log.db")):
            lab.edit(mirror=path)
            code, said = lab.ends_with()
            rows.row("a mirror %s: the registrar does not start" % name, code not in (0, None) and "mirror" in said, (code, said))
        lab.edit(mirror="disk2/log.db")
        lab.back()
        rows.equal("with the right one it does", lab.sign(lab.approved()[0]).status, 200)

    def mirror_full():
        """What does not reach the mirror is not answered; with room again all goes on."""
        if not lab.mounts:
            print("not tried without root: a mirror whose disk is full")
            return
        lab.fill()
        load = Load(lab)
        end = time.time() + 60
        says_why = lambda: lab.curl("/readyz").code == 503 and "mirror" in lab.log_tail("registrar", 3)  # noqa: E731
        while time.time() < end and not says_why():
            time.sleep(0.05)
        rows.row("the disk of the mirror is full: not ready, and it says why", says_why(), lab.log_tail("registrar", 4))
        time.sleep(1)
        os.unlink(lab.path("disk2", "filler"))
        lab.wait_ready()
        load.for_a_while(0.5)
        load.stop()
        rows.equal("nothing acknowledged is lost", load.lost(), ([], []))
        lab.stop("registrar")
        rows.equal("log and mirror end at the same place", size_of(lab.database()), size_of(lab.path("disk2", "log.db")))
        lab.back()
        r = lab.cli("audit", "log", "verify", check=False)
        rows.equal("the whole log verifies", r.returncode, 0, r.out + r.err)

    rows.parts(backup_under_load, backup_left_alone, backups_refused, lost_and_restored, in_step, killed, older_copy, mirror_refused, mirror_full)


if __name__ == "__main__":
    os.umask(0o022)
    Drilling.mounts = own_mounts()
    e.run_script(main, cast=Drilling, registrar={"mirror": "disk2/log.db", "backup_dir": "disk2/backups"})
