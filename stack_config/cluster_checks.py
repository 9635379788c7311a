"""Checks that the cluster has what the settings need, before anything is registered. One report names all it lacks."""

from collections.abc import Iterable, Iterator

import pulumi

from components.blocks.finding import Finding

from .cluster_access import ClusterAccess
from .cluster_questions import NotAskedError, Question, asks, there_is_a_cluster
from .existing_claim import claim_question
from .existing_gateway import gateway_question
from .existing_namespace import StackNamespace, namespace_question
from .load import ConfigError
from .needed_objects import object_question, secrets_question
from .report import report
from .served_kinds import kinds_question
from .settings import StackSettings


def require_cluster(settings: StackSettings, access: ClusterAccess) -> None:
    """Check everything that the settings need of the cluster. A question that it does not answer is a warning.

    Raises:
        ConfigError: names all that is missing; nothing has been registered yet.
    """
    if there_is_a_cluster():
        require(questions(settings, access))


def questions(settings: StackSettings, access: ClusterAccess) -> Iterator[Question]:
    """What the settings need of the cluster; nothing with the defaults."""
    web, ask = settings.open_webui, asks(access)
    namespace = StackNamespace(
        name=settings.namespace, access=access, ask=ask, created_by_stack=settings.create_namespace
    )
    if needed := settings.kinds_needed:
        yield kinds_question(needed, access, ask)
    if not settings.create_namespace:
        yield namespace_question(namespace)
    if settings.existing_secrets:
        yield secrets_question(settings.existing_secrets, namespace)
    for needed_object in settings.objects_needed:
        yield object_question(needed_object, namespace)
    if web.uploads.kind == "volume" and (claim := web.uploads.volume.existing_claim):
        yield claim_question(claim, namespace)
    if web.gateway.enabled and web.gateway.parent_ref.name:
        yield gateway_question(web, settings.namespace, ask)


def require(asked: Iterable[Question]) -> None:
    """Ask each question, and report the findings of all.

    Raises:
        ConfigError: there are findings.
    """
    findings: list[Finding] = []
    for question in asked:
        try:
            findings += question.findings()
        except NotAskedError as error:
            pulumi.log.warn(f"not checked {question.about}: {error}")
    if findings:
        raise ConfigError(report(findings))
