"""Customer replies from shuffled facts: the name, the amount and the reason come back byte for byte."""

from shoal.finetune.nano import lexicon as lex
from shoal.finetune.nano import reply_wordings as say
from shoal.finetune.nano.tasks import Example, as_json
from shoal.finetune.nano.vocabulary import Draw

_YES = ("approve", "accept", "allow", "grant", "confirm", "pass", "refund", "waive", "release")
_NO = ("decline", "reject", "deny", "refuse", "fail", "cancel", "block", "close")
_WAIT = ("refer", "escalate", "review", "hold", "pause", "forward", "manual_review", "ask_more", "flag")


def reason_text(d: Draw) -> str:
    """Makes a reason: a check sentence, or a phrase."""
    if d.chance(0.65):
        unit = d.pick(lex.UNITS)
        pair = (d.money(), d.money()) if d.chance(0.2) else (d.number() + unit, d.number() + unit)
        sides = (
            "is not below",
            "is below",
            "is at least",
            "is not at least",
            "is above",
            "is not above",
            "is at most",
            "is over",
            "is under",
            "is not within",
        )
        return f"{d.key()} {pair[0]} {d.pick(sides)} {pair[1]}"
    if d.chance(0.15):
        return d.pick(("every rule is met", "all the rules are met", "all checks are met"))
    return d.phrase(2, 7)


def _kind(decision: str) -> str:
    return "yes" if decision in _YES else "no" if decision in _NO else "wait"


def _tail(d: Draw, style: str, facts: dict[str, str], keys: dict[str, str]) -> str:
    parts = [d.pick(say.REPLY_BYE[style])]
    if "date" in keys and d.chance(0.8):
        parts.insert(
            0,
            d.pick(
                ("We will write again by {}.", "This holds until {}.", "Date: {}.", "Please answer by {}.")
            ).format(facts[keys["date"]]),
        )
    if "team" in keys and d.chance(0.9):
        parts.append(
            d.pick(("Your {} team", "{}", "Signed, {}", "The {} team", "Best, {}")).format(
                facts[keys["team"]]
            )
        )
    return " ".join(part for part in parts if part)


def _body(d: Draw, kind: str) -> str:
    if d.new_wordings and d.chance(0.5):
        return d.pick(say.REPLY_BODY_HELD[kind])
    if d.chance(0.4):
        return d.pick(say.REPLY_BODY[kind])
    claim = (
        f"{d.pick(say.REPLY_LOOK)} {d.pick(say.REPLY_WHAT)}"
        if kind == "wait"
        else f"{d.pick(say.REPLY_CAN[kind])} {d.pick(say.REPLY_DO)}"
    )
    return claim + d.pick(say.REPLY_WHY)


def _amount(d: Draw) -> str:
    return d.phrase(2, 4) if d.chance(0.06) else d.quantity() if d.chance(0.1) else d.money()


def _facts(d: Draw, style: str, about: str, decision: str) -> tuple[dict[str, str], dict[str, str]]:
    keys = {
        "name": d.pick(
            ("name", "name", "name", "name", "customer", "client", "customer name", "account.name", "to")
        ),
        "amount": d.pick(("amount", "amount", "amount", "amount", "sum", "requested", "value", "limit")),
        "decision": d.pick(("decision",) * 12 + ("outcome", "result", "answer")),
        "reason": d.pick(("reason", "reason", "reason", "reason", "because", "why", "grounds")),
    }
    values = {"name": d.name(), "amount": _amount(d), "decision": decision, "reason": reason_text(d)}
    if d.chance(0.45):
        keys["style"], values["style"] = d.pick(("style", "style", "tone")), style
    if d.chance(0.55):
        keys["about"], values["about"] = d.pick(("about", "about", "topic", "product", "subject")), about
    if d.chance(0.25):
        keys["team"], values["team"] = (
            d.pick(("team", "team", "from", "sign")),
            d.pick(say.REPLY_TEAMS) if d.chance(0.5) else d.name(),
        )
    if d.chance(0.2):
        keys["date"], values["date"] = d.pick(("date", "by", "until")), d.date()
    facts = {keys[part]: values[part] for part in keys}
    for _ in range(d.count(0, 4) if d.chance(0.4) else 0):
        facts.setdefault(d.key(), d.value())
    return facts, keys


def _reply_text(d: Draw, facts: dict[str, str], keys: dict[str, str], style: str, about: str) -> str:
    kind = _kind(facts[keys["decision"]])
    topic = facts[keys["about"]] if "about" in keys else about
    hello = (
        d.pick(say.REPLY_HELLO_HELD) if d.new_wordings and d.chance(0.5) else d.pick(say.REPLY_HELLO[style])
    )
    body = _body(d, kind).format(t=topic, a=facts[keys["amount"]], r=facts[keys["reason"]])
    if d.chance(0.25):
        body = f"{d.pick(say.REPLY_OPEN)} {body[0].upper()}{body[1:]}"
    if hello.endswith(("!", ".")):
        body = body[0].upper() + body[1:]
    parts = (hello.format(n=facts[keys["name"]]), body, _tail(d, style, facts, keys))
    return " ".join(part for part in parts if part)


