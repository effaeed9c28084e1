"""The flow with openapi-generator's python client."""
import time

import openapi_client as api
from letters import BASE, EMAIL, PASSWORD, PRODUCTS, token_of_letter


def refused(call):
    """The problem document of a call that has to be refused."""
    try:
        call()
    except api.ApiException as error:
        return api.Problem.from_json(error.body)
    raise AssertionError("it was not refused")


client = api.ApiClient(api.Configuration(host=BASE))
auth, projects, products = api.AuthApi(client), api.ProjectsApi(client), api.ProductsApi(client)

auth.auth_signup(api.SignUp(email=EMAIL, password=PASSWORD, full_name="Flo", organization="Flow"))
auth.auth_verify_email(api.LinkToken(token=token_of_letter()))
session = auth.auth_login(api.Login(email=EMAIL, password=PASSWORD))
client.configuration.access_token = session.access_token
print("signed up, verified, signed in to", session.tenant_id)

made = [projects.projects_create(api.ProjectCreate(name=f"Project {number}")) for number in range(5)]
problem = refused(lambda: projects.projects_create(api.ProjectCreate(name="Project 0")))
assert (problem.code, problem.errors[0].pointer) == ("conflict", "/name"), problem
print("created", len(made), "projects; one more of the same name is a", problem.code, "at", problem.errors[0].pointer)

seen, pages, cursor = [], 0, ""
while cursor is not None:
    page = projects.projects_list(limit=2, sort=api.Sort.NAME, cursor=cursor)
    seen, pages, cursor = seen + [project.name for project in page.items], pages + 1, page.next_cursor
assert seen == [f"Project {number}" for number in range(5)], seen
print("paged through", len(seen), "in", pages, "pages")

# Names of headers as they are sent, which is in lower case.
tag = projects.projects_get_with_http_info(made[0].id).headers["etag"]
patch = api.ProjectPatch(status=api.ProjectStatus.PAUSED, description=None)
changed = projects.projects_update(made[0].id, tag, patch)
assert changed.status == api.ProjectStatus.PAUSED, changed
problem = refused(lambda: projects.projects_update(made[0].id, tag, patch))
assert problem.code == "precondition_failed", problem
print("updated with its ETag; with the old one it is", problem.code)

total = projects.projects_list(limit=1, prefer="count=exact")
assert (total.total, total.total_is) == (5, api.TotalIs.EXACT), total
print("counted", total.total)

operation = products.products_import(PRODUCTS, format=api.FileFormat.CSV)
while operation.status in (api.OperationStatus.QUEUED, api.OperationStatus.RUNNING):
    time.sleep(0.1)
    operation = api.OperationsApi(client).operations_get(operation.id)
assert operation.status == api.OperationStatus.SUCCEEDED and operation.result["created"] == 3, operation
print("imported", operation.result["created"], "products")

found = products.products_search("lamp")
assert {hit.sku for hit in found.items} == {"LMP-1", "LMP-2"}, found
print("searched:", len(found.items), "lamps")

lines = products.products_export(format=api.FileFormat.CSV).splitlines()
assert len(lines) == 4, lines
print("exported", len(lines) - 1, "products as CSV")

api.TenantsApi(client).tenants_create(api.TenantCreate(name="Second"))
again = auth.auth_login(api.Login(email=EMAIL, password=PASSWORD))
assert again.tenant_id == session.tenant_id, again
print("signed in again, to the same of two tenants")
