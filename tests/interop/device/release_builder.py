"""Builds trust stores, manifests, records and proofs from docs/formats alone, with cbor2 and cryptography: no code
of Hallmark takes part. Used by the device's unit test fixtures, fuzz seeds and interop test."""
import base64
import copy
import hashlib
import json
import uuid

import cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ESP256, ESP384, ED25519, SHA256 = -9, -51, -19, -16
ORIGIN = "hallmark.example/rehearsal"
DOMAIN = "example.com"
NOW = 1_795_000_000


def sha(data):
    return hashlib.sha256(data).digest()


def enc(value):
    return cbor2.dumps(value, canonical=True)


def b64(data):
    return base64.b64encode(data).decode()


class Key:
    """A signing key. `seed` makes the same key every time, so that fixtures are stable in all but ECDSA's nonces."""

    def __init__(self, seed, alg=ESP256):
        self.alg = alg
        secret = sha(("hallmark device test key " + seed).encode())
        if alg == ED25519:
            self.private = ed25519.Ed25519PrivateKey.from_private_bytes(secret)
            self.raw = self.private.public_key().public_bytes(
                serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        else:
            self.private = ec.derive_private_key(int.from_bytes(secret, "big") >> 1, ec.SECP256R1())
            self.raw = self.private.public_key().public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        spki = self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.key_id = sha(spki)
        self.kid = self.key_id[:16]

    def pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, data):
        if self.alg == ED25519:
            return self.private.sign(data)
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def vendor_id(domain=DOMAIN):
    return uuid.uuid5(uuid.NAMESPACE_DNS, domain).bytes


def class_id(product="edge-router", model="er-100", revision="b", region="world", domain=DOMAIN):
    return uuid.uuid5(uuid.UUID(bytes=vendor_id(domain)), f"{product}/{model}/{revision}/{region}").bytes


def sign1(key, digest_item, alg=None, kid=None, sig_edit=None, protected=None, unprotected=None):
    protected = enc({1: alg or key.alg}) if protected is None else protected
    sig = key.sign(enc(["Signature1", protected, b"", digest_item]))
    if sig_edit:
        sig = sig_edit(sig)
    header = {4: kid or key.kid} if unprotected is None else unprotected
    return enc(cbor2.CBORTag(18, [protected, header, None, sig]))


def signed(content, blocks, tag=None, digest=None):
    """{2: wrapper, 3: content}; blocks: callables that sign the digest item."""
    item = enc([SHA256, digest or sha(enc(content))])
    wrapper = enc([item] + [block(item) for block in blocks])
    body = {2: wrapper, 3: content}
    return enc(cbor2.CBORTag(tag, body) if tag else body)


class World:
    """One vendor: keys, log, trust store. Attributes may be changed before anything is built."""

    def __init__(self):
        self.root = Key("root")
        self.root2 = Key("root 2")
        self.release = Key("release")
        self.release2 = Key("release 2", ED25519)
        self.stranger = Key("stranger")
        self.log_key = Key("log", ED25519)
        self.witness = [Key(f"witness {i}", ED25519) for i in range(3)]

    def keys(self):
        return [[k.kid, k.alg, k.raw, NOW - 1000, 0]
                for k in (self.root, self.root2, self.release, self.release2)]

    def store_map(self, **edit):
        s = {1: 1, 2: 3, 3: vendor_id(), 4: NOW - 500,
             5: [[self.root.kid, self.root2.kid], 1],
             6: [[[class_id(), class_id(region="eu")], [self.release.kid, self.release2.kid], 1]],
             7: self.keys(), 8: [],
             9: [ORIGIN, self.log_key.raw, [], 0], 10: []}
        for key, value in edit.get("members", {}).items():
            s[key] = value
        return s

    def store(self, members=None, signers=None, edit=None, edit_sorted=None):
        s = self.store_map(members=members or {})
        if edit:
            edit(s)
        sort_store(s)
        if edit_sorted:
            edit_sorted(s)
        content = enc(s)
        return signed(content, [lambda item, k=k: sign1(k, item) for k in signers or [self.root]])


def sort_store(s):
    """Ascending byte order in every list that demands it, as far as the shapes are right."""
    lists = [s.get(7, []), s.get(8, []), s.get(10, [])] + ([s[5][0]] if 5 in s else [])
    for rule in s.get(6, []):
        lists += rule[:2]
    for items in lists:
        items.sort(key=lambda i: i[0] if isinstance(i, list) else i)


FIRMWARE = bytes((i * 7 + (i >> 8)) & 0xff for i in range(10000))


def digest_parameter(data):
    return enc([SHA256, sha(data)])


def shared_sequence(classes, images):
    params = {1: vendor_id()}
    if len(classes) == 1:
        params[2] = classes[0]
    slotted = images[0].get("slot") is not None
    if not slotted:
        params[3] = digest_parameter(images[0]["data"])
        params[14] = images[0].get("size", len(images[0]["data"]))
    seq = [20, params, 1, 15]
    if len(classes) == 1:
        seq += [2, 15]
    else:
        seq += [15, [enc([20, {2: c}, 2, 15]) for c in classes]]
    if slotted:
        seq += [15, [enc([20, {5: i["slot"]}, 5, 5,
                          20, {3: digest_parameter(i["data"]), 14: i.get("size", len(i["data"]))}])
                     for i in images]]
    return seq


