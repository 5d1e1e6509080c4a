"""The audit tells "none found" from "nobody could tell"; reports are in pip-audit's own form."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[3] / ".ci" / "audit.py"
_SPEC = importlib.util.spec_from_file_location("ci_audit", _SCRIPT)
audit = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(audit)

FINE = {"name": "affine", "version": "3.0.1", "vulns": []}
SKIPPED = {"name": "attrs", "skip_reason": "Dependency not found and could not be audited"}
FLAWED = {
    "name": "pillow",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-0", "fix_versions": ["1.1"], "aliases": [], "description": ""}],
}


@pytest.mark.parametrize(
    ("dependencies", "code", "words"),
    [
        ([FINE, FINE], audit.CLEAN, "2 dependencies audited"),
        ([FINE, FLAWED], audit.FOUND, "pillow 1.0: PYSEC-0, fixed in 1.1"),
        ([SKIPPED, FLAWED], audit.FOUND, "VULNERABILITIES FOUND: 1"),
        ([SKIPPED, SKIPPED], audit.UNKNOWN, "NOT AUDITED"),
        ([FINE, SKIPPED], audit.UNKNOWN, "1 of 2: attrs"),
        ([], audit.UNKNOWN, "NOT AUDITED"),
    ],
)
def test_outcomes(dependencies, code, words):
    given, said = audit.judged(dependencies)
    assert given == code
    assert words in said
