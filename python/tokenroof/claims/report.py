"""The audit as a page: every claim, its verdict, what the numbers say, and the test that decided."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable

from .audit import VERDICTS, Document, Finding
from .wording import number

__all__ = ["page"]

_WIDTH = 120
_HEAD = """\
# An audit of the claims

{claims} from {texts} on what serving language models takes, each computed by this library. They were made in public,
and are told here in our words:

{documents}

A claim is a few lines of TOML: its inputs, the steps that compute what it is about, and the statement that would make
it right, with a fair tolerance. Where the claim leaves an input open, the input has several values over its realistic
range, and every combination is tried. The verdict is not typed in, it follows:

{verdicts}

A range such as "13 to 51" goes over all that was tried. Words: a *token* is a piece of text, about three quarters of a
word; *weights* are a model's parameters; a *batch* is the answers that are written at once; a *cache* keeps what a
model needs to know of the text so far; *experts* are parts of a model of which each token uses a few; *H100*, *H200*
and *B200* are data-centre GPUs of NVIDIA's, of 2022 to 2024.

This page is written by `tokenroof claims --write docs/claims.md`; `tokenroof claims S003-07` shows one claim with every
input, step and number. A test computes them all again.

What 100 million chips for GPT-4 rests on (S000-01 to 03), step by step, and what each input is worth; more in
[Fleets](fleet.md#100-million-chips):

![The 100 million chips, corrected step by step, and a tornado of the inputs: demand first](fleet.png)

{summary}
"""


def page(findings: Iterable[Finding]) -> str:
    """Markdown of an audit, document by document."""
    found = list(findings)
    documents = list(dict.fromkeys(f.claim.document for f in found))
    head = _HEAD.format(
        claims=_counted(len(found), "claim"),
        texts=_counted(len(documents), "text"),
        documents="\n".join(_item(f"**{d.id}**, {d.title}. {d.kind}") for d in documents),
        verdicts="\n".join(_item(f"**{name}**: {meaning}.") for name, meaning in VERDICTS.items()),
        summary=_summary(found, documents),
    )
    return "\n".join([head, *(_document(d, [f for f in found if f.claim.document == d]) for d in documents)])


def _summary(found: list[Finding], documents: list[Document]) -> str:
    rows = [f"| text | claims | {' | '.join(VERDICTS)} |", f"|---|{'---:|' * (len(VERDICTS) + 1)}"]
    for document in (*documents, None):
        of = [f for f in found if document in (None, f.claim.document)]
        counts = Counter(f.verdict for f in of)
        title = "**all**" if document is None else f"[{document.title}](#{_anchor(_heading(document))})"
        rows.append(f"| {title} | {len(of)} | {' | '.join(str(counts[v]) for v in VERDICTS)} |")
    return "\n".join(rows)


def _document(document: Document, found: list[Finding]) -> str:
    parts = [f"## {_heading(document)}", _wrapped(document.kind), *(_claim(f) for f in found)]
    return "\n" + "\n\n".join(parts) + "\n"


def _claim(finding: Finding) -> str:
    """A heading line, the explanation, and how it was decided."""
    claim = finding.claim
    head = f"**{claim.id}, {finding.verdict}:** *{claim.says}*"
    return "\n\n".join(_wrapped(part) for part in (head, finding.because, _decided(finding)) if part)


def _decided(finding: Finding) -> str:
    claim, parts = finding.claim, []
    if claim.statement:
        parts.append(f"Decided by `{claim.statement}`, which {_held(finding)}{_open_inputs(finding)}.")
    if finding.verdict == "overstated":
        parts.append(f"The weaker `{claim.weaker}` holds in every case.")
    if claim.sources:
        parts.append(f"{'Source' if len(claim.sources) == 1 else 'Sources'}: {'; '.join(claim.sources)}.")
    return f"<sub>{' '.join(parts)}</sub>" if parts else ""


def _held(finding: Finding) -> str:
    tried, held = len(finding.holds), sum(finding.holds)
    if tried == 1:
        return "holds" if held else "does not hold"
    if 0 < held < tried:
        return f"holds in {held} of {tried} cases"
    if tried == 2:
        return "holds in both cases" if held else "holds in neither case"
    return f"holds in {'all' if held else 'none of the'} {tried} cases"


def _open_inputs(finding: Finding) -> str:
    """The inputs that the claim leaves open, with what was tried."""
    tried = {name: values for name, values in finding.claim.inputs.items() if isinstance(values, list)}
    told = "; ".join(f"{name.replace('_', ' ')} {', '.join(map(_value, values))}" for name, values in tried.items())
    return f" ({told})" if told else ""


def _value(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value, "6w")
    return str(value)


def _heading(document: Document) -> str:
    return f"{document.id}: {document.title}"


def _anchor(heading: str) -> str:
    """The address of a heading as Markdown's renderers make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _item(text: str) -> str:
    return _wrapped(text, "- ", "  ")


def _wrapped(text: str, first: str = "", later: str = "") -> str:
    """A paragraph of lines that an editor shows whole."""
    return textwrap.fill(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
