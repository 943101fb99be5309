"""Random RDD programs: a list of steps, each naming the steps it builds on, and an action on the last one.

The generator keeps for every RDD what PySpark lets one know of it: its rows' type, and whether its rows' places in partitions
("layout"), their order over all partitions ("order"), or only the rows themselves ("bag") follow from the program. An operator
or action is taken only where its answer follows from what is known.
"""
import random

PAIR = "pair"
LIST = "list"
WORDS = ["mill", "race", "water", "a", "", "wheel", "é", "中文", "race", "mill", "a b"]


def is_pair(t):
    return t[0] == PAIR


def is_list(t):
    return t[0] == LIST


def hashable(t):
    """Whether it can be a key: lists cannot, in Python."""
    return all(hashable(part) for part in t[1:]) if is_pair(t) else not is_list(t) and t != OPAQUE


def sortable(t):
    """Whether Python orders it: not where a number meets null."""
    return t not in (MAYBE, OPAQUE) and all(sortable(part) for part in t[1:])


INT, NUM, STR, MAYBE = ("int",), ("num",), ("str",), ("maybe",)
OPAQUE = ("opaque",)  # something or null: what an outer join gives


class Rdd:
    def __init__(self, index, type, known, parts, size, unique=False):
        self.index = index
        self.type = type
        self.known = known  # layout, order or bag
        self.parts = parts  # the number of partitions, or None where the two sides may differ
        self.size = size  # at most this many rows
        self.unique = unique  # no key occurs twice


