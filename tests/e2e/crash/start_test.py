"""Each commit of a start fails once: the registrar opens its log again and becomes ready, and nothing is lost."""

import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage as st  # noqa: E402  (first: it knows where the others are)
import e2e_lib as e  # noqa: E402
import faults  # noqa: E402

COMMITS = 2  # the signer's last note, then the start itself; where the note is stored already, the start comes first
TRIES = 8    # the load may be over before the start has come so far


def commit_fails(stage, rows, fault, n):
    point = faults.Point("registrar", faults.START, "fdatasync", fault, n)
    complaints, met = [], 0
    for _ in range(TRIES):
        trial = st.Trial(stage.fresh(), point.process, point.phase, point).run()
        complaints += trial.judged()
        met += trial.reached()
        if complaints or met:
            break
    rows.row("%s: ready again, and nothing is lost" % str(point), met and not complaints, complaints or "not met in %d tries" % TRIES)


def main():
    rows = e.Rows()
    with tempfile.TemporaryDirectory(prefix="hallmark-crash-") as folder:
        os.chmod(folder, 0o755)
        stage = st.Stage(folder, 1)
        try:
            for fault in ("EIO", "ENOSPC"):
                for n in range(1, COMMITS + 1):
                    commit_fails(stage, rows, fault, n)
        finally:
            stage.close()
    rows.finish()


if __name__ == "__main__":
    os.umask(0o022)
    if os.geteuid() != 0 or not shutil.which("strace") or not os.path.exists(os.path.join(e.PROGRAMS, "hallmarkd")):
        print("skipped: needs root, strace, and the programs")
        raise SystemExit(77)
    main()
