"""The tools of the card desk: which card a customer means, blocking it, and a new one in its place."""

from __future__ import annotations

import random
import re
import sqlite3
from typing import Literal, TypedDict

from .bank import TIERS, Extension, open_bank

DELIVERY_DAYS = 5

_DIGITS = re.compile(r"(?:ending(?: in| with)?|ends in|number|no\.?|card) *[*x#.…]*(\d{4})\b", re.IGNORECASE)
_TIER = re.compile(rf"\b({'|'.join(TIERS)}) card\b")

_SCHEMA = """
CREATE TABLE card_orders (
    idempotency_key TEXT PRIMARY KEY, card_id TEXT NOT NULL REFERENCES cards, replaces TEXT NOT NULL UNIQUE
);
CREATE TABLE card_blocks (
    card_id TEXT PRIMARY KEY REFERENCES cards, reason TEXT NOT NULL, idempotency_key TEXT NOT NULL
)
"""


def _nothing_yet(bank: sqlite3.Connection) -> None:
    """No card is blocked at first."""


_TABLES = Extension(table="card_blocks", schema=_SCHEMA, fill=_nothing_yet)


class CardWords(TypedDict):
    """The words of a message that say which card."""

    card: str | None


class Card(TypedDict):
    """A card that can be used."""

    card_id: str
    last_digits: str
    shown: str
    """What people call it: `gold card ending 4432`."""


class Cards(TypedDict):
    """A customer's cards, and those that the words may mean."""

    name: str
    open: list[Card]
    meant: list[Card]
    shown: str
    """Those that may be meant, in a line."""


class Letter(TypedDict):
    """What a customer is told."""

    text: str


def read_card(message: str) -> CardWords:
    """The digits or the tier of a card, where a message names just one beyond doubt."""
    named = _DIGITS.findall(message) or _TIER.findall(message.lower())
    return CardWords(card=named[0] if len(set(named)) == 1 else None)


def find_cards(customer_id: str, words: str | None = None) -> Cards:
    """A customer's open cards, and those that the words fit; all of them where the words fit none."""
    with open_bank(_TABLES) as bank:
        person = bank.execute("SELECT name FROM accounts WHERE customer_id = ?", [customer_id]).fetchone()
        if person is None:
            raise LookupError(f"no customer has the id '{customer_id}'")
        query = (
            "SELECT * FROM cards WHERE customer_id = ? AND card_id NOT IN (SELECT card_id FROM card_blocks)"
        )
        cards = [_card(row) for row in bank.execute(f"{query} ORDER BY card_id", [customer_id])]
    said = set(re.findall(r"\w+", (words or "").lower()))
    meant = [card for card in cards if said & {card["last_digits"], card["shown"].split()[0]}] or cards
    return Cards(
        name=person["name"], open=cards, meant=meant, shown=" or ".join(card["shown"] for card in meant)
    )


def block_card(card_id: str, reason: Literal["lost", "fraud"], idempotency_key: str) -> Card:
    """Block a card for good; a card that is blocked stays so."""
    with open_bank(_TABLES) as bank:
        row = bank.execute("SELECT * FROM cards WHERE card_id = ?", [card_id]).fetchone()
        if row is None:
            raise LookupError(f"there is no card '{card_id}', so none was blocked")
        bank.execute("INSERT OR IGNORE INTO card_blocks VALUES (?, ?, ?)", [card_id, reason, idempotency_key])
    return _card(row)


def order_card(replaces: str, idempotency_key: str) -> Card:
    """Order a new card in the place of another; the same key, or the same old card, never brings two."""
    with open_bank(_TABLES) as bank:
        bank.execute("BEGIN IMMEDIATE")
        old = bank.execute("SELECT * FROM cards WHERE card_id = ?", [replaces]).fetchone()
        if old is None:
            raise LookupError(f"there is no card '{replaces}', so no new one was ordered")
        query = "SELECT card_id FROM card_orders WHERE idempotency_key = ? OR replaces = ?"
        ordered = bank.execute(query, [idempotency_key, replaces]).fetchone()
        card_id = ordered["card_id"] if ordered else _issue(bank, old, idempotency_key)
        return _card(bank.execute("SELECT * FROM cards WHERE card_id = ?", [card_id]).fetchone())


def lost_card_letter(name: str, blocked: str | None = None, ordered: str | None = None) -> Letter:
    """Tell a customer what was done about a lost card; both cards as they are shown."""
    if blocked is None:
        text = f"Dear {name}, we could not find out which card is lost. A colleague calls you at once."
    else:
        text = f"Dear {name}, your {blocked} is blocked: nobody can pay with it any more."
    if ordered is not None:
        text += f" A new {ordered} reaches you within {DELIVERY_DAYS} working days."
    return Letter(text=text)


def _issue(bank: sqlite3.Connection, old: sqlite3.Row, key: str) -> str:
    """A new card of the same customer and tier, with digits that none of the customer's cards has."""
    query = "SELECT last_digits FROM cards WHERE customer_id = ?"
    taken = [row["last_digits"] for row in bank.execute(query, [old["customer_id"]])]
    dice = random.Random(f"{old['card_id']} {len(taken)}")
    digits = next(each for each in iter(lambda: f"{dice.randrange(10_000):04}", "") if each not in taken)
    card_id = f"{old['customer_id']}-{len(taken)}"
    bank.execute("INSERT INTO cards VALUES (?, ?, ?, ?)", [card_id, old["customer_id"], old["tier"], digits])
    bank.execute("INSERT INTO card_orders VALUES (?, ?, ?)", [key, card_id, old["card_id"]])
    return card_id


def _card(row: sqlite3.Row) -> Card:
    shown = f"{row['tier']} card ending {row['last_digits']}"
    return Card(card_id=row["card_id"], last_digits=row["last_digits"], shown=shown)
