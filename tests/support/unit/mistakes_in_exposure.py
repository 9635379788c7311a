"""Configs of the exposure with one error each: the key that the report names, and a hint in it."""

from collections.abc import Mapping

EXPOSURE_MISTAKES: list[tuple[str, Mapping[str, object], str, str]] = [
    (
        "a gateway without a Gateway",
        {"openWebui": {"host": "a.example.com", "gateway": {"enabled": True, "controller": "traefik"}}},
        "openWebui.gateway.parentRef.name",
        "className for one of the stack",
    ),
    (
        "a gateway of the stack and an existing one",
        {
            "openWebui": {
                "host": "a.example.com",
                "gateway": {"enabled": True, "className": "traefik", "parentRef": {"name": "public"}},
            }
        },
        "openWebui.gateway.parentRef.name",
        "for an existing Gateway",
    ),
    (
        "a gateway without host",
        {"openWebui": {"gateway": {"enabled": True, "className": "traefik"}}},
        "openWebui.host",
        "a DNS host name",
    ),
    (
        "a gateway of an unknown class",
        {"openWebui": {"host": "a.example.com", "gateway": {"enabled": True, "className": "internal"}}},
        "openWebui.gateway.controller",
        "with controllerNamespace or allowedCidrs",
    ),
    (
        "a proxy of Istio in the namespace of the stack",
        {"openWebui": {"host": "a.example.com", "gateway": {"enabled": True, "className": "istio"}}},
        "openWebui.gateway.className",
        "in another namespace",
    ),
    (
        "a certificate for an existing Gateway",
        {
            "openWebui": {
                "host": "a.example.com",
                "gateway": {
                    "enabled": True,
                    "controller": "traefik",
                    "parentRef": {"name": "public"},
                    "tlsSecretName": "tls",
                },
            }
        },
        "openWebui.gateway.tlsSecretName",
        "set only with className",
    ),
    (
        "a listener of no Gateway",
        {
            "openWebui": {
                "host": "a.example.com",
                "gateway": {"enabled": True, "controller": "traefik", "parentRef": {"sectionName": "https"}},
            }
        },
        "openWebui.gateway.parentRef.name",
        "an existing Gateway",
    ),
    (
        "a class of a gateway that is off",
        {"openWebui": {"gateway": {"className": "traefik"}}},
        "openWebui.gateway.className",
        "enabled: true",
    ),
    (
        "a load balancer without users",
        {"openWebui": {"loadBalancer": {"enabled": True}}},
        "openWebui.loadBalancer.sourceRanges",
        "0.0.0.0/0 for everyone",
    ),
    (
        "a load balancer whose connections come from nodes",
        {
            "openWebui": {
                "loadBalancer": {
                    "enabled": True,
                    "sourceRanges": ["198.51.100.0/24"],
                    "externalTrafficPolicy": "Cluster",
                }
            }
        },
        "openWebui.loadBalancer.allowedCidrs",
        "the addresses of the nodes",
    ),
    (
        "a port of a load balancer that is off",
        {"openWebui": {"loadBalancer": {"port": 8080}}},
        "openWebui.loadBalancer.port",
        "enabled: true",
    ),
    (
        "a body size for Traefik, which has no limit",
        {
            "openWebui": {
                "host": "a.example.com",
                "ingress": {"enabled": True, "className": "traefik", "maxBodySize": "1Gi"},
            }
        },
        "openWebui.ingress.maxBodySize",
        "a setting of the controller itself",
    ),
    (
        "retries of an Ingress whose controller reads no Middleware",
        {
            "openWebui": {
                "host": "a.example.com",
                "ingress": {"enabled": True, "className": "haproxy", "retryConnections": True},
            }
        },
        "openWebui.ingress.retryConnections",
        "a setting of the controller itself",
    ),
    (
        "retries of a Gateway whose implementation reads no Middleware",
        {
            "openWebui": {
                "host": "a.example.com",
                "gateway": {"enabled": True, "className": "eg", "retryConnections": True},
            }
        },
        "openWebui.gateway.retryConnections",
        "a policy of the implementation itself",
    ),
    (
        "retries of a Gateway whose implementation is not named",
        {
            "openWebui": {
                "host": "a.example.com",
                "gateway": {
                    "enabled": True,
                    "parentRef": {"name": "public", "namespace": "edge"},
                    "controllerNamespace": "edge",
                    "retryConnections": True,
                },
            }
        },
        "openWebui.gateway.retryConnections",
        "controller traefik if Traefik serves the Gateway",
    ),
    (
        "retries of an Ingress whose controller is not named",
        {
            "openWebui": {
                "host": "a.example.com",
                "ingress": {
                    "enabled": True,
                    "className": "own",
                    "controllerNamespace": "edge",
                    "retryConnections": True,
                },
            }
        },
        "openWebui.ingress.retryConnections",
        "or controller with its name",
    ),
    (
        "retries of an Ingress that is off",
        {"openWebui": {"ingress": {"retryConnections": True}}},
        "openWebui.ingress.retryConnections",
        "enabled: true",
    ),
    (
        "names of a Middleware that does not exist",
        {
            "openWebui": {
                "host": "a.example.com",
                "ingress": {"enabled": True, "className": "traefik", "traefikSafeNaming": True},
            }
        },
        "openWebui.ingress.traefikSafeNaming",
        "retryConnections: true",
    ),
    (
        "a body size below the largest file",
        {
            "openWebui": {
                "host": "a.example.com",
                "ingress": {"enabled": True, "className": "nginx", "maxBodySize": "50Mi"},
                "env": {"RAG_FILE_MAX_SIZE": "200"},
            }
        },
        "openWebui.ingress.maxBodySize",
        "at least 201Mi",
    ),
    (
        "a redirect to https without https",
        {
            "openWebui": {
                "host": "a.example.com",
                "ingress": {"enabled": True, "className": "nginx", "redirectToHttps": True},
            }
        },
        "openWebui.ingress.redirectToHttps",
        "publicScheme",
    ),
    (
        "an issuer of an Ingress that is off",
        {"openWebui": {"host": "a.example.com", "ingress": {"issuer": {"name": "letsencrypt"}}}},
        "openWebui.ingress.issuer.name",
        "enabled: true",
    ),
]
