"""schema/registrar-config.schema.json and hallmark-registrar --check-config accept and reject the same documents.

usage: registrar_config_test.py SOURCE PROGRAM
accept: both accept. reject: both reject. reject-meaning: only the program can see it. reject-text: no JSON of ours at all."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonschema

source, program = pathlib.Path(sys.argv[1]), sys.argv[2]
schema = json.loads((source / "schema/registrar-config.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
EXIT_CONFIG = 78
failed = []


def row(name, ok, detail=""):
    print("%s  %s%s" % ("ok    " if ok else "FAILED", name, "" if ok else "  %s" % detail), flush=True)
    if not ok:
        failed.append(name)


def check(path):
    return subprocess.run([program, "--check-config", "--config", path], capture_output=True, text=True, timeout=60)


def documents(verdict):
    files = sorted((source / "tests/documents/registrar-config" / verdict).glob("*.json"))
    row("%s: there are documents" % verdict, len(files) > 0)
    for f in files:
        r = check(f)
        row("%s/%s: program" % (verdict, f.stem), r.returncode == (0 if verdict == "accept" else EXIT_CONFIG), "%d %s" % (r.returncode, r.stderr))
        if verdict != "accept":
            row("%s/%s: names file and line or member" % (verdict, f.stem), re.search(re.escape(f.name) + r".*(:\d+|\$|line \d+)", r.stderr) or f.name in r.stderr
                and f.stem in ("empty", "array", "string"), r.stderr)
        if verdict != "reject-text":
            valid = validator.is_valid(json.loads(f.read_text()))
            row("%s/%s: schema" % (verdict, f.stem), valid == (verdict != "reject"), valid)


def wrong_types():
    """Every member once as something else."""
    example = json.loads((source / "tests/documents/registrar-config/accept/full.json").read_text())
    row("the full document has every member of the schema", set(example) == set(schema["properties"]), set(example) ^ set(schema["properties"]))
    with tempfile.TemporaryDirectory() as d:
        path = pathlib.Path(d, "x.json")
        for member in example:
            for wrong in (None, True, 1.5, [[]], {"x": {}}):
                document = dict(example, **{member: wrong})
                path.write_text(json.dumps(document))
                row("%s = %s" % (member, json.dumps(wrong)), check(path).returncode == EXIT_CONFIG and not validator.is_valid(document))


for kind in ("accept", "reject", "reject-meaning", "reject-text"):
    documents(kind)
wrong_types()
print("%d failed" % len(failed))
sys.exit(1 if failed else 0)
