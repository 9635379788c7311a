"""Compile the modules of Open WebUI in a process of its own.

The official image contains no bytecode. Without this, the container that serves compiles, with one CPU, what nothing
prevented from being compiled earlier, or on another CPU at the same time. It runs none of the modules: it follows the
import statements at the top of each of them, the last ones first, so that an import that runs meanwhile begins at the
other end. It has the lowest priority of the container, and compiles nothing if the image has bytecode.
"""

import dis
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import resolve_name
from pathlib import Path
from types import CodeType

from .faster_import import image_has_bytecode
from .output import log

FIRST = "open_webui.main"
"""The module whose imports are followed."""

_EXTENDED_ARG, _IMPORT, _CONSTANT = (dis.opmap[name] for name in ("EXTENDED_ARG", "IMPORT_NAME", "LOAD_CONST"))
_END_SECONDS = 5
_COMPLETE = "complete"
"""Name of the file beside the bytecode that says that nothing is left to compile."""

_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
_running: "list[subprocess.Popen[str]]" = []


@dataclass(frozen=True)
class Import:
    """An import statement."""

    module: str
    """The part after ``from`` or ``import``; empty in ``from . import a``."""

    names: tuple[str, ...] = ()
    """Names that the statement imports from it: attributes or modules."""

    level: int = 0
    """Number of leading dots."""


@contextmanager
def compiling_ahead() -> Iterator[Callable[[], bool]]:
    """Compile in another process while the block runs. The value says whether that process still runs."""
    process = _start()
    if process is None:
        yield lambda: False
        return
    _running.append(process)
    try:
        yield lambda: process.poll() is None
    finally:
        _running.remove(process)
        status = process.poll()
        errors = _end(process)
        if status:
            _log_failure((errors.strip().splitlines() or [f"exit status {status}"])[-1])


def _start() -> "subprocess.Popen[str] | None":
    """The process that compiles; None if nothing is left to compile, or no process can be started."""
    if not sys.pycache_prefix or Path(sys.pycache_prefix, _COMPLETE).exists() or image_has_bytecode():
        return None
    try:
        return subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
        )
    except OSError as error:
        _log_failure(str(error))
        return None


def _end(process: "subprocess.Popen[str]") -> str:
    """Kill the process. Returns what it has printed."""
    process.kill()
    # A process that waits inside the kernel ends later. This one continues.
    with suppress(subprocess.TimeoutExpired):
        return process.communicate(timeout=_END_SECONDS)[1]
    return ""


def _log_failure(reason: str) -> None:
    log(f"Modules could not be compiled ahead, so the start takes longer: {reason}")


@contextmanager
def compiling_beside() -> Iterator[None]:
    """Compile while the block imports the same modules, unless they are imported already, or the container may use less
    than two cores. Both would take longer there: the lowest priority does not help against a CPU limit.
    """
    if FIRST in sys.modules or cores() < 2:
        yield
        return
    with compiling_ahead():
        yield


def end_compilations() -> None:
    """End the processes that compile, before this one becomes another program."""
    for process in [*_running]:
        _end(process)


def cores(limit: Path = _CPU_LIMIT) -> float:
    """How many cores this container may use at the same time.

    Args:
        limit: file of the kernel with its CPU limit (cgroup v2).
    """
    try:
        quota, period = limit.read_text().split()
        allowed = int(quota) / int(period)
    except (OSError, ValueError):
        # Without a limit it is "max".
        allowed = float("inf")
    return min(allowed, os.cpu_count() or 1)


def compile_modules(first: str) -> int:
    """Compile a module and all that it imports, and store them where Python looks for them.

    Args:
        first: name of the module.

    Returns:
        How many modules of source code there are.
    """
    seen, count = {first}, 0
    waiting = [first]
    while waiting:
        name = waiting.pop()
        spec = find_module(name)
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            continue
        try:
            # It stores the bytecode, too.
            code = spec.loader.get_code(name)
        except (SyntaxError, ValueError, OSError):
            # For another release of Python, or not text. If Open WebUI needs it, the import reports it.
            continue
        count += 1
        package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
        if code is None:
            continue
        for module in (each for statement in imports(code) for each in modules(statement, package)):
            if module not in seen:
                seen.add(module)
                waiting.append(module)
    return count


@cache
def find_module(name: str) -> ModuleSpec | None:
    """The spec of a module, without importing its parents; None if the module does not exist."""
    # `importlib.util.find_spec` imports the parents, and `PathFinder` needs them for a package without `__init__.py`.
    portions: list[str] = []
    for directory in _path(name.rpartition(".")[0]):
        finder = pkgutil.get_importer(directory or os.getcwd())
        spec = finder.find_spec(name, None) if finder else None
        if spec and spec.loader:
            return spec
        if spec:
            portions += spec.submodule_search_locations or ()
    if not portions:
        return None
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = portions
    return spec


def _path(package: str) -> Sequence[str]:
    """Directories of the modules of a package; of those without a package if it is empty."""
    if not package:
        return sys.path
    spec = find_module(package)
    return (spec and spec.submodule_search_locations) or ()


def modules(statement: Import, package: str) -> Iterator[str]:
    """Names of the modules that a statement may import: each parent, the module, and its members.

    Args:
        statement: the statement.
        package: of the module that contains it.
    """
    try:
        base = resolve_name("." * statement.level + statement.module, package)
    except ImportError:
        return
    parts = base.split(".")
    yield from (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    yield from (f"{base}.{name}" for name in statement.names if name != "*")


def imports(code: CodeType) -> Iterator[Import]:
    """The import statements that run when a module is imported; not those in functions and classes."""
    constants: list[object] = []
    extended = 0
    # An instruction has two bytes. `dis.get_instructions` takes longer than the compilation.
    pairs = iter(code.co_code)
    for operation, low in zip(pairs, pairs, strict=False):
        argument = extended | low
        extended = argument << 8 if operation == _EXTENDED_ARG else 0
        if operation == _CONSTANT:
            constants = [*constants[-1:], code.co_consts[argument]]
        elif operation == _IMPORT:
            yield _statement(code.co_names[argument], constants)


def _statement(module: str, constants: list[object]) -> Import:
    # The compiler loads the level and the names before it.
    match constants:
        case [int(level), tuple(names)]:
            return Import(module, tuple(map(str, names)), level)
        case [int(level), None]:
            return Import(module, (), level)
    return Import(module)


if __name__ == "__main__":
    os.nice(19)
    # Open WebUI is in the image's working directory.
    compile_modules(FIRST)
    if sys.pycache_prefix:
        Path(sys.pycache_prefix, _COMPLETE).touch()
