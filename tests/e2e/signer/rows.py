"""One line for each thing that was tried; the exit code says whether all of them held."""
import sys
import traceback

from signer_lib import Closed, Refused

failures = []


def row(name, ok, found=""):
    print(f"{'ok  ' if ok else 'FAIL'}  {name}{'' if ok else f'  (found: {found})'}", flush=True)
    if not ok:
        failures.append(name)


def refused(name, call, text="", code=None):
    """The call must be refused by an error reply whose text holds `text`."""
    try:
        found = call()
    except Refused as e:
        row(name, text in e.text and code in (None, e.code), str(e))
        return
    except Closed:
        found = "connection closed"
    row(name, False, found)


def closed(name, call):
    try:
        found = call()
    except Closed:
        row(name, True)
        return
    except Refused as e:
        found = e
    row(name, False, found)


def finish():
    print(f"{len(failures)} failures")
    sys.exit(1 if failures else 0)


def run(world, body):
    """Closes the world whatever happens."""
    try:
        body(world)
    except Exception:
        traceback.print_exc()
        if (world.dir / "signer.log").exists():
            print(world.journal()[-4000:])
        failures.append("an exception")
    finally:
        world.close()
    finish()
