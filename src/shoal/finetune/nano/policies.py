"""Check lines and rules as a policy agent sees them: find the first check that is not met, then read the decision of its rule."""

from dataclasses import dataclass

from shoal.finetune.nano import lexicon as lex
from shoal.finetune.nano.tasks import Example, as_json
from shoal.finetune.nano.vocabulary import Draw

_NUMBER_OPS = (("is below", "is not below", "below"), ("is at least", "is not at least", "at least"),
               ("is at most", "is not at most", "at most"), ("is above", "is not above", "above"),
               ("is under", "is not under", "under"), ("is over", "is not over", "over"),
               ("is less than", "is not less than", "less than"), ("is more than", "is not more than", "more than"),
               ("equals", "does not equal", "exactly"), ("is within", "is outside", "within"))  # fmt: skip
_HELD_OPS = (("stays below", "does not stay below", "lower than"), ("reaches", "does not reach", "no less than"),
             ("is up to", "is not up to", "up to"))  # fmt: skip
_MARKS = (("met", "not met"),) * 6 + (("ok", "not ok"), ("yes", "no"), ("pass", "fail"), ("satisfied", "not satisfied"), ("true", "false"))
_FIRST = ("The first rule that is not met decides.", "The first check that is not met decides.", "The first unmet rule decides.",
          "Decide by the first check that is not met.", "Go down the checks; the first one not met decides.",
          "The first one that fails decides.", "Use the first rule not met.", "")  # fmt: skip
_FIRST_HELD = ("Whichever check is first not to be met settles it.", "The earliest unmet check is the one that counts.")
_EACH = ("Otherwise {}.", "Otherwise {}.", "Otherwise {}.", "If not, {}.", "Else {}.", "If not met: {}.", "Otherwise: {}", "else {}", "If it is not, {}.")
_EACH_HELD = ("Failing that, {}.", "If this is not so, {}.")
_ALL = ("If every rule is met: {}.", "If every rule is met: {}.", "If every rule is met, {}.", "Every rule met: {}.", "All met: {}.",
        "If all checks are met: {}.", "When every rule is met: {}", "If all of them are met, {}.")  # fmt: skip
_ALL_HELD = ("Should every rule be met: {}.", "With everything met: {}.")
_CHECK_HEADS = ("Checks:", "Checks", "Check results:", "What the tool found:", "Facts:", "## Checks", "checks", "Results of the checks:", "")
_RULE_HEADS = ("Rules:", "Rules", "Policy:", "The rules:", "## Policy", "Rule book:", "policy", "Decide by these rules:", "")
_TASKS = ("Decide.", "Answer in JSON.", "Give the reason and the decision as JSON.", "Decide. Answer in JSON: reason, then decision.",
          "Answer JSON with reason and decision.", "What is the decision?", "Apply the rules to the checks.", "Reason first.", "")  # fmt: skip
_TASKS_HELD = ("Now settle the case and reply in JSON.", "State the reason, then what to do.")
_SYSTEMS = ("You decide requests by the rules of the bank.", "You are a careful policy agent.", "You apply a policy. You answer in JSON.",
            "Decide by the rules and give the reason.", "You check requests against a policy.")  # fmt: skip
ALL_MET = "every rule is met"


@dataclass(frozen=True)
class Check:
    """One check: its key, the sentence about it, the wanted side for the rule, whether it is met, and the decision if not."""

    key: str
    text: str
    want: str
    met: bool
    decision: str


def _make_check(d: Draw, key: str, met: bool, decision: str) -> Check:
    if d.chance(0.2):
        wanted, found = d.word(), d.word()
        text = f"{key} {found if not met else wanted} is {'' if met else 'not '}{wanted}"
        return Check(key, text, wanted, met, decision)
    yes, no, short = d.pick(_HELD_OPS if d.held else _NUMBER_OPS)
    unit = d.pick(lex.UNITS)
    money = d.chance(0.22)
    value, bound = (d.money(), d.money()) if money else (d.number() + unit, d.number() + unit)
    link = d.pick(("", "", "", "", " of", ":", " (asked)"))
    return Check(key, f"{key}{link} {value} {yes if met else no} {bound}", f"{short} {bound}", met, decision)


def make_checks(d: Draw, low: int = 2, high: int = 8) -> list[Check]:
    """Makes checks in the order in which they decide; a third of the cases have every check met."""
    keys = d.keys(d.count(low, high))
    palette = d.some(lex.DECISIONS, 2, 5)
    share = d.pick((0.0, 0.0, 0.15, 0.3, 0.5, 0.8))
    return [_make_check(d, key, not d.chance(share), d.pick(palette)) for key in keys]


