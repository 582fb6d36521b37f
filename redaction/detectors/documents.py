"""Documents: passports, licences, identity cards, registration plates, by what announces them."""

from __future__ import annotations

from redaction.detectors.announced import AnnouncedRecogniser
from redaction.detectors.recogniser import digits_of

__all__ = ["DOCUMENTS"]

# "no.", "number" and the like, which may stand between label and value in any language.
_CODE = r"(?=[A-Z]{0,5}[ \-]?\d|[A-Z0-9]{2,7}\d)[A-Z0-9]{5,18}"
_LICENCE = (
    r"(?=(?:[^\d\n]{0,6}\d){4})(?:\d{5}/\d\d/\d{4}|[A-Z]{1,3}-\d{6,8}(?: \d)?"
    r"|\d{2}[ .]?[A-Z]{2}[ .]?\d{5}"
    r"|[A-Z]{1,2}\d{2,3}(?:-\d{2,4}){1,3}(?:-\d)?|[A-Z]\d{3}[- ]\d{4}[- ]\d{4}"
    r"|[A-Z]\d{4}-\d{5}-\d{5}"
    r"|(?=[A-Z]{0,5}[0-9]|[A-Z0-9]{2,6}\d)[A-Z0-9]{6,18}(?:-[A-Z0-9]{1,4})?)"
)
_ID_CARD = (
    r"\d{8}[ -]\d[ -]?[A-Z]{2}\d|[A-Z]{3}[ -]?\d{6}|\d{3}-\d{7}-\d{2}"
    r"|[A-Z]{2}[ -]?\d{5}[ -]?[A-Z]{2}"
    r"|(?=[A-Z]{0,4}\d|[A-Z0-9]{2,5}\d)[A-Z0-9]{6,14}|[A-Z]{1,3}[- ]\d{4,9}(?:[- ]\d{1,4})?"
)
_PLATE = (
    r"[A-Z]{2}\d{2} ?[A-Z]{3}|[A-Z]{2}[- ]?\d{3}[- ]?[A-Z]{2}"
    r"|[A-ZÄÖÜ]{1,3}[ -]?[A-Z]{1,2}[ -]\d{1,4}[EH]?|[A-Z]{2}\d{2} ?[A-Z]{3}"
    r"|[A-Z]{2}[- ]?\d{3}[- ]?[A-Z]{2}"
    r"|\d{4}[ -]?[B-DF-HJ-NP-TV-Z]{3}|[A-Z]{2}-\d{2}-[A-Z]{2}|\d{2}-[A-Z]{2}-\d{2}"
    r"|\d{2}-\d{2}-[A-Z]{2}"
    r"|[A-Z]{2}-\d{2}-\d{2}|[A-Z]{2}-\d{3}-[A-Z]|\d-[A-Z]{3}-\d{2}|\d{2}-[A-Z]{2,3}-\d{1,2}"
    r"|[A-Z]-\d{3}-[A-Z]{2}"
    r"|[A-Z]{2,3} ?\d[A-Z0-9]{3,4}|[A-Z]{3}[ -]?\d{3,4}|\d[A-Z]{3}\d{3}|[A-Z]{3} ?\d[A-Z]\d{2}"
    r"|[A-Z]\d{1,3} ?[A-Z]{3}|\d{1,4} ?[A-Z]{1,3} ?\d{1,4}"
)


def _numbered(value: str) -> bool:
    """Tell a number from a word in capitals, and from a year."""
    return len(digits_of(value)) >= 4


def _passport(value: str) -> bool:
    """As a number; where a country mixes letters in, few digits will do."""
    return _numbered(value) or (value.isupper() and len(value) >= 8)


def _lettered(value: str) -> bool:
    return any(c.isalpha() for c in value) and any(c.isdigit() for c in value)


