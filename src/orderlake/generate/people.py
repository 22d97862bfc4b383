"""Customers, each derived from a number: nothing is stored, so five million of them cost no memory."""

from __future__ import annotations

from typing import Final, NamedTuple
from unicodedata import combining, normalize

from orderlake.generate.draw import salt, scatter


class Locale(NamedTuple):
    """Names and places of one country. Streets take a house number; each place is city, region, postcode, its span."""

    country: str
    code: str
    firsts: tuple[str, ...]
    lasts: tuple[str, ...]
    streets: tuple[str, ...]
    places: tuple[tuple[str, str, str, int], ...]


class Person(NamedTuple):
    """One customer; no field needs escaping in JSON."""

    first: str
    last: str
    email: str
    street: str
    city: str
    region: str
    postcode: str
    country: str
    code: str


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _streets(text: str) -> tuple[str, ...]:
    return tuple(text.split("; "))


LOCALES: Final = (
    Locale(
        "Germany", "DE",
        _words("Jürgen Anna Lukas Zoë Björn Käthe Felix Leonie Matthias Sabine Thorsten Greta Emre Ayşe Paul Ida"),
        _words("Müller Schröder Weiß Köhler Schäfer Fischer Becker Groß Böhm Öztürk Krüger Wagner Jäger Lehmann"),
        _streets("Hauptstraße %d; Goethestraße %d; Am Bäckerweg %d; Lindenallee %d; Königsplatz %d; Gartenweg %d"),
        (("Berlin", "BE", "10%03d", 899), ("München", "BY", "80%03d", 899), ("Köln", "NW", "50%03d", 899),
         ("Düsseldorf", "NW", "40%03d", 599), ("Leipzig", "SN", "04%03d", 299)),
    ),
    Locale(
        "France", "FR",
        _words("Élodie François Zoé Hélène Théo Chloé Jérôme Amélie Noël Inès Rémi Camille Loïc Margaux Aïcha Hugo"),
        _words("Lefèvre Dubois Bénard Moreau Lemaître Girard Françoise Désiré Château Rousseau Garnier Benoît"),
        _streets("%d rue de la République; %d avenue Victor-Hugo; %d rue des Écoles; %d place du Marché; %d quai Sud"),
        (("Paris", "IDF", "75%03d", 20), ("Lyon", "ARA", "69%03d", 9), ("Orléans", "CVL", "45%03d", 99),
         ("Besançon", "BFC", "25%03d", 99), ("Saint-Étienne", "ARA", "42%03d", 99)),
    ),
    Locale(
        "Spain", "ES",
        _words("José María Íñigo Lucía Álvaro Sofía Raúl Inés Andrés Begoña Óscar Nuria Héctor Carmen Iker Paula"),
        _words("García Núñez Muñoz Martínez Ibáñez Peña Gómez Jiménez Ordóñez Vázquez López Castaño Suárez Blasco"),
        _streets("Calle Mayor %d; Calle de Alcalá %d; Avenida de la Constitución %d; Plaza España %d; Rambla Nova %d"),
        (("Madrid", "M", "28%03d", 80), ("Barcelona", "B", "08%03d", 42), ("Málaga", "MA", "29%03d", 18),
         ("Sevilla", "SE", "41%03d", 20), ("A Coruña", "C", "15%03d", 11)),
    ),
    Locale(
        "United Kingdom", "GB",
        _words("Oliver Amelia Harry Isla George Siân Rhys Saoirse Mohammed Priya Jack Zara Callum Niamh Grace Kwame"),
        _words("Smith O'Brien Patel Jones MacLeod Khan Davies Begum Walsh Hughes Adeyemi Clarke Wright Brontë"),
        _streets("%d High Street; %d Church Lane; %d Station Road; %d Mill Hill; %d Victoria Terrace; %d Kings Road"),
        (("London", "LND", "SW%d 4TN", 20), ("Manchester", "MAN", "M%d 5EG", 40), ("Edinburgh", "EDH", "EH%d 2NG", 17),
         ("Cardiff", "CRF", "CF%d 3AT", 15), ("Bristol", "BST", "BS%d 6QF", 16)),
    ),
    Locale(
        "United States", "US",
        _words("James Mary Michael Jennifer Renée DeShawn Emily Carlos Ashley Wei Hannah Tyler Aaliyah Zoë Noah Mei"),
        _words("Johnson Williams Brown Nguyen Rodríguez Miller Davis Peña Lee Jackson Thompson Kim Nelson Beyoğlu"),
        _streets("%d Maple Avenue; %d Main Street; %d Oak Drive; %d Sunset Boulevard; %d Cedar Lane; %d Lakeview Road"),
        (("New York", "NY", "10%03d", 280), ("Austin", "TX", "78%03d", 750), ("Seattle", "WA", "98%03d", 199),
         ("Chicago", "IL", "60%03d", 660), ("San José", "CA", "95%03d", 196)),
    ),
    Locale(
        "Poland", "PL",
        _words("Łukasz Agnieszka Paweł Małgorzata Michał Żaneta Krzysztof Zofia Grzegorz Bożena Stanisław Julia"),
        _words("Kowalczyk Wiśniewska Dąbrowski Wójcik Zieliński Szymańska Woźniak Kamiński Jabłońska Król Pająk"),
        _streets("ul. Długa %d; ul. Świętojańska %d; ul. Mickiewicza %d; al. Niepodległości %d; ul. Kościuszki %d"),
        (("Warszawa", "MZ", "00-%03d", 899), ("Kraków", "MA", "30-%03d", 899), ("Łódź", "LD", "90-%03d", 899),
         ("Gdańsk", "PM", "80-%03d", 899), ("Wrocław", "DS", "50-%03d", 899)),
    ),
    Locale(
        "Brazil", "BR",
        _words("João Ana Antônio Letícia Luís Conceição Márcio Júlia Thiago Beatriz César Iracema Otávio Vitória"),
        _words("Silva Souza Gonçalves Araújo Conceição Magalhães Simões Ribeiro Falcão Guimarães Assunção Brandão"),
        _streets("Rua XV de Novembro, %d; Avenida Paulista, %d; Rua São João, %d; Travessa Açaí, %d; Rua Sete, %d"),
        (("São Paulo", "SP", "01%03d-000", 599), ("Rio de Janeiro", "RJ", "20%03d-000", 799),
         ("Belo Horizonte", "MG", "30%03d-000", 899), ("Brasília", "DF", "70%03d-000", 899),
         ("Florianópolis", "SC", "88%03d-000", 99), ("Maceió", "AL", "57%03d-000", 99)),
    ),
    Locale(
        "Japan", "JP",
        _words("Yūki Haruka Shōta Sakura Ryō Aoi Kenji Yōko Daichi Mio Kōhei Rin"),
        _words("Satō Suzuki Itō Kobayashi Katō Saitō Ōno Endō Gotō Yamamoto Kondō Ōta"),
        _streets("%d-chōme Ginza; %d-chōme Dōgenzaka; %d-chōme Namba; %d-chōme Sakae; %d-chōme Tenjin"),
        (("Tōkyō", "JP-13", "104-0%03d", 61), ("Ōsaka", "JP-27", "542-0%03d", 86), ("Kyōto", "JP-26", "604-8%03d", 580),
         ("Kōbe", "JP-28", "650-0%03d", 47), ("Nagoya", "JP-23", "460-0%03d", 26)),
    ),
)  # fmt: skip

