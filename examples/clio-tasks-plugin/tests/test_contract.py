"""Holds tasks to the contract of every resource."""

from core.testing.contract import Declared, ResourceContract


class TestTask(ResourceContract):
    """Clio's tasks as the mock Clio serves them, and one of them created and changed."""

    resource = "task"
    declared = Declared(
        path="tasks",
        schema="Task",
        scalars="id:i64 etag:str completed_at:datetime created_at:datetime description:str description_text_type:str "
        "due_at:date name:str notify_completion:bool permission:str priority:str status:str "
        "statute_of_limitations:bool time_entries_count:i32 time_estimated:i32 updated_at:datetime",
        associations="matter:Matter=key",
        permission="tasks",
        model="task",
    )
    creates = {"name": "Example"}
    changes = {"name": "Changed"}
