"""Documents that tests make: PDF, Word and PowerPoint, each with one fact that nothing else says."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from docx import Document as WordDocument
from fpdf import FPDF
from pptx import Presentation

FILLER = "This page contains nothing about lighthouses, harbours or tunnels."


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file, the question that it answers, and the sentence that answers it."""

    name: str
    content_type: str
    content: bytes
    question: str
    fact: str


def pdf(*paragraphs: str) -> bytes:
    """A PDF with a page for each paragraph."""
    document = FPDF()
    document.set_font("helvetica", size=12)
    for paragraph in paragraphs:
        document.add_page()
        document.multi_cell(0, 8, paragraph)
    return bytes(document.output())


def word(*paragraphs: str) -> bytes:
    """A Word document."""
    document, file = WordDocument(), io.BytesIO()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.save(file)
    return file.getvalue()


def powerpoint(*paragraphs: str) -> bytes:
    """A presentation with a slide for each paragraph."""
    presentation, file = Presentation(), io.BytesIO()
    for paragraph in paragraphs:
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = "Facts"
        slide.placeholders[1].text = paragraph
    presentation.save(file)
    return file.getvalue()


_OFFICE = "application/vnd.openxmlformats-officedocument"
_KINDS: Mapping[str, tuple[str, Callable[..., bytes], str, str]] = {
    "lighthouse.pdf": (
        "application/pdf",
        pdf,
        "How tall is the lighthouse of Quillmar?",
        "The lighthouse of Quillmar is exactly 73 metres tall.",
    ),
    "harbour.docx": (
        f"{_OFFICE}.wordprocessingml.document",
        word,
        "Who designed the harbour of Brackwend?",
        "The harbour of Brackwend was designed by Ottoline Verbruggen.",
    ),
    "tunnel.pptx": (
        f"{_OFFICE}.presentationml.presentation",
        powerpoint,
        "When was the tunnel of Ostrava Nova opened?",
        "The tunnel of Ostrava Nova was opened in the spring of 1911.",
    ),
}

DOCUMENTS = [
    Document(name=name, content_type=content_type, content=make(FILLER, fact), question=question, fact=fact)
    for name, (content_type, make, question, fact) in _KINDS.items()
]
