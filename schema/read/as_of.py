"""Reading as of an instant: SQL is put below common table expressions that stand in for the tables it names.

A name in FROM means a common table expression before it means a table, however deep. So whatever SQL was written for
the present, a plugin's included, reads the past unchanged once every table it names has its stand-in:

- `<table>`: the rows of a mirror table as they were, which are those of the next two;
- `<table>#unchanged`: rows without a change since, as they are, so that every index serves;
- `<table>#changed`: the others, restored once for the statement, without those that were created since;
- `<table>#row`: all of them once more, restored one by one, to be looked up by firm and number (`by_key`);
- `change`: the changes that were recorded by then.

A row is restored from its latest state: a column that a change since has touched holds what it did before the earliest
of these. The changes of one record are numbered in the order in which they were written. A stand-in that a statement
does not use costs nothing, and SQL that names a table without one is refused.
"""

import datetime
import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.db import history_tables
from core.errors import AsOfUnsupported, BadInput
from core.resource import Resource
from schema.read.listing import Listing
from schema.read.parameters import Parameters, firms_condition

_BY_KEY = "/*by key*/"
_PARTS = ("row", "changed", "unchanged", "")
"""The stand-ins of a mirror table; the last names the two before it, and the others the table itself."""

_CHANGE = str(history_tables.Change._meta.tablename)  # noqa: SLF001 - Piccolo has no public way to ask

_TEXT = r"'(?:[^']|'')*'"
_WORDS = re.compile(rf"(?i){_TEXT}|\bAS\s+(?:\"[^\"]*\"|\w+)|\"([^\"]*)\"|(?<![\w.$])([a-z_]\w*)")
_SOURCES = re.compile(
    rf"(?i){_TEXT}|\bDISTINCT\s+FROM\b|\b(?:FROM|JOIN)\s+(?:LATERAL\b|\"?([a-z_]\w*)(?!\w|\s*[(#])(\.?))"
)
_ALIASES = re.compile(r"(?i)\bAS\s+([a-z_]\w*)")
_EXPRESSIONS = re.compile(r"(?i)([a-z_]\w*)\s*(?:\([^()]*\)\s*)?\bAS\s+(?:NOT\s+)?(?:MATERIALIZED\s*)?\(")


def by_key(table: str) -> str:
    """Return the name of a mirror table, for SQL that looks its rows up by firm and Clio id and no other way.

    As of an instant only the changes of these rows are then read. Without, it is the table itself.
    """
    return f"{table}{_BY_KEY}"


def parts_of(table: str) -> tuple[str, str]:
    """Return the two stand-ins that together are a mirror table: the rows without a change since, and the others."""
    return f'"{table}#unchanged"', f'"{table}#changed"'


def check_instant(at: datetime.datetime) -> None:
    """Refuse an instant of which nobody can tell.

    Raises:
        BadInput: it is in the future.
    """
    if at > datetime.datetime.now(datetime.UTC):
        raise BadInput("asOf is in the future: pass an instant that has passed, or leave it out for the present")


class AsOf:
    """One instant in one statement, within the caller's firms."""

    def __init__(self, at: datetime.datetime, firms: frozenset[int] | None, parameters: Parameters) -> None:
        self._at = at
        self._firms = firms
        self._parameters = parameters

    @functools.cached_property
    def instant(self) -> str:
        """The instant as SQL."""
        return self._parameters.add(self._at, "timestamptz")

    def within(self, alias: str) -> str:
        """Return the condition that a row of an alias is of the caller's firms; all that is read carries it."""
        return firms_condition(f"{alias}.firm", self._firms, self._parameters)

    def since(self, resource: Resource, alias: str) -> str:
        """Return the condition that a row of `change` is one of a resource, recorded since the instant."""
        return f"{self.within(alias)} AND {alias}.resource = '{resource.name}' AND {alias}.recorded_at > {self.instant}"

    def changed_since(self, resource: Resource, alias: str, number: str = "clio_id") -> str:
        """Return the condition that a record changed since; a column of the alias holds its Clio id."""
        return (
            f"EXISTS (SELECT FROM {_CHANGE} AS c WHERE {self.since(resource, 'c')}"
            f" AND c.firm = {alias}.firm AND c.clio_id = {alias}.{number})"
        )


