"""What the keys of the exposure do, those of the Ingress in `effects_on_open_webui` aside."""

from tests.support.unit.effects import Effect, inputs
from tests.support.unit.effects_on_open_webui import ANNOTATIONS, HOST, INGRESS, PUBLIC

NGINX = (*INGRESS, "openWebui.ingress.controller=ingress-nginx")
TRAEFIK = (*PUBLIC, "openWebui.ingress.enabled=true", "openWebui.ingress.className=traefik")
OWN_GATEWAY = (*PUBLIC, "openWebui.gateway.enabled=true", "openWebui.gateway.className=traefik")
OWN_TLS = (*OWN_GATEWAY, "openWebui.gateway.tlsSecretName=tls")
EXISTING = (*PUBLIC, "openWebui.gateway.enabled=true", "openWebui.gateway.controller=traefik")
EXISTING_GATEWAY = (*EXISTING, "openWebui.gateway.parentRef.name=public")
BALANCED = ("openWebui.loadBalancer.enabled=true", "openWebui.loadBalancer.sourceRanges[0]=198.51.100.0/24")

_PEERS = ("NetworkPolicy", "open-webui", "spec", "ingress", 0, "from")
_ROUTE = ("HTTPRoute", "open-webui", "spec")
_LISTENERS = ("Gateway", "open-webui", "spec", "listeners")
_SERVICE = ("Service", "open-webui-load-balancer", "spec")

