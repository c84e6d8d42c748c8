"""Applications, authorization codes, refresh and access tokens."""

import itertools
import math
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from mock_clio.clock import Clock
from mock_clio.settings import Access, Application, Region
from mock_clio.store.rows import Row
from mock_clio.switches import Switches

CODE_LIFETIME = 600
"""Seconds an authorization code lives."""


@dataclass(slots=True)
class Grant:
    """What one user allowed one application; permissions are those of the day they did so."""

    client_id: str
    user: Row
    permissions: dict[str, Access]
    live: bool = True


@dataclass(slots=True)
class Code:
    """An authorization code, good once."""

    grant: Grant
    redirect_uri: str
    expires_at: float


@dataclass(slots=True)
class AccessToken:
    """An access token; `token_id` is what the journal shows in its place."""

    token_id: int
    grant: Grant
    expires_at: float
    revoked: bool = False
    readable: frozenset[str] = frozenset()
    writable: frozenset[str] = frozenset()


class OAuthFailure(Exception):
    """A token request refused, by the error codes of RFC 6749."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Issued:
    """The result of a token request."""

    access_token: str
    refresh_token: str | None
    expires_in: int


@dataclass
class Grants:
    """The authorization server's memory."""

    clock: Clock
    switches: Switches
    region: Region
    token_lifetime: int
    applications: dict[str, Application] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    refresh_tokens: dict[str, Grant] = field(default_factory=dict)
    rotated: dict[str, float] = field(default_factory=dict)
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    _numbers: Iterable[int] = field(default_factory=lambda: itertools.count(1))

    def register(self, application: Application) -> None:
        """Add an application, or replace the one with its client id."""
        self.applications[application.client_id] = application

    def application(self, client_id: str | None) -> Application | None:
        """The application with a client id, if it is registered in this region."""
        found = self.applications.get(client_id or "")
        return found if found is not None and found.region in {None, self.region} else None

    def authorize(self, application: Application, user: Row, redirect_uri: str) -> str:
        """A user says yes: an authorization code."""
        code = secrets.token_urlsafe(24)
        grant = Grant(application.client_id, user, dict(application.permissions))
        self.codes[code] = Code(grant, redirect_uri, self.clock.now() + CODE_LIFETIME)
        return code

    def exchange(self, client_id: str, code: str, redirect_uri: str) -> Issued:
        """Turn a code into tokens; a second attempt fails, whatever became of the first."""
        found = self.codes.pop(code, None)
        if found is None or found.grant.client_id != client_id or found.redirect_uri != redirect_uri:
            raise OAuthFailure("invalid_grant")
        if self.clock.now() >= found.expires_at:
            raise OAuthFailure("invalid_grant")
        return self.issue(found.grant)

    def refresh(self, client_id: str, refresh_token: str) -> Issued:
        """A new access token; the refresh token stays as it is unless switched."""
        grant = self.refresh_tokens.get(refresh_token)
        ended = self.clock.now() >= self.rotated.get(refresh_token, math.inf)
        if grant is None or ended or grant.client_id != client_id or not grant.live:
            raise OAuthFailure("invalid_grant")
        if self.switches.refresh_ends_old_token:
            for token in self.access_tokens.values():
                token.revoked = token.revoked or token.grant is grant
        if self.switches.refresh_rotates:
            self.rotated.setdefault(refresh_token, self.clock.now() + self.switches.rotated_token_grace_s)
            return self.issue(grant)
        return Issued(self._access_token(grant, self.token_lifetime), None, self.token_lifetime)

    def issue(self, grant: Grant, lifetime: int | None = None) -> Issued:
        """A pair of tokens for a grant."""
        refresh_token = secrets.token_urlsafe(32)
        self.refresh_tokens[refresh_token] = grant
        seconds = self.token_lifetime if lifetime is None else lifetime
        return Issued(self._access_token(grant, seconds), refresh_token, seconds)

    def find(self, access_token: str) -> AccessToken | None:
        """The token, if it can be used now."""
        token = self.access_tokens.get(access_token)
        if token is None or token.revoked or not token.grant.live or self.clock.now() >= token.expires_at:
            return None
        return token

    def revoke(self, client_id: str, user_id: int | None = None) -> int:
        """End the grants of an application, of one user or of all; answers how many access tokens that killed."""
        killed = 0
        for grant in [*(token.grant for token in self.access_tokens.values()), *self.refresh_tokens.values()]:
            if grant.client_id == client_id and user_id in {None, grant.user["id"]}:
                grant.live = False
        for token in self.access_tokens.values():
            if not token.grant.live and not token.revoked:
                token.revoked = True
                killed += 1
        return killed

    def by_id(self, token_id: int) -> AccessToken | None:
        """An access token by the id the journal shows."""
        return next((token for token in self.access_tokens.values() if token.token_id == token_id), None)

    def forget(self) -> None:
        """Drop codes and tokens; applications stay."""
        self.codes.clear()
        self.refresh_tokens.clear()
        self.rotated.clear()
        self.access_tokens.clear()

    def _access_token(self, grant: Grant, lifetime: int) -> str:
        text = secrets.token_urlsafe(32)
        self.access_tokens[text] = AccessToken(
            token_id=next(iter(self._numbers)),
            grant=grant,
            expires_at=self.clock.now() + lifetime,
            readable=frozenset(grant.permissions),
            writable=frozenset(name for name, access in grant.permissions.items() if access == "read_write"),
        )
        return text
