"""docs/hj212.md says what is so."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

from devices.hj212.factors import shipped_profiles, standard_names
from devices.hj212.frames import Defect
from devices.hj212.readings import COUNTED
from devices.terminals import load_terminals
from devices.types import Device
from devices.wire import Flag

PAGE = (Path(__file__).parents[3] / "docs" / "hj212.md").read_text(encoding="utf-8")


def test_the_example_runs_and_reads_the_kitchen() -> None:
    code = PAGE.split("```python\n")[1].split("```")[0]
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.splitlines() == [
        "2011 010000A8900016F018010001 0.00 ()",
        r"b'##0087QN=20180531225849000;ST=91;CN=9014;PW=123456;MN=010000A8900016F018010001;Flag=4;CP=&&&&0F00\r\n'",
    ]


def test_the_terminals_file_of_the_page_is_one(tmp_path: Path) -> None:
    (tmp_path / "terminals.toml").write_text(PAGE.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    terminals = load_terminals(tmp_path / "terminals.toml")

    monitor = Device(
        device_id="F1", kind="fume", bound_to=None, serial="010000A8900016F018010001", status="active"
    )
    assert terminals.hj212(monitor).switches["SB8-RS"] == "purifier_on"


def test_every_dialect_code_defect_and_flag_is_listed() -> None:
    codes = {name.removesuffix("-Rtd") for name in (*standard_names().quantities, *standard_names().switches)}
    for name in (*shipped_profiles(), *codes, *get_args(Defect), *get_args(Flag)):
        assert f"`{name}`" in PAGE, name
    listed = PAGE.replace("9011 to 9015", "9011 9012 9013 9014 9015")
    assert all(cn in listed for cn in COUNTED)


def test_the_codec_runs_without_the_rest_of_the_program() -> None:
    code = "import sys, devices.hj212, devices.hj212.factors; print(*sys.modules, sep='\\n')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    modules = ran.stdout.splitlines()
    ours = {name for name in modules if name.startswith(("devices.", "runtime", "msgspec"))}
    assert ours == {f"devices.hj212{part}" for part in ("", ".frames", ".messages", ".factors")}
