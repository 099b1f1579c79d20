"""Judges decoded CBOR by CDDL (RFC 8610): the part of the language that Hallmark's .cddl files use.

Rules of types; integers, ranges, arrays with n*m, maps with integer keys, choices, tags, .size, .cbor, and of the prelude bstr, bytes,
tstr, text, nil, null. Anything else is an error (Unreadable) when the text is read, so that nothing of it goes unheeded."""
import io
import re

import cbor2

SUPPORTED = {"bstr": bytes, "bytes": bytes, "tstr": str, "text": str, "nil": type(None), "null": type(None)}
PRELUDE = set("""any uint nint int bstr bytes tstr text tdate time number biguint bignint bigint integer unsigned decfrac bigfloat eb64url
eb64legacy eb16 encoded-cbor uri b64url b64legacy regexp mime-message cbor-any float16 float32 float64 float16-32 float32-64 float false
true bool nil null undefined""".split())
TOKEN = re.compile(r"""(?P<blank>[ \n]+|;[^\n]*)
    | (?P<occurrence>(?:0|[1-9][0-9]*)\*(?:0|[1-9][0-9]*)(?![\w*]))
    | (?P<tag>\#6\.(?:0|[1-9][0-9]*)(?=\())
    | (?P<integer>(?:0|-?[1-9][0-9]*)(?![\w*]))
    | (?P<control>\.[a-z]+)
    | (?P<name>[A-Za-z@_$](?:[-.]*[A-Za-z0-9@_$])*)
    | (?P<sign>\.\.|[=/:,{}()\[\]])""", re.VERBOSE)


class Unreadable(Exception):
    """Not CDDL, or CDDL of a kind that this module does not know."""


class Mismatch(Exception):
    """The value is not of the type; says where."""


def need(condition, where, what):
    if not condition:
        raise Mismatch(f"{where}: expected {what}")


def tokens(text):
    found, at = [], 0
    while at < len(text):
        token = TOKEN.match(text, at)
        if token is None:
            raise Unreadable(f"line {text.count(chr(10), 0, at) + 1}: {text[at:at + 20]!r}")
        if token.lastgroup != "blank":
            found.append((token.lastgroup, token.group()))
        at = token.end()
    return found + [("end", "the end")]


# --- types: functions of (value, where), which raise Mismatch ---

def prelude_type(name):
    return lambda value, where: need(type(value) is SUPPORTED[name], where, name)


def interval(low, high):
    return lambda value, where: need(type(value) is int and low <= value <= high, where, f"{low}..{high}")


def choice(types):
    def check(value, where):
        refused = []
        for one in types:
            try:
                return one(value, where)
            except Mismatch as mismatch:
                refused.append(str(mismatch))
        raise Mismatch("; or ".join(refused))
    return check


def array(entries):
    """entries: (least, most, type). As in RFC 8610, each takes as many elements as it can."""
    def check(value, where):
        need(type(value) is list, where, "an array")
        at = 0
        for least, most, one in entries:
            count = 0
            while count < most and at < len(value):
                try:
                    one(value[at], f"{where}[{at}]")
                except Mismatch:
                    if count < least:
                        raise
                    break
                count, at = count + 1, at + 1
            need(count >= least, where, f"{least}*{most} at [{at}], not {count}")
        need(at == len(value), where, f"the end at [{at}]")
    return check


def mapping(members):
    def check(value, where):
        need(type(value) is dict and all(type(key) is int for key in value) and set(value) == set(members), where,
             f"a map of {list(members)}")
        for key, one in members.items():
            one(value[key], f"{where}.{key}")
    return check


def tagged(number, inner):
    def check(value, where):
        need(type(value) is cbor2.CBORTag and value.tag == number, where, f"tag {number}")
        inner(value.value, where)
    return check


def sized(target, size):
    def check(value, where):
        target(value, where)
        size(len(value.encode() if type(value) is str else value), where + " .size")
    return check


