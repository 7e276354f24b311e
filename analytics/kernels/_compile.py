"""The one place for numba's options, and for where compiled code is kept.

Kept     With `cache=True` numba looks at the date of the function's own file only: after a change to a
         helper or a constant in another file it would load stale code. So the folder's name holds a digest of
         every source file of `analytics`: other code, other folder. It lies in NUMBA_CACHE_DIR if that is
         set, else in the user's cache folder; where that cannot be written, each start compiles anew.
Plainly  `NUMBA_DISABLE_JIT=1 pytest tests/analytics` runs the same kernels as Python, line by line.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba import types

F = TypeVar("F", bound=Callable[..., Any])


def _source_digest() -> str:
    package = Path(__file__).parent.parent
    digest = sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _keep_compiled_code() -> bool:
    """Point numba at a folder of this very source; false if there is none that can be written."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    try:
        user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fleetfume" / "kernels"
        folder = (Path(named) if named else user) / _source_digest()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return False
    if not os.access(folder, os.W_OK):
        return False
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    return True


_CACHE = _keep_compiled_code()


@contextmanager
def compiling_alone(what: str) -> Iterator[None]:
    """Of the processes that come here for the same thing one compiles; the others wait, then load what it has kept."""
    if not _CACHE:
        yield
        return
    with (Path(numba.config.CACHE_DIR) / f"{what}.lock").open("w") as lock:  # type: ignore[attr-defined]
        flock(lock, LOCK_EX)
        yield


def kernel(function: F) -> F:
    """Compile `function` when first called, by Python or by a kernel.

    nogil, so that a thread that judges leaves the others free. No fastmath: it lets LLVM assume that no
    NaN occurs, and a value that was not sent is a NaN. No reference counts (`_nrt`), which took five sixths of
    the time, at every call one up and one down for every array in a `District`, and threads would fight over
    them. So a kernel makes no arrays, it is given them; of one that does, numba says "Only accept returning
    of array passed into the function as argument".
    """
    return cast("F", numba.njit(nogil=True, cache=_CACHE, _nrt=False)(function))  # type: ignore[call-overload]


def inner_kernel(function: F) -> F:
    """Compile `function` for the kernels that call it. Never call it from Python: that crashes the process.

    What would let Python call it takes a `District` apart array by array, and took half of the compiler's
    time. Nor is its code kept: the callers' holds it.
    """
    compiled = numba.njit(nogil=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)  # type: ignore[call-overload]
    if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        _compile_once(compiled)
    return cast("F", compiled)


def _compile_once(compiled: Any) -> None:
    """Have a call with a constant, or a narrow integer, use the code for int64.

    numba would compile the function anew for each constant that is passed to it, and for all that this one calls
    with it: half of the kitchens' functions were compiled two to six times.
    """
    resolve = compiled.get_call_template
    compiled.get_call_template = lambda args, kws: resolve(
        [_widened(arg) for arg in args], {name: _widened(arg) for name, arg in kws.items()}
    )


def _widened(arg: Any) -> Any:
    arg = types.unliteral(arg)  # type: ignore[no-untyped-call]
    return types.int64 if arg in types.signed_domain else arg
