"""Postal addresses: streets with their numbers and the towns behind them."""

import re
from collections.abc import Iterator

from .skill import gazetteer
from .span import Span

_STREET = (
    r"Street|Str|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way|Court|Ct|Close|Crescent|"
    r"Place|Pl|Square|Sq|"
    r"Terrace|Gardens|Grove|Park|Row|Hill|Mews|Highway|Hwy|Parkway|Pkwy|Circle|Cir|Walk|Quay|Wharf|"
    r"Trail|Rise|View"
)
_ROOM = r"(?:,?[ \n](?:Apt|Apartment|Flat|Unit|Suite|Floor|#)\.? ?(?:\d+[A-Za-z]?|[A-Z])\b)?"
_CAPITAL = r"[A-ZÀ-ÖØ-ÞŁŚŻŹĆŘŠŽČĐİ]"
_NO_YEAR = r"(?!(?:19|20)\d\d\b)"
_OF = r"(?:de|du|des|del|la|las|los|le|les|aux?|sous|sur|di|da|das|do|dos)"
_ADDRESS = re.compile(
    rf"(?:\b(?:Flat|Apt|Apartment|Unit|"
    rf"Suite)\.? ?\w+,? )?\b\d{{1,5}}[A-Za-z]?,? (?:[A-Z][\w'’.-]*,? ){{1,4}}(?<!, )(?:{_STREET})\b\.?{_ROOM}"
    # Not "Monitoring 24 servers", nor "Fire Brigade 2015".
    rf"|\b{_CAPITAL}[\w-]{{1,40}}(?:(?:-?[Ss]tra(?:ß|ss)e|-?[Ss]tr\.|-?[Ww]eg|-?[Pp]latz|-?[Aa]llee|gasse|"
    rf"ufer|damm|(?<![aeiou])(?<!fer)ring|gatan|vägen|väg|(?<![Bb]ri)gade|vej|veien|straat|laan|gracht|kade|plein)"
    rf"| (?:Stra(?:ß|ss)e|Str\.|Weg|Platz|Allee)) ?{_NO_YEAR}\d{{1,4}} ?(?:[A-Za-z]\b)?(?!\w){_ROOM}"
    rf"|\b\d{{1,4}}(?: ?bis| ?ter)?,? (?:rue|avenue|boulevard|place|chemin|impasse|quai|allée|cours) "
    rf"(?:du \d{{1,2}} \w+ \d{{4}}|(?:(?:{_OF} |[dl]['’])+[\w'’-]+|{_CAPITAL}[\w'’-]+)"
    rf"(?: (?:{_OF} )*{_CAPITAL}[\w'’-]+){{0,3}})"
    rf"|\b(?:Calle|Rua|Avenida|Viale|Piazza|ul\.|Ulica) [^\n,|]{{3,40}}?,? ?\d{{1,5}}\w?\b"
    rf"|\b(?:Via|Plaza) (?:(?:{_OF}|dell[aeo]|dei|degli|(?:d(?:ell)?['’])?{_CAPITAL}[\w'’.-]*),? ){{1,5}}"
    r"\d{1,5}\w?\b"
    rf"|\b\d{{1,4}} {_CAPITAL}\w+-(?:cho|machi|dori)\b"
    rf"|\bP\.? ?O\.? Box \d+(?:-\d+)?(?: {_CAPITAL}\w+)?"
    r"|\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b"
    r"|\b(?:[A-Z][A-Za-z.'-]{1,24} (?:of )?){0,3}[A-Z][A-Za-z.'-]{1,24}, ?[A-Z]{2},? \d{5}(?:-\d{4})?\b"
    r"|\b[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d\b"
    r"|[\u4e00-\u9fff]{2,12}(?:省|市|区|路|街)[\u4e00-\u9fff\d]{0,30}号?"
)
_MONTH = (
    r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec|January|February|March|April|August|September|"
    r"October|November|December)\b"
)
_POSTCODE = (
    r"(?!(?:19|20)\d\d ?[–—-])(?:(?:[A-Z]{1,2}-)?\d{4,6}(?:-\d{3,4})?(?: [A-Z]{2}\b)?|\d{3} \d{2,3}|"
    r"\d\d-\d{3}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z\d] ?[A-Z\d]{3,4})(?!\w)"
)
_TOWN_WORD = rf"(?!I['’]|{_MONTH}){_CAPITAL}[\w'’-]+"
# A piece of an address behind its street: "Leeds LS1 4DY", "111 43 Stockholm", "IL 62704", "Dublin 4".
_TOWN = re.compile(
    rf", ?(?P<place>(?:{_POSTCODE} )?(?:St\. )?{_TOWN_WORD}"
    rf"(?: (?:(?:am|an der|im|upon|on|of|under|sur|de|di|do|la|le|del|den) )?{_TOWN_WORD}){{0,3}}"
    rf"(?: {_POSTCODE}| [A-Z]{{1,2}}\d{{1,2}}[A-Z]?(?!\w)| \d{{1,2}}(?=[,.;)|\n]|$))?"
    rf"|{_NO_YEAR}{_POSTCODE})"
)
_MAX_TOWNS = 4


def addresses(text: str) -> Iterator[Span]:
    """Streets with the towns behind them, as far as these are no skills: "14 Market Place, Excel"."""
    for match in _ADDRESS.finditer(text):
        end = match.end()
        for _ in range(_MAX_TOWNS):
            town = _TOWN.match(text, end)
            if town is None or gazetteer().hits(town["place"]):
                break
            end = town.end()
        yield Span(match.start(), end, "address")
