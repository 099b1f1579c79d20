"""Points of the campaign, and strace, which makes a process meet its fault there.

A point is one system call of one process in one phase of its life, and what becomes of that call: an error in its place, or the
process killed in its place. The n-th call is counted by strace for each thread by itself."""

import collections
import os
import re
import signal
import subprocess
import time

CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "unlinkat", "rename", "renameat2", "fallocate")
FAULTS = {"EIO": "error=EIO", "ENOSPC": "error=ENOSPC", "SIGKILL": "signal=SIGKILL"}

# What happens to the process in a phase, under load in all of them.
LOAD = "load"    # it serves
START = "start"  # it was killed, and starts again
STOP = "stop"    # it is asked to end
WAL = "wal"      # registrar: its WAL goes back into the database meanwhile
FULL = "full"    # registrar: a write of the log found the disk full before
PHASES = {"registrar": (LOAD, START, STOP, WAL, FULL), "signer": (LOAD, START, STOP), "door": (LOAD, START, STOP)}
ASKED_S = 5     # so long strace is asked to go
SEIZED_S = 0.03  # from the moment that strace has a thread until it sees that thread's calls
FULL_FIRST = ("pwrite64", "error=ENOSPC", 25)


class Point(collections.namedtuple("Point", "process phase call fault n")):
    def __str__(self):
        return "/".join(str(x) for x in self)

    @staticmethod
    def parse(text):
        process, phase, call, fault, n = text.split("/")
        if phase not in PHASES.get(process, ()) or call not in CALLS or fault not in FAULTS or int(n) < 1:
            raise ValueError("no such point: %s" % text)
        return Point(process, phase, call, fault, int(n))

    def kind(self):
        return self[:4]


def arguments(out, phase, point=None):
    """strace's own. Without a point: every call, to be counted."""
    calls = [point.call] if point else list(CALLS)
    args = ["strace", "-f", "-qq", "-I", "2", "-o", out, "-e", "signal=none"]
    if phase == FULL:
        call, fault, n = FULL_FIRST
        args += ["-e", "inject=%s:%s:when=%d" % (call, fault, n)]
        calls.append(call)
    if point:
        args += ["-e", "inject=%s:%s:when=%d" % (point.call, FAULTS[point.fault], point.n)]
    return args + ["-e", "trace=" + ",".join(calls)]


class Tracer:
    """strace on one process, attached to it or started with it."""

    def __init__(self, out):
        self.out, self.process, self.tracee, self.seen_tracer = out, None, None, False
        if os.path.exists(out):
            os.unlink(out)

    def attach(self, pid, phase, point=None, timeout=30):
        self.tracee = pid
        self.process = subprocess.Popen(arguments(self.out, phase, point) + ["-p", str(pid)], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        end = time.time() + timeout
        while any(tracer_of(pid, tid) == 0 for tid in threads(pid)):
            over = self.process.poll() is not None
            if over and is_zombie(pid):
                return self  # killed at its point, before each of its threads was held
            if over or time.time() > end:
                raise RuntimeError("strace does not attach to process %d" % pid)
            time.sleep(0.002)
        time.sleep(SEIZED_S)
        while self.process.poll() is None and not self.waits(pid) and time.time() < end:
            time.sleep(0.002)
        return self

    def waits(self, pid):
        """Has it let every thread go on, so that it waits for their calls?"""
        return state_of("/proc/%d/stat" % self.process.pid) == "S" and all(
            state_of("/proc/%d/task/%d/stat" % (pid, tid)) != "t" for tid in threads(pid))

    def command(self, phase, point=None):
        """What stands before a program's command line; it stays our child, strace is its grandchild."""
        return arguments(self.out, phase, point)[:1] + ["-D"] + arguments(self.out, phase, point)[1:]

    def started(self, pid):
        self.tracee = pid
        return self

    def detach(self, timeout=60):
        """The process goes on by itself, where it still lives."""
        begin, told = time.time(), None
        while self.pending() or tracers(self.tracee):
            passed = time.time() - begin
            if passed > timeout:
                raise RuntimeError("strace does not let process %d go" % self.tracee)
            # Asked, and after a while without asking: a tracer that is gone holds nobody.
            say = signal.SIGTERM if passed < ASKED_S else signal.SIGKILL
            if told != say and self.tell(say):
                told = say
            time.sleep(0.002)

    def pending(self):
        """Runs strace, or does it only begin to?"""
        if self.process:
            return self.process.poll() is None
        self.seen_tracer |= bool(tracers(self.tracee))
        return not self.seen_tracer and bool(threads(self.tracee)) and not is_zombie(self.tracee)

    def tell(self, sig):
        found = {self.process.pid} if self.process else tracers(self.tracee)
        self.seen_tracer |= bool(found)
        for tracer in found:
            try:
                os.kill(tracer, sig)
            except ProcessLookupError:
                pass
        return bool(found)

    def text(self):
        if not os.path.exists(self.out):
            return ""
        with open(self.out, errors="replace") as f:
            return f.read()

    def injected(self, point):
        """Has the point's error been returned?"""
        return any("INJECTED" in line and re.match(r"\d+ +(<\.\.\. )?%s\b" % point.call, line) for line in self.text().splitlines())

    def seen(self):
        """How many of each call each thread made."""
        calls = (re.match(r"(\d+) +(\w+)\(", line) for line in self.text().splitlines())
        return collections.Counter((m.group(2), m.group(1)) for m in calls if m)

    def counts(self):
        """For each call the number that the busiest thread made."""
        seen = self.seen()
        return {call: max([n for (c, _), n in seen.items() if c == call], default=0) for call in CALLS}

    def met(self, point):
        """Has a thread come to the point's call?"""
        return self.counts()[point.call] >= point.n


def threads(pid):
    try:
        return [int(t) for t in os.listdir("/proc/%d/task" % pid)]
    except FileNotFoundError:
        return []


def is_zombie(pid):
    return state_of("/proc/%d/stat" % pid) in "ZX"


def state_of(stat):
    """Of a process or a thread; X for one that is gone."""
    try:
        with open(stat) as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def tracer_of(pid, tid):
    """Whoever traces a thread; None for one that is gone."""
    try:
        with open("/proc/%d/task/%d/status" % (pid, tid)) as f:
            return next(int(line.split()[1]) for line in f if line.startswith("TracerPid:"))
    except (FileNotFoundError, ProcessLookupError):
        return None


def tracers(pid):
    return {t for t in (tracer_of(pid, tid) for tid in threads(pid)) if t}


def points_of(counts):
    """Every point, from {(process, phase): {call: how many}}."""
    return [Point(process, phase, call, fault, n) for (process, phase), calls in counts.items() for call in CALLS
            if not (phase == FULL and call == FULL_FIRST[0]) for fault in FAULTS for n in range(1, calls.get(call, 0) + 1)]


def sample(points, count, rng):
    """Some of them: one of each kind, then a second one of each, and so on."""
    kinds = collections.defaultdict(list)
    for p in points:
        kinds[p.kind()].append(p)
    order = sorted(kinds)
    rng.shuffle(order)
    for k in order:
        rng.shuffle(kinds[k])
    out = []
    while len(out) < count and any(kinds.values()):
        out += [kinds[k].pop() for k in order if kinds[k]]
    return out[:count]
