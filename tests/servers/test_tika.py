"""The real Tika keeps to the memory limit that the stack gives it, and recovers from a document that is too large."""

import io
import urllib.error
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.blocks.quantities import MEBIBYTE
from components.tika.memory import LEAST_LIMIT
from tests.support.documents import DOCUMENTS, pdf, word
from tests.support.servers.server_process import peak_memory, wait_until
from tests.support.servers.tika_server import Tika, tika

_LEAST = f"tika.resources.limits.memory={LEAST_LIMIT}Mi"
_PARAGRAPH = " ".join(f"word{number} of a long paragraph" for number in range(120))


@pytest.fixture
def small(directory: Path) -> Iterator[Tika]:
    """Tika with the smallest memory limit."""
    with tika(directory, _LEAST, f"tika.resources.requests.memory={LEAST_LIMIT}Mi") as server:
        yield server


def test_documents_at_the_same_time_stay_within_the_smallest_limit(small: Tika) -> None:
    documents = [pdf(*[_PARAGRAPH] * 60), word(*[_PARAGRAPH] * 1500)] * 3
    with peak_memory(small.process) as peak, ThreadPoolExecutor(6) as clients:
        texts = list(clients.map(small.extract, documents))
    assert all("word119 of a long paragraph" in text for text in texts)
    assert peak[0] < LEAST_LIMIT * MEBIBYTE
    assert peak[0] > LEAST_LIMIT * MEBIBYTE / 4, "both processes are measured"


def test_a_document_that_needs_more_memory_fails_alone(small: Tika) -> None:
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        small.extract(_bomb())
    wait_until(lambda: _extracts(small), "Tika extracts again", 60)
    assert small.process.poll() is None, "the process of the container goes on"


def _bomb() -> bytes:
    """A Word document whose text does not fit into the heap."""
    whole = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(word("x"))) as source, zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "word/document.xml":
                run = b"<w:p><w:r><w:t>" + bytes(range(97, 122)) * 40 + b"</w:t></w:r></w:p>"
                content = content.replace(b"<w:body>", b"<w:body>" + run * 400_000)
            target.writestr(entry, content)
    return whole.getvalue()


def _extracts(server: Tika) -> bool:
    try:
        return DOCUMENTS[0].fact in server.extract(DOCUMENTS[0].content).replace("\\n", " ")
    except (urllib.error.URLError, ConnectionError):
        return False
