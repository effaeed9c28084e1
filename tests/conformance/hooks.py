"""What schemathesis cannot know by itself: how to sign in here, and where in the world a request comes from."""
import atexit
import collections
import json
import os

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

HEADER, QUERY = ParameterLocation.HEADER, ParameterLocation.QUERY
BASE = os.environ["CONFORMANCE_BASE"]
TENANT = os.environ["CONFORMANCE_TENANT"]
# {"*": {email, password}, operation: {email, password} …}; empty as nobody.
PEOPLE = json.loads(os.environ.get("CONFORMANCE_PEOPLE", "{}"))
# Codes of violations that a document can rule out beforehand.
BUILD = {"wrong_type", "unknown_field", "required", "too_short", "too_long", "not_allowed", "unknown_parameter"}
# Where it depends on something else: 15 characters without a second factor, 8 with one.
NOT_SAYABLE = {
    ("PUT /api/v1/me/password", "/password"),
    # Which words are time zones and currencies, lists outside the document say.
    ("PATCH /api/v1/tenant/settings", "/time_zone"),
    ("PATCH /api/v1/tenant/settings", "/currency"),
}


class Networks:
    """Guesses are counted by network. Each request comes from a network of its own, or all but the first few would be
    429; as nobody, one in ten comes from the same, so that 429 is met as well."""

    def __init__(self):
        self.number = 0

    def next(self):
        self.number += 1
        number = 0 if not PEOPLE and self.number % 10 == 0 else self.number
        return f"2001:db8:{os.getpid() & 0xffff:x}:{number & 0xffff:x}:{number >> 16:x}::1"


NETWORKS = Networks()
SESSIONS = {}
STATUSES = collections.defaultdict(collections.Counter)


def sign_in(who):
    headers = {"X-Forwarded-For": NETWORKS.next()}
    # The owner makes further tenants on the way and has to say which; the others may have left theirs.
    if who == "*":
        headers["X-Tenant-ID"] = TENANT
    answer = requests.post(f"{BASE}/api/v1/auth/login", json=PEOPLE[who], headers=headers, timeout=10)
    answer.raise_for_status()
    return answer.json()["access_token"]


def person(operation):
    return operation if operation in PEOPLE else "*"


if PEOPLE:

    @schemathesis.auth(refresh_interval=None)
    class Session:
        """A session of the person who plays this operation. One that a request has ended is replaced by a new one."""

        def get(self, case, context):
            who = person(context.operation.label)
            if who not in SESSIONS:
                SESSIONS[who] = sign_in(who)
            return SESSIONS[who]

        def set(self, case, token, context):
            case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def before_call(context, case, kwargs):
    number = NETWORKS.number
    case.headers["X-Forwarded-For"] = NETWORKS.next()
    # Made-up tenants, cursors and tags are refused before anything else is looked at. Some go as they are; the others give
    # way to what is there, unless they are what the request is about.
    if number % 4 and "X-Tenant-ID" in case.headers and TENANT and not negates(case, "X-Tenant-ID", HEADER):
        case.headers["X-Tenant-ID"] = TENANT
    for place in ("cursor", "after"):
        if number % 4 and place in (case.query or {}) and not negates(case, place, QUERY):
            del case.query[place]
    if number % 2 and "If-Match" in case.headers and not negates(case, "If-Match", HEADER):
        case.headers["If-Match"] = "*"


def negates(case, name, location):
    """Whether a request that does not fit the document is so because of this parameter, as far as one can tell."""
    if case.meta is None:
        return True
    about = getattr(case.meta.phase.data, "parameter", None)
    return about == name if about else case.meta.is_negative_at(location)


def asked_as_declared(case, response):
    """Other methods are tried as well, OPTIONS among them, which the document leaves to RFC 9110."""
    return response.request.method == case.operation.method.upper()


@schemathesis.hook
def after_call(context, case, response):
    operation = case.operation.label
    if asked_as_declared(case, response):
        STATUSES[operation][response.status_code] += 1
    if response.status_code == 401 and b'"session_ended"' in response.content:
        SESSIONS.pop(person(operation), None)


@atexit.register
def write_statuses():
    if path := os.environ.get("CONFORMANCE_STATUSES"):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(STATUSES, file)


@schemathesis.check
def success_is_declared(ctx, response, case):
    """`default` stands for problems: whatever is no problem has its own place in the document."""
    declared = case.operation.definition.raw["responses"]
    if asked_as_declared(case, response) and response.status_code < 400 and str(response.status_code) not in declared:
        raise AssertionError(f"{response.status_code} is not declared")


@schemathesis.check
def failure_is_a_problem(ctx, response, case):
    """Each is a problem document (RFC 9457) that agrees with its status line."""
    if response.status_code < 400 or response.request.method == "HEAD":
        return
    problem = response.json()
    if problem["status"] != response.status_code or problem["type"] != f"urn:rowhouse:problem:{problem['code']}":
        raise AssertionError(f"not the problem of a {response.status_code}: {problem}")


@schemathesis.check
def not_refused_for_what_the_document_allows(ctx, response, case):
    """A request that fits the document may be refused for what it means, never for how it is built."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in (400, 422):
        return
    problem = response.json()
    refused = [error for error in problem.get("errors", []) if error["code"] in BUILD]
    refused = [error for error in refused if (case.operation.label, error.get("pointer")) not in NOT_SAYABLE]
    if problem["code"] == "malformed_json" or refused:
        raise AssertionError(f"refused for what the document allows: {refused or problem['detail']}")
