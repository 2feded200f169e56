"""The tools of the reference bank: a small SQLite database and the arithmetic of the credit-line policy.

The database is made on first use, always with the same customers, in .shoal/bank.db or where BANK_DB says.
What is arithmetic is done here and written out as plain lines; what the lines mean for the customer is
decided by the agent `policy`, which reads the rules in agents/policy/knowledge/credit_line.md. A test holds
the thresholds here and there to each other.
"""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Literal, NamedTuple, TypedDict

Tier = Literal["basic", "silver", "gold", "platinum"]
Standing = Literal["good", "overdue", "frozen", "closed"]
TIERS: tuple[Tier, ...] = ("basic", "silver", "gold", "platinum")

MIN_AGE_MONTHS = 6
MAX_LATE_PAYMENTS = 1
UTILISATION_BELOW_PERCENT = 70
MAX_INCREASE: dict[Tier, int] = {"basic": 1_000, "silver": 3_000, "gold": 6_000, "platinum": 15_000}

_MOST_STATED = 1e12
NO_AMOUNT = "a higher limit"
"""What a reply calls the request when the customer named no amount."""

_NUM_CUSTOMERS = 200
_FIRST_ID = 1001
_SCHEMA = """
CREATE TABLE accounts (
    customer_id TEXT PRIMARY KEY, name TEXT NOT NULL, standing TEXT NOT NULL, opened_months INTEGER NOT NULL,
    credit_limit REAL NOT NULL, balance REAL NOT NULL
);
CREATE TABLE cards (
    card_id TEXT PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES accounts, tier TEXT NOT NULL, last_digits
    TEXT NOT NULL
);
CREATE TABLE payments (
    customer_id TEXT NOT NULL REFERENCES accounts, months_ago INTEGER NOT NULL, amount REAL NOT NULL,
    is_late INTEGER NOT NULL, PRIMARY KEY (customer_id, months_ago)
);
CREATE TABLE limit_changes (
    idempotency_key TEXT PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES accounts, old_limit REAL NOT NULL,
    new_limit REAL NOT NULL
);
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_GIVEN = _words(
    "Abeba Adwoa Aigerim Aino Alejandra Amadou Anahit Anneke Aoife Arjun Asel Ayodele Azadeh Beatriz "
    "Bjarne Blessing Bohdan Brunhilde Cathal Chiamaka Chinonso Dagny Darya Dewi Dragana Edurne Eirini "
    "Emeka Enrique Esperanza Etsuko Ewa Farouk Ferenc Gaetano Gintaras Giulia Gudrun Guillermo Habiba "
    "Haruto Hyun-woo Ilse Imke Iñaki Itzel Jadwiga Jamila Jean-Luc Jovana Kalani Katarzyna Kwabena Lerato "
    "Linnea Lubna Maeve Mahnoor Margarethe Mehmet Mirela Montserrat Nanami Nirmala Nomvula Oksana Olumide "
    "Pilar Ragnhild Rahim Rasmus Rukmini Ruslan Sakari Samira Sanne Seo-yeon Shreya Sinead Soledad "
    "Svetlana Tadesse Takumi Tatiana Thabo Thandiwe Tomasz Tuulikki Ulrike Umberto Valentina Vikram "
    "Walburga Wanjiru Xiulan Yasmin Yevhen Yoko Zainab Zdenka Zofia"
)
_FAMILY = _words(
    "Abdullahi Acheampong Aguirre Akintola Almeida Amundsen Antonescu Aydin Balogun Banerjee Barzani "
    "Bergström Bogdanov Bonnet Botha Braithwaite Caruso Castellanos Chaudhry Cisneros Coppens Dang "
    "Demirci Desrosiers Diallo Dimitrov Dvořák Eguchi Eriksen Etxeberria Farkas Fernando Fofanah Fujimoto "
    "Gallagher Ganbaatar Georgiou Gherardi Gunawardena Hakimi Halvorsen Hashimoto Hernández Hovhannisyan "
    "Ibragimov Ilves Jovanović Kamau Karimov Kaur Kiplagat Kobayashi Kovačević Kruger Lachance Laszlo "
    "Lehtonen Lindqvist Lombardi Macdonald Mahlangu Makinen Marchetti Mazur McAllister Menon Mohan "
    "Mokoena Mutasa Nasser Ndiaye Nkosi O'Callaghan O'Shea Obradović Okonkwo Otieno Pálsson Phiri "
    "Pospíšil Quintana Rahman Ramaswamy Reinhardt Rodrigues Rybak Sandoval Santoro Schröder Sithole "
    "Sørensen Stankov Szabo Takahashi Teixeira Thapa Tshabalala Uzun Valdez Venkatesan Wanjala Wierzbicki "
    "Yeo Yildirim Zhou Zubiri"
)


class Extension(NamedTuple):
    """Tables of another module, made on first use: databases of earlier versions do not have them."""

    table: str
    """The last of its tables; where it is there, all are."""
    schema: str
    fill: Callable[[sqlite3.Connection], None]


class Account(TypedDict):
    """What the bank knows of a customer."""

    customer_id: str
    name: str
    tier: Tier
    standing: Standing
    limit: float
    balance: float
    opened_months: int
    late_payments_12m: int


class Checks(TypedDict):
    """The rules of the credit-line policy, held against one request."""

    text: str
    """One line a rule; those that are not met come first, otherwise in the order of the policy."""
    amount: str
    """The amount asked for, as the reply names it: `$12,500`, `$12,500.50`, or `a higher limit`."""
    new_limit: float


class LimitChange(TypedDict):
    """A credit line before and after."""

    customer_id: str
    old_limit: float
    new_limit: float


class HandOver(TypedDict):
    """What a customer is told whose wish belongs to another desk."""

    text: str


def lookup_account(customer_id: str) -> Account:
    """Read a customer's account, best card and payments of the last twelve months."""
    with open_bank() as bank:
        account = bank.execute("SELECT * FROM accounts WHERE customer_id = ?", [customer_id]).fetchone()
        if account is None:
            last = bank.execute("SELECT max(customer_id) FROM accounts").fetchone()[0]
            raise LookupError(f"no customer has the id '{customer_id}'. Ids are C-{_FIRST_ID} to {last}")
        tiers = [
            row["tier"] for row in bank.execute("SELECT tier FROM cards WHERE customer_id = ?", [customer_id])
        ]
        late = bank.execute(
            "SELECT count(*) FROM payments WHERE customer_id = ? AND is_late AND months_ago <= 12",
            [customer_id],
        ).fetchone()[0]
    return Account(
        customer_id=customer_id,
        name=account["name"],
        tier=max(tiers, key=TIERS.index),
        standing=account["standing"],
        limit=account["credit_limit"],
        balance=account["balance"],
        opened_months=account["opened_months"],
        late_payments_12m=late,
    )


