"""The audit as a page: every claim, what was computed, and why the verdict follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .audit import VERDICTS, Claim, Document, Finding

__all__ = ["page"]

_HEAD = """\
# An audit of the claims

{count} claims from {documents} texts on what serving language models takes, each computed by this library. A claim is
a few lines of TOML: its inputs (a list where it leaves one open), the steps that compute what it is about, and the
statement that would make it right. The verdict is not typed in, it follows:

{verdicts}

This page is written by `tokenroof claims --write docs/claims.md`; `tokenroof claims S003-07` shows one claim with every
number. A test recomputes them all.

{summary}
"""


def page(findings: Iterable[Finding]) -> str:
    """Markdown of an audit, document by document."""
    found = list(findings)
    documents = list(dict.fromkeys(f.claim.document for f in found))
    head = _HEAD.format(
        count=len(found),
        documents=len(documents),
        verdicts="\n".join(f"- **{name}**: {meaning};" for name, meaning in VERDICTS.items())[:-1] + ".",
        summary=_summary(found, documents),
    )
    return "\n".join([head, *(_document(d, [f for f in found if f.claim.document == d]) for d in documents)])


def _summary(found: list[Finding], documents: list[Document]) -> str:
    rows = [f"| text | claims | {' | '.join(VERDICTS)} |", f"|---|{'---:|' * (len(VERDICTS) + 1)}"]
    for document in (*documents, None):
        of = [f for f in found if document in (None, f.claim.document)]
        counts = Counter(f.verdict for f in of)
        title = "**all**" if document is None else document.title
        rows.append(f"| {title} | {len(of)} | {' | '.join(str(counts[v]) for v in VERDICTS)} |")
    return "\n".join(rows)


def _document(document: Document, found: list[Finding]) -> str:
    rows = [
        f"\n## {document.id}: {document.title}",
        f"\n{document.kind}\n",
        "| | claim | verdict | what the numbers say |",
        "|---|---|---|---|",
    ]
    rows += [f"| {f.claim.id} | {_cell(f.claim.says)} | **{f.verdict}** | {_cell(_reason(f))} |" for f in found]
    return "\n".join(rows)


def _reason(finding: Finding) -> str:
    claim: Claim = finding.claim
    return finding.because + "".join(f" [{source}]" for source in claim.sources)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
