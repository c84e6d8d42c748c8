"""Bearer tokens: JSON Web Tokens signed with HS256 and JWT_SECRET, minted by the command line and read by every face.

Claims: `sub`, `firms` (a list of firm ids, or `"*"` for all), `scopes`, `iat`, `exp`, `iss`, `aud`; all are required.
"""

import datetime
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import jwt

from core.auth.principal import SCOPES, Principal
from core.errors import BadInput, TokenExpired, Unauthenticated
from core.settings import Settings

ISSUER = "clio-service"
AUDIENCE = "clio-service"
ALGORITHM = "HS256"
ALL_FIRMS = "*"
REQUIRED = ("sub", "firms", "scopes", "iat", "exp", "iss", "aud")

HOW_TO_GET_ONE = "mint one with `clio-service token`"
EXPIRED = f"the bearer token has expired: {HOW_TO_GET_ONE}"

REMEMBERED = 2048
"""How many good tokens are remembered with their bearers: a signature costs more than a small query."""


def mint(settings: Settings, *, subject: str, firms: Iterable[int] | None, scopes: Iterable[str], ttl_s: float) -> str:
    """Return a signed token that lives for `ttl_s` seconds; `firms` None is every firm.

    Raises:
        BadInput: a scope is unknown, or the subject is empty.
    """
    wanted = sorted(set(scopes))
    if unknown := sorted(set(wanted) - SCOPES):
        raise BadInput(f"there is no scope {unknown[0]!r}; there are: {', '.join(sorted(SCOPES))}")
    if not subject:
        raise BadInput("a token needs a subject: say who bears it")
    now = datetime.datetime.now(datetime.UTC)
    claims = {
        "sub": subject,
        "firms": ALL_FIRMS if firms is None else sorted(set(firms)),
        "scopes": wanted,
        "iat": now,
        "exp": now + datetime.timedelta(seconds=ttl_s),
        "iss": ISSUER,
        "aud": AUDIENCE,
    }
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm=ALGORITHM)


def read_token(settings: Settings, text: str) -> Principal:
    """Check a token and return its bearer. Tokens that were good are remembered; their `exp` is looked at every time.

    Raises:
        TokenExpired: the signature is good and `exp` has passed.
        Unauthenticated: anything else is wrong with it; the message never quotes the token.
    """
    principal = _verified(settings.jwt_secret.get_secret_value(), text)
    if principal.has_expired(datetime.datetime.now(datetime.UTC)):
        raise TokenExpired(EXPIRED)
    return principal


@lru_cache(REMEMBERED)
def _verified(secret: str, text: str) -> Principal:
    """Return the bearer of a token signed with `secret`; whatever is wrong is raised, and so never remembered."""
    try:
        claims = jwt.decode(
            text,
            secret,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": list(REQUIRED)},
        )
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired(EXPIRED) from error
    except (jwt.InvalidAudienceError, jwt.InvalidIssuerError) as error:
        raise Unauthenticated("the bearer token is for another service (iss or aud)") from error
    except jwt.MissingRequiredClaimError as error:
        raise Unauthenticated(f"the bearer token lacks the claim {error.claim!r}") from error
    except jwt.InvalidSignatureError as error:
        raise Unauthenticated("the bearer token was signed with another JWT_SECRET") from error
    except jwt.PyJWTError as error:
        raise Unauthenticated("the bearer token cannot be read: it must be a JSON Web Token of this service") from error
    return _principal(claims)


def read_authorization(settings: Settings, header: str | None) -> Principal:
    """Return the bearer named by an `Authorization` header: `Bearer`, a space, the token.

    Raises:
        TokenExpired: as `read_token`.
        Unauthenticated: there is no header, it has another scheme, or the token is not good.
    """
    if not header:
        raise Unauthenticated(f"send an Authorization header with a bearer token: {HOW_TO_GET_ONE}")
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("the Authorization header must read `Bearer <token>`")
    return read_token(settings, token.strip())


def _principal(claims: dict[str, Any]) -> Principal:
    firms, scopes = claims["firms"], claims["scopes"]
    if firms != ALL_FIRMS and not (isinstance(firms, list) and all(type(firm) is int for firm in firms)):
        raise Unauthenticated('the bearer token\'s claim firms must be a list of firm ids, or "*"')
    if not (isinstance(scopes, list) and all(isinstance(scope, str) for scope in scopes)):
        raise Unauthenticated("the bearer token's claim scopes must be a list of names")
    try:
        expires_at = datetime.datetime.fromtimestamp(int(claims["exp"]), datetime.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Unauthenticated("the bearer token cannot be read: its claim exp is no time") from error
    return Principal(
        subject=str(claims["sub"]),
        firms=None if firms == ALL_FIRMS else frozenset(firms),
        scopes=frozenset(scopes),
        expires_at=expires_at,
    )
