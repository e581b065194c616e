"""The lifespan of an application, as an object that can be started and stopped without a server."""
