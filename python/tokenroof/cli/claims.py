"""``tokenroof claims``: public claims on serving language models, computed."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import Any

from .arguments import add_json
from .output import print_json

_EXAMPLES = """\
examples:
  tokenroof claims                          every claim with its verdict
  tokenroof claims S003-07 S003-12          two of them with every input and step
  tokenroof claims --document S004          those of one text
  tokenroof claims --write docs/claims.md   the page
"""


def add(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "claims",
        help="public claims on what serving takes, each computed, each with a verdict",
        description="Evaluate public claims on serving language models; a verdict follows from the computed numbers.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("ids", nargs="*", metavar="CLAIM", help="ids such as S003-07; none: all")
    parser.add_argument("--document", metavar="ID", help="the claims of one text, e.g. S004")
    parser.add_argument("--write", metavar="FILE.md", help="write the audit as a page")
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Audit, then print or write."""
    from ..claims import audit, page
    from ..files import write_atomically
    from ..text import table_text

    found = audit(args.ids or None, args.document)
    if args.write is not None:

        def write(name: str) -> None:
            Path(name).write_text(page(found), encoding="utf-8")

        write_atomically(args.write, write)
    if args.json:
        print_json([_plain(f) for f in found])
    elif args.ids:
        print("\n\n".join(_whole(f) for f in found))
    elif args.write is None:
        rows = [{"claim": f.claim.id, "verdict": f.verdict, "says": _short(f.claim.says)} for f in found]
        print(table_text(rows, ["claim", "verdict", "says"]))


def _plain(finding: Any) -> dict[str, Any]:
    claim = finding.claim
    return {
        "id": claim.id,
        "document": claim.document.id,
        "says": claim.says,
        "verdict": finding.verdict,
        "because": finding.because,
        "statement": claim.statement,
        "holds": list(finding.holds),
        "values": {name: [_readable(v) for v in values] for name, values in finding.values.items()},
        "sources": list(claim.sources),
    }


def _readable(value: Any) -> Any:
    return value if isinstance(value, int | float | str | bool | list) else str(value)


def _whole(finding: Any) -> str:
    claim = finding.claim
    lines = [f"{claim.id} ({claim.document.title}): {finding.verdict}", f"  says       {claim.says}"]
    lines += [f"  input      {name} = {_told(value)}" for name, value in claim.inputs.items()]
    for name, step in claim.steps.items():
        lines.append(f"  step       {name} = {step}")
        lines.append(f"             = {_short(finding.text(name, '.6g'), 110)}")
    if claim.statement:
        held = sum(finding.holds)
        lines.append(f"  statement  {claim.statement}: holds in {held} of {len(finding.holds)} cases")
    if claim.weaker:
        lines.append(f"  weaker     {claim.weaker}")
    lines.append(_paragraph("  because    ", finding.because))
    lines += [f"  source     {source}" for source in claim.sources]
    return "\n".join(lines)


def _told(value: Any) -> str:
    """An input: a number without needless digits, or what is tried one after the other."""
    from ..claims.wording import number

    if isinstance(value, list):
        return ", ".join(map(_told, value))
    return number(value, ".6g") if isinstance(value, float) else str(value)


def _paragraph(label: str, text: str) -> str:
    return textwrap.fill(text, 110, initial_indent=label, subsequent_indent=" " * len(label))


def _short(text: str, most: int = 90) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