class Generator:
    def __init__(self, seed, dense):
        self.random = random.Random(seed)
        self.dense = dense
        self.steps = []
        self.rdds = []

    def pick(self, options):
        return options[self.random.randrange(len(options))]

    def chance(self, p):
        return self.random.random() < p

    def int(self, low, high):
        return self.random.randint(low, high)

    # functions

    def unary(self, t):
        """A function of a row of type t, and the type it gives."""
        options = [(["withOne"], (PAIR, t, INT)), (["twice"], (LIST, t))]
        if t == INT:
            m = self.int(2, 5)
            options = [
                (["add", self.int(-5, 9)], INT), (["mul", self.int(-2, 3)], INT), (["mod", m], INT), (["half"], NUM),
                (["label"], STR), (["residue", m], (PAIR, INT, INT)), (["orNull", m], MAYBE),
                (["coordinates", m], (PAIR, INT, STR)), *options,
            ]
        elif t == NUM:
            options += [(["add", self.int(-5, 9)], NUM), (["mul", self.int(-2, 3)], NUM)]
        elif t == STR:
            options += [(["upper"], STR), (["length"], INT), (["suffix", "!"], STR)]
        elif t == MAYBE:
            options += [(["orElse", self.int(-3, 3)], INT)] * 2
        elif is_pair(t):
            options += [(["swap"], (PAIR, t[2], t[1])), (["first"], t[1]), (["second"], t[2])]
        elif is_list(t):
            options += [(["size"], INT)] * 2
            if sortable(t[1]):
                options.append((["sorted"], t))
            if t[1] in (INT, NUM):
                options.append((["total"], t[1]))
        return self.pick(options)

    def key(self, t):
        """A function to a key, with few different ones."""
        m = self.int(2, 5)
        if t == INT:
            return self.pick([(["mod", m], INT), (["compose", ["label"], ["mod", m]], STR), (["coordinates", m], (PAIR, INT, STR)),
                              (["compose", ["orNull", 3], ["mod", 7]], MAYBE)])
        if t == STR:
            return self.pick([(["length"], INT), (["same"], STR)])
        if is_pair(t):
            f, of = self.pick([(["first"], t[1]), (["second"], t[2])])
            if hashable(of):
                return f, of
        if is_list(t):
            return ["size"], INT
        return (["same"], t) if hashable(t) else (["compose", ["size"], ["twice"]], INT)

    def test(self, t):
        if t == INT:
            m = self.int(2, 4)
            return self.pick([["greater", self.int(-3, 12)], ["leaves", m, self.int(0, m - 1)], ["always"], ["always"] if self.dense else ["never"], ["greater", 2]])
        if t == NUM:
            return ["greater", self.int(-3, 9)]
        if t in (STR,) or is_list(t):
            return ["longer", self.int(0, 4)]
        if t == MAYBE:
            return ["present"]
        if t == OPAQUE:
            return ["always"]
        side = self.int(1, 2)
        return ["where", ["first"] if side == 1 else ["second"], self.test(t[side])]

    def flat(self, t):
        options = [(["twice"], t), (["twice"], t) if self.dense else (["none"], t)]
        if t == INT:
            options += [(["upTo", self.int(2, 5)], INT), (["repeat", 4], INT), (["upTo", 3], INT)]
        elif t == STR:
            options += [(["chars"], STR)] * 2
        elif is_list(t):
            options += [(["items"], t[1])] * 4
        return self.pick(options)

    def merge(self, t, ordered):
        """An associative function of two, commutative too where the order of rows is not known."""
        options = [["max"], ["min"]] if sortable(t) else []
        if t in (INT, NUM):
            options += [["plus"]] * 3
        if t == INT:
            options.append(["plusMod", 7])
        if ordered:
            options += [["left"], ["right"]]
            if t == STR or is_list(t):
                options += [["concat"]] * 2
        return self.pick(options) if options else None

    def zero(self, t, merge):
        """A value to start from; neutral only sometimes."""
        if t in (INT, NUM):
            return self.pick([0, 1, 5])
        if t == STR:
            return self.pick(["", "z"])
        if is_list(t) and merge[0] == "concat":
            return []
        return None

    # RDDs

    def add(self, of, known, parts, size, unique=False, **step):
        self.steps.append(step)
        rdd = Rdd(len(self.rdds), of, known, parts, size, unique)
        self.rdds.append(rdd)
        return rdd

    def source(self, want_key=None):
        n = self.pick([1, 2, 2, 3, 3, 4])
        if want_key is None and self.chance(0.25):
            start, step = self.int(-4, 5), self.pick([1, 1, 2, 3, -1])
            count = self.pick([5, 8, 12, 20, 30] if self.dense else [0, 1, 3, 8, 12, 20])
            return self.add(INT, "layout", n, count, op="range", start=start, end=start + step * count, step=step, n=n)
        count = self.pick([5, 9, 14, 20, 30] if self.dense else [0, 1, 2, 5, 9, 14, 20])
        row = {
            INT: lambda: self.int(-6, 15), STR: lambda: self.pick(WORDS), MAYBE: lambda: self.pick([None, 0, 1, 2, 3]),
            (PAIR, INT, STR): lambda: [self.int(0, 2), self.pick(["p0", "p1"])],
        }
        if want_key is not None or self.chance(0.5):
            key = want_key or self.pick([INT, STR, MAYBE, (PAIR, INT, STR)])
            if key not in row:
                return None
            value = self.pick([INT, INT, STR])
            keys = {INT: lambda: self.int(0, 5)}.get(key, row[key])
            return self.add((PAIR, key, value), "layout", n, count, op="parallelize", n=n,
                            rows=[[keys(), row[value]()] for _ in range(count)], type=self.shape((PAIR, key, value)))
        t = self.pick([INT, INT, STR, MAYBE])
        return self.add(t, "layout", n, count, op="parallelize", rows=[row[t]() for _ in range(count)], n=n, type=self.shape(t))

    def shape(self, t):
        """The type, for Python to make tuples of pairs."""
        return [t[0], *(self.shape(part) for part in t[1:])]

    def partitions(self):
        return self.pick([None, None, 1, 2, 3])

    def known_values(self, rdd, grouped):
        """After a grouping of rows whose order is not known: the values of a group in one order, or their number."""
        if rdd.known != "bag":
            return grouped
        values = grouped.type[2]
        if is_list(values) and sortable(values[1]):
            f, t = ["sorted"], values
        elif is_list(values):
            f, t = ["size"], INT
        else:  # the two lists of a cogroup
            f, t = ["compose", ["size"], ["twice"]], INT
        return self.add((PAIR, grouped.type[1], t), "bag", grouped.parts, grouped.size, True, op="mapValues", on=grouped.index, fn=f)

    def other(self, of, fits):
        """Another RDD of the program that fits, or a new one."""
        options = [r for r in self.rdds if fits(r)]
        return self.pick(options) if options else None

    def shuffled_parts(self, rdd, n):
        return n if n is not None else rdd.parts

    def grow(self, rdd):
        """One more step on rdd, or None when the operator drawn does not fit."""
        t, on = rdd.type, rdd.index
        operator = self.pick(OPERATORS)
        n = self.partitions()
        pair = is_pair(t) and hashable(t[1])
        ordered = rdd.known != "bag"
        narrow = dict(parts=rdd.parts, known=rdd.known, size=rdd.size)

        if operator == "map":
            f, to = self.unary(t)
            return self.add(to, **narrow, op=operator, on=on, fn=f)
        if operator == "filter":
            return self.add(t, **narrow, unique=rdd.unique, op=operator, on=on, fn=self.test(t))
        if operator == "flatMap":
            f, to = self.flat(t)
            return self.add(to, rdd.known, rdd.parts, rdd.size * 4, op=operator, on=on, fn=f) if rdd.size <= 80 else None
        if operator == "keyBy":
            f, to = self.key(t)
            return self.add((PAIR, to, t), **narrow, op=operator, on=on, fn=f)
        if operator == "mapPartitions" and rdd.known == "layout":
            f, to = self.pick([(["countRows"], INT), (["reverseRows"], t), (["lastRow"], t), (["sumRows"], t)])
            if f == ["sumRows"] and t not in (INT, NUM):
                return None
            return self.add(to, **narrow, op=operator, on=on, fn=f)
        if operator == "mapPartitionsWithIndex" and rdd.known == "layout":
            f, to = self.pick([(["tag"], (PAIR, INT, t)), (["indexCount"], (PAIR, INT, INT)), (["dropFirst"], t)])
            return self.add(to, **narrow, op=operator, on=on, fn=f)
        if operator == "glom" and rdd.known == "layout":
            return self.add((LIST, t), **narrow, op=operator, on=on)
        if operator == "cache":
            return self.add(t, **narrow, unique=rdd.unique, op=operator, on=on)
        if operator == "distinct" and hashable(t):
            return self.add(t, "bag", self.shuffled_parts(rdd, n), rdd.size, op=operator, on=on, n=n)
        if operator in ("union", "intersection", "subtract"):
            other = self.other(rdd, lambda r: r.type == t)
            if other is None or (operator != "union" and not hashable(t)) or rdd.size + other.size > 120:
                return None
            if operator != "union":
                return self.add(t, "bag", None, rdd.size, op=operator, on=on, other=other.index)
            known = min(rdd.known, other.known, key=["bag", "order", "layout"].index)
            parts = None if None in (rdd.parts, other.parts) else rdd.parts + other.parts
            return self.add(t, known, parts, rdd.size + other.size, op=operator, on=on, other=other.index)
        if operator == "cartesian":
            other = self.other(rdd, lambda r: r.size * rdd.size <= 100)
            if other is None:
                return None
            parts = None if None in (rdd.parts, other.parts) else rdd.parts * other.parts
            return self.add((PAIR, t, other.type), "bag", parts, rdd.size * other.size, op=operator, on=on, other=other.index)
        if operator == "zip" and rdd.known == "layout":
            f, to = self.unary(t)
            mapped = self.add(to, **narrow, op="map", on=on, fn=f)
            return self.add((PAIR, t, to), **narrow, op=operator, on=on, other=mapped.index)
        if operator == "zipWithIndex" and ordered:
            return self.add((PAIR, t, INT), **narrow, op=operator, on=on)
        if operator == "zipWithUniqueId" and rdd.known == "layout":
            return self.add((PAIR, t, INT), **narrow, op=operator, on=on)
        if operator == "sortBy":
            f, to = self.key(t) if self.chance(0.5) else (["same"], t)
            if not sortable(to) or (rdd.known == "bag" and f != ["same"]):
                return None
            return self.add(t, "order", None, rdd.size, op=operator, on=on, fn=f, ascending=self.chance(0.6), n=n)
        if operator == "repartition":
            n = n or 4
            return self.add(t, "bag", n, rdd.size, rdd.unique, op=operator, on=on, n=n)
        if operator == "coalesce" and rdd.parts is not None:
            n = n or 2
            known = rdd.known if rdd.known != "order" else "bag"
            return self.add(t, known, min(n, rdd.parts), rdd.size, rdd.unique, op=operator, on=on, n=n)
        if operator == "groupBy":
            f, to = self.key(t)
            grouped = self.add((PAIR, to, (LIST, t)), "bag", self.shuffled_parts(rdd, n), rdd.size, True, op=operator, on=on, fn=f, n=n)
            return self.known_values(rdd, grouped)
        if operator == "repartitionAndSortWithinPartitions" and t[0] == PAIR and t[1] == INT and rdd.known == "layout":
            n = n or 3
            return self.add(t, "layout", n, rdd.size, rdd.unique, op=operator, on=on, n=n, ascending=self.chance(0.6))
        return self.grow_pairs(operator, rdd, n, ordered) if pair else None

    def grow_pairs(self, operator, rdd, n, ordered):
        t, on = rdd.type, rdd.index
        _, key, value = t
        parts = self.shuffled_parts(rdd, n)
        narrow = dict(parts=rdd.parts, known=rdd.known)

        if operator in ("keys", "values"):
            return self.add(key if operator == "keys" else value, **narrow, size=rdd.size, op=operator, on=on)
        if operator == "mapValues":
            f, to = self.unary(value)
            return self.add((PAIR, key, to), **narrow, size=rdd.size, unique=rdd.unique, op=operator, on=on, fn=f)
        if operator == "flatMapValues" and rdd.size <= 80:
            f, to = self.flat(value)
            return self.add((PAIR, key, to), **narrow, size=rdd.size * 4, op=operator, on=on, fn=f)
        if operator == "reduceByKey":
            merge = self.merge(value, ordered)
            return merge and self.add(t, "bag", parts, rdd.size, True, op=operator, on=on, fn=merge, n=n)
        if operator == "foldByKey":
            merge = self.merge(value, ordered)
            zero = merge and self.zero(value, merge)
            # How often a key starts from zero depends on where its rows lie.
            if zero is None or (rdd.known != "layout" and not (zero == 0 and merge == ["plus"])):
                return None
            return self.add(t, "bag", parts, rdd.size, True, op=operator, on=on, zero=zero, fn=merge, n=n)
        if operator in ("aggregateByKey", "combineByKey"):
            kinds = [("count", INT)]
            if value in (INT, NUM):
                kinds.append(("countAndSum", (PAIR, INT, value)))
            if ordered:
                kinds.append(("gather" if operator == "aggregateByKey" else "list", (LIST, value)))
            if rdd.known == "layout" and operator == "aggregateByKey":
                kinds.append(("countFrom10", INT))
            kind, to = self.pick(kinds)
            return self.add((PAIR, key, to), "bag", parts, rdd.size, True, op=operator, on=on, kind=kind, n=n)
        if operator == "groupByKey":
            grouped = self.add((PAIR, key, (LIST, value)), "bag", parts, rdd.size, True, op=operator, on=on, n=n)
            return self.known_values(rdd, grouped)
        if operator in ("join", "leftOuterJoin", "rightOuterJoin", "fullOuterJoin", "cogroup", "subtractByKey", "groupWith"):
            other = self.other(rdd, lambda r: is_pair(r.type) and r.type[1] == key and r.index != on) if self.chance(0.4) else None
            other = other or self.source(key)
            if other is None or rdd.size * other.size > 400:
                return None
            if operator == "subtractByKey":
                return self.add(t, "bag", n, rdd.size, rdd.unique, op=operator, on=on, other=other.index, n=n)
            if operator in ("cogroup", "groupWith"):
                to = (PAIR, (LIST, value), (LIST, other.type[2]))
                both = Rdd(0, t, "bag" if "bag" in (rdd.known, other.known) else "order", None, 0)
                more = dict(n=n) if operator == "cogroup" else {}
                grouped = self.add((PAIR, key, to), "bag", n if more else None, rdd.size + other.size, True, op=operator, on=on,
                                   other=other.index, **more)
                return self.known_values(both, grouped)
            missing = {"leftOuterJoin": "r", "rightOuterJoin": "l", "fullOuterJoin": "lr", "join": ""}[operator]
            sides = (("l", value), ("r", other.type[2]))
            to = (PAIR, *(v if side not in missing else MAYBE if v in (INT, MAYBE) else OPAQUE for side, v in sides))
            return self.add((PAIR, key, to), "bag", n, rdd.size * other.size + rdd.size + other.size, op=operator, on=on, other=other.index, n=n)
        if operator == "sortByKey" and sortable(key) and ordered:
            return self.add(t, "order", None, rdd.size, rdd.unique, op=operator, on=on, ascending=self.chance(0.6), n=n)
        if operator == "partitionBy":
            n = n or 3
            if key == INT and rdd.known == "layout":
                return self.add(t, "layout", n, rdd.size, rdd.unique, op=operator, on=on, n=n, fn=["mod", n])
            return self.add(t, "bag", n, rdd.size, rdd.unique, op=operator, on=on, n=n)
        return None

    # actions

    def action(self, rdd):
        t = rdd.type
        name = self.pick(ACTIONS)
        ordered = rdd.known != "bag"
        number = t in (INT, NUM)
        if name in ("collect", "count", "isEmpty"):
            return {"op": name}
        if name == "getNumPartitions" and rdd.parts is not None:
            return {"op": name}
        if name == "take" and ordered:
            return {"op": name, "n": self.pick([0, 1, 3, 7, 50])}
        if name == "first" and ordered:
            return {"op": name}
        if name in ("takeOrdered", "top") and sortable(t):
            by = ["negate"] if number and self.chance(0.3) else None
            return {"op": name, "n": self.pick([0, 1, 3, 7, 50]), **({"fn": by} if by else {})}
        if name in ("reduce", "treeReduce"):
            merge = self.merge(t, ordered)
            return merge and {"op": name, "fn": merge}
        if name == "fold":
            merge = self.merge(t, ordered)
            zero = merge and self.zero(t, merge)
            neutral = zero == 0 and merge == ["plus"]
            if zero is None or (rdd.parts is None and not neutral) or (merge != ["plus"] and rdd.known != "layout"):
                return None
            return {"op": name, "zero": zero, "fn": merge}
        if name in ("aggregate", "treeAggregate"):
            kinds = ["count"]
            if number:
                kinds.append("countAndSum")
            if ordered and name == "aggregate":
                kinds.append("gather")
            if rdd.parts is not None and name == "aggregate":
                kinds.append("countFrom10")
            return {"op": name, "kind": self.pick(kinds)}
        if name == "countByValue" and hashable(t):
            return {"op": name}
        if name in ("max", "min"):
            if not sortable(t):
                return None
            return {"op": name, **({"fn": ["negate"]} if number and self.chance(0.3) else {})}
        if number and name in ("sum", "mean", "stats", "variance", "stdev", "sampleVariance", "sampleStdev"):
            return {"op": name}
        if number and name == "histogram":
            return {"op": name, "buckets": self.pick([1, 2, 3, 5, [0, 5, 10], [-10, 0, 3, 20], [0, 2, 4, 6, 8], [1, 1.5, 9]])}
        if is_pair(t) and hashable(t[1]):
            if name == "countByKey":
                return {"op": name}
            if name == "collectAsMap" and (ordered or rdd.unique):
                return {"op": name}
            if name == "reduceByKeyLocally":
                merge = self.merge(t[2], ordered)
                return merge and {"op": name, "fn": merge}
            if name == "lookup" and t[1] in (INT, STR, MAYBE):
                return {"op": name, "key": {INT: self.int(0, 5), STR: self.pick(["mill", "a", "n1"]), MAYBE: self.pick([None, 1, 2])}[t[1]]}
        return None

    def program(self):
        rdd = self.source()
        wanted = self.int(4, 9) if self.dense else self.int(1, 6)
        for _ in range(60):
            if wanted == 0:
                break
            grown = self.grow(rdd)
            if grown is not None:
                rdd = grown
                wanted -= 1
        action = None
        while action is None:
            action = self.action(rdd)
        # What an action of several rows gives is compared in order only where the order is known.
        return {"steps": self.steps, "action": action, "on": rdd.index, "ordered": rdd.known != "bag"}


