"""Nothing is unpickled, no data are executed, no network is used, and untrusted text is escaped."""

import ast
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from gan_jax.analysis.metrics import CURVES
from gan_jax.analysis.run_groups import LoadedRun
from gan_jax.analysis.table_formats import as_csv, as_markdown
from gan_jax.config import Config
from gan_jax.plotting import figures
from gan_jax.utils.text import for_figure, for_markdown, printable
from math_checks import figures as math_figures

ROOT = Path(__file__).parent.parent
SOURCES = [path for folder in ("gan_jax", "math_checks", "experiments") for path in (ROOT / folder).rglob("*.py")]
# Names that make code or objects from data.
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "yaml", "runpy", "importlib"}
HARMLESS = ("importlib.metadata", "importlib.resources")  # packages' versions and files, which are plain text
CALLS = {"eval", "exec", "compile", "__import__", "system", "popen"}


def test_the_sources_make_no_code_from_data():
    assert len(SOURCES) > 50
    found = [(path, line, what) for path in SOURCES for line, what in suspicious(path.read_text("utf-8"))]
    # A plugin is code, of a file that the user names to have it executed.
    assert {(path.name, what) for path, _, what in found} == {("plugins.py", "exec"), ("plugins.py", "compile")}


def suspicious(source: str) -> list[tuple[int, str]]:
    """Return each line that imports or calls what could make code from data, with its name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            names = [f"{node.module}.{name}" for name in names] if isinstance(node, ast.ImportFrom) else names
            found += [
                (node.lineno, name)
                for name in names
                if name.partition(".")[0] in MODULES and not name.startswith(HARMLESS)
            ]
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            found += [
                (node.lineno, called)
                for wrong in (
                    called in CALLS or called in {f"os.{name}" for name in CALLS},
                    called in ("np.load", "numpy.load") and arguments.get("allow_pickle", "False") != "False",
                    called == "torch.load" and arguments.get("weights_only") != "True",
                    arguments.get("shell", "False") != "False",
                )
                if wrong
            ]
    return found


@pytest.mark.parametrize(
    "line",
    ["import pickle", "from joblib import load", "import importlib", "eval(x)", "os.system(x)", "__import__(x)",
     "np.load(x, allow_pickle=True)", "torch.load(x)", "subprocess.run(x, shell=True)", "import yaml"],
)  # fmt: skip
def test_a_suspicious_line_is_found(line):
    assert len(suspicious(line)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "np.load(x)",
        "torch.load(x, weights_only=True)",
        "subprocess.run([x])",
        "import importlib.metadata",
        "from importlib.resources import files",
    ],
)
def test_a_harmless_line_is_not_found(line):
    assert not suspicious(line)


def test_runs_unpickle_nothing_and_need_no_network(tmp_path, cache, small_archives):
    """Data are prepared in an empty cache; a run is trained, resumed, compared and verified; programs are cached.

    The processes run without a network where the system allows it, since C++ libraries report no sockets to Python.
    """
    (tmp_path / "gan_jax").mkdir()
    (tmp_path / "gan_jax" / "xla").symlink_to(cache / "gan_jax" / "xla")
    apart = ["unshare", "--map-root-user", "--net"]
    can = shutil.which("unshare") and subprocess.run([*apart, "true"], capture_output=True).returncode == 0
    command = [*(apart if can else []), sys.executable, "-P", ROOT / "tests" / "helpers" / "security.py"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [*command, small_archives, tmp_path / "runs"], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1]) == []


HOSTILE = [
    "$\\frac{$",
    "$x$ and $\\y$",
    "a|b",
    "\\",
    "<script>alert(1)</script>",
    "[x](javascript:y)",
    "\x1b[2J",
    "`id`",
]


def shown(drawn: Figure) -> list[str]:
    """Return all texts of a figure, line by line, as given to matplotlib."""
    return [line for text in drawn.findobj(Text) for line in text.get_text().splitlines()]


def test_text_is_shown_as_it_is(tmp_path):
    """Runs' paths and columns' names may be any text."""
    for text in HOSTILE:
        assert printable(text).isprintable()
        assert "|" not in for_markdown(text).replace("\\|", "")
    slopes = math_figures.Paths("t", np.ones((2, len(HOSTILE))), np.ones(2))
    for target in HOSTILE[:2]:
        drawn = math_figures.coefficient_paths(np.array([0.1, 1.0]), [slopes], HOSTILE, target, 1.0)
        drawn.savefig(tmp_path / "paths.png")
        assert set(shown(drawn)) >= {for_figure(text) for text in HOSTILE}
    metrics = {name: np.array([0.5]) for name in CURVES} | {"epoch": np.array([1.0])}
    sample = figures.Sample(0, 1, np.zeros((4, 4), np.uint8))
    drawn = figures.comparison({text: [metrics] for text in HOSTILE}, dict.fromkeys(HOSTILE, sample), "t")
    drawn.savefig(tmp_path / "comparison.png")
    assert set(shown(drawn)) >= {for_figure(text) for text in HOSTILE}


def test_a_name_is_not_parsed_as_mathematics():
    assert for_figure("$x$") == r"\$x\$"


def test_tables_of_runs_hold_no_markup_and_no_formula():
    """Runs of equal name are distinguished by their paths, in Markdown and in CSV."""
    config = Config(name="a")
    metrics = {name: np.array([1.0]) for name in ("epoch", *CURVES)}
    runs = [
        LoadedRun(replace(config, seed=seed), metrics, np.zeros((4, 4), np.uint8), 1, path=path)
        for seed, path in enumerate(["=cmd|<b>", '"x",y'])
    ]
    groups = {f"a ({run.path})": [run] for run in runs}
    lines = as_markdown(groups).splitlines()
    assert {line.replace("\\|", "").count("|") for line in lines[:4]} == {lines[0].count("|")}
    assert r"\<b\>" in lines[2]
    assert all(line[0] not in "=+-@\t" and line.lstrip('"')[0] not in "=+-@\t" for line in as_csv(groups).splitlines())


def audited(stdout: str, stderr: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
    """Return what .ci/audit.py makes of an audit with this result."""
    audit = f"import sys; print({stdout!r}); print({stderr!r}, file=sys.stderr); sys.exit({code})"
    command = [sys.executable, ROOT / ".ci" / "audit.py", sys.executable, "-c", audit]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("stdout", "stderr", "code", "why"),
    [
        ("", "requests.exceptions.ConnectTimeout: HTTPSConnectionPool", 1, "was not reached"),
        ("", "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed", 1, "was not reached"),
        ('{"dependencies": [{"name": "x", "skip_reason": "not found"}]}', "", 0, "knows none of the 1 packages"),
    ],
)
def test_an_unreachable_audit_is_skipped_with_a_line(stdout, stderr, code, why):
    done = audited(stdout, stderr, code)
    assert done.returncode == 0
    assert done.stdout == f"audit: skipped, since its source {why}\n"


@pytest.mark.parametrize(("stdout", "code"), [("", 2), ("", 1), ("", 0), ("no JSON", 0), ("[]", 0), ("{}", 1)])
def test_a_failed_audit_fails(stdout, code):
    done = audited(stdout, "pip-audit: error: unrecognized arguments", code)
    assert done.returncode == 1
    assert f"audit: it failed with code {code}" in done.stderr
    assert "unrecognized arguments" in done.stderr


def test_a_known_vulnerability_fails_the_audit():
    whole = {"name": "x", "version": "1", "vulns": []}
    done = audited(json.dumps({"dependencies": [whole]}))
    assert (done.returncode, done.stdout) == (0, "audit: 1 package without a known vulnerability\n")
    vulnerable = {"name": "y", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
    done = audited(json.dumps({"dependencies": [whole, vulnerable]}), code=1)
    assert (done.returncode, done.stdout) == (1, "audit: y 2 has CVE-1, mended in 3\n")
