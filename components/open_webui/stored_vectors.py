"""Dimensions and type of the stored vectors of documents, which cannot be changed."""

from ..blocks.finding import Finding, fix_command
from ..blocks.remembered import Facts
from .documents import DocumentSettings

REMEMBERED = "open-webui-vectors"
"""Logical name of the record of the documents."""

_DIMENSIONS, _HALF_PRECISION = "openWebui.documents.dimensions", "openWebui.documents.halfPrecision"


def stored_vectors(settings: DocumentSettings) -> Facts:
    """Facts about the vectors that a database with these settings holds."""
    return {"dimensions": str(settings.dimensions), "halfPrecision": str(settings.is_half_precision).lower()}


def refused_vectors(before: Facts, after: Facts) -> Finding | None:
    """The reason why the stored vectors do not fit the new settings. Open WebUI does not convert vectors, and does not
    start on a column of another type or size.
    """
    changed = [name for name in ("dimensions", "halfPrecision") if before[name] != after[name]]
    if not changed:
        return None
    keys = {"dimensions": _DIMENSIONS, "halfPrecision": _HALF_PRECISION}
    return Finding(
        key=keys[changed[0]],
        value=after[changed[0]],
        message=f"the documents are stored with {before['dimensions']} dimensions and halfPrecision "
        f"{before['halfPrecision']}; Open WebUI does not convert stored vectors",
        allowed="the values that they are stored with. For other ones: remove the vectors of all documents (DROP TABLE "
        "document_chunk), and upload the documents again afterwards",
        commands=tuple(fix_command(keys[name], before[name]) for name in changed),
    )
