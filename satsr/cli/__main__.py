"""`python -m satsr.cli` is `satsr`."""

from satsr.cli.app import main

main()
