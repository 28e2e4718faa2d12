"""The command ``tokenroof``: points, sweeps, winners and the catalogue from a shell.

Commands import what they need when they run, so that ``tokenroof --help`` is instant.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from ..errors import TokenroofError
from . import best, calibrate, claims, columns, fleet, hardware, models, pareto, point, sweep, validate

__all__ = ["main"]

_EXAMPLES = """\
examples:
  tokenroof point llama-3.1-70b h100-sxm --precision fp8 --tp 4 --batch 32 --isl 2048 --explain
  tokenroof best usd_per_mtok --model llama-3.1-70b --hardware all --precision bf16,fp8 --tp 1,2,4,8 \\
            --batch 1:512 --by hardware --where "tpot_s <= 0.05"
  tokenroof sweep --model llama-3.1-8b --hardware h100-sxm,b200-sxm --batch 1:256 --columns tpot_s --out tpot.csv
  tokenroof best --spec examples/gpt4_for_everyone.toml
  tokenroof fleet gpt-4 h100-sxm --users 700e6
  tokenroof models deepseek-v3
  tokenroof hardware b200-sxm

exit codes: 0 done, 2 wrong input, 130 interrupted
"""
_COMMANDS = (point, sweep, best, pareto, fleet, models, hardware, columns, validate, calibrate, claims)


def _parser() -> argparse.ArgumentParser:
    from .. import __version__

    parser = argparse.ArgumentParser(
        prog="tokenroof",
        description="How fast, how many, how much: LLM inference on any accelerator, from first principles.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tokenroof {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    try:
        args = _parser().parse_args(argv)
        args.run(args)
        sys.stdout.flush()
    except SystemExit as stop:  # argparse has printed its help or what is wrong
        return stop.code if isinstance(stop.code, int) else 2
    except (TokenroofError, MemoryError) as error:
        print(f"tokenroof: {error or 'out of memory'}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:  # perhaps errors.Interrupted, which says how far a run was
        sys.stdout.flush()
        print(f"tokenroof: {str(stop) or 'interrupted'}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has gone, as `head` does; the interpreter must not try to flush into the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0
