"""Signs up, follows the streams and does what docs/webhooks.md says, in the documentation's own lines, and verifies what comes;
tests/conformance/webhooks installs what this needs."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import requests

from clients import FLOWS, NODE, install_modules
from drive import HERE, Server, say

ORIGIN = {"X-Forwarded-For": "2001:db8:ffff::1"}


class Receiver:
    """A program that writes down what it is told: a receiver, each message that it has verified."""

    def __init__(self, command, folder, environment=None):
        self.out = folder / "receiver.log"
        with self.out.open("wb") as out:
            self.child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=folder, env=environment)

    def until(self, what, seconds=20):
        given_up = time.monotonic() + seconds
        while what not in self.out.read_text():
            if self.child.poll() is not None or time.monotonic() > given_up:
                sys.exit(f"{what!r} has not come:\n{self.out.read_text()}")
            time.sleep(0.05)

    def stop(self):
        self.child.terminate()
        self.child.wait(timeout=10)


def listens(port):
    """Waits until somebody listens there."""
    for _ in range(200):
        try:
            requests.get(f"http://127.0.0.1:{port}/", timeout=1)
            return
        except requests.exceptions.ConnectionError:
            time.sleep(0.05)
    sys.exit(f"nobody listens on port {port}")


def blocks(page, kind):
    text = (HERE.parents[1] / "docs" / page).read_text()
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def sign_up(server):
    """What docs/people.md begins with: the access token of somebody new, who has founded a tenant."""
    block = blocks("people.md", "sh")[0].replace("http://127.0.0.1:8080", server.base)
    before, after = re.split(r"^# the letter.*\n", block, flags=re.MULTILINE)
    # Its variables go on.
    setting = "".join(line + "\n" for line in before.splitlines() if not line.startswith("curl"))
    subprocess.run(["bash", "-ec", before], check=True, stdout=subprocess.DEVNULL)
    for _ in range(200):
        links = re.findall(r"#token=([\w.-]+)", server.log.read_text())
        if links:
            break
        time.sleep(0.05)
    else:
        sys.exit("no letter has come")
    ran = subprocess.run(["bash", "-ec", setting + after.replace("…", links[-1])], check=True, text=True, stdout=subprocess.PIPE)
    return json.loads(ran.stdout[ran.stdout.index("{") :])["access_token"]


def main():
    binary, modules = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    install_modules(modules)
    work = pathlib.Path(tempfile.mkdtemp(prefix="rowhouse-webhooks-"))
    server, running = Server(binary, work), []
    try:
        token = sign_up(server)
        say("somebody has signed up as docs/people.md says")
        environment = os.environ | {"API": f"{server.base}/api/v1", "TOKEN": token}

        # The page, as somebody pastes it: the state of the shell goes on from block to block.
        def paste(block):
            script = f"set -eo pipefail; [ -e state ] && source ./state; {block}\ndeclare -p HOOK ONE > state 2>/dev/null || true"
            ran = subprocess.run(["bash", "-c", script], cwd=work, env=environment, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if ran.returncode or "urn:rowhouse:problem" in ran.stdout:
                sys.exit(f"{block}\nexit code {ran.returncode}:\n{ran.stdout}")
            return ran.stdout

        # The streams of docs/live.md, each in its own terminal.
        streams = {}
        for line in re.findall(r'^curl -N "\$API/(?:events|notifications)/stream".*', "\n".join(blocks("live.md", "sh")), re.MULTILINE):
            name = line.split("/")[1].split("/")[0].removesuffix('"')
            (work / name).mkdir()
            streams[name] = Receiver(["bash", "-c", f"exec {line}"], work / name, environment)
            running.append(streams[name])
            streams[name].until("event: ready")

        (work / "receiver.py").write_text(blocks("webhooks.md", "python")[0])
        endpoint, cause, rotate, again = blocks("webhooks.md", "sh")
        secret = paste(endpoint).strip().splitlines()[-1]
        python = Receiver([sys.executable, "receiver.py", secret], work)
        running.append(python)
        listens(9000)
        paste(cause)
        python.until("webhook.test")
        python.until("project.created")
        say("the receiver of docs/webhooks.md has verified what it was sent")
        streams["events"].until("project.created")
        headers = ORIGIN | {"Authorization": f"Bearer {token}"}
        file = "sku,name,price_minor\ntour-1,Toured,100\n"
        requests.post(
            f"{server.base}/api/v1/products/import", data=file, headers=headers | {"Content-Type": "text/csv"}, timeout=10
        ).raise_for_status()
        streams["events"].until("product.created")
        streams["notifications"].until("operation.succeeded")
        say("and the streams of docs/live.md have told of it")
        # While two secrets sign, whoever has the old one goes on.
        paste(rotate)
        seen = python.out.read_text().count("project.created")
        paste(again)
        python.until("project.created")
        for _ in range(200):
            if python.out.read_text().count("project.created") > seen or python.out.read_text().count("webhook.test") > 1:
                break
            time.sleep(0.05)
        else:
            sys.exit(f"nothing was sent again:\n{python.out.read_text()}")
        say("and what was sent again, signed with both secrets")

        # The same by the library for Node, with what it was sent altered by nobody.
        made = requests.post(
            f"{server.base}/api/v1/webhooks", json={"url": "http://127.0.0.1:9001/", "event_types": ["project.created"]}, headers=headers, timeout=10
        ).json()
        shutil.copy(FLOWS / "webhooks.mjs", modules)
        (work / "node").mkdir()
        node = Receiver([str(NODE), str(modules / "webhooks.mjs"), "9001", made["secret"]], work / "node")
        running.append(node)
        node.until("LISTENING")
        requests.post(f"{server.base}/api/v1/projects", json={"name": "Told to Node"}, headers=headers, timeout=10).raise_for_status()
        node.until("project.created")
        if "REFUSED" in node.out.read_text():
            sys.exit(node.out.read_text())
        say("the library for Node has verified what it was sent")

        # That they can refuse: a receiver with another secret.
        node.stop()
        running.remove(node)
        (work / "other").mkdir()
        other = Receiver([str(NODE), str(modules / "webhooks.mjs"), "9001", secret], work / "other")
        running.append(other)
        other.until("LISTENING")
        requests.post(f"{server.base}/api/v1/projects", json={"name": "Told to a stranger"}, headers=headers, timeout=10).raise_for_status()
        other.until("REFUSED")
    finally:
        for receiver in running:
            receiver.stop()
        server.stop()
        shutil.rmtree(work, ignore_errors=True)
    say("all is well with webhooks")


if __name__ == "__main__":
    main()
