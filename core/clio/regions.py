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
    here, there = urlsplit(base), urlsplit(path_or_url)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        raise ClioUnexpectedAnswer(
            f"clio's next page is on {there.scheme}://{there.hostname}, not on the firm's region: not followed"
        )
    return path_or_url
