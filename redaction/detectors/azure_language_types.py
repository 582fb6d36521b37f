"""The categories of Azure AI Language as types of findings.

The law: no category is dropped. Those that have a type here already get that, so that a policy
needs one rule for one kind of thing; any other gets a type of its own, spelt as types are
(`DEDriversLicenseNumber` is `DE_DRIVERS_LICENSE_NUMBER`), also one that the service learns later.

Categories are those of "Supported entity categories" for PII (API version 2023-04-01); of some
there is a second version, `V2`, which is of the same type.
"""

from __future__ import annotations

import re

__all__ = ["TYPES", "type_of"]

TYPES: dict[str, str] = {
    "ABARoutingNumber": "ABA_ROUTING_NUMBER",
    "ATTaxIdentificationNumber": "AT_TAX_ID",
    "AUMedicalAccountNumber": "AU_MEDICARE",
    "AUTaxFileNumber": "AU_TFN",
    "AUBusinessNumber": "AU_ABN",
    "AUCompanyNumber": "AU_ACN",
    "Address": "LOCATION",
    "AzureDocumentDBAuthKey": "API_KEY",
    "AzureIAASDatabaseConnectionAndSQLString": "CONNECTION_STRING",
    "AzureIoTConnectionString": "CONNECTION_STRING",
    "AzurePublishSettingPassword": "PASSWORD",
    "AzureRedisCacheString": "CONNECTION_STRING",
    "AzureSAS": "ACCESS_TOKEN",
    "AzureServiceBusString": "CONNECTION_STRING",
    "AzureStorageAccountGeneric": "CONNECTION_STRING",
    "AzureStorageAccountKey": "API_KEY",
    "BENationalNumber": "BE_NRN",
    "BRCPFNumber": "BR_CPF",
    "CASocialInsuranceNumber": "CA_SIN",
    "CHSocialSecurityNumber": "CH_AHV",
    "CreditCardNumber": "CREDIT_CARD",
    "DETaxIdentificationNumber": "DE_TAX_ID",
    "Date": "DATE_TIME",
    "DateTime": "DATE_TIME",
    "DrugEnforcementAgencyNumber": "MEDICAL_LICENSE",
    "ESDNI": "ES_NIF",
    "ESTaxIdentificationNumber": "ES_NIF",
    "EUDebitCardNumber": "CREDIT_CARD",
    "Email": "EMAIL_ADDRESS",
    "FRSocialSecurityNumber": "FR_INSEE",
    "INPermanentAccount": "IN_PAN",
    "INUniqueIdentificationNumber": "IN_AADHAAR",
    "IPAddress": "IP_ADDRESS",
    "ITFiscalCode": "IT_FISCAL_CODE",
    "InternationalBankingAccountNumber": "IBAN_CODE",
    "NLCitizensServiceNumber": "NL_BSN",
    "Organization": "ORGANIZATION",
    "PLNationalID": "PL_PESEL",
    "PTTaxIdentificationNumber": "PT_NIF",
    "Person": "PERSON",
    "PhoneNumber": "PHONE_NUMBER",
    "SENationalID": "SE_PERSONNUMMER",
    "SQLServerConnectionString": "CONNECTION_STRING",
    "SWIFTCode": "SWIFT_CODE",
    "UKNationalHealthNumber": "UK_NHS",
    "UKNationalInsuranceNumber": "UK_NINO",
    "URL": "URL",
    "USBankAccountNumber": "US_BANK_NUMBER",
    "USDriversLicenseNumber": "US_DRIVER_LICENSE",
    "USIndividualTaxpayerIdentification": "US_ITIN",
    "USSocialSecurityNumber": "US_SSN",
    "USUKPassportNumber": "US_PASSPORT",
}

# A country in front of words is two letters; other runs of capitals end before a word's own.
_COUNTRY = re.compile(r"^([A-Z]{2})(?=[A-Z]+[a-z])")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER = re.compile(r"[^A-Z0-9]+")


def type_of(category: str) -> str:
    """Give the type of a category; never empty for one that is not."""
    plain = category.removesuffix("V2")
    known = TYPES.get(plain)
    if known is not None:
        return known
    worded = _WORD.sub("_", _COUNTRY.sub(r"\1_", plain))
    return _OTHER.sub("_", worded.upper()).strip("_") or "UNNAMED"
