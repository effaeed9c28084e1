"""Does what docs/webhooks.md says, in its own words, and verifies what comes; tests/conformance/webhooks installs what this needs."""
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
from drive import HERE, Server, credentials, say

PAGE = (HERE.parents[1] / "docs" / "webhooks.md").read_text()
ORIGIN = {"X-Forwarded-For": "2001:db8:ffff::1"}


class Receiver:
    """A program that says a line for each message it has verified."""

    def __init__(self, command, folder):
        self.out = folder / "receiver.log"
        with self.out.open("wb") as out:
            self.child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=folder)

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


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def main():
    binary, modules = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    install_modules(modules)
    work = pathlib.Path(tempfile.mkdtemp(prefix="rowhouse-webhooks-"))
    server, running = Server(binary, work), []
    try:
        token = requests.post(
            f"{server.base}/api/v1/auth/login", json=credentials(server.tenants[0]["users"][0]), headers=ORIGIN, timeout=10
        ).json()["access_token"]

        # The page, as somebody pastes it: the state of the shell goes on from block to block.
        def paste(block):
            script = f"set -eo pipefail; [ -e state ] && source ./state; {block}\ndeclare -p HOOK ONE > state 2>/dev/null || true"
            environment = os.environ | {"API": f"{server.base}/api/v1", "TOKEN": token}
            ran = subprocess.run(["bash", "-c", script], cwd=work, env=environment, text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if ran.returncode or "urn:rowhouse:problem" in ran.stdout:
                sys.exit(f"{block}\nexit code {ran.returncode}:\n{ran.stdout}")
            return ran.stdout

        (work / "receiver.py").write_text(blocks("python")[0])
        endpoint, cause, rotate, again = blocks("sh")
        secret = paste(endpoint).strip().splitlines()[-1]
        python = Receiver([sys.executable, "receiver.py", secret], work)
        running.append(python)
        listens(9000)
        paste(cause)
        python.until("webhook.test")
        python.until("project.created")
        say("the receiver of docs/webhooks.md has verified what it was sent")
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
        headers = ORIGIN | {"Authorization": f"Bearer {token}"}
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
