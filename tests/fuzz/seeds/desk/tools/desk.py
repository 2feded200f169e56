"""Tools that take one of everything and remember what arrived."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from pydantic import BaseModel, Field

RECEIVED: list[dict[str, Any]] = []
ANSWERS: list[Any] = []


class Card(TypedDict):
    number: str
    colour: NotRequired[Literal["gold", "grey"]]


@dataclass
class Account:
    name: str
    cards: list[Card]
    limit: float | None


class Stamp(BaseModel):
    worth: float


class Letter(BaseModel):
    to: str
    pages: int = Field(ge=0)
    stamps: list[Stamp] | None = None


class Parcel(TypedDict):
    letters: list[Letter]
    account: Account
    note: str | None


async def scalars(
    a: str, b: int, c: float, d: bool, e: Literal["x", "y"], f: Any, g: Annotated[str, "g"] = "", h: int = 3
) -> None:
    RECEIVED.append({"a": a, "b": b, "c": c, "d": d, "e": e, "f": f, "g": g, "h": h})


async def lists(a: list[str], b: list[list[int]], c: list[float | None], d: list[Literal["x", "y"]]) -> None:
    RECEIVED.append({"a": a, "b": b, "c": c, "d": d})


async def records(
    account: Account, letter: Letter, card: Card | None, parcels: list[Parcel], idempotency_key: str
) -> None:
    assert idempotency_key
    RECEIVED.append({"account": account, "letter": letter, "card": card, "parcels": parcels})


async def echo(parcel: Parcel) -> Parcel:
    RECEIVED.append({"parcel": parcel})
    answer: Parcel = ANSWERS.pop() if ANSWERS else parcel
    return answer


async def fetch(url: str, path: str) -> str:
    RECEIVED.append({"url": url, "path": path})
    return url
