import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

from zsh_tool import wire


def refused(line: bytes) -> wire.Refusal:
    decoded = wire.decode(line)
    assert isinstance(decoded, wire.Refusal)
    return decoded


def test_requests_and_notifications_are_read() -> None:
    request = wire.decode(b'{"jsonrpc":"2.0","id":"a","method":"ping"}')
    assert isinstance(request, JSONRPCRequest)
    assert request.id == "a"
    assert isinstance(
        wire.decode(b'{"jsonrpc":"2.0","method":"notifications/initialized"}'), JSONRPCNotification
    )


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text("ab1"),
    st.just({"a": [1]}),
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": st.one_of(st.just("2.0"), _VALUES),
            "id": _VALUES,
            "method": st.one_of(st.just("ping"), _VALUES),
            "params": _VALUES,
            "result": _VALUES,
            "other": _VALUES,
        },
    )
)
def test_a_request_is_what_the_protocol_calls_one(given_object: dict[str, object]) -> None:
    line = json.dumps(given_object).encode()
    decoded = wire.decode(line)
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        assert isinstance(decoded, wire.Refusal)
    else:
        if isinstance(message, JSONRPCNotification) and "id" in given_object:
            assert isinstance(decoded, wire.Refusal)
        else:
            assert decoded == message


def test_what_is_nested_too_deeply_is_answered_under_its_id() -> None:
    nest = b"[" * 700 + b"]" * 700
    error = refused(b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":' + nest + b"}}").error
    assert (error.id, error.error.code) == (7, INVALID_REQUEST)


@pytest.mark.parametrize("line", [b"{", b"hello", b"\xff\xfe", b"[" * 100_000, b'{"a":}'])
def test_a_line_that_is_not_json_is_answered_without_an_id(line: bytes) -> None:
    error = refused(line).error
    assert (error.id, error.error.code) == (None, PARSE_ERROR)
    assert json.loads(wire.encode(error))["id"] is None


@pytest.mark.parametrize(
    ("line", "request_id"),
    [
        (b'{"jsonrpc":"2.0","id":7}', 7),
        (b'{"id":"x","method":"ping"}', "x"),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', None),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', None),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', None),
        (b"17", None),
    ],
)
def test_json_that_is_no_message_is_refused_with_its_id(line: bytes, request_id: object) -> None:
    error = refused(line).error
    assert (error.id, error.error.code) == (request_id, INVALID_REQUEST)


def test_halves_of_surrogate_pairs_and_bad_utf8_arrive_as_replacement() -> None:
    for text in (b"\\ud800", b"\xff"):
        line = b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"' + text + b'"}}'
        request = wire.decode(line)
        assert isinstance(request, JSONRPCRequest)
        assert request.params == {"a": "\ufffd"}


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_number_of_more_digits_than_python_reads_is_endless(sign: str) -> None:
    line = f'{{"jsonrpc":"2.0","id":1,"method":"x","params":{{"wait":{sign}{"9" * 5000}}}}}'
    request = wire.decode(line.encode())
    assert isinstance(request, JSONRPCRequest)
    assert (request.id, request.params) == (1, {"wait": float(f"{sign}inf")})
    assert refused(f'{{"jsonrpc":"2.0","id":{"9" * 5000},"method":"x"}}'.encode()).error.id is None


@given(st.text(st.characters(codec=None)))
def test_no_text_can_keep_a_reply_from_being_sent(text: str) -> None:
    line = wire.encode(JSONRPCResponse(jsonrpc="2.0", id=1, result={"text": text, "list": [text], text: 1}))
    assert line.count(b"\n") == 1
    assert json.loads(line.decode("utf-8"))["result"]["text"] == wire.whole_text(text)


def test_whole_text_keeps_what_utf8_can_carry() -> None:
    assert wire.whole_text("aé😀\x00") == "aé😀\x00"
    assert wire.whole_text("a\udcff") == "a\ufffd"
