"""Known vulnerabilities of what requirements.lock pins: 0 none, 1 some, 2 nobody could tell.

pip-audit says "no known vulnerabilities found" also of packages that its database does not answer
for; without a network that is all of them. Here that is another outcome, said aloud.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements.lock"
TIMEOUT_S = 300
CLEAN, FOUND, UNKNOWN = 0, 1, 2


def judged(dependencies: list[dict[str, Any]]) -> tuple[int, str]:
    """Judge what pip-audit reports.

    Args:
        dependencies: Entries of ``dependencies`` in its JSON.

    Returns:
        The exit code, and what to say.
    """
    found = [
        f"  {one['name']} {one['version']}: {flaw['id']}, fixed in "
        f"{', '.join(flaw['fix_versions']) or 'no version yet'}"
        for one in dependencies
        for flaw in one.get("vulns", ())
    ]
    audited = [one for one in dependencies if "skip_reason" not in one]
    skipped = len(dependencies) - len(audited)
    if found:
        return FOUND, "\n".join([f"VULNERABILITIES FOUND: {len(found)}", *found])
    if not audited:
        return UNKNOWN, "DEPENDENCIES NOT AUDITED: the database answers for none of them"
    if skipped:
        names = ", ".join(one["name"] for one in dependencies if "skip_reason" in one)
        return UNKNOWN, f"DEPENDENCIES NOT ALL AUDITED: {skipped} of {len(dependencies)}: {names}"
    return CLEAN, f"{len(audited)} dependencies audited, no known vulnerability"


def report() -> list[dict[str, Any]]:
    """Run pip-audit; nothing when it comes to no result."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "report.json")
        command = [
            Path(sys.executable).with_name("pip-audit"), "--requirement", LOCK, "--require-hashes",
            "--disable-pip", "--progress-spinner", "off", "--format", "json", "--output", written,
        ]  # fmt: skip
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
            )
            return list(json.loads(written.read_text())["dependencies"])
        except subprocess.TimeoutExpired:
            print(f"pip-audit has not ended within {TIMEOUT_S} s", file=sys.stderr)
        except (OSError, ValueError):
            print(done.stderr[-1000:], file=sys.stderr)
    return []


if __name__ == "__main__":
    code, words = judged(report())
    print(words)
    sys.exit(code)
