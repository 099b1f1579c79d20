"""Figures as ratios against the bare primitive in the same run. See scripts/bench."""

import argparse
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path[:0] = [os.path.join(TOP, "scripts", "lib"), os.path.join(TOP, "tests", "bench", "parts")]
import parts  # noqa: E402
from pipeline import pipeline_of  # noqa: E402
from lab import DOMAIN, ORIGIN, Lab, LabError, dsse, read, sha256, write  # noqa: E402

from cryptography.hazmat.primitives import serialization  # noqa: E402

CLIENTS = 32
PAGES = 300
UPLOADS = 50
UPLOAD_BYTES = 64 << 20
FIGURES = []


def figure(bench, value, unit, bare=None, ratio=None, **more):
    row = {"bench": bench, "value": round(value, 4), "unit": unit}
    if bare is not None:
        row["bare"] = round(bare, 4)
        row["ratio"] = round(value / bare if ratio is None else ratio, 4)
    row.update(more)
    FIGURES.append(row)
    print(json.dumps(row), flush=True)


def note(text):
    print(text, file=sys.stderr, flush=True)


class Plan:
    """Requests for bench_load: a plan and a blob of bodies."""

    def __init__(self, lab, name):
        self.lab, self.plan, self.blob = lab, lab.path(name + ".plan"), lab.path(name + ".blob")
        self.lines, self.bodies, self.offset = [], [], 0

    def add(self, client, method, path, body=b"", key=""):
        self.lines.append("%d %s %s %d %d %s\n" % (client, method, path, self.offset, len(body), key))
        if body:
            self.bodies.append(body)
            self.offset += len(body)

    def play(self, bench_dir):
        write(self.plan, "".join(self.lines))
        write(self.blob, b"".join(self.bodies))
        tls = self.lab.path("tls")
        r = subprocess.run([os.path.join(bench_dir, "bench_load"), "localhost", str(self.lab.port), tls + "/ca.pem",
                            tls + "/ci-edge.pem", tls + "/ci-edge.key", self.plan, self.blob], stdout=subprocess.PIPE)
        if r.returncode not in (0, 1):
            raise LabError("bench_load failed")
        out = json.loads(r.stdout)
        if out["failures"]:
            raise LabError("%d of %d requests failed" % (out["failures"], out["requests"]))
        return out


def signed_request(lab, key, certificate, product, n, revision, artifact, attestation):
    request = {"type": "release-request/v1", "origin": ORIGIN, "nonce": os.urandom(16).hex(),
               "expires": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 36000)), "product": product,
               "version": "1.0.%d" % n, "channel": "nightly", "hardware": [{"model": "er-100", "revision": revision}],
               "regions": ["world"], "artifacts": [{"name": "firmware.bin", "sha256": sha256(artifact), "size": len(artifact)}],
               "attestations": [sha256(attestation.encode())]}
    doc = json.loads(dsse("application/vnd.hallmark.release-request+json", json.dumps(request).encode(), key))
    doc["certificate"] = certificate
    return json.dumps({"request": json.dumps(doc), "attestations": [attestation]}).encode()


