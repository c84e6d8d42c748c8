"""Documents read and validated once: the same text is the same document for every subscriber."""

from collections import OrderedDict

from graphql import DocumentNode, GraphQLError, parse, specified_rules, validate
from strawberry.schema.base import BaseSchema

from schema.limits import MOST_TOKENS, CostRule
from schema.live.selection import Refused

MOST_KEPT = 512
LONGEST_KEPT = 20_000
"""Longer texts, in characters, are validated each time, so that what is kept stays small."""


class Documents:
    """The documents of one schema; refuses what the HTTP transport refuses."""

    def __init__(self, schema: BaseSchema) -> None:
        self._schema = schema._schema  # type: ignore[attr-defined]  # noqa: SLF001 - strawberry has no other way to it
        self._kept: OrderedDict[str, DocumentNode] = OrderedDict()

    def read(self, text: str) -> DocumentNode:
        """Return a valid document.

        Raises:
            Refused: it is no GraphQL, too long, too deep, or does not fit the schema.
        """
        if (kept := self._kept.get(text)) is not None:
            self._kept.move_to_end(text)
            return kept
        try:
            document = parse(text, max_tokens=MOST_TOKENS)
            errors = validate(self._schema, document, [*specified_rules, CostRule])
        except GraphQLError as error:
            raise Refused([error]) from error
        except RecursionError as error:
            raise Refused([GraphQLError(str(error), original_error=error)]) from error
        if errors:
            raise Refused(errors)
        if len(text) <= LONGEST_KEPT:
            self._kept[text] = document
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return document
