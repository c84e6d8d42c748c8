"""A plugin whose author forgot something."""

from core.resource import SomethingThatWasNeverThere  # type: ignore[attr-defined]  # the point of this plugin

hookimpl = SomethingThatWasNeverThere
