"""Everything one mock holds, in one object."""

from zoneinfo import ZoneInfo

from mock_clio.clock import Clock, Timers
from mock_clio.control.faults import Faults
from mock_clio.control.journal import Journal
from mock_clio.firm.seeding import seed_firm
from mock_clio.firm.traffic import Traffic
from mock_clio.hooks.delivery import Courier
from mock_clio.hooks.service import Hooks
from mock_clio.hooks.subscription import Subscription
from mock_clio.limits import RateLimiter
from mock_clio.oauth.grants import Grants
from mock_clio.records.writes import Writer
from mock_clio.settings import MockSettings
from mock_clio.storage import Storage
from mock_clio.store.render import Renderer
from mock_clio.store.rows import Row, Store
from mock_clio.switches import Switches


class MockState:
    """A firm's account, the authorization server before it, and the machinery that misbehaves on demand."""

    def __init__(self, settings: MockSettings) -> None:
        self.settings = settings
        self.switches: Switches = settings.switches
        self.zone = ZoneInfo(settings.time_zone)
        self.clock = Clock(settings.clock_start, frozen=settings.frozen_clock)
        self.timers = Timers(self.clock)
        self.limiter = RateLimiter(self.clock, self.switches, settings.region, settings.rate_limit)
        self.journal = Journal(settings.journal_size)
        self.faults = Faults()
        self.grants = Grants(self.clock, self.switches, settings.region, settings.token_lifetime)
        for application in settings.applications:
            self.grants.register(application)
        self.courier = Courier(
            clock=self.clock,
            timers=self.timers,
            switches=self.switches,
            faults=self.faults,
            journal=self.journal,
            find=self._find_webhook,
            set_status=self._set_webhook_status,
            retry_factor=settings.retry_factor,
        )
        self._seed()

    store: Store
    renderer: Renderer
    hooks: Hooks
    storage: Storage
    writer: Writer
    traffic: Traffic

    def _seed(self) -> None:
        self.store = seed_firm(self.settings, self.clock, self.zone)
        self.renderer = Renderer(self.store, self.zone, self.switches)
        self.hooks = Hooks(store=self.store, clock=self.clock, switches=self.switches, renderer=self.renderer)
        self.hooks.courier = self.courier
        self.hooks.allow_http_loopback = self.settings.allow_http_loopback
        self.storage = Storage(self.clock, self.store["DocumentVersion"])
        self.writer = Writer(self.store, self.clock, self.zone, self.switches, self.storage, self.hooks.on_change)
        self.traffic = Traffic(self.store, self.writer, self.switches, self.settings.seed)

    def _find_webhook(self, webhook_id: int) -> Subscription | None:
        """Asks whatever holds the subscriptions now: a reset puts another in its place."""
        return self.hooks.find(webhook_id)

    def _set_webhook_status(self, hook: Subscription, status: str) -> None:
        self.hooks.set_status(hook, status)

    @property
    def owner(self) -> Row:
        """The account owner: the user who authorizes where nobody else is named."""
        return next(user for user in self.store["User"] if user["account_owner"])

    async def reset(self) -> None:
        """Seed the firm anew and forget tokens, webhooks, faults and the journal; applications and switches stay."""
        await self.traffic.stop()
        self.timers.clear()
        self.courier.forget()
        self.faults.clear()
        self.journal.clear()
        self.limiter.forget()
        self.grants.forget()
        self._seed()
