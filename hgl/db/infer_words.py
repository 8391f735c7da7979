"""Words that carry meaning in table and column names, all singular and lower case."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NUMBERS = _words("no num number nr")
"""Words for a running number, and for how many there are."""
IDENTIFIERS = _words("id key pk fk sk uuid guid oid identifier")
"""Words that say: this column identifies a row."""
CODES = NUMBERS | _words("code ref abbr iso symbol slug")
"""Words that may identify a row, and often just describe it."""
LINKS = _words("by to via of")
"""Trailing words that say: this column points at somebody or something."""

SELF = _words(
    "parent superior report reply predecessor successor previous prev next original root ancestor "
    "duplicate superseded replaced merged"
)
"""Roles that another row of the same table plays."""
PERSON_ROLES = _words(
    "rep representative manager mgr supervisor boss clerk salesperson salesman seller buyer "
    "technician instructor teacher author owner creator editor assignee reporter approver reviewer "
    "sender recipient receiver friend follower followee advisor adviser "
    "chair head director lead leader coach mentor captain"
)
"""Roles that people play."""
PERSON_ACTS = _words(
    "created updated modified edited approved assigned deleted closed opened submitted reviewed "
    "handled voted posted followed invited reported"
)
"""The same as verbs: who did it, where a mark follows (`created_by`)."""
PERSON_TABLES = _words(
    "employee staff user person member account agent worker instructor teacher professor faculty "
    "physician doctor"
)
"""Tables whose rows play these roles."""
PREFIXES = _words("tbl tb t dim fact stg lkp ref")
"""First words of table names that say what kind of table it is."""
SUFFIXES = _words("datum info information master tbl table entity record list lookup dim")
"""Last words that say the same."""

CATEGORIES = _words(
    "type kind status state category class group flag mode method channel gender sex zone "
    "zip postal postcode zipcode region section segment division league currency "
    "language locale unit"
)
"""Words for what codes tell: such numbers name something, they do not measure."""
GENERIC = _words("type kind status state class flag mode level")
"""Those that say nothing without the word before them."""
MEASURES = _words(
    "name title description value amount price cost total sum count quantity qty rate score size "
    "weight height width length age point position rank order level grade balance salary latitude "
    "longitude lat lon lng alt text body comment note email phone fax address url date time hour "
    "minute second day week month quarter year season timestamp milliseconds millisecond bytes byte"
)
"""Words for content: a column so named is no key, even where its values happen to be distinct."""
SEQUENCES = _words(
    "line seq sequence index position rank order number no num round stint half period lap stop "
    "version revision step part day hour week month quarter year season date time timestamp"
)
"""Words for what, beside a reference, tells rows of a composite key apart."""

NOT_GLUED = _words(
    "paid unpaid prepaid void avoid valid invalid grid fluid liquid hybrid solid rapid acid amid "
    "android covid steroid druid squid lipid plaid braid morbid orchid pyramid vivid timid rigid "
    "asteroid centroid polaroid thyroid humid placid candid sordid splendid stupid lucid arid "
    "monkey turkey hockey jockey whiskey donkey"
)
"""Words that end in `id` or `key` without meaning it."""
GLUE = _words(
    "name date time type code number detail line item status count year user address city country "
    "state group order history log map link role state title"
)
"""Words often written together with others, as in `orderdetails`."""

TIMES = _words("date dat time timestamp datetime ts dt day hour moment instant when at on utc gmt")
"""Words that say: this is an instant."""
YEARS = _words("year yr season")
RECORDED = _words(
    "created creation create inserted insert added add registered registration signup joined join "
    "recorded record logged posted published submitted submission uploaded entered entry received "
    "ingested captured"
)
"""The row came into being: the best evidence of when it became known."""
HAPPENED = _words(
    "event transaction order ordered invoice sale sold purchase purchased payment booking "
    "booked visit session occurred observed observation measured measurement sample sampled issued "
    "opened open placed sent hired hire start started starting begin began review search request "
    "viewed view click clicked action admit admission rental race game match chart call asked"
)
"""What the row tells of took place."""
LATER = _words(
    "birth born birthday dob death died dod expire expired expiry expiration due deadline required "
    "shipped ship delivered delivery closed close completed complete completion finished finish "
    "resolved resolution updated update modified modify modification edited edit changed change "
    "last latest end ended ending until till to thru through stop final next future planned plan "
    "scheduled sched target expected estimated estimate promised returned return cancelled "
    "canceled deleted archived activity access accessed seen login retired termination terminated "
    "left leave exit discharge disch out approved accepted rejected decided confirmed verified "
    "paid settled maturity valid renewal eta"
)
"""Told later than the row itself, or about something else."""
LATER_PARTS = ("birth", "death", "expir", "update", "modif", "deliver", "complet", "cancel")
"""The same inside words written together."""
