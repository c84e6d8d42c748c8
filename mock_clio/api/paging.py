"""Pages of a list: cursor paging in the order of ids, offset paging in any other, and the links between pages."""

import base64
import binascii
import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus

import msgspec

from mock_clio.wire.errors import bad_argument, unprocessable
from mock_clio.wire.http import Request

OFFSET_CAP = 10_000
"""Records that offset paging reaches."""


class Position(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Where a page stands; exactly one of the three is set. Its encoded form is the opaque page_token."""

    after: int | None = None
    before: int | None = None
    offset: int | None = None

    def token(self) -> str:
        """The page_token."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def read_token(text: str) -> Position:
    """A page_token read back."""
    try:
        position = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=Position)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise bad_argument("'page_token' is not valid") from None
    if [position.after, position.before, position.offset].count(None) != 2:
        raise bad_argument("'page_token' is not valid")
    return position


@dataclass(slots=True)
class Page:
    """The ids on one page, and where its neighbours stand."""

    ids: Sequence[int]
    next: Position | None
    previous: Position | None


def cursor_page(ids: Sequence[int], position: Position | None, limit: int) -> Page:
    """The page of ascending ids after (or before) a position. Rows that come or go meanwhile move nothing else."""
    if position is not None and position.before is not None:
        stop = bisect.bisect_left(ids, position.before)
        start = max(0, stop - limit)
    else:
        start = bisect.bisect_right(ids, position.after) if position is not None and position.after is not None else 0
        stop = min(len(ids), start + limit)
    chosen = ids[start:stop]
    return Page(
        chosen,
        Position(after=chosen[-1]) if chosen and stop < len(ids) else None,
        Position(before=chosen[0]) if chosen and start > 0 else None,
    )


def offset_page(ids: Sequence[int], offset: int, limit: int) -> Page:
    """The page at an offset, within the first 10,000 records."""
    if offset < 0:
        raise bad_argument("'offset' is not valid")
    if offset + limit > OFFSET_CAP:
        raise unprocessable(f"offset paging reaches the first {OFFSET_CAP} records only")
    return Page(
        ids[offset : offset + limit],
        Position(offset=offset + limit) if offset + limit < len(ids) else None,
        Position(offset=max(0, offset - limit)) if offset > 0 else None,
    )


def link(request: Request, path: str, limit: int, order: str, position: Position, *, by_offset: bool) -> str:
    """The complete URL of a neighbouring page: parameters sorted by name and percent-encoded, as Clio's are."""
    own = {"limit", "order", "page_token", "offset"}
    pairs = [(name, value) for name, value in request.query if name not in own]
    pairs += [("limit", str(limit)), ("order", order)]
    if by_offset:
        pairs.append(("offset", str(position.offset)))
    else:
        pairs.append(("page_token", position.token()))
    pairs.sort(key=lambda pair: pair[0])
    query = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
    return f"{request.base_url}{path}?{query}"
