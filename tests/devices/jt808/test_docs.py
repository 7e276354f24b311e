"""docs/jt808.md says what is so."""

import subprocess
import sys
from pathlib import Path

from devices.jt808.profiles import shipped_profiles
from devices.jt808.reading import COUNTED, READ

PAGE = (Path(__file__).parents[3] / "docs" / "jt808.md").read_text(encoding="utf-8")


def test_the_example_runs_and_reads_the_truck() -> None:
    code = PAGE.split("```python\n")[1].split("```")[0]
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "00000000013900000001 36.7 117.53 42.5 123456.7\n"


def test_every_shipped_dialect_is_listed() -> None:
    for name in shipped_profiles():
        assert f"| `{name}` |" in PAGE


def test_every_message_with_a_count_of_its_own_is_listed() -> None:
    listed = PAGE.replace("0x0001 to 0x0004", "0x0001 0x0002 0x0003 0x0004")
    for message in READ | COUNTED:
        assert f"0x{message:04X}" in listed
