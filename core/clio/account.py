"""Connected firms: granting, keeping and renewing their access to Clio.

The token row is the truth, and its `version` counts writes. A process keeps the decrypted token of the version it last
saw; a refresh locks the row, looks whether somebody else has refreshed it meanwhile, and only then asks Clio.
"""

import asyncio
import datetime
from collections.abc import Collection
from typing import Any

import asyncpg
import httpx

from core.clio import drift, oauth, peak
from core.clio.access import Access
from core.clio.answers import data_of, error_of, record_of
from core.clio.budget import RequestBudget
from core.clio.budget_state import BudgetState
from core.clio.client import ClioClient, Prepare
from core.clio.clock import ClioClock
from core.clio.regions import API_PATH, REGION_NAMES, base_url
from core.clio.usage import Usage
from core.db.cipher import Cipher
from core.db.engine import Connection, Database, Executor
from core.errors import (
    ClioError,
    ClioGrantDead,
    ClioRateLimited,
    ClioUnavailable,
    ClioUnexpectedAnswer,
    NotFound,
)
from core.logging import get_logger
from core.settings import Region, Settings

log = get_logger(__name__)


class ClioAccounts:
    """Every connected firm's access to Clio."""

    def __init__(
        self, settings: Settings, database: Database, cipher: Cipher, http: httpx.AsyncClient, budget: RequestBudget
    ) -> None:
        self.settings = settings
        self.http = http
        self.budget = budget
        self.clock = ClioClock()
        self._database = database
        self._cipher = cipher
        self._known: dict[int, Access] = {}
        self._renewals: dict[int, asyncio.Task[Access]] = {}

    def client(self, firm: int, usage: Usage | None = None, *, prepare: Prepare | None = None) -> ClioClient:
        """Return a client for a firm, which counts what it sends in `usage` and prepares its pages; no I/O."""
        return ClioClient(self, firm, usage, prepare=prepare)

    async def budgets(self, firms: Collection[int] | None) -> dict[int, BudgetState]:
        """Return the request budgets of connected firms, by number: of these, or of all. One statement."""
        rows = await self._database.pool.fetch(
            """SELECT id, region FROM firm
               WHERE state = 'connected' AND ($1::bigint[] IS NULL OR id = ANY ($1)) ORDER BY id""",
            None if firms is None else list(firms),
        )
        now = datetime.datetime.now(datetime.UTC)
        return await self.budget.look(
            {
                row["id"]: peak.believed_for(REGION_NAMES[row["region"]], now + self.clock.ahead(row["id"]))
                for row in rows
            }
        )

    async def authorize_url(self, region: Region) -> str:
        """Return the address at which a person lets the service into a firm's Clio account of that region."""
        return await oauth.begin(self.settings, self._database, region)

    async def complete(self, *, state: str, code: str) -> int:
        """Finish an authorization; return the firm's id. A firm that was connected before keeps its id and records.

        Raises:
            OAuthStateInvalid: the state is unknown, used or too old.
            ClioError: Clio refused the code, or did not say whose grant it is.
        """
        region = await oauth.use_state(self._database, state)
        grant = await oauth.exchange(self.settings, self.http, region, code)
        user = await self._who(region, grant.access_token)
        account = user.get("account")
        if not (isinstance(account, dict) and isinstance(account.get("id"), int) and isinstance(user.get("id"), int)):
            raise ClioUnexpectedAnswer("clio does not say which account the grant is for: connect as an administrator")
        async with self._database.transaction() as connection:
            firm: int = await connection.fetchval(
                """INSERT INTO firm (region, clio_account_id, name) VALUES ($1, $2, $3)
                   ON CONFLICT (region, clio_account_id) DO UPDATE SET name = EXCLUDED.name, state = 'connected'
                   RETURNING id""",
                region,
                account["id"],
                str(account.get("name") or ""),
            )
            before = await connection.fetchval("SELECT clio_user_id FROM oauth_token WHERE firm = $1", firm)
            if before is not None:
                await drift.note_change(connection, firm, "user_changed", before, user["id"])
            await self._store(connection, firm, grant, refresh_token=str(grant.refresh_token), user=user["id"])
        self._known.pop(firm, None)
        return firm

    async def disconnect(self, firm: int) -> None:
        """Give a firm's grant back to Clio, and forget its tokens; its mirrored records stay.

        Where Clio does not take it now, the access token is kept to its end for that alone (`give_back_due`).
        """
        try:
            await self.access(firm)
        except (ClioError, NotFound) as error:
            log.warning("grant_not_renewed", firm=firm, error=error.code)
        self._known.pop(firm, None)
        async with self._database.transaction() as connection:
            await connection.execute("UPDATE firm SET state = 'disconnected' WHERE id = $1", firm)
            await connection.execute(
                """WITH gone AS (DELETE FROM oauth_token WHERE firm = $1 RETURNING firm, access_token, expires_at)
                   INSERT INTO oauth_revocation (firm, region, access_token, expires_at)
                   SELECT gone.firm, firm.region, gone.access_token, gone.expires_at
                   FROM gone JOIN firm ON firm.id = gone.firm WHERE gone.expires_at > now()""",
                firm,
            )
        await self.give_back_due()

    async def give_back_due(self) -> None:
        """Give the grants of disconnected firms back to Clio; those it does not take now are due again in ten minutes.

        A token that has ended, or that Clio no longer knows, needs no more. One statement, one request for each grant.
        """
        rows = await self._database.pool.fetch(
            """WITH ended AS (DELETE FROM oauth_revocation WHERE expires_at <= now())
               UPDATE oauth_revocation SET not_before_at = now() + interval '10 minutes'
               WHERE not_before_at <= now() AND expires_at > now() RETURNING id, firm, region, access_token"""
        )
        for row in rows:
            token = self._cipher.decrypt(row["access_token"], purpose=f"access_token:{row['firm']}")
            try:
                await oauth.deauthorize(self.settings, self.http, REGION_NAMES[row["region"]], token)
            except (ClioUnavailable, ClioRateLimited) as error:
                log.warning("grant_not_given_back", firm=row["firm"], error=error.code, next_step="tried again")
                continue
            except ClioError as error:
                log.warning("grant_not_taken_back", firm=row["firm"], error=error.code)
            await self._database.pool.execute("DELETE FROM oauth_revocation WHERE id = $1", row["id"])

    async def access(self, firm: int) -> Access:
        """Return an access token that is good for a while; asks Clio for a new one when it is about to end.

        Reads the firm's row each time, so that what another process did to the grant holds here at once. A token that
        cannot be renewed just now is used to its end.

        Raises:
            NotFound: the firm is not connected.
            ClioGrantDead: its grant was revoked.
            ClioUnavailable: the token has ended, and Clio did not answer.
        """
        access = self._open(firm, await self._row(self._database.pool, firm))
        if access.is_fresh:
            return access
        try:
            return await self.renew(firm, refused_version=access.version)
        except (ClioUnavailable, ClioRateLimited) as error:
            if not access.is_alive:
                raise
            log.warning("access_token_not_renewed", firm=firm, error=error.code)
            return access

    async def renew(self, firm: int, *, refused_version: int) -> Access:
        """Replace the access token of a version that Clio refused, or that is about to end.

        However many ask at once, in however many processes, Clio is asked once. A renewal goes on when those who wait
        for it are cancelled: what Clio answers must be stored.

        Raises:
            ClioGrantDead: the grant was revoked; the firm's state says so from now on.
            ClioUnavailable: Clio did not answer; the grant is as it was.
        """
        renewal = self._renewals.get(firm)
        if renewal is None or renewal.done():
            renewal = self._renewals[firm] = asyncio.create_task(self._renew(firm, refused_version))
            renewal.add_done_callback(lambda done: self._forget_renewal(firm, done))
        return await asyncio.shield(renewal)

    def _forget_renewal(self, firm: int, renewal: asyncio.Task[Access]) -> None:
        if self._renewals.get(firm) is renewal:
            del self._renewals[firm]
        if not renewal.cancelled() and renewal.exception() is not None:
            log.debug("renewal_failed", firm=firm)

    async def _renew(self, firm: int, refused_version: int) -> Access:
        try:
            async with self._database.transaction() as connection:
                row = await self._row(connection, firm, lock=True)
                if row["version"] == refused_version:
                    await self._refresh(connection, firm, row)
                    row = await self._row(connection, firm)
        except ClioGrantDead:
            self._known.pop(firm, None)
            await self._declare_dead(firm, refused_version)
            raise
        return self._open(firm, row)

    async def _refresh(self, connection: Connection, firm: int, row: asyncpg.Record) -> None:
        old = self._cipher.decrypt(row["refresh_token"], purpose=f"refresh_token:{firm}")
        grant = await oauth.refresh(self.settings, self.http, REGION_NAMES[row["region"]], old)
        await self._store(connection, firm, grant, refresh_token=grant.refresh_token or old, user=row["clio_user_id"])
        log.info("access_token_renewed", firm=firm)

    async def _store(
        self, connection: Connection, firm: int, grant: oauth.Grant, *, refresh_token: str, user: int
    ) -> None:
        await connection.execute(
            """INSERT INTO oauth_token (firm, access_token, refresh_token, expires_at, clio_user_id)
               VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (firm) DO UPDATE SET access_token = EXCLUDED.access_token,
                   refresh_token = EXCLUDED.refresh_token, expires_at = EXCLUDED.expires_at,
                   clio_user_id = EXCLUDED.clio_user_id, version = oauth_token.version + 1, refreshed_at = now()""",
            firm,
            self._cipher.encrypt(grant.access_token, purpose=f"access_token:{firm}"),
            self._cipher.encrypt(refresh_token, purpose=f"refresh_token:{firm}"),
            grant.expires_at,
            user,
        )

    async def _row(self, database: Executor, firm: int, *, lock: bool = False) -> asyncpg.Record:
        row = await database.fetchrow(
            f"""SELECT oauth_token.*, firm.region FROM oauth_token JOIN firm ON firm.id = oauth_token.firm
                WHERE oauth_token.firm = $1 AND firm.state = 'connected'
                {"FOR UPDATE OF oauth_token" if lock else ""}""",
            firm,
        )
        if row is None:
            raise NotFound(f"firm {firm} is not connected to Clio: connect it with connectFirm")
        return row

    def _open(self, firm: int, row: asyncpg.Record) -> Access:
        known = self._known.get(firm)
        if known is not None and (known.version, known.expires_at) == (row["version"], row["expires_at"]):
            return known
        access = self._known[firm] = Access(
            access_token=self._cipher.decrypt(row["access_token"], purpose=f"access_token:{firm}"),
            base_url=base_url(self.settings, REGION_NAMES[row["region"]]),
            region=REGION_NAMES[row["region"]],
            version=row["version"],
            expires_at=row["expires_at"],
        )
        return access

    async def _declare_dead(self, firm: int, version: int) -> None:
        """Mark the firm, unless it was connected again meanwhile; whoever connects it holds its row until done."""
        async with self._database.transaction() as connection:
            await connection.execute("SELECT id FROM firm WHERE id = $1 FOR UPDATE", firm)
            changed = await connection.fetchval(
                """UPDATE firm SET state = 'grant_dead' WHERE id = $1 AND state = 'connected'
                   AND EXISTS (SELECT FROM oauth_token WHERE firm = $1 AND version = $2) RETURNING id""",
                firm,
                version,
            )
        if changed:
            log.error("firm_grant_dead", firm=firm, next_step="connect the firm again")

    async def _who(self, region: Region, access_token: str) -> dict[str, Any]:
        """Ask whose grant a token is; before the firm has a budget, and so outside of it."""
        try:
            response = await self.http.get(
                f"{base_url(self.settings, region)}{API_PATH}/users/who_am_i.json",
                params={"fields": "id,name,account{id,name}"},
                headers={"Authorization": f"Bearer {access_token}", "X-API-VERSION": self.settings.clio_api_version},
            )
        except httpx.HTTPError as error:
            raise ClioUnavailable(f"clio did not answer who_am_i ({type(error).__name__})") from error
        if not response.is_success:
            raise error_of(response, "GET users/who_am_i")
        return record_of(data_of(response, "GET users/who_am_i"), "GET users/who_am_i")
