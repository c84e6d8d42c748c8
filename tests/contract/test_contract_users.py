"""Users keep the contract of every resource."""

from core.testing.contract import ResourceContract


class TestUser(ResourceContract):
    """People who work at the firm; Clio's API creates none, and has no webhook for them."""

    resource = "user"
    changes = {"phone_number": "604-555-0199"}
