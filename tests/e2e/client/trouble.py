"""Everything that is no lie but goes wrong; terminals; help. Parts of client_test.py."""
import json
import os
import pty
import re
import ssl
import stat
import subprocess

from bench import Service, change
from world import write


def trouble(b):
    w = b.world

    def status(code, name, headers=()):
        body = json.dumps({"type": "urn:hallmark:problem:" + name, "title": name, "status": code, "detail": "of the test"})
        return change("status", lambda v, c: (code, body, "application/problem+json", headers))
    for code, name, exit_code in ((503, "unavailable", 3), (429, "too-many-requests", 3), (500, "internal", 3), (507, "disk-full", 3),
                                  (403, "forbidden", 1), (401, "unauthenticated", 1), (404, "not-found", 4), (409, "conflict", 4),
                                  (412, "precondition-failed", 4), (409, "in-flight", 3), (410, "expired", 1), (400, "malformed", 2),
                                  (422, "idempotency-mismatch", 4)):
        b.expect("status %d %s" % (code, name), exit_code, "answered %d" % code if name != "in-flight" else "being handled",
                 "ci", "log", "checkpoint", lie=status(code, name))
    body = json.dumps({"type": "urn:hallmark:problem:policy", "title": "refused", "status": 403, "detail": "policy",
                       "findings": [{"check": "provenance.builder", "ok": False, "required": "a\033[2J", "found": "nobody"}],
                       "index": 1, "proof": w.proof(1)})
    b.expect("refusal with findings", 1, r"proof verified.*provenance.builder +FAILED +a\\u\{", "ci", *b.submit_args(),
             lie=change("status", lambda v, c: c["method"] == "POST" and (403, body, "application/problem+json")))
    r = b.expect("errors as JSON", 3, "", "ci", "log", "checkpoint", "--json", lie=status(503, "unavailable"))
    if r and (json.loads(r.err)["error"] != "unavailable" or json.loads(r.err)["exit"] != 3):
        b.failed.append("errors as JSON")
    b.settings("ci", "stranger-ca", ca="other-ca.pem")
    b.expect("server of another CA", 1, "certificate", "stranger-ca", "list")
    b.settings("ci", "nobody", server="https://localhost:1")
    b.expect("nobody listens", 3, "try again", "nobody", "list")
    b.settings("ci", "other-name", server="https://[::ffff:127.0.0.1]:%d" % b.service.port)
    b.expect("certificate for another name", 1, "another name", "other-name", "list")
    old = Service(w, ssl.TLSVersion.TLSv1_2)
    b.settings("ci", "old-tls", server="https://localhost:%d" % old.port)
    b.expect("TLS 1.2", 3, "localhost", "old-tls", "list")
    old.close()
    b.settings("ci", "no-key", log_key=None)
    b.expect("no log key", 2, "no log key is pinned.*published", "no-key", *b.submit_args())
    b.settings("ci", "no-server", server=None)
    b.expect("no server", 2, '"server" is missing', "no-server", "list")
    b.expect("missing artifact", 5, "cannot open", "ci", "submit", "--artifact", "/nonexistent")
    b.expect("missing product", 2, "--product is missing", "ci", "submit", "--artifact", b.image)
    b.expect("unknown option", 2, "unknown option.*--help", "ci", "list", "--nope")
    b.expect("bad release id", 2, "release id like r17", "ci", "show", "17")
    b.expect("encrypted key", 1, "ssh-agent", "ci", *b.submit_args("--ssh-key", make_locked(b)))
    b.expect("no agent", 3, "SSH_AUTH_SOCK", "ci", "reject", "r%d" % b.fresh(), "--reason", "x", "--agent", "--yes")
    b.expect("reason missing", 2, "--reason is missing", "ci", "cancel", "r2")
    posts = len(w.posts)
    tries = []

    def flaky(kind, value, context):
        if kind == "status" and context["method"] == "POST":
            tries.append(1)
            return None if len(tries) > 1 else (503, "{}", "application/problem+json", [("Retry-After", "1")])
        return value
    b.settings("ci", "patient", retries=2)
    b.expect("retry after 503", 0, "recorded", "patient", *b.submit_args(), lie=flaky)
    if len(tries) != 2 or len(w.posts) != posts + 1:
        b.failed.append("retry after 503: %d tries" % len(tries))


