"""What the documentation and the tree promise: links resolve, every format is listed, every decision record is listed, nothing unfinished,
no path of the machine that built it. One line per check; every finding names file and line."""

import json
import os
import re
import subprocess
import sys

SOURCE = os.environ["HALLMARK_SOURCE"]
BUILD = os.environ["HALLMARK_BUILD"]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
# In two pieces, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "TO" + r"DO|" + "FIX" + r"ME)\b")


def files():
    """Paths, relative to the top, of what belongs to the repository."""
    r = subprocess.run(["git", "-c", "safe.directory=*", "-C", SOURCE, "ls-files", "-z", "--cached"],
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if r.returncode == 0 and r.stdout:
        listed = r.stdout.decode().rstrip("\0").split("\0")
        return [p for p in listed if os.path.isfile(os.path.join(SOURCE, p))]
    found = []  # a source archive: everything but build folders
    for base, dirs, names in os.walk(SOURCE):
        dirs[:] = [d for d in dirs if not d.startswith("build") and d not in (".git", "__pycache__")]
        found += [os.path.relpath(os.path.join(base, n), SOURCE) for n in names]
    return found


def read(path):
    with open(os.path.join(SOURCE, path), "rb") as f:
        data = f.read()
    return "" if b"\0" in data[:4096] else data.decode("utf-8", errors="replace")


def anchors(text):
    """Names that headings get on the usual web views."""
    out = set()
    for line in FENCE.sub("", text).splitlines():
        if line.startswith("#"):
            title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line.lstrip("#").strip()).lower()
            out.add(re.sub(r"[^\w\- ]", "", title).replace(" ", "-"))
    return out


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def links(text):
    """A match for each; group 1 is where it leads. Fenced blocks keep their length, so that line numbers stay true."""
    return LINK.finditer(FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text))


def bad_links(path, text):
    for m in links(text):
        target, _, anchor = m.group(1).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        full = os.path.normpath(os.path.join(SOURCE, os.path.dirname(path), target)) if target else os.path.join(SOURCE, path)
        if not os.path.exists(full):
            yield line_of(text, m.start()), "no such file: " + m.group(1)
        elif anchor and full.endswith(".md") and anchor not in anchors(read(os.path.relpath(full, SOURCE))):
            yield line_of(text, m.start()), "no such heading: " + m.group(1)


def unlisted(tree, folder):
    """Documents of a folder that its README.md does not link to."""
    listed = os.path.join(SOURCE, folder, "README.md")
    index = read(listed) if os.path.exists(listed) else ""
    for p in tree:
        name = os.path.basename(p)
        if os.path.dirname(p) == folder and p.endswith(".md") and name != "README.md" and "](%s)" % name not in index:
            yield p, 1, "not listed in %s/README.md" % folder


def properties(schema):
    """Names of all members that a JSON Schema describes, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(properties, schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    own = set(schema.get("properties", {}))
    return own.union(*map(properties, schema.values()))


def undocumented():
    """Members of a policy that have no row in the table of docs/policy.md."""
    text = read("docs/policy.md")
    rows = re.findall(r"^\| ([^|]*`[^|]*) \|", text.split("## Every field", 1)[-1].split("\n## ", 1)[0], re.M)
    named = set(re.findall(r"`([a-z_]+)", " ".join(rows)))
    inside = {"pem", "ssh", "san_uri", "fingerprint", "oidc", "issuer", "claims", "group", "count", "threshold", "uri", "sha256", "predicates", "from", "to", "window_s", "soak_s", "rule"}
    for name in sorted(properties(json.loads(read("schema/policy.schema.json"))) - named - inside):
        yield "docs/policy.md", 1, "\"%s\" of schema/policy.schema.json has no row under \"Every field\"" % name
    for name in sorted(inside):
        if not re.search(r"[\"`]%s\b" % name, text):
            yield "docs/policy.md", 1, "\"%s\" of schema/policy.schema.json stands nowhere" % name


def not_built(text):
    """Commands that install a build which no line above them in their block has made."""
    for block in FENCE.finditer(text):
        for m in re.finditer(r"^cmake --install build/(\w+)", block.group(0), re.M):
            if "\ncmake --build --preset %s\n" % m.group(1) not in block.group(0)[:m.start()]:
                yield line_of(text, block.start() + m.start()), "nothing builds what this installs: " + m.group(0)


def cryptoki(tree):
    """Functions of PKCS#11 that hsm/ calls itself and that the decision record about it does not name, and the other way round."""
    record = next(p for p in tree if p.startswith("docs/adr/0012-"))
    called = {n for p in tree if p.startswith("hsm/") and p.endswith(".c") for n in re.findall(r"(?:->|\")(C_\w+)(?:\(|\"\))", read(p))}
    named = set(re.findall(r"`(C_\w+)`", read(record)))
    for name in sorted(called ^ named):
        yield record, 1, name + (" is called, and not named" if name in called else " is named, and not called")


def matches(tree, find):
    for p in tree:
        text = read(p)
        for m in find(text):
            yield p, line_of(text, m.start()), "found \"%s\"" % m.group(0)


def machine_paths(text):
    for top in (SOURCE, BUILD):
        if top.count("/") > 1:
            yield from re.finditer(re.escape(top) + r"(?=[/\"'\s]|$)", text)


def check(what, findings):
    findings = list(findings)
    print("%s %s" % ("ok" if not findings else "FAILED", what))
    for path, line, text in findings:
        print("  %s:%d: %s" % (path, line, text))
    return not findings


def main():
    tree = files()
    texts = [p for p in tree if p.endswith(".md")]
    good = [
        check("relative links resolve", ((p, n, t) for p in texts for n, t in bad_links(p, read(p)))),
        check("every format is listed", unlisted(tree, "docs/formats")),
        check("every decision record is listed", unlisted(tree, "docs/adr")),
        check("every member of a policy is explained", undocumented()),
        check("what is installed was built before", ((p, n, t) for p in texts for n, t in not_built(read(p)))),
        check("direct calls into PKCS#11 are those that were decided", cryptoki(tree)),
        check("nothing is left unfinished", matches(tree, UNFINISHED.finditer)),
        check("no path of a build machine", matches(tree, machine_paths)),
    ]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
