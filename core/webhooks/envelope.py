"""What can be read off a delivery: its event and the record it is about. Source: Clio Manage webhooks guide."""

import msgspec

UNKNOWN_EVENT = "unknown"
"""The event of a delivery that was signed by Clio and could not be read; processing makes it a dead letter."""

EVENT_LENGTH_MAX = 32
BIGINT_MAX = 2**63 - 1


class _Data(msgspec.Struct):
    id: int


class _Meta(msgspec.Struct):
    event: str


class _Envelope(msgspec.Struct):
    data: _Data
    meta: _Meta


_decoder = msgspec.json.Decoder(_Envelope)


def read_envelope(body: bytes) -> tuple[str, int | None]:
    """Return the event and the Clio id of a delivery; (`unknown`, None) where the body is not a delivery's."""
    try:
        envelope = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return UNKNOWN_EVENT, None
    event, record = envelope.meta.event, envelope.data.id
    if not 0 < len(event) <= EVENT_LENGTH_MAX or not event.isprintable() or not 0 < record <= BIGINT_MAX:
        return UNKNOWN_EVENT, None
    return event, record
