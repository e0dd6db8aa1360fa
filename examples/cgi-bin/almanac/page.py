"""The page as text."""
from . import month, moon


def render(day):
    face, name = moon.phase(day)
    return "{}\n\n{}  {}\n".format(month.table(day), face, name)
