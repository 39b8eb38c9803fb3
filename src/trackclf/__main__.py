"""`python -m trackclf`."""

import sys

from trackclf.cli import main

sys.exit(main())
