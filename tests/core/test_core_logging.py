"""Logs: JSON lines with the ids that tie them together, and no secret."""

import io
import json
import logging

from core.logging import configure_logging, get_logger, log_ids


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_lines_carry_the_ids_bound_around_them_and_no_secret() -> None:
    stream = io.StringIO()
    try:
        configure_logging("info", stream=stream)
        with log_ids(firm=7, run_id=3):
            get_logger("some.module").info("page_written", token="abc", records=2)
        logging.getLogger("a.library").warning("careful")
        get_logger("some.module").debug("too quiet")
    finally:
        configure_logging("info")
    ours, theirs = lines(stream)
    assert (ours["event"], ours["firm"], ours["run_id"], ours["records"]) == ("page_written", 7, 3, 2)
    assert ours["token"] == "[redacted]"
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("careful", "warning", "a.library")
