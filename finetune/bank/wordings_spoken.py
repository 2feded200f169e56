# ruff: noqa: E501

"""More wordings of every intent, a sentence a line: idioms, hints and half-said things, as people talk at a counter or on the phone."""

from __future__ import annotations


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


CREDIT_LINE_INCREASE = _lines("""
    (I was told|I hear|I read|someone said) (loyal|good|long-standing) (customers|clients) (get|are given) (higher limits|their lines extended|more credit) (automatically|after a while|), (mine never was|why not me|can I have that|does that go for me)
    (is|are) my account (in line|eligible|up) for a (limit upgrade|higher limit|line extension) (this quarter|this year|now|)
    (how do I|can I|I'd like to|I want to) (change|adjust|modify|update) my credit limit (so it's higher|upwards|to a higher one|to <total>|)
    my (spouse|mother|boss|flatmate|twin) has (a higher cap|twice my limit|more credit) on the same (pay|income|salary), I'd like (the same|parity|to be treated equally|as much)
    what (paperwork|proof of income|information) do you (need|want|ask for) before (you agree to|granting|giving me) (a higher line|more credit|a bigger limit)
    (every|each) (Christmas|month|summer|holiday) (my card|the card) (is full|runs out|hits the wall) (by the 10th|halfway through|too soon), (some slack please|give me more room|could you ease the limit)
    (any|is there any) (wiggle room|room to move|leeway|flexibility) on (how much I can borrow with the card|my card's maximum|the maximum of my card|my borrowing limit)
    I've outgrown what you (allow me to spend|let me put on the card|lend me)
    you only trust me with <~income>, (I think I can handle more|I've earned more than that|I'd like you to trust me with more)
    the (maximum|max|cap|ceiling|top) on my (card|Visa|credit card|Mastercard|<card>) is (too low|peanuts|not enough|way too low|just silly), (help me out|I'd like it higher|lift it please|can that change)
    my card only (goes up to|lets me spend|covers|allows) <~income>, and (the bill|what I'm buying|the trip|the repair) is more than that. (What can you do|Can you stretch it|Can we go higher)?
    (is|would) <total> (be|) (possible|feasible|doable|on the table|within reach)? (now|at the moment|today|currently) I (have|get|am given) <~income>
    you gave me <~income> (when I was a student|when I started|years ago|at the beginning), (these days I need|now I'd want|my life needs|a fairer figure is) <total>
    I'd like the facility (on my card|) (enlarged|widened|extended|increased) (to <total>|by <more>|)
    (bring back|restore|reinstate|give me back) my (old|former|previous) limit (of <total>|)
    (you|the bank) (cut|reduced|slashed|lowered) my (limit|line|credit) (in <~year>|during the crisis|last year|), I'd like it (restored|back where it was|put back up|back at <total>)
    I'm (stuck at|limited to|capped at|sitting at|on) <~income> and (want|would like|need) <total>
    I'm (stuck at|limited to|capped at|held down to) <~income>, (which is no use|that's too little|not enough for my work), can (that|this) be (changed|looked at|lifted|increased)?
    <total> would (let me|allow me to) (take on bigger jobs|buy stock|pay for it in one go|book it), I'm at <~income> now
    (free up|unlock|release|open up) (another|) <more> (on my card|of credit for me|on the card please)
    (give me|I could do with|I'd welcome) some (slack|breathing space|more leeway|more room) on the (card|credit card)
    what (proof|papers|documents|evidence) (do you need|would you want|should I bring) (to give me more credit|before you raise my line|for a bigger line|to let me have a higher limit)
    if I show you my (payslips|tax return|new contract|bank statements), (can I have a bigger line|will you lend me more on the card|would you raise my ceiling)
    I'd like (permission|to be allowed|approval) to (charge more|spend more|put more on my card) (each month|than now|every cycle|)
    my (husband|wife|partner|sister|colleague|brother) (gets|has) (twice|double) (what I get|my limit|as much credit), (why not me|I'd like the same|can you match that)?
    when (can|will|do) I (qualify|be eligible|become eligible) for (more credit|a higher line|an upgrade of my limit)
    am I (entitled to|due|up for) (an upgrade of my line|a rise in my limit|more credit) (yet|by now|after a year with you|)
    I've been (good|reliable|never late) for (a year|years), (time for more credit|how about a bigger line|what about lifting the cap)
    CLI request, (<more> please|to <total>|as much as you can|) (, account in good standing|, never late|)
    requesting a CLI (of <more>|to <total>|on <card>|)
    (hit the wall|run out of road|ran out of room|always run out of space) on my card (every month|again|before payday|), (can you widen it|I need more of it|please give me more)
    I (max it out|max out my card|use up the whole card) (each month|every time|by the 10th|with one business trip), I (need|want) (more|a larger one|something larger)
    there's (hardly any|no|not much) (space|room|credit) left on my card, (give me|I'll need|can I get) (another|an extra) <more>
    (a hotel|the hire car company|an airline) (blocks|holds) <~income> and that (eats|swallows) my whole limit, (so up it please|so I need a bigger one)
    I'm buying (a ring|a car part|a sofa|a camera|a cello|a freezer|tyres) and it's (more|dearer|pricier) than my card (allows|lets me|takes), (can we fix that|can that be changed|help)
    let me (buy|put|charge) something bigger than my limit (allows|), (by raising it|and raise it for that|)
    could I (bother|trouble|ask) you for (another|an additional|an extra) <more> (on my <card>|on the card|of credit)
    see if you can get me (<total>|up to <total>|<more> more|a better limit) on the card
    (upgrade|improve|increase) my (borrowing power|buying power|purchasing power|credit)
    (could|would) you (lend|advance|extend) me (more|another <more>|<more> more) on (my card|the credit card|my line)
    (fancy|would you consider|how do you feel about) (giving me|letting me have) a (higher|more generous) limit
    (just|only) (another|an extra) <more> (would tide me over|would get me through the month|would see me right|and I'm fine) on (the|my) card
    my pay (went up|has doubled|rose), so should (my limit|my line|what I can spend on the card)
    I took a (better paid|new|second) job and (wonder if|think|hope) (my ceiling|my maximum|the limit) (can be reconsidered|could go up|might be looked at again)
    (got promoted|been promoted|changed jobs), (can you take another look at my limit|does that get me a bigger line|so please reassess my limit)
    (reconsider|reassess|rethink|revisit) the (ceiling|limit|cap|line) on my (card|account) please
    (take|bring|push|bump|crank|jack|nudge) it (up|) to <total>, my (line|limit|card limit) that is
    (take|push|bump|crank|jack|nudge) it up (by|another) <more>, (the limit|my credit line|my card limit)
    up it by <more>
    bump me (up|) (by <more>|to <total>|<more>)
    raise me to <total>
    raise it <more>
    raise it to <total>
    (go|get) me to <total>
    <total> (please|), (that's|it's) the limit I (want|need|had in mind|am hoping for)
    I want <total>
    <more> more please
    can i get <more> more
    from <~income> to <total>
    was thinking <total>, it's <~income> (now|at the moment|today)
    <total> instead of <~income>
    it's <~income> now, I was (thinking|hoping for|dreaming of) <total>
    limit now: <~income>. (wanted|requested|new|desired|hoped for): <total>
    credit line. plus <more>. (by <ahead>|thanks|)
    my limit of <~income> should (go|move) up by <more>
    (a|one) (round|nice round) <total>, that's (where I'd like my limit|what I'd like my limit to be)
    I'd (settle for|be happy with|be content with|take) (a limit of <total>|<total>), (others get more|my friend has <~income>|at my old bank it was <~income>)
    what about <total>, I've got <~income> (today|now|so far)
    I'd like to (top|bump|bring) my line (up|) by <more>
    I want to be able to (spend|charge) <total> (on it|on the card) instead of <~income>
    permission to go up to <total> (on my card|)
    let me carry (up to|a balance of) <total> on the card, at present it's <~income>
    (the|my) deposit is <~income>, so I need the limit <more> higher
    you have me on <~income>, I'm hoping for <total>
    spent <~income> at <merchant> and there's nothing left, so (can my limit go up|I need the limit up|raise it by) <more>
    the repair is <~income>, my limit is <~income>, please (lift|raise) it by <more>
    I front <~income> of (travel|materials|stock) (a month|each time) and get paid back later, so lift the (limit|cap) by <more>
    increase my available credit (permanently|for good|) (by <more>|to <total>|)
    I (hereby|respectfully|formally) (request|apply|ask) that my (credit limit|credit line) (of <~income> be raised to <total>|be raised by <more>|be reviewed upwards)
    a little more credit (would go a long way|wouldn't hurt|is all I ask)
    (add|put) <more> on top of my (line|limit)
    I'd like my (facility|allowance|line) with you to grow (by <more>|to <total>|)
    kindly grant (an enhancement of <more>|me <more> more) over my (existing|present) limit of <~income>
    (I was refused|you refused me) <~income> last (year|time), (this time I ask for|now I'd like) (an increase of <more>|<more> more)
    my line stays at <~income> since <~year>, (time to make it|how about|let's say) <total>
    double what I (can spend|have on the card)
    triple my line
    is it time (yet|) for a bigger card limit
    my card can't keep up with my (business|family|travels), (more limit please|it needs a higher limit)
    I'm forced to use (two cards|my debit card) because my limit is so small. (Could we change that|Fix that please|I want a bigger one)
    the credit you give me is not enough (to live on|for my plans|for a wedding)
    spending allowance too small on (card|my card), increase it
    (a more generous|a larger|an improved) (allowance|facility|line) (on my card|) would be (appreciated|welcome|a relief)
    my purchases keep bouncing since the limit is tiny, make it bigger
    I want to put the (wedding|course fees|rent deposit|renovation|surgery|boat|motorbike) on my card but it doesn't fit, (more credit please|raise what I can spend|I'd need a larger line)
""")

