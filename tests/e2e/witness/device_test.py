"""From a log to a device: three real witnesses cosign a checkpoint, hallmark-device demands two of them. A second history of the
log gets no cosignatures, so no device takes a release from it."""
import base64
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../interop/device"))
import release_builder as rb  # noqa: E402
from witness_lib import BUILD, Key, Log, World, cosigned_time, finish, request, row, run  # noqa: E402


class Device:
    def __init__(self, folder, store):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        self.write("trust-store.cbor", store)
        who = {"vendor-domain": rb.DOMAIN, "product": "edge-router", "model": "er-100", "revision": "b", "region": "world"}
        self.call("init", "--trust-store", os.path.join(folder, "trust-store.cbor"), *[x for k, v in who.items() for x in ("--" + k, v)])

    def write(self, name, data):
        with open(os.path.join(self.folder, name), "wb") as f:
            f.write(data)

    def call(self, command, *args):
        r = subprocess.run([BUILD / "bin/hallmark-device", command, "--state", os.path.join(self.folder, "device"), "--json", *args],
                           capture_output=True, text=True, timeout=60)
        return json.loads(r.stdout)

    def take(self, b, command="verify"):
        self.write("manifest.suit", b.envelope)
        self.write("release.tlog-proof", b.proof)
        self.write("firmware.bin", b.payload)
        return self.call(command, self.folder)


def name_and_key(vkey):
    """What a trust store holds of a witness."""
    name, _, blob = vkey.split("+", 2)
    return name, base64.b64decode(blob)[1:]


def note_of(bundle):
    return bundle.proof.decode().split("\n\n", 1)[1]


def release(lines=(), salt=None, size=11):
    """A release in a log; `salt`: in a second history of it, of the same size."""
    record = {"channel": "stable" if salt is None else salt}
    return rb.make(log_size=size, record=record, checkpoint_args={"lines": [lambda note, text=text: text for text in lines]})


def chain(first):
    log = Log(rb.ORIGIN, key=Key(rb.ORIGIN, private=rb.World().log_key.private))
    worlds = [first] + [World(logs=[log], name="witness.example/w%d" % i) for i in (2, 3)]
    try:
        members = [[name, key] for name, key in (name_and_key(w.vkey) for w in worlds)]
        device = Device(str(first.dir / "device"), rb.World().store(members={9: [rb.ORIGIN, log.key.raw, members, 2]}))
        status = device.call("status")
        row("the device knows three witnesses and wants two", status["witnesses"] == "2 of 3" and
            [status["witness_%d" % i] for i in (1, 2, 3)] == [m[0] for m in members], status)
        plain = release()
        note = note_of(plain)
        body = note.split("\n\n")[0] + "\n"
        answers = [w.start().post(request(0, [], note)) for w in worlds]
        row("three witnesses cosign", all(a.status == 200 for a in answers), answers)
        times = sorted(cosigned_time(w.vkey, body, a.text) for w, a in zip(worlds, answers))
        lines = [a.text for a in answers]
        row("no cosignature: refused", device.take(plain)["reason"] == "witness-quorum")
        for i in range(3):
            row("witness %d alone: refused" % (i + 1), device.take(release([lines[i]]))["reason"] == "witness-quorum")
            row("witness %d twice: refused" % (i + 1), device.take(release([lines[i]] * 2))["reason"] == "witness-repeated")
        for pair in ((0, 1), (1, 2), (2, 0)):
            seen = device.take(release([lines[i] for i in pair]))
            row("any two: taken", seen["ok"] and seen["cosigned"] == 2, seen)
        seen = device.take(release(lines))
        row("all three: taken, at the second largest time", seen["ok"] and seen["cosigned"] == 3 and seen["cosigned_time_s"] == times[1], seen)
        other = release(salt="beta")
        row("a second history of the same size: no witness cosigns it",
            all(w.post(request(11, [], note_of(other))).status == 422 for w in worlds))
        row("and from the beginning neither", all(w.post(request(0, [], note_of(other))).status == 409 for w in worlds))
        row("cosignatures of the first history do not fit it", device.take(release(lines, salt="beta"))["reason"] == "witness-signature")
        row("so no device takes it", device.take(other)["reason"] == "witness-quorum")
        done = device.take(release(lines[1:]), "install")
        row("installed", done["ok"], done)
        device.call("boot")
        device.call("confirm")
        row("the device's time floor is what two witnesses vouch for", device.call("status")["time_floor_s"] ==
            min(cosigned_time(w.vkey, body, a.text) for w, a in list(zip(worlds, answers))[1:]), device.call("status"))
    finally:
        for w in worlds[1:]:
            w.close()


run(chain, logs=[Log(rb.ORIGIN, key=Key(rb.ORIGIN, private=rb.World().log_key.private))])
finish()
