"""What `cmake --install` puts down, into a scratch DESTDIR: every document of the source is there, every relative link of every document leads
to something that is installed as well, and what the units name is where they say."""

import glob
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import docs_tree_test as tree  # noqa: E402

SOURCE, BUILD = tree.SOURCE, tree.BUILD
TOP = ["README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", "LICENSE"]


def row(name, good, found=""):
    print("%s %s%s" % ("ok" if good else "FAILED", name, "" if good else ": %s" % (found,)))
    return good


def below(top, pattern):
    return sorted(os.path.relpath(p, top) for p in glob.glob(os.path.join(top, pattern), recursive=True))


def outside(path, text):
    """Links that lead out of the folder of the documents."""
    for m in tree.links(text):
        target = m.group(1).partition("#")[0]
        if not re.match(r"[a-z]+:", target) and os.path.normpath(os.path.join(os.path.dirname(path), target)).startswith(".."):
            yield tree.line_of(text, m.start()), "leads out of what is installed: " + m.group(1)


def documents(folder):
    there = below(folder, "**/*.md")
    wanted = sorted(below(SOURCE, "docs/**/*.md") + [n for n in TOP if n.endswith(".md")])
    tree.SOURCE = folder  # its functions take paths from there
    return [row("%d documents, all of the source" % len(there), there == wanted and len(there) > 20, set(there) ^ set(wanted)),
            row("the licence", os.path.isfile(os.path.join(folder, "LICENSE"))),
            row("the example configurations", len(below(folder, "examples/*.json")) == 4, below(folder, "**/*.json")),
            tree.check("relative links of installed documents resolve", ((p, n, t) for p in there for n, t in tree.bad_links(p, tree.read(p)))),
            tree.check("and stay among them", ((p, n, t) for p in there for n, t in outside(p, tree.read(p))))]


def units(root):
    found = below(root, "**/*.service")
    yield row("four units", len(found) == 4, found)
    for name in found:
        with open(os.path.join(root, name)) as f:
            text = f.read()
        for what, path in re.findall(r"^(Documentation=file:|ExecStart=)(\S+)", text, re.M):
            yield row("%s: %s%s is installed" % (os.path.basename(name), what, path), os.path.isfile(root + path), path)


def main():
    with tempfile.TemporaryDirectory() as root:
        r = subprocess.run(["cmake", "--install", BUILD], env=dict(os.environ, DESTDIR=root), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if r.returncode != 0:
            sys.exit("cmake --install failed:\n" + r.stdout.decode(errors="replace"))
        folders = [os.path.dirname(p) for p in below(root, "**/doc/hallmark/README.md")]
        good = [row("one folder of documents", len(folders) == 1, folders)]
        good += documents(os.path.join(root, folders[0])) if good[0] else []
        good += units(root)
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