_DOMAINS: Final = ("example.com", "example.org", "example.net")
# Letters that do not fall apart into a plain letter and an accent.
_PLAIN: Final = str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "ø": "o", "'": "", "-": ""})


def ascii_name(name: str) -> str:
    """Write a name the way an address line of a mailbox holds it.

    >>> ascii_name("Weiß"), ascii_name("Łukasz"), ascii_name("O'Brien")
    ('weiss', 'lukasz', 'obrien')
    """
    letters = normalize("NFKD", name.translate(_PLAIN))
    return "".join(letter for letter in letters if not combining(letter)).lower()


class People:
    """The customers of one shop: `people[n]` is the same person whenever it is asked for."""

    def __init__(self, seed: int, codes: tuple[str, ...] = ()) -> None:
        """Take the countries of `codes` only, or all of them."""
        self._salt = salt(seed, "people")
        self._locales = [
            (
                locale,
                [(name, ascii_name(name)) for name in locale.firsts],
                [(name, ascii_name(name)) for name in locale.lasts],
            )
            for locale in LOCALES
            if not codes or locale.code in codes
        ]

    def __getitem__(self, index: int) -> Person:
        bits = scatter(index, self._salt)
        locale, firsts, lasts = self._locales[(bits & 0xFFF) % len(self._locales)]
        first, mail_first = firsts[(bits >> 12 & 0xFFF) % len(firsts)]
        last, mail_last = lasts[(bits >> 24 & 0xFFF) % len(lasts)]
        city, region, postcode, span = locale.places[(bits >> 36 & 0xFF) % len(locale.places)]
        street = locale.streets[(bits >> 44 & 0xFF) % len(locale.streets)]
        return Person(
            first,
            last,
            f"{mail_first}.{mail_last}{index + 1}@{_DOMAINS[bits % 3]}",
            street % ((bits >> 50) % 180 + 1),
            city,
            region,
            postcode % ((bits >> 40) % span + 1),
            locale.country,
            locale.code,
        )
