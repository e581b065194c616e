"""The ASGI layer: scopes, cycles and lifespan. It knows exchanges and links, not engines and not drivers."""
