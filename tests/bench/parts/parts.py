"""What the parts of a signature cost by themselves: each bare primitive alone, as often as one signature needs it.

Nothing of the service is in it: no decision, no record made or hashed, no tree, no proof, no read model, nobody who waits. So it says what
`sign` could reach at most."""

import json
import os
import resource
import sqlite3
import subprocess
import time

from lab import read


def processor_s(pid):
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children_s():
    u = resource.getrusage(resource.RUSAGE_CHILDREN)
    return u.ru_utime + u.ru_stime


def https_us(lab, bench_dir, plan, reply_bytes):
    """The same requests over the same TLS, answered at once with as many bytes: server and load generator."""
    port_file, tls = lab.path("https.port"), lab.path("tls")
    p = subprocess.Popen([os.path.join(bench_dir, "bench_https"), tls + "/door.pem", tls + "/door.key", tls + "/ca.pem", port_file,
                          str(reply_bytes)])
    while not os.path.exists(port_file) or not read(port_file):
        time.sleep(0.02)
    port, lab.port = lab.port, int(read(port_file))
    try:
        server, load = processor_s(p.pid), children_s()
        out = plan.play(bench_dir)
        return (processor_s(p.pid) - server + children_s() - load) * 1e6 / out["requests"]
    finally:
        lab.port = port
        p.terminate()
        p.wait(60)


def log_of(lab):
    return lab.path("registrar", "log.db")


def size_of(lab):
    with sqlite3.connect("file:%s?mode=ro" % log_of(lab), uri=True) as db:
        return db.execute("SELECT max(idx) + 1 FROM record").fetchone()[0]


def checkpoints_after(lab, size):
    with sqlite3.connect("file:%s?mode=ro" % log_of(lab), uri=True) as db:
        return db.execute("SELECT count(*) FROM checkpoint WHERE size > ?", (size,)).fetchone()[0]


def row_us(lab, bench_dir, first, end, batch):
    folder = lab.path("part")
    os.makedirs(folder)
    cmd = [os.path.join(bench_dir, "bench_append"), "part", folder, log_of(lab), str(first), str(end), str(batch)]
    return json.loads(subprocess.run(cmd, stdout=subprocess.PIPE, check=True).stdout)["row"]


def token_us(lab, bench_dir, label):
    cmd = [os.path.join(bench_dir, "bench_csign"), lab.module(), label, label, lab.path("pins", label), "1"]
    return 1e6 / float(lab.run(cmd).out)


def parts_of(lab, bench_dir, plan, out, first):
    """Microseconds of each part for one signature. `first`: the log's size when the signatures began. The services are stopped."""
    end, signatures = size_of(lab), out["requests"]
    checkpoints = checkpoints_after(lab, first) / signatures
    bare = json.loads(subprocess.run([os.path.join(bench_dir, "bench_parts"), "1", str(out["reply_bytes"])], stdout=subprocess.PIPE,
                                     check=True).stdout)
    records = (end - first) / signatures
    return {
        "https": https_us(lab, bench_dir, plan, out["reply_bytes"]),
        "c_sign": token_us(lab, bench_dir, "development"),
        "verify": bare["verify_p256"],
        # Signed by the token, verified by the registrar.
        "checkpoint": checkpoints * (token_us(lab, bench_dir, "log") + bare["verify_ed25519"]),
        "rows": records * row_us(lab, bench_dir, first, end, max(1, round(records / checkpoints))),
        # From the door to the registrar; for each checkpoint two from the registrar to the signer.
        "calls": bare["call"] * (1 + 2 * checkpoints),
    }
