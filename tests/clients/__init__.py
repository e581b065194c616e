"""Real clients, and real proxies with real clients behind them, against a licorne in a process of its own."""
