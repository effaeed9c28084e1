"""Whether Dockerfile, .dockerignore, docker-compose.yml and .env.example agree with each other and with src/.

A setting that the program reads and nobody explains, one that is explained and read by nobody, one that
stands in .env and never reaches the container, a command that does not parse: each is a line of complaint.
"""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

BINARY = Path(sys.argv[1]).resolve()
# Read by the program, but not ours to explain.
NOT_OURS = {"PATH", "NO_COLOR"}
# What the other images document. Anything else there is a slip of the pen.
IMAGES = {
    "postgres": {
        "POSTGRES_DB",
        "POSTGRES_HOST_AUTH_METHOD",
        "POSTGRES_INITDB_ARGS",
        "POSTGRES_PASSWORD",
        "POSTGRES_USER",
    },
    "redis": set(),
}

complaints = []


def complain(where, what):
    complaint = f"{where}: {what}"
    if complaint not in complaints:
        complaints.append(complaint)


def settings_of_the_program():
    """Each variable that src/ and the crates below it read, and where."""
    found = {}
    for path in sorted([*Path("src").rglob("*.rs"), *Path("crates").glob("*/src/**/*.rs")]):
        text = path.read_text()
        for match in re.finditer(r'\benv\s*=\s*"(\w+)"|\benv::var(?:_os)?\(\s*"(\w+)"', text):
            line = text.count("\n", 0, match.start()) + 1
            found.setdefault(match[1] or match[2], f"{path}:{line}")
        for match in re.finditer(r"#\[arg\([^\]]*\benv\s*[,)]", text):
            line = text.count("\n", 0, match.start()) + 1
            complain(f"{path}:{line}", 'a bare `env` hides the variable\'s name; write env = "NAME"')
    return {name: where for name, where in found.items() if name not in NOT_OURS}


def settings_explained():
    """Each variable of .env.example: its value, whether it is set, and the line."""
    found = {}
    before = ""
    for number, line in enumerate(Path(".env.example").read_text().splitlines(), 1):
        where = f".env.example:{number}"
        match = re.fullmatch(r"(#\s*)?([A-Z][A-Z0-9_]*)=(.*)", line)
        if match:
            name = match[2]
            if name in found:
                complain(where, f"{name} stands here a second time")
            if not re.match(r"#\s*\w", before):
                complain(where, f"{name} is not explained: the line above has to be a comment that does it")
            found[name] = (" ".join(shlex.split(match[3])), match[1] is None, where)
            before = ""
        elif line and not line.startswith("#"):
            complain(where, "neither NAME=value nor a comment")
        else:
            before = line
    return found


def strings(node, where):
    """Each string of a YAML tree with the way to it."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from strings(value, f"{where}.{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from strings(value, f"{where}[{number}]")
    elif isinstance(node, str):
        yield node, where


def substitutions(compose):
    """Each variable that Compose puts in from .env."""
    found = {}
    for top in ("services", "volumes", "networks", "configs", "secrets"):
        for text, way in strings(compose.get(top), top):
            where = f"docker-compose.yml: {way}"
            for match in re.finditer(r"\$(?:(\$)|\{(\w+)([^}]*)\}|(\w+))", text):
                if match[1]:
                    continue  # $$ is a dollar sign
                name = match[2] or match[4]
                found.setdefault(name, where)
                # Without either, Compose warns and goes on with nothing in its place.
                if not (match[3] or "").startswith((":-", ":?")):
                    complain(where, f"say what happens without {name}: ${{{name}:?why}} or ${{{name}:-default}}")
    return found


def dockerfile():
    """What the image sets, the command it runs, and the Rust it is built with."""
    text = re.sub(r"\\\n\s*", "", Path("Dockerfile").read_text())
    env = {}
    for line in re.findall(r"^ENV (.*)$", text, re.MULTILINE):
        env.update(pair.split("=", 1) for pair in shlex.split(line))
    command = json.loads(re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)[-1])
    health = json.loads(re.findall(r"^HEALTHCHECK .*?CMD (\[.*\])$", text, re.MULTILINE)[-1])
    rust = re.search(r"^FROM rust:(\d+)\.(\d+)", text, re.MULTILINE)
    return env, command, health, (int(rust[1]), int(rust[2]))


def options(arguments, where):
    """The variables a command reads, with their defaults; complains when the binary cannot parse it."""
    # Help comes last: everything before it has been parsed when it is printed, and nothing is done.
    run = subprocess.run([BINARY, *arguments, "--help"], capture_output=True, text=True, check=False, env={})
    if run.returncode != 0:
        complain(where, f"`rowhouse {' '.join(arguments)}` does not parse: {run.stderr.strip().splitlines()[0]}")
        return None
    found = re.findall(r"\[env: (\w+)=?\](?:\s*\[default: (.*?)\])?", run.stdout)
    return {name: default or None for name, default in found}


def check_defaults(explained):
    """What .env.example shows as a default is the default."""
    for command in (["serve"], ["dev"]):
        for name, default in (options(command, "src/cli") or {}).items():
            if default is None or name not in explained:
                continue
            value, is_set, where = explained[name]
            if value != default or is_set:
                complain(where, f"the default of {name} is {default}: write it so, with a # in front")


def check_services(compose, image_env, image_command):
    """Our containers' commands parse, get every setting they read, and get no other."""
    ours = {service["image"] for service in compose["services"].values() if "build" in service}
    for name, service in compose["services"].items():
        where = f"docker-compose.yml: services.{name}"
        environment = service.get("environment") or {}
        if isinstance(environment, list):
            complain(where, "write environment as NAME: value")
            continue
        if service["image"] not in ours:
            known = IMAGES.get(service["image"].split(":")[0], set())
            for variable in sorted(set(environment) - known):
                complain(f"{where}.environment", f"{variable} is nothing that the image {service['image']} reads")
            continue
        command = service.get("command", image_command)
        reads = options(command, f"{where}.command")
        if reads is None:
            continue
        for variable in sorted(set(environment) - set(reads)):
            complain(f"{where}.environment", f"{variable} is nothing that `rowhouse {' '.join(command)}` reads")
        for variable in sorted(set(reads) - set(environment) - set(image_env)):
            complain(f"{where}.environment", f"{variable} is missing: what .env says about it would not get there")
        for variable in sorted(set(image_env) & set(environment)):
            if environment[variable] is None:
                complain(f"{where}.environment", f"{variable} without a value takes away what the image sets it to")
        test = service.get("healthcheck", {}).get("test", [])
        if test[:2] == ["CMD", "rowhouse"]:
            options(test[2:], f"{where}.healthcheck")
        elif test:
            complain(f"{where}.healthcheck", "our image has no program but rowhouse: [CMD, rowhouse, ...]")


