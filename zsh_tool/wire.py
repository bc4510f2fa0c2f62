"""JSON-RPC lines: bytes to messages and back, with an answer for every line that is no message.

Pure: no descriptor and no loop is touched here.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    jsonrpc_message_adapter,
)
from pydantic import BaseModel, ValidationError

LINE_MAX_BYTES: Final = 64 * 1024 * 1024
"""A longer line is refused: one message may not take all memory."""


@dataclass(frozen=True)
class Refusal:
    """The answer to a line that is no message."""

    error: JSONRPCError


def whole_text(text: str) -> str:
    """Return ``text`` with lone surrogates, which UTF-8 cannot carry, replaced."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def whole(value: Any) -> Any:
    """Return a JSON value with every text in it made fit for UTF-8."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, dict):
        return {whole(key): whole(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [whole(item) for item in value]
    return value


def decode(line: bytes) -> JSONRPCMessage | Refusal:
    """Read one line."""
    if b'"method"' in line and b'"id"' in line:
        # A request, as nearly always: to try all kinds of message takes twice as long.
        try:
            return JSONRPCRequest.model_validate_json(line, strict=True, by_name=False)
        except ValidationError:
            pass
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        return _decode_leniently(line)
    if isinstance(message, JSONRPCNotification) and b'"id"' in line:
        # The parser takes a request whose id is of no valid type for a notification with something extra.
        return _decode_leniently(line)
    return message


def _decode_leniently(line: bytes) -> JSONRPCMessage | Refusal:
    # The strict parser refuses what is common in shell work: bad UTF-8 and halves of surrogate pairs.
    try:
        given = json.loads(line.decode("utf-8", "replace"), parse_int=_whole_number)
    except (ValueError, RecursionError):
        return refusal(PARSE_ERROR, "parse error: this line is not JSON")
    try:
        value = whole(given)
    except RecursionError:
        return refusal(INVALID_REQUEST, "invalid request: nested too deeply", _id_of(given))
    try:
        message = jsonrpc_message_adapter.validate_python(value, by_name=False)
        if isinstance(message, JSONRPCNotification) and "id" in value:
            return refusal(INVALID_REQUEST, "invalid request: id must be a text or a whole number")
        return message
    except ValidationError:
        if isinstance(value, list):
            return refusal(
                INVALID_REQUEST, "invalid request: batches are not served, send one message a line"
            )
        return refusal(INVALID_REQUEST, "invalid request: not a JSON-RPC 2.0 message", _id_of(value))


def _whole_number(digits: str) -> int | float:
    """Read a number; one of more digits than Python takes is as good as infinite, like ``1e999``."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def _id_of(value: Any) -> str | int | None:
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def refusal(code: int, message: str, request_id: str | int | None = None) -> Refusal:
    """Return the answer to a line which is no message."""
    return Refusal(JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message)))


def encode(message: BaseModel) -> bytes:
    """Write one message as a line. No text in it can make this fail."""
    try:
        text = message.model_dump_json(by_alias=True, exclude_unset=True)
    except ValueError:
        plain = message.model_dump(by_alias=True, exclude_unset=True, mode="python")
        text = json.dumps(whole(plain), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8") + b"\n"
