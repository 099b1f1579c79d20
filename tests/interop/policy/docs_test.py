#!/usr/bin/python3
"""docs/policy.md tells the truth: its policy loads, its errors are the loader's, and no field or check is left out."""
import json
import os
import re
import subprocess
import sys

ROOT = os.environ["HALLMARK_SOURCE"]
CHECKS = ["rule.match", "break_glass.reason", "submitter.allowed", "duty.separation", "key.separation", "provenance.builder", "provenance.subjects",
          "provenance.independent", "attestation.present",
          "artifact.fresh", "version.bytes", "version.order", "size.max", "promotion.released", "approvals.count",
          "approvals.veto", "approvals.submitter", "signatures.window", "freeze.window"]
GENERAL = ["unknown field, at any depth", "no approvals asked"]  # worded by the reader of all documents


def ask(program, lines):
    done = subprocess.run([program], input="".join(line + "\n" for line in lines),
                          capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def fields(schema):
    """Every member that the schema knows."""
    found = set()
    if isinstance(schema, dict):
        found |= set(schema.get("properties", {}))
        for value in schema.values():
            found |= fields(value)
    if isinstance(schema, list):
        for value in schema:
            found |= fields(value)
    return found


def loader_errors(program):
    """What the loader says about all documents that it refuses."""
    paths = []
    for folder in ("reject", "reject-meaning"):
        base = f"{ROOT}/tests/documents/policy/{folder}"
        paths += [f"file {base}/{name}" for name in sorted(os.listdir(base))]
    return {answer["error"] for answer in ask(program, paths)}


def main():
    program = sys.argv[1]
    with open(f"{ROOT}/docs/policy.md", encoding="utf-8") as f:
        text = f.read()
    with open(f"{ROOT}/schema/policy.schema.json", encoding="utf-8") as f:
        schema = json.load(f)
    failures = []
    for block in re.findall(r"```json\n(.*?)```", text, re.S):
        answer = ask(program, ["policy " + json.dumps(json.loads(block))])[0]
        if not answer["loaded"]:
            failures.append(f"the policy does not load: {answer['error']}")
    for name in sorted(fields(schema)):
        if f"`{name}" not in text and f'"{name}":' not in text:
            failures.append(f"the field {name} is not explained")
    for check in CHECKS:
        if text.count(f"`{check}`") < 2:
            failures.append(f"the check {check} is not explained")
    known = loader_errors(program)
    table = text[text.index("## What the loader refuses"):text.index("## Questions")]
    rows = re.findall(r"^\| ([^|]+) \| `(\$[^|]+)` \|$", table, re.M)
    if len(rows) < 15:
        failures.append(f"only {len(rows)} errors are shown")
    for mistake, error in rows:
        if mistake in GENERAL:
            error = error[:error.index(":") + 1]
        if not any(k.startswith(error) if mistake in GENERAL else k == error for k in known):
            failures.append(f"no document gets this error: {error}")
    print("\n".join(failures) or f"{len(rows)} errors and {len(fields(schema))} fields are as documented")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
