"""Bearer tokens: what is minted is read back, and nothing else is taken."""

import base64
import datetime
import json
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from core.auth.principal import Principal
from core.auth.tokens import REMEMBERED, _verified, mint, read_authorization, read_token
from core.errors import BadInput, Forbidden, TokenExpired, Unauthenticated
from core.settings import Settings

SECRET = "a signing key of at least thirty-two characters"
SETTINGS = Settings(
    clio_client_id="id",
    clio_client_secret=SecretStr("secret"),
    jwt_secret=SecretStr(SECRET),
    encryption_keys=SecretStr(f"test:{base64.b64encode(bytes(32)).decode()}"),
)


def forged(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    now = datetime.datetime.now(datetime.UTC)
    claims = {
        "sub": "somebody",
        "firms": [1],
        "scopes": ["read"],
        "iat": now,
        "exp": now + datetime.timedelta(minutes=5),
        "iss": "clio-service",
        "aud": "clio-service",
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, secret, algorithm=algorithm)


def test_a_token_is_read_back_as_it_was_minted() -> None:
    principal = read_token(SETTINGS, mint(SETTINGS, subject="ada", firms=[3, 1], scopes=["read", "write"], ttl_s=60))
    assert (principal.subject, principal.firms, principal.scopes) == (
        "ada",
        frozenset({1, 3}),
        frozenset({"read", "write"}),
    )
    left = principal.expires_at - datetime.datetime.now(datetime.UTC)
    assert 50 < left.total_seconds() <= 60


def test_all_firms_are_a_star_in_the_claims_and_none_in_the_principal() -> None:
    token = mint(SETTINGS, subject="ada", firms=None, scopes=["admin"], ttl_s=60)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["firms"] == "*"
    assert read_token(SETTINGS, token).firms is None


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("nonsense", "cannot be read"),
        ("", "cannot be read"),
        (forged("another signing key of at least 32 characters"), "another JWT_SECRET"),
        (forged("", algorithm="none"), "cannot be read"),
        (forged(aud="another"), "another service"),
        (forged(iss="another"), "another service"),
        (forged(firms=None), "'firms'"),
        (forged(exp=None), "'exp'"),
        (forged(firms="1"), "claim firms"),
        (forged(firms=[True]), "claim firms"),
        (forged(scopes="read"), "claim scopes"),
        (forged(exp=10**30), "cannot be read"),
    ],
)
def test_what_is_not_a_good_token_is_refused_and_not_quoted(token: str, said: str) -> None:
    with pytest.raises(Unauthenticated, match=said) as caught:
        read_token(SETTINGS, token)
    assert caught.value.code == "UNAUTHENTICATED"
    assert not token or token not in str(caught.value)


def test_an_expired_token_says_that_it_expired() -> None:
    with pytest.raises(TokenExpired, match="has expired: mint one"):
        read_token(SETTINGS, mint(SETTINGS, subject="ada", firms=[1], scopes=["read"], ttl_s=-1))


def test_minting_refuses_a_scope_that_is_not_there() -> None:
    with pytest.raises(BadInput, match="no scope 'root'"):
        mint(SETTINGS, subject="ada", firms=[1], scopes=["root"], ttl_s=60)
    with pytest.raises(BadInput, match="subject"):
        mint(SETTINGS, subject="", firms=[1], scopes=["read"], ttl_s=60)


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Bearer", "Bearer  "])
def test_a_header_must_be_a_bearer_token(header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        read_authorization(SETTINGS, header)


def test_the_scheme_of_the_header_may_be_in_any_case() -> None:
    assert read_authorization(SETTINGS, f"bearer {forged()}").subject == "somebody"


def bearer(firms: frozenset[int] | None, *scopes: str) -> Principal:
    expires_at = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
    return Principal(subject="ada", firms=firms, scopes=frozenset(scopes), expires_at=expires_at)


def test_scopes_are_asked_for_by_name_and_admin_has_all() -> None:
    bearer(None, "read").require_scope("read")
    bearer(None, "admin").require_scope("write")
    with pytest.raises(Forbidden, match="'write' and has: read"):
        bearer(None, "read").require_scope("write")


def test_firms_are_narrowed_and_never_widened() -> None:
    assert bearer(frozenset({1, 2})).allowed_firms(None) == frozenset({1, 2})
    assert bearer(frozenset({1, 2})).allowed_firms(2) == frozenset({2})
    assert bearer(None).allowed_firms(None) is None
    assert bearer(None).allowed_firms(9) == frozenset({9})
    assert bearer(frozenset()).allowed_firms(None) == frozenset()
    with pytest.raises(Forbidden, match="firm 3"):
        bearer(frozenset({1, 2})).allowed_firms(3)


def test_a_token_expires_at_its_time() -> None:
    principal = bearer(None)
    assert principal.has_expired(principal.expires_at)
    assert not principal.has_expired(principal.expires_at - datetime.timedelta(seconds=1))


def test_a_token_that_was_good_is_not_good_for_longer_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    token = mint(SETTINGS, subject="ada", firms=[1], scopes=["read"], ttl_s=60)
    assert read_token(SETTINGS, token) is read_token(SETTINGS, token)
    late = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=61)
    monkeypatch.setattr(Principal, "has_expired", lambda self, _now: self.expires_at <= late)
    with pytest.raises(TokenExpired):
        read_token(SETTINGS, token)


def test_a_token_that_was_good_is_not_good_under_another_secret() -> None:
    token = mint(SETTINGS, subject="ada", firms=[1], scopes=["read"], ttl_s=60)
    read_token(SETTINGS, token)
    rotated = SETTINGS.model_copy(update={"jwt_secret": SecretStr("another signing key of thirty-two characters")})
    with pytest.raises(Unauthenticated, match="another JWT_SECRET"):
        read_token(rotated, token)
    assert read_token(SETTINGS, token).subject == "ada"


def test_what_is_remembered_is_bounded() -> None:
    assert _verified.cache_parameters()["maxsize"] == REMEMBERED
    before = _verified.cache_info().currsize
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            read_token(SETTINGS, "nonsense")
    assert _verified.cache_info().currsize == before
