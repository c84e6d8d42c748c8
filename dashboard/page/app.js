// The token comes in the fragment, which no browser sends to a server, and moves to this tab's session storage.
const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.get("token")) {
  sessionStorage.setItem("token", fragment.get("token"));
  history.replaceState(null, "", location.pathname);
}
const byId = (id) => document.getElementById(id);
const POLL_MS = 2000;
const OVERVIEW = `{
  firms { id name region state }
  users { totalCount } contacts { totalCount } matters { totalCount }
  syncRuns(last: 12) { nodes { id resource kind state progress recordsSeen recordsTotal recordsCreated recordsUpdated errorMessage finishedAt } }
  webhookEndpoints(last: 20) { nodes { model state expiresAt } }
  webhookDeliveries(last: 15) { nodes { receivedAt model event recordClioId status outcome attempts errorMessage } }
}`;

async function ask(query) {
  const answer = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${sessionStorage.getItem("token")}` },
    body: JSON.stringify({ query }),
  });
  const body = await answer.json();
  if (answer.status === 401) throw new SignInNeeded(body.errors?.[0]?.message ?? "sign in");
  return body;
}

class SignInNeeded extends Error {}

const TONE = { succeeded: "good", processed: "good", enabled: "good", connected: "good", failed: "bad", partial: "bad", dead: "bad",
  suspended: "bad", running: "busy", processing: "busy", queued: "busy", throttled: "busy", pending: "busy", received: "busy" };

function cell(value, tone) {
  const td = document.createElement("td");
  if (value instanceof Node) td.append(value); else td.textContent = value ?? "–";
  if (tone) td.className = tone;
  return td;
}

function fill(table, rows) {
  byId(table).tBodies[0].replaceChildren(...rows.map((cells) => {
    const tr = document.createElement("tr");
    tr.append(...cells);
    return tr;
  }));
}

const state = (text, title) => { const td = cell(text, TONE[String(text).toLowerCase()]); td.title = title ?? ""; return td; };
const time = (text) => (text ? new Date(text).toLocaleTimeString() : null);

function bar(run) {
  if (run.progress === null) return `${run.recordsSeen}`;
  const progress = document.createElement("progress");
  progress.value = run.progress;
  const label = document.createElement("span");
  label.append(progress, ` ${run.recordsSeen}${run.recordsTotal === null ? "" : ` of ${run.recordsTotal}`}`);
  return label;
}

function show(data) {
  const firm = data.firms[0];
  byId("status").textContent = data.firms.length === 1 ? `${firm.name} (${firm.region.toUpperCase()}, ${firm.state.toLowerCase()})` : `${data.firms.length} firms`;
  byId("figures").replaceChildren(...["users", "contacts", "matters"].map((name) => {
    const figure = document.createElement("div");
    const count = document.createElement("b");
    count.textContent = data[name].totalCount.toLocaleString();
    figure.append(count, name);
    return figure;
  }));
  fill("runs", data.syncRuns.nodes.toReversed().map((run) => [cell(run.resource), cell(run.kind.toLowerCase()), state(run.state.toLowerCase(), run.errorMessage), cell(bar(run)), cell(run.recordsCreated), cell(run.recordsUpdated), cell(time(run.finishedAt))]));
  fill("endpoints", data.webhookEndpoints.nodes.map((each) => [cell(each.model), state(each.state.toLowerCase()), cell(each.expiresAt && new Date(each.expiresAt).toLocaleString())]));
  fill("deliveries", data.webhookDeliveries.nodes.toReversed().map((each) => [cell(time(each.receivedAt)), cell(each.model), cell(each.event), cell(each.recordClioId), state(each.status.toLowerCase(), each.errorMessage), cell(each.outcome?.toLowerCase()), cell(each.attempts)]));
}

async function refresh() {
  try {
    const body = await ask(OVERVIEW);
    if (body.errors) throw new Error(body.errors[0].message);
    document.querySelector("main").hidden = false;
    byId("sign-in").hidden = true;
    show(body.data);
  } catch (error) {
    byId("status").textContent = error.message;
    if (error instanceof SignInNeeded) {
      byId("sign-in").hidden = false;
      document.querySelector("main").hidden = true;
      return;
    }
  }
  setTimeout(refresh, POLL_MS);
}

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", byId("token").value);
  refresh();
});
byId("query").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("answer").textContent = JSON.stringify(await ask(event.target.querySelector("textarea").value), null, 2);
});
refresh();
