"""The contract of the API: a mirrored resource is served in every way GraphQL clients may ask, and to nobody else."""

from typing import Any

from core.resource import Resource, ToMany, ToOne, sql_type
from core.testing.api import gid
from core.testing.case import Case, installed, only_where
from core.testing.comparing import listed
from core.testing.introspection import camel, describe_type, selection
from core.testing.scene import Scene

TEXTS = ("text", "varchar")


def _has_text(case: type[Case]) -> bool:
    return _text_column(case) is not None


def _text_column(case: type[Case]) -> str | None:
    """Return the first text column that one field of a record fills; None where there is none."""
    resource = case.declaration()
    return next(
        (
            name
            for name, column in resource.own_columns.items()
            if sql_type(column).startswith(TEXTS)
            and not sql_type(column).endswith("[]")
            and name not in resource.unserved
            and case().filled(name, "alpha") is not None
        ),
        None,
    )


def _has_edges(case: type[Case]) -> bool:
    return bool(case.declaration().edges)


def _has_reverse_edges(case: type[Case]) -> bool:
    return any(edge.reverse for edge in case.declaration().edges)


class ServingContract(Case):
    """Tests over HTTP, with a token for the firm."""

    async def test_the_list_serves_every_record(self, scene: Scene) -> None:
        """The list has every present record and counts them; every field of each answers without an error."""
        fields = await selection(scene.api, scene.resource.type_name)
        answer = await scene.api.query(f"{{ {_plural(scene)} {{ totalCount nodes {{ {fields} }} }} }}")
        assert "errors" not in answer.body, f"the fields of {scene.resource.type_name} do not answer: {answer.messages}"
        found, rows = answer.data[_plural(scene)], await scene.present()
        assert [int(node["clioId"]) for node in found["nodes"]] == list(rows), (
            f"the list {_plural(scene)} is not what {scene.resource.table_name} holds, in order of Clio's ids"
        )
        assert found["totalCount"] == len(rows), f"{_plural(scene)}.totalCount is not the number of records"
        wrong = [
            f"{node['clioId']}.{camel(name)} is {node[camel(name)]!r} where the mirror has {row[name]!r}"
            for node, row in zip(found["nodes"], rows.values(), strict=True)
            for name, column in scene.resource.own_columns.items()
            if sql_type(column).startswith((*TEXTS, "boolean")) and node.get(camel(name), row[name]) != row[name]
        ]
        assert not wrong, f"{scene.resource.type_name} does not serve its columns:{listed(wrong)}"

    async def test_one_record_is_found_by_each_of_its_ids(self, scene: Scene) -> None:
        """By Clio's id, by the global id, and through `node`: the same record each time."""
        clio_id = min(await scene.present())
        one, global_id = camel(scene.resource.name), gid(scene.resource.type_name, scene.firm, clio_id)
        answer = await scene.api.query(
            f"query ($clio: ID!, $id: ID!) {{ byClioId: {one}(clioId: $clio) {{ id clioId }} "
            f"byId: {one}(id: $id) {{ id clioId }} "
            f"node(id: $id) {{ id ... on {scene.resource.type_name} {{ clioId }} }} }}",
            {"clio": str(clio_id), "id": global_id},
        )
        wanted = {"id": global_id, "clioId": str(clio_id)}
        missed = [way for way, found in answer.data.items() if found != wanted]
        assert not missed, f"{one} {clio_id} is not what {missed} found: {answer.data}"

    @only_where(_has_text)
    async def test_a_filter_on_text_finds_what_it_says(self, scene: Scene) -> None:
        """`eq`, `contains` and `isNull` on a text column each find their records and no others."""
        column, firm = str(_text_column(type(self))), scene.new_firm()
        values = {1: "alpha", 2: "alphabet", 3: "beta", 4: None}
        records = [{**(self.filled(column, value) or {} if value else {}), "id": key} for key, value in values.items()]
        await scene.write(firm, *records)
        for condition, wanted in {
            '{eq: "alpha"}': ["1"],
            '{contains: "alpha"}': ["1", "2"],
            "{isNull: true}": ["4"],
        }.items():
            query = f"{{ {_plural(scene)}(filter: {{{camel(column)}: {condition}}}) {{ nodes {{ clioId }} }} }}"
            answer = await scene.api.query(query, firms=[firm])
            found = [node["clioId"] for node in answer.data[_plural(scene)]["nodes"]]
            assert found == wanted, f"{query} found {found} where {wanted} match"

    async def test_every_order_runs_both_ways(self, scene: Scene) -> None:
        """Each field a list can be ordered by puts it in one order ascending and in that of the reverse descending."""
        fields = await describe_type(scene.api, f"{scene.resource.type_name}OrderField")
        for name in (each["name"] for each in fields["enumValues"]):
            for direction in ("ASC", "DESC"):
                order = f"[{{field: {name}, direction: {direction}}}]"
                query = f"{{ {_plural(scene)}(orderBy: {order}) {{ nodes {{ clioId }} }} }}"
                found = [int(node["clioId"]) for node in (await scene.api.query(query)).data[_plural(scene)]["nodes"]]
                wanted = await self._ordered(scene, name.lower(), direction)
                assert found == wanted, f"{query} is in the order {found}, not {wanted}"

    async def _ordered(self, scene: Scene, column: str, direction: str) -> list[int]:
        rows = await scene.services.database.pool.fetch(
            f'SELECT clio_id FROM "{scene.resource.table_name}" WHERE firm = $1 AND presence = $2 '
            f'ORDER BY "{column}" {direction}, clio_id',
            scene.firm,
            "present",
        )
        return [row["clio_id"] for row in rows]

    async def test_pages_together_are_the_list(self, scene: Scene) -> None:
        """Going forward two at a time, by the cursor of each page, gives every record once."""
        rows, found, after = await scene.present(), list[int](), None
        for _ in range(len(rows)):
            answer = await scene.api.query(
                f"query ($after: String) {{ {_plural(scene)}(first: 2, after: $after) "
                "{ nodes { clioId } pageInfo { hasNextPage endCursor } } }",
                {"after": after},
            )
            page = answer.data[_plural(scene)]
            found += [int(node["clioId"]) for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert found == list(rows), f"the pages of {_plural(scene)} hold {found}, the list {list(rows)}"

    @only_where(_has_edges)
    async def test_every_edge_leads_to_its_record(self, scene: Scene) -> None:
        """An edge answers with the record whose id its column holds, and with null until that has arrived."""
        for edge in scene.resource.edges:
            firm = await self._tied(scene, edge)
            inner = "{ nodes { clioId } }" if isinstance(edge, ToMany) else "{ clioId }"
            query = f"{{ {_plural(scene)} {{ nodes {{ clioId {camel(edge.name)} {inner} }} }} }}"
            nodes = (await scene.api.query(query, firms=[firm])).data[_plural(scene)]["nodes"]
            found = {node["clioId"]: _far_end(node[camel(edge.name)]) for node in nodes if int(node["clioId"]) > 20}
            inside = any(embedded.resource == _far(edge) for embedded in scene.resource.embeds)
            wanted = {"21": ["11"], "22": ["12"], "23": ["11"], "24": [], "25": ["99"] if inside else []}
            assert found == wanted, f"{scene.resource.type_name}.{edge.name} leads to {found} where {wanted} is meant"

    @only_where(_has_reverse_edges)
    async def test_every_reverse_connection_lists_its_records(self, scene: Scene) -> None:
        """The other end of an edge lists and counts the records that lead to it."""
        for edge in (each for each in scene.resource.edges if each.reverse):
            firm, far, reverse = await self._tied(scene, edge), _far(edge), camel(str(edge.reverse))
            query = f"{{ {camel(far.plural)} {{ nodes {{ clioId {reverse} {{ totalCount nodes {{ clioId }} }} }} }} }}"
            nodes = (await scene.api.query(query, firms=[firm])).data[camel(far.plural)]["nodes"]
            found = {node["clioId"]: node[reverse] for node in nodes if int(node["clioId"]) < 20}
            wanted = {"11": ["21", "23"], "12": ["22"]}
            assert {key: _far_end(each) for key, each in found.items()} == wanted, (
                f"{far.type_name}.{reverse} lists {found} where {wanted} is meant"
            )
            counts = {key: each["totalCount"] for key, each in found.items()}
            assert counts == {"11": 2, "12": 1}, f"{far.type_name}.{reverse}.totalCount is {counts}"

    async def _tied(self, scene: Scene, edge: ToOne | ToMany) -> int:
        """Write two far ends, 11 and 12, and five records: 21 and 23 to 11, 22 to 12, 24 to none, 25 to none there."""
        firm = scene.new_firm()
        await scene.write(firm, {"id": 11}, {"id": 12}, resource=_far(edge))
        ends = {21: 11, 22: 12, 23: 11, 25: 99}
        records: list[dict[str, Any]] = [{"id": 24}]
        for key, end in ends.items():
            fields = self.filled(edge.column, [end] if isinstance(edge, ToMany) else end)
            assert fields is not None, (
                f"no single field of {scene.resource.endpoint.payload.__name__} fills {edge.column}, which the edge "
                f"{edge.name} follows: override `filled` on {type(self).__name__}"
            )
            records.append({**fields, "id": key})
        await scene.write(firm, *records)
        return firm

    @only_where(_has_text)
    async def test_an_instant_is_served_as_it_was(self, scene: Scene) -> None:
        """`asOf` gives what a record said then, nothing before it was there, and the present as of now."""
        column, firm = str(_text_column(type(self))), scene.new_firm()
        instants = [await scene.instant()]
        for place, value in enumerate(("alpha", "beta")):
            record = {**(self.filled(column, value) or {}), "id": 1}
            await scene.write(firm, record, updated_s=60 * place, seen_s=60 * place)
            instants.append(await scene.instant())
        query = f"query ($t: DateTime) {{ {_plural(scene)}(asOf: $t) {{ totalCount nodes {{ {camel(column)} }} }} }}"
        answers = [(await scene.api.query(query, {"t": at}, firms=[firm])).data[_plural(scene)] for at in instants]
        found = [[node[camel(column)] for node in answer["nodes"]] for answer in answers]
        assert found == [[], ["alpha"], ["beta"]], f"{query} says {found} before, between and after two writes"
        assert [answer["totalCount"] for answer in answers] == [0, 1, 1], f"totalCount as of an instant is {answers}"
        fields = await selection(scene.api, scene.resource.type_name)
        whole = f"query ($t: DateTime) {{ {_plural(scene)}(asOf: $t) {{ nodes {{ {fields} }} }} }}"
        now, past = [await scene.api.query(whole, {"t": at}, firms=[firm]) for at in (None, instants[-1])]
        if "errors" in past.body:
            assert set(past.codes) == {"AS_OF_UNSUPPORTED"}, f"as of an instant {past.messages}"
        else:
            assert past.data == now.data, f"{scene.resource.plural} as of now are not what they are"

    async def test_a_token_for_another_firm_sees_nothing(self, scene: Scene) -> None:
        """List, lookup and node of another firm's token are empty, whatever ids it knows."""
        clio_id, one = min(await scene.present()), camel(scene.resource.name)
        answer = await scene.api.query(
            f"query ($clio: ID!, $id: ID!) {{ {_plural(scene)} {{ totalCount nodes {{ clioId }} }} "
            f"byClioId: {one}(clioId: $clio) {{ clioId }} byId: {one}(id: $id) {{ clioId }} node(id: $id) {{ id }} }}",
            {"clio": str(clio_id), "id": gid(scene.resource.type_name, scene.firm, clio_id)},
            firms=[scene.new_firm()],
        )
        empty = {_plural(scene): {"totalCount": 0, "nodes": []}, "byClioId": None, "byId": None, "node": None}
        assert answer.data == empty, f"a token for another firm sees {scene.resource.plural}: {answer.data}"


def _plural(scene: Scene) -> str:
    return camel(scene.resource.plural)


def _far(edge: ToOne | ToMany) -> Resource:
    found = installed().by_type(edge.to)
    assert found is not None, f"edge {edge.name} leads to {edge.to}, which no plugin declares: add it to `requires`"
    return found


def _far_end(found: Any) -> list[str]:
    if found is None:
        return []
    return [each["clioId"] for each in found.get("nodes", [found])]
