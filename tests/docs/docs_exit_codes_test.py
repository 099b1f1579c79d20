"""Exit codes are told once: --help, the table of docs/operations.md and the unit say the same, and a service whose configuration is missing or
wrong ends with the code that its unit does not start again."""

import os
import re
import subprocess
import sys
import tempfile

SOURCE = os.environ["HALLMARK_SOURCE"]
BUILD = os.environ["HALLMARK_BUILD"]
SERVICES = ["hallmarkd", "hallmark-registrar", "hallmark-signer", "hallmark-witness"]
TOOLS = ["hallmark", "hallmark-ceremony", "hallmark-device"]
USAGE, CONFIG = 2, 78
AGAIN = {0, 1}  # what is over, and what a new start may mend
TOO_LARGE = 1 << 20  # bytes; HM_CONFIG_MAX is less


def row(name, good, found=""):
    print("%s %s%s" % ("ok" if good else "FAILED", name, "" if good else ": %s" % (found,)))
    return good


def run(program, *args):
    return subprocess.run([os.path.join(BUILD, "bin", program), *args], capture_output=True, text=True, timeout=60)


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def numbers(text):
    return set(map(int, re.findall(r"(?:^|[\s,;(])(\d+)(?= )", text)))


def of_help(program):
    r = run(program, "--help")
    _, found, text = r.stdout.partition("Exit codes:")
    return numbers(text.split("\n\n", 1)[0]) if r.returncode == 0 and found else set()


def of_table(program):
    """The columns are 0, 1, 2, 3 and others, which say their number."""
    line = re.search(r"^\| `%s` \|(.*)\|$" % program, read(SOURCE, "docs", "operations.md").split("\n## Exit codes\n", 1)[1], re.M)
    cells = [c.strip() for c in line.group(1).split("|")]
    return {n for n in range(4) if cells[n]} | numbers(cells[4])


def of_unit(program):
    found = re.findall(r"^RestartPreventExitStatus=(.*)$", read(BUILD, "deploy", program + ".service"), re.M)
    return numbers(" ".join(found) + " ")


def said(program):
    help_says, table_says = of_help(program), of_table(program)
    return row("%s: --help and operations.md name the same codes" % program, help_says == table_says and {0, 1, USAGE} <= help_says, (help_says, table_says))


def restarted(program):
    return row("%s: its unit does not start it again after any code but 0 and 1" % program, of_unit(program) == of_help(program) - AGAIN,
               (of_unit(program), of_help(program)))


def wrong_configurations(folder):
    """(what, path)"""
    for name, content in (("empty", ""), ("no-json", "{"), ("no-members", "{}"), ("too-large", " " * TOO_LARGE + "{}")):
        path = os.path.join(folder, name + ".json")
        with open(path, "w") as f:
            f.write(content)
        yield name, path
    yield "missing", os.path.join(folder, "absent.json")
    yield "in no folder", os.path.join(folder, "empty.json", "x.json")
    yield "a folder", folder


def configured(program, folder):
    for what, path in wrong_configurations(folder):
        r = run(program, "--config", path)
        yield row("%s: configuration %s: exit code %d, and said" % (program, what, CONFIG), r.returncode == CONFIG and path in r.stderr, r)
    r = run(program, "--nonsense")
    yield row("%s: usage: exit code %d" % (program, USAGE), r.returncode == USAGE, r)


def main():
    good = [said(p) for p in SERVICES + TOOLS] + [restarted(p) for p in SERVICES]
    with tempfile.TemporaryDirectory() as folder:
        for p in SERVICES:
            good += configured(p, folder)
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