def check_rules(
    account: Account, amount: float | None = None, asks: Literal["more", "total"] = "more"
) -> Checks:
    """Hold a request for a higher credit line against each rule.

    Args:
        account: whose credit line it is.
        amount: what the customer named, or null.
        asks: `more` when the limit is to grow by the amount, `total` when it is to become the amount.
    """
    limit, stated = account["limit"], _stated(amount)
    new_limit = limit if stated is None else stated if asks == "total" else limit + stated
    lines = [_line(*check) for check in _account_checks(account)]
    shown = "" if stated is None else money(stated)
    lines.append(_line("stated amount", shown, stated is not None, "given"))
    if stated is not None:
        most, increase = MAX_INCREASE[account["tier"]], new_limit - limit
        wanted = f"at most {money(most)} on a {account['tier']} card"
        lines.append(_line("new limit", money(new_limit), increase > 0, "above the present limit"))
        lines.append(_line("increase", money(increase), increase <= most, wanted))
    lines.sort(key=lambda line: line.endswith(": met"))
    return Checks(
        text="\n".join(lines),
        amount=shown or NO_AMOUNT,
        new_limit=new_limit,
    )


def set_credit_line(customer_id: str, new_limit: float, idempotency_key: str) -> LimitChange:
    """Change a customer's credit line; the same key never changes it twice."""
    with open_bank() as bank:
        bank.execute("BEGIN IMMEDIATE")
        done = bank.execute(
            "SELECT * FROM limit_changes WHERE idempotency_key = ?", [idempotency_key]
        ).fetchone()
        if done is None:
            account = bank.execute(
                "SELECT credit_limit FROM accounts WHERE customer_id = ?", [customer_id]
            ).fetchone()
            if account is None:
                raise LookupError(f"no customer has the id '{customer_id}', so no credit line was changed")
            if new_limit <= 0:
                raise ValueError(f"a credit line of {money(new_limit)} cannot be set; it must be above $0")
            change = [idempotency_key, customer_id, account["credit_limit"], new_limit]
            bank.execute("INSERT INTO limit_changes VALUES (?, ?, ?, ?)", change)
            bank.execute(
                "UPDATE accounts SET credit_limit = ? WHERE customer_id = ?", [new_limit, customer_id]
            )
            done = bank.execute(
                "SELECT * FROM limit_changes WHERE idempotency_key = ?", [idempotency_key]
            ).fetchone()
        return LimitChange(
            customer_id=done["customer_id"], old_limit=done["old_limit"], new_limit=done["new_limit"]
        )


