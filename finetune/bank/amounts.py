# ruff: noqa: E501, SIM905

"""Amounts, dates, cards, shops and other things that stand in the bank's messages."""

from __future__ import annotations

import random
from collections.abc import Callable

from .compose import Fill, Part, is_part

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()

MERCHANTS = tuple(
    "Target|Walmart|Best Buy|Costco|Home Depot|IKEA|Tesco|Sainsbury's|Argos|Currys|John Lewis|Boots|Zara|H&M|Uniqlo|Netflix|Spotify|Hulu|"
    "Uber|Lyft|Airbnb|Booking.com|Expedia|Ryanair|easyJet|Delta|United Airlines|Lufthansa|Marriott|Hilton|Shell|BP|Chevron|Starbucks|"
    "McDonald's|Subway|Chipotle|Domino's|PayPal|eBay|Etsy|Amazon|Apple|Google Play|Steam|PlayStation Store|Nintendo|Adobe|Dropbox|"
    "Planet Fitness|PureGym|Equinox|Sephora|Nike|Adidas|Decathlon|REI|Wayfair|Lowe's|Aldi|Lidl|Kroger|Whole Foods|Trader Joe's|7-Eleven|"
    "Greenfield Garden Centre|Harbor Lights Hotel|Luigi's Trattoria|Blue Door Bakery|Maple Street Dental|Northgate Motors|Petworld|"
    "Sunrise Yoga|Kettle & Co|Oakridge Furniture|TechHaven|QuickFix Plumbing|Star Cinema|Riverside Vets|Bella's Boutique|Cloud Nine Spa|"
    "Crestline Electronics|Mountain Gear|Paper Moon Books|The Coffee Collective|Village Hardware|FreshBox|StreamNow|GlobeTrotter Travel|"
    "FitZone|Bargain Barn|Sole Traders|Golden Wok|Casa Verde|Lakeside Marina|Pinewood Lodge|Dr. Patel's clinic|Metro Parking|CityCab|"
    "Hertz|Avis|Enterprise|Ticketmaster|StubHub|Vodafone|T-Mobile|Verizon|Comcast|British Gas|Con Edison|DoorDash|Deliveroo|Just Eat|"
    "Shein|Temu|AliExpress|Macy's|Nordstrom|Kohl's|Gap|Old Navy|Staples|Office Depot|GameStop|AutoZone|Jiffy Lube|CVS|Walgreens".split(
        "|"
    )
)
_METALS = ("gold", "silver", "platinum", "basic", "black", "blue", "titanium", "green", "diamond")
_BRANDS = (
    "Visa",
    "Mastercard",
    "MasterCard",
    "Amex",
    "American Express",
    "Visa Platinum",
    "Mastercard Gold",
    "Discover",
    "Maestro",
)
_KINDS = ("rewards", "travel", "business", "cashback", "student", "airline", "joint", "virtual", "company", "classic", "store", "miles", "second", "personal", "everyday", "corporate", "family")  # fmt: skip
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December".split("|")
_SHORT_MONTHS = "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec".split("|")
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday".split("|")
CITIES = tuple(
    "Paris|Lisbon|Chicago|Manchester|Austin|Denver|Leeds|Toronto|Mumbai|Madrid|Rome|Berlin|Dublin|Seattle|Boston|Miami|Phoenix|Cardiff|"
    "Glasgow|Tokyo|Bangkok|Lagos|Nairobi|Athens|Vienna|Prague|Oslo|Warsaw|Houston|Portland|Bristol|Sydney|Cape Town|Istanbul|Cancun|"
    "Bali|Iceland|Mexico|Japan|Spain|Greece|Portugal|Italy|Hawaii|Florida|Scotland|Peru|Vietnam|Morocco|Kenya|Croatia|Thailand".split(
        "|"
    )
)
NAMES = tuple(
    "Anna Kowalska|Tom|Priya Raman|Marcus|Chen Wei|Fatima|Jo Harrison|Luis Ortega|Svetlana|Kwame Mensah|Beth|Ahmed Saleh|Grace O'Neill|"
    "Hiro Tanaka|Maria|Dmitri Volkov|Aoife|Samuel Okafor|Ingrid Larsen|Ravi|Chloe Dubois|Pedro|Nadia Haddad|Will|Yuki|Oluwaseun|Emma Clarke|"
    "Jamal|Katarzyna Nowak|Ben|Leila Farahani|George|Mei Lin|Andre Silva|Hannah Vogel|Carlos|Deepa Nair|Erik|Zoe|Patrick Murphy|Amara Diallo|"
    "Stefan|Lucia Romano|Kofi|Rachel Stein|Viktor|Aisha Khan|Noah|Greta Lindqvist|Tomasz|Isabel Cruz|Raj Patel|Sinead|Omar|Julia Weber".split(
        "|"
    )
)
STREETS = ("14 Elm Street", "221 Park Road", "7 Orchard Lane", "9050 Lakeview Drive", "35B Mill Hill", "1200 Sunset Blvd", "18 Rue Verte", "66 King's Avenue", "402 Cedar Court", "5 Station Parade", "88 Harbour Way", "31 Birch Close")  # fmt: skip


