#!/usr/bin/python3
"""The manifest, built a second time with python3-cbor2 from docs/formats/manifest.md alone: golden files are
decoded and random releases must give the same bytes."""
import hashlib
import json
import os
import pathlib
import random
import sys
import uuid

import cbor2

from hallmark_tool import OK, Tool, expect

VENDOR = uuid.uuid5(uuid.NAMESPACE_DNS, "example.com")


def encode(value):
    return cbor2.dumps(value, canonical=True)


def suit_digest(hexdigits):
    return encode([-16, bytes.fromhex(hexdigits)])


def image_parameters(image):
    return {3: suit_digest(image["digest"]), 14: image["size"]}


def by_slot(release):
    return sorted(release["images"], key=lambda i: i["slot_plus_1"])


def slot_condition(image):
    return [20, {5: image["slot_plus_1"] - 1}, 5, 5]


def shared_sequence(release):
    parameters = {1: bytes.fromhex(release["vendor"])}
    classes = [bytes.fromhex(c) for c in release["classes"]]
    images = by_slot(release)
    if len(classes) == 1:
        parameters[2] = classes[0]
    if len(images) == 1:
        parameters.update(image_parameters(images[0]))
    commands = [20, parameters, 1, 15]
    if len(classes) == 1:
        commands += [2, 15]
    else:
        commands += [15, [encode([20, {2: c}, 2, 15]) for c in classes]]
    if len(images) > 1:
        commands += [15, [encode(slot_condition(i) + [20, image_parameters(i)]) for i in images]]
    return commands


def install_sequence(release):
    commands = []
    if release["use_before"]:
        commands += [20, {4: release["use_before"]}, 4, 15]
    if release["at_least"]:
        commands += [20, {28: [2, release["at_least"]]}, 28, 15]
    if release["rollback_floor"]:
        commands += [-257, release["rollback_floor"]]
    images = by_slot(release)
    if len(images) == 1:
        commands += [20, {21: images[0]["uri"]}, 21, 2]
    else:
        commands += [15, [encode(slot_condition(i) + [20, {21: i["uri"]}, 21, 2]) for i in images]]
    return commands + [3, 15]


def manifest(release):
    common = {2: [[b"\x00"]], 4: encode(shared_sequence(release))}
    return encode({1: 1, 2: release["sequence"], 3: encode(common), 7: encode([3, 15]), 9: encode([23, 2]),
                   20: encode(install_sequence(release))})


def class_id(product, model, revision, region):
    return uuid.uuid5(VENDOR, f"{product}/{model}/{revision}/{region}").hex


def golden_release():
    """What tests/unit/schema/schema_suit_test.c calls single."""
    return {"sequence": 12, "use_before": 0, "rollback_floor": 0, "at_least": [], "vendor": VENDOR.hex,
            "classes": [class_id("edge-router", "er-100", "b", "world")],
            "images": [{"digest": "a0" * 32, "size": 786432, "slot_plus_1": 0, "uri": "firmware.bin"}]}


def slot_images(*uris):
    return [{"digest": f"{0xA0 + i:02x}" * 32, "size": 786432 + i, "slot_plus_1": i + 1, "uri": u}
            for i, u in enumerate(uris)]


CONDITIONS = {"use_before": 1830297600, "rollback_floor": 4, "at_least": [2, 0, 7]}
SECOND_CLASS = class_id("edge-router", "er-100", "c", "world")


def goldens():
    first = golden_release()["classes"][0]
    base = "https://firmware.example.com/edge-router/2.1.0/"
    yield "single", {}
    yield "conditions", CONDITIONS
    yield "classes", {"classes": [first, SECOND_CLASS, class_id("edge-router", "er-200", "a", "eu")]}
    yield "slots", {"images": slot_images("a.bin", "b.bin")}
    yield "everything", {**CONDITIONS, "classes": [first, SECOND_CLASS],
                         "images": slot_images(base + "a.bin", base + "b.bin")}


def random_release(rng):
    images = [{"digest": rng.randbytes(32).hex(), "size": rng.choice([1, 23, 24, 65536, 2**32]), "slot_plus_1": 0,
               "uri": "a" * rng.choice([1, 23, 24, 255, 256, 512])}]
    if rng.random() < 0.5:
        images = slot_images("x" * rng.randrange(1, 60), "y.bin")
        rng.shuffle(images)
    return {"sequence": rng.choice([1, 23, 24, 255, 65536, 2**32, 2**53 - 1]), "vendor": rng.randbytes(16).hex(),
            "use_before": rng.choice([0, 1, 1830297600, 253402300799]), "rollback_floor": rng.choice([0, 1]),
            "at_least": [rng.choice([0, 1, 24, 2**32 - 1]) for _ in range(rng.randrange(5))],
            "classes": [rng.randbytes(16).hex() for _ in range(rng.choice([1, 2, 3, 24, 64]))], "images": images}


def main():
    tool = Tool(sys.argv[1])
    folder = pathlib.Path(os.environ["HALLMARK_SOURCE"], "tests", "unit", "schema", "golden")
    for name, changes in goldens():
        want = bytes.fromhex((folder / f"manifest-{name}.hex").read_text())
        release = {**golden_release(), **changes}
        expect(manifest(release) == want, f"golden {name}: python3-cbor2 builds other bytes")
        expect(cbor2.loads(want)[2] == 12, f"golden {name}: sequence number")
        error, got = tool.ask("m", json.dumps(release).encode())
        expect(error == OK and got == want, f"golden {name}: {error} {got!r}")
    rng = random.Random(20261121)
    for _ in range(500):
        release = random_release(rng)
        error, got = tool.ask("m", json.dumps(release).encode())
        expect(error == OK and got == manifest(release), f"{release}: {error} {got!r}")
    tool.close()
    digest = hashlib.sha256(manifest(golden_release())).hexdigest()
    print(f"5 golden manifests, 500 random ones; the single one has SHA-256 {digest}")


main()
