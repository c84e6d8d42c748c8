"""What a resolver works with: the services, who is asking, and the request's batches."""

from typing import Any

import strawberry
from strawberry.litestar import BaseContext

from core.auth.tokens import Principal, Scope
from core.errors import Forbidden
from core.services import Services


class Context(BaseContext, kw_only=True):
    """One request, or one connection of subscriptions.

    `batches` holds the request's data loaders by what they load, so that one request shares each.
    """

    services: Services
    principal: Principal
    batches: dict[Any, Any]

    async def firms(self, requested: strawberry.ID | None = None, *, scope: Scope = "read") -> list[int]:
        """Return the ids of the firms a field may touch: those the bearer may see, or the one asked for.

        Costs a statement only for a bearer of every firm who asks for none in particular.

        Raises:
            Forbidden: the scope is missing, or the bearer may not see the firm; one that does not exist looks the same.
        """
        self.principal.require(scope)
        if requested is not None:
            if not requested.isdecimal() or not self.principal.may_see(int(requested)):
                raise Forbidden(f"firm {requested} is not among those this token may see")
            return [int(requested)]
        if self.principal.firms is not None:
            return sorted(self.principal.firms)
        if "firms" not in self.batches:
            rows = await self.services.database.pool.fetch("SELECT id FROM firm ORDER BY id")
            self.batches["firms"] = [row["id"] for row in rows]
        firms: list[int] = self.batches["firms"]
        return firms


Info = strawberry.Info[Context, None]
"""The `info` argument of every resolver."""
