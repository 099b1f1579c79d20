"""Signatures and certificates made by foreign tools verify here, ours verify there.

usage: foreign_test.py ATTEST_TOOL
Uses ssh-keygen, openssl and python3-cryptography; FIDO signatures are put together by hand."""
import base64
import hashlib
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

TOOL = sys.argv[1]
NS = "hallmark-approval"
MESSAGE = b"release-approval/v1\norigin hallmark.example/rehearsal\n"
checks = 0


def tool(*args, want=0):
    global checks
    done = subprocess.run([TOOL, *map(str, args)], capture_output=True)
    assert done.returncode == want, (args, want, done.returncode, done.stderr)
    checks += 1
    return done.stdout


def run(*args, **kw):
    return subprocess.run([*map(str, args)], check=True, capture_output=True, **kw).stdout


def string(b):
    return struct.pack(">I", len(b)) + b


def mpint(n):
    return string(n.to_bytes(n.bit_length() // 8 + 1, "big"))


def raw_public(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def point(key):
    return key.public_key().public_bytes(serialization.Encoding.X962,
                                         serialization.PublicFormat.UncompressedPoint)


def ecdsa(key, message):
    return b"".join(map(mpint, decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))))


def armor(blob):
    text = base64.b64encode(blob).decode()
    lines = [text[i:i + 76] for i in range(0, len(text), 76)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def ssh_keygen(tmp):
    """ssh-keygen signs, we verify; we armour, ssh-keygen verifies."""
    message, other = tmp / "message", tmp / "other"
    message.write_bytes(MESSAGE)
    other.write_bytes(MESSAGE + b"x")
    kinds = [("ed25519", []), ("ecdsa", ["-b", "256"])]
    for kind, more in kinds:
        for name in (kind, kind + "-2"):
            run("ssh-keygen", "-q", "-t", kind, *more, "-N", "", "-C", "a comment", "-f", tmp / name)
    for kind, _ in kinds:
        key, public = tmp / kind, tmp / f"{kind}.pub"
        for hash_name in ("sha512", "sha256"):
            signature = tmp / "message.sig"
            signature.unlink(missing_ok=True)
            run("ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", NS, "-O", f"hashalg={hash_name}",
                message)
            tool("sshsig-verify", NS, public, message, signature)
            tool("sshsig-verify", NS, public, other, signature, want=1)
            tool("sshsig-verify", "hallmark-submit", public, message, signature, want=1)
            tool("sshsig-verify", NS, tmp / f"{kind}-2.pub", message, signature, want=1)
        document = tmp / "signed.json"
        document.write_text(json.dumps({"payload": base64.b64encode(MESSAGE).decode(),
                                        "sshsig": signature.read_text()}))
        assert tool("signed-verify", 4, public, document) == MESSAGE
        tool("signed-verify", 1, public, document, want=1)
        ours(tmp, kind, key, public, message, other)
    run("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", tmp / "rsa")
    (tmp / "message.sig").unlink()
    run("ssh-keygen", "-q", "-Y", "sign", "-f", tmp / "rsa", "-n", NS, message)
    tool("sshsig-verify", NS, tmp / "ed25519.pub", message, tmp / "message.sig", want=1)


def ours(tmp, kind, key, public, message, other):
    private = serialization.load_ssh_private_key(key.read_bytes(), None)
    tbs = tool("sshsig-tbs", NS, message)
    if kind == "ed25519":
        blob = string(b"ssh-ed25519") + string(private.sign(tbs))
    else:
        blob = string(b"ecdsa-sha2-nistp256") + string(ecdsa(private, tbs))
    (tmp / "key.blob").write_bytes(base64.b64decode(public.read_text().split()[1]))
    (tmp / "sig.blob").write_bytes(blob)
    written = tmp / "ours.sig"
    written.write_bytes(tool("sshsig-armor", NS, tmp / "key.blob", tmp / "sig.blob"))
    (tmp / "allowed").write_text("alice " + public.read_text())
    verify = ["ssh-keygen", "-Y", "verify", "-f", tmp / "allowed", "-I", "alice", "-n", NS,
              "-s", written]
    with message.open("rb") as f:
        run(*verify, stdin=f)
    with other.open("rb") as f:
        assert subprocess.run([*map(str, verify)], stdin=f, capture_output=True).returncode != 0
    tool("sshsig-verify", NS, public, message, written)


def fido(tmp):
    """sk- signatures as a token makes them."""
    message = tmp / "message"
    keys = [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())]
    for key, flags, counter, application, want in [
            (k, *row) for k in keys for row in (
                (0x01, 0, b"ssh:", 0), (0x05, 4294967295, b"ssh:", 0), (0x00, 1, b"ssh:", 1),
                (0x04, 1, b"ssh:", 1), (0x01, 1, b"ssh:evil", 1))]:
        ed = isinstance(key, ed25519.Ed25519PrivateKey)
        name = b"sk-ssh-ed25519@openssh.com" if ed else b"sk-ecdsa-sha2-nistp256@openssh.com"
        value = string(raw_public(key)) if ed else string(b"nistp256") + string(point(key))
        tbs = (b"SSHSIG" + string(NS.encode()) + string(b"") + string(b"sha512")
               + string(hashlib.sha512(MESSAGE).digest()))
        tail = bytes([flags]) + struct.pack(">I", counter)
        signed = hashlib.sha256(application).digest() + tail + hashlib.sha256(tbs).digest()
        sig = key.sign(signed) if ed else ecdsa(key, signed)
        key_blob = string(name) + value + string(application)
        blob = (b"SSHSIG" + struct.pack(">I", 1) + string(key_blob) + string(NS.encode())
                + string(b"") + string(b"sha512") + string(string(name) + string(sig) + tail))
        enrolled = string(name) + value + string(b"ssh:")
        (tmp / "sk.pub").write_text(f"{name.decode()} {base64.b64encode(enrolled).decode()} alice\n")
        (tmp / "sk.sig").write_text(armor(blob))
        tool("sshsig-verify", NS, tmp / "sk.pub", message, tmp / "sk.sig", want=want)
        if want == 0:
            (tmp / "allowed").write_text(f"alice {(tmp / 'sk.pub').read_text()}")
            with message.open("rb") as f:
                run("ssh-keygen", "-Y", "verify", "-f", tmp / "allowed", "-I", "alice", "-n", NS,
                    "-s", tmp / "sk.sig", stdin=f)


def pae(kind, payload):
    return b"DSSEv1 %d %s %d " % (len(kind), kind.encode(), len(payload)) + payload


def dsse(tmp):
    kind, payload = "application/vnd.in-toto+json", "{\"a\": \"é?>\"}".encode()
    for private in (ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())):
        ed = isinstance(private, ed25519.Ed25519PrivateKey)
        sign = private.sign if ed else lambda m, k=private: k.sign(m, ec.ECDSA(hashes.SHA256()))
        (tmp / "key.pem").write_bytes(private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        sig = sign(pae(kind, payload))
        for encode in (base64.b64encode, base64.urlsafe_b64encode,
                       lambda b: base64.urlsafe_b64encode(b).rstrip(b"=")):
            envelope = {"payloadType": kind, "payload": encode(payload).decode(),
                        "signatures": [{"keyid": "whatever", "sig": encode(sig).decode()}]}
            (tmp / "dsse.json").write_text(json.dumps(envelope))
            assert tool("dsse-verify", tmp / "key.pem", tmp / "dsse.json") == payload
        envelope["payloadType"] = "application/json"
        (tmp / "dsse.json").write_text(json.dumps(envelope))
        tool("dsse-verify", tmp / "key.pem", tmp / "dsse.json", want=1)
        (tmp / "payload").write_bytes(payload)
        (tmp / "sig").write_bytes(sig)
        written = json.loads(tool("dsse-write", kind, tmp / "payload", tmp / "sig"))
        assert written["payloadType"] == kind
        assert base64.b64decode(written["payload"]) == payload
        assert [base64.b64decode(s["sig"]) for s in written["signatures"]] == [sig]


def certificates(tmp):
    """openssl issues, we read; `openssl verify` and we agree."""
    (tmp / "client.cnf").write_text(
        "[client]\nextendedKeyUsage=clientAuth\n"
        "subjectAltName=URI:spiffe://example.com/ci/edge,DNS:ci.example.com,URI:urn:x\n"
        "[server]\nextendedKeyUsage=serverAuth\n")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", tmp / "ca.key", "-out", tmp / "ca.pem", "-subj", "/CN=test ca", "-days", "2")
    for name in ("client", "server"):
        run("openssl", "req", "-newkey", "ed25519", "-nodes", "-keyout", tmp / "leaf.key", "-out",
            tmp / "leaf.csr", "-subj", "/CN=leaf")
        run("openssl", "x509", "-req", "-in", tmp / "leaf.csr", "-CA", tmp / "ca.pem", "-CAkey",
            tmp / "ca.key", "-days", "1", "-extfile", tmp / "client.cnf", "-extensions", name,
            "-out", tmp / f"{name}.pem")
    lines = tool("cert", tmp / "client.pem").decode().splitlines()
    want = run("openssl", "x509", "-in", tmp / "client.pem", "-noout", "-fingerprint", "-sha256")
    assert lines[0] == want.decode().strip().split("=")[1].replace(":", "").lower()
    begin, end = map(int, lines[1].split())
    assert end - begin == 86400
    assert lines[2:] == ["spiffe://example.com/ci/edge", "urn:x"]
    for name in ("client", "server"):
        for at in (begin + 60, begin - 60, end + 60):
            theirs = subprocess.run(["openssl", "verify", "-CAfile", str(tmp / "ca.pem"), "-purpose",
                                     "sslclient", "-attime", str(at), str(tmp / f"{name}.pem")],
                                    capture_output=True).returncode
            assert (theirs == 0) == (name == "client" and at == begin + 60)
            tool("chain", tmp / f"{name}.pem", tmp / "ca.pem", at, want=0 if theirs == 0 else 1)


def main():
    if not shutil.which("ssh-keygen") or not shutil.which("openssl"):
        print("skipped: ssh-keygen and openssl are needed")
        return 77
    with tempfile.TemporaryDirectory() as d:
        tmp = pathlib.Path(d)
        ssh_keygen(tmp)
        fido(tmp)
        dsse(tmp)
        certificates(tmp)
    print(f"{checks} checks")
    return 0


sys.exit(main())
