"""E-mail addresses and phone numbers become EMAIL and PHONE; years, doses, prices, dates and statistics stay as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

import phonenumbers

EMAIL = "EMAIL"
PHONE = "PHONE"

_EMAIL = re.compile(
    r"(?:mailto:)?(?<![\w.+-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[^\W_](?:[\w-]{0,62})(?:\.[\w-]{1,63})*\.[^\W\d_]{2,24}(?![\w-])"
)
# Written so that robots do not find it: name [at] example [dot] org.
_SPELT = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}\s?[\[({]\s?at\s?[\])}]\s?[\w-]{1,63}(?:(?:\.|\s?[\[({]\s?(?:dot|punt|punkt)\s?[\])}]\s?)[\w-]{1,63})+",
    re.I,
)
# Cheap test before the expensive one: at least seven digits with only number punctuation between them.
_MAYBE = re.compile(r"\d(?:[^\w\n]{0,3}\d){6}")
_URL = re.compile(r"(?:https?://|www\.)\S+|\b10\.\d{4,9}/\S+", re.I)
_DATE = re.compile(
    r"^(?:(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)\d\d|"
    r"\d{1,2}[-./](?:19|20)\d\d\b|\d{1,2}\s?/\s?\d{1,2}\s?/\s?\d\d\b|(?:(?:19|20)\d\d\D{1,3})*(?:19|20)\d\d)"
)
_THOUSANDS = re.compile(r"^\d{1,3}(?:[\s.,]\d{3})+$")
_UNIT = re.compile(
    r"^\s?(?:[%‰€$£]|(?:mg|mcg|µg|ug|g|kg|ml|cl|dl|l|iu|ie|e|eur|euro|euros|usd|dollars?|pounds?|million|miljoen|millones|"
    r"people|mensen|personas|menschen|patients?|pati[eë]nten|pacientes|cases|gevallen|casos|fälle|deaths|doden|muertes|tote|"
    r"doses|dosis|dosen|samples|tests|vaccinations|vaccinaties|impfungen|vacunas|x|views|followers|jaar|years|años|jahre)\b)",
    re.I,
)
_CURRENCY = re.compile(r"(?:[€$£]|\b(?:eur|usd|gbp))\s?$", re.I)
_LABELLED = re.compile(
    r"\b(?:isbn|issn|pmid|pmcid|doi|nct|isrctn|ean|iban|art(?:ikel)?\.?|ref|id|lot|batch|charge)[\s.:#-]{0,3}$",
    re.I,
)
_CUE = re.compile(
    r"(?:\b(?:tel|telefoon|telefon|teléfono|telefono|phone|mobile|mobiel|móvil|movil|handy|call|bel|ruf|anrufen|llama|llame|"
    r"llámame|text|sms|app|whats\s?app|signal|telegram|fax|number|nummer|número|numero)\b[^\d\n]{0,20}|☎\S?\s?|📞\s?|📱\s?)$",
    re.I,
)


def mask_contacts(text: str, regions: Sequence[str]) -> str:
    """`text` with its e-mail addresses as EMAIL and its phone numbers as PHONE.

    `regions` are the ISO 3166 countries whose national numbers are recognised; +country numbers always are.
    """
    if "@" in text:
        text = _EMAIL.sub(EMAIL, text)
    if "at" in text.lower():
        text = _SPELT.sub(EMAIL, text)
    return _mask_phones(text, regions) if _MAYBE.search(text) else text


def _mask_phones(text: str, regions: Sequence[str]) -> str:
    protected = [match.span() for match in _URL.finditer(text)]
    found: list[tuple[int, int]] = []
    for region in regions or (None,):
        for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.VALID):
            if any(start < match.end and match.start < end for start, end in protected):
                continue
            if _is_phone(match.raw_string, text[: match.start], text[match.end :]):
                found.append((match.start, match.end))
    for start, end in reversed(_united(found)):
        text = text[:start] + PHONE + text[end:]
    return text


def _is_phone(number: str, before: str, after: str) -> bool:
    """Whether a run of digits that could be dialled is meant to be; decided against masking where it may be a figure."""
    digits = re.sub(r"\D", "", number)
    if number.startswith("+") or before.endswith("+"):
        return len(digits) >= 8
    near = before[-40:]
    if _UNIT.match(after) or _CURRENCY.search(near) or _LABELLED.search(near):
        return False
    if _DATE.match(number):
        return False
    if _CUE.search(near):
        return True
    if digits.startswith("0"):
        # A trunk prefix: no figure is written with a leading zero, but "0.123456789" is.
        return len(digits) >= 9 and not re.match(r"^0[.,]", number)
    if _THOUSANDS.match(number):
        return False
    # Ten digits in a row are more often an id; (415) 555-2671 and 415-555-2671 are dialled.
    return bool(re.match(r"^(?:1[-. ])?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}$", number))


def _united(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    united: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(end, united[-1][1]))
        else:
            united.append((start, end))
    return united
