"""The phase of the moon, to within a day or so."""
import datetime

NEW_MOON = datetime.date(2000, 1, 6)
MONTH = 29.530588853  # days from new moon to new moon

NAMES = [
    "new moon",
    "waxing crescent",
    "first quarter",
    "waxing gibbous",
    "full moon",
    "waning gibbous",
    "last quarter",
    "waning crescent",
]
FACES = "🌑🌒🌓🌔🌕🌖🌗🌘"


def phase(day):
    """(face, name) of the moon on that day."""
    age = (day - NEW_MOON).days % MONTH
    eighth = round(age / MONTH * 8) % 8
    return FACES[eighth], NAMES[eighth]
