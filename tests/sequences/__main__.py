"""The long form: `python -m tests.sequences --count 2000 --seed 1 --database sqlite` (or postgresql).

Runs that many sequences, from that seed on, and prints one line of figures; a broken one is made shorter and told step by
step first. Exit code 1 where any was broken. `--only SEED` runs one, step by step.
"""

import argparse
import contextlib
import io
import logging
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.sequences.databases import postgres_databases, sqlite_databases
from tests.sequences.driver import LENGTH, Driver, plan_of
from tests.support.postgres import start_postgres


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--length", type=int, default=LENGTH, help="steps of a sequence")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--only", type=int, metavar="SEED", help="this sequence alone, with every step")
    parser.add_argument("--whole", action="store_true", help="do not make a broken sequence shorter")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)  # what a server refuses is in the summaries
    seeds = range(asked.seed, asked.seed + asked.count) if asked.only is None else [asked.only]
    steps: Counter[str] = Counter()
    broken, began = [], time.monotonic()
    with contextlib.ExitStack() as stack:
        if asked.database == "sqlite":
            new = sqlite_databases(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="culture-sequences-"))))
        else:
            new = postgres_databases(stack.enter_context(start_postgres()))
        driver = stack.enter_context(Driver(new))
        for done, seed in enumerate(seeds, start=1):
            plan = plan_of(seed, asked.length, from_outside=True)
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
            ):  # what commands say
                outcome = driver.run(plan)
                short = driver.shortest(plan)[1] if outcome.problems and not asked.whole else outcome
            if outcome.problems and not short.problems:  # it hangs on time: what was seen is all that there is
                short = outcome
            steps += outcome.counts
            if outcome.problems or asked.only is not None:
                print(f"seed {seed}:\n{short}", flush=True)
                if short.error is not None:
                    traceback.print_exception(short.error, file=sys.stdout)
            broken += [seed] if outcome.problems else []
            if done % 10 == 0:
                print(
                    f"{done} sequences, {time.monotonic() - began:.0f} s, {len(broken)} broken",
                    file=sys.stderr,
                    flush=True,
                )
    kills = sum(count for step, count in steps.items() if step.endswith("_killed"))
    print(
        f"{len(seeds)} sequences from seed {seeds[0]} on {asked.database}: {steps.total()} steps "
        f"({steps['run']} runs, {steps['digest']} digests, {kills} kills asked for), "
        f"{len(broken)} broken{f' ({broken})' if broken else ''}, {time.process_time():.0f} s of CPU"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
