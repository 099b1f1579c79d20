"""The JSON Schema of a release request and the C parser accept and reject the same documents.

usage: documents_test.py CHECK_DOCUMENT SOURCE
accept/: both accept; reject/: both reject; reject-meaning/: only the parser can refuse."""
import json
import pathlib
import subprocess
import sys

import jsonschema


def main() -> int:
    program, source = sys.argv[1], pathlib.Path(sys.argv[2])
    schema = json.loads((source / "schema/release-request.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    wrong = []
    for kind, by_schema, by_parser in (("accept", True, True), ("reject", False, False),
                                       ("reject-meaning", True, False)):
        files = sorted((source / "tests/documents/release-request" / kind).glob("*.json"))
        if not files:
            wrong.append(f"{kind}: no documents")
            continue
        done = subprocess.run([program, "request", *map(str, files)], check=True,
                              capture_output=True, text=True, errors="replace")
        verdicts = done.stdout.splitlines()
        assert len(verdicts) == len(files), done.stdout
        for file, verdict in zip(files, verdicts):
            if validator.is_valid(json.loads(file.read_bytes())) != by_schema:
                wrong.append(f"{kind}/{file.name}: the schema disagrees")
            if verdict.startswith("accept ") != by_parser:
                wrong.append(f"{kind}/{file.name}: the parser says {verdict}")
        print(f"{kind}: {len(files)} documents")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


sys.exit(main())
