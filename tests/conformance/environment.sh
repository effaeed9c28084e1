# What the scripts of this folder share: a Python environment of their own with all that they need, pinned, and the server.
# Sourced after bin/lib.sh, from the project's folder; gives $target and $venv.

wanted=tests/conformance/requirements.txt
target=${CARGO_TARGET_DIR:-target}
venv=$target/conformance/venv

need_cargo
need_postgres
# A copy of the list lies in the environment that was made from it; while they are equal there is nothing to do.
if ! cmp -s "$wanted" "$venv/requirements.txt" || ! "$venv/bin/python" -c "" 2>/dev/null; then
  # Debian has ensurepip in a package of its own.
  python3 -c "import ensurepip, venv" 2>/dev/null || install_packages python3-venv
  python3 -c "import sys; sys.exit(sys.version_info < (3, 11))" || fail "tests/conformance needs Python 3.11 or later, and python3 is $(python3 --version)"
  say "installing what tests/conformance needs"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted" >&2 \
    || fail "pip could not install $wanted; the lines above say why"
  cp "$wanted" "$venv/requirements.txt"
fi

cargo build --locked --quiet --package rowhouse >&2
