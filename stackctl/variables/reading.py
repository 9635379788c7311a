"""The environment variables that a release of Open WebUI reads, from its sources, which are parsed and never run.

The parser resolves literals, functions that pass a parameter on (``_int_env("NAME", 1)``) and loops over literals.
Every other access is an error, because its variables would have no class.
"""

import ast
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from terminal.errors import LocalError

PACKAGE = "open_webui"
_GETTERS = ("get", "setdefault", "pop")
# They read the environment, but their source does not name the variables.
_SETTINGS_CLASSES = ("BaseSettings",)
_OF_OS = ("environ", "getenv")


class ReadingError(LocalError):
    """The source reads the environment without naming the variable."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A variable, as a release reads it."""

    places: tuple[str, ...]
    """The places that read it: ``env.py:303``, relative to the package, in the order of the sources."""

    default: str | None
    """Python source of its default, joined by ``or`` where places differ; None when it has no default."""


@dataclass(frozen=True, kw_only=True)
class _Access:
    place: str
    name: str
    default: str | None


def read_wheel(wheel: Path) -> dict[str, Reading]:
    """The variables that the package in the wheel reads, by name.

    Raises:
        ReadingError: an access to the environment cannot be resolved.
    """
    with zipfile.ZipFile(wheel) as archive:
        sources = {
            str(PurePosixPath(name).relative_to(PACKAGE)): archive.read(name).decode()
            for name in sorted(archive.namelist())
            if name.startswith(f"{PACKAGE}/") and name.endswith(".py")
        }
    return read_sources(sources)


def read_package(package: Path) -> dict[str, Reading]:
    """The variables that an installed package reads, by name.

    Raises:
        ReadingError: an access to the environment cannot be resolved.
    """
    return read_sources({str(path.relative_to(package)): path.read_text() for path in sorted(package.rglob("*.py"))})


def read_sources(sources: Mapping[str, str]) -> dict[str, Reading]:
    """The variables that the sources read, by name.

    Args:
        sources: path of a module -> its source.

    Raises:
        ReadingError: an access to the environment cannot be resolved.
    """
    helpers = {
        function.name: parameter
        for module in _parsed(sources, ("environ", "getenv")).values()
        for function in _functions(module)
        if (parameter := _passed_on(function)) is not None
    }
    modules = _parsed(sources, ("environ", "getenv", *_SETTINGS_CLASSES, *helpers))
    by_name: dict[str, list[_Access]] = {}
    for path, module in modules.items():
        for access in _Module(path, module, helpers).accesses():
            by_name.setdefault(access.name, []).append(access)
    return {
        name: Reading(
            places=tuple(dict.fromkeys(access.place for access in accesses)),
            default=_together([access.default for access in accesses]),
        )
        for name, accesses in sorted(by_name.items())
    }


def _together(defaults: list[str | None]) -> str | None:
    different = list(dict.fromkeys(map(str, defaults)))
    return None if different == ["None"] else " or ".join(different)


def _parsed(sources: Mapping[str, str], words: Collection[str]) -> dict[str, ast.Module]:
    """The modules with one of the words. A release has hundreds of modules; few of them read the environment."""
    return {path: ast.parse(source, path) for path, source in sources.items() if any(word in source for word in words)}


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(module: ast.Module) -> Iterator[_Function]:
    yield from (node for node in ast.walk(module) if isinstance(node, _Function))


def _passed_on(function: _Function) -> int | None:
    """Position of the parameter that names the variable; None when the function reads no variable."""
    parameters = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    for node in ast.walk(function):
        if (read := _read(node)) and isinstance(read.name, ast.Name) and read.name.id in parameters:
            return parameters.index(read.name.id)
    return None


@dataclass(frozen=True, kw_only=True)
class _Read:
    """An access to the environment in the syntax tree."""

    name: ast.expr
    default: ast.expr | None


def _is_environment(node: ast.expr) -> bool:
    # A bare `environ` is a parameter of Socket.IO's handlers; an import with that name is refused below.
    return isinstance(node, ast.Attribute) and node.attr == "environ"


