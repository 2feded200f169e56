"""Labels and extraction: every label and word an agent may have to answer is an output here at times."""

from shoal.finetune.nano import lexicon as lex
from shoal.finetune.nano import wordings as say
from shoal.finetune.nano.tasks import Example, as_json
from shoal.finetune.nano.vocabulary import Draw


def _span_value(d: Draw, field: str) -> str:
    if field == "amount":
        return d.money()
    if field in ("card", "order", "email"):
        return d.identifier() if d.chance(0.7) else d.digits(4)
    if field == "date":
        return d.date()
    return d.phrase(2, 5) if field == "reason" else d.name() if field == "name" else d.family()


def message(d: Draw, intent: str) -> str:
    """Makes a short message of a customer with this intent."""
    said = d.pick(lex.INTENTS[intent])
    text = d.pick(say.MESSAGE_OPENERS) + d.pick(("", "", "I say: ", "I mean, ", "well, ", "so, ")) + said
    if d.chance(0.5):
        field = d.pick(list(say.MESSAGE_SPANS))
        text += d.pick((", ", ". ", "; ", " and ")) + d.pick(say.MESSAGE_SPANS[field]).format(
            _span_value(d, field)
        )
    return text + d.pick(say.MESSAGE_CLOSERS)


def intent(d: Draw) -> Example:
    """Name the intent of a message, with or without the list of choices."""
    chosen = d.pick(list(lex.INTENTS))
    text = d.pick(("message: {}", "{}", 'Message: "{}"', "Customer: {}")).format(message(d, chosen))
    choices = d.shuffled([chosen, *d.some([name for name in lex.INTENTS if name != chosen], 1, 8)])
    ask = d.wording(
        say.INTENT,
        ("Sort this message.",),
    )
    ask = f"{ask} One of: {', '.join(choices)}." if d.chance(0.6) else ask
    key = d.pick(("intent", "intent", "intent", "label", "topic"))
    if d.chance(0.7):
        named = "" if key == "intent" and d.chance(0.6) else f" JSON with the key {key}."
        return Example(f"{text}\n{ask}{named or ' Answer in JSON.'}", as_json({key: chosen}))
    return Example(f"{text}\n{ask}", chosen)


def choose(d: Draw) -> Example:
    """Answer with the choice that a fact names, among labels of any kind."""
    pool = [
        *lex.INTENTS,
        *lex.DECISIONS,
        *lex.TONES,
        "yes",
        "no",
        "null",
        "true",
        "false",
        *(d.word() for _ in range(20)),
    ]
    choices = d.some(pool, 2, 6)
    chosen = d.pick(choices)
    key = d.key()
    ask = d.wording(
        ("Choose one of", "Pick from", "One of", "Answer with one of", "Options"), ("Select among",)
    )
    answer = as_json({key: chosen}) if d.chance(0.5) else chosen
    head = d.pick(("{}: {}", "{} is {}", "the {} was {}")).format(key, chosen)
    other = [f"{d.key()}: {d.value()}" for _ in range(d.count(0, 3))]
    lines = "\n".join(d.shuffled([head, *other]))
    return Example(
        f"{lines}\n{ask}: {', '.join(choices)}. {key}?{' JSON.' if answer != chosen else ''}", answer
    )


def yes_no(d: Draw) -> Example:
    """Say yes or no: is this value, key or word in the facts?"""
    facts = {key: d.value() for key in d.keys(d.count(2, 7))}
    lines = "\n".join(f"{key}: {value}" for key, value in facts.items())
    key = d.pick(list(facts))
    truth = d.chance(0.5)
    if d.chance(0.5):
        asked = key if truth else d.key()
        truth = asked in facts
        ask = d.wording(
            (f"Is there a line for {asked}?", f"Do the facts name {asked}?"), (f"Any line about {asked}?",)
        )
    else:
        value = facts[key] if truth else d.value()
        truth = value == facts[key]
        ask = d.wording(
            (f"Is {key} equal to {value}?", f"Is it true that {key} is {value}?"),
            (f"Does {key} say {value}?",),
        )
    words = ("true", "false") if d.chance(0.25) else ("yes", "no")
    ask += " true or false?" if words[0] == "true" else ""
    return Example(f"{lines}\n{ask}", words[0] if truth else words[1])


def extract(d: Draw) -> Example:
    """Write what a message says as JSON; what it does not say is null."""
    fields = d.some(list(say.MESSAGE_SPANS), 1, 4)
    said = {field: _span_value(d, field) for field in fields if d.chance(0.65)}
    parts = [
        d.pick(lex.INTENTS[d.pick(list(lex.INTENTS))]),
        *(d.pick(say.MESSAGE_SPANS[field]).format(value) for field, value in said.items()),
    ]
    text = (
        d.pick(say.MESSAGE_OPENERS)
        + d.pick((", ", ". ", "; ", ", ")).join(d.shuffled(parts))
        + d.pick(("", ".", "!", "?"))
    )
    ask = d.wording(
        say.EXTRACT,
        ("Pull out {} in JSON.",),
    )
    answer = as_json({field: said.get(field) for field in fields})
    lead = d.pick(("message: {}", "{}", "Text: {}", '"{}"')).format(text)
    return Example(f"{lead}\n{ask.format(', '.join(fields))}", answer)


def typed_extract(d: Draw) -> Example:
    """Write amounts and numbers as JSON numbers instead of text."""
    whole = d.digits(d.pick((1, 2, 3, 4, 4, 5, 6)))
    shown = d.pick(("${}", "{} EUR", "{}", "€{}", "{} dollars", "US$ {}")).format(
        d.pick((whole, f"{int(whole):,}"))
    )
    said = d.chance(0.8)
    text = (
        d.pick(say.MESSAGE_OPENERS)
        + d.pick(say.MESSAGE_SPANS["amount"]).format(shown if said else "some money")
        + d.pick(say.MESSAGE_CLOSERS)
    )
    key = d.pick(("amount", "sum", "value", "requested"))
    ask = d.wording(
        (
            f"Extract {key} as a number.",
            f"{key} as JSON number",
            f"{key}, a number, in JSON",
            f"Give {key} as number.",
        ),
        (f"Which number is {key}?",),
    )
    return Example(f"{text}\n{ask}", as_json({key: int(whole) if said else None}))
