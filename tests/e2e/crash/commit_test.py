"""Each commit of one signature fails once: the client is asked to come again, and then has its signature, once; also when somebody
else asks for the same signature meanwhile."""

import os
import shutil
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage as st  # noqa: E402  (first: it knows where the others are)
import e2e_lib as e  # noqa: E402
import faults  # noqa: E402
import load  # noqa: E402
import stopped  # noqa: E402

BUSY = (409, "state")  # the release is being signed
COMMITS = 6  # intention, result, and the notes of their checkpoints, each by itself or with the next


def signed(client, release, rivals):
    """The release's signature, asked for until there is a final answer; with rivals under a new key after each that says it is being signed."""
    path, until = "/v1/releases/%s/signature" % release, time.time() + 60
    for n in range(1000):
        a = client.insist(lambda n=n: client.link("ci-edge").ask("POST", path, b"", "sign-%d-%s" % (n, release)), until)
        if not rivals or a is None or a.says() != BUSY or time.time() > until:
            return a
        time.sleep(0.005)
    return None


class Rival(threading.Thread):
    """Asks for the same signature, until it has it; under a new key when the release was being signed, which is a final answer."""

    def __init__(self, lab, release):
        super().__init__()
        self.client, self.release, self.said = load.Client(lab, 1), release, set()

    def run(self):
        path, until, refused = "/v1/releases/%s/signature" % self.release, time.time() + 60, 0
        while (200, None) not in self.said and time.time() < until:
            a = self.client.link("ci-edge").ask("POST", path, b"", "rival-%d-%s" % (refused, self.release))
            self.said.add((200, None) if a.status == 200 else a.says())
            refused += a.says() == BUSY
            time.sleep(0.005)
        self.client.close()


def commit_fails(lab, rows, client, fault, n, rivals):
    name = "%s at fdatasync number %d%s: " % (fault, n, ", two clients" if rivals else "")
    release, _ = lab.new(channel="nightly")
    tracer = faults.Tracer(lab.path("work", "strace"))
    tracer.attach(lab.processes["registrar"].pid, faults.LOAD, faults.Point("registrar", faults.LOAD, "fdatasync", fault, n))
    rival = Rival(lab, release) if rivals else None
    if rival:
        rival.start()
    a = signed(client, release, rivals)
    if rival:
        rival.join()
        rows.row(name + "the other has it, too", (200, None) in rival.said and rival.said <= {(200, None)} | load.AGAIN | {BUSY}, rival.said)
    tracer.detach()
    rows.row(name + "signed in the end", a is not None and a.status == 200, a)
    rows.row(name + "otherwise asked to come again", set(client.said) <= {"200 "} | {"%d %s" % s for s in load.AGAIN | ({BUSY} if rivals else set())}, client.said)
    client.said.clear()
    lab.wait_ready()
    events = [r["event"] for r in lab.records() if r.get("release") == release]
    rows.row(name + "one signature, each intention ended", events.count("release.signed") == 1 and events[-1] == "release.signed" and
             events.count("sign.intended") == sum(events.count(x) for x in ("release.signed", "sign.failed", "sign.unknown")), events)
    return tracer.text().count("INJECTED")


def main(lab, rows):
    client = load.Client(lab, 0)
    for fault in ("EIO", "ENOSPC"):
        hits = [commit_fails(lab, rows, client, fault, n, rivals) for rivals in (False, True) for n in range(1, COMMITS + 1)]
        rows.row("%s: met %d times" % (fault, sum(hits)), sum(hits) >= 4, hits)
    client.close()
    r = lab.cli("audit", "log", "verify", check=False)
    rows.row("the whole log verifies", r.returncode == 0, r.out + r.err)
    stopped.copy_holds(lab, rows)


if __name__ == "__main__":
    os.umask(0o022)
    if os.geteuid() != 0 or not shutil.which("strace"):
        print("skipped: needs root and strace")
        raise SystemExit(77)
    e.run_script(main, products=("edge-router",))
