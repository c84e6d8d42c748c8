"""The pages a user meets while authorizing an application."""

from collections.abc import Iterable
from html import escape

from mock_clio.settings import Application
from mock_clio.store.rows import Row


def _page(title: str, body: str) -> str:
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )


def consent(application: Application, firm: str, users: Iterable[Row], hidden: dict[str, str]) -> str:
    """The question: may this application act for you? Two submit buttons named `decision`."""
    fields = "".join(
        f'<input type=hidden name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items()
    )
    options = "".join(f'<option value="{user["id"]}">{escape(user["name"])}</option>' for user in users)
    asks = "".join(f"<li>{escape(name)}: {escape(access)}" for name, access in sorted(application.permissions.items()))
    return _page(
        f"Authorize {application.name}",
        f"<p>{escape(application.name)} asks for access to {escape(firm)}:</p><ul>{asks}</ul>"
        f'<form method=post action="/oauth/authorize">{fields}'
        f"<label>Sign in as <select name=user_id>{options}</select></label>"
        "<button name=decision value=approve>Allow access</button>"
        "<button name=decision value=decline>Decline</button></form>",
    )


def declined(application: Application) -> str:
    """Where a user who declined stays when the application did not ask to hear of it."""
    return _page("Access declined", f"<p>{escape(application.name)} has no access.</p>")


def refused(reason: str) -> str:
    """An authorization request too wrong to send anybody anywhere."""
    return _page("The authorization request is not valid", f"<p>{escape(reason)}</p>")


def approval(code: str | None, error: str | None) -> str:
    """The out-of-band page: the code is in its URL and its title."""
    if code:
        return _page(f"Success code={code}", "<p>Copy the code from the title into your application.</p>")
    return _page(f"Denied error={error or 'invalid_request'}", "<p>No access was granted.</p>")
