"""Wordings of policies, of messages and of small tasks, in a training and a held-out half."""

from typing import Final

from shoal.finetune.nano.lexicon import items

POLICY_FIRST: Final[tuple[str, ...]] = (
    "The first rule that is not met decides.",
    "The first check that is not met decides.",
    "The first unmet rule decides.",
    "Decide by the first check that is not met.",
    "Go down the checks; the first one not met decides.",
    "The first one that fails decides.",
    "Use the first rule not met.",
    "",
)
POLICY_FIRST_HELD: Final[tuple[str, ...]] = items(
    """
    Whichever check is first not to be met settles it. | The earliest unmet check is the one that counts.
    """
)
POLICY_EACH: Final[tuple[str, ...]] = items(
    """
    Otherwise {}. | Otherwise {}. | Otherwise {}. | If not, {}. | Else {}. | If not met: {}. |
    Otherwise: {} | else {} | If it is not, {}.
    """
)
POLICY_EACH_HELD: Final[tuple[str, ...]] = items(
    """
    Failing that, {}. | If this is not so, {}.
    """
)
POLICY_ALL: Final[tuple[str, ...]] = items(
    """
    If every rule is met: {}. | If every rule is met: {}. | If every rule is met, {}. |
    Every rule met: {}. | All met: {}. | If all checks are met: {}. | When every rule is met: {} |
    If all of them are met, {}.
    """
)
POLICY_ALL_HELD: Final[tuple[str, ...]] = items(
    """
    Should every rule be met: {}. | With everything met: {}.
    """
)
POLICY_CHECK_HEADS: Final[tuple[str, ...]] = (
    "Checks:",
    "Checks",
    "Check results:",
    "What the tool found:",
    "Facts:",
    "## Checks",
    "checks",
    "Results of the checks:",
    "",
)
POLICY_RULE_HEADS: Final[tuple[str, ...]] = (
    "Rules:",
    "Rules",
    "Policy:",
    "The rules:",
    "## Policy",
    "Rule book:",
    "policy",
    "Decide by these rules:",
    "",
)
POLICY_TASKS: Final[tuple[str, ...]] = (
    "Decide.",
    "Reason and decision?",
    "Reason, then decision?",
    "Answer in JSON.",
    "Give the reason and the decision as JSON.",
    "Decide. Answer in JSON: reason, then decision.",
    "Answer JSON with reason and decision.",
    "What is the decision?",
    "Apply the rules to the checks.",
    "Reason first.",
    "",
)
POLICY_TASKS_HELD: Final[tuple[str, ...]] = items(
    """
    Now settle the case and reply in JSON. | State the reason, then what to do.
    """
)
POLICY_SYSTEMS: Final[tuple[str, ...]] = items(
    """
    You decide requests by the rules of the bank. | You are a careful policy agent. |
    You apply a policy. You answer in JSON. | Decide by the rules and give the reason. |
    You check requests against a policy.
    """
)
MESSAGE_OPENERS: Final[tuple[str, ...]] = (
    "Hi, ",
    "Hello. ",
    "Hello, ",
    "Please help: ",
    "",
    "",
    "",
    "Good morning, ",
    "Hey, ",
    "Dear team, ",
    "Sorry, ",
)
MESSAGE_CLOSERS: Final[tuple[str, ...]] = (
    "",
    "",
    ".",
    "?",
    ", please.",
    ". Thanks!",
    "!",
    ". What now?",
    ", thank you.",
)
MESSAGE_SPANS: Final[dict[str, tuple[str, ...]]] = {
    "amount": items(
        """
        the sum is {} | it was {} | for {} | about {} please | I need {} | raise it by {} | they took {} |
        I paid {}
        """
    ),
    "card": items(
        """
        my card is {} | card number {} | with card {} | it is on card {}
        """
    ),
    "date": items(
        """
        on {} | since {} | it happened on {} | by {} | due {}
        """
    ),
    "name": items(
        """
        my name is {} | I am {} | this is {} | regards, {} | {} here
        """
    ),
    "reason": items(
        """
        because {} | the reason is {} | as {} | since {}
        """
    ),
    "merchant": items(
        """
        at {} | the shop is {} | charged by {} | from {}
        """
    ),
    "email": items(
        """
        my mail is {} | write to {} | new mail: {}
        """
    ),
    "city": items(
        """
        I live in {} | from the {} branch | I moved to {} | in {}
        """
    ),
    "order": items(
        """
        order {} | my order is {} | about order {}
        """
    ),
}
COPY: Final[tuple[str, ...]] = items(
    """
    Copy | Repeat | Say | Write again | Echo | Repeat exactly | Please copy | Write the same text |
    Copy this text | Write | Return | Type again | Quote | Reproduce | Print | Please repeat word for word
    """
)
COPY_HELD: Final[tuple[str, ...]] = items("Give back | Say again | Copy out")
FIND: Final[tuple[str, ...]] = items(
    """
    Get | Find | What is | Give | Look up | Tell me | Value of | Please get | Return | Show | Give me |
    I need | Give the value of | Read | What are the values of | Which value has | Write down | List
    """
)
FIND_HELD: Final[tuple[str, ...]] = items("Read out | Please find | Fetch")
OBJECT: Final[tuple[str, ...]] = items(
    """
    JSON with keys {} | Answer in JSON: {} | Write JSON with {} | JSON: {} | Return JSON with the keys {} |
    Write {} as JSON. | Give me {} as a JSON object. | Make JSON of {} | Answer with an object with {} |
    Put {} into JSON | As JSON: {} | Output JSON, keys in this order: {}
    """
)
OBJECT_HELD: Final[tuple[str, ...]] = items("Give an object with {} | As JSON, keys {}")
WHOLE: Final[tuple[str, ...]] = items(
    """
    JSON | Write this as JSON. | To JSON | Convert to JSON | As JSON | Make JSON of it. | Answer in JSON. |
    All of it as JSON | Write all facts as one JSON object. | Return JSON. |
    Please convert the lines to JSON. | JSON, same order
    """
)
WHOLE_HELD: Final[tuple[str, ...]] = items("Turn into JSON | As a JSON object")
FILL: Final[tuple[str, ...]] = items(
    """
    Fill in | Template | Fill the template | Complete | Write with the values | Text | Use the facts in |
    Fill this | Write this text with the facts | Replace the marks | Message | Fill the gaps | Wording
    """
)
FILL_HELD: Final[tuple[str, ...]] = items("Put the values into | Use this text")
FIRST_LINE: Final[tuple[str, ...]] = items(
    """
    Which is the first line with {}? | First {}: | Give the first {} line. | Find the first that is {}. |
    The first {} one? | Copy the first line marked {}. | Which comes first with {}?
    """
)
EVERY_LINE: Final[tuple[str, ...]] = items(
    """
    Which lines are {}? | List the {} lines. | All lines with {} | Write every {} line. |
    Copy the lines marked {}. | Show what is {}.
    """
)
EXTRACT: Final[tuple[str, ...]] = items(
    """
    Extract {}. | Give {} as JSON. | Fields: {} | Find {}; null if not said. | JSON with {} |
    Extract {} from the message. | Slots: {} | Return JSON with {}; use null for what is missing. |
    What are {}? JSON. | Read {} from this text. | Find {} in the message.
    """
)
INTENT: Final[tuple[str, ...]] = items(
    """
    Intent? | Which intent? | Name the intent. | What does the caller want? | What is this about? |
    Label this message. | Classify. | Which label fits? | Classify the message. | What is the intent?
    """
)
POLICY_REASON: Final[tuple[str, ...]] = items(
    """
    Which check is the first that is not met? | First check not met? | Reason? | Give the reason. |
    What is the reason? | Copy the first check that is not met. | Which check decides? |
    The first one not met?
    """
)
POLICY_FORMS: Final[tuple[str, ...]] = items(
    """
    - {k}: {w}. {e} | - {k}: {w}. {e} | - {k}: {w}. {e} | {k}: {w}. {e} | * {k}: {w}. {e} |
    - {k} must be {w}. {e} | - {k} {w}; {e} | {n}. {k}: {w}. {e} | - {k}: {d} unless {w}. |
    - {k}: {d} unless {w}. | - {k}: {d} unless {w}. | - {k}: {d} unless {w}. | {k}: {d} unless {w} |
    - {d} unless {k} is {w}. | - {d} if {k} is not {w}. | - {k} not {w}: {d}. | {n}. {k}: {d} unless {w}. |
    - {k}: {w}, else {d}.
    """
)
