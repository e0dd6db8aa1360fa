"""A month as a small table."""
import calendar


def table(day):
    """The weeks of the day's month, Monday first, the day itself in brackets."""
    lines = ["{:^28}".format(day.strftime("%B %Y")).rstrip(), " Mo  Tu  We  Th  Fr  Sa  Su"]
    for week in calendar.Calendar().monthdayscalendar(day.year, day.month):
        lines.append("".join(cell(number, day.day) for number in week).rstrip())
    return "\n".join(lines)


def cell(number, marked):
    if number == 0:
        return "    "
    return ("[{:>2}]" if number == marked else " {:>2} ").format(number)
