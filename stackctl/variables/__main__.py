"""`python -m stackctl.variables`: the environment variables of Open WebUI and their classes."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from components.open_webui.variable_rules import CONDITIONS
from components.open_webui.variables import CLASSES_FILE, TABLE_FILE, Variable, VariableClass, variable_table

from .classes import ClassesError, differences, read_classes, readings_of, table
from .reading import Reading, ReadingError, read_wheel

_MEANING = {
    VariableClass.STACK: "set by the stack",
    VariableClass.COMMAND: "set by the stack, on the command line of the web pods",
    VariableClass.SECRET: "secret",
    VariableClass.ALLOWED: "allowed",
    VariableClass.CONDITIONAL: "allowed under a condition",
    VariableClass.REFUSED: "refused",
}


class WheelError(Exception):
    """The wheel of a release could not be had."""


def show(name: str) -> int:
    """Print the class of a variable, and what it means for `openWebui.env`."""
    variable = variable_table().get(name)
    if variable is None:
        print(f"{name}: neither Open WebUI {variable_table().release} nor a library in its image reads it.")
        print("Variables for your own plugins go into openWebui.pluginEnv.")
        return 1
    for line in _shown(variable):
        print(line)
    return 0


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


def generate(release: str, wheel: Path | None) -> int:
    """Write the table from the classes and a release: its wheel, or what the table of that release says already."""
    classes = read_classes(CLASSES_FILE)
    if release != classes.release:
        raise ClassesError(f"variables.yaml classifies release {classes.release}; change its `release` first")
    readings = _present(release) if wheel is None else None
    if readings is None:
        readings = _readings(release, wheel)
    TABLE_FILE.write_text(table(classes, readings))
    print(f"wrote {TABLE_FILE.name}: {len(readings)} variables of Open WebUI {release}")
    return 0


def _present(release: str) -> dict[str, Reading] | None:
    """What the table says that the release reads; None where it is of another one, or has a merge conflict in it."""
    try:
        content = json.loads(TABLE_FILE.read_text())
    except ValueError:
        return None
    return readings_of(content) if content["release"] == release else None


def check(release: str, wheel: Path | None) -> int:
    """Exit with 1 where the table is not what the wheel and the classes say."""
    readings = _readings(release, wheel)
    if TABLE_FILE.read_text() != table(read_classes(CLASSES_FILE), readings):
        print(f"{TABLE_FILE.name} is not up to date; run: python -m stackctl.variables generate", file=sys.stderr)
        return 1
    print(f"{len(readings)} variables of Open WebUI {release}: each has its class")
    return 0


def diff(release: str, wheel: Path | None) -> int:
    """Print what another release reads otherwise. Exit with 1 where a person has something to classify."""
    before = readings_of(json.loads(TABLE_FILE.read_text()))
    lines = list(differences(before, _readings(release, wheel)))
    print("\n".join(lines) or f"Open WebUI {release} reads the same variables as {variable_table().release}.")
    return 1 if lines else 0


def _readings(release: str, wheel: Path | None) -> dict[str, Reading]:
    with tempfile.TemporaryDirectory() as directory:
        return read_wheel(wheel or download(release, Path(directory)))


def download(release: str, directory: Path) -> Path:
    """The wheel of the release, from the package index that pip is set up for.

    Raises:
        WheelError: pip could not get it.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    requirement = f"open-webui=={release}"
    # Its own Python versions do not matter: the wheel is read, not installed.
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


def main(arguments: list[str]) -> int:
    """Run the command of the arguments; what it returns is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m stackctl.variables", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    shower = commands.add_parser("show", help="the class of a variable and its reason")
    shower.add_argument("name")
    for name, text in (
        ("generate", "write variables.json from variables.yaml and, for a new release, from its wheel"),
        ("check", "exit with 1 where variables.json is not what they say"),
        ("diff", "what another release adds, removes and changes"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("release", nargs="?", default=read_classes(CLASSES_FILE).release)
        command.add_argument("--wheel", type=Path, help="a wheel that is there already; default: pip downloads it")
    given = parser.parse_args(arguments)
    if given.command == "show":
        return show(given.name)
    try:
        return {"generate": generate, "check": check, "diff": diff}[given.command](given.release, given.wheel)
    except (ClassesError, ReadingError, WheelError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