LOST_CARD = _lines("""
    (somebody|someone|thieves|they) (broke into|forced|cut open|raided) my (locker|car|room|tent|flat|hotel safe) and (took|stole|grabbed|went off with) (my card|my cards|my wallet|my purse)
    (the|a) (parking machine|petrol pump|vending machine|ticket gate|toll booth) (won't give back|won't return|kept|swallowed|holds) my card
    my (debit card|card) (went missing|has been gone|has been missing) (for <count> days|since <back>|) and (it isn't coming back|I give up looking|hasn't turned up), (send another|please send a new one|cancel it)
    my card (disappeared|went missing) (the same day|when|after) my (roommate|cleaner|guest|flatmate) (left|moved out|was here)
    I couldn't tell you where my (card|Amex|bank card|debit card|<card>) (is|has got to). (I had it|I used it|It was with me) (at <merchant>|<back>|on the train|at the swimming pool) and that's (all I know|the last I saw of it)
    (how can|why did|why does) (the|a) (money machine|ATM|cash machine|cashpoint) (keep|swallow|hold on to) my card, (what do I need to do|how do I get it back)
    I (remember|recall) (having|holding|using) my card (at <merchant>|<back>), (after that it's a blank|since then it's gone|now it isn't in my bag)
    came back to my (locker|tent|car|table|room) and my (wallet|purse|bag|card) (was gone|wasn't there|had vanished|had been taken)
    I've (searched|checked|emptied|been through) (every pocket|all my bags|the car|the whole flat|every drawer) and the card (won't show up|isn't there|can't be found|is nowhere to be seen)
    (no idea|not a clue|don't ask me|I haven't the foggiest|I've no idea) where my (card|Visa|credit card|debit card|Mastercard|bank card) (is|went|ended up|has got to)
    (a bag thief|a pickpocket|some lad on a moped|a mugger|someone) (got|has taken|lifted|swiped|made off with|had away) my (wallet|purse|card|handbag|phone with the card in it)
    my card (fell|blew|flew|dropped|slid) (out of the window|into the water|through a grate|behind the wall|off the boat|down a gap)
    our (baby|puppy|boy|little girl) (posted|fed|dropped|flushed) my card (down the toilet|into a slot|down the drain|into the stove)
    (left|forgot) it (behind|) at (the pub|the bar|a petrol station|the till|the hairdresser|<merchant>), (the card|my card), and (nobody handed it in|it's not there now|they haven't got it)
    card (has gone astray|astray|vanished|nowhere|untraceable|went walkabout|did a runner), (please freeze|freeze it|block it|what now|send a new one)
    my (car|backpack|suitcase|jacket|rucksack) (was stolen|got nicked|was broken into) and the card was (inside|in it|in there)
    (the hole in the wall|the bank machine|the cashpoint on the corner|the ticket machine|a vending machine) (has gobbled up|took|ate|won't return|hung on to|held on to) my card
    do I get (new numbers|a new number|a fresh card) after (losing mine|mine was stolen|a theft)
    I'm without a card, (it got lost|somebody took it|mine's stolen), how (quickly|soon) can you send (one|another)
    (two days|hours|a week) now and I still can't (find|locate|trace) my card
    (gone|vanished|disappeared) from my (pocket|bag|desk|wallet), my card I mean
    my card could be (anywhere|in any taxi in town|on a train to <city>), please (stop it|put a block on it)
    I (had|got) my pocket picked (in <city>|at the station|) and the card went with it
    after (the party|the flight|the match|the hike) my card (was nowhere|had gone|couldn't be found)
    my card may be in the wrong hands, I (dropped|lost) it (near <merchant>|at the market)
    (wife|husband|mum|dad) can't find (her|his) card (either|), it was in the bag that was stolen
    somebody walked off with my (handbag|wallet|coat), card inside
    the card was (in my coat|in the pram|on the dashboard) and now it isn't
    the parcel with my things was stolen, my bank card was in there
    I (believe|reckon) my card fell out at <merchant>
    it must have slipped out of my wallet, the card is (gone|missing)
    please issue (a replacement|another card), the present one has been (lost|mislaid|stolen)
    no card in my wallet this morning, (it must have been taken|I must have lost it)
    block (card <digits>|my card) at once, it has been (lost|stolen|mislaid)
    I threw my card away by accident
    the sea took my wallet
    burglars (came in|broke in) and (my purse is gone|took my cards|my bank card is missing)
    (lost property|the police|the bus company) (doesn't have|don't have) my card either, (please cancel it|what next)
    forgot my card in the machine and when I went back it (was gone|wasn't there)
    my (wallet|purse) and everything in it (is|are) at the bottom of the lake
    I can't buy anything, my card (got lost|was taken|was pinched) (on the tram|in the gym|yesterday)
    I've been careless and mislaid the card
""")

