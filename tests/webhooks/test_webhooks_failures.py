"""When a delivery that failed is tried again."""

from core.errors import ClioForbidden, ClioGrantDead, ClioRateLimited, ClioUnauthorized, ClioUnavailable
from core.webhooks.failures import ATTEMPTS_MAX, judge


def test_the_factor_shortens_every_wait_but_those_that_clio_asks_for() -> None:
    for factor in (1.0, 0.01):
        assert 22.5 * factor <= judge(ClioUnavailable("away"), attempt=3, factor=factor).delay_s <= 45 * factor
        assert 900 * factor <= judge(ClioForbidden("no"), attempt=2, factor=factor).delay_s <= 1800 * factor
        assert 30 <= judge(ClioRateLimited("slower", retry_after_s=30), attempt=1, factor=factor).delay_s <= 35


def test_a_refused_token_waits_for_a_person_only_where_the_grant_is_dead() -> None:
    assert judge(ClioUnauthorized("refused", status=401), attempt=1, factor=1).delay_s <= 5
    assert judge(ClioGrantDead("gone", status=401), attempt=1, factor=1).delay_s >= 450


def test_a_rate_limit_never_counts_and_the_last_attempt_is_the_end() -> None:
    limited = judge(ClioRateLimited("slower", retry_after_s=1), attempt=ATTEMPTS_MAX, factor=1)
    assert (limited.status, limited.counts) == ("failed", False)
    assert judge(ClioUnavailable("away"), attempt=ATTEMPTS_MAX, factor=1).status == "dead"
    assert judge(ClioUnavailable("away"), attempt=ATTEMPTS_MAX - 1, factor=1).status == "failed"
