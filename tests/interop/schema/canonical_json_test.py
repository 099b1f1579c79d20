#!/usr/bin/python3
"""Canonical JSON against Python's json module, on random documents of the record profile and wider ones."""
import json
import random
import sys

from hallmark_tool import MALFORMED, OK, Tool, expect

CHARACTERS = 'abcXYZ019 _-./\\"\b\f\n\r\t\x01\x1f\x7f\u00e9\u20ac\u2028\ud7ff\ue000\ufb33\U0001f511'


def utf16(name):
    return name.encode("utf-16-be")


def random_text(rng, characters=CHARACTERS):
    return "".join(rng.choice(characters) for _ in range(rng.randrange(8)))


def random_value(rng, depth, record):
    kind = rng.randrange(6 if depth > 0 else 3)
    if kind == 0:
        return random_text(rng)
    if kind == 1:
        low = 0 if record else -(2**53 - 1)
        return rng.choice([low, 0, 1, 9, 10, 2**53 - 1, rng.randrange(low, 2**53)])
    if kind == 2:
        return rng.choice([True, False] if record else [True, False, None])
    if kind == 3:
        return [random_value(rng, depth - 1, record) for _ in range(rng.randrange(4))]
    return random_object(rng, depth - 1, record)


def random_object(rng, depth, record):
    letters = "abzABZ09_-. ~!" if record else CHARACTERS
    names = {random_text(rng, letters) for _ in range(rng.randrange(6))}
    return {name: random_value(rng, depth, record) for name in names}


def canonical(value):
    """RFC 8785 by other means: members sorted by UTF-16, then Python's writer without sorting of its own."""

    def ordered(v):
        if isinstance(v, dict):
            return {k: ordered(v[k]) for k in sorted(v, key=utf16)}
        return [ordered(x) for x in v] if isinstance(v, list) else v

    return json.dumps(ordered(value), separators=(",", ":"), ensure_ascii=False).encode()


def disturbed(rng, text):
    """A text one edit away."""
    at = rng.randrange(len(text) + 1)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at] + rng.choice([b" ", b"\n", b"0", b",", b"\\", b'"', b"e", b"{", b"]"]) + text[at:]
    if kind == 1 and at < len(text):
        return text[:at] + text[at + 1 :]
    return text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :]


def is_record_profile(text):
    """The checker's verdict, worked out with Python's own parser."""

    def pairs(items):
        names = [k for k, _ in items]
        if len(set(names)) != len(names) or any(not 0x20 <= ord(c) < 0x7F or c in '"\\' for k in names for c in k):
            raise ValueError("member names")
        return dict(items)

    def no_float(_):
        raise ValueError("float")

    def fits(v):
        if isinstance(v, dict):
            return all(fits(x) for x in v.values())
        if isinstance(v, list):
            return all(fits(x) for x in v)
        if isinstance(v, bool):
            return True
        if isinstance(v, int):
            return 0 <= v < 2**53
        return isinstance(v, str) and "\0" not in v

    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=pairs, parse_float=no_float, parse_constant=no_float)
        return isinstance(value, dict) and fits(value) and canonical(value) == text
    except (ValueError, RecursionError):
        return False


def main():
    tool = Tool(sys.argv[1])
    rng = random.Random(20261121)
    near = 0
    for i in range(4000):
        record = i % 2 == 0
        value = random_object(rng, 4, record)
        want = canonical(value)
        loose = json.dumps(value, indent=rng.choice([None, 1]), ensure_ascii=rng.random() < 0.5).encode()
        error, got = tool.ask("c", loose)
        expect(error == OK and got == want, f"{loose!r}: {error} {got!r} instead of {want!r}")
        error, why = tool.ask("k", want)
        expect((error == OK) == is_record_profile(want), f"check of {want!r}: {error} {why!r}")
        for _ in range(3):
            other = disturbed(rng, want)
            error, why = tool.ask("k", other)
            expect((error == OK) == is_record_profile(other), f"check of {other!r}: {error} {why!r}")
            near += error == OK
    for text in (b"[1.0]", b"[1e2]", b"[9007199254740992]", b'{"a":1,"a":2}', b'["\\u0000"]', b"[01]"):
        error, _ = tool.ask("o", text)
        expect(error == MALFORMED, f"{text!r} taken as a document of our own")
    tool.close()
    print(f"4000 documents, 12000 near misses of which {near} were canonical again")


main()