def words(number: int) -> str:
    """A whole number below a million in English words, sometimes said "a hundred and five" by `amount`."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        return _TENS[number // 10] + (f"-{_ONES[number % 10]}" if number % 10 else "")
    if number < 1000:
        return f"{_ONES[number // 100]} hundred" + (f" {words(number % 100)}" if number % 100 else "")
    return f"{words(number // 1000)} thousand" + (f" {words(number % 1000)}" if number % 1000 else "")


def _sum(chance: random.Random, part: Part) -> int:
    while True:
        kind = chance.random()
        if kind < 0.25:
            value = chance.randrange(100, 1000, 50)
        elif kind < 0.65:
            value = chance.randrange(1000, 10000, 500)
        elif kind < 0.8:
            value = chance.randrange(10000, 60000, 500)
        elif kind < 0.93:
            value = chance.randrange(1000, 30000, 10)
        else:
            value = chance.randrange(500, 99000)
        if is_part(f"{value}", part) or (part == "heldout" and value % 500 == 0 and chance.random() < 0.3):
            return value


def amount(chance: random.Random, part: Part) -> str:
    """A sum of money as people write it."""
    value = _sum(chance, part)
    style = chance.random()
    if style < 0.45:
        return _with_sign(value, chance)
    if style < 0.62:
        return _bare(value, chance)
    if style < 0.80:
        return _thousands(value - value % (500 if value >= 1000 else 100) or 500, chance)
    return _spoken(value - value % (100 if value < 10000 else 500) or 300, chance)


def _with_sign(value: int, chance: random.Random) -> str:
    sign = chance.choice("$$$$$$$££€")
    style = chance.random()
    if sign == "€" and style < 0.3:
        return f"€{value:,}".replace(",", ".")
    if style < 0.6:
        return f"{sign}{value:,}"
    if style < 0.82:
        return f"{sign}{value}"
    if style < 0.88:
        return f"{sign}{value:,}.00"
    if style < 0.93:
        return f"{sign} {value:,}"
    return chance.choice(
        [f"{value:,}{sign}", f"{value} {sign}", f"US${value:,}", f"{value:,} €".replace(",", " ")]
    )


def _bare(value: int, chance: random.Random) -> str:
    digits = chance.choice(
        [f"{value}", f"{value}", f"{value:,}", f"{value:,}", f"{value:,}".replace(",", " "), f"{value:,}.00"]
    )
    unit = chance.choice(
        [
            "dollars",
            "dollars",
            "bucks",
            "pounds",
            "euros",
            "quid",
            "USD",
            "EUR",
            "GBP",
            "usd",
            "",
            "",
            "",
            "",
            "",
        ]
    )
    if unit.isupper() and chance.random() < 0.5:
        return f"{unit} {digits}"
    return f"{digits} {unit}".strip()


def _thousands(value: int, chance: random.Random) -> str:
    short = f"{value / 1000:g}"
    sign = chance.choice(["$", "$", "$", "£", "€", "", "", "", ""])
    if value < 1000:
        return chance.choice(
            [f"{sign}{value}", f"{value // 100} hundred", f"{value // 100} hundred dollars", f"{value} bucks"]
        )
    return chance.choice(
        [f"{sign}{short}k", f"{sign}{short}k", f"{sign}{short}K", f"{short} k", f"{short} grand", f"{short} thousand",
         f"{short} thousand dollars", f"{short},000" if value % 1000 == 0 else f"{short}k", f"{sign}{short} thousand", f"{short}k dollars"]
    )  # fmt: skip


def _spoken(value: int, chance: random.Random) -> str:
    said = words(value)
    if chance.random() < 0.4:
        said = said.replace(" hundred ", " hundred and ")
    if chance.random() < 0.35:
        said = said.replace("-", " ")
    options = [said, said, f"{said} dollars", f"{said} pounds", f"{said} bucks", f"{said} euros"]
    if value % 1000 == 0:
        few = words(value // 1000)
        options += [f"{few} grand", f"{few} k", f"{few} thousand dollars", f"{few} grand"]
        options += ["a thousand", "a grand", "a thousand dollars", "one thousand"] if value == 1000 else []
        options += ["a couple of thousand", "a couple thousand", "a couple of grand"] if value == 2000 else []
    if value % 1000 == 500 and value > 1000:
        few = words(value // 1000)
        options += [f"{few} and a half thousand", f"{few} and a half grand", f"{few} and a half k"]
    if 1000 < value < 10000 and value % 1000:
        options += [
            f"{words(value // 100)} hundred",
            f"{value // 100} hundred",
            f"{words(value // 100)} hundred dollars",
        ]
    options += ["a couple of hundred", "a couple hundred bucks"] if value == 200 else []
    options += ["a hundred", "a hundred dollars"] if value == 100 else []
    return chance.choice(options)


def date(chance: random.Random, part: Part) -> str:
    """A day as people name it, without the preposition."""
    day, month = chance.randint(1, 28), chance.choice(_MONTHS)
    weekday = chance.choice(_DAYS)
    options: list[str] = [
        f"{month} {day}", f"{day} {month}", f"{month} {day}{_ordinal(day)}", f"the {day}{_ordinal(day)}", f"the {day}{_ordinal(day)} of {month}",
        f"{chance.choice(_SHORT_MONTHS)} {day}", f"{day} {chance.choice(_SHORT_MONTHS)}", f"{chance.randint(1, 12)}/{day}", f"{day}.{chance.randint(1, 12)}.",
        f"{chance.randint(1, 12):02d}/{day:02d}/2026", f"2026-{chance.randint(1, 12):02d}-{day:02d}", weekday, weekday,
        f"{day}{_ordinal(day)} {month}", f"{weekday} {month} {day}", f"{weekday} the {day}{_ordinal(day)}",
    ]  # fmt: skip
    return _fresh(lambda: chance.choice(options), part, chance, 4)


def day_ahead(chance: random.Random, part: Part) -> str:
    """A day to come."""
    ahead = ["tomorrow", "next week", "next month", "the end of the month", "the end of this week", "the weekend", "Christmas", "today", "tonight", "this Friday", "the end of the year", "the summer", "the holidays", "the 1st", "early next month", "month end", "Easter", "the start of term"]  # fmt: skip
    weekday = [
        f"next {chance.choice(_DAYS)}",
        f"this {chance.choice(_DAYS)}",
        f"this coming {chance.choice(_DAYS)}",
    ]
    return chance.choice(
        [date(chance, part), date(chance, part), chance.choice(ahead), chance.choice(weekday)]
    )


def day_back(chance: random.Random, part: Part) -> str:
    """A day gone by."""
    back = ["yesterday", "last week", "this morning", "last night", "last month", "two days ago", "a week ago", "three weeks ago", "the other day", "last weekend", "earlier today", "a month ago"]  # fmt: skip
    return chance.choice(
        [date(chance, part), date(chance, part), chance.choice(back), f"last {chance.choice(_DAYS)}"]
    )


def card(chance: random.Random, part: Part) -> str:
    """Words that say WHICH card, without article; "credit card" alone says nothing."""
    last = _fresh(lambda: f"{chance.randint(0, 9999):04d}", part, chance, 50)
    kind = chance.choice([chance.choice(_METALS), chance.choice(_METALS), chance.choice(_KINDS)])
    brand = chance.choice(_BRANDS)
    noun = chance.choice(["card", "card", "card", "credit card"])
    ending = chance.choice(
        ["ending in", "ending in", "ending", "ending with", "that ends in", "that ends with", "finishing in"]
    )
    return chance.choice(
        [f"{kind} {noun}", f"{kind} {noun}", f"{noun} {ending} {last}", f"{noun} {ending} {last}", f"{noun} {ending} {last}", brand,
         f"{brand} {ending} {last}", f"{kind} {noun} {ending} {last}", f"{brand} {noun}", f"{kind} {brand}", f"card {last}", f"card no. {last}",
         f"card number {last}", f"card *{last}", f"card xx{last}", f"card ...{last}", f"{brand} (ending {last})"]
    )  # fmt: skip


def merchant(chance: random.Random, part: Part) -> str:
    """A shop."""
    return _fresh(lambda: chance.choice(MERCHANTS), part, chance, 100)


def income(chance: random.Random, part: Part) -> str:
    """A yearly or monthly income, rent or price: a sum that nobody asks for."""
    return amount(chance, part)


def year(chance: random.Random, part: Part) -> str:
    """A year."""
    return str(chance.randint(1998, 2025))


def count(chance: random.Random, part: Part) -> str:
    """A small number of years, children, months."""
    number = chance.randint(2, 19)
    return chance.choice([str(number), words(number)])


def age(chance: random.Random, part: Part) -> str:
    """Somebody's age."""
    return str(chance.randint(19, 83))


