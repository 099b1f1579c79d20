"""Speaks to schema_tool; shared by the interop tests of this folder."""
import os
import pathlib
import struct
import subprocess
import sys

OK, MALFORMED, LIMIT, UNSUPPORTED, SIGNATURE, DENIED = range(6)


def vectors(*parts):
    """A folder of the shared vectors; ends the test as skipped where it is missing."""
    path = pathlib.Path(os.environ["HALLMARK_SOURCE"]).parent.joinpath("shared", "vectors", *parts)
    if not path.exists():
        print(f"skipped: {path.name} is missing")
        sys.exit(77)
    return path


class Tool:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, operation, data):
        """(error number, answer or error text as bytes)"""
        self.process.stdin.write(operation.encode() + struct.pack(">I", len(data)) + data)
        self.process.stdin.flush()
        head = self.process.stdout.read(5)
        if len(head) != 5:
            raise SystemExit(f"schema_tool died on {operation} {data[:200]!r}")
        error, length = struct.unpack(">BI", head)
        return error, self.process.stdout.read(length)

    def close(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise SystemExit("schema_tool ended with an error")


def expect(condition, text):
    if not condition:
        raise SystemExit(f"FAILED: {text}")