def bench_sign(args, bench_dir, bin_dir):
    """POST .../signature, 32 clients, mutual TLS, keep-alive, 10,000 records in the log."""
    revisions = ["r%d" % i for i in range(CLIENTS)]
    lab = Lab(tempfile.mkdtemp(dir="/var/tmp", prefix="hb-"), bin_dir, development=True,
              hardware={"edge-router": (["er-100"], revisions, ["world"])})
    try:
        if args.mirror:
            lab.extra["registrar"]["mirror"] = lab.path("mirror", "log.db")
        lab.set_up()
        os.makedirs(lab.path("mirror"), mode=0o700)
        lab.own(lab.path("mirror"), "registrar")
        bare_cmd = [os.path.join(bench_dir, "bench_csign"), lab.module(), "development", "development",
                    lab.path("pins", "development"), "3"]
        bare = float(lab.run(bare_cmd).out)
        lab.start_all()
        key = serialization.load_pem_private_key(read(lab.path("tls", "ci-edge.key")), None)
        certificate = read(lab.path("tls", "ci-edge.pem")).decode()
        uploads, submissions, signatures = Plan(lab, "uploads"), Plan(lab, "submissions"), Plan(lab, "signatures")
        note("sign: preparing %d releases" % args.releases)
        for n in range(args.releases):
            artifact = b"firmware %d %s" % (n, os.urandom(8))
            attestation = lab.provenance({"firmware.bin": sha256(artifact)}, ref="refs/heads/main")
            uploads.add(n % CLIENTS, "PUT", "/v1/artifacts/sha256:" + sha256(artifact), artifact)
            submissions.add(n % CLIENTS, "POST", "/v1/releases",
                            signed_request(lab, key, certificate, "edge-router", n, revisions[n % CLIENTS], artifact, attestation))
        note("sign: uploading and submitting")
        up, sub = uploads.play(bench_dir), submissions.play(bench_dir)
        figure("submit", sub["requests"] / sub["seconds"], "1/s", p50_ms=sub["p50_ms"], p99_ms=sub["p99_ms"])
        releases = all_releases(lab)
        for release in sorted(releases, key=lambda r: r["sequence"]):
            signatures.add(int(release["version"].rsplit(".", 1)[1]) % CLIENTS, "POST", "/v1/releases/%s/signature" % release["id"],
                           key="sign-" + release["id"])
        first, before = json.loads(lab.curl("/readyz").out)["checkpoint"], cpu_times(lab)
        with Lag(lab) as lag:
            out = signatures.play(bench_dir)
        after = cpu_times(lab)
        used = {s: round((after[s] - before[s]) / out["requests"] * 1e6, 1) for s in before}
        bare = max(bare, 0.0)
        figure("sign", out["requests"] / out["seconds"], "1/s", bare, p50_ms=out["p50_ms"], p99_ms=out["p99_ms"],
               cpu_us_per_signature=used, records_before=len(releases) + 5, mirror=args.mirror)
        figure("read-model-lag", max(lag.waits) * 1e3, "ms", limit=2000, p50_ms=round(sorted(lag.waits)[len(lag.waits) // 2] * 1e3, 1),
               looks=len(lag.waits))
        lab.cli("audit", "log", "verify")
        lab.stop_all()
        us = parts.parts_of(lab, bench_dir, signatures, out, first)
        most = os.cpu_count() * 1e6 / sum(us.values())
        figure("sign-parts", most, "1/s", bare, us={k: round(v, 1) for k, v in us.items()})
        p = pipeline_of(lab, bench_dir, signatures, out["reply_bytes"], first)
        figure("sign-pipeline", p["rate"], "1/s", bare, p50_ms=p["p50_ms"], cpu_us_per_signature=p["cpu_us"], batch=p["batch"],
               idle=p["idle"], sign_of_it=round(out["requests"] / out["seconds"] / p["rate"], 3))
    finally:
        lab.clean()
        shutil.rmtree(lab.root, ignore_errors=True)


class Lag:
    """How far the read model is behind while the service is under load: how long an auditor waits, ten times a second, for an answer that
    has everything in it that was acknowledged when they asked."""

    def __init__(self, lab):
        self.lab, self.waits, self.over = lab, [], threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self):
        context = ssl.create_default_context(cafile=self.lab.path("tls", "ca.pem"))
        context.load_cert_chain(self.lab.path("tls", "audit.pem"), self.lab.path("tls", "audit.key"))
        c = http.client.HTTPSConnection("localhost", self.lab.port, timeout=30, context=context)
        while not self.over.wait(0.1):
            began = time.time()
            c.request("GET", "/v1/log/entries?order=desc&limit=1")
            c.getresponse().read()
            self.waits.append(time.time() - began)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def all_releases(lab):
    found, cursor = [], ""
    while True:
        page = json.loads(lab.curl("/v1/releases?limit=1000" + cursor, who="audit").out)
        found += page["items"]
        if not page.get("next"):
            return [r for r in found if r["state"] == "approved"]
        cursor = "&after=" + page["next"]


def cpu_times(lab):
    out = {}
    for name, p in lab.processes.items():
        fields = open("/proc/%d/stat" % p.pid).read().rsplit(")", 1)[1].split()
        out[name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return out


def upload_plan(lab, count, size):
    plan = Plan(lab, "ingest")
    for i in range(count):
        body = i.to_bytes(8, "big") + os.urandom(1 << 16) * (size >> 16)
        body = body[:size]
        plan.add(i, "PUT", "/v1/artifacts/sha256:" + sha256(body), body)
    return plan


def bench_ingest(args, bench_dir, bin_dir):
    """Artifact uploads against receive + hash + write + fsync; memory with 50 uploads of 64 MiB at once."""
    lab = Lab(tempfile.mkdtemp(dir="/var/tmp", prefix="hb-"), bin_dir)
    try:
        lab.set_up()
        lab.start_all()
        rates = {"bare": [], "door": []}
        for round_ in range(3):
            plan = upload_plan(lab, 4, 256 << 20)
            rates["bare"].append(play_bare(lab, plan, bench_dir, 4, 256 << 20))
            out = plan.play(bench_dir)
            rates["door"].append(4 * (256 << 20) / out["seconds"])
            lab.stop("door")
            shutil.rmtree(lab.path("door", "inbox"))
            lab.directories()
            lab.start("door")
            lab.wait_ready()
        best = {k: sorted(v)[1] for k, v in rates.items()}
        figure("ingest", best["door"] / 1e6, "MB/s", best["bare"] / 1e6, runs={k: [round(x / 1e6) for x in v] for k, v in rates.items()})
        note("ingest: %d uploads of %d MiB at once" % (UPLOADS, UPLOAD_BYTES >> 20))
        plan = upload_plan(lab, UPLOADS, UPLOAD_BYTES)
        peak = watch_memory(lab.processes["door"].pid, lambda: plan.play(bench_dir))
        figure("ingest-memory", peak / 1048576, "MiB", limit=64)
    finally:
        lab.clean()
        shutil.rmtree(lab.root, ignore_errors=True)


def play_bare(lab, plan, bench_dir, connections, size):
    folder, port_file = lab.path("bare"), lab.path("bare.port")
    os.makedirs(folder, exist_ok=True)
    if os.path.exists(port_file):
        os.unlink(port_file)
    p = subprocess.Popen([os.path.join(bench_dir, "bench_bare_ingest"), lab.path("tls", "door.pem"), lab.path("tls", "door.key"),
                          folder, port_file, str(connections), str(size)])
    while not os.path.exists(port_file) or not read(port_file):
        time.sleep(0.02)
    port, lab.port = lab.port, int(read(port_file))
    try:
        out = plan.play(bench_dir)
    finally:
        lab.port = port
        p.wait(60)
    return connections * size / out["seconds"]


def watch_memory(pid, work):
    """Largest resident size of the process, without pages of files, while work runs."""
    done, peak = threading.Event(), [0]

    def look():
        while not done.is_set():
            for line in open("/proc/%d/status" % pid):
                if line.startswith("VmRSS:"):
                    peak[0] = max(peak[0], int(line.split()[1]) * 1024)
            time.sleep(0.01)

    t = threading.Thread(target=look)
    t.start()
    try:
        work()
    finally:
        done.set()
        t.join()
    return peak[0]


def bench_start(args, bench_dir, bin_dir):
    """Start of registrar and door until /readyz says yes, with 1,000 and with 100,000 records."""
    lab = Lab(tempfile.mkdtemp(dir="/var/tmp", prefix="hb-"), bin_dir)
    try:
        lab.set_up()
        lab.start_all()
        times = {}
        have = 0
        for size in (1000, 100000):
            lab.stop_all()
            database = lab.path("registrar", "log.db")
            policy = sha256(read(lab.path("policy.json")))
            lab.run([os.path.join(bench_dir, "bench_fill"), database, ORIGIN, str(size - have), policy], timeout=900)
            lab.own(lab.path("registrar"), "registrar")
            have = size
            lab.start_all()
            wait_read_model(lab)
            times[size] = sorted(one_start(lab) for _ in range(args.starts))[args.starts // 2]
        figure("start", times[100000] * 1e3, "ms", times[1000] * 1e3)
    finally:
        lab.clean()
        shutil.rmtree(lab.root, ignore_errors=True)


def fill_log(lab, bench_dir, size):
    """The services go on over a log of so many more records: releases under way, without their evidence."""
    lab.set_up()
    lab.start_all()
    lab.stop_all()
    policy = sha256(read(lab.path("policy.json")))
    lab.run([os.path.join(bench_dir, "bench_fill"), lab.path("registrar", "log.db"), ORIGIN, str(size), policy, "history"], timeout=900)
    lab.own(lab.path("registrar"), "registrar")
    lab.start_all(900)
    wait_read_model(lab, size)


def samples(lab, size, count=300):
    """Records from all over the log, as its auditors see them."""
    found = []
    for i in range(count):
        page = json.loads(lab.curl("/v1/log/entries?limit=10&after=%d" % (size // 3 + size // 2 * i // count), who="audit").out)
        found += [e["record"] for e in page["entries"] if "product" in e["record"]]
    return found


def questions(records):
    """Kind -> paths. Of those with a number the page is that short, so that it is full in the short log, too."""
    def paths(template, fits=lambda r: True, **more):
        chosen = [r for r in records if fits(r)]
        picked = [chosen[i * 7919 % len(chosen)] for i in range(PAGES)]
        return ["/v1/log/entries?order=desc&after=%d&" % r["idx"] + template.format(**r, **{k: f(r) for k, f in more.items()}) for r in picked]

    person = lambda r: r.get("actor", "").startswith("person-")  # noqa: E731
    pipeline = lambda r: r.get("actor", "").startswith("ci-")  # noqa: E731
    artifact, key = (lambda r: r["artifacts"][0]), (lambda r: r["keys"][0]["spki"])
    whole = {"all": "limit=50", "event": "limit=50&event=release.signed", "product": "limit=50&product={product}",
             "channel": "limit=50&channel={channel}", "outcome": "limit=50&outcome=ok", "release": "limit=50&release={release}",
             "version": "limit=50&version={version}", "product-and-version": "limit=50&product={product}&version={version}",
             "product-and-event": "limit=20&product={product}&event=release.signed",
             "five-filters": "limit=5&product={product}&channel={channel}&environment={environment}&event=release.signed&outcome=ok"}
    out = {kind: paths(t) for kind, t in whole.items()}
    out["pipeline"] = paths("limit=20&actor={actor}", pipeline)
    out["person"] = paths("limit=5&actor={actor}", person)
    out["approver-key"] = paths("limit=5&key={approver_key}", person)
    out["key"] = paths("limit=50&key={k}", lambda r: "keys" in r, k=key)
    out["artifact"] = paths("limit=50&artifact={a}", lambda r: "artifacts" in r, a=artifact)
    out["time"] = [p.replace("order=desc&after=", "order=asc&after=") for p in paths("limit=50&since={s}", s=lambda r: time.strftime(
        "%Y-%m-%dT%H:%M:%SZ", time.gmtime(r["t_ms"] // 1000)))]
    return out


def bench_query(args, bench_dir, bin_dir):
    """A page of answers from a log of 1,000,000 records, against the same from one of 10,000; both serve at the same time."""
    labs, sizes = [], (10000, args.queried)
    try:
        for size in sizes:
            note("query: a log of %d records" % size)
            labs.append(Lab(tempfile.mkdtemp(dir="/var/tmp", prefix="hb-"), bin_dir))
            fill_log(labs[-1], bench_dir, size)
        asked = [questions(samples(lab, size)) for lab, size in zip(labs, sizes)]
        for kind in asked[0]:
            plans = []
            for lab, q in zip(labs, asked):
                plans.append(Plan(lab, "query"))
                for path in q[kind]:
                    plans[-1].add(0, "GET", path)
            runs = [[p.play(bench_dir)["p50_ms"] for p in plans] for _ in range(6)][1:]
            short, long = (sorted(r[i] for r in runs)[2] for i in (0, 1))
            figure("query-" + kind, long * 1e3, "us", short * 1e3)
    finally:
        for lab in labs:
            lab.clean()
            shutil.rmtree(lab.root, ignore_errors=True)


def wait_read_model(lab, size=0):
    for _ in range(1800):
        newest = lab.curl("/v1/log/checkpoint", who="audit")
        now = int(newest.out.splitlines()[1]) if newest.code == 200 else -1
        if now >= size and json.loads(lab.curl("/v1/releases?limit=1", who="audit").out).get("log_size") == now:
            return
        time.sleep(0.1)
    raise LabError("the read model does not catch up")


def one_start(lab):
    lab.stop("door")
    lab.stop("registrar")
    t = time.time()
    lab.start("registrar")
    lab.start("door")
    while not is_ready(lab):
        if not lab.alive("registrar") or not lab.alive("door"):
            raise LabError("a program ended at its start\n" + lab.log_tail("registrar") + lab.log_tail("door"))
        time.sleep(0.001)
    return time.time() - t


def is_ready(lab):
    try:
        c = http.client.HTTPSConnection("localhost", lab.port, timeout=5,
                                        context=ssl.create_default_context(cafile=lab.path("tls", "ca.pem")))
        c.request("GET", "/readyz")
        return c.getresponse().status == 200
    except OSError:
        return False


def bench_policy(_, bench_dir, __):
    """A decision, and the check of an approval, against a bare signature verification."""
    rows([os.path.join(bench_dir, "bench_policy"), TOP])


def rows(command):
    """Takes over the figures that a program prints, as it prints them."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as p:
        for line in p.stdout:
            row = json.loads(line)
            figure(row.pop("bench"), row.pop("value"), row.pop("unit"), row.pop("bare", None), row.pop("ratio", None), **row)
    if p.returncode:
        raise LabError("%s ended with %d" % (command[0], p.returncode))


def bench_growth(args, bench_dir, __):
    """The read model of a long log against one of 10,000 records: appending, proofs, storage."""
    folder = tempfile.mkdtemp(dir="/var/tmp", prefix="hb-")
    try:
        note("model-growth: filling a read model of %d records" % args.growth)
        rows([os.path.join(bench_dir, "bench_growth"), folder, str(args.growth)])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bench_log_verify(args, bench_dir, __):
    """A log on disk, replayed whole, against a bare loop over the same rows that hashes them."""
    folder = tempfile.mkdtemp(dir="/var/tmp", prefix="hb-")
    try:
        files = [os.path.join(folder, "log.db"), os.path.join(folder, "log.vkey")]
        note("log-verify: writing a log of %d records" % args.records)
        subprocess.run([os.path.join(bench_dir, "bench_verify"), "make", *files, str(args.records)], stdout=subprocess.DEVNULL, check=True)
        rows([os.path.join(bench_dir, "bench_verify"), "run", *files, "3"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bench_append(args, bench_dir, __):
    """Durable appends, in batches of 256 and of 16 records, against bare SQLite inserts of the same rows."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="hb-") as folder:
        for batch, records in ((256, 100000), (16, 20000)):
            note("append: batches of %d" % batch)
            rows([os.path.join(bench_dir, "bench_append"), "ratio", folder, str(records), str(batch), "5"])


def bench_append_growth(args, bench_dir, __):
    """What an append and a proof cost in a log that grows, against a log of 10,000 records. 4 GB for each million."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="hb-") as folder:
        note("append-growth: %d records" % args.growth)
        rows([os.path.join(bench_dir, "bench_append"), "growth", folder, str(args.growth)])


def table():
    rows = [("bench", "value", "unit", "bare", "ratio", "")]
    for f in FIGURES:
        more = " ".join("%s=%s" % (k, v) for k, v in f.items() if k not in ("bench", "value", "unit", "bare", "ratio"))
        rows.append((f["bench"], "%.1f" % f["value"], f["unit"], "%.1f" % f["bare"] if "bare" in f else "-",
                     "%.3f" % f["ratio"] if "ratio" in f else "-", more))
    widths = [max(len(r[i]) for r in rows) for i in range(5)]
    print()
    for r in rows:
        print("  ".join([r[0].ljust(widths[0])] + [r[i].rjust(widths[i]) for i in range(1, 5)] + [r[5]]).rstrip())


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", required=True)
    p.add_argument("--releases", type=int, default=10000)
    p.add_argument("--starts", type=int, default=15)
    p.add_argument("--records", type=int, default=1000000, help="of the log that log-verify verifies")
    p.add_argument("--growth", type=int, default=1000000,
                   help="records of the long log of append-growth and model-growth; 10,000,000 take 45 and 13 GB")
    p.add_argument("--queried", type=int, default=1000000, help="records of the long log of query")
    p.add_argument("--mirror", action="store_true", help="sign: with a mirror, on the same disk")
    p.add_argument("which", nargs="*", default=[])
    args = p.parse_args()
    bench_dir, bin_dir = os.path.join(args.build, "bench"), os.path.join(args.build, "bin")
    all_benches = {"sign": bench_sign, "ingest": bench_ingest, "start": bench_start, "policy": bench_policy,
                   "log-verify": bench_log_verify, "append": bench_append, "append-growth": bench_append_growth,
                   "model-growth": bench_growth, "query": bench_query}
    for name in args.which or list(all_benches):
        all_benches[name](args, os.path.abspath(bench_dir), os.path.abspath(bin_dir))
    table()


if __name__ == "__main__":
    main()
