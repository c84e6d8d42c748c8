"""Contacts: the people and companies a firm deals with."""