@dataclass(frozen=True, kw_only=True)
class AsOfTable:
    """A table that a plugin keeps beside those of its resources, as it was at an instant.

    `sql` writes a SELECT of all of its columns, in their order, from the mirror tables, whose names mean what they were
    then; only the table's own name means the table as it is. Without one, SQL that names the table is refused.
    """

    name: str
    sql: Callable[[AsOf], str]


class AsOfTables:
    """Every table of one schema that can be read as of an instant.

    `plugins` are the names of those loaded: what begins with one is a plugin's own table or function.
    """

    def __init__(self, resources: Iterable[Resource], declared: Iterable[AsOfTable], plugins: Iterable[str]) -> None:
        self._resources = {each.table_name: each for each in resources}
        self._declared = {each.name: each for each in declared}
        self._prefixes = tuple(f"{each}_" for each in plugins)

    def put_below(self, text: str, as_of: AsOf) -> str:
        """Return a statement that begins with SELECT below the stand-ins of the tables it names.

        Raises:
            AsOfUnsupported: it names what has no history.
        """
        text = _rows_by_key(text)
        found: dict[str, str] = {}
        self._collect(self._checked(text), found, as_of)
        if _CHANGE in _names(text):
            found[_CHANGE] = f"SELECT * FROM {_CHANGE} AS c WHERE c.recorded_at <= {as_of.instant}"
        if not found:
            return text
        ordered = sorted(found, key=self._place)
        stand_ins = (f'"{name}" AS {_how(name)} ({found[name]})' for name in ordered)
        return f"WITH {', '.join(stand_ins)} {text}"

    def has_history(self, listing: Listing) -> bool:
        """Tell whether the rows of a listing can be read as of an instant."""
        return _sources(f"FROM {listing.table}") <= {*self._resources, *self._declared, _CHANGE}

    def _place(self, name: str) -> int:
        """Return where a stand-in stands: a name means the stand-in from there on, and the table before."""
        return 0 if "#" in name else 1 if name in self._resources else 2 if name in self._declared else 3

    def _checked(self, text: str) -> frozenset[str]:
        """Return the names in SQL; none is of a table that nothing stands in for, or of a plugin's own function."""
        names = _names(text)
        for name in sorted(_sources(text) | {each for each in names if each.startswith(self._prefixes)}):
            if name.partition("#")[0] not in self._resources and name not in {*self._declared, _CHANGE}:
                raise AsOfUnsupported(name.partition("#")[0])
        return names

    def _collect(self, names: frozenset[str], found: dict[str, str], as_of: AsOf) -> None:
        """Add the stand-ins of the tables among some names, each after those that it names itself."""
        for name in sorted(names - found.keys()):
            table, _, part = name.partition("#")
            if table in self._resources and part in _PARTS:
                _add_mirrored(self._resources[table], part, found, as_of)
            elif name in self._declared:
                sql = _rows_by_key(self._declared[name].sql(as_of))
                self._collect(_names(sql) - {name}, found, as_of)
                found[name] = sql


def _rows_by_key(text: str) -> str:
    return re.sub(rf"\b(\w+){re.escape(_BY_KEY)}", r'"\1#row"', text)


def _how(name: str) -> str:
    return "MATERIALIZED" if name.endswith("#changed") else "NOT MATERIALIZED"


@functools.lru_cache(maxsize=256)
def _names(text: str) -> frozenset[str]:
    """Return every name in SQL that may be a table's or a function's; not columns of an alias, nor what AS gives."""
    return frozenset(quoted or plain.lower() for quoted, plain in _WORDS.findall(text) if quoted or plain)


