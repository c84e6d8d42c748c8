"""Where documents lie: paths, ancestors and everything below a folder, whatever the tree looks like."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from core.registry import Registry
from core.testing.api import GENERIC, Api, gid, open_api
from core.testing.stack import settings_for
from plugins.documents.graph import DEEPEST
from tests.schema.schema_data import ONE, SEEN, TWO, insert

ROOT, CASE, PLEADINGS, OLD, TRASHED, ORPHAN, LOOP_A, LOOP_B = range(1, 9)
DEEP = 1000

TREE = "id path ancestors { clioId name }"
ANY = "presence: {in: [PRESENT, DELETED]}"


def folder(number: int, name: str | None, parent: int | None, **values: Any) -> dict[str, Any]:
    return {"firm": ONE, "clio_id": number, "seen_at": SEEN, "name": name, "parent_clio_id": parent} | values


FOLDERS = [
    folder(ROOT, "Ash and Birch", None, root=True),
    folder(CASE, "00412-Silva", ROOT),
    folder(PLEADINGS, "Pleadings", CASE),
    folder(OLD, "Old", PLEADINGS),
    folder(TRASHED, "Drafts", CASE, presence="deleted", deleted_at=SEEN),
    folder(ORPHAN, "Notes", 77),
    folder(LOOP_A, "There", LOOP_B),
    folder(LOOP_B, "Back", LOOP_A),
]
PATHS = {
    ROOT: "Ash and Birch",
    CASE: "Ash and Birch/00412-Silva",
    PLEADINGS: "Ash and Birch/00412-Silva/Pleadings",
    OLD: "Ash and Birch/00412-Silva/Pleadings/Old",
    TRASHED: "Ash and Birch/00412-Silva/Drafts",
    ORPHAN: None,
    LOOP_A: None,
    LOOP_B: None,
}


def document(number: int, parent: int | None, **values: Any) -> dict[str, Any]:
    return folder(number, f"Deed {number}.pdf", parent) | {"size": number} | values


DOCUMENTS = [
    document(11, ROOT),
    document(12, CASE),
    document(13, OLD, size=3_000_000_000, latest_version_clio_id=31, latest_version_number=2),
    document(14, OLD),
    document(15, OLD, presence="deleted", deleted_at=SEEN),
    document(16, TRASHED),
    document(17, LOOP_A),
    document(18, 77),
    document(19, None),
]


async def seed(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Two firms with the same tree, but that the second one's names say so; and one very deep folder."""
    for firm in (ONE, TWO):
        await connection.execute(
            "INSERT INTO firm (id, region, clio_account_id, name, created_at) VALUES ($1, 'us', $1, 'A firm', $2)",
            firm,
            SEEN,
        )
        for table, rows in (("documents_folder", FOLDERS), ("documents_document", DOCUMENTS)):
            await insert(connection, table, [row | {"firm": firm} for row in rows])
        versions = [
            {"firm": firm, "clio_id": 29 + number, "seen_at": SEEN, "document_clio_id": 13, "version_number": number}
            for number in (1, 2)
        ]
        await insert(connection, "documents_version", versions)
    await connection.execute("UPDATE documents_folder SET name = 'of the other firm' WHERE firm = $1", TWO)
    await connection.execute(
        """INSERT INTO documents_folder (firm, clio_id, seen_at, name, parent_clio_id)
           SELECT 1, $1 + number, $3, 'd' || number, CASE number WHEN 0 THEN NULL ELSE $1 + number - 1 END
           FROM generate_series(0, $2::int) AS number""",
        DEEP,
        DEEPEST + 1,
        SEEN,
    )


@pytest.fixture
async def api(database_url: str, redis_url: str, registry: Registry) -> AsyncIterator[Api]:
    connection = await asyncpg.connect(database_url)
    await seed(connection)
    await connection.close()
    async with open_api(settings_for(database_url, redis_url), registry) as made:
        yield made


async def node(api: Api, type_name: str, number: int, selection: str = TREE) -> Any:
    """Return some fields of one record of the first firm."""
    document_ = f'{{ node(id: "{gid(type_name, ONE, number)}") {{ ... on {type_name} {{ {selection} }} }} }}'
    return (await api.query(document_)).data["node"]


async def test_paths_of_folders(api: Api) -> None:
    answer = await api.query(f"{{ folders(filter: {{clioId: {{lt: {DEEP}}}, {ANY}}}) {{ nodes {{ clioId path }} }} }}")
    assert {int(each["clioId"]): each["path"] for each in answer.data["folders"]["nodes"]} == PATHS


async def test_where_documents_lie(api: Api) -> None:
    answer = await api.query(f"{{ documents(filter: {{{ANY}}}) {{ nodes {{ clioId path ancestors {{ clioId }} }} }} }}")
    assert {
        int(each["clioId"]): ([int(folder["clioId"]) for folder in each["ancestors"]], each["path"])
        for each in answer.data["documents"]["nodes"]
        if each["clioId"] not in {"12", "14", "15"}
    } == {
        11: ([ROOT], "Ash and Birch/Deed 11.pdf"),
        13: ([ROOT, CASE, PLEADINGS, OLD], "Ash and Birch/00412-Silva/Pleadings/Old/Deed 13.pdf"),
        16: ([ROOT, CASE, TRASHED], "Ash and Birch/00412-Silva/Drafts/Deed 16.pdf"),
        17: ([LOOP_B, LOOP_A], None),
        18: ([], None),
        19: ([], "Deed 19.pdf"),
    }


