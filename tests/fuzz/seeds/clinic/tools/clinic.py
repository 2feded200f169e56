"""Tools of the clinic."""

from typing import Literal, TypedDict


class Patient(TypedDict):
    name: str
    age: int
    allergies: list[str]
    note: str | None


class Slot(TypedDict):
    day: str
    hour: float
    doctor: str


class Value(TypedDict):
    code: str
    level: float
    flag: Literal["low", "fine", "high"]


def patient(number: str) -> Patient:
    return {"name": f"Patient {number}", "age": 40, "allergies": ["nuts"], "note": None}


def free_slots(urgency: str, day: str | None = None) -> list[Slot]:
    return [{"day": day or "Monday", "hour": 9.5, "doctor": "Okafor"}]


def book(number: str, slot: Slot, idempotency_key: str) -> bool:
    return True


def measure(code: str, scale: float = 1.0) -> Value:
    return {"code": code, "level": 4.2 * scale, "flag": "fine"}
