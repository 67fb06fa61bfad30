"""A health check that spends nothing: is all there that a run needs?

Each check is a small function that gives a Finding. `checkup.py` says which are made, in which order.
Nothing here writes into a batch, migrates a ledger or submits a job.
"""
