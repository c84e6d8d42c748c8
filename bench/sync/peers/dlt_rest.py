"""dlt: its rest_api source into PostgreSQL, merged by id. Runs in a virtual environment of its own.

As it comes, it makes tables of the lists in a record, and loads by INSERT. It is measured besides with lists kept as
JSON, as our mirror keeps them, and loading CSV, which costs PostgreSQL a quarter of that. All else is its default.
"""

import os
import tempfile

import dlt  # type: ignore[import-not-found]
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]

from bench.sync.peers.passes import drive, given


def main() -> None:
    """Make passes in one process; the pipeline's folder is kept between them, as in production."""
    _settle()
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            pipeline_name="bench",
            pipelines_dir=folder,
            destination=dlt.destinations.postgres(credentials=given("DATABASE_URL")),
            dataset_name=given("TABLE"),
        )
        drive(lambda: _load(pipeline))


def _settle() -> None:
    os.environ.update({"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"})


def _load(pipeline: dlt.Pipeline) -> int:
    source = rest_api_source(
        {
            "client": {
                "base_url": given("BASE_URL"),
                "auth": {"type": "bearer", "token": given("TOKEN")},
                "paginator": {"type": "json_link", "next_url_path": "meta.paging.next"},
            },
            "resources": [
                {
                    "name": given("RESOURCE"),
                    "primary_key": "id",
                    "write_disposition": {"disposition": "merge", "strategy": "upsert"},
                    # Not as `params`: dlt takes the braces of `fields` for expressions of its own.
                    "endpoint": {"path": given("FIRST_URL").removeprefix(given("BASE_URL")), "data_selector": "data"},
                }
            ],
        },
        max_table_nesting=int(nesting) if (nesting := given("NESTING")) else None,
    )
    pipeline.run(source, loader_file_format=given("FORMAT"))
    with pipeline.sql_client() as client:
        [[records]] = client.execute_sql(f'SELECT count(*) FROM "{given("RESOURCE")}"')
    return int(records)


if __name__ == "__main__":
    main()