def first_unmet(checks: list[Check]) -> Check | None:
    """Returns the check that decides, or None where every one is met."""
    return next((check for check in checks if not check.met), None)


def check_section(d: Draw, checks: list[Check]) -> str:
    """Writes the check lines in their order."""
    yes, no = d.pick(_MARKS)
    form = d.pick(("{}: {}", "{}: {}", "{}: {}", "- {}: {}", "* {}: {}", "{} - {}", "{} = {}"))
    rows = [form.format(check.text, yes if check.met else no) for check in checks]
    return "\n".join([d.pick(_CHECK_HEADS), *rows]).strip()


def rule_section(d: Draw, checks: list[Check], final: str, first: bool = True) -> str:
    """Writes the rule lines in an order of their own, with the line for the case that every rule is met."""
    each = d.wording(_EACH, _EACH_HELD)
    form = d.pick(("- {}: {}. {}", "- {}: {}. {}", "- {}: {}. {}", "{}: {}. {}", "* {}: {}. {}", "- {} must be {}. {}", "- {} {}; {}", "{}. {}: {}. {}"))
    rows = []
    for number, check in enumerate(d.shuffled(checks), 1):
        parts = (check.key, check.want, each.format(check.decision))
        rows.append(form.format(number, *parts) if form.startswith("{}. ") else form.format(*parts))
    every = d.pick(("", "- ")) + d.wording(_ALL, _ALL_HELD).format(final)
    rows.insert(0 if d.chance(0.15) else len(rows), every)
    sentence = d.wording(_FIRST, _FIRST_HELD) if first else ""
    rows = [sentence, *rows] if d.chance(0.5) else [*rows, sentence]
    return "\n".join(row for row in (d.pick(_RULE_HEADS), *rows) if row)


def _prompt(d: Draw, sections: list[str]) -> str:
    gap = d.pick(("\n", "\n\n", "\n\n"))
    return gap.join(part for part in sections if part)


def policy(d: Draw) -> Example:
    """Decide: reason first (the first unmet check, word for word), then the decision of its rule."""
    checks = make_checks(d)
    final = d.pick(lex.DECISIONS)
    chosen = first_unmet(checks)
    values = {"reason": chosen.text if chosen else ALL_MET, "decision": chosen.decision if chosen else final}
    order = ("decision", "reason") if d.chance(0.1) else ("reason", "decision")
    task = d.wording(_TASKS, _TASKS_HELD) if order[0] == "reason" else "Answer in JSON: decision, then reason."
    body = d.shuffled([check_section(d, checks), rule_section(d, checks, final)])
    extra = [f"{d.key()}: {d.value()}" for _ in range(d.count(0, 2))] if d.chance(0.2) else []
    system = d.pick(_SYSTEMS) if d.chance(0.3) else ""
    sections = [*extra, *body, task] if d.chance(0.7) else [task, *extra, *body]
    return Example(_prompt(d, sections), as_json({key: values[key] for key in order}), system)


def first_check(d: Draw) -> Example:
    """Only the first half: which check decides."""
    checks = make_checks(d)
    chosen = first_unmet(checks)
    text = chosen.text if chosen else ALL_MET
    ask = d.wording(("Which check is the first that is not met?", "First check not met?", "Reason?", "Give the reason."),
                    ("Name the check that fails first.",))  # fmt: skip
    return Example(f"{check_section(d, checks)}\n{ask}", as_json({"reason": text}) if d.chance(0.6) else text)


def rule_decision(d: Draw) -> Example:
    """Only the second half: the decision of a named rule, or of the case that every rule is met."""
    checks = make_checks(d)
    final = d.pick(lex.DECISIONS)
    chosen = d.pick(checks) if d.chance(0.75) else None
    rules = rule_section(d, checks, final, first=False)
    said = f"{chosen.text}: not met" if chosen and d.chance(0.5) else f"{chosen.key} is not met" if chosen else ALL_MET
    decision = chosen.decision if chosen else final
    return Example(f"{rules}\n\n{said}. Decision?", as_json({"decision": decision}) if d.chance(0.5) else decision)


def count_unmet(d: Draw) -> Example:
    """List the keys of the checks that are not met."""
    checks = make_checks(d)
    keys = [check.key for check in checks if not check.met]
    ask = d.wording(("List the keys that are not met.", "Which keys are not met? JSON list."), ("Keys of unmet checks, please.",))
    return Example(f"{check_section(d, checks)}\n{ask}", as_json(keys))
