"""Bearer tokens: signed, short-lived, and stating which firms and scopes their bearer has.

Source: RFC 7519 (JWT), RFC 6750 (bearer tokens).
"""

import datetime
from dataclasses import dataclass
from typing import Any, Literal

import jwt

from core.errors import Forbidden, TokenExpired, Unauthenticated
from core.settings import Settings

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "write", "admin")

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "clio-service"
EVERY_FIRM = "*"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who is asking. `firms` None means every firm, which is for operators."""

    subject: str
    firms: frozenset[int] | None
    scopes: frozenset[str]

    def require(self, scope: Scope) -> None:
        """Check that the bearer has a scope.

        Raises:
            Forbidden: names the scope that is missing.
        """
        if scope not in self.scopes:
            raise Forbidden(f"this needs the scope {scope!r}: mint a token with `clio-service token --scope {scope}`")

    def may_see(self, firm: int) -> bool:
        """Whether the bearer may see a firm."""
        return self.firms is None or firm in self.firms


def mint(
    settings: Settings, *, subject: str, firms: frozenset[int] | None, scopes: frozenset[str], ttl_s: float
) -> str:
    """Return a token; `firms` None is for every firm."""
    now = datetime.datetime.now(datetime.UTC)
    claims = {
        "sub": subject,
        "firms": EVERY_FIRM if firms is None else sorted(firms),
        "scopes": sorted(scopes),
        "iat": now,
        "exp": now + datetime.timedelta(seconds=ttl_s),
        "iss": ISSUER,
        "aud": AUDIENCE,
    }
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm=ALGORITHM)


def read_token(settings: Settings, token: str) -> Principal:
    """Return whose token it is.

    Raises:
        TokenExpired: it was good, and its time is over.
        Unauthenticated: it is not one of ours, or says nothing usable.
    """
    try:
        claims = jwt.decode(
            token,
            settings.jwt_secret.get_secret_value(),
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": ["exp", "sub"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired("the bearer token has expired: get a new one and send the request again") from error
    except jwt.InvalidTokenError as error:
        raise Unauthenticated("the bearer token is not valid here: get one with `clio-service token`") from error
    return _principal(claims)


def bearer(header: str | None) -> str:
    """Return the token of an `Authorization` header.

    Raises:
        Unauthenticated: there is no header, or it is of another scheme.
    """
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send a bearer token: `Authorization: Bearer <token>`; `clio-service token` makes one")
    return token.strip()


def _principal(claims: dict[str, Any]) -> Principal:
    firms, scopes = claims.get("firms"), claims.get("scopes")
    every = firms == EVERY_FIRM
    listed = isinstance(firms, list) and all(isinstance(firm, int) for firm in firms)
    if not (every or listed) or not isinstance(scopes, list) or not isinstance(claims["sub"], str):
        raise Unauthenticated("the bearer token names no firms or scopes: get one with `clio-service token`")
    return Principal(
        subject=claims["sub"], firms=None if every else frozenset(firms or ()), scopes=frozenset(map(str, scopes))
    )
