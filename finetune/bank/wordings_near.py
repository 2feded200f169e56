# ruff: noqa: E501

"""Near misses: business of a bank that sounds like one of the eight jobs and is none of them. All of it is `other`."""

from __future__ import annotations


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


# Sounds like a lost card: a card that is damaged, expiring, new, on its way, blocked or refused, and other lost things.
CARDS = _lines("""
    my (card|credit card|debit card) (cracked|split|snapped|broke|is broken|is split|came apart|is in two pieces|has a crack) (down the middle|in two|at the corner|along the chip|) (, can you replace it|and I need another|, what now|)
    there's a (crack|hole|bend|scratch) in my card
    the (card|one) I (ordered|asked for|was promised) (<~back>|), when (will|does) it (get here|come|reach me|arrive)
    when (will|does|should) the card I (ordered|requested) (arrive|come|get here)
    (replace|exchange) my (damaged|broken|worn|cracked|old) card please
    (my|the) (new|replacement|ordered|first) card (still hasn't|has not|hasn't) (been delivered|come|arrived|turned up|reached me) (yet|after two weeks|, where is it|)
    (when|how soon) (will|should) (I get|I receive|my mailbox see) (my|the) (new|ordered|replacement|first) card
    how long does (delivery of a card|a new card|shipping a card|card delivery) (take|usually take)
    (is there|do you have) a tracking number for (the card|my new card) (you posted|you sent|)
    can (you send|I have) my (new) card (by express|by courier|faster|expedited)
    I (ordered|applied for|was promised) a card (<~back>|two weeks ago|) and (nothing came|it isn't here|it hasn't come)
    what's the status of (my card order|the card I ordered|my new card)
    how (long|many days) until a card (comes|arrives) in the post
    I've been waiting for my card (for <count> days|since <~date>|a week now|so long)
    my card is (damaged|scratched|bent|cracked|blemished|chewed up|demagnetised|faded|unreadable|warped) (and won't work|, I need a new one|by the dryer|)
    my card (got|has been) (damaged|bent|scratched|wet|run over by a car), (can I get another|is it still good|what do I do)
    my card (doesn't work|isn't working|stopped working|won't read|fails) (because of the chip|in any machine|since it got wet|anymore|)
    (the magnetic stripe|the chip|the contactless) on my card is (damaged|dead|gone|not working)
    my card (expires|is expiring|runs out|is about to expire|will expire) (soon|next month|on <~date>|), (do I get a new one|what do I do|how do I renew it|)
    (when|what month|what date) does my card expire
    what's the expiry date (of|on) my (card|visa|credit card)
    (tell me|I need to know) the expiration date of my card
    will you send a new card (before|when) (mine|the old one) (expires|runs out)
    my card has expired, (what now|how do I get a new one|send the next)
    how do I (activate|switch on|enable|start using) (the|my|this) (new) card (that just came|I just got|)
    I can't activate my card
    (the terminal|the machine|the shop|the website) (wouldn't|won't|didn't) (take|accept|read) my card
    my card (was|got|keeps getting|is being) (declined|refused|rejected|turned down) (at <~merchant>|online|twice today|for no reason|)
    (why|how come) (was|is) my card (declined|blocked|not accepted|not working|restricted|locked)
    you blocked my card (for no reason|while I was shopping|abroad), please unblock it
    my card (is|was) (blocked|locked) after three wrong PINs
    (unblock|unlock|reactivate) my card (please|, I have it here|)
    contactless (doesn't|won't) work (on the bus|at the shop|)
    I'd like a (second|spare|additional|virtual|disposable|metal|custom) card
    can I get (a spare card|a virtual card|a card for my son|another card for my partner)
    (order|get|request|apply for) a (new|physical|virtual|different) card
    can I (choose|change) the (design|picture|colour) of my card
    is my card (a Visa or a Mastercard|debit or credit)
    can I get a Mastercard instead of a Visa
    where (can I|is my card) (use my card|accepted)
    I found (a card|somebody's card|a wallet) (on the street|at an ATM), it isn't mine
    I found my card again, (unblock it please|it was in my coat|can I use it)
    I (lost|can't find) my (phone|passport|token|PIN letter|card reader|receipt|chequebook|house keys)
    my phone was stolen and it has your app on it
    what's the code on the back of my card for
    how do I (put|add|save) my card (in Apple Pay|to Google Pay|on my watch|to my phone wallet)
    Apple Pay (isn't working|won't add my card|says error)
    Google Pay (doesn't accept|refuses) your card
""")