EFFECTS: dict[str, Effect] = {
    "openWebui.ingress.issuer.name": Effect(
        value="letsencrypt",
        sets=NGINX,
        shows=inputs("Ingress", "open-webui", *ANNOTATIONS, "cert-manager.io/cluster-issuer"),
        expected="letsencrypt",
    ),
    "openWebui.ingress.issuer.kind": Effect(
        value="Issuer",
        sets=(*INGRESS, "openWebui.ingress.issuer.name=own"),
        shows=inputs("Ingress", "open-webui", *ANNOTATIONS, "cert-manager.io/issuer"),
        expected="own",
    ),
    "openWebui.ingress.maxBodySize": Effect(
        value="1Gi",
        sets=NGINX,
        shows=inputs("Ingress", "open-webui", *ANNOTATIONS, "nginx.ingress.kubernetes.io/proxy-body-size"),
        expected="1024m",
    ),
    "openWebui.ingress.timeoutSeconds": Effect(
        value="600",
        sets=NGINX,
        shows=inputs("Ingress", "open-webui", *ANNOTATIONS, "nginx.ingress.kubernetes.io/proxy-read-timeout"),
        expected="600",
    ),
    "openWebui.ingress.redirectToHttps": Effect(
        value="true",
        sets=(*INGRESS, "openWebui.publicScheme=https"),
        shows=inputs("Ingress", "open-webui", *ANNOTATIONS, "nginx.ingress.kubernetes.io/force-ssl-redirect"),
        expected="true",
    ),
    "openWebui.ingress.retryConnections": Effect(
        value="true",
        sets=TRAEFIK,
        shows=inputs("Ingress", "open-webui", *ANNOTATIONS, "traefik.ingress.kubernetes.io/router.middlewares"),
        expected="rag-system-open-webui-retry@kubernetescrd",
    ),
    "openWebui.ingress.traefikSafeNaming": Effect(
        value="true",
        sets=(*TRAEFIK, "openWebui.ingress.retryConnections=true"),
        shows=inputs("Ingress", "open-webui", *ANNOTATIONS, "traefik.ingress.kubernetes.io/router.middlewares"),
        expected="rag-system_open-webui-retry@kubernetescrd",
    ),
    "openWebui.gateway.retryConnections": Effect(
        value="true",
        sets=OWN_TLS,
        shows=inputs(*_ROUTE, "rules", 0, "filters", 0, "extensionRef", "name"),
        expected="open-webui-retry",
    ),
    "openWebui.gateway.enabled": Effect(
        value="true",
        sets=(*PUBLIC, "openWebui.gateway.className=traefik"),
        shows=inputs(*_ROUTE, "hostnames"),
        expected=[HOST],
    ),
    "openWebui.gateway.parentRef.name": Effect(
        value="public", sets=EXISTING, shows=inputs(*_ROUTE, "parentRefs", 0, "name"), expected="public"
    ),
    "openWebui.gateway.parentRef.namespace": Effect(
        value="gateways",
        sets=EXISTING_GATEWAY,
        shows=inputs(*_ROUTE, "parentRefs", 0, "namespace"),
        expected="gateways",
    ),
    "openWebui.gateway.parentRef.sectionName": Effect(
        value="https",
        sets=EXISTING_GATEWAY,
        shows=inputs(*_ROUTE, "parentRefs", 0, "sectionName"),
        expected="https",
    ),
    "openWebui.gateway.className": Effect(
        value="traefik",
        sets=(*EXISTING, "openWebui.gateway.httpPort=81"),
        shows=inputs("Gateway", "open-webui", "spec", "gatewayClassName"),
        expected="traefik",
    ),
    "openWebui.gateway.controller": Effect(
        value="envoy-gateway",
        sets=OWN_GATEWAY,
        shows=inputs(*_PEERS, 0, "namespaceSelector", "matchLabels"),
        expected={"kubernetes.io/metadata.name": "envoy-gateway-system"},
    ),
    "openWebui.gateway.controllerNamespace": Effect(
        value="kube-system",
        sets=(*OWN_GATEWAY, "openWebui.gateway.requestTimeoutSeconds=1"),
        shows=inputs(*_PEERS, 0, "namespaceSelector", "matchLabels"),
        expected={"kubernetes.io/metadata.name": "kube-system"},
    ),
    "openWebui.gateway.controllerLabels": Effect(
        value="",
        sets=(*OWN_GATEWAY, "openWebui.gateway.controllerLabels.app=traefik"),
        shows=inputs(*_PEERS, 0, "podSelector", "matchLabels"),
        expected={"app": "traefik"},
    ),
    "openWebui.gateway.allowedCidrs": Effect(
        value="",
        sets=(*OWN_GATEWAY, "openWebui.gateway.allowedCidrs[0]=10.20.0.0/16"),
        shows=inputs(*_PEERS, 1),
        expected={"ipBlock": {"cidr": "10.20.0.0/16"}},
    ),
    "openWebui.gateway.httpPort": Effect(
        value="8081", sets=OWN_TLS, shows=inputs(*_LISTENERS, 0, "port"), expected=8081
    ),
    "openWebui.gateway.httpsPort": Effect(
        value="9443", sets=OWN_TLS, shows=inputs(*_LISTENERS, 1, "port"), expected=9443
    ),
    "openWebui.gateway.tlsSecretName": Effect(
        value="tls",
        sets=OWN_GATEWAY,
        shows=inputs(*_LISTENERS, 1, "tls", "certificateRefs"),
        expected=[{"name": "tls"}],
    ),
    "openWebui.gateway.issuer.name": Effect(
        value="letsencrypt",
        sets=(*OWN_GATEWAY, "openWebui.gateway.httpPort=81"),
        shows=lambda r: (
            inputs("Gateway", "open-webui", *ANNOTATIONS, "cert-manager.io/cluster-issuer")(r),
            inputs(*_LISTENERS, 1, "tls", "certificateRefs")(r),
        ),
        expected=("letsencrypt", [{"name": "open-webui-gateway-tls"}]),
    ),
    "openWebui.gateway.issuer.kind": Effect(
        value="Issuer",
        sets=(*OWN_GATEWAY, "openWebui.gateway.issuer.name=own"),
        shows=inputs("Gateway", "open-webui", *ANNOTATIONS, "cert-manager.io/issuer"),
        expected="own",
    ),
    "openWebui.gateway.redirectToHttps": Effect(
        value="false",
        sets=OWN_TLS,
        shows=lambda r: [each.name for each in r.objects if each.kind == "HTTPRoute"],
        expected=["open-webui"],
    ),
    "openWebui.gateway.requestTimeoutSeconds": Effect(
        value="900", sets=OWN_TLS, shows=inputs(*_ROUTE, "rules", 0, "timeouts", "request"), expected="900s"
    ),
    "openWebui.gateway.annotations": Effect(
        value="",
        sets=(*OWN_GATEWAY, 'openWebui.gateway.annotations["example.com/owner"]=web'),
        shows=lambda r: [
            inputs(kind, "open-webui", *ANNOTATIONS, "example.com/owner")(r) for kind in ("Gateway", "HTTPRoute")
        ],
        expected=["web", "web"],
    ),
    "openWebui.loadBalancer.enabled": Effect(
        value="true",
        sets=("openWebui.loadBalancer.sourceRanges[0]=198.51.100.0/24",),
        shows=inputs(*_SERVICE, "type"),
        expected="LoadBalancer",
    ),
    "openWebui.loadBalancer.sourceRanges": Effect(
        value="",
        sets=BALANCED,
        shows=lambda r: (inputs(*_SERVICE, "loadBalancerSourceRanges")(r), inputs(*_PEERS)(r)),
        expected=(["198.51.100.0/24"], [{"ipBlock": {"cidr": "198.51.100.0/24"}}]),
    ),
    "openWebui.loadBalancer.allowedCidrs": Effect(
        value="",
        sets=(*BALANCED, "openWebui.loadBalancer.allowedCidrs[0]=10.20.0.0/16"),
        shows=inputs(*_PEERS, 1),
        expected={"ipBlock": {"cidr": "10.20.0.0/16"}},
    ),
    "openWebui.loadBalancer.className": Effect(
        value="service.k8s.aws/nlb",
        sets=BALANCED,
        shows=inputs(*_SERVICE, "loadBalancerClass"),
        expected="service.k8s.aws/nlb",
    ),
    "openWebui.loadBalancer.externalTrafficPolicy": Effect(
        value="Cluster",
        sets=(*BALANCED, "openWebui.loadBalancer.allowedCidrs[0]=10.20.0.0/16"),
        shows=inputs(*_SERVICE, "externalTrafficPolicy"),
        expected="Cluster",
    ),
    "openWebui.loadBalancer.port": Effect(
        value="8080", sets=BALANCED, shows=inputs(*_SERVICE, "ports", 0, "port"), expected=8080
    ),
    "openWebui.loadBalancer.annotations": Effect(
        value="",
        sets=(*BALANCED, 'openWebui.loadBalancer.annotations["example.com/owner"]=web'),
        shows=inputs("Service", "open-webui-load-balancer", *ANNOTATIONS, "example.com/owner"),
        expected="web",
    ),
    "openWebui.loadBalancer.waitForAddress": Effect(
        value="true",
        sets=BALANCED,
        shows=lambda r: (
            "pulumi.com/skipAwait" in r.one("Service", "open-webui-load-balancer").inputs["metadata"]["annotations"]
        ),
        expected=False,
    ),
}
