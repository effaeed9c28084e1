"""Serves the demo tenants and sets schemathesis on them; tests/conformance/run installs what this needs."""
import argparse
import copy
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import requests

HERE = pathlib.Path(__file__).resolve().parent

# Each is played by another of the tenant's members, who can be done without: whoever does this may be unable to go on.
SPENT = {
    "POST /api/v1/tenant/subscription/cancel": "whoever has canceled can only read",
    "POST /api/v1/tenant/leave": "the membership is gone",
    "PUT /api/v1/me/password": "nobody knows the password any more",
}

# They go on for as long as somebody follows them, so nobody who waits for their end asks; tests/live follows them.
ENDLESS = ("GET /api/v1/events/stream", "GET /api/v1/notifications/stream")


def say(text):
    print(f"• {text}", file=sys.stderr, flush=True)


def answer_names(asked):
    """A name server that knows no names (RFC 1035): claims to domains are looked up here, so that no answer hangs on
    which name servers the machine has."""
    while True:
        query, sender = asked.recvfrom(4096)
        # The question comes back without what followed it. QR, AA and RA are set; the code is 3, no such name.
        end = query.index(b"\0", 12) + 5
        asked.sendto(query[:2] + b"\x85\x83\0\1" + b"\0" * 6 + query[12:end], sender)


def credentials(user):
    return {"email": user["email"], "password": user["password"]}


class Server:
    """`rowhouse dev` on a database of its own, reached as through a proxy that says where each request comes from."""

    def __init__(self, binary, work):
        names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        names.bind(("127.0.0.1", 0))
        threading.Thread(target=answer_names, args=(names,), daemon=True).start()
        # Not the settings of whoever runs this.
        own = ("DATABASE_URL", "ROWHOUSE_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own) or name == "ROWHOUSE_PG_BIN"}
        kept["ROWHOUSE_NAME_SERVERS"] = f"127.0.0.1:{names.getsockname()[1]}"
        kept["ROWHOUSE_TRUSTED_PROXIES"] = "1"
        self.log = work / "server.log"
        command = [binary, "dev", "--json", "--fresh", "--dir", str(work / "dev"), "--listen", "127.0.0.1:0"]
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=kept)
        line = self.child.stdout.readline()
        if not line:
            sys.exit(f"the server did not start:\n{self.log.read_text()}")
        ready = json.loads(line)
        self.base = ready["base_url"]
        # One member is asked to do all of it, and is not to be told to wait.
        for whose in ("tenant", "principal"):
            command = [binary, "platform", "settings", "set", f"limits.{whose}_per_minute", "1000000"]
            database = {"MIGRATE_DATABASE_URL": ready["database_url"]}
            subprocess.run(command, env=kept | database, stdout=subprocess.DEVNULL, check=True)
        self.tenants = ready["tenants"]

    def read(self, path, tenant):
        """What the owner of a tenant is answered, who signs in to it."""
        # Nobody else comes from there, so no guess of a run's counts.
        origin = {"X-Forwarded-For": "2001:db8:ffff::1", "X-Tenant-ID": tenant["id"]}
        owner = credentials(tenant["users"][0])
        signed_in = requests.post(f"{self.base}/api/v1/auth/login", json=owner, headers=origin, timeout=10)
        token = signed_in.json().get("access_token")
        return requests.get(self.base + path, headers=origin | {"Authorization": f"Bearer {token}"}, timeout=10)

    def permissions(self):
        return [item["name"] for item in self.read("/api/v1/tenant/permissions", self.tenants[0]).json()["items"]]

    def stop(self):
        self.child.send_signal(signal.SIGINT)
        self.child.wait(timeout=30)


class Campaign:
    """Runs of schemathesis against one server."""

    def __init__(self, server, work, options):
        self.server, self.work, self.options = server, work, options
        self.permissions = server.permissions()

    def config(self):
        """The settings, and what there is in the database."""
        users = [user for tenant in self.server.tenants for user in tenant["users"]]
        known = {
            "tenants": [each["id"] for each in self.server.tenants],
            "emails": [user["email"] for user in users],
            "passwords": [users[0]["password"]],
            "permissions": self.permissions,
        }
        settings = (HERE / "schemathesis.toml").read_text()
        for name, values in known.items():
            settings += f"\n[dictionaries.{name}]\nvalues = {json.dumps(values)}\n"
        return settings

    def people(self, tenant):
        """Who plays what; nobody plays anything without a tenant."""
        if tenant is None:
            return {}
        owner, *others = map(credentials, tenant["users"])
        return {"*": owner} | dict(zip(SPENT, others, strict=False))

    def run(self, name, tenant, document, *arguments):
        """Whether all was well, the report, and how often each operation was answered with each status."""
        config = self.work / f"{name}.toml"
        config.write_text(self.config())
        statuses = self.work / f"{name}.statuses.json"
        command = [
            str(pathlib.Path(sys.executable).parent / "schemathesis"),
            *("--config-file", str(config)),
            *("run", document, "--url", self.server.base, "--seed", str(self.options.seed), "--no-color"),
            *arguments,
        ]
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "hooks",
            "PYTHONPATH": str(HERE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "CONFORMANCE_BASE": self.server.base,
            "CONFORMANCE_PEOPLE": json.dumps(self.people(tenant)),
            "CONFORMANCE_TENANT": tenant["id"] if tenant else "",
            "CONFORMANCE_STATUSES": str(statuses),
        }
        done = subprocess.run(command, env=environment, cwd=self.work, capture_output=True, text=True, check=False)
        counts = json.loads(statuses.read_text()) if statuses.exists() else {}
        return done.returncode == 0, done.stdout + done.stderr, counts


