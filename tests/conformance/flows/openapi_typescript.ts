// The flow with the types of openapi-typescript, and openapi-fetch, which is made for them.
import assert from "node:assert/strict";

import createClient from "openapi-fetch";

import type { components, paths } from "./client/schema";
import { base, email, moment, names, password, products, tokenOfLetter } from "./letters";

type Schemas = components["schemas"];

/** What was answered with success. */
function good<T>(answer: { data?: T; error?: Schemas["Problem"] }): NonNullable<T> {
  assert(answer.data != null, JSON.stringify(answer.error));
  return answer.data;
}

async function flow() {
  const api = createClient<paths>({ baseUrl: base });
  const signIn = async () => good(await api.POST("/api/v1/auth/login", { body: { email, password } }));

  const signedUp = await api.POST("/api/v1/auth/signup", { body: { email, password, full_name: "Flo", organization: "Flow" } });
  assert.equal(signedUp.response.status, 202);
  const verified = await api.POST("/api/v1/auth/verify-email", { body: { token: await tokenOfLetter() } });
  assert.equal(verified.response.status, 204);
  const session = await signIn();
  api.use({ onRequest: ({ request }) => request.headers.set("Authorization", `Bearer ${session.access_token}`) });
  console.log("signed up, verified, signed in to", session.tenant_id);

  const made: Schemas["Project"][] = [];
  for (const name of names) made.push(good(await api.POST("/api/v1/projects", { body: { name } })));
  const { error: conflict } = await api.POST("/api/v1/projects", { body: { name: "Project 0" } });
  assert.deepEqual([conflict?.code, conflict?.errors?.[0]?.pointer], ["conflict", "/name"]);
  console.log(`created ${made.length} projects; one more of the same name is a ${conflict?.code} at ${conflict?.errors?.[0]?.pointer}`);

  const seen: string[] = [];
  let pages = 0;
  for (let cursor: string | null | undefined = ""; cursor != null; pages++) {
    const query = { limit: 2, sort: "name", cursor } as const;
    const page: Schemas["ProjectPage"] = good(await api.GET("/api/v1/projects", { params: { query } }));
    seen.push(...page.items.map((project) => project.name));
    cursor = page.next_cursor;
  }
  assert.deepEqual(seen, names);
  console.log(`paged through ${seen.length} in ${pages} pages`);

  const path = { id: made[0]!.id };
  const tag = (await api.GET("/api/v1/projects/{id}", { params: { path } })).response.headers.get("ETag");
  assert(tag);
  const update = {
    params: { path, header: { "If-Match": tag } },
    body: { status: "paused", description: null },
    headers: { "Content-Type": "application/merge-patch+json" },
  } as const;
  assert.equal(good(await api.PATCH("/api/v1/projects/{id}", update)).status, "paused");
  const { error: stale } = await api.PATCH("/api/v1/projects/{id}", update);
  assert.equal(stale?.code, "precondition_failed");
  console.log("updated with its ETag; with the old one it is", stale?.code);

  const counting = { query: { limit: 1 }, header: { Prefer: "count=exact" } };
  const counted = good(await api.GET("/api/v1/projects", { params: counting }));
  assert.deepEqual([counted.total, counted.total_is], [5, "exact"]);
  console.log("counted", counted.total);

  let operation = good(
    await api.POST("/api/v1/products/import", {
      params: { query: { format: "csv" } },
      // The types have a file for a string; this is how openapi-fetch is given one.
      body: products as unknown as string,
      bodySerializer: (file) => file,
    }),
  );
  while (operation.status === "queued" || operation.status === "running") {
    await moment();
    operation = good(await api.GET("/api/v1/operations/{id}", { params: { path: { id: operation.id } } }));
  }
  const created = (operation.result as { created?: number } | null)?.created;
  assert.deepEqual([operation.status, created], ["succeeded", 3]);
  console.log(`imported ${created} products`);

  const found = good(await api.GET("/api/v1/products/search", { params: { query: { q: "lamp" } } }));
  assert.deepEqual(found.items.map((hit) => hit.sku).sort(), ["LMP-1", "LMP-2"]);
  console.log(`searched: ${found.items.length} lamps`);

  const asText = { params: { query: { format: "csv" } }, parseAs: "text" } as const;
  const file = good(await api.GET("/api/v1/products/export", asText));
  assert.equal(file.trim().split("\r\n").length, 4);
  console.log("exported 3 products as CSV");

  await api.POST("/api/v1/tenants", { body: { name: "Second" } });
  assert.equal((await signIn()).tenant_id, session.tenant_id);
  console.log("signed in again, to the same of two tenants");
}

flow().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