def _read(node: ast.AST) -> _Read | None:
    """The access to the environment at this node; None at any other node."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _is_environment(node.value):
        return _Read(name=node.slice, default=None)
    if isinstance(node, ast.Compare) and any(map(_is_environment, node.comparators)):
        return _Read(name=node.left, default=None)
    if not isinstance(node, ast.Call) or not node.args:
        return None
    called = node.func
    if not isinstance(called, ast.Attribute):
        return None
    if called.attr == "getenv" or (called.attr in _GETTERS and _is_environment(called.value)):
        return _Read(name=node.args[0], default=node.args[1] if len(node.args) > 1 else None)
    return None


class _Module:
    """One module, with its context for resolving names."""

    def __init__(self, path: str, module: ast.Module, helpers: Mapping[str, int]) -> None:
        self._path = path
        self._module = module
        self._helpers = helpers
        self._parameters = {
            argument.arg
            for function in _functions(module)
            if function.name in helpers
            for argument in (*function.args.posonlyargs, *function.args.args)
        }
        self._loops = dict(self._literal_loops())

    def accesses(self) -> Iterator[_Access]:
        """Every access of the module, one for each name."""
        for node in ast.walk(self._module):
            if reason := _out_of_sight(node):
                raise ReadingError(f"{self._path}:{getattr(node, 'lineno', 0)}: {reason}")
            read = _read(node) or self._helped(node)
            if read is None or not isinstance(node, ast.expr):
                continue
            default = ast.unparse(read.default) if read.default else None
            for name in self._names(read, node):
                yield _Access(place=f"{self._path}:{node.lineno}", name=name, default=default)

    def _helped(self, node: ast.AST) -> _Read | None:
        if not isinstance(node, ast.Call) or (position := self._helpers.get(_named(node.func))) is None:
            return None
        if len(node.args) <= position:
            return None
        following = node.args[position + 1 :]
        return _Read(name=node.args[position], default=following[0] if following else None)

    def _names(self, read: _Read, node: ast.expr) -> list[str]:
        if isinstance(read.name, ast.Constant):
            return [read.name.value] if isinstance(read.name.value, str) else []
        if isinstance(read.name, ast.Name) and read.name.id in self._loops:
            return self._loops[read.name.id]
        if isinstance(read.name, ast.Name) and read.name.id in self._parameters:
            return []  # named where the function is called
        raise ReadingError(f"{self._path}:{node.lineno}: cannot tell the name in {ast.unparse(node)}")

    def _literal_loops(self) -> Iterator[tuple[str, list[str]]]:
        """Variables of loops over literals, or over a name that a literal was assigned to."""
        assigned = {
            target.id: node.value
            for node in ast.walk(self._module)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(self._module):
            if not isinstance(node, ast.For | ast.comprehension):
                continue
            over = node.iter
            if isinstance(over, ast.Call) and isinstance(over.func, ast.Attribute) and over.func.attr == "items":
                over = over.func.value
            literal = assigned.get(over.id) if isinstance(over, ast.Name) else over
            target = node.target.elts[0] if isinstance(node.target, ast.Tuple) else node.target
            elements = literal.keys if isinstance(literal, ast.Dict) else getattr(literal, "elts", [])
            names = [part.value for part in elements if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            if isinstance(target, ast.Name) and names and len(names) == len(elements):
                yield target.id, names


def _out_of_sight(node: ast.AST) -> str | None:
    """The reason why the names that this node reads cannot be resolved; None if they can."""
    if isinstance(node, ast.ClassDef) and any(_named(base) in _SETTINGS_CLASSES for base in node.bases):
        return f"{node.name} reads the environment by its fields"
    if isinstance(node, ast.ImportFrom) and node.module == "os" and any(a.name in _OF_OS for a in node.names):
        return "imports a part of os by name"
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _is_environment(node.value):
        return "gives the environment another name"
    return None


def _named(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