# Sounds like a balance or a limit: rates, points, scores, caps of other kinds, lists of purchases.
NUMBERS = _lines("""
    (what's|what is) (the APR|my APR|the annual percentage rate|my interest rate|the rate|the interest) (on|of|for) (my card|my <~card>|my visa|this card|the card ending <digits>|my savings|my account)
    (is|how good is|how does) my APR (high|good|competitive|compare|normal)
    how much interest (do I pay|am I charged|will I pay|do you charge) (on my card|on purchases|a year|)
    how much interest (do I earn|am I getting|will I get) (on my savings|a year|on my account|)
    what (interest|rate) (do|does) (you|your savings account) (pay|offer)
    (how many|what are my|tell me my|what's my) (points|reward points|rewards|miles|bonus points|cashback|rewards balance) (balance|total|worth|right now|on my <~card>|with my amex|for this card|)
    how (many|much) (rewards|points|miles|cashback) (have I|did I) (earned|got|collected|built up) (with my card|so far|this year|)
    (check|show|look up|read me) my (rewards|reward|points|miles) balance
    (redeem|use|spend|cash in) my (points|rewards|miles) (for a flight|for a gift card|on amazon|for cash)
    what's my credit (score|rating) (right now|these days|with the agencies|)
    (look up|check|tell me|pull|find) my credit (score|rating|report|file)
    is my credit (score|rating) (good|bad|okay|above 700)
    (why did|what made) my credit score (drop|fall|go down|change)
    (how|what) (can|could) I (do to|) (improve|raise|boost|increase|fix|build|better) my credit (score|rating)
    how do I (stop|keep) my credit score from (falling|dropping|decreasing)
    what (hurts|helps) my credit score
    what are your (fees|charges) (for (using the card abroad|foreign purchases|an ATM abroad|transfers)|)
    (is there|do you charge|will there be|do I pay) (a fee|an extra fee|a foreign fee|international fees|a transaction fee) (abroad|for using my card in <~city>|for paying by card|in another country|for transfers|at other banks' ATMs|)
    (what's|what is) the (foreign transaction fee|annual fee|monthly fee|ATM fee|transfer fee|overdraft fee) (of|on|for) (my card|this account|)
    are there (international|foreign|exchange|hidden) fees (on my card|)
    (show|list|give|read) me (my|the) (last|recent|latest) (transactions|purchases|payments|withdrawals|charges) (on my card|)
    what did I (buy|spend money on|pay for) (yesterday|last week|at <~merchant>|with my card last month)
    how much did I spend (on|at) (groceries|restaurants|gas|<~merchant>|shoes|travel) (last month|this year|last week|)
    what's the (daily|weekly) (cash|withdrawal|transfer|ATM|spending) (limit|maximum) on my (debit card|account)
    how (much|many) (cash|dollars) can I (take out|withdraw) (a day|per day|in one go)
    what's the (top-up|deposit|transfer) limit
    what's the exchange rate (today|for dollars|between the euro and the pound|)
    how many (euros|pesos|yen|dollars) is <~income>
    lower (my|the) (credit limit|limit|line) (please|to <~income>|a bit|)
    (decrease|cut|halve|reduce|shrink|drop) my (credit limit|limit|credit line|card limit) (to <~income>|by <~income>|please|, I overspend|)
    I (want|need|'d like) a (smaller|lower|reduced) (credit limit|limit|line)
    my limit is (too high|higher than I want|too tempting), (lower it|bring it down|take it down)
    please take my (limit|credit line) down (to <~income>|a notch|)
    what's my (routing|account|sort code|IBAN|customer) number
    (what|which) plan am I (on|paying for)
    what is covered by my (card insurance|insurance|travel cover)
    how much is my (insurance|mortgage|loan|premium) (a month|in total|)
    what's left to pay on my (mortgage|car loan|student loan)
    how much do I have in (bitcoin|shares|my pension|my 401k)
    (can I|how do I|help me) (roll over|rollover|move|transfer) my (401k|pension|old pension|IRA)
    what was my income last year
    when do I get paid (at work|by my employer|)
    what's the price of (gold|bitcoin|silver|oil)
""")

