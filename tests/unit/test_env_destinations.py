"""Where the variables of `openWebui.env` lead the web pods: by what a value is, not by a list of names."""

import pytest

from components.open_webui.env_destinations import env_destinations


def ends(env: dict[str, str], own_hosts: tuple[str, ...] = ()) -> list[str]:
    return [f"{each.host}:{each.port}" for _, each in env_destinations(env, own_hosts)]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "OPENID_PROVIDER_URL",
            "https://login.example.com/.well-known/openid-configuration",
            ["login.example.com:443"],
        ),
        ("RAG_OPENAI_API_BASE_URL", "http://embeddings.models.svc:8080/v1", ["embeddings.models.svc:8080"]),
        ("SEARXNG_QUERY_URL", "http://searxng:8080/search?q=<query>", ["searxng:8080"]),
        ("TIKA_SERVER_URL", "http://10.1.2.3:9998", ["10.1.2.3:9998"]),
        ("HTTPS_PROXY", "http://proxy.example.com:3128", ["proxy.example.com:3128"]),
        ("https_proxy", "proxy.example.com:3128", ["proxy.example.com:3128"]),
        ("ALL_PROXY", "socks5://[fd00::1]", ["fd00::1:1080"]),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://collector.otel.svc:4317", ["collector.otel.svc:4317"]),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector.otel.svc:4317", ["collector.otel.svc:4317"]),
        ("PLAYWRIGHT_WS_URL", "ws://playwright:3000", ["playwright:3000"]),
        (
            "OPENAI_API_BASE_URLS",
            "https://a.example.com/v1;http://b.example.com:8000/v1",
            ["a.example.com:443", "b.example.com:8000"],
        ),
        (
            "TOOL_SERVER_CONNECTIONS",
            '[{"url": "https://mcp.example.com", "path": "openapi.json"}, {"url": "http:\\/\\/tools:8000"}]',
            ["mcp.example.com:443", "tools:8000"],
        ),
        (
            "SOMETHING_NEW_IN_0_13",
            "see https://a.example.com, and (http://b.example.com).",
            ["a.example.com:443", "b.example.com:80"],
        ),
        ("NO_PROXY", "10.0.0.0/8,.svc,localhost", []),
        ("TASK_MODEL", "llama3:8", []),
        ("CORS_ALLOW_CUSTOM_SCHEME", "app", []),
        ("DESKTOP_LINK", "app://chat", []),
        ("A_TEMPLATE", "https://{tenant}.example.com", []),
        ("BROKEN", "http://a.example.com:99999/", []),
        ("AIOHTTP_POOL_CONNECTIONS_PER_HOST", "100", []),
        ("WEB_SEARCH_ENGINE", "tavily", ["*:443"]),
        ("WEB_SEARCH_ENGINE", "searxng", []),
        ("AUDIO_TTS_ENGINE", "", []),
        ("IMAGE_GENERATION_ENGINE", "gemini", ["*:443"]),
        ("ENABLE_WEB_SEARCH", "true", ["*:80", "*:443"]),
        ("ENABLE_WEB_SEARCH", "false", []),
        ("GOOGLE_CLIENT_ID", "1234.apps.googleusercontent.com", ["*:443"]),
        ("MICROSOFT_CLIENT_ID", "", []),
        ("OAUTH_CLIENT_ID", "open-webui", []),
    ],
)
def test_a_value_leads_where_its_urls_lead(name: str, value: str, expected: list[str]) -> None:
    assert ends({name: value}) == expected


def test_a_host_has_the_port_beside_it() -> None:
    assert ends({"LDAP_SERVER_HOST": "ldap.example.com"}) == ["ldap.example.com:389"]
    assert ends({"LDAP_SERVER_HOST": "ldap.example.com", "LDAP_SERVER_PORT": "636"}) == ["ldap.example.com:636"]
    assert ends({"MILVUS_HOST": "milvus", "MILVUS_PORT": "19530"}) == ["milvus:19530"]
    assert ends({"SOME_HOST": "a.example.com"}) == []


def test_the_stacks_own_url_is_the_browsers() -> None:
    redirection = {"OPENID_REDIRECT_URI": "https://chat.corp/oauth/oidc/callback"}
    assert ends(redirection) == ["chat.corp:443"]
    assert ends(redirection, ("chat.corp",)) == []


def test_the_variable_is_named() -> None:
    [(name, _)] = env_destinations({"TIKA_SERVER_URL": "http://tika:9998"})
    assert name == "TIKA_SERVER_URL"
