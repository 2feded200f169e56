"""The tools of the disputes desk: what a customer was charged, which charge is meant, and disputing it.

The bank's calendar stands still at AS_OF, like its balances, so that every demo finds the same charges. What
may be disputed is arithmetic here and a rule in graphs/dispute.yaml, which the agent `policy` reads; a test
holds the two to each other.
"""

from __future__ import annotations

import random
import re
import sqlite3
from datetime import date, timedelta
from difflib import SequenceMatcher
from typing import Literal, TypedDict

from .bank import Extension, money, open_bank

AS_OF = date(2026, 11, 23)
MAX_AGE_DAYS = 120
MAX_OPEN_DISPUTES = 2
MAX_AMOUNT = 500

_MOST_SHOWN = 3
_DAYS_KEPT = 180
_SHOPS = {
    "Riverside Books": 20, "Harbour Grill": 45, "Corner Bakery": 9, "Kaufhaus Nord": 85, "Seaview Hotel": 420,
    "Streamly": 13, "Velo Workshop": 70, "Olive & Thyme": 38, "Northern Rail": 55, "Bluebird Taxi": 22,
    "Cinema Lux": 24, "Papertown": 18, "Atlas Fitness": 40, "Moonlight Pharmacy": 15, "Dune Outdoor": 110,
}  # fmt: skip
"""Shops, and what is about usual there."""
_SCHEMA = """
CREATE TABLE transactions (
    transaction_id TEXT PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES accounts, day TEXT NOT NULL,
    merchant TEXT NOT NULL, amount REAL NOT NULL
);
CREATE TABLE disputes (
    dispute_id TEXT PRIMARY KEY, transaction_id TEXT NOT NULL UNIQUE REFERENCES transactions, words TEXT NOT
    NULL, refunded REAL NOT NULL, idempotency_key TEXT NOT NULL UNIQUE
)
"""


def _fill(bank: sqlite3.Connection) -> None:
    dice = random.Random(2)
    customers = [row["customer_id"] for row in bank.execute("SELECT customer_id FROM accounts ORDER BY 1")]
    for customer_id in customers:
        charges = [_charge(dice) for _ in range(dice.randint(8, 20))]
        if dice.random() < 0.25:  # a shop that took the money twice
            charges.append(charges[0])
        for number, (age, shop, amount) in enumerate(sorted(charges, reverse=True)):
            day = (AS_OF - timedelta(days=age)).isoformat()
            row = [f"{customer_id}-T{number:02}", customer_id, day, shop, amount]
            bank.execute("INSERT INTO transactions VALUES (?, ?, ?, ?, ?)", row)
        if dice.random() < 0.06:
            for number in range(3):
                words, key = "before this year's system", f"moved:{customer_id}:{number}"
                row = [f"D-{customer_id[2:]}-{number}", f"{customer_id}-T{number:02}", words, 0.0, key]
                bank.execute("INSERT INTO disputes VALUES (?, ?, ?, ?, ?)", row)


def _charge(dice: random.Random) -> tuple[int, str, float]:
    shop, usual = dice.choice(list(_SHOPS.items()))
    return int(dice.triangular(1, _DAYS_KEPT, 10)), shop, round(usual * dice.uniform(0.6, 1.9), 2)


_TABLES = Extension(table="disputes", schema=_SCHEMA, fill=_fill)


class Charge(TypedDict):
    """What was paid with a customer's card."""

    transaction_id: str
    day: str
    merchant: str
    amount: float


class Charges(TypedDict):
    """A customer's charges of the last months, the newest first."""

    name: str
    charges: list[Charge]
    open_disputes: int


class Match(TypedDict):
    """How much of what a customer says fits a charge."""

    charge: Charge
    points: int


class Shortlist(TypedDict):
    """The charges that fit best, and a line for each with its number."""

    charges: list[Charge]
    text: str


class DisputeChecks(TypedDict):
    """The rules for disputes, held against one charge."""

    text: str
    """One line a rule; those that are not met come first."""
    shown: str
    """The charge in words."""


class Dispute(TypedDict):
    """A dispute that is open, and what was given back until it is decided."""

    dispute_id: str
    refunded: float


class Letter(TypedDict):
    """What a customer is told."""

    text: str


def list_charges(customer_id: str) -> Charges:
    """The charges of a customer that are not disputed yet."""
    with open_bank(_TABLES) as bank:
        person = bank.execute("SELECT name FROM accounts WHERE customer_id = ?", [customer_id]).fetchone()
        if person is None:
            raise LookupError(f"no customer has the id '{customer_id}'")
        query = "SELECT * FROM transactions WHERE customer_id = ? ORDER BY day DESC, transaction_id"
        rows = bank.execute(query, [customer_id]).fetchall()
        disputed = {row["transaction_id"] for row in bank.execute("SELECT transaction_id FROM disputes")}
    charges = [_read_charge(row) for row in rows if row["transaction_id"] not in disputed]
    return Charges(name=person["name"], charges=charges, open_disputes=len(rows) - len(charges))


def match_charge(
    charge: Charge, amount: float | None = None, merchant: str | None = None, day: str | None = None
) -> Match:
    """How well a charge fits what a customer says of it: the sum counts 3, the shop 2, the day 1."""
    points = 3 * (amount is not None and abs(charge["amount"] - amount) < 0.005)
    points += 2 * (merchant is not None and _is_alike(merchant, charge["merchant"]))
    points += day is not None and _read_day(day) == date.fromisoformat(charge["day"])
    return Match(charge=charge, points=points)


