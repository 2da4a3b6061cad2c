#!/usr/bin/env bash
# The front door: makes the environment when it is missing or out of date, then runs the command.
#   ./run.sh --help
set -euo pipefail

root=$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
venv="$root/.venv"
stamp="$venv/gan_jax-installed" # first line: what the environment was made for and of; then an extra a line

say() { echo "run.sh: $*" >&2; }

# What the machine computes on: an NVIDIA GPU whose driver answers, a TPU, or else the CPU.
accelerator() {
    if command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q '^GPU '; then
        echo cuda
    elif compgen -G '/dev/accel[0-9]*' >/dev/null || [ -n "${TPU_ACCELERATOR_TYPE:-}" ]; then
        echo tpu
    else
        echo cpu
    fi
}

# The first Python that is new enough; where $PYTHON names one, that and no other.
find_python() {
    local candidate candidates=(python3 python3.14 python3.13 python3.12 python3.11)
    [ -z "${PYTHON:-}" ] || candidates=("$PYTHON")
    for candidate in "${candidates[@]}"; do
        if [ "$("$candidate" -c 'import sys; print(sys.version_info >= (3, 11))' 2>/dev/null)" = True ]; then
            echo "$candidate"
            return
        fi
    done
    say "error: Python 3.11 or newer is needed: install one, or name it in the variable PYTHON${PYTHON:+, now $PYTHON}"
    exit 2
}

# The first line of the stamp of an environment with "locked" versions, or with the "newest" of when it was made.
key() {
    local files=("$root/pyproject.toml")
    [ "$1" = newest ] || files+=("$root/requirements.lock")
    echo "$accelerator $1 $(cat "${files[@]}" | cksum)"
}

# install VERSIONS EXTRA...: see to it that the environment is there, up to date, and has these extras. VERSIONS is
# "locked" or "newest"; empty for either, and locked ones where it has to be made.
install() {
    local made versions="$1" python extra missing=()
    made=$([ ! -f "$stamp" ] || head -n 1 "$stamp")
    if [ -z "$versions" ]; then
        versions=locked
        [[ "$made" != *" newest "* ]] || versions=newest
    elif [ "$versions" = newest ]; then
        made="" # what is the newest today
    fi
    if [ "$made" != "$(key "$versions")" ]; then
        case "$accelerator" in
            cuda) say "NVIDIA GPU: jax[cuda12]" ;;
            tpu) say "TPU: jax[tpu]" ;;
            cpu) say "no GPU or TPU: jax on the CPU" ;;
        esac
        python=$(find_python)
        say "making the environment in $venv, with the $versions versions: this takes half a minute or so"
        rm -rf "$venv.before"
        [ ! -e "$venv" ] || mv "$venv" "$venv.before" # comes back where the installation fails
        trap 'rm -rf "$venv"; [ ! -e "$venv.before" ] || mv "$venv.before" "$venv"' EXIT
        "$python" -m venv "$venv" || { say "error: '$python -m venv' failed: see above"; exit 1; }
        cat "$root/requirements.lock" >"$venv/requirements.lock" # which versions these are, for the manifests of runs
        echo "$root" >"$(echo "$venv"/lib/python3*/site-packages)/gan_jax.pth" # import gan_jax, with this Python anywhere
        pip_install "$versions"
        key "$versions" >"$stamp"
        trap - EXIT
        rm -rf "$venv.before"
    fi
    for extra in ${@:2}; do
        grep -qx "$extra" "$stamp" || { [ "$extra" = numeric ] && grep -qx test "$stamp"; } || missing+=("$extra")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        say "adding what '${missing[*]}' needs to the environment, once"
        pip_install "$versions" "${missing[@]}"
        printf '%s\n' "${missing[@]}" >>"$stamp"
    fi
}

pip_install() { # VERSIONS EXTRA...
    local versions="$1" extras=("${@:2}") constraints=()
    [ "$accelerator" = cpu ] || extras+=("$accelerator")
    [ "$versions" = newest ] || constraints=(--constraint "$root/requirements.lock")
    "$venv/bin/python" -I "$root/experiments/requirements.py" ${extras[@]+"${extras[@]}"} >"$venv/requirements.txt"
    # Compiled below, on all cores and what is imported at every start: pip takes one core for all there is.
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-compile ${constraints[@]+"${constraints[@]}"} \
        --requirement "$venv/requirements.txt" ||
        { say "error: the installation failed: see above. Is the package index within reach? Then the same command again"; exit 1; }
    local site used=(cyclopts flax jax matplotlib numpy optax rich safetensors)
    site=$(echo "$venv"/lib/python3*/site-packages)
    [ $# -eq 1 ] || used=("")
    "$venv/bin/python" -m compileall -q -j 0 "${used[@]/#/$site/}" >/dev/null || true # some are of other Pythons
}

case "$*" in
    "test --help" | "test -h")
        echo "Usage: ./run.sh test [--slow] [-m numeric] [PYTEST'S OPTIONS]: the tests; --slow: those of minutes, too;"
        echo "  -m numeric: those of numbers alone; -k NAME, FILE, -n0 (in one process) and all else as pytest has it" && exit
        ;;
    "lint --help" | "lint -h") echo "Usage: ./run.sh lint: ruff, pyright and the import rules on all of it, as CI runs them" && exit ;;
    "docs --help" | "docs -h") echo "Usage: ./run.sh docs: the documentation site, docs/_build/html/index.html" && exit ;;
    "notebook --help" | "notebook -h")
        echo "Usage: ./run.sh notebook [JUPYTER'S OPTIONS]: the tutorial, experiments/gan.ipynb, in JupyterLab"
        echo "       ./run.sh notebook exercises: exercises with blanks to fill in, and checks that say what is wrong"
        echo "       ./run.sh notebook solutions: the same exercises, solved"
        echo "  --no-browser, --port N and all else as jupyter lab has it; --allow-root: as root" && exit
        ;;
    "lock --help" | "lock -h") echo "Usage: ./run.sh lock: the newest versions that fit together into requirements.lock" && exit ;;
    "install --help" | "install -h")
        echo "Usage: ./run.sh install: the environment, with the versions of requirements.lock, which it has by default"
        echo "       ./run.sh install --newest: with the newest versions of today; later commands keep them" && exit
        ;;
