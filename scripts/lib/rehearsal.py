"""The rehearsal: the main job on a real firmware image, then everything that must be refused. See scripts/run."""

import base64
import glob
import json
import os
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab, LabError, SERVICES, read, sha256, write  # noqa: E402

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
OUT = os.path.join(TOP, "build", "run")
IMAGES = ["/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin", "/usr/lib/u-boot/qemu_arm64/u-boot.bin",
          "/usr/lib/u-boot/qemu-riscv64/u-boot.bin"]
COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code, text):
    return "\033[%sm%s\033[0m" % (code, text) if COLOUR else text


def say(text=""):
    print(text, flush=True)


def step(title):
    say()
    say(paint("1", title))


def done(what, detail=""):
    say("  %s %-38s %s" % (paint("32", "ok"), what, detail))


def why(text, reason):
    """The words that say why, out of a program's answer."""
    line = next(l.strip() for l in text.splitlines() if reason in l)
    if line.startswith("{"):
        findings = [f for f in json.loads(line).get("problem", {}).get("findings", []) if not f["ok"]]
        if findings:
            line = "%(check)s: required %(required)s, found %(found)s" % findings[0]
    for mark in ("The policy refuses this: ", "warning: ", "error: ", "reason:"):
        line = line.split(mark)[-1]
    line = " ".join(line.split()).replace("FAILED", "-")
    return line if len(line) <= 100 else line[:97] + "..."


class Refusals:
    """What was refused, and why: shown as it happens, counted for the summary."""

    def __init__(self):
        self.count = 0

    def expect(self, what, result, reason):
        """result: a finished command that must have failed and said `reason`."""
        text = result.out + result.err
        if result.returncode == 0 or reason not in text:
            raise LabError("%s: expected a refusal with \"%s\", got exit %d:\n%s" % (what, reason, result.returncode, text))
        self.count += 1
        say("  %s %-38s %s" % (paint("33", "refused"), what, why(text, reason)))


def flip(src, dst, at):
    data = bytearray(read(src))
    data[at if at >= 0 else len(data) + at] ^= 1
    write(dst, bytes(data))
    return dst


def flip_in_signature(src, dst):
    """One bit inside the checkpoint's signature, so that the file stays well-formed base64."""
    lines = read(src).decode().splitlines()
    head, _, sig = lines[-1].rpartition(" ")
    raw = bytearray(base64.b64decode(sig))
    raw[40] ^= 1
    lines[-1] = head + " " + base64.b64encode(bytes(raw)).decode()
    write(dst, "\n".join(lines) + "\n")
    return dst


def versions_of(image, folder):
    """Three releases of one product: the image, and the image with other padding (other bytes, same program)."""
    data = read(image)
    return [write(os.path.join(folder, "firmware-%s.bin" % v), data + b"\xff" * pad)
            for v, pad in (("1.0.0", 0), ("1.1.0", 64), ("1.2.0", 128))]


def main_job(lab, images):
    step("2. The main job")
    release, _ = lab.submit("1.0.0", images[0])
    done("submitted by CI, request signed", release)
    for who in ("alice", "bob"):
        lab.cli(who, "approve", release, "--yes")
        done("approved by %s, own SSH key" % who)
    lab.cli("ci-edge", "sign", release)
    done("signed by the HSM", "intention and result are in the log")
    bundle = os.path.join(OUT, "bundle")
    lab.cli("audit", "bundle", release, "--out", bundle)
    done("bundle fetched and verified", os.path.relpath(bundle, TOP))
    lab.make_device("router")
    lab.device("router", "install", bundle)
    lab.device("router", "boot")
    lab.device("router", "confirm")
    done("device: installed, booted, confirmed", "version 1.0.0")
    return release, bundle