DISPUTE_CHARGE = _lines("""
    (there's|I see|I found|I noticed|there is) (an entry|a line|an item|one charge|a booking|a debit) (for|of) <amount> from (a company|a firm|some shop|an outfit|a business) (I've never heard of|unknown to me|I don't know|whose name means nothing to me|called <merchant>), (what is it|who are they|no idea who they are|please check|what's that about)
    <amount> (from|at|to) <merchant>? (never heard of them|I've no idea who that is|I don't know them|what's that|who is this)
    (that|the|my) (gym|club|streaming service|newspaper|dating site|software company) (goes on|won't stop|keeps on|is still) (charging me|billing me|dipping into my account|taking its fee) (although I quit|after I cancelled|despite my cancellation|and I left in <~date>)
    <merchant> (is still|keeps) (helping itself to|dipping into|debiting|drawing on) my (account|card) (although I cancelled|every month|after I quit|despite my letter)
    (the|a) (taxi|taxi driver|shop assistant|waiter|barber|clerk) (put in|charged|typed|took|keyed) <amount> (rather than|instead of|and not|where it should have been) <amount>
    one (payment|charge|transaction) on my (card|statement|app) I (can't recognise|don't recognise|don't remember making|can't place|didn't make)
    there's a payment (with|on) my card (that I didn't make|I don't recognise|to someone I don't know), can you (look into it|explain it|check it)
    the (ATM|cash machine|cashpoint) gave me (the wrong amount|less than I asked for|too little|only <amount>) (of cash|) (but debited more|, can you correct it|and the app shows <amount>|, what do I do)
    I (wanted|asked for) <amount> from the ATM and (got|received|it gave me) only <~income>
    my cash withdrawal (was|is) wrong, I got less (than shown|than I asked for)
    several (entries|bookings) for (one|the same|a single) purchase
    (multiple|two|three|several) (of the same|identical|duplicate) (transactions|charges|payments) (on my card|for one purchase|showing|)
    why are there (two|multiple|several) (transactions|charges|payments) for (one|a single) (purchase|order)
    why was I charged (a fee|extra|<amount> more) (for paying by card|for a card payment|on my purchase|when I paid at <merchant>)
    what is the extra (<amount>|fee|charge) on my (statement|bill) for
    my (statement|bill|app) (says|claims|shows) I (paid|spent) <amount> (at|in) (<merchant>|a place I've never been|a petrol station far away|a bar in <city>), I (have never been there|wasn't there|want that looked at|don't agree)
    (the|my) (hotel|landlady|garage|airline) put (the minibar|extra nights|damage|breakfast|a cleaning fee|a second bag) on my (bill|card), (we didn't touch it|I never agreed|please take it off|that's wrong)
    (the|that|my old) (gym|magazine|streaming service|club|box service) (still|keeps) (dipping into|helping itself to|taking from|drawing from|charging) my (account|card) (although|even though|though) I (quit|left|cancelled|unsubscribed) (in writing|last year|months ago|)
    (bought|ordered) one, (billed|charged) for (two|three)
    (paid|bought) once, (charged|billed) twice
    the (shop|store|seller|airline) is (acting like|pretending) (I never returned it|it never happened|they know nothing), I want my <amount> back
    there's an (entry|item|line) (for|of) <amount> from (some company|a firm|an outfit) (called <merchant>|I don't know|with a strange name) and (I've no idea who they are|it means nothing to me|I never dealt with them)
    you (slapped|put|stuck) a (fee|late fee|penalty) on me (although|but|when) I (paid early|was on time|owed nothing), (reverse it|take it off|please undo that|not fair)
    the (driver|waiter|cashier|barman|clerk) (keyed in|typed|rang up|entered) <~income> (rather than|instead of|when it was) <~income>
    an (online shop|airline|agency|online seller) (took my payment|took my money) and (went bust|folded|vanished|never delivered), (how do I get it back|can you recover it|what are my options)
    the same (payment|amount|sum|meal|ticket|fare) (shows up|appears|is listed|is there) twice (, same day|, same shop|on <back>|)
    the (fridge|phone|laptop|tent|sofa) was (dead on arrival|broken|not what I ordered), <merchant> won't take it back, (I'm contesting the payment|I want the payment reversed|so get my money back)
    (they|the car hire|the rental company|the hotel) (helped themselves to|took|grabbed) (another|an extra|a further) <amount> (after I'd left|a week later|after we gave the car back|without telling me)
    never (agreed|signed up|said yes) to this (renewal|membership|insurance|plan) of <amount>, (undo it|get it undone|reverse it please)
    the (waiter|restaurant|bar) added (a zero|a tip I didn't give|something) to (my|the) bill
    I was charged a foreign fee for a purchase (at home|in my own country), remove it
    contesting (a|the|one) (transaction|payment|charge) (dated <back>|of <amount>|at <merchant>|)
    (where's|where is|what about) my refund (from <merchant>|), they promised it (<back>|weeks ago)
    <merchant> owes me (a refund|<amount>|my money) and (won't pay|ignores me|keeps stalling)
    I'm being billed for a (phone|flat|car|course) I (gave up|cancelled|returned|never had)
    the price at the (till|counter|checkout) was <~income> and my card shows <amount>
    something on my (bill|statement) (doesn't add up|isn't right|looks off), it's (the <amount>|the one from <merchant>|from <back>)
    I'd like (that|this|the) <amount> (from <merchant>|) (looked into|investigated|checked|taken off|put back)
    they (won't|refuse to) cancel my booking at <merchant> (and kept|and charged) <amount>
    who is <merchant> and why did they (take|charge me) <amount>
    what's this <amount> (from|for)
    (I see|there is) <amount> to <merchant>, no clue what it is
    I can't make sense of a <amount> charge on my card
    pay-at-pump took <amount>, I only pumped <~income>
    the concert was called off and <merchant> keeps my money
    <merchant> took the (money|payment) but (cancelled|never sent|lost) the order
    my (meal|parcel|delivery) never came and they charged me anyway
    double payment at <merchant>, one should be (returned|cancelled|given back)
    the museum charged adult price for my kids, <amount> too much
    I was billed after the (free month|trial) ended although I (cancelled in time|stopped it)
    the charge from <merchant> is bigger than what I signed for
    you took <amount> in (fees|charges|interest) that I don't (owe|accept|understand), please (give it back|refund it)
    the discount was not applied, so I paid <amount> too much at <merchant>
    I want to take back a card payment (to <merchant>|because the seller cheated|)
    I don't think this (charge|fee|payment) is (right|correct|mine|fair)
    query about a payment on my statement that (I can't place|looks wrong|is too high)
    an ATM (ate|kept) the cash and still debited <amount>
    the dentist charged me for (a visit|an appointment) I cancelled
    my taxi app charged (a cancellation fee|<amount>|twice) and the driver never came
    the wrong sum was taken by <merchant>
    (make|have) <merchant> give me my money back
    how long do I have to (dispute|contest|challenge) a (charge|payment)
    could I get this payment undone, it was for (goods|shoes|tickets) that never came
""")

