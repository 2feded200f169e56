# ruff: noqa: E501

"""Triage on messages of others: intents of BANKING77 and CLINC150 that clearly are one of ours.

Evaluation only; nothing of these sets is in the repository, and nothing was trained on them.

    python bench/triage_public.py --data FOLDER [--most 60] [--wrong]

FOLDER holds banking77/ and clinc150/ with dev.jsonl.gz: {"text": ..., "label": ...}.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from shoal.agents.agent import Adapter, Agent
from shoal.agents.embedded.encoder import EncoderModel
from shoal.agents.engine import Request
from shoal.agents.manifest import load_workspace

OURS = {
    "banking77": {
        "lost_or_stolen_card": "lost_card", "card_swallowed": "lost_card",
        "compromised_card": "report_fraud",
        "card_payment_not_recognised": "dispute_charge", "transaction_charged_twice": "dispute_charge",
        "card_payment_fee_charged": "dispute_charge", "extra_charge_on_statement": "dispute_charge",
        "wrong_amount_of_cash_received": "dispute_charge", "Refund_not_showing_up": "dispute_charge",
        "edit_personal_details": "update_contact", "terminate_account": "close_account",
        "card_arrival": "other", "change_pin": "other", "exchange_rate": "other", "activate_my_card": "other",
        "apple_pay_or_google_pay": "other", "pending_transfer": "other", "card_about_to_expire": "other",
        "passcode_forgotten": "other", "atm_support": "other", "visa_or_mastercard": "other", "age_limit": "other",
        "contactless_not_working": "other", "verify_my_identity": "other", "top_up_failed": "other",
    },
    "clinc150": {
        "credit_limit_change": "credit_line_increase", "credit_limit": "balance", "balance": "balance",
        "report_lost_card": "lost_card", "report_fraud": "report_fraud", "bill_due": "payment_due", "min_payment": "payment_due",
        "pay_bill": "payment_due",
        "oos": "other", "weather": "other", "tell_joke": "other", "transfer": "other", "pin_change": "other", "routing": "other",
        "exchange_rate": "other", "travel_alert": "other", "rewards_balance": "other", "new_card": "other", "order_checks": "other",
        "apr": "other", "interest_rate": "other", "credit_score": "other", "damaged_card": "other", "expiration_date": "other",
        "insurance": "other", "book_flight": "other", "recipe": "other", "greeting": "other", "thank_you": "other",
        "international_fees": "other", "improve_credit_score": "other", "direct_deposit": "other", "rollover_401k": "other",
    },
}  # fmt: skip


def main() -> None:
    """Print accuracy by label and, if asked, what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--workspace", type=Path, default=Path())
    parser.add_argument("--adapter", type=Path, help="an adapter folder instead of the pinned one")
    parser.add_argument("--part", default="dev")
    parser.add_argument("--most", type=int, default=60, help="messages of one label")
    parser.add_argument("--wrong", action="store_true")
    options = parser.parse_args()
    agent = load_workspace(options.workspace, with_adapters=options.adapter is None).agents["triage"]
    if options.adapter:
        agent = replace(agent, adapter=Adapter(name="triage", sha256="given", folder=options.adapter))
    model = EncoderModel(agent.base, options.workspace)
    for name, labels in OURS.items():
        _measure(
            name,
            list(_read(options.data / name / f"{options.part}.jsonl.gz", labels, options.most)),
            model,
            agent,
            options.wrong,
        )


def _read(file: Path, labels: dict[str, str], most: int) -> Iterator[tuple[str, str, str]]:
    seen: Counter[str] = Counter()
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["label"] in labels and seen[row["label"]] < most:
                seen[row["label"]] += 1
                yield row["text"], row["label"], labels[row["label"]]


def _measure(
    name: str, rows: list[tuple[str, str, str]], model: EncoderModel, agent: Agent, show_wrong: bool
) -> None:
    answers = model.answer([Request(agent=agent, values={"message": text}) for text, _, _ in rows])
    right: Counter[str] = Counter()
    for (text, label, wanted), answer in zip(rows, answers, strict=True):
        right[label] += answer.output["intent"] == wanted
        if show_wrong and answer.output["intent"] != wanted:
            print(f"  {label}: {answer.output['intent']} {answer.confidence:.2f} {text}")
    total = Counter(label for _, label, _ in rows)
    print(f"{name}: {sum(right.values())}/{len(rows)} = {sum(right.values()) / len(rows):.3f}")
    for label in total:
        print(f"  {label} -> {OURS[name][label]}: {right[label]}/{total[label]}")


if __name__ == "__main__":
    main()
