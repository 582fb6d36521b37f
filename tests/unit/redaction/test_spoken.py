"""What people say: passwords and codes in sentences, and numbers that an office gave them."""

from __future__ import annotations

import functools

import pytest

from redaction.detectors.patterns import PatternDetector
from redaction.detectors.secrets import SecretDetector
from redaction.finding import Passage
from redaction.merge import merged

SECRETS = [
    ("Falcon29*", "just log in with user kate.b and {}, as last year"),
    ("b3rlin41", "Das neue Kennwort wäre dann {} - bitte gleich ändern!"),
    ("winter-hase-48", "it unlocks with {} (yes really)"),
    ("Hase1188#", "Log in met gebruiker planning en {}"),
    ("Zima1165*", "Zaloguj się jako użytkownik magazyn z hasłem {}"),
    ("dr4gon28", "creds for staging -> deploy / {}"),
    ("verano77", "He cambiado la contraseña de {} a otra"),
    ("Summer_rain9", "the password hasn't changed ({})."),
    ("hockey311", '"What\'s the password?" "{}, one word"'),
    ("4978", "The PIN you want is {}, don't tell Mike."),
    ("4494", "Le code PIN de ma carte est {}, ne le répétez pas."),
    ("91310", "Il PIN della carta è {}."),
    ("21723", "Der Code für die Alarmanlage lautet {}."),
    ("6858", "El código de la puerta es el {} y nada más"),
    ("5262", "Kod do bramy {}"),
    ("999622", "enter {} as the PIN when the keypad lights up"),
    ("563414", "can you confirm the passcode?\nCustomer: sure, {}"),
    ("9621", "Wpisz {} jako PIN"),
    ("298063", "G-{} is your verification code."),
    ("28-57-70", "the combination for the gym locker is {}"),
]
NO_SECRETS = [
    "Log in with your work account and open the report of 12 May 2024.",
    "To sign in, use Windows 11, Chrome 126 or Ubuntu22; server node-14 answers.",
    "you can also pass in `Utf16CodeUnit` or `TextElement_v8` there",
    "The code of conduct is 2019 pages long, and the PIN on a chip is 3300 mV.",
    "access to `spacy.WandbLogger.v5` is a logger for login",
    "The door code was changed in 2024, said the caretaker.",
    "users log in via OAuth2 or SAML2 with TLS1.3 on port 8443",
]
NUMBERS = [
    ("CUSTOMER_NUMBER", "55518273", "Meine Kundennummer ist {}."),
    ("CUSTOMER_NUMBER", "C-906896", "Customer number {}, please look it up"),
    ("CUSTOMER_NUMBER", "652492992", "n° client {}"),
    ("CUSTOMER_NUMBER", "4711574", "Kd.-Nr. {} wie immer"),
    ("CUSTOMER_NUMBER", "72767409", "UPDATE c SET vip=1 WHERE customer_no = '{}';"),
    ("EMPLOYEE_ID", "E44512", "Employee ID {}"),
    ("EMPLOYEE_ID", "61157", "nº de empleado {}"),
    ("MEMBER_ID", "8119232", "Matrikelnummer: {}"),
    ("MEMBER_ID", "16362", "número de socio {}"),
    ("POLICY_NUMBER", "POL-15675687", "My policy number is {} since May"),
    ("POLICY_NUMBER", "635757802", "numer polisy {}"),
    ("MEDICAL_RECORD", "2933037", "Prontuário {}"),
    ("MEDICAL_RECORD", "1995384", "dossier patient {}"),
    ("BANK_ACCOUNT", "55779911", "Account: {}"),
    ("BANK_ACCOUNT", "12345-6", "agência 0123, conta {}"),
    ("BANK_ACCOUNT", "42879854", "sort code 64-85-83 account {}"),
    ("VEHICLE_ID", "1HGCM82633A004352", "VIN {}"),
    ("NATIONAL_ID", "348.79722.67-4", "PIS {}"),
    ("PASSPORT", "512345678", "passport number {}, expires 2030"),
    ("TR_TCKN", "10000000146", "TC KİMLİK NO: {}"),
    ("PASSPORT", "C01X00T47", "my 2nd passport number is {}."),
    ("CREDIT_CARD", "4929 1234 5678 9012", "My card number is {}."),
    ("EMPLOYEE_ID", "88412345", "our London employee number {}"),
    ("ID_DOCUMENT", "AB1234567", "My international id number: {}"),
]
NO_NUMBERS = [
    "In 2024 the customer number doubled; 12,400 employees work in 31 countries.",
    "customer number since 2019-04-01 unchanged, member numbers grow by 4 percent",
    "client = 1; policy: strict; contract(2024); account = None; member_id: int",
    "CEP 01310-100 e PLZ 10115",
]


@functools.cache
def _secrets() -> SecretDetector:
    return SecretDetector()


@functools.cache
def _patterns() -> PatternDetector:
    return PatternDetector()


@pytest.mark.parametrize(("value", "carrier"), SECRETS)
async def test_a_secret_that_a_sentence_gives_away_is_found(value: str, carrier: str) -> None:
    """Whatever words stand between, the value is found, and nothing else of the sentence."""
    text = carrier.format(value)
    (spans,) = await _secrets().detect([Passage(text)])
    assert [text[cover.start : cover.end] for cover in merged(spans)] == [value]


@pytest.mark.parametrize("text", NO_SECRETS)
async def test_talk_of_logging_in_stays_readable(text: str) -> None:
    """Versions, hosts, names and years are no passwords, whoever logs in."""
    (spans,) = await _secrets().detect([Passage(text)])
    assert [text[span.start : span.end] for span in spans] == []


@pytest.mark.parametrize(("entity", "value", "carrier"), NUMBERS)
async def test_a_number_that_is_announced_has_its_type(
    entity: str, value: str, carrier: str
) -> None:
    """The word decides what the number is, and the surest finding says so."""
    text = carrier.format(value)
    (spans,) = await _patterns().detect([Passage(text)])
    whole = [s for s in spans if text[s.start : s.end] == value]
    assert max(whole, key=lambda span: span.score).type == entity


@pytest.mark.parametrize(
    "carrier",
    [
        "passports {} and {}",
        "their passports: {}, {}",
        "Reisepässe {} und {}",
        "pasaportes {} y {}",
    ],
)
async def test_a_list_is_announced_once(carrier: str) -> None:
    """Each value of it is found, and what only stands behind it is not."""
    values = ["ZS0029384", "XK4710023"]
    text = carrier.format(*values) + " and 4 friends"
    (spans,) = await _patterns().detect([Passage(text)])
    found = {text[s.start : s.end] for s in spans if s.type == "PASSPORT"}
    assert found == set(values)


@pytest.mark.parametrize("text", NO_NUMBERS)
async def test_talk_of_customers_stays_readable(text: str) -> None:
    """Years, dates, counts, code and postal codes are no numbers of people."""
    (spans,) = await _patterns().detect([Passage(text)])
    assert [text[s.start : s.end] for s in spans if s.score >= 0.5] == []
