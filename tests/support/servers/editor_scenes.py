"""What an editor shows in a stack file, for the picture of docs/configuration.md: `EDITOR_DATA=file` writes it.

EDITOR_DATA=docs/data/editor.json .venv/bin/python -m pytest tests/servers/test_editor.py
"""

import json
import os
import re
from pathlib import Path
from typing import Any

from stack_config.files import ROOT, stack_file
from tests.support.servers.language_server import Document, Editor

DATA = ROOT / "docs" / "data" / "editor.json"
COMMAND = f"EDITOR_DATA={DATA.relative_to(ROOT)} .venv/bin/python -m pytest tests/servers/test_editor.py && make docs"

_FILE = stack_file("dev")
_WEB = "  open-webui-stack:openWebui:\n"
_LOG_LEVEL = "    logLevel: DEBUG\n"
_SHOWN_PROPOSALS = 8

Scene = dict[str, Any]


def check_or_record(scenes: list[Scene]) -> None:
    """Compare the scenes with those of the picture, or write them if this run is for the picture."""
    if file := os.environ.get("EDITOR_DATA"):
        Path(file).write_text(json.dumps(scenes, indent=1, ensure_ascii=False) + "\n")
    else:
        assert json.loads(DATA.read_text()) == scenes, f"the picture is not current; run: {COMMAND}"


def recorded(client: Editor) -> list[Scene]:
    """The scenes, as the server answers now."""
    text = _FILE.read_text()
    key, value = f"{_WEB}    ", "  open-webui-stack:redis:\n    topology: "
    invalid = text.replace(_LOG_LEVEL, "    replica: 3\n    logLevel: VERBOSE\n")
    return [
        _completion(client, "The keys of an object", text.replace(_WEB, f"{key}\n"), key, selected="replicas"),
        _completion(client, "The values of a key", f"{text}{value}\n", value, selected="sentinel"),
        _hover(client, "The pointer on a key", text, "    logL"),
        _errors(client, "An unknown key and an invalid value", invalid),
    ]


def _completion(client: Editor, title: str, text: str, typed: str, *, selected: str) -> Scene:
    with client.opened(_FILE, text) as document:
        items = client.complete(document, document.position(typed))
    documentation = {item["label"]: item["documentation"] for item in items}
    proposals = [*documentation][:_SHOWN_PROPOSALS]
    return {
        **_scene(title, document, typed),
        "proposals": proposals,
        "more": len(documentation) > len(proposals),
        "selected": proposals.index(selected),
        "documentation": documentation[selected],
    }


def _hover(client: Editor, title: str, text: str, before: str) -> Scene:
    with client.opened(_FILE, text) as document:
        shown = client.hover(document, document.position(before))
    assert shown
    # The last paragraph is a link to the schema on this machine.
    markdown = shown["contents"]["value"].partition("\n\nSource: ")[0]
    return {**_scene(title, document, before), "hover": re.sub(r"\\(.)", r"\1", markdown)}


def _errors(client: Editor, title: str, text: str) -> Scene:
    with client.opened(_FILE, text) as document:
        diagnostics = client.diagnostics()
    errors = [
        {
            "line": each["range"]["start"]["line"],
            "from": each["range"]["start"]["character"],
            "to": each["range"]["end"]["character"],
            "message": each["message"],
        }
        for each in diagnostics
    ]
    return {**_scene(title, document, None), "errors": errors}


def _scene(title: str, document: Document, before: str | None) -> Scene:
    scene: Scene = {"title": title, "file": _FILE.name, "lines": document.text.splitlines()}
    return {**scene, "at": document.position(before)} if before else scene