def command_line(b):
    """Exit code 2, the option by its name, and nothing sent."""
    posts = len(b.world.posts)
    bad = "--%s: .*next: hallmark submit --help"
    good = b.submit_args()

    def without(option):
        i = good.index(option)
        return good[:i] + good[i + next(n for n, a in enumerate(good[i + 1:] + ["--"], 1) if a.startswith("--")):]
    for option, value in (("version", "abc"), ("version", "1.2.3.4.5"), ("product", "a b"), ("channel", ""), ("channel", "x" * 65)):
        b.expect("--%s %r" % (option, value[:9]), 2, bad % option, "ci", *without("--" + option), "--" + option, value)
    for option, value in (("use-before", "tomorrow"), ("use-before", "1970-01-01T00:00:00Z"), ("use-before", "1969-01-01T00:00:00Z"),
                          ("installed-at-least", "2.0.0-rc1"), ("installed-at-least", "2..0"), ("installed-at-least", "2.0."),
                          ("installed-at-least", "1.2.3.4.5"), ("rollback-floor", "0"), ("rollback-floor", "9" * 17),
                          ("break-glass", ""), ("break-glass", "a\nb"), ("break-glass", "x" * 501), ("environment", "Production"),
                          ("valid-for", "59"), ("hardware", "er-100"), ("hardware", "er-100/b"), ("region", "e u"), ("region", "eu"),
                          ("dependency", "edge-radio"), ("artifact", b.image), ("artifact", b.image + ":other:2"),
                          ("artifact", b.image + ":other"), ("attestation", b.attestation)):
        b.expect("--%s %r" % (option, value[-20:]), 2, bad % option.replace("artifact", "artifact[^ ]*"), "ci",
                 *b.submit_args("--" + option, value))
    b.expect("a dependency twice", 2, bad % "dependency", "ci", *b.submit_args("--dependency", "a:1", "--dependency", "a:1"))
    regions = [x for i in range(16) for x in ("--region", "region-%d" % i)]
    hardware = [x for i in range(16) for x in ("--hardware", "er-%d/b" % i)]
    b.expect("too many classes", 2, bad % "hardware", "ci", *without("--region"), *regions, *hardware[:-2])
    for option in ("--product", "--version", "--channel", "--hardware", "--region", "--artifact"):
        b.expect(option + " left out", 2, option + " is missing", "ci", *without(option))
    release = "r%d" % b.fresh()
    for command in ("reject", "cancel"):
        for reason in ("", "a\nb", "\u202e", "x" * 501):
            b.expect("%s: reason %r" % (command, reason[:5]), 2, "--reason: expected 1 to 500", "alice", command, release, "--reason",
                     reason, "--yes")
        b.expect(command + " asks", 2, "not confirmed.*no terminal.*--yes", "alice", command, release, "--reason", "x")
    state = json.loads(b.run("ci", "show", release, "--json").out)["state"]
    if len(b.world.posts) != posts + 1 or state != "submitted":
        b.failed.append("command line: something was sent: %s" % state)
    b.expect("no proposals", 0, "no policy was proposed", "ci", "policy", "status")
    b.expect("no proposals, as JSON", 0, '"proposals":\\[\\]', "ci", "policy", "status", "--json")


def again(b):
    """An approval is given a second time, after the release has ended."""
    index = b.fresh(approvals=1)
    release = "r%d" % index
    b.expect("reject", 0, "release.rejected", "bob", "reject", release, "--reason", "x", "--yes")
    size = len(b.world.records)
    b.expect("approve again, rejected since", 0, "recorded before, nothing new: approval.recorded for %s: index %d, .*submitted then\n"
             "%s is rejected now" % (release, index + 1, release), "alice", "approve", release, "--yes")
    r = b.expect("as JSON", 0, "", "alice", "approve", release, "--yes", "--json")
    doc = json.loads(r.out)
    if (doc["recorded_before"], doc["state_now"], doc["state"]) != (True, "rejected", "submitted") or len(b.world.records) != size:
        b.failed.append("approve again: %s" % r.out)
    r = b.expect("approve for the first time", 0, "^recorded approval", "alice", "approve", "r%d" % b.fresh(), "--yes")
    if "before" in r.out:
        b.failed.append("the first approval: %s" % r.out)
    b.expect("explain what was rejected", 1, "signature: would be refused by", "ci", "policy", "explain", release)
    signed = "r%d" % b.fresh(signed=True)
    r = b.expect("explain what was signed", 0, "has ended: it is signed", "ci", "policy", "explain", signed)
    if "next:" in r.out or "signature: allowed by the rules, but the release has ended" not in r.out:
        b.failed.append("explain what was signed: %s" % r.out)
    b.expect("explain what was signed, as JSON", 0, '"ended":"signed"', "ci", "policy", "explain", signed, "--json")


