"""The benchmark of the receiver: what it sends is what Clio sends, and its table has a place in the documentation."""

import hashlib
import hmac
import json
from pathlib import Path

from bench.webhooks.command import BEGIN, END, PAGE, publish
from bench.webhooks.load import BODY_BYTES, Deliveries


def test_every_delivery_is_of_one_size_signed_and_about_a_record_of_its_own() -> None:
    work = Deliveries(port=1, key="key", secret="secret", first=7, connections=1, seconds=1)
    records = []
    for request in work.requests(3):
        head, _, body = request.partition(b"\r\n\r\n")
        assert len(body) == BODY_BYTES
        assert hmac.new(b"secret", body, hashlib.sha256).hexdigest().encode() in head
        records.append(json.loads(body)["data"]["id"])
    assert records == [7, 8, 9]


def test_publishing_replaces_what_stands_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    publish(["new"], page)
    assert page.read_text(encoding="utf-8") == f"before\n{BEGIN}\nnew\n\n{END}\nafter\n"
    assert PAGE.read_text(encoding="utf-8").index(BEGIN) < PAGE.read_text(encoding="utf-8").index(END)
