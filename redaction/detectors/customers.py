"""Numbers that an office gave a person: customer, employee, member, policy, patient, account.

No such number has a form that can be proven, so that a word must announce it. What announces is
composed: somebody or something that is numbered, and a word for a number, in the order that each
language puts them. Years, dates and short counts are not such numbers.
"""

from __future__ import annotations

import re

from redaction.detectors.announced import AnnouncedRecogniser
from redaction.detectors.recogniser import digits_of

__all__ = ["CUSTOMERS"]

_CODE = (
    r"(?:[A-Z]{1,5}[-/ .]?|[a-z]{1,2})?\d(?:[ .\-/]?\d){3,17}(?:[-/]?[A-Z]{1,2})?"
    r"|(?=(?:[A-Z\-]{0,8}\d){4})[A-Z0-9]{1,20}(?:-[A-Z0-9]{1,12}){0,4}"
)
# What may be said without a word for a number, because few other numbers follow it.
_PEOPLE = (
    r"employee|client|customer|member(?:ship)?|subscriber|policy|claim|contract|patient|student"
    r"|badge"
    r"|library card|loyalty card|supervisor|payback|bahncard|mitarbeiter(?:in)?|kunde|kundin"
    r"|mitglied"
    r"|police|polis|vertrag|abonné|adhérent|salarié|sinistre|contrat|clientes?|socio|póliza"
    r"|siniestro"
    r"|contrato|empleado|sinistro|polizza|contratto|dipendente|tessera|apólice|funcionário|sócio"
    r"|klant|medewerker|lid|contract|klient|pracownik|członek|polisa|umowa|pacjent|patiënt|paziente"
)
_YEAR_OR_DATE = re.compile(
    r"(?:19|20)\d\d|(?:19|20)\d\d[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./](?:19|20)?\d\d"
)
# The words for a number, before ("numéro de …") and behind ("… number") what is numbered.
_BEHIND = r"(?:numbers?|num|no|nr|id|#|ref(?:erence)?|code|card(?:[ _-]?(?:number|no))?)"
_BEFORE = (
    r"(?:(?:num[ée]ro|n[uú]mero|r[ée]f(?:[ée]renc[ei]a?)?|rif(?:erimento)?|nro|num|nºs?|n°|n\.º"
    r"|n\.|no|n|nr|numer\w?|id|identyfikator"
    r"|identifiant|identificativo|c[oó]digo|codice|code|kod|carte|tarjeta|tessera|cartão|karta)"
    r"[ .:]{1,2}(?:d['\u2019]|(?:de la|del|della|di|de|do|da|du|dell['\u2019])[ ])?)"
)
_AFTER = r"(?:n°|nº|n\.º?|nro|nr|núm|num[ée]ro|n[uú]mero|#)"
# German and Dutch write both as one word.
_JOINED = r"(?:-|en|s)?-?(?:nummer|numer|nr|kennung|code|id|no)"


def _number(value: str) -> bool:
    """Tell a number that was given from a year, a date and a row of one digit."""
    digits = digits_of(value)
    return len(digits) >= 4 and len(set(digits)) > 1 and not _YEAR_OR_DATE.fullmatch(value)


def _plainly(value: str) -> bool:
    return _number(value) and len(digits_of(value)) >= 6


def _said(english: str, joined: str, others: str, alone: str = "") -> str:
    """Compose a label: `english` number, `joined`nummer, number of `others`, or `alone`."""
    ways = (
        rf"(?:{english})[ _-]?{_BEHIND}",
        rf"(?:{joined}){_JOINED}",
        rf"{_BEFORE}(?:{others})",
        rf"(?:{others}) ?{_AFTER}",
    )
    return "|".join((*ways, alone) if alone else ways)


def _row(name: str, entity: str, label: str, gap: int = 26) -> AnnouncedRecogniser:
    return AnnouncedRecogniser(name, entity, label, _CODE, gap, 0.82, _number, any_case=False)


