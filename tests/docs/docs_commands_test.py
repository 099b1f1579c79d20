"""Runs the commands that the documentation shows.

A fenced block right after a line `<!-- test -->` is run by sh, all blocks of one file in one shell, in the state that
`scripts/run --keep` leaves: the real rehearsal, in a folder of its own. A failing command fails the test."""

import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
SOURCE = os.environ["HALLMARK_SOURCE"]
PROGRAMS = os.path.join(os.environ["HALLMARK_BUILD"], "bin")
BLOCK = re.compile(r"^<!-- test -->\n```(sh|console)\n(.*?)^```$", re.M | re.S)
IMAGES = ["/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin", "/usr/lib/u-boot/qemu_arm64/u-boot.bin",
          "/usr/lib/u-boot/qemu-riscv64/u-boot.bin"]


def blocks(path):
    """(line, commands) of every marked block. Of a console block the lines after `$ ` are commands."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    out = []
    for m in BLOCK.finditer(text):
        body = m.group(2)
        if m.group(1) == "console":
            body = "".join(line[2:] + "\n" for line in body.splitlines() if line.startswith(("$ ", "> ")))
        out.append((text.count("\n", 0, m.start(2)) + 1, body))
    return out


def script(found):
    """One shell script; each block says its line first, so that a failure names it."""
    return "set -eu\n" + "".join("echo '== line %d'\n%s" % b for b in found)


def run_file(top, path, found):
    name = os.path.relpath(path, SOURCE)
    r = subprocess.run(["sh"], input=script(found).encode(), cwd=top, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=240, env=dict(os.environ, NO_COLOR="1"))
    text = r.stdout.decode(errors="replace")
    if r.returncode == 0:
        print("ok %s: %d blocks" % (name, len(found)))
        return True
    print("FAILED %s: exit %d\n%s" % (name, r.returncode, text))
    return False


def rehearse(top):
    """The state that the documentation starts from."""
    shutil.copytree(os.path.join(SOURCE, "scripts"), os.path.join(top, "scripts"),
                    ignore=shutil.ignore_patterns("__pycache__"))
    os.makedirs(os.path.join(top, "build", "release"))
    os.symlink(PROGRAMS, os.path.join(top, "build", "release", "bin"))
    r = subprocess.run(["/usr/bin/python3", "scripts/lib/rehearsal.py", "--keep"], cwd=top, timeout=240,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if r.returncode != 0:
        sys.exit("the rehearsal failed:\n" + r.stdout.decode(errors="replace"))
    printed = re.search(r"--config (\S+)/clients/", r.stdout.decode())
    home = os.path.join(top, "build", "run", "state")
    if not os.path.exists(home):  # it went to a shorter path; the documentation says so too
        os.symlink(printed.group(1), home)
    return printed.group(1)


def end(top, home):
    with open(os.path.join(top, "build", "run", "pids")) as f:
        pids = [int(line.split()[0]) for line in f]
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    deadline = time.time() + 60
    while time.time() < deadline and any(os.path.exists("/proc/%d/exe" % p) for p in pids):
        time.sleep(0.1)
    if not home.startswith(top):
        shutil.rmtree(home, ignore_errors=True)


def main():
    if not any(os.path.exists(i) for i in IMAGES):
        print("skipped: no firmware image (package opensbi)")
        sys.exit(77)
    files = [os.path.join(SOURCE, "README.md")] + sorted(glob.glob(os.path.join(SOURCE, "docs", "*.md")))
    files = [(p, blocks(p)) for p in files]
    files = [(p, b) for p, b in files if b]
    if not files:
        sys.exit("no document has a marked block")
    # Short, because of the Unix sockets below it; not /tmp itself, which the programs' users may not share.
    top = tempfile.mkdtemp(prefix="hm-docs-", dir="/var/tmp")
    os.chmod(top, 0o755)
    try:
        home = rehearse(top)
        try:
            good = [run_file(top, p, b) for p, b in files]
        finally:
            end(top, home)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
