"""The four stages of a run: submit, poll, download, finish. None knows another; queues join them."""