CUSTOMERS: tuple[AnnouncedRecogniser, ...] = (
    _row("customer", "CUSTOMER_NUMBER", _said(
        r"customer|client account|subscriber|contract|loyalty(?: card)?|rewards?|frequent[ -]?"
        r"fl[iy]er|guest|passenger|donor|debtor|creditor|meter|library(?: card)?|voter",
        r"kunden|vertrags|dossier|abo|abonnenten|teilnehmer|debitoren?|gäste|zähler|klant"
        r"|contract|relatie"
        r"|debiteur|abonnee|bonus(?:karten)?|vielflieger",
        r"client[ea]?|contrat[o]?|contratto|abonn[ée]e?|abonad[oa]|abbonato|assinante"
        r"|allocataire|utenza|fornitura|titular|fidélité|fidelidad|fedeltà|fidelidade|klient\w{0,2}"
        r"|umow\w|tessera|karty|abonent\w{0,2}|odbiorcy|instalaci[oó]n",
        r"referencia de cliente|référence client|frequent[ -]?fl[iy]er|vielflieger"
        r"|kd\.?-? ?nr|vertr\.?-? ?nr|cups|expediente|(?:vertrag|contract|contrat[o]?|contratto"
        r"|umowa)"
        r"(?= ?[:#]? ?\d{6})",
    )),
    _row("employee", "EMPLOYEE_ID", _said(
        r"employee|emp|staff|personnel|payroll|worker|supervisor|manager|driver|operator|agent"
        r"|nurse|teacher|badge|officer|crew|service member",
        r"personal|pers\.|mitarbeiter|dienst|stamm|personeels|medewerkers?|werknemers?",
        r"emplead[oa]|employ[ée]e?|salarié|agent|dipendente|funcion[áa]ri[oa]|colaborador"
        r"|trabajador|pracownika|służbow\w{1,3}|legitymacji(?: służbowej)?",
        r"matricule|matricola",
    )),
    _row("member", "MEMBER_ID", _said(
        r"member(?:ship)?|student|pupil|learner|candidate|union|club|alumni|participant",
        r"mitglieds?|mitgl\.|matrikel|schüler|studenten|lid(?:maatschaps)?|student|leerling|cursist"
        r"|deelnemers?|teilnehmer",
        r"adhérent|sociétaire|membre|étudiante?|élève|licenci[ée]|soci[oa]|miembro|alumn[oa]"
        r"|estudiante|afiliad[oa]|iscritto|studente|alunno|aderente|s[óo]ci[oa]|alun[oa]|estudante"
        r"|membro|associado|członk\w{1,4}|studenta|albumu|indeksu|ucznia|legitymacji \w{3,12}",
        r"matr[íi]cula(?: n[.º°o]{0,2})?|carteirinha",
    )),
    _row("policy", "POLICY_NUMBER", _said(
        r"policy(?:[ -]?holder)?|group|insurance(?: policy)?|claims?|certificate|coverage",
        r"versicherungs(?:schein)?|policen?|schadens?|polis|schade|verzekerings",
        r"police(?: d['\u2019]assurance)?|sinistre|p[óo]liza(?: de seguro)?|siniestro|polizza"
        r"|sinistro"
        r"|ap[óo]lice|polis[ay]|szkody",
        r"policy #|schein-?nr|(?:polis|police|p[óo]liza|polizza|ap[óo]lice"
        r"|polisa)(?= ?[:#]? ?\d{6})",
    )),
    _row("patient", "MEDICAL_RECORD", _said(
        r"mrn|medical[ _-]?record|patient|health[ _-](?:card|insurance|plan)|hospital|chart|nhs",
        r"patienten|fall|versicherten|krankenversicherungs|patiënt|patient|verzekerden|zorg",
        r"patiente?|dossier(?: (?:patient|médical))|assuré[e]?|mutuelle|paciente|historia clínica"
        r"|historial|paziente|cartella(?: clinica)?|benefici[áa]ri[oa]|utente|processo clínico"
        r"|prontu[áa]rio|pacjenta|karty pacjenta|kartoteki|ubezpieczon\w{1,4}",
        r"mrn|dossier patient|historia cl[íi]nica|nhc|cartella clinica(?: n\.)?|prontu[áa]rio"
        r"|utente(?! \w{3,}\.)|tessera sanitaria|kvnr|tarjeta sanitaria|carteira do sus"
        r"|cart[ãa]o (?:do )?sus",
    )),
    AnnouncedRecogniser(
        "person_said", "CUSTOMER_NUMBER", _PEOPLE, _CODE, 2, 0.6, _plainly, any_case=False,
    ),
    AnnouncedRecogniser(
        "account_said", "BANK_ACCOUNT",
        r"(?:(?:bank|checking|savings|current|deposit)[ _-])?(?:account|acct"
        r"|a/c)(?:[ _-]?(?:number|num|no|nr|id|#))?"
        r"|kto\.?|(?:giro|bank|spar|vertrags)?konto(?:-?(?:nummer|nr))?|compte(?: n[o°º]?)?"
        r"|cuenta(?: n[.º°]{0,2})?"
        r"|conto(?: corrente)?(?: n\.?)?|c/c|conta(?: corrente| poupança)?(?: n[.º°]{0,2})?"
        r"|rekening|rachun(?:ek|ku)(?: nr)?|ag[êe]ncia \d{3,5}(?:-\d)?(?:,| e)? conta",
        r"(?:[A-Z]{1,3}-?)?\d{6,17}|\d{3,10}-[\dXx]|\d{2,4}(?:[ -]\d{2,10}){2,6}",
        gap=7, score=0.7, proof=_number, any_case=False,
    ),
    AnnouncedRecogniser(
        "vehicle", "VEHICLE_ID",
        r"vin|vehicle identification(?: number)?|chassis(?: ?(?:number|no|n[.º°]))?|fahrgestell"
        r"-?(?:nummer|nr)|(?-i:FIN)|(?:numéro de )?(?:châssis|série)|(?:número de )?bastidor"
        r"|(?:numero di )?telaio|chassisnummer|(?:numer )?nadwozia",
        r"(?=(?:[A-Z]{0,12}\d){4})[A-HJ-NPR-Z0-9]{17}", gap=20, score=0.85, any_case=False,
    ),
)  # fmt: skip