OPERATORS = """map map map filter filter flatMap flatMap mapValues mapValues flatMapValues keyBy keyBy keyBy groupBy reduceByKey
reduceByKey foldByKey aggregateByKey combineByKey groupByKey groupByKey cogroup groupWith join leftOuterJoin rightOuterJoin
fullOuterJoin distinct union intersection subtract subtractByKey cartesian zip zipWithIndex zipWithUniqueId sortBy sortByKey
partitionBy repartition coalesce glom mapPartitions mapPartitionsWithIndex repartitionAndSortWithinPartitions keys values
cache""".split()

ACTIONS = """collect collect collect count take take take takeOrdered top reduce reduce fold fold fold aggregate aggregate treeReduce
treeAggregate countByKey countByValue lookup collectAsMap collectAsMap reduceByKeyLocally max min sum sum mean mean stats stats
variance variance stdev stdev sampleVariance sampleStdev histogram histogram histogram isEmpty first first getNumPartitions""".split()


def programs(seed, count, dense):
    """`count` different programs; dense ones are longer and have rows throughout."""
    made = {}
    attempt = 0
    while len(made) < count:
        program = Generator("%d/%d" % (seed, attempt), dense).program()
        made.setdefault(repr(program), program)
        attempt += 1
    return list(made.values())
