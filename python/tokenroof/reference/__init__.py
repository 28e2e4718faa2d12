"""The engine in plain Python: the same equations as the C core, composed in the same order, one point at a time.

It is what the core is tested against, bit for bit, and what `explain` prints, because here every row keeps its name.
`binding` mirrors ``csrc/bind.c``, `bound` ``csrc/seq.h`` and ``csrc/kernel_body.h``.
"""

from .binding import bind
from .bound import OK, Bound, RowTime

__all__ = ["OK", "Bound", "RowTime", "bind"]