BALANCE = _lines("""
    (what's|what is) my credit limit (for|on|with) (my <card>|my visa|the card|this card|you)
    (I need|I'd like|I want|need) to know (the|my) (credit limit|limit) (on my <card>|of my card|)
    (give|tell) me my credit limit (please|)
    how (much|high) (can I buy|may I spend|can I spend|can I charge|can I put) (on|with) my (<card>|store card|card|visa) (before it's full|right now|)
    can I (afford|buy|pay for) (a lamp|a round of drinks|a winter coat|a sofa|a ticket|groceries|a haircut) (from|with|out of|within) (my savings|my savings account|my checking|my account|what I have)
    (tell me whether|let me know if|I need to know if|check if|I'm worried whether|I doubt that) I have enough (money|) (in my account|in savings|in checking|) (to buy|for|to pay for) (a winter coat|school books|a dishwasher|my rent|a holiday|a new phone)
    is there enough (money|) in my (account|savings|checking) (for|to buy|to pay) (a bike|the bill|dinner|<amount>|a new couch)
    does my (account|savings|checking) (have|hold) (enough|enough money) (for|to buy) (a trip|a coat|<amount>)
    what have I got (to work with|left to spend|to live on|to last me) (until <ahead>|this month|till payday|)
    how (deep|far) (in the hole|in debt|into my overdraft|in the red) am I (on my card|right now|)
    what's the (ceiling|maximum|max|cap) on my (card|Visa|<card>), (I can't find it|the app won't say|just curious|not looking to change it|I only want to know it)
    (has|did) the (<amount>|money|cash|cheque) (my brother|my sister|<name>|my employer|my mum) sent (landed|arrived|shown up|come in|reached me) (in my account|yet|)
    did my (wages|pay|pension|salary|tax refund|benefits) (come in|land|arrive|show up) (yet|today|, and what's my total now|)
    (I'm|standing) at the (till|checkout|shop), is there (<amount>|enough|anything) (in there|on the card|left)
    (read out|tell me|list) what's in (savings|both accounts|current and savings|my accounts)
    the (amount|sum) I've (run up|racked up|used|put) on (my card|the credit card|it) (so far|)
    the (figure|number|sum) (sitting|presently held|now) in my (account|checking|savings)
    how much of (my limit|the <amount>|my line|it) have I (eaten into|burned through|used up|gone through)
    how (broke|flush|rich) am I
    can I (afford|manage) (<amount>|a new coat|dinner out|the flight) (with what's in my account|right now|)
    how am I doing for money
    what's my (position|standing|total) (today|on the card|at present)
    what do I have (left|) (on|in) (the card|my account|my current account|checking)
    is there still (something|money|cash|a bit) on my account
    remaining on card?
    (funds|money|cash) left?
    is my account (positive|okay|healthy|below zero)
    how much am I (in for|down|up) this month
    what's the most I can (spend|charge) today without going over
    what's my line of credit with you (these days|at present|)
    how much credit did you (give|grant|extend) me (again|)
    what was my limit again
    (remind me|tell me) how much I'm allowed to spend on the card
    confirm the (sum|balance|amount) (in|of) my account
    how much do I have (to my name|across all accounts|in total)
    is it safe to spend <amount> or will I go under
    am I close to going over
    how many dollars (are|do I have) in my account
    what is the state of my finances with you
    do I still have any credit on this card
    current (standing|amount|total) of (my account|account ending <digits>|my savings)
    how much did that leave me with
    did (the refund|the cash I paid in|that cheque) (bump up|change|get added to) my balance
    what's showing as (available|my balance)
    let me know how much remains
    what's in the (kitty|pot|piggy bank)
    how much debt is on my card
    what do I owe you people
    total owed on <card>?
    I'd love to hear what I've got in the bank
    have I been paid (yet|)
""")

