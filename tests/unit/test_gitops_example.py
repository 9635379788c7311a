"""The Stack of the Pulumi Kubernetes Operator: its fields exist, and its rights and its config fit the stack file."""

import json
from typing import Any

import yaml

from stack_config.load import PROJECT, parse
from stack_config.settings import StackSettings
from stackctl.render.manifests import planned_objects
from tests.support.examples import EXAMPLES, Example

EXAMPLE = Example(name="pulumi-kubernetes-operator")

STACK_FIELDS = {
    *("serviceAccountName", "backend", "stack", "useLocalStackOnly", "projectRepo", "branch", "commit", "shallow"),
    *("envRefs", "config", "secretsRef", "secretsProvider", "destroyOnFinalize", "refresh", "preview"),
    *("continueResyncOnCommitMatch", "resyncFrequencySeconds", "retryMaxBackoffDurationSeconds", "workspaceTemplate"),
}
"""Members of `spec` of a Stack, version v1.

Source: deploy/crds/pulumi.com_stacks.yaml of pulumi-kubernetes-operator 2.9.0.
"""

WORKSPACE_FIELDS = {"image", "imagePullPolicy", "securityProfile", "resources", "env", "envFrom", "podTemplate"}
"""Members of `spec` of a Workspace, version v1alpha1.

Source: deploy/crds/auto.pulumi.com_workspaces.yaml of the same release.
"""

REFERENCE_FIELDS = {"type", "secret", "env", "filesystem", "literal"}
"""Members of a reference in `envRefs`. Source: as for the Stack."""

ADMIN_KINDS = {
    *("ConfigMap", "Secret", "Service", "ServiceAccount", "PersistentVolumeClaim", "Deployment", "StatefulSet"),
    *("Job", "CronJob", "HorizontalPodAutoscaler", "Ingress", "NetworkPolicy", "PodDisruptionBudget"),
}
"""Kinds that the ClusterRole `admin` may create. Not among them: ResourceQuota, LimitRange, Namespace.

Source: editRules in plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go of Kubernetes.
"""


def manifests() -> dict[str, dict[str, Any]]:
    """The objects of stack.yaml by kind."""
    documents = yaml.safe_load_all((EXAMPLES / EXAMPLE.name / "stack.yaml").read_text())
    return {document["kind"]: document for document in documents}


def settings() -> StackSettings:
    """The settings as the operator passes them: the config of the Stack over that of the stack file."""
    config = manifests()["Stack"]["spec"]["config"]
    values = dict(EXAMPLE.config({}).values)
    assert f"{PROJECT}:cluster" not in EXAMPLE.directory.joinpath(f"Pulumi.{EXAMPLE.name}.yaml").read_text()
    return parse({**values, **{key: json.dumps(value) for key, value in config.items()}}, set())


def test_the_fields_of_the_stack_exist() -> None:
    stack = manifests()["Stack"]
    assert stack["apiVersion"] == "pulumi.com/v1"
    assert stack["spec"].keys() <= STACK_FIELDS
    assert stack["spec"]["workspaceTemplate"]["spec"].keys() <= WORKSPACE_FIELDS
    for reference in stack["spec"]["envRefs"].values():
        assert reference.keys() <= REFERENCE_FIELDS
        assert reference["secret"].keys() == {"name", "key"}


def test_the_page_names_fields_that_exist() -> None:
    page = (EXAMPLES.parent / "ci" / "gitops.md").read_text()
    assert all(f"`{field}" in page for field in ("useLocalStackOnly", "destroyOnFinalize", "refresh", "preview"))


def test_the_pod_deploys_with_its_own_account_and_needs_no_context() -> None:
    assert settings().cluster.mode == "inCluster"
    assert settings().kube_context == ""


def test_nothing_is_deleted_without_a_person() -> None:
    spec = manifests()["Stack"]["spec"]
    assert spec["destroyOnFinalize"] is False
    assert spec["useLocalStackOnly"] is True
    assert settings().protect


def test_the_account_has_the_rights_that_the_stack_needs() -> None:
    objects = manifests()
    spec, account = objects["Stack"]["spec"], objects["ServiceAccount"]["metadata"]
    assert spec["serviceAccountName"] == account["name"]
    assert objects["Stack"]["metadata"]["namespace"] == account["namespace"]
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        [subject] = objects[kind]["subjects"]
        assert subject == {"kind": "ServiceAccount", **account}
    assert objects["RoleBinding"]["metadata"]["namespace"] == settings().namespace != account["namespace"]
    assert objects["RoleBinding"]["roleRef"]["name"] == "admin"
    planned = planned_objects(EXAMPLE.config({"kubeContext": "any"}), EXAMPLE.name)
    assert {each["kind"] for each in planned} <= ADMIN_KINDS


def test_the_stack_is_the_one_of_the_page() -> None:
    spec = manifests()["Stack"]["spec"]
    assert spec["stack"] == f"organization/{PROJECT}/{EXAMPLE.name}"
    assert f"pulumi login '{spec['backend']}'" in EXAMPLE.page
    secret = spec["envRefs"]["PULUMI_CONFIG_PASSPHRASE"]["secret"]
    assert f"create secret generic {secret['name']} --from-file={secret['key']}=" in EXAMPLE.page
    [reference] = settings().existing_secrets.values()
    assert f"create secret generic {reference.name} --from-file={reference.key}=" in EXAMPLE.page
