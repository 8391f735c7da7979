"""Words that carry meaning in table and column names, all singular and lower case."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


IDENTIFIERS = _words("id key pk fk sk uuid guid oid identifier")
"""Words that say: this column identifies a row."""
CODES = _words("code no num number nr ref abbr iso symbol slug")
"""Words that may identify a row, and often just describe it."""
LINKS = _words("by to via of")
"""Trailing words that say: this column points at somebody or something."""

SELF = _words(
    "parent manager mgr supervisor boss superior report reply predecessor successor previous prev "
    "next original root ancestor duplicate superseded replaced merged"
)
"""Roles that another row of the same table plays."""
PERSON_ROLES = _words(
    "rep representative agent manager mgr supervisor clerk salesperson salesman seller technician "
    "instructor teacher author owner creator editor assignee reporter approver reviewer sender "
    "recipient receiver created updated modified approved assigned deleted closed opened submitted "
    "reviewed handled voted posted"
)
PERSON_TABLES = _words("employee staff user person member account agent worker")
"""Tables whose rows play the roles above."""

CATEGORIES = _words(
    "type kind status state category class group flag level mode method channel gender sex zone "
    "zip postal postcode zipcode region section segment division league grade rating tier currency "
    "language locale unit"
)
"""Words for codes: their numbers name something, they do not measure."""
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
