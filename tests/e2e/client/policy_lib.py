"""For the tests of `hallmark policy`: documents to start from, and the program with what it said."""
import copy
import json
import os
import re
import subprocess

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

ROOT = os.environ["HALLMARK_SOURCE"]


def documented():
    """The policy of docs/policy.md, which loads as it stands."""
    with open(f"{ROOT}/docs/policy.md", encoding="utf-8") as f:
        return json.loads(re.search(r"```json\n(.*?)```", f.read(), re.S).group(1))


def new_key(comment):
    """A line of authorized_keys whose private half nobody has."""
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    return public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode() + " " + comment


class Bench:
    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.count = 0
        self.failed = []

    def write(self, name, value):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(value if isinstance(value, bytes) else (value if isinstance(value, str) else json.dumps(value, indent=1)).encode())
        return path

    def run(self, *args):
        env = {k: v for k, v in os.environ.items() if k not in ("HALLMARK_CONFIG", "SSH_AUTH_SOCK")}
        env["HOME"] = self.folder
        r = subprocess.run([self.program, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           cwd=self.folder, env=env, timeout=120)
        r.out, r.err = r.stdout.decode(), r.stderr.decode()
        return r

    def expect(self, name, code, pattern, *args):
        self.count += 1
        r = self.run(*args)
        if r.returncode != code or not re.search(pattern, r.out + r.err, re.S):
            self.failed.append("%s: exit %d, expected %d and /%s/\n%s%s" % (name, r.returncode, code, pattern, r.out, r.err))
        if "--json" in args and r.out:
            r.json = json.loads(r.out)
        return r

    def check(self, name, condition, detail=""):
        self.count += 1
        if not condition:
            self.failed.append("%s: %s" % (name, detail))

    def end(self):
        print("%d checks, %d failed%s" % (self.count, len(self.failed), "".join("\n  " + f for f in self.failed)))
        return 1 if self.failed or not self.count else 0


def edited(doc, edit):
    doc = copy.deepcopy(doc)
    edit(doc)
    return doc
