"""Documents of all kinds, cut into passages."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.datasets.documents import cut, passages_of, read_document
from shoal.datasets.flow import DocumentsPart
from shoal.errors import ShoalError

PAGE = """<html><head><title>T</title><style>p {}</style></head><body><nav>Home</nav>
<h1>Fees</h1><p>A new card costs <b>5</b> euros.</p><ul><li>one</li><li>two</li></ul>
<table><tr><th>what</th><th>price</th></tr><tr><td>card</td><td>5</td></tr></table>
<script>alert(1)</script><footer>Imprint</footer></body></html>"""


def pdf(text: str) -> bytes:
    """The smallest PDF with a line of text."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    made, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return made + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)


def test_every_kind_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "knowledge"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text("# A\n\nMarkdown.\n", "utf-8")
    (folder / "sub/b.txt").write_bytes("\ufeffPlain text.\r\n\r\nMore.".encode())
    (folder / "c.html").write_text(PAGE, "utf-8")
    (folder / "d.pdf").write_bytes(pdf("A page about rates"))
    (folder / ".hidden.md").write_text("no", "utf-8")
    (folder / "e.docx").write_text("no", "utf-8")
    found = passages_of(folder, tmp_path, DocumentsPart())
    assert [each.source for each in found] == [
        "knowledge/a.md#1",
        "knowledge/c.html#1",
        "knowledge/d.pdf#1",
        "knowledge/sub/b.txt#1",
    ]
    assert found[0].text == "# A\n\nMarkdown."
    assert found[1].text.startswith("# Fees\n\nA new card costs **5** euros.")
    assert "| card | 5 |" in found[1].text
    assert not any(word in found[1].text for word in ("Home", "alert", "Imprint"))
    assert found[2].text == "A page about rates"
    assert found[3].text == "Plain text.\n\nMore."


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.md", b"\xff\xfe", "a.md is not UTF-8 text. Save it as UTF-8"),
        ("a.pdf", b"%PDF-1.4\nbroken", "a.pdf cannot be read as PDF: "),
        ("a.pdf", pdf(""), "a.pdf holds pictures of text and no text. Run text recognition over it first"),
    ],
)
def test_what_cannot_be_read_is_told(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ShoalError) as caught:
        read_document(tmp_path / name, name)
    assert str(caught.value).startswith(message)


def test_passages_end_at_paragraphs_and_carry_their_heading() -> None:
    paragraphs = [f"Paragraph {number} has a few words. It has two sentences." for number in range(12)]
    text = "# Fees\n\n" + "\n\n".join(paragraphs) + "\n\n## Cards\nA card costs five.\n\n## Empty\n"
    passages = cut(text, 200, 60)
    assert all(len(each) <= 200 for each in passages)
    assert all(each.startswith("# Fees\n\n") for each in passages[:-1])
    assert passages[-1] == "## Cards\n\nA card costs five."
    for paragraph in paragraphs:
        assert any(paragraph in each for each in passages)
    assert "Paragraph 2 has" in passages[1]
    assert passages[1].split("\n\n")[1] in passages[0]  # a piece of the one before


def test_long_paragraphs_are_cut_at_sentences_and_words() -> None:
    sentences = " ".join(f"Sentence {number} goes on for a while." for number in range(40))
    passages = cut(sentences, 200, 0)
    assert all(len(each) <= 200 and each.endswith(".") for each in passages)
    assert " ".join(passages) == sentences
    endless = cut("word " * 300 + "x" * 900, 200, 50)
    assert all(len(each) <= 200 for each in endless)
    assert "".join("".join(endless).split()).count("x") >= 900


def test_nothing_gives_nothing() -> None:
    assert cut("  \n\n ", 200, 50) == []
    assert cut("# Only a heading", 200, 50) == []
