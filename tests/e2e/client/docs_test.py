#!/usr/bin/python3
"""The commands in docs/ci-pipeline.md, release-manager.md and auditor.md: those between "docs-test" marks are run as they
stand; every hallmark command line is parsed by the program, and every settings example loaded. docs_test.py HALLMARK"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

from bench import Bench
from world import BUILDER, COMMIT, PEOPLE, REPOSITORY, rb, serialization, vkey, write

HALLMARK = sys.argv[1]
DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../docs")
PAGES = ("ci-pipeline.md", "release-manager.md", "auditor.md")


def page(name):
    with open(os.path.join(DOCS, name), encoding="utf-8") as f:
        return f.read()


def marked(name, mark):
    """The code block that follows <!-- docs-test: mark -->."""
    m = re.search(r"<!-- docs-test: %s -->\n```\w*\n(.*?)```" % re.escape(mark), page(name), re.S)
    assert m, (name, mark)
    return m.group(1)


def sh(b, text, expected):
    r = subprocess.run(["sh", "-e", "-c", text], cwd=b.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    out = r.stdout.decode(errors="replace")
    b.count += 1
    if r.returncode != 0 or not re.search(expected, out):
        b.failed.append("docs: /%s/ not in: %s" % (expected, out))
    return out


def pipeline(b):
    script = write(os.path.join(b.folder, "provenance.py"), marked("ci-pipeline.md", "provenance.py"))
    key = write(os.path.join(b.folder, "builder.key"), b.world.builder.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    env = dict(os.environ, BUILDER_KEY=key, BUILDER_ID=BUILDER, REPOSITORY=REPOSITORY, REF="refs/tags/v2.1.0", COMMIT=COMMIT)
    with open(b.attestation, "wb") as out:
        subprocess.run(["/usr/bin/python3", script, b.image], env=env, stdout=out, check=True)
    b.expect("docs: submit with provenance.py", 0, "recorded", "ci", *b.submit_args())
    # approve verifies that it is the builder's signature over what the statement says
    for who in PEOPLE[:2]:
        b.expect("docs: approve", 0, "recorded", who, "approve", "r2", "--yes")
    b.expect("docs: sign", 0, "recorded", "ci", "sign", "r2")


def auditor(b):
    w = b.world
    write(os.path.join(b.folder, "log.vkey"), vkey(rb.ORIGIN, w.keys.log_key) + "\n")
    b.expect("docs: export", 0, "verified", "ci", "log", "export", "--out", "log.jsonl", "--checkpoint", "checkpoint.txt")
    b.expect("docs: bundle", 0, "verified", "ci", "bundle", "r2", "--out", "r17")
    sh(b, marked("auditor.md", "signature"), "Signature Verified Successfully")
    sh(b, marked("auditor.md", "chain"), r"^last leaf: %s\n$" % rb.leaf(w.records[-1]).hex())
    out = sh(b, marked("auditor.md", "root"), r"^\S{44}\n\S{44}\n$").split("\n")
    if out[0] != out[1]:
        b.failed.append("docs: root %s" % out)
    sh(b, marked("auditor.md", "sql"), r"^%d\|edge-router\|2\.1\.0\|[0-9a-f]{64}\n$" % w.releases[2]["signed"])
    out = sh(b, marked("auditor.md", "artifact"), r"[0-9a-f]{64}")
    if len(set(re.findall(r"[0-9a-f]{64}", out))) != 1:
        b.failed.append("docs: artifact %s" % out)
    shutil.copy(os.path.join(b.folder, "allowed"), os.path.join(b.folder, "allowed_signers"))
    sh(b, marked("auditor.md", "approvals"), r'Good "hallmark-approval" signature for alice.*\n.*for bob')
    # and the same commands notice a change
    with open(os.path.join(b.folder, "log.jsonl"), "rb") as f:
        lines = f.read().splitlines(True)
    write(os.path.join(b.folder, "log.jsonl"), b"".join(lines[:2] + [lines[2].replace(b"2.1.0", b"2.1.1")] + lines[3:]))
    sh(b, marked("auditor.md", "chain"), "broken before: .*\"idx\":3")


def command_lines(text):
    for block in re.findall(r"```(?:sh|yaml|console)\n(.*?)```", text, re.S):
        block = re.sub(r"\\\n\s*", " ", block)
        block = re.sub(r"\n\s+(--[a-z])", r" \1", block)
        block = re.sub(r"=\$\((hallmark .*?)\)$", r"= \1", block, flags=re.M)  # release=$(hallmark …)
        block = re.sub(r"\$\([^)]*\)", "x", block)
        for m in re.finditer(r"(?:^|[ $(])hallmark ([a-z][^\n|]*)", block, re.M):
            yield m.group(1)


def options_of(command):
    r = subprocess.run([HALLMARK, *command, "--help"], stdout=subprocess.PIPE, check=True)
    return set(re.findall(r"^  --([a-z-]+)", r.stdout.decode(), re.M))


def commands(b):
    seen = 0
    for name in PAGES:
        for line in command_lines(page(name)):
            if line.startswith("submit: denied") or "..." in line and "=SHA256" not in line:
                continue
            words = shlex.split(line.split(" > ")[0], comments=True)
            command = words[:2] if words[0] in ("log", "policy") else words[:1]
            known = options_of(command)
            for w in words:
                if w.startswith("--") and w[2:].split("=")[0] not in known:
                    b.failed.append("docs: %s: hallmark %s has no %s" % (name, " ".join(command), w))
            seen += 1
    b.count += seen
    if seen < 25:
        b.failed.append("docs: only %d commands found" % seen)


def settings(b):
    """Every settings example is accepted: what fails then is only that nobody listens there."""
    for name in PAGES:
        for block in re.findall(r"```json\n(\{\n  \"server\".*?)```", page(name), re.S):
            doc = json.loads(block)
            folder = tempfile.mkdtemp(dir=b.folder)
            write(os.path.join(folder, "log.vkey"), vkey(rb.ORIGIN, b.world.keys.log_key) + "\n")
            doc["server"] = "https://localhost:1"
            path = write(os.path.join(folder, "config.json"), json.dumps(doc))
            r = subprocess.run([HALLMARK, "policy", "check", os.path.join(b.folder, "policy.json"), "--config", path],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            b.count += 1
            if r.returncode != 0:
                b.failed.append("docs: settings in %s: %s" % (name, r.stderr.decode()))


def main():
    with tempfile.TemporaryDirectory(prefix="hallmark-docs-") as folder:
        b = Bench(HALLMARK, folder)
        for part in (commands, settings, pipeline, auditor):
            part(b)
        b.service.close()
    print("%d cases, %d failed%s" % (b.count, len(b.failed), "".join("\n  " + f for f in b.failed)))
    return 1 if b.failed else 0


if __name__ == "__main__":
    sys.exit(main())
