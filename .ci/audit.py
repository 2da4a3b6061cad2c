"""The verdict on what pip-audit finds, run as the command line says: 1 where a vulnerability is known, or it failed.

    python .ci/audit.py pip-audit --format json ...

Where its source cannot be reached, or does not know the packages, that is told and no failure.
"""

import json
import re
import subprocess
import sys

SECONDS = 120  # for a request a package
# What requests and urllib3 say where there is no way to the source.
NO_WAY = re.compile(
    "ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Max retries exceeded|timed out|Could not connect"
)


def main(command: list[str]) -> int:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        print(f"audit: skipped, since its source did not answer within {SECONDS} s")
        return 0
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, TypeError, KeyError):
        if NO_WAY.search(done.stderr):
            print("audit: skipped, since its source was not reached")
            return 0
        print(f"audit: it failed with code {done.returncode}:\n{done.stderr}", file=sys.stderr)
        return 1
    audited = [each for each in dependencies if "vulns" in each]
    if not audited:
        print(f"audit: skipped, since its source knows none of the {len(dependencies)} packages")
        return 0
    known = [
        f"audit: {each['name']} {each['version']} has {found['id']}, mended in {' '.join(found['fix_versions']) or '-'}"
        for each in audited
        for found in each["vulns"]
    ]
    print("\n".join(known) or f"audit: {len(audited)} package{'s' * (len(audited) > 1)} without a known vulnerability")
    return 1 if known else 0


sys.exit(main(sys.argv[1:]))