PAYMENT_DUE = _lines("""
    (how do I|how can I|can I|I'd like to|I want to|let me) (pay|pay off|settle|clear) my (card|credit card|card bill|credit card balance) (with|from|using|out of) (my checking|my checking account|my current account|another bank|my savings|a debit card)
    (did|have) you (get|got|receive|received|see|booked) (my payment|the payment|the <amount>|the money) (I sent|I paid|I made|) (on <date>|<back>|for my card|) (yet|)
    (was|has) my (payment of <amount>|last payment|card payment) (been booked|counted|credited|posted|in time)
    I can only (manage|afford|pay|send) <amount> (this month|now|today), (is that enough|will that do|does that cover the minimum|is that okay|what happens then)
    is <amount> enough (for the minimum|to stay current|for this month's payment|to keep my account in good standing)
    will (I be|my account be|it be) (in trouble|marked late|overdue) if I (only pay|just pay|pay) <amount> (this month|)
    I (didn't get|haven't seen|never received) (a bill|my bill|a statement) (this month|), (when is it due|when must I pay|do I owe anything this month|what do I pay)
    how (big|high|much) is the (minimum|minimum payment|instalment) (for <~date>|next month|this time|)
    (have I|do I) still (got|have) time to (settle|pay|clear) (this month's bill|my card|my bill) (without a fee|before you charge me|)
    what's the (least|smallest amount|lowest sum) I (can|must|may) (send|pay) (you|) (this month|now|)
    on (what|which) (date|day) (will|does) the (card bill|bill|payment) (leave|come out of|get taken from) my (checking|account|current account)
    I'll be (a few days|a week|a bit) late (as|because|since) (my salary comes in later|I get paid on <date>|payday is <date>), (can we shift things|is that alright|can you wait)
    is it the <~count>th or the <~count>th that I (need to have paid by|have to pay)
    (my bill came|the bill's here|bill arrived), <amount>, (by when do you want it|when's it wanted by|how long have I got)
    I (spaced on|blew|forgot all about|overlooked) (last month's|this month's|the last) (payment|bill), (how bad is it|what do I do|can I still pay)
    could the (deadline|date|due day) be (moved|shifted|pushed) (to after payday|to <ahead>|back a week|a bit)
    (just checking|wanted to check|please confirm) (that|) the (payment|money) I sent (on <back>|<back>|) (reached you|got there|arrived) (before the cutoff|in time|)
    minimum and when
    what's the minimum (and when|, please|I owe this month|I can get away with)
    I want (the card|my card|my bill) (paid|to be paid) automatically (each month|from my account|)
    is there anything I (have|need) to pay (this week|soon|now|by <ahead>)
    may have missed a (due date|payment) (or two|) (while I was in hospital|while away|), where do I stand
    when does my (billing period|cycle|month) (end|close|roll over) (and how long do I get after that|)
    how long do I (get|have) after the statement (to pay|)
    I'd rather pay on the <~count>th, (can we change it|can the date be moved)
    how soon do I have to pay (you|this) back
    when do you want your money
    when's the money due
    (I need|give me) (a few more|some extra) days (to pay|for my card payment|)
    (money is tight|short on cash) this month, (what's the lowest payment|can I skip a payment|can I pay a bit later|must I pay it all)
    can I skip (this month|a month|one payment)
    (what|how much) do you need from me this month (and by when|)
    pay my (card|bill) (now|from savings|in full|please)
    I want to settle (my bill|what I owe on the card|the card in full)
    let me clear my card (today|before <ahead>)
    did I pay (this month|my card|already|the card this month)
    have I paid (my bill|the minimum|enough this month)
    payment (deadline|reminder|date)?
    I lost the letter with the due date
    how late can I (pay|be)
    is there a grace (period|time) after <date>
    what if the due date is a (Sunday|holiday)
    will you take the (money|payment) by yourselves or must I send it
    when's my next payment
    I'm paying <amount> on <ahead>, is that (early enough|too late|okay)
    next (due date|payment) for <card>?
    am I in arrears
    does my card need paying this week
    I want to make an early payment
    how do I pay off my (credit card|balance|card bill)
    I'd like to arrange paying (in instalments|over two months|bit by bit) what is due
    can you (send|text) me a reminder before the payment is due
    I sent the payment a day late, (will that cost me|is that bad|what happens)
    is the bill for (this month|<~date>) out yet
    why does my bill have to be paid so early in the month
    how much should I pay to (stay out of trouble|keep the account in good order)
""")

