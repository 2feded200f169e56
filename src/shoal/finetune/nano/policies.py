"""Check lines and rules as a policy agent sees them: find the first unmet check, then its decision."""

from dataclasses import dataclass

from shoal.finetune.nano import lexicon as lex
from shoal.finetune.nano import wordings as say
from shoal.finetune.nano.tasks import Example, as_json
from shoal.finetune.nano.vocabulary import Draw

_NUMBER_OPS = (
    ("is below", "is not below", "below"),
    ("is at least", "is not at least", "at least"),
    ("is at most", "is not at most", "at most"),
    ("is above", "is not above", "above"),
    ("is under", "is not under", "under"),
    ("is over", "is not over", "over"),
    ("is less than", "is not less than", "less than"),
    ("is more than", "is not more than", "more than"),
    ("equals", "does not equal", "exactly"),
    ("is within", "is outside", "within"),
)
_HELD_OPS = (
    ("stays below", "does not stay below", "lower than"),
    ("reaches", "does not reach", "no less than"),
    ("is up to", "is not up to", "up to"),
)
_MARKS = (("met", "not met"),) * 6 + (
    ("ok", "not ok"),
    ("yes", "no"),
    ("pass", "fail"),
    ("satisfied", "not satisfied"),
    ("true", "false"),
)
ALL_MET = "every rule is met"


@dataclass(frozen=True)
class Check:
    """One check: its key, its sentence, what the rule wants, whether it is met, the decision if not."""

    key: str
    text: str
    want: str
    met: bool
    decision: str


def _make_check(d: Draw, key: str, met: bool, decision: str) -> Check:
    if d.chance(0.25):
        wanted = " ".join(d.word() for _ in range(d.pick((1, 1, 1, 2, 3))))
        value = d.pick(("", d.word(), d.word(), wanted if met else d.word()))
        text = f"{key} {value}".strip() + f" is {'' if met else 'not '}{wanted}"
        return Check(key, text, wanted, met, decision)
    yes, no, short = d.pick(_HELD_OPS if d.new_wordings else _NUMBER_OPS)
    value, bound = _sides(d)
    link = d.pick(("", "", "", "", "", "", " of", ":", " (asked)"))
    return Check(key, f"{key}{link} {value} {yes if met else no} {bound}", f"{short} {bound}", met, decision)


def _sides(d: Draw) -> tuple[str, str]:
    """Makes what was found and the bound; bounds are at times longer than a number."""
    unit = d.pick(lex.UNITS)
    value, bound = (d.money(), d.money()) if d.chance(0.25) else (d.number() + unit, d.number() + unit)
    if d.chance(0.12):
        bound += f" {d.pick(('on a', 'in', 'for', 'of'))} {d.word()} {d.word()}"
    elif d.chance(0.05):
        kind = d.word()
        bound = ", ".join(f"{d.money()} on a {d.word()} {kind}" for _ in range(d.rng.randint(2, 4)))
    return value, bound


def _alike_keys(d: Draw, count: int) -> list[str]:
    """Makes keys that share a word, so that the first word alone does not tell the lines apart."""
    shared, first = d.word(), d.chance(0.6)
    others = list(dict.fromkeys(d.word() for _ in range(4 * count)))[:count]
    return [f"{shared} {other}" if first else f"{other} {shared}" for other in others]


def make_checks(d: Draw, low: int = 2, high: int = 8) -> list[Check]:
    """Makes checks in the order in which they decide; a third of the cases have every check met."""
    keys = _alike_keys(d, d.count(low, high)) if d.chance(0.2) else d.keys(d.count(low, high))
    palette = d.some(lex.DECISIONS, 2, 5)
    share = d.pick((0.0, 0.0, 0.15, 0.3, 0.5, 0.8))
    checks = [_make_check(d, key, not d.chance(share), d.pick(palette)) for key in keys]
    return sorted(checks, key=lambda check: check.met) if d.chance(0.25) else checks


def first_unmet(checks: list[Check]) -> Check | None:
    """Returns the check that decides, or None where every one is met."""
    return next((check for check in checks if not check.met), None)


def check_section(d: Draw, checks: list[Check]) -> str:
    """Writes the check lines in their order."""
    yes, no = d.pick(_MARKS)
    form = d.pick(("{}: {}", "{}: {}", "{}: {}", "- {}: {}", "* {}: {}", "{} - {}", "{} = {}"))
    rows = [form.format(check.text, yes if check.met else no) for check in checks]
    return "\n".join([d.pick(say.POLICY_CHECK_HEADS), *rows]).strip()


