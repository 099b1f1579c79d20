#!/usr/bin/python3
"""Project Wycheproof's ECDSA P-256 vectors. "acceptable" ones may go either way; DER here is strict."""
import json
import struct
import sys

from hallmark_tool import OK, Tool, expect, vectors


def run(tool, path, operation, floor):
    done = 0
    for group in json.loads(path.read_text())["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["uncompressed"])
        for test in group["tests"]:
            sig = bytes.fromhex(test["sig"])
            data = b"\x01" + key + struct.pack(">H", len(sig)) + sig + bytes.fromhex(test["msg"])
            error, _ = tool.ask(operation, data)
            name = f"{path.name} {test['tcId']} ({test['comment']})"
            if test["result"] == "valid":
                expect(error == OK, f"{name}: refused")
            if test["result"] == "invalid":
                expect(error != OK, f"{name}: accepted")
            done += 1
    expect(done >= floor, f"{path.name}: only {done} vectors")
    return done


def main():
    folder = vectors("wycheproof")
    tool = Tool(sys.argv[1])
    der = run(tool, folder / "ecdsa_secp256r1_sha256_test.json", "d", 300)
    raw = run(tool, folder / "ecdsa_secp256r1_sha256_p1363_test.json", "r", 150)
    tool.close()
    print(f"{der} DER and {raw} r||s vectors")


main()
