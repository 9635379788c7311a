"""All checks. An earlier one may explain the failure of a later one."""

from collections.abc import Callable

from terminal.invocation import command_line

from ..deployed.check import CannotRunError as CannotRunError
from ..deployed.check import Check as Check
from ..deployed.check import CheckError as CheckError
from ..deployed.exposure import exposure_is_accepted
from ..deployed.scaling import is_changed, one_more, wait_until_left
from ..deployed.stack import Stack
from .inside_pods import (
    LOG_LINE,
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

# kubectl prints ten lines of each pod of a selector otherwise.
_WEB_LOG = "{kubectl} logs -l app=open-webui -c open-webui --tail=-1"
_REDIS_LOG = "{kubectl} logs -l app=redis --tail=-1"


def all_checks(visit: Visit | None = None) -> tuple[Check, ...]:
    """Every check. The last one removes what the others created.

    Args:
        visit: shared by them. Default: a new one, with the administrator of the stack's Secret.
    """
    visit = visit or Visit()
    return (*_checks_of_objects(), *_checks_inside(), *_checks_of_sharing(visit), *_checks_of_scaling(visit))


def _checks_of_objects() -> tuple[Check, ...]:
    return (
        Check(
            name="pods are ready",
            proves="Every application has as many ready pods of its present template as it should have.",
            run=pods_are_ready,
            look_at="{kubectl} describe pods; {kubectl} get events --sort-by=.lastTimestamp",
            runs_in_pods=False,
        ),
        Check(
            name="Secrets are complete",
            proves="Each Secret has its keys; its URLs name servers of this stack, a user and a password.",
            run=secrets_are_complete,
            look_at="{kubectl} get secrets,services; pulumi up",
            runs_in_pods=False,
        ),
        Check(
            name="Services lead to ready pods",
            proves="Each Service has the address of at least one ready pod.",
            run=services_lead_to_pods,
            look_at="{kubectl} get endpointslices,services -o wide",
            runs_in_pods=False,
        ),
        Check(
            name="the exposure is accepted",
            proves="A Gateway has accepted each HTTPRoute, and a load balancer has an address.",
            run=exposure_is_accepted,
            look_at="{kubectl} get gateways,httproutes,services -o yaml",
            runs_in_pods=False,
        ),
        Check(
            name="no backup failed",
            proves="The last scheduled backup succeeded, or is still running.",
            run=no_backup_failed,
            look_at=f"{{kubectl}} logs -l app=postgres-backup --tail=-1 --prefix; {command_line('backup run')}",
            runs_in_pods=False,
        ),
    )


def _checks_inside() -> tuple[Check, ...]:
    return (
        Check(
            name="Redis answers PONG",
            proves="`redis-cli ping` in each Redis pod answers PONG, without a password.",
            run=redis_answers,
            look_at=f"{_REDIS_LOG}; {{kubectl}} describe pod -l app=redis",
        ),
        Check(
            name="names resolve in the web pods",
            proves="In each web pod, the names of the Services resolve to their addresses.",
            run=names_resolve,
            look_at="{kubectl} get services,networkpolicies; {kubectl} get pods -n kube-system -l k8s-app=kube-dns",
        ),
        Check(
            name="Redis serves the web pods only",
            proves="Each replica writes, reads and publishes with both URLs; without credentials only PING works.",
            run=redis_serves_the_application,
            look_at=f"{{kubectl}} get secret redis-acl redis-config; {{kubectl}} get networkpolicies; {_REDIS_LOG}",
        ),
        Check(
            name="Redis carries the websockets",
            proves="The channel of Socket.IO has one subscriber for each replica.",
            run=redis_carries_websockets,
            look_at=f"{_WEB_LOG} | grep -i redis",
        ),
        Check(
            name="the logs say so",
            proves=f"The log of each replica has the line `{LOG_LINE}`.",
            run=log_names_redis,
            look_at=f"{_WEB_LOG} | grep -i websocket",
        ),
        Check(
            name="every replica is healthy",
            proves="Every health endpoint of every replica answers 200.",
            run=replicas_are_healthy,
            look_at=_WEB_LOG,
        ),
    )


def _checks_of_sharing(visit: Visit) -> tuple[Check, ...]:
    return (
        Check(
            name="a session is valid on every replica",
            proves="A user who signs in on one replica is signed in on every other.",
            run=session_is_shared(visit),
            look_at=f"{{kubectl}} get pods -l app=open-webui -o yaml | grep checksum; {_WEB_LOG}",
        ),
        Check(
            name="an event crosses replicas",
            proves="An event that is posted to one replica arrives at a websocket of another.",
            run=event_crosses(visit),
            look_at=f"{_WEB_LOG}; {_REDIS_LOG}",
        ),
        Check(
            name="a sign-out counts on every replica",
            proves="Every replica rejects a token that was signed out on one, and its websocket is closed.",
            run=sign_out_counts(visit),
            look_at=f"{_WEB_LOG}; {_REDIS_LOG}",
        ),
    )


def _checks_of_scaling(visit: Visit) -> tuple[Check, ...]:
    return (
        Check(
            name="one replica more and back",
            proves="An additional replica becomes ready, and terminates again.",
            run=_scales(visit),
            look_at="{kubectl} describe deployment open-webui; {kubectl} describe resourcequota; {kubectl} get events",
            runs_in_pods=False,
        ),
        Check(
            name="no request fails meanwhile",
            proves="All requests through the Service are answered while a replica is added and removed.",
            run=_loses_nothing(visit),
            look_at=_WEB_LOG,
        ),
        Check(
            name="nothing is left behind",
            proves="The temporary pod, policies, account and chat are gone; the replica count is the original one.",
            run=_leaves(visit),
            look_at="{kubectl} get pods,networkpolicies -l app.kubernetes.io/component=verify; "
            "{kubectl} get deployment open-webui -o yaml",
            runs_in_pods=False,
        ),
    )


def _scales(visit: Visit) -> Callable[[Stack], str]:
    def run(stack: Stack) -> str:
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
        outcome = visit.outcome
        if outcome is None or not outcome.requests:
            raise CannotRunError("no request was sent while scaling, see above")
        if outcome.failures:
            raise CheckError(f"{len(outcome.failures)} of {outcome.requests} failed: {outcome.failures[0]['what']}")
        return f"{outcome.requests} requests through the Service, none failed"

    return run


def _leaves(visit: Visit) -> Callable[[Stack], str]:
    def run(stack: Stack) -> str:
        visit.leave()
        nothing_left(stack)
        if is_changed(stack):
            raise CheckError("the original replica count is not restored yet")
        return "no pod, policy, account or scale"

    return run
