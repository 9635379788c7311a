"""The variables that Open WebUI stores, with their key in its table and their type.

Source: `DEFAULT_CONFIG` in `config.py` of release 0.12.4, where keys under ``oauth.`` are not stored. A test compares
each with the release itself.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any


def _switch(text: str) -> bool:
    return text.lower() == "true"


def _parts(separator: str) -> Callable[[str], list[str]]:
    return lambda text: [part.strip() for part in text.split(separator)]


def _words(text: str) -> list[str]:
    return [word for word in _parts(",")(text) if word]


def _number(text: str) -> int | None:
    return int(text) if text else None


def key_of_service(text: str) -> str:
    """The API key of a service. It is empty if the config does not set it, because a stored key belongs to another
    service."""
    return text


Read = Callable[[str], Any]

_SIGN_IN: Mapping[str, tuple[str, Read]] = {
    "DEFAULT_GROUP_ID": ("ui.default_group_id", str),
    "DEFAULT_USER_ROLE": ("ui.default_user_role", str),
    "ENABLE_LDAP": ("ldap.enable", _switch),
    "ENABLE_LDAP_GROUP_CREATION": ("ldap.group.enable_creation", _switch),
    "ENABLE_LDAP_GROUP_MANAGEMENT": ("ldap.group.enable_management", _switch),
    "ENABLE_LOGIN_FORM": ("ui.enable_login_form", _switch),
    "ENABLE_MFA": ("auth.mfa.enable", _switch),
    "ENABLE_SIGNUP": ("ui.enable_signup", _switch),
    "JWT_EXPIRES_IN": ("auth.jwt_expiry", str),
    "LDAP_APP_DN": ("ldap.server.app_dn", str),
    "LDAP_APP_PASSWORD": ("ldap.server.app_password", str),
    "LDAP_ATTRIBUTE_FOR_GROUPS": ("ldap.server.attribute_for_groups", str),
    "LDAP_ATTRIBUTE_FOR_MAIL": ("ldap.server.attribute_for_mail", str),
    "LDAP_ATTRIBUTE_FOR_USERNAME": ("ldap.server.attribute_for_username", str),
    "LDAP_SEARCH_BASE": ("ldap.server.users_dn", str),
    "LDAP_SEARCH_FILTER": ("ldap.server.search_filter", str),
    "LDAP_SERVER_HOST": ("ldap.server.host", str),
    "LDAP_SERVER_LABEL": ("ldap.server.label", str),
    "LDAP_SERVER_PORT": ("ldap.server.port", int),
    "LDAP_USE_TLS": ("ldap.server.use_tls", _switch),
    "LDAP_VALIDATE_CERT": ("ldap.server.validate_cert", _switch),
    "MFA_ALLOW_OAUTH_BYPASS": ("auth.mfa.allow_oauth_bypass", _switch),
    "MFA_ALLOW_TRUSTED_HEADER_BYPASS": ("auth.mfa.allow_trusted_header_bypass", _switch),
}

_CONNECTIONS: Mapping[str, tuple[str, Read]] = {
    "ENABLE_OLLAMA_API": ("ollama.enable", _switch),
    "ENABLE_OPENAI_API": ("openai.enable", _switch),
    "OLLAMA_API_CONFIGS": ("ollama.api_configs", json.loads),
    "OLLAMA_BASE_URLS": ("ollama.base_urls", _parts(";")),
    "OPENAI_API_BASE_URLS": ("openai.api_base_urls", _parts(";")),
    "OPENAI_API_CONFIGS": ("openai.api_configs", json.loads),
    "OPENAI_API_KEYS": ("openai.api_keys", _parts(";")),
    "TOOL_SERVER_CONNECTIONS": ("tool_server.connections", json.loads),
}

_DOCUMENTS: Mapping[str, tuple[str, Read]] = {
    "BYPASS_EMBEDDING_AND_RETRIEVAL": ("rag.bypass_embedding_and_retrieval", _switch),
    "CHUNK_MIN_SIZE_TARGET": ("rag.chunk_min_size_target", int),
    "CHUNK_OVERLAP": ("rag.chunk_overlap", int),
    "CHUNK_SIZE": ("rag.chunk_size", int),
    "CONTENT_EXTRACTION_ENGINE": ("rag.content_extraction_engine", str.lower),
    "DOCLING_API_KEY": ("rag.docling_api_key", key_of_service),
    "DOCLING_SERVER_URL": ("rag.docling_server_url", str),
    "ENABLE_ASYNC_EMBEDDING": ("rag.enable_async_embedding", _switch),
    "ENABLE_MARKDOWN_HEADER_TEXT_SPLITTER": ("rag.enable_markdown_header_text_splitter", _switch),
    "ENABLE_RAG_HYBRID_SEARCH": ("rag.enable_hybrid_search", _switch),
    "ENABLE_RAG_HYBRID_SEARCH_ENRICHED_TEXTS": ("rag.enable_hybrid_search_enriched_texts", _switch),
    "EXTERNAL_DOCUMENT_LOADER_API_KEY": ("rag.external_document_loader_api_key", key_of_service),
    "EXTERNAL_DOCUMENT_LOADER_URL": ("rag.external_document_loader_url", str),
    "PDF_EXTRACT_IMAGES": ("rag.pdf_extract_images", _switch),
    "PDF_LOADER_MODE": ("rag.pdf_loader_mode", str),
    "RAG_ALLOWED_FILE_EXTENSIONS": ("rag.file.allowed_extensions", _words),
    "RAG_AZURE_OPENAI_API_KEY": ("rag.azure_openai.api_key", key_of_service),
    "RAG_AZURE_OPENAI_API_VERSION": ("rag.azure_openai.api_version", str),
    "RAG_AZURE_OPENAI_BASE_URL": ("rag.azure_openai.base_url", str),
    "RAG_EMBEDDING_BATCH_SIZE": ("rag.embedding_batch_size", int),
    "RAG_EMBEDDING_CONCURRENT_REQUESTS": ("rag.embedding_concurrent_requests", int),
    "RAG_EMBEDDING_ENGINE": ("rag.embedding_engine", str),
    "RAG_EMBEDDING_MODEL": ("rag.embedding_model", str),
    "RAG_EXTERNAL_RERANKER_API_KEY": ("rag.external_reranker_api_key", key_of_service),
    "RAG_EXTERNAL_RERANKER_TIMEOUT": ("rag.external_reranker_timeout", str),
    "RAG_EXTERNAL_RERANKER_URL": ("rag.external_reranker_url", str),
    "RAG_FILE_MAX_COUNT": ("rag.file.max_count", _number),
    "RAG_FILE_MAX_SIZE": ("rag.file.max_size", _number),
    "RAG_FULL_CONTEXT": ("rag.full_context", _switch),
    "RAG_HYBRID_BM25_WEIGHT": ("rag.hybrid_bm25_weight", float),
    "RAG_OLLAMA_API_KEY": ("rag.ollama.api_key", key_of_service),
    "RAG_OLLAMA_BASE_URL": ("rag.ollama.base_url", str),
    "RAG_OPENAI_API_BASE_URL": ("rag.openai.api_base_url", str),
    "RAG_OPENAI_API_KEY": ("rag.openai.api_key", key_of_service),
    "RAG_RELEVANCE_THRESHOLD": ("rag.relevance_threshold", float),
    "RAG_RERANKING_BATCH_SIZE": ("rag.reranking_batch_size", int),
    "RAG_RERANKING_ENGINE": ("rag.reranking_engine", str),
    "RAG_RERANKING_MODEL": ("rag.reranking_model", str),
    "RAG_TEMPLATE": ("rag.template", str),
    "RAG_TEXT_SPLITTER": ("rag.text_splitter", str),
    "RAG_TOP_K": ("rag.top_k", int),
    "RAG_TOP_K_RERANKER": ("rag.top_k_reranker", int),
    "TIKA_SERVER_URL": ("rag.tika_server_url", str),
    "TIKTOKEN_ENCODING_NAME": ("rag.tiktoken_encoding_name", str),
}

_OTHER_EXTRACTION: Mapping[str, tuple[str, Read]] = {
    "DATALAB_MARKER_ADDITIONAL_CONFIG": ("rag.datalab_marker_additional_config", str),
    "DATALAB_MARKER_API_BASE_URL": ("rag.datalab_marker_api_base_url", str),
    "DATALAB_MARKER_API_KEY": ("rag.datalab_marker_api_key", str),
    "DATALAB_MARKER_DISABLE_IMAGE_EXTRACTION": ("rag.datalab_marker_disable_image_extraction", _switch),
    "DATALAB_MARKER_FORCE_OCR": ("rag.datalab_marker_force_ocr", _switch),
    "DATALAB_MARKER_FORMAT_LINES": ("rag.datalab_marker_format_lines", _switch),
    "DATALAB_MARKER_OUTPUT_FORMAT": ("rag.datalab_marker_output_format", str),
    "DATALAB_MARKER_PAGINATE": ("rag.datalab_marker_paginate", _switch),
    "DATALAB_MARKER_SKIP_CACHE": ("rag.datalab_marker_skip_cache", _switch),
    "DATALAB_MARKER_STRIP_EXISTING_OCR": ("rag.datalab_marker_strip_existing_ocr", _switch),
    "DATALAB_MARKER_USE_LLM": ("rag.datalab_marker_use_llm", _switch),
    "DOCUMENT_INTELLIGENCE_ENDPOINT": ("rag.document_intelligence_endpoint", str),
    "DOCUMENT_INTELLIGENCE_KEY": ("rag.document_intelligence_key", str),
    "DOCUMENT_INTELLIGENCE_MODEL": ("rag.document_intelligence_model", str),
    "MINERU_API_KEY": ("rag.mineru_api_key", str),
    "MINERU_API_MODE": ("rag.mineru_api_mode", str),
    "MINERU_API_TIMEOUT": ("rag.mineru_api_timeout", str),
    "MINERU_API_URL": ("rag.mineru_api_url", str),
    "MISTRAL_OCR_API_BASE_URL": ("rag.mistral_ocr_api_base_url", str),
    "MISTRAL_OCR_API_KEY": ("rag.mistral_ocr_api_key", str),
    "MISTRAL_OCR_USE_BASE64": ("rag.mistral_ocr_use_base64", _switch),
    "PADDLEOCR_VL_BASE_URL": ("rag.paddleocr_vl_base_url", str),
    "PADDLEOCR_VL_TOKEN": ("rag.paddleocr_vl_token", str),
}

KEYS: Mapping[str, tuple[str, Read]] = {**_SIGN_IN, **_CONNECTIONS, **_DOCUMENTS, **_OTHER_EXTRACTION}
"""Key in the table and type of the value, by the variable."""
