"""SDKs of the component package, generated from its schema as `pulumi package add` does it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from devcluster.toolchain.go_programs import SDKGEN, build
from plugin.schema import package_version, schema_text
from stack_config.files import ROOT
from tests.support.engine.foreign_program import EXAMPLES
from tests.support.servers.server_process import not_there

NODE_PACKAGES = ROOT / ".venv-typescript" / "node_modules"
_RUNNER = ROOT / "tests" / "support" / "engine" / "typescript" / "run.ts"
SDK = "@pulumi/open-webui-stack"
GO_MODULE = "example.com/pulumi-open-webui-stack/sdk/go"


def generate(language: str, directory: Path) -> Path:
    """The SDK for ``nodejs``, ``python`` or ``go``, in a new directory below."""
    schema = directory / "schema.json"
    schema.write_text(schema_text())
    target = directory / language
    subprocess.run([str(build(SDKGEN)), language, str(schema), str(target)], check=True)
    return target


def install_python(directory: Path) -> Path:
    """The SDK for Python, in a directory for `sys.path`."""
    packages = generate("python", directory)
    # It reads its version from the metadata that pip would write.
    metadata = packages / f"pulumi_open_webui_stack-{package_version()}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: pulumi_open_webui_stack\nVersion: {package_version()}\n"
    )
    return packages


def compile_typescript(directory: Path, example: Path = EXAMPLES / "typescript") -> Path:
    """Compile an example with the generated SDK, which also checks its types; `index.js` and `run.js`.

    Args:
        directory: an empty one.
        example: directory of the program.
    """
    if not (NODE_PACKAGES / "typescript").is_dir() or shutil.which("node") is None:
        not_there("the SDK for TypeScript is missing; install it with: make .venv-typescript/ready")
    modules = directory / "node_modules"
    (modules / "@pulumi").mkdir(parents=True)
    for package in [*NODE_PACKAGES.glob("[!@.]*"), *NODE_PACKAGES.glob("@*/*")]:
        link = modules / package.relative_to(NODE_PACKAGES)
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(package)
    generate("nodejs", directory)
    shutil.copy(example / "index.ts", directory)
    shutil.copy(_RUNNER, directory)
    config = json.loads((example / "tsconfig.json").read_text())
    config["files"] += ["run.ts", "nodejs/index.ts"]
    # For the compiler, before the SDK is compiled.
    config["compilerOptions"] |= {"baseUrl": ".", "paths": {SDK: ["nodejs/index.ts"]}}
    (directory / "tsconfig.json").write_text(json.dumps(config))
    _tsc(directory, "-p", ".")
    compiled = directory / "bin" / "nodejs"
    manifest = json.loads((directory / "nodejs" / "package.json").read_text())
    (compiled / "package.json").write_text(json.dumps({**manifest, "main": "index.js"}))
    (modules / SDK).symlink_to(compiled)
    return directory / "bin"


def compile_go(directory: Path) -> Path:
    """Compile the example with the generated SDK; the executable.

    Args:
        directory: an empty one.
    """
    sdk = generate("go", directory)
    program = directory / "program"
    program.mkdir()
    for name in ("main.go", "go.mod", "go.sum"):
        shutil.copy(EXAMPLES / "go" / name, program)
    # As `pulumi package add` does it.
    _go(program, "mod", "edit", f"-require={GO_MODULE}@v0.0.0", f"-replace={GO_MODULE}={sdk}")
    _go(program, "build", "-mod=mod", "-trimpath", "-o", "chat", ".")
    return program / "chat"


def _go(directory: Path, *arguments: str) -> None:
    if shutil.which("go") is None:
        not_there("Go is missing (https://go.dev/dl/)")
    # As the toolchain is built, so that both use the same compiled packages.
    variables = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    done = subprocess.run(
        ["go", *arguments],
        cwd=directory,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _tsc(directory: Path, *arguments: str) -> None:
    compiler = NODE_PACKAGES / "typescript" / "bin" / "tsc"
    done = subprocess.run(
        ["node", str(compiler), *arguments],
        cwd=directory,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