_DESKS = {
    "lost_card": "the card desk, which blocks the card and sends a new one",
    "dispute_charge": "the disputes desk, which looks into the charge",
    "balance": "the account desk, which tells you your balance",
    "payment_due": "the account desk, which tells you what is due and when",
    "update_contact": "the service desk, which changes your details",
    "report_fraud": "the fraud desk, which protects your account at once",
    "close_account": "the service desk, which closes the account with you",
}


def hand_over(intent: str, name: str) -> HandOver:
    """Name the desk that a wish belongs to."""
    desk = _DESKS.get(intent, "a colleague, who reads your message")
    return HandOver(text=f"{name}, thank you for writing. We pass you on to {desk}.")


def money(amount: float | Decimal) -> str:
    """An amount as the bank writes it: cents only where there are some."""
    exact = Decimal(str(amount)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    text = f"{abs(exact):,.2f}".removesuffix(".00")
    return f"-${text}" if exact < 0 else f"${text}"


def _account_checks(account: Account) -> Iterator[tuple[str, str, bool, str]]:
    """The rules on the account itself: subject, value, whether it is met, and what is wanted."""
    months, late = account["opened_months"], account["late_payments_12m"]
    used = _percent(account["balance"], account["limit"])
    yield "account standing", account["standing"], account["standing"] == "good", "good"
    yield (
        "account age",
        f"{months} month{'s' * (months != 1)}",
        months >= MIN_AGE_MONTHS,
        f"at least {MIN_AGE_MONTHS} months",
    )
    yield "late payments", str(late), late <= MAX_LATE_PAYMENTS, f"at most {MAX_LATE_PAYMENTS} in 12 months"
    yield "utilisation", f"{used} %", used < UTILISATION_BELOW_PERCENT, f"below {UTILISATION_BELOW_PERCENT} %"


def _line(subject: str, value: str, is_met: bool, wanted: str) -> str:
    found = f"{subject} {value}".strip()
    return f"{found} is {wanted}: met" if is_met else f"{found} is not {wanted}: not met"


def _stated(amount: float | None) -> float | None:
    """The amount in whole cents, or None where what was named is no sum that a bank could lend."""
    return round(amount, 2) if amount is not None and 0.005 <= amount < _MOST_STATED else None


def _percent(part: float, whole: float) -> Decimal:
    """A share in percent, cut to one decimal, so that what is below a whole per cent is shown below it."""
    share = Decimal(str(part)) * 100 / Decimal(str(whole))
    shown = share.quantize(Decimal("0.1"), ROUND_FLOOR)
    return shown.quantize(Decimal(1)) if shown == shown.to_integral_value() else shown


@contextmanager
def open_bank(extension: Extension | None = None) -> Iterator[sqlite3.Connection]:
    """The database, with the tables of an extension; what is done in the block is committed at its end."""
    file = Path(os.environ.get("BANK_DB") or Path(__file__).parents[1] / ".shoal" / "bank.db")
    if not file.exists():
        _make(file)
    with closing(sqlite3.connect(file, timeout=10)) as bank:
        bank.row_factory = sqlite3.Row
        if extension and not _has(bank, extension):
            _extend(bank, extension)
        with bank:
            yield bank


def _has(bank: sqlite3.Connection, extension: Extension) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return bank.execute(query, [extension.table]).fetchone() is not None


def _extend(bank: sqlite3.Connection, extension: Extension) -> None:
    """Make the tables of an extension; of two that make them at once the second finds them."""
    with bank:
        bank.execute("BEGIN IMMEDIATE")
        if not _has(bank, extension):
            for statement in extension.schema.split(";"):
                bank.execute(statement)
            extension.fill(bank)


def _make(file: Path) -> None:
    """Make the database under a temporary name; of two that make it at once the first one wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
        made = Path(scratch) / "bank.db"
        with closing(sqlite3.connect(made)) as bank, bank:
            bank.executescript(_SCHEMA)
            _fill(bank, random.Random(1))
        with suppress(FileExistsError):
            os.link(made, file)


def _fill(bank: sqlite3.Connection, dice: random.Random) -> None:
    names = list(dict.fromkeys(_name(dice) for _ in range(2 * _NUM_CUSTOMERS)))
    for number, name in enumerate(names[:_NUM_CUSTOMERS]):
        customer_id = f"C-{_FIRST_ID + number}"
        limit = dice.choice(
            [1_000, 1_500, 2_000, 2_500, 3_000, 4_000, 5_000, 7_500, 8_000, 10_000, 12_000, 20_000]
        )
        used = dice.uniform(0.02, 0.65) if dice.random() < 0.8 else dice.uniform(0.7, 1.0)
        standing = "good" if dice.random() < 0.88 else dice.choice(["overdue", "frozen", "closed"])
        months = dice.randint(7, 240) if dice.random() < 0.88 else dice.randint(1, 6)
        account = [customer_id, name, standing, months, limit, round(limit * used, 2)]
        bank.execute("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)", account)
        for card in range(dice.choice([1, 1, 1, 2])):
            digits = f"{dice.randrange(10_000):04}"
            bank.execute(
                "INSERT INTO cards VALUES (?, ?, ?, ?)",
                [f"{customer_id}-{card}", customer_id, dice.choice(TIERS), digits],
            )
        chance = 0.02 if dice.random() < 0.85 else 0.3
        for month in range(1, min(months, 18) + 1):
            payment = [
                customer_id,
                month,
                round(dice.uniform(0.05, 0.3) * limit, 2),
                int(dice.random() < chance),
            ]
            bank.execute("INSERT INTO payments VALUES (?, ?, ?, ?)", payment)


def _name(dice: random.Random) -> str:
    """A person's name, of one of the shapes that names have."""
    given, family = dice.choice(_GIVEN), dice.choice(_FAMILY)
    shape = dice.random()
    if shape < 0.08:
        return f"{given} {dice.choice('ABCDEFGHJKLMNPRSTW')}. {family}"
    if shape < 0.14:
        return f"{given} {dice.choice(['van', 'de', 'bin', 'da', 'von'])} {family}"
    if shape < 0.22:
        return f"{given} {family}-{dice.choice(_FAMILY)}"
    return f"{given} {dice.choice(_GIVEN)} {family}" if shape < 0.3 else f"{given} {family}"
