"""Counting what was not signed by Clio, and raising an alarm where it comes often."""

import time
from dataclasses import dataclass

from core.logging import get_logger
from core.metrics.recorder import WebhookRecorder
from core.webhooks.endpoints import Endpoint

log = get_logger(__name__)

WINDOW_S = 60.0
ALARM_AT = 20
"""Forgeries at one endpoint within a window: a secret that no longer fits makes fewer, for Clio retries five times."""


@dataclass
class _Window:
    began: float
    count: int = 0


class Forgeries:
    """Counts per endpoint. The first of a window is logged, and the one that is too many as `webhook_forgery_rate`."""

    def __init__(self, recorder: WebhookRecorder) -> None:
        """Take where they are counted for good."""
        self._recorder = recorder
        self._windows: dict[int, _Window] = {}

    def add(self, endpoint: Endpoint) -> None:
        """Count one request that was unsigned, wrongly signed, or a handshake nobody awaits."""
        self._recorder.forged(endpoint.firm, endpoint.model)
        now = time.monotonic()
        window = self._windows.get(endpoint.id)
        if window is None or now - window.began >= WINDOW_S:
            self._windows[endpoint.id] = window = _Window(now)
        window.count += 1
        if window.count == 1:
            log.warning("webhook_signature_invalid", firm=endpoint.firm, endpoint=endpoint.id)
        elif window.count == ALARM_AT:
            log.error(
                "webhook_forgery_rate",
                firm=endpoint.firm,
                endpoint=endpoint.id,
                forged=window.count,
                within_s=round(now - window.began, 1),
            )
