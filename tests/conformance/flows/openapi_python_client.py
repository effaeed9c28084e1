"""The flow with openapi-python-client's client."""
import io
import time

from letters import BASE, EMAIL, PASSWORD, PRODUCTS, token_of_letter
from rowhouse_client import AuthenticatedClient, Client
from rowhouse_client.api.auth import auth_login, auth_signup, auth_verify_email
from rowhouse_client.api.operations import operations_get
from rowhouse_client.api.products import products_export, products_import, products_search
from rowhouse_client.api.projects import projects_create, projects_get, projects_list, projects_update
from rowhouse_client.api.tenants import tenants_create
from rowhouse_client.models import (
    FileFormat, LinkToken, Login, ProjectCreate, TenantCreate, OperationStatus, Problem, Project, ProjectPatch, ProjectStatus,
    SessionAnswer, SignUp, Sort, TotalIs,
)
from rowhouse_client.types import File

nobody = Client(base_url=BASE)
signed_up = auth_signup.sync_detailed(
    client=nobody, body=SignUp(email=EMAIL, password=PASSWORD, full_name="Flo", organization="Flow")
)
assert signed_up.status_code == 202, signed_up
assert auth_verify_email.sync_detailed(client=nobody, body=LinkToken(token=token_of_letter())).status_code == 204
session = auth_login.sync(client=nobody, body=Login(email=EMAIL, password=PASSWORD))
assert isinstance(session, SessionAnswer), session
client = AuthenticatedClient(base_url=BASE, token=session.access_token)
print("signed up, verified, signed in to", session.tenant_id)

made = [projects_create.sync(client=client, body=ProjectCreate(name=f"Project {number}")) for number in range(5)]
assert all(isinstance(project, Project) for project in made), made
problem = projects_create.sync(client=client, body=ProjectCreate(name="Project 0"))
assert isinstance(problem, Problem) and (problem.code, problem.errors[0].pointer) == ("conflict", "/name"), problem
print("created", len(made), "projects; one more of the same name is a", problem.code, "at", problem.errors[0].pointer)

seen, pages, cursor = [], 0, ""
while cursor is not None:
    page = projects_list.sync(client=client, limit=2, sort=Sort.NAME, cursor=cursor, x_tenant_id=str(session.tenant_id))
    seen, pages, cursor = seen + [project.name for project in page.items], pages + 1, page.next_cursor
assert seen == [f"Project {number}" for number in range(5)], seen
print("paged through", len(seen), "in", pages, "pages")

tag = projects_get.sync_detailed(made[0].id, client=client).headers["ETag"]
patch = ProjectPatch(status=ProjectStatus.PAUSED, description=None)
changed = projects_update.sync(made[0].id, client=client, body=patch, if_match=tag)
assert isinstance(changed, Project) and changed.status == ProjectStatus.PAUSED, changed
problem = projects_update.sync(made[0].id, client=client, body=patch, if_match=tag)
assert isinstance(problem, Problem) and problem.code == "precondition_failed", problem
print("updated with its ETag; with the old one it is", problem.code)

total = projects_list.sync(client=client, limit=1, prefer="count=exact")
assert (total.total, total.total_is) == (5, TotalIs.EXACT), total
print("counted", total.total)

operation = products_import.sync(client=client, body=File(payload=io.BytesIO(PRODUCTS)), format_=FileFormat.CSV)
while operation.status in (OperationStatus.QUEUED, OperationStatus.RUNNING):
    time.sleep(0.1)
    operation = operations_get.sync(operation.id, client=client)
assert operation.status == OperationStatus.SUCCEEDED and operation.result["created"] == 3, operation
print("imported", operation.result["created"], "products")

found = products_search.sync(client=client, q="lamp")
assert {hit.sku for hit in found.items} == {"LMP-1", "LMP-2"}, found
print("searched:", len(found.items), "lamps")

lines = products_export.sync(client=client, format_=FileFormat.CSV).splitlines()
assert len(lines) == 4, lines
print("exported", len(lines) - 1, "products as CSV")

tenants_create.sync(client=client, body=TenantCreate(name="Second"))
again = auth_login.sync(client=nobody, body=Login(email=EMAIL, password=PASSWORD))
assert again.tenant_id == session.tenant_id, again
print("signed in again, to the same of two tenants")
