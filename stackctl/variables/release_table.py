"""The table of the environment variables of a release: shown, generated, checked, compared."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from components.open_webui.variable_rules import CONDITIONS
from components.open_webui.variables import CLASSES_FILE, TABLE_FILE, Variable, VariableClass, variable_table
from terminal.errors import LocalError
from terminal.invocation import command_line

from .classes import ClassesError, differences, read_classes, readings_of, table
from .reading import Reading, read_wheel

_MEANING = {
    VariableClass.STACK: "set by the stack",
    VariableClass.COMMAND: "set by the stack, on the command line of the web pods",
    VariableClass.SECRET: "secret",
    VariableClass.ALLOWED: "allowed",
    VariableClass.CONDITIONAL: "allowed under a condition",
    VariableClass.REFUSED: "refused",
}


class WheelError(LocalError):
    """The wheel of a release is not available."""


def show(name: str) -> bool:
    """Print the class of a variable, and its effect on `openWebui.env`. Returns whether there is such a variable."""
    variable = variable_table().get(name)
    if variable is None:
        print(f"{name}: neither Open WebUI {variable_table().release} nor a library in its image reads it.")
        print("Variables for your own plugins go into openWebui.pluginEnv.")
        return False
    for line in _shown(variable):
        print(line)
    return True


def _shown(variable: Variable) -> Iterator[str]:
    rule = variable.rule
    yield f"{variable.name}: {_MEANING[rule.kind]}"
    if rule.when:
        yield f"  value:      {'true' if rule.when == 'on' else 'false'}; the other one is allowed"
    if rule.kind is VariableClass.SECRET:
        yield f"  set it:     pulumi config set --secret {variable.name}"
    if rule.key:
        yield f"  change:     {rule.key}"
    if rule.condition:
        yield f"  allowed:    {CONDITIONS[rule.condition].allowed}"
    if rule.reason:
        yield f"  reason:     {rule.reason}"
    if rule.warning:
        yield f"  warning:    {rule.warning}"
    if variable.places:
        yield f"  read in:    {', '.join(variable.places)}"
        yield f"  default:    {variable.default}"


def generate(release: str | None, wheel: Path | None) -> None:
    """Write the table from the classes and a release: from its wheel, or from the present table of that release.

    Raises:
        ClassesError: the classes are of another release, or do not cover this one.
        ReadingError: the wheel cannot be read.
        WheelError: the wheel is not available.
    """
    classes = read_classes(CLASSES_FILE)
    release = release or classes.release
    if release != classes.release:
        raise ClassesError(f"variables.yaml classifies release {classes.release}; change its `release` first")
    readings = _present(release) if wheel is None else None
    if readings is None:
        readings = _readings(release, wheel)
    TABLE_FILE.write_text(table(classes, readings))
    print(f"wrote {TABLE_FILE.name}: {len(readings)} variables of Open WebUI {release}")


def _present(release: str) -> dict[str, Reading] | None:
    """The variables of the release in the present table; None for another release, and with a merge conflict."""
    try:
        content = json.loads(TABLE_FILE.read_text())
    except ValueError:
        return None
    return readings_of(content) if content["release"] == release else None


def check(release: str | None, wheel: Path | None) -> None:
    """Compare the table with the wheel and the classes.

    Raises:
        ClassesError: the table is not up to date, or the classes do not cover the release.
        ReadingError: the wheel cannot be read.
        WheelError: the wheel is not available.
    """
    classes = read_classes(CLASSES_FILE)
    release = release or classes.release
    readings = _readings(release, wheel)
    if TABLE_FILE.read_text() != table(classes, readings):
        raise ClassesError(f"{TABLE_FILE.name} is not up to date. Write it: {command_line('variables generate')}")
    print(f"{len(readings)} variables of Open WebUI {release}: each has its class")


def diff(release: str | None, wheel: Path | None) -> bool:
    """Print the variables that another release adds, removes and changes. Returns whether there are no changes.

    Raises:
        ReadingError: the wheel cannot be read.
        WheelError: the wheel is not available.
    """
    release = release or read_classes(CLASSES_FILE).release
    before = readings_of(json.loads(TABLE_FILE.read_text()))
    lines = list(differences(before, _readings(release, wheel)))
    print("\n".join(lines) or f"Open WebUI {release} reads the same variables as {variable_table().release}.")
    return not lines


def _readings(release: str, wheel: Path | None) -> dict[str, Reading]:
    with tempfile.TemporaryDirectory() as directory:
        return read_wheel(wheel or download(release, Path(directory)))


def download(release: str, directory: Path) -> Path:
    """The wheel of the release, from the package index that pip is set up for.

    Raises:
        WheelError: pip cannot download it.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    requirement = f"open-webui=={release}"
    # The Python versions that it supports do not matter: the wheel is read, not installed.
    done = subprocess.run(
        [*command, "--ignore-requires-python", "--dest", str(directory), requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(directory.glob("open_webui-*.whl"))
    if done.returncode or not wheels:
        reason = done.stderr.strip().splitlines()[-1:]
        raise WheelError(f"pip cannot download {requirement}: {' '.join(reason)}")
    return wheels[0]
