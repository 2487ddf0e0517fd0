"""What the README shows is what the program prints."""

import re
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_output_in_the_readme_is_the_demos() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```text\n(.*?)\n…\n```", readme, re.DOTALL)
    assert shown

    dry = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, check=True)
    command = shlex.split(dry.stdout.splitlines()[-1])
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)

    assert answer.stdout.startswith(shown[1])
