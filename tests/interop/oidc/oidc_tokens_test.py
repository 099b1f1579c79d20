"""Tokens by python3-jwt and by hand, keys by python3-cryptography: what is accepted, and everything that is not."""
import base64
import hashlib
import hmac
import json
import subprocess
import sys

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

AT = 1_795_224_000
AUD = "hallmark.test/log#sha256:" + "ab" * 32
ALGS = ["RS256", "PS256", "ES256", "ES384"]


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(n, size=None):
    return b64(n.to_bytes(size or (n.bit_length() + 7) // 8, "big"))


def jwk(key, kid, **more):
    n = key.public_key().public_numbers() if not isinstance(key, bytes) else None
    if isinstance(key, rsa.RSAPrivateKey):
        doc = {"kty": "RSA", "n": number(n.n), "e": number(n.e)}
    else:
        size = (key.curve.key_size + 7) // 8
        doc = {"kty": "EC", "crv": {256: "P-256", 384: "P-384", 521: "P-521"}[key.curve.key_size],
               "x": number(n.x, size), "y": number(n.y, size)}
    doc.update({"kid": kid, "use": "sig"}, **more)
    return doc


RSA = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)
P256, P384, P521 = (ec.generate_private_key(c()) for c in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1))
KEYS = [jwk(RSA, "rsa"), jwk(P256, "p256"), jwk(P384, "p384"), jwk(P521, "p521"), jwk(SMALL, "small"),
        jwk(OTHER, "enc", use="enc"), dict(jwk(OTHER, "only-ps"), alg="PS256"), {"kty": "oct", "k": b64(b"secret" * 8), "kid": "oct"}]
CLAIMS = {"iss": "https://ci.example.com", "aud": AUD, "iat": AT - 10, "nbf": AT - 10, "exp": AT + 290, "jti": "one",
          "repository": "example/edge-router", "ref": "refs/tags/v1"}


def claims(drop=(), **over):
    return {k: v for k, v in dict(CLAIMS, **over).items() if k not in drop}


def sign(body, key=RSA, alg="RS256", kid="rsa", **headers):
    return jwt.encode(body, key, algorithm=alg, headers=dict({"kid": kid}, **headers))


def by_hand(header, body, key=RSA):
    """Exact texts, signed with RS256 whatever they say."""
    text = b64(header.encode()) + "." + b64(body.encode())
    return text + "." + b64(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))


def with_secret(header, body, secret):
    text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(body).encode())
    return text + "." + b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())


def flipped(token, part):
    parts = token.split(".")
    middle = len(parts[part]) // 2
    parts[part] = parts[part][:middle] + ("A" if parts[part][middle] != "A" else "B") + parts[part][middle + 1:]
    return ".".join(parts)


H = '{"alg":"RS256","kid":"rsa"}'
GOOD = sign(claims())
PEM = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

