"""One webhook subscription: its row, and what the mock remembers of it besides."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mock_clio.oauth.grants import Grant
from mock_clio.store.rows import Row
from mock_clio.store.selection import InvalidFieldsError, Selection, parse_fields
from mock_clio.switches import Switches
from mock_clio.tables.catalog import RESOURCES, WEBHOOK_MODELS
from mock_clio.tables.declare import Resource
from mock_clio.tables.webhooks import WEBHOOK
from mock_clio.wire.bodies import Data
from mock_clio.wire.errors import unprocessable
from mock_clio.wire.moments import parse_moment

DAY = 86_400
DEFAULT_LIFE, LONGEST_LIFE = 3 * DAY, 31 * DAY
MAX_FIELDS = 1000
LIFECYCLE = ("created", "updated", "deleted")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def resource_of(model: str) -> Resource | None:
    """The collection whose events a model tells of, if the mock has it."""
    return next((resource for resource in RESOURCES.values() if resource.model == model), None)


@dataclass(slots=True)
class Subscription:
    """A webhook, with the grant whose rights it has."""

    row: Row
    grant: Grant
    readable: frozenset[str]
    seen: set[int] = field(default_factory=set)
    """Records it has had an event of: the first change of any other fires whatever changed."""
    failing_since: float | None = None
    failures: int = 0

    @property
    def id(self) -> int:
        """The webhook's id."""
        return int(self.row["id"])

    @property
    def resource(self) -> Resource | None:
        """The collection it watches, if the mock models it."""
        return resource_of(self.row["model"])

    @property
    def selection(self) -> Selection:
        """The fields it sends and watches."""
        resource = self.resource
        return parse_fields(resource.schema.name, self.row["fields"]) if resource is not None else ()

    def listens(self, now: float) -> bool:
        """Whether events are sent: handshake done, not suspended, not expired."""
        return bool(self.row["status"] == "enabled" and now < self.row["expires_at"])


def permission_of(model: str) -> str:
    """The application permission that a model needs besides `webhooks`."""
    return WEBHOOK_MODELS[model][1]


def check_url(value: object, *, allow_http_loopback: bool) -> str:
    """A webhook URL: https, or by the mock's own leave http on the loopback interface."""
    text = str(value or "")
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        raise unprocessable("'url' is not valid") from None
    if parts.scheme == "https" and host:
        return text
    if allow_http_loopback and parts.scheme == "http" and host in LOOPBACK:
        return text
    raise unprocessable("'url' must use the https scheme")


def check_model(value: object, switches: Switches) -> str:
    """A model by its name or number."""
    text = str(value)
    for name, (number, permission) in WEBHOOK_MODELS.items():
        refused = permission == "documents" and switches.document_webhooks == "refused"
        if text in {name, str(number)} and not refused:
            return name
    raise unprocessable(f"'{text}' is not a valid model")


def check_fields(model: str, value: object) -> str:
    """The payload's fields, which must exist on the model."""
    text = str(value or "")
    if not text.strip():
        raise unprocessable("'fields' is required")
    if len(text) > MAX_FIELDS:
        raise unprocessable(f"'fields' is longer than {MAX_FIELDS} characters")
    resource = resource_of(model)
    if resource is not None:
        try:
            parse_fields(resource.schema.name, text)
        except InvalidFieldsError as error:
            raise unprocessable(str(error)) from None
    return text


def check_events(model: str, value: object) -> list[str]:
    """The events subscribed to; the life cycle where none are named."""
    allowed = [event for event in WEBHOOK.fields["events"].enum if model == "matter" or event in LIFECYCLE]
    if model == "clio_payments_payment":
        allowed.remove("deleted")
    if value is None:
        return [event for event in allowed if event in LIFECYCLE]
    events = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(events, list) or not events:
        raise unprocessable("'events' must be a list")
    for event in events:
        if event not in allowed:
            raise unprocessable(f"'{event}' is not a valid event")
    return list(dict.fromkeys(events))


def check_expiry(value: object, now: int, switches: Switches) -> int:
    """When it expires: three days from now unless said, 31 at most."""
    if value is None:
        return now + DEFAULT_LIFE
    moment = int(parse_moment(str(value)))
    if moment > now + LONGEST_LIFE:
        if switches.long_expiry == "refuse":
            raise unprocessable("'expires_at' can be at most 31 days ahead")
        moment = now + LONGEST_LIFE
    return moment


def required(data: Data, name: str) -> object:
    """A part of the body that must be there."""
    if not data.get(name):
        raise unprocessable(f"'{name}' is required")
    return data[name]
