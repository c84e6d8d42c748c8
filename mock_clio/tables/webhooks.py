"""Webhook subscriptions."""

from mock_clio.tables.declare import declare

WEBHOOK = declare(
    "Webhook",
    "id:i64 etag:str created_at:datetime events:strings expires_at:datetime fields:str model:str "
    "shared_secret:str status:str updated_at:datetime url:str",
    "user:User=key",
    enums={
        "events": ("created", "updated", "deleted", "matter_opened", "matter_pended", "matter_closed"),
        "model": (
            "activity",
            "bill",
            "calendar_entry",
            "clio_payments_payment",
            "communication",
            "contact",
            "document",
            "folder",
            "matter",
            "task",
        ),
        "status": ("pending", "enabled", "suspended"),
    },
    permission="webhooks",
)

SCHEMAS = (WEBHOOK,)
