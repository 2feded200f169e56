"""Word lists the generators draw from: English, business keys, decisions, labels, pieces of names."""

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def items(text: str) -> tuple[str, ...]:
    """Cuts a text at its bars; line breaks count as spaces."""
    return tuple(" ".join(text.split()).split(" | "))


WORDS: Final[tuple[str, ...]] = _words(
    """
    able about above account action active actual added address adult advance after again agent agree
    alarm alert all allow alone amount anchor annual answer any apple apply archive area arrive article
    asked asset assistant attach audit author automatic available average away back bad bag balance bank
    base basket batch because before begin behind below best better between bill birth blank block blue
    board body bonus book border box branch brand break bridge brief bring broken budget building bulk
    business busy button buy cable call camera cancel candle capital car card care cargo carrier case cash
    category cause centre certain chain chair chance change channel charge check chief child choice city
    claim class clean clear client clock close cloud coach code coffee cold collect colour comment common
    company compare complaint complete condition confirm contact contract control cool copy corner correct
    cost count country county couple coupon course court cover create credit current customer cut cycle
    daily damage dark data date day dealer debt decide deep default delay deliver delivery demand deposit
    desk detail device dinner direct disk dispute doctor document dollar door double down draft drive due
    early earn east easy edit effect eight electric email empty end energy engine enough enter entry equal
    error estate even event every exact exchange expense expert export extra face fact failed fair family
    farm fast fault feature fee feedback field file fill filter final find fine firm first five fixed flag
    flat flight floor flow folder follow food force foreign form forward four fraud free fresh friend
    front fuel full fund further future garden gas gate general gift give glass goal gold good goods grade
    grand green grey gross ground group growth guest guide guitar half hand happy hard harbour health heat
    heavy height help high hire history hold holiday home hope hotel hour house human idea identity image
    import income increase index indoor industry initial input insurance interest internal invoice island
    issue item jacket job join joint journey june july keep key kind kitchen label ladder lamp language
    large last late later law leave left legal length letter level library licence life light limit line
    link list loan local lock long lost lot low lower lunch machine mail main major manager manual many
    map mark market master match material meal measure medical meeting member memory menu merchant message
    metal meter middle mobile model money month monthly morning mortgage motor mountain move multiple
    music name narrow near need needle net network never new next night nine noise normal north note
    notice number object ocean offer office old one online only open option orange order origin other
    outcome outdoor output over overdue owner package page paid paint paper parcel parent park part
    partner party passenger password past patient pattern pay payment pending pension people percent
    period permit person phone photo piece pilot place plain plan plant plate player pocket point policy
    poor port position post power premium present previous price primary print priority private problem
    process product profit program project promise proof property provider public purchase purpose quality
    quantity quarter question queue quick quiet quote rail rain range rapid rate ratio reach read ready
    real reason receipt recent record red reference refund region regular related release remote rent
    repair repeat reply report request reserve response rest result retail return revenue review reward
    ribbon right ring risk river road roof room round route rule safe salary sale sample saving scale
    school score screen seat second section sector secure seed select seller sender senior series service
    seven share sheet shelf ship shipment shop short side sign signal silver simple single site six size
    small smooth soft sold solar solid source south space spare special speed spend sport spring square
    staff stage stamp standard star start state station status stay step stock stone stop storage store
    street strong student studio subject summer supplier support sure surface system table target task tax
    team ten term test text three ticket tier time title today token tomorrow tool top total tower town
    track trade traffic train transfer travel trial trip truck true trust tunnel two type under unit until
    update upper urgent usage use user usual utilisation valley value vehicle vendor velvet version visit
    voice volume wait walk wall walnut warehouse warm warning warranty waste watch water way weather week
    weekly weight welcome west white whole wide window winter wire wood word work worker world wrong yard
    year yearly yellow yes yesterday yet young zero zone
    """
)
KEYS: Final[tuple[str, ...]] = items(
    """
    utilisation | account age | late payments | asked increase | debt ratio | on-time share |
    open disputes | days overdue | credit score | risk points | cards held | limit requests |
    refund share | order age | years employed | monthly income | outstanding balance | current limit |
    requested amount | income | balance | tier | employment | fraud flag | identity checked | region |
    item state | payment history | last review | missed payments | customer since | purchase price |
    claim value | invoice total | seats used | storage used | error rate | response time | warranty left |
    delivery delay | mileage | tenancy | nights booked | notice given | trips this year | team size |
    budget left | tickets open | failed logins | age | weight | distance | headcount | contract length |
    deposit | rent | loan amount | interest rate | stock level | battery health | temperature |
    attendance | score | grade | returns this year | chargebacks | overdrafts | card status |
    address match | document check | utilization | debt-to-income | amount_requested |
    account_age_months | late_payments | credit_utilisation | is_verified | has_dispute
    """
)
FIELDS: Final[tuple[str, ...]] = _words(
    """
    name amount id date city reason decision style about team card account email phone status code
    reference product order total currency country branch agent subject category merchant limit owner
    address plan title type
    """
)
DECISIONS: Final[tuple[str, ...]] = _words(
    """
    approve decline refer escalate accept reject review hold allow deny refund return pause pass fail
    grant refuse forward close keep block release flag manual_review ask_more waive charge skip retry
    cancel confirm send_back
    """
)
INTENTS: Final[dict[str, tuple[str, ...]]] = {
    "credit_line_increase": items(
        """
        raise my limit | more credit on my card | a higher credit line | increase my line | extend my limit
        """
    ),
    "lost_card": items(
        """
        I lost my card | my card is gone | my wallet was stolen | I can't find my card | block my card
        """
    ),
    "dispute_charge": items(
        """
        I did not make this charge | a charge is wrong | dispute a payment | billed twice |
        money back for a charge
        """
    ),
    "balance": items(
        """
        what is my balance | how much do I have | money on my account | how much is left | show my balance
        """
    ),
    "payment_due": items(
        """
        when is my payment due | how much must I pay | my next bill | the due date |
        minimum payment this month
        """
    ),
    "update_contact": items(
        """
        I moved house | my new phone number | change my address | change my email | update my details
        """
    ),
    "report_fraud": items(
        """
        somebody uses my account | a strange login | I think I was scammed | fraud on my card |
        a fake call from you
        """
    ),
    "close_account": items(
        """
        close my account | cancel my card for good | I want to leave the bank | end my contract |
        shut the account
        """
    ),
    "refund": items(
        """
        I want a refund | give me my money back | return this item | send it back
        """
    ),
    "order_status": items(
        """
        where is my parcel | track my order | has it been sent | my delivery is late
        """
    ),
    "technical_issue": items(
        """
        the app crashes | I can't log in | the page does not load | an error on the screen
        """
    ),
    "booking": items(
        """
        book a room | reserve a table | I need a seat | make an appointment
        """
    ),
    "complaint": items(
        """
        your service was bad | I am very unhappy | this is a complaint | nobody helped me
        """
    ),
    "other": items(
        """
        tell me a joke | what is the weather | who are you | I like the river | sing a song
        """
    ),
}
TONES: Final[tuple[str, ...]] = _words(
    """
    positive negative neutral urgent normal low high medium spam unknown
    """
)
GIVEN: Final[tuple[str, ...]] = _words(
    """
    Ada Ahmed Aisha Alan Alice Amara Amir Ana Andrei Anna Anton Astrid Bao Ben Bianca Boris Carla Carlos
    Chen Chloe Daniel David Deepak Diego Dmitri Elena Elif Emma Erik Eva Fatima Felix Femi Fiona Francois
    George Grace Hana Hans Henry Hiro Ibrahim Ines Ingrid Ivan Jack James Jan Jin John Jonas Jose Julia
    Kai Karim Karl Kate Kenji Kofi Lara Lars Laura Leila Leo Liam Linda Luca Lucia Maria Mark Marta Mary
    Max Mei Michael Mia Milan Mohamed Nadia Nia Nina Noah Nora Olga Oliver Omar Oscar Pablo Paul Pavel
    Peter Priya Rachel Raj Rosa Ruth Sam Sana Sara Sergei Simon Sofia Stefan Susan Tariq Thomas Tom Uma
    Vera Victor Wei William Yara Yuki Yusuf Zara Zoe
    """
)
FAMILY: Final[tuple[str, ...]] = _words(
    """
    Adams Ali Allen Andersen Bauer Bell Bianchi Brown Campbell Chen Clark Cohen Costa Cruz Das Davis Diaz
    Dubois Evans Fischer Garcia Gomez Gonzalez Green Gupta Haddad Hall Hansen Harris Hoffman Hughes
    Hussein Ito Ivanov Jackson Jansen Johnson Jones Kaya Khan Kim King Klein Kowalski Kumar Lee Lewis Li
    Lopez Martin Martinez Mensah Meyer Miller Moore Morris Muller Murphy Nguyen Nielsen Novak Okafor Olsen
    Park Patel Perez Petrov Popescu Reed Reyes Ricci Roberts Rossi Roy Sato Schmidt Scott Shah Silva Singh
    Smith Suzuki Tanaka Taylor Thomas Turner Varga Vega Walker Wang Weber White Williams Wilson Wong
    Wright Yamamoto Yilmaz Young Zhang
    """
)
# Kept for measuring only: no training text holds one of these words.
HELD_NAMES: Final[tuple[str, ...]] = _words(
    """
    Zoltan Abiodun Quist Nkemelu Thibodeaux Oyelaran Siobhan Wojciech Xiomara Tjarda Ngozi Bronagh
    Krzysztof Ulloa Vigdis Fjeldstad Achterberg Mbatha Ilunga Szymborska Eilidh Caoimhe Rautavaara
    Yevgenia Bhattacharya Dlamini Iglesias Haverkamp Jokinen Papadakis Quiroga Raghunathan Saoirse
    Tamihana Umarov Vandersloot Whitcombe Xanthopoulos Ysolde Zelenka
    """
)
ONSETS: Final[tuple[str, ...]] = _words(
    """
    b c d f g h j k l m n p r s t v w z br ch cl cr dr fl fr gl gr kh kr ny ph pl pr qu sh sk sl sm sp st
    sv th tr ts vl x y zh
    """
)
VOWELS: Final[tuple[str, ...]] = _words(
    """
    a e i o u a e i o u a e i o ai au ea ei ia ie io oa oo ou ue y
    """
)
ACCENTED: Final[tuple[str, ...]] = _words(
    """
    á é í ó ú à è ä ö ü å ø ñ ç ã õ ê î ô š č ž ł ń ř ğ ş ı ë ï
    """
)
CODAS: Final[tuple[str, ...]] = ("",) * 14 + _words(
    """
    b ck d g k l ll m n ng nd nt p r rd rk rn rt s sk ss st t tz x z ld lm v
    """
)
PARTICLES: Final[tuple[str, ...]] = items(
    """
    van | de | von | al | bin | da | del | ter | la | du | van der | de la | ibn
    """
)
UNITS: Final[tuple[str, ...]] = (
    "%",
    " %",
    " months",
    " days",
    " years",
    "",
    "",
    " points",
    " hours",
    " km",
    " kg",
    " GB",
    " ms",
    " nights",
    " seats",
    " weeks",
    " EUR",
    " USD",
    "x",
    " times",
    " people",
    " °C",
    " units",
    " items",
    " pts",
    " miles",
)  # the space belongs to the unit
MONTHS: Final[tuple[str, ...]] = _words(
    """
    January February March April May June July August September October November December
    """
)
