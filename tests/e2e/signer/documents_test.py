"""The JSON Schemas of the signer's and the ceremony's configuration and the C code accept and reject the same documents.

usage: documents_test.py SOURCE
accept: both accept. reject: both reject. reject-meaning: only C can see it. reject-text: no JSON of ours at all."""
import json
import pathlib
import subprocess
import sys
import tempfile

import jsonschema

from rows import finish, row
from signer_lib import BUILD

EXIT_CONFIG = 78
source = pathlib.Path(sys.argv[1])


def signer_accepts(path):
    # what the configuration points to (guards, users) is not there, which is another exit code
    return subprocess.run([BUILD / "bin/hallmark-signer", "--check-config", "--config", path],
                          capture_output=True, text=True)


def ceremony_accepts(path):
    return subprocess.run([BUILD / "bin/hallmark-ceremony", "--check-config", "--config", path],
                          capture_output=True, text=True)


def check(kind, program, accepted):
    schema = json.loads((source / f"schema/{kind}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for verdict in ("accept", "reject", "reject-meaning", "reject-text"):
        files = sorted((source / "tests/documents" / kind / verdict).glob("*.json"))
        row(f"{kind}/{verdict}: there are documents", len(files) > 0)
        for f in files:
            r = program(f)
            row(f"{kind}/{verdict}/{f.stem}: C", accepted(r) == (verdict == "accept"), r.stderr)
            if verdict != "accept":
                row(f"{kind}/{verdict}/{f.stem}: names the file", f.name in r.stderr, r.stderr)
            if verdict != "reject-text":
                valid = validator.is_valid(json.loads(f.read_text()))
                row(f"{kind}/{verdict}/{f.stem}: schema", valid == (verdict != "reject"), valid)
    # every single required or optional member of another type
    example = json.loads((source / "tests/documents" / kind / "accept/full.json").read_text())
    with tempfile.TemporaryDirectory() as d:
        for member in example:
            for wrong in (None, 1.5, [[]], {"x": {}}):
                path = pathlib.Path(d, "x.json")
                document = {**example, member: wrong}
                path.write_text(json.dumps(document))
                row(f"{kind}: {member} = {json.dumps(wrong)}", not accepted(program(path)) and
                    not validator.is_valid(document))


check("signer-config", signer_accepts, lambda r: r.returncode != EXIT_CONFIG)
check("ceremony", ceremony_accepts, lambda r: r.returncode == 0)
finish()