async def test_a_nameless_folder_leaves_no_path(api: Api) -> None:
    await api.services.database.pool.execute("UPDATE documents_folder SET name = NULL WHERE clio_id = $1", PLEADINGS)
    assert (await node(api, "Document", 13))["path"] is None


async def test_folders_beyond_the_depth_that_is_looked_up(api: Api) -> None:
    whole = await node(api, "Folder", DEEP + DEEPEST)
    assert whole["path"] == "/".join(f"d{number}" for number in range(DEEPEST + 1))
    cut = await node(api, "Folder", DEEP + DEEPEST + 1)
    assert [int(each["clioId"]) for each in cut["ancestors"]] == list(range(DEEP + 1, DEEP + DEEPEST + 1))
    assert cut["path"] is None


@pytest.mark.parametrize("rows", [3, 40])
@pytest.mark.parametrize(("headers", "count"), [({}, 1), (GENERIC, 5)], ids=["planned", "generic"])
async def test_the_statements_do_not_follow_the_rows(api: Api, rows: int, headers: dict[str, str], count: int) -> None:
    document = f"{{ documents(first: {rows}) {{ nodes {{ {TREE} parent {{ path }} }} }} }}"
    with api.count_sql() as statements:
        await api.query(document, headers=headers)
    assert len(statements) == count


async def test_documents_anywhere_below_a_folder(api: Api) -> None:
    for number, below in ((ROOT, [11, 12, 13, 14, 16]), (PLEADINGS, [13, 14]), (OLD, [13, 14]), (LOOP_A, [17])):
        selection = "allDocuments(first: 2) { totalCount nodes { clioId } pageInfo { endCursor } }"
        found = (await node(api, "Folder", number, selection))["allDocuments"]
        after = found["pageInfo"]["endCursor"]
        rest = await node(api, "Folder", number, f'allDocuments(after: "{after}") {{ nodes {{ clioId }} }}')
        listed = [int(each["clioId"]) for each in found["nodes"] + rest["allDocuments"]["nodes"]]
        assert (found["totalCount"], listed) == (len(below), below)


async def test_documents_below_many_folders_take_one_statement(api: Api) -> None:
    with api.count_sql() as statements:
        answer = await api.query(
            '{ folders(filter: {name: {startsWith: "P"}}) { nodes { allDocuments(filter: {size: {gt: 2147483647}}) '
            "{ totalCount nodes { name size } } } } }"
        )
    [found] = answer.data["folders"]["nodes"]
    assert found["allDocuments"] == {"totalCount": 1, "nodes": [{"name": "Deed 13.pdf", "size": 3_000_000_000}]}
    assert len(statements) == 1


async def test_the_other_firm_stays_the_other_firm(api: Api) -> None:
    ids = [gid("Document", firm, 11) for firm in (ONE, TWO)]
    text = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Document { path } } }"
    answer = await api.query(text, {"ids": ids})
    assert answer.data["nodes"] == [{"path": "Ash and Birch/Deed 11.pdf"}, None]
    answer = await api.query(text, {"ids": ids}, firms=[ONE, TWO])
    paths = [each["path"] for each in answer.data["nodes"]]
    assert paths == ["Ash and Birch/Deed 11.pdf", "of the other firm/Deed 11.pdf"]


async def test_versions_know_which_of_them_is_current(api: Api) -> None:
    found = await node(
        api,
        "Document",
        13,
        "latestVersion { clioId isCurrent } versions { nodes { versionNumber isCurrent document { clioId } } }",
    )
    assert found["latestVersion"] == {"clioId": "31", "isCurrent": True}
    assert found["versions"]["nodes"] == [
        {"versionNumber": 1, "isCurrent": False, "document": {"clioId": "13"}},
        {"versionNumber": 2, "isCurrent": True, "document": {"clioId": "13"}},
    ]


async def test_a_version_whose_document_has_not_arrived_is_not_current(api: Api) -> None:
    await api.services.database.pool.execute("DELETE FROM documents_document WHERE clio_id = 13")
    assert (await node(api, "DocumentVersion", 31, "isCurrent document { clioId }")) == {
        "isCurrent": False,
        "document": None,
    }


async def test_sizes_beyond_32_bits_are_filtered_and_ordered(api: Api) -> None:
    for condition, numbers in (
        ("{eq: 3000000000}", [13]),
        ("{lt: 12}", [11]),
        ("{in: [12, 14]}", [12, 14]),
        ("{gte: 18, ne: 19}", [13, 18]),
    ):
        answer = await api.query(f"{{ documents(filter: {{size: {condition}}}) {{ nodes {{ clioId }} }} }}")
        assert [int(each["clioId"]) for each in answer.data["documents"]["nodes"]] == numbers
    page = "documents(first: 1, orderBy: {field: SIZE, direction: DESC}%s) { nodes { clioId } pageInfo { endCursor } }"
    first = (await api.query(f"{{ {page % ''} }}")).data["documents"]
    after = f', after: "{first["pageInfo"]["endCursor"]}"'
    second = (await api.query(f"{{ {page % after} }}")).data["documents"]
    assert [int(each["nodes"][0]["clioId"]) for each in (first, second)] == [13, 19]


async def test_a_size_that_is_no_whole_number_is_refused(api: Api) -> None:
    for condition in ("1.5", "true", '"12"', str(2**70)):
        answer = await api.query(f"{{ documents(filter: {{size: {{eq: {condition}}}}}) {{ nodes {{ id }} }} }}")
        assert answer.codes[0] in {"GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"}
