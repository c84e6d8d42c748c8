"""The tables of history: every change of a record, the chain that proves it, and what keeps it from being purged."""

from piccolo.columns import JSON, JSONB, BigInt, BigSerial, Bytea, Text, Timestamptz, Varchar
from piccolo.constraints import Unique

from core.db.dialect import PostgresTable


class Change(PostgresTable, tablename="change"):
    """One change of one mirrored record, written in the statement that made it."""

    id = BigSerial(primary_key=True)
    firm = BigInt()
    resource = Varchar(length=64)
    clio_id = BigInt()
    operation = Varchar(length=16, help_text="created | updated | deleted | hidden | unknown | restored")
    seen_at = Timestamptz(help_text="when the request or delivery that told of it began")
    committed_in = BigInt(help_text="pg_current_xact_id(): a reader stops at the oldest one still open")
    source = Varchar(length=16, help_text="backfill | incremental | reconcile | webhook")
    etag = Text(null=True, default=None)
    before = JSONB(null=True, default=None, help_text="changed columns before; null for a created record")
    after = JSON(null=True, default=None, help_text="changed columns after; null for a deleted record")
    recorded_at = Timestamptz(help_text="when the transaction that wrote it began")
    clio_updated_at = Timestamptz(null=True, default=None, help_text="when Clio says that it changed the record")
    run = BigInt(null=True, default=None, help_text="sync_run.id of the page that told of it")
    evidence = JSONB(null=True, default=None, help_text="what moved the presence: who was asked, and what was answered")


class HistorySeal(PostgresTable, tablename="history_seal"):
    """One link of a firm's chain: changes that are sealed, or a purge, a legal hold or its release."""

    id = BigSerial(primary_key=True)
    firm = BigInt()
    number = BigInt(help_text="from 1, without a gap, within the firm")
    kind = Varchar(length=16, help_text="changes | purge | hold | release")
    until_committed_in = BigInt(help_text="with `until_id`: every change of the firm up to here is in the chain")
    until_id = BigInt()
    changes = BigInt(default=0, help_text="how many were sealed, or purged")
    recorded_until_at = Timestamptz(null=True, default=None, help_text="latest recorded_at of the sealed changes")
    digest = Bytea(null=True, default=None, help_text="sha256 over the sha256 of each sealed change, in order")
    purged_through = BigInt(null=True, default=None, help_text="of a purge: the last number that is gone")
    purged_committed_in = BigInt(null=True, default=None, help_text="with `purged_id`: the last change that is gone")
    purged_id = BigInt(null=True, default=None)
    reason = Text(null=True, default=None, help_text="of a purge, a hold or a release")
    sealed_at = Timestamptz()
    previous = Bytea(help_text="hash of the link before it; zeros before the first")
    hash = Bytea(help_text="sha256 of all of the above, see core.history.chain")
    key_id = Text(help_text="which of ENCRYPTION_KEYS the key of `mac` is derived from")
    mac = Bytea(help_text="HMAC-SHA-256 of `hash`")
    history_seal_firm_number = Unique(["firm", "number"])


class HistoryProgress(PostgresTable, tablename="history_progress"):
    """One row: how far all firms are sealed. Whoever adds to a chain, holds or purges has it locked."""

    id = BigSerial(primary_key=True)
    committed_in = BigInt(default=0)
    change = BigInt(default=0, help_text="change.id")
    turned_at = Timestamptz(help_text="when some worker last sealed")


class LegalHold(PostgresTable, tablename="legal_hold"):
    """An order that nothing of a firm's history and deliveries is purged, from `placed_at` until `released_at`."""

    id = BigSerial(primary_key=True)
    firm = BigInt()
    reason = Text()
    placed_by = Text(help_text="subject of the token, or what the command was told")
    placed_at = Timestamptz()
    released_by = Text(null=True, default=None)
    released_at = Timestamptz(null=True, default=None)
    release_reason = Text(null=True, default=None)
