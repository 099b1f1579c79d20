"""The disk of the log is nearly full: no new work is taken, what runs is brought to its end, and with room again all goes on."""

import ctypes
import os
import shutil
import subprocess
import time

import e2e_lib as e
import stopped

NEW_NAMESPACE = 0x00020000
DISK = 64 << 20
LEFT = 6 << 20


def own_mounts():
    """A mount name space of our own, which our children share. Whether we got one."""
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(NEW_NAMESPACE) != 0:
        return False
    return subprocess.run(["mount", "--make-rprivate", "/"], stderr=subprocess.DEVNULL).returncode == 0


class Disk:
    """The registrar's folder on a small file system."""

    def __init__(self, lab):
        self.lab, self.at = lab, lab.path("registrar")
        kept = lab.path("registrar.kept")
        shutil.copytree(self.at, kept)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d,mode=700" % DISK, "tmpfs", self.at], check=True)
        shutil.copytree(kept, self.at, dirs_exist_ok=True)
        lab.own(self.at, "registrar")
        clean = lab.clean

        def unmount_first():
            lab.stop_all()
            subprocess.run(["umount", self.at])
            clean()

        lab.clean = unmount_first

    def fill(self):
        with open(os.path.join(self.at, "filler"), "wb") as f:
            st = os.statvfs(self.at)
            f.write(b"\0" * max(0, st.f_bavail * st.f_frsize - LEFT))

    def empty(self):
        os.unlink(os.path.join(self.at, "filler"))


def refused(lab, rows, signed, submitted, statement, running):
    full = (507, "disk-full")
    size = lab.size()
    rejection = lab.ssh_keygen("carol", "hallmark-submit", lab.decision("rejection", submitted, statement))
    answers = {"a submission": lab.post("/v1/releases", "ci-edge", lab.submission()),
               "an approval": lab.approve(submitted, statement, "bob"),
               "a rejection": lab.post("/v1/releases/%s/rejection" % submitted, "carol", rejection),
               "a signature": lab.sign(running),
               "what would be refused anyhow": lab.post("/v1/releases", "ci-edge", lab.submission(channel="unheard-of"))}
    for name, a in answers.items():
        rows.row("nearly full: %s: 507, come again" % name, a.says() == full and int(a.headers.get("retry-after", "0")) > 0, a)
    rows.equal("nearly full: what is signed is still handed out", lab.sign(signed).status, 200)
    again = lab.approve(signed, statement, "bob")
    rows.row("nearly full: a refusal has no record", again.status in (403, 409) and "index" not in again.doc, again)
    rows.equal("nearly full: nothing was written", lab.size(), size)


def main(lab, rows):
    signed, _ = lab.signed()
    running, _ = lab.approved()
    submitted, statement = lab.new()
    stopped.interrupt(lab, running)
    disk = Disk(lab)
    with open(lab.path("registrar", "log.db-reserve"), "wb"):
        pass  # as the writer leaves it when a commit found the disk full
    disk.fill()
    lab.start("registrar")
    lab.wait_ready()
    events = [(r["event"], r.get("state")) for r in lab.records() if r.get("release") == running][-2:]
    rows.equal("nearly full: the interrupted intention has its result", events, [("sign.intended", "signing"), ("sign.unknown", "approved")])
    refused(lab, rows, signed, submitted, statement, running)
    disk.empty()
    end, a = time.time() + 60, lab.approve(submitted, statement, "bob")
    while a.status == 507 and time.time() < end:  # the registrar looks once in a while
        time.sleep(0.2)
        a = lab.approve(submitted, statement, "bob")
    rows.equal("room again: the approval counts", a.status, 201, a)
    a = lab.sign(running)
    rows.row("room again: the interrupted release is signed", a.status == 200, a)
    rows.equal("room again: the reserve stands", os.path.getsize(lab.path("registrar", "log.db-reserve")), 8 << 20)
    r = lab.cli("audit", "log", "verify", check=False)
    rows.row("the whole log verifies", r.returncode == 0, r.out + r.err)


if __name__ == "__main__":
    os.umask(0o022)
    if not own_mounts():
        print("skipped: needs root and a mount name space of its own")
        raise SystemExit(77)
    e.run_script(main)
