"""The scripts that people call: --help prints the comment at their head and does nothing else, an unknown preset is refused with the names of
those there are, and what is meant for ctest reaches ctest. In a copy, where nothing is installed and nothing built."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ["HALLMARK_SOURCE"]
SCRIPTS = ["build", "test", "bench", "run", "crash-campaign", "fuzz"]
# Each writes down that it was called; cmake knows the presets all the same.
SAY = "#!/bin/sh\necho \"%s $*\" >>\"$CALLS\"\n"
CMAKE = SAY % "cmake" + "case \"$1\" in --list-presets*) exec %s \"$@\" ;; esac\n" % shutil.which("cmake")


def row(name, good, found=""):
    print("%s %s%s" % ("ok" if good else "FAILED", name, "" if good else ": %s" % (found,)))
    return good


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)


def head(name):
    """The comment that a script begins with."""
    with open(os.path.join(SOURCE, "scripts", name)) as f:
        lines = f.read().splitlines()[1:]
    end = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    return "".join(line[2:] + "\n" for line in lines[:end])


class Copy:
    def __init__(self, top):
        self.top = os.path.join(top, "tree")
        self.calls = os.path.join(top, "calls")
        shutil.copytree(os.path.join(SOURCE, "scripts"), os.path.join(self.top, "scripts"))
        shutil.copy(os.path.join(SOURCE, "CMakePresets.json"), self.top)
        write(os.path.join(self.top, "scripts", "install_packages"), SAY % "install_packages")
        write(os.path.join(top, "bin", "cmake"), CMAKE)
        write(os.path.join(top, "bin", "ctest"), SAY % "ctest")
        self.environment = dict(os.environ, CALLS=self.calls, PATH=os.path.join(top, "bin") + ":" + os.environ["PATH"])

    def run(self, name, *args, folder="."):
        """The process, and what it called."""
        if os.path.exists(self.calls):
            os.unlink(self.calls)
        program = os.path.join(os.path.relpath(".", folder), "scripts", name)
        r = subprocess.run([program, *args], cwd=os.path.join(self.top, folder), env=self.environment, stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=60)
        if not os.path.exists(self.calls):
            return r, []
        with open(self.calls) as f:
            return r, f.read().splitlines()


def helps(copy):
    for name in SCRIPTS:
        for args, folder in ((["--help"], "."), (["-h"], "scripts/lib"), (["x", "--help"], ".")):
            r, calls = copy.run(name, *args, folder=folder)
            yield row("scripts/%s %s: its usage, and nothing done" % (name, " ".join(args)), r.returncode == 0 and r.stdout == head(name) != ""
                      and not r.stderr and not calls and not os.path.exists(os.path.join(copy.top, "build")), (r, calls))
        yield row("scripts/%s: the usage names it" % name, name in head(name).split(" [")[0].split(), head(name))


def presets(copy):
    with open(os.path.join(SOURCE, "CMakePresets.json")) as f:
        names = [p["name"] for p in json.load(f)["buildPresets"]]
    for wrong in ("nonsense", "--version", "", "base", "../dev", "dev release"):
        r, calls = copy.run("build", wrong)
        yield row("scripts/build '%s': refused, and says which there are" % wrong, r.returncode == 2 and not r.stdout and '"%s"' % wrong in r.stderr
                  and ": " + " ".join(names) + "\n" in r.stderr and len(calls) == 1 and not os.path.exists(os.path.join(copy.top, "build")), (r, calls))
    r, calls = copy.run("build", "dev", "release")
    yield row("scripts/build: two presets", r.returncode == 2 and "usage: build" in r.stderr and not calls, (r, calls))
    for name, args in [(n, [n]) for n in names] + [("dev", [])]:
        r, calls = copy.run("build", *args)
        yield row("scripts/build %s: builds" % " ".join(args), r.returncode == 0 and "cmake --preset " + name in calls, (r, calls))


def arguments_of_ctest(copy):
    r, calls = copy.run("test", "-L", "unit", "-R", "policy")
    tests = [c for c in calls if c.startswith("ctest ")]
    yield row("scripts/test -L unit -R policy: ctest is told, once", r.returncode == 0 and len(tests) == 1
              and tests[0].startswith("ctest --preset ci ") and tests[0].endswith(" -L unit -R policy"), (r, calls))


def main():
    with tempfile.TemporaryDirectory() as top:
        copy = Copy(top)
        good = list(helps(copy)) + list(presets(copy)) + list(arguments_of_ctest(copy))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