# name, token, expected beginning of the answer, overrides of the line
ROWS = [
    ("RS256", GOOD, "ok example/edge-router"),
    ("PS256", sign(claims(), alg="PS256"), "ok"),
    ("ES256", sign(claims(), P256, "ES256", "p256"), "ok"),
    ("ES384", sign(claims(), P384, "ES384", "p384"), "ok"),
    ("one audience in a list", sign(claims(aud=[AUD])), "ok"),
    ("no nbf", sign(claims(drop=["nbf"])), "ok"),
    ("within the leeway after expiry", sign(claims(iat=AT - 100, nbf=AT - 100, exp=AT - 20)), "ok", {"leeway": 30}),
    ("issued within the leeway ahead", sign(claims(iat=AT + 20, nbf=AT + 20)), "ok", {"leeway": 30}),
    ("unknown header x5t", sign(claims(), x5t="abc"), "ok"),
    ("alg none", jwt.encode(claims(), None, algorithm="none", headers={"kid": "rsa"}), "malformed"),
    ("alg none with a signature", by_hand('{"alg":"none","kid":"rsa"}', json.dumps(claims())), "unsupported: token header.alg"),
    ("HS256 with the public key as secret", with_secret({"alg": "HS256", "kid": "rsa"}, claims(), PEM), "unsupported: token header.alg"),
    ("HS256 with the symmetric key of the set", with_secret({"alg": "HS256", "kid": "oct"}, claims(), b"secret" * 8), "unsupported"),
    ("RS256 said, HMAC made with the public key", with_secret({"alg": "RS256", "kid": "rsa"}, claims(), PEM), "signature"),
    ("RS512", sign(claims(), alg="RS512"), "unsupported"),
    ("lower case alg", by_hand('{"alg":"rs256","kid":"rsa"}', json.dumps(claims())), "unsupported"),
    ("alg missing", by_hand('{"kid":"rsa"}', json.dumps(claims())), "malformed"),
    ("alg twice", by_hand('{"alg":"none","alg":"RS256","kid":"rsa"}', json.dumps(claims())), "malformed"),
    ("kid missing", jwt.encode(claims(), RSA, algorithm="RS256"), "malformed"),
    ("kid of nobody", sign(claims(), kid="nobody"), "not-found"),
    ("kid of another key", sign(claims(), kid="p256"), "signature"),
    ("kid of an encryption key", sign(claims(), OTHER, kid="enc"), "not-found"),
    ("kid of a short key", sign(claims(), SMALL, kid="small"), "not-found"),
    ("kid of a P-521 key", sign(claims(), P521, "ES512", "p521"), "unsupported"),
    ("RS256 by a key for PS256", sign(claims(), OTHER, kid="only-ps"), "signature"),
    ("other issuer's key under the same kid", sign(claims(), OTHER), "signature"),
    ("algorithm not in the issuer's list", GOOD, "denied", {"algs": ["ES256"]}),
    ("crit", sign(claims(), crit=["exp"]), "unsupported: token header.crit"),
    ("embedded jwk", sign(claims(), OTHER, jwk=jwk(OTHER, "rsa")), "unsupported: token header.jwk"),
    ("jku", sign(claims(), jku="https://evil.example/jwks"), "unsupported: token header.jku"),
    ("x5u", sign(claims(), x5u="https://evil.example/x"), "unsupported: token header.x5u"),
    ("x5c", sign(claims(), x5c=["AAAA"]), "unsupported: token header.x5c"),
    ("b64 false", by_hand('{"alg":"RS256","kid":"rsa","b64":false}', json.dumps(claims())), "unsupported"),
    ("typ of something else", sign(claims(), typ="at+jwt"), "unsupported: token header.typ"),
    ("expired", sign(claims(exp=AT)), "expired"),
    ("expired beyond the leeway", sign(claims(iat=AT - 100, exp=AT - 31)), "expired", {"leeway": 30}),
    ("nbf ahead", sign(claims(nbf=AT + 1)), "denied: token: it is not valid yet"),
    ("iat ahead", sign(claims(iat=AT + 1)), "denied: token: it is not valid yet"),
    ("exp before iat", sign(claims(exp=AT - 11)), "malformed: token.exp"),
    ("lives for more than a day", sign(claims(exp=AT + 86400)), "malformed: token.exp"),
    ("exp missing", sign(claims(drop=["exp"])), "malformed: token.exp"),
    ("iat missing", sign(claims(drop=["iat"])), "malformed: token.iat"),
    ("jti missing", sign(claims(drop=["jti"])), "malformed: token.jti"),
    ("iss missing", sign(claims(drop=["iss"])), "malformed: token.iss"),
    ("aud missing", sign(claims(drop=["aud"])), "malformed: token.aud"),
    ("exp as text", by_hand(H, json.dumps(claims(exp="9999999999"))), "malformed"),
    ("exp as fraction", by_hand(H, json.dumps(claims(exp=AT + 1.5))), "malformed"),
    ("exp negative", by_hand(H, json.dumps(claims(exp=-1))), "malformed"),
    ("exp enormous", by_hand(H, json.dumps(claims(exp=10 ** 30))), "malformed"),
    ("wrong audience", sign(claims(aud="hallmark.test/log#sha256:" + "cd" * 32)), "denied: token: its audience"),
    ("audience in another case", sign(claims(aud=AUD.upper())), "denied: token: its audience"),
    ("audience of the log alone", sign(claims(aud="hallmark.test/log")), "denied: token: its audience"),
    ("a second audience", sign(claims(aud=[AUD, "other"])), "malformed: token.aud"),
    ("no audience in a list", sign(claims(aud=[])), "malformed: token.aud"),
    ("audience as number", by_hand(H, json.dumps(claims(aud=5))), "malformed: token.aud"),
    ("claim twice", by_hand(H, json.dumps(claims())[:-1] + ',"repository":"evil/fork"}'), "malformed"),
    ("aud twice", by_hand(H, json.dumps(claims())[:-1] + ',"aud":"x"}'), "malformed"),
    ("NUL in a claim", by_hand(H, json.dumps(claims(jti="a\0b"))), "malformed"),
    ("control character in jti", by_hand(H, json.dumps(claims(jti="a\nb"))), "malformed"),
    ("payload is a list", by_hand(H, "[]"), "malformed"),
    ("payload is no JSON", by_hand(H, "{"), "malformed"),
    ("bytes behind the payload", by_hand(H, json.dumps(claims()) + "x"), "malformed"),
    ("empty", "", "limit"), ("two parts", ".".join(GOOD.split(".")[:2]), "malformed"),
    ("four parts", GOOD + ".AAAA", "malformed"), ("five parts", "a.b.c.d.e", "malformed"),
    ("no signature", ".".join(GOOD.split(".")[:2]) + ".", "malformed"),
    ("padding", GOOD + "=", "malformed"), ("standard alphabet", GOOD[:-2] + "+/", "malformed"),
    ("newline behind", GOOD + "\n", "malformed"), ("blank before", " " + GOOD, "malformed"),
    ("oversized", sign(claims(more="x" * 7000)), "limit"),
    ("deeply nested", by_hand(H, json.dumps(claims())[:-1] + ',"x":' + "[" * 80 + "]" * 80 + "}"), "limit"),
    ("header flipped", flipped(GOOD, 0), None), ("payload flipped", flipped(GOOD, 1), None), ("signature flipped", flipped(GOOD, 2), "signature"),
    ("signature of another token", ".".join(GOOD.split(".")[:2] + sign(claims(jti="two")).split(".")[2:]), "signature"),
]
SETS = [
    ("not JSON", "{", "malformed"), ("no list", {"key": KEYS}, "malformed"), ("empty list", {"keys": []}, "malformed"),
    ("nothing of use", {"keys": KEYS[3:6]}, "malformed"), ("a key id twice", {"keys": [KEYS[0], dict(KEYS[1], kid="rsa")]}, "malformed"),
    ("a private key", {"keys": [KEYS[0], dict(KEYS[1], d="AAAA")]}, "malformed"),
    ("members twice", '{"keys":[],"keys":[' + json.dumps(KEYS[0]) + "]}", "malformed"),
    ("more than 64 keys", {"keys": [dict(KEYS[0], kid=str(i)) for i in range(65)]}, "limit"),
    ("larger than a set may be", {"keys": [dict(KEYS[0], more="x" * 300000)]}, "limit"),
    ("a point off its curve", {"keys": [dict(KEYS[1], y=KEYS[1]["x"])]}, "malformed"),
    ("a modulus with a zero in front", {"keys": [dict(KEYS[0], n=b64(b"\0" + base64.urlsafe_b64decode(KEYS[0]["n"] + "==")))]}, "malformed"),
    ("an exponent of 1", {"keys": [dict(KEYS[0], e="AQ")]}, "malformed"), ("an even exponent", {"keys": [dict(KEYS[0], e="AQAC")]}, "malformed"),
    ("members that nobody knows", {"keys": [dict(KEYS[0], x5t="abc", x5c=["AAA"])], "more": 1}, "ok"),
    ("a good key beside useless ones", {"keys": KEYS[3:] + [KEYS[0]]}, "ok"),
]


