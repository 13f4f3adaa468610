"""The book: its build, the ledger of claims, the best larger run, the cards of the models."""