UPDATE_CONTACT = _lines("""
    (I have|I've got|got) a new (cell|phone|mobile|address|email), where (do|can|should) I (enter|put|type|change|register|save) (it|that)
    where (do|can) I (enter|type in|put) my new (phone number|address|email|cell)
    (how|where) do I change (where|the address) my (statements|letters|cards) (get sent|get mailed|go|are sent)
    (delete|remove|drop) the (work|old|landline|second) (number|phone|email) (you have|on my profile|from my records), I (don't work there|left that job|changed it)
    (my|the) (email|mail) (provider|address) is (shutting down|closing|going away), (here's a new one|I need to give you another|what now)
    We (got wed|married|had our wedding) (last month|in <~date>|<~back>|) and I took (his|her|my wife's|my husband's) name: (Jensen|Okafor|Laurent|Novak|Weiss). (Can my account carry it|Please put it on the account|Who changes that|What do you need)?
    my surname (is|became) (different|new|double-barrelled) (since the wedding|since I married|after the divorce|), (change it on my account|how do I get it onto my account|please put the new one on file)
    (details|contact details|my details|personal details) need (changing|to be modified|updating|to be changed)
    (I've|we've) (relocated|moved) (to <city>|across town|), (what do you need|what happens now|what must I tell you|do you need my new address)
    from <ahead> (you'll find us|we'll be|I'll be living) at <street>, (please send post there|so write to us there|kindly note it)
    we (finally|) got the keys to our new place, (post should go to|it's at|the new address is) <street>
    new (SIM|phone|digits|number), where do I tell you
    I (tied the knot|got hitched|got married|remarried), (so my surname is different|I'm Mrs now and need my name changed|how do I get my new name on the account)
    you (keep ringing|keep calling|still text|write to) (a number|an address|an email) I (gave up|don't use|left|abandoned) (years ago|anymore|)
    replace the (gmail|email|number|address|old one) you have (on record|on file|) with (my work one|<phone>|a new one|<street>)
    my (flat|apartment|house) number is (missing|wrong|not right) (in|from|on) (the address|your letters|my details)
    (relocated|relocating|moving|moved) to <city>, (what do you need from me|please take note|what should I change|where do I put the new address)
    the (mobile|phone|email) you (text|send) codes to isn't mine (anymore|any longer), (it should be <phone>|please change it|I have a new one)
    mail (is still going|still goes) to my (parents|ex|old place|former flat), I want it (at my place|here|at <street>)
    back to my maiden name (after the divorce|), please (amend|fix|change) (your records|it)
    there's a (letter|digit|number) (missing|wrong) in my (name|address|phone number|email)
    please note (our|my) new (street|address|phone number|email): (<street>|<phone>|it has changed), (valid from <ahead>|thanks|)
    where (do|can) I edit the (phone number|address|email) in my profile
    for (six months|a while|the summer) I'll be living (elsewhere|at my daughter's|in <city>), (send letters there|please redirect my post)
    (I'm|I am) no longer (at|reachable at|on) (<street>|this number|that email)
    my name is spelled (with a K|with two Ts|differently), please (correct it|fix)
    my contact (info|data|details) (is|are) out of date
    can I give you (another|a better|my new) number to reach me on
    my (provider|phone company) gave me a new number
    your letters don't reach me since I moved
    I'd like my post at work from now on
    put my new (mobile|address|email) on file
    you've got me down as living in <city>, I (left|moved away)
    my email got typed with a typo, (can you fix it|it should be different)
    update where I live
    (new home|new flat|new house), same me. (address change please|what do you need|please update)
    my legal name changed (by court order|last month|), here are the papers
    register my (new number|new mobile|other email)
    switch my mailing address to a PO box
    I've a different cell now
    can I change my phone number with you online
    my wife and I moved in together, (my address is hers now|so my address changed)
    please change the contact person's (phone|email) on the business account
    new postcode: same house though
    use this email instead of the one you've got
    I want alerts sent to my new phone number
    I need to tell you about a change of (name|address|phone)
    we (sold the house|left the country|changed flats), how do I (tell you the new address|update it)
    you printed my name wrong on the card, please correct it in your records
""")