def shortlist(matches: list[Match]) -> Shortlist:
    """At most three charges that fit, the best first; of equal ones the newest."""
    fitting = sorted((each for each in matches if each["points"]), key=lambda each: -each["points"])
    charges = [each["charge"] for each in fitting[:_MOST_SHOWN]]
    lines = [f"{number}: {_show(charge)}" for number, charge in enumerate(charges, start=1)]
    return Shortlist(charges=charges, text="; ".join(lines))


def check_dispute(charge: Charge, open_disputes: int) -> DisputeChecks:
    """Hold a charge against each rule for disputes."""
    age = (AS_OF - date.fromisoformat(charge["day"])).days
    lines = [
        _line(f"charge age {age} days", age <= MAX_AGE_DAYS, f"at most {MAX_AGE_DAYS} days"),
        _line(
            f"open disputes {open_disputes}",
            open_disputes <= MAX_OPEN_DISPUTES,
            f"at most {MAX_OPEN_DISPUTES}",
        ),
        _line(
            f"charge amount {money(charge['amount'])}",
            charge["amount"] <= MAX_AMOUNT,
            f"at most {money(MAX_AMOUNT)}",
        ),
    ]
    lines.sort(key=lambda line: line.endswith(": met"))
    return DisputeChecks(text="\n".join(lines), shown=_show(charge))


def open_dispute(transaction_id: str, words: str, refund: bool, idempotency_key: str) -> Dispute:
    """Open a dispute, giving the money back for now or not; a charge is never disputed twice."""
    with open_bank(_TABLES) as bank:
        bank.execute("BEGIN IMMEDIATE")
        charge = bank.execute(
            "SELECT * FROM transactions WHERE transaction_id = ?", [transaction_id]
        ).fetchone()
        if charge is None:
            raise LookupError(f"there is no charge '{transaction_id}', so no dispute was opened")
        refunded = charge["amount"] if refund else 0.0
        row = [f"D-{transaction_id[2:]}", transaction_id, words, refunded, idempotency_key]
        is_new = bank.execute("INSERT OR IGNORE INTO disputes VALUES (?, ?, ?, ?, ?)", row).rowcount == 1
        if is_new and refunded:
            query = "UPDATE accounts SET balance = balance - ? WHERE customer_id = ?"
            bank.execute(query, [refunded, charge["customer_id"]])
        done = bank.execute("SELECT * FROM disputes WHERE transaction_id = ?", [transaction_id]).fetchone()
    return Dispute(dispute_id=done["dispute_id"], refunded=done["refunded"])


def dispute_letter(
    name: str,
    charge: str | None = None,
    decision: Literal["approve", "decline", "refer"] | None = None,
    reason: str | None = None,
    opened: Dispute | None = None,
) -> Letter:
    """Tell a customer what becomes of a dispute; `charge` is null where no charge could be found."""
    if charge is None:
        found = "we could not find the charge you write about. Please name its sum, shop and day once more."
        return Letter(text=f"Dear {name}, {found}")
    if opened is None:
        return Letter(text=f"Dear {name}, we cannot dispute the charge of {charge}. Reason: {reason}.")
    if decision == "approve":
        follows = "Your money is back until this is settled."
    else:
        follows = f"A colleague looks into it first. Reason: {reason}."
    text = f"Dear {name}, we dispute the charge of {charge} for you. {follows}"
    return Letter(text=f"{text} Your case is {opened['dispute_id']}.")


def _read_charge(row: sqlite3.Row) -> Charge:
    return Charge(
        transaction_id=row["transaction_id"], day=row["day"], merchant=row["merchant"], amount=row["amount"]
    )


def _show(charge: Charge) -> str:
    day = date.fromisoformat(charge["day"])
    return f"{money(charge['amount'])} at {charge['merchant']} on {day.day} {day:%B}"


def _line(found: str, is_met: bool, wanted: str) -> str:
    return f"{found} is {wanted}: met" if is_met else f"{found} is not {wanted}: not met"


def _is_alike(said: str, shop: str) -> bool:
    """Whether people may mean a shop: a slip of the finger, or a part of its name, is allowed."""
    one, other = said.casefold(), shop.casefold()
    return one in other or other in one or SequenceMatcher(None, one, other).ratio() >= 0.8


_MONTHS = [f"{date(2026, month, 1):%B}".lower() for month in range(1, 13)]
_WEEKDAYS = [f"{date(2026, 6, day):%A}".lower() for day in range(1, 8)]


def _read_day(words: str) -> date | None:
    """The day that `12 March`, `Mar 12th`, `yesterday` or `last Tuesday` means; None where that is unsure."""
    text = words.lower()
    if "yesterday" in text or "last night" in text:
        return AS_OF - timedelta(days=1)
    if "today" in text or "this morning" in text:
        return AS_OF
    spoken = [word for word in re.findall(r"[a-z]+", text) if len(word) >= 3]
    for at, weekday in enumerate(_WEEKDAYS):
        if any(weekday.startswith(word) for word in spoken):
            return AS_OF - timedelta(days=(AS_OF.weekday() - at - 1) % 7 + 1)
    months = [at for at, month in enumerate(_MONTHS, 1) if any(month.startswith(word) for word in spoken)]
    numbers = re.findall(r"\b(\d\d?)(?:st|nd|rd|th)?\b", text)
    return _last(int(numbers[0]), months[0]) if months and numbers else None


def _last(day: int, month: int) -> date | None:
    """The last time there was this day."""
    for year in (AS_OF.year, AS_OF.year - 1):
        try:
            found = date(year, month, day)
        except ValueError:
            return None
        if found <= AS_OF:
            return found
    return None
