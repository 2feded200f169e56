"""Basic skills as question and answer: copying, look-up, JSON, templates, random-token induction."""

import json
from dataclasses import dataclass

from shoal.finetune.nano import wordings as say
from shoal.finetune.nano.vocabulary import Draw


@dataclass(frozen=True)
class Example:
    """One exchange.

    Attributes:
        prompt: What the user wrote.
        answer: What the model must answer.
        system: A system message, or nothing.
        needs: Where wordings are free, the pieces the answer must hold; else the whole answer counts.
    """

    prompt: str
    answer: str
    system: str = ""
    needs: tuple[str, ...] = ()


def as_json(value: object) -> str:
    """Writes JSON the way every answer of nano writes it: one line, accents kept."""
    return json.dumps(value, ensure_ascii=False)


def fact_lines(d: Draw, facts: dict[str, str]) -> str:
    """Writes facts as `key: value` lines, in one of a few list styles and a random order."""
    form = d.pick(("{}: {}", "{}: {}", "{}: {}", "{}: {}", "- {}: {}", "* {}: {}", "{} = {}", "{}: {};"))
    return "\n".join(form.format(key, facts[key]) for key in d.shuffled(list(facts)))


def some_facts(d: Draw, low: int, high: int) -> dict[str, str]:
    """Makes facts with different keys."""
    return {key: d.value() for key in d.keys(d.count(low, high))}


def framed(d: Draw, before: str, text: str, after: str) -> str:
    """Puts an instruction before or after a text."""
    gap = d.pick(("\n", "\n", "\n\n"))
    return before + gap + text if d.chance(0.4) else text + gap + after


def copy(d: Draw) -> Example:
    """Repeat a text exactly."""
    text = (
        ", ".join(d.value() for _ in range(d.count(1, 5)))
        if d.chance(0.5)
        else d.phrase(1, 2 + d.count(0, 8))
    )
    ask = d.wording(say.COPY, say.COPY_HELD)
    form = d.pick(("{}: {}", "{}: {}", "{} this: {}", '{} "{}"', "{}\n{}", "{}:\n{}"))
    key = d.pick(("text", "copy", "answer", "value", "reason")) if d.chance(0.3) else ""
    suffix = f"\nAnswer in JSON with the key {key}." if key else ""
    return Example(form.format(ask, text) + suffix, as_json({key: text}) if key else text)


def lookup(d: Draw) -> Example:
    """Give the values of one to four keys."""
    facts = some_facts(d, 2, 9)
    asked = d.some(list(facts), 1, d.count(1, 4))
    ask = d.wording(say.FIND, say.FIND_HELD)
    answer = ", ".join(facts[key] for key in asked)
    if d.chance(0.35):
        return Example(
            framed(
                d,
                f"{ask} {', '.join(asked)} as JSON:",
                fact_lines(d, facts),
                f"{ask} {', '.join(asked)} as JSON.",
            ),
            as_json({key: facts[key] for key in asked}),
        )
    return Example(
        framed(d, f"{ask} {', '.join(asked)}:", fact_lines(d, facts), f"{ask} {', '.join(asked)}"), answer
    )


def lookup_word(d: Draw) -> Example:
    """Name the key of a value, or answer none where the key is missing."""
    facts = some_facts(d, 2, 8)
    if d.chance(0.5):
        missing = d.chance(0.4)
        key = d.key() if missing else d.pick(list(facts))
        return Example(f"{fact_lines(d, facts)}\n{key}?", facts.get(key, "null"))
    key = d.pick(list(facts))
    match = [name for name, value in facts.items() if value == facts[key]]
    ask = d.wording(
        ("Which key has the value", "Name the key of", "Key of", "Find the key of"), ("What is the key for",)
    )
    return Example(
        f"{fact_lines(d, facts)}\n{ask} {facts[key]}?", ", ".join(sorted(match, key=list(facts).index)[:1])
    )


