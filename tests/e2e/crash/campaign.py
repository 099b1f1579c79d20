"""campaign.py [--points N | --all] [--part I/N] [--seed S] [--point NAME [--times N]] [--keep FOLDER]

Kills the programs, or fails the system call, at each call that touches the disk, under load; and looks at everything after each of these
points. --point repeats one of them. Needs root: strace looks into programs that are not dumpable."""

import argparse
import collections
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage as st  # noqa: E402  (first: it knows where the others are)
import e2e_lib as e  # noqa: E402
import faults  # noqa: E402

OK, FAILED, MISSED = "ok", "failed", "missed"
SKIPPED = 77


def say(text=""):
    print(text, flush=True)


class Campaign:
    def __init__(self, args, folder):
        self.args, self.seed = args, args.seed
        self.rng = random.Random(self.seed)
        self.stage = st.Stage(folder, self.seed)
        self.results = collections.defaultdict(collections.Counter)  # kind -> outcome -> how many
        self.said, self.failures, self.counts, self.began = collections.Counter(), [], {}, time.time()

    def on_stage(self, phase):
        return self.stage.before_wal() if phase == faults.WAL else self.stage.fresh()

    # --- counting ---

    def count(self):
        say("system calls that touch the disk, of the busiest thread, in one piece of load:")
        for process, phases in faults.PHASES.items():
            for phase in phases:
                trial = st.Trial(self.on_stage(phase), process, phase).run()
                complaints = trial.judged()
                if complaints:
                    raise RuntimeError("without any fault, %s/%s: %s" % (process, phase, complaints))
                found = self.counts[process, phase] = trial.tracer.counts()
                say("  %-9s  %-5s  %s" % (process, phase, "  ".join("%s %d" % (c, n) for c, n in found.items() if n) or "none"))

    # --- trying ---

    def attempt(self, point):
        """(outcome, what does not hold, on which stage)."""
        try:
            trial = st.Trial(self.on_stage(point.phase), point.process, point.phase, point).run()
            complaints = trial.judged()
            self.said += trial.said
            return FAILED if complaints else OK if trial.reached() else MISSED, complaints
        except Exception:  # noqa: BLE001
            return FAILED, [traceback.format_exc()]

    def try_point(self, point):
        outcome, complaints = self.attempt(point)
        self.results[point.kind()][outcome] += 1
        self.note(point, outcome)
        if outcome == FAILED:
            self.failures.append(point)
            say("FAILED  %s\n        %s" % (point, "\n        ".join(complaints)))
            say("        repeat: scripts/crash-campaign --seed %d --point %s --times 20" % (self.seed, point))
            self.save(point)
            self.stage.close()
        return outcome

    def note(self, point, outcome):
        if self.args.keep:
            os.makedirs(self.args.keep, exist_ok=True)
            with open(os.path.join(self.args.keep, "points.txt"), "a") as f:
                f.write("%s %s\n" % (outcome, point))

    def save(self, point):
        """What helps to understand a failure."""
        if not self.args.keep or self.stage.lab is None:
            return
        to = os.path.join(self.args.keep, str(point).replace("/", "-"))
        os.makedirs(to, exist_ok=True)
        for name in ("signer.log", "registrar.log", "door.log", "work/strace", "work/image.db"):
            if os.path.exists(self.stage.lab.path(name)):
                shutil.copy(self.stage.lab.path(name), to)
        say("        logs, trace and image are in " + to)

    def run(self, points):
        done = collections.Counter()
        # Those that need a service of their own come last, so that it is made once.
        for n, point in enumerate(sorted(points, key=lambda p: p.phase == faults.WAL), 1):
            done[self.try_point(point)] += 1
            if n % 25 == 0 or n == len(points):
                say("%6d of %d: %d ok, %d failed, %d missed; %.2f s each" % (
                    n, len(points), done[OK], done[FAILED], done[MISSED], (time.time() - self.began) / n))

    # --- what came of it ---

    def table(self):
        rows = [("process", "phase", "call") + tuple(f + " ok" for f in faults.FAULTS) + ("failed", "missed")]
        for process, phase, call in sorted({k[:3] for k in self.results}, key=self.order):
            kinds = [self.results[process, phase, call, f] for f in faults.FAULTS]
            tried = ["%d/%d" % (k[OK], k[OK] + k[FAILED]) if k else "-" for k in kinds]
            rows.append((process, phase, call, *tried, str(sum(k[FAILED] for k in kinds)), str(sum(k[MISSED] for k in kinds))))
        widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
        say()
        for r in rows:
            say("  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths))).rstrip())

    @staticmethod
    def order(key):
        process, phase, call = key
        return list(faults.PHASES).index(process), faults.PHASES[process].index(phase), faults.CALLS.index(call)

    def summary(self):
        total = sum(self.results.values(), collections.Counter())
        self.table()
        say("\nanswers meanwhile: " + ", ".join("%s %d" % (k.strip(), n) for k, n in self.said.most_common()))
        say("points tried: %d (%d ok, %d failed); %d more were not reached; seed %d; %.0f s" % (
            total[OK] + total[FAILED], total[OK], total[FAILED], total[MISSED], self.seed, time.time() - self.began))
        for p in self.failures:
            say("failed: scripts/crash-campaign --seed %d --point %s --times 20" % (self.seed, p))
        return 1 if total[FAILED] or not total[OK] else 0


def choose(campaign, args):
    if args.point:
        return [args.point] * args.times
    campaign.count()
    everything = faults.points_of(campaign.counts)
    mine = [p for p in everything if zlib.crc32(str(p).encode()) % args.part[1] == args.part[0] - 1]
    chosen = faults.sample(mine, len(mine) if args.all else args.points, campaign.rng)
    say("%d points, of which %d are tried; seed %d" % (len(everything), len(chosen), args.seed))
    campaign.began = time.time()
    return chosen


def part(text):
    i, n = map(int, text.split("/"))
    if not 1 <= i <= n:
        raise ValueError
    return i, n


def arguments():
    p = argparse.ArgumentParser(prog="crash-campaign", description="Kills the programs, or fails the system call, at each call that touches the disk.")
    p.add_argument("--points", type=int, default=300, metavar="N", help="how many, of all kinds (default: 300)")
    p.add_argument("--all", action="store_true", help="every point")
    p.add_argument("--part", type=part, default=(1, 1), metavar="I/N", help="only what falls to the I-th of N such runs")
    p.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2 ** 31), metavar="S")
    p.add_argument("--point", type=faults.Point.parse, metavar="NAME", help="this one alone, e.g. registrar/load/fdatasync/EIO/3")
    p.add_argument("--times", type=int, default=1, metavar="N", help="--point: how often")
    p.add_argument("--keep", metavar="FOLDER", help="where the list of points, and the logs of failed ones, are kept")
    return p.parse_args()


def main():
    args = arguments()
    os.umask(0o022)
    if os.geteuid() != 0 or not shutil.which("strace") or not os.path.exists(os.path.join(e.PROGRAMS, "hallmarkd")):
        say("skipped: needs root, strace, and the programs in %s" % e.PROGRAMS)
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="hallmark-crash-") as folder:
        os.chmod(folder, 0o755)
        campaign = Campaign(args, folder)
        try:
            campaign.run(choose(campaign, args))
        except KeyboardInterrupt:
            say("\ninterrupted")
        finally:
            campaign.stage.close()
        return campaign.summary()


if __name__ == "__main__":
    sys.exit(main())