def digits(chance: random.Random, part: Part) -> str:
    """The last digits of a card or phone, a reference."""
    return _fresh(lambda: f"{chance.randint(0, 9999):04d}", part, chance, 50)


def phone(chance: random.Random, part: Part) -> str:
    """A phone number."""
    return chance.choice([f"555-{chance.randint(0, 9999):04d}", f"07700 900{chance.randint(0, 999):03d}", f"({chance.randint(200, 989)}) 555 {chance.randint(0, 9999):04d}"])  # fmt: skip


def _pick(things: tuple[str, ...]) -> Fill:
    def draw(chance: random.Random, part: Part) -> str:
        return _fresh(lambda: chance.choice(things), part, chance, 100)

    return draw


def _fresh(draw: Callable[[], str], part: Part, chance: random.Random, tries: int) -> str:
    for _ in range(tries):
        if is_part(found := draw(), part):
            return found
    return draw()


def _ordinal(day: int) -> str:
    return "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


FILLS: dict[str, Fill] = {
    "amount": amount, "more": amount, "total": amount, "date": date, "ahead": day_ahead, "back": day_back, "card": card,
    "merchant": merchant, "income": income, "year": year, "count": count, "age": age, "digits": digits, "phone": phone,
    "city": _pick(CITIES), "name": _pick(NAMES), "street": _pick(STREETS),
}  # fmt: skip
