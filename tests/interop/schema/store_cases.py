"""Trust stores for trust_store_test.py: a world of keys, the largest and the smallest store, one step beyond each bound, and mutations."""
import copy
import uuid

import cbor2

from store_model import ED25519, ESP256, Key, encode, suit_digest, to_be_signed

ORIGIN = "hallmark.example/rehearsal"
VENDOR = uuid.uuid5(uuid.NAMESPACE_DNS, "example.com").bytes
ISSUED = 1763683200
TIME_MAX = 253402300799
NUMBER_MAX = 2**53 - 1
JUNK = [0, 1, -1, 2**53, -2**63, True, False, None, 1.0, "", "x y", "1", b"", bytes(16), bytes(32), [], [0], {}, {1: 1}, cbor2.CBORTag(18, [])]


def kids(keys):
    return sorted(k.kid for k in keys)


def numbered(count):
    """So many class ids, or kids that no key has, in ascending order."""
    return [i.to_bytes(16, "big") for i in range(count)]


class World:
    def __init__(self, roots=(ESP256, ED25519, ESP256), release=(ESP256, ESP256, ED25519), witnesses=2):
        self.roots, self.release = [Key(a) for a in roots], [Key(a) for a in release]
        self.log = Key(ED25519)
        self.witnesses = [Key(ED25519) for _ in range(witnesses)]
        self.approvers = [Key(ESP256), Key(ED25519)]

    def keys(self, before, after):
        return sorted([k.kid, k.alg, k.raw, before, after] for k in self.roots + self.release)

    def store(self):
        classes = sorted(uuid.uuid5(uuid.UUID(bytes=VENDOR), f"edge-router/er-100/{r}/world").bytes for r in "abcd")
        return {1: 1, 2: 7, 3: VENDOR, 4: ISSUED, 5: [kids(self.roots), 2],
                6: [[classes[:3], kids(self.release[:2]), 2], [classes[3:], kids(self.release[2:]), 1]], 7: self.keys(ISSUED, 0),
                8: [b"\x01" * 16], 9: [ORIGIN, self.log.raw, [[f"w{i}.example", w.raw] for i, w in
                                                             enumerate(self.witnesses)], 1],
                10: [[classes[0], 4]]}


def smallest():
    world = World((ED25519,), (ESP256,), 0)
    return world, {1: 1, 2: 1, 3: VENDOR, 4: 1, 5: [kids(world.roots), 1], 6: [[numbered(1), kids(world.release), 1]],
                   7: world.keys(0, 0), 8: [], 9: ["o", world.log.raw, [], 0], 10: []}


def largest():
    """As much of everything as one store can have. The first rule has all 24 release keys, so that the whole stays below 64 KiB."""
    world = World((ED25519,) * 8, (ED25519,) * 24, 8)
    classes = numbered(1024)
    rules = [[classes[i:i + 16], kids(world.release)[:1 if i else 24], 1 if i else 24] for i in range(0, 1024, 16)]
    witnesses = [[f"{i:0128d}", w.raw] for i, w in enumerate(world.witnesses)]
    return world, {1: 1, 2: NUMBER_MAX, 3: b"\xff" * 16, 4: TIME_MAX, 5: [kids(world.roots), 8], 6: rules,
                   7: world.keys(TIME_MAX - 1, TIME_MAX), 8: numbered(32), 9: ["o" * 128, world.log.raw, witnesses, 8],
                   10: [[c, NUMBER_MAX] for c in classes]}


def put(store, path, value):
    """A copy of the store with another value at this place."""
    out = target = copy.deepcopy(store)
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return out


def at(store, path):
    for step in path:
        store = store[step]
    return store


# place: what the schema takes there and is the last of its kind, what is the first that it does not take
NUMBERS = {(1,): ([1], [0, 2]), (2,): ([1, NUMBER_MAX], [0, NUMBER_MAX + 1]), (4,): ([1, TIME_MAX], [0, TIME_MAX + 1]),
           (5, 1): ([1, 8], [0, 9]), (6, 0, 2): ([1, 32], [0, 33]), (9, 3): ([0, 8], [-1, 9]),
           (10, 0, 1): ([0, NUMBER_MAX], [-1, NUMBER_MAX + 1])}
COUNTS = {(5, 0): (1, 8), (6,): (1, 64), (6, 0, 0): (1, 1024), (6, 0, 1): (1, 32), (7,): (1, 32), (8,): (0, 32), (9, 2): (0, 8), (10,): (0, 1024)}
SIZES = {(3,): 16, (5, 0, 0): 16, (6, 0, 0, 0): 16, (6, 0, 1, 0): 16, (8, 0): 16, (9, 1): 32, (9, 2, 0, 1): 32, (10, 0, 0): 16}
TEXTS = [(9, 0), (9, 2, 0, 0)]


def key_edges(store):
    """Each kind of key, and one member of it changed."""
    for alg, size in ((ESP256, 65), (ED25519, 32)):
        key = [bytes(16), alg, bytes(size), 0, TIME_MAX]
        good = [key, put(key, (3,), TIME_MAX), put(key, (4,), 0)]
        bad = [put(key, (0,), bytes(n)) for n in (15, 17)] + [put(key, (1,), n) for n in (alg - 1, alg + 1)]
        bad += [put(key, (2,), bytes(n)) for n in (size - 1, size + 1, 97 - size)]
        bad += [put(key, (i,), n) for i in (3, 4) for n in (-1, TIME_MAX + 1)]
        yield from (((7, 0), put(store, (7, 0), k), k in good) for k in good + bad)


