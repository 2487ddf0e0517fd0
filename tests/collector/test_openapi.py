"""The OpenAPI document says what the interface does: schemathesis tries both on each operation."""

import subprocess
import sys
from pathlib import Path

import running

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
EXAMPLES = 5


def test_the_interface_keeps_to_its_description_under_odd_and_wrong_requests(
    collector: running.Collector, tmp_path: Path
) -> None:
    command = [SCHEMATHESIS, "run", f"{collector.url}/api/v1/openapi.json", "--tls-verify", collector.authority.file]
    command += ["-H", f"Authorization: Bearer {collector.tokens['admin']}", "--no-color", "--max-examples", EXAMPLES]
    command += ["--phases", "coverage,fuzzing", "--seed", 1, "--continue-on-failure"]
    # A stream does not end, and schemathesis cannot write NDJSON. What is a cursor, no schema can say.
    command += ["--exclude-path-regex", "/api/v1/(stream|events)$", "--exclude-checks", "positive_data_acceptance"]
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "16/18" in done.stdout
