async def test_quick(api):
    for q in [
        '{ matters(filter: {client: {name: {contains: "name"}}, or: [{status: {in: ["Open"]}}, {not: {openDate: {isNull: true}}}]}, orderBy: [{field: OPEN_DATE, direction: DESC}], first: 2) { totalCount pageInfo { endCursor } nodes { openDate client { name } practiceAreaClioId responsibleAttorney { rate roles responsibleMatters(last: 1) { nodes { clioId} } } } } }',
        "{ contacts(filter: {presence: {in: [DELETED, HIDDEN]}}) { edges { cursor node { clioId presence } } } }",
        '{ contacts(filter: {clioId: {in: ["1","2"]}}) { nodes { employees { totalCount nodes { name } } } } }',
        '{ contact(clioId: "11") { presence firm } x: contact(id: "%%%") { id } }',
        '{ firms { id firmId region clioAccountId state } syncRuns(last: 5) { nodes { id resource state progress etaS recordsTotal errorMessage } } webhookEndpoints { nodes { events state } } webhookDeliveries(filter: {status: {eq: "dead"}}) { totalCount nodes { recordClioId receivedAt } } webhookMetrics { statuses { status count } } }',
        "{ nope }",
        "{ ",
        "{ contacts(first: 1000) { totalCount } }",
        '{ contacts(first: 10, after: "x") { totalCount } }',
        "mutation { syncNow { errors { code } runs { id } } }",
        '{ contacts(filter: {clioUpdatedAt: {gt: "2024-05-31"}}) { totalCount } }',
        "{ contacts(filter: {name: {eq: null}}) { totalCount } }",
        "{ contacts(firm: 2) { totalCount } }",
    ]:
        a = await api.query(q, accept="application/graphql-response+json")
        print(a.status, a.body)
