"""TLS: certificates and contexts, made from the configuration and read anew when their files change."""
