"""Request bodies: JSON, form-encoded and multipart, all giving the same `data` object."""

import re
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from mock_clio.wire.errors import ApiError, bad_argument, unprocessable
from mock_clio.wire.http import Request

Data = dict[str, Any]
_KEY = re.compile(r"\[([^\]]*)\]")


def data_of(request: Request) -> Data:
    """The `data` object of a body.

    Raises:
        ApiError: 400 for a body that cannot be read, 422 for one without a `data` object.
    """
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        body: Any = nest(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    elif kind == "multipart/form-data":
        body = nest(_multipart(request))
    else:
        try:
            body = msgspec.json.decode(request.body)
        except msgspec.DecodeError:
            raise bad_argument("the body is not valid JSON") from None
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise unprocessable("the body holds no 'data' object")
    return data


def _multipart(request: Request) -> list[tuple[str, str]]:
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    pairs = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            pairs.append((name, payload.decode("utf-8", "replace")))
    return pairs


def nest(pairs: list[tuple[str, str]]) -> Data:
    """Read bracketed names (`data[emails][][address]`) into nested objects; a repeated key begins the next item."""
    root: Data = {}
    for name, value in pairs:
        head, bracket, rest = name.partition("[")
        keys = [head, *_KEY.findall(bracket + rest)]
        node: Data = root
        while len(keys) > 1:
            key = keys.pop(0)
            if keys[0] != "":
                node = _child(node, key, dict)
                continue
            keys.pop(0)
            items: list[Any] = _child(node, key, list)
            if not keys:
                items.append(value)
                break
            if not items or _taken(items[-1], keys):
                items.append({})
            node = items[-1]
        if len(keys) == 1:
            node[keys[0]] = value
    return root


def _child(node: Data, key: str, kind: type) -> Any:
    child = node.setdefault(key, kind())
    if not isinstance(child, kind):
        raise ApiError(400, "ArgumentError", f"An invalid argument was supplied: '{key}' is given in two shapes")
    return child


def _taken(item: Data, keys: list[str]) -> bool:
    node: Any = item
    for key in keys:
        if not isinstance(node, dict) or key not in node:
            return False
        node = node[key]
    return True