def environment(b):
    """Set and empty is not set."""
    def run(name, code, pattern, *args, **env):
        b.count += 1
        r = subprocess.run([b.program, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=b.folder,
                           env={"PATH": os.environ["PATH"], "HOME": b.folder, **env})
        if r.returncode != code or not re.search(pattern, r.stdout.decode(), re.S):
            b.failed.append("empty variable: %s: exit %d: %s" % (name, r.returncode, r.stdout))
    run("HALLMARK_CONFIG", 2, '"server" is missing', "list", HALLMARK_CONFIG="")
    run("SSH_AUTH_SOCK", 3, "SSH_AUTH_SOCK is not set", "reject", "r%d" % b.fresh(), "--reason", "x", "--agent", "--yes", "--config", "ci.json",
        SSH_AUTH_SOCK="")
    run("GitHub's", 2, "are not set: the job needs", *b.submit_args("--oidc-github", "--config", "ci.json"), ACTIONS_ID_TOKEN_REQUEST_URL="",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="")


def through(b, name, path, *args, code=0):
    """What comes out of a pipe that stands at path while a command writes to it."""
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as reader:
        b.expect(name, code, "", "ci", *args, "--out", path)
        b.count += 1
        if not stat.S_ISFIFO(os.lstat(path).st_mode):
            b.failed.append("%s: the pipe was replaced" % name)
            reader.kill()
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))  # so that the reader ends where nobody came
        except OSError:
            pass
        return reader.stdout.read()


def local_files(b):
    w = b.world
    path = lambda *names: os.path.join(b.folder, "files", *names)  # noqa: E731
    os.mkdir(path())
    os.mkfifo(path("pipe"))
    note = w.checkpoint().encode()
    if through(b, "checkpoint into a pipe", path("pipe"), "log", "checkpoint") != note:
        b.failed.append("checkpoint into a pipe")
    if through(b, "export into a pipe", path("pipe"), "log", "export") != b"".join(r + b"\n" for r in w.records):
        b.failed.append("export into a pipe")
    write(path("file"), "before")
    os.symlink("file", path("link"))
    os.symlink("nothing", path("loose"))
    os.symlink("/proc/self/fd/1", path("stdout"))
    b.expect("nothing to resume in stdout", 2, "--resume: .*no file", "ci", "log", "export", "--resume", "--out", path("stdout"))
    for name, command in (("checkpoint", ["log", "checkpoint"]), ("export", ["log", "export"])):
        b.expect(name + " through a link", 0, "", "ci", *command, "--out", path("link"))
        if not os.path.islink(path("link")) or open(path("file"), "rb").read() not in (note, b"".join(r + b"\n" for r in w.records)):
            b.failed.append(name + " through a link")
        b.expect(name + " through a link to nothing", 5, "loose: cannot be followed", "ci", *command, "--out", path("loose"))
        r = b.expect(name + " through a link to stdout", 0, "", "ci", *command, "--out", path("stdout"))
        if len(r.stdout) < len(note):
            b.failed.append(name + " through a link to stdout")
    local_devices(b, path("full"))
    local_paths(b, path)


