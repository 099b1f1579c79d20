#!/usr/bin/python3
"""hallmark-device against releases that cbor2 and cryptography built from the documents: device_interop.py PROGRAM.
Install, boot, confirm, update; and every altered release refused with its reason."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import release_builder as rb  # noqa: E402

PROGRAM = ""


def flip(data, at=-1):
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


class Device:
    def __init__(self, folder):
        self.folder = folder
        self.state = os.path.join(folder, "device")

    def run(self, command, *args, code=0, as_json=True):
        argv = [PROGRAM, command, "--state", self.state, *args] + (["--json"] if as_json else [])
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        if done.returncode != code:
            raise AssertionError(f"{argv}: exit {done.returncode}, expected {code}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout) if as_json else done.stdout + done.stderr

    def init(self, store, *more, code=0, **names):
        path = self.write("trust-store.cbor", store)
        who = {"vendor-domain": rb.DOMAIN, "product": "edge-router", "model": "er-100", "revision": "b",
               "region": "world", **names}
        args = [x for k, v in who.items() for x in (f"--{k}", v)]
        return self.run("init", "--trust-store", path, *args, *more, code=code)

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def bundle(self, b, payload=None):
        self.write("manifest.suit", b.envelope)
        self.write("release.tlog-proof", b.proof)
        self.write("firmware.bin", b.payload if payload is None else payload)
        return self.folder

    def install(self, b, payload=None, code=0, command="install"):
        return self.run(command, self.bundle(b, payload), code=code)


def release(sequence, **args):
    return rb.make(manifest_args={"sequence": sequence, **args.pop("manifest_args", {})}, **args)


class Interop(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.device = Device(self.temp.name)

    def tearDown(self):
        self.temp.cleanup()

    def start(self, **args):
        self.device.init(rb.World().store(), **args)

    def bring_to(self, sequence, **args):
        self.device.install(release(sequence, **args))
        self.assertTrue(self.device.run("boot")["trial"])
        self.device.run("confirm")

    def refused(self, b, reason, payload=None):
        for command in ("verify", "install"):
            answer = self.device.install(b, payload, code=1, command=command)
            self.assertEqual(answer["reason"], reason)
            self.assertTrue(answer["explanation"] and answer["next"])

    def test_life(self):
        self.start()
        b = release(12)
        self.assertEqual(self.device.install(b, command="verify")["reason"], "ok")
        self.assertEqual(self.device.run("status")["slot_a"], "empty")  # verify writes nothing
        installed = self.device.install(b)
        self.assertEqual((installed["sequence"], installed["manifest"], installed["slot"], installed["witnesses"]),
                         (12, b.digest.hex(), "a", "none"))
        booted = self.device.run("boot")
        self.assertEqual((booted["slot"], booted["trial"], booted["image"]), ("a", True, rb.sha(rb.FIRMWARE).hex()))
        self.assertEqual(self.device.run("confirm", "--slot", "b", code=1)["reason"], "nothing-to-confirm")
        self.assertEqual(self.device.run("confirm", "--slot", "c", code=2)["ok"], False)
        self.assertEqual(self.device.run("confirm", "--slot", "a")["sequence"], 12)
        self.assertEqual(self.device.run("boot")["trial"], False)
        with open(os.path.join(self.device.state, "slot-a.img"), "rb") as f:
            self.assertEqual(f.read(), rb.FIRMWARE)
        status = self.device.run("status")
        self.assertEqual((status["version"], status["sequence"], status["active"], status["confirmed"]),
                         ("2.1.0", 12, "a", True))
        self.bring_to(13)
        self.assertEqual(self.device.run("status")["active"], "b")
        self.refused(release(12), "sequence-too-low")

    def test_unconfirmed_trial_goes_back(self):
        self.start()
        self.bring_to(12)
        self.device.install(release(13))
        self.assertEqual(self.device.run("boot")["sequence"], 13)
        back = self.device.run("boot")
        self.assertEqual((back["sequence"], back["trial"], back["fallback"]), (12, False, "trial-not-confirmed"))
        self.assertEqual(self.device.run("confirm", code=1)["reason"], "nothing-to-confirm")

    def test_damaged_slot_goes_back(self):
        self.start()
        self.bring_to(12)
        self.bring_to(13)
        path = os.path.join(self.device.state, "slot-b.img")
        with open(path, "rb") as f:
            data = f.read()
        with open(path, "wb") as f:
            f.write(flip(data, 77))
        back = self.device.run("boot")
        self.assertEqual((back["sequence"], back["fallback"]), (12, "image-damaged"))
        os.remove(os.path.join(self.device.state, "slot-a.img"))
        self.assertEqual(self.device.run("boot", code=1)["reason"], "no-bootable-slot")

    def test_one_flipped_bit(self):
        self.start()
        b = release(12)
        self.refused(b, "payload-digest", payload=flip(b.payload))
        self.refused(b, "payload-size", payload=b.payload + b"x")
        self.refused(b, "payload-size", payload=b.payload[:-1])
        altered = release(12)
        altered.envelope = flip(b.envelope)
        self.refused(altered, "manifest-digest-mismatch")
        altered = release(12)
        altered.proof = altered.proof.replace(b"index 7", b"index 6")
        self.refused(altered, "record-not-included")
        self.assertEqual(self.device.run("boot", code=1)["reason"], "no-bootable-slot")

    def test_wrong_payload_keeps_the_old_slot(self):
        self.start()
        self.bring_to(12)
        self.bring_to(13)
        self.device.install(release(14), flip(rb.FIRMWARE), code=1)
        self.assertEqual(self.device.run("status")["slot_a"], "confirmed")

    def test_refusals(self):
        self.start(**{"installed-version": "2.0.0"})
        w = rb.World()
        for reason, b in {
                "key-unknown": rb.make(signers=[w.stranger]),
                "key-not-allowed": rb.make(signers=[w.root]),
                "record-other-keys": rb.make(record_keys=[w.stranger]),
                "record-event": rb.make(record={"event": "sign.intended"}),
                "record-outcome": rb.make(record={"outcome": "sign.failed"}),
                "record-not-canonical": rb.make(record_bytes=lambda d: d.replace(b":", b": ", 1)),
                "trust-store-too-old": rb.make(record={"store_epoch": 99}),
                "checkpoint-origin": rb.make(checkpoint_args={"origin": "other.example/log"}),
                "class-mismatch": rb.make(manifest_args={"classes": [rb.class_id(revision="c")]}),
                "use-before-passed": rb.make(manifest_args={"use_before": rb.NOW - 10_000}),
                "installed-version-too-low": rb.make(manifest_args={"at_least": [2, 0, 1]}),
        }.items():
            with self.subTest(reason):
                self.refused(b, reason)
        self.device.install(rb.make(manifest_args={"at_least": [2, 0, 0]}))

    def test_rollback_floor(self):
        self.start()
        self.bring_to(12, manifest_args={"floor": 12})
        self.assertEqual(self.device.run("status")["rollback_floor"], 12)
        self.refused(release(11), "sequence-too-low")

    def test_slots(self):
        images = [{"data": b"for slot a", "uri": "a.bin", "slot": 0}, {"data": b"for slot b!", "uri": "b.bin", "slot": 1}]
        self.start()
        for sequence, slot in ((12, "a"), (13, "b")):
            b = release(sequence, manifest_args={"images": images})
            files = [self.device.write(n, d) for n, d in (("m", b.envelope), ("p", b.proof), ("a.bin", b"for slot a"),
                                                          ("b.bin", b"for slot b!"))]
            self.assertEqual(self.device.run("install", *files)["slot"], slot)
            self.device.run("boot")
            self.device.run("confirm")

    def test_witnesses(self):
        w = rb.World()
        member = [rb.ORIGIN, w.log_key.raw, [[f"witness.example/{i}", k.raw] for i, k in enumerate(w.witness)], 2]
        self.device.init(w.store(members={9: member}))
        cosigned = [(k, f"witness.example/{i}", rb.NOW + i) for i, k in enumerate(w.witness)]
        self.refused(rb.make(checkpoint_args={"witnesses": cosigned[:1]}), "witness-quorum")
        status = self.device.run("status")
        self.assertEqual((status["witnesses"], [status[f"witness_{i}"] for i in (1, 2, 3)]),
                         ("2 of 3", [f"witness.example/{i}" for i in range(3)]))
        for count in (2, 3):
            done = self.device.install(rb.make(checkpoint_args={"witnesses": cosigned[:count]}), command="verify")
            self.assertEqual((done["witnesses"], done["cosigned"], done["cosigned_time_s"]), ("2 of 3", count, rb.NOW + count - 2))
        text = self.device.run("verify", self.device.bundle(rb.make(checkpoint_args={"witnesses": cosigned})), as_json=False)
        self.assertRegex(text, r"witnesses: +2 of 3\n +cosigned by: +3\n +cosigned at: +2026-")
        self.assertRegex(self.device.run("status", as_json=False), r"witnesses: +2 of 3\n +witness: +witness.example/0\n")
        self.refused(rb.make(checkpoint_args={"witnesses": [cosigned[0], cosigned[0], cosigned[1]]}), "witness-repeated")
        wrong = [(rb.Key("stranger", rb.ED25519), *cosigned[1][1:])]
        self.refused(rb.make(checkpoint_args={"witnesses": cosigned[:1] + wrong}), "witness-quorum")
        self.device.install(rb.make(checkpoint_args={"witnesses": cosigned[:2]}))
        self.device.run("boot")
        self.device.run("confirm")
        self.assertEqual(self.device.run("status")["time_floor_s"], rb.NOW)

    def test_trust_store(self):
        w = rb.World()
        good = w.store()
        for reason, store, more in (("trust-store-malformed", good[:-1], ()), ("manifest-digest-mismatch", flip(good), ()),
                                    ("key-unknown", w.store(signers=[w.stranger]), ()),
                                    ("trust-store-other-vendor", good, ("--vendor-domain", "other.example")),
                                    ("class-without-rule", good, ("--region", "mars")),
                                    ("root-not-pinned", good, ("--root-key", w.stranger.kid.hex()))):
            with self.subTest(reason):
                self.assertEqual(self.device.init(store, *more, code=1)["reason"], reason)
        pem = self.device.write("root.pem", w.root.pem())
        self.assertEqual(self.device.init(good, "--root-key", pem)["root_keys"], "pinned")
        self.device.init(good, code=2)  # it is a device already
        stored = os.path.join(self.device.state, "trust-store.cbor")
        with open(stored, "wb") as f:
            f.write(w.store(signers=[w.root2]))
        self.assertEqual(self.device.run("status", code=1)["reason"], "root-not-pinned")

    def test_root_threshold_stays(self):
        w = rb.World()
        roots = [w.root, w.root2]
        two = {5: [[k.kid for k in roots], 2]}
        pins = [x for k in roots for x in ("--root-key", k.key_id.hex())]
        self.device.init(w.store(members=two, signers=roots), *pins)
        stored = os.path.join(self.device.state, "trust-store.cbor")
        lower = {5: [[w.root.kid], 1], 7: [k for k in w.keys() if k[0] != w.root2.kid]}
        for members, signers, reason in (({}, roots, None), (two, [w.root], "threshold-not-met"),
                                         ({}, [w.root], "threshold-not-met"), (lower, [w.root], "threshold-not-met")):
            with open(stored, "wb") as f:
                f.write(w.store(members=members, signers=signers))
            done = self.device.run("status", code=1 if reason else 0)
            self.assertEqual(done.get("reason"), reason)

    def test_newer_trust_store_stays(self):
        self.start()
        self.bring_to(12)
        stored, older = os.path.join(self.device.state, "trust-store.cbor"), rb.World().store()
        newer = self.device.write("newer.cbor", rb.World().store(members={2: 9}))
        self.assertEqual(self.device.run("trust-store", newer)["store_epoch"], 9)
        self.assertEqual(self.device.run("trust-store", newer)["store_epoch"], 9)  # again: a power cut may have come between
        self.assertEqual(self.device.run("status")["store_epoch"], 9)
        offered = self.device.write("older.cbor", older)
        self.assertEqual(self.device.run("trust-store", offered, code=1)["reason"], "trust-store-rolled-back")
        self.assertEqual(self.device.run("status")["store_epoch"], 9)
        with open(stored, "wb") as f:
            f.write(older)
        self.refused(release(13), "trust-store-rolled-back")
        self.assertEqual(self.device.run("trust-store", offered, code=1)["reason"], "trust-store-rolled-back")
        self.device.run("trust-store", newer)
        for bad in (rb.World().store(members={2: 10}, signers=[rb.World().release]), b"", newer.encode()):
            self.assertTrue(self.device.run("trust-store", self.device.write("bad.cbor", bad), code=1)["reason"])
        self.device.run("trust-store", code=2)
        self.assertEqual(self.device.run("status")["store_epoch"], 9)
        self.device.install(release(13))

    def test_fifo_in_a_bundle(self):
        self.start()
        for name in ("manifest.suit", "release.tlog-proof"):
            folder = self.device.bundle(rb.make())
            os.unlink(os.path.join(folder, name))
            os.mkfifo(os.path.join(folder, name))
            self.device.run("install", folder, code=3)
            os.unlink(os.path.join(folder, name))

    def test_outcomes(self):
        self.start()
        self.device.install(rb.make(signers=[rb.World().stranger]), code=1)
        large = rb.make(envelope_edit=lambda e: e + bytes(20000))
        self.assertEqual(self.device.install(large, code=1)["reason"], "envelope-too-large")
        self.device.install(large, code=1, command="verify")  # leaves no line
        self.bring_to(12)
        with open(os.path.join(self.device.state, "outcomes.jsonl")) as f:
            lines = [json.loads(line) for line in f]
        self.assertEqual([(o["step"], o["reason"]) for o in lines],
                         [("install", "key-unknown"), ("install", "envelope-too-large"), ("install", "ok"), ("boot", "ok"), ("confirm", "ok")])
        self.assertEqual(lines[0]["suit_report_reason"], 4)
        self.assertEqual(lines[4]["manifest"], release(12).digest.hex())

    def test_state(self):
        self.start()
        self.bring_to(12)
        saved = {}
        for name in ("state-0.bin", "state-1.bin"):
            with open(os.path.join(self.device.state, name), "rb") as f:
                saved[name] = f.read()
        self.bring_to(13)
        for name, data in saved.items():
            self.device.write(os.path.join("device", name), data)
        self.assertEqual(self.device.run("boot", code=1)["reason"], "state-rolled-back")
        for name in saved:
            self.device.write(os.path.join("device", name), b"short")
        self.assertEqual(self.device.run("boot", code=1)["reason"], "state-damaged")

    def test_usage(self):
        self.start()
        for args, code in ((("nothing",), 2), (("status",), 2), (("status", "--state"), 2), (("boot", "--wrong"), 2),
                           (("boot", "--state", self.device.state, "file"), 2),
                           (("install", "--state", self.device.state), 2),
                           (("boot", "--state", self.device.state, "--product", "p"), 2),
                           (("status", "--state", self.temp.name), 3),
                           (("status", "--state", os.path.join(self.temp.name, "absent")), 3),
                           (("install", "--state", self.device.state, "a", "b", "c"), 3), ((), 2),
                           (("--help",), 0), (("--version",), 0)):
            with self.subTest(args):
                done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertTrue(done.stderr if code else done.stdout)
        for command in ("init", "install", "verify", "boot", "confirm", "status"):
            self.assertIn("Exit codes", self.device.run(command, "--help", as_json=False))
        names = {"product": "a/b"}
        fresh = Device(self.temp.name)
        fresh.state += "2"
        self.assertIn("--product", fresh.init(rb.World().store(), code=2, **names)["explanation"])

    def test_words_for_people(self):
        self.start()
        text = self.device.run("status", as_json=False)
        self.assertRegex(text, r"witnesses: +none")
        b = rb.make(signers=[rb.World().stranger])
        text = self.device.run("install", self.device.bundle(b), code=1, as_json=False)
        self.assertRegex(text, r"REFUSED(.|\n)*reason: +key-unknown(.|\n)*what it means:(.|\n)*what to do:")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
