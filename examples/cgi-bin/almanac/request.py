"""What the visitor asks for."""
import datetime
from urllib.parse import parse_qs


def day(query):
    """The day named by `date=YYYY-MM-DD`, or today. ValueError if it is none."""
    values = parse_qs(query).get("date")
    if not values:
        return datetime.date.today()
    try:
        return datetime.datetime.strptime(values[-1], "%Y-%m-%d").date()
    except ValueError:
        raise ValueError("date must be a day such as 2026-02-28") from None
