#!/usr/bin/env bash
# The front door: makes the environment when it is missing or out of date, then runs the command.
#   ./run.sh --help
set -euo pipefail

root=$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
venv="$root/.venv"
stamp="$venv/gan_jax-installed" # first line: what the environment was made for; then an extra a line

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

# install EXTRA...: see to it that the environment is there, up to date, and has these extras.
install() {
    local key python extra missing=()
    key="$accelerator $(cksum <"$root/pyproject.toml")"
    if [ ! -f "$stamp" ] || [ "$(head -n 1 "$stamp")" != "$key" ]; then
        python=$(find_python)
        say "making the environment in $venv, once: this takes some minutes"
        rm -rf "$venv"
        "$python" -m venv "$venv" || { say "error: '$python -m venv' failed: see above"; exit 1; }
        pip_install ""
        echo "$key" >"$stamp"
    fi
    for extra in "$@"; do
        grep -qx "$extra" "$stamp" || missing+=("$extra")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        say "adding what '${missing[*]}' needs to the environment, once"
        pip_install "$(IFS=,; echo "${missing[*]}")"
        printf '%s\n' "${missing[@]}" >>"$stamp"
    fi
}

pip_install() { # EXTRAS, separated by commas
    local extras="$1"
    [ "$accelerator" = cpu ] || extras="$accelerator${extras:+,$extras}"
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --editable "$root${extras:+[$extras]}" ||
        { say "error: the installation failed: see above; start again when that is mended"; exit 1; }
}

case "${1:-}" in
    test) extras=(test) ;;
    lint) extras=(test lint) ;;
    all | ridge | change_of_variables) extras=(math) ;;
    torch_baseline | bench) extras=(torch) ;;
    report) extras=(report) ;;
    notebook) extras=(notebook) ;;
    docs) extras=(docs) ;;
    *) extras=() ;;
esac
case " $*" in
    *" --tensorboard"*) extras+=(tensorboard) ;;
esac
case "$*" in
    test* | lint* | notebook* | docs*) ;;
    "bench roofline" | *--help*) extras=() ;; # arithmetic, and what a command does, can be told without what it needs
esac

case "$*" in
    "lint --help" | "lint -h") echo "Usage: ./run.sh lint: ruff and pyright on all of it, as CI runs them" && exit ;;
    "docs --help" | "docs -h") echo "Usage: ./run.sh docs: pages of all docstrings, docs/api/index.html" && exit ;;
esac

accelerator=$(accelerator)
case "$accelerator" in
    cuda) say "NVIDIA GPU: jax[cuda12]" ;;
    tpu) say "TPU: jax[tpu]" ;;
    cpu) say "no GPU or TPU: jax on the CPU" ;;
esac
if command -v flock >/dev/null; then
    exec 9>"$root/.venv.lock" # two first starts at once would tread on each other
    flock 9
fi
install ${extras[@]+"${extras[@]}"}
exec 9>&-

# A hundred small programs, each run once: their time is compiling, which this cuts by a quarter.
case "${1:-}" in
    ridge | change_of_variables) export JAX_DISABLE_MOST_OPTIMIZATIONS=1 ;;
esac

# -P: a folder named like one of ours where the user stands must not be taken for it.
case "${1:-}" in
    test)
        cd "$root"
        exec "$venv/bin/python" -P -m pytest "${@:2}"
        ;;
    lint)
        cd "$root"
        "$venv/bin/ruff" check .
        "$venv/bin/ruff" format --check .
        exec "$venv/bin/pyright"
        ;;
    notebook) exec "$venv/bin/python" -P -m jupyterlab "$root/experiments/gan.ipynb" "${@:2}" ;;
    docs) exec "$venv/bin/python" -P -W error "$root/docs/pages.py" ;;
    *) exec "$venv/bin/python" -P -m experiments "$@" ;;
esac
