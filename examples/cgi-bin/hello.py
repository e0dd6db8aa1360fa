#!/usr/bin/env python3
"""A small CGI application: the month of a day, and the moon above it.

By hand: ./hello.py, or QUERY_STRING='date=2026-02-28' ./hello.py
"""
import os
import sys

from almanac import page, request


def main():
    try:
        day = request.day(os.environ.get("QUERY_STRING", ""))
    except ValueError as error:
        status, body = "400 Bad Request", "%s\n" % error
    else:
        status, body = "200 OK", page.render(day)
    out = "Status: %s\nContent-Type: text/plain; charset=utf-8\n\n%s" % (status, body)
    sys.stdout.buffer.write(out.encode())


if __name__ == "__main__":
    main()
