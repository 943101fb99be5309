"""Writes random programs and what PySpark answers them to a file, one a line as JSON; test/conformance/pyspark.test.ts runs them on millrace.

To do it again, with Java 17 or later on the machine:

    python3 -m venv venv && venv/bin/pip install pyspark==4.0.1
    venv/bin/python test/conformance/pyspark/record.py --seed 1 --count 100 test/fixtures/pyspark/seed-1.jsonl

The files named dense were made with --dense (seeds 11, 12 and so on).

Where PySpark differs from Spark itself, the programs do not ask: it cuts a list by batches of pickled rows (10 rows in 4 partitions: 2, 2, 2, 4;
Spark and millrace: 2, 3, 2, 3), so sources go through a range; its joins have as many partitions as both inputs together (Spark and
millrace: as the larger one, or those of a partitioner); its driver changes the zero of `aggregate` in place.
"""
import argparse
import json
import os
import sys

os.environ["PYTHONHASHSEED"] = "0"  # PySpark hashes strings by it, the same in all its processes
os.environ["PYSPARK_PYTHON"] = sys.executable
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
os.environ["PYTHONPATH"] = sys.path[0]  # the functions are unpickled in PySpark's workers

from pyspark import SparkConf, SparkContext  # noqa: E402

from programs import programs  # noqa: E402
from vocabulary import AGGREGATES, COMBINERS, FN, plain  # noqa: E402


def tuples(value, shape):
    """JSON's lists as the tuples that pairs are in Python."""
    if shape[0] == "pair":
        return (tuples(value[0], shape[1]), tuples(value[1], shape[2]))
    return value


def made(sc, rdds, step):
    """The RDD that a step means."""
    op, n = step["op"], step.get("n")
    if op == "range":
        return sc.range(step["start"], step["end"], step["step"], n)
    if op == "parallelize":
        rows = [tuples(row, step["type"]) for row in step["rows"]]
        # sc.parallelize(rows, n) cuts batches of pickled rows; Spark itself cuts rows, as it does for a range.
        return sc.parallelize(range(len(rows)), n).map(lambda i: rows[i])
    rdd = rdds[step["on"]]
    fn = FN(step["fn"]) if "fn" in step else None
    other = rdds[step["other"]] if "other" in step else None
    kind = step.get("kind")
    if op in ("map", "filter", "flatMap", "mapPartitions", "mapPartitionsWithIndex", "mapValues", "flatMapValues", "keyBy"):
        return getattr(rdd, op)(fn)
    if op in ("glom", "cache", "zipWithIndex", "zipWithUniqueId", "keys", "values"):
        return getattr(rdd, op)()
    if op in ("distinct", "repartition", "coalesce"):
        return getattr(rdd, op)(n)
    if op in ("union", "intersection", "subtract", "cartesian", "zip"):
        return getattr(rdd, op)(other)
    if op == "sortBy":
        return rdd.sortBy(fn, step["ascending"], n)
    if op == "sortByKey":
        return rdd.sortByKey(step["ascending"], n)
    if op == "groupBy":
        return rdd.groupBy(fn, n).mapValues(list)
    if op == "groupByKey":
        return rdd.groupByKey(n).mapValues(list)
    if op == "cogroup":
        return rdd.cogroup(other, n).mapValues(lambda groups: tuple(map(list, groups)))
    if op == "groupWith":
        return rdd.groupWith(other).mapValues(lambda groups: tuple(map(list, groups)))
    if op == "reduceByKey":
        return rdd.reduceByKey(fn, n)
    if op == "foldByKey":
        return rdd.foldByKey(step["zero"], fn, n)
    if op == "aggregateByKey":
        return rdd.aggregateByKey(*AGGREGATES[kind](), n)
    if op == "combineByKey":
        return rdd.combineByKey(*COMBINERS[kind], n)
    if op in ("join", "leftOuterJoin", "rightOuterJoin", "fullOuterJoin", "subtractByKey"):
        return getattr(rdd, op)(other, n)
    if op == "partitionBy":
        return rdd.partitionBy(n, fn) if fn else rdd.partitionBy(n)
    if op == "repartitionAndSortWithinPartitions":
        return rdd.repartitionAndSortWithinPartitions(n, FN(["mod", n]), step["ascending"])
    raise ValueError("no operator " + op)


def answered(rdd, action):
    """What an action answers."""
    op = action["op"]
    fn = FN(action["fn"]) if "fn" in action else None
    if op in ("take", "takeOrdered", "top"):
        return getattr(rdd, op)(action["n"], *([fn] if fn else []))
    if op in ("reduce", "treeReduce", "max", "min", "reduceByKeyLocally"):
        return getattr(rdd, op)(*([fn] if fn else []))
    if op == "fold":
        return rdd.fold(action["zero"], fn)
    if op in ("aggregate", "treeAggregate"):
        zero, merge, combine = AGGREGATES[action["kind"]]()
        return getattr(rdd, op)(zero, merge, combine)
    if op == "histogram":
        return list(rdd.histogram(action["buckets"]))
    if op == "lookup":
        return rdd.lookup(action["key"])
    if op == "stats":
        stats = rdd.stats()
        return [stats.count(), stats.mean(), stats.variance(), stats.max(), stats.min(), stats.sum()]
    answer = getattr(rdd, op)()
    return dict(answer) if op in ("countByKey", "countByValue") else answer


EMPTY = ("empty", "Can not reduce()", "max() arg", "min() arg", "Cannot reduce")


def record(sc, program):
    rdds = []
    try:
        for step in program["steps"]:
            rdds.append(made(sc, rdds, step))
        return {"answer": plain(answered(rdds[program["on"]], program["action"]))}
    except Exception as error:  # every way PySpark says that there are no rows
        text = str(error)
        if any(part in text for part in EMPTY):
            return {"fails": "empty"}
        raise


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--dense", action="store_true", help="longer programs, with rows throughout")
    parser.add_argument("file")
    options = parser.parse_args()
    conf = SparkConf().setMaster("local[2]").setAppName("record").set("spark.ui.enabled", "false")
    conf.set("spark.ui.showConsoleProgress", "false")
    sc = SparkContext(conf=conf)
    sc.setLogLevel("OFF")
    lines = []
    for number, program in enumerate(programs(options.seed, options.count, options.dense)):
        try:
            recorded = {**program, **record(sc, program)}
        except Exception as error:
            print("program %d: %s\n%s" % (number, json.dumps(program), str(error)[-600:]), file=sys.stderr)
            continue
        lines.append(json.dumps(recorded, ensure_ascii=False, separators=(",", ":")))
    sc.stop()
    with open(options.file, "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    print("%d programs" % len(lines))


if __name__ == "__main__":
    main()
