"""What becomes of a delivery that could not be applied: when it is tried again, and when it is given up."""

import secrets
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from redis.exceptions import RedisError

from core.errors import ClioForbidden, ClioGrantDead, ClioRateLimited, NotFound, RedisUnavailable, ServiceError

INTERNAL = ServiceError.code

ATTEMPTS_MAX = 12

FIRST_DELAY_S, DELAY_FACTOR, DELAY_MAX_S = 5.0, 3.0, 3600.0
"""5 s, 15 s, 45 s, ... at most an hour: about seven hours until a delivery is dead."""

GRANT_DELAY_S, GRANT_DELAY_MAX_S = 900.0, 21_600.0
"""A quarter of an hour, doubling to six hours: for what only a person can mend, by connecting the firm anew."""

NEEDS_A_PERSON = (ClioGrantDead, ClioForbidden, NotFound)
"""What waiting alone does not mend. NotFound is the firm's grant: it was disconnected, or its grant is dead. A token
that Clio refuses while the grant lives, such as one that ran out on the way, is another at the next attempt."""

MESSAGE_MAX = 500

_random = secrets.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a failure is stored. `counts` says whether the attempt counts towards giving up."""

    status: Literal["failed", "dead"]
    code: str
    message: str
    delay_s: float = 0.0
    counts: bool = True


MALFORMED = Failure(
    status="dead",
    code="DELIVERY_MALFORMED",
    message="the signed body names no record and event: look at the body, Clio may have changed its form",
)
EVENT_UNKNOWN = Failure(
    status="dead",
    code="EVENT_UNKNOWN",
    message="the resource does not declare this event: add it to its WebhookModel, or register the webhook anew",
)
RESOURCE_NOT_LOADED = Failure(
    status="dead",
    code="RESOURCE_NOT_LOADED",
    message="no loaded plugin takes webhooks for this resource: `clio-service plugins list` says which are refused",
)

LAPSES_MAX = 8
"""Workers in a row that did not come back from a delivery; then it is dead."""

WORKER_LOST = Failure(
    status="dead",
    code="WORKER_LOST",
    message=f"{LAPSES_MAX} workers in a row died or hung while they held it, at the end with nothing else in hand: "
    "look at the body and at the plugin's payload model, then replay it",
)


def judge(error: Exception, *, attempt: int, factor: float) -> Failure:
    """Return what to do about an error at this attempt, counted from 1. The message holds no client data.

    `factor` multiplies the waits, but for those that Clio asks for.
    """
    code, message = _describe(error)
    if isinstance(error, ClioRateLimited):
        return Failure(
            status="failed",
            code=code,
            message=message[:MESSAGE_MAX],
            delay_s=error.retry_after_s + _random.uniform(0, 5),
            counts=False,
        )
    return Failure(
        status="dead" if attempt >= ATTEMPTS_MAX else "failed",
        code=code,
        message=message[:MESSAGE_MAX],
        delay_s=_delay(error, attempt) * factor * _random.uniform(0.5, 1),
    )


def where_raised(error: BaseException) -> str:
    """Return the innermost function and line of an error, for the log: its text may quote client data."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno} {frames[-1].name}" if frames else "nowhere"


def _describe(error: Exception) -> tuple[str, str]:
    if isinstance(error, ServiceError):
        return error.code, str(error)
    if isinstance(error, RedisError):
        return RedisUnavailable.code, "Redis did not answer: check that it is up"
    if isinstance(error, TimeoutError):
        return "SETTLING_TOO_SLOW", "it took longer than a record may take: see the log"
    return INTERNAL, f"{type(error).__name__}: see the log"


def _delay(error: Exception, attempt: int) -> float:
    if isinstance(error, NEEDS_A_PERSON):
        return float(min(GRANT_DELAY_S * 2.0 ** (attempt - 1), GRANT_DELAY_MAX_S))
    return float(min(FIRST_DELAY_S * DELAY_FACTOR ** (attempt - 1), DELAY_MAX_S))
