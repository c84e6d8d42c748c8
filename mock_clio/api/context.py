"""Who asks, and which fields they ask for."""

from dataclasses import dataclass

from mock_clio.oauth.grants import AccessToken
from mock_clio.store.selection import InvalidFieldsError, Selection, parse_fields
from mock_clio.tables.declare import Resource, Schema
from mock_clio.wire.errors import bad_argument, forbidden, invalid_fields
from mock_clio.wire.http import Request


@dataclass(frozen=True, slots=True)
class Caller:
    """The bearer of an access token."""

    token: AccessToken

    @property
    def readable(self) -> frozenset[str]:
        """Permissions to read."""
        return self.token.readable

    def need(self, permission: str | None, *, write: bool = False) -> None:
        """Insist on a permission.

        Raises:
            ApiError: 403 where the grant lacks it.
        """
        held = self.token.writable if write else self.token.readable
        if permission is not None and permission not in held:
            raise forbidden(permission)


def selection_of(schema: Schema, request: Request) -> Selection:
    """The `fields` of a request.

    Raises:
        ApiError: 400 where they cannot be served.
    """
    try:
        return parse_fields(schema.name, request.param("fields") or "")
    except InvalidFieldsError as error:
        raise invalid_fields(str(error)) from None


def narrowed_to(resource: Resource, request: Request) -> frozenset[int] | None:
    """The `custom_field_ids[]` to which a request narrows custom field values; None where it does not.

    Raises:
        ApiError: 400 for what is no id.
    """
    if "custom_field_ids[]" not in resource.filters:
        return None
    texts = [text for name, text in request.query if name in {"custom_field_ids[]", "custom_field_ids"} and text]
    for text in texts:
        if not text.isdigit():
            raise bad_argument(f"'{text}' is not a valid custom_field_ids")
    return frozenset(map(int, texts)) if texts else None
