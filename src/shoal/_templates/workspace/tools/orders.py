"""The orders of a shop; a real one would ask its database here."""

from typing import TypedDict


class Order(TypedDict):
    """What was bought, and how many days ago."""

    customer: str
    price: float
    days: int


class Checks(TypedDict):
    """What is met, for the agent to read, and the reasons that it may give."""

    text: str
    reasons: list[str]


class Payment(TypedDict):
    """Money that went back."""

    receipt: str


ORDERS: dict[str, Order] = {
    "O-1": {"customer": "Ada", "price": 40.0, "days": 12},
    "O-2": {"customer": "Bo", "price": 25.0, "days": 45},
    "O-3": {"customer": "Cleo", "price": 310.0, "days": 3},
}


def find_order(order_id: str) -> Order:
    """An exception fails the node with its sentence."""
    if order_id not in ORDERS:
        raise ValueError(f"there is no order {order_id}. Known: {', '.join(ORDERS)}")
    return ORDERS[order_id]


def check_order(order: Order) -> Checks:
    """Numbers are compared here: a small model reads what is met, and decides by the rules."""
    checks = [
        _check(f"order age {order['days']} days", "at most 30 days", order["days"] <= 30),
        _check(f"price ${order['price']:.2f}", "below $100", order["price"] < 100),
    ]
    unmet = [line for line, is_met in checks if not is_met]
    text = "\n".join(f"{line}: {'met' if is_met else 'not met'}" for line, is_met in checks)
    return {"text": text, "reasons": unmet[:1] or ["every rule is met"]}


def pay_back(order_id: str, amount: float, idempotency_key: str) -> Payment:
    """Called once in a run, whatever crashes; the key is for services that ask for one."""
    return {"receipt": f"{order_id}: {amount:.2f} dollars"}


def _check(value: str, limit: str, is_met: bool) -> tuple[str, bool]:
    return f"{value} is {'' if is_met else 'not '}{limit}", is_met
