#!/usr/bin/python3
"""Compiles the device's core alone with gcc -ffreestanding and measures it: footprint.py SOURCE_DIR CC.
Fails if it needs more than mem* of a libc, has writable data, recurses, or can need more than 4 KiB of stack.
Calls through the ports' tables are not followed: their stack is the port's."""
import os
import re
import subprocess
import sys
import tempfile

STACK_MAX = 4096
MEM = {"memcpy", "memset", "memmove", "memcmp"}


def run(*args):
    return subprocess.run(args, check=True, capture_output=True, text=True).stdout


def compile_core(cc, source, out):
    files = sorted(f for f in os.listdir(os.path.join(source, "device")) if f.endswith(".c"))
    for f in files:
        run(cc, "-std=c11", "-Os", "-ffreestanding", "-fno-stack-protector", "-fcf-protection=none", "-fno-asynchronous-unwind-tables",
            "-fcallgraph-info=su", "-I", source, "-c", os.path.join(source, "device", f),
            "-o", os.path.join(out, f[:-2] + ".o"))
    return [os.path.join(out, f[:-2]) for f in files]


def read_graph(bases):
    frames, calls = {}, {}
    for base in bases:
        text = open(base + ".ci").read()
        for title, label in re.findall(r'node: \{ title: "([^"]+)" label: "([^"]*)"', text):
            size = re.search(r"(\d+) bytes", label)
            if size:
                frames[title] = int(size.group(1))
        for caller, callee in re.findall(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', text):
            calls.setdefault(caller, set()).add(callee)
    return frames, calls


def deepest(name, frames, calls, path, memo):
    if name in path:
        sys.exit(f"recursion: {' -> '.join(path + [name])}")
    if name not in memo:
        below = [deepest(c, frames, calls, path + [name], memo) for c in calls.get(name, ()) if c in frames]
        best = max(below, default=(0, []))
        memo[name] = (frames[name] + 8 + best[0], [name] + best[1])
    return memo[name]


def main():
    source, cc = sys.argv[1], sys.argv[2]
    if "Free Software Foundation" not in run(cc, "--version"):
        print("needs gcc for -fcallgraph-info: skipped")
        return 77
    with tempfile.TemporaryDirectory() as out:
        bases = compile_core(cc, source, out)
        objects = [b + ".o" for b in bases]
        wanted = {l.split()[-1] for l in run("nm", "-u", *objects).splitlines() if " U " in l}
        defined = {l.split()[-1] for l in run("nm", "--defined-only", *objects).splitlines() if len(l.split()) == 3}
        missing = wanted - defined - MEM - {"_GLOBAL_OFFSET_TABLE_"}
        sizes = [l.split() for l in run("size", *objects).splitlines()[1:]]
        frames, calls = read_graph(bases)
    text = sum(int(s[0]) for s in sizes)
    bss = sum(int(s[2]) for s in sizes)
    memo = {}
    depth, path = max(deepest(f, frames, calls, [], memo) for f in frames)
    chain = " > ".join(name.split(":")[-1] for name in path)
    print(f"text {text} bytes, bss {bss}, deepest stack {depth} bytes: {chain}")
    for name in ("hmd_store_open", "hmd_verify_release", "hmd_install_end", "hmd_boot_select", "hmd_boot_confirm"):
        print(f"  {name}: {memo[name][0]} bytes of stack")
    assert not missing, f"the core needs {sorted(missing)}"
    assert bss == 0, "the core has writable data"
    assert depth <= STACK_MAX, f"the core needs {depth} bytes of stack"
    return 0


sys.exit(main())
