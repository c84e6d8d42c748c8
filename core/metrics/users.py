"""The Clio user whom a delivery names. Source: Clio Manage webhooks guide, and the fields of its records.

No delivery says who made a change: its envelope is `data`, the record's fields that were asked for, and `meta`, which
holds event and webhook. What can be read is whom the record itself names: `user` of an activity or a matter, `creator`
of a document or folder. That is who made the change only where the record was just made; a contact names nobody, and
neither does a delivery without these fields, as a deletion may be.
"""

from typing import Any

import msgspec

CLIENT = "ClientUser"
"""Type of a creator who is a client in Clio's portal, and no user of the firm."""


class _User(msgspec.Struct):
    id: int
    type: str | None = None


class _Data(msgspec.Struct):
    user: Any = None
    creator: Any = None


class _Envelope(msgspec.Struct):
    data: _Data


_decoder = msgspec.json.Decoder(_Envelope)


def read_user(body: bytes) -> int | None:
    """Return Clio's id of the user whom the record in a delivery names; None where it names none."""
    if b'"user"' not in body and b'"creator"' not in body:
        return None
    try:
        data = _decoder.decode(body).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    for named in (data.user, data.creator):
        try:
            user = msgspec.convert(named, _User)
        except msgspec.ValidationError:
            continue
        if user.id > 0 and user.type != CLIENT:
            return user.id
    return None
