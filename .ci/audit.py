"""Runs pip-audit and exits with 1 if a vulnerability is known, or if the audit failed.

    python .ci/audit.py pip-audit --format json ...

An audit whose source is unreachable or does not know the packages is skipped with a line, without failing.
"""

import json
import re
import subprocess
import sys

SECONDS = 120  # for one request per package
# Messages of requests and urllib3 when the source is unreachable.
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