esac

versions="" extras=() notebook="" jupyter=()
case "${1:-}" in
    test)
        extras=(test)
        [ "${2:-}" != -m ] || [ "${3:-}" != numeric ] || extras=(numeric)
        ;;
    lint) extras=(test lint) ;;
    all | ridge | change_of_variables) extras=(math) ;;
    torch_baseline | bench) extras=(torch) ;;
    report) extras=(report) ;;
    homework) extras=(math report) ;;
    notebook)
        extras=(notebook)
        case "${2:-}" in
            "" | -*) notebook=gan jupyter=("${@:2}") ;;
            exercises) notebook=exercises jupyter=("${@:3}") ;;
            solutions) notebook=exercises_solutions jupyter=("${@:3}") ;;
            *) say "error: ./run.sh notebook opens exercises, solutions or, without a name, the tutorial, not $2" && exit 2 ;;
        esac
        if [ "$(id -u)" = 0 ] && [[ " ${jupyter[*]-} " != *" --allow-root "* ]]; then
            say "error: Jupyter does not start as root: run this as another user, or add --allow-root: ./run.sh $* --allow-root"
            exit 2
        fi
        ;;
    docs | lock)
        [ $# = 1 ] || { say "error: ./run.sh $1 takes no arguments, not ${*:2}" && exit 2; }
        extras=("$1")
        ;;
    install)
        case "${*:2}" in
            "") versions=locked ;;
            --newest) versions=newest ;;
            *) say "error: ./run.sh install takes --newest or nothing, not ${*:2}" && exit 2 ;;
        esac
        ;;
esac
case " $*" in
    *" --tensorboard"*) extras+=(tensorboard) ;;
esac
case "$*" in
    test* | lint* | notebook* | docs* | lock*) ;;
    "bench roofline" | *--help*) extras=() ;; # arithmetic, and what a command does, can be told without what it needs
esac

accelerator=$(accelerator)
if command -v flock >/dev/null; then
    exec 9>"$root/.venv.lock" # two first starts at once would tread on each other
    flock 9
fi
install "$versions" ${extras[@]+"${extras[@]}"}
exec 9>&-

export PYTHONPATH="$root" # the project's own code, whatever the shell has there

# A hundred small programs, each run once: their time is compiling, which this cuts by a quarter.
case "${1:-}" in
    ridge | change_of_variables) export JAX_DISABLE_MOST_OPTIMIZATIONS=1 ;;
esac

# -P: a directory named like one of ours where the user stands must not be taken for it.
case "${1:-}" in
    install) say "$(head -n 1 "$stamp" | cut -d " " -f 2) versions, jax $("$venv/bin/python" -c 'import jax; print(jax.__version__)')" ;;
    test)
        cd "$root"
        exec "$venv/bin/python" -P -m pytest "${@:2}"
        ;;
    lint)
        cd "$root"
        "$venv/bin/ruff" check .
        "$venv/bin/ruff" format --check .
        "$venv/bin/lint-imports" --no-logo
        exec "$venv/bin/pyright"
        ;;
    lock)
        cd "$root"
        exec "$venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --all-extras --upgrade \
            --no-emit-index-url --no-annotate --custom-compile-command "./run.sh lock" --output-file requirements.lock pyproject.toml
        ;;
    notebook) exec "$venv/bin/python" -P -m jupyterlab "$root/experiments/$notebook.ipynb" ${jupyter[@]+"${jupyter[@]}"} ;;
    docs)
        # Read afresh, as pages are made from the code; -n and -W: a reference that leads nowhere is an error.
        "$venv/bin/python" -P -m sphinx -E -n -W --keep-going -q -d "$root/docs/_build/doctrees" "$root/docs" "$root/docs/_build/html"
        say "the documentation site: $root/docs/_build/html/index.html"
        ;;
    *) exec "$venv/bin/python" -P -m experiments "$@" ;;
esac
