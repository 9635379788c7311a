"""Which of the Ollama servers that the settings name embeds documents when `documents.embedding` names none."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..blocks.base_settings import Problem

if TYPE_CHECKING:
    from .settings import OpenWebUISettings

_URL, _ENGINE = "openWebui.documents.embedding.url", "openWebui.documents.embedding.engine"


def ollama_servers(web: "OpenWebUISettings", own: str | None) -> Mapping[str, str]:
    """URLs of the Ollama servers in use, by the key of the stack's config that names each.

    Args:
        web: settings of Open WebUI.
        own: URL of the stack's own Ollama; None for none.
    """
    named = {f"openWebui.models.ollama.{name}": each.url for name, each in web.models.ollama.items() if each.enabled}
    one = {"ollama.enabled": own, "openWebui.ollamaBaseUrl": web.ollama_base_url}
    return {**{key: url for key, url in one.items() if url}, **named}


def only_server(web: "OpenWebUISettings", own: str | None) -> str | None:
    """URL of the Ollama server in use, where there is exactly one."""
    urls = list(ollama_servers(web, own).values())
    return urls[0].rstrip("/") if len(urls) == 1 else None


def key_of_server(web: "OpenWebUISettings", url: str) -> str | None:
    """Secret variable with the key of the server of `models.ollama` at a URL; None for none."""
    same = (each.api_key_from for each in web.models.ollama.values() if each.url.rstrip("/") == url.rstrip("/"))
    return next(same, None)


def embedding_server_problems(web: "OpenWebUISettings", own: str | None) -> Iterator[Problem]:
    """Engine `ollama` without a server, or with several of which none is named. Keys are those of the stack.

    Args:
        web: settings of Open WebUI.
        own: URL of the stack's own Ollama; None for none.
    """
    documents, servers = web.documents, ollama_servers(web, own)
    if documents.embedding_engine(web) != "ollama" or documents.embedding.url or len(servers) == 1:
        return
    if not servers:
        yield Problem(
            keys=(_URL, _ENGINE),
            message="documents.embedding.engine ollama needs an Ollama server, and the settings name none",
            allowed="the URL of an Ollama server; or ollama.enabled true, or one server in openWebui.models.ollama",
            fix="http://ollama.models.svc:11434",
        )
        return
    yield Problem(
        keys=(_URL, *servers),
        message=f"documents.embedding.engine ollama with {len(servers)} Ollama servers ({', '.join(servers)}) needs "
        "the URL of the one that embeds: the vectors of all documents have to come from one model",
        allowed=f"{', '.join(list(servers.values())[:-1])} or {list(servers.values())[-1]}",
        fix=next(iter(servers.values())),
    )
