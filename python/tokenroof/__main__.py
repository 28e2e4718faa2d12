"""``python -m tokenroof``: the same as the command ``tokenroof``."""

import sys

from .cli import main

sys.exit(main())
