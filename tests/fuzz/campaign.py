"""Each fuzz target for a while. See scripts/fuzz."""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time

BUILD = "build/fuzz"
FOUND = os.path.join(BUILD, "found")
SLOWEST_S = 20  # one input
MEMORY_MB = 3000


def targets():
    """Name -> program and corpus, as CTest has them."""
    out = subprocess.run(["ctest", "--test-dir", BUILD, "-L", "fuzz", "--show-only=json-v1"], stdout=subprocess.PIPE, check=True).stdout
    return {t["name"]: (t["command"][0], t["command"][-1]) for t in json.loads(out)["tests"]}


def fuzz(name, program, corpus, seconds):
    """What libFuzzer says, and the input that was not borne, or None."""
    mine = os.path.join(FOUND, name)
    os.makedirs(mine, exist_ok=True)
    prefix = os.path.join(FOUND, name + "-")
    r = subprocess.run([program, "-max_total_time=%d" % seconds, "-timeout=%d" % SLOWEST_S, "-rss_limit_mb=%d" % MEMORY_MB,
                        "-artifact_prefix=" + prefix, mine, corpus], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = r.stdout.decode(errors="replace")
    written = re.search(r"Test unit written to (\S.*)", text)
    return text, (written.group(1) if written else "no input was kept") if r.returncode != 0 else None


def runs(text):
    m = re.search(r"^Done (\d+) runs", text, re.M)
    return int(m.group(1)) if m else 0


def main():
    p = argparse.ArgumentParser(prog="fuzz")
    p.add_argument("--seconds", type=int, default=60)
    p.add_argument("--jobs", type=int, default=os.cpu_count())
    p.add_argument("targets", nargs="*", metavar="TARGET")
    args = p.parse_args()
    known = targets()
    unknown = [t for t in args.targets if t not in known]
    if unknown or args.seconds < 1 or args.jobs < 1:
        p.error("no such target: %s; there are %s" % (", ".join(unknown), ", ".join(sorted(known))) if unknown else "a number below 1")
    chosen = args.targets or sorted(known)
    print("%d targets, %d seconds each, %d at once" % (len(chosen), args.seconds, args.jobs), flush=True)
    bad, began = 0, time.time()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        work = {pool.submit(fuzz, t, *known[t], args.seconds): t for t in chosen}
        for done in concurrent.futures.as_completed(work):
            name, (text, written) = work[done], done.result()
            print("  %-26s %s" % (name, "%12d inputs borne" % runs(text) if written is None else "FAILED"), flush=True)
            if written is not None:
                bad += 1
                print("\n".join("    " + line for line in text.splitlines()[-40:]))
                print("    repeat: %s %s" % (os.path.relpath(known[name][0]), written), flush=True)
    print("%d of %d targets bore everything; %d s" % (len(chosen) - bad, len(chosen), time.time() - began))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
