#!/usr/bin/python3
"""The documents of tests/documents/client-config against schema/client-config.schema.json, with a foreign validator; the
program's own reader is held against the same documents by client_settings_test."""
import glob
import json
import os
import sys

import jsonschema

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")


def main():
    with open(os.path.join(ROOT, "schema/client-config.schema.json"), encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    wrong, count = [], 0
    for kind, good in (("accept", True), ("reject", False)):
        for path in sorted(glob.glob(os.path.join(ROOT, "tests/documents/client-config", kind, "*.json"))):
            with open(path, encoding="utf-8") as f:
                document = json.load(f)
            count += 1
            if validator.is_valid(document) != good:
                wrong.append(os.path.basename(path))
    print("%d documents, wrong: %s" % (count, wrong or "none"))
    return 1 if wrong or count < 30 else 0


if __name__ == "__main__":
    sys.exit(main())
