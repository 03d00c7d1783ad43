"""
Socket.IO packets as JSON with binary attachments.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import json
import math
import types
import uuid
from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
import pytest

from txsocketio.errors import DecodeError, NotEncodable
from txsocketio.protocol import socketio
from txsocketio.protocol.socketio import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    MAX_ACK_ID,
    RESERVED_EVENTS,
    Decoder,
    JSONParser,
    checkNamespace,
)

LIMIT = 1_000_000

Hook = Callable[[dict[str, Any]], Any]


def decoder(maxAttachments: int = 10, maxMessageBytes: int = LIMIT) -> Decoder:
    return JSONParser().buildDecoder(maxAttachments, maxMessageBytes)


def decode(*messages: bytes | str, hook: Hook | None = None) -> Any:
    """
    Feed a fresh decoder; C{str} are text messages, C{bytes} binary ones.
    """
    fresh = JSONParser(objectHook=hook).buildDecoder(10, LIMIT)
    packet = None
    for message in messages:
        assert packet is None
        if isinstance(message, str):
            packet = fresh.addText(message.encode("utf-8", "surrogatepass"))
        else:
            packet = fresh.addBinary(message)
    return packet


def encode(*args: Any, parser: JSONParser | None = None) -> str:
    """
    The text of an event on the main namespace, without its type.
    """
    text, attachments = (parser or JSONParser()).encode(EVENT, "/", None, args)
    assert not attachments
    assert text[:1] == b"2"
    return text[1:].decode()


def roundTrip(packetType: int, namespace: str, ackID: int | None, data: Any) -> Any:
    text, attachments = JSONParser().encode(packetType, namespace, ackID, data)
    fresh = decoder()
    packet = fresh.addText(text)
    for attachment in attachments:
        assert packet is None
        packet = fresh.addBinary(attachment)
    return packet


def nest(depth: int, leaf: Any = None) -> Any:
    for _ in range(depth):
        leaf = [leaf]
    return leaf


# both directions


def test_version() -> None:
    """
    Protocol 5, whose packet types are numbered from 0 to 6.

    behaviours M1
    """
    numbers = [CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR]
    numbers += [socketio.BINARY_EVENT, socketio.BINARY_ACK]
    assert (socketio.PROTOCOL, numbers) == (5, [0, 1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize(
    ("packet", "wire"),
    [
        ((CONNECT, "/", None, None), b"0"),
        ((CONNECT, "/", None, {}), b"0{}"),
        ((CONNECT, "/woot", None, {"token": "123"}), b'0/woot,{"token":"123"}'),
        ((DISCONNECT, "/", None, None), b"1"),
        ((DISCONNECT, "/woot", None, None), b"1/woot,"),
        ((EVENT, "/", None, ["a", 1, {}]), b'2["a",1,{}]'),
        ((EVENT, "/", None, [1, "a", {}]), b'2[1,"a",{}]'),
        ((EVENT, "/test", 1, ["a", 1, {}]), b'2/test,1["a",1,{}]'),
        ((EVENT, "/", 0, ["a"]), b'20["a"]'),
        ((EVENT, "/", MAX_ACK_ID, ["a"]), b'29007199254740991["a"]'),
        ((ACK, "/", 123, ["a", 1, {}]), b'3123["a",1,{}]'),
        ((ACK, "/x", 0, []), b"3/x,0[]"),
        ((CONNECT_ERROR, "/", None, "Unauthorized"), b'4"Unauthorized"'),
        ((CONNECT_ERROR, "/", None, {"message": "no"}), b'4{"message":"no"}'),
    ],
)
def test_text(packet: tuple[int, str, int | None, Any], wire: bytes) -> None:
    """
    Every kind of packet is written as the specification says, and read again.

    behaviours M2, M3, M4, M5, M6, M7, M8, M9, T15; faults F77, F82
    """
    assert JSONParser().encode(*packet) == (wire, ())
    assert decoder().addText(wire) == packet


@pytest.mark.parametrize(
    ("packet", "wire", "attachments"),
    [
        (
            (EVENT, "/cool", 23, ["a", b"abc"]),
            b'51-/cool,23["a",{"_placeholder":true,"num":0}]',
            [b"abc"],
        ),
        (
            (EVENT, "/", None, ["a", {"b": ["c", b"1"], "d": None, "e": b""}, b"3"]),
            b'53-["a",{"b":["c",{"_placeholder":true,"num":0}],"d":null,'
            b'"e":{"_placeholder":true,"num":1}},{"_placeholder":true,"num":2}]',
            [b"1", b"", b"3"],
        ),
        (
            (ACK, "/", 7, [b"x"]),
            b'61-7[{"_placeholder":true,"num":0}]',
            [b"x"],
        ),
        (
            (EVENT, "/deep", 999, ["a", {"a": [[{"b": [b"deep"]}]]}]),
            b'51-/deep,999["a",{"a":[[{"b":[{"_placeholder":true,"num":0}]}]]}]',
            [b"deep"],
        ),
    ],
)
def test_binary(packet: Any, wire: bytes, attachments: list[bytes]) -> None:
    """
    Bytes travel beside the text, in document order, from any depth.

    behaviours M20, M21, M22, M29, M30, O29
    """
    made, sent = JSONParser().encode(*packet)
    assert (made, list(sent)) == (wire, attachments)
    assert roundTrip(*packet) == packet


@pytest.mark.parametrize(
    "args",
    [
        ["with-dash", "1-2-3"],
        ["5-", "51-[]"],
        ["__init__"],
        ["__class__"],
        ["emit"],
        ["on"],
        ["constructor"],
        ["x" * 100_000],
        [""],
        ["a", {"__proto__": 1, "constructor": 2, "toString": "foo"}],
        ["a", {"_placeholder": True, "num": 0}],
        ["a", "ünïcödé 🦄 \u2028 \x00"],
        ["a", [], {}, [[]], {"": {"": None}}],
        ["a", 0, -1, 1.5, -0.5, 1e300, 2**53, 2**64 - 1, -(2**63)],
    ],
)
def test_ordinaryEvents(args: list[Any]) -> None:
    """
    Odd names and values are values like any other.

    behaviours M15, N3, O25; faults F76, F79, F102
    """
    assert roundTrip(EVENT, "/a-b", 3, args) == (EVENT, "/a-b", 3, args)


def test_placeholderOfAPlainEvent() -> None:
    """
    Where nothing is attached, an object that looks like a placeholder is data.

    faults F102
    """
    assert decode('2["a",{"_placeholder":true,"num":5}]')[3][1] == {"_placeholder": True, "num": 5}


# namespaces


@pytest.mark.parametrize(
    ("given", "made"), [("/", "/"), ("/a", "/a"), ("a", "/a"), ("", "/"), ("/bar?a=b", "/bar?a=b")]
)
def test_namespace(given: str, made: str) -> None:
    """
    A namespace begins with a slash, whether it was written or not.

    behaviours O24
    """
    assert checkNamespace(given) == made


@pytest.mark.parametrize("bad", ["/a,b", "/a\n", "/\x00", "/\ud800", "\x7f", None, b"/a", 5])
def test_badNamespace(bad: Any) -> None:
    """
    What could not be written into a packet is no namespace.
    """
    with pytest.raises(ValueError, match="namespace"):
        checkNamespace(bad)


def test_badNamespaceIsNotSent() -> None:
    """
    No packet is made for a namespace that would break it.
    """
    with pytest.raises(ValueError, match="namespace"):
        JSONParser().encode(DISCONNECT, "/a,b", None, None)


@pytest.mark.parametrize("namespace", ["/bar?a=b", "/ünï", "/[x]", "/a-b", "/5-"])
def test_namespacesAreKept(namespace: str) -> None:
    """
    A namespace comes back as it was sent, a query in it included.

    behaviours O24, O25
    """
    assert roundTrip(EVENT, namespace, None, ["a"]) == (EVENT, namespace, None, ["a"])


def test_manyNamespaces() -> None:
    """
    A parser that has seen very many namespaces still writes the right one.
    """
    parser = JSONParser()
    for number in range(600):
        text, _ = parser.encode(DISCONNECT, f"/{number}", None, None)
        assert text == b"1/%d," % number
    assert len(parser._parts) <= 256


def test_namespaceWithoutComma() -> None:
    """
    A namespace may end the message.

    faults F95
    """
    assert decode("1/admin") == (DISCONNECT, "/admin", None, None)


def test_namespaceThatIsNotUTF8() -> None:
    """
    A namespace that is not UTF-8 is an error.
    """
    with pytest.raises(DecodeError, match="UTF-8"):
        decoder().addText(b'2/\xff,["a"]')


# what can be sent


class Word(str):
    pass


class Number(int):
    pass


class Ratio(float):
    pass


class Chunk(bytes):
    pass


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Kind(enum.StrEnum):
    A = "kind-a"


class Box(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        return {"x": 1}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(["x"])

    def __len__(self) -> int:
        return 1


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ((1, (2,)), "[1,[2]]"),
        (Word("a"), '"a"'),
        (Number(5), "5"),
        (Ratio(0.5), "0.5"),
        (Level.HIGH, "3"),
        (Kind.A, '"kind-a"'),
        (True, "true"),
        (collections.OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
        (collections.Counter("aab"), '{"a":2,"b":1}'),
        (types.MappingProxyType({"a": 1}), '{"a":1}'),
        (Box(), '{"x":1}'),
        ({Word("k"): Word("v")}, '{"k":"v"}'),
        ({Kind.A: 1}, '{"kind-a":1}'),
        (Point(1, 2), "[1,2]"),
        (math.nan, "null"),
        ([math.inf, -math.inf], "[null,null]"),
        (Ratio("nan"), "null"),
        (2**64, "18446744073709551616"),
        (-(2**70), "-1180591620717411303424"),
        ([2**70, math.nan], "[1180591620717411303424,null]"),
        ("\ud800", r'"\ud800"'),
        ("a\udfffé\n", '"a\\udfffé\\n"'),
        ({"\udc00": "\ud83d"}, r'{"\udc00":"\ud83d"}'),
    ],
)
def test_values(value: Any, wire: str) -> None:
    """
    What JavaScript would send can be sent; subclasses go as what they are.

    behaviours M27, T4, T9
    """
    assert encode("a", value) == f'["a",{wire}]'


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (bytearray(b"abc"), b"abc"),
        (memoryview(b"abcdef")[2:4], b"cd"),
        (memoryview(b"abcdef")[::2], b"ace"),
        (memoryview(array("H", [1, 2])), array("H", [1, 2]).tobytes()),
        (memoryview(array("d", [1.5])), array("d", [1.5]).tobytes()),
        (Chunk(b"abc"), b"abc"),
        (b"", b""),
    ],
)
def test_bytesLike(value: Any, sent: bytes) -> None:
    """
    Of everything like bytes the bytes are sent, views and their bounds
    respected.

    behaviours L7, M28
    """
    _, attachments = JSONParser().encode(EVENT, "/", None, ["a", value])
    assert [(type(each), each) for each in attachments] == [(bytes, sent)]


def test_bytesBesideOddValues() -> None:
    """
    Attachments keep their order when the slow path writes the text.
    """
    text, attachments = JSONParser().encode(EVENT, "/", None, ["a", b"1", {Word("k"): b"2"}, 2**70])
    assert list(attachments) == [b"1", b"2"]
    assert text == (
        b'52-["a",{"_placeholder":true,"num":0},{"k":{"_placeholder":true,"num":1}},'
        b"1180591620717411303424]"
    )


def test_frozenAtTheCall() -> None:
    """
    What the caller changes after emit is not sent, and emit changes nothing.

    behaviours M31, T14
    """
    data = bytearray(b"abc")
    args: list[Any] = ["a", {"b": data, "c": [1]}]
    text, attachments = JSONParser().encode(EVENT, "/", None, args)
    before = (text, list(attachments))
    assert args == ["a", {"b": bytearray(b"abc"), "c": [1]}]
    data[:] = b"xyz"
    args.append(1)
    assert (text, list(attachments)) == before
    assert attachments[0] == b"abc"


def test_encodeTwice() -> None:
    """
    The same arguments make the same packet again.

    behaviours M31
    """
    parser = JSONParser()
    args = ["a", b"x", {"y": b"z"}]
    assert parser.encode(EVENT, "/", None, args) == parser.encode(EVENT, "/", None, args)


# what cannot


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["a", {1, 2}], "argument 1 is a set, which Socket.IO cannot send"),
        (
            ["a", 1, {"user": {"tags": {1}}}],
            'argument 2: ["user"]["tags"] is a set, which Socket.IO cannot send',
        ),
        (["a", [1, [2, object()]]], "argument 1: [1][1] is an object, which"),
        (["a", uuid.UUID(int=0)], "argument 1 is a UUID"),
        (["a", {"c": Color.RED}], 'argument 1: ["c"] is a Color'),
        (["a", datetime.datetime(2020, 1, 1)], "is a datetime"),
        (["a", datetime.date(2020, 1, 1)], "is a date"),
        (["a", decimal.Decimal(1)], "is a Decimal"),
        (["a", dataclasses.make_dataclass("Data", ["x"])(1)], "is a Data"),
        (["a", 1j], "is a complex"),
        (["a", array("H", [1])], "is an array"),
        (["a", orjson.Fragment(b"1")], "is a"),
        (["a", iter([])], "is a list_iterator"),
        (["a", ValueError("x")], "is a ValueError"),
        (["a", {1: 2}], "argument 1 has the key 1; Socket.IO has only str keys"),
        (["a", {"b": {None: 2}}], 'argument 1: ["b"] has the key None'),
        (["a", {(1, 2): 2}], "has the key (1, 2)"),
        (["a", {True: 2}], "has the key True"),
        (["a", {b"k": 2}], "has the key b'k'"),
        (["a", 10**400], "is an integer too large for JavaScript"),
        (["a", -(10**5000)], "is an integer too large for JavaScript"),
    ],
)
def test_refused(args: list[Any], says: str) -> None:
    """
    What JSON does not have is refused at the call, naming the place.

    behaviours K8, M10, T12, T13
    """
    with pytest.raises(NotEncodable) as raised:
        JSONParser().encode(EVENT, "/", None, args)
    assert says in str(raised.value)


def test_refusedIsATypeError() -> None:
    """
    C{except TypeError} catches it, as with C{json}.

    behaviours T13
    """
    with pytest.raises(TypeError):
        encode("a", object())


def test_argumentsOfAnAnswer() -> None:
    """
    In an acknowledgement there is no event name: the first argument is 1.
    """
    with pytest.raises(NotEncodable, match=r"^argument 1: \[0\] is a set"):
        JSONParser().encode(ACK, "/", 1, [[{1}]])


def test_placeOfOtherData() -> None:
    """
    In other packets the place is in the data.
    """
    with pytest.raises(NotEncodable, match=r'^the data: \["token"\] is a set'):
        JSONParser().encode(CONNECT, "/", None, {"token": {1}})


def test_placeOfTheArgumentsThemselves() -> None:
    """
    When the arguments as a whole are no list, the message says so.
    """
    with pytest.raises(NotEncodable, match="^the list of arguments is a set"):
        JSONParser().encode(ACK, "/", 1, {1})


def test_placesAreShort() -> None:
    """
    However deep the bad value, and however long its keys, the message is
    short.
    """
    deep: Any = {1}
    for _ in range(100):
        deep = {"k" * 1000: deep}
    with pytest.raises(NotEncodable) as raised:
        encode("a", deep)
    assert len(str(raised.value)) < 2000
    assert "... is a set" in str(raised.value)


@pytest.mark.parametrize(
    "function",
    [lambda: 1, print, [].append, functools.partial(print), dict, test_refusedIsATypeError],
)
@pytest.mark.parametrize("default", [None, str])
def test_callables(function: Any, default: Any) -> None:
    """
    A callable that is not the last argument is a mistake, even where a
    C{default} could make something of it.

    behaviours T18
    """
    with pytest.raises(NotEncodable, match="last argument of emit"):
        encode("a", function, 1, parser=JSONParser(default))


@pytest.mark.parametrize("name", [None, True, 1.5, b"a", ["a"], object()])
def test_badEventName(name: Any) -> None:
    """
    An event is named by a text or an integer.

    behaviours T15
    """
    with pytest.raises(NotEncodable, match="event's name is a str or an int"):
        encode(name)


@pytest.mark.parametrize(
    ("name", "wire"), [(7, "[7]"), (Word("w"), '["w"]'), (Kind.A, '["kind-a"]')]
)
def test_oddEventName(name: Any, wire: str) -> None:
    """
    Integers and subclasses of str are names, too.

    behaviours T15
    """
    assert encode(name) == wire


@pytest.mark.parametrize("packetType", [CONNECT, CONNECT_ERROR])
def test_bytesElsewhere(packetType: int) -> None:
    """
    Only events and acknowledgements can carry bytes.
    """
    with pytest.raises(NotEncodable, match="only be sent in events"):
        JSONParser().encode(packetType, "/", None, {"a": b"b"})


def test_placeholderBesideBytes() -> None:
    """
    Beside bytes, a dict that looks like a placeholder would be taken for one;
    text that looks like it is harmless.
    """
    with pytest.raises(NotEncodable, match="_placeholder"):
        JSONParser().encode(EVENT, "/", None, ["a", b"x", {"num": 0, "_placeholder": True}])
    args = ["a", b"x", '"_placeholder":true', {"_placeholder": 1}]
    assert roundTrip(EVENT, "/", None, args)[3] == args


def test_releasedView() -> None:
    """
    A memoryview whose memory is gone is refused as all else.
    """
    view = memoryview(b"abc")
    view.release()
    with pytest.raises(NotEncodable, match="argument 1 cannot be read"):
        encode("a", view)


@pytest.mark.parametrize("leaf", [1, 2**70])
def test_depth(leaf: int) -> None:
    """
    254 levels can be sent, the list of arguments counted, whichever path
    writes them; 255 cannot.

    behaviours T6
    """
    assert encode("a", nest(253, leaf)).count("[") == 254
    with pytest.raises(NotEncodable, match="254 levels"):
        encode("a", nest(254, leaf))


def test_depthOfBytes() -> None:
    """
    The placeholder of bytes is a level as well.
    """
    text, _ = JSONParser().encode(EVENT, "/", None, ["a", nest(252, b"x")])
    assert text.count(b"[") == 253
    with pytest.raises(NotEncodable, match="254 levels"):
        JSONParser().encode(EVENT, "/", None, ["a", nest(253, b"x")])


def test_circular() -> None:
    """
    Data that contains itself is refused.

    behaviours M10
    """
    circle: list[Any] = []
    circle.append({"a": circle})
    with pytest.raises(NotEncodable, match="contains itself"):
        encode("a", circle)


def test_nearlyFullStack() -> None:
    """
    Deep data is sent, or refused, however little of the stack is left.
    """

    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
        else:
            encode("a", nest(253, Word("x")))
            with pytest.raises(NotEncodable):
                encode("a", nest(254, Word("x")))

    deeper(500)


# default


def test_default() -> None:
    """
    A C{default} may make something of what JSON does not have; bytes in it are
    attached.

    behaviours T13
    """

    def default(value: Any) -> Any:
        return [type(value).__name__, b"x"] if isinstance(value, set) else str(value)

    parser = JSONParser(default)
    text, attachments = parser.encode(EVENT, "/", None, ["a", {1}, b"y", Color.RED])
    assert text == (
        b'52-["a",["set",{"_placeholder":true,"num":0}],{"_placeholder":true,"num":1},"Color.RED"]'
    )
    assert list(attachments) == [b"x", b"y"]


@pytest.mark.parametrize("value", [uuid.UUID(int=1), datetime.date(2020, 1, 1), Color.RED])
def test_defaultDecidesConveniences(value: Any) -> None:
    """
    What orjson would write by itself is left to C{default}.

    behaviours T13
    """
    assert encode("a", value, parser=JSONParser(lambda value: "mine")) == '["a","mine"]'


def test_defaultRaises() -> None:
    """
    A C{default} that raises refuses the value; its error is the cause.
    """

    def default(value: Any) -> Any:
        raise KeyError("no")

    with pytest.raises(NotEncodable, match=r"argument 1 is a set.*KeyError\('no'\)") as raised:
        encode("a", {1}, parser=JSONParser(default))
    assert isinstance(raised.value.__cause__, KeyError)


def test_defaultForEver() -> None:
    """
    A C{default} that gives back what it got does not turn for ever.
    """
    with pytest.raises(NotEncodable, match="254 levels"):
        encode("a", {1}, parser=JSONParser(lambda value: value))


# what is refused on arrival


@pytest.mark.parametrize(
    "message",
    [
        '442["some","data"',
        '0/admin,"invalid"',
        "0[]",
        "0null",
        "05",
        "15",
        "1/admin,{}",
        "1{}",
        "1null",
        '2/admin,"invalid',
        "2/admin,{}",
        '2[{"toString":"foo"}]',
        '2[true,"foo"]',
        '2[null,"bar"]',
        '2[1.5,"bar"]',
        '2[["a"]]',
        "2",
        "2/admin,",
        "20",
        "2{}",
        "2[]",
        "2null",
        "3",
        "30",
        "30{}",
        '30"a"',
        "30null",
        "4null",
        "45",
        "4[]",
        "4true",
        "51-",
        "51-{}",
        "51-[]",
        "61-0",
        "61-0{}",
        '2["a"',
        '2["a"]x',
        '2["a"]]',
        '2["a"] ["b"]',
        '2["a",NaN]',
        '2["a",Infinity]',
        '2["a",-Infinity]',
        '2["a",nan]',
        '2["a",]',
        '2["a",01]',
        '2["a",1.]',
        '2["a",.5]',
        '2["a",+1]',
        '2["a",0x1]',
        '2["a",1_0]',
        "2['a']",
        '2["a\n"]',
        '2["a",1e999]',
        '2["a",-1e999]',
        '2["a",%s]' % ("1" * 10_000),
        '2["\\x"]',
        '2["\\u12"]',
        '2\ufeff["a"]',
        '2 ["a"]',
        '2\t["a"]',
        '21 ["a"]',
        '2 1["a"]',
        '2-1["a"]',
        '21.5["a"]',
        '21e3["a"]',
        '2٣["a"]',
        '2²["a"]',
        '2/admin["a"]',
        '2["\ud800"]',
    ],
)
def test_invalidPayload(message: str) -> None:
    """
    A packet whose payload is missing, damaged, or not of its type's shape is
    an error, whatever Python or JavaScript would make of it.

    behaviours M15, M19, P21, T5, T7, T8;
    faults F73, F75, F77, F82, F85, F86, F88, F93, F95, R1, R12
    """
    with pytest.raises(DecodeError):
        decode(message)


@pytest.mark.parametrize("name", sorted(RESERVED_EVENTS))
@pytest.mark.parametrize("form", ['2["{}"]', '2["{}","123"]', '2/x,5["{}"]', '51-["{}"]'])
def test_reservedNames(name: str, form: str) -> None:
    """
    A server cannot forge the events that tell of the connection itself.

    behaviours M15; faults F78
    """
    with pytest.raises(DecodeError, match="invalid payload"):
        decode(form.format(name))


@pytest.mark.parametrize("message", ["", "7", "8[]", "999", "a", "x[]", "٣", "²", "-1", " 2", "\n"])
def test_unknownType(message: str) -> None:
    """
    What begins with no known digit is an error that shows it.

    behaviours M17, T8; faults F72
    """
    with pytest.raises(DecodeError, match="unknown packet type"):
        decode(message)


def test_notEvenBytes() -> None:
    """
    A number is no message: that is the caller's mistake.

    behaviours M17
    """
    with pytest.raises(TypeError):
        decoder().addText(999)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "header",
    [
        "5", "51", "5a-", "51.23-", "50-", "5-", "5-1-", "51e1-", "51_0-", "5 1-", "5٣-", "5-[]",
        "5" + "1" * 11 + "-", "5" + "1" * 5000 + "-", "5[]", "50x2-", "5/admin,1-",
    ],
)  # fmt: skip
@pytest.mark.parametrize("binaryType", ["5", "6"])
def test_illegalAttachments(header: str, binaryType: str) -> None:
    """
    The number of attachments is a plain number from 1.

    behaviours M11, M16, O28, T8; faults F98, R12
    """
    with pytest.raises(DecodeError, match="Illegal attachments"):
        decode(f'{binaryType}{header[1:]}["a"]')


def test_tooManyAttachments() -> None:
    """
    A header that announces more than the limit is refused at once.

    behaviours M12; faults F98
    """
    limited = decoder(maxAttachments=2)
    assert limited.addText(b'52-["a"]') is None
    with pytest.raises(DecodeError, match="too many attachments"):
        decoder(maxAttachments=2).addText(b'53-["a"]')


@pytest.mark.parametrize("digits", ["9007199254740992", "9" * 17, "9" * 400, "0" * 17])
@pytest.mark.parametrize("kind", ["2", "3", "51-", "61-"])
def test_hugeAckID(kind: str, digits: str) -> None:
    """
    An ack id that JavaScript could not count is refused.

    behaviours O26; faults F82, F84
    """
    with pytest.raises(DecodeError, match="ack id"):
        decode(f'{kind}{digits}["a"]')


def test_answerWithoutID() -> None:
    """
    An acknowledgement of nothing is delivered as such, to be ignored.

    faults F84
    """
    assert decode('3["a"]') == (ACK, "/", None, ["a"])


def test_refusalWithoutReason() -> None:
    """
    A CONNECT_ERROR may come without data.

    faults F93
    """
    assert decode("4/admin,") == (CONNECT_ERROR, "/admin", None, None)


@pytest.mark.parametrize("message", ["2/x,{}", "2[", '2["a",1', "9", "51-{}"])
def test_errorsShowWhatWasSeen(message: str) -> None:
    """
    The error holds the head of what it could not read.
    """
    with pytest.raises(DecodeError) as raised:
        decode(message)
    assert raised.value.seen.strip("'") in message


def test_deepErrorsCanBeShown() -> None:
    """
    Nor does a deep packet of the wrong shape break the error about it.
    """
    with pytest.raises(DecodeError):
        decode("0" + "[" * 1024 + "]" * 1024)


# depth and numbers on arrival


@pytest.mark.parametrize("leaf", ["1", '"\\ud800"', '{"_placeholder":true,"num":0}'])
def test_deepArrival(leaf: str) -> None:
    """
    1,024 levels arrive, whichever path reads them; more do not.

    behaviours T6; faults F74
    """
    levels = 1022 if leaf.startswith("{") else 1023
    header = "51-" if leaf.startswith("{") else "2"
    messages: list[bytes | str] = [b"x"] if leaf.startswith("{") else []
    deep = f'["a",{"[" * (levels)}{leaf}{"]" * (levels)}]'
    found = decode(header + deep, *messages)[3][1]
    for _ in range(levels):
        (found,) = found
    assert found == {"1": 1, '"\\ud800"': "\ud800"}.get(leaf, b"x")
    with pytest.raises(DecodeError, match="depth"):
        decode(f"{header}[{deep}]")


@pytest.mark.parametrize("head", ['2["a",', '2["\\ud800",', "0", "4", "3"])
def test_endlessNesting(head: str) -> None:
    """
    100,000 levels are an error, not a crash.

    behaviours T6; faults F74
    """
    with pytest.raises(DecodeError):
        decode(head + "[" * 100_000)
    with pytest.raises(DecodeError):
        decode(head + '{"a":' * 100_000 + "1" + "}" * 100_000 + "]")


def test_longIntegers() -> None:
    """
    Integers beyond 64 bit become floats, as all numbers of JavaScript are.

    behaviours P21, T7
    """
    assert decode(f'2["a",{2**70}]')[3] == ["a", float(2**70)]
    with pytest.raises(DecodeError):
        decode(f'2["a",{"1" * 5000}]')


def test_duplicateKeys() -> None:
    """
    Of equal keys the last counts.

    faults F76
    """
    assert decode('2["a",{"k":1,"k":2}]')[3][1] == {"k": 2}


# halves of surrogate pairs


@pytest.mark.parametrize(
    "value",
    [
        "\ud800",
        "\udfff\ud800",
        "a\ud83db",
        "\ud83d\\ude00",
        "\ufdd0",
        "\ufdd0\ud800\ufdd00",
        "\\ud800\ud800",
        {"\ud800": ["\udc00", {"\ufdd0": "x"}]},
        ["\ud800", 1.5, -0.0, 2**63, None, True, "", "é\U0001f984", "\\", '"'],
    ],
)
def test_halves(value: Any) -> None:
    """
    Halves of surrogate pairs, which JavaScript has in its texts, arrive and
    can be sent back; all else beside them is the same.

    behaviours T9; faults F79
    """
    wire = json.dumps(["a", value, "\ud801"])
    assert decode("2" + wire)[3] == ["a", value, "\ud801"]
    assert roundTrip(EVENT, "/", None, ["a", value])[3] == ["a", value]


def test_halvesThatMeet() -> None:
    """
    Two halves written as escapes are one character.
    """
    assert decode(r'2["a","\uD83D\uDE00\uD83D","\uFDD0"]')[3] == ["a", "\U0001f600\ud83d", "\ufdd0"]


def test_halfAsEventName() -> None:
    """
    Even the name of an event may hold one.

    faults F79
    """
    assert decode(r'2["\ud800"]')[3] == ["\ud800"]


def test_halfAsReason() -> None:
    """
    And the text of a refusal.
    """
    assert decode(r'4"\ud800"') == (CONNECT_ERROR, "/", None, "\ud800")


@pytest.mark.parametrize("rest", ["", "x]", ",NaN]", ",1e999]", ",%s]" % ("[" * 2000)])
def test_halvesExcuseNothing(rest: str) -> None:
    """
    A packet with such a half is read as strictly as any other.

    behaviours T5, T6, T7
    """
    with pytest.raises(DecodeError):
        decode(rf'2["\ud800"{rest}')


def test_halfBesideBadUTF8() -> None:
    """
    Nor is bad UTF-8 accepted beside it.
    """
    with pytest.raises(DecodeError):
        decoder().addText(b'2["\\ud800\xff"]')


# putting packets together


def test_anyOrderOfNumbers() -> None:
    """
    Placeholders may name the attachments in any order.

    behaviours O20
    """
    text = '52-["a",{"_placeholder":true,"num":1},{"num":0,"_placeholder":true}]'
    assert decode(text, b"0", b"1") == (EVENT, "/", None, ["a", b"1", b"0"])


def test_sharedAttachment() -> None:
    """
    An attachment may be named twice, or never.

    faults F101
    """
    text = '52-["a",{"_placeholder":true,"num":1},[{"_placeholder":true,"num":1}]]'
    found = decode(text, b"0", b"1")[3]
    assert found == ["a", b"1", [b"1"]]
    assert found[1] is found[2][0]


@pytest.mark.parametrize(
    "num",
    ["", ',"num":"splice"', ',"num":1', ',"num":-1', ',"num":0.5', ',"num":0.0', ',"num":true']
    + [',"num":null', ',"num":[]', ',"num":%s' % 10**30, ',"num":%s' % ("[" * 900 + "]" * 900)],
)  # fmt: skip
def test_badNumber(num: str) -> None:
    """
    A placeholder that names no attachment is an error.

    behaviours M23, M24, T10, T11; faults F100, R12
    """
    with pytest.raises(DecodeError, match="illegal attachments"):
        decode(f'51-["a",{{"_placeholder":true{num}}}]', b"x")


@pytest.mark.parametrize("mark", ["1", '"true"', "false", "null", "[]"])
def test_noPlaceholder(mark: str) -> None:
    """
    Only C{true} marks a placeholder; what merely equals it does not.

    behaviours T10
    """
    found = decode(f'51-["a",{{"_placeholder":{mark},"num":0}}]', b"x")[3][1]
    assert found == {"_placeholder": json.loads(mark), "num": 0}


def test_binaryOutOfNowhere() -> None:
    """
    Bytes that no packet announced are an error.

    behaviours M25; faults F96
    """
    with pytest.raises(DecodeError, match="no packet announced"):
        decode(b"x")


def test_oneAttachmentTooMany() -> None:
    """
    When a packet is whole, no further bytes belong to it.

    behaviours O27; faults F99
    """
    fresh = decoder()
    fresh.addText(b'51-["a",{"_placeholder":true,"num":0}]')
    assert fresh.addBinary(b"x") is not None
    with pytest.raises(DecodeError, match="no packet announced"):
        fresh.addBinary(b"y")


@pytest.mark.parametrize("text", [b'2["hello"]', b"1", b'51-["a"]', b"9"])
def test_textInBetween(text: bytes) -> None:
    """
    While attachments are due, no text may come, and it is not delivered.

    behaviours M26; faults F97
    """
    fresh = decoder()
    fresh.addText(b'51-["a"]')
    with pytest.raises(DecodeError, match="while attachments are due"):
        fresh.addText(text)


@pytest.mark.parametrize("bad", [b"9", b"2[", b'51-["connect"]', b"5-"])
def test_newAfterAnError(bad: bytes) -> None:
    """
    After an error the decoder is as new.

    behaviours M18; faults F104
    """
    fresh = decoder()
    with pytest.raises(DecodeError):
        fresh.addText(bad)
    assert fresh.addText(b'2["hello"]') == (EVENT, "/", None, ["hello"])


def test_newAfterAnErrorInBetween() -> None:
    """
    A packet that was broken off is forgotten wholly.

    behaviours M18; faults F97, F104
    """
    fresh = decoder()
    fresh.addText(b'52-["a"]')
    fresh.addBinary(b"x")
    with pytest.raises(DecodeError):
        fresh.addText(b'2["b"]')
    fresh.addText(b'51-["a",{"_placeholder":true,"num":0}]')
    assert fresh.addBinary(b"y") == (EVENT, "/", None, ["a", b"y"])


def test_reset() -> None:
    """
    A decoder can be told to forget.

    behaviours M18
    """
    fresh = decoder()
    fresh.addText(b'51-["hello"]')
    fresh.reset()
    assert fresh.addText(b'2["hello"]') == (EVENT, "/", None, ["hello"])


def test_newAfterABadPlaceholder() -> None:
    """
    Also when the error shows only at the last attachment.
    """
    fresh = decoder()
    fresh.addText(b'51-["a",{"_placeholder":true,"num":7}]')
    with pytest.raises(DecodeError):
        fresh.addBinary(b"x")
    assert fresh.addText(b'2["hello"]') is not None


# bounds


@pytest.mark.parametrize("text", [b'2["%b"]', b'20["%b"]', b'2/x,["%b"]'])
def test_messageLimit(text: bytes) -> None:
    """
    A message is as long as allowed, or refused.

    faults F105
    """
    whole = text % (b"x" * (101 - len(text)))
    assert len(whole) == 99
    assert decoder(maxMessageBytes=99).addText(whole) is not None
    with pytest.raises(DecodeError, match="over 98 bytes"):
        decoder(maxMessageBytes=98).addText(whole)


def test_attachmentsCount() -> None:
    """
    The limit holds for the sum of a message and its attachments.

    faults F103, F105
    """
    text = b'52-["a",{"_placeholder":true,"num":0}]'
    exact = decoder(maxMessageBytes=len(text) + 20)
    exact.addText(text)
    exact.addBinary(bytes(10))
    assert exact.addBinary(bytes(10)) is not None
    exact.addText(text)
    exact.addBinary(bytes(10))
    with pytest.raises(DecodeError, match="with its attachments"):
        exact.addBinary(bytes(11))


def test_limitIsPerPacket() -> None:
    """
    The limit begins anew with each packet.
    """
    text = b'51-["a",{"_placeholder":true,"num":0}]'
    limited = decoder(maxMessageBytes=100)
    for _ in range(10):
        limited.addText(text)
        assert limited.addBinary(bytes(60)) is not None


# objectHook


def test_hook() -> None:
    """
    A hook sees every object, inner ones first, and its result is delivered.

    behaviours M13, M14
    """

    def hook(found: dict[str, Any]) -> Any:
        return found["$set"] if "$set" in found else sorted(found.items())

    assert decode('2["a",{"b":{"$set":[1]},"c":2},{"$set":{"x":1}}]', hook=hook) == (
        EVENT, "/", None, ["a", [("b", [1]), ("c", 2)], [("x", 1)]],
    )  # fmt: skip


def test_hookSeesAttachments() -> None:
    """
    When the hook is asked, attachments are in their places.
    """
    seen: list[dict[str, Any]] = []

    def hook(found: dict[str, Any]) -> Any:
        seen.append(dict(found))
        return found

    decode('51-["a",{"b":{"_placeholder":true,"num":0}}]', b"x", hook=hook)
    assert seen == [{"b": b"x"}]


def test_hookRaises() -> None:
    """
    A hook that raises makes an error of the packet, not of the connection.

    faults F106
    """

    def hook(found: dict[str, Any]) -> Any:
        raise KeyError("type")

    with pytest.raises(DecodeError, match=r"objectHook raised KeyError\('type'\)") as raised:
        decode('2["a",{}]', hook=hook)
    assert isinstance(raised.value.__cause__, KeyError)


def test_hookIsInterrupted() -> None:
    """
    Whoever presses Control-C in a hook is heard.

    faults F106
    """

    def hook(found: dict[str, Any]) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode('2["a",{}]', hook=hook)


def test_hookBreaksThePacket() -> None:
    """
    A hook cannot turn a CONNECT's data into what a CONNECT does not have.
    """
    with pytest.raises(DecodeError, match="invalid payload"):
        decode('0{"sid":"x"}', hook=lambda found: [])


def test_hookOfDeepData() -> None:
    """
    Depth is no danger to the walk to the hook.
    """
    deep = '{"a":' * 1000 + "1" + "}" * 1000
    assert decode(f'2["a",{deep}]', hook=lambda found: found["a"])[3] == ["a", 1]
