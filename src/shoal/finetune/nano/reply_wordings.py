"""Wordings of replies, in a training and a held-out half."""

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
