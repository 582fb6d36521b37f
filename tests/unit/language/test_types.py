"""Categories: each becomes a type, those that have one here become that one."""

from __future__ import annotations

import re

import pytest
from azure.ai.textanalytics import PiiEntityCategory
from hypothesis import given
from hypothesis import strategies as st

from redaction.detectors.azure_language_types import TYPES, type_of
from redaction.policy import CREDENTIALS

SPELT = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")


@pytest.mark.parametrize("category", [each.value for each in PiiEntityCategory])
def test_every_category_that_the_sdk_names_has_a_type(category: str) -> None:
    """Spelt as types are; its second version has the same."""
    assert SPELT.fullmatch(type_of(category))
    assert type_of(category.removesuffix("V2")) == type_of(category)


def test_the_table_holds_categories_of_the_service_only() -> None:
    """`DateTime` is what the service says where the SDK says `Date`."""
    assert set(TYPES) - {each.value for each in PiiEntityCategory} == {"DateTime"}


def test_credentials_become_credentials() -> None:
    """Their type decides that they are never kept."""
    azure = [each for each in TYPES if each.startswith(("Azure", "SQLServer"))]
    assert len(azure) == 10
    assert {type_of(each) for each in azure} <= CREDENTIALS


def test_unlisted_categories_are_spelt_out() -> None:
    """Also those that the service learns after this was written."""
    assert type_of("DEDriversLicenseNumber") == "DE_DRIVERS_LICENSE_NUMBER"
    assert type_of("PLREGONNumber") == "PL_REGON_NUMBER"
    assert type_of("PersonType") == "PERSON_TYPE"
    assert (type_of("CVV"), type_of("SortCode")) == ("CVV", "SORT_CODE")
    assert type_of("VehicleIdentificationNumber") == "VEHICLE_IDENTIFICATION_NUMBER"


@given(st.text(min_size=1))
def test_any_category_has_a_type(category: str) -> None:
    """None is dropped for its name."""
    assert SPELT.fullmatch(type_of(category)) or type_of(category)[0].isdigit()
