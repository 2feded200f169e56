"""Wordings of replies, of policies and of messages, in a training and a held-out half."""

from typing import Final

from shoal.finetune.nano.lexicon import items

REPLY_ABOUTS: Final[tuple[str, ...]] = items(
    """
    credit line | credit limit | refund | loan | card limit | transfer | claim | order | invoice | booking |
    trip | deposit | overdraft | upgrade | payment plan | request | warranty claim | budget | holiday |
    reimbursement
    """
)
REPLY_HELLO: Final[dict[str, tuple[str, ...]]] = {
    "warm": items(
        """
        Hi {n}, | Hello {n}, | Dear {n}, | Hi {n}! | Hello {n}! | Good day {n},
        """
    ),
    "formal": items(
        """
        Dear {n}, | Dear {n}: | To {n}: | {n}, | For the attention of {n}:
        """
    ),
    "brief": items(
        """
        {n}, | {n}: | Hi {n}, | Dear {n}, | {n} -
        """
    ),
}
REPLY_HELLO_HELD: Final[tuple[str, ...]] = items(
    """
    Greetings {n}, | A good morning to you, {n}. | {n}, hello.
    """
)
REPLY_BODY: Final[dict[str, tuple[str, ...]]] = {
    "yes": items(
        """
        we have approved your {t} of {a}, because {r}. | your {t} of {a} is approved, because {r}. |
        we can raise your {t} by {a}, because {r}. | good news: the {t} of {a} is approved, as {r}. |
        we are happy to say yes to your {t} of {a}: {r}. | your {t} of {a} went through, since {r}. |
        we confirm the {t} of {a}. Reason: {r}. | {a} for your {t} has been accepted ({r}). |
        we agreed to the {t} of {a} since {r}. | since {r}, your {t} of {a} is granted. |
        as {r}, we will give you {a} for your {t}. | yes: {t}, {a}. {r}.
        """
    ),
    "no": items(
        """
        we cannot raise your {t} by {a}, because {r}. |
        we are sorry, we cannot offer the {t} of {a}, because {r}. |
        your {t} of {a} was declined, because {r}. | sadly we have to say no to your {t} of {a}, as {r}. |
        we could not approve the {t} of {a}: {r}. | we regret that the {t} of {a} is declined, since {r}. |
        the {t} of {a} is not possible now. Reason: {r}. | since {r}, we cannot give you the {t} of {a}. |
        no {t} of {a} this time ({r}). | as {r}, your {t} of {a} was refused. |
        your request for {a} did not pass: {r}. | we had to turn down your {t} of {a} because {r}.
        """
    ),
    "wait": items(
        """
        a colleague will look at your {t} of {a}, because {r}. |
        your {t} of {a} is with our team now, as {r}. | we need more time for the {t} of {a}, because {r}. |
        your {t} of {a} is under review: {r}. | somebody will call you about the {t} of {a}, since {r}. |
        we have passed on your {t} of {a}. Reason: {r}. |
        since {r}, a person will decide on your {t} of {a}. | the {t} of {a} is on hold ({r}). |
        as {r}, we will check your {t} of {a} by hand. |
        we referred your request for {a} to a specialist because {r}.
        """
    ),
}
REPLY_BODY_HELD: Final[dict[str, tuple[str, ...]]] = {
    "yes": items(
        """
        the answer on your {t} of {a} is yes, given that {r}.
        """
    ),
    "no": items(
        """
        the answer on your {t} of {a} is no, given that {r}.
        """
    ),
    "wait": items(
        """
        the answer on your {t} of {a} must wait, given that {r}.
        """
    ),
}
REPLY_CAN: Final[dict[str, tuple[str, ...]]] = {
    "yes": items(
        """
        we can | we are happy to | we are glad to | good news, we can | we will | we are pleased to |
        today we can | yes, we can | we are delighted to | it is our pleasure to
        """
    ),
    "no": items(
        """
        we cannot | we are unable to | we could not | at this time we cannot | sorry, we cannot |
        unfortunately we cannot | we are sorry that we cannot | regrettably we are not able to |
        we are sorry, but we cannot | for now we cannot
        """
    ),
}
REPLY_DO: Final[tuple[str, ...]] = items(
    """
    raise your {t} by {a} | approve the {t} of {a} | grant you the {t} of {a} | offer {a} for your {t} |
    agree to the {t} of {a} | increase your {t} by {a} | pay out the {t} of {a} | accept your {t} over {a} |
    give you the {t} of {a} | approve your request for {a} | extend your {t} by {a} |
    confirm the {t} of {a} | process your {t} of {a} | set up the {t} for {a}
    """
)
REPLY_LOOK: Final[tuple[str, ...]] = items(
    """
    a colleague will look at | our team must check | a specialist will review | we need to look again at |
    somebody will call you about | we have forwarded | an officer now reviews | we still have to check |
    a person must decide on | we have passed to our experts | we need a little more time for |
    our specialists are looking into | a member of our team will contact you about
    """
)
REPLY_WHAT: Final[tuple[str, ...]] = items(
    """
    your {t} of {a} | your request for {a} | the {t} over {a} | the {t} of {a} you asked for |
    your wish for {a} on your {t}
    """
)
REPLY_WHY: Final[tuple[str, ...]] = (
    ", because {r}.",
    ": {r}.",
    ", as {r}.",
    " because {r}.",
    ", since {r}.",
    ". The reason: {r}.",
    " ({r}).",
    " - {r}.",
    ". This is because {r}.",
    ", for this reason: {r}.",
    ". Reason: {r}.",
    ". Why: {r}.",
    " due to this: {r}.",
)
REPLY_BYE: Final[dict[str, tuple[str, ...]]] = {
    "warm": items(
        """
        Thank you for being with us! | Have a lovely day! | We are here to help. |
        Please write to us at any time. | Take care! | Thank you for your patience. |
        We are always glad to hear from you. | All the best! | Thank you for your trust.
        """
    ),
    "formal": items(
        """
        Kind regards. | Yours sincerely. | Please contact us with any question. |
        We thank you for your request. | You may apply again later. | Thank you for your understanding. |
        We remain at your service. | Please keep this message. | With best regards.
        """
    ),
    "brief": ("", "", "", "Thanks.", "Regards."),
}
REPLY_TASKS: Final[tuple[str, ...]] = items(
    """
    Write the reply. | Write a short reply to the customer. | Write the reply as JSON. |
    Answer the customer. | Reply to the customer in JSON. | Write to the customer. |
    Write the answer. Use only the facts. | Tell the customer. | Write a reply from these facts. |
    Answer JSON {"text": ...}. | Reply. | Draft the message.
    """
)
REPLY_TASKS_HELD: Final[tuple[str, ...]] = items(
    """
    Please let the customer know in JSON. | Compose the customer's letter.
    """
)
REPLY_SYSTEMS: Final[tuple[str, ...]] = items(
    """
    You write short replies to customers. | You are a polite bank assistant. Use only the facts. |
    You write for the service team. | You answer customers in one or two sentences. |
    Write replies from facts. Answer in JSON.
    """
)
REPLY_TEAMS: Final[tuple[str, ...]] = items(
    """
    Cards | Lending | Service | Support | Claims | Accounts | Customer Care | Billing | Travel
    """
)
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
REPLY_OPEN: Final[tuple[str, ...]] = items(
    """
    thank you for asking. | thank you for your request. | thank you for your message. |
    thanks for writing to us. | we have looked at your request. | we have read your request. |
    this is about your request. | you asked us for a decision.
    """
)
REPLY_PLAIN: Final[dict[str, str]] = {
    "yes": "we can give you {a}, because {r}.",
    "no": "we cannot give you {a}, because {r}.",
    "wait": "a colleague will look at {a}, because {r}.",
}
