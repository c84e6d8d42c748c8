"""Every point on which Clio's behaviour is not known, as a switch with the default the mock assumes."""

from typing import Literal

import msgspec


class Switches(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the mock does where nothing published says what Clio does. All can be changed while it runs."""

    updated_since_inclusive: bool = True
    """Whether a record changed in exactly the second of `updated_since` or `created_since` is listed."""
    nested_change_bumps_parent: bool = True
    """Whether a change to a row within a record, or becoming a client, moves the record's `updated_at`."""
    handshake: Literal["during", "after", "never"] = "during"
    """When the X-Hook-Secret request is sent: before the POST answers, after it, or not at all (enabled at once)."""
    honour_given_secret: bool = True
    """Whether `shared_secret` in the body of a webhook's POST or PATCH becomes the signing secret."""
    long_expiry: Literal["refuse", "clamp"] = "refuse"
    """What happens to an `expires_at` more than 31 days ahead: 422, or cut to 31 days."""
    suspend_after_seconds: int | None = 3 * 3600
    """Suspend a webhook that has only failed for so long; null turns this rule off."""
    suspend_after_failures: int | None = None
    """Suspend a webhook after so many failed attempts in a row; null turns this rule off."""
    patch_lifts_suspension: bool = False
    """Whether a PATCH enables a suspended webhook again."""
    delivery_timeout: float = 10.0
    """Seconds, real time, that the mock waits for the answer to a delivery or a handshake."""
    deleted_payload: Literal["id_etag", "requested"] = "id_etag"
    """What `data` of a `deleted` event holds."""
    refresh_ends_old_token: bool = False
    """Whether a refresh revokes the access tokens issued before it."""
    refresh_rotates: bool = False
    """Whether a refresh also answers a new refresh token and revokes the old one (Clio's does not)."""
    rotated_token_grace_s: int = 0
    """How long a refresh token that was rotated can still be used."""
    rate_limited_body: Literal["error", "wrapped", "wrapped_200"] = "error"
    """Answer over the limit: 429 with the error object, 429 with a base64 wrapper of it, or that wrapper on a 200."""
    off_peak_limit: int | None = None
    """Requests per minute outside the region's peak hours; null means the same as at peak."""
    timestamps: Literal["firm", "utc"] = "firm"
    """Zone of the timestamps in answers."""
    deauthorization_callback: Literal["json", "form", "none"] = "json"
    """Body of the request to an application's deauthorization callback."""
    hidden_record: Literal["forbidden", "missing", "redacted"] = "forbidden"
    """What asking for a record by its id gives where the user may not see it: 403, 404, or nulls marked as redacted."""
    deauthorized_webhooks_stop: bool = True
    """Whether the webhooks of a user who deauthorized the application fall silent."""
    limit_out_of_range: Literal["refuse", "clamp"] = "refuse"
    """What a `limit` outside its bounds gives: 400, or the nearest bound."""
    precondition_failed_type: str = "PreconditionFailed"
    """`error.type` of a 412."""
    conflict_type: str = "ConflictError"
    """`error.type` of a 409."""
    version_gone_type: str = "GoneError"
    """`error.type` of a 410 for an unknown X-API-VERSION."""
    activity_quantities: Literal["shown", "redacted"] = "shown"
    """Whether quantities of activities are seen, or null and marked as redacted, as without the right to see hours."""
    activity_rates: Literal["shown", "hidden"] = "shown"
    """Whether price and total of activities are seen, or null, as without the right to see rates."""
    document_webhooks: Literal["delivered", "refused", "silent"] = "delivered"
    """Subscriptions to documents and folders: events arrive, 422 as for no model, or enabled without any event."""
    custom_field_value_types: Literal["strings", "native"] = "strings"
    """JSON type of numeric, currency and checkbox values."""
    custom_field_times: Literal["minutes", "iso"] = "minutes"
    """Format of `time` values: `14:30`, or `14:30:00`."""
    value_custom_field: Literal["id_etag", "redacted"] = "id_etag"
    """What `custom_field` within a custom field value is: the definition, or its redacted shape."""
    unfilled_value_ids: Literal["null", "materialised"] = "null"
    """Whether the row of a displayed definition that was never given a value has an id, and so exists for writes."""
    deleted_custom_fields_listed: bool = True
    """Whether definitions that were deleted are listed where the request does not say `deleted`."""
