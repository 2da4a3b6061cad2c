"""The command line: help, mistakes in a separate process, and run.sh itself. More mistakes: tests/malformed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.homework.parts import PARTS
from tests.helpers.command import Done, contents, run
from tests.malformed.refusal import assert_refusal

ROOT = Path(__file__).parents[2]


def test_a_mistake_in_a_separate_process(tmp_path, small_archives):
    """A mistake found after the data are loaded: no library adds a line to what the user sees."""
    done = run("part_a", "--batch-size", 1101, "--archives", small_archives, "--out", tmp_path / "runs")
    assert_refusal(Done(done.returncode, done.stdout, done.stderr))
    assert not contents(tmp_path)


def test_a_directory_with_other_files_is_left_alone(call, tmp_path):
    (tmp_path / "part_a").mkdir()
    (tmp_path / "part_a" / "thesis.txt").write_text("years of work")
    before = contents(tmp_path)
    for extra in ([], ["--overwrite"]):
        done = call("part_a", "--out", tmp_path, *extra)
        assert_refusal(done)
        assert "not a run directory" in done.stderr
    assert contents(tmp_path) == before


COMMANDS = (
    *PARTS, "part_c", "all", "train", "compare", "saturation", "bench", "torch_baseline", "ridge",
    "change_of_variables", "verify", "report", "sample", "interpolate", "export", "improvements", "part_best",
)  # fmt: skip


@pytest.mark.parametrize("arguments", [[], ["--help"], *([command, "--help"] for command in COMMANDS)])
def test_help(call, arguments):
    """Help exists under the names in the README and the specification."""
    done = call(*arguments)
    assert done.returncode == 0
    assert "Usage: ./run.sh" in done.stdout


class TestRunScript:
    """run.sh itself, on a PATH with only the shell's tools and what a test adds."""

    def start(self, tools: Path, script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        for name in [
            "bash",
            "env",
            "cat",
            "cksum",
            "dirname",
            "readlink",
            "grep",
            "head",
            "mkdir",
            "mv",
            "cut",
            "chmod",
            "rm",
            "flock",
        ]:
            if not (tools / name).exists():
                (tools / name).symlink_to(subprocess.check_output(["bash", "-c", f"type -P {name}"], text=True).strip())
        environment["PATH"] = str(tools)
        return subprocess.run(["bash", script, *arguments], env=environment, capture_output=True, text=True, timeout=60)

    @pytest.fixture
    def clone(self, tmp_path) -> Path:
        """The script and the project's metadata in a directory with a space in its name."""
        folder = tmp_path / "a folder"
        folder.mkdir()
        for name in ("run.sh", "pyproject.toml", "requirements.lock"):
            (folder / name).write_bytes((ROOT / name).read_bytes())
        return folder

    @pytest.fixture
    def tools(self, tmp_path) -> Path:
        """A PATH with a fake Python that records its arguments and creates a fake environment."""
        (tmp_path / "tools").mkdir()
        python = tmp_path / "tools" / "python3"
        python.write_text(f"""#!/usr/bin/env bash
echo "$@" >>'{tmp_path}/asked'
case "$*" in
    -c*) echo True ;;
    "-m venv "*)
        mkdir -p "$3/bin" "$3/lib/python3.11/site-packages"
        cat "$0" >"$3/bin/python"
        chmod +x "$3/bin/python"
        ;;
esac
""")
        python.chmod(0o755)
        return tmp_path / "tools"

    def python_calls(self, clone: Path) -> list[str]:
        """Return the fake Python's arguments since the last call, a line each, without version queries."""
        notes = clone.parent / "asked"
        lines = notes.read_text().splitlines() if notes.exists() else []
        notes.write_text("")
        return [line for line in lines if not line.startswith("-c")]

    @pytest.mark.parametrize(
        ("driver", "variables", "choice"),
        [
            (None, {}, "jax on the CPU"),
            ("echo 'GPU 0: NVIDIA H100 (UUID: GPU-0)'", {}, "jax[cuda12]"),
            ("echo 'NVIDIA-SMI has failed' >&2; exit 9", {}, "jax on the CPU"),
            ("echo 'No devices were found'", {}, "jax on the CPU"),
            (None, {"TPU_ACCELERATOR_TYPE": "v5litepod-8"}, "jax[tpu]"),
            ("exit 9", {"TPU_ACCELERATOR_TYPE": "v5litepod-8"}, "jax[tpu]"),
        ],
    )
    def test_choice_of_jax(self, tmp_path, clone, driver, variables, choice):
        tools = tmp_path / "tools"
        tools.mkdir()
        if driver is not None:
            (tools / "nvidia-smi").write_text(f"#!/usr/bin/env bash\n{driver}\n")
            (tools / "nvidia-smi").chmod(0o755)
        done = self.start(tools, clone / "run.sh", "part_a", **variables)
        assert choice in done.stderr
        # No Python on this PATH: reported with the remedy, and nothing is created.
        assert done.returncode == 2
        assert "Python 3.11 or newer is needed" in done.stderr
        assert not (clone / ".venv").exists()

    @pytest.mark.parametrize("command", ["lint", "docs", "notebook"])
    def test_help_of_the_scripts_own_commands(self, tmp_path, clone, command):
        """Help needs no environment and does nothing else."""
        (tmp_path / "tools").mkdir()
        done = self.start(tmp_path / "tools", clone / "run.sh", command, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert re.match(rf"Usage: \./run\.sh {command}(: | \[)", done.stdout)
        assert not (clone / ".venv").exists()

    @pytest.mark.parametrize(
        ("arguments", "extras"),
        [
            (["part_a", "--epochs", "3"], None),
            (["part_a", "--tensorboard"], "tensorboard"),
            (["torch_baseline", "part_a", "--tensorboard"], "torch tensorboard"),
            (["part_a", "--tensorboard", "--help"], None),
            (["sample"], None),
            (["notebook"], "notebook"),
            (["notebook", "--no-browser"], "notebook"),
            (["notebook", "exercises"], "notebook"),
            (["notebook", "solutions", "--port", "8889"], "notebook"),
            (["docs"], "docs"),
        ],
    )
    def test_choice_of_extras(self, clone, tools, arguments, extras):
        """Choose extras in an environment that exists already, as a user who is not root."""
        self.become(tools, user=1000)
        assert self.start(tools, clone / "run.sh", "install").returncode == 0
        self.python_calls(clone)
        assert self.start(tools, clone / "run.sh", *arguments).returncode == 0
        *installed, started = self.python_calls(clone)
        notebooks = {"exercises": "exercises", "solutions": "exercises_solutions"}
        name, options = arguments[0], arguments[1:]
        if name == "notebook" and options[:1] and options[0] in notebooks:
            program, options = f"-P -m jupyterlab {clone}/experiments/{notebooks[options[0]]}.ipynb", options[1:]
        else:
            program = {
                "notebook": f"-P -m jupyterlab {clone}/experiments/gan.ipynb",
                "docs": f"-P -m sphinx -E -n -W --keep-going -q -d {clone}/docs/_build/doctrees {clone}/docs "
                f"{clone}/docs/_build/html",
            }.get(name, f"-P -m experiments {name}")
        assert started == " ".join([program, *options])
        needed = [line for line in installed if "requirements.py" in line]
        assert needed == ([f"-I {clone}/experiments/requirements.py {extras}"] if extras else [])

    def become(self, tools: Path, user: int) -> None:
        """Have `id -u` tell another user than the one who runs the tests."""
        (tools / "id").write_text(f"#!/usr/bin/env bash\necho {user}\n")
        (tools / "id").chmod(0o755)

    @pytest.mark.parametrize("arguments", [[], ["exercises"], ["--no-browser"]])
    def test_root_is_told_what_jupyter_wants(self, clone, tools, arguments):
        """Jupyter refuses to start as root, after half a minute of installing; a line before says what to do."""
        self.become(tools, user=0)
        done = self.start(tools, clone / "run.sh", "notebook", *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "as root: run this as another user, or add --allow-root: ./run.sh notebook" in done.stderr
        assert not (clone / ".venv").exists()
        assert self.start(tools, clone / "run.sh", "notebook", *arguments, "--allow-root").returncode == 0
        started = self.python_calls(clone)[-1]
        assert started.startswith(f"-P -m jupyterlab {clone}/experiments/")
        assert started.endswith("--allow-root")

    def test_an_unknown_notebook_is_refused(self, clone, tools):
        done = self.start(tools, clone / "run.sh", "notebook", "exercise")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "opens exercises, solutions or, without a name, the tutorial, not exercise" in done.stderr
        assert not (clone / ".venv").exists()

    def test_versions_stay_locked_or_newest_until_the_other_is_requested(self, clone, tools):
        """An environment of the newest versions is kept, and its extras are the newest, too."""

        def installed(*arguments: str) -> list[bool]:
            """Run a command; return for each installation that it starts whether it uses the lock."""
            assert self.start(tools, clone / "run.sh", *arguments).returncode == 0
            return [
                "requirements.lock" in line for line in self.python_calls(clone) if line.startswith("-m pip install")
            ]

        assert installed("sample") == [True]
        assert installed("install", "--newest") == [False]
        assert installed("sample") == []
        assert installed("docs") == [False]
        assert installed("install", "--newest") == [False]  # the newest today
        assert installed("install") == [True]
        assert installed("install") == []
        (clone / "requirements.lock").write_text("jax==0.0.0\n")
        assert installed("sample") == [True]
        assert [path.read_text() for path in clone.glob(".venv/lib/*/site-packages/gan_jax.pth")] == [f"{clone}\n"]

    def test_install_takes_no_other_option(self, clone, tools):
        done = self.start(tools, clone / "run.sh", "install", "--latest")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "takes --newest or nothing" in done.stderr
        assert not (clone / ".venv").exists()


@pytest.mark.parametrize(
    ("module", "command"),
    [("jinja2", "report"), ("typst", "report"), ("torch", "torch_baseline"), ("sklearn", "ridge")],
)
def test_a_missing_package_is_one_line(tmp_path, module, command):
    """Run without run.sh, which would install it."""
    arguments = [command, *(["part_a"] if module == "torch" else []), "--out", str(tmp_path / "a.html")]
    script = f"import sys; sys.modules[{module!r}] = None; sys.argv = ['', *{arguments}]; from experiments import cli"
    done = subprocess.run([sys.executable, "-P", "-c", f"{script}; cli.main()"], capture_output=True, text=True)
    assert done.returncode == 2, done
    [line] = done.stderr.splitlines()
    assert line.startswith(f"run.sh: error: {module} is not installed: python -m pip install '.[")
    assert not list(tmp_path.iterdir())


def test_help_says_what_is_replaced(call):
    help_text = " ".join(call("report", "--help").stdout.replace("│", " ").split())
    assert "homework.pdf beside it, which is replaced" in help_text
    assert "homework.zip beside it, which is replaced" in help_text
