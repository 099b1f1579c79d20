"""Some keys in every encoding, and what each encoding is."""
import base64
import hashlib
import json
import struct

from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

P256, ED25519 = 40, 40


def ssh_string(data):
    return struct.pack(">I", len(data)) + data


def plain(obj):
    """A key object without what a role asks of it."""
    return {k: v for k, v in obj.items() if k != "user_verification"}


class Pool:
    """p256 and ed25519: lists of keys, each a list of its forms, the plain "pem" first."""

    def __init__(self, rng):
        self.identities = {}
        self.ids = {}
        self.p256 = [self.add("p256", ec.derive_private_key(rng.getrandbits(250) + 1, ec.SECP256R1()).public_key())
                     for _ in range(P256)]
        self.ed25519 = [self.add("ed25519", ed25519.Ed25519PrivateKey.from_private_bytes(
            rng.getrandbits(256).to_bytes(32, "big")).public_key()) for _ in range(ED25519)]

    def add(self, alg, key):
        der = key.public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo)
        pem = key.public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo).decode()
        line = key.public_bytes(ser.Encoding.OpenSSH, ser.PublicFormat.OpenSSH).decode()
        if alg == "p256":
            kind = b"sk-ecdsa-sha2-nistp256@openssh.com"
            body = ssh_string(b"nistp256") + ssh_string(key.public_bytes(ser.Encoding.X962, ser.PublicFormat.UncompressedPoint))
        else:
            kind = b"sk-ssh-ed25519@openssh.com"
            body = ssh_string(key.public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw))
        blob = ssh_string(kind) + body + ssh_string(b"ssh:")
        sk = kind.decode() + " " + base64.b64encode(blob).decode()
        forms = [{"pem": pem}, {"ssh": line}, {"ssh": line + " a comment"}, {"ssh": sk}]
        for form in forms:
            text = json.dumps(form)
            self.identities[text] = (alg, der)
            self.ids[text] = hashlib.sha256(der).hexdigest()
        return forms

    def witness(self, name, forms):
        """The verifier key of a witness with one of the Ed25519 keys (C2SP tlog-cosignature)."""
        raw = b"\x04" + self.identity(forms[0])[1][-32:]
        mark = hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8]
        return f"{name}+{mark}+{base64.b64encode(raw).decode()}"

    def identity(self, obj):
        return self.identities.get(json.dumps(plain(obj)))

    def key_id(self, obj):
        return self.ids[json.dumps(plain(obj))]

    def forms_of(self, obj):
        return next(forms for forms in self.p256 + self.ed25519 if plain(obj) in forms)