# Sounds like a payment or a charge: transfers, top-ups, cheques, cash, insurance.
MONEY = _lines("""
    (transfer|move|send|put|shift) (<~income>|money|some money|funds) (from checking to savings|to my other account|to <~name>|into my emergency savings|between my accounts|from savings into checking|to another account)
    take <~income> (out of|from) (my checking|savings) and (put|move) it (into|to) (savings|my other account)
    (how long|when) (does|will|do) (a|my|the) (transfer|bank transfer|wire|payment to a friend) (take|arrive|go through|be finalised|complete|stay pending)
    why is my (transfer|payment|top up|withdrawal|cash withdrawal|deposit) (still pending|pending|stuck|delayed|not through|taking so long)
    my (transfer|top up|deposit|cheque deposit|withdrawal) (is pending|is still pending|was cancelled|failed|was declined|was reverted|didn't work|bounced)
    (how long|when) will it be pending
    I (sent|transferred|wired) (money|<~income>) to (<~name>|a friend|another country|my landlord) and (it hasn't arrived|they haven't got it|it's still pending|it says pending)
    I sent money to the wrong (account|person), (can I get it back|can you cancel it)
    cancel (the|a|my) transfer (I just made|to <~name>|please|)
    can I (top up|load|fund|add money to) my (account|card|wallet) (with Google Pay|by card|by bank transfer|with cash|with a cheque|)
    (my|the) top-up (failed|was rejected|isn't showing|keeps failing|was cancelled|is not working|was reverted)
    why (won't|can't I|didn't) (my top-up go through|top up my account|I top up)
    how do I (deposit|pay in|cash) (a cheque|a check|cash|coins)
    (order|I need|I want|get me|can I have|send me) (more|new|some|) (checks|cheques|a checkbook|checkbooks) (for my account|please|)
    I'm (running out of|out of|down to my last) (checks|cheques)
    (set up|how do I set up|change|start) (direct deposit|my direct deposit|my salary to be paid in|a standing order to <~name>)
    (what's|how do I set up) direct deposit (for my paycheck|to my account|)
    I need to (verify|prove|confirm) my identity
    (why|how) do (I|you) (need to|have to|) verify (my identity|who I am|where my money comes from|my top-up)
    I (can't|couldn't|am unable to) verify my identity
    what (documents|papers|ID) do you need to verify me
    (reset|change|forgot|forgotten|can't remember|lost) my (password|passcode|PIN|pin number|login)
    (can|how can) (my password be|I get my password|my PIN be) (reset|changed|retrieved)
    who do I make the cheque out to
    can I get cash at (a shop|<~merchant>|the post office)
    how do I (send|request) money (from|to) (a friend|<~name>|abroad) in the app
    can I hold (dollars|euros|two currencies) in my account
    what countries (do you support|can I send money to|does the card work in)
    which currencies can I (hold|exchange|send)
    (exchange|convert|change) (<~income>|my money) (to euros|into dollars|to pounds)
    pay (<~name>|my friend|my sister) (<~income>|back) (for lunch|for the tickets|)
    (I need|I want|give me|can I have) a (loan|personal loan|payday loan|mortgage|car loan|student loan) (to pay my bills|of <~income>|for a car|)
    my (utility|electric|phone|water) bill is (due|too high|coming up) and I need a loan
    my (car|home|pet|health|travel|life) insurance (is due|needs renewing|is too expensive|, what does it cover)
    how do I (switch|change|cancel|renew) my (insurance|insurance plan|cover)
    (is|are) (the stock market|shares|interest rates|house prices) (up|down|rising) today
    when are (taxes|tax returns|my taxes) due
    how do I (file|do) my taxes
    where's my W2
    (is the company's|any) earnings report due (this week|)
    I want to make a donation to (charity|a cat shelter)
    do you have an age limit
    can my (daughter|teenage son|kid) (open an account|have a card|bank with you)
    why do you ask where my money comes from
    (open|start|set up) (a|an|another) (account|savings account|joint account|ISA|business account)
    can I have (two|more) accounts with you
    (let them know|tell the bank|note that) I'll be (in|travelling to) <~city> (next week|from <~date>|)
    (I'm|we're) (going|travelling|flying|off) to <~city> (so don't block my card|next week, just so you know|on <~date>, will my card work|)
    can I use (my card|the ATM) in <~city>
    is there an ATM (near me|in <~city>|at the airport)
    the ATM in <~city> (was broken|refused me)
    freeze my account (for a while|temporarily|, I'm going away|please)
    (put a hold|stop) on my account for now
    is my account (frozen|blocked|restricted), why
    why was my account (blocked|frozen|locked)
    (lift|remove) the (block|freeze|hold) on my account
    my application for (a card|a credit card|a loan), (where is it|is it approved|any news)
    how's my credit card application going
    did I get approved for (the card|the loan|the mortgage) I applied for
""")

