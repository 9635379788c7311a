"""The pod of an import as processes of this machine: the container's Python, variables and volumes."""

from dataclasses import dataclass
from typing import Any

from stackctl.deployed.kubectl import Kubectl
from stackctl.importing.pod import DIRECTORY, ImportPod
from tests.support.servers.open_webui import IdlePod


@dataclass(frozen=True, kw_only=True)
class KubectlHere(Kubectl):
    """A kubectl whose `exec` runs the command in the pod of this machine."""

    pod: IdlePod

    def command(self, *arguments: str) -> list[str]:
        words = arguments[arguments.index("--") + 1 :]
        assert words[0] == "python"
        return self.pod.python([word.replace(DIRECTORY, str(self.pod.directory / "tmp/import")) for word in words[1:]])


def import_pod_here(pod: IdlePod, **more: Any) -> ImportPod:
    """The pod of an import, with its program."""
    kubectl = KubectlHere(program="kubectl", namespace="rag-system", pod=pod)
    made = ImportPod(kubectl=kubectl, variables=tuple(pod.variables), loses_uploads=False, **more)
    made.install()
    return made
