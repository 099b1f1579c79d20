#!/usr/bin/python3
"""The vectors of RFC 8785: those without floats give the expected bytes; those with floats are refused."""
import json
import sys

from hallmark_tool import MALFORMED, OK, UNSUPPORTED, Tool, expect, vectors


def has_float(value):
    if isinstance(value, float):
        return True
    if isinstance(value, dict):
        return any(has_float(v) for v in value.values())
    return isinstance(value, list) and any(has_float(v) for v in value)


def main():
    folder = vectors("jcs")
    tool = Tool(sys.argv[1])
    counts = {True: 0, False: 0}
    for path in sorted((folder / "input").iterdir()):
        text = path.read_bytes()
        want = (folder / "output" / path.name).read_bytes()
        error, got = tool.ask("c", text)
        floats = has_float(json.loads(text))
        counts[floats] += 1
        if floats:
            expect(error == UNSUPPORTED, f"{path.name}: {error} {got!r}, expected a refusal of its floats")
            expect(tool.ask("o", text)[0] == MALFORMED, f"{path.name}: taken as a document of our own")
        else:
            expect(error == OK and got == want, f"{path.name}: {error} {got!r} instead of {want!r}")
    tool.close()
    expect(counts[False] >= 3, "too few vectors without floats")
    print(f"{counts[False]} vectors written, {counts[True]} with floats refused")


main()
