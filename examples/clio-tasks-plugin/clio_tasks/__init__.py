"""Tasks: what is to be done, mostly for a matter, by whom and by when."""

import datetime
from pathlib import Path

import strawberry
from piccolo.columns import BigInt, Boolean, Date, Integer, Text, Timestamptz
from piccolo.constraints import Unique

from core.hookspecs import hookimpl
from core.resource import ClioEndpoint, ClioPayload, MirrorTable, Reference, Resource, ToOne, WebhookModel
from schema.types.mirrored import Mirrored

requires: tuple[str, ...] = ("matters",)


class TaskPayload(ClioPayload):
    """The fields of a task that the mirror keeps."""

    name: str | None = None
    description: str | None = None
    status: str | None = None
    priority: str | None = None
    due_at: datetime.date | None = None
    completed_at: datetime.datetime | None = None
    time_estimated: int | None = None
    statute_of_limitations: bool | None = None
    matter: Reference | None = None


class TaskTable(MirrorTable, tablename="tasks_task"):
    """One row per task. Source: GET /api/v4/tasks."""

    name = Text(null=True, default=None)
    description = Text(null=True, default=None)
    status = Text(null=True, default=None)
    priority = Text(null=True, default=None)
    due_at = Date(null=True, default=None)
    completed_at = Timestamptz(null=True, default=None)
    time_estimated = Integer(null=True, default=None)
    statute_of_limitations = Boolean(null=True, default=None)
    matter_clio_id = BigInt(null=True, default=None, index=True)
    tasks_task_firm_clio_id = Unique(["firm", "clio_id"])


@strawberry.type(description="Something to be done, mostly for a matter.")
class Task(Mirrored):
    """Fields are named as the columns of the table; the edge brings its own."""

    name: str | None = strawberry.field(description="What is to be done.")
    description: str | None = strawberry.field(description="The same at length, with markup where Clio has rich text.")
    status: str | None = strawberry.field(description="How far it is, such as pending or complete; an open list.")
    priority: str | None = strawberry.field(description="High, Normal or Low; Clio may add others.")
    due_at: datetime.date | None = strawberry.field(description="Day by which it is to be done.")
    completed_at: datetime.datetime | None = strawberry.field(description="When it was done; null until then.")
    time_estimated: int | None = strawberry.field(description="Time it should take; Clio's file names no unit.")
    statute_of_limitations: bool | None = strawberry.field(description="Whether it stands for a limitation period.")


TASK = Resource(
    name="task",
    table=TaskTable,
    type=Task,
    endpoint=ClioEndpoint(path="tasks", payload=TaskPayload),
    webhook=WebhookModel(model="task"),
    edges=[
        ToOne(
            name="matter",
            to="Matter",
            column="matter_clio_id",
            description="The matter it is for.",
            reverse="tasks",
            reverse_description="The tasks of this matter.",
        ),
    ],
)


@hookimpl
def resources() -> list[Resource]:
    """Declare tasks."""
    return [TASK]


@hookimpl
def migrations() -> Path:
    """Name the folder of the migrations."""
    return Path(__file__).parent / "migrations"