REPORT_FRAUD = _lines("""
    (the|a) (seller|dealer|breeder|landlord|buyer|guy online) took my (<amount>|money|deposit) (by transfer|by bank transfer|over the phone|) and (disappeared|vanished|blocked me|was never heard of again), (I've been had|I was scammed|it was all fake|I think it's fraud)
    (I think|I believe|I fear) (I've|I have) been (had|scammed|tricked|fooled|taken in) (by a fake seller|by someone online|by a caller|)
    I (clicked|opened|followed) (the|a) link (in an email|in a text|in your message|) and (entered|typed|gave) my (password|login|card number|details), (now I doubt it was you|it wasn't really from you|I think it was fake|was that wrong)
    I (keep getting|keep receiving|get) (codes|security codes|one-time codes|messages) for (transfers|payments|logins) I'm not making
    (codes|passcodes) (arrive|come) on my phone and I (didn't ask for any|am not logging in)
    (thousands|hundreds|<amount>) (are|is) gone and (my grandson|a relative|my lodger|a friend) (did it with my card|used my card without telling me)
    my card (info|information|data|details|numbers) (was|were|has been|got) (stolen|taken|skimmed|copied) (online|, what do I do|by hackers|)
    (can you|please|) (assist|help) me (with|on) (the|my|) fraudulent activity (on my card|on my account|)
    (a couple of|some|a few|several|many) (payments|transactions|charges) (in the app|on my card|) (that|which) I didn't make, (someone must have access to my card|who has access to my card|somebody is using it)
    (does|could) (someone|anyone else) have access to my (card|account)? there are payments (I didn't make|that aren't mine)
    (somebody|someone) in (another country|<city>|a far away place) is (having a great time|on a spree|going wild|buying stuff) with my card, (it's in my pocket|I have it here|and I'm at home)
    a (polite man|nice lady|guy|person) (from your security team|claiming to be the bank|who said he was police) got my (passcode|PIN|details|code) (out of me|) (this morning|<back>|)
    I woke up to (eleven|a dozen|<count>|loads of) purchases (overnight|) (from electronics stores|from abroad|at <merchant>), none (of them|) (mine|by me)
    (I already|I stupidly|I) typed (in|) my (details|password|card number) on a (fake|strange|copycat) page (from a text|from an email|)
    a (text|mail|message|link) says my account is (suspended|locked|limited), is (that|this) (you|real|genuine)
    someone (has|) (opened|taken out) a (card|account|loan) with you using my (social security number|name|ID|passport)
    my (online banking|account|app) was (accessed|entered|opened) from (a device|a phone|a computer) (in <city>|that's not mine|I don't own) (and money was wired out|and <amount> left|)
    my card was copied (at a petrol pump|at a cash machine|in a restaurant), (there are withdrawals in a town I've never visited|money is leaving)
    the (landlord|seller|charity|company|girlfriend|investment) I (wired|sent|paid) (a deposit|money|<amount>) to (doesn't exist|was made up|was fake|disappeared), I was (tricked|duped|had|conned)
    my (nephew|son|lodger|carer) has been helping himself to my (account|card|savings)
    looks as though (someone's|somebody is|hackers are) trying to (break in|get in|take over my account)
    I've been (phished|hacked|scammed|swindled|ripped off by a fraudster|duped|defrauded)
    several (hits|payments|withdrawals) within (minutes|an hour|a night), (someone has my card details|not one is mine|I didn't do any)
    (mum|my dad|grandpa|my aunt) was (persuaded|talked into|pushed) to (move|send|hand over) (her savings|his savings|money) (to a safe account|by a fake policeman|to a stranger)
    someone's spending my money and it (isn't|sure isn't|is not) me
    transfers to people I don't know (have left my account|are in my account|) (, I think I got hacked|, help|)
    (lock|freeze|shut) everything, (I've been hacked|someone is in my account|a scammer has my login)
    is this (call|text|email) (really from|from) you or a scam
    a fake (bank employee|website of yours|app) (took|has|got) my (login|card number|money)
    whoever has my card number just (bought|ordered) (sneakers|phones|gift cards)
    I'm the target of a scam (I think|), a man wants me to (buy gift cards|send crypto|share my screen)
    I let someone (control my computer|share my screen|into my phone) and now (money is gone|I'm scared for my account)
    my card details turned up (on the dark web|in a leak) and (it's being used|someone is using them)
    a (crook|criminal|fraudster|hacker|cheat) (has|is using|emptied|got into) my (card|account|identity|savings)
    I didn't authorise (any of this|these|the transfers|those payments), (someone broke in|it's fraud|investigate)
    <count> payments I know nothing about, all (last night|within minutes|abroad)
    my savings were sent to an account I don't know
    please investigate, someone pretended to be me at (a branch|your call centre)
    a cheque with my forged signature was cashed
    someone changed my (address|email|phone number|password) without me, (I think it's a hacker|it wasn't me|please lock it)
    someone is using a copy of my card
    the number on my card is being used by others
    cash was withdrawn (in <city>|at night|three times) while the card was with me
    is it normal that you ask for my (PIN|password|full code) by (phone|text|email)
    I want to warn you about a scam in your name
    there are strangers' purchases on my account
    unknown person doing transactions with my account
    someone used my card for (gambling|crypto|a hotel|games) without my knowledge
    fraudulent (use|usage) of my card
    a thief has my numbers and goes shopping
    my card's been used (without me|by a stranger|and it was never out of my hands)
    I fell for it, they have my (bank login|code|card)
    I gave my bank login to a fake support agent
""")

CLOSE_ACCOUNT = _lines("""
    (I've|we've) (gone over|moved|switched) to (an online bank|another bank|a credit union|a rival), (please wrap things up|so finish things on your side|so this account can go)
    my (late|dead) (father|mother|husband|aunt|uncle) had an account with you, (how do we shut it|what do we send to have it shut|please close it)
    I won't be renewing (the card|my card|it), (terminate it|so end it|kindly cancel)
    (three|four|<count>) cards (is|are) too many, (kill|drop|scrap|axe|ditch) (one|the blue one|my <card>|this one)
    (emigrating|I'm emigrating|leaving the country|retiring abroad), (won't need an account here|no more need for my account|so end my account)
    what are the steps to (leave your bank|leave you|close up|quit)
    shut it down, (I don't use it|the fee is daft|please|it's useless to me)
    end my relationship with (your bank|your institution|you) and (wire|send) (the funds|the rest) to (my new bank|my other account)
    how can I get my account (deleted|erased|closed|removed) (for good|completely|)
    (merging|we're merging|combining) our finances, so my (old account|old checking|single account) can (go|be closed)
    (I want|get me) out. (send|pay) me (what's left|whatever's in there|my money) and (be done|that's it|finish it)
    is there a penalty if I (shut|close|end) (it|my account|my savings) early? (I plan to|I'm going to|I will)
    this account has (outlived its purpose|served its time|no use any more)
    the annual fee (went up|has doubled|is silly), I no longer wish to keep (the card|the account)
    (drop|scrap|ditch|bin) my (account|credit card|card), (I'm going cash only|thanks|I've got a better one)
    I'd like to (leave|quit|say goodbye) (as a customer|, close everything|and take my money elsewhere)
    taking my (business|money|custom) elsewhere, (close it|so close my account|shut the lot)
    no longer a need for (this card|my account), (please end it|discontinue it)
    my account should (cease|end|be closed) (by <ahead>|on <ahead>|immediately)
    (pull the plug on|put an end to|wind down) my (account|card account|current account)
    I'm breaking up with you, bank. (close it all|shut my account)
    please confirm my account is closed (as I asked <back>|)
    I asked for my account to be closed (<back>|), is it done
    my student account isn't needed since I (graduated|left), close it
    how do I (quit|leave) (your bank|the bank) (and take my money|)
    cancel the card contract (before renewal|by <ahead>|)
    we don't need the joint account now that (we split up|we've separated|he moved out)
    empty my account and close it
    I'd like to cash out and close
    can I close my account online or must I come in
    close my savings but keep the current account
    I'm unhappy, so I'm closing
    I don't need a credit card anymore
    I'm not using the card, get rid of it
    please remove me as a customer
    (kill|bin|lose) (the|my) <card>, (I've too many|never use it|don't need it)
    account to be shut on <ahead>
    your bank isn't for me, please cancel my account
    close (mine|it) too, my wife already left your bank
    terminate everything and send a confirmation
    my company no longer exists, shut its account
    what do I have to sign to close my account
    I've no more use for your credit card, do away with it
""")

