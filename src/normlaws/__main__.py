"""``python -m normlaws``."""

from normlaws.cli import main

main()
