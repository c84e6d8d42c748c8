"""Times as requests write them."""

from datetime import UTC, datetime

from mock_clio.wire.errors import bad_argument


def parse_moment(text: str) -> float:
    """Seconds since the epoch of an ISO-8601 time; one without an offset is taken as UTC.

    A plus sign that reached us as a space, as unescaped query strings have it, is put back.
    """
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise bad_argument(f"'{text}' is not a valid time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
