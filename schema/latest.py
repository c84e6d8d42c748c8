"""A bounded mapping: what was used last stays."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Latest(OrderedDict[Key, Value], Generic[Key, Value]):
    """A mapping of the keys used last, at most `most`."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def find(self, key: Key) -> Value | None:
        """Return a value and count it as used; None where it is not there."""
        found = self.get(key)
        if found is not None:
            self.move_to_end(key)
        return found

    def keep(self, key: Key, value: Value) -> None:
        """Keep a value, and drop that which was not used the longest."""
        self[key] = value
        if len(self) > self._most:
            self.popitem(last=False)
