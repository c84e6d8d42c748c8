"""The tree of errors raised on purpose.

```
ServiceError                        INTERNAL
├── SettingsError                   SETTINGS_INVALID
├── PluginError                     PLUGIN_INVALID
│   └── PluginConflict              PLUGIN_CONFLICT
├── DatabaseUnavailable             DATABASE_UNAVAILABLE
├── QueryTimeout                    QUERY_TIMEOUT
├── RedisUnavailable                REDIS_UNAVAILABLE
├── PortOccupied                    PORT_OCCUPIED
├── MigrationFailed                 MIGRATION_FAILED
├── EmbeddedServerError             EMBEDDED_SERVER          (core.embedded.errors)
├── InboxFull, DeliveryRefused      INBOX_FULL, DELIVERY_REFUSED (core.webhooks.inbox)
├── SpillUnavailable                SPILL_UNAVAILABLE        (core.webhooks.spill)
├── HistoryPurged                   HISTORY_PURGED           (core.history.horizon)
├── ReplayTooLarge                  REPLAY_TOO_LARGE         (core.webhooks.replay)
├── PluginTooSlow, PluginBroke      PLUGIN_TOO_SLOW, PLUGIN_BROKE (core.webhooks.isolation)
├── SubscriptionsBusy               SUBSCRIPTIONS_BUSY       (core.webhooks.firm_lock)
├── SubscriberTooSlow               SUBSCRIBER_TOO_SLOW      (schema.live.topics)
├── BadInput                        BAD_USER_INPUT
├── QueryTooCostly                  QUERY_TOO_COSTLY
├── AsOfUnsupported                 AS_OF_UNSUPPORTED
├── DocumentNotTrusted              DOCUMENT_NOT_TRUSTED
├── PersistedQueryNotFound          PERSISTED_QUERY_NOT_FOUND
├── NotFound                        NOT_FOUND
├── Unauthenticated                 UNAUTHENTICATED
│   └── TokenExpired                TOKEN_EXPIRED
├── Forbidden                       FORBIDDEN
├── FirmPaused                      FIRM_PAUSED
├── LeaseLost                       LEASE_LOST
├── MassDisappearance               MASS_DISAPPEARANCE
├── ListCutShort                    LIST_CUT_SHORT
├── OAuthStateInvalid               OAUTH_STATE_INVALID
├── DecryptionFailed                DECRYPTION_FAILED
└── ClioError                       CLIO_ERROR
    ├── ClioUnavailable             CLIO_UNAVAILABLE         (network, time-out, 5xx)
    ├── ClioRateLimited             CLIO_RATE_LIMITED        (429, or no budget in time)
    ├── ClioUnauthorized            CLIO_UNAUTHORIZED        (401: this access token)
    │   └── ClioGrantDead           CLIO_GRANT_DEAD          (the firm must connect again)
    ├── ClioForbidden               CLIO_FORBIDDEN           (403)
    ├── ClioNotFound                CLIO_NOT_FOUND           (404)
    ├── ClioInvalidRequest          CLIO_INVALID_REQUEST     (400, 409, 410, 412, 422)
    └── ClioUnexpectedAnswer        CLIO_UNEXPECTED_ANSWER   (a body that is not what Clio documents)
```

Messages start in lower case, name the thing and the next step, and hold no token and no client data. Anything outside
the tree reaches a client as INTERNAL with an id to look up in the log.
"""

from collections.abc import Sequence
from typing import ClassVar


class ServiceError(Exception):
    """Root of every error raised on purpose; a GraphQL client sees `code` and the message."""

    code: ClassVar[str] = "INTERNAL"


class SettingsError(ServiceError):
    """The environment does not configure the service; the message lists everything wrong at once."""

    code = "SETTINGS_INVALID"


class PluginError(ServiceError):
    """A plugin cannot be used. Raised while loading; the plugin is refused by name and the others load."""

    code = "PLUGIN_INVALID"


class PluginConflict(PluginError):
    """Two plugins claim the same thing; the later one is refused."""

    code = "PLUGIN_CONFLICT"


class DatabaseUnavailable(ServiceError):
    """PostgreSQL cannot be reached."""

    code = "DATABASE_UNAVAILABLE"


class QueryTimeout(ServiceError):
    """PostgreSQL took longer over a query than GRAPHQL_TIMEOUT_S allows."""

    code = "QUERY_TIMEOUT"

    def __init__(self) -> None:
        super().__init__("the query took too long: ask for smaller pages, or filter by what is indexed")


class RedisUnavailable(ServiceError):
    """Redis cannot be reached."""

    code = "REDIS_UNAVAILABLE"


class PortOccupied(ServiceError):
    """A port the service was told to listen on is taken."""

    code = "PORT_OCCUPIED"

    def __init__(self, *, host: str, port: int, setting: str) -> None:
        super().__init__(f"port {port} on {host} is taken by another process: stop it, or set {setting} to a free port")


