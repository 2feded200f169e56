"""Documents as passages: agents/<name>/knowledge/, markdown and text; HTML and PDF with `documents`.

Passages end at paragraphs, at sentences where a paragraph is too long, and begin with the heading they
stand under.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from shoal.datasets.flow import DocumentsPart
from shoal.errors import MissingExtra, ShoalError

__all__ = ["Passage", "cut", "document_files", "passages_of", "read_document"]

PLAIN = (".md", ".txt")
CONVERTED = (".pdf", ".html", ".htm")
MAX_BYTES = 50_000_000
_HEADING = re.compile(r"#{1,6} +\S")
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
_SENTENCES = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document."""

    text: str
    source: str
    """The file, and which of its passages it is."""


def document_files(folder: Path) -> list[Path]:
    """The documents in a folder and those below it, sorted; hidden ones are left out."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in (*PLAIN, *CONVERTED)
        and file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


def passages_of(folder: Path, root: Path, wish: DocumentsPart) -> list[Passage]:
    """The passages of all documents of a folder.

    Raises:
        MissingExtra: a document is HTML or PDF, and what reads them is not installed.
        ShoalError: a document cannot be read.
    """
    found = []
    for file in document_files(folder):
        name = file.relative_to(root).as_posix()
        texts = cut(read_document(file, name), wish.chunk, wish.overlap)
        found += [Passage(text, f"{name}#{number}") for number, text in enumerate(texts, start=1)]
    return found


def read_document(file: Path, name: str) -> str:
    """The text of a document; `name` is what it is called in errors."""
    kind = file.suffix.lower()
    if kind in CONVERTED and util.find_spec("pypdf" if kind == ".pdf" else "markdownify") is None:
        raise MissingExtra(f"{name}, a document in {kind[1:].upper()},", "documents")
    if file.stat().st_size > MAX_BYTES:
        raise ShoalError(f"{name} is over {MAX_BYTES // 1_000_000} MB. Split it")
    if kind == ".pdf":
        return _pdf(file, name)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as err:
        raise ShoalError(f"{name} is not UTF-8 text. Save it as UTF-8") from err
    return _html(text) if kind in CONVERTED else text


def _pdf(file: Path, name: str) -> str:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        pages = [page.extract_text() for page in PdfReader(file).pages]
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as err:
        # Broken files fail in the library wherever they are broken.
        raise ShoalError(f"{name} cannot be read as PDF: {err}. Save it anew, or as text") from err
    text = "\n\n".join(pages)
    if not text.strip():
        raise ShoalError(f"{name} holds pictures of text and no text. Run text recognition over it first")
    return text


def _html(text: str) -> str:
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    page = BeautifulSoup(text, "html.parser")
    for each in page(["script", "style", "nav", "header", "footer", "aside", "form", "noscript", "template"]):
        each.decompose()
    converter = MarkdownConverter(heading_style="ATX", strip=["a", "img"])
    return str(converter.convert_soup(page.body or page))


def cut(text: str, chunk: int, overlap: int) -> list[str]:
    """A text in passages of at most so many characters, heading included."""
    passages: list[str] = []
    heading, parts, is_new = "", list[str](), False
    for paragraph in _pieces(text, chunk):
        if _HEADING.match(paragraph):
            passages += _joined(heading, parts) if is_new else []
            heading, parts, is_new = paragraph.split("\n")[0][: chunk // 4], [], False
            paragraph = paragraph.partition("\n")[2].strip()
            if not paragraph:
                continue
        if is_new and len("\n\n".join([heading, *parts, paragraph])) > chunk:
            passages += _joined(heading, parts)
            last = _tail(parts[-1], overlap)
            parts = [last] if last and len("\n\n".join([heading, last, paragraph])) <= chunk else []
        parts.append(paragraph)
        is_new = True
    return passages + (_joined(heading, parts) if is_new else [])


def _pieces(text: str, chunk: int) -> Iterator[str]:
    """Paragraphs; the sentences of those that are too long, and pieces of such that never end."""
    longest = chunk - chunk // 4
    for paragraph in _PARAGRAPHS.split(text.replace("\r\n", "\n").strip()):
        paragraph = paragraph.strip()
        if len(paragraph) <= longest:
            yield from [paragraph] if paragraph else []
            continue
        held = ""
        for sentence in _SENTENCES.split(paragraph):
            while len(sentence) > longest:
                yield from [held] if held else []
                held = ""
                at = sentence.rfind(" ", 0, longest)
                at = at if at > longest // 2 else longest
                yield sentence[:at].strip()
                sentence = sentence[at:].strip()
            if held and len(held) + len(sentence) + 1 > longest:
                yield held
                held = ""
            held = f"{held} {sentence}".strip()
        yield from [held] if held else []


def _joined(heading: str, parts: list[str]) -> list[str]:
    return ["\n\n".join([heading, *parts] if heading else parts)]


def _tail(text: str, most: int) -> str:
    """The last sentences of a text that are not longer than wanted."""
    found = ""
    for sentence in reversed(_SENTENCES.split(text)):
        longer = f"{sentence} {found}".strip()
        if len(longer) > most:
            break
        found = longer
    return found