def conforms(campaign, name, tenant):
    """One run; whether the server kept to its document all along."""
    options = campaign.options
    arguments = ["--max-examples", str(options.examples)]
    for endless in ENDLESS:
        arguments += ["--exclude-name", endless]
    if options.operation:
        arguments += ["--include-name", options.operation]
    well, report, counts = campaign.run(name, tenant, f"{campaign.server.base}/api/v1/openapi.json", *arguments)
    requests_sent = sum(sum(statuses.values()) for statuses in counts.values())
    accepted = {name for name, statuses in counts.items() if any(status.startswith("2") for status in statuses)}
    say(f"as {name}: {requests_sent} requests to {len(counts)} operations, {len(accepted)} of which were answered 2xx")
    if tenant and (never := sorted(set(counts) - accepted)):
        say(f"  never answered 2xx: {', '.join(never)}")
        # Whoever asks about one operation wants to know what it answers.
        if options.operation:
            print(f"as {name}: {', '.join(never)} was never answered 2xx, so nothing that its successes say was tried; it answered "
                  f"{counts[never[0]]}. Give it what it takes in tests/conformance/hooks.py, or more tries with --examples")
            return False
    if not well or not counts:
        print(report)
        return False
    # A run that has lost its footing has tried nothing since.
    if tenant and campaign.server.read("/api/v1/tenant", tenant).status_code != 200:
        print(f"as {name}: the owner no longer reaches the tenant; what spends who calls it belongs into SPENT")
        return False
    return True


def lies(document):
    """Documents that are wrong in one place each: what they lie about, whom to ask as, the operation that shows it, and
    what has to be reported."""

    def told(change):
        doctored = copy.deepcopy(document)
        change(doctored)
        return doctored

    def schema(name, change):
        return told(lambda doctored: change(doctored["components"]["schemas"][name]))

    def operation(path, method, change):
        return told(lambda doctored: change(doctored["paths"][path][method]))

    def limit(get):
        return next(each["schema"] for each in get["parameters"] if each["name"] == "limit")

    yield (
        "a member's type", True, "GET /api/v1/tenant", "Response violates schema",
        schema("Tenant", lambda record: record["properties"]["name"].update(type="integer")),
    )
    yield (
        "a member that is not there", True, "GET /api/v1/tenant/roles", "Response violates schema",
        schema("RolePage", lambda page: page["required"].append("total")),
    )
    yield (
        "a status", True, "GET /api/v1/me", "Undocumented status code",
        operation("/api/v1/me", "get", lambda me: me.update(responses={"204": {"description": ""}})),
    )
    yield (
        "a status beside problems", True, "GET /api/v1/me", "success_is_declared",
        operation("/api/v1/me", "get", lambda me: me["responses"].pop("200")),
    )
    yield (
        "a content type", False, "GET /livez", "Undocumented Content-Type",
        operation("/livez", "get", lambda livez: livez["responses"]["200"].update(content={"text/plain": {}})),
    )
    yield (
        "a header", True, "GET /api/v1/tenant", "Missing required response headers",
        operation("/api/v1/tenant", "get", lambda get: get["responses"]["200"]["headers"].update(Sunset={"required": True})),
    )
    yield (
        "who may ask", False, "GET /livez", "without authentication",
        operation("/livez", "get", lambda livez: livez.update(security=[{"bearer": []}])),
    )
    yield (
        "a limit that is tighter", True, "GET /api/v1/tenant/roles", "Schema-violating request accepted",
        operation("/api/v1/tenant/roles", "get", lambda get: limit(get).update(maximum=5)),
    )
    yield (
        "a limit that is looser", True, "PATCH /api/v1/me", "refused for what the document allows",
        schema("ProfilePatch", lambda patch: patch["properties"]["full_name"].update(minLength=0)),
    )


def can_fail(campaign):
    """Whether every lie is reported."""
    server = campaign.server
    document = requests.get(f"{server.base}/api/v1/openapi.json", timeout=10).json()
    survivors = 0
    for number, (what, signed_in, operation, wanted, doctored) in enumerate(lies(document)):
        path = campaign.work / f"lie-{number}.json"
        path.write_text(json.dumps(doctored))
        tenant = server.tenants[0] if signed_in else None
        arguments = ("--include-name", operation, "--phases", "coverage,fuzzing", "--max-examples", "30")
        well, report, _ = campaign.run(f"lie-{number}", tenant, str(path), *arguments)
        noticed = not well and wanted in report
        say(f"{'noticed ' if noticed else 'SURVIVED'}  a lie about {what}")
        if not noticed:
            survivors += 1
            print(report)
    return survivors == 0


def main():
    parser = argparse.ArgumentParser(prog="tests/conformance/run")
    parser.add_argument("binary", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--examples", type=int, default=20)
    parser.add_argument("--operation")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()

    work = pathlib.Path(tempfile.mkdtemp(prefix="rowhouse-conformance-"))
    server = Server(options.binary, work)
    try:
        campaign = Campaign(server, work, options)
        acme, globex = server.tenants
        well = True
        if not options.self_test:
            say(f"seed {options.seed}; another with --seed N")
            for operation, why in SPENT.items():
                say(f"{operation} is called by a member who can be done without: {why}")
            for name, tenant in (("acme", acme), ("globex", globex), ("nobody", None)):
                well &= conforms(campaign, name, tenant)
        if well and not options.operation:
            well &= can_fail(campaign)
    finally:
        server.stop()
        if os.environ.get("CONFORMANCE_KEEP") is None:
            shutil.rmtree(work, ignore_errors=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
