"""``python -m paper_figures [NAME ...] [--quick] [--seed S] [--out DIR]`` is ``regretlab figures``."""

import sys

from regretlab.cli import main

if __name__ == "__main__":
    sys.exit(main(["figures", *sys.argv[1:]]))
