"""How far Clio's clock is from ours, as its answers tell."""

import datetime
from email.utils import format_datetime

from core.clio.clock import ClioClock
from core.services import Services
from core.testing.driving import Control

SECOND = datetime.timedelta(seconds=1)


def dated(ahead: datetime.timedelta) -> dict[str, str]:
    """Headers of an answer of a server whose clock is so far ahead."""
    moment = datetime.datetime.now(datetime.UTC) + ahead
    return {"date": format_datetime(moment.replace(microsecond=0), usegmt=True)}


def test_a_difference_is_kept_for_each_firm_and_moves_only_by_more_than_rounding() -> None:
    clock = ClioClock()
    assert (clock.ahead(1), clock.has_told(1)) == (datetime.timedelta(), False)
    clock.observe(1, dated(SECOND))
    assert (clock.ahead(1), clock.has_told(1)) == (datetime.timedelta(), True)
    clock.observe(1, dated(datetime.timedelta(days=40)))
    first = clock.ahead(1)
    assert abs(first - datetime.timedelta(days=40)) <= 2 * SECOND
    clock.observe(1, dated(first + SECOND))
    assert clock.ahead(1) == first
    clock.observe(1, dated(-datetime.timedelta(minutes=7)))
    assert abs(clock.ahead(1) + datetime.timedelta(minutes=7)) <= 2 * SECOND
    assert clock.ahead(2) == datetime.timedelta()


def test_an_answer_without_a_readable_date_tells_nothing() -> None:
    clock = ClioClock()
    for text in ("", "yesterday", "Sun, 14 Mar 2027 09:00:00 -0000", "Sun, 99 Mar 2027 09:00:00 GMT"):
        clock.observe(1, {"date": text})
    clock.observe(1, {})
    assert not clock.has_told(1)


async def test_a_client_learns_the_time_at_clio(services: Services, control: Control, firm: int) -> None:
    await control.call("POST", "clock/advance", {"seconds": 3600})
    client = services.accounts.client(firm)
    await client.who_am_i()
    assert abs(client.ahead - datetime.timedelta(hours=1)) <= 2 * SECOND
    assert abs(client.now() - datetime.datetime.now(datetime.UTC) - client.ahead) <= SECOND
