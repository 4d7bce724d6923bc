"""`python -m pipeline_lib STAGE …`"""

import sys

from pipeline_lib.cli import main

if __name__ == "__main__":
    sys.exit(main())
