"""Tools of the library."""

from dataclasses import dataclass


@dataclass
class Book:
    title: str
    pages: list[str]
    copies: int = 1
    year: int | None = None


def shelf(title: str) -> list[Book]:
    return [Book(title, ["one", "two"])]


def lend(title: str, reader: str, days: int = 14) -> str:
    return f"{title} for {reader}, {days} days"


def parts(title: str) -> list[str]:
    return [f"{title}.1"] if len(title) < 12 else []
