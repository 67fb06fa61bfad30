"""The report: one page about a batch, from its ledger, that opens from disk without a network.

Sees words, rules and the ledger's interface. `page.py` puts it together; `assets/` is what runs in a browser,
`vendor/` the chart library.
"""
