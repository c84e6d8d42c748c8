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


def test_an_exception_is_logged_by_its_place_and_never_by_its_text() -> None:
    stream = io.StringIO()
    try:
        configure_logging("info", stream=stream)
        try:
            try:
                int("client data")
            except ValueError as error:
                raise RuntimeError("more client data") from error
        except RuntimeError:
            get_logger("some.module").exception("it_broke")
            logging.getLogger("a.library").exception("it broke")
    finally:
        configure_logging("info")
    for line in lines(stream):
        exception = line["exception"]
        assert isinstance(exception, list)
        assert [part for part in exception if not part.startswith("  ")] == ["RuntimeError", "ValueError"]
        assert any("test_core_logging.py" in part for part in exception)
    assert "client data" not in stream.getvalue()
