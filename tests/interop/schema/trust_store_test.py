#!/usr/bin/python3
"""Trust stores, guards and genesis made by python3-cbor2 and python3-cryptography: Hallmark takes the good ones,
writes them back byte by byte, and agrees on changed ones with schema/trust/trust-store.cddl and what the model adds to it."""
import base64
import random
import sys

from hallmark_tool import OK, SIGNATURE, Tool, expect
from store_cases import (ORIGIN, World, document_edges, document_tree, edges, largest, mutations, packed, smallest, spoil)
from store_model import (Refused, canonical_json, check_schema, edwards_point, encode, root_signed, usable_ed25519, validate_document,
                         vkey)


def root(world):
    return {"keys": [{"pem": k.pem} for k in world.roots], "threshold": 2}


def guards(world):
    return {"type": "key-guards/v1", "origin": ORIGIN, "log_key": vkey(ORIGIN, world.log), "root": root(world),
            "guards": [{"key": world.release[0].id, "environment": "production", "approvals": 2,
                        "approvers": [{"pem": k.pem} for k in world.approvers]}]}


def genesis(world):
    return {"type": "log-genesis/v1", "origin": ORIGIN, "log_key": vkey(ORIGIN, world.log), "root": root(world),
            "guards": "ab" * 32, "policy": "cd" * 32,
            "trust_stores": [{"environment": "production", "sha256": "ef" * 32}]}


class Judges:
    """Holds the C code's verdict against that of schema and model."""

    def __init__(self, tool):
        self.tool, self.asked, self.taken = tool, 0, 0

    def agree(self, document, what):
        error, answer = self.tool.ask("s", document)
        try:
            store, why = validate_document(document), None
        except Refused as refusal:
            store, why = None, refusal
        if why is None:
            expect(error == OK and answer == encode(store), f"refused: {answer!r}: {what}")
        else:
            expect(error != OK, f"taken although {why}: {what}")
        self.asked += 1
        self.taken += why is None

    def schema(self, document, good, what):
        """The schema alone must see this; and the C code must refuse what it refuses."""
        try:
            check_schema(document)
            found = True
        except Refused:
            found = False
        expect(found == good, f"the schema {'refuses' if good else 'takes'} {what}")
        self.agree(document, what)


def every_bound(judges, world):
    """The largest and the smallest store are good, and what goes beyond a bound is refused by the schema, not by anything behind it."""
    for other, store in (smallest(), largest()):
        document = root_signed(encode(store), other.roots)
        judges.schema(document, True, "the smallest or the largest store")
        expect(judges.tool.ask("s", document) == (OK, encode(store)), "the smallest or the largest store is refused")
    for place, store, good in edges(world.store()):
        judges.schema(root_signed(encode(store), world.roots), good, f"{place}: {str(store)[:2000]}")
    for place, tree, good in document_edges(document_tree(encode(world.store()), world.roots)):
        judges.schema(encode(packed(tree)), good, f"{place}: {tree}")


def every_place(judges, world):
    """Of the store, signed again; of what stands around it, where the last signature is one more than needed; of the bytes."""
    for store in mutations(world.store()):
        judges.agree(root_signed(encode(store), world.roots[:2]), store)
    tree = document_tree(encode(world.store()), world.roots)
    for changed in mutations(tree):
        judges.agree(encode(packed(changed)), changed)
    cut_and_flipped(judges, encode(packed(tree)))


def cut_and_flipped(judges, document):
    for i in range(len(document)):
        judges.agree(document[:i] + bytes([document[i] ^ 1 << i % 8]) + document[i + 1:], f"byte {i} flipped")
        judges.agree(document[:i], f"cut at {i}")
    judges.agree(document + b"\0", "one byte more")


def random_stores(judges, world, rng):
    for _ in range(600):
        store = world.store()
        spoil(rng, store)
        judges.agree(root_signed(encode(store), world.roots[:2]), store)


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
    trusted = canonical_json(root(world)) + b"\n"
    for operation, value in (("g", guards(world)), ("G", genesis(world))):
        payload = canonical_json(value)
        error, answer = tool.ask(operation, trusted + root_signed(payload, world.roots[1:]))
        expect(error == OK and answer == payload, f"{operation}: {error} {answer!r}")
        error, _ = tool.ask(operation, trusted + root_signed(payload, world.roots[:1]))
        expect(error == SIGNATURE, f"{operation}: taken with one signature")
        error, _ = tool.ask(operation, trusted + root_signed(payload, [world.roots[0]] * 2))
        expect(error == SIGNATURE, f"{operation}: one key counted twice")
        error, _ = tool.ask(operation, trusted + root_signed(payload, world.release[:2]))
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
    judges = Judges(tool)
    every_bound(judges, world)
    every_place(judges, world)
    random_stores(judges, world, random.Random(20261121))
    signed_documents(world, tool)
    points, usable = ed25519_points(tool, random.Random(20261121))
    tool.close()
    print(f"{judges.asked} changed stores, {judges.taken} of them still good; guards and genesis; "
          f"{usable} of {points} values are Ed25519 keys")


main()
