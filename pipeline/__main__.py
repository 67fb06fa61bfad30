"""`python -m pipeline` is `nightreel`."""

from pipeline.cli import main

main()
