#!/usr/bin/python3
"""Trust stores, guards and genesis made by python3-cbor2 and python3-cryptography: Hallmark takes the good ones,
writes them back byte by byte, and agrees with an independent validator on spoiled ones."""
import base64
import copy
import random
import sys
import uuid

from hallmark_tool import OK, SIGNATURE, Tool, expect
from store_model import (ED25519, ESP256, Key, Refused, canonical_json, edwards_point, encode, root_signed,
                         usable_ed25519, validate_document, vkey)

ORIGIN = "hallmark.example/rehearsal"
VENDOR = uuid.uuid5(uuid.NAMESPACE_DNS, "example.com").bytes


class World:
    def __init__(self):
        self.roots = [Key(ESP256), Key(ED25519), Key(ESP256)]
        self.release = [Key(ESP256), Key(ESP256), Key(ED25519)]
        self.log = Key(ED25519)
        self.witnesses = [Key(ED25519), Key(ED25519)]
        self.approvers = [Key(ESP256), Key(ED25519)]

    def store(self):
        kids = lambda keys: sorted(k.kid for k in keys)
        classes = sorted(uuid.uuid5(uuid.UUID(bytes=VENDOR), f"edge-router/er-100/{r}/world").bytes for r in "abcd")
        keys = sorted([k.kid, k.alg, k.raw, 1763683200, 0] for k in self.roots + self.release)
        return {1: 1, 2: 7, 3: VENDOR, 4: 1763683200, 5: [kids(self.roots), 2],
                6: [[classes[:3], kids(self.release[:2]), 2], [classes[3:], kids(self.release[2:]), 1]], 7: keys,
                8: [b"\x01" * 16], 9: [ORIGIN, self.log.raw, [[f"w{i}.example", w.raw] for i, w in
                                                             enumerate(self.witnesses)], 1],
                10: [[classes[0], 4]]}

    def root(self):
        return {"keys": [{"pem": k.pem} for k in self.roots], "threshold": 2}

    def guards(self):
        return {"type": "key-guards/v1", "origin": ORIGIN, "log_key": vkey(ORIGIN, self.log), "root": self.root(),
                "guards": [{"key": self.release[0].id, "environment": "production", "approvals": 2,
                            "approvers": [{"pem": k.pem} for k in self.approvers]}]}

    def genesis(self):
        return {"type": "log-genesis/v1", "origin": ORIGIN, "log_key": vkey(ORIGIN, self.log), "root": self.root(),
                "guards": "ab" * 32, "policy": "cd" * 32,
                "trust_stores": [{"environment": "production", "sha256": "ef" * 32}]}


def places(value, path=()):
    """Every place in a nested value."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, path + (key,))


def spoil(rng, store):
    """One random change of structure or value."""
    path = rng.choice([p for p in places(store) if p])
    target = store
    for step in path[:-1]:
        target = target[step]
    last, old = path[-1], target[path[-1]]
    kind = rng.randrange(5)
    if kind == 0:
        del target[last]
    elif kind == 1 and isinstance(target, list):
        target.insert(rng.randrange(len(target) + 1), copy.deepcopy(old))
    elif kind == 2 and isinstance(target, list) and len(target) > 1:
        other = rng.randrange(len(target))
        target[last], target[other] = target[other], target[last]
    elif isinstance(old, bytes):
        target[last] = rng.choice([old[:-1], old + b"\0", old[::-1], bytes(len(old)), rng.randbytes(len(old))])
    elif isinstance(old, int):
        target[last] = rng.choice([0, 1, old + 1, old - 1, -1, 2**53, True, None, str(old)])
    else:
        target[last] = rng.choice([[], {}, "", "x y", None, 0, b""])


def random_stores(world, tool, rng):
    taken = 0
    for _ in range(600):
        store = world.store()
        spoil(rng, store)
        document = root_signed(encode(store), world.roots[:2])
        error, answer = tool.ask("s", document)
        try:
            validate_document(document)
            good = True
        except Refused as refusal:
            good, why = False, refusal
        if good:
            expect(error == OK and answer == encode(store), f"refused: {answer!r}: {store}")
        else:
            expect(error != OK, f"taken although {why}: {store}")
        taken += good
    return taken


def ed25519_points(tool, rng):
    """Which 32 bytes are a key: random ones, points of small order, and encodings around the field's prime."""
    candidates = [rng.randbytes(32) for _ in range(300)]
    for y in list(range(4)) + list(range(2**255 - 23, 2**255)):
        candidates += [y.to_bytes(32, "little"), (y | 1 << 255).to_bytes(32, "little")]
    usable = 0
    for raw in candidates:
        pem = b"\n".join([b"-----BEGIN PUBLIC KEY-----",
                          base64.b64encode(bytes.fromhex("302a300506032b6570032100") + raw),
                          b"-----END PUBLIC KEY-----", b""])
        error, _ = tool.ask("p", pem)
        expect((error == OK) == usable_ed25519(raw), f"Ed25519 {raw.hex()}: {error}, point {edwards_point(raw)}")
        usable += error == OK
    return len(candidates), usable


def signed_documents(world, tool):
    root = canonical_json(world.root()) + b"\n"
    for operation, value in (("g", world.guards()), ("G", world.genesis())):
        payload = canonical_json(value)
        error, answer = tool.ask(operation, root + root_signed(payload, world.roots[1:]))
        expect(error == OK and answer == payload, f"{operation}: {error} {answer!r}")
        error, _ = tool.ask(operation, root + root_signed(payload, world.roots[:1]))
        expect(error == SIGNATURE, f"{operation}: taken with one signature")
        error, _ = tool.ask(operation, root + root_signed(payload, [world.roots[0]] * 2))
        expect(error == SIGNATURE, f"{operation}: one key counted twice")
        error, _ = tool.ask(operation, root + root_signed(payload, world.release[:2]))
        expect(error == SIGNATURE, f"{operation}: taken with other keys")


def main():
    tool = Tool(sys.argv[1])
    world = World()
    payload = encode(world.store())
    for keys in (world.roots, world.roots[:2], world.roots[1:]):
        document = root_signed(payload, keys)
        validate_document(document)
        error, answer = tool.ask("s", document)
        expect(error == OK and answer == payload, f"good store: {error} {answer!r}")
    for keys in (world.roots[:1], [world.roots[0]] * 2, world.release, []):
        expect(tool.ask("s", root_signed(payload, keys))[0] == SIGNATURE, "store taken with too few root signatures")
    taken = random_stores(world, tool, random.Random(20261121))
    signed_documents(world, tool)
    points, usable = ed25519_points(tool, random.Random(20261121))
    tool.close()
    print(f"600 spoiled stores, {taken} of them still good; guards and genesis; {usable} of {points} values are Ed25519 keys")


main()
