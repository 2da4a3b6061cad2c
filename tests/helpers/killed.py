"""Runs a command that gets SIGKILL while it writes certain files.

    python -m tests.helpers.killed FILES EPOCHS MOMENT COMMAND...

FILES is a regular expression of paths. Once EPOCHS epochs have a row in the metrics, the process gets the signal
KILLED_WITH (default: SIGKILL) the MOMENTth time that Python opens, moves or removes a matching file. The
interpreter's audit events report each operation before it is done, whatever library does it, so that no part of the
program is replaced.
"""

import os
import re
import runpy
import signal
import sys

EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")
METRICS = "-metrics.csv"  # the end of the name of a file that becomes a run's metrics


def aim(files: str, epochs: int, moment: int, number: int) -> None:
    """Install an audit hook that sends this process the signal at that moment."""
    pattern = re.compile(files)
    rows = seen = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal rows, seen
        if event not in EVENTS or not arguments or not isinstance(arguments[0], str):
            return
        if rows >= epochs and pattern.search(arguments[0]):
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), number)
        rows += event == "os.rename" and arguments[0].endswith(METRICS)

    sys.addaudithook(hook)


if __name__ == "__main__":
    aim(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(os.environ.get("KILLED_WITH", signal.SIGKILL)))
    del sys.argv[1:4]
    runpy.run_module("experiments", run_name="__main__", alter_sys=True)
