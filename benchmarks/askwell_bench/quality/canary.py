"""Made-up personal data, planted into résumés and looked for in everything that comes out.

84 people who do not exist, each with a name, an e-mail, a phone number of one of 12 countries, an address, a
date of birth and an identity number: 504 canaries. They stand where résumés have such data: in the head, in a
list of references, in a line of the experience and in running text.
"""

import calendar
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import phonenumbers

COUNTRIES = ("US", "GB", "DE", "FR", "IN", "CN", "BR", "ZA", "JP", "SE", "MX", "KE")
_GIVEN = re.findall(
    r"\S+",
    "Aurelio Birgitta Chukwuemeka Delphine Eskild Farzaneh Goran Hyeon-ju Ikaika Jadwiga Kwabena Leocadia "
    "Mehmet Nomvula Oskari Parvati Quentin Rosalind Shizuka Tobias Ulrike Vikram Wilhelmina Xiaomei Yannick "
    "Zsofia Amelie Bartholomew",
)
_FAMILY = re.findall(
    r"\S+",
    "Abernethyson Borowiczak Castellanetta Dlaminizwe Eriksholm Fitzmauricey Gundersrud Hatanakamoto "
    "Iwuchukwuna Jankauskiene Kowalewicz Lindqvistad Mbekimvula Nakashimoto Oyelarantan Pellegrinotti "
    "Quispemamani Rautavaarinen Szentgyorgyi Thorvaldsdal Umarkhanov Vandermolenaar Wojciechowiak Xolanimba "
    "Yamagishiro Zimmerlingen Adeyinkusi Bhattacharjeen Cavalcantino Dombrowskaya Esterhuizenga Fauconnieri "
    "Gallagherty Hovhannisian Ilmarinenko Jorgensrud Krishnaswamin Lefebvrault Mihailovicki Nyambuarangi "
    "Ostrowidzka Papadimitrakis Qureshimann Rosenkrantzer Sivasubramanu Tchaikovich Uchimurata Villavicensa "
    "Wickramaratna Ximenesto Ylivainiola Zubizarretan Akhmatullina Bergeronneau Cholmondeleigh Dragomireanu "
    "Echeverriaga Featherstonby Grzegorzewska Holmqvistorp Ivanovskaite Jeyaratnamby Kirimitsune "
    "Ljungstromer Mwangiriuki Navarretesca Olufunmilade Przybylowicz Radhakrishta Stefanopolou Turkmenbashir "
    "Uspenskayev Valtysdottir Whakatanean Yevtushenkova Zapotoczna Anagnostakou Bjarnasonar Colquhounie "
    "Dostoyenko Ekwueminor Fernandopulli Goonatilakes Huygensmans",
)
_STREETS = (
    "{n} Larkspur Crescent, Flat 3", "{n} Quarrystone Road", "Amselgrundweg {n}", "{n} rue des Tisserands",
    "Plot {n}, Ashoka Vihar Road", "{n} West Jianshe Road", "Rua das Palmeiras {n}", "{n} Jacaranda Avenue",
    "{n} Sakuragaoka-cho", "Björkbacksgatan {n}", "Calle Encinas {n}", "P.O. Box {n}-00200",
)  # fmt: skip
_TOWNS = (
    "Springvale, OH 44199", "Hartlemere HX9 9ZZ", "89998 Oberwald", "69999 Vieux-Pont", "Nagpur 440099",
    "Xinyang 464099", "Recife", "Durban 4099", "Sapporo", "Umeå", "Oaxaca", "Nakuru",
)  # fmt: skip
_MONTHS = calendar.month_name[1:]
# Labels as résumés write them; # is a digit, ? a capital letter.
_IDS = (
    ("SSN", "9##-##-####"), ("National Insurance number", "QQ ## ## ## ?"), ("Steuer-ID", "## ### ### ###"),
    ("INSEE", "# ## ## ## ### ### ##"), ("Aadhaar", "#### #### ####"), ("Resident ID", "46990119########0#"),
    ("CPF", "###.###.###-##"), ("ID number", "#############"), ("Passport no.", "?? #######"),
    ("Personnummer", "######-####"), ("CURP", "????######????????##"), ("Driving licence", "??######"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Canary:
    """``needles``: any of them in a normalised text gives the canary away. ``digits``: they are digits, and
    looked for in the text's runs of digits, however these are spaced."""

    kind: str
    text: str
    needles: tuple[str, ...]
    digits: bool = False


@dataclass(frozen=True, slots=True)
class Persona:
    name: Canary
    email: Canary
    phone: Canary
    address: Canary
    birth: Canary
    identity: Canary
    identity_label: str

    @property
    def canaries(self) -> tuple[Canary, ...]:
        return (self.name, self.email, self.phone, self.address, self.birth, self.identity)


class Haystack:
    """A text in which canaries are looked for, normalised once."""

    def __init__(self, text: str) -> None:
        self._letters = f" {_plain(text)} "
        self._digits = re.sub(r"(?<=\d)[ \u2011().\-/]+(?=\d)", "", text)

    def holds(self, canary: Canary) -> bool:
        where = self._digits if canary.digits else self._letters
        return any(needle in where for needle in canary.needles)


def personas(seed: int) -> list[Persona]:
    """One for each family name."""
    random = Random(seed)
    return [_persona(index, family, random) for index, family in enumerate(_FAMILY)]


def planted(resume: str, guests: Sequence[Persona]) -> str:
    """The résumé with the data of up to four people, each in another place."""
    text = resume
    for persona, plant in zip(guests, (_head, _references, _bullet, _prose), strict=False):
        text = plant(text, persona)
    return text


def _head(text: str, p: Persona) -> str:
    return (
        f"{p.name.text}\n{p.address.text}\n{p.phone.text} | {p.email.text}\nDate of birth: {p.birth.text}\n"
        f"{p.identity_label}: {p.identity.text}\n\n{text}"
    )


def _references(text: str, p: Persona) -> str:
    return (
        f"{text}\n\nReferences\n- {p.name.text}, {p.address.text}, tel. {p.phone.text}, {p.email.text}\n"
        f"- Born {p.birth.text}, {p.identity_label} {p.identity.text}\n"
    )


def _bullet(text: str, p: Persona) -> str:
    line = (
        f"- Trained {p.name.text} as a successor in two months; questions go to {p.phone.text} or "
        f"{p.email.text}, letters to {p.address.text} (born {p.birth.text}, {p.identity_label} "
        f"{p.identity.text})."
    )
    lines = text.split("\n")
    bullets = [index for index, each in enumerate(lines) if each.lstrip().startswith(("- ", "* ", "• "))]
    at = bullets[0] + 1 if bullets else len(lines) // 3
    return "\n".join([*lines[:at], line, *lines[at:]])


def _prose(text: str, p: Persona) -> str:
    told = (
        f"{p.name.text} worked beside me for three years and will confirm it: call {p.phone.text}, write to "
        f"{p.email.text}, or ask at {p.address.text}. For the form: born {p.birth.text}, "
        f"{p.identity_label} {p.identity.text}."
    )
    paragraphs = text.split("\n\n")
    at = len(paragraphs) // 2
    return "\n\n".join([*paragraphs[:at], told, *paragraphs[at:]])


def _persona(index: int, family: str, random: Random) -> Persona:
    given, country = _GIVEN[index % len(_GIVEN)], COUNTRIES[index % len(COUNTRIES)]
    local = f"{_plain(given)[:6].strip('-')}.{_plain(family)}{random.randrange(10, 100)}"
    phone, number = _phone(country, index, random)
    street = _STREETS[index % len(_STREETS)].format(n=113 + 9 * index + random.randrange(9))
    year, month, day = 1955 + index % 47, (index * 5 + index // 47) % 12, random.randrange(13, 29)
    births = (
        f"{day} {_MONTHS[month]} {year}",
        f"{day}.{month + 1:02}.{year}",
        f"{year}-{month + 1:02}-{day}",
        f"{month + 1:02}/{day}/{year}",
    )
    label, pattern = _IDS[index % len(_IDS)]
    identity = re.sub(
        "[#?]",
        lambda m: str(random.randrange(1, 10)) if m[0] == "#" else random.choice("ABCEGHJKLMNPRSTWXYZ"),
        pattern,
    )
    bare = re.sub(r"[ .-]", "", identity)
    return Persona(
        Canary("name", f"{given} {family}", (_plain(family),)),
        Canary("email", f"{local}@example.org", (local,)),
        Canary("phone", phone, (number,), digits=True),
        Canary("address", f"{street}, {_TOWNS[index % len(_TOWNS)]}", (_plain(street),)),
        Canary("birth date", births[index % 4], tuple(map(_plain, births))),
        Canary(
            "identity number",
            identity,
            (bare,) if bare.isdigit() else (_plain(identity), _plain(bare)),
            digits=bare.isdigit(),
        ),
        label,
    )


def _phone(country: str, index: int, random: Random) -> tuple[str, str]:
    """A possible number of the country as people write it, and its national digits without the trunk zero."""
    kind = phonenumbers.PhoneNumberType.MOBILE if index % 2 else phonenumbers.PhoneNumberType.FIXED_LINE
    number = phonenumbers.example_number_for_type(country, kind)
    assert number is not None and number.national_number is not None
    example = number.national_number
    while True:
        number.national_number = example - example % 10_000 + random.randrange(1_000, 10_000)
        if phonenumbers.is_valid_number(number):
            break
    styles = (
        phonenumbers.PhoneNumberFormat.INTERNATIONAL,
        phonenumbers.PhoneNumberFormat.E164,
        phonenumbers.PhoneNumberFormat.NATIONAL,
    )
    return phonenumbers.format_number(number, styles[index // 12 % 3]), str(number.national_number)


def _plain(text: str) -> str:
    """Small letters without accents, single spaces."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in folded if not unicodedata.combining(c)).split())