def embedded(target, inner):
    def check(value, where):
        target(value, where)
        stream = io.BytesIO(value)
        try:
            item = cbor2.load(stream)
        except Exception as error:
            raise Mismatch(f"{where}: not CBOR") from error
        need(not stream.read(), where, "one CBOR item")
        inner(item, where)
    return check


class Schema:
    def __init__(self, text):
        self.tokens, self.at, self.rules, self.used = tokens(text), 0, {}, set()
        while self.peek()[0] != "end":
            name = self.take("name")
            if name in PRELUDE or name in self.rules:
                raise Unreadable(f"{name} is defined already")
            self.take("sign", "=")
            self.rules[name] = self.type()
        missing = self.used - set(self.rules)
        if missing or not self.rules:
            raise Unreadable(f"not defined: {sorted(missing)}")

    def check(self, rule, value):
        """Mismatch if value is not of this rule's type."""
        self.rules[rule](value, rule)

    def peek(self, ahead=0):
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def take(self, kind, text=None):
        found = self.peek()
        if found[0] != kind or text not in (None, found[1]):
            raise Unreadable(f"{found[1]!r} instead of {text or kind}, behind {' '.join(t for _, t in self.tokens[max(0, self.at - 5):self.at])!r}")
        self.at += 1
        return found[1]

    def skip(self, text):
        """Takes this sign if it is the next token."""
        found = self.peek() == ("sign", text)
        self.at += found
        return found

    def type(self):
        types = [self.controlled()]
        while self.skip("/"):
            types.append(self.controlled())
        return types[0] if len(types) == 1 else choice(types)

    def controlled(self):
        kind, text = self.peek()
        target = self.simple()
        if self.peek()[0] != "control":
            return target
        control = self.take("control")
        string = SUPPORTED.get(text) if kind == "name" else None
        if control == ".size" and string in (bytes, str):
            return sized(target, self.simple())
        if control == ".cbor" and string is bytes:
            return embedded(target, self.simple())
        raise Unreadable(f"{text} {control}")

    def simple(self):
        kind, text = self.peek()
        if kind == "integer":
            return self.integers()
        if kind == "name":
            return self.reference()
        if kind == "tag":
            self.take("tag")
            return tagged(int(text[3:]), self.enclosed("(", self.type, ")"))
        if text == "[":
            return array(self.enclosed("[", self.elements, "]"))
        if text == "{":
            return mapping(self.enclosed("{", self.members, "}"))
        return self.enclosed("(", self.type, ")")

    def enclosed(self, opening, inner, closing):
        self.take("sign", opening)
        found = inner()
        self.take("sign", closing)
        return found

    def integers(self):
        low = high = int(self.take("integer"))
        if self.skip(".."):
            high = int(self.take("integer"))
        if low > high:
            raise Unreadable(f"{low}..{high}")
        return interval(low, high)

    def reference(self):
        name = self.take("name")
        if name in SUPPORTED:
            return prelude_type(name)
        self.used.add(name)
        return lambda value, where: self.rules[name](value, where)

    def elements(self):
        """In an array the name before a colon is for the reader alone."""
        found = []
        while self.peek() != ("sign", "]"):
            least = most = 1
            if self.peek()[0] == "occurrence":
                least, most = map(int, self.take("occurrence").split("*"))
            if least > most or most == 0:
                raise Unreadable(f"{least}*{most}")
            if self.peek()[0] == "name" and self.peek(1) == ("sign", ":"):
                self.at += 2
            found.append((least, most, self.type()))
            if not self.skip(","):
                break
        return found

    def members(self):
        found = {}
        while self.peek() != ("sign", "}"):
            key = int(self.take("integer"))
            self.take("sign", ":")
            if key in found:
                raise Unreadable(f"member {key} stands twice")
            found[key] = self.type()
            if not self.skip(","):
                break
        return found
