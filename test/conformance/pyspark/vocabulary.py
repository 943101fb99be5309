"""The functions that the programs are made of, in Python; vocabulary.ts has the same ones under the same names.

A function is written as a list: its name, then its arguments, which may be functions themselves.
"""
import math



FUNCTIONS = {
    # of a number
    "add": lambda k: lambda x: x + k,
    "mul": lambda k: lambda x: x * k,
    "mod": lambda m: lambda x: x % m,
    "half": lambda: lambda x: x / 2,
    "label": lambda: lambda x: "n%d" % x,
    "residue": lambda m: lambda x: (x % m, x),
    "orNull": lambda m: lambda x: None if x % m == 0 else x,
    "coordinates": lambda m: lambda x: (x % m, "p%d" % (x % 2)),
    "negate": lambda: lambda x: -x,
    # of a string
    "upper": lambda: lambda x: x.upper(),
    "length": lambda: lambda x: len(x),
    "suffix": lambda s: lambda x: x + s,
    # of a number or null
    "orElse": lambda k: lambda x: k if x is None else x,
    # of a pair
    "swap": lambda: lambda x: (x[1], x[0]),
    "first": lambda: lambda x: x[0],
    "second": lambda: lambda x: x[1],
    # of a list
    "size": lambda: lambda x: len(x),
    "sorted": lambda: lambda x: sorted(x),
    "total": lambda: lambda x: sum(x),
    # of anything
    "same": lambda: lambda x: x,
    "withOne": lambda: lambda x: (x, 1),
    "twice": lambda: lambda x: [x, x],
    "compose": lambda f, g: lambda x: FN(f)(FN(g)(x)),
    # tests
    "greater": lambda k: lambda x: x > k,
    "leaves": lambda m, r: lambda x: x % m == r,
    "longer": lambda k: lambda x: len(x) > k,
    "present": lambda: lambda x: x is not None,
    "always": lambda: lambda x: True,
    "never": lambda: lambda x: False,
    "where": lambda f, p: lambda x: FN(p)(FN(f)(x)),
    # to several
    "upTo": lambda m: lambda x: list(range(x % m)),
    "repeat": lambda m: lambda x: [x] * (x % m),
    "chars": lambda: lambda x: list(x),
    "items": lambda: lambda x: x,
    "none": lambda: lambda x: [],
    # of two
    "plus": lambda: lambda a, b: a + b,
    "plusMod": lambda m: lambda a, b: (a + b) % m,
    "max": lambda: lambda a, b: b if b > a else a,
    "min": lambda: lambda a, b: b if b < a else a,
    "left": lambda: lambda a, b: a,
    "right": lambda: lambda a, b: b,
    "concat": lambda: lambda a, b: a + b,
    # of an iterator, to several
    "countRows": lambda: lambda rows: [sum(1 for _ in rows)],
    "sumRows": lambda: lambda rows: [sum(rows)],
    "reverseRows": lambda: lambda rows: list(rows)[::-1],
    "lastRow": lambda: lambda rows: list(rows)[-1:],
    # of an index and an iterator
    "tag": lambda: lambda i, rows: [(i, row) for row in rows],
    "indexCount": lambda: lambda i, rows: [(i, sum(1 for _ in rows))],
    "dropFirst": lambda: lambda i, rows: list(rows)[1 if i == 0 else 0:],
}


def FN(spec):
    """The function that a list means."""
    return FUNCTIONS[spec[0]](*spec[1:])


def append(state, x):
    state.append(x)
    return state


def extend(a, b):
    a.extend(b)
    return a


# zero, what merges a row into the state, what merges two states; made anew each time, for PySpark's driver changes the zero
AGGREGATES = {
    "count": lambda: (0, lambda s, x: s + 1, lambda a, b: a + b),
    "countAndSum": lambda: ((0, 0), lambda s, x: (s[0] + 1, s[1] + x), lambda a, b: (a[0] + b[0], a[1] + b[1])),
    "gather": lambda: ([], append, extend),
    "countFrom10": lambda: (10, lambda s, x: s + 1, lambda a, b: a + b),
}

# what makes a combiner of a value, what merges a value into it, what merges two
COMBINERS = {
    "list": (lambda v: [v], append, extend),
    "countAndSum": (lambda v: (1, v), lambda s, x: (s[0] + 1, s[1] + x), lambda a, b: (a[0] + b[0], a[1] + b[1])),
    "count": (lambda v: 1, lambda s, x: s + 1, lambda a, b: a + b),
}


def plain(value):
    """An answer as JSON: tuples as lists, whole floats as integers, what JSON lacks as {"$": name}, a dict by its sorted entries."""
    if isinstance(value, float):
        if math.isnan(value):
            return {"$": "NaN"}
        if math.isinf(value):
            return {"$": "Infinity" if value > 0 else "-Infinity"}
        return int(value) if value == int(value) else value
    if isinstance(value, dict):
        return {"$map": sorted(([plain(k), plain(v)] for k, v in value.items()), key=repr)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
