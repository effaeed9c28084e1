# What bin/dev and bin/test share: finding and installing what they need. Everything said goes to
# standard error; standard output belongs to the commands.

say() { if [ -t 2 ]; then printf '\033[2m• %s\033[0m\n' "$*" >&2; else printf '• %s\n' "$*" >&2; fi; }
fail() { printf 'rowhouse: %s\n' "$*" >&2; exit 2; }

need_cargo() {
  command -v cargo >/dev/null || fail "cargo is missing: install the Rust toolchain (rustup), version 1.92 or later"
  # Some dependencies build C.
  command -v cc >/dev/null || install_packages build-essential
}

# Checks of what the project depends on, each at the version that was tried here. Without optimisation they are compiled in a minute.
need_cargo_tool() {
  local name=$1 version=$2
  [ "$("$name" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+')" = "$version" ] && return
  say "installing $name $version"
  cargo install --locked --debug --quiet "$name@$version" >&2 || fail "cargo could not install $name $version; the lines above say why"
  PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
}

# A server of any supported version; the binary itself looks for the newest and says if it is too old.
need_postgres() {
  [ -n "${ROWHOUSE_PG_BIN:-}" ] && return
  local found
  for found in /usr/lib/postgresql/*/bin/initdb "$(command -v initdb || true)" /usr/pgsql-*/bin/initdb /opt/homebrew/opt/postgresql*/bin/initdb; do
    [ -x "$found" ] && return
  done
  install_packages postgresql
}

# The suite also runs through a real PgBouncer. It lies in sbin, which is not on everybody's PATH.
need_pgbouncer() {
  [ -n "$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v pgbouncer)" ] && return
  install_packages pgbouncer
  # The package starts one of its own, which nobody needs here.
  if [ -d /run/systemd/system ]; then $([ "$(id -u)" = 0 ] || echo sudo) systemctl disable --quiet --now pgbouncer; fi
}

# Where answers are kept, and what the suite starts, pauses and kills. The package starts one of its own, too.
need_redis() {
  command -v redis-server >/dev/null && return
  install_packages redis-server
  if [ -d /run/systemd/system ]; then $([ "$(id -u)" = 0 ] || echo sudo) systemctl disable --quiet --now redis-server; fi
}

need_curl() { command -v curl >/dev/null || install_packages curl ca-certificates; }

# Debian and Ubuntu by apt; elsewhere one sentence says what to do.
install_packages() {
  command -v apt-get >/dev/null || fail "please install $*: this is no Debian or Ubuntu, so it is not done for you"
  local sudo=""
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "please install $* (as root: apt-get install $*)"
    sudo=sudo
  fi
  say "installing $*"
  # A server package would also start a cluster of its own, which nobody needs here.
  if [ "$*" = postgresql ] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    $sudo mkdir -p /etc/postgresql-common
    echo "create_main_cluster = false" | $sudo tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  { $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$@"; } >&2 \
    || fail "apt-get could not install $*; install it yourself and run this again"
}
