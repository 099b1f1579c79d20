"""What the bare primitives of a signature come to in the arrangement of the service: its three processes, its batches, the same requests,
the same token, the very rows, and nothing of what the service is for. See bench_pipeline."""

import json
import os
import subprocess
import time

from lab import read
from parts import log_of, processor_s, size_of

END_S = 60


def ready(p, port_file):
    while p.poll() is None and not (os.path.exists(port_file) and read(port_file).endswith(b"\n")):
        time.sleep(0.02)
    return [int(x) for x in read(port_file).split()]


def idle_and_all():
    fields = [int(x) for x in open("/proc/stat").readline().split()[1:9]]
    return fields[3] + fields[4], sum(fields)


def pipeline_of(lab, bench_dir, plan, reply_bytes, first):
    """Requests a second, processor time of each process for one, records in a batch, the share of the processors that idled. `first`: the
    log's size when its signatures began. The services are stopped."""
    folder, port_file, tls = lab.path("pipeline"), lab.path("pipeline.port"), lab.path("tls")
    os.makedirs(folder)
    cmd = [os.path.join(bench_dir, "bench_pipeline"), tls + "/door.pem", tls + "/door.key", tls + "/ca.pem", port_file, str(reply_bytes),
           log_of(lab), folder, str(first), str(size_of(lab)), lab.module(), lab.path("pins", "development"), lab.path("pins", "log")]
    p = subprocess.Popen(cmd, stdout=subprocess.PIPE, env=dict(os.environ, SOFTHSM2_CONF=lab.path("softhsm2.conf")))
    port = lab.port
    try:
        lab.port, registrar, signer = ready(p, port_file)
        pids = {"signer": signer, "registrar": registrar, "door": p.pid}
        before, stood = {k: processor_s(pid) for k, pid in pids.items()}, idle_and_all()
        out = plan.play(bench_dir)
        used, now = {k: processor_s(pid) - before[k] for k, pid in pids.items()}, idle_and_all()
    finally:
        lab.port = port
        p.terminate()
        said = p.communicate(timeout=END_S)[0]
    batches = json.loads(said)
    return {"rate": out["requests"] / out["seconds"], "p50_ms": out["p50_ms"],
            "cpu_us": {k: round(v * 1e6 / out["requests"], 1) for k, v in used.items()},
            "batch": round(batches["records"] / batches["batches"], 1), "idle": round((now[0] - stood[0]) / (now[1] - stood[1]), 2)}