def install_sequence(images, use_before=None, at_least=None, floor=None):
    seq = []
    if use_before is not None:
        seq += [20, {4: use_before}, 4, 15]
    if at_least is not None:
        seq += [20, {28: [2, at_least]}, 28, 15]
    if floor is not None:
        seq += [-257, floor]
    if images[0].get("slot") is not None:
        seq += [15, [enc([20, {5: i["slot"]}, 5, 5, 20, {21: i["uri"]}, 21, 2]) for i in images]]
    else:
        seq += [20, {21: images[0]["uri"]}, 21, 2]
    return seq + [3, 15]


def manifest(sequence=12, classes=None, images=None, edit=None, **install):
    images = images or [{"data": FIRMWARE, "uri": "firmware.bin"}]
    parts = {"common": {2: [[b"\0"]]}, "shared": shared_sequence(classes or [class_id()], images),
             "validate": [3, 15], "invoke": [23, 2], "install": install_sequence(images, **install),
             "more": {}}
    if edit:
        edit(parts)
    common = dict(parts["common"])
    common[4] = enc(parts["shared"])
    m = {1: 1, 2: sequence, 3: enc(common), 7: enc(parts["validate"]), 9: enc(parts["invoke"]),
         20: enc(parts["install"])}
    m.update(parts["more"])
    return enc({k: v for k, v in m.items() if v is not None})


def suit_digest(manifest_bytes):
    return sha(enc(manifest_bytes))


def canonical(record):
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def leaf(data):
    return sha(b"\0" + data)


def node(left, right):
    return sha(b"\1" + left + right)


def tree(leaves):
    """RFC 6962 2.1"""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return node(tree(leaves[:k]), tree(leaves[k:]))


def path(index, leaves):
    """RFC 6962 2.1.1, from the leaf's sibling upwards"""
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if index < k:
        return path(index, leaves[:k]) + [tree(leaves[k:])]
    return path(index - k, leaves[k:]) + [tree(leaves[:k])]


def release_record(digest, keys, index, edit=None):
    r = {"artifacts": ["00" * 32], "channel": "stable", "environment": "production",
         "event": "release.signed", "evidence": ["11" * 32], "idx": index, "intent": max(index - 1, 0),
         "keys": [{"mechanism": "ESP256", "spki": k.key_id.hex(), "tbs": "22" * 32, "token": "0123"}
                  for k in keys],
         "manifest": digest.hex(), "outcome": "ok", "policy": "33" * 32, "prev": "44" * 32,
         "product": "edge-router", "release": "r2", "sequence": 12, "state": "signed",
         "store_epoch": 3, "t_ms": NOW * 1000 + 7, "v": 1, "version": "2.1.0"}
    r.update(edit or {})
    return {k: v for k, v in r.items() if v is not None}


def note_key_id(name, kind, raw):
    return sha(name.encode() + b"\n" + bytes([kind]) + raw)[:4]


def checkpoint(world, leaves, origin=ORIGIN, key=None, witnesses=(), root=None, size=None, lines=()):
    """witnesses: (key, name, time) of good cosignatures. lines: functions of the note that make a line each."""
    note = f"{origin}\n{len(leaves) if size is None else size}\n{b64(root or tree(leaves))}\n"
    key = key or world.log_key
    blob = note_key_id(origin, 1, key.raw) + key.sign(note.encode())
    text = note + f"\n\u2014 {origin} {b64(blob)}\n"
    for k, name, when in witnesses:
        message = f"cosignature/v1\ntime {when}\n" + note
        blob = note_key_id(name, 4, k.raw) + when.to_bytes(8, "big") + k.sign(message.encode())
        text += f"\u2014 {name} {b64(blob)}\n"
    return text + "".join(line(note) for line in lines)


def proof(record, index, hashes, checkpoint_text):
    lines = ["c2sp.org/tlog-proof@v1", f"extra {b64(record)}", f"index {index}"]
    return ("\n".join(lines + [b64(h) for h in hashes]) + "\n\n" + checkpoint_text).encode()


class Bundle:
    """Everything a device gets. Each part can be edited on its way; see make()."""
    store = envelope = proof = payload = b""


def make(world=None, store=None, store_bytes=None, manifest_args=None, manifest_bytes=None, blocks=None,
         signers=None, record=None, record_bytes=None, record_keys=None, log_size=11, index=7,
         checkpoint_args=None, proof_edit=None, envelope_edit=None):
    w = world or World()
    b = Bundle()
    b.world = w
    b.store = store_bytes if store_bytes is not None else w.store(**(store or {}))
    m = manifest_bytes if manifest_bytes is not None else manifest(**(manifest_args or {}))
    signers = signers or [w.release]
    blocks = blocks or [lambda item, k=k: sign1(k, item) for k in signers]
    b.envelope = signed(m, blocks, tag=107)
    b.digest = suit_digest(m)
    b.payload = FIRMWARE
    sequence = (manifest_args or {}).get("sequence", 12)
    r = release_record(b.digest, record_keys or signers, index, {"sequence": sequence, **(record or {})})
    data = canonical(r)
    if record_bytes:
        data = record_bytes(data)
    leaves = [leaf(b"record %d" % i) for i in range(log_size)]
    if index < log_size:
        leaves[index] = leaf(data)
    hashes_ = path(index, leaves) if index < log_size else []
    b.proof = proof(data, index, hashes_, checkpoint(w, leaves, **(checkpoint_args or {})))
    if proof_edit:
        b.proof = proof_edit(b.proof)
    if envelope_edit:
        b.envelope = envelope_edit(b.envelope)
    b.record = data
    return b


def without(mapping, *keys):
    """A copy that lacks these keys."""
    result = copy.deepcopy(mapping)
    for key in keys:
        result.pop(key)
    return result
