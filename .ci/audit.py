"""The verdict on what `pip-audit --format json` found, from standard input: 1 where a vulnerability is known.

Where it found nothing out, since its source could not be reached, that is told and no failure.
"""

import json
import sys


def main() -> int:
    try:
        dependencies = json.load(sys.stdin)["dependencies"]
    except (ValueError, TypeError, KeyError):
        dependencies = []
    audited = [each for each in dependencies if "vulns" in each]
    if not audited:
        print("audit: skipped, since its source was not reached")
        return 0
    known = [
        f"audit: {each['name']} {each['version']} has {found['id']}, mended in {' '.join(found['fix_versions']) or '-'}"
        for each in audited
        for found in each["vulns"]
    ]
    print("\n".join(known) or f"audit: {len(audited)} package{'s' * (len(audited) > 1)} without a known vulnerability")
    return 1 if known else 0


sys.exit(main())
