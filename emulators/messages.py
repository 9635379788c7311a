"""What the official kubernetes provider tells the user when something fails, word for word."""

CLUSTER_UNREACHABLE = "configured Kubernetes cluster is unreachable"

_ALREADY_EXISTS = """

The resource already exists in the cluster. This can happen when:

  - Renaming a Pulumi resource: use an alias to preserve the identity,
    or use deleteBeforeReplace if the resource needs replacement.
  - Managing an existing resource: use a Patch resource (e.g. NamespacePatch)
    to manage specific fields without owning the resource lifecycle.
  - Adopting a resource into Pulumi: use `pulumi import`. Note that
    protected resources (e.g. kube-system) cannot be deleted on destroy.
  - Intentional upsert: set upsertExistingObjects on the provider to allow
    server-side apply to update existing objects on create."""


def not_created(urn: str, error: Exception, *, exists: bool = False) -> str:
    text = f'resource "{urn}" was not successfully created by the Kubernetes API server: {error}'
    return text + (_ALREADY_EXISTS if exists else "")


def no_such_kind(operation: str, error: Exception) -> str:
    return (
        f"{operation} failed because the Kubernetes API server reported that the apiVersion for this resource does "
        f"not exist. Verify that any required CRDs have been created: {error}"
    )


def created_not_ready(urn: str, error: Exception) -> str:
    return (
        f'resource "{urn}" was successfully created, but the Kubernetes API server reported that it failed to fully '
        f"initialize or become live: {error}"
    )


def updated_not_ready(identifier: str, error: Exception) -> str:
    return f'the Kubernetes API server reported that "{identifier}" failed to fully initialize or become live: {error}'


def field_conflict(manager: str, error: Exception) -> str:
    return (
        "server-side apply field conflict detected, see https://www.pulumi.com/registry/packages/kubernetes/"
        "how-to-guides/managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources "
        "for troubleshooting help\n"
        f'The resource managed by field manager "{manager}" had an apply conflict: {error}'
    )


def unreachable(subject: str) -> str:
    return (
        f"{subject}. If the cluster was deleted, you can remove this resource from Pulumi state: "
        "pulumi state delete '<urn of the resource>'"
    )
