"""Browsers that read long answers while something happens, and what became of each answer."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stackctl.deployed.kubectl import KubectlError
from stackctl.deployed.stack import WEB, Stack
from stackctl.verify.client_pod import CONTAINER
from tests.support.e2e.model_server import MODEL, answer_to
from tests.support.e2e.observation import SCRIPTS

BROWSERS = 20
ANSWER_SECONDS = 60
_END_SECONDS = 240


@dataclass
class Reading:
    """What the browsers read; filled in when they have stopped."""

    answers: Sequence[Mapping[str, Any]] = ()
    """Of each: ``question``, what is ``stored``, whether it is ``done``, and whether its end was ``seen``."""

    @property
    def begun(self) -> list[Mapping[str, Any]]:
        """Answers that a replica began."""
        return [answer for answer in self.answers if not answer["refused"]]

    @property
    def cut(self) -> list[Mapping[str, Any]]:
        """Those that the database does not have whole."""
        return [answer for answer in self.begun if not _whole(answer)]

    @property
    def unseen(self) -> list[Mapping[str, Any]]:
        """Those whose end the browser was not told."""
        return [answer for answer in self.begun if not answer["seen"]]

    def summary(self) -> str:
        """In a few words."""
        refused = len(self.answers) - len(self.begun)
        end = f"; {len(self.unseen)} browsers did not see the end" if self.unseen else ""
        more = f"; {refused} questions not taken" if refused else ""
        return f"{len(self.begun) - len(self.cut)} of {len(self.begun)} answers whole, {len(self.cut)} cut{end}{more}"


def _whole(answer: Mapping[str, Any]) -> bool:
    return bool(answer["done"]) and answer["stored"].strip() == answer_to(answer["question"]).strip()


@contextmanager
def reading(
    stack: Stack, client: str, token: str, *, browsers: int = BROWSERS, seconds: int = ANSWER_SECONDS
) -> Iterator[Reading]:
    """Browsers that ask again and again for as long as the body runs, and read their last answer to its end.

    Args:
        stack: whose Service is used.
        client: name of the client pod.
        token: of an administrator, who makes the accounts.
        browsers: how many; all read at the same time when the body begins.
        seconds: length of each answer.

    Raises:
        KubectlError: they could not read before anything was done.
    """
    outcome = Reading()
    config = {"url": f"http://{WEB}", "token": token, "browsers": browsers, "seconds": seconds, "model": MODEL}
    kubectl = stack.kubectl
    with kubectl.python_running(client, SCRIPTS / "answers.py", config, container=CONTAINER) as process:
        assert process.stdout
        if not process.stdout.readline():
            raise KubectlError(f"the browsers cannot read: {process.communicate()[1][-500:]}")
        try:
            yield outcome
        finally:
            kubectl.run("exec", client, "-c", CONTAINER, "--", "touch", "/tmp/answered")
        output, errors = process.communicate(timeout=_END_SECONDS)
    if process.returncode:
        raise KubectlError(f"the browsers ended before their time: {errors[-500:]}")
    outcome.answers = json.loads(output)