class MigrationFailed(ServiceError):
    """A migration could not be applied; the database is as it was before that migration."""

    code = "MIGRATION_FAILED"


class BadInput(ServiceError):
    """A caller's argument cannot be used."""

    code = "BAD_USER_INPUT"


class QueryTooCostly(ServiceError):
    """An operation declares pages that together may hold more objects than GRAPHQL_MAX_COST."""

    code = "QUERY_TOO_COSTLY"

    def __init__(self, *, cost: int, limit: int) -> None:
        super().__init__(f"the operation may read {cost} objects, and {limit} are allowed: ask for smaller pages")


class AsOfUnsupported(ServiceError):
    """A read as of an instant asks for what has no history; `name` is the field, or the table or function behind it."""

    code = "AS_OF_UNSUPPORTED"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has no history and cannot be read as of an instant: leave it out, or leave out asOf")
        self.name = name


class DocumentNotTrusted(ServiceError):
    """Only trusted documents are executed, and this is none of them."""

    code = "DOCUMENT_NOT_TRUSTED"

    def __init__(self) -> None:
        super().__init__("only trusted documents are executed here: send one by its hash, or have this one added")


class PersistedQueryNotFound(ServiceError):
    """The document of a hash is not known; the message is the one that clients of the protocol wait for."""

    code = "PERSISTED_QUERY_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")


class NotFound(ServiceError):
    """What was asked for does not exist, or belongs to a firm the caller may not see: the two look alike."""

    code = "NOT_FOUND"


class Unauthenticated(ServiceError):
    """No usable bearer token came with the request."""

    code = "UNAUTHENTICATED"


class TokenExpired(Unauthenticated):
    """The bearer token was good and is past its time."""

    code = "TOKEN_EXPIRED"


class Forbidden(ServiceError):
    """The bearer token does not carry the scope, or the firm, that the call needs."""

    code = "FORBIDDEN"


class FirmPaused(ServiceError):
    """Somebody paused the firms, and asked for a run of theirs by hand; none is started until they are resumed."""

    code = "FIRM_PAUSED"

    def __init__(self, firms: Sequence[int]) -> None:
        named = ", ".join(map(str, firms))
        super().__init__(
            f"{f'firm {named} is' if len(firms) == 1 else f'firms {named} are'} paused: resume with resumeFirm or"
            " `clio-service firms resume`, then ask again"
        )
        self.firms = tuple(firms)


class LeaseLost(ServiceError):
    """Another worker holds this run now; the one that raises this must stop writing."""

    code = "LEASE_LOST"


class MassDisappearance(ServiceError):
    """So many records are gone from Clio's list at once that a lost permission is likelier than deletions."""

    code = "MASS_DISAPPEARANCE"


class ListCutShort(ServiceError):
    """Clio's last page of a list was not its end."""

    code = "LIST_CUT_SHORT"


class OAuthStateInvalid(ServiceError):
    """The `state` of an OAuth callback is unknown, used or too old."""

    code = "OAUTH_STATE_INVALID"


class DecryptionFailed(ServiceError):
    """A stored secret cannot be read with the configured encryption keys."""

    code = "DECRYPTION_FAILED"


class ClioError(ServiceError):
    """Root of every failure of a call to Clio. `status` is the HTTP status, None when no answer came."""

    code = "CLIO_ERROR"

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class ClioUnavailable(ClioError):
    """Clio did not answer, or answered 5xx, and retries did not help."""

    code = "CLIO_UNAVAILABLE"


class ClioRateLimited(ClioError):
    """Clio answered 429, or the request budget has no room within the caller's patience."""

    code = "CLIO_RATE_LIMITED"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message, status=429)
        self.retry_after_s = retry_after_s


class ClioUnauthorized(ClioError):
    """Clio does not accept the access token."""

    code = "CLIO_UNAUTHORIZED"


class ClioGrantDead(ClioUnauthorized):
    """The firm's grant is gone: neither the access token nor the refresh token works any more."""

    code = "CLIO_GRANT_DEAD"


class ClioForbidden(ClioError):
    """The application or the connected user lacks a permission at Clio."""

    code = "CLIO_FORBIDDEN"


class ClioNotFound(ClioError):
    """The record is not there, or not visible to the connected user: Clio does not tell the two apart."""

    code = "CLIO_NOT_FOUND"


class ClioInvalidRequest(ClioError):
    """Clio refused the request itself (400, 409, 410, 412, 422); retrying it unchanged cannot help."""

    code = "CLIO_INVALID_REQUEST"

    def __init__(self, message: str, *, status: int, error_type: str) -> None:
        super().__init__(message, status=status)
        self.error_type = error_type


class ClioUnexpectedAnswer(ClioError):
    """Clio's answer is not of the documented shape."""

    code = "CLIO_UNEXPECTED_ANSWER"
