"""Trust stores with python3-cbor2 and python3-cryptography: keys, signing, and a validator written from
schema/trust/trust-store.cddl and docs/formats/trust-store.md by hand."""
import base64
import hashlib
import json

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

ESP256, ED25519 = -9, -19


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


def is_uint(v, low=0, high=2**53 - 1):
    return isinstance(v, int) and not isinstance(v, bool) and low <= v <= high


def ids(values, low, high, what):
    need(isinstance(values, list) and low <= len(values) <= high, what)
    need(all(isinstance(v, bytes) and len(v) == 16 for v in values), what)
    need(all(a < b for a, b in zip(values, values[1:])), f"{what}: ascending")
    return values


def quorum(kids, threshold, known, high):
    ids(kids, 1, high, "kids")
    need(is_uint(threshold, 1, len(kids)), "threshold")
    need(all(k in known for k in kids), "unknown kid")


def check_keys(keys):
    need(isinstance(keys, list) and 1 <= len(keys) <= 32, "keys")
    known = {}
    for key in keys:
        need(isinstance(key, list) and len(key) == 5, "key")
        kid, alg, raw, before, after = key
        need(alg in (ESP256, ED25519), "algorithm")
        need(isinstance(raw, bytes) and len(raw) == (65 if alg == ESP256 else 32), "public key")
        need(alg == ESP256 or usable_ed25519(raw), "public key")
        try:
            public = (ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw) if alg == ESP256
                      else ed25519.Ed25519PublicKey.from_public_bytes(raw))
        except ValueError as error:
            raise Refused("public key") from error
        spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        need(kid == hashlib.sha256(spki).digest()[:16], "kid is not its key's")
        need(is_uint(before, 0, 253402300799) and is_uint(after, 0, 253402300799), "validity")
        need(after == 0 or after > before, "validity")
        known[kid] = (alg, raw)
    need([k[0] for k in keys] == sorted(known), "keys ascending and once")
    return known


def check_rules(rules, known):
    need(isinstance(rules, list) and 1 <= len(rules) <= 64, "rules")
    classes, kids = [], set()
    for rule in rules:
        need(isinstance(rule, list) and len(rule) == 3, "rule")
        classes += ids(rule[0], 1, 1024, "classes")
        quorum(rule[1], rule[2], known, 32)
        kids |= set(rule[1])
    need(len(classes) <= 1024 and len(set(classes)) == len(classes), "class in two rules")
    return kids


def check_log(log, known):
    need(isinstance(log, list) and len(log) == 4, "log")
    origin, key, witnesses, threshold = log
    need(isinstance(witnesses, list) and len(witnesses) <= 8, "witnesses")
    need(all(isinstance(w, list) and len(w) == 2 for w in witnesses), "witness")
    names = [origin] + [w[0] for w in witnesses]
    raws = [key] + [w[1] for w in witnesses]
    need(all(isinstance(n, str) and 1 <= len(n) <= 128 for n in names) and len(set(names)) == len(names), "names")
    need(all(all(0x20 < ord(c) < 0x7F and c not in '"\\+<>' for c in n) for n in names), "names")
    need(all(isinstance(r, bytes) and len(r) == 32 for r in raws) and len(set(raws)) == len(raws), "log keys")
    need(all(usable_ed25519(r) for r in raws), "log keys")
    need(not set(raws) & {raw for _, raw in known.values()}, "log key with another role")
    need(is_uint(threshold, 1 if witnesses else 0, len(witnesses)), "quorum")


def validate_store(payload):
    """The store's members, or Refused."""
    try:
        store = cbor2.loads(payload)
    except Exception as error:
        raise Refused("not CBOR") from error
    need(isinstance(store, dict) and list(store) == list(range(1, 11)), "members 1 to 10")
    need(encode(store) == payload, "deterministic encoding")
    need(is_uint(store[1]) and store[1] == 1, "format version")
    need(is_uint(store[2], 1), "epoch")
    need(isinstance(store[3], bytes) and len(store[3]) == 16, "vendor")
    need(is_uint(store[4], 1, 253402300799), "issued")
    known = check_keys(store[7])
    need(isinstance(store[5], list) and len(store[5]) == 2, "root")
    quorum(store[5][0], store[5][1], known, 8)
    release = check_rules(store[6], known)
    need(set(store[5][0]) | release == set(known) and not set(store[5][0]) & release, "roles")
    need(not set(ids(store[8], 0, 32, "revoked")) & set(store[5][0]), "root key revoked")
    check_log(store[9], known)
    need(isinstance(store[10], list) and all(isinstance(f, list) and len(f) == 2 for f in store[10]), "floors")
    ids([f[0] for f in store[10]], 0, 1024, "floors")
    need(all(is_uint(f[1]) for f in store[10]), "floors")
    return store


def validate_document(document):
    """Envelope, digest, signatures of the root threshold, store; or Refused."""
    try:
        envelope = cbor2.loads(document)
        need(isinstance(envelope, dict) and list(envelope) == [2, 3] and encode(envelope) == document, "envelope")
        wrapper = cbor2.loads(envelope[2])
        need(encode(wrapper) == envelope[2] and 1 <= len(wrapper) <= 9, "wrapper")
    except (cbor2.CBORDecodeError, TypeError, ValueError) as error:
        raise Refused("envelope") from error
    payload = envelope[3]
    need(wrapper[0] == suit_digest(payload), "digest")
    store = validate_store(payload)
    keys = {k[0]: (k[1], k[2]) for k in store[7]}
    good = set()
    for block in map(cbor2.loads, wrapper[1:]):
        protected, unprotected, _, signature = block.value
        alg, kid = cbor2.loads(protected)[1], unprotected.get(4)
        if kid in store[5][0] and keys[kid][0] == alg:
            need(public_verify(alg, keys[kid][1], signature, to_be_signed(alg, payload)), "signature")
            good.add(kid)
    need(len(good) >= store[5][1], "root threshold")
    return store