def edges(store):
    """(place, store, does the schema take it) on both sides of each bound. Most of the first kind are no good store for other reasons."""
    for path, (last, beyond) in NUMBERS.items():
        yield from ((path, put(store, path, n), n in last) for n in last + beyond)
    for path, (least, most) in COUNTS.items():
        one = at(store, path)[0]
        yield from ((path, put(store, path, [one] * n), least <= n <= most) for n in {least, most, most + 1, max(least - 1, 0)})
    for path, size in SIZES.items():
        yield from ((path, put(store, path, bytes(n)), n == size) for n in (size - 1, size, size + 1))
    for path in TEXTS:
        yield from ((path, put(store, path, "x" * n), 1 <= n <= 128) for n in (0, 1, 128, 129))
        yield path, put(store, path, "\u00e4" * 65), False
    yield from key_edges(store)


# --- the document as a tree, so that every place of it can be changed ---

class Embedded(list):
    """A byte string with the CBOR of each element."""


class Tagged(list):
    """Number and content of a tag."""


def packed(tree):
    if isinstance(tree, Embedded):
        return b"".join(encode(packed(part)) for part in tree)
    if isinstance(tree, Tagged) and len(tree) == 2 and type(tree[0]) is int and tree[0] >= 0:
        return cbor2.CBORTag(tree[0], packed(tree[1]))
    if isinstance(tree, list):
        return [packed(part) for part in tree]
    return {k: packed(v) for k, v in tree.items()} if isinstance(tree, dict) else tree


def document_tree(payload, keys):
    """What store_model.root_signed encodes."""
    blocks = [Embedded([Tagged([18, [Embedded([{1: k.alg}]), {4: k.kid}, None, k.sign(to_be_signed(k.alg, payload))]])]) for k in keys]
    return {2: Embedded([[Embedded([cbor2.loads(suit_digest(payload))])] + blocks]), 3: payload}


def places(value, path=()):
    """Every place in a nested value."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, path + (key,))


def instead(old):
    """What may stand in its place, and is no good there, or perhaps is."""
    yield from JUNK
    if type(old) is int:
        yield from (old + 1, old - 1, -old, -1 - old)
    elif type(old) is bytes:
        yield from (old[:-1], old + b"\0", old[::-1], bytes([old[0] ^ 1]) + old[1:])
    elif type(old) is str:
        yield from (old + "x", old + " ", old + "+", "x" + old.upper(), old.encode())
    elif isinstance(old, list):
        yield from (type(old)(part) for part in (old[1:], old[:-1], old + old[:1], old + [0], old[::-1]))
        yield {i: part for i, part in enumerate(old)}
    elif isinstance(old, dict):
        yield from ({k: v for k, v in old.items() if k != left} for left in old)
        yield from ({**old, more: 0} for more in (0, 11, -1, "1", True, b"\1"))
        yield list(old.values())


def mutations(tree):
    """Every place changed in every way."""
    for path in places(tree):
        for value in instead(at(tree, path)):
            yield put(tree, path, value) if path else value


def spoil(rng, store):
    """One random change of structure or value."""
    path = rng.choice([p for p in places(store) if p])
    target = at(store, path[:-1])
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


def document_edges(tree):
    """As edges, around the store: signatures, digest, headers."""
    wrapper, first = (2, 0), (2, 0, 1)
    digest, *blocks = at(tree, wrapper)
    yield from ((wrapper, put(tree, wrapper, [digest] + [blocks[i % len(blocks)] for i in range(n)]), 1 <= n <= 8) for n in (0, 1, 8, 9))
    yield from (((2, 0, 0), put(tree, (2, 0, 0, 0, 0), n), n == -16) for n in (-17, -16, -15))
    yield from (((2, 0, 0), put(tree, (2, 0, 0, 0, 1), bytes(n)), n == 32) for n in (31, 32, 33))
    yield from ((first, put(tree, first + (0, 0), n), n == 18) for n in (17, 18, 19))
    block = first + (0, 1)
    yield from ((block, put(tree, block + (0, 0, 1), n), n in (ESP256, ED25519)) for n in (-20, -19, -18, -10, -9, -8, -7))
    yield from ((block, put(tree, block + (1,), v), False) for v in ({}, {5: bytes(16)}, {3: bytes(16)}, {4: bytes(16), 5: bytes(16)}))
    yield from ((block, put(tree, block + (0,), Embedded([v])), False) for v in ({}, {0: -9}, {2: -9}, {1: -9, 2: -9}))
    yield from ((block, put(tree, block + (1, 4), bytes(n)), n == 16) for n in (15, 16, 17))
    yield from ((block, put(tree, block + (3,), bytes(n)), n == 64) for n in (63, 64, 65))
    yield (1,), {1: tree[2], 3: tree[3]}, False
    yield (4,), {2: tree[2], 4: tree[3]}, False
