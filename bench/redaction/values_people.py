"""People, places, addresses and companies of eight languages.

They are marked in the texts so that names can be scored too; whatever finds no names is judged
on the rest.
"""

from __future__ import annotations

import random

__all__ = ["address", "city", "company", "first_name", "person"]

_FIRST = {
    "en": "Oliver Amelia Harriet Connor Deborah Malik Tanisha Graham Priya Wesley Imogen Darnell",
    "de": "Annika Torsten Ulrike Matthias Leonie Jürgen Heike Fabian Anneliese Björn Svenja Cem",
    "fr": "Élodie Thibault Solène Mathieu Océane Gaëtan Aurélie Bastien Fatoumata Rémi Noémie Loïc",
    "es": "Rocío Álvaro Marisol Íñigo Lourdes Gonzalo Pilar Joaquín Nerea Ramiro Consuelo Andrés",
    "it": "Ludovica Gianluca Ornella Tommaso Fiorella Ettore Chiara Nicolò Rosanna Davide Ilaria",
    "pt": "Beatriz Tiago Leonor Rodrigo Conceição Vasco Mafalda Gonçalo Thaís Caio Luísa Duarte",
    "nl": "Femke Joost Maaike Sander Lotte Thijs Annelies Ruben Saskia Wouter Fenna Koen",
    "pl": "Agnieszka Wojciech Małgorzata Krzysztof Zuzanna Łukasz Grażyna Bartosz Iwona Stanisław",
}
_LAST = {
    "en": "Whitfield Okonkwo Prescott Delgado Thornbury Castellano McAllister Ashworth Banerjee",
    "de": "Schönfeld Krämer Hölzl Wagenknecht Brandstätter Öztürk Lüdemann Achterberg Pfeiffer",
    "fr": "Lefebvre Montagnier Delacroix Rousseau Guérin Benali Charpentier Vasseur Le Gall",
    "es": "Echeverría Castaño Villanueva Ordóñez Bermúdez Lozano Peñalver Quiroga Iturralde",
    "it": "Bellandi Ferrucci Santoro D'Angelo Pellegrini Marchetti Lo Presti Caruso Zanetti",
    "pt": "Figueiredo Assunção Carvalhal Nogueira Teixeira Magalhães Barroso Falcão Guimarães",
    "nl": "van Leeuwen Hoekstra de Vries Terpstra Wiersma van den Heuvel Kuijpers Brouwer",
    "pl": "Wiśniewska Kaczmarek Szczepański Jabłońska Wróblewski Dąbrowska Malinowski Zając",
}
_CITIES = {
    "en": "Bristol Tucson Leicester Savannah Aberdeen Spokane Norwich Dayton",
    "de": "Regensburg Kassel Innsbruck Winterthur Rostock Görlitz Tübingen",
    "fr": "Grenoble Angers Namur Besançon Quimper Lausanne Montauban",
    "es": "Valladolid Cádiz Zaragoza Rosario Oviedo Albacete Logroño",
    "it": "Bergamo Perugia Treviso Catanzaro Livorno Ferrara Matera",
    "pt": "Coimbra Braga Curitiba Évora Recife Setúbal Aveiro",
    "nl": "Zwolle Haarlem Gent Breda Leeuwarden Apeldoorn Delft",
    "pl": "Bydgoszcz Rzeszów Gliwice Olsztyn Kielce Opole Zamość",
}
_STREETS = {
    "en": ("{n} {w} Street, {c}", "{n} {w} Avenue, Apt {k}, {c}", "{n} {w} Road, {c}"),
    "de": ("{w}straße {n}, {z} {c}", "Am {w}weg {n}, {z} {c}"),
    "fr": ("{n} rue de {w}, {z} {c}", "{n} avenue {w}, {z} {c}"),
    "es": ("Calle {w} {n}, {k}º B, {z} {c}", "Avenida de {w}, {n}, {z} {c}"),
    "it": ("Via {w} {n}, {z} {c}", "Piazza {w} {n}, {z} {c}"),
    "pt": ("Rua {w}, {n}, {c}", "Avenida {w} {n}, {k}.º Esq., {c}"),
    "nl": ("{w}laan {n}, {c}", "{w}straat {n}, {c}"),
    "pl": ("ul. {w} {n}/{k}, {c}", "al. {w} {n}, {c}"),
}
_STREET_WORDS = ("Linden", "Maple", "Verdi", "Garibaldi", "Victoria", "Goethe", "Colon", "Lipowa",
                 "Mozart", "Juliana", "Kastanien", "Sol", "Republica", "Rosen")  # fmt: skip
_COMPANY = ("Brightwater", "Nordvik", "Calumet", "Terrasol", "Helvex", "Quintara", "Ostrava Metal",
            "Laguna Foods", "Kestrel", "Domaine Verel", "Van Houten Logistics")  # fmt: skip
_LEGAL = {"en": "Ltd", "de": "GmbH", "fr": "SARL", "es": "S.L.", "it": "S.r.l.", "pt": "Lda",
          "nl": "B.V.", "pl": "Sp. z o.o."}  # fmt: skip
_PARTICLES = ("van den ", "van ", "de ", "Le ", "Lo ")


def _last_names(language: str) -> list[str]:
    joined = _LAST[language]
    for particle in _PARTICLES:
        joined = joined.replace(f" {particle}", f" {particle.replace(' ', '_')}")
    return [name.replace("_", " ") for name in joined.split()]


def first_name(rng: random.Random, language: str) -> str:
    """Draw a given name."""
    return rng.choice(_FIRST[language].split())


def person(rng: random.Random, language: str) -> str:
    """Draw a full name."""
    return f"{first_name(rng, language)} {rng.choice(_last_names(language))}"


def city(rng: random.Random, language: str) -> str:
    """Draw a town."""
    return rng.choice(_CITIES[language].split())


def address(rng: random.Random, language: str) -> str:
    """Draw a postal address on one line."""
    return rng.choice(_STREETS[language]).format(
        n=rng.randint(1, 180), k=rng.randint(1, 40), z=rng.randint(10_000, 98_999),
        w=rng.choice(_STREET_WORDS), c=city(rng, language),
    )  # fmt: skip


def company(rng: random.Random, language: str) -> str:
    """Draw a company with its legal form."""
    return f"{rng.choice(_COMPANY)} {_LEGAL[language]}"
