"""`stackctl init`."""

from typing import Annotated

import typer

from ..options import Sets


def init(
    env: Annotated[str | None, typer.Option("--env", help="Name of the environment and of its Pulumi stack.")] = None,
    cluster_mode: Annotated[
        str | None, typer.Option(help="How Pulumi reaches the cluster: context, inCluster or kubeconfig.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="Context of your kubeconfig.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Namespace of the stack.")] = None,
    replicas: Annotated[str | None, typer.Option(help="Web replicas.")] = None,
    uploads: Annotated[str | None, typer.Option(help="Storage of uploads: pod, volume, s3, gcs or azure.")] = None,
    host: Annotated[str | None, typer.Option(help="Public host name. Empty: none.")] = None,
    ingress: Annotated[bool | None, typer.Option("--ingress/--no-ingress", help="Create an Ingress.")] = None,
    ingress_class: Annotated[str | None, typer.Option(help="IngressClass. Empty: the default class.")] = None,
    tls_secret: Annotated[str | None, typer.Option(help="Secret with the TLS certificate. Empty: none.")] = None,
    tls_issuer: Annotated[str | None, typer.Option(help="ClusterIssuer that signs it. Empty: none.")] = None,
    models_url: Annotated[str | None, typer.Option(help="OpenAI-compatible model service. Empty: none.")] = None,
    models_secret: Annotated[
        str | None, typer.Option(help="Existing Secret with the key of the service. Empty: set the key in the config.")
    ] = None,
    models_secret_key: Annotated[str | None, typer.Option(help="Key of that Secret.")] = None,
    storage_class: Annotated[str | None, typer.Option(help="StorageClass of the database. Empty: the default.")] = None,
    sets: Sets = None,
) -> None:
    """Ask what a first stack needs, and write its Pulumi.NAME.yaml.

    An option answers its question. Without a terminal, a question without an option has its default. Writes no secret
    and overwrites no file.
    """
    from .answers import Flags
    from .operations import create

    flags = {
        "--cluster-mode": cluster_mode,
        "--context": context,
        "--namespace": namespace,
        "--replicas": replicas,
        "--uploads": uploads,
        "--host": host,
        "--ingress/--no-ingress": None if ingress is None else str(ingress).lower(),
        "--ingress-class": ingress_class,
        "--tls-secret": tls_secret,
        "--tls-issuer": tls_issuer,
        "--models-url": models_url,
        "--models-secret": models_secret,
        "--models-secret-key": models_secret_key,
        "--storage-class": storage_class,
    }
    create(Flags(environment=env, answers=flags, sets=tuple(sets or ())))
