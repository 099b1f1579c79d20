#!/usr/bin/python3
"""Writes the device's test cases: fixtures.py OUT_DIR. Each case is a folder with the files a device gets, and `case`:
lines "name value" that say who the device is, what it remembers and which reason it must answer."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../interop/device"))
import release_builder as rb  # noqa: E402
from release_builder import ED25519, NOW, ORIGIN, World, class_id, enc, make, manifest, sign1, vendor_id  # noqa: E402

W = World()
CASES = []


def case(name, reason, bundle, step="release", **facts):
    CASES.append((name, reason, step, bundle, facts))


def two_slots(first="slot 0", second="slot 1"):
    return [{"data": first.encode(), "uri": "a.bin", "slot": 0}, {"data": second.encode(), "uri": "b.bin", "slot": 1}]


def good_cases():
    case("good", "ok", make())
    case("good-manifest", "ok", make(), step="manifest")
    case("good-many-classes", "ok", make(manifest_args={"classes": [class_id(region=r) for r in ("eu", "us", "world")]}))
    case("good-slots", "ok", make(manifest_args={"images": two_slots()}))
    case("good-one-slot", "ok", make(manifest_args={"images": [two_slots()[0], {"data": b"x", "uri": "x", "slot": 7}]}))
    case("good-all-conditions", "ok",
         make(manifest_args={"use_before": NOW + 10**7, "at_least": [2, 0, 0], "floor": 12}), version="2.0.1")
    case("good-version-equal", "ok", make(manifest_args={"at_least": [2, 1]}), version="2.1.0")
    case("good-version-numeric", "ok", make(manifest_args={"at_least": [2, 9, 0]}), version="2.10.0")
    case("good-first-record", "ok", make(log_size=1, index=0))
    for size, index in ((2, 1), (3, 2), (8, 0), (8, 7), (9, 8), (64, 33), (65, 64), (100, 98)):
        case(f"good-path-{size}-{index}", "ok", make(log_size=size, index=index))
    case("good-ed25519", "ok", make(signers=[W.release2]))
    case("good-two-of-two", "ok", make(store={"members": {6: [[[class_id()], [W.release.kid, W.release2.kid], 2]]}},
                                       signers=[W.release, W.release2]))
    case("good-foreign-signature-too", "ok", make(signers=[W.release, W.stranger]))
    case("good-same-again", "ok", make(), confirmed=1, sequence=12, digest=make().digest.hex())
    case("good-newer", "ok", make(), confirmed=1, sequence=11)
    case("good-older-store-epoch", "ok", make(record={"store_epoch": 1}))
    case("good-floor-equal", "ok", make(), floor=12)


def witness_name(i):
    return f"witness.example/{i}"


def witnessed(names, quorum=2):
    """Member 9 of a store that believes these witnesses."""
    return {"members": {9: [ORIGIN, W.log_key.raw, [[witness_name(i), W.witness[i].raw] for i in names], quorum]}}


def line(i, when, key=None, name=None, body=None, edit=None, signed_time=None):
    """One signature line of a witness, made or spoilt: f(note) -> text."""
    def make_line(note):
        k, n = key or W.witness[i], name or witness_name(i)
        over = (body(note) if body else note).encode()
        blob = rb.note_key_id(n, 4, W.witness[i].raw if key else k.raw) + when.to_bytes(8, "big") + \
            k.sign(f"cosignature/v1\ntime {when if signed_time is None else signed_time}\n".encode() + over)
        return f"\u2014 {n} {rb.b64(edit(blob) if edit else blob)}\n"
    return make_line


def cosigned(name, reason, lines, names=range(3), quorum=2, step_store=None, **more):
    facts = {k: more.pop(k) for k in list(more) if k in ("expect_time", "time", "confirmed", "sequence", "epoch")}
    case(name, reason, make(store=step_store or witnessed(names, quorum), checkpoint_args={"lines": lines}, **more), **facts)


def witness_cases():
    good = [line(i, NOW + 100 * i) for i in range(3)]
    # The floor is the second largest time: 100 of 0, 100, 200.
    cosigned("good-witnesses", "ok", good, expect_time=NOW + 100)
    cosigned("good-witnesses-any-order", "ok", [good[2], good[0], good[1]], expect_time=NOW + 100)
    cosigned("good-witnesses-two", "ok", good[1:], expect_time=NOW + 100)
    for quorum, floor in ((1, 200), (2, 100), (3, 0)):
        cosigned(f"good-witnesses-{quorum}-of-3", "ok", good, quorum=quorum, expect_time=NOW + floor)
    cosigned("good-witness-one-of-one", "ok", good[:1], names=[0], quorum=1, expect_time=NOW)
    cosigned("good-witnesses-equal-times", "ok", [line(i, NOW + 7) for i in range(3)], quorum=3, expect_time=NOW + 7)
    # The store's own date is the floor where it is later.
    cosigned("good-witnesses-earlier-than-store", "ok", [line(i, NOW - 900) for i in range(3)], expect_time=NOW - 500)
    cosigned("good-witnesses-latest-time", "ok", good[:2] + [line(2, 2**63 - 1)], expect_time=NOW + 100)
    # Lines of anybody else count for nothing and do no harm.
    stranger = line(0, NOW + 999, key=W.stranger_ed, name="stranger.example")
    cosigned("good-witnesses-and-stranger", "ok", [stranger, *good], expect_time=NOW + 100)
    cosigned("good-witness-not-listed", "ok", good, names=[0, 1], expect_time=NOW)
    post_quantum = lambda note: f"\u2014 {witness_name(0)} {rb.b64(bytes(4) + bytes(2428))}\n"  # noqa: E731
    cosigned("good-witnesses-with-another-type", "ok", [post_quantum, *good], expect_time=NOW + 100)
    # A store without witnesses looks at no cosignature, not even a wrong one.
    cosigned("good-no-witness-asked", "ok", [*good, line(1, 0)], step_store={"members": {9: [ORIGIN, W.log_key.raw, [], 0]}},
             expect_time=NOW - 500)
    quorum = "witness-quorum"
    cosigned("witness-none", quorum, [])
    cosigned("witness-one-less", quorum, good[:1])
    cosigned("witness-one-less-of-three", quorum, good[:2], quorum=3)
    cosigned("witness-none-of-one", quorum, [], names=[0], quorum=1)
    cosigned("witness-unlisted-does-not-count", quorum, [good[0], good[2]], names=[0, 1])
    cosigned("witness-stranger-does-not-count", quorum, [good[0], stranger])
    cosigned("witness-key-under-another-name", quorum, [good[0], line(1, NOW, name="other.example")])
    cosigned("witness-stranger-under-its-name", quorum, [good[0], lambda n: f"\u2014 {witness_name(1)} " + rb.b64(
        rb.note_key_id(witness_name(1), 4, W.stranger_ed.raw) + NOW.to_bytes(8, "big") + W.stranger_ed.sign(n.encode())) + "\n"])
    as_log = lambda n: f"\u2014 {witness_name(1)} " + rb.b64(  # noqa: E731
        rb.note_key_id(witness_name(1), 1, W.witness[1].raw) + W.witness[1].sign(n.encode())) + "\n"
    cosigned("witness-signature-of-a-logs-type", quorum, [good[0], as_log])
    cosigned("witness-line-too-long", quorum, [good[0], line(1, NOW, edit=lambda b: b + bytes(1))])
    cosigned("witness-twice", "witness-repeated", [good[0], good[0]])
    cosigned("witness-twice-beside-a-quorum", "witness-repeated", [*good, good[0]])
    cosigned("witness-twice-other-time", "witness-repeated", [good[0], line(0, NOW + 5), good[1]])
    bad = "witness-signature"
    cosigned("witness-wrong-key", bad, [good[0], line(1, NOW, key=W.stranger_ed)])
    cosigned("witness-key-of-another-witness", bad, [good[0], line(1, NOW, key=W.witness[0])])
    cosigned("witness-wrong-key-beside-a-quorum", bad, [good[0], good[1], line(2, NOW, key=W.stranger_ed)])
    cosigned("witness-other-size", bad, [good[0], line(1, NOW, body=lambda n: n.replace("\n11\n", "\n12\n"))])
    cosigned("witness-other-root", bad, [good[0], line(1, NOW, body=lambda n: n[:-5] + "AAA=\n")])
    cosigned("witness-other-log", bad, [good[0], line(1, NOW, body=lambda n: "other" + n)])
    cosigned("witness-other-time-than-signed", bad, [good[0], line(1, NOW, signed_time=NOW + 1)])
    cosigned("witness-time-with-zero", bad, [good[0], line(1, NOW, signed_time=f"0{NOW}")])
    cosigned("witness-line-too-short", bad, [good[0], line(1, NOW, edit=lambda b: b[:-1])])
    cosigned("witness-id-alone", bad, [good[0], line(1, NOW, edit=lambda b: b[:5])])
    cosigned("witness-time-zero", "witness-time", [good[0], line(1, 0)])
    cosigned("witness-time-too-large", "witness-time", [good[0], line(1, 2**63)])
    cosigned("witness-time-largest", "witness-time", [*good[:2], line(2, 2**64 - 1)])
    malformed = "checkpoint-malformed"
    cosigned("witness-not-base64", malformed, [good[0], lambda n: f"\u2014 {witness_name(1)}\n"])
    cosigned("witness-line-is-text", malformed, [good[0], lambda n: "witness.example/1 cosigned this\n"])
    cosigned("witness-blank-line", malformed, [good[0], lambda n: "\n", good[1]])
    cosigned("witness-too-many-lines", malformed, [lambda n, i=i: f"\u2014 s{i} AAAAAQQE\n" for i in range(40)])
    cosigned("log-signed-twice", malformed, [*good, lambda n: f"\u2014 {ORIGIN} " + rb.b64(
        rb.note_key_id(ORIGIN, 1, W.log_key.raw) + W.log_key.sign(n.encode())) + "\n"])
    cosigned("use-before-by-witnesses", "use-before-passed", good, manifest_args={"use_before": NOW + 100})
    cosigned("use-before-by-witnesses-not-yet", "ok", good, manifest_args={"use_before": NOW + 101})
    # Key validity is judged at the witnesses' time, not at the record's.
    for name, before, after, reason in (("early", NOW + 101, 0, "key-not-yet-valid"), ("early-by-record", NOW + 100, 0, "ok"),
                                        ("late", 1, NOW + 100, "key-expired"), ("late-by-record", 1, NOW + 101, "ok")):
        keys = [k if k[0] != W.release.kid else k[:3] + [before, after] for k in W.keys()]
        members = {**witnessed(range(3))["members"], 7: keys}
        cosigned(f"witness-time-and-key-{name}", reason, good, step_store={"members": members})


def envelope_cases():
    case("unsigned", "unsigned", make(blocks=[lambda item: b""], envelope_edit=lambda e: unsigned(e)))
    case("severed", "severed-member-unsupported", make(envelope_edit=lambda e: with_member(e)))
    case("tag", "envelope-malformed", make(envelope_edit=lambda e: b"\xd8\x6c" + e[2:]))
    case("untagged", "envelope-malformed", make(envelope_edit=lambda e: e[2:]))
    case("trailing", "envelope-malformed", make(envelope_edit=lambda e: e + b"\0"))
    case("long-head", "envelope-malformed", make(envelope_edit=lambda e: b"\xd9\x00\x6b" + e[2:]))
    case("indefinite", "envelope-malformed", make(envelope_edit=lambda e: e[:2] + b"\xbf" + e[3:] + b"\xff"))
    case("too-large", "envelope-too-large", make(envelope_edit=lambda e: e + b"\0" * 17000))
    case("empty", "envelope-malformed", make(envelope_edit=lambda e: b""))
    case("manifest-too-large", "envelope-too-large", make(manifest_bytes=b"\0" * 9000))
    case("digest", "manifest-digest-mismatch", make(envelope_edit=lambda e: e[:-1] + bytes([e[-1] ^ 1])))
    p256 = W.release
    case("short-signature", "signature-length", make(blocks=[lambda i: sign1(p256, i, sig_edit=lambda s: s[:63])]))
    case("long-signature", "signature-length", make(blocks=[lambda i: sign1(p256, i, sig_edit=lambda s: b"\0" + s)]))
    case("der-signature", "signature-length", make(blocks=[lambda i: sign1(p256, i, sig_edit=lambda s: der(s))]))
    case("zero-signature", "signature-invalid", make(blocks=[lambda i: sign1(p256, i, sig_edit=lambda s: b"\0" * 64)]))
    case("es256", "algorithm-unsupported", make(blocks=[lambda i: sign1(p256, i, alg=-7)]))
    case("esp384", "algorithm-unsupported", make(blocks=[lambda i: sign1(p256, i, alg=rb.ESP384)]))
    case("alg-of-other-key", "algorithm-unsupported", make(blocks=[lambda i: sign1(p256, i, alg=ED25519)]))
    case("more-protected", "envelope-malformed",
         make(blocks=[lambda i: sign1(p256, i, protected=enc({1: -9, 3: 0}))]))
    case("crit-header", "envelope-malformed",
         make(blocks=[lambda i: sign1(p256, i, protected=enc({1: -9, 2: [99]}))]))
    case("more-unprotected", "envelope-malformed",
         make(blocks=[lambda i: sign1(p256, i, unprotected={4: p256.kid, 5: b"x"})]))
    case("short-kid", "envelope-malformed", make(blocks=[lambda i: sign1(p256, i, unprotected={4: p256.kid[:8]})]))
    case("no-kid", "key-unknown", make(blocks=[lambda i: sign1(p256, i, unprotected={})]))
    case("unknown-key", "key-unknown", make(signers=[W.stranger]))
    case("borrowed-kid", "signature-invalid", make(blocks=[lambda i: sign1(W.stranger, i, kid=p256.kid)]))
    case("root-signs-release", "key-not-allowed", make(signers=[W.root]))
    case("revoked", "key-revoked", make(store={"members": {8: [p256.kid]}}))
    case("twice-same-key", "key-repeated",
         make(store={"members": {6: [[[class_id()], [p256.kid, W.release2.kid], 2]]}}, signers=[p256, p256]))
    case("one-of-two", "threshold-not-met",
         make(store={"members": {6: [[[class_id()], [p256.kid, W.release2.kid], 2]]}}))
    case("one-of-two-foreign", "threshold-not-met",
         make(store={"members": {6: [[[class_id()], [p256.kid, W.release2.kid], 2]]}}, signers=[p256, W.stranger]))
    case("bad-second-signature", "signature-invalid",
         make(blocks=[lambda i: sign1(p256, i), lambda i: sign1(W.release2, i, sig_edit=lambda s: b"\1" * 64)]))
    case("class-without-rule", "class-without-rule", make(), class_id=class_id(region="mars").hex())
    case("key-of-other-class", "key-not-allowed", make(store={"members": {6: [
        [[class_id()], [W.release2.kid], 1], [[class_id(region="eu")], [p256.kid], 1]]}}))
    for name, before, after, reason in (("early", NOW + 1000, 0, "key-not-yet-valid"), ("late", 1, NOW - 1, "key-expired")):
        keys = [k if k[0] != p256.kid else k[:3] + [before, after] for k in W.keys()]
        case(f"key-{name}", reason, make(store={"members": {7: keys}}))
        case(f"key-{name}-manifest", reason, make(store={"members": {7: keys}}), step="manifest", rules_time=NOW)
        case(f"key-{name}-not-judged", "ok", make(store={"members": {7: keys}}), step="manifest")


def unsigned(envelope):
    tag = rb.cbor2.loads(envelope)
    tag.value[2] = enc(rb.cbor2.loads(tag.value[2])[:1])
    return enc(tag)


def with_member(envelope):
    tag = rb.cbor2.loads(envelope)
    tag.value[23] = b"text"
    return enc(tag)


def der(raw):
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


def edited(name, reason, edit, **args):
    case("manifest-" + name, reason, make(manifest_args=dict(args, edit=edit)))


def manifest_cases():
    edited("no-vendor-check", "manifest-incomplete", lambda p: p.update(shared=p["shared"][:2] + p["shared"][4:]))
    edited("no-class-check", "manifest-incomplete", lambda p: p.update(shared=p["shared"][:4]))
    edited("no-digest", "manifest-incomplete", lambda p: p["shared"][1].pop(3))
    edited("no-size", "manifest-incomplete", lambda p: p["shared"][1].pop(14))
    edited("no-validate", "manifest-incomplete", lambda p: p["more"].update({7: None}))
    edited("no-invoke", "manifest-incomplete", lambda p: p["more"].update({9: None}))
    edited("no-install", "manifest-incomplete", lambda p: p["more"].update({20: None}))
    edited("no-image-check", "manifest-incomplete", lambda p: p.update(install=p["install"][:-2]))
    edited("image-check-first", "manifest-incomplete", lambda p: p.update(install=[3, 15] + p["install"][:-2]))
    edited("no-fetch", "manifest-incomplete", lambda p: p.update(install=[20, {21: "x"}, 3, 15]))
    edited("no-uri", "manifest-incomplete", lambda p: p.update(install=[21, 2, 3, 15]))
    edited("odd-sequence", "manifest-malformed", lambda p: p.update(validate=[3]))
    edited("empty-sequence", "manifest-malformed", lambda p: p.update(validate=[]))
    edited("vendor-length", "manifest-malformed", lambda p: p["shared"][1].update({1: b"short"}))
    edited("digest-algorithm", "manifest-malformed", lambda p: p["shared"][1].update({3: enc([-43, b"\0" * 48])}))
    edited("policy-range", "manifest-malformed", lambda p: p.update(validate=[3, 16]))
    edited("unknown-command", "command-unsupported", lambda p: p.update(invoke=[23, 2, 99, 0]))
    edited("wait", "command-unsupported", lambda p: p.update(install=[29, 0] + p["install"]))
    edited("copy", "command-unsupported", lambda p: p.update(install=[22, 2] + p["install"]))
    edited("fetch-in-shared", "command-unsupported", lambda p: p.update(shared=p["shared"] + [21, 2]))
    edited("use-before-in-validate", "command-unsupported", lambda p: p.update(validate=[4, 15, 3, 15]))
    edited("custom-in-shared", "command-unsupported", lambda p: p.update(shared=p["shared"] + [-257, 3]))
    edited("custom-other", "command-unsupported", lambda p: p.update(install=[-258, 3] + p["install"]))
    edited("set-index", "command-unsupported", lambda p: p.update(shared=[12, 0] + p["shared"]))
    edited("try-in-try", "command-unsupported",
           lambda p: p.update(shared=p["shared"] + [15, [enc([15, [enc([2, 15]), enc([2, 15])]]), enc([2, 15])]]))
    edited("one-branch", "manifest-malformed", lambda p: p.update(shared=p["shared"] + [15, [enc([2, 15])]]))
    edited("nil-branch", "manifest-malformed", lambda p: p.update(shared=p["shared"] + [15, [enc([2, 15]), None]]))
    edited("empty-branch", "manifest-malformed", lambda p: p.update(shared=p["shared"] + [15, [enc([2, 15]), b""]]))
    edited("unknown-parameter", "parameter-unsupported", lambda p: p["shared"][1].update({19: 1}))
    edited("uri-in-shared", "parameter-unsupported", lambda p: p["shared"][1].update({21: "x"}))
    edited("digest-in-install", "parameter-unsupported",
           lambda p: p.update(install=[20, {3: rb.digest_parameter(b"other")}] + p["install"]))
    edited("source-component", "parameter-unsupported", lambda p: p["shared"][1].update({22: 0}))
    edited("long-uri", "manifest-malformed", lambda p: p.update(install=[20, {21: "x" * 513}, 21, 2, 3, 15]))
    edited("components", "component-unsupported", lambda p: p["common"].update({2: [[b"\0"], [b"\1"]]}))
    edited("component-id", "component-unsupported", lambda p: p["common"].update({2: [[b"\1"]]}))
    edited("no-component", "manifest-malformed", lambda p: p["common"].update({2: []}))
    edited("version", "manifest-malformed", lambda p: p["more"].update({1: 2}))
    edited("text", "manifest-malformed", lambda p: p["more"].update({23: [-16, b"\0" * 32]}))
    edited("severed-install", "manifest-malformed", lambda p: p["more"].update({20: [-16, b"\0" * 32]}))
    edited("payload-fetch", "manifest-malformed", lambda p: p["more"].update({16: enc([21, 2])}))
    edited("floor-above", "rollback-floor-above-sequence", None, floor=13)
    edited("use-before-unset", "manifest-incomplete", lambda p: p.update(install=[4, 15] + p["install"]))
    one, two = b"\1\x50" + vendor_id(), b"\2\x50" + class_id()
    case("manifest-parameter-order", "manifest-malformed",
         make(manifest_bytes=manifest().replace(one + two, two + one)))
    case("manifest-parameter-twice", "manifest-malformed",
         make(manifest_bytes=manifest().replace(two, one)))
    twice = [dict(i, slot=0) for i in two_slots()]
    case("manifest-first-branch-counts", "ok", make(manifest_args={"images": twice}),
         expect_image=rb.sha(b"slot 0").hex())
    for kind in (1, 3, 4, 5, 6):
        edited(f"version-type-{kind}", "manifest-malformed",
               lambda p, k=kind: p.update(install=[20, {28: [k, [1]]}, 28, 15] + p["install"]))
    case("manifest-not-a-map", "manifest-malformed", make(manifest_bytes=b"\x01"))
    case("manifest-trailing", "manifest-malformed", make(manifest_bytes=manifest() + b"\0"))


def proof_cases():
    other = lambda data: lambda d: data  # noqa: E731
    case("record-event", "record-event", make(record={"event": "sign.intended"}))
    case("record-outcome", "record-outcome", make(record={"outcome": "unknown"}))
    case("record-other-manifest", "record-other-manifest", make(record={"manifest": "00" * 32}))
    case("record-other-sequence", "record-other-sequence", make(record_bytes=lambda d: d.replace(
        b'"sequence":12', b'"sequence":13')))
    case("record-other-keys", "record-other-keys", make(record_keys=[W.stranger]))
    case("record-one-key-missing", "record-other-keys", make(signers=[W.release, W.release2], record_keys=[W.release]))
    case("record-no-keys", "record-other-keys", make(record={"keys": []}))
    case("record-store-epoch", "trust-store-too-old", make(record={"store_epoch": 4}))
    for member in ("event", "outcome", "manifest", "keys", "sequence", "store_epoch", "product", "version", "t_ms", "v", "idx"):
        case(f"record-without-{member}", "record-member", make(record={member: None}) if member != "sequence" else
             make(record_bytes=lambda d: d.replace(b'"sequence":12,', b"")))
    case("record-sequence-text", "record-member", make(record_bytes=lambda d: d.replace(b'"sequence":12', b'"sequence":"12"')))
    case("record-idx-of-other", "record-member", make(record={"idx": 8}))
    case("record-v", "record-member", make(record={"v": 2}))
    case("record-product-name", "record-member", make(record={"product": "edge router"}))
    case("record-manifest-case", "record-member", make(record_bytes=lambda d: d.replace(
        make().digest.hex().encode(), make().digest.hex().upper().encode())))
    for name, edit in {
            "space": lambda d: d.replace(b'":', b'": ', 1), "order": lambda d: d[:-1] + b',"a":1}',
            "twice": lambda d: d[:-1] + b',"version":"2.1.0"}', "newline": lambda d: d + b"\n",
            "float": lambda d: d.replace(b'"v":1', b'"v":1.0'), "null": lambda d: d.replace(b'"v":1', b'"v":null'),
            "minus": lambda d: d.replace(b'"v":1', b'"v":-1'), "zero": lambda d: d.replace(b'"v":1', b'"v":01'),
            "big": lambda d: d.replace(b'"v":1', b'"v":9007199254740992'),
            "escape": lambda d: d.replace(b'"stable"', b'"st\\u0061ble"'),
            "slash": lambda d: d.replace(b'"stable"', b'"st\\/ble"'),
            "control": lambda d: d.replace(b'"stable"', b'"st\nble"'),
            "utf8": lambda d: d.replace(b'"stable"', b'"st\xff\xfeble"'),
            "name": lambda d: d.replace(b'"channel"', b'"ch\xc3\xa4nnel"'),
            "array": lambda d: b"[" + d + b"]", "empty": lambda d: b"{",
            "deep": lambda d: d.replace(b'"v":1', b'"v":' + b"[" * 17 + b"1" + b"]" * 17)}.items():
        case(f"record-json-{name}", "record-not-canonical", make(record_bytes=edit))
    case("record-too-large", "record-too-large", make(record={"detail": "x" * 2000}))
    case("record-swapped", "record-not-included", make(proof_edit=lambda p: swap_record(p)))
    case("index-off", "record-not-included", make(proof_edit=lambda p: p.replace(b"index 7", b"index 6")))
    case("index-beyond", "record-not-included", make(proof_edit=lambda p: p.replace(b"index 7", b"index 11")))
    case("path-short", "record-not-included", make(proof_edit=drop_hash))
    case("path-long", "record-not-included", make(proof_edit=lambda p: p.replace(
        b"\n\n", b"\n" + rb.b64(b"\0" * 32).encode() + b"\n\n", 1)))
    case("path-none", "record-not-included", make(log_size=2, index=0, proof_edit=drop_hash))
    case("size-zero", "record-not-included", make(log_size=1, index=0, checkpoint_args={"size": 0}))
    case("root", "record-not-included", make(checkpoint_args={"root": b"\0" * 32}))
    for name, edit in {
            "header": lambda p: p.replace(b"@v1", b"@v2"), "no-extra": lambda p: b"".join(
                line for line in p.splitlines(True) if not line.startswith(b"extra")),
            "index-zero": lambda p: p.replace(b"index 7", b"index 07"),
            "no-index": lambda p: p.replace(b"index 7\n", b""), "no-blank": lambda p: p.replace(b"\n\n", b"\n", 1),
            "crlf": lambda p: p.replace(b"\n", b"\r\n"), "empty": other(b""),
            "too-large": lambda p: p + b"x" * 13000,
            "base64-url": lambda p: p.replace(b"index 7\n", b"index 7\n" + b"_" * 44 + b"\n")}.items():
        case(f"proof-{name}", "proof-malformed", make(proof_edit=edit))
    case("checkpoint-origin", "checkpoint-origin", make(checkpoint_args={"origin": "other.example/log"}))
    case("checkpoint-key", "checkpoint-unsigned", make(checkpoint_args={"key": W.stranger_ed}))
    case("checkpoint-forged", "checkpoint-signature", make(proof_edit=forge_signature))
    case("checkpoint-no-signature", "checkpoint-unsigned", make(proof_edit=lambda p: p[:p.rindex("\u2014".encode())]))
    case("checkpoint-size-edited", "checkpoint-signature", make(proof_edit=lambda p: p.replace(b"\n11\n", b"\n12\n")))
    case("checkpoint-cut", "checkpoint-malformed", make(proof_edit=lambda p: p[:-1]))
    case("checkpoint-trailing", "checkpoint-malformed", make(proof_edit=lambda p: p + b"x"))
    case("checkpoint-extension", "checkpoint-malformed", make(proof_edit=lambda p: p.replace(
        b"\n\n\xe2", b"\nextension\n\n\xe2")))
    case("checkpoint-missing", "checkpoint-malformed", make(proof_edit=lambda p: p[:p.index(b"\n\n") + 2]))


def lines_of(proof):
    head, rest = proof.split(b"\n\n", 1)
    return head.split(b"\n"), rest


def drop_hash(proof):
    head, rest = lines_of(proof)
    return b"\n".join(head[:-1]) + b"\n\n" + rest


def swap_record(proof):
    head, rest = lines_of(proof)
    record = rb.canonical(rb.release_record(make().digest, [W.release], 7, {"channel": "beta"}))
    head[1] = b"extra " + rb.b64(record).encode()
    return b"\n".join(head) + b"\n\n" + rest


def forge_signature(proof):
    head, blob = proof.rsplit(b" ", 1)
    raw = bytearray(rb.base64.b64decode(blob))
    raw[-1] ^= 1
    return head + b" " + rb.b64(bytes(raw)).encode() + b"\n"


def freshness_cases():
    case("older", "sequence-too-low", make(), confirmed=1, sequence=13)
    case("same-other-digest", "sequence-reused", make(), confirmed=1, sequence=12, digest="00" * 32)
    case("store-floor", "below-store-floor", make(store={"members": {10: [[class_id(), 13]]}}))
    case("store-floor-other-class", "ok", make(store={"members": {10: [[class_id(region="eu"), 13]]}}))
    case("rollback-floor", "below-rollback-floor", make(), floor=13)
    case("store-rolled-back", "trust-store-rolled-back", make(), epoch=4)
    case("use-before-issued", "use-before-passed", make(manifest_args={"use_before": NOW - 500}))
    case("use-before-time-floor", "use-before-passed", make(manifest_args={"use_before": NOW + 50}), time=NOW + 50)
    case("use-before-not-yet", "ok", make(manifest_args={"use_before": NOW + 51}), time=NOW + 50)
    case("use-before-manifest", "use-before-passed", make(manifest_args={"use_before": NOW}), step="manifest",
         rules_time=NOW)
    case("vendor", "vendor-mismatch", make(manifest_args={"edit": lambda p: p["shared"][1].update({1: b"v" * 16})}))
    case("class", "class-mismatch", make(manifest_args={"classes": [class_id(model="er-200")]}))
    case("classes", "class-mismatch", make(manifest_args={"classes": [class_id(model=m) for m in ("x", "y", "z")]}))
    case("class-manifest", "class-mismatch", make(manifest_args={"classes": [class_id(model="x")]}), step="manifest")
    case("store-vendor", "trust-store-other-vendor", make(store={"members": {3: vendor_id("other.example")}}))
    case("slots", "no-image-for-slot", make(manifest_args={"images": [
        {"data": b"2", "uri": "x", "slot": 2}, {"data": b"3", "uri": "y", "slot": 3}]}))
    for installed, least in (("2.0.9", [2, 1]), ("2.9.0", [2, 10, 0]), ("", [1]), ("2.1.0-rc1", [2, 1, 0]), ("x", [0])):
        case(f"version-{installed or 'unknown'}", "installed-version-too-low", make(manifest_args={"at_least": least}),
             version=installed)
    case("version-manifest", "installed-version-too-low", make(manifest_args={"at_least": [3]}), step="manifest", version="2.9")


def store_case(name, reason, edit=None, signers=None, raw=None, edit_sorted=None, **facts):
    store = W.store(edit=edit, signers=signers, edit_sorted=edit_sorted)
    case("store-" + name, reason, make(store_bytes=raw(store) if raw else store), step="store", **facts)


def key_of(s):
    """The entry of the release key in member 7."""
    return next(k for k in s[7] if k[0] == W.release.kid)


def store_cases():
    store_case("good", "ok")
    store_case("two-signers", "ok", signers=[W.root, W.root2])
    store_case("threshold-two", "ok", edit=lambda s: s[5].__setitem__(1, 2), signers=[W.root, W.root2])
    store_case("pinned", "ok", pin=W.root.kid.hex())
    store_case("other-pin", "root-not-pinned", pin=W.stranger.kid.hex())
    store_case("pin-of-root-that-did-not-sign", "root-not-pinned", pin=W.root2.kid.hex())
    store_case("threshold-not-met", "threshold-not-met", edit=lambda s: s[5].__setitem__(1, 2))
    store_case("one-root-twice", "key-repeated", edit=lambda s: s[5].__setitem__(1, 2), signers=[W.root, W.root])
    store_case("signed-by-release-key", "key-not-allowed", signers=[W.release])
    store_case("signed-by-stranger", "key-unknown", signers=[W.stranger])
    store_case("revoked-root", "trust-store-inconsistent", edit=lambda s: s[8].append(W.root.kid))
    store_case("cut", "trust-store-malformed", raw=lambda b: b[:-1])
    store_case("trailing", "trust-store-malformed", raw=lambda b: b + b"\0")
    store_case("tagged", "trust-store-malformed", raw=lambda b: b"\xd8\x6b" + b)
    store_case("too-large", "trust-store-too-large", raw=lambda b: b + b"\0" * 65536)
    store_case("flipped", "manifest-digest-mismatch", raw=lambda b: b[:-1] + bytes([b[-1] ^ 1]))
    for member in range(1, 11):
        store_case(f"without-{member}", "trust-store-malformed", edit=lambda s, m=member: s.pop(m))
    store_case("unknown-member", "trust-store-malformed", edit=lambda s: s.update({11: 1}))
    store_case("format", "trust-store-malformed", edit=lambda s: s.update({1: 2}))
    store_case("epoch-zero", "trust-store-malformed", edit=lambda s: s.update({2: 0}))
    store_case("vendor-length", "trust-store-malformed", edit=lambda s: s.update({3: b"v"}))
    store_case("no-rule", "trust-store-malformed", edit=lambda s: s.update({6: []}))
    store_case("rule-shape", "trust-store-malformed", edit=lambda s: s.update({6: [[[class_id()], [W.release.kid]]]}))
    store_case("key-alg", "trust-store-inconsistent", edit=lambda s: key_of(s).__setitem__(1, -7))
    bad = "trust-store-inconsistent"
    store_case("root-threshold-zero", bad, edit=lambda s: s[5].__setitem__(1, 0))
    store_case("root-threshold-high", bad, edit=lambda s: s[5].__setitem__(1, 3))
    store_case("root-named-twice", bad, edit=lambda s: s.update({5: [[W.root.kid, W.root.kid], 2]}))
    store_case("root-unknown", bad, edit=lambda s: s[5][0].append(W.stranger.kid))
    store_case("rule-threshold-zero", bad, edit=lambda s: s[6][0].__setitem__(2, 0))
    store_case("rule-threshold-high", bad, edit=lambda s: s[6][0].__setitem__(2, 3))
    store_case("rule-key-twice", bad, edit=lambda s: s[6][0].__setitem__(1, [W.release.kid] * 2))
    store_case("rule-key-unknown", bad, edit=lambda s: s[6][0][1].append(W.stranger.kid))
    store_case("class-twice", bad, edit=lambda s: s[6][0][0].append(class_id()))
    store_case("class-in-two-rules", bad, edit=lambda s: s[6].append([[class_id()], [W.release.kid], 1]))
    store_case("root-in-rule", bad, edit=lambda s: s[6][0][1].append(W.root.kid))
    store_case("key-twice", bad, edit=lambda s: s[7].append(s[7][0]))
    store_case("kid-of-other-key", bad, edit=lambda s: key_of(s).__setitem__(2, W.stranger.raw))
    store_case("point-compressed", bad, edit=lambda s: key_of(s).__setitem__(2, b"\2" + W.release.raw[1:33]))
    store_case("not-after-first", bad, edit=lambda s: key_of(s).__setitem__(4, NOW - 1000))
    store_case("revoked-twice", bad, edit=lambda s: s.update({8: [W.stranger.kid] * 2}))
    store_case("order-of-root", bad, edit_sorted=lambda s: s[5][0].reverse())
    store_case("order-of-classes", bad, edit_sorted=lambda s: s[6][0][0].reverse())
    store_case("order-of-rule-keys", bad, edit_sorted=lambda s: s[6][0][1].reverse())
    store_case("order-of-keys", bad, edit_sorted=lambda s: s[7].reverse())
    store_case("order-of-revoked", bad, edit_sorted=lambda s: s.update({8: [b"b" * 16, b"a" * 16]}))
    store_case("order-of-floors", bad, edit_sorted=lambda s: s.update({10: [[b"b" * 16, 1], [b"a" * 16, 1]]}))
    store_case("key-without-role", bad, edit=lambda s: s[7].append([W.stranger.kid, -9, W.stranger.raw, 1, 0]))
    store_case("origin", bad, edit=lambda s: s[9].__setitem__(0, "with space"))
    store_case("log-key-is-release-key", bad, edit=lambda s: s[9].__setitem__(1, W.release2.raw))
    store_case("quorum-without-witness", bad, edit=lambda s: s[9].__setitem__(3, 1))
    store_case("witness-without-quorum", bad, edit=lambda s: s[9].__setitem__(2, [["w", W.witness[0].raw]]))
    two = lambda a, b: lambda s: s.update({9: [ORIGIN, W.log_key.raw, [a, b], 1]})  # noqa: E731
    store_case("witness-key-twice", bad, edit=two(["w", W.witness[0].raw], ["x", W.witness[0].raw]))
    store_case("witness-name-twice", bad, edit=two(["w", W.witness[0].raw], ["w", W.witness[1].raw]))
    eight = [[f"w{i}", rb.Key(f"one of many {i}", ED25519).raw] for i in range(9)]
    store_case("witnesses-eight", "ok", edit=lambda s: s.update({9: [ORIGIN, W.log_key.raw, eight[:8], 8]}))
    store_case("witnesses-nine", bad, edit=lambda s: s.update({9: [ORIGIN, W.log_key.raw, eight, 8]}))
    store_case("witness-quorum-high", bad, edit=lambda s: s.update({9: [ORIGIN, W.log_key.raw, eight[:2], 3]}))
    store_case("witness-named-like-the-log", bad, edit=two(["w", W.witness[0].raw], [ORIGIN, W.witness[1].raw]))
    store_case("witness-has-a-release-key", bad, edit=two(["w", W.witness[0].raw], ["x", W.release2.raw]))
    store_case("witness-key-length", "trust-store-malformed", edit=two(["w", W.witness[0].raw[:31]], ["x", W.witness[1].raw]))
    store_case("witness-name-with-space", bad, edit=two(["w", W.witness[0].raw], ["x y", W.witness[1].raw]))
    store_case("witness-is-log", bad, edit=two(["w", W.witness[0].raw], ["x", W.log_key.raw]))
    store_case("floor-twice", bad, edit=lambda s: s.update({10: [[class_id(), 1], [class_id(), 2]]}))
    store_case("floor-shape", "trust-store-malformed", edit=lambda s: s.update({10: [[class_id()]]}))


def write(out):
    shutil.rmtree(out, ignore_errors=True)
    names = set()
    for name, reason, step, b, facts in CASES:
        assert name not in names, name
        names.add(name)
        folder = os.path.join(out, name)
        os.makedirs(folder)
        for file, data in (("store", b.store), ("envelope", b.envelope), ("proof", b.proof), ("payload", b.payload)):
            with open(os.path.join(folder, file), "wb") as f:
                f.write(data)
        lines = {"step": step, "reason": reason, "vendor": vendor_id().hex(), "class_id": class_id().hex(), **facts}
        with open(os.path.join(folder, "case"), "w") as f:
            f.writelines(f"{k} {v}\n" for k, v in lines.items())
    print(len(CASES), "cases in", out)


W.stranger_ed = rb.Key("stranger ed", ED25519)
good_cases()
witness_cases()
envelope_cases()
manifest_cases()
proof_cases()
freshness_cases()
store_cases()
write(sys.argv[1])