def rule_section(d: Draw, checks: list[Check], final: str, first: bool = True) -> str:
    """Writes the rule lines in an order of their own, with the line for the case that every rule is met."""
    each = d.wording(say.POLICY_EACH, say.POLICY_EACH_HELD)
    form = d.pick(say.POLICY_FORMS)
    rows = [
        form.format(n=number, k=check.key, w=check.want, d=check.decision, e=each.format(check.decision))
        for number, check in enumerate(d.shuffled(checks), 1)
    ]
    every = d.pick(("", "- ")) + d.wording(say.POLICY_ALL, say.POLICY_ALL_HELD).format(final)
    rows.insert(0 if d.chance(0.15) else len(rows), every)
    sentence = d.wording(say.POLICY_FIRST, say.POLICY_FIRST_HELD) if first else ""
    rows = [sentence, *rows] if d.chance(0.5) else [*rows, sentence]
    if d.chance(0.15):
        rows.append(d.phrase(6, 20) + ".")
    return "\n".join(row for row in (d.pick(say.POLICY_RULE_HEADS), *rows) if row)


def _prompt(d: Draw, sections: list[str]) -> str:
    gap = d.pick(("\n", "\n\n", "\n\n"))
    return gap.join(part for part in sections if part)


def _renamed(d: Draw, values: dict[str, str]) -> tuple[tuple[str, str], dict[str, str]]:
    why = d.pick(("why", "because", "cause", "rule", "explanation", "check", "reason"))
    what = d.pick(("outcome", "result", "action", "verdict", "answer", "route", "decision"))
    return (why, what), {why: values["reason"], what: values["decision"]}


def policy(d: Draw) -> Example:
    """Decide: reason first (the first unmet check, word for word), then the decision of its rule."""
    checks = make_checks(d)
    final = d.pick(lex.DECISIONS)
    chosen = first_unmet(checks)
    values = {"reason": chosen.text if chosen else ALL_MET, "decision": chosen.decision if chosen else final}
    order = ("decision", "reason") if d.chance(0.1) else ("reason", "decision")
    task = (
        d.wording(say.POLICY_TASKS, say.POLICY_TASKS_HELD)
        if order[0] == "reason"
        else "Answer in JSON: decision, then reason."
    )
    if d.chance(0.12):
        order, values = _renamed(d, values)
        task = f"Answer in JSON with the keys {order[0]} and {order[1]}."
    body = d.shuffled([check_section(d, checks), rule_section(d, checks, final)])
    extra = [f"{d.key()}: {d.value()}" for _ in range(d.count(0, 2))] if d.chance(0.2) else []
    system = d.pick(say.POLICY_SYSTEMS) if d.chance(0.3) else ""
    sections = [*extra, *body, task] if d.chance(0.7) else [task, *extra, *body]
    return Example(_prompt(d, sections), as_json({key: values[key] for key in order}), system)


def first_check(d: Draw) -> Example:
    """Only the first half: which check decides."""
    checks = make_checks(d)
    chosen = first_unmet(checks)
    text = chosen.text if chosen else ALL_MET
    ask = d.wording(
        say.POLICY_REASON,
        ("Name the check that fails first.",),
    )
    if d.chance(0.6):
        return Example(f"{check_section(d, checks)}\n{ask} JSON.", as_json({"reason": text}))
    return Example(f"{check_section(d, checks)}\n{ask}", text)


def rule_decision(d: Draw) -> Example:
    """Only the second half: the decision of a named rule, or of the case that every rule is met."""
    checks = make_checks(d)
    final = d.pick(lex.DECISIONS)
    chosen = d.pick(checks) if d.chance(0.75) else None
    rules = rule_section(d, checks, final, first=False)
    said = (
        f"{chosen.text}: not met"
        if chosen and d.chance(0.5)
        else f"{chosen.key} is not met"
        if chosen
        else ALL_MET
    )
    decision = chosen.decision if chosen else final
    ask = d.wording(("Decision?", "What is decided?", "Give the decision.", "What now?"), ("So what is it?",))
    if d.chance(0.5):
        return Example(f"{rules}\n\n{said}. {ask} JSON.", as_json({"decision": decision}))
    return Example(f"{rules}\n\n{said}. {ask}", decision)


def count_unmet(d: Draw) -> Example:
    """List the keys of the checks that are not met."""
    checks = make_checks(d)
    keys = [check.key for check in checks if not check.met]
    ask = d.wording(
        ("List the keys that are not met.", "Which keys are not met? JSON list."),
        ("Keys of unmet checks, please.",),
    )
    return Example(f"{check_section(d, checks)}\n{ask}", as_json(keys))
