"""The benchmark of reads: its queries fit our schema, its client counts what it should, its chart can be drawn."""

import socket
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from bench.graphql.agreement import count_objects
from bench.graphql.cases import CASES, LIST, WINDOW, Case, Words
from bench.graphql.load import BadAnswer, Job, run
from bench.graphql.publishing import BEGIN, END, PAGE, publish
from bench.graphql.report import Report, Weight
from bench.graphql.rounds import Cell
from core.loading import load_plugins
from schema.printing import print_registry_schema

GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"data":{"a":"b"}'
REFUSED = b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"errors":[]}'
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def answering(
    answer: bytes, *, piece: int = 1 << 16, most: int = 1 << 30, wait: Callable[[], float] = float
) -> Iterator[int]:
    """A server that gives every request the same answer, in pieces, `most` times a connection; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(client: socket.socket) -> None:
            with client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for _ in range(most):
                    if not client.recv(1 << 16):
                        return
                    time.sleep(wait())
                    for start in range(0, len(answer), piece):
                        client.sendall(answer[start : start + piece])

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("case", [*CASES, LIST], ids=lambda case: case.name)
def test_every_query_is_one_of_our_schema(case: Case) -> None:
    schema = build_schema(print_registry_schema(load_plugins()))
    assert validate(schema, parse(Words().text(case))) == []
    assert validate(schema, parse(Words().cursors_text() or "")) == []


def test_requests_are_the_same_in_every_run_and_pages_begin_in_the_window() -> None:
    for case in CASES:
        positions = case.positions(100, 5000)
        assert positions == case.positions(100, 5000)
        assert min(positions) >= 1
        assert max(positions) <= (5000 if case.first is None else WINDOW)


@pytest.mark.parametrize("piece", [1 << 16, 7])
def test_the_client_counts_whole_answers_however_they_arrive(piece: int) -> None:
    with answering(GOOD, piece=piece) as port:
        outcome = run(Job(port, [b"POST / HTTP/1.1\r\n\r\n"], connections=3, seconds=0.05))
    assert outcome.answers >= 3
    assert 0 < outcome.p50_s <= outcome.p99_s <= outcome.elapsed_s


def test_the_client_waits_for_slow_answers_while_others_have_been_closed() -> None:
    """A server closes idle connections; those are finished, and the ones still under way are not given up."""
    waits = iter([0.0, 0.3])
    with answering(GOOD, most=1, wait=lambda: next(waits)) as port:
        outcome = run(Job(port, [b"POST / HTTP/1.1\r\n\r\n"], connections=2, seconds=0.0))
    assert outcome.answers == 2


@pytest.mark.parametrize("answer", [REFUSED, FAILED, b""], ids=["refused", "failed", "closed"])
def test_the_client_refuses_to_count_errors(answer: bytes) -> None:
    with answering(answer, most=1) as port, pytest.raises(BadAnswer):
        run(Job(port, [b"POST / HTTP/1.1\r\n\r\n"], connections=1, seconds=0.05))


def test_objects_are_counted_at_every_depth() -> None:
    nodes = [{"clioId": "1", "client": {"clioId": "2"}, "activities": {"nodes": [{"clioId": "3", "user": None}]}}]
    assert count_objects(nodes) == 3


@pytest.fixture
def report() -> Report:
    cells = [
        Cell(name, case, 16, rate, [rate * 0.5, rate, rate * 2], 0.1, 0.001, 0.002, 20.0, None, None)
        for name, rate in (("ours", 900.0), ("limit", 1000.0), ("postgraphile", 300.0))
        for case in ("Q1", "Q3")
    ]
    weights = [Weight(name, f"<{name}>", 1.0, 10**8, 2 * 10**8) for name in ("ours", "limit", "postgraphile")]
    return Report({}, weights, cells)


def test_a_report_becomes_tables_and_comes_back_from_its_file(report: Report, tmp_path: Path) -> None:
    lines = list(report.lines())
    assert "| <ours> | 900 (1.0 / 2.0) |  | 900 (1.0 / 2.0) | 0.90 / ? / 0.90 | 3.00 / ? / 3.00 |" in lines
    assert "| <ours> | 1.00 | 100 | 200 |  | ? + ? + 20 |  | ? + ? + 20 |" in lines
    report.write(tmp_path / "figures.json")
    assert list(Report.read(tmp_path / "figures.json").lines()) == lines


def test_publishing_replaces_what_stands_between_the_marks(report: Report, tmp_path: Path) -> None:
    page, chart = tmp_path / "page.md", tmp_path / "chart.svg"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    publish(report, page, chart)
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert "<ours>" in text
    assert {BEGIN, END} <= set(PAGE.read_text(encoding="utf-8").splitlines())
    drawn = ElementTree.fromstring(chart.read_text())  # noqa: S314 - drawn above
    assert len(drawn.findall("{http://www.w3.org/2000/svg}rect")) == 1 + len(report.cells)
