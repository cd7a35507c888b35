# Sourced by the other scripts: finds a Python, and makes .venv hold exactly what a lock says, plus Callboard itself.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv

fail() {
  printf '%s\n' "$*" >&2
  exit 2
}

# A name on PATH may be a shim of a version that is not installed, so each candidate is asked.
find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  fail "Callboard needs Python 3.11 or later; PYTHON=/path/to/python names one that is not on PATH."
}

make_venv() {
  if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    return
  fi
  local python
  python=$(find_python)
  "$python" -m venv --clear "$venv" || fail "$python can't make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv"
}

install_uv() {
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$root/requirements-uv.lock"
}

# What an installation depends on; an unchanged sum means that nothing has to be done.
fingerprint() {
  find "$root"/requirements*.lock "$root"/pyproject.toml "$root"/hatch_build.py "$root"/web \
    -name node_modules -prune -o -type f -exec cat {} + | cksum
}

# install runtime|dev
install() {
  local wanted=$1 present='' sum lock=$root/requirements.lock
  sum=$(fingerprint)
  if [ -r "$venv/installed" ]; then present=$(<"$venv/installed"); fi
  if [ "$present" = "dev $sum" ] || [ "$present" = "$wanted $sum" ]; then
    return
  fi
  case $wanted-$present in dev-* | runtime-dev*) wanted=dev lock=$root/requirements-dev.lock ;; esac
  # Two scripts started at once take turns.
  exec 9<"$root/pyproject.toml"
  if command -v flock >/dev/null; then flock 9; fi
  echo "Installing into .venv; this happens once and takes a minute or two." >&2
  make_venv
  rm -f "$venv/installed"
  install_uv
  (
    eval "$("$venv/bin/python" "$root/scripts/index_settings.py")"
    "$venv/bin/uv" pip sync --quiet --compile-bytecode --python "$venv/bin/python" --require-hashes "$lock"
    "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --editable "$root"
  )
  if [ ! -e "$root/api/graphql/graphiql/built-from" ] || [ ! -e "$root/api/docs/mermaid/built-from" ]; then
    echo "GraphiQL or Mermaid is missing, because the npm registry could not be reached; scripts/web tries again and says why." >&2
  fi
  printf '%s %s' "$wanted" "$sum" >"$venv/installed"
  exec 9<&-
}
