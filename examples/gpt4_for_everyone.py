"""What does it take to serve GPT-4 to everyone? Chips, users, money, power; which levers matter; who was right.

    python examples/gpt4_for_everyone.py [FOLDER] [--all] [--quick] [--json]

Reads gpt4_for_everyone.toml beside it; writes two plots and every winner as CSV into FOLDER (default: out).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from gpt4 import levers, screens, search, systems, tables

from tokenroof.claims import audit

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SPEC = Path(__file__).with_suffix(".toml")


def quick(spec: dict[str, Any]) -> None:
    """Thin the grid for a test: seconds become a fraction of one."""
    demand = spec["demand"]
    spec["sweep"] |= {
        "batch": "1:2048:x2",
        "isl": [demand["isl"], 4096],
        "osl": demand["osl"],
        "ep": "1:16:x2",
        "dp": "1:16:x2",
    }
    spec["plot"] = {"batch": "1:2048:x4", "tpot_limits_s": spec["plot"]["tpot_limits_s"][1::3]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("out"), help="where files go (default: out)")
    parser.add_argument("--all", action="store_true", help="also every model's cheapest chips, by precision and length")
    parser.add_argument("--quick", action="store_true", help="a thinned grid")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    parser.add_argument("--threads", type=int, help="default: all CPUs")
    args = parser.parse_args()
    spec = tomllib.loads(SPEC.read_text(encoding="utf-8"))
    if args.quick:
        quick(spec)
    found = search.study(spec, args.threads)
    found |= {"systems": systems.study(spec), "levers": levers.study(spec)}
    findings = audit()
    found["audit"] = [screens.finding(f) for f in findings]
    found["files"] = search.write_files(found, spec, args.folder)
    found["files"].insert(1, str(args.folder / "levers.png"))
    levers.draw(found["levers"], spec, args.folder / "levers.png")
    if args.json:
        plain = json.loads(json.dumps(found), parse_constant=lambda _: None)  # NaN is not JSON
        print(json.dumps(plain, indent=1))
        return
    print(screens.answer(found, spec), screens.fleet_screen(found, spec), screens.searched(found), sep="\n\n")
    print("", screens.lever_screen(found, spec), screens.audit_screen(findings, spec), sep="\n\n")
    if args.all:
        print("", tables.report(found, spec), sep="\n\n")
    print(f"\nwrote {', '.join(Path(name).name for name in found['files'])} into {args.folder}; more tables: --all")


if __name__ == "__main__":
    main()
