"""What several tests share: the corpus loader, the playbook, the oracle, the in-memory application."""
