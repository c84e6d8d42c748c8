"""What happens around a firm's grant: after it is given, and before it is given up."""

from typing import TYPE_CHECKING

from core.errors import FirmPaused, ServiceError
from core.logging import get_logger
from core.sync.requesting import request_runs
from core.webhooks import lifecycle

if TYPE_CHECKING:
    from core.services import Services

log = get_logger(__name__)


async def connect_firm(services: "Services", *, state: str, code: str) -> int:
    """Finish the OAuth flow, subscribe to webhooks and start the backfill; return the firm's id.

    Webhooks come first, so that nothing changes unseen between the backfill's first page and the subscription. A
    subscription that fails is logged and tried again by the worker; the backfill starts all the same, that of a paused
    firm when it is resumed.

    Raises:
        OAuthStateInvalid: the state is unknown, used or too old.
        ClioError: Clio refused the code, or did not say whose grant it is.
    """
    firm = await services.accounts.complete(state=state, code=code)
    try:
        await lifecycle.register(services, firm)
    except ServiceError as error:
        log.warning("webhooks_not_registered", firm=firm, error=error.code)
    try:
        await request_runs(services, firms=[firm], resource=None, full=False)
    except FirmPaused as error:
        log.warning("firm_connected_while_paused", firm=firm, next_step=str(error))
    log.info("firm_connected", firm=firm)
    return firm


async def disconnect_firm(services: "Services", firm: int) -> None:
    """Delete the firm's webhooks at Clio, then its grant; the mirrored records stay."""
    try:
        await lifecycle.unregister(services, firm)
    except ServiceError as error:
        log.warning("webhooks_not_unregistered", firm=firm, error=error.code)
    await services.accounts.disconnect(firm)
    log.info("firm_disconnected", firm=firm)