def refuse_files(lab, no, bundle):
    """One bit in the image, in the manifest, in the proof."""
    work = lab.path("work")
    names = ("manifest.suit", "release.tlog-proof", "firmware.bin")
    good = {n: os.path.join(bundle, n) for n in names}
    lab.make_device("fresh")
    cases = [("one bit flipped in the image", "firmware.bin", flip(good["firmware.bin"], work + "/bad.bin", 4711), "payload-digest"),
             ("one bit flipped in the manifest", "manifest.suit", flip(good["manifest.suit"], work + "/bad.suit", -40), "digest"),
             ("one bit flipped in the proof", "release.tlog-proof", flip_in_signature(good["release.tlog-proof"], work + "/bad.proof"),
              "checkpoint")]
    for what, name, bad, reason in cases:
        f = dict(good, **{name: bad})
        no.expect(what, lab.device("fresh", "install", f["manifest.suit"], f["release.tlog-proof"], f["firmware.bin"], check=False),
                  reason)


def refuse_older(lab, no, images, old_bundle):
    release = lab.release("1.1.0", images[1])
    newer = lab.path("work", "bundle-1.1.0")
    lab.cli("audit", "bundle", release, "--out", newer)
    for verb in (("install", newer), ("boot",), ("confirm",)):
        lab.device("router", *verb)
    done("device: updated to 1.1.0", release)
    no.expect("an older release", lab.device("router", "install", old_bundle, check=False), "sequence")


def refuse_people(lab, no, images):
    release, _ = lab.submit("1.2.0", images[2])
    lab.cli("alice", "approve", release, "--yes")
    no.expect("one approval too few", lab.cli("ci-edge", "sign", release, check=False), "approvals.count")
    lab.cli("bob", "reject", release, "--reason", "held back for the demonstration", "--yes")
    other = write(lab.path("work", "firmware-2.0.0.bin"), read(images[2]) + b"\0" * 64)
    mine, _ = lab.submit("2.0.0", other, who="alice")
    no.expect("the submitter approving their own", lab.cli("alice", "approve", mine, "--yes", check=False), "submitter")
    wrong = lab.provenance({"firmware.bin": sha256(b"other bytes")}, ref="refs/tags/v2.0.1")
    third = write(lab.path("work", "firmware-2.0.1.bin"), read(images[2]) + b"\1" * 64)
    no.expect("provenance for another digest", lab.submit("2.0.1", third, attestation=wrong, check=False)[1], "provenance.subjects")


def refuse_old_database(lab, no, images):
    """The registrar's database comes back from an older copy: the signer remembers more than the log holds."""
    lab.stop("registrar")
    saved = lab.path("work", "older-database")
    shutil.copytree(lab.path("registrar"), saved)
    lab.start("registrar")
    lab.wait_ready()
    newer = write(lab.path("work", "firmware-2.1.0.bin"), read(images[2]) + b"\2" * 64)
    lab.submit("2.1.0", newer)
    lab.stop("registrar")
    current = lab.path("work", "current-database")
    shutil.move(lab.path("registrar"), current)
    shutil.copytree(saved, lab.path("registrar"))
    lab.own(lab.path("registrar"), "registrar")
    os.chmod(lab.path("registrar"), 0o700)
    p = lab.start("registrar")
    code = p.wait(60)
    r = type("Result", (), {"returncode": code, "out": lab.log_tail("registrar", 3), "err": ""})
    no.expect("a database restored from an older copy", r, "does not extend")
    shutil.rmtree(lab.path("registrar"))
    shutil.move(current, lab.path("registrar"))
    lab.start("registrar")
    lab.wait_ready()
    done("the newest database is back", "the service goes on")


def verify_log(lab):
    """What is exported, verified and summed up is one log: the registrar's last start is a record, too, and may come in between."""
    step("4. The whole log, verified")
    out = {name: os.path.join(OUT, name) for name in ("log.jsonl", "checkpoint")}
    for _ in range(10):
        lab.cli("audit", "log", "export", "--out", out["log.jsonl"])
        lab.cli("audit", "log", "checkpoint", "--out", out["checkpoint"])
        r = lab.cli("audit", "log", "verify")
        records = sum(1 for _ in open(out["log.jsonl"], "rb"))
        if ": %d records," % records in r.out and int(read(out["checkpoint"]).splitlines()[1]) == records:
            say("  " + "\n  ".join(r.out.strip().splitlines()))
            return records
    raise LabError("the log grows while nothing happens")


