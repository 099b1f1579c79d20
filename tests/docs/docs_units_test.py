"""The systemd units against the programs: every system call that a program makes in a whole release, and a witness while it cosigns, is one
that its unit allows, and the units are as closed as docs/operations.md says. Needs strace and systemd-analyze; else skipped."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
SOURCE = os.environ["HALLMARK_SOURCE"]
BUILD = os.environ["HALLMARK_BUILD"]
sys.path.insert(0, os.path.join(SOURCE, "scripts", "lib"))
sys.path.insert(0, os.path.join(SOURCE, "tests", "e2e", "witness"))
from lab import PROGRAM, SERVICES, Lab, write  # noqa: E402
import witness_lib  # noqa: E402

UNITS = {"signer": "hallmark-signer", "registrar": "hallmark-registrar", "door": "hallmarkd", "witness": "hallmark-witness"}
PROGRAMS = {**PROGRAM, "witness": "hallmark-witness"}
EXPOSED_MOST = 1.5
COUNTED_OTHERWISE = 0.3  # by how much a systemd that operations.md does not name may differ from the one beside it
# Made only by a program that root started and that becomes its configured user; systemd starts ours as that user.
OF_ROOT = {"setgroups", "setresgid", "setresuid", "setuid"}


def ask(*args):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode(errors="replace")


def group(name):
    """System calls of one of systemd's groups."""
    out = set()
    for line in re.sub(r"\x1b\[[0-9;]*m", "", ask("systemd-analyze", "syscall-filter", name)).splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            out |= group(word)
        elif word and not word.startswith("#"):
            out.add(word)
    return out


def calls_of(words):
    out = set()
    for w in words.split():
        out |= group(w) if w.startswith("@") else {w}
    return out


def allowed(unit):
    with open(unit) as f:
        lines = [line.split("=", 1)[1].strip() for line in f if line.startswith("SystemCallFilter=")]
    out = group("@default")
    for value in lines:
        out = out - calls_of(value[1:]) if value.startswith("~") else out | calls_of(value)
    return out


def traced_programs(folder):
    """The programs, each server under strace once it serves."""
    real = os.path.join(BUILD, "bin")
    for name in os.listdir(real):
        if name in PROGRAMS.values():
            write(os.path.join(folder, name),
                  "#!/bin/sh\ncase \" $* \" in *\" init \"*) exec %s/%s \"$@\" ;; esac\n"
                  "exec strace -f -qq -A -o %s/%s.trace %s/%s \"$@\"\n" % (real, name, folder, name, real, name), 0o755)
        else:
            os.symlink(os.path.join(real, name), os.path.join(folder, name))


def end(process):
    """Ends the program itself, so that strace writes all it saw."""
    with open("/proc/%d/task/%d/children" % (process.pid, process.pid)) as f:
        for child in f.read().split():
            os.kill(int(child), 15)
    process.wait(60)


def one_release(top, folder):
    lab = Lab(os.path.join(top, "lab"), folder, door={"listen": "127.0.0.1:0"})
    try:
        lab.set_up()
        lab.start_all()
        release = lab.release("1.0.0", write(lab.path("work", "firmware.bin"), os.urandom(300000)))
        lab.cli("audit", "bundle", release, "--out", lab.path("work", "bundle"))
        lab.cli("audit", "log", "verify")
        time.sleep(1)
        for s in reversed(SERVICES):
            end(lab.processes[s])
    finally:
        lab.clean()


def some_cosignatures(folder):
    """Over HTTP and over TLS; a fork as well, which leaves a file."""
    w = witness_lib.World()
    try:
        for tls in (False, True):
            if tls:
                w.tls = witness_lib.server_context(w.dir)
                w.own()
                w.config.update(tls_certificate="tls.pem", tls_key="tls.key")
            w.start(os.path.join(folder, "hallmark-witness"))
            old = len(w.log.tree.leaves)
            w.log.tree.grow(5)
            assert w.add(old).status == 200 and w.get("/metrics").status == 200
            w.add(old + 5, tree=witness_lib.Tree().grow(old + 5, b"fork"))
            end(w.process)
            w.process = None
    finally:
        w.close()


def row(name, good, found=""):
    print("%s %s%s" % ("ok" if good else "FAILED", name, "" if good else ": %s" % (found,)))
    return good


def check_calls(service, folder):
    with open(os.path.join(folder, PROGRAMS[service] + ".trace")) as f:
        used = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", f.read(), re.M))
    unit = os.path.join(BUILD, "deploy", UNITS[service] + ".service")
    refused = sorted(used - allowed(unit) - OF_ROOT)
    return row("%s: %d system calls, all allowed by its unit" % (PROGRAMS[service], len(used)), len(used) > 20 and not refused, refused)


def stated():
    """(unit, systemd's version): score, as the table of operations.md has it."""
    with open(os.path.join(SOURCE, "docs", "operations.md"), encoding="utf-8") as f:
        table = re.search(r"^\| unit \|(.*)\n\|---.*\n((?:\|.*\n)+)", f.read(), re.M)
    versions = [int(v) for v in re.findall(r"systemd (\d+)", table.group(1))]
    scores = {}
    for line in table.group(2).splitlines():
        name, *cells = [c.strip() for c in line.strip("|").split("|")]
        scores.update(((name.strip("`"), v), float(c)) for v, c in zip(versions, cells))
    return scores


def check_exposure(service):
    name, scores = UNITS[service] + ".service", stated()
    here = int(re.search(r"systemd (\d+)", ask("systemd-analyze", "--version")).group(1))
    version = min({v for u, v in scores if u == name}, key=lambda v: abs(v - here))  # that of the table, or the one that comes next to it
    apart = 0 if here == version else COUNTED_OTHERWISE
    text = ask("systemd-analyze", "security", "--offline=true", os.path.join(BUILD, "deploy", name))
    found = re.search(r"exposure level for \S+: ([0-9.]+)", text)
    score = float(found.group(1)) if found else 10.0
    return row("%s: as closed as operations.md says, %.1f by systemd %d" % (name, scores[name, version], version),
               abs(score - scores[name, version]) < apart + 0.05 and score <= EXPOSED_MOST, "%.1f by systemd %d" % (score, here))


def main():
    if not shutil.which("strace") or not shutil.which("systemd-analyze"):
        print("skipped: strace or systemd-analyze is missing")
        sys.exit(77)
    if subprocess.run(["strace", "-o", "/dev/null", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("skipped: strace may not trace here")
        sys.exit(77)
    with open(os.path.join(BUILD, "CMakeCache.txt")) as f:
        if re.search(r"^HALLMARK_SANITIZE:\w+=\S", f.read(), re.M):
            print("skipped: a sanitizer's own system calls are not the program's")
            sys.exit(77)
    top = tempfile.mkdtemp(prefix="hm-units-", dir="/var/tmp")
    folder = os.path.join(top, "bin")
    os.chmod(top, 0o755)
    os.makedirs(folder)
    try:
        traced_programs(folder)
        one_release(top, folder)
        some_cosignatures(folder)
        good = [check_calls(s, folder) for s in UNITS] + [check_exposure(s) for s in UNITS]
    finally:
        shutil.rmtree(top, ignore_errors=True)
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