DOCUMENTS = (
    AnnouncedRecogniser(
        "passport", "PASSPORT",
        r"(?:[a-z]{2,12}[ -])?passports?(?:[ _-]?(?:numbers?|num|nos?|ids?|nr))?|reisep(?:ass"
        r"|ässe)(?:-?(?:nummern?|nr))?"
        r"|pass-?(?:nummern?|nr)|passeports?|pasaportes?|passaportes?|passaport[oi]"
        r"|paspoort(?:en|nummers?|nr)?|paszport(?:u|y|ów)?",
        _CODE, gap=44, score=0.85, proof=_passport,
    ),
    AnnouncedRecogniser(
        "licence", "DRIVER_LICENSE",
        r"(?:driver'?s?|driving)[ _-]?licen[cs]es?(?:[ _-]?(?:number|num|no|id))?"
        r"|licen[cs]e (?:no|number|num)"
        r"|dl ?(?:no|number|#)|driver (?:no|number|id)|führerschein(?:-?(?:nummer|nr))?"
        r"|fahrerlaubnis"
        r"|permis(?: de conduire)?"
        r"|patente(?: di guida)?|permiso de conducir|carn(?:et|é) de conducir|licencia de conducir"
        r"|carta de condução|carteira de motorista|cnh|rijbewijs(?:nummer|nr)?|praw[oa] jazdy",
        _LICENCE, gap=36, proof=_numbered,
    ),
    AnnouncedRecogniser(
        "id_card", "ID_DOCUMENT",
        r"(?:national |personal )?(?:id|identity|identification)[ _-]?(?:card(?: number| no)?"
        r"|number|num|no|#)"
        r"|alien registration(?: number| no)?|c\.i\.|national id|personalausweis(?:-?(?:nummer"
        r"|nr))?|ausweis(?:-?(?:nummer|nr))?"
        r"|identitätskarte"
        r"|carte (?:nationale )?d'identité|cni|carte de séjour|titre de séjour"
        r"|documento de identidad"
        r"|carta d'identità|cartão de cidadão|bilhete de identidade|identiteitskaart|id-?kaart"
        r"|dow[oó]d(?:zie|em|u)?(?: osobist\w{1,4})?|residence permit|green card|alien number|uscis"
        r"|aufenthaltstitel|tarjeta de residencia|permesso di soggiorno",
        _ID_CARD, gap=36, proof=_numbered,
    ),
    AnnouncedRecogniser(
        "plate", "LICENSE_PLATE",
        r"(?:licen[cs]e|number|registration|vehicle)[ _-]?plates?|plate(?:[ _-]?(?:number|no))?"
        r"|vehicle registration|registration(?: number| no| mark)?|(?:kfz-?|auto-?)?kennzeichen"
        r"|nummernschild"
        r"|(?:plaque(?: d'immatriculation)?|immatriculée?|immatriculation)|matr[ií]cula|placas?"
        r"|targat?[ao]?"
        r"|kenteken|tablic[aey](?: rejestracyjn\w{1,3})?|nr rejestracyjny|rejestracj\w{1,2}",
        _PLATE, gap=24, score=0.65, proof=_lettered, any_case=False,
    ),
    # Numbers that say what they are and fail their check: people mistype, and mask a digit.
    AnnouncedRecogniser(
        "national_id", "NATIONAL_ID",
        r"bsn(?:-?nummer)?|burgerservicenummer|sofinummer|pesel|(?-i:DNI|NIE|NIF|SIN|NIR)"
        r"|d\.n\.i\.|codice fiscale"
        r"|(?-i:C\.? ?F\.?)|cod\. fisc\.|(?:numéro de |n° (?:de )?)?sécu(?:rité sociale)?"
        r"|carte vitale"
        r"|seguridad social|cpf|cnpj|contribuinte|steuer-?(?:id(?:nr)?|identifikationsnummer)"
        r"|nhs(?: number| no)?"
        r"|national insurance(?: number| no)?|nino|ssn|social(?: security)?(?: number| no)?"
        r"|aadhaar|itin"
        r"|(?-i:NI|NISS|NSS|PIS|PASEP|PIS/PASEP|NIT|NIS|RG|CTPS|SVNR|TIN|TFN|REGON|NIPC|SIREN"
        r"|SIRET)(?: ?(?:number|no))?"
        r"|t[ií]tulo (?:de eleitor|eleitoral)|n[uú]mero de afiliaci[oó]n|rijksregisternummer"
        r"|insz(?:-?nummer)?|registre national|numéro fiscal|steuer-?(?:nummer|nr)"
        r"|personnummer|tax(?:payer)? id(?:entification number)?|ahv(?:-?n(?:umme)?r)?",
        r"[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z]"
        r"|(?:[A-Z]{1,2}[ -]?)?\d(?:[ .\-/]?\d){5,14}(?:[ -]?[A-Z])?"
        r"|\d \d\d \d\d 2[AB] \d{3} \d{3} \d\d|(?:x{3}|\*{3})[- ](?:x{2}|\*{2})[- ]\d{4}",
        gap=28, score=0.82, proof=_numbered, any_case=False,
    ),
    AnnouncedRecogniser(
        "iban_said", "IBAN_CODE", r"iban(?: ?(?:number|no|nr))?|rib|nib|konta|rachun(?:ek|ku)"
                                  r"|konto(?:verbindung)?",
        r"[A-Z]{2}\d\d(?:[ \-]?[A-Z0-9]{4}){3,7}(?:[ \-]?[A-Z0-9]{1,3})?|\d\d(?: ?\d{4}){6}|\d{21}"
        r"|\d{5} ?\d{5} ?[0-9A-Z]{11} ?\d\d",
        gap=20, score=0.8, any_case=False,
    ),
    AnnouncedRecogniser(
        "card_said", "CREDIT_CARD",
        r"(?:credit|debit|bank|payment)?[ -]?card(?: ?(?:number|no|nr|num|#))?|visa|master ?card"
        r"|amex|american express"
        r"|kreditkarten?(?:nummer|nr)?|karten?(?:nummer|nr)|carte(?: bancaire| bleue)?|cb"
        r"|tarjeta(?: de crédito)?"
        r"|carta di credito|carta|cartão(?: de crédito)?|creditcard(?:nummer)?|kaartnummer"
        r"|kart[ayę](?: kredytow\w)?",
        r"[3-6]\d{3}[ \-.]?\d{4}[ \-.]?\d{4}[ \-.]?\d{3,4}|3[47]\d\d[ \-]\d{6}[ \-]\d{5}", gap=32,
        score=0.7,
    ),
    AnnouncedRecogniser(
        "record", "MEDICAL_RECORD",
        r"mrn|medical record (?:number|no)|patient[ _-]?(?:id|number|no|nr)|versichertennummer"
        r"|krankenversicherungsnummer|kvnr|numéro de mutuelle|tarjeta sanitaria|tessera sanitaria"
        r"|número de utente|health (?:card|insurance) (?:number|no|id)|medicare (?:number|no|id)"
        r"|verzekerdennummer",
        r"(?=[A-Z]{0,4}[ -]?\d)[A-Z0-9][A-Z0-9\-]{5,19}", gap=16, score=0.6, proof=_numbered,
    ),
    AnnouncedRecogniser(
        "account", "BANK_ACCOUNT",
        r"(?:bank )?account(?:[ _-]?(?:number|num|no|nr))|acct(?:\.|[ _-]?(?:no|number|num|#))"
        r"|kontonummer|konto-?nr"
        r"|numéro de compte|número de cuenta|n[uú]mero d[ae] conta|numero (?:di )?conto"
        r"|rekeningnummer"
        r"|numer konta|nr konta|(?:aba |bank )?routing(?:[ _-]?(?:number|no))?|sort[ _-]?code"
        r"|bankleitzahl|blz|bsb|s/c",
        r"\d{2}[ -]\d{2}[ -]\d{2}|\d{3} \d{3} \d{2}|\d{3}-\d{3}"
        r"|\d{4}[ -]\d{4}(?:[ -]\d{1,4}){0,3}|\d{6,17}", gap=16, score=0.7,
    ),
)  # fmt: skip