def to_json(d: Draw) -> Example:
    """Write facts as JSON, in the order of the lines or the order asked for."""
    facts = some_facts(d, 1, 5)
    lines = fact_lines(d, facts)
    if d.chance(0.5):
        order = d.shuffled(list(facts))
        ask = d.wording(say.OBJECT, say.OBJECT_HELD).format(", ".join(order))
        return Example(f"{lines}\n{ask}", as_json({key: facts[key] for key in order}))
    ordered = sorted(facts, key=lambda key: lines.index(key))
    ask = d.wording(say.WHOLE, say.WHOLE_HELD)
    lines = "\n".join(f"{key}: {facts[key]}" for key in ordered)
    return Example(f"{lines}\n{ask}", as_json({key: facts[key] for key in ordered}))


def from_json(d: Draw) -> Example:
    """Read values out of JSON."""
    facts = some_facts(d, 1, 5)
    asked = d.some(list(facts), 1, 2)
    ask = d.wording(say.FIND, say.FIND_HELD)
    answer = (
        as_json({key: facts[key] for key in asked})
        if d.chance(0.4)
        else ", ".join(facts[key] for key in asked)
    )
    suffix = " as JSON" if answer.startswith("{") else ""
    return Example(f"{as_json(facts)}\n{ask} {', '.join(asked)}{suffix}", answer)


def _template(d: Draw, keys: list[str], marks: str) -> str:
    words = [d.word() for _ in range(d.count(2, 14))]
    for key in keys:
        words.insert(d.rng.randint(0, len(words)), marks.format(key) + d.pick(("", "", ",", ".")))
    text = " ".join(words)
    return text[0].upper() + text[1:] + d.pick((".", "", "!", "."))


def template(d: Draw) -> Example:
    """Fill a template with values of the facts."""
    facts = some_facts(d, 2, 6)
    used = d.some(list(facts), 1, 4)
    marks = d.pick(("{{{}}}", "{{{}}}", "<{}>", "[{}]", "${}", "{{{{ {} }}}}"))
    text = _template(d, used, marks)
    filled = text
    for key in used:
        filled = filled.replace(marks.format(key), facts[key])
    ask = d.wording(say.FILL, say.FILL_HELD)
    answer = as_json({"text": filled}) if d.chance(0.4) else filled
    suffix = "\nAnswer in JSON." if answer != filled else ""
    return Example(f"{fact_lines(d, facts)}\n{ask}: {text}{suffix}", answer)


def lines_with(d: Draw) -> Example:
    """Pick the lines that end in a given mark, or the first of them."""
    marks = d.pick((("met", "not met"), ("ok", "failed"), ("yes", "no"), ("pass", "fail"), ("done", "open")))
    rows = [(f"{d.phrase(2, 5)}", d.pick(marks)) for _ in range(d.count(2, 7))]
    wanted = d.pick(marks)
    found = [text for text, mark in rows if mark == wanted]
    body = "\n".join(f"{text}: {mark}" for text, mark in rows)
    if d.chance(0.5):
        ask = d.wording(say.FIRST_LINE, ("Name the first one that is {}.",)).format(wanted)
        return Example(f"{body}\n{ask}", found[0] if found else "none")
    ask = d.wording(say.EVERY_LINE, ("Give every line that is {}.",)).format(wanted)
    if d.chance(0.5):
        return Example(f"{body}\n{ask} JSON list.", as_json(found))
    return Example(f"{body}\n{ask}", "\n".join(found) or "none")


def nth_line(d: Draw) -> Example:
    """Give the first, second, third or last line."""
    rows = [d.one_of(d.phrase, d.value) for _ in range(d.count(3, 7))]
    place = d.pick(("first", "second", "third", "last"))
    index = {"first": 0, "second": 1, "third": 2, "last": -1}[place]
    ask = d.wording(
        (
            f"Which is the {place} line?",
            f"Copy the {place} line.",
            f"{place} line",
            f"Give the {place} line.",
        ),
        (f"Repeat line: {place}",),
    )
    return Example("\n".join(rows) + "\n" + ask, rows[index])


def after_word(d: Draw) -> Example:
    """Give what follows a word in a list: the bare circuit of look-up."""
    words = list(dict.fromkeys(d.word() for _ in range(d.count(3, 24))))
    index = d.rng.randrange(max(1, len(words) - 1))
    following = words[index + 1] if index + 1 < len(words) else "none"
    ask = d.wording(
        ("After", "What follows", "Next after", "The word after", "What is after"),
        ("Which word comes after",),
    )
    return Example(f"{' '.join(words)}\n{ask} {words[index]}?", following)
