"""The command harrier-spark."""
import argparse
import dataclasses
import json
import re
import signal
import sys

EXIT_FAILED, EXIT_USAGE = 1, 64
VERSION = "0.1.0"
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def size(text):
    """Bytes: a number, or one with K, M, G or T, as the options of harrier take it."""
    match = re.fullmatch(r"(\d+)([KMGT]?)", text)
    if not match or int(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text}: a size such as 512M is expected")
    return int(match[1]) * UNITS[match[2]]


def count(text):
    if not re.fullmatch(r"[1-9]\d{0,4}", text):
        raise argparse.ArgumentTypeError(f"{text}: a number from 1 to 99999 is expected")
    return int(text)


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\nTry `{self.prog} --help' for more information.\n")


def parse(arguments):
    parser = Parser(prog="harrier-spark", description="Harrier's big jobs on Spark. Run it with spark-submit's "
                    "settings in SPARK_CONF_DIR, or with --master and --conf.")
    parser.add_argument("--version", action="version", version=f"harrier-spark {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    rebuild = commands.add_parser("rebuild", help="folds an archive into a generation of tables",
                                  description="Folds an archive into a generation, as `harrier rebuild --full` does, "
                                  "and makes it current. A server that watches the folder adopts it.")
    rebuild.add_argument("generations", metavar="GENERATIONS", help="folder of this machine: a server's generations/")
    rebuild.add_argument("--keep", type=count, default=0, metavar="N", help="generations to keep (default 3)")
    rebuild.add_argument("--force", action="store_true",
                         help="even if the current generation is what would be built; without --policy, it always is")
    rebuild.add_argument("--keep-thresholds", action="store_true",
                         help="keep the thresholds in force instead of computing new ones")
    rebuild.add_argument("--accept-changes", action="store_true", help="of thresholds, whatever their guards say")
    rebuild.add_argument("--memory", type=size, metavar="SIZE",
                         help="of this process (default: a quarter of the machine's)")
    rebuild.add_argument("--task-memory", type=size, default=512 << 20, metavar="SIZE",
                         help="of each task, beside the JVM's (default 512M)")
    features = commands.add_parser("features", help="exports what was known at each transaction",
                                   description="Writes what `harrier replay --policy DIR --features FILE` writes, as a "
                                   "folder of Parquet files in the order of the archive.")
    features.add_argument("output", metavar="OUTPUT", help="folder to write, a URI; it must not exist")
    features.add_argument("--outputs", type=count, metavar="N",
                          help="files (default: four for each core); at most one for each segment")
    for command in (rebuild, features):
        command.add_argument("--archive", required=True, metavar="URI",
                             help="of the archive, in any file system that Hadoop knows")
        command.add_argument("--policy", metavar="DIR", help="folder of this machine (default: the archive's last one)")
        command.add_argument("--shares", type=count, metavar="N",
                             help="partitions of the shuffle (default: four for each core)")
        command.add_argument("--master", metavar="URL", help="of the cluster (default: Spark's setting)")
        command.add_argument("--conf", action="append", default=[], metavar="KEY=VALUE", help="a setting of Spark")
    return parser, parser.parse_args(arguments)


def settings_of(parser, options):
    settings = {}
    for setting in options.conf:
        key, separator, value = setting.partition("=")
        if not separator or not key.startswith("spark."):
            parser.error(f"--conf {setting}: spark.SOMETHING=VALUE is expected")
        settings[key] = value
    return settings


def run(options, settings):
    from . import features, rebuild, session
    spark = session(options.master, settings=settings)
    try:
        if options.command == "rebuild":
            return rebuild(spark, options.archive, options.generations, policy=options.policy, shares=options.shares,
                           memory=options.memory, task_memory=options.task_memory, keep=options.keep,
                           force=options.force, keep_thresholds=options.keep_thresholds,
                           accept_changes=options.accept_changes)
        return features(spark, options.archive, options.output, policy=options.policy, shares=options.shares,
                        outputs=options.outputs)
    finally:
        spark.stop()


def reason_of(error):
    """One line: of what an executor's Python says, the last line of its traceback; of Java, the message."""
    java = getattr(error, "java_exception", None)
    text = (java.getMessage() if java is not None else None) or str(error)
    ours = re.search(r"HarrierError: (.*)", text)
    if ours:
        return ours[1]
    if "Traceback (most recent call last)" in text:
        return next(line for line in reversed(text.split("Driver stacktrace")[0].splitlines()) if line.strip()).strip()
    return text.strip().splitlines()[0]


def main(arguments=None):
    parser, options = parse(arguments)
    settings = settings_of(parser, options)
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(128 + signal.SIGTERM))  # scratch folders are removed
    try:
        import pyarrow  # noqa: F401
        import pyspark  # noqa: F401
    except ImportError as e:
        sys.exit(f"harrier-spark: needs pyspark 4.1 or later and pyarrow ({e}): pip install 'pyspark>=4.1' pyarrow")
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    from . import HarrierError
    try:
        result = run(options, settings)
    except (HarrierError, OSError, PySparkException, Py4JError) as e:
        print(f"harrier-spark: {reason_of(e)}", file=sys.stderr)
        return EXIT_FAILED
    json.dump(dataclasses.asdict(result), sys.stdout)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