def _decision(d: Draw) -> str:
    common = ("approve", "decline", "refer")
    return d.pick(common) if d.chance(0.6) else d.pick(d.pick((_YES, _NO, _WAIT)))


def outcome(d: Draw) -> Example:
    """Say in a word what a decision means: the choice a reply makes when it starts."""
    facts, keys = _facts(d, "brief", d.pick(say.REPLY_ABOUTS), _decision(d))
    lines = "\n".join(f"{key}: {facts[key]}" for key in d.shuffled(list(facts)))
    kind = _kind(facts[keys["decision"]])
    if d.chance(0.5):
        start = {"yes": "we can", "no": "we cannot", "wait": "a colleague will"}[kind]
        return Example(f"{lines}\n\nHow does the reply begin?", start)
    ask = d.wording(("Is the answer yes, no or wait?", "yes, no or wait?"), ("Does the customer get it?",))
    return Example(f"{lines}\n\n{ask}", kind)


def plain_reply(d: Draw) -> Example:
    """Write a reply with one fixed sentence a decision: nothing but the decision is left to choose."""
    facts = {"name": d.name(), "amount": _amount(d), "decision": _decision(d), "reason": reason_text(d)}
    lines = "\n".join(f"{key}: {facts[key]}" for key in d.shuffled(list(facts)))
    body = say.REPLY_PLAIN[_kind(facts["decision"])].format(a=facts["amount"], r=facts["reason"])
    ask = d.wording(
        ("One sentence.", "Write one sentence.", "Reply in one sentence."), ("In a sentence, please.",)
    )
    return Example(f"{lines}\n\n{ask}", as_json({"text": f"Dear {facts['name']}, {body}"}))


def reply(d: Draw) -> Example:
    """Write a reply as {"text": ...}; style, topic, team and date are used where the facts give them."""
    style = d.pick(("warm", "formal", "brief"))
    about = d.pick(say.REPLY_ABOUTS) if d.chance(0.7) else f"{d.word()} {d.word()}"
    facts, keys = _facts(d, style, about, _decision(d))
    about = about if "about" in keys else "request"
    text = _reply_text(d, facts, keys, style, about)
    lines = "\n".join(f"{key}: {facts[key]}" for key in d.shuffled(list(facts)))
    lines = as_json(facts) if d.chance(0.08) and '"' not in lines else lines
    task = d.wording(say.REPLY_TASKS, say.REPLY_TASKS_HELD)
    head = d.pick(("", "", "", "Facts:\n", "## Facts\n", "Case:\n"))
    gap = d.pick(("\n", "\n", "\n\n"))
    prompt = f"{head}{lines}{gap}{task}" if d.chance(0.85) else f"{task}{gap}{head}{lines}"
    answer = as_json({"text": text}) if d.chance(0.85) else text
    if answer == text:
        prompt += "\nPlain text."
    needs = tuple(facts[keys[part]] for part in ("name", "amount", "reason") if facts[keys[part]] in text)
    return Example(prompt, answer, d.pick(say.REPLY_SYSTEMS) if d.chance(0.3) else "", needs)


def guided_reply(d: Draw) -> Example:
    """Write a reply whose wording the prompt gives: one template for each decision, chosen by the facts."""
    decisions = d.some(lex.DECISIONS, 2, 3)
    chosen = d.pick(decisions)
    facts = {"name": d.name(), "amount": d.money(), "reason": reason_text(d), "decision": chosen}
    forms = {}
    for decision in decisions:
        words = " ".join(d.word() for _ in range(d.rng.randint(2, 5)))
        hello = d.pick(("Dear {name},", "Hi {name},", "{name}:", "Hello {name}!"))
        forms[decision] = (
            f"{hello} {words} {{amount}} {d.word()} {d.pick(('because', 'as', 'since', '-'))} {{reason}}."
        )
    rows = "\n".join(f"{decision}: {form}" for decision, form in forms.items())
    text = forms[chosen].format(**facts)
    lines = "\n".join(f"{key}: {facts[key]}" for key in d.shuffled(list(facts)))
    body = "\n\n".join(d.shuffled([lines, f"Texts:\n{rows}"]))
    return Example(f"{body}\n\n{d.wording(say.REPLY_TASKS, say.REPLY_TASKS_HELD)}", as_json({"text": text}))