@functools.lru_cache(maxsize=256)
def _sources(text: str) -> frozenset[str]:
    """Return the names after FROM and JOIN of what is no function, no expression of the SQL's own, no row's column."""
    aliases = {name.lower() for name in _ALIASES.findall(text)}
    named = {name.lower() for name, dot in _SOURCES.findall(text) if name and not (dot and name.lower() in aliases)}
    return frozenset(named - {name.lower() for name in _EXPRESSIONS.findall(text)})


def _add_mirrored(resource: Resource, part: str, found: dict[str, str], as_of: AsOf) -> None:
    table = resource.table_name
    parts = ("changed", "unchanged", "") if part == "" else (part,)
    made = {"row": _row_sql, "changed": _changed_sql, "unchanged": _unchanged_sql, "": _whole_sql}
    for each in parts:
        found.setdefault(f"{table}#{each}" if each else table, made[each](resource, as_of))


def _whole_sql(resource: Resource, _as_of: AsOf) -> str:
    return " UNION ALL ".join(f"SELECT * FROM {part}" for part in parts_of(resource.table_name))


def _unchanged_sql(resource: Resource, as_of: AsOf) -> str:
    columns = ", ".join(f"s.{name}" for name in resource.columns)
    return (
        f"SELECT {columns} FROM {resource.table_name} AS s"
        f" WHERE {as_of.within('s')} AND NOT {as_of.changed_since(resource, 's')}"
    )


_BEFORE = "jsonb_object_agg(e.key, e.value ORDER BY c.id DESC) FILTER (WHERE e.key IS NOT NULL)"
"""Of each column the value before the earliest change that touched it: of equal keys the last one stays."""

_CHANGES = f"{_CHANGE} AS c LEFT JOIN LATERAL jsonb_each(c.before) AS e ON true"


def _changed_sql(resource: Resource, as_of: AsOf) -> str:
    return (
        f"SELECT {_restored(resource, _seen_sql(resource, as_of))} FROM ("
        f"SELECT c.firm, c.clio_id, {_BEFORE} AS before FROM {_CHANGES} WHERE {as_of.since(resource, 'c')}"
        " GROUP BY c.firm, c.clio_id HAVING NOT bool_or(c.operation = 'created')"
        f") AS o JOIN {resource.table_name} AS s ON {as_of.within('s')} AND s.firm = o.firm AND s.clio_id = o.clio_id"
        f" {_RESTORING}"
    )


def _row_sql(resource: Resource, as_of: AsOf) -> str:
    seen = f"CASE o.changes WHEN 0 THEN s.seen_at ELSE {_seen_sql(resource, as_of)} END"
    return (
        f"SELECT {_restored(resource, seen)} FROM {resource.table_name} AS s CROSS JOIN LATERAL ("
        f"SELECT {_BEFORE} AS before, bool_or(c.operation = 'created') AS created, count(*) AS changes FROM {_CHANGES}"
        f" WHERE {as_of.since(resource, 'c')} AND c.firm = s.firm AND c.clio_id = s.clio_id"
        f") AS o {_RESTORING} WHERE {as_of.within('s')} AND o.created IS NOT TRUE"
    )


_RESTORING = "CROSS JOIN LATERAL jsonb_populate_record(s, coalesce(o.before, '{}')) AS r"


def _restored(resource: Resource, seen: str) -> str:
    """Return the columns of a restored row; those that never change are of the row as it is, which has the indexes."""
    kept = ("id", "firm", "clio_id")
    return ", ".join(
        f"{seen} AS seen_at" if name == "seen_at" else f"{'s' if name in kept else 'r'}.{name}"
        for name in resource.columns
    )


def _seen_sql(resource: Resource, as_of: AsOf) -> str:
    """Return when a changed row was last seen, which no change says of what was before it.

    It is that of the latest change by then; where that was purged, the instant itself, which is later.
    """
    return (
        f"coalesce((SELECT c.seen_at FROM {_CHANGE} AS c WHERE c.firm = s.firm AND c.resource = '{resource.name}'"
        f" AND c.clio_id = s.clio_id AND c.recorded_at <= {as_of.instant} ORDER BY c.id DESC LIMIT 1), {as_of.instant})"
    )
