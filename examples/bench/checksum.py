"""Reads a file with Python's csv module: an engine for bench that is not written in Go.

    go -C examples run ./bench -size 4 -external "python=python3 bench/checksum.py"
"""
import csv
import json
import sys

records = cells = size = first = 0
# As latin-1 each byte is a character, so lengths are those of UTF-8.
with open(sys.argv[1], encoding="latin-1", newline="") as file:
    rows = csv.reader(file)
    next(rows)  # the header
    for row in rows:
        records += 1
        cells += len(row)
        for cell in row:
            size += len(cell)
            if cell:
                first += ord(cell[0])
print(json.dumps({"records": records, "cells": cells, "bytes": size, "first": first}))
