// The flow with the client of @hey-api/openapi-ts.
import assert from "node:assert/strict";

import { client } from "./client/client.gen";
import * as api from "./client";
import { base, email, moment, names, password, products, tokenOfLetter } from "./letters";

async function flow() {
  let token: string | undefined;
  client.setConfig({ baseUrl: base, auth: () => token });
  const signIn = async () => (await api.authLogin({ body: { email, password }, throwOnError: true })).data;

  await api.authSignup({ body: { email, password, full_name: "Flo", organization: "Flow" }, throwOnError: true });
  await api.authVerifyEmail({ body: { token: await tokenOfLetter() }, throwOnError: true });
  const session = await signIn();
  token = session.access_token ?? undefined;
  console.log("signed up, verified, signed in to", session.tenant_id);

  const made: api.Project[] = [];
  for (const name of names) made.push((await api.projectsCreate({ body: { name }, throwOnError: true })).data);
  const conflict: api.Problem | undefined = (await api.projectsCreate({ body: { name: "Project 0" } })).error;
  assert.deepEqual([conflict?.code, conflict?.errors?.[0]?.pointer], ["conflict", "/name"]);
  console.log(`created ${made.length} projects; one more of the same name is a ${conflict?.code} at ${conflict?.errors?.[0]?.pointer}`);

  const seen: string[] = [];
  let pages = 0;
  for (let cursor: string | null | undefined = ""; cursor != null; pages++) {
    const page: api.ProjectPage = (await api.projectsList({ query: { limit: 2, sort: "name", cursor }, throwOnError: true })).data;
    seen.push(...page.items.map((project) => project.name));
    cursor = page.next_cursor;
  }
  assert.deepEqual(seen, names);
  console.log(`paged through ${seen.length} in ${pages} pages`);

  const path = { id: made[0]!.id };
  const tag = (await api.projectsGet({ path, throwOnError: true })).response.headers.get("ETag");
  assert(tag);
  const update = { path, body: { status: "paused", description: null }, headers: { "If-Match": tag } } as const;
  // `undefined` is what Prefer: return=minimal answers.
  const changed = (await api.projectsUpdate({ ...update, throwOnError: true })).data;
  assert.equal(changed?.status, "paused");
  const stale = (await api.projectsUpdate(update)).error;
  assert.equal(stale?.code, "precondition_failed");
  console.log("updated with its ETag; with the old one it is", stale?.code);

  const counted = (await api.projectsList({ query: { limit: 1 }, headers: { Prefer: "count=exact" }, throwOnError: true })).data;
  assert.deepEqual([counted.total, counted.total_is], [5, "exact"]);
  console.log("counted", counted.total);

  let operation: api.Operation = (await api.productsImport({ body: products, query: { format: "csv" }, throwOnError: true })).data;
  while (operation.status === "queued" || operation.status === "running") {
    await moment();
    operation = (await api.operationsGet({ path: { id: operation.id }, throwOnError: true })).data;
  }
  assert.deepEqual([operation.status, operation.result?.["created"]], ["succeeded", 3]);
  console.log(`imported ${operation.result?.["created"]} products`);

  const found = (await api.productsSearch({ query: { q: "lamp" }, throwOnError: true })).data;
  assert.deepEqual(found.items.map((hit) => hit.sku).sort(), ["LMP-1", "LMP-2"]);
  console.log(`searched: ${found.items.length} lamps`);

  const file = (await api.productsExport({ query: { format: "csv" }, throwOnError: true })).data;
  assert.equal(file.trim().split("\r\n").length, 4);
  console.log("exported 3 products as CSV");

  await api.tenantsCreate({ body: { name: "Second" }, throwOnError: true });
  assert.equal((await signIn()).tenant_id, session.tenant_id);
  console.log("signed in again, to the same of two tenants");
}

flow().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