def check_names(program, explained, substituted, image_env):
    """Every name that stands anywhere is known to the others."""
    for name, where in sorted((program | substituted).items()):
        if name not in explained:
            complain(where, f"{name} is not in .env.example")
    for name, (_, _, where) in explained.items():
        if name not in program and name not in substituted:
            complain(where, f"nothing reads {name}: neither src/ nor docker-compose.yml")
    for name in sorted(set(image_env) - set(program)):
        complain("Dockerfile", f"nothing in src/ reads {name}, which ENV sets")


def check_context(rust):
    """The image's builder gets every file the binary is built from, and a Rust that is new enough."""
    metadata = json.loads(
        subprocess.run(
            ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"], capture_output=True, check=True
        ).stdout
    )
    root = Path(metadata["workspace_root"])
    needed = {root / "Cargo.lock"}
    for package in metadata["packages"]:
        needed.add(Path(package["manifest_path"]))
        oldest = tuple(int(part) for part in (package["rust_version"] or "0.0").split(".")[:2])
        if rust < oldest:
            complain(
                "Dockerfile", f"Rust {rust[0]}.{rust[1]} is too old: {package['name']} needs {package['rust_version']}"
            )
        if package["name"] != "rowhouse":
            # Cargo refuses a member without a target.
            needed.update(Path(target["src_path"]) for target in package["targets"])
    # Cargo writes down what the binary was made from, included files too.
    sources = Path(f"{BINARY}.d").read_text().split(":", 1)[1]
    needed.update(Path(path.replace("\\ ", " ")) for path in re.split(r"(?<!\\)\s+", sources.strip()))
    lines = Path(".dockerignore").read_text().splitlines()
    allowed = [root / line[1:] for line in lines if line.startswith("!")]
    for path in sorted(needed):
        if path.is_relative_to(root) and not any(path.is_relative_to(entry) for entry in allowed):
            complain(".dockerignore", f"{path.relative_to(root)} does not get into the image's build, which needs it")
    for entry in allowed:
        if not entry.exists():
            complain(".dockerignore", f"{entry.relative_to(root)} does not exist")


def main():
    compose = YAML(typ="safe").load(Path("docker-compose.yml"))
    program = settings_of_the_program()
    explained = settings_explained()
    substituted = substitutions(compose)
    image_env, image_command, image_health, rust = dockerfile()

    check_names(program, explained, substituted, image_env)
    check_defaults(explained)
    options(image_command, "Dockerfile: CMD")
    options(image_health[1:], "Dockerfile: HEALTHCHECK")
    check_services(compose, image_env, image_command)
    check_context(rust)

    for complaint in complaints:
        print(f"rowhouse: {complaint}", file=sys.stderr)
    if complaints:
        sys.exit(1)
    print(
        f"{len(explained)} settings and {len(compose['services'])} services: compose file, image and .env.example agree"
    )


main()
