# ruff: noqa: E501
"""How the bank's messages are put together from wordings.

A wording is one line. `(a|b|)` is a choice, `<amount>` a slot that is marked in the answer, `<~amount>` the
same kind of thing as a bystander: it stands in the message, but is not what is asked for. `<more>` and
`<total>` are amounts that also say whether the limit is to be raised BY or TO them. Wordings, names and
numbers of the held-out part are never seen in training.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Part = Literal["train", "heldout"]
Fill = Callable[[random.Random, Part], str]

_CHOICE = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"<(~?)([a-z]+)>")
_QUESTION = re.compile(
    r"(?:what|what's|whats|when|how|can|could|is|are|do|does|did|where|why|which|who|am|may|would|will|has|should)\b",
    re.IGNORECASE,
)
_SPACES = re.compile(r"\s+")
_SLIPS = {
    "increase": ("increse", "incrase", "inrease"), "please": ("plz", "pls", "plase"), "account": ("acount", "accout", "acct"),
    "limit": ("limt", "limmit", "lmit"), "credit": ("credt", "creidt", "cedit"), "card": ("crad", "cardd"), "you": ("u", "yuo"),
    "because": ("becuase", "cuz", "bc"), "receive": ("recieve",), "address": ("adress", "addres"), "balance": ("balence", "ballance"),
    "payment": ("paymnt", "payement"), "charge": ("chrage", "chage"), "charged": ("chraged", "chargd"), "the": ("teh", "th"),
    "would": ("wuold", "woud"), "could": ("coud", "culd"), "need": ("ned", "neeed"), "have": ("hav", "ahve"), "want": ("wnat", "wan"),
    "transaction": ("transacton", "trasaction"), "money": ("mony", "moeny"), "stolen": ("stollen", "stoln"), "bank": ("bnk",),
    "statement": ("statment",), "close": ("cloes",), "closed": ("clsoed",), "raise": ("rasie", "raize"), "higher": ("higer", "hihger"),
    "change": ("chnage", "chang"), "phone": ("fone", "phoen"), "number": ("nubmer", "numbr"), "is": ("iz", "si"), "are": ("r", "aer"),
    "and": ("adn", "nd", "&"), "with": ("wth", "wiht"), "to": ("ot", "too"), "my": ("mi", "ym"), "what": ("wat", "waht"),
    "when": ("wen", "whne"), "lost": ("losst", "lsot"), "thanks": ("thx", "tnx", "thnks"), "just": ("jsut",), "for": ("fro", "4"),
    "someone": ("somone", "sumone"), "spending": ("spendin",), "available": ("availible", "avaliable"), "cancel": ("cancle", "cansel"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a message; `slot` says what it is the answer to."""

    text: str
    slot: str | None = None


def only(wordings: Sequence[str], part: Part) -> list[str]:
    """The wordings of one part: every eighth is held out, by its checksum: adding some moves no others."""
    return [each for each in wordings if is_part(each, part)]


def is_part(text: str, part: Part) -> bool:
    """Whether a wording, name or number belongs to this part."""
    return (zlib.crc32(text.encode()) % 8 == 0) == (part == "heldout")


def choose(wording: str, chance: random.Random) -> str:
    """Settle the choices of a wording, the innermost first."""
    while match := _CHOICE.search(wording):
        wording = wording[: match.start()] + chance.choice(match[1].split("|")) + wording[match.end() :]
    return (
        _SPACES.sub(" ", wording)
        .strip()
        .replace(" ,", ",")
        .replace(" .", ".")
        .replace(" ?", "?")
        .replace(" !", "!")
    )


def fill(wording: str, fills: Mapping[str, Fill], chance: random.Random, part: Part) -> list[Piece]:
    """Settle a wording's choices and put something into its slots."""
    chosen = choose(wording, chance)
    pieces: list[Piece] = []
    end = 0
    for match in _SLOT.finditer(chosen):
        pieces.append(Piece(chosen[end : match.start()]))
        pieces.append(Piece(fills[match[2]](chance, part), None if match[1] else match[2]))
        end = match.end()
    return [*pieces, Piece(chosen[end:])]


def join(sentences: Sequence[Sequence[Piece]]) -> list[Piece]:
    """Sentences one after the other, with a full stop where one has no sign at its end."""
    pieces: list[Piece] = []
    for at, sentence in enumerate(sentences):
        pieces += sentence
        last = next((piece for piece in reversed(sentence) if piece.text), Piece(""))
        stop = (
            "" if last.text.endswith((".", "!", "?", ",", ":", "-", "…")) else "?" if _asks(sentence) else "."
        )
        pieces.append(Piece(stop + ("" if at == len(sentences) - 1 else " ")))
    return pieces


def _asks(sentence: Sequence[Piece]) -> bool:
    return bool(_QUESTION.match("".join(piece.text for piece in sentence)))


def roughen(pieces: Sequence[Piece], chance: random.Random) -> list[Piece]:
    """Write a message as people type it: capitals, signs, slips; marked pieces keep their letters."""
    style = chance.random()
    slips = chance.random() < 0.12
    result = _capitalized(pieces) if style < 0.68 else list(pieces)
    if slips:
        result = [piece if piece.slot else Piece(_with_slips(piece.text, chance)) for piece in result]
    if style >= 0.68 and style < 0.97:
        result = [Piece(piece.text.lower(), piece.slot) for piece in result]
    elif style >= 0.97:
        result = [Piece(piece.text.upper(), piece.slot) for piece in result]
    if style > 0.80 and style < 0.97:
        result = [
            piece if piece.slot else Piece(re.sub(r"[.,!;:](?=\s|$)", "", piece.text)) for piece in result
        ]
    if chance.random() < 0.12:
        result = [piece if piece.slot else Piece(piece.text.replace("'", "")) for piece in result]
    elif chance.random() < 0.1:
        result = [piece if piece.slot else Piece(piece.text.replace("'", "’")) for piece in result]
    if chance.random() < 0.25:
        result = _without_last_stop(result)
    return result


def _capitalized(pieces: Sequence[Piece]) -> list[Piece]:
    result, is_start = [], True
    for piece in pieces:
        text = piece.text
        for match in re.finditer(r"(?:^|(?<=[.!?]\s))[a-z]", text):
            if match.start() > 0 or is_start:
                text = text[: match.start()] + match[0].upper() + text[match.end() :]
        result.append(Piece(text, piece.slot))
        if piece.text:
            is_start = bool(re.search(r"[.!?]\s*$", piece.text)) or (is_start and not piece.text.strip())
    return result


def _with_slips(text: str, chance: random.Random) -> str:
    def slip(match: re.Match[str]) -> str:
        known = _SLIPS.get(match[0].lower())
        return chance.choice(known) if known and chance.random() < 0.35 else match[0]

    return re.sub(r"[A-Za-z]+", slip, text)


def _without_last_stop(pieces: Sequence[Piece]) -> list[Piece]:
    result = list(pieces)
    for at in range(len(result) - 1, -1, -1):
        if result[at].text:
            if result[at].slot is None:
                result[at] = Piece(result[at].text.rstrip(". "))
            break
    return result


def text_of(pieces: Sequence[Piece]) -> str:
    """The message itself."""
    return "".join(piece.text for piece in pieces).strip()
