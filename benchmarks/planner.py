"""Benchmarks of the planner: ``python benchmarks/planner.py CASE --json``.

Every case prints one JSON object with ``bars``: a list of {name, value, bound, met}.
One default planner serves all cases; nothing is tuned for a case.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import planner_crystals
import planner_evidence
import planner_intervals
import planner_models
import planner_molecules
import planner_peers
import planner_pools
import planner_search
from threadpoolctl import threadpool_limits

CASES = {
    **planner_evidence.CASES,
    **planner_models.CASES,
    **planner_search.CASES,
    **planner_pools.CASES,
    **planner_intervals.CASES,
    **planner_crystals.CASES,
    **planner_molecules.CASES,
}


def main() -> int:
    """Run a case and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument(
        "--seeds", type=int, default=None, help="runs; default: as stated"
    )
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--peers", action="store_true", help="run the peers as well")
    arguments = parser.parse_args()
    started = time.perf_counter()
    with threadpool_limits(limits=1):
        result = CASES[arguments.case](arguments.seeds)
    if arguments.peers:
        result = planner_peers.compare(arguments.case, result)
    result = {"case": arguments.case, **result}
    result["seconds"] = round(time.perf_counter() - started, 1)
    if arguments.json:
        print(json.dumps(result))
    else:
        for bar in result["bars"]:
            word = "met" if bar["met"] else "NOT MET"
            print(f"{bar['name']}: {bar['value']:.4g} (bound {bar['bound']}) {word}")
        print(f"{result['seconds']} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
