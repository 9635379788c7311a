"""All checks, in the order in which one explains the next."""

from collections.abc import Callable

from terminal.invocation import command_line

from ..deployed.check import CannotRunError as CannotRunError
from ..deployed.check import Check as Check
from ..deployed.check import CheckError as CheckError
from ..deployed.scaling import is_changed, one_more, wait_until_left
from ..deployed.stack import Stack
from .inside_pods import (
    log_names_redis,
    names_resolve,
    redis_answers,
    redis_carries_websockets,
    redis_serves_the_application,
    replicas_are_healthy,
)
from .parts import no_backup_failed, pods_are_ready, secrets_are_complete, services_lead_to_pods
from .sharing import event_crosses, session_is_shared, sign_out_counts
from .visit import Visit, nothing_left

_WEB_LOG = "{kubectl} logs -l app=open-webui -c open-webui"
_REDIS_LOG = "{kubectl} logs -l app=redis"


def all_checks(visit: Visit | None = None) -> tuple[Check, ...]:
    """Every check. The last one takes away what the others have made.

    Args:
        visit: what they share. Default: one of their own, with the administrator of the stack's Secret.
    """
    visit = visit or Visit()
    return (*_checks_of_objects(), *_checks_inside(), *_checks_of_sharing(visit), *_checks_of_scaling(visit))


def _checks_of_objects() -> tuple[Check, ...]:
    return (
        Check(
            name="pods are ready",
            run=pods_are_ready,
            look_at="{kubectl} describe pods; {kubectl} get events --sort-by=.lastTimestamp",
            runs_in_pods=False,
        ),
        Check(
            name="Secrets are complete",
            run=secrets_are_complete,
            look_at="{kubectl} get secrets,services; pulumi up",
            runs_in_pods=False,
        ),
        Check(
            name="Services lead to ready pods",
            run=services_lead_to_pods,
            look_at="{kubectl} get endpointslices,services -o wide",
            runs_in_pods=False,
        ),
        Check(
            name="no backup failed",
            run=no_backup_failed,
            look_at=f"{{kubectl}} logs -l app=postgres-backup --tail=-1 --prefix; {command_line('backup run')}",
            runs_in_pods=False,
        ),
    )


def _checks_inside() -> tuple[Check, ...]:
    return (
        Check(
            name="Redis answers PONG", run=redis_answers, look_at=f"{_REDIS_LOG}; {{kubectl}} describe pod -l app=redis"
        ),
        Check(
            name="names resolve in the web pods",
            run=names_resolve,
            look_at="{kubectl} get services,networkpolicies; {kubectl} get pods -n kube-system -l k8s-app=kube-dns",
        ),
        Check(
            name="Redis serves the web pods and nobody else",
            run=redis_serves_the_application,
            look_at=f"{{kubectl}} get secret redis-acl redis-config; {{kubectl}} get networkpolicies; {_REDIS_LOG}",
        ),
        Check(name="Redis carries the websockets", run=redis_carries_websockets, look_at=f"{_WEB_LOG} | grep -i redis"),
        Check(name="the logs say so", run=log_names_redis, look_at=f"{_WEB_LOG} --tail=-1 | grep -i websocket"),
        Check(name="every replica is healthy", run=replicas_are_healthy, look_at=_WEB_LOG),
    )


def _checks_of_sharing(visit: Visit) -> tuple[Check, ...]:
    return (
        Check(
            name="a session is valid on every replica",
            run=session_is_shared(visit),
            look_at=f"{{kubectl}} get pods -l app=open-webui -o yaml | grep checksum; {_WEB_LOG}",
        ),
        Check(name="an event crosses replicas", run=event_crosses(visit), look_at=f"{_WEB_LOG}; {_REDIS_LOG}"),
        Check(
            name="a sign-out counts on every replica", run=sign_out_counts(visit), look_at=f"{_WEB_LOG}; {_REDIS_LOG}"
        ),
    )


def _checks_of_scaling(visit: Visit) -> tuple[Check, ...]:
    return (
        Check(
            name="one replica more and back",
            run=_scales(visit),
            look_at="{kubectl} describe deployment open-webui; {kubectl} describe resourcequota; {kubectl} get events",
            runs_in_pods=False,
        ),
        Check(name="no request fails meanwhile", run=_loses_nothing(visit), look_at=f"{_WEB_LOG} --tail=-1"),
        Check(
            name="nothing is left behind",
            run=_leaves(visit),
            look_at="{kubectl} get pods,networkpolicies -l app.kubernetes.io/component=verify; "
            "{kubectl} get deployment open-webui -o yaml",
            runs_in_pods=False,
        ),
    )


def _scales(visit: Visit) -> Callable[[Stack], str]:
    def run(stack: Stack) -> str:
        """A further replica gets ready, and leaves again."""
        if not stack.is_simulated():
            visit.begin_load(stack)
        try:
            with one_more(stack) as before:
                pass
            wait_until_left(stack, before)
        finally:
            visit.end_load()
        return f"{before.replicas} → {before.replicas + 1} → {before.replicas}"

    return run


def _loses_nothing(visit: Visit) -> Callable[[Stack], str]:
    def run(_stack: Stack) -> str:
        """All requests through the Service are answered while a replica comes and goes."""
        outcome = visit.outcome
        if outcome is None or not outcome.requests:
            raise CannotRunError("no request was made while scaling, see above")
        if outcome.failures:
            raise CheckError(f"{len(outcome.failures)} of {outcome.requests} failed: {outcome.failures[0]['what']}")
        return f"{outcome.requests} requests through the Service, none failed"

    return run


def _leaves(visit: Visit) -> Callable[[Stack], str]:
    def run(stack: Stack) -> str:
        """The temporary pod, policies, account and chat are gone, and the number of replicas is that of before."""
        visit.leave()
        nothing_left(stack)
        if is_changed(stack):
            raise CheckError("the number of replicas is still to be set to that of before")
        return "no pod, policy, account or scale"

    return run
