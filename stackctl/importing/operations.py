"""The steps of an import."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from host.signals import announced_stop
from terminal.console import step
from terminal.errors import LocalError, UsageError
from terminal.invocation import option

from ..deployed.backup_jobs import cron_job, run_job
from ..deployed.stack import Stack
from ..deployed.target import find_stack
from ..deployed.web_pods import stopped
from ..options import Target
from .pod import ImportPod, import_pod
from .report import Plan
from .source import Source, copy_source


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of the import."""

    confirmed: bool
    overwrite: bool
    documents: bool
    files: bool
    safety_dump: bool


def run(target: Target, data: Path, choices: Choices) -> None:
    """Import a data directory.

    Args:
        target: the stack.
        data: directory of the single Open WebUI, which is only read.
        choices: what is imported, and whether.

    Raises:
        UsageError: it is not confirmed, or would overwrite rows of the stack: the message says what would be done.
        LocalError: it failed. The database holds what it held before.
    """
    with tempfile.TemporaryDirectory() as name, announced_stop("removing what was created in the cluster"):
        source = copy_source(data, Path(name))
        stack = find_stack(target)
        if stack.is_simulated():
            raise LocalError("pods are simulated here: no container runs, so nothing can be imported")
        if choices.safety_dump:
            _check_backups(stack)
        with import_pod(stack, source.size) as pod:
            _import(stack, pod, source, choices)


def _check_backups(stack: Stack) -> None:
    try:
        cron_job(stack)
    except UsageError as error:
        raise UsageError(
            f"{error}\nWithout backups the present contents of the database cannot be kept. To import all the same: "
            f"add {option('no_safety_dump')}"
        ) from error


def _import(stack: Stack, pod: ImportPod, source: Source, choices: Choices) -> None:
    if choices.files and pod.loses_uploads:
        raise UsageError(
            "openWebui.uploads.kind is pod: files are gone with their pod, and would be gone with that of the import.\n"
            "Set openWebui.uploads.kind to volume or s3 first. To import without files: "
            f"add {option('no_files')}. Their text and the documents are imported in any case"
        )
    options = {"variables": pod.variables, "documents": choices.documents, "overwrite": choices.overwrite}
    with step("compare the source with the stack", 30) as progress:
        pod.send(
            [
                (source.database, source.database.name),
                *([(source.vectors, source.vectors.name)] if source.vectors else []),
            ]
        )
        result = pod.run("plan", options, (), progress)
    files = list(source.files(result["files"])) if choices.files else []
    missing = sorted(set(result["files"]) - {file.name for file in files}) if choices.files else []
    plan = Plan(result, tuple(missing))
    for line in plan.lines():
        print(line)
    if plan.is_empty:
        print("The stack holds all of this already. Nothing was changed.")
        return
    _check_consent(stack, plan, choices)
    with stopped(stack) as replicas:
        if choices.safety_dump:
            with step("dump the present contents of the database", 30) as progress:
                print(run_job(stack, ["run"], begin=progress).check().lines[-1])
        with step(f"import {len(files)} files and all rows", 60) as progress:
            result = pod.run("apply", {**options, "files": bool(files)}, files, progress)
    print(
        f"Imported {result['rows']} rows of {result['tables']} tables, {result['files']} files and "
        f"{result['embedded']} chunks of documents. Rows and files were compared with the source."
    )
    print(f"{replicas} web pods are ready again. Users sign in with their passwords of the source.")


def _check_consent(stack: Stack, plan: Plan, choices: Choices) -> None:
    overwritten = ", ".join(f"{count} of {table}" for table, count in plan.overwritten.items())
    if overwritten and not choices.overwrite:
        raise UsageError(
            f"The import would overwrite rows of the stack: {overwritten}. Nothing was changed.\n"
            f"To replace them by those of the source: add {option('overwrite')}"
        )
    if not choices.confirmed:
        contents = "are dumped first and kept" if choices.safety_dump else "are LOST"
        raise UsageError(
            f"This would stop every web pod of {stack.kubectl.namespace} and change the rows above.\n"
            f"The present contents {contents}. Nothing was changed. To import: add {option('yes')}"
        )
