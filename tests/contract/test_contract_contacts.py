"""Contacts keep the contract of every resource."""

from core.testing.contract import ResourceContract


class TestContact(ResourceContract):
    """People and companies."""

    resource = "contact"
    creates = {"type": "Person", "first_name": "Nova", "last_name": "Example"}
    changes = {"title": "Counsel"}
