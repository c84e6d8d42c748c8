"""A bounded mapping: what was used last stays."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Latest(Generic[Key, Value]):
    """The values used last: at most `most`, and together of at most `most_weight`, where they have one."""

    def __init__(self, most: int, *, most_weight: int | None = None) -> None:
        self._most = most
        self._most_weight = most_weight
        self._weight = 0
        self._kept: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: Key) -> Value | None:
        """Return a value and count it as used; None where it is not there."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def keep(self, key: Key, value: Value, *, weight: int = 0) -> None:
        """Keep a value, and drop those that were not used the longest; one that is too heavy alone is not kept."""
        if self._most_weight is not None and weight > self._most_weight:
            return
        if key in self._kept:
            self._weight -= self._kept.pop(key)[1]
        self._kept[key] = value, weight
        self._weight += weight
        while len(self._kept) > self._most or self._weight > (self._most_weight or self._weight):
            _, (_, dropped) = self._kept.popitem(last=False)
            self._weight -= dropped
