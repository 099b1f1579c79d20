#!/usr/bin/python3
"""The CDDL reader itself, on small texts: what they take, what they refuse, and texts that must not be read at all."""
import cbor2
from cddl import Mismatch, Schema, Unreadable

from hallmark_tool import expect

# (text, values of its first rule, values that are not)
JUDGED = [
    ("a = 3", [3], [2, 4, "3", True, 3.0, None, [3]]),
    ("a = -16", [-16], [16, -15, -17]),
    ("a = 1", [1], [True, 1.0]),
    ("a = 1..5", [1, 5], [0, 6, True, 2.0, "1"]),
    ("a = -2..2", [-2, 0, 2], [-3, 3]),
    ("a = bstr", [b"", b"x"], ["", 0, None, [b""]]),
    ("a = text ; nothing else", ["", "x"], [b"", 0]),
    ("a = nil", [None], [0, False, "", cbor2.undefined]),
    ("a = 1 / text / 7..9", [1, "x", 7, 9], [2, 6, 10, b"x"]),
    ("a = (1 / 2)", [1, 2], [3]),
    ("a = b\nb = c ; two steps\nc = 4", [4], [5]),
    ("a = bytes .size 2", [b"ab"], [b"a", b"abc", "ab", 2]),
    ("a = bytes .size (1..2)", [b"a", b"ab"], [b"", b"abc"]),
    ("a = text .size (1..2)", ["a", "\u00e4"], ["", "abc", "\u00e4b", b"a"]),
    ("a = [ 1, text ]", [[1, "x"]], [[1], [1, "x", 1], ["x", 1], [], {0: 1, 1: "x"}, 1]),
    ("a = [ first: 1, second: text, ]", [[1, "x"]], [[1], ["x", 1]]),
    ("a = []", [[]], [[1], {}, None]),
    ("a = [ 2*3 text ]", [["", ""], ["", "", ""]], [[], [""], [""] * 4, ["", 1], ["", "", 1]]),
    ("a = [ 0*2 text, 1*2 1..9 ]", [[1], ["", 1], ["", "", 1, 2]], [[], [""], ["", "", ""], ["", "", "", 1], [1, ""], [1, 2, 3]]),
    ("a = [ all: [ 1*2 1 ], 2 ]", [[[1], 2], [[1, 1], 2]], [[[], 2], [[1, 1, 1], 2], [1, 2]]),
    ("a = [ 1*2 1, 1 ]", [], [[1], [1, 1]]),  # no going back: RFC 8610 appendix A
    ("a = { 1: text, -3: bstr }", [{1: "x", -3: b""}], [{1: "x"}, {1: "x", -3: b"", 4: 0}, {1: 1, -3: b""}, {"1": "x", -3: b""},
                                                        {True: "x", -3: b""}, {1.0: "x", -3: b""}, [], {}]),
    ("a = {}", [{}], [{1: 1}, []]),
    ("a = #6.18([ 1 ])", [cbor2.CBORTag(18, [1])], [cbor2.CBORTag(17, [1]), cbor2.CBORTag(18, [2]), cbor2.CBORTag(18, 1), [1], 18]),
    ("a = bstr .cbor { 1: b }\nb = 1 / 2", [b"\xa1\1\1", b"\xa1\1\2"], [b"\xa1\1\3", b"\xa1\1", b"", b"\xa1\1\1\0", {1: 1}, "\xa1\1\1"]),
]
UNREADABLE = [
    "", "; nothing", "a", "a =", "= 1", "a = b", "a = [ 1*2 b ]", "a = 1 1", "a = 1\na = 2", "time = 1", "uri = text", "a = uint", "a = any",
    "a = true", "a = 1 /", "a = 1...5", "a = 5..1", "a = 1..b\nb = 2", "a = 1.5", "a = 1e3", "a = 0x10", "a = 01", "a = -0", "a = \"x\"", "a = h'00'",
    "a = [ ? 1 ]", "a = [ * 1 ]", "a = [ + 1 ]", "a = [ 1* 1 ]", "a = [ *2 1 ]", "a = [ 3*2 1 ]", "a = [ 0*0 1 ]", "a = [ 1 2 ]", "a = [ 1 // 2 ]",
    "a = [ 1", "a = 1 ]", "a = [ 1: 2 ]", "a = [ ( 1, 2 ) ]", "a = ( 1, 2 )", "a = ( b: 1 )", "a = { 1: 1, 1: 2 }", "a = { b: 1 }", "a = { 1 => 1 }",
    "a = { ? 1: 1 }", "a = { 1*2 1: 1 }", "a = { b }\nb = 1", "a = { 1: 1", "a = #6.18", "a = #6([ 1 ])", "a = #1.3", "a = #", "a = #6.18 (1)",
    "a = bstr .size", "a = bstr .bits 1", "a = bstr .cborseq b\nb = 1", "a = text .cbor 1", "a = b .size 2\nb = bstr", "a = 3 .size 1", "a = nil .size 0",
    "a = text .regexp 1", "a = bstr .size 2 .size 2", "a //= 1", "a /= 1", "a<b> = 1", "a = ~b\nb = 1", "a = &b\nb = 1", "a = 1\t", "a = 1\r\n",
]


def takes(schema, value):
    try:
        schema.check("a", value)
        return True
    except Mismatch:
        return False


def main():
    for text, good, bad in JUDGED:
        schema = Schema(text)
        for value in good:
            expect(takes(schema, value), f"{text!r} does not take {value!r}")
        for value in bad:
            expect(not takes(schema, value), f"{text!r} takes {value!r}")
    for text in UNREADABLE:
        try:
            Schema(text)
        except Unreadable:
            continue
        expect(False, f"{text!r} is read")
    print(f"{len(JUDGED)} texts judge as RFC 8610 says, {len(UNREADABLE)} are not read")


main()
