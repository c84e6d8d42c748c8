"""The tables core owns. Clio's records live in the plugins' tables; here is what the service knows about itself."""

from piccolo.columns import (
    JSONB,
    BigInt,
    BigSerial,
    Boolean,
    Bytea,
    DoublePrecision,
    Integer,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.constraints import Unique

from core.db.dialect import PostgresTable
from core.db.history_tables import Change, HistoryProgress, HistorySeal, LegalHold


class Firm(PostgresTable, tablename="firm"):
    """A law firm: one Clio account in one region."""

    id = BigSerial(primary_key=True)
    region = Varchar(length=2, help_text="us | ca | eu | au: regions share nothing")
    clio_account_id = BigInt(help_text="account.id of who_am_i")
    name = Text(default="", help_text="account.name of who_am_i")
    state = Varchar(length=16, default="connected", help_text="connected | grant_dead | disconnected")
    created_at = Timestamptz()
    history_from_at = Timestamptz(
        null=True, default=None, help_text="what was changed before this was purged; null: nothing was"
    )
    paused_at = Timestamptz(null=True, default=None, help_text="since when no run of it is started; null unless paused")
    pause_reason = Text(null=True, default=None, help_text="what whoever paused it said")
    quiet_from = Varchar(length=5, null=True, default=None, help_text="time of day, HH:MM; null without quiet hours")
    quiet_until = Varchar(length=5, null=True, default=None, help_text="time of day, HH:MM; may be after midnight")
    quiet_time_zone = Text(null=True, default=None, help_text="as the IANA names it, such as America/New_York")
    rests_from = Timestamptz(null=True, default=None, help_text="when the quiet hours that go on or come next begin")
    rests_until = Timestamptz(null=True, default=None, help_text="when they end; from then on the next ones are due")
    awake_since = Timestamptz(null=True, default=None, help_text="when it was last resumed, or quiet hours ended")
    turn_at = Timestamptz(null=True, default=None, help_text="when a worker last took up a run of it")
    firm_region_account = Unique(["region", "clio_account_id"])


class OAuthState(PostgresTable, tablename="oauth_state"):
    """A `state` handed to a browser, good for one callback within ten minutes."""

    id = BigSerial(primary_key=True)
    state = Varchar(length=64, unique=True, help_text="sha256, hex: the value itself is never stored")
    region = Varchar(length=2)
    created_at = Timestamptz()


class OAuthToken(PostgresTable, tablename="oauth_token"):
    """The firm's grant at Clio; `version` counts writes, so that a refresh is a compare-and-swap."""

    id = BigSerial(primary_key=True)
    firm = BigInt(unique=True)
    access_token = Bytea(help_text="envelope of core.db.cipher")
    refresh_token = Bytea(help_text="envelope of core.db.cipher")
    expires_at = Timestamptz()
    clio_user_id = BigInt(help_text="the user whose permissions bound what the mirror can see")
    version = Integer(default=1)
    refreshed_at = Timestamptz()
    rights = JSONB(null=True, default=None, help_text="what Clio last told of the user's rights")
    rights_at = Timestamptz(null=True, default=None, help_text="when they were last looked at")


class OAuthRevocation(PostgresTable, tablename="oauth_revocation"):
    """A grant of a disconnected firm that Clio has not taken back yet."""

    id = BigSerial(primary_key=True)
    firm = BigInt()
    region = Varchar(length=2)
    access_token = Bytea(help_text="envelope of core.db.cipher")
    expires_at = Timestamptz(help_text="when the token ends by itself")
    not_before_at = Timestamptz(help_text="a failed attempt waits until then")


class AccessFinding(PostgresTable, tablename="access_finding"):
    """Something that the connected user may no longer see, or a user whose rights changed; open until `resolved_at`."""

    id = BigSerial(primary_key=True)
    firm = BigInt()
    resource = Varchar(length=64, null=True, default=None, help_text="null where it is about the user")
    kind = Varchar(length=16, help_text="forbidden | fewer | user_changed | rights_changed")
    found_at = Timestamptz()
    seen_at = Timestamptz(help_text="when it was last found")
    resolved_at = Timestamptz(null=True, default=None)
    details = JSONB(help_text="before and after, or the run that met it")


class SyncRun(PostgresTable, tablename="sync_run"):
    """One run of one resource of one firm. The row is the truth; arq only wakes workers."""

    id = BigSerial(primary_key=True)
    firm = BigInt()
    resource = Varchar(length=64)
    kind = Varchar(length=16, help_text="backfill | incremental | reconcile")
    state = Varchar(
        length=16,
        default="queued",
        help_text="queued | running | throttled | succeeded | partial | failed | cancelled",
    )
    next_url = Text(
        null=True,
        default=None,
        help_text="the page to read next; null before the first page, empty after the last; with `offset`, a window",
    )
    since_at = Timestamptz(null=True, default=None, help_text="updated_since of an incremental run")
    high_water_at = Timestamptz(null=True, default=None, help_text="when the first page was asked for")
    pages = Integer(default=0)
    records_total = Integer(null=True, default=None, help_text="meta.records of the latest page; null where not told")
    records_seen = Integer(default=0)
    records_created = Integer(default=0)
    records_updated = Integer(default=0)
    attempt = Integer(default=0, help_text="times a worker took the run up")
    failures = Integer(default=0, help_text="failures in a row without a page between them")
    lease_owner = Varchar(length=64, null=True, default=None)
    lease_until = Timestamptz(null=True, default=None)
    not_before_at = Timestamptz(help_text="a failed or throttled attempt waits until then")
    cancel_requested = Boolean(default=False)
    error_code = Varchar(length=64, null=True, default=None)
    error_message = Text(null=True, default=None)
    created_at = Timestamptz()
    started_at = Timestamptz(null=True, default=None)
    heartbeat_at = Timestamptz(null=True, default=None)
    finished_at = Timestamptz(null=True, default=None)
    fields = Text(null=True, default=None, help_text="what the run asks Clio for")
    approves = BigInt(null=True, default=None, help_text="the reconcile run whose held records it asks Clio for")
    plan = Text(null=True, default=None, help_text="how the list is read; see core.sync.planner")
    read_to = BigInt(default=0, help_text="the highest Clio id read so far")
    requests = Integer(default=0, help_text="requests that Clio was sent for it, failed ones and repetitions included")
    allowed_per_minute = Integer(null=True, default=None, help_text="Clio's limit when the reading was planned")
    cancelled_by = Text(null=True, default=None, help_text="who asked for its end")
    by_hand = Boolean(default=False, help_text="a person asked for it: quiet hours do not hold it up")


class SyncCursor(PostgresTable, tablename="sync_cursor"):
    """How far each resource of a firm has been read; written only by a run that succeeded."""

    id = BigSerial(primary_key=True)
    firm = BigInt()
    resource = Varchar(length=64)
    high_water_at = Timestamptz(help_text="all that Clio changed before this is in the mirror")
    backfilled_at = Timestamptz(null=True, default=None)
    fields = Text(null=True, default=None, help_text="what the last backfill asked for; another wish wants another one")
    pace = DoublePrecision(
        default=1.0, help_text="times the usual interval: less where polls find much, more where nothing"
    )
    interval_s = DoublePrecision(null=True, default=None, help_text="time between polls, as last looked at")
    next_at = Timestamptz(null=True, default=None, help_text="when it is polled next, as last looked at")
    reason = Varchar(
        length=16, null=True, default=None, help_text="busy | steady | idle | covered | failed: why that often"
    )
    look_at = Timestamptz(help_text="when the sweeper looks at it again: at `next_at`, or in a few minutes")
    sync_cursor_firm_resource = Unique(["firm", "resource"])


class ReconciliationReport(PostgresTable, tablename="reconciliation_report"):
    """What one reconcile run found and did; its counters move in the statement that does what they count."""

    id = BigSerial(primary_key=True)
    run = BigInt(unique=True, help_text="sync_run.id")
    firm = BigInt()
    resource = Varchar(length=64)
    started_at = Timestamptz()
    finished_at = Timestamptz(null=True, default=None)
    listed = Integer(default=0, help_text="records that Clio listed")
    missing = Integer(default=0, help_text="listed, and not present in the mirror")
    stale = Integer(default=0, help_text="listed as newer than the mirror has it")
    extra = Integer(default=0, help_text="present in the mirror, and not listed")
    repaired = Integer(default=0, help_text="missing and stale records that were read again and written")
    deleted = Integer(default=0, help_text="records that Clio answered 404 to")
    hidden = Integer(default=0, help_text="records that Clio answered 403 to, or redacted")
    unknown = Integer(default=0, help_text="records that were not asked for, because too many were gone at once")
    requests = Integer(default=0, help_text="answers of Clio that the run took")
    covered_to = BigInt(default=0, help_text="the Clio id up to which the list was compared")
    listed_at = Timestamptz(null=True, default=None, help_text="when the last page was compared")
    kept = Integer(default=0, help_text="records that Clio does not list, and answered for all the same")
    held = Integer(default=0, help_text="records that were gone, too many at once, and still wait for approval")
    held_at = Timestamptz(null=True, default=None, help_text="when they were held; null where nothing was")
    decision = Varchar(length=16, null=True, default=None, help_text="approved | rejected")
    decided_at = Timestamptz(null=True, default=None)
    decided_by = Text(null=True, default=None, help_text="subject of the token, or user of the command line")
    from_at = Timestamptz(null=True, default=None, help_text="Clio's time when the list was first asked for")
    until_at = Timestamptz(null=True, default=None, help_text="Clio's time when the roots were taken")
    root = Varchar(length=64, null=True, default=None, help_text="of the mirror, hexadecimal (core.mirror.root)")
    clio_root = Varchar(length=64, null=True, default=None, help_text="of Clio's list, as this run was told it")
    differing = Integer(null=True, default=None, help_text="records that make the two roots differ")
    unexplained = Integer(null=True, default=None, help_text="of those, what nothing that happened meanwhile explains")
    presences = JSONB(null=True, default=None, help_text="rows of the mirror by presence")
    coverage = JSONB(null=True, default=None, help_text="intervals and holes of the ledger when the run ended")
    samples = JSONB(default="[]", help_text="the first findings of each kind and what became of each")


class ReconciliationFinding(PostgresTable, tablename="reconciliation_finding"):
    """A record that a reconcile run found to differ: still to be settled, held for approval, or asked for already."""

    id = BigSerial(primary_key=True)
    run = BigInt()
    clio_id = BigInt()
    kind = Varchar(length=8, help_text="missing | stale | extra | approved (was held by another run) | held | asked")
    seen_at = Timestamptz(help_text="when the page that told of it was asked for")
    reconciliation_finding_run_clio_id = Unique(["run", "clio_id"])


class ReconciliationPage(PostgresTable, tablename="reconciliation_page"):
    """A range of Clio's list as a reconcile run was told it; kept until the run ends."""

    id = BigSerial(primary_key=True)
    run = BigInt()
    up_to = BigInt(help_text="the Clio id up to which it covers")
    listed = Text(help_text="JSON: clio_id, etag, clio_updated_at")
    reconciliation_page_run_up_to = Unique(["run", "up_to"])


class Tombstone(PostgresTable, tablename="tombstone"):
    """A deletion told of a record that the mirror did not have; a page read before it must not bring it in."""

    id = BigSerial(primary_key=True)
    firm = BigInt()
    resource = Varchar(length=64)
    clio_id = BigInt()
    seen_at = Timestamptz(help_text="when the request or delivery that told of it began")
    evidence = JSONB()
    source = Varchar(length=16, help_text="of the change that it becomes, should the record turn up: see change")
    tombstone_firm_resource_clio_id = Unique(["firm", "resource", "clio_id"])


class WebhookEndpoint(PostgresTable, tablename="webhook_endpoint"):
    """One subscription at Clio, for one model of one firm, with an address of its own."""

    id = BigSerial(primary_key=True)
    firm = BigInt()
    resource = Varchar(length=64)
    model = Varchar(length=64)
    endpoint_key = Varchar(length=64, unique=True, help_text="unguessable last part of the address")
    clio_webhook_id = BigInt(null=True, default=None, help_text="null until Clio has answered the POST")
    state = Varchar(
        length=16,
        default="creating",
        help_text="creating | pending | enabled | suspended | failed | retiring | retired",
    )
    secret = Bytea(null=True, default=None, help_text="envelope; the key deliveries are signed with")
    offered_secret = Bytea(
        null=True, default=None, help_text="envelope; X-Hook-Secret of a handshake, not yet confirmed"
    )
    events = JSONB(default="[]")
    fields = Text(default="")
    expires_at = Timestamptz(null=True, default=None)
    error_code = Varchar(length=64, null=True, default=None)
    created_at = Timestamptz()
    updated_at = Timestamptz()
    enabled_at = Timestamptz(null=True, default=None, help_text="when it last became enabled")
    silent_at = Timestamptz(null=True, default=None, help_text="when a poll found what it had not told of")
    refusals = Integer(default=0, help_text="how often in a row Clio refused it")
    error_message = Text(null=True, default=None, help_text="what Clio said when it refused it")


class WebhookDelivery(PostgresTable, tablename="webhook_delivery"):
    """The inbox and raw log of webhooks: committed before Clio is told 200."""

    id = BigSerial(primary_key=True)
    firm = BigInt()
    endpoint = BigInt()
    resource = Varchar(length=64)
    model = Varchar(length=64)
    event = Varchar(length=32)
    record_clio_id = BigInt(null=True, default=None)
    digest = Bytea(help_text="sha256 of the body; with endpoint and copy, which delivery it is")
    body = Bytea(help_text="raw, as signed")
    status = Varchar(length=16, default="received", help_text="received | processing | processed | failed | dead")
    outcome = Varchar(length=16, null=True, default=None, help_text="created | updated | deleted | hidden | unchanged")
    receipts = Integer(default=1, help_text="how often Clio sent it")
    attempts = Integer(default=0)
    not_before_at = Timestamptz()
    lease_until = Timestamptz(null=True, default=None)
    error_code = Varchar(length=64, null=True, default=None)
    error_message = Text(null=True, default=None)
    received_at = Timestamptz()
    processed_at = Timestamptz(null=True, default=None)
    replays = Integer(default=0, help_text="times somebody had it applied again")
    replayed_at = Timestamptz(null=True, default=None)
    lapses = Integer(default=0, help_text="leases in a row that lapsed: their worker died or hung")
    copy = Integer(default=0, help_text="0; one more each time the same body came again after Clio's last retry")
    headers = JSONB(default="{}", help_text="of the request, those that hold no secret")
    webhook_delivery_endpoint_digest = Unique(["endpoint", "digest", "copy"])


class CoverageInterval(PostgresTable, tablename="coverage_interval"):
    """A stretch of Clio's time in which nothing of a resource can have changed unseen. Times are Clio's."""

    id = BigSerial(primary_key=True)
    firm = BigInt()
    resource = Varchar(length=64)
    basis = Varchar(length=16, help_text="webhook | poll | backfill")
    from_at = Timestamptz(null=True, default=None, help_text="null: since ever, which only a backfill covers")
    until_at = Timestamptz(help_text="up to when it is proven")
    is_open = Boolean(default=False, help_text="a webhook that is still looked after")
    proofs = Integer(default=1, help_text="how often it was proven: looks at the subscription, or runs")
    endpoint = BigInt(null=True, default=None, help_text="webhook_endpoint.id, of a webhook")
    run = BigInt(null=True, default=None, help_text="sync_run.id of the latest run, of a poll or backfill")


class CoverageHole(PostgresTable, tablename="coverage_hole"):
    """A stretch of Clio's time that no webhook and no run covered when it was found, and what repaired it."""

    id = BigSerial(primary_key=True)
    firm = BigInt()
    resource = Varchar(length=64)
    from_at = Timestamptz(help_text="Clio's time")
    until_at = Timestamptz(help_text="Clio's time; moves on while it lasts")
    reason = Varchar(length=64, help_text="why the webhook ended, SILENT, or NOT_WATCHED")
    found_at = Timestamptz()
    run = BigInt(null=True, default=None, help_text="sync_run.id of what read it, or is about to")
    swept_at = Timestamptz(null=True, default=None, help_text="when what changed in it had been read")
    reconciliation = BigInt(null=True, default=None, help_text="sync_run.id of what found the deletions in it")
    closed_at = Timestamptz(null=True, default=None, help_text="when nothing of it was left to find")
    coverage_hole_firm_resource_from_at = Unique(["firm", "resource", "from_at"])


class Intake(PostgresTable, tablename="intake"):
    """One row: when some API process last said that it takes deliveries."""

    id = BigSerial(primary_key=True)
    seen_at = Timestamptz()


TABLES = (
    Firm,
    OAuthState,
    OAuthToken,
    OAuthRevocation,
    AccessFinding,
    SyncRun,
    SyncCursor,
    ReconciliationReport,
    ReconciliationFinding,
    ReconciliationPage,
    Tombstone,
    Change,
    HistorySeal,
    HistoryProgress,
    LegalHold,
    WebhookEndpoint,
    WebhookDelivery,
    CoverageInterval,
    CoverageHole,
    Intake,
)
"""Every table of core, in the order they are created."""
