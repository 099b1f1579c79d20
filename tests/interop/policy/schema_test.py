#!/usr/bin/python3
"""schema/policy.schema.json and the C loader accept and refuse the same documents.

accept/: both accept. reject/: both refuse. reject-meaning/: only C can refuse, since no schema can say why.
"""
import json
import os
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)

ROOT = os.environ["HALLMARK_SOURCE"]
FOLDERS = {"accept": (True, True), "reject": (False, False), "reject-meaning": (True, False)}


def c_answers(program, paths):
    lines = "".join(f"file {p}\n" for p in paths)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    with open(f"{ROOT}/schema/policy.schema.json", encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    failures = 0
    total = 0
    for folder, (by_schema, by_c) in FOLDERS.items():
        base = f"{ROOT}/tests/documents/policy/{folder}"
        paths = [f"{base}/{n}" for n in sorted(os.listdir(base))]
        answers = c_answers(sys.argv[1], paths)
        if len(answers) != len(paths) or not paths:
            print(f"{folder}: {len(answers)} answers to {len(paths)} documents")
            return 1
        for path, answer in zip(paths, answers):
            total += 1
            with open(path, encoding="utf-8") as f:
                schema_says = validator.is_valid(json.load(f))
            name = f"{folder}/{os.path.basename(path)}"
            if schema_says != by_schema:
                print(f"FAIL {name}: the schema says {schema_says}, expected {by_schema}")
                failures += 1
            if answer["loaded"] != by_c:
                print(f"FAIL {name}: C says {answer}, expected {by_c}")
                failures += 1
            if not answer["loaded"]:
                print(f"     {name}: {answer['error']}")
                if not answer["error"].startswith(("$", "line ")):
                    print(f"FAIL {name}: the error does not say where")
                    failures += 1
    print(f"{total} documents, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
