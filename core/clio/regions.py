"""Clio's four regions. They share nothing: a token or client id of one is refused by the others.

Source: Clio API, regions.
"""

from urllib.parse import urlsplit

from core.errors import ClioUnexpectedAnswer
from core.settings import Region, Settings

HOSTS: dict[Region, str] = {
    "us": "https://app.clio.com",
    "ca": "https://ca.app.clio.com",
    "eu": "https://eu.app.clio.com",
    "au": "https://au.app.clio.com",
}

REGION_NAMES: dict[str, Region] = {"us": "us", "ca": "ca", "eu": "eu", "au": "au"}
"""Text, as it stands in a row, to region."""

API_PATH = "/api/v4"


def base_url(settings: Settings, region: Region) -> str:
    """Return scheme and host of a region, or of `CLIO_BASE_URL`; no trailing slash."""
    return str(settings.clio_base_url).rstrip("/") if settings.clio_base_url else HOSTS[region]


def pinned_url(base: str, path_or_url: str) -> str:
    """Return the full address of a path below `/api/v4`, or of a whole URL that Clio gave us.

    Raises:
        ClioUnexpectedAnswer: the URL leads to another scheme or host, which must never see the token.
    """
    if not path_or_url.startswith(("http://", "https://")):
        return f"{base}{API_PATH}/{path_or_url}"
    if _origin(path_or_url) != _origin(base):
        raise ClioUnexpectedAnswer("clio's next page is not on the host of the firm's region: not followed")
    return path_or_url


def _origin(url: str) -> tuple[str, str] | None:
    """Scheme and host, with port and user where there are any; None for what is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.scheme, parts.netloc