def main():
    lines, wanted = [], []
    for name, token, want, *over in ROWS:
        lines.append(dict({"jwks": json.dumps({"keys": KEYS}), "token": token, "audience": AUD, "at": AT, "leeway": 0, "algs": ALGS},
                          **(over[0] if over else {})))
        wanted.append((name, want))
    for name, keys, want in SETS:
        lines.append({"jwks": keys if isinstance(keys, str) else json.dumps(keys), "token": GOOD, "audience": AUD, "at": AT, "leeway": 0,
                      "algs": ALGS})
        wanted.append(("key set: " + name, want))
    for cut in range(0, len(GOOD), 7):
        lines.append(dict(lines[0], token=GOOD[:cut]))
        wanted.append(("cut off at %d" % cut, None))
    for at in range(len(GOOD)):
        if at < len(GOOD) - 1:  # the last letter holds bits that mean nothing
            lines.append(dict(lines[0], token=GOOD[:at] + ("A" if GOOD[at] != "A" else "B") + GOOD[at + 1:]))
            wanted.append(("letter %d changed" % at, None))
    run = subprocess.run([sys.argv[1]], input="".join(json.dumps(x) + "\n" for x in lines), capture_output=True, text=True)
    answers = run.stdout.splitlines()
    failed = [(name, want, found) for (name, want), found in zip(wanted, answers)
              if not (found.startswith(want) if want else not found.startswith("ok"))]
    for row in failed:
        print("FAILED %s: wanted %s, found %s" % row)
    print("%d cases, %d failed" % (len(answers), len(failed)))
    if run.returncode != 0 or len(answers) != len(wanted):
        print("the driver ended with %d after %d of %d\n%s" % (run.returncode, len(answers), len(wanted), run.stderr[-2000:]))
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
