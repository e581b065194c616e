"""Redis: carries messages between machines, by Pub/Sub of one server, a cluster, or what Sentinels have elected."""
