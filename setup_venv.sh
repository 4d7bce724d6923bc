#!/bin/sh
# Makes or completes .venv: `sh setup_venv.sh PYTHON`, called by the Makefile.
#
# While it works, .venv/.installing is a symbolic link "to" the process id of the set-up (made in one step, so it is
# never seen empty). Found at a start, it says that a set-up is under way, which is waited for, or that one was killed:
# packages may then be there by halves, which pip would take for whole, so everything is made anew.
set -eu

python=${1:-python3}
marker=.venv/.installing
say() { echo "Set-up: $*" >&2; }

waited=no
was_killed=no
mkdir -p .venv
[ -w .venv ] || { say "no permission to write into .venv"; exit 1; }
until ln -s $$ $marker 2>/dev/null; do
    holder=$(readlink $marker || echo none)
    if [ "$holder" != $$ ] && kill -0 "$holder" 2>/dev/null; then
        [ $waited = yes ] || say "process $holder is setting up .venv; waiting for it (if it is no set-up, remove $marker)"
        waited=yes
        sleep 1
    else
        was_killed=yes
        rm -f $marker
    fi
done
# An interrupted set-up leaves the marker. One that fails in an orderly way leaves nothing by halves and removes it,
# unless what a killed one left is still there.
trap 'exit 130' INT HUP TERM
fail() { [ $was_killed = yes ] || rm -f $marker; say "$*"; exit 1; }

if [ $was_killed = no ] && [ .venv/.installed -nt pyproject.toml ] && [ .venv/.installed -nt constraints.txt ]; then
    rm -f $marker
    exit 0
fi

if [ $was_killed = yes ] || ! .venv/bin/python -c '' 2>/dev/null; then
    command -v "$python" >/dev/null || fail "there is no $python. Name another Python: make PYTHON=/path/to/python3.12"
    "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || fail \
        "needs Python 3.11, 3.12 or 3.13, but $python is $("$python" --version 2>&1)." \
        "Name another one: make PYTHON=/path/to/python3.12"
    "$python" -c 'import ensurepip, venv' || fail \
        "$python cannot make virtual environments. Install its venv module (on Debian and Ubuntu:" \
        "apt install python3-venv) or name another Python: make PYTHON=/path/to/python3.12"
    # Where .venv is activated, $python is its own interpreter, which is about to be removed.
    python=$("$python" -c 'import sys; print(sys._base_executable)')
    say "making .venv with $("$python" --version)"
    find .venv -mindepth 1 -maxdepth 1 ! -name .installing -exec rm -rf {} +
    was_killed=no
    "$python" -m venv .venv || fail "$python -m venv failed; its message stands above."
fi

install() {
    status=0
    .venv/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt "$@" || status=$?
    [ $status -eq 0 ] && return
    [ $status -lt 128 ] && fail "pip failed; its message stands above, and more with:" \
        ".venv/bin/python -m pip install -c constraints.txt $*"
    exit $status
}

.venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
say "installing torch and about 150 more packages into .venv; the first time this takes 2 to 10 minutes"
rm -f .venv/.installed
install torch # first and alone, so that no other package chooses its build
install -e '.[all]'
touch .venv/.installed
rm -f $marker
say "done"
