"""Tools of the bakery."""

from typing import NotRequired, TypedDict


class Grams(TypedDict):
    flour: float
    water: float


class Recipe(TypedDict):
    name: str
    grams: Grams
    notes: NotRequired[str]


def price(kind: str, pieces: int = 1) -> float:
    return 2.5 * pieces


def bake(recipe: Recipe, idempotency_key: str) -> str:
    return "baked"


def mix(kind: str, water: float) -> Recipe:
    return {"name": kind, "grams": {"flour": 500.0, "water": water}}
