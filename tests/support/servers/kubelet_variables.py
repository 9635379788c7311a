"""How the kubelet fills in environment variables."""

import re
from collections.abc import Mapping


def expanded(value: str, variables: Mapping[str, str]) -> str:
    """A value as the kubelet fills it in: `$(NAME)` by an earlier variable, `$$` by a dollar sign.

    https://github.com/kubernetes/kubernetes/blob/v1.36.3/third_party/forked/golang/expansion/expand.go
    """

    def fill(match: "re.Match[str]") -> str:
        return "$" if match[0] == "$$" else variables.get(match["name"], match[0])

    return re.sub(r"\$\$|\$\((?P<name>[^)]*)\)", fill, value)
