"""Label selectors: which objects they select. The only place that decides it; the other rooms import it from here."""

from collections.abc import Mapping
from typing import Any

from .objects import field, items, mapping


def selects(selector: object, labels: Mapping[str, Any]) -> bool:
    """Whether a LabelSelector selects an object with these labels. An empty one selects every object.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/label-selector/

    Args:
        selector: ``matchLabels`` and ``matchExpressions`` as in YAML.
        labels: labels of the object.
    """
    if not selects_exactly(mapping(field(selector, "matchLabels")), labels):
        return False
    return all(_fits(expression, labels) for expression in items(field(selector, "matchExpressions")))


def selects_exactly(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether an object has all of the labels: ``matchLabels``, and the selector of a Service."""
    return all(labels.get(name) == value for name, value in selector.items())


def _fits(expression: object, labels: Mapping[str, Any]) -> bool:
    key, values = field(expression, "key"), items(field(expression, "values"))
    match field(expression, "operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    # The API server refuses any other operator.
    return False