def local_devices(b, path):
    """A device of the test's own: the write fails, and it stays a device."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 7))
        os.close(os.open(path, os.O_WRONLY))
    except PermissionError:
        return
    for command in ("checkpoint", "export"):
        b.expect(command + " to a full device", 5, "No space left", "ci", "log", command, "--out", path)
        if not stat.S_ISCHR(os.lstat(path).st_mode):
            b.failed.append(command + " to a full device: it was replaced")


def local_paths(b, path):
    """What is not there on this machine is exit code 5, and no list of the service's helps."""
    release = "r%d" % b.fresh(signed=True)
    for args in (("log", "export", "--out", path("no", "x")), ("log", "export", "--proofs", "/proc/none"),
                 ("policy", "show", "--out", path("file", "x")), ("policy", "show", "--out", path("no", "x")),
                 ("log", "report", "--since", "1d", "--until", "0s", "--out", path("no", "x")), ("log", "checkpoint", "--out", path()),
                 ("log", "proof", "1", "--out", path("no", "x")), ("bundle", release, "--out", "/proc/x"),
                 ("bundle", release, "--out", path()), ("log", "verify", "--database", "/nonexistent"),
                 ("log", "verify", "--deep", "--database", "/nonexistent"), ("log", "export", "--database", "/nonexistent")):
        r = b.expect("local: " + " ".join(args[:3]), 5, "io: [^:]*/[^:]*: ", "ci", *args)
        if "hallmark list" in r.err or "mode=ro" in r.err:
            b.failed.append("local: %s: %s" % (args, r.err))


def make_locked(b):
    path = os.path.join(b.folder, "locked")
    if not os.path.exists(path):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", path], check=True)
    return path


def on_terminal(b, who, *args, answer=b"", env=()):
    """Runs a command whose stdin and stderr are a terminal; returns (exit code, what stderr showed)."""
    master, slave = pty.openpty()
    words = 2 if args[0] in ("log", "policy") else 1
    argv = [b.program, *args[:words], "--config", os.path.join(b.folder, who + ".json"), *args[words:]]
    p = subprocess.Popen(argv, stdin=slave, stdout=subprocess.DEVNULL, stderr=slave, cwd=b.folder,
                         env={**os.environ, "TERM": "xterm", **dict(env)})
    os.close(slave)
    os.write(master, answer)
    text = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.close(master)
    return p.wait(60), text.decode(errors="replace")


def terminal(b):
    release = "r%d" % b.fresh()
    for name, answer, code in (("no", b"no\n", 1), ("y", b"y\n", 1), ("empty line", b"\n", 1), ("end of input", b"\4", 1),
                               ("yes and more", b"yes please\n", 1), ("yes", b"yes\n", 0)):
        b.count += 1
        before = len(b.world.records)
        got, text = on_terminal(b, "alice", "approve", release, answer=answer)
        if got != code or "Type yes:" not in text or (len(b.world.records) != before) != (code == 0):
            b.failed.append("terminal: %s: exit %d: %s" % (name, got, text))
    for name, env, colored in (("colours", {}, True), ("NO_COLOR", {"NO_COLOR": "1"}, False), ("dumb", {"TERM": "dumb"}, False)):
        b.count += 1
        _, text = on_terminal(b, "ci", "show", "17", env=env)
        if ("\033[31m" in text) != colored:
            b.failed.append("terminal: %s: %r" % (name, text))
    big = write(os.path.join(b.folder, "big.bin"), os.urandom(48 << 20))
    b.count += 1
    got, text = on_terminal(b, "ci", "submit", "--product", "edge-router", "--version", "3.0.0", "--channel", "stable",
                            "--hardware", "er-100/b", "--region", "world", "--artifact", big)
    if got != 0 or not re.search(r"\[#*\.*\] +\d+% .*/s big.bin", text):
        b.failed.append("terminal: progress: exit %d: %r" % (got, text))


def help_everywhere(b):
    text = subprocess.run([b.program, "--help"], stdout=subprocess.PIPE, check=True).stdout.decode()
    commands = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +\S", text, re.M)
    if len(commands) < 15:
        b.failed.append("help lists %d commands" % len(commands))
    for command in commands:
        r = subprocess.run([b.program, *command.split(), "--help"], stdout=subprocess.PIPE)
        if r.returncode != 0 or b"Example:" not in r.stdout or b"Exit codes" not in r.stdout:
            b.failed.append("help of " + command)
    for group in {c.split()[0] for c in commands if " " in c}:
        for more, code in (([], 2), (["--help"], 0)):
            r = subprocess.run([b.program, group, *more], stdout=subprocess.PIPE)
            if r.returncode != code or not r.stdout.startswith(b"Usage: hallmark %s COMMAND [OPTIONS]\n" % group.encode()):
                b.failed.append("help of %s: %s" % (group, r.stdout))
    r = subprocess.run([b.program, "--color", "always"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if r.returncode != 2:
        b.failed.append("no command is a usage error")
