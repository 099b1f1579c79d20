"""schema/witness-config.schema.json and hallmark-witness --check-config accept and reject the same documents.

accept: both accept. reject: both reject. reject-meaning: only the program can see it. reject-text: no JSON of ours at all."""
import json
import pathlib
import re
import subprocess
import tempfile

import jsonschema

from witness_lib import PROGRAM, SOURCE, finish, row

EXIT_CONFIG = 78
SCHEMA = json.loads((SOURCE / "schema/witness-config.schema.json").read_text())
DOCUMENTS = SOURCE / "tests/documents/witness-config"
jsonschema.Draft202012Validator.check_schema(SCHEMA)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def check(path):
    return subprocess.run([PROGRAM, "--check-config", "--config", path], capture_output=True, text=True, timeout=60)


def documents(verdict):
    files = sorted((DOCUMENTS / verdict).glob("*.json"))
    row("%s: there are documents" % verdict, len(files) > 0)
    for f in files:
        r = check(f)
        row("%s/%s: program" % (verdict, f.stem), r.returncode == (0 if verdict == "accept" else EXIT_CONFIG), r)
        if verdict.startswith("reject") and verdict != "reject-text":
            row("%s/%s: names file, line and member" % (verdict, f.stem), re.search(re.escape(f.name) + r":\d+: \$", r.stderr) is not None, r.stderr)
        elif verdict == "reject-text":
            row("%s/%s: names the file" % (verdict, f.stem), f.name in r.stderr, r.stderr)
        if verdict != "reject-text":
            row("%s/%s: schema" % (verdict, f.stem), VALIDATOR.is_valid(json.loads(f.read_text())) == (verdict != "reject"))


def members():
    """Every member once as something else; defaults; the installed example."""
    full = json.loads((DOCUMENTS / "accept/full.json").read_text())
    row("the full document has every member", set(full) == set(SCHEMA["properties"]), set(full) ^ set(SCHEMA["properties"]))
    with tempfile.TemporaryDirectory() as d:
        path = pathlib.Path(d, "x.json")
        for member in full:
            for wrong in (None, 1.5, [[]], {"x": {}}):
                path.write_text(json.dumps({**full, member: wrong}))
                row("%s = %s" % (member, json.dumps(wrong)), check(path).returncode == EXIT_CONFIG and
                    not VALIDATOR.is_valid({**full, member: wrong}))
    example = SOURCE / "deploy/config/witness.json"
    row("the installed example", VALIDATOR.is_valid(json.loads(example.read_text())) and check(example).returncode == 0, check(example))


for verdict in ("accept", "reject", "reject-meaning", "reject-text"):
    documents(verdict)
members()
finish()
