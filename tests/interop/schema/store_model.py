"""Trust stores with python3-cbor2 and python3-cryptography: keys, signing, and a validator. What CDDL can say is judged by
schema/trust/trust-store.cddl itself; what it cannot say is written here from docs/formats by hand: the one encoding, order, what stands
once, what refers to what, curve points, digest and signatures."""
import base64
import hashlib
import json
import os
import pathlib

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

import cddl

ESP256, ED25519 = -9, -19
SCHEMA = cddl.Schema(pathlib.Path(os.environ["HALLMARK_SOURCE"], "schema", "trust", "trust-store.cddl").read_text())


def encode(value):
    return cbor2.dumps(value, canonical=True)


class Key:
    def __init__(self, alg):
        self.alg = alg
        self.private = ec.generate_private_key(ec.SECP256R1()) if alg == ESP256 else ed25519.Ed25519PrivateKey.generate()
        public = self.private.public_key()
        form, point = serialization.Encoding, serialization.PublicFormat
        self.spki = public.public_bytes(form.DER, point.SubjectPublicKeyInfo)
        self.pem = public.public_bytes(form.PEM, point.SubjectPublicKeyInfo).decode()
        self.raw = (public.public_bytes(form.X962, point.UncompressedPoint) if alg == ESP256
                    else public.public_bytes(form.Raw, point.Raw))
        self.id = hashlib.sha256(self.spki).hexdigest()
        self.kid = hashlib.sha256(self.spki).digest()[:16]

    def sign(self, data):
        if self.alg == ED25519:
            return self.private.sign(data)
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def public_verify(alg, raw, signature, data):
    try:
        if alg == ED25519:
            ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(signature, data)
        else:
            der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw).verify(der, data, ec.ECDSA(hashes.SHA256()))
        return True
    except (InvalidSignature, ValueError):
        return False


def suit_digest(payload):
    return encode([-16, hashlib.sha256(encode(payload)).digest()])


def to_be_signed(alg, payload):
    return encode(["Signature1", encode({1: alg}), b"", suit_digest(payload)])


def root_signed(payload, keys):
    blocks = [encode(cbor2.CBORTag(18, [encode({1: k.alg}), {4: k.kid}, None, k.sign(to_be_signed(k.alg, payload))]))
              for k in keys]
    return encode({2: encode([suit_digest(payload)] + blocks), 3: payload})


def vkey(name, key):
    key_hash = hashlib.sha256(name.encode() + b"\n\x01" + key.raw).digest()[:4].hex()
    return f"{name}+{key_hash}+{base64.b64encode(bytes([1]) + key.raw).decode()}"


def canonical_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


FIELD = 2**255 - 19
CURVE_D = -121665 * pow(121666, -1, FIELD) % FIELD


def edwards_point(raw):
    """RFC 8032 section 5.1.3; None if raw is no point of the curve."""
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= FIELD:
        return None
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if x * x % FIELD != square:
        x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
    if x * x % FIELD != square or (x == 0 and raw[31] >> 7):
        return None
    return (FIELD - x if x % 2 != raw[31] >> 7 else x), y


def edwards_double(point):
    x, y = point
    t = CURVE_D * x * x * y * y % FIELD
    return 2 * x * y * pow(1 + t, -1, FIELD) % FIELD, (y * y + x * x) * pow(1 - t, -1, FIELD) % FIELD


def usable_ed25519(raw):
    """On the curve, and of no small order: eight times the point is not the identity."""
    point = edwards_point(raw)
    return point is not None and edwards_double(edwards_double(edwards_double(point))) != (0, 1)


class Refused(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Refused(what)


def ascending(values, what):
    need(all(a < b for a, b in zip(values, values[1:])), f"{what}: ascending, each once")


def quorum(kids, threshold, known):
    ascending(kids, "kids")
    need(threshold <= len(kids), "threshold")
    need(all(k in known for k in kids), "unknown kid")


def check_keys(keys):
    known = {}
    for kid, alg, raw, before, after in keys:
        need(alg == ESP256 or usable_ed25519(raw), "public key")
        try:
            public = (ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw) if alg == ESP256
                      else ed25519.Ed25519PublicKey.from_public_bytes(raw))
        except ValueError as error:
            raise Refused("public key") from error
        spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        need(kid == hashlib.sha256(spki).digest()[:16], "kid is not its key's")
        need(after == 0 or after > before, "validity")
        known[kid] = (alg, raw)
    ascending([k[0] for k in keys], "keys")
    return known


def check_rules(rules, known):
    classes, kids = [], set()
    for rule in rules:
        ascending(rule[0], "classes")
        classes += rule[0]
        quorum(rule[1], rule[2], known)
        kids |= set(rule[1])
    need(len(classes) <= 1024 and len(set(classes)) == len(classes), "class in two rules")
    return kids


def check_log(log, known):
    origin, key, witnesses, threshold = log
    names = [origin] + [w[0] for w in witnesses]
    raws = [key] + [w[1] for w in witnesses]
    need(all(all(0x20 < ord(c) < 0x7F and c not in '"\\+<>' for c in n) for n in names), "characters of a name")
    need(len(set(names)) == len(names) and len(set(raws)) == len(raws), "names and keys of the log once")
    need(all(usable_ed25519(r) for r in raws), "log keys")
    need(not set(raws) & {raw for _, raw in known.values()}, "log key with another role")
    need(min(1, len(witnesses)) <= threshold <= len(witnesses), "quorum")


def check_store(store):
    """What holds between the members of a store that the schema takes."""
    known = check_keys(store[7])
    quorum(store[5][0], store[5][1], known)
    release = check_rules(store[6], known)
    root, revoked = set(store[5][0]), store[8]
    need(root | release == set(known) and not root & release, "roles")
    ascending(revoked, "revoked")
    need(not set(revoked) & root, "root key revoked")
    check_log(store[9], known)
    ascending([f[0] for f in store[10]], "floors")


def decode(data):
    """The value, if data is its one deterministic encoding."""
    try:
        value = cbor2.loads(data)
        again = encode(value)
    except Exception as error:
        raise Refused("not CBOR") from error
    need(again == data, "deterministic encoding")
    return value


def check_schema(document):
    """Refused if trust-store.cddl alone does not take the document."""
    try:
        SCHEMA.check("root-signed-document", cbor2.loads(document))
    except cddl.Mismatch as mismatch:
        raise Refused(str(mismatch)) from mismatch
    except Exception as error:
        raise Refused("not CBOR") from error


def check_signatures(payload, blocks, store):
    keys, good = {k[0]: (k[1], k[2]) for k in store[7]}, set()
    for block in map(decode, blocks):
        protected, unprotected, _, signature = block.value
        alg, kid = decode(protected)[1], unprotected[4]
        if kid in store[5][0] and keys[kid][0] == alg:
            need(public_verify(alg, keys[kid][1], signature, to_be_signed(alg, payload)), "signature")
            good.add(kid)
    need(len(good) >= store[5][1], "root threshold")


def validate_document(document):
    """The store of a root-signed document; or Refused."""
    check_schema(document)
    envelope = decode(document)
    digest, *blocks = decode(envelope[2])
    need(digest == suit_digest(envelope[3]), "digest")
    store = decode(envelope[3])
    check_store(store)
    check_signatures(envelope[3], blocks, store)
    return store
