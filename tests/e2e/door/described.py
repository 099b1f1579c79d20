"""Is every answer that the tests were given one that schema/openapi.json describes: status, media type, Allow?

What is not is kept until somebody asks (undescribed), so that calls of other threads count too."""
import functools
import json
import os
import pathlib
import re

TOP = pathlib.Path(os.environ.get("HALLMARK_SOURCE") or pathlib.Path(__file__).resolve().parents[3])


@functools.cache
def document():
    return json.loads((TOP / "schema" / "openapi.json").read_text())


def resolve(node):
    """node, or what it refers to within the document."""
    while "$ref" in node:
        found = document()
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


def pattern(template, item):
    """Which paths a template takes: a parameter is one segment, unless its schema has slashes of its own."""
    operations = [o for o in item.values() if "responses" in o]
    deep = {p["name"] for o in operations for p in map(resolve, o.get("parameters", ()))
            if p["in"] == "path" and "/" in p["schema"].get("pattern", "")}
    parts = re.split(r"\{([^}]+)\}", template)
    return re.compile("".join((".+" if part in deep else "[^/]+") if i % 2 else re.escape(part) for i, part in enumerate(parts)))


@functools.cache
def templates():
    return [(pattern(template, item), item) for template, item in document()["paths"].items()]


def expected(method, path):
    """Status -> response of a request; those of an operation, or of a path or a method that is not there."""
    item = next((item for fits, item in templates() if fits.fullmatch(path)), None)
    if item is None:
        return {"404": document()["components"]["responses"]["NotFound"]}
    if method.lower() in item:
        return item[method.lower()]["responses"]
    return {"405": document()["info"]["x-method-not-allowed"]}


def fault(method, target, status, headers):
    """What the document does not say of this answer; None if it says all of it."""
    path = target.split("?")[0]
    responses = expected(method, path)
    if str(status) not in responses:
        return "%s %s: status %d is not described" % (method, path, status)
    described = resolve(responses[str(status)])
    kinds, kind = described.get("content", {}), headers.get("content-type")
    if method != "HEAD" and (kind.split(";")[0].strip() if kind else None) not in (kinds or [None]):
        return "%s %s, %d: media type %s is not described" % (method, path, status, kind)
    missing = [name for name in ("Allow", "Retry-After") if name in described.get("headers", {}) and name.lower() not in headers]
    return "%s %s, %d: no header %s" % (method, path, status, missing[0]) if missing else None


_undescribed = {}


def note(method, target, status, headers):
    """headers: names in lower case."""
    text = fault(method, target, status, headers)
    if text:
        _undescribed[text] = _undescribed.get(text, 0) + 1


def undescribed():
    """The faults so far, once each, and forgets them."""
    found = ["%s (%d times)" % f for f in _undescribed.items()]
    _undescribed.clear()
    return found