def keep_outputs(lab):
    keys = lab.path("ceremony", "keys")
    os.makedirs(os.path.join(OUT, "keys"), exist_ok=True)
    for name in ("release.pem", "root.pem", "log.vkey"):
        shutil.copy(os.path.join(keys, name), os.path.join(OUT, "keys", name))


def next_commands(lab):
    cli = os.path.relpath(lab.program("hallmark"))
    config = lambda who: lab.path("clients", who + ".json")  # noqa: E731
    say("The service is running at %s. Try:" % lab.url())
    for who, args in (("audit", "list"), ("alice", "show r4"), ("audit", "log query --limit 5"), ("audit", "log about person alice"),
                      ("audit", "log report --since 1d --out report.html"), ("audit", "log verify")):
        words = args.split()
        at = 2 if words[0] == "log" else 1
        say(" ".join([" ", cli, *words[:at], "--config", config(who), *words[at:]]))
    say("Stop it:")
    say("  kill %s" % " ".join(str(lab.processes[s].pid) for s in SERVICES))


def rehearse(lab, image):
    start = time.time()
    step("1. Ceremony (SoftHSM tokens: root, production, log)")
    lab.set_up()
    done("keys, guards, trust store, genesis", "signed with the root token, which is offline now")
    done("certificates and keys", "1 CI pipeline, 3 release managers, 1 auditor")
    lab.start_all()
    users = ", ".join(sorted(set(l for l in (owner(lab, s) for s in SERVICES))))
    done("signer, registrar, door are running", "as %s, at %s" % (users, lab.url()))
    keep_outputs(lab)
    os.makedirs(lab.path("work"), exist_ok=True)
    images = versions_of(image, lab.path("work"))
    _, bundle = main_job(lab, images)
    step("3. What is refused")
    no = Refusals()
    refuse_files(lab, no, bundle)
    refuse_older(lab, no, images, bundle)
    refuse_people(lab, no, images)
    refuse_old_database(lab, no, images)
    records = verify_log(lab)
    step("Summary")
    say("  A firmware image of %d bytes went in with its provenance, two people approved it with keys of" % os.path.getsize(image))
    say("  their own, the HSM signed it, and a device took it after checking everything itself.")
    say("  %d attempts to get round that were refused. The log holds %d records; all of them verify." % (no.count, records))
    say("  Results: %s   (%.1f s)" % (os.path.relpath(OUT, os.getcwd()), time.time() - start))
    say()


def owner(lab, service):
    import pwd
    return pwd.getpwuid(os.stat("/proc/%d" % lab.processes[service].pid).st_uid).pw_name


def main():
    keep = "--keep" in sys.argv[1:]
    image = next((i for i in IMAGES if os.path.exists(i)), None)
    if image is None:
        sys.exit("no firmware image found; install the package opensbi")
    end_old(os.path.join(OUT, "pids"))
    lab = Lab(OUT, os.path.join(TOP, "build", "release", "bin"), door={"listen": "127.0.0.1:0"})
    try:
        rehearse(lab, image)
    except BaseException as e:
        logs = os.path.join(OUT, "logs")
        os.makedirs(logs, exist_ok=True)
        for f in glob.glob(lab.path("*.log")):
            shutil.copy(f, logs)
        lab.clean()
        if isinstance(e, LabError):
            sys.exit("\nThe rehearsal failed: %s\nLogs: %s" % (e, logs))
        raise
    if keep:
        write(os.path.join(OUT, "pids"), "".join("%d %s\n" % (p.pid, started(p.pid)) for p in lab.processes.values()))
        next_commands(lab)
    else:
        lab.clean()


def started(pid):
    """Start time of a process: together with its id it names one process for good."""
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rsplit(")", 1)[1].split()[19]


def end_old(path):
    """Ends what an earlier `run --keep` left, and nothing else."""
    if not os.path.exists(path):
        return
    for line in read(path).decode().splitlines():
        pid, when = line.split()
        try:
            if started(int(pid)) == when:
                os.kill(int(pid), 15)
        except (OSError, IndexError):
            continue
    time.sleep(1)


if __name__ == "__main__":
    main()
