// The flow with openapi-generator's typescript-fetch client.
import assert from "node:assert/strict";

import * as api from "./client";
import { base, email, moment, names, password, products, tokenOfLetter } from "./letters";

/** The problem document of a call that has to be refused. */
async function refused(call: Promise<unknown>): Promise<api.Problem> {
  try {
    await call;
  } catch (error) {
    assert(error instanceof api.ResponseError, String(error));
    return api.ProblemFromJSON(await error.response.json());
  }
  throw new Error("it was not refused");
}

async function flow() {
  let token: string | undefined;
  const config = new api.Configuration({ basePath: base, accessToken: () => token ?? "" });
  const [auth, projects, catalogue] = [new api.AuthApi(config), new api.ProjectsApi(config), new api.ProductsApi(config)];

  await auth.authSignup({ signUp: { email, password, fullName: "Flo", organization: "Flow" } });
  await auth.authVerifyEmail({ linkToken: { token: await tokenOfLetter() } });
  const session = await auth.authLogin({ login: { email, password } });
  token = session.accessToken ?? undefined;
  console.log("signed up, verified, signed in to", session.tenantId);

  const made: api.Project[] = [];
  for (const name of names) made.push(await projects.projectsCreate({ projectCreate: { name } }));
  const conflict = await refused(projects.projectsCreate({ projectCreate: { name: "Project 0" } }));
  assert.deepEqual([conflict.code, conflict.errors?.[0]?.pointer], ["conflict", "/name"]);
  console.log(`created ${made.length} projects; one more of the same name is a ${conflict.code} at ${conflict.errors?.[0]?.pointer}`);

  const seen: string[] = [];
  let pages = 0;
  for (let cursor: string | null | undefined = ""; cursor != null; pages++) {
    const page: api.ProjectPage = await projects.projectsList({ limit: 2, sort: api.Sort.Name, cursor });
    seen.push(...page.items.map((project) => project.name));
    cursor = page.nextCursor;
  }
  assert.deepEqual(seen, names);
  console.log(`paged through ${seen.length} in ${pages} pages`);

  const id = made[0]!.id;
  const ifMatch = (await projects.projectsGetRaw({ id })).raw.headers.get("ETag");
  assert(ifMatch);
  const update = { id, ifMatch, projectPatch: { status: api.ProjectStatus.Paused, description: null } };
  // `null` and `undefined` are what Prefer: return=minimal answers.
  assert.equal((await projects.projectsUpdate(update))?.status, "paused");
  const stale = await refused(projects.projectsUpdate(update));
  assert.equal(stale.code, "precondition_failed");
  console.log("updated with its ETag; with the old one it is", stale.code);

  const counted = await projects.projectsList({ limit: 1, prefer: "count=exact" });
  assert.deepEqual([counted.total, counted.totalIs], [5, "exact"]);
  console.log("counted", counted.total);

  let operation = await catalogue.productsImport({ body: products, format: api.FileFormat.Csv });
  while (operation.status === "queued" || operation.status === "running") {
    await moment();
    operation = await new api.OperationsApi(config).operationsGet({ id: operation.id });
  }
  const created = (operation.result as { created?: number } | null)?.created;
  assert.deepEqual([operation.status, created], ["succeeded", 3]);
  console.log(`imported ${created} products`);

  const found = await catalogue.productsSearch({ q: "lamp" });
  assert.deepEqual(found.items.map((hit) => hit.sku).sort(), ["LMP-1", "LMP-2"]);
  console.log(`searched: ${found.items.length} lamps`);

  const file = await catalogue.productsExport({ format: api.FileFormat.Csv });
  assert.equal(file.trim().split("\r\n").length, 4);
  console.log("exported 3 products as CSV");

  await new api.TenantsApi(config).tenantsCreate({ tenantCreate: { name: "Second" } });
  assert.equal((await auth.authLogin({ login: { email, password } })).tenantId, session.tenantId);
  console.log("signed in again, to the same of two tenants");
}

flow().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
