import os
import subprocess
import sys
import threading
from pathlib import Path

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.kernels import _compile
from analytics.kernels._compile import compiling_alone, inner_kernel, kernel

ROOT = Path(__file__).parents[2]
COMPILED = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")


@pytest.fixture
def _cache_setting_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")


@pytest.mark.usefixtures("_cache_setting_restored")
def test_compiled_code_lies_in_a_folder_named_after_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))

    assert _compile._keep_compiled_code()
    assert [folder.name for folder in tmp_path.iterdir()] == [_compile._source_digest()]


@pytest.mark.usefixtures("_cache_setting_restored")
def test_where_nothing_can_be_written_kernels_are_compiled_at_each_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/dev/null/nowhere")

    assert not _compile._keep_compiled_code()


@COMPILED
def test_a_change_in_another_file_is_noticed(tmp_path: Path) -> None:
    """numba itself would not: it looks at the kernel's own file only, and loads code with the old constant in it."""
    package = tmp_path / "analytics"
    kernels = package / "kernels"
    kernels.mkdir(parents=True)
    (package / "__init__.py").touch()
    (kernels / "__init__.py").touch()
    (kernels / "_compile.py").write_bytes((ROOT / "analytics/kernels/_compile.py").read_bytes())
    (kernels / "answer.py").write_text(
        "from analytics.kernels._compile import kernel\nfrom analytics.other import NUMBER\n\n"
        "@kernel\ndef answer() -> int:\n    return NUMBER\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)}
    said = []
    for number in (1, 1, 2):
        (package / "other.py").write_text(f"NUMBER = {number}\n")
        program = "from analytics.kernels.answer import answer; print(answer(), sum(answer.stats.cache_hits.values()))"
        run = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        said.append(run.stdout.split())

    assert said == [["1", "0"], ["1", "1"], ["2", "0"]]


@COMPILED
def test_a_constant_and_a_narrow_integer_use_the_code_that_is_there() -> None:
    """numba would compile anew for each constant, and for all that is called with it."""

    @inner_kernel
    def doubled(number: int) -> int:
        return 2 * number

    @kernel
    def sums(numbers: NDArray[np.int32], more: int) -> int:
        return doubled(3) + doubled(-1) + doubled(numbers[0]) + doubled(number=more)

    assert sums(np.array([5], np.int32), 7) == 28
    assert len(doubled.signatures) == 1  # type: ignore[attr-defined]


def test_of_two_that_want_the_same_compiled_one_waits_for_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_compile, "_CACHE", True)
    other_is_in = threading.Event()

    def other() -> None:
        with compiling_alone("trucks"):
            other_is_in.set()

    thread = threading.Thread(target=other)
    with compiling_alone("trucks"):
        thread.start()
        assert not other_is_in.wait(0.2)
        with compiling_alone("kitchens"):
            pass
    assert other_is_in.wait(5)
    thread.join()


@COMPILED
def test_a_kernel_that_makes_an_array_is_refused() -> None:
    @kernel
    def makes(count: int) -> float:
        return float(np.zeros(count)[0])

    with pytest.raises(numba.TypingError, match="array passed into the function"):
        makes(3)


@COMPILED
def test_the_same_kernels_agree_with_the_oracle_as_plain_python() -> None:
    """Compiled code forgives an index out of range; Python does not."""
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/analytics/test_vehicles_oracle.py",
        ],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-3000:]
