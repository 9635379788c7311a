"""The code on docs/development/adding-a-component.md works, and adding a component takes few files."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack_config.files import ROOT

PAGE = ROOT / "docs" / "development" / "adding-a-component.md"
MOST_FILES = 12
_BLOCK = re.compile(r'^```(?P<kind>python|diff) title="(?P<path>[^"]+)"\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "findings", "node_modules", "site")


def apply(root: Path, page: str) -> list[str]:
    """Write the files of the page and make its changes, as a reader would; the paths in their order."""
    paths = []
    for block in _BLOCK.finditer(page):
        path = root / block["path"]
        if block["kind"] == "python":
            assert not path.exists(), block["path"]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block["text"])
        else:
            path.write_text(patched(path.read_text(), block["text"]))
        paths.append(block["path"])
    return paths


def patched(text: str, diff: str) -> str:
    """A text after a diff whose hunks have no line numbers: the lines before a change are there exactly once."""
    for hunk in diff.split("@@\n")[1:]:
        lines = [(line[:1], line[1:]) for line in hunk.splitlines()]
        before = "".join(f"{line}\n" for sign, line in lines if sign != "+")
        after = "".join(f"{line}\n" for sign, line in lines if sign != "-")
        assert text.count(before) == 1, f"these lines are not in the file, or more than once:\n{before}"
        text = text.replace(before, after)
    return text


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the repository in which the page was followed."""
    root = tmp_path_factory.mktemp("sample") / "stack"
    shutil.copytree(ROOT, root, ignore=_LEFT_OUT)
    apply(root, PAGE.read_text())
    run(root, "stack_config.config_docs")
    yield root
    shutil.rmtree(root)


def run(root: Path, module: str, *arguments: str) -> str:
    """Run a module in the copy; what it prints."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def contents(root: Path) -> dict[str, bytes]:
    """The files of a repository."""
    paths = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    relative = ((path, path.relative_to(root)) for path in paths)
    left_out = {"__pycache__", "findings", "node_modules", "site"}
    return {
        str(name): path.read_bytes()
        for path, name in relative
        if not any(part.startswith(".") or part in left_out for part in name.parts)
    }


def test_few_files_change(copy: Path) -> None:
    before, after = contents(ROOT), contents(copy)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    own = {block["path"] for block in _BLOCK.finditer(PAGE.read_text())}
    assert own < changed
    assert {"Pulumi.yaml", "docs/configuration.md"} <= changed - own, "the rest is generated"
    assert len(changed) <= MOST_FILES, sorted(changed)


def test_the_code_is_formatted(copy: Path) -> None:
    files = [block["path"] for block in _BLOCK.finditer(PAGE.read_text()) if block["kind"] == "python"]
    run(copy, "ruff", "check", "--config", str(ROOT / "pyproject.toml"), *files)
    run(copy, "ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), *files)


def test_its_own_tests_and_those_of_its_keys_pass(copy: Path) -> None:
    files = ("tests/unit/test_memcached.py", "tests/unit/test_config_keys.py")
    printed = run(copy, "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", "memcached or forgotten or generated")
    assert int(re.findall(r"(\d+) passed", printed)[0]) > 15


def test_a_change_that_does_not_fit_is_found() -> None:
    assert patched("a\nb\nc\n", "@@\n a\n+new\n b\n") == "a\nnew\nb\nc\n"
    with pytest.raises(AssertionError, match="not in the file"):
        patched("a\nb\n", "@@\n x\n+new\n")
