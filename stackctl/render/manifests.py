"""The stack's objects as YAML files, without engine, cluster or toolchain; secrets as placeholders."""

import asyncio
import runpy
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi.runtime import mocks
from pulumi.runtime.config import set_all_config
from pulumi.runtime.rpc import is_rpc_secret, unwrap_rpc_secret

from stack_config.files import ROOT, StackConfig, read_stack
from stack_config.libyaml import SafeDumper
from stack_config.load import PROJECT

CONTEXT_PLACEHOLDER = "rendered"
HEADER = "# Rendered from the stack's config, secrets as placeholders. The next run replaces this file.\n"
_PASSWORD = "random:index/randomPassword:RandomPassword"
_STASH = "pulumi:index:Stash"


@dataclass
class _Recorder(mocks.Mocks):
    """Records the Kubernetes objects; the value of a generated secret is a placeholder."""

    objects: list[dict[str, Any]] = field(default_factory=list)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ.startswith("kubernetes:"):
            self.objects.append(_manifest(args.inputs))
        if args.typ == _PASSWORD:
            return args.name, {**args.inputs, "result": f"<{args.name}>"}
        if args.typ == _STASH:
            return args.name, {**args.inputs, "output": args.inputs["input"]}
        return args.name, dict(args.inputs)

    def call(self, _args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        return {}, None


def render(environment: str, out: Path, sets: Iterable[str] = ()) -> list[Path]:
    """Write the Kubernetes objects of an environment, one file each.

    Args:
        environment: ``dev``, ``prod`` ...
        out: directory for the files, created when missing. The files of an earlier run are replaced.
        sets: ``KEY=VALUE`` in the syntax of ``pulumi config set --path``, over the environment's config.

    Returns:
        The files, named ``<kind>-<name>.yaml``.

    Raises:
        ConfigError: the config is invalid; no file was changed.
        StackFileError: there is no such environment.
        FileExistsError: ``out`` has a file that is not a rendered object; nothing was changed.
    """
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out} is a file; name a directory")
    if out.exists() and (strange := sorted(path.name for path in out.iterdir() if not _is_rendered(path))):
        raise FileExistsError(f"{out} has {strange[0]}, which is not a rendered object; name an empty directory")
    config = read_stack(environment, [f"kubeContext={CONTEXT_PLACEHOLDER}", *sets])
    return _write(planned_objects(config, environment), out)


def _is_rendered(path: Path) -> bool:
    """Whether an earlier run wrote the file, so that this one may replace it."""
    return path.suffix == ".yaml" and path.is_file() and path.read_bytes().startswith(HEADER.encode())


def planned_objects(config: StackConfig, stack: str) -> list[dict[str, Any]]:
    """The Kubernetes objects that the program would register, secrets replaced by placeholders.

    Args:
        config: from `stack_config.files.read_stack`.
        stack: name of the stack.
    """
    recorder = _Recorder()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        mocks.set_mocks(recorder, project=PROJECT, stack=stack, preview=False)
        set_all_config(config.values, list(config.secret_keys))
        pulumi.runtime.test(_run_program)()
    finally:
        loop.close()
    return recorder.objects


def _run_program() -> None:
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


def _manifest(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The object in the order of `kubectl`: identity first, the rest by name."""
    first = ("apiVersion", "kind", "metadata")
    return {name: _plain(inputs[name]) for name in (*first, *sorted(inputs.keys() - set(first)))}


def _plain(value: Any) -> Any:
    """A value without secrets, its keys sorted, its numbers integers again."""
    if is_rpc_secret(value):
        contents = unwrap_rpc_secret(value)
        return {key: f"<secret {key}>" for key in sorted(contents)} if isinstance(contents, dict) else "<secret>"
    if isinstance(value, dict):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _write(objects: list[dict[str, Any]], out: Path) -> list[Path]:
    out.parent.mkdir(parents=True, exist_ok=True)
    written = []
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as directory:
        for manifest in objects:
            name = f"{manifest['kind']}-{manifest['metadata']['name']}.yaml".lower()
            text = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=120)
            (Path(directory) / name).write_text(HEADER + text)
            written.append(out / name)
        out.mkdir(exist_ok=True)
        for old in out.glob("*.yaml"):
            old.unlink()
        for file in written:
            shutil.move(Path(directory) / file.name, file)
    return sorted(written)


class _Dumper(SafeDumper):
    """Writes texts of several lines as blocks, so that a configuration file in a ConfigMap is readable."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)

    def ignore_aliases(self, _data: Any) -> bool:
        return True


_Dumper.add_representer(str, _Dumper.represent_str)
