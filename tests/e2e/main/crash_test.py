"""crash_test.py [N [SEED]]: a campaign of N kills (25). scripts/crash-campaign meets single system calls."""

import os
import random
import sys

import crash_lib
import e2e_lib as e

KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 25
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(2 ** 31)


def main(lab, rows):
    crash_lib.campaign(lab, rows, KILLS, SEED)


if __name__ == "__main__":
    os.umask(0o022)
    e.run_script(main, products=("edge-router",), hardware={"edge-router": (crash_lib.MODELS, ["b"], ["world"])})
