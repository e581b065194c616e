"""The event loops that the parameter `loop` names."""
