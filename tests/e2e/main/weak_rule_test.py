"""A policy whose rule asks for fewer approvals than the guard of its key: the registrar makes no log for it."""

import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ["HALLMARK_SOURCE"], "scripts", "lib"))
from lab import Lab, LabError  # noqa: E402


def attempt(count):
    """Sets a lab up with this count in its production rule; returns the complaint, or None."""
    def edit(policy):
        policy["rules"][0]["approvals"]["count"] = count
        return policy

    root = tempfile.mkdtemp(prefix="hm-", dir="/var/tmp")
    lab = Lab(root, os.path.join(os.environ["HALLMARK_BUILD"], "bin"), policy_edit=edit)
    try:
        lab.set_up()
        return None
    except LabError as e:
        return str(e)
    finally:
        lab.clean()
        shutil.rmtree(root, ignore_errors=True)


def main():
    failed = 0
    for what, count, wanted in (("fewer than the guard", 1, "asks for 1 approvals, the guard of its key production for 2"),
                                ("as many as the guard", 2, None), ("more than the guard", 3, None)):
        found = attempt(count)
        ok = found is None if wanted is None else wanted in (found or "")
        failed += not ok
        print("%s %s%s" % ("ok" if ok else "FAILED", what, "" if ok else ": %s" % found))
    return 1 if failed else 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