OTHER = _lines("""
    (make|set|have) my (credit limit|limit|line) (smaller|lower|less|a lot smaller), (I don't trust myself|I spend too much|it's too much for me|please)
    (I'd rather have|I prefer|can I have|give me) a (smaller|lower|tighter) (limit|credit limit|credit line) (so I don't overspend|please|)
    less credit please
    I (broke|bent|snapped|cut|burned|ruined|cracked) my card (by accident|opening a jar|in the car door|with pliers|while gardening|) (and need another|, send a new one|)
    my card (got singed on the stove|melted|went through the laundry|was chewed by the puppy|was snipped up by my son|was mangled by the vacuum cleaner|got dropped in paint|buckled in my wallet) (and I need it replaced|, can I get a new one|)
    (no checks left|my cheque book is empty|almost out of checks|my checkbook is finished), (order some|please send a new one|I'd like another book)
    I could use (a fresh checkbook|another cheque book) soon
    (will|would) I be charged (extra|a fee|) if I use my card in (<city>|another state|Turkey|Canada)
    using my card in <city> won't cost me extra, will it
    I (don't want|dislike|want to replace) my (current|old) (PIN|pin|password) (anymore|)
    up to which (month|date) is my card (good|valid)
    which (month|date) is printed on my card as the last
    (I'm in your debt, thanks|thanks ever so much for your help|much obliged, bye|you've been great)
    I haven't received (my|the) (new|) card (yet|) and (wonder where it is|it's been a week|I'm worried it got lost in the post)
    (pay|use my savings to pay) (my electric bill|my mortgage|the water company|my phone company|the gas people)
    (how|is) my credit (looking|any good|good enough for a new card|rating okay)
    how long would it take to pay off my card at <amount> a month
    do you (lot|guys|folks|) (do|give|offer) (mortgages|loans|car finance|student loans|bridging loans) (for self-employed people|to pensioners|for foreigners|to start-ups)
    my card's (chip|stripe) is (dead|scratched|worn), the reader (just beeps|says error|won't take it)
    my card (snapped|broke|cracked|melted|bent), (can I tape it|I need a new plastic|send another)
    how do I get the app to (send me a notification|show a chart|remember me|use face ID|speak English)
    (wire|send|get) <amount> to (my cousin|my mother|a friend|my landlord) (in <city>|abroad|), (how|what do I press|which fees)
    what's the (pin|code) for my new card, the letter (never came|got wet|is gone)
    is (the|your) (branch|<city> branch|main branch) open (on bank holidays|on Saturday|at lunch|on <ahead>)
    which of your cards gives (the most miles|cashback|airport lounges|the best points)
    make my limit (smaller|lower|less), (I don't trust myself|I overspend|I want to be safe)
    (bring|take|put) my (limit|credit line) down (to <amount>|a bit|by half)
    I'd feel safer with a (lower|smaller) credit limit
    what do you think of (ethereum|gold|the stock market|house prices) (at the moment|)
    could I (pop in|come by|drop in) and (speak|talk) to someone about (a pension|investing|a house|my will)
    how many (Swiss francs|yen|rupees|euros) (would I get|do I get) for (a hundred dollars|<amount>)
    explain (APR|compound interest|what a direct debit is|contactless) (in plain English|to me|)
    the (new|replacement|promised) (debit card|card) you (sent|promised) (<back>|) (has yet to arrive|is not here|still hasn't turned up in the mail)
    my daughter should have a card on my account too
    my contactless was refused on the bus, why
    the shop's machine wouldn't take my card (this morning|), why
    last year's statements for my accountant please
    which way to the nearest (cash machine|ATM|branch)
    I keep forgetting my (online password|PIN|security answer)
    how can I bring my credit score up
    I'd like to take (more|<amount>) out at the ATM but it only gives me (<amount> a day|so much), can that be changed
    (raise|lift|increase|up) how much (cash|money) I can (take out|withdraw) (a day|at the machine|per day)
    the (daily|weekly) (cash|withdrawal|transfer|ATM) limit is too low for me
    I want to send more than the daily transfer limit allows
    does my card work in (Vietnam|Iran|Cuba|<city>)
    I'm flying to <city> (tomorrow|<ahead>), just letting you know (so you don't block my card|)
    are there (graduate schemes|apprenticeships|jobs) at your bank
    my (transfer|payment to <name>|wire) from (<back>|<back>) is (still pending|stuck|in limbo)
    can you put me through to (a person|someone in loans|the manager|my adviser)
    I want a (second|new|different|metal) card
    why was my card declined (at <merchant>|) (when there's money|)
    how do I see my last ten (purchases|transactions)
    what did I spend at <merchant> (last month|in total|)
    can I order (cheques|euros|a coin bag|a paying-in book)
    who won last night
    do you reckon it'll rain on (Sunday|<ahead>)
    fun fact please
    what's 18 percent of 64
    how long do I boil an egg
    I need a plumber
    my neighbour's dog barks all night
    where's my pizza
    (cool|ok|great|alright|fine) (thx|thanks|bye|then|) (bye|see you|)
    nothing, just looking around
    I clicked on the wrong thing
    can we talk about something else
    what's the best way to learn Spanish
    what is the bank's policy on (green energy|lending for electric cars|privacy)
    how do I freeze my card for fun and unfreeze it
    my card is locked after three wrong pins
    my money transfer app doesn't accept your card
    do I need to tell you when I travel
    what are the fees for using my card abroad
    can I open an account for my (dog|newborn|club)
    where do I see my rewards
    convert my points to miles
    what's a good savings account for kids
    I want to (save|put aside|invest) <amount> (every month|a month|for my kids)
    can I pay with my watch
    I'd like financial advice
    send a (copy of my contract|confirmation letter|certificate of balance for the embassy)
    I need a letter for my visa application
    my business needs a card reader
    do you finance solar panels
    what are the requirements for a mortgage of <amount>
    can I borrow <amount> (for a car|to renovate|as a personal loan|over five years)
    I'd like to take out a loan of <amount>
    lend me <amount> as a personal loan
    is the app down
    how do I scan a cheque with the phone
    tell <name> I said hi
    how do I stop paper letters
    turn on dark mode
    I never got the code by text
    what's the CVV on the back for
    the ATM screen was broken
    how do I add a nickname to my account
    switch me to paperless
    can I choose my own PIN
    can I get the card in another colour
    is there a student discount
    how old must my son be to have a card
""")
