"""Objects that the checks create in the cluster when they need them, and remove at the end."""

from contextlib import ExitStack

from host.waiting import attempts

from ..deployed.check import CannotRunError, CheckError
from ..deployed.runs import LABEL, this_run
from ..deployed.stack import WEB, WEB_PORT, Account, Stack
from .client_pod import KINDS, client_pod
from .guest import guest
from .load import Load, load
from .web_api import WebApi

REQUESTS_PER_SECOND = 10.0
_CONNECT_SECONDS = 60.0


class Visit:
    """The client pod, the temporary account and the load of one run, shared by its checks."""

    def __init__(self, administrator: Account | None = None) -> None:
        """Create nothing yet.

        Args:
            administrator: creates the account. Default: the one in the stack's Secret.
        """
        self._administrator = administrator
        self._made = ExitStack()
        self._load = ExitStack()
        self._client = ""
        self._guest: Account | None = None
        self._failed: set[str] = set()
        self.outcome: Load | None = None
        """Result of the load; None until it is started."""

    def client(self, stack: Stack) -> str:
        """Name of the client pod.

        Raises:
            KubectlError: it cannot be created.
            CheckError: it does not reach the web pods.
            CannotRunError: an earlier check failed to create it.
        """
        if not self._client:
            self._first_try("client pod")
            client = self._made.enter_context(client_pod(stack))
            _wait_until_connected(_replicas(stack, client))
            self._client = client
        return self._client

    def replicas(self, stack: Stack) -> list[WebApi]:
        """The API of every ready replica."""
        return _replicas(stack, self.client(stack))

    def guest(self, stack: Stack, web: WebApi) -> Account:
        """The temporary account.

        Raises:
            CheckError: it cannot be created.
            CannotRunError: an earlier check failed to create it.
        """
        if not self._guest:
            self._first_try("temporary account")
            self._guest = self._made.enter_context(guest(web, self._administrator or stack.administrator()))
        return self._guest

    def begin_load(self, stack: Stack) -> None:
        """Start steady requests through the Service.

        Raises:
            KubectlError: they cannot start.
        """
        self.outcome = self._load.enter_context(load(stack, self.client(stack), rate=REQUESTS_PER_SECOND))

    def end_load(self) -> None:
        """End the requests, if there are any; `outcome` is complete then.

        Raises:
            KubectlError: they ended early.
        """
        try:
            self._load.close()
        except BaseException:
            self.outcome = None
            raise

    def leave(self) -> None:
        """Remove everything. A later check creates what it needs again.

        Raises:
            CheckError: the account cannot be removed.
            KubectlError: the pod or its policies cannot be removed.
        """
        self._client, self._guest, self._failed = "", None, set()
        try:
            self.end_load()
        finally:
            self._made.close()

    def _first_try(self, what: str) -> None:
        if what in self._failed:
            raise CannotRunError(f"there is no {what}, see above")
        self._failed.add(what)


def nothing_left(stack: Stack) -> None:
    """Check that no objects of this run remain.

    Raises:
        CheckError: some remain.
    """
    items = stack.kubectl.get(KINDS, "-l", f"{LABEL}={this_run()}")["items"]
    # A terminating pod is deleted already.
    remaining = [f"{i['kind']} {i['metadata']['name']}" for i in items if not i["metadata"].get("deletionTimestamp")]
    if remaining:
        raise CheckError(f"still there: {', '.join(remaining)}")


def _replicas(stack: Stack, client: str) -> list[WebApi]:
    addresses = [pod["status"]["podIP"] for pod in stack.ready(WEB)]
    return [WebApi(stack=stack, client=client, url=f"http://{_host(address)}:{WEB_PORT}") for address in addresses]


def _wait_until_connected(replicas: list[WebApi]) -> None:
    """Wait until the client can connect: network policies take effect a moment after they are created."""
    for _ in attempts(seconds=_CONNECT_SECONDS, every=1):
        answers = ((replica.url, replica.request("GET", "/health")) for replica in replicas)
        failure = next((f"{url}: {answer}" for url, answer in answers if answer.status != 200), None)
        if failure is None:
            return
    raise CheckError(f"the client pod does not reach {failure}")


def _host(address: str) -> str:
    """An address in the form of a URL."""
    return f"[{address}]" if ":" in address else address