# Limits that are to go down, or that are not the card's: the nearest misses of all.
LIMITS = _lines("""
    (please|could you|can you|I'd like you to|I want you to|kindly|I need you to|) (lower|reduce|decrease|cut|bring down|drop|shrink|halve|take down|scale back) (my|the) (credit limit|limit|credit line|card limit|line of credit|spending limit) (to <~income>|by <~income>|from <~income> to <~income>|a bit|again|please|)
    (I'd like|I want|I need|can I have|could I get|give me) (a lower|a smaller|a reduced|less of a|a tighter) (credit limit|limit|credit line) (of <~income>|, <~income> is plenty|on my <~card>|please|)
    my (credit limit|limit|credit line) (should|needs to|has to|must|can) (go down|come down|be lower|be smaller|be reduced|be cut) (to <~income>|)
    (<~income> of credit|a limit of <~income>|that limit) is (far too much|too much|more than I need|dangerous) for me, (lower it|cut it|take it down|reduce it|I want less)
    you raised my limit and I (didn't ask for it|don't want that|never agreed), (put it back down|lower it again|reduce it please)
    (undo|reverse|take back) the (limit increase|increase of my limit) (you gave me|), I (want|prefer) the lower one
    I never use more than <~income>, (so cut|so lower|please reduce) my limit (to that|accordingly|)
    (I'd like to|I want to|can I|could you|please|how do I) (raise|increase|extend|set up|get|up|have|arrange) (my|an|a bigger|the) (overdraft|overdraft limit|arranged overdraft|overdraft facility) (to <~income>|by <~income>|on my current account|please|)
    (is|are) an overdraft (of <~income>|) (possible|available) (on my account|for students|)
    (I'd like to|I want to|can I|could you|please|how do I) (raise|increase|lift|change|up) (my|the) (daily|weekly|cash|ATM|withdrawal|transfer|online payment|debit card|contactless|daily cash|daily transfer) (limit|maximum|cap|allowance) (to <~income>|by <~income>|for tomorrow|please|)
    I (need|want) to (withdraw|take out|transfer|send) <~income> (in one go|tomorrow|today|in cash) but (my daily limit|the daily limit|the machine|your app) (stops me|won't let me|only allows <~income>)
    the (transfer|cash|ATM|daily|contactless) limit is (too low|in my way|only <~income>), (can it go up|raise it|how do I change it)
    (can I|could I|I'd like to|how do I) (borrow|get|take out|apply for) (<~income>|money) (as a|with a|through a) (loan|personal loan|car loan|consolidation loan)
    (raise|increase) (my|the) (savings rate|interest on my savings|monthly savings to <~income>|standing order to <~income>|direct deposit|mortgage by <~income>|loan by <~income>)
    I'd like to (increase|raise|extend|top up) my (mortgage|loan|car loan) (by <~income>|to <~income>|)
    (extend|increase) the (term|length) of my (loan|mortgage)
    how do I (set|put) a (spending limit|cap) (of <~income>|) on my (kid's|daughter's|employee's) card
    (set|put|I want) a (spending alert|warning|limit alert) when I (reach|pass) <~income>
    is there a limit on (how many transfers I can make|how much I can deposit|cheques I can pay in|contactless payments)
""")
